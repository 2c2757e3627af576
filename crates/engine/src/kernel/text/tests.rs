//! Ops on texts: what each makes of texts, lists of words and nulls.

use model::Column;
use plan::{Fold, Pattern, Split, TextOp};

use crate::kernel::tests::{Ran, lists, run, run_once, texts};

mod index;

fn only(ran: Ran) -> Column {
    assert_eq!(ran.faults.iter().flatten().next(), None);
    ran.outputs.into_iter().next().unwrap()
}

/// Cuts one text.
fn check_split(op: &TextOp, text: &str, expected: &[&str]) {
    let expected: Vec<Option<&str>> = expected.iter().copied().map(Some).collect();
    assert_eq!(only(run(op.clone(), &[texts(&[Some(text)])])), lists(&[Some(&expected)]), "{text:?}");
}

fn check_lower(text: &str, expected: &str) {
    assert_eq!(only(run(TextOp::Lower, &[texts(&[Some(text), None])])), texts(&[Some(expected), None]));
    let op = TextOp::Split { by: Split::Gaps(pattern("$^")), lower: true, chars_min: 0 };
    check_split(&op, text, &[expected]);
}

fn check_without(words: &[&str], fold: bool, list: &[Option<&str>], expected: &[Option<&str>]) {
    check_folded(words, fold.then_some(Fold::Root), list, expected);
}

fn check_folded(words: &[&str], fold: Option<Fold>, list: &[Option<&str>], expected: &[Option<&str>]) {
    let op = TextOp::Without { words: words.iter().map(|&w| w.into()).collect(), fold };
    let rows = [Some(list), Some(&[][..]), Some(list)];
    assert_eq!(only(run(op, &[lists(&rows)])), lists(&[Some(expected), Some(&[]), Some(expected)]));
}

fn check_n_grams(n: u32, list: &[Option<&str>], expected: &[&str]) {
    let expected: Vec<Option<&str>> = expected.iter().copied().map(Some).collect();
    let rows = [Some(list), Some(&[][..]), Some(list)];
    assert_eq!(only(run(TextOp::NGrams { n }, &[lists(&rows)])), lists(&[Some(&expected), Some(&[]), Some(&expected)]));
}

fn check_null_list(op: TextOp) {
    let ran = run(op, &[lists(&[None, Some(&[Some("a")])])]);
    assert_eq!(ran.faults, [Some("column `a`: expected a value, got null".to_owned()), None]);
}

fn pattern(text: &str) -> Pattern {
    Pattern { engine: text.into(), source: text.into() }
}

fn blanks(lower: bool, chars_min: u32) -> TextOp {
    TextOp::Split { by: Split::Whitespace, lower, chars_min }
}

fn gaps(text: &str, chars_min: u32) -> TextOp {
    TextOp::Split { by: Split::Gaps(pattern(text)), lower: false, chars_min }
}

fn matches(text: &str, chars_min: u32) -> TextOp {
    TextOp::Split { by: Split::Matches(pattern(text)), lower: false, chars_min }
}

#[test]
fn ascii_is_lowered() {
    check_lower("MIST makes [Spark] @Z`{", "mist makes [spark] @z`{");
}

#[test]
fn case_mapping_is_full() {
    check_lower("ÀÉ İI ẞ Ⱥ Ǆ", "àé i̇i ß ⱥ ǆ");
}

#[test]
fn nothing_is_nothing() {
    check_lower("", "");
}

#[test]
fn blanks_are_cut_one_by_one() {
    check_split(&blanks(true, 0), "Mist  makes\tSPARK better", &["mist", "", "makes", "spark", "better"]);
    check_split(&blanks(false, 0), "Mist  makes\tSPARK", &["Mist", "", "makes", "SPARK"]);
}

#[test]
fn leading_empty_tokens_stay_and_trailing_go() {
    check_split(&blanks(true, 0), "  a b  \n", &["", "", "a", "b"]);
}

#[test]
fn an_empty_text_is_one_empty_token() {
    check_split(&blanks(true, 0), "", &[""]);
    check_split(&gaps(",", 0), "", &[""]);
    check_split(&gaps("x*", 0), "", &[""]);
}

#[test]
fn blanks_alone_are_nothing() {
    check_split(&blanks(true, 0), " ", &[]);
    check_split(&blanks(true, 0), " \t\n\u{b}\u{c}\r         ", &[]);
}

#[test]
fn every_blank_and_no_other_cuts() {
    check_split(&blanks(true, 0), "a\tb\nc\u{b}d\u{c}e\rf g", &["a", "b", "c", "d", "e", "f", "g"]);
    let kept = "a\u{8}b\u{e}c\u{1c}d\u{85}e\u{a0}f\u{2003}g\u{2028}h!i\u{0}";
    check_split(&blanks(true, 0), kept, &[kept]);
}

#[test]
fn blanks_are_found_at_every_place_of_a_word() {
    for before in 0..20 {
        for after in 1..20 {
            let (x, y) = ("é".repeat(before), "y".repeat(after));
            check_split(&blanks(true, 0), &format!("{x} {y}"), &[&x, &y]);
        }
    }
}

#[test]
fn texts_of_any_number_of_words_are_cut() {
    for len in [1, 4, 9] {
        let word = &"abcdefghi"[..len];
        let words: Vec<Vec<Option<&str>>> = (1..70).map(|count| vec![Some(word); count]).collect();
        let rows: Vec<String> = words.iter().map(|row| vec![word; row.len()].join(" ")).collect();
        let rows: Vec<Option<&str>> = rows.iter().map(|row| Some(&**row)).collect();
        let expected: Vec<Option<&[Option<&str>]>> = words.iter().map(|row| Some(&**row)).collect();
        for chars_min in [0, 1] {
            assert_eq!(only(run(blanks(true, chars_min), &[texts(&rows)])), lists(&expected), "words of {len} letters");
        }
    }
}

#[test]
fn length_counts_utf_16_units() {
    check_split(&blanks(true, 1), " a  b ", &["a", "b"]);
    check_split(&blanks(true, 1), "", &[]);
    check_split(&blanks(true, 2), "a éé é 語 語語 😀", &["éé", "語語", "😀"]);
    check_split(&blanks(true, 3), "語語語 語語 😀 😀a 😀😀 abc ab", &["語語語", "😀a", "😀😀", "abc"]);
}

#[test]
fn a_null_text_is_refused() {
    let ran = run(blanks(true, 0), &[texts(&[Some("a b"), None, Some("C")])]);
    assert_eq!(ran.faults, [None, Some("column `a`: expected a value, got null".to_owned()), None]);
    assert_eq!(ran.outputs[0], lists(&[Some(&[Some("a"), Some("b")]), None, Some(&[Some("c")])]));
}

/// What Spark 3.5.9 says of `["", "a", ",a", "a,,b,,", " , "]`.
fn check_java(op: impl Fn(&str, u32) -> TextOp, text: &str, expected: [&[&str]; 5]) {
    for (row, expected) in ["", "a", ",a", "a,,b,,", " , "].into_iter().zip(expected) {
        check_split(&op(text, 0), row, expected);
    }
}

#[test]
fn gaps_of_a_comma() {
    check_java(gaps, ",", [&[""], &["a"], &["", "a"], &["a", "", "b"], &[" ", " "]]);
}

#[test]
fn gaps_of_no_width() {
    let cut: [&[&str]; 5] = [&[""], &["a"], &[",", "a"], &["a", ",", ",", "b", ",", ","], &[" ", ",", " "]];
    check_java(gaps, "", cut);
    check_java(gaps, "x*", cut);
}

#[test]
fn an_empty_match_may_follow_a_match() {
    check_java(gaps, "a*", [&[""], &[], &[","], &["", "", ",", ",", "b", ",", ","], &[" ", ",", " "]]);
}

#[test]
fn gaps_before_a_comma() {
    check_java(gaps, "(?=,)", [&[""], &["a"], &[",a"], &["a", ",", ",b", ",", ","], &[" ", ", "]]);
}

#[test]
fn matches_of_a_comma() {
    check_java(matches, ",", [&[], &[], &[","], &[",", ",", ",", ","], &[","]]);
}

#[test]
fn matches_of_no_width() {
    check_java(matches, "x*", [&[""], &["", ""], &["", "", ""], &[""; 7], &[""; 4]]);
    check_java(matches, "a*", [&[""], &["a", ""], &["", "a", ""], &["a", "", "", "", "", "", ""], &[""; 4]]);
}

#[test]
fn short_matches_are_dropped() {
    check_split(&matches("[a-z]+", 2), "a bc d efg", &["bc", "efg"]);
    check_split(&gaps("[^a-z]+", 1), "--a-b--", &["a", "b"]);
}

#[test]
fn patterns_see_what_is_before_them() {
    check_split(&gaps("(?<=a)b", 0), "abcabdb", &["a", "ca", "db"]);
    check_split(&matches("(.)\\1", 0), "aabcca", &["aa", "cc"]);
}

#[test]
fn empty_matches_step_over_whole_characters() {
    check_split(&gaps("", 0), "é語a", &["é", "語", "a"]);
}

/// As Java 17 cut them, each half of a pair written in UTF-8.
#[test]
fn empty_matches_cut_pairs_in_two() {
    let everywhere: [(&str, &[&str]); 4] = [
        ("😀", &["?", "?"]),
        ("a😀b", &["a", "?", "?", "b"]),
        ("😀😀", &["?", "?", "?", "?"]),
        ("é😀𝒳ab", &["é", "?", "?", "?", "?", "a", "b"]),
    ];
    for (text, expected) in everywhere {
        for pattern in ["", "x*", "[^b]*?", "a*?|."] {
            check_split(&gaps(pattern, 0), text, expected);
        }
    }
    check_split(&gaps("\\s*", 0), "a 😀x b😀", &["a", "", "?", "?", "x", "", "b", "?", "?"]);
    check_split(&gaps("(?=[^a-z])", 0), "a 😀x b😀", &["a", " ", "?", "?x", " b", "?", "?"]);
    check_split(&gaps("(?!a)", 0), "é😀𝒳ab", &["é", "?", "?", "?", "?a", "b"]);
    check_split(&gaps("(?=😀)", 0), "a 😀x b😀", &["a ", "😀x b", "😀"]);
    check_split(&gaps("(?<=😀)", 0), "a 😀x b😀", &["a 😀", "x b😀"]);
    check_split(&gaps("", 2), "a😀b", &[]);
    check_split(&matches("x*", 0), "a 😀x b😀", &["", "", "", "", "x", "", "", "", "", ""]);
    check_split(&matches("b??.", 0), "é😀𝒳ab", &["é", "😀", "𝒳", "a", "b"]);
    let lower = TextOp::Split { by: Split::Gaps(pattern("")), lower: true, chars_min: 0 };
    check_split(&lower, "A😀É", &["a", "?", "?", "é"]);
    let ran = run_once(gaps("", 0), &[texts(&[Some("a"), None, Some("😀"), Some("bc")])]);
    let item = |text| Some(text);
    let expected = [Some(&[item("a")][..]), None, Some(&[item("?"), item("?")]), Some(&[item("b"), item("c")])];
    assert_eq!(ran.outputs[0], lists(&expected));
}

#[test]
fn a_pattern_that_takes_too_long_refuses_the_row() {
    let slow = format!("{}!y", "x".repeat(60));
    let ran = run_once(gaps("(x+x+)+(?>y)", 1), &[texts(&[Some("axxyb"), Some(&slow)])]);
    assert_eq!(ran.faults[0], None);
    assert!(ran.faults[1].as_ref().unwrap().contains("1,000,000 steps"), "{:?}", ran.faults[1]);
    assert_eq!(ran.outputs[0], lists(&[Some(&[Some("a"), Some("b")]), None]));
}

#[test]
fn words_go_and_the_others_keep_their_case() {
    let list = [Some("The"), Some("Spark"), Some("THE"), Some("the"), Some("a")];
    check_without(&["the", "A"], true, &list, &[Some("Spark")]);
    check_without(&["the", "A"], false, &list, &[Some("The"), Some("Spark"), Some("THE"), Some("a")]);
}

#[test]
fn folding_is_that_of_unicode() {
    check_without(&["I"], true, &[Some("i"), Some("I"), Some("İ"), Some("ı")], &[Some("İ"), Some("ı")]);
    check_without(&["i̇", "éa"], true, &[Some("İ"), Some("ÉA"), Some("E\u{301}A")], &[Some("E\u{301}A")]);
}

#[test]
fn turkish_has_two_letters_i() {
    let list = ["I", "ı", "İ", "i", "I\u{307}", "ŞI"].map(Some);
    check_folded(&["I"], Some(Fold::Turkic), &list, &["İ", "i", "I\u{307}", "ŞI"].map(Some));
    check_folded(&["İ", "şı"], Some(Fold::Turkic), &list, &["I", "ı"].map(Some));
}

#[test]
fn lithuanian_keeps_dots_below_accents() {
    let list = ["Ì", "I\u{301}", "I", "J\u{323}\u{300}", "Į\u{303}"].map(Some);
    let words = ["i\u{307}\u{300}", "i\u{307}\u{301}", "i", "j\u{323}\u{307}\u{300}", "į\u{307}\u{303}"];
    check_folded(&words[..3], Some(Fold::Lithuanian), &list, &["J\u{323}\u{300}", "Į\u{303}"].map(Some));
    check_folded(&words[4..], Some(Fold::Lithuanian), &list, &["Ì", "I\u{301}", "I", "J\u{323}\u{300}"].map(Some));
}

#[test]
fn null_tokens_stay() {
    check_without(&["", "a"], true, &[None, Some(""), Some("a")], &[None]);
}

#[test]
fn long_words_are_found_too() {
    let long = "Long".repeat(50);
    check_without(&[&long], true, &[Some(&long), Some(&long[1..])], &[Some(&long[1..])]);
}

#[test]
fn null_lists_are_refused() {
    check_null_list(TextOp::Without { words: ["a".into()].into(), fold: Some(Fold::Root) });
    check_null_list(TextOp::NGrams { n: 2 });
}

#[test]
fn n_grams_overlap() {
    check_n_grams(2, &[Some("a"), Some("bc"), Some(""), Some("é")], &["a bc", "bc ", " é"]);
    check_n_grams(3, &[Some("a"), Some("bc"), Some("d"), Some("é")], &["a bc d", "bc d é"]);
}

#[test]
fn one_gram_is_the_token() {
    check_n_grams(1, &[Some("a"), Some("bc"), None], &["a", "bc", "null"]);
}

#[test]
fn too_few_tokens_give_nothing() {
    check_n_grams(3, &[Some("a"), Some("b")], &[]);
    check_n_grams(u32::MAX, &[Some("a"), Some("b")], &[]);
}

#[test]
fn a_null_token_reads_null() {
    check_n_grams(2, &[None, Some("b"), None], &["null b", "b null"]);
}

#[test]
fn n_grams_without_bound_are_refused() {
    let words = vec![Some("word"); 8000];
    let ran = run_once(TextOp::NGrams { n: 4000 }, &[lists(&[Some(&words)])]);
    assert!(ran.faults[0].as_ref().unwrap().contains("64 MiB"), "{:?}", ran.faults);
}
