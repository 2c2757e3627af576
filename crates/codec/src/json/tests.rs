//! The rules of JSON in and out. A check decodes a body by a schema and compares what encoding gives back.

use std::sync::Arc;

use model::{Batch, Field, Mark, OnFault, Takes, Type};

use super::*;
use crate::{
    CodecError, schema,
    table::{ReadOptions, Sink, Source, WriteOptions},
};

fn field(name: &str, takes: Takes) -> Field {
    Field {
        name: name.into(),
        takes,
        nullable: true,
        whole: false,
        default: true,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

fn fields(ddl: &str) -> Vec<Field> {
    let specs = schema::parse_ddl(ddl).expect(ddl);
    specs.into_iter().map(|spec| field(&spec.name, Takes::One(spec.ty))).collect()
}

fn decoder(fields: &[Field]) -> Decoder {
    Decoder::new(fields, &[], Limits::default()).expect("fields of rows")
}

fn rows(fields: &[Field], body: &str) -> Result<Rows, CodecError> {
    decoder(fields).rows(body.as_bytes(), false)
}

fn text(batch: &Batch, options: EncodeOptions) -> String {
    let mut out = Vec::new();
    encode(batch, options, &mut out).expect("one row domain");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn check(ddl: &str, body: &str, expected: &str) {
    let rows = rows(&fields(ddl), body).unwrap_or_else(|error| panic!("{body}: {error}"));
    let shape = if rows.single { Shape::Single } else { Shape::Rows };
    assert_eq!(text(&rows.batch, EncodeOptions { shape, ..Default::default() }), expected, "{body}");
}

/// The body comes back as it is.
fn check_same(ddl: &str, body: &str) {
    check(ddl, body, body);
}

fn check_error(ddl: &str, body: &str, expected: &str) {
    let error = rows(&fields(ddl), body).expect_err(body);
    assert_eq!(error.to_string(), expected, "{body}");
}

/// A field `x` that takes one of these types settles on one, and gives the values back.
fn check_settles(takes: &str, values: &str, ty: &str, expected: &str) {
    let types = fields(takes).into_iter().map(|f| f.ty().clone()).collect();
    let body: String = values.split_whitespace().map(|v| format!(",{{\"x\":{v}}}")).collect();
    let rows = rows(&[field("x", Takes::From(types))], &format!("[{}]", &body[1..])).expect(values);
    assert_eq!(rows.batch.column("x").expect("x").ty().to_string(), ty, "{values}");
    let back = text(&rows.batch, EncodeOptions::default());
    let back = back.trim_matches(['[', ']']).replace("},{", " ").replace("\"x\":", "");
    assert_eq!(back.trim_matches(['{', '}']), expected, "{values}");
}

#[test]
fn numbers() {
    check_same("x bigint", r#"{"x":9007199254740993}"#);
    check_same("x bigint", r#"{"x":-9223372036854775808}"#);
    check_same("x uint64", r#"{"x":18446744073709551615}"#);
    check("x int", r#"{"x":-0}"#, r#"{"x":0}"#);
    check(
        "x double",
        r#"[{"x":1},{"x":-0},{"x":1e5},{"x":0.1}]"#,
        r#"[{"x":1.0},{"x":-0.0},{"x":100000.0},{"x":0.1}]"#,
    );
    check("x double", r#"{"x":18446744073709551615}"#, r#"{"x":1.8446744073709552e19}"#);
    check("x float", r#"{"x":0.1}"#, r#"{"x":0.10000000149011612}"#);
    check_same("x double", r#"[{"x":"NaN"},{"x":"Infinity"},{"x":"-Infinity"},{"x":null}]"#);
    check_same("x boolean", r#"[{"x":true},{"x":false}]"#);
    check_error("x int", r#"{"x":1.5}"#, "row 0, column `x`: expected int32, got 1.5");
    check_error("x int", r#"{"x":1.0}"#, "row 0, column `x`: expected int32, got 1.0");
    check_error("x tinyint", r#"{"x":128}"#, "row 0, column `x`: expected int8, got 128");
    check_error(
        "x bigint",
        r#"{"x":9223372036854775808}"#,
        "row 0, column `x`: expected int64, got 9223372036854775808",
    );
    check_error("x bigint", r#"{"x":"1"}"#, "row 0, column `x`: expected int64, got \"1\"");
    check_error("x double", r#"{"x":"nan"}"#, "row 0, column `x`: expected float64, got \"nan\"");
    check_error("x boolean", r#"{"x":1}"#, "row 0, column `x`: expected bool, got 1");
    check_error("x double", r#"{"x":true}"#, "row 0, column `x`: expected float64, got true");
    check_error("x double", r#"{"x":[1]}"#, "row 0, column `x`: expected float64, got an array");
}

#[test]
fn texts_and_times() {
    check_same("x string", r#"{"x":"a\"b\\c\n\t\b\f\r\u0000 ä 😀 /"}"#);
    check("x string", r#"{"x":"\u00e4\ud83d\ude00"}"#, r#"{"x":"ä😀"}"#);
    check_same("x string", r#"{"x":"NaN"}"#);
    check_same("x binary", r#"[{"x":"abc"},{"x":{"b64":"//4="}}]"#);
    check_same("x date, y timestamp", r#"{"x":"2024-02-29","y":"2024-02-29T01:02:03.400Z"}"#);
    check_same("x decimal(10,2), y decimal(3,0)", r#"[{"x":12.30,"y":-7},{"x":0.00,"y":null}]"#);
    check(
        "x decimal(38,4), y array<decimal(5,1)>",
        r#"{"x":"12345678901234567890123456789012.5","y":[1,2.5,"-0.1",1e2]}"#,
        r#"{"x":12345678901234567890123456789012.5000,"y":[1.0,2.5,-0.1,100.0]}"#,
    );
    let expected = "row 0, column `x`: expected decimal(5,2), got 1.234";
    check_error("x decimal(5,2)", r#"[{"x":1.234}]"#, expected);
    check_error("x string", r#"{"x":1}"#, "row 0, column `x`: expected string, got 1");
    check_error("x date", r#"{"x":"2023-02-29"}"#, "row 0, column `x`: expected date, got \"2023-02-29\"");
    let b64 = "row 0, column `x`: expected a string, or base64 as {\"b64\":\"..\"}, got an object";
    check_error("x binary", r#"{"x":{"b64":"?"}}"#, b64);
}

#[test]
fn vectors() {
    check_same(
        "v vector",
        r#"[{"v":[1.0,"NaN"]},{"v":{"size":4,"indices":[0,3],"values":[1.0,0.0]}},{"v":null},{"v":[]}]"#,
    );
    check("v vector", r#"{"v":{"values":[1,2]}}"#, r#"{"v":[1.0,2.0]}"#);
    check("v vector", r#"{"v":{"type":1,"values":[1,2]}}"#, r#"{"v":[1.0,2.0]}"#);
    let sparse = r#"{"v":{"size":2,"indices":[1],"values":[5.0]}}"#;
    check("v vector", r#"{"v":{"values":[5],"indices":[1],"type":0,"size":2,"more":[[]]}}"#, sparse);
    let forms = "row 0, column `v`: expected a vector: an array of numbers, {\"values\":[..]} or \
                 {\"size\":n,\"indices\":[..],\"values\":[..]}, got an object";
    for bad in [
        "{}",
        r#"{"size":1}"#,
        r#"{"size":1,"indices":[0]}"#,
        r#"{"size":1.5,"indices":[0],"values":[1]}"#,
        r#"{"size":-1,"indices":[],"values":[]}"#,
        r#"{"size":1,"indices":0,"values":[1]}"#,
        r#"{"size":1,"size":1,"indices":[0],"values":[1]}"#,
        r#"{"size":9,"indices":[-1],"values":[1]}"#,
        r#"{"size":1e300,"indices":[0],"values":[1]}"#,
        r#"{"type":1,"size":3,"values":[1]}"#,
    ] {
        check_error("v vector", &format!("{{\"v\":{bad}}}"), forms);
    }
    let rising = "row 0, column `v`: expected as many indices as values, rising and below the size, got an object";
    for bad in ["[1,0]", "[1,1]", "[1,9]", "[1]"] {
        check_error("v vector", &format!(r#"{{"v":{{"size":9,"indices":{bad},"values":[1,2]}}}}"#), rising);
    }
    let huge = r#"{"v":{"size":4294967295,"indices":[],"values":[]}}"#;
    let limit = "row 0, column `v`: expected a vector size within the limit (vector_size_max), got 4294967295 elements";
    check_error("v vector", huge, limit);
    check_error("v vector", r#"{"v":[1,null]}"#, "row 0, column `v`: expected a vector of numbers, got null");
    check_error(
        "v vector",
        r#"{"v":{"values":[[[1]]]}}"#,
        "row 0, column `v`: expected a vector of numbers, got an array",
    );
    check_error("v vector[3]", r#"{"v":[1,2]}"#, "row 0, column `v`: expected 3 elements, got 2 elements");
    check_error("v vector", r#"{"v":1}"#, "row 0, column `v`: expected vector, got 1");
}

#[test]
fn nested_values() {
    check_same("x array<string>", r#"[{"x":["a",null,"b"]},{"x":[]},{"x":null}]"#);
    check_same("x array<array<int>>", r#"{"x":[[1],[],[2,3]]}"#);
    check_same("x array<vector>", r#"{"x":[[1.0],{"size":2,"indices":[],"values":[]}]}"#);
    check("x struct<a:int,b:string>", r#"{"x":{"b":"q","c":[{}],"a":1}}"#, r#"{"x":{"a":1,"b":"q"}}"#);
    check("x struct<a:int,b:string>", r#"[{"x":{}},{"x":null}]"#, r#"[{"x":{"a":null,"b":null}},{"x":null}]"#);
    check_same("x map<string,double>, y map<int,string>", r#"{"x":{"a":1.0,"b":null},"y":{"7":"z"}}"#);
    check_same("x float32[2,2], y int8[1]", r#"{"x":[[1.0,2.0],[3.0,4.0]],"y":[5]}"#);
    check_error(
        "x array<int>",
        r#"{"x":[1,"a",[[]]]}"#,
        "row 0, column `x`: expected int32 in array<int32>, got \"a\"",
    );
    check_error(
        "x struct<a:int>",
        r#"{"x":{"a":1,"a":2}}"#,
        "row 0, column `x`: expected each key once, got an object",
    );
    check_error(
        "x struct<a:array<int>>",
        r#"{"x":{"a":[1,{}]}}"#,
        "row 0, column `x`: expected int32 in struct<a: array<int32>>, got an object",
    );
    check_error(
        "x map<int,int>",
        r#"{"x":{"a":1}}"#,
        "row 0, column `x`: expected keys of the map's key type, got an object",
    );
    check_error("x float32[2]", r#"{"x":[1]}"#, "row 0, column `x`: expected 2 elements, got 1 elements");
    check_error("x float32[2]", r#"{"x":[1,null]}"#, "row 0, column `x`: expected float32 in float32[2], got null");
}

#[test]
fn rows_and_keys() {
    check_same("x int", "[]");
    check("x int", r#" [ {"y":{"x":[1]},"x":1} , {"x":2} ] "#, r#"[{"x":1},{"x":2}]"#);
    check("a int, b int", r#"[{"b":2,"a":1},{"a":3,"b":4}]"#, r#"[{"a":1,"b":2},{"a":3,"b":4}]"#);
    check_error("x int", "{}", "row 0, column `x`: expected int32, got nothing");
    check_error("x int", r#"{"x":1,"x":2}"#, "row 0, column `x`: expected each key once, got \"the key again\"");
    check_error("x int", r#"[{"x":1},7]"#, "row 1: expected an object, got 7");
    check_error("x int", r#"[[]]"#, "row 0: expected an object, got an array");
    let wide: Vec<Field> = (0..40).map(|i| field(&format!("c{i}"), Takes::One(Type::I64))).collect();
    let body: Vec<String> = (0..40).rev().map(|i| format!("\"c{i}\":{i}")).collect();
    let rows = rows(&wide, &format!("{{{}}}", body.join(","))).expect("every key is found");
    assert!(text(&rows.batch, EncodeOptions::default()).starts_with(r#"[{"c0":0,"c1":1,"#));
}

#[test]
fn every_violation_is_in_one_answer() {
    let fields = fields("a int, b string");
    let error = rows(&fields, r#"[{"a":"x","b":1},{"a":1,"b":"x"},{"a":1.5,"b":"y","c":0},{"b":null}]"#).unwrap_err();
    let CodecError::Violations { violations, total } = error else { panic!("{error}") };
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(total, 4);
    assert_eq!(
        texts,
        [
            "row 0, column `a`: expected int32, got \"x\"",
            "row 0, column `b`: expected string, got 1",
            "row 2, column `a`: expected int32, got 1.5",
            "row 3, column `a`: expected int32, got nothing",
        ]
    );
    let many = format!("[{}0]", "0,".repeat(499));
    let CodecError::Violations { violations, total } = rows(&fields, &many).unwrap_err() else { panic!() };
    assert_eq!((violations.len(), total), (100, 500));
}

#[test]
fn bad_rows_are_kept_where_asked() {
    let decoder = decoder(&fields("a int, v vector"));
    let body = r#"[{"a":1,"v":[1]},{"a":"x","v":[2,"y"]},{"a":3,"v":[3]},{"v":{"values":1}}]"#;
    let rows = decoder.rows(body.as_bytes(), true).expect("bad rows are no error");
    let faults: Vec<(usize, String)> = rows.bad.iter().map(|fault| (fault.row, fault.to_string())).collect();
    assert_eq!(
        faults,
        [
            (1, "column `a`: expected int32, got \"x\"".to_owned()),
            (
                3,
                "column `v`: expected a vector: an array of numbers, {\"values\":[..]} or \
             {\"size\":n,\"indices\":[..],\"values\":[..]}, got an object"
                    .to_owned()
            ),
        ]
    );
    let back = r#"[{"a":1,"v":[1.0]},{"a":null,"v":null},{"a":3,"v":[3.0]},{"a":null,"v":null}]"#;
    assert_eq!(text(&rows.batch, EncodeOptions::default()), back);
    assert!(decoder.rows(b"[{\"a\":1},", true).is_err());
}

#[test]
fn types_are_settled_by_the_rows() {
    check_settles("a bigint, b double, c boolean", "1 2", "int64", "1 2");
    check_settles("a bigint, b double, c boolean", "null 1 2.5 null", "float64", "null 1.0 2.5 null");
    check_settles("a bigint, b double, c boolean", "1 \"NaN\"", "float64", "1.0 \"NaN\"");
    check_settles("a bigint, b double, c boolean", "true null", "bool", "true null");
    check_settles("a bigint, b double, c boolean", "null null", "int64", "null null");
    check_settles("a bigint, b double, c string", "\"NaN\" \"1\"", "string", "\"NaN\" \"1\"");
    check_settles("a double, b vector", "1 2", "float64", "1.0 2.0");
    check_settles("a double, b vector", "[] [1]", "vector", "[] [1.0]");
    check_settles("a array<string>, b vector", "[1] null", "vector", "[1.0] null");
    check_settles("a array<string>, b vector", "[] null [\"a\"]", "array<string>", "[] null [\"a\"]");
    check_settles("a array<bigint>, b array<double>", "[1] [] [2,0.5]", "array<float64>", "[1.0] [] [2.0,0.5]");
    check_settles("a array<bigint>, b array<double>", "[]", "array<int64>", "[]");
    let sparse = "{\"size\":1,\"indices\":[],\"values\":[]}";
    check_settles("a string, b vector", sparse, "vector", &sparse[1..sparse.len() - 1]);
}

#[test]
fn what_no_type_takes_is_refused() {
    let numbers = [field("x", Takes::From(Takes::numbers()))];
    let error = rows(&numbers, r#"{"x":"a"}"#).unwrap_err().to_string();
    assert_eq!(error, "row 0, column `x`: expected int64 or float64 or bool, got \"a\"");
    let error = rows(&numbers, r#"[{"x":true},{"x":1}]"#).unwrap_err().to_string();
    assert_eq!(error, "row 1, column `x`: expected bool, got 1");
    let given = Decoder::new(&numbers, &[Some(Type::Text)], Limits::default()).expect("a schema's type");
    assert!(given.rows(br#"{"x":"a"}"#, false).is_ok());
    let whole = Field { whole: true, ..field("x", Takes::One(Type::F64)) };
    assert!(matches!(Decoder::new(&[whole], &[], Limits::default()), Err(CodecError::Unsupported { .. })));
}

#[test]
fn optional_fields_may_be_left_out_of_all_rows() {
    let fields = [field("a", Takes::One(Type::I64)), Field { optional: true, ..field("b", Takes::One(Type::I64)) }];
    let check = |body: &str, expected: &str| {
        let back = rows(&fields, body).map_or_else(|e| e.to_string(), |r| text(&r.batch, EncodeOptions::default()));
        assert_eq!(back, expected, "{body}");
    };
    check(r#"[{"a":1},{"a":2}]"#, r#"[{"a":1},{"a":2}]"#);
    check(r#"[{"a":1,"b":null}]"#, r#"[{"a":1,"b":null}]"#);
    check(r#"[{"a":1},{"a":2,"b":3}]"#, "row 0, column `b`: expected int64, got nothing");
    assert_eq!(text(&decoder(&fields).columns(br#"{"a":[1]}"#).unwrap(), EncodeOptions::default()), r#"[{"a":1}]"#);
    let options = ReadOptions { settle_rows: 1, ..ReadOptions::new(fields.to_vec()) };
    let mut source = source("{\"a\":1}\n{\"a\":1,\"b\":2}\n", options);
    for _ in 0..2 {
        assert_eq!(source.next_chunk().expect("rows").expect("a row").batch.values().len(), 1);
    }
}

#[test]
fn columns_as_arrays() {
    let decoder = decoder(&fields("text string, n int"));
    let batch = decoder.columns(br#"{"n":[1,null],"more":{},"text":["a","b"]}"#).expect("columns of one length");
    assert_eq!(text(&batch, EncodeOptions::default()), r#"[{"text":"a","n":1},{"text":"b","n":null}]"#);
    for (bad, expected) in [
        (r#"{"text":["a"],"n":[1,2]}"#, "column `n`: expected 1 elements, got 2 elements"),
        (r#"{"text":"a","n":[1]}"#, "column `text`: expected an array with an entry per row, got \"a\""),
        (r#"{"n":[1]}"#, "column `text`: expected string, got nothing"),
        (r#"{"text":["a","b"],"n":[1,"x"]}"#, "row 1, column `n`: expected int32, got \"x\""),
        (r#"{"text":[],"text":[],"n":[]}"#, "column `text`: expected each key once, got \"the key again\""),
        ("[]", "invalid type: sequence, expected an object of columns: line 1, column 2 (byte 1)"),
    ] {
        assert_eq!(decoder.columns(bad.as_bytes()).expect_err(bad).to_string(), expected);
    }
}

#[test]
fn bodies_that_are_not_json_are_refused_with_their_place() {
    let check = |body: &str, expected: &str| check_error("x int", body, expected);
    check("", "EOF while parsing a value: line 1, column 0 (byte 0)");
    check("[{\"x\":1},\n {\"x\":}]", "expected value: line 2, column 7 (byte 16)");
    check("{\"x\":1}x", "trailing characters: line 1, column 8 (byte 7)");
    check("3", "invalid type: integer `3`, expected a row object or an array of them: line 1, column 1 (byte 0)");
    let deep = "[".repeat(40);
    check(&format!("{{\"y\":{deep}"), "values are nested deeper than the limit of 32 levels (line 1, column 37)");
    check(&format!("{{\"x\":{deep}"), "values are nested deeper than the limit of 32 levels (line 1, column 37)");
    let few = Decoder::new(&fields("x int"), &[], Limits { rows_max: 2, ..Limits::default() }).expect("fields of rows");
    let error = few.rows(br#"[{"x":1},{"x":1},{"x":1}]"#, false).unwrap_err();
    assert_eq!(error.to_string(), "the number of rows is 3, more than the limit 2 (rows_max)");
    assert!(few.columns(br#"{"x":[1,1,1]}"#).is_err());
}

#[test]
fn refused_and_skipped_rows() {
    let mut rows = decoder(&fields("x int")).rows(br#"[{"x":1},{"x":""},{"x":3}]"#, true).expect("bad rows are kept");
    let fault = Arc::new(rows.bad.remove(0));
    rows.batch.set_marks([Mark::Skipped, Mark::Refused(fault), Mark::Live].into());
    let marked = EncodeOptions { on_fault: OnFault::MarkRow, ..Default::default() };
    let error = r#"[{"_skipped":true},{"_error":"column `x`: expected int32, got \"\""},{"x":3}]"#;
    assert_eq!(text(&rows.batch, marked), error);
    assert_eq!(text(&rows.batch, EncodeOptions::default()), r#"[{"x":3}]"#);
    let dropped = EncodeOptions { shape: Shape::Single, ..Default::default() };
    assert_eq!(text(&rows.batch.slice(0, 1), dropped), "null");
}

#[test]
fn mist_has_dense_vectors_as_objects() {
    let rows =
        rows(&fields("v vector"), r#"[{"v":[1]},{"v":{"size":2,"indices":[0],"values":[1]}}]"#).expect("vectors");
    let mist = EncodeOptions { vectors: VectorForm::Mist, ..Default::default() };
    assert_eq!(text(&rows.batch, mist), r#"[{"v":{"values":[1.0]}},{"v":{"size":2,"indices":[0],"values":[1.0]}}]"#);
}

#[test]
fn whole_values_stand_in_one_object() {
    use model::{Column, DType, Fixed, Tensor, Whole};
    let floats = |values: Vec<f64>| Column::Fixed(Fixed::from_vec(DType::F64, values));
    let mut batch = Batch::new(0);
    batch.push_whole("t", Whole::Tensor(Tensor::new(&[2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]).expect("four")));
    batch.push_whole("s", Whole::Sequence(vec![Whole::Tensor(Tensor::scalar(5.0))].into()));
    batch.push_whole("m", Whole::Map((Tensor::vector(vec![7i64]), Tensor::vector(vec![0.5])).into()));
    let expected = r#"{"t":[[[1.0,2.0]],[[3.0,4.0]]],"s":[5.0],"m":{"7":0.5}}"#;
    assert_eq!(text(&batch, EncodeOptions::default()), expected);
    let domain = batch.add_domain(model::Domain { rows: 2, marks: None });
    batch.push_in(domain, "c", floats(vec![1.0, 2.0]));
    assert!(text(&batch, EncodeOptions::default()).ends_with(r#""m":{"7":0.5},"c":2.0}]"#));
    batch.push("d", floats(vec![]));
    assert!(encode(&batch, EncodeOptions::default(), &mut Vec::new()).is_err());
}

#[test]
fn nulls_of_large_arrays_stay_within_bounds() {
    let large = fields("x float64[1000000]");
    let body = format!("[{}]", vec![r#"{"x":null}"#; 40].join(","));
    let error = rows(&large, &body).expect_err("40 rows of 8 MB").to_string();
    assert_eq!(error, "the number of rows is 34, more than the limit 33 (rows_max)");
    let lines = "{\"x\":null}\n".repeat(40);
    let chunk = source(&lines, ReadOptions::new(large)).next_chunk().expect("rows").expect("a chunk");
    assert_eq!(chunk.batch.rows(), 33);
    for refused in ["x array<float64[2]>", "x map<string,struct<a:array<int>,b:int[2]>>"] {
        let made = Decoder::new(&fields(refused), &[], Limits::default());
        assert!(matches!(made, Err(CodecError::UnsupportedType { .. })), "{refused}");
    }
}

fn source(input: &str, options: ReadOptions) -> JsonlSource<&[u8]> {
    JsonlSource::new(input.as_bytes(), options).expect("fields of rows")
}

#[test]
fn lines_come_in_chunks_and_go_back_as_lines() {
    let input: String = (0..25).map(|i| format!("{{\"x\":{i}}}\n\n")).collect();
    let options = ReadOptions { chunk_rows_max: 4, settle_rows: 10, ..ReadOptions::new(fields("x bigint")) };
    let mut source = source(&input, options);
    let mut sink = Box::new(JsonlSink::new(Vec::new(), WriteOptions::default()));
    let (mut sizes, mut firsts) = (Vec::new(), Vec::new());
    let mut out = Vec::new();
    while let Some(chunk) = source.next_chunk().expect("rows") {
        sizes.push(chunk.batch.rows());
        firsts.push(chunk.first_row);
        JsonlSink::new(&mut out, WriteOptions::default()).write(&chunk.batch).expect("a Vec takes every byte");
        sink.write(&chunk.batch).expect("a Vec takes every byte");
    }
    sink.finish().expect("a Vec takes every byte");
    assert_eq!(sizes, [4, 4, 2, 4, 4, 4, 3]);
    assert_eq!(firsts, [0, 4, 8, 10, 14, 18, 22]);
    assert_eq!(String::from_utf8(out).unwrap(), input.replace("\n\n", "\n"));
}

#[test]
fn the_first_rows_of_a_file_settle_types() {
    let numbers = vec![field("x", Takes::From(Takes::numbers()))];
    let options = ReadOptions { settle_rows: 2, keep_bad_rows: true, ..ReadOptions::new(numbers) };
    let mut source = source("{\"x\":1}\n{\"x\":2}\n{\"x\":2.5}\n{\"x\":3}\n", options.clone());
    assert!(source.next_chunk().expect("rows").expect("two rows").bad.is_empty());
    let late = source.next_chunk().expect("rows").expect("two rows");
    assert_eq!(late.bad.len(), 1);
    let fault = "column `x`: expected int64 as in the first rows, or a type given by --schema, got 2.5";
    assert_eq!((late.bad[0].row, late.bad[0].to_string().as_str()), (0, fault));
    let strict = ReadOptions { keep_bad_rows: false, ..options };
    let mut source = self::source("{\"x\":1}\n{\"x\":2}\n{\"x\":true}\n", strict);
    source.next_chunk().expect("rows");
    let error = source.next_chunk().unwrap_err().to_string();
    assert_eq!(error, "row 2, column `x`: expected int64 as in the first rows, or a type given by --schema, got true");
}

#[test]
fn lines_that_are_not_json_are_refused_with_their_place() {
    let options = ReadOptions { line_bytes_max: 20, ..ReadOptions::new(fields("x int")) };
    let error = source("{\"x\":1}\n{\"x\":1\n", options.clone()).next_chunk().unwrap_err().to_string();
    assert_eq!(error, "EOF while parsing an object: line 2, column 6 (byte 13)");
    let error = source(&format!("{{\"x\":{}1}}\n", " ".repeat(30)), options.clone()).next_chunk().unwrap_err();
    assert_eq!(error.to_string(), "line 1 is 21, more than the limit 20 (line_bytes_max)");
    assert!(source("\n \n", options).next_chunk().expect("no rows").is_none());
}

#[test]
fn whole_numbers_print_as_other_numbers_do() {
    let edges = [0.0, -0.0, 1.0, -1.0, 9.0, 10.0, 1e15, 9_007_199_254_740_991.0, 9_007_199_254_740_992.0, 1e16, 1e300];
    for value in edges.into_iter().flat_map(|value| [value, -value, value + 0.5]) {
        let mut out = Vec::new();
        super::encode::write_f64(value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), ryu::Buffer::new().format(value));
    }
}
