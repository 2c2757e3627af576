#![allow(clippy::unwrap_used)]

use model::{DType, Field, Reading, Signature, Takes, Type};

use super::*;

fn field(name: &str, ty: Type) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(ty),
        nullable: true,
        whole: true,
        default: true,
        optional: false,
        gates: false,
        reading: Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

/// Returns what a model that gives its inputs back answers.
fn echo(fields: &[Field], body: &str) -> Result<String, TfsError> {
    let signature =
        Signature { name: "s".into(), inputs: fields.to_vec(), outputs: Vec::new(), grouped: false, method: None };
    let request = Request::parse(body.as_bytes())?;
    let mut out = Vec::new();
    encode(&request.batch(&signature)?, request.form, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn check(ty: Type, body: &str, expected: &str) {
    assert_eq!(echo(&[field("x", ty)], body).as_deref(), Ok(expected), "{body}");
}

fn refused(ty: Type, body: &str, part: &str) {
    let error = echo(&[field("x", ty)], body).unwrap_err().to_string();
    assert!(error.contains(part), "{body}: {error}");
}

#[test]
fn rows_and_columns() {
    check(
        Type::F32,
        r#"{"instances": [[1, 2.5], [NaN, -Infinity]]}"#,
        r#"{"predictions":[[1.0,2.5],[NaN,-Infinity]]}"#,
    );
    check(Type::F32, r#"{"instances": [{"x": 1e-9}, {"x": 0.1}]}"#, r#"{"predictions":[1e-09,0.1]}"#);
    check(Type::F64, r#"{"inputs": {"x": 0.30000000000000004}}"#, r#"{"outputs":0.30000000000000004}"#);
    check(Type::F32, r#"{"inputs": 1.14876819e-09}"#, r#"{"outputs":1.14876819e-09}"#);
    check(Type::F64, r#"{"inputs": 123456789.25}"#, r#"{"outputs":123456789.25}"#);
    check(Type::I64, r#"{"signature_name":"s","inputs":[[],[]]}"#, r#"{"outputs":[[],[]]}"#);
    check(Type::Bytes, r#"{"instances":["\u00e4\ud83d\ude00\n",{"b64":"YQ=="}]}"#, r#"{"predictions":["ä😀\n","a"]}"#);
    check(Type::BOOL, r#"{"instances":[true,false]}"#, r#"{"predictions":[true,false]}"#);
    check(Type::scalar(DType::U64), r#"{"inputs":18446744073709551615}"#, r#"{"outputs":18446744073709551615}"#);
    let two = [field("a", Type::I32), field("b_bytes", Type::Bytes)];
    let body = r#"{"instances":[{"a":1,"b_bytes":"hi"},{"b_bytes":{"b64":"/w=="},"a":-2}]}"#;
    let answer = r#"{"predictions":[{"a":1,"b_bytes":{"b64":"aGk="}},{"a":-2,"b_bytes":{"b64":"/w=="}}]}"#;
    assert_eq!(echo(&two, body).as_deref(), Ok(answer));
}

#[test]
fn what_does_not_fit_is_refused_in_the_words_of_the_original() {
    let f32 = || Type::F32;
    refused(f32(), "", "The document is empty");
    refused(f32(), "instances = [1]", "JSON Parse error");
    refused(f32(), "[1,2]", "Is not object");
    refused(f32(), r#"{"instances":[1]} 2"#, "JSON Parse error");
    refused(f32(), r#"{"instances":[01]}"#, "JSON Parse error");
    refused(f32(), r#"{"instances":["a"]}"#, "is not of expected type: float");
    refused(
        f32(),
        r#"{"instances":[[1,2],[3]]}"#,
        "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2",
    );
    refused(f32(), r#"{"instances":[[1],2]}"#, "expecting a list");
    refused(f32(), r#"{"instances":[1,[2]]}"#, "unexpected level: 0 expected < 0");
    refused(f32(), r#"{"instances":[1,{"x":2}]}"#, "got object at item 1 of input list");
    refused(f32(), r#"{"instances":[{"y":2}]}"#, "does not have named input: y");
    refused(f32(), r#"{"inputs":{"y":2}}"#, "Missing named input: x in 'inputs' object.");
    refused(Type::I32, r#"{"inputs":1.5}"#, "JSON Value: 1.5 Type: Number is not of expected type: int32");
    refused(Type::scalar(DType::I8), r#"{"inputs":300}"#, "is not of expected type: int8");
    refused(Type::scalar(DType::F16), r#"{"inputs":[1.5]}"#, "Conversion of JSON Value: 1.5 to type: half");
    refused(f32(), &format!(r#"{{"inputs":{}1}}"#, "[".repeat(100)), "nested too deeply");
    refused(f32(), &format!(r#"{{"inputs":{}1{}}}"#, "[".repeat(20), "]".repeat(20)), "unexpected level");
}
