//! Rows of a table by their keys.

use std::sync::Arc;

use plan::{FindTable, Scalar};

use super::*;

fn words(words: &[&str]) -> Arc<[Scalar]> {
    words.iter().map(|&word| Scalar::Text(word.into())).collect()
}

fn find(keys: Vec<Arc<[Scalar]>>, values: Arc<[Scalar]>, ty: Type, inputs: &[Column]) -> Ran {
    run(EncodeOp::Find(Arc::new(FindTable { keys, values, ty })), inputs)
}

#[test]
fn rows_are_found_by_all_their_keys() {
    let keys = vec![words(&["a", "a", "b"]), [1, 2, 1].map(Scalar::I64).into()];
    let values = [10.5, 20.0, 30.0].map(Scalar::F64).into();
    let first = texts(&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c"), None, Some("a")]);
    let second = fixed(DType::I64, &[Some(1_i64), Some(2), Some(1), Some(2), Some(1), Some(1), None]);
    let got = only(find(keys, values, Type::F64, &[first, second]));
    assert_eq!(got, numbers(&[Some(10.5), Some(20.0), Some(30.0), None, None, None, None]));
}

#[test]
fn numbers_are_found_by_their_value_and_texts_come_out() {
    let keys = vec![[0.0, NAN, 2.5].map(Scalar::F64).into()];
    let values: Arc<[Scalar]> =
        [Scalar::Text("zero".into()), Scalar::Text("nan".into()), Scalar::Null(Type::Text)].into();
    let got = only(find(keys, values, Type::Text, &[numbers(&[Some(-0.0), Some(-NAN), Some(2.5), Some(1.0), None])]));
    assert_eq!(got, texts(&[Some("zero"), Some("nan"), None, None, None]));
}

#[test]
fn keys_that_stand_twice_refuse_who_asks_for_them() {
    let keys = vec![words(&["a", "b", "a"])];
    let ran = find(keys, [1, 2, 3].map(Scalar::I64).into(), Type::I64, &[texts(&[Some("a"), Some("b")])]);
    assert!(ran.faults[0].is_some() && ran.faults[1].is_none(), "{:?}", ran.faults);
}

#[test]
fn a_table_whose_columns_do_not_fit_is_none() {
    let table = FindTable { keys: vec![words(&["a"])], values: [].into(), ty: Type::F64 };
    assert!(plan::Op::from(EncodeOp::Find(Arc::new(table))).check().is_err());
}
