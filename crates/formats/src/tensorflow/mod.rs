//! TensorFlow: SavedModels of TensorFlow 1 and 2, and frozen graphs.
//!
//! A SavedModel is the folder with `saved_model.pb`, its variables and its assets; a frozen graph is one file, a GraphDef whose
//! variables are constants. Both become a [`program`]: a graph for each signature, which [`lower`] makes a plan.
//!
//! - [`proto`]: the messages. - [`bundle`]: the variables' values. - [`literal`], [`dtype`]: tensors of files.
//! - [`state`]: what variables and tables hold after loading. - [`graph`]: what a signature needs of a graph, its control flow
//!   structured. - [`program`]: the signatures.

use model::ModelFiles as Files;

pub mod bundle;
pub mod dtype;
pub mod graph;
pub mod literal;
pub mod program;
pub mod proto;
pub mod state;

use self::program::SAVED_MODEL;
use crate::protobuf::{Message, Value};

/// How many fields of a file are looked at to tell what it is.
const LOOK_AT: usize = 64;

/// Returns whether the files are a SavedModel or a frozen graph.
pub fn detect(files: &Files) -> bool {
    is_saved(files) || frozen(files).is_some()
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
