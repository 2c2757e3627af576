//! Examples that are sequences, whatever bytes they are of; their values are held by `conformance/tensorflow/sequences`.

use model::{DType, Tensor, tensor::Bytes};
use plan::tensor::*;

use super::{run, tensor};

fn spec() -> SequenceSpec {
    let open = |name: &str, ty| OpenFeature { name: name.into(), ty, splits: DType::I64 };
    let dense = |name: &str, ty, shape: &[Option<usize>]| DenseFeature { name: name.into(), ty, shape: shape.to_vec() };
    let context = ExampleSpec { dense: vec![dense("n", FeatureType::I64, &[])], ..ExampleSpec::default() };
    let lists = ExampleSpec {
        sparse: vec![open("s", FeatureType::I64)],
        dense: vec![dense("x", FeatureType::I64, &[Some(2)])],
        ragged: vec![open("r", FeatureType::I64)],
    };
    SequenceSpec { context, lists, may_lack: vec![true] }
}

/// Returns a message's field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, value)].concat())
}

/// Returns a feature of int64.
fn ints(values: &[u8]) -> Vec<u8> {
    field(3, &field(1, values))
}

fn steps(values: &[&[u8]]) -> Vec<u8> {
    values.iter().flat_map(|values| field(1, &ints(values))).collect()
}

fn parse(examples: Tensor) -> Result<Vec<Tensor>, String> {
    let formal = [Some(examples), Some(tensor(&[0], Vec::<Bytes>::new())), Some(tensor(&[0], Vec::<i64>::new()))];
    run(ExampleOp::ParseSequence(spec().into()), &formal, 9)
}

#[test]
fn steps_are_read() {
    let lists = [entry("x", &steps(&[&[1, 2], &[3, 4]])), entry("r", &steps(&[&[5], &[], &[6, 7]]))].concat();
    let first: Bytes = [field(1, &entry("n", &ints(&[9]))), field(2, &lists)].concat().into();
    let lists = [entry("s", &steps(&[&[], &[8]])), entry("r", &steps(&[&[1]]))].concat();
    let second: Bytes = [field(2, &lists), field(1, &entry("n", &ints(&[8])))].concat().into();
    let out = parse(tensor(&[2], [first.clone(), second])).expect("runs");
    assert_eq!(out[0], tensor(&[2], [9i64, 8]));
    assert_eq!(out[1], tensor(&[1, 3], [1i64, 1, 0]));
    assert_eq!(out[3], tensor(&[3], [2i64, 2, 1]));
    assert_eq!(out[4], tensor(&[2, 2, 2], [1i64, 2, 3, 4, 0, 0, 0, 0]));
    assert_eq!(out[5], tensor(&[2], [2i64, 0]));
    assert_eq!(out[7], tensor(&[3], [0i64, 3, 4]));
    assert_eq!(out[8], tensor(&[5], [0i64, 1, 1, 3, 4]));
    let alone = parse(Tensor::scalar(first.clone())).expect("runs");
    assert_eq!(alone[5], Tensor::scalar(2i64));
    // Whatever bytes come, nothing breaks.
    for at in 0..first.len() {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut bytes = first.to_vec();
            bytes[at] = byte;
            let _answered = parse(tensor(&[1], [Bytes::from(bytes)]));
            let _answered = parse(tensor(&[1], [Bytes::from(&first[..at])]));
        }
    }
}
