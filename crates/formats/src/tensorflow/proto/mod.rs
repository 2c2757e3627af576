//! TensorFlow's messages as its tools write them: graphs, tensors, SavedModels.
//!
//! Each file reads one family of messages to structs that borrow from the artifact; what a field means is decided elsewhere.
//! Tensors are decoded when somebody asks for them, so what a model does not use costs nothing. Numbers of fields are those of
//! `tensorflow/core/framework/*.proto` and `tensorflow/core/protobuf/{meta_graph,saved_model}.proto`.

pub mod attr;
pub mod graph;
pub mod saved_model;
pub mod shape;
pub mod tensor;

use crate::{
    ReadError,
    protobuf::{Field, Message},
};

/// Returns key and value of an entry of a map whose keys are texts.
fn entry<'a>(field: &Field<'a>) -> Result<(&'a str, Message<'a>), ReadError> {
    let message = field.message()?;
    let (mut key, mut value) = ("", None);
    for field in message.fields() {
        let field = field?;
        match field.number {
            1 => key = field.str()?,
            2 => value = Some(field.message()?),
            _ => {}
        }
    }
    // An empty message may be left out.
    Ok((key, value.unwrap_or(Message::new(message.file(), &[]))))
}

/// Returns key and value of an entry of a map of texts.
fn text_entry<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), ReadError> {
    let (key, value) = entry(field)?;
    Ok((key, value.str()?))
}
