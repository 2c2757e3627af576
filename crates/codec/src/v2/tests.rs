#![allow(clippy::unwrap_used)]

use model::{Builder, Takes};

use super::*;
use crate::json::{EncodeOptions, encode as encode_rows};

fn field(ty: Type) -> model::Field {
    field_of(Takes::One(ty))
}

fn field_of(takes: Takes) -> model::Field {
    let (nullable, needs) = (true, Vec::new());
    model::Field {
        name: "x".into(),
        takes,
        nullable,
        whole: false,
        default: true,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs,
        has_default: false,
        declared: None,
    }
}

/// Reads one tensor as a column, and writes its rows.
fn rows(field: model::Field, tensor: &str) -> Result<String, String> {
    let body = format!(r#"{{"inputs":[{{"name":"x",{tensor}}}]}}"#);
    let fields = [field];
    let batch = Request::parse(body.as_bytes()).and_then(|request| request.batch(&fields, &fields, 100));
    let mut out = Vec::new();
    encode_rows(&batch.map_err(|error| error.to_string())?, EncodeOptions::default(), &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap().replace("\"x\":", ""))
}

fn check(ty: Type, tensor: &str, expected: &str) {
    assert_eq!(rows(field(ty), tensor).as_deref(), Ok(expected), "{tensor}");
}

fn refused(ty: Type, tensor: &str, part: &str) {
    let error = rows(field(ty), tensor).unwrap_err();
    assert!(error.contains(part), "{tensor}: {error}");
}

#[test]
fn columns_from_tensors() {
    check(Type::F64, r#""shape":[3],"datatype":"FP64","data":[1,"NaN",null]"#, r#"[{1.0},{"NaN"},{null}]"#);
    check(Type::F64, r#""shape":[2],"datatype":"UINT8","data":[[1],[255]]"#, "[{1.0},{255.0}]");
    check(Type::F64, r#""data":[0.5],"datatype":"FP16","shape":[1,1,1]"#, "[{0.5}]");
    check(Type::I64, r#""shape":[1],"datatype":"INT32","data":[-7]"#, "[{-7}]");
    check(Type::BOOL, r#""shape":[3],"datatype":"BOOL","data":[true,false,1]"#, "[{true},{false},{true}]");
    check(Type::Text, r#""shape":[2],"datatype":"BYTES","data":["a","ä"]"#, r#"[{"a"},{"ä"}]"#);
    check(Type::Bytes, r#""shape":[1],"datatype":"BYTES","data":[{"b64":"/w=="}]"#, r#"[{{"b64":"/w=="}}]"#);
    check(Type::scalar(DType::Date), r#""shape":[1],"datatype":"BYTES","data":["2024-02-29"]"#, r#"[{"2024-02-29"}]"#);
    check(Type::VECTOR, r#""shape":[2,2],"datatype":"FP32","data":[1,2,[3,4]]"#, "[{[1.0,2.0]},{[3.0,4.0]}]");
    check(Type::VECTOR, r#""shape":[1,2],"datatype":"FP64","data":[[1,null]]"#, "[{null}]");
    let sparse = r#"{\"size\":3,\"indices\":[1],\"values\":[2]}"#;
    check(
        Type::VECTOR,
        &format!(r#""shape":[2],"datatype":"BYTES","data":["{sparse}","[1]"]"#),
        r#"[{{"size":3,"indices":[1],"values":[2.0]}},{[1.0]}]"#,
    );
    check(Type::list(Type::Text), r#""shape":[1,2],"datatype":"BYTES","data":["a","b"]"#, r#"[{["a","b"]}]"#);
    check(Type::list(Type::Text), r#""shape":[2],"datatype":"BYTES","data":["[\"a\"]","[]"]"#, r#"[{["a"]},{[]}]"#);
    check(Type::list(Type::I64), r#""shape":[2,0],"datatype":"INT64","data":[]"#, "[{[]},{[]}]");
    let array = Type::Fixed { dtype: DType::F32, shape: vec![2, 1] };
    check(array, r#""shape":[1,2,1],"datatype":"FP32","data":[1,2]"#, "[{[[1.0],[2.0]]}]");
}

#[test]
fn where_a_field_takes_several_types_the_datatype_says_which() {
    let of = |types: Vec<Type>, tensor: &str| rows(field_of(Takes::From(types)), tensor);
    let all = || vec![Type::I64, Type::F64, Type::Text, Type::BOOL];
    let is = |tensor: &str, expected: &str| assert_eq!(of(all(), tensor).as_deref(), Ok(expected), "{tensor}");
    is(r#""shape":[1],"datatype":"INT64","data":[1]"#, "[{1}]");
    is(r#""shape":[1],"datatype":"FP64","data":[1]"#, "[{1.0}]");
    is(r#""shape":[1],"datatype":"BYTES","data":["1"]"#, r#"[{"1"}]"#);
    let part = vec![Type::I64, Type::F64, Type::BOOL, Type::VECTOR];
    assert_eq!(of(part, r#""shape":[1,2],"datatype":"INT8","data":[1,2]"#).as_deref(), Ok("[{[1.0,2.0]}]"));
    let times = || vec![Type::scalar(DType::Date), Type::scalar(DType::Timestamp)];
    let time = |data: &str| of(times(), &format!(r#""shape":[2],"datatype":"BYTES","data":{data}"#));
    assert_eq!(time(r#"["2024-02-29",null]"#).as_deref(), Ok(r#"[{"2024-02-29"},{null}]"#));
    let noon = r#"["2024-02-29T12:00:00Z","1969-12-31T23:59:59.5Z"]"#;
    assert_eq!(time(noon).as_deref(), Ok(r#"[{"2024-02-29T12:00:00Z"},{"1969-12-31T23:59:59.500Z"}]"#));
    assert!(time(r#"["2024-02-29","noon"]"#).is_err());
    let items = vec![Type::list(Type::Text), Type::list(Type::I64)];
    assert_eq!(of(items, r#""shape":[1,2],"datatype":"INT32","data":[1,2]"#).as_deref(), Ok("[{[1,2]}]"));
}

#[test]
fn what_does_not_fit_is_named() {
    let none = r#""shape":[0,4294967296,4294967296],"datatype":"FP64","data":[]"#;
    refused(Type::F64, none, "as many elements as the shape");
    refused(Type::F64, r#""shape":[2],"datatype":"FP64","data":[1]"#, "as many elements as the shape [2] says, got 1");
    refused(Type::F64, r#""shape":[-1],"datatype":"FP64","data":[1]"#, "none below 0, got [-1]");
    refused(Type::F64, r#""shape":[],"datatype":"FP64","data":[1]"#, "got FP64 []");
    refused(Type::F64, r#""shape":[1],"datatype":"FP64","data":["x"]"#, "elements of FP64, got a string at 0");
    refused(Type::F64, r#""shape":[1],"datatype":"BYTES","data":["1"]"#, "column of float64, got BYTES [1]");
    refused(Type::I64, r#""shape":[1],"datatype":"FP64","data":[1]"#, "column of int64, got FP64 [1]");
    refused(Type::I64, r#""shape":[1],"datatype":"UINT64","data":[18446744073709551615]"#, "got UINT64 [1]");
    refused(Type::Text, r#""shape":[1],"datatype":"BYTES","data":[{"b64":"/w=="}]"#, "got bytes that are not, at 0");
    refused(Type::Text, r#""shape":[1],"datatype":"BYTES","data":[{"b64":"/w==","x":1}]"#, "got an object at 0");
    refused(
        Type::VECTOR,
        r#""shape":[1],"datatype":"BYTES","data":["{}"]"#,
        "elements that are JSON of vector, got {}",
    );
    refused(Type::F64, r#""shape":[1],"datatype":"FP64""#, "the key `data`");
    refused(Type::F64, r#""shape":[101,0],"datatype":"FP64","data":[]"#, "rows_max");
    refused(Type::F64, r#""shape":[1],"datatype":"FP64","data":null"#, "`data`");
    let deep = format!(r#""shape":[1],"datatype":"FP64","data":{}1{}"#, "[".repeat(60), "]".repeat(60));
    refused(Type::F64, &deep, "nested deeper");
    let huge = r#""shape":[4294967296,4294967296,4294967296],"datatype":"FP64","data":[1]"#;
    refused(Type::F64, huge, "as many elements");
}

fn column(ty: &Type, push: impl FnOnce(&mut Builder)) -> model::Column {
    let mut builder = Builder::new(ty);
    push(&mut builder);
    builder.finish()
}

/// Writes a column as an output.
fn written(column: model::Column, expected: &str) {
    let mut batch = model::Batch::new(column.len());
    batch.push("y", column);
    let mut out = Vec::new();
    encode(&batch, Head { model: "m", version: None, id: None }, &mut out).unwrap();
    let expected = format!(r#"{{"model_name":"m","outputs":[{{"name":"y",{expected}}}]}}"#);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn outputs_as_tensors() {
    let floats = |values: &[f32]| column(&Type::F32, |b| values.iter().for_each(|&v| b.push_fixed(v)));
    written(floats(&[0.1, 2.0, f32::NAN]), r#""shape":[3],"datatype":"FP32","data":[0.1,2.0,"NaN"]"#);
    let vectors = column(&Type::VECTOR, |b| {
        b.push_dense(&[1.0, 2.0, 3.0]);
        assert!(b.push_sparse(3, &[1], &[5.0]));
    });
    written(vectors, r#""shape":[2,3],"datatype":"FP64","data":[1.0,2.0,3.0,0.0,5.0,0.0]"#);
    let ragged = column(&Type::VECTOR, |b| {
        b.push_dense(&[1.0]);
        b.push_null();
    });
    let json = r#""datatype":"BYTES","parameters":{"content_type":"application/json"}"#;
    written(ragged, &format!(r#""shape":[2],{json},"data":["[1.0]",null]"#));
    let lists = column(&Type::list(Type::Text), |b| {
        b.items().push_text("a\"b");
        b.end_list();
    });
    written(lists, &format!(r#""shape":[1],{json},"data":["[\"a\\\"b\"]"]"#));
    let arrays = column(&Type::Fixed { dtype: DType::I32, shape: vec![2, 1] }, |b| b.push_fixed_row(&[1i32, 2]));
    written(arrays, r#""shape":[1,2,1],"datatype":"INT32","data":[1,2]"#);
    let dates = column(&Type::scalar(DType::Date), |b| b.push_fixed(0i32));
    written(dates, r#""shape":[1],"datatype":"BYTES","data":["1970-01-01"]"#);
    let texts = column(&Type::Text, |b| {
        b.push_text("a");
        b.push_null();
    });
    written(texts, r#""shape":[2],"datatype":"BYTES","data":["a",null]"#);
}

/// What is no tensor says so by its kind, in and out.
#[test]
fn sequences_maps_and_half_precision_as_whole_values() {
    let whole = |ty: Type| model::Field { whole: true, ..field(ty) };
    let there_and_back = |ty: Type, value: &str| -> Result<String, String> {
        let body = format!(r#"{{"inputs":[{{"name":"x",{value}}}]}}"#);
        let fields = [whole(ty)];
        let batch = Request::parse(body.as_bytes()).and_then(|request| request.batch(&fields, &fields, 100));
        let mut out = Vec::new();
        let head = Head { model: "m", version: None, id: None };
        encode(&batch.map_err(|error| error.to_string())?, head, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let inner = out.strip_prefix(r#"{"model_name":"m","outputs":[{"name":"x","#).unwrap();
        Ok(inner.strip_suffix("}]}").unwrap().to_owned())
    };
    let same = |ty: Type, value: &str| assert_eq!(there_and_back(ty, value).as_deref(), Ok(value));
    same(Type::scalar(DType::F16), r#""shape":[2],"datatype":"FP16","data":[0.5,"NaN"]"#);
    same(Type::scalar(DType::BF16), r#""shape":[],"datatype":"BF16","data":[1.5]"#);
    same(Type::Bytes, r#""shape":[2],"datatype":"BYTES","data":["ä",{"b64":"/w=="}]"#);
    let element = r#"{"name":"","shape":[2],"datatype":"INT64","data":[1,2]}"#;
    let sequence = there_and_back(Type::list(Type::I64), &format!(r#""kind":"sequence","elements":[{element}]"#));
    assert_eq!(sequence, Ok(format!(r#""kind":"sequence","elements":[{element}]"#)));
    let maps = Type::list(Type::Map(Box::new(Type::Bytes), Box::new(Type::F32)));
    let text = r#""kind":"sequence_of_maps","maps":[{"keys":["a","b"],"values":[0.5,1.0]}]"#;
    same(maps.clone(), text);
    same(Type::F32, r#""kind":"none""#);
    for (ty, value, part) in [
        (Type::F32, r#""kind":"sequence","elements":[]"#, "a sequence"),
        (Type::F32, r#""kind":"tree""#, "sequence_of_maps"),
        (maps, r#""kind":"sequence_of_maps","maps":[{"keys":[1],"values":[]}]"#, "as many values as keys"),
        (Type::list(Type::I64), r#""kind":"sequence","elements":[{"name":"","shape":[1],"datatype":"X"}]"#, "datatype"),
        (Type::I32, r#""shape":[1],"datatype":"INT64","data":[3000000000]"#, "int32"),
    ] {
        let error = there_and_back(ty, value).unwrap_err();
        assert!(error.contains(part), "{value}: {error}");
    }
}

/// Reads one tensor in binary as a column, and writes its rows.
fn raw_rows(ty: Type, datatype: &str, shape: &[i64], bytes: &[u8]) -> Result<String, String> {
    let fields = [field(ty)];
    let mut request = Request::new(None);
    let batch = request
        .push("x", datatype, shape, Elements::Raw(bytes))
        .and_then(|()| request.batch(&fields, &fields, 100))
        .map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    encode_rows(&batch, EncodeOptions::default(), &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap().replace("\"x\":", ""))
}

#[test]
fn columns_from_bytes() {
    let check = |ty: Type, datatype: &str, shape: &[i64], bytes: &[u8], expected: &str| {
        assert_eq!(raw_rows(ty, datatype, shape, bytes).as_deref(), Ok(expected), "{datatype} {bytes:?}");
    };
    check(Type::I64, "INT16", &[2], &[0xff, 0xff, 1, 2], "[{-1},{513}]");
    check(Type::F64, "FP16", &[1, 1], &[0, 0x3c], "[{1.0}]");
    check(Type::F64, "BF16", &[1], &[0xc0, 0x3f], "[{1.5}]");
    check(Type::BOOL, "BOOL", &[3], &[0, 1, 7], "[{false},{true},{true}]");
    check(Type::VECTOR, "UINT8", &[2, 2], &[1, 2, 3, 255], "[{[1.0,2.0]},{[3.0,255.0]}]");
    check(Type::Text, "BYTES", &[2], &[1, 0, 0, 0, b'a', 0, 0, 0, 0], r#"[{"a"},{""}]"#);
    check(Type::list(Type::I64), "INT64", &[1, 0], &[], "[{[]}]");
    let refused = |ty: Type, datatype: &str, shape: &[i64], bytes: &[u8], part: &str| {
        let error = raw_rows(ty, datatype, shape, bytes).unwrap_err();
        assert!(error.contains(part), "{datatype} {bytes:?}: {error}");
    };
    refused(Type::I64, "INT16", &[2], &[1, 2, 3], "3 bytes");
    refused(Type::Text, "BYTES", &[1], &[9, 0, 0, 0, b'a'], "beyond the data");
    refused(Type::Text, "BYTES", &[1 << 40], &[], "beyond the data");
    refused(Type::Text, "BYTES", &[1], &[1, 0, 0, 0, 0xff], "got bytes that are not, at 0");
    refused(Type::I64, "INT64", &[101, 0], &[], "rows_max");
}

#[test]
fn outputs_as_bytes() {
    let check = |column: model::Column, datatype: Datatype, shape: &[usize], data: &[u8]| {
        let mut batch = model::Batch::new(column.len());
        batch.push("y", column);
        let [output] = &outputs(&batch).unwrap()[..] else { panic!("one output") };
        assert_eq!((output.datatype, &output.shape[..], &output.data[..]), (datatype, shape, data));
    };
    let i16s = column(&Type::scalar(DType::I16), |b| assert!(b.push_int(-2) && b.push_int(258)));
    check(i16s, Datatype::Of(DType::I16), &[2], &[0xfe, 0xff, 2, 1]);
    let floats = column(&Type::F32, |b| {
        assert!(b.push_float(1.0));
        b.push_null();
    });
    check(floats, Datatype::Of(DType::F32), &[2], &[0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f]);
    let texts = column(&Type::Text, |b| b.push_text("ab"));
    check(texts, Datatype::Bytes, &[1], &[2, 0, 0, 0, b'a', b'b']);
    let sparse = column(&Type::VECTOR, |b| assert!(b.push_sparse(2, &[1], &[1.0])));
    check(sparse, Datatype::Of(DType::F64), &[1, 2], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    let dates = column(&Type::scalar(DType::Date), |b| b.push_fixed(0i32));
    check(dates, Datatype::Bytes, &[1], b"\x0a\0\0\x001970-01-01");

    let mut batch = model::Batch::new(1);
    batch.push("y", column(&Type::I64, Builder::push_null));
    let error = outputs(&batch).unwrap_err().to_string();
    assert!(error.contains("output `y`: row 0 is null"), "{error}");
}

#[test]
fn classes_are_the_largest_values() {
    let of = |classes: usize, ty: &Type, push: &dyn Fn(&mut Builder)| {
        let mut batch = model::Batch::new(2);
        batch.push("y", column(ty, push));
        let output = outputs(&batch).unwrap().remove(0).classified(classes).unwrap();
        (output.shape.clone(), output.texts().map(|t| String::from_utf8_lossy(t).into_owned()).collect::<Vec<_>>())
    };
    let vectors = |b: &mut Builder| {
        b.push_dense(&[0.25, f64::NAN, 0.5]);
        b.push_dense(&[1.0, 1.0, -1.0]);
    };
    let expected = ["0.500000:2", "0.250000:0", "1.000000:0", "1.000000:1"].map(str::to_owned).to_vec();
    assert_eq!(of(2, &Type::VECTOR, &vectors), (vec![2, 2], expected));
    let numbers = |b: &mut Builder| assert!(b.push_int(-3) && b.push_int(4));
    assert_eq!(of(5, &Type::I64, &numbers), (vec![2, 1], ["-3:0", "4:0"].map(str::to_owned).to_vec()));
}
