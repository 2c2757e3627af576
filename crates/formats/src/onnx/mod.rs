//! ONNX: models of the Open Neural Network Exchange, opsets 1 to 28 of `ai.onnx` and 1 to 6 of `ai.onnx.ml`.
//!
//! A file is one message of protocol buffers. It is read to a tree that borrows from it ([`document`]), whose names are then
//! resolved to a program ([`resolve`], [`graph`]): nodes in order, functions of the model in place of their calls. Tensors may
//! lie in files beside it ([`external`]). Sources of rules: <https://onnx.ai/onnx/repo-docs/IR.html> and the operators' pages.
//!
//! - [`reader`]: files and budgets. - [`tensor`], [`dtype`], [`types`], [`attribute`], [`document`]: what the file says.
//! - [`order`], [`resolve`]: names to values. - [`graph`]: what the lowering of ops reads. - [`lower`]: ops to a plan's.
//! - [`foreign`]: what ONNX Runtime needs to know of a model.

use model::ModelFiles;

use crate::{
    Format, Limits, ReadError, ReadOptions,
    protobuf::{Message, Value},
};

pub mod attribute;
pub mod document;
pub mod dtype;
pub mod external;
mod foreign;
pub mod graph;
pub mod lower;
pub mod order;
pub mod reader;
pub mod resolve;
pub mod tensor;
pub mod types;

use self::{document::Document, graph::Program, reader::Reader};

/// The row of this format in [`crate::FORMATS`].
pub const FORMAT: Format = Format {
    name: "onnx",
    recognised_by: "a message with an `ir_version` and a `graph`",
    doc: "A model of the Open Neural Network Exchange, of `ai.onnx` and `ai.onnx.ml`.",
    detect,
    read,
    foreign: Some(foreign::RUNS),
};

/// Returns whether one of the files is an ONNX model.
pub fn detect(files: &ModelFiles) -> bool {
    files.here().any(|(_, bytes)| is_model(bytes.as_slice()))
}

/// The fields of `ModelProto` by number: varints, and those with a length.
const VARINTS: [u32; 2] = [1, 5];
const SPANS: [u32; 10] = [2, 3, 4, 6, 7, 8, 14, 20, 25, 26];
/// How field 7, the graph, begins.
const GRAPH_KEY: u8 = 7 << 3 | 2;

/// Returns whether the message looks like a `ModelProto`: it has an `ir_version`, a graph (or what begins like one, where the
/// file is cut), and no field that a model has not. A `GraphDef` or a `SavedModel` of TensorFlow has no such pair.
fn is_model(bytes: &[u8]) -> bool {
    let (mut version, mut graph) = (false, false);
    let mut fields = Message::new("", bytes).fields();
    while let Some(field) = fields.next() {
        let Ok(field) = field else {
            // The graph of a file that is cut: it is refused when it is read, with the place.
            graph |= bytes.get(fields.at()) == Some(&GRAPH_KEY);
            break;
        };
        let is_as_known = match field.value {
            Value::Varint(_) => VARINTS.contains(&field.number),
            Value::Bytes(_) => SPANS.contains(&field.number),
            Value::Fixed32(_) | Value::Fixed64(_) => false,
        };
        if !is_as_known {
            return false;
        }
        version |= field.number == 1;
        graph |= field.number == 7;
    }
    version && graph
}

/// Returns the name and bytes of the model's file: the one that there is, or `model.onnx` among several.
pub fn model_file(files: &ModelFiles) -> Result<(&str, &[u8]), ReadError> {
    let models = || files.here().filter(|(_, bytes)| is_model(bytes.as_slice()));
    let (path, bytes) =
        models().next().ok_or_else(|| ReadError::NotAModel { known: FORMAT.recognised_by.to_owned() })?;
    if models().count() == 1 {
        return Ok((path, bytes.as_slice()));
    }
    let named = models().find(|(path, _)| *path == "model.onnx").ok_or_else(|| {
        let names: Vec<_> = models().map(|(path, _)| path).take(8).collect();
        ReadError::Syntax {
            file: files.full_path(path),
            what: format!("one of several ONNX models ({}); name the one to serve `model.onnx`", names.join(", ")),
        }
    })?;
    Ok((named.0, named.1.as_slice()))
}

/// Returns the model of the file.
pub fn read(files: &ModelFiles, options: &ReadOptions) -> Result<plan::Model, ReadError> {
    with_program(files, &options.limits, lower::model)
}

/// Reads the model to a program of all its outputs, and gives it to `then`: it borrows from the files.
pub fn with_program<T>(
    files: &ModelFiles,
    limits: &Limits,
    then: impl FnOnce(&Reader<'_>, &Document<'_>, &Program<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let (path, bytes) = model_file(files)?;
    let file = files.full_path(path);
    let cx = Reader::new(&file, files, limits);
    let document = Document::parse(&cx, bytes)?;
    let program = resolve::resolve(&cx, &document, None)?;
    then(&cx, &document, &program)
}
