//! `TensorShapeProto`.

use crate::{ReadError, protobuf::Message};

/// A shape that may leave things open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The dimensions, -1 for one that is open; `None` where the rank is.
    pub dims: Option<Vec<i64>>,
}

impl Shape {
    /// Returns the shape of unknown rank.
    pub fn unknown() -> Shape {
        Shape { dims: None }
    }

    pub fn read(message: Message<'_>) -> Result<Shape, ReadError> {
        let (mut dims, mut is_unknown) = (Vec::new(), false);
        for field in message.fields() {
            let field = field?;
            match field.number {
                2 => {
                    let size = field.message()?.last(1)?;
                    dims.push(size.map_or(Ok(0), |size| size.int64())?);
                }
                3 => is_unknown = field.bool()?,
                _ => {}
            }
        }
        Ok(Shape { dims: (!is_unknown).then_some(dims) })
    }
}
