//! Texts, patterns, codes, lists.

use super::*;

#[test]
fn cases_and_lengths() {
    check("upper('straße')", TextFunc::Upper, &[s("straße")], "STRASSE");
    check("lower('ΑΣ İ')", TextFunc::Lower, &[s("ΑΣ İ")], "ας i̇");
    let words = "hELLO big-wORLD ßa  ŉb ǆAB ΑΣ İX ﬁN ᾳ ᾲ ა ﬗﬗ a\tb 𐐨b";
    let simple = "Hello Big-world ßa  ŉb ǅab Ας I\u{307}x ﬁn ᾼ ᾲ ა ﬗﬗ A\tb 𐐨b";
    let full = "Hello Big-world Ssa  ʼNb ǅab Ας İx Fin ᾼ Ὰͅ ა Մխﬗ A\tb 𐐀b";
    check("initcap(words), 3.5", TextFunc::InitCap(Title::Simple), &[s(words)], simple);
    check("initcap(words), 4.0", TextFunc::InitCap(Title::Full), &[s(words)], full);
    check("length('äöü ')", TextFunc::Length, &[s("äöü ")], "4");
    check("octet_length('äöü')", TextFunc::OctetLength, &[s("äöü")], "6");
    check("length(cast('äö' as binary))", TextFunc::Length, &[bin("äö")], "4");
    check("ascii('')", TextFunc::Ascii, &[s("")], "0");
    check("ascii('é')", TextFunc::Ascii, &[s("é")], "233");
    check("ascii('🦀')", TextFunc::Ascii, &[s("🦀")], "129408");
    check("chr(321L)", TextFunc::Chr, &[l(321)], "A");
    check("chr(-1L)", TextFunc::Chr, &[l(-1)], "");
}

#[test]
fn parts() {
    check("trim('  a b  ')", TextFunc::Trim(Ends::Both), &[s("  a b  ")], "a b");
    check("trim('\ta\t')", TextFunc::Trim(Ends::Both), &[s("\ta\t")], "\ta\t");
    check("ltrim('xy', 'xyxaxy')", TextFunc::Trim(Ends::Left), &[s("xyxaxy"), s("xy")], "axy");
    check("rtrim('xy', 'axyxy')", TextFunc::Trim(Ends::Right), &[s("axyxy"), s("xy")], "a");
    check("substring('abcdef', 0, 2)", TextFunc::Substring, &[s("abcdef"), i(0), i(2)], "ab");
    check("substring('abcdef', -3, 2)", TextFunc::Substring, &[s("abcdef"), i(-3), i(2)], "de");
    check("substring('abc', -5, 3)", TextFunc::Substring, &[s("abc"), i(-5), i(3)], "a");
    check("substring('abc', -5, 2)", TextFunc::Substring, &[s("abc"), i(-5), i(2)], "");
    check("substring('äbc', 2, 2147483647)", TextFunc::Substring, &[s("äbc"), i(2), i(i32::MAX)], "bc");
    check("substring('äbc', 2, -1)", TextFunc::Substring, &[s("äbc"), i(2), i(-1)], "");
    check("substring(cast('äb' as binary), 2, 2)", TextFunc::Substring, &[bin("äb"), i(2), i(2)], "A462");
    check("left('äbc', 2)", TextFunc::Left, &[s("äbc"), i(2)], "äb");
    check("right('äbc', 2)", TextFunc::Right, &[s("äbc"), i(2)], "bc");
    check("right('abc', 5)", TextFunc::Right, &[s("abc"), i(5)], "abc");
    check("right('abc', -1)", TextFunc::Right, &[s("abc"), i(-1)], "");
    check("split_part('a.b.c', '.', -1)", TextFunc::SplitPart, &[s("a.b.c"), s("."), i(-1)], "c");
    check("split_part('a.b.c', '.', 4)", TextFunc::SplitPart, &[s("a.b.c"), s("."), i(4)], "");
    check("split_part('abc', '', 1)", TextFunc::SplitPart, &[s("abc"), s(""), i(1)], "abc");
    check_refused("split_part('abc', '.', 0)", TextFunc::SplitPart, &[s("abc"), s("."), i(0)]);
    check("substring_index('a.b.c', '.', 2)", TextFunc::SubstringIndex, &[s("a.b.c"), s("."), i(2)], "a.b");
    check("substring_index('a.b.c', '.', -2)", TextFunc::SubstringIndex, &[s("a.b.c"), s("."), i(-2)], "b.c");
    check("substring_index('aaaa', 'aa', 2)", TextFunc::SubstringIndex, &[s("aaaa"), s("aa"), i(2)], "a");
    check("substring_index('aaaa', 'aa', -2)", TextFunc::SubstringIndex, &[s("aaaa"), s("aa"), i(-2)], "a");
    check("substring_index('abc', '', 2)", TextFunc::SubstringIndex, &[s("abc"), s(""), i(2)], "");
}

/// No row, and no column, takes more memory than it may, however often a function's own bound is reached.
#[test]
fn what_is_too_large_is_refused() {
    let large = || Expr::call(TextFunc::Repeat, [s("0123456789abcdef"), i(1 << 16)]);
    check_refused("repeat(.., 4194305)", TextFunc::Repeat, &[s("0123456789abcdef"), i((4 << 20) + 1)]);
    check_refused("repeat(.., 2147483647)", TextFunc::Repeat, &[s("ab"), i(i32::MAX)]);
    check_refused("lpad(.., 2147483647)", TextFunc::PadLeft, &[s("ab"), i(i32::MAX), s("x")]);
    check_refused("space(2147483647)", TextFunc::Space, &[i(i32::MAX)]);
    check_refused("array_repeat(.., 2147483647)", ListFunc::Repeat, &[s("ab"), i(i32::MAX)]);
    let many: Vec<Expr> = (0..64).map(|_| Expr::call(TextFunc::Length, [large()])).collect();
    check_refused("greatest(length(repeat(..)), ..)", Math::Greatest, &many);
    let ran = run_once(large(), &[numbers(&[Some(1.0); 20])]);
    let refused = ran.faults.iter().filter(|fault| fault.is_some()).count();
    assert_eq!((ran.faults[0].is_none(), refused), (true, 16), "four results of 1 MiB are the most");
    let escape = '\\';
    let (text, pattern) = ("a".repeat(1 << 16), format!("%{}b", "a".repeat(1 << 14)));
    check_refused("repeat('a', 65536) like ..", TextFunc::Like { escape }, &[s(&text), s(&pattern)]);
}

#[test]
fn joined_and_filled() {
    check("concat('a', 'b', 'c')", TextFunc::Concat, &[s("a"), s("b"), s("c")], "abc");
    check("concat('a', cast(null as string))", TextFunc::Concat, &[s("a"), null(Type::Text)], "null");
    let mixed = [s("-"), s("a"), null(Type::Text), list(&[s("b"), null(Type::Text), s("c")])];
    check("concat_ws('-', 'a', null, array('b', null, 'c'))", TextFunc::ConcatWs, &mixed, "a-b-c");
    check("concat_ws('-')", TextFunc::ConcatWs, &[s("-")], "");
    check("lpad('äb', 5, 'xyz')", TextFunc::PadLeft, &[s("äb"), i(5), s("xyz")], "xyzäb");
    check("lpad('äb', 6, 'xyz')", TextFunc::PadLeft, &[s("äb"), i(6), s("xyz")], "xyzxäb");
    check("rpad('abc', 2, 'x')", TextFunc::PadRight, &[s("abc"), i(2), s("x")], "ab");
    check("rpad('abc', 5, '')", TextFunc::PadRight, &[s("abc"), i(5), s("")], "abc");
    check("rpad('abc', -1, 'x')", TextFunc::PadRight, &[s("abc"), i(-1), s("x")], "");
    check("repeat('ab', 3)", TextFunc::Repeat, &[s("ab"), i(3)], "ababab");
    check("repeat('ab', -3)", TextFunc::Repeat, &[s("ab"), i(-3)], "");
    check("reverse('äbc')", TextFunc::Reverse, &[s("äbc")], "cbä");
    check("replace('aXbX', 'X', 'yy')", TextFunc::Replace, &[s("aXbX"), s("X"), s("yy")], "ayybyy");
    check("replace('abc', '', 'y')", TextFunc::Replace, &[s("abc"), s(""), s("y")], "abc");
    check("translate('AaBbCc', 'abca', '12')", TextFunc::Translate, &[s("AaBbCc"), s("abca"), s("12")], "A1B2C");
    check("space(3)", TextFunc::Space, &[i(3)], "   ");
    check(
        "overlay('Spark SQL' placing '_' from 6)",
        TextFunc::Overlay,
        &[s("Spark SQL"), s("_"), i(6), i(-1)],
        "Spark_SQL",
    );
    check(
        "overlay('Spark SQL' placing 'ANSI ' from 7 for 0)",
        TextFunc::Overlay,
        &[s("Spark SQL"), s("ANSI "), i(7), i(0)],
        "Spark ANSI SQL",
    );
    let refused = TextFunc::Repeat;
    check_refused("repeat('ab', 2147483647)", refused, &[s("ab"), i(i32::MAX)]);
}

#[test]
fn places() {
    check("instr('äbcb', 'b')", TextFunc::Instr, &[s("äbcb"), s("b")], "2");
    check("instr('abc', '')", TextFunc::Instr, &[s("abc"), s("")], "1");
    check("locate('b', 'abcb', 3)", TextFunc::Locate, &[s("b"), s("abcb"), i(3)], "4");
    check("locate('b', 'abcb', 0)", TextFunc::Locate, &[s("b"), s("abcb"), i(0)], "0");
    check("locate('b', 'abcb', 9)", TextFunc::Locate, &[s("b"), s("abcb"), i(9)], "0");
    check("locate('', 'abc', 3)", TextFunc::Locate, &[s(""), s("abc"), i(3)], "1");
    check("locate('b', 'abc', cast(null as int))", TextFunc::Locate, &[s("b"), s("abc"), null(Type::I32)], "0");
    check("find_in_set('ab', 'abc,b,ab')", TextFunc::FindInSet, &[s("ab"), s("abc,b,ab")], "3");
    check("find_in_set('a,b', 'a,b')", TextFunc::FindInSet, &[s("a,b"), s("a,b")], "0");
    check("startswith('abc', 'ab')", TextFunc::StartsWith, &[s("abc"), s("ab")], "true");
    check("endswith('abc', '')", TextFunc::EndsWith, &[s("abc"), s("")], "true");
    check("contains('abc', 'x')", TextFunc::Contains, &[s("abc"), s("x")], "false");
    check("soundex('Miller')", TextFunc::Soundex, &[s("Miller")], "M460");
    check("soundex('Tymczak')", TextFunc::Soundex, &[s("Tymczak")], "T522");
    check("soundex('Ashcraft')", TextFunc::Soundex, &[s("Ashcraft")], "A261");
    check("soundex('3x')", TextFunc::Soundex, &[s("3x")], "3x");
    check("levenshtein('kitten', 'sitting')", TextFunc::Levenshtein, &[s("kitten"), s("sitting")], "3");
    check("levenshtein('', 'äb')", TextFunc::Levenshtein, &[s(""), s("äb")], "2");
}

#[test]
fn like() {
    let like = || TextFunc::Like { escape: '\\' };
    check("'abc' like 'a%c'", like(), &[s("abc"), s("a%c")], "true");
    check("'a\nc' like 'a_c'", like(), &[s("a\nc"), s("a_c")], "true");
    check("'abcbc' like '%bc'", like(), &[s("abcbc"), s("%bc")], "true");
    check("'aaab' like '%ab_'", like(), &[s("aaab"), s("%ab_")], "false");
    check("'' like '%'", like(), &[s(""), s("%")], "true");
    check("'abc' like 'abc%%'", like(), &[s("abc"), s("abc%%")], "true");
    check("'abc' like 'ab'", like(), &[s("abc"), s("ab")], "false");
    check("'a%c' like 'a/%c' escape '/'", TextFunc::Like { escape: '/' }, &[s("a%c"), s("a/%c")], "true");
    check("'abc' like 'a/%c' escape '/'", TextFunc::Like { escape: '/' }, &[s("abc"), s("a/%c")], "false");
    check_refused("'abc' like 'a/bc' escape '/'", TextFunc::Like { escape: '/' }, &[s("abc"), s("a/bc")]);
}

#[test]
fn patterns() {
    let p = pattern;
    check("'abc' rlike 'b'", TextFunc::Matches(p("b")), &[s("abc")], "true");
    check(
        "regexp_extract('100-200', '([0-9]+)-([0-9]+)', 2)",
        TextFunc::Extract(p("([0-9]+)-([0-9]+)")),
        &[s("100-200"), i(2)],
        "200",
    );
    check("regexp_extract('ac', 'a(b)?c', 1)", TextFunc::Extract(p("a(b)?c")), &[s("ac"), i(1)], "");
    check("regexp_extract('x', 'a', 0)", TextFunc::Extract(p("a")), &[s("x"), i(0)], "");
    check_refused("regexp_extract('a', 'a', 1)", TextFunc::Extract(p("a")), &[s("a"), i(1)]);
    check(
        "regexp_extract_all('a1b22', '[0-9]+', 0)",
        TextFunc::ExtractAll(p("[0-9]+")),
        &[s("a1b22"), i(0)],
        "[1, 22]",
    );
    check("regexp_count('abab', 'ab')", TextFunc::Count(p("ab")), &[s("abab")], "2");
    let all = |source: &str| TextFunc::ReplaceAll { pattern: p(source), from: 0 };
    check("regexp_replace('100-200', '([0-9]+)', '<$1>')", all("([0-9]+)"), &[s("100-200"), s("<$1>")], "<100>-<200>");
    check("regexp_replace('abc', 'b', '$0$0')", all("b"), &[s("abc"), s("$0$0")], "abbc");
    check("regexp_replace('abc', 'b', '[\\\\$]')", all("b"), &[s("abc"), s("[\\$]")], "a[$]c");
    check("regexp_replace('baac', 'a*', 'x')", all("a*"), &[s("baac"), s("x")], "xbxxcx");
    check(
        "regexp_replace('aaa', 'a', 'b', 2)",
        TextFunc::ReplaceAll { pattern: p("a"), from: 1 },
        &[s("aaa"), s("b")],
        "abb",
    );
    check(
        "regexp_replace('aaa', 'a', 'b', 9)",
        TextFunc::ReplaceAll { pattern: p("a"), from: 8 },
        &[s("aaa"), s("b")],
        "aaa",
    );
    check_refused("regexp_replace('a', 'a', '$1')", all("a"), &[s("a"), s("$1")]);
    check(
        "split('oneAtwoBthreeC', '[ABC]', -1)",
        split("[ABC]", true),
        &[s("oneAtwoBthreeC"), i(-1)],
        "[one, two, three, ]",
    );
    check(
        "split('oneAtwoBthreeC', '[ABC]', 2)",
        split("[ABC]", true),
        &[s("oneAtwoBthreeC"), i(2)],
        "[one, twoBthreeC]",
    );
    // A match of nothing cuts the two units of a character, each half of which is written `?`.
    check("regexp_replace('a🦀b', 'b*', 'X')", all("b*"), &[s("a🦀b"), s("X")], "XaX?X?XX");
    check("regexp_replace('a🦀b', '(b*)', '$1-')", all("(b*)"), &[s("a🦀b"), s("$1-")], "-a-?-?b--");
    check("regexp_count('a🦀', '')", TextFunc::Count(p("")), &[s("a🦀")], "4");
    check("regexp_extract_all('🦀b', 'b?', 0)", TextFunc::ExtractAll(p("b?")), &[s("🦀b"), i(0)], "[, , b, ]");
    check("split('a🦀b', 'x*')", split("x*", true), &[s("a🦀b"), i(-1)], "[a, ?, ?, b, ]");
    check("split('abc', '', -1)", split("", true), &[s("abc"), i(-1)], "[a, b, c]");
    check("split('hello', '', 3)", split("", false), &[s("hello"), i(3)], "[h, e, llo]");
    check("split('hel', '', 3)", split("", false), &[s("hel"), i(3)], "[h, e, l]");
    check("split('hello', '', 3)", split("", true), &[s("hello"), i(3)], "[h, e, l]");
    check("split('', 'x', -1)", split("x", true), &[s(""), i(-1)], "[]");
    check("split('a1b', '(?=[0-9])', -1)", split("(?=[0-9])", true), &[s("a1b"), i(-1)], "[a, 1b]");
}

fn split(pattern: &str, drops: bool) -> TextFunc {
    TextFunc::Split { pattern: super::pattern(pattern), drops }
}

#[test]
fn codes() {
    check("base64(cast('Spark SQL' as binary))", TextFunc::Base64, &[bin("Spark SQL")], "U3BhcmsgU1FM");
    check("unbase64('U3BhcmsgU1FM')", TextFunc::Unbase64, &[s("U3BhcmsgU1FM")], "537061726B2053514C");
    check("unbase64('U3Bh\ncg==')", TextFunc::Unbase64, &[s("U3Bh\ncg==")], "53706172");
    check("hex(17L)", TextFunc::Hex, &[l(17)], "11");
    check("hex(-1L)", TextFunc::Hex, &[l(-1)], "FFFFFFFFFFFFFFFF");
    check("hex('Spark')", TextFunc::Hex, &[s("Spark")], "537061726B");
    check("unhex('123')", TextFunc::Unhex, &[s("123")], "0123");
    check("unhex('xy')", TextFunc::Unhex, &[s("xy")], "null");
    check("bin(-13L)", TextFunc::Bin, &[l(-13)], "1111111111111111111111111111111111111111111111111111111111110011");
    check("conv('100', 2, 10)", TextFunc::Conv(OnFault::Wrap), &[s("100"), i(2), i(10)], "4");
    check("conv('-10', 16, -10)", TextFunc::Conv(OnFault::Wrap), &[s("-10"), i(16), i(-10)], "-16");
    check("conv('-1', 10, 16)", TextFunc::Conv(OnFault::Wrap), &[s("-1"), i(10), i(16)], "FFFFFFFFFFFFFFFF");
    check("conv('9x', 10, 36)", TextFunc::Conv(OnFault::Wrap), &[s("9x"), i(10), i(36)], "9");
    let huge = [s("18446744073709551616"), i(10), i(16)];
    check("conv('18446744073709551616', 10, 16)", TextFunc::Conv(OnFault::Wrap), &huge, "FFFFFFFFFFFFFFFF");
    check_refused("conv('18446744073709551616', 10, 16)", TextFunc::Conv(OnFault::Refuse), &huge);
    check("crc32(cast('Spark' as binary))", TextFunc::Crc32, &[bin("Spark")], "1557323817");
    check("md5(cast('Spark' as binary))", TextFunc::Md5, &[bin("Spark")], "8cde774d6f7333752ed72cacddb05126");
    check("sha1(cast('Spark' as binary))", TextFunc::Sha1, &[bin("Spark")], "85f5955f4b27a9a4c2aab6ffe5d7189fc298b92c");
    check(
        "sha2(cast('Spark' as binary), 224)",
        TextFunc::Sha2,
        &[bin("Spark"), i(224)],
        "dbeab94971678d36af2195851c0f7485775a2a7c60073d62fc04549c",
    );
    check("sha2(cast('Spark' as binary), 7)", TextFunc::Sha2, &[bin("Spark"), i(7)], "null");
    let long = "a text that is longer than sixty-four bytes, so that it fills more than one block";
    check(&format!("md5(cast('{long}' as binary))"), TextFunc::Md5, &[bin(long)], "5a6643d6e00930a8acfd358e223e92df");
    let seed = || i(42);
    check(
        "hash('Spark', array(123), 2)",
        TextFunc::Murmur3,
        &[seed(), s("Spark"), list(&[i(123)]), i(2)],
        "-1321691492",
    );
    check(
        "xxhash64('Spark', array(123), 2)",
        TextFunc::XxHash64,
        &[l(42), s("Spark"), list(&[i(123)]), i(2)],
        "5602566077635097486",
    );
    let many = [seed(), d(-0.0), null(Type::I32), dec("1.5", 30, 2), dec("1.5", 3, 1), s(long), l(7)];
    let sql = format!("hash(-0D, cast(null as int), cast(1.5 as decimal(30,2)), 1.5BD, '{long}', 7L)");
    check(&sql, TextFunc::Murmur3, &many, "2098176174");
    let many = [l(42), d(-0.0), null(Type::I32), dec("1.5", 30, 2), dec("1.5", 3, 1), s(long), l(7)];
    let sql = format!("xxhash64(-0D, cast(null as int), cast(1.5 as decimal(30,2)), 1.5BD, '{long}', 7L)");
    check(&sql, TextFunc::XxHash64, &many, "328477347670366015");
    check("format_number(12332.123456D, 4)", TextFunc::FormatNumber, &[d(12332.123456), i(4)], "12,332.1235");
    check("format_number(0.125D, 2)", TextFunc::FormatNumber, &[d(0.125), i(2)], "0.12");
    check("format_number(-1234567, 0)", TextFunc::FormatNumber, &[i(-1234567), i(0)], "-1,234,567");
    check("format_number(1234.565BD, 2)", TextFunc::FormatNumber, &[dec("1234.565", 7, 3), i(2)], "1,234.56");
    check("format_number(0.1D, 20)", TextFunc::FormatNumber, &[d(0.1), i(20)], "0.10000000000000000000");
    check("format_number(1.5D, -1)", TextFunc::FormatNumber, &[d(1.5), i(-1)], "null");
}

#[test]
fn lists_of_things() {
    let abc = || list(&[i(3), null(Type::I32), i(1), i(3)]);
    check("size(array(3,null,1,3))", ListFunc::Size { of_null: Some(-1) }, &[abc()], "4");
    check("size(cast(null as array<int>))", ListFunc::Size { of_null: Some(-1) }, &[null(Type::list(Type::I32))], "-1");
    check("array(3,null,1,3)[2]", ListFunc::Get(OnFault::Null), &[abc(), i(2)], "1");
    check("array(3,null,1,3)[9]", ListFunc::Get(OnFault::Null), &[abc(), i(9)], "null");
    check_refused("ansi: array(3,null,1,3)[9]", ListFunc::Get(OnFault::Refuse), &[abc(), i(9)]);
    check("element_at(array(3,null,1,3), -2)", ListFunc::ElementAt(OnFault::Null), &[abc(), i(-2)], "1");
    check("element_at(array(3,null,1,3), 9)", ListFunc::ElementAt(OnFault::Null), &[abc(), i(9)], "null");
    check_refused("element_at(array(3,null,1,3), 0)", ListFunc::ElementAt(OnFault::Null), &[abc(), i(0)]);
    check("array_contains(array(3,null,1,3), 3)", ListFunc::Contains, &[abc(), i(3)], "true");
    check("array_contains(array(3,null,1,3), 2)", ListFunc::Contains, &[abc(), i(2)], "null");
    check("array_position(array(3,null,1,3), 1)", ListFunc::Position, &[abc(), i(1)], "3");
    check("sort_array(array(3,null,1,3))", ListFunc::Sort { ascending: true }, &[abc()], "[null, 1, 3, 3]");
    check("sort_array(array(3,null,1,3), false)", ListFunc::Sort { ascending: false }, &[abc()], "[3, 3, 1, null]");
    check("array_distinct(array(3,null,1,3,null))", ListFunc::Distinct, &[abc()], "[3, null, 1]");
    check("array_min(array(3,null,1,3))", ListFunc::Min, &[abc()], "1");
    check("array_max(array(1D,double('NaN')))", ListFunc::Max, &[list(&[d(1.0), d(f64::NAN)])], "NaN");
    check("concat(array(1), array(2, 3))", ListFunc::Concat, &[list(&[i(1)]), list(&[i(2), i(3)])], "[1, 2, 3]");
    check("slice(array(3,null,1,3), -2, 5)", ListFunc::Slice, &[abc(), i(-2), i(5)], "[1, 3]");
    check("slice(array(3,null,1,3), 9, 5)", ListFunc::Slice, &[abc(), i(9), i(5)], "[]");
    check("slice(array(3,null,1,3), -9, 5)", ListFunc::Slice, &[abc(), i(-9), i(5)], "[]");
    check_refused("slice(array(3,null,1,3), 0, 5)", ListFunc::Slice, &[abc(), i(0), i(5)]);
    let texts = || list(&[s("a"), null(Type::Text), s("b")]);
    check("array_join(array('a',null,'b'), ',')", ListFunc::Join, &[texts(), s(",")], "a,b");
    check("array_join(array('a',null,'b'), ',', '?')", ListFunc::Join, &[texts(), s(","), s("?")], "a,?,b");
    check("reverse(array(3,null,1,3))", ListFunc::Reverse, &[abc()], "[3, 1, null, 3]");
    let other = || list(&[i(1), null(Type::I32), i(5)]);
    check("array_except(array(3,null,1,3), array(1,null,5))", ListFunc::Except, &[abc(), other()], "[3]");
    check("array_intersect(array(3,null,1,3), array(1,null,5))", ListFunc::Intersect, &[abc(), other()], "[null, 1]");
    check("array_union(array(3,null,1,3), array(1,null,5))", ListFunc::Union, &[abc(), other()], "[3, null, 1, 5]");
    check(
        "arrays_overlap(array(3,null), array(1,null))",
        ListFunc::Overlap,
        &[list(&[i(3), null(Type::I32)]), other()],
        "null",
    );
    check("arrays_overlap(array(3,null,1,3), array(1,null,5))", ListFunc::Overlap, &[abc(), other()], "true");
    check("array_remove(array(3,null,1,3), 3)", ListFunc::Remove, &[abc(), i(3)], "[null, 1]");
    check("array_repeat('x', 2)", ListFunc::Repeat, &[s("x"), i(2)], "[x, x]");
    let nested = list(&[list(&[i(1)]), list(&[i(2), i(3)])]);
    check("flatten(array(array(1), array(2, 3)))", ListFunc::Flatten, &[nested], "[1, 2, 3]");
}

#[test]
fn numbers_that_are_none_have_no_sign() {
    let written = |source: &str| TextFunc::Printf(plan::expr::NumberPattern::new(source).expect("a pattern"));
    check("format_string('%+E', double('NaN'))", written("%+E"), &[d(f64::NAN)], "NAN");
    check("format_string('%+.1f', double('inf'))", written("%+.1f"), &[d(f64::INFINITY)], "+Infinity");
    check("format_string('%S', 'ß')", written("%S"), &[s("ß")], "SS");
}

#[test]
fn masks_and_codes_of_urls() {
    let mask = |other| TextFunc::Mask { with: [Some('X'), Some('x'), Some('n'), other], units: Units::Utf16 };
    check("mask('Ab-1äß🦀')", mask(None), &[s("Ab-1äß🦀")], "Xx-nxx🦀");
    check("mask('A🦀ª', 'X', 'x', 'n', 'o')", mask(Some('o')), &[s("A🦀ª")], "Xooo");
    check("luhn_check('79927398713')", TextFunc::Luhn, &[s("79927398713")], "true");
    check("luhn_check('7992739871٣')", TextFunc::Luhn, &[s("7992739871٣")], "false");
    check("url_encode('a b~ä')", TextFunc::UrlEncode, &[s("a b~ä")], "a+b%7E%C3%A4");
    check("url_decode('a+%C3%A4%zz')", TextFunc::UrlDecode(OnFault::Refuse), &[s("a+%C3%A4")], "a ä");
    check("url_decode('%C3x')", TextFunc::UrlDecode(OnFault::Refuse), &[s("%C3x")], "\u{fffd}x");
    check_refused("url_decode('%C')", TextFunc::UrlDecode(OnFault::Refuse), &[s("%C")]);
    check_refused("url_decode('%-1')", TextFunc::UrlDecode(OnFault::Refuse), &[s("%-1")]);
}

#[test]
fn lists_grow_by_places_and_steps_within_bounds() {
    let insert = |list: &[Expr], place| [self::list(list), i(place), i(9)];
    check("array_insert(array(1), 3, 9)", ListFunc::Insert, &insert(&[i(1)], 3), "[1, null, 9]");
    check("array_insert(array(1, 2), -2, 9)", ListFunc::Insert, &insert(&[i(1), i(2)], -2), "[1, 9, 2]");
    check("array_insert(array(1), -4, 9)", ListFunc::Insert, &insert(&[i(1)], -4), "[9, null, null, 1]");
    check_refused("array_insert(array(1), 0, 9)", ListFunc::Insert, &insert(&[i(1)], 0));
    check_refused("array_insert(array(1), -2147483648, 9)", ListFunc::Insert, &insert(&[i(1)], i32::MIN));
    check("sequence(5L, 1L, -3L)", ListFunc::Sequence, &[l(5), l(1), l(-3)], "[5, 2]");
    let ends = [l(i64::MIN), l(i64::MAX)];
    check_refused("sequence(-9223372036854775808, 9223372036854775807)", ListFunc::Sequence, &ends);
    let step = [l(i64::MIN), l(i64::MAX), l(i64::MAX)];
    let expected = "[-9223372036854775808, -1, 9223372036854775806]";
    check("sequence(.., 9223372036854775807)", ListFunc::Sequence, &step, expected);
    check_refused("sequence(1L, 5L, 0L)", ListFunc::Sequence, &[l(1), l(5), l(0)]);
    let nulls = list(&[null(Type::I32), i(2), i(1)]);
    check("array_sort(array(null, 2, 1))", ListFunc::SortNullsLast, std::slice::from_ref(&nulls), "[1, 2, null]");
    check("array_compact(array(null, 2, 1))", ListFunc::Compact, &[nulls], "[2, 1]");
}
