//! `GraphDef`, `NodeDef` and the functions of a graph.

use rustc_hash::FxHashMap;

use crate::{Limits, ReadError, protobuf::Message};

use super::{
    super::graph::{
        attrs::Bound,
        ops::{self, Effect},
    },
    attr::{Attr, Attrs},
    text_entry,
};

/// A graph: its nodes, found by name.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    pub nodes: Nodes<'a>,
    pub functions: FxHashMap<&'a str, Function<'a>>,
}

/// Nodes by place and name.
#[derive(Debug, Default)]
pub struct Nodes<'a> {
    pub all: Vec<Node<'a>>,
    by_name: FxHashMap<&'a str, u32>,
}

/// A node as it is written.
#[derive(Clone, Debug, Default)]
pub struct Node<'a> {
    pub name: &'a str,
    pub op: &'a str,
    pub inputs: Vec<&'a str>,
    pub attrs: Attrs<'a>,
}

/// A function: a graph with arguments and results.
#[derive(Debug, Default)]
pub struct Function<'a> {
    pub name: &'a str,
    pub args: Vec<Arg<'a>>,
    pub results: Vec<Arg<'a>>,
    pub attrs: Attrs<'a>,
    pub nodes: Nodes<'a>,
    /// Which value each result is: `node:argument:index`, or an argument.
    pub returns: FxHashMap<&'a str, &'a str>,
    /// Nodes that run for their effect.
    pub controls: Vec<&'a str>,
    /// The places of its arguments, by name.
    pub arg_places: FxHashMap<&'a str, usize>,
    /// The nodes that do more than compute: what runs where it names no controls.
    pub effects: Vec<u32>,
}

/// An argument or a result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arg<'a> {
    pub name: &'a str,
    /// The type by its number; 0 where an attribute says it.
    pub dtype: i64,
    /// The attribute that holds how many tensors it is.
    pub number_attr: &'a str,
    /// The attribute that lists their types.
    pub types_attr: &'a str,
}

impl<'a> Graph<'a> {
    pub fn read(message: Message<'a>, limits: &Limits) -> Result<Graph<'a>, ReadError> {
        let mut graph = Graph::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => graph.nodes.push(Node::read(field.message()?)?, field.message()?, limits)?,
                2 => {
                    for field in field.message()?.all(1) {
                        let message = field?.message()?;
                        let function = Function::read(message, limits)?;
                        let name = function.name;
                        if graph.functions.insert(name, function).is_some() {
                            return Err(message.fault(format_args!("two functions have the name `{name}`")));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl<'a> Nodes<'a> {
    fn push(&mut self, node: Node<'a>, message: Message<'a>, limits: &Limits) -> Result<(), ReadError> {
        if limits.graph_nodes_max <= self.all.len() {
            return Err(ReadError::TooLarge {
                file: message.file().to_owned(),
                what: "number of nodes of a graph".to_owned(),
                got: self.all.len() as u64 + 1,
                limit: limits.graph_nodes_max as u64,
                key: "graph_nodes_max",
            });
        }
        if self.by_name.insert(node.name, self.all.len() as u32).is_some() {
            return Err(message.fault(format_args!("two nodes have the name `{}`", node.name)));
        }
        self.all.push(node);
        Ok(())
    }

    /// Returns the place of the node of this name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }
}

impl<'a> Node<'a> {
    fn read(message: Message<'a>) -> Result<Node<'a>, ReadError> {
        let mut node = Node::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => node.name = field.str()?,
                2 => node.op = field.str()?,
                3 => node.inputs.push(field.str()?),
                5 => node.attrs.push(&field)?,
                _ => {}
            }
        }
        if node.name.is_empty() || node.op.is_empty() {
            return Err(message.fault(format_args!("a node with the name `{}` and the op `{}`", node.name, node.op)));
        }
        Ok(node)
    }
}

impl<'a> Function<'a> {
    fn read(message: Message<'a>, limits: &Limits) -> Result<Function<'a>, ReadError> {
        let mut function = Function::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => function.signature(field.message()?)?,
                3 => function.nodes.push(Node::read(field.message()?)?, field.message()?, limits)?,
                4 => {
                    let (name, value) = text_entry(&field)?;
                    function.returns.insert(name, value);
                }
                5 => function.attrs.push(&field)?,
                6 => function.controls.push(text_entry(&field)?.1),
                _ => {}
            }
        }
        function.arg_places = function.args.iter().enumerate().map(|(place, arg)| (arg.name, place)).collect();
        let effects = function.nodes.all.iter().enumerate();
        let effects = effects.filter(|(_, node)| !matches!(ops::effect(node.op), Effect::None | Effect::Unknown));
        function.effects = effects.map(|(place, _)| place as u32).collect();
        if function.name.is_empty() {
            return Err(message.fault("a function without a name"));
        }
        Ok(function)
    }

    fn signature(&mut self, message: Message<'a>) -> Result<(), ReadError> {
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => self.name = field.str()?,
                2 => self.args.push(Arg::read(field.message()?)?),
                3 => self.results.push(Arg::read(field.message()?)?),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Arg<'a> {
    /// Returns how many tensors it is, by the attributes of a call.
    pub fn tensors(&self, bound: Option<&Bound<'a>>) -> usize {
        let attr = |name: &str| bound.and_then(|bound| bound.get(name));
        match (self.number_attr, self.types_attr) {
            ("", "") => 1,
            ("", types) => {
                if let Some(Attr::List(list)) = attr(types) {
                    list.types.len()
                } else {
                    0
                }
            }
            (number, _) => {
                if let Some(Attr::Int(n)) = attr(number) {
                    usize::try_from(*n).unwrap_or(0).min(1 << 16)
                } else {
                    0
                }
            }
        }
    }

    fn read(message: Message<'a>) -> Result<Arg<'a>, ReadError> {
        let mut arg = Arg::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => arg.name = field.str()?,
                3 => arg.dtype = field.int64()?,
                5 => arg.number_attr = field.str()?,
                6 => arg.types_attr = field.str()?,
                _ => {}
            }
        }
        Ok(arg)
    }
}
