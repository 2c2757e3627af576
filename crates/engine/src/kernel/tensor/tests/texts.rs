//! Texts, examples, tables: values of the oracle cases `frozen_ops_string_ops` and `frozen_ops_parse_example`, of TensorFlow's
//! documentation, and worked by hand.

use model::{DType, Tensor, Whole, tensor::Bytes};
use plan::tensor::*;

use super::{Site, TensorKernel, one, run, tensor};

fn texts(shape: &[usize], texts: &[&str]) -> Tensor {
    tensor(shape, texts.iter().map(|text| Bytes::from(text.as_bytes())).collect::<Vec<_>>())
}

fn all(texts_of: &[&str]) -> Tensor {
    texts(&[texts_of.len()], texts_of)
}

fn word(text: &str) -> Tensor {
    texts(&[], &[text])
}

#[track_caller]
fn words(tensor: &Tensor, shape: &[usize], expected: &[&str]) {
    assert_eq!(&tensor.shape()[..], shape);
    let got: Vec<_> =
        tensor.get::<Bytes>().expect("texts").iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    assert_eq!(got, expected);
}

#[test]
fn texts_are_cut() {
    let x = all(&["banana split", " xyz ", ""]);
    let out = run(StringOp::Split { max: -1 }, &[Some(x.clone()), Some(word(""))], 3).expect("runs");
    assert_eq!(out[0], tensor(&[3, 2], [0i64, 0, 0, 1, 1, 0]));
    words(&out[1], &[3], &["banana", "split", "xyz"]);
    assert_eq!(out[2], tensor(&[2], [3i64, 2]));
    let cut = |text: &str, at: &str, max: i64| {
        run(StringOp::Split { max }, &[Some(all(&[text])), Some(word(at))], 3).expect("runs").remove(1)
    };
    words(&cut("1<>2<><>3", "<>", -1), &[4], &["1", "2", "", "3"]);
    words(&cut("1<>2<><>3", "<>", 1), &[2], &["1", "2<><>3"]);
    words(&cut("", "<>", -1), &[1], &[""]);
    words(&cut(" a b  c ", "", 1), &[2], &["a", "b  c "]);
    words(&cut(" a b", "", 0), &[1], &[" a b"]);
    let cut = |text: &str, at: &str, skip_empty: bool| {
        run(StringOp::SplitAny { skip_empty }, &[Some(all(&[text])), Some(word(at))], 3).expect("runs").remove(1)
    };
    words(&cut("a,b;;c", ",;", true), &[3], &["a", "b", "c"]);
    words(&cut("a,b;;c", ",;", false), &[4], &["a", "b", "", "c"]);
    words(&cut("abc", "", true), &[3], &["a", "b", "c"]);
    let matrix = texts(&[1, 1], &["a"]);
    assert!(run(StringOp::Split { max: -1 }, &[Some(matrix), Some(word(""))], 3).is_err());
}

#[test]
fn texts_are_joined() {
    let join = |inputs: &[Tensor]| one(StringOp::Join { separator: (*b"-").into() }, inputs);
    words(&join(&[all(&["a", "b"]), word("!"), all(&["", "c"])]), &[2], &["a-!-", "b-!-c"]);
    words(&join(&[word("a"), word("b")]), &[], &["a-b"]);
    let separator: std::sync::Arc<[u8]> = (*b"").into();
    let x = texts(&[2, 2], &["a", "b", "c", "d"]);
    let reduce = |axes: &[i32], keep: bool| {
        let axes = tensor(&[axes.len()], axes.to_vec());
        one(StringOp::ReduceJoin { separator: separator.clone(), keep }, &[x.clone(), axes])
    };
    // The rows of the operator's documentation.
    words(&reduce(&[0], false), &[2], &["ac", "bd"]);
    words(&reduce(&[-1], true), &[2, 1], &["ab", "cd"]);
    words(&reduce(&[0, 1], false), &[], &["abcd"]);
    words(&reduce(&[1, 0], false), &[], &["acbd"]);
    words(&reduce(&[], false), &[2, 2], &["a", "b", "c", "d"]);
    let twice = tensor(&[2], [0i32, -2]);
    assert!(run(StringOp::ReduceJoin { separator, keep: false }, &[Some(x), Some(twice)], 1).is_err());
}

#[test]
fn runs_of_texts_are_padded() {
    let of = |widths: &[usize], pad: Option<usize>, keep_short: bool| {
        let bytes = |text: &[u8]| text.into();
        let ngrams = Ngrams {
            separator: bytes(b"|"),
            left: bytes(b"L"),
            right: bytes(b"R"),
            widths: widths.to_vec(),
            pad,
            keep_short,
        };
        let rows = tensor(&[3], [0i64, 3, 4]);
        run(StringOp::Ngrams(ngrams), &[Some(all(&["a", "b", "c", "d"])), Some(rows)], 2).expect("runs")
    };
    let out = of(&[2], Some(0), false);
    words(&out[0], &[2], &["a|b", "b|c"]);
    assert_eq!(out[1], tensor(&[3], [0i64, 2, 2]));
    let out = of(&[3], None, false);
    let expected = ["L|L|a", "L|a|b", "a|b|c", "b|c|R", "c|R|R", "L|L|d", "L|d|R", "d|R|R"];
    words(&out[0], &[8], &expected);
    words(&of(&[3], Some(0), true)[0], &[2], &["a|b|c", "d"]);
    words(&of(&[1, 2], Some(0), false)[0], &[6], &["a", "b", "c", "a|b", "b|c", "d"]);
}

#[test]
fn parts_and_characters_and_base_64() {
    let x = all(&["banana split", "Ünïcode a"]);
    let at = |place: i64, length: i64, unit: TextUnit| {
        let (place, length) = (Tensor::scalar(place), Tensor::scalar(length));
        run(StringOp::Substr { unit }, &[Some(x.clone()), Some(place), Some(length)], 1)
    };
    words(&at(0, 2, TextUnit::Byte).expect("within")[0], &[2], &["ba", "Ü"]);
    words(&at(-3, 9, TextUnit::Char).expect("within")[0], &[2], &["lit", "e a"]);
    words(&at(2, -1, TextUnit::Byte).expect("within")[0], &[2], &["nana split", "nïcode a"]);
    assert!(at(13, 1, TextUnit::Byte).is_err());
    assert!(at(i64::MIN, i64::MIN, TextUnit::Byte).is_err());
    assert_eq!(one(StringOp::Length { unit: TextUnit::Byte }, std::slice::from_ref(&x)), tensor(&[2], [12i32, 11]));
    assert_eq!(one(StringOp::Length { unit: TextUnit::Char }, std::slice::from_ref(&x)), tensor(&[2], [12i32, 9]));
    let encoded = one(StringOp::EncodeBase64 { pad: false }, std::slice::from_ref(&x));
    words(&encoded, &[2], &["YmFuYW5hIHNwbGl0", "w5xuw69jb2RlIGE"]);
    assert_eq!(one(StringOp::DecodeBase64, &[encoded]), x);
    let hashed =
        one(StringOp::Hash { hash: TextHash::Farm, buckets: 1000 }, &[all(&["banana split", "xyz", "日本 語"])]);
    assert_eq!(hashed, tensor(&[3], [720i64, 420, 244]));
    words(&one(StringOp::Case { upper: true, unicode: true }, &[word("straße")]), &[], &["STRASSE"]);
    words(&one(StringOp::Case { upper: true, unicode: false }, &[word("straße")]), &[], &["STRAßE"]);
    words(&one(StringOp::Strip, &[all(&["\u{b} a b\n", " "])]), &[2], &["a b", ""]);
}

#[test]
fn characters_are_read_and_written() {
    let malformed = Malformed { policy: Policy::Replace, replacement: '\u{fffd}', controls: false };
    let bytes: Bytes = [&b"\xff\xe2\x82"[..], "a日".as_bytes()].concat().into();
    let op = |malformed: Malformed| StringOp::Decode {
        encoding: Encoding::Utf8,
        malformed,
        offsets: true,
        splits: DType::I64,
    };
    let out = run(op(malformed), &[Some(tensor(&[2], [bytes.clone(), b"".as_slice().into()]))], 3).expect("runs");
    assert_eq!(out[0], tensor(&[3], [0i64, 4, 4]));
    assert_eq!(out[1], tensor(&[4], [0xfffd, 0xfffd, 97, 0x65e5]));
    assert_eq!(out[2], tensor(&[4], [0i64, 1, 3, 4]));
    let ignored = Malformed { policy: Policy::Ignore, ..malformed };
    let out = run(op(ignored), &[Some(tensor(&[1], [bytes.clone()]))], 3).expect("runs");
    assert_eq!(out[1], tensor(&[2], [97, 0x65e5]));
    let strict = Malformed { policy: Policy::Strict, ..malformed };
    assert!(run(op(strict), &[Some(tensor(&[1], [bytes]))], 3).is_err());
    let transcode = StringOp::Transcode { from: Encoding::Utf8, to: Encoding::Utf16Be, malformed };
    assert_eq!(one(transcode, &[word("a日")]), Tensor::scalar(Bytes::from(&b"\0a\x65\xe5"[..])));
    let encode = StringOp::Encode { encoding: Encoding::Utf8, malformed };
    let rows = tensor(&[3], [0i32, 2, 3]);
    words(&one(encode, &[tensor(&[3], [97, 0x65e5, 0xd800]), rows]), &[2], &["a日", "\u{fffd}"]);
}

#[test]
fn numbers_are_read() {
    let read =
        |text: &str, to: DType| run(StringOp::ToNumber { to }, &[Some(word(text))], 1).map(|mut out| out.remove(0));
    assert_eq!(read(" 1e3 ", DType::F32), Ok(Tensor::scalar(1000f32)));
    assert_eq!(read("-inf", DType::F64), Ok(Tensor::scalar(f64::NEG_INFINITY)));
    assert_eq!(read("-12", DType::I32), Ok(Tensor::scalar(-12i32)));
    for (text, to) in
        [("", DType::F32), ("1.5", DType::I64), ("2147483648", DType::I32), ("x", DType::F64), ("-1", DType::U32)]
    {
        assert!(read(text, to).is_err(), "{text}");
    }
}

#[test]
fn keys_are_found_in_tables() {
    let find = |keys: Tensor, values: Tensor, wanted: Tensor, default: Tensor| {
        let table = Whole::Map((keys, values).into());
        let inputs = vec![table, wanted.into(), default.into()];
        let found = |constants: &[Option<&Whole>]| {
            let site = Site { step: &"step".into(), inputs: &[], wanted: &[true], constants };
            let kernel = TensorKernel::new(&TensorNode::new(TableOp::Find.into()), &site).expect("compiles");
            kernel.alone(inputs.clone(), 1).map_err(|error| error.to_string())
        };
        let plain = found(&[None, None, None]);
        assert_eq!(plain, found(&[Some(&inputs[0]), None, None]));
        plain.map(|values| values[0].as_tensor().cloned().expect("a tensor"))
    };
    let (keys, values) = (all(&["red", "blue", "red"]), tensor(&[3], [0i64, 2, 9]));
    let wanted = texts(&[2, 2], &["blue", "mauve", "red", ""]);
    let found = find(keys.clone(), values.clone(), wanted, Tensor::scalar(-1i64));
    assert_eq!(found, Ok(tensor(&[2, 2], [2i64, -1, 0, -1])));
    let each = find(keys, values, all(&["x", "blue"]), tensor(&[2], [7i64, 8]));
    assert_eq!(each, Ok(tensor(&[2], [7i64, 2])));
    let floats =
        find(tensor(&[2], [0f32, f32::NAN]), all(&["zero", "none"]), tensor(&[2], [-0f32, f32::NAN]), word("?"));
    words(&floats.expect("a table of floats"), &[2], &["zero", "?"]);
    let rows =
        find(tensor(&[1], [5i64]), tensor(&[1, 2], [1f32, 2.0]), tensor(&[2], [5i64, 6]), tensor(&[2], [0f32, -1.0]));
    assert_eq!(rows, Ok(tensor(&[2, 2], [1f32, 2.0, 0.0, -1.0])));
    assert!(find(tensor(&[1], [5i64]), tensor(&[2], [1f32, 2.0]), tensor(&[1], [5i64]), Tensor::scalar(0f32)).is_err());
}

fn spec() -> ExampleSpec {
    let open = |name: &str, ty| OpenFeature { name: name.into(), ty, splits: DType::I32 };
    let dense = |name: &str, ty, shape: &[Option<usize>]| DenseFeature { name: name.into(), ty, shape: shape.to_vec() };
    ExampleSpec {
        sparse: vec![open("tags", FeatureType::Text)],
        dense: vec![
            dense("n", FeatureType::I64, &[]),
            dense("x", FeatureType::F32, &[Some(2)]),
            dense("v", FeatureType::I64, &[None]),
        ],
        ragged: vec![open("r", FeatureType::I64)],
    }
}

/// Returns a message's field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// Returns an example of features: a name, which list, and its bytes.
fn example(features: &[(&str, u8, Vec<u8>)]) -> Bytes {
    let entries = features.iter().flat_map(|(name, list, bytes)| {
        field(1, &[field(1, name.as_bytes()), field(2, &field(*list, bytes))].concat())
    });
    field(1, &entries.collect::<Vec<u8>>()).into()
}

fn floats(values: &[f32]) -> Vec<u8> {
    field(1, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn parse(examples: Tensor) -> Result<Vec<Tensor>, String> {
    let formal = [
        Some(examples),
        None,
        Some(Tensor::scalar(-1i64)),
        Some(tensor(&[0], Vec::<f32>::new())),
        Some(tensor(&[1], [7i64])),
    ];
    run(ExampleOp::Parse(spec().into()), &formal, 8)
}

#[test]
fn examples_are_read() {
    let first = example(&[
        ("tags", 1, [field(1, b"a"), field(1, b"b")].concat()),
        ("x", 2, floats(&[1.0, 2.0])),
        ("v", 3, field(1, &[4, 5, 6])),
        ("r", 3, vec![8, 9, 8, 10]),
    ]);
    let second = example(&[
        ("other", 3, vec![8, 1]),
        ("n", 3, field(1, &[0xac, 2])),
        ("x", 2, floats(&[0.0, 0.0])),
        ("x", 2, floats(&[-1.0, 0.5])),
    ]);
    let out = parse(tensor(&[2], [first.clone(), second])).expect("runs");
    assert_eq!(out[0], tensor(&[2, 2], [0i64, 0, 0, 1]));
    words(&out[1], &[2], &["a", "b"]);
    assert_eq!(out[2], tensor(&[2], [2i64, 2]));
    assert_eq!(out[3], tensor(&[2], [-1i64, 300]));
    assert_eq!(out[4], tensor(&[2, 2], [1f32, 2.0, -1.0, 0.5]));
    assert_eq!(out[5], tensor(&[2, 3], [4i64, 5, 6, 7, 7, 7]));
    assert_eq!(out[6], tensor(&[2], [9i64, 10]));
    assert_eq!(out[7], tensor(&[3], [0i32, 2, 2]));
    let alone = parse(Tensor::scalar(first)).expect("runs");
    assert_eq!(alone[0], tensor(&[2, 1], [0i64, 1]));
    assert_eq!(alone[2], tensor(&[1], [2i64]));
    assert_eq!(alone[4], tensor(&[2], [1f32, 2.0]));
}

#[test]
fn faulty_examples_are_refused_in_tensorflows_words() {
    let said = |bytes: Bytes| parse(tensor(&[1], [bytes])).expect_err("refused");
    let missing = "Name: <unknown>, Feature: x (data type: float) is required but could not be found.";
    assert!(said(example(&[])).contains(missing));
    let other = "Name: <unknown>, Key: x, Index: 0.  Data types don't match. Data type: int64 but expected type: float";
    assert!(said(example(&[("x", 3, vec![8, 1])])).contains(other));
    let size =
        "Name: <unknown>, Key: x, Index: 0.  Number of float values != expected.  Values size: 1 but output shape: [2]";
    assert!(said(example(&[("x", 2, floats(&[1.0]))])).contains(size));
    assert!(said(Bytes::from(&b"\x0a\xff"[..])).contains("Could not parse example input, value: '"));
    assert!(said(example(&[("x", 2, field(1, &[1, 2, 3]))])).contains("Can't parse serialized Example."));
    // Whatever bytes come, nothing breaks.
    let whole = example(&[("x", 2, floats(&[1.0, 2.0])), ("v", 3, field(1, &[4, 0xff]))]);
    for at in 0..whole.len() {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            let _answered = parse(tensor(&[1], [Bytes::from(bytes)]));
            let _answered = parse(tensor(&[1], [Bytes::from(&whole[..at])]));
        }
    }
}
