//! Encoders on columns: what each op makes of values seen and unseen, null and NaN.

use model::{Builder, Column, DType, Type, column::Row};
use plan::{EncodeOp, Hash, Invalid};

use crate::kernel::tests::{Ran, fixed, lists, numbers, run, sparse, texts, vectors};

mod find;

const NAN: f64 = f64::NAN;

fn only(ran: Ran) -> Column {
    assert_eq!(ran.faults.iter().flatten().next(), None);
    ran.outputs.into_iter().next().unwrap()
}

/// What one row becomes.
#[derive(Debug, PartialEq)]
enum Got {
    Number(f64),
    Text(String),
    Null,
    Skipped,
    Refused(String),
}
use Got::{Null, Number, Skipped};

fn refused(text: &str) -> Got {
    Got::Refused(format!("column `a`: {text}"))
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

fn check(op: &EncodeOp, input: Column, expected: &[Got]) {
    let ran = run(op.clone(), &[input]);
    let got: Vec<Got> = (0..ran.faults.len()).map(|row| got(&ran, row)).collect();
    assert_eq!(got, expected);
}

fn got(ran: &Ran, row: usize) -> Got {
    match (&ran.faults[row], &ran.outputs[0]) {
        (Some(fault), column) => {
            assert!(!column.is_valid(row), "a row that is not live has no value");
            if fault == "skipped" { Skipped } else { Got::Refused(fault.clone()) }
        }
        (None, column) if !column.is_valid(row) => Null,
        (None, Column::Fixed(c)) => Number(c.values::<f64>()[row]),
        (None, Column::Text(c)) => text(std::str::from_utf8(c.bytes(row)).unwrap()),
        (None, column) => panic!("{column:?}"),
    }
}

fn labels(labels: &[&str]) -> std::sync::Arc<[Box<str>]> {
    labels.iter().map(|&l| l.into()).collect()
}

fn hash_counts(hash: Hash, binary: bool) -> EncodeOp {
    EncodeOp::HashCounts { size: 1000, hash, binary }
}

fn check_words(hash: Hash, binary: bool, words: &[Option<&str>], expected: Row<'_>) {
    let rows = [Some(words), Some(&[][..])];
    let expected = vectors(&[Some(expected), sparse(1000, &[], &[])]);
    assert_eq!(only(run(hash_counts(hash, binary), &[lists(&rows)])), expected);
}

const MIST: [Option<&str>; 4] = [Some("mist"), Some("makes"), Some("spark"), Some("better")];

/// One list of numbers.
fn list(dtype: DType, push: impl Fn(&mut Builder)) -> Column {
    let mut builder = Builder::new(&Type::list(Type::scalar(dtype)));
    push(builder.items());
    builder.end_list();
    builder.finish()
}

/// Where a single item falls among 2^31 - 1 places, as Spark 3.5.9 says: as good as its hash.
fn check_hash(column: Column, place: u32) {
    let size = i32::MAX as u32;
    let op = EncodeOp::HashCounts { size, hash: Hash::Murmur3, binary: false };
    assert_eq!(only(run(op, &[column])), vectors(&[sparse(size as usize, &[place], &[1.0])]));
}

fn f64_list(x: f64) -> Column {
    list(DType::F64, |b| b.push_fixed(x))
}

fn f32_list(x: f32) -> Column {
    list(DType::F32, |b| b.push_fixed(x))
}

#[test]
fn words_fall_where_spark_puts_them() {
    check_words(Hash::Murmur3, false, &MIST, sparse(1000, &[286, 543, 853, 991], &[1.0; 4]).unwrap());
    check_words(Hash::Murmur3Tail, false, &MIST, sparse(1000, &[105, 691, 941, 991], &[1.0; 4]).unwrap());
}

#[test]
fn words_are_counted() {
    let words: Vec<_> = [&MIST[..], &MIST[..2], &MIST[1..2]].concat();
    check_words(Hash::Murmur3, false, &words, sparse(1000, &[286, 543, 853, 991], &[1.0, 1.0, 3.0, 2.0]).unwrap());
    check_words(Hash::Murmur3, true, &words, sparse(1000, &[286, 543, 853, 991], &[1.0; 4]).unwrap());
}

#[test]
fn many_words_are_counted() {
    let words = MIST.repeat(50);
    check_words(Hash::Murmur3, false, &words, sparse(1000, &[286, 543, 853, 991], &[50.0; 4]).unwrap());
}

#[test]
fn a_null_item_hashes_to_the_seed() {
    check_words(Hash::Murmur3, false, &[None, None], sparse(1000, &[42], &[2.0]).unwrap());
    check_hash(list(DType::F64, |b| b.push_null()), 42);
}

#[test]
fn a_null_list_is_refused() {
    let ran = run(hash_counts(Hash::Murmur3, false), &[lists(&[None, Some(&[])])]);
    assert_eq!(ran.faults, [Some("column `a`: expected a value, got null".to_owned()), None]);
}

#[test]
fn integers_hash_by_their_width() {
    check_hash(list(DType::I32, |b| b.push_fixed(1_i32)), 1_587_902_690);
    check_hash(list(DType::I32, |b| b.push_fixed(-1_i32)), 542_707_260);
    check_hash(list(DType::I8, |b| b.push_fixed(-1_i8)), 542_707_260);
    check_hash(list(DType::I16, |b| b.push_fixed(-300_i16)), 454_822_943);
    check_hash(list(DType::I64, |b| b.push_fixed(-1_i64)), 1_207_993_640);
    check_hash(list(DType::I64, |b| b.push_fixed(1_i64 << 40)), 550_715_960);
    check_hash(list(DType::Bool, |b| b.push_fixed(1_u8)), 1_587_902_690);
    check_hash(list(DType::Bool, |b| b.push_fixed(0_u8)), 933_211_791);
}

#[test]
fn floats_hash_by_their_bits() {
    check_hash(f64_list(0.0), 476_559_452);
    check_hash(f64_list(-0.0), 1_293_837_562);
    check_hash(f64_list(-2.5), 2_027_713_531);
    check_hash(f64_list(5e-324), 435_164_316);
    check_hash(f32_list(0.0), 933_211_791);
    check_hash(f32_list(-0.0), 723_455_942);
    check_hash(f32_list(-2.5), 1_653_708_014);
    check_hash(f32_list(f32::INFINITY), 2_026_854_605);
}

#[test]
fn every_nan_is_one() {
    check_hash(f64_list(NAN), 866_125_262);
    check_hash(f64_list(f64::from_bits(0xFFF0_0000_0000_0001)), 866_125_262);
    check_hash(f32_list(f32::NAN), 1_798_222_217);
    check_hash(f32_list(f32::from_bits(0xFF80_0001)), 1_798_222_217);
}

#[test]
fn texts_hash_by_their_bytes() {
    for (text, place) in [
        ("", 142_593_372),
        ("a", 853_910_114),
        ("ab", 1_462_570_566),
        ("abc", 1_313_807_976),
        ("abcd", 1_751_180_747),
        ("é", 1_023_967_903),
        ("ÿþ", 1_468_979_952),
        ("日本語", 1_170_661_047),
    ] {
        check_hash(lists(&[Some(&[Some(text)])]), place);
    }
}

fn check_terms(tf_min: f64, binary: bool, list: &[Option<&str>], expected: Row<'_>) {
    let op = EncodeOp::TermCounts { vocabulary: labels(&["b", "a", "é"]), tf_min, binary };
    let rows = [Some(list), Some(&[][..])];
    assert_eq!(only(run(op, &[lists(&rows)])), vectors(&[Some(expected), sparse(3, &[], &[])]));
}

const TERMS: [Option<&str>; 6] = [Some("é"), Some("a"), Some("x"), Some("b"), Some("a"), None];

#[test]
fn terms_are_counted_in_their_places() {
    check_terms(1.0, false, &TERMS, sparse(3, &[0, 1, 2], &[1.0, 2.0, 1.0]).unwrap());
    check_terms(1.0, true, &TERMS, sparse(3, &[0, 1, 2], &[1.0; 3]).unwrap());
}

#[test]
fn rare_terms_are_left_out() {
    check_terms(2.0, false, &TERMS, sparse(3, &[1], &[2.0]).unwrap());
    check_terms(2.0, true, &TERMS, sparse(3, &[1], &[1.0]).unwrap());
    check_terms(2.5, false, &TERMS, sparse(3, &[], &[]).unwrap());
}

#[test]
fn a_share_is_of_all_tokens() {
    // 6 tokens, two of them unknown.
    check_terms(0.3, false, &TERMS, sparse(3, &[1], &[2.0]).unwrap());
    check_terms(0.16, false, &TERMS, sparse(3, &[0, 1, 2], &[1.0, 2.0, 1.0]).unwrap());
    check_terms(0.0, false, &TERMS, sparse(3, &[0, 1, 2], &[1.0, 2.0, 1.0]).unwrap());
}

fn index(names: &[&str], invalid: Invalid) -> EncodeOp {
    EncodeOp::Index { labels: labels(names), invalid }
}

#[test]
fn texts_have_their_places() {
    let input = || texts(&[Some("b"), Some("a"), Some("z"), None, Some("")]);
    let names = ["a", "b", ""];
    let seen = "expected a label seen in training, got";
    check(
        &index(&names, Invalid::Error),
        input(),
        &[
            Number(1.0),
            Number(0.0),
            refused(&format!("{seen} \"z\"")),
            refused("expected a value, got null"),
            Number(2.0),
        ],
    );
    check(&index(&names, Invalid::Skip), input(), &[Number(1.0), Number(0.0), Skipped, Skipped, Number(2.0)]);
    check(&index(&names, Invalid::Keep), input(), &[Number(1.0), Number(0.0), Number(3.0), Number(3.0), Number(2.0)]);
}

#[test]
fn a_label_twice_has_its_last_place() {
    check(
        &index(&["a", "b", "a"], Invalid::Keep),
        texts(&[Some("a"), Some("b"), Some("c")]),
        &[Number(2.0), Number(1.0), Number(3.0)],
    );
}

#[test]
fn numbers_are_found_by_their_text() {
    let op = index(&["1.0", "-0.0", "1.0E10", "NaN", "0.0", "1", "1.50", "1.9999999999999998E23"], Invalid::Keep);
    let odd = f64::from_bits(0xFFF8_0000_0000_0007);
    let input = numbers(&[Some(1.0), Some(-0.0), Some(1e10), Some(NAN), Some(odd), Some(0.0), Some(1.5), Some(2e23)]);
    let places = [0.0, 1.0, 2.0, 3.0, 3.0, 4.0, 8.0, 7.0];
    check(&op, input, &places.map(Number));
}

#[test]
fn the_digits_that_we_write_win_over_another_javas() {
    let op = index(&["2.0E23", "1.9999999999999998E23"], Invalid::Keep);
    check(&op, numbers(&[Some(2e23)]), &[Number(1.0)]);
}

#[test]
fn float32_is_found_by_its_own_text() {
    let op = index(&["0.1", "0.10000000149011612"], Invalid::Keep);
    check(&op, fixed(DType::F32, &[Some(0.1_f32)]), &[Number(0.0)]);
    check(&op, numbers(&[Some(0.1), Some(f64::from(0.1_f32))]), &[Number(0.0), Number(1.0)]);
}

#[test]
fn integers_and_booleans_are_found_by_their_text() {
    let op = index(&["-1", "255", "true", "1.0", "18446744073709551615", "+7"], Invalid::Keep);
    check(
        &op,
        fixed(DType::I8, &[Some(-1_i8), Some(1), Some(7), None]),
        &[Number(0.0), Number(6.0), Number(6.0), Number(6.0)],
    );
    check(&op, fixed(DType::U8, &[Some(255_u8)]), &[Number(1.0)]);
    check(&op, fixed(DType::I64, &[Some(-1_i64), Some(255)]), &[Number(0.0), Number(1.0)]);
    check(&op, fixed(DType::U64, &[Some(u64::MAX)]), &[Number(4.0)]);
    check(&op, fixed(DType::Bool, &[Some(1_u8), Some(0)]), &[Number(2.0), Number(6.0)]);
}

#[test]
fn a_number_that_is_no_label_is_refused_as_a_number() {
    let op = index(&["1"], Invalid::Error);
    check(&op, fixed(DType::I32, &[Some(2_i32)]), &[refused("expected a label seen in training, got 2")]);
    check(&op, fixed(DType::Bool, &[Some(1_u8)]), &[refused("expected a label seen in training, got \"true\"")]);
}

#[test]
fn labels_come_back() {
    let op = EncodeOp::Label { labels: labels(&["p", "", "é"]) };
    let input = numbers(&[Some(2.0), Some(0.9), Some(-0.9), Some(NAN), Some(1.0), None]);
    check(&op, input, &[text("é"), text("p"), text("p"), text("p"), text(""), Null]);
    let out = |x: &str| refused(&format!("expected a value within the range of the model, got {x}"));
    check(&op, numbers(&[Some(3.0), Some(-1.0), Some(f64::INFINITY)]), &[out("3"), out("-1"), out("inf")]);
    check(&op, fixed(DType::I64, &[Some(2_i64), Some(-1)]), &[text("é"), out("-1")]);
}

fn check_one_hot(drop_last: bool, invalid: Invalid, size: usize, expected: [Option<Option<u32>>; 8]) {
    let op = EncodeOp::OneHot { categories: 3, drop_last, invalid };
    let input = [Some(0.0), Some(2.5), Some(-0.0), Some(3.0), Some(-0.5), Some(NAN), Some(1e300), None];
    let ran = run(op, &[numbers(&input)]);
    let ones: Vec<Option<Vec<u32>>> = expected.iter().map(|row| row.map(|place| place.into_iter().collect())).collect();
    let rows: Vec<Option<Row<'_>>> =
        ones.iter().map(|row| row.as_ref().and_then(|places| sparse(size, places, &[1.0][..places.len()]))).collect();
    assert_eq!(ran.outputs[0], vectors(&rows));
    let faults = ran.faults.iter().map(|f| f.as_deref().map(|f| f == "skipped"));
    let dead = (invalid != Invalid::Keep).then_some(invalid == Invalid::Skip);
    assert!(faults.eq([None, None, None, dead, dead, dead, dead, None]), "{:?}", ran.faults);
}

#[test]
fn a_category_has_its_place() {
    let seen = [Some(Some(0)), Some(Some(2)), Some(Some(0))];
    let [a, b, c] = seen;
    check_one_hot(false, Invalid::Error, 3, [a, b, c, None, None, None, None, None]);
    check_one_hot(false, Invalid::Skip, 3, [a, b, c, None, None, None, None, None]);
    let other = Some(Some(3));
    check_one_hot(false, Invalid::Keep, 4, [a, b, c, other, other, other, other, None]);
}

#[test]
fn the_last_place_may_be_left_out() {
    let (first, zero) = (Some(Some(0)), Some(None));
    check_one_hot(true, Invalid::Error, 2, [first, zero, first, None, None, None, None, None]);
    check_one_hot(true, Invalid::Keep, 3, [first, Some(Some(2)), first, zero, zero, zero, zero, None]);
}

fn bucket(splits: &[f64], invalid: Invalid) -> EncodeOp {
    EncodeOp::Bucket { splits: splits.into(), invalid }
}

#[test]
fn buckets_are_closed_on_the_left_and_the_last_on_both_sides() {
    let input = numbers(&[Some(-1.0), Some(-0.5), Some(0.5), Some(0.75), Some(2.0)]);
    check(&bucket(&[-1.0, 0.5, 1.0, 2.0], Invalid::Error), input, &[0.0, 0.0, 1.0, 1.0, 2.0].map(Number));
}

#[test]
fn a_negative_zero_is_below_zero() {
    let op = bucket(&[-1.0, 0.0, 1.0], Invalid::Error);
    check(&op, numbers(&[Some(-0.0), Some(0.0)]), &[Number(0.0), Number(1.0)]);
    let out = refused("expected a value within the range of the model, got -0");
    check(&bucket(&[0.0, 1.0], Invalid::Keep), numbers(&[Some(-0.0)]), &[out]);
    check(&bucket(&[-1.0, 0.0], Invalid::Error), numbers(&[Some(-0.0)]), &[Number(0.0)]);
}

#[test]
fn outside_is_refused_always() {
    for invalid in [Invalid::Error, Invalid::Keep, Invalid::Skip] {
        let out = |x: &str| refused(&format!("expected a value within the range of the model, got {x}"));
        check(&bucket(&[0.0, 1.0], invalid), numbers(&[Some(-1.5), Some(1.5)]), &[out("-1.5"), out("1.5")]);
    }
    let op = bucket(&[f64::NEG_INFINITY, 0.0, f64::INFINITY], Invalid::Error);
    check(&op, numbers(&[Some(f64::NEG_INFINITY), Some(f64::INFINITY)]), &[Number(0.0), Number(1.0)]);
}

#[test]
fn what_is_no_number_has_a_bucket_or_none() {
    let input = || numbers(&[Some(NAN), None, Some(0.5)]);
    let splits = [0.0, 1.0, 2.0];
    let not_a_number = refused("expected a number that is not NaN, got NaN");
    check(&bucket(&splits, Invalid::Error), input(), &[not_a_number, Null, Number(0.0)]);
    check(&bucket(&splits, Invalid::Keep), input(), &[Number(2.0), Null, Number(0.0)]);
    check(&bucket(&splits, Invalid::Skip), input(), &[Skipped, Skipped, Number(0.0)]);
}

#[test]
fn integers_fall_into_buckets_too() {
    check(
        &bucket(&[0.0, 2.0, 4.0], Invalid::Error),
        fixed(DType::I32, &[Some(3_i32), Some(0)]),
        &[Number(1.0), Number(0.0)],
    );
}

#[test]
fn texts_of_every_length_are_told_apart() {
    // Around the longest that is one word, of which others begin the same; and texts that zeros alone tell apart.
    let mut known: Vec<String> = (0..40).map(|len| "abcdefghij".repeat(4)[..len].to_owned()).collect();
    known.extend(["\0", "\0\0", "a\0", "é", "a", "ABC"].map(str::to_owned));
    for fillers in [0, 5000] {
        let all: Vec<&str> = known.iter().map(String::as_str).chain((0..fillers).map(|_| "filler")).collect();
        let op = EncodeOp::Index { labels: labels(&all), invalid: Invalid::Keep };
        let other = all.len() as f64;
        let place = |text: &str| all.iter().rposition(|label| *label == text).map_or(other, |place| place as f64);
        let texts_seen: Vec<&str> = known
            .iter()
            .map(String::as_str)
            .chain(["b", "abcdefghijabcdX", "abcdefghijabcdeX", "\0\0\0", "e"])
            .collect();
        let rows: Vec<Option<&str>> = texts_seen.iter().copied().map(Some).chain([None]).collect();
        let expected: Vec<Got> = rows.iter().map(|text| Number(text.map_or(other, place))).collect();
        check(&op, texts(&rows), &expected);
    }
}
