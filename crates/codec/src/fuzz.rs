//! Entry points for fuzzing; each must return on any input, without a panic and within memory in proportion to it.

use model::{Batch, Field, Signature, Takes, Type};

use crate::{
    coding::Coding,
    columns,
    csv::{CsvOptions, CsvSource},
    json::{Decoder, EncodeOptions, JsonlSource, Limits, encode},
    mlflow, openscoring, schema,
    table::{ReadOptions, Source},
    tfs, v2,
    view::View,
};

mod columnar;

pub use columnar::{arrow_ipc, parquet};

/// Reads the bytes as a body of rows, as lines of rows, and writes back what was read.
pub fn json_rows(bytes: &[u8]) {
    let Ok(decoder) = Decoder::new(&fields(), &[], Limits::default()) else { return };
    for keep_bad_rows in [false, true] {
        if let Ok(rows) = decoder.rows(bytes, keep_bad_rows) {
            write(&rows.batch);
        }
    }
    if let Ok(source) = JsonlSource::new(bytes, options()) {
        drain(source);
    }
}

/// Reads the bytes as a body of columns.
pub fn json_columns(bytes: &[u8]) {
    let Ok(decoder) = Decoder::new(&fields(), &[], Limits::default()) else { return };
    if let Ok(batch) = decoder.columns(bytes) {
        write(&batch);
    }
}

/// Reads the bytes as rows that are arrays: pandas' `split`, and lists without names.
pub fn json_split(bytes: &[u8]) {
    let Ok(decoder) = Decoder::new(&fields(), &[], Limits::default()) else { return };
    for batch in [decoder.split(bytes), decoder.list(bytes)].into_iter().flatten() {
        write(&batch);
    }
}

/// Reads the bytes as what MLflow's, Openscoring's and TensorFlow Serving's clients send.
pub fn dialects(bytes: &[u8]) {
    let Ok(decoder) = Decoder::new(&fields(), &[], Limits::default()) else { return };
    let decoder = std::sync::Arc::new(decoder);
    let signature = Signature { name: "s".into(), inputs: fields(), outputs: Vec::new(), grouped: false, method: None };
    let mut out = Vec::new();
    if let Ok(batch) = mlflow::batch(bytes, &signature, || Ok(decoder.clone())) {
        write(&batch);
        let _ = mlflow::encode(&batch, &mut out);
    }
    if let Ok((ids, rows)) = openscoring::many(bytes, &decoder)
        && let Some(table) = View::of(&rows.batch)
    {
        openscoring::encode_many(&table, &ids, &mut out);
        tfs::encode_table(&table, tfs::Form::Rows, &mut out);
        columns::encode(&table, columns::TableForm::Split, true, &mut out);
    }
    if let Ok((csv, Some(batch))) = openscoring::csv(bytes, fields(), Limits::default().rows_max) {
        let _ = csv.encode(&batch, &mut out);
    }
    let _ = tfs::Examples::parse(bytes);
}

/// Unpacks the bytes.
pub fn coding(bytes: &[u8]) {
    for coding in Coding::ALL {
        let _ = coding.unpack(bytes, 1 << 16, "");
    }
}

/// Reads the bytes as an Open Inference V2 request.
pub fn v2_request(bytes: &[u8]) {
    if let Ok(request) = v2::Request::parse(bytes)
        && let Ok(batch) = request.batch(&fields(), &fields(), Limits::default().rows_max)
    {
        write(&batch);
        let mut out = Vec::new();
        let _ = v2::encode(&batch, v2::Head { model: "m", version: None, id: None }, &mut out);
    }
}

/// Reads the bytes as tensors in binary: the first two say how long the JSON before them is; then as the elements of each datatype.
pub fn v2_binary(bytes: &[u8]) {
    let Some((&[a, b], rest)) = bytes.split_first_chunk::<2>() else { return };
    if let Some((json, binary)) = rest.split_at_checked(usize::from(u16::from_le_bytes([a, b])))
        && let Ok(mut request) = v2::Request::parse_binary(json, binary)
    {
        let forms = std::mem::take(&mut request.forms);
        if let Ok(batch) = request.batch(&fields(), &fields(), Limits::default().rows_max) {
            let head = v2::Head { model: "m", version: None, id: None };
            let _ = v2::encode_mixed(&batch, head, &forms, &mut Vec::new());
        }
    }
    for (name, datatype) in [("a", "INT64"), ("b", "FP16"), ("c", "BYTES"), ("f", "FP64")] {
        let shape = [i64::from(a as i8), i64::from(b)];
        let mut request = v2::Request::new(None);
        if request.push(name, datatype, &shape, v2::Elements::Raw(rest)).is_ok()
            && let Ok(batch) = request.batch(&fields(), &fields(), Limits::default().rows_max)
        {
            let _ = v2::outputs(&batch);
        }
    }
}

/// Reads the bytes as CSV with a header.
pub fn csv(bytes: &[u8]) {
    for csv in [CsvOptions::default(), CsvOptions { delimiter: b';', empty_text_is_null: true }] {
        if let Ok(source) = CsvSource::new(bytes, options(), csv) {
            drain(source);
        }
    }
}

/// Reads the bytes as a schema in DDL.
pub fn schema_ddl(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Whatever comes of it: only that it comes back counts here.
        let _ = schema::parse_ddl(text);
        let _ = schema::parse_type(text);
    }
}

/// Reads the bytes as a schema in JSON.
pub fn schema_json(bytes: &[u8]) {
    let _ = schema::parse_json(bytes);
}

fn write(batch: &Batch) {
    let mut out = Vec::new();
    let written = encode(batch, EncodeOptions::default(), &mut out);
    assert!(written.is_ok(), "rows of one domain are written");
    let json: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&out);
    assert!(json.is_ok(), "what is written is JSON");
}

fn drain(mut source: impl Source) {
    while let Ok(Some(chunk)) = source.next_chunk() {
        write(&chunk.batch);
    }
}

fn options() -> ReadOptions {
    ReadOptions { chunk_rows_max: 3, settle_rows: 4, keep_bad_rows: true, ..ReadOptions::new(fields()) }
}

/// A field of every type, and two whose types the data settles.
fn fields() -> Vec<Field> {
    let list = |item: Type| Type::list(item);
    let takes = [
        Takes::One(Type::I64),
        Takes::One(Type::F32),
        Takes::One(Type::Text),
        Takes::One(Type::Bytes),
        Takes::One(Type::scalar(model::DType::Timestamp)),
        Takes::One(Type::VECTOR),
        Takes::One(list(list(Type::Text))),
        Takes::One(Type::Struct(vec![("x".into(), Type::I32), ("y".into(), list(Type::VECTOR))])),
        Takes::One(Type::Map(Box::new(Type::I64), Box::new(Type::BOOL))),
        Takes::One(Type::Fixed { dtype: model::DType::F64, shape: vec![2, 1] }),
        Takes::From(Takes::numbers()),
        Takes::From(vec![Type::Text, Type::VECTOR, list(Type::I64), list(Type::F64), list(Type::Text)]),
    ];
    let field = |(i, takes)| Field {
        name: char::from(b'a' + i as u8).to_string().into(),
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
    };
    takes.into_iter().enumerate().map(field).collect()
}
