//! TensorFlow: SavedModels of TensorFlow 1 and 2, and frozen graphs.
//!
//! A SavedModel is the folder with `saved_model.pb`, its variables and its assets; a frozen graph is one file, a GraphDef whose
//! variables are constants. Both become a [`program`]: a graph for each signature, which [`lower`] makes a plan.
//!
//! - [`warm_up`]: what it is asked before it answers. - [`proto`]: the messages. - [`bundle`]: the variables' values. - [`literal`], [`dtype`]: tensors of files.
//! - [`state`]: what variables and tables hold after loading. - [`graph`]: what a signature needs of a graph, its control flow
//!   structured. - [`program`]: the signatures. - [`foreign`]: what TensorFlow itself needs to know of a model.

use model::ModelFiles as Files;

pub mod bundle;
pub mod dtype;
mod foreign;
pub mod graph;
pub mod literal;
pub mod lower;
pub mod program;
pub mod proto;
pub mod state;
pub mod warm_up;

use plan::{Model, Provenance};

use self::program::{Artifact, Program, SAVED_MODEL};
use crate::{
    Format, Limits, ReadError, ReadOptions,
    protobuf::{Message, Value},
};

/// The row of this format in [`crate::FORMATS`].
pub const FORMAT: Format = Format {
    name: "tensorflow",
    recognised_by: "a folder with `saved_model.pb`, or a GraphDef whose variables are constants",
    doc: "A SavedModel of TensorFlow 1 or 2, or a frozen graph.",
    detect,
    read,
    foreign: Some(foreign::RUNS),
};

/// How many fields of a file are looked at to tell what it is.
const LOOK_AT: usize = 64;

/// Returns whether the files are a SavedModel or a frozen graph.
pub fn detect(files: &Files) -> bool {
    is_saved(files) || frozen(files).is_some()
}

/// Returns the model of the files.
pub fn read(files: &Files, options: &ReadOptions) -> Result<Model, ReadError> {
    let tags: Vec<&str> = options.tags.iter().map(String::as_str).collect();
    with_program(files, &tags, &options.limits, |artifact, program| {
        let tool =
            if artifact.tool.is_empty() { "TensorFlow".to_owned() } else { format!("TensorFlow {}", artifact.tool) };
        let class = if is_saved(files) { "SavedModel" } else { "GraphDef" };
        let artifact_bytes = files.bytes() as u64;
        let provenance = Provenance { format: FORMAT.name, class: class.to_owned(), tool, artifact_bytes };
        lower::model(artifact.file, program, provenance, &options.limits)
    })
}

/// Reads the files to a program, which borrows from them, and gives it to `then`.
pub fn with_program<T>(
    files: &Files,
    tags: &[&str],
    limits: &Limits,
    then: impl FnOnce(&Artifact<'_>, &Program<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let artifact = match frozen(files).filter(|_| !is_saved(files)) {
        Some((file, bytes)) => Artifact::frozen(files, file, bytes, limits)?,
        None => Artifact::saved(files, tags, limits)?,
    };
    let program = artifact.program(limits)?;
    then(&artifact, &program)
}

/// Returns whether the folder is a SavedModel's: its file has a version and meta graphs, and nothing else.
pub fn is_saved(files: &Files) -> bool {
    let Some(bytes) = files.get(SAVED_MODEL) else { return false };
    let mut fields = Message::new(SAVED_MODEL, bytes).fields().take(LOOK_AT);
    // What is cut short is refused by the reader, which says where.
    fields.all(|field| {
        field.map_or(true, |field| matches!((field.number, field.value), (1, Value::Varint(_)) | (2, Value::Bytes(_))))
    })
}

/// Returns the file that is a frozen graph.
pub fn frozen(files: &Files) -> Option<(&str, &[u8])> {
    files.here().map(|(path, bytes)| (path, bytes.as_slice())).find(|(_, bytes)| is_graph(bytes))
}

/// Returns whether the bytes begin with a node that has a name and an op. (A document of ONNX begins with numbers or texts.)
fn is_graph(bytes: &[u8]) -> bool {
    let [0x0a, rest @ ..] = bytes else { return false };
    let mut rest = rest;
    let Some(len) = bundle::varint(&mut rest) else { return false };
    let node = rest.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(rest);
    let (mut names, mut others) = (0, false);
    for field in Message::new("", node).fields().take(LOOK_AT) {
        let Ok(field) = field else { break };
        match (field.number, field.value) {
            (1 | 2, Value::Bytes(name)) => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_./>-\\".contains(&byte);
                names += usize::from(!name.is_empty() && name.bytes().iter().copied().all(is_name));
            }
            (3..=7, Value::Bytes(_)) => {}
            _ => others = true,
        }
    }
    names == 2 && !others
}
