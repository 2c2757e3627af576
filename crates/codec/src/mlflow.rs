//! MLflow's scoring protocol, which SageMaker's containers speak too: rows in one of four forms, `predictions` out.
//!
//! A body is an object with exactly one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`; `params` is passed
//! over, as MLflow does for a model that declares none. Numbers are written as Python's `json` writes them.
//!
//! Source: MLflow's `pyfunc/scoring_server` and `utils/proto_json_utils.py`.

use std::{borrow::Cow, collections::BTreeMap};

use model::{Batch, Signature, Table, Value};
use serde_json::value::RawValue;

use crate::{
    columns::Shown,
    error::CodecError,
    json::{self, Decoder, encode::write_whole, quoted, syntax},
    numbers::PYTHON,
    tfs::{Form, Request, TfsError},
    view::View,
};

const FORMS: [&str; 4] = ["dataframe_split", "dataframe_records", "instances", "inputs"];

/// Keys of a body that a message repeats.
const SHOWN_MAX: usize = 8;

/// Why a body gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum MlflowError {
    /// In the original's words.
    #[error("{0}")]
    Form(String),
    #[error(transparent)]
    Rows(#[from] CodecError),
    #[error(transparent)]
    Tensors(#[from] TfsError),
}

/// Reads a body of JSON. `decoder` is for the signature's inputs as columns, where rows can say them.
pub fn batch(
    body: &[u8],
    signature: &Signature,
    decoder: impl FnOnce() -> Result<std::sync::Arc<Decoder>, CodecError>,
) -> Result<Batch, MlflowError> {
    let body = &quoted(body)[..];
    if body.trim_ascii_start().first() != Some(&b'{') {
        let what = if body.trim_ascii_start().starts_with(b"[") { "a list" } else { "something else" };
        return Err(MlflowError::Form(required(format!("Received {what}"))));
    }
    let parts: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(body).map_err(|error| syntax(&error, body))?;
    let mut given = FORMS.iter().filter_map(|form| Some((*form, parts.get(*form)?.get())));
    let (Some((form, text)), None) = (given.next(), given.next()) else {
        let keys: Vec<&str> = parts.keys().take(SHOWN_MAX).map(|key| &**key).collect();
        return Err(MlflowError::Form(required(format!("Received dictionary with input fields: {keys:?}"))));
    };
    let of_tensors = signature.inputs.iter().all(|field| field.whole);
    let begins = |text: &str, with: char| text.trim_start().starts_with(with);
    let objects = text.trim_start().strip_prefix('[').is_some_and(|rest| begins(rest, '{'));
    Ok(match form {
        "dataframe_split" => decoder()?.split(text.as_bytes())?,
        "dataframe_records" => decoder()?.rows(text.as_bytes(), false)?.batch,
        "instances" if of_tensors => Request::of(Form::Rows, text).batch(signature)?,
        "inputs" if of_tensors => Request::of(Form::Columns, text).batch(signature)?,
        _ if objects => decoder()?.rows(text.as_bytes(), false)?.batch,
        _ if begins(text, '{') => decoder()?.columns(text.as_bytes())?,
        _ => decoder()?.list(text.as_bytes())?,
    })
}

fn required(received: String) -> String {
    let forms = FORMS.map(|form| format!("'{form}'")).join(", ");
    format!("The input must be a JSON dictionary with exactly one of the input fields {{{forms}}}. {received}.")
}

/// Appends the answer: the values of the one output, or an object a row.
pub fn encode_table(table: &dyn Table, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"predictions\":");
    Shown::new(table, PYTHON).values(out);
    out.push(b'}');
}

/// Appends the answer; whole values as they are, an object of them where there are several.
pub fn encode(batch: &Batch, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if let Some(table) = View::of(batch) {
        encode_table(&table, out);
        return Ok(());
    }
    out.extend_from_slice(b"{\"predictions\":");
    match batch.values() {
        [(_, Value::Whole(only))] => write_whole(only, json::VectorForm::Native, out),
        _ => json::encode(batch, json::EncodeOptions::default(), out)?,
    }
    out.push(b'}');
    Ok(())
}
