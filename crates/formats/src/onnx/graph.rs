//! A model's graphs with their names resolved: what the lowering of ops reads.
//!
//! [`super::resolve`] makes it of a document. Every value has a number of its own ([`ValueId`], across all graphs), nodes stand
//! in an order in which each comes after what it reads, only those that the outputs need are there, functions of the
//! model stand in place of their calls, and a graph within a node lists the values that it takes from outside. Which
//! version of an op is meant stands at the node. Defaults of attributes are the lowering's: they belong to the version.
//!
//! One op is lowered by a function of `&Node`: `node.input(0, "X")?`, `node.optional(2)`, `node.int("axis")?.unwrap_or(0)`,
//! `node.graph("body")?`; faults name the op, the node and the attribute.

use super::{
    attribute::Value,
    reader::field_fault,
    tensor::{SparseTensor, Tensor},
    types::Type,
};
use crate::ReadError;

/// A value: an input, a constant, or what a node writes. One number across all graphs of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// A model with its names resolved.
#[derive(Debug)]
pub struct Program<'d> {
    pub graph: Graph<'d>,
    /// By [`ValueId`].
    pub values: Vec<ValueMeta<'d>>,
}

/// What is known of a value besides who makes it.
#[derive(Clone, Copy, Debug)]
pub struct ValueMeta<'d> {
    /// Its name in the document; values of a function that is inlined twice share it.
    pub name: &'d str,
    /// Its type, where the document says it.
    pub ty: Option<&'d Type<'d>>,
}

/// A graph: of the model, or within a node.
#[derive(Debug)]
pub struct Graph<'d> {
    pub name: &'d str,
    /// All inputs, in the document's order, whether anything reads them or not.
    pub inputs: Vec<Input<'d>>,
    /// Initialisers that something reads and that are no inputs.
    pub constants: Vec<(ValueId, Constant<'d>)>,
    /// Those that the outputs need, each after what it reads.
    pub nodes: Vec<Node<'d>>,
    pub outputs: Vec<Output<'d>>,
    /// Values of the graphs around this one that it reads, each once; also those that only a graph inside it reads.
    pub captures: Vec<ValueId>,
}

/// An input of a graph.
#[derive(Debug)]
pub struct Input<'d> {
    pub value: ValueId,
    pub name: &'d str,
    pub ty: Option<&'d Type<'d>>,
    /// What it is where the caller gives none: an input with an initialiser is optional.
    pub default: Option<Constant<'d>>,
}

/// An output of a graph. Several may be the same value, and one may be an input, a constant or a captured value.
#[derive(Debug)]
pub struct Output<'d> {
    pub value: ValueId,
    pub name: &'d str,
    pub ty: Option<&'d Type<'d>>,
}

/// A constant tensor.
#[derive(Clone, Copy, Debug)]
pub enum Constant<'d> {
    Dense(&'d Tensor<'d>),
    Sparse(&'d SparseTensor<'d>),
}

/// A node: an op with its inputs, outputs and attributes.
#[derive(Debug)]
pub struct Node<'d> {
    pub op: &'d str,
    /// Empty for `ai.onnx`.
    pub domain: &'d str,
    /// The version of the domain's ops that the model (or the function) asks for.
    pub version: i64,
    /// Its name, or that of its first output.
    pub name: &'d str,
    /// The function that it came from.
    pub function: Option<&'d str>,
    /// None for an optional input that is not given.
    pub inputs: Vec<Option<ValueId>>,
    /// None for an output that nobody wants.
    pub outputs: Vec<Option<ValueId>>,
    pub(super) attributes: Vec<(&'d str, Attr<'d>)>,
    pub(super) file: &'d str,
}

/// An attribute's value, its graphs resolved.
#[derive(Debug)]
pub(super) enum Attr<'d> {
    Plain(&'d Value<'d>),
    /// Of a node that no document holds: one of those that an op is made of.
    Made(Value<'d>),
    Graph(Graph<'d>),
    Graphs(Vec<Graph<'d>>),
}

/// An attribute of a node that no document holds.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Int(i64),
    Float(f32),
    Text(&'static str),
}

// === impl Program ===

impl<'d> Program<'d> {
    /// Returns what is known of a value; nothing of one that no document holds.
    pub fn value(&self, id: ValueId) -> ValueMeta<'d> {
        self.values.get(id.0 as usize).copied().unwrap_or(ValueMeta { name: "made", ty: None })
    }
}

// === impl Node ===

impl<'d> Node<'d> {
    /// Returns a node of another op in the place of this one: one of those that its op is made of.
    pub(super) fn part(
        &self,
        op: &'static str,
        version: i64,
        inputs: Vec<Option<ValueId>>,
        outputs: Vec<Option<ValueId>>,
        attributes: &[(&'static str, Part)],
    ) -> Node<'d> {
        let attribute = |(name, part): &(&'static str, Part)| {
            let value = match *part {
                Part::Int(int) => Value::Int(int),
                Part::Float(float) => Value::Float(float),
                Part::Text(text) => Value::String(text.as_bytes()),
            };
            (*name, Attr::Made(value))
        };
        let attributes = attributes.iter().map(attribute).collect();
        Node { op, domain: "", version, inputs, outputs, attributes, ..*self }
    }

    /// Returns a node of another op with the attributes of this one: an op of another domain that means the same.
    pub(super) fn like(
        &self,
        op: &'static str,
        version: i64,
        inputs: Vec<Option<ValueId>>,
        outputs: Vec<Option<ValueId>>,
    ) -> Node<'d> {
        let plain = |(name, attr): &(&'d str, Attr<'d>)| match attr {
            Attr::Plain(value) => Some((*name, Attr::Plain(value))),
            Attr::Made(_) | Attr::Graph(_) | Attr::Graphs(_) => None,
        };
        let attributes = self.attributes.iter().filter_map(plain).collect();
        Node { op, domain: "", version, inputs, outputs, attributes, ..*self }
    }

    /// Returns the op as messages write it: with its domain, where that is not `ai.onnx`.
    pub fn class(&self) -> String {
        if self.domain.is_empty() { self.op.to_owned() } else { format!("{}.{}", self.domain, self.op) }
    }

    /// Returns the fault of a part of this node (an attribute, an input).
    pub fn fault(&self, part: &str, expected: &str, got: impl std::fmt::Display) -> ReadError {
        field_fault(self.file, &self.class(), &format!("node `{}`: {part}", self.place()), expected, got)
    }

    /// Returns the fault of what this op may mean and we do not compute yet.
    pub fn unimplemented(&self, what: impl std::fmt::Display) -> ReadError {
        let what = format!("{what} (node `{}`)", self.place());
        ReadError::Unimplemented { file: self.file.to_owned(), class: self.class(), what }
    }

    fn place(&self) -> String {
        match self.function {
            Some(function) => format!("{function}/{}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// Returns an input that must be there; `name` is the operator page's name for it.
    pub fn input(&self, i: usize, name: &str) -> Result<ValueId, ReadError> {
        self.optional(i).ok_or_else(|| self.fault(&format!("input {i} ({name})"), "a value", "none"))
    }

    /// Returns an input that may be left out.
    pub fn optional(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }

    /// Returns all inputs of an op that takes any number, none left out.
    pub fn all_inputs(&self) -> Result<Vec<ValueId>, ReadError> {
        (0..self.inputs.len()).map(|i| self.input(i, "one of many")).collect()
    }

    /// Returns an output, where somebody wants it.
    pub fn output(&self, i: usize) -> Option<ValueId> {
        self.outputs.get(i).copied().flatten()
    }

    /// Checks the numbers of inputs and outputs against the op's.
    pub fn check_counts(
        &self,
        inputs: std::ops::RangeInclusive<usize>,
        outputs: std::ops::RangeInclusive<usize>,
    ) -> Result<(), ReadError> {
        let counts = [("inputs", self.inputs.len(), inputs), ("outputs", self.outputs.len(), outputs)];
        for (what, got, allowed) in counts {
            if !allowed.contains(&got) {
                return Err(self.fault(what, &format!("{} to {} of them", allowed.start(), allowed.end()), got));
            }
        }
        Ok(())
    }

    fn attr(&self, name: &str) -> Option<&Attr<'d>> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, attr)| attr)
    }

    /// Returns whether the node has this attribute.
    pub fn has(&self, name: &str) -> bool {
        self.attr(name).is_some()
    }

    /// Returns the names of its attributes.
    pub fn attribute_names(&self) -> impl Iterator<Item = &'d str> {
        self.attributes.iter().map(|(name, _)| *name)
    }

    /// Returns a value that stands in the node itself, not in the document.
    fn get_small<T>(
        &self,
        name: &str,
        expected: &str,
        of: impl FnOnce(&Value<'d>) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        match self.attr(name) {
            Some(Attr::Made(value)) => match of(value) {
                Some(value) => Ok(Some(value)),
                None => Err(self.fault(&format!("attribute `{name}`"), expected, value.kind())),
            },
            _ => self.get(name, expected, of),
        }
    }

    fn get<T>(
        &self,
        name: &str,
        expected: &str,
        of: impl FnOnce(&'d Value<'d>) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        let Some(attr) = self.attr(name) else { return Ok(None) };
        let got = match attr {
            Attr::Plain(value) => match of(value) {
                Some(value) => return Ok(Some(value)),
                None => value.kind(),
            },
            Attr::Made(value) => value.kind(),
            Attr::Graph(_) => "a graph",
            Attr::Graphs(_) => "graphs",
        };
        Err(self.fault(&format!("attribute `{name}`"), expected, got))
    }

    /// Returns an attribute that must be there.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, ReadError> {
        value.ok_or_else(|| self.fault(&format!("attribute `{name}`"), "a value", "none"))
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>, ReadError> {
        self.get_small(name, "an int", |value| if let Value::Int(int) = value { Some(*int) } else { None })
    }

    /// Returns an int that means yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ReadError> {
        Ok(self.int(name)?.map(|int| int != 0))
    }

    pub fn float(&self, name: &str) -> Result<Option<f32>, ReadError> {
        self.get_small(name, "a float", |value| if let Value::Float(float) = value { Some(*float) } else { None })
    }

    /// Returns the bytes of a string.
    pub fn bytes(&self, name: &str) -> Result<Option<&'d [u8]>, ReadError> {
        self.get_small(name, "a string", |value| if let Value::String(bytes) = value { Some(*bytes) } else { None })
    }

    /// Returns a string that is text.
    pub fn string(&self, name: &str) -> Result<Option<&'d str>, ReadError> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| self.not_text(name));
        self.bytes(name)?.map(text).transpose()
    }

    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, ReadError> {
        let list = self.get(name, "ints", |value| if let Value::Ints(list) = value { Some(*list) } else { None })?;
        list.map(|list| list.ints()).transpose()
    }

    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, ReadError> {
        let list =
            self.get(name, "floats", |value| if let Value::Floats(list) = value { Some(*list) } else { None })?;
        list.map(|list| list.floats()).transpose()
    }

    /// Returns the bytes of strings.
    pub fn byte_strings(&self, name: &str) -> Result<Option<Vec<&'d [u8]>>, ReadError> {
        let list =
            self.get(name, "strings", |value| if let Value::Strings(list) = value { Some(*list) } else { None })?;
        list.map(|list| list.strings()).transpose()
    }

    /// Returns strings that are text.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<&'d str>>, ReadError> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| self.not_text(name));
        self.byte_strings(name)?.map(|list| list.into_iter().map(text).collect()).transpose()
    }

    fn not_text(&self, name: &str) -> ReadError {
        self.fault(&format!("attribute `{name}`"), "UTF-8", "other bytes")
    }

    pub fn tensor(&self, name: &str) -> Result<Option<&'d Tensor<'d>>, ReadError> {
        self.get(name, "a tensor", |value| if let Value::Tensor(tensor) = value { Some(&**tensor) } else { None })
    }

    pub fn sparse_tensor(&self, name: &str) -> Result<Option<&'d SparseTensor<'d>>, ReadError> {
        self.get(name, "a sparse tensor", |value| match value {
            Value::SparseTensor(tensor) => Some(&**tensor),
            _ => None,
        })
    }

    /// Returns a type; none also where the attribute leaves it open.
    pub fn ty(&self, name: &str) -> Result<Option<&'d Type<'d>>, ReadError> {
        let ty = self.get(name, "a type", |value| if let Value::Type(ty) = value { Some(ty.as_deref()) } else { None });
        Ok(ty?.flatten())
    }

    pub fn graph(&self, name: &str) -> Result<Option<&Graph<'d>>, ReadError> {
        match self.attr(name) {
            None => Ok(None),
            Some(Attr::Graph(graph)) => Ok(Some(graph)),
            Some(Attr::Graphs(_)) => Err(self.fault(&format!("attribute `{name}`"), "a graph", "graphs")),
            Some(Attr::Plain(value)) => Err(self.fault(&format!("attribute `{name}`"), "a graph", value.kind())),
            Some(Attr::Made(value)) => Err(self.fault(&format!("attribute `{name}`"), "a graph", value.kind())),
        }
    }

    /// Returns all graphs within the node.
    pub fn graphs(&self) -> impl Iterator<Item = &Graph<'d>> {
        self.attributes.iter().flat_map(|(_, attr)| match attr {
            Attr::Plain(_) | Attr::Made(_) => &[],
            Attr::Graph(graph) => std::slice::from_ref(graph),
            Attr::Graphs(graphs) => graphs.as_slice(),
        })
    }
}
