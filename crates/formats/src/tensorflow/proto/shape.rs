//! `TensorShapeProto`.

use crate::{ReadError, protobuf::Message};

/// A shape that may leave things open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The dimensions, -1 for one that is open; `None` where the rank is.
    pub dims: Option<Vec<i64>>,
    /// The names of dimensions, where one has any.
    pub names: Vec<String>,
}

impl Shape {
    /// Returns the shape of unknown rank.
    pub fn unknown() -> Shape {
        Shape { dims: None, names: Vec::new() }
    }

    pub fn read(message: Message<'_>) -> Result<Shape, ReadError> {
        let (mut dims, mut names, mut is_unknown) = (Vec::new(), Vec::new(), false);
        for field in message.fields() {
            let field = field?;
            match field.number {
                2 => {
                    let dim = field.message()?;
                    dims.push(dim.last(1)?.map_or(Ok(0), |size| size.int64())?);
                    if let Some(name) = dim.last(2)? {
                        names.resize(dims.len() - 1, String::new());
                        names.push(name.str()?.to_owned());
                    }
                }
                3 => is_unknown = field.bool()?,
                _ => {}
            }
        }
        Ok(Shape { dims: (!is_unknown).then_some(dims), names })
    }
}
