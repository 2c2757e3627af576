//! The attributes of a node, with those of the functions around it.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::ReadError;

use super::super::{
    dtype::DType,
    literal::Literal,
    proto::{
        attr::{Attr, Attrs, List},
        graph,
        shape::Shape,
        tensor,
    },
};

/// What the attributes of a function stand for in one call of it.
pub type Bound<'g> = Rc<FxHashMap<&'g str, Attr<'g>>>;

/// A node where it stands: as it is written, and what its placeholders stand for.
#[derive(Clone, Debug)]
pub struct Site<'g> {
    pub node: &'g graph::Node<'g>,
    pub bound: Option<Bound<'g>>,
}

impl<'g> Site<'g> {
    pub fn op(&self) -> &'g str {
        self.node.op
    }

    /// Returns an attribute, where it is there.
    pub fn attr(&self, name: &str) -> Option<&Attr<'g>> {
        match self.node.attrs.get(name)? {
            Attr::Placeholder(of) => self.bound.as_ref()?.get(of),
            other => Some(other),
        }
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        if let Attr::Int(value) = self.attr(name)? { Some(*value) } else { None }
    }

    pub fn float(&self, name: &str) -> Option<f32> {
        if let Attr::Float(value) = self.attr(name)? { Some(*value) } else { None }
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        if let Attr::Bool(value) = self.attr(name)? { Some(*value) } else { None }
    }

    pub fn bytes(&self, name: &str) -> Option<&'g [u8]> {
        if let Attr::Bytes(value) = self.attr(name)? { Some(value) } else { None }
    }

    pub fn text(&self, name: &str) -> Option<&'g str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    pub fn dtype(&self, name: &str) -> Option<DType> {
        self.attr(name)?.as_type()
    }

    pub fn shape(&self, name: &str) -> Option<&Shape> {
        if let Attr::Shape(value) = self.attr(name)? { Some(value) } else { None }
    }

    pub fn list(&self, name: &str) -> Option<&List<'g>> {
        if let Attr::List(value) = self.attr(name)? { Some(value) } else { None }
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.list(name).map(|list| &list.ints[..])
    }

    /// Returns the types of a list; `None` where one of them is unknown.
    pub fn dtypes(&self, name: &str) -> Option<Vec<DType>> {
        self.list(name)?.types.iter().map(|number| DType::of(*number)).collect()
    }

    /// Returns the tensor of an attribute, decoded.
    pub fn tensor(&self, name: &str) -> Result<Option<Literal<'g>>, ReadError> {
        match self.attr(name) {
            Some(Attr::Tensor(message)) => tensor::read(*message).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns what a function's attributes stand for when this node calls it with these.
    pub fn bind(&self, attrs: &[&Attrs<'g>]) -> Option<Bound<'g>> {
        let mut bound = FxHashMap::default();
        for (name, value) in attrs.iter().flat_map(|attrs| attrs.iter()) {
            let value = match value {
                Attr::Placeholder(of) => self.bound.as_ref().and_then(|around| around.get(of)),
                other => Some(other),
            };
            // What stands for a type or a number; others are never meant.
            if let Some(value @ (Attr::Type(_) | Attr::Int(_) | Attr::List(_) | Attr::Bool(_) | Attr::Shape(_))) = value
            {
                bound.insert(name, value.clone());
            }
        }
        (!bound.is_empty()).then(|| Rc::new(bound))
    }
}
