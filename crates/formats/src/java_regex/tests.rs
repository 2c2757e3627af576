use super::*;

/// All matches in the text, as Java finds them: an empty one may follow another, and moves on by a character.
fn check(source: &str, text: &str, expected: &[&str]) {
    let engine = translate(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let regex = fancy_regex::Regex::new(&engine).unwrap_or_else(|error| panic!("{source} as {engine}: {error}"));
    let (mut from, mut found) = (0, Vec::new());
    while let Some(one) = regex.find_from_pos(text, from).expect("within the engine's bounds") {
        found.push(one.as_str());
        let step = if one.range().is_empty() { text[one.end()..].chars().next().map_or(1, char::len_utf8) } else { 0 };
        from = one.end() + step;
        if from > text.len() {
            break;
        }
    }
    assert_eq!(found, expected, "{source} as {engine}");
}

fn unsupported(source: &str) {
    assert!(matches!(pattern(source), Err(RegexError::Unsupported(_))), "{source}: {:?}", pattern(source));
}

fn malformed(source: &str) {
    assert!(matches!(pattern(source), Err(RegexError::Malformed(_))), "{source}: {:?}", pattern(source));
}

#[test]
fn classes_are_of_ascii() {
    check(r"\w+", "añb_1", &["a", "b_1"]);
    check(r"\d", "1٣", &["1"]);
    check(r"\s", "a\u{a0}\u{2003}\u{b} ", &["\u{b}", " "]);
    check(r"\W", "a é", &[" ", "é"]);
    check(r"[\w&&[^b]]", "abc", &["a", "c"]);
    check(r"\p{Alpha}+", "aé", &["a"]);
    check(r"\p{Punct}", "+€-", &["+", "-"]);
    check(r"(?U)\w+", "añb", &["añb"]);
    check(r"\p{L}+", "aé1ω", &["aé", "ω"]);
    check(r"\pL", "é1", &["é"]);
    check(r"\P{IsDigit}", "1a٣", &["a"]);
    check(r"\p{IsLatin}\p{script=Greek}", "aω", &["aω"]);
}

#[test]
fn a_dot_stops_at_five_line_ends() {
    check(".+", "a\nb\rc\u{85}d\u{2028}e\u{2029}f", &["a", "b", "c", "d", "e", "f"]);
    check("(?s).+", "a\nb", &["a\nb"]);
    check("(?d).+", "a\rb\nc", &["a\rb", "c"]);
    check("(?s:a.).", "a\nb\n", &["a\nb"]);
}

#[test]
fn the_end_is_before_a_last_line_end() {
    check("a$", "a\r\n", &["a"]);
    check(r"a\Z", "a\u{2028}", &["a"]);
    check("a$", "a\n\n", &[]);
    check(r"a\z", "a\n", &[]);
    check("^a", "a\na", &["a"]);
    check("\\n$", "\r\n", &["\n"]);
}

#[test]
fn folding_is_of_ascii() {
    check("(?i)k", "kK\u{212a}", &["k", "K"]);
    check("(?i)é", "éÉ", &["é"]);
    check("(?i)[a-c&&[^B]]", "aBcC", &["a", "c", "C"]);
    check("a(?i)b|C", "aBc", &["aB", "c"]);
    check("(a(?i)b)c", "aBcaBC", &["aBc"]);
    check("(?i:a)a", "AaAA", &["Aa"]);
    check("(?i)[^s]", "sSſ", &["ſ"]);
    check("(?i)[_-b]", "_AbC", &["_", "A", "b"]);
}

#[test]
fn escapes_have_javas_meaning() {
    check(r"\h", "a \u{3000}\n", &[" ", "\u{3000}"]);
    check(r"\R", "\r\n\n\u{85}", &["\r\n", "\n", "\u{85}"]);
    check(r"\Qa.b\E+", "a.bb", &["a.bb"]);
    check(r"\Q[", "[", &["["]);
    check(r"\\Q", "\\Q", &["\\Q"]);
    check(r"[\Q]-\E]", "]-", &["]", "-"]);
    check(r"\x41\u0042\x{43}\0104", "ABCD", &["ABCD"]);
    check(r"\uD83D\uDE00", "😀", &["😀"]);
    check(r"\cA\e\a\t", "\u{1}\u{1b}\u{7}\t", &["\u{1}\u{1b}\u{7}\t"]);
    check(r"\-\é\_", "-é_", &["-é_"]);
    check("}]", "}]", &["}]"]);
    check("a#b c", "a#b c", &["a#b c"]);
}

#[test]
fn classes_nest_and_intersect() {
    check("[a-d[m-p]]", "aemq", &["a", "m"]);
    check("[a-z&&def]", "adgf", &["d", "f"]);
    check("[a-z&&[^m-p]&&[a-n]]", "amlo", &["a", "l"]);
    check("[^a-z&&[def]]", "ad-", &["a", "-"]);
    check("[]a]", "]a", &["]", "a"]);
    check("[^]a]", "]ab", &["b"]);
    check("[a-]", "a-", &["a", "-"]);
    check("[a-[b]]", "ab-", &["a", "b", "-"]);
    check("[[:alpha:]]", "a:z", &["a", ":"]);
    check("[a&b]", "a&b", &["a", "&", "b"]);
    check("[.$^*+?(){}|]", "a.|", &[".", "|"]);
    check(r"[\]\[\-\\]", r"]-\", &["]", "-", "\\"]);
    check("[!--]", "!,-.", &["!", ",", "-"]);
}

#[test]
fn quantifiers_are_greedy_lazy_or_possessive() {
    check("a{2}", "aaaaa", &["aa", "aa"]);
    check("a{2,}?", "aaaaa", &["aa", "aa"]);
    check("a{1,2}+a", "aaa", &["aaa"]);
    check("a++a", "aaa", &[]);
    check("(?>a|ab)c", "abc", &[]);
    check("x*", "ax", &["", "x", ""]);
}

#[test]
fn groups_and_what_refers_to_them() {
    check(r"(a|b)\1", "aabab", &["aa"]);
    check(r"(?<x>a)\k<x>", "aa", &["aa"]);
    check(r"(a)\11", "aa1", &["aa1"]);
    check(r"(?<=a)b(?!c)", "abcab", &["b"]);
    check(r"\bb\b", "b éb b", &["b", "b"]);
    check(r"\b.", "a\u{301}b \u{301}c", &["a", " ", "c"]);
}

#[test]
fn what_java_refuses_is_malformed() {
    for source in
        ["a{,3}", "*a", "a**", "(a", "a)", "[a", "[z-a]", r"\y", r"\", "(?<1a>b)", "(?z)a", r"\0", r"[\b]", r"\k<a>"]
    {
        malformed(source);
    }
}

#[test]
fn lines_have_their_own_ends() {
    check("(?m)^.", "ab\ncd\r\ne\n", &["a", "c", "e"]);
    check("(?m).$", "ab\ncd\r\ne", &["b", "d", "e"]);
    check("(?m)^", "", &[]);
    check("(?m)^", "a\n", &[""]);
    check("(?m)$", "a\r\n", &["", ""]);
    check("(?dm)^.", "a\rb\nc", &["a", "c"]);
    check("(?m)^a(?-m)$", "a\na", &["a"]);
}

#[test]
fn comments_are_no_pattern() {
    check("(?x) a b # c\n c", "abc", &["abc"]);
    check("(?x)a +", "aa", &["aa"]);
    check("(?x)[ a b ]", "a b", &["a", "b"]);
    check(r"(?x)a\ b", "a b", &["a b"]);
    check("(?x: a )b ", "ab ", &["ab "]);
}

#[test]
fn other_alphabets_fold_where_that_is_said() {
    check("(?iu)é", "éÉ", &["é", "É"]);
    check("(?iu)k", "kK\u{212a}", &["k", "K", "\u{212a}"]);
    check("(?iu)i", "iIİı", &["i", "I", "İ", "ı"]);
    check("(?iu)[a-z]", "aZİı1", &["a", "Z", "İ", "ı"]);
    check("(?iu)[A-Z]", "aZİı1", &["a", "Z", "ı"]);
    check("(?iu)[^s]", "sSſx", &["x"]);
    check("(?iu)σ", "Σσς", &["Σ", "σ", "ς"]);
    check("(?iu)ᾳ", "ᾳᾼ", &["ᾳ", "ᾼ"]);
    check("(?iU)é\\w", "Éñ", &["Éñ"]);
    check("(?u)é", "éÉ", &["é"]);
}

#[test]
fn a_look_behind_may_repeat_with_an_end() {
    check("(?<=a{1,3})b", "ab b", &["b"]);
    check("(?<=[+*])b", "+b b", &["b"]);
    check(r"(?<=\+)b", "+b b", &["b"]);
    check("(?<=ab?)c", "acabcc", &["c", "c"]);
    unsupported("(?<=a+)b");
    unsupported("(?<!a{2,})b");
}

#[test]
fn assertions_repeat_as_one() {
    check("a$+", "aa", &["a"]);
    check(r"\b{2}a", "a ba", &["a"]);
    check("(?!b)*.", "ab", &["a", "b"]);
    check("(?=a){0,3}b", "b", &["b"]);
    check("(?<=a){1,2}+b", "ab", &["b"]);
    unsupported("(?=(a))+");
}

#[test]
fn a_group_that_is_not_there_matches_nothing() {
    check(r"a|\2", "ab", &["a"]);
    unsupported(r"\1(a)");
}

#[test]
fn repetitions_of_nothing_are_none() {
    check("a{2}{3}", "aaaaaa", &["aa", "aa", "aa"]);
    check("{2}b", "bb", &["b", "b"]);
}

#[test]
fn blocks_and_scripts() {
    check(r"\p{InGreek}", "aω", &["ω"]);
    check(r"\p{block=Basic Latin}", "aω", &["a"]);
    check(r"\p{InLatin-1Supplement}", "é", &["é"]);
    check(r"\p{IsNko}", "aߊ", &["ߊ"]);
}

#[test]
fn the_rest_is_refused_by_name() {
    for source in [r"\X", r"\Ga", r"\b{g}", r"\N{DIGIT ONE}", r"\p{InNowhere}", r"\p{IsNobody}", r"\p{Nonsense}"] {
        unsupported(source);
    }
    for source in [r"\uD83D", "(?i)(a)\\1", r"\1(a)", "[a&&]", r"(?i)\p{Lu}"] {
        unsupported(source);
    }
    unsupported(&"(".repeat(1000));
    unsupported(&"[".repeat(1000));
    unsupported(&"a".repeat(BYTES_MAX + 1));
}
