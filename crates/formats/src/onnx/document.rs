//! The document: `ModelProto` with its graphs, nodes and functions, as it stands, borrowed from the file.
//!
//! Here is decided whether the file is well formed, and within the bounds; what its names mean is decided in
//! [`super::resolve`]. Field numbers are those of `onnx.proto`
//! (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).

use super::{
    attribute::Attribute,
    reader::Reader,
    tensor::{SparseTensor, Tensor},
    types::ValueInfo,
};
use crate::{ReadError, protobuf::Message};

/// `ModelProto`.
#[derive(Debug)]
pub struct Document<'a> {
    pub ir_version: i64,
    pub producer: &'a str,
    pub producer_version: &'a str,
    pub opsets: Vec<Opset<'a>>,
    pub graph: Graph<'a>,
    pub functions: Vec<Function<'a>>,
    /// Keys and values that tools leave.
    pub metadata: Vec<(&'a str, &'a str)>,
}

/// `OperatorSetIdProto`: which version of a domain's ops is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opset<'a> {
    /// The domain; empty for `ai.onnx`.
    pub domain: &'a str,
    pub version: i64,
}

/// `GraphProto`.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    pub name: &'a str,
    pub nodes: Vec<Node<'a>>,
    pub inputs: Vec<ValueInfo<'a>>,
    pub outputs: Vec<ValueInfo<'a>>,
    /// What the document says of values inside.
    pub value_info: Vec<ValueInfo<'a>>,
    pub initializers: Vec<Tensor<'a>>,
    pub sparse_initializers: Vec<SparseTensor<'a>>,
}

/// `NodeProto`.
#[derive(Debug)]
pub struct Node<'a> {
    pub name: &'a str,
    pub op: &'a str,
    /// The domain; empty for `ai.onnx`.
    pub domain: &'a str,
    pub overload: &'a str,
    /// Names of values; an empty one stands for an optional input that is not given.
    pub inputs: Vec<&'a str>,
    /// Names of values; an empty one stands for an output that nobody wants.
    pub outputs: Vec<&'a str>,
    pub attributes: Vec<Attribute<'a>>,
}

/// `FunctionProto`: an op made of others, local to the model.
#[derive(Debug)]
pub struct Function<'a> {
    pub name: &'a str,
    pub domain: &'a str,
    pub overload: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    /// Names of attributes without a default.
    pub attributes: Vec<&'a str>,
    /// Attributes with their defaults.
    pub defaults: Vec<Attribute<'a>>,
    pub nodes: Vec<Node<'a>>,
    pub opsets: Vec<Opset<'a>>,
    pub value_info: Vec<ValueInfo<'a>>,
}

// === impl Document ===

impl<'a> Document<'a> {
    /// Returns the document of these bytes.
    pub fn parse(cx: &Reader<'a>, bytes: &'a [u8]) -> Result<Document<'a>, ReadError> {
        let limit = cx.limits.document_bytes_max;
        if bytes.len() > limit {
            return Err(ReadError::TooLarge {
                file: cx.file.to_owned(),
                what: "size of the document".to_owned(),
                got: bytes.len() as u64,
                limit: limit as u64,
                key: "document_bytes_max",
            });
        }
        let message = Message::new(cx.file, bytes);
        let mut graph = None;
        let mut document = Document {
            ir_version: 0,
            producer: "",
            producer_version: "",
            opsets: Vec::new(),
            graph: Graph::default(),
            functions: Vec::new(),
            metadata: Vec::new(),
        };
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => document.ir_version = field.int64()?,
                2 => document.producer = field.str()?,
                3 => document.producer_version = field.str()?,
                7 if graph.is_some() => return Err(field.fault("a second graph, a model has one")),
                7 => graph = Some(Graph::read(cx, field.message()?, 1)?),
                8 => document.opsets.push(Opset::read(cx, field.message()?)?),
                14 => document.metadata.push(entry(cx, field.message()?)?),
                25 => document.functions.push(Function::read(cx, field.message()?)?),
                _ => {}
            }
        }
        document.graph = graph.ok_or_else(|| cx.fault("ModelProto", "graph", "a graph", "none"))?;
        if document.opsets.is_empty() && document.ir_version < 3 {
            // Before the third version of the format there was one set of ops.
            document.opsets.push(Opset { domain: "", version: 1 });
        }
        Ok(document)
    }
}

fn entry<'a>(cx: &Reader<'a>, message: Message<'a>) -> Result<(&'a str, &'a str), ReadError> {
    cx.count_names(1)?;
    let text = |number| message.last(number)?.map_or(Ok(""), |field| field.str());
    Ok((text(1)?, text(2)?))
}

/// Returns the domain under the one name that it has here: `ai.onnx` may be written out or left empty.
fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

// === impl Opset ===

impl<'a> Opset<'a> {
    fn read(cx: &Reader<'a>, message: Message<'a>) -> Result<Opset<'a>, ReadError> {
        cx.count_names(1)?;
        let name = message.last(1)?.map_or(Ok(""), |field| field.str())?;
        let version = message.last(2)?.map_or(Ok(0), |field| field.int64())?;
        Ok(Opset { domain: domain(name), version })
    }
}

// === impl Graph ===

impl<'a> Graph<'a> {
    /// Returns the graph; `depth` is that of itself, 1 for a model's.
    pub fn read(cx: &Reader<'a>, message: Message<'a>, depth: usize) -> Result<Graph<'a>, ReadError> {
        cx.check_depth(depth)?;
        let mut graph = Graph::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => graph.nodes.push(Node::read(cx, field.message()?, depth)?),
                2 => graph.name = field.str()?,
                5 => graph.initializers.push(Tensor::read(cx, field.message()?)?),
                11 => graph.inputs.push(ValueInfo::read(cx, field.message()?)?),
                12 => graph.outputs.push(ValueInfo::read(cx, field.message()?)?),
                13 => graph.value_info.push(ValueInfo::read(cx, field.message()?)?),
                15 => graph.sparse_initializers.push(SparseTensor::read(cx, field.message()?)?),
                _ => {}
            }
        }
        Ok(graph)
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    fn read(cx: &Reader<'a>, message: Message<'a>, depth: usize) -> Result<Node<'a>, ReadError> {
        cx.count_node()?;
        let mut node = Node {
            name: "",
            op: "",
            domain: "",
            overload: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
        };
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => {
                    cx.count_names(1)?;
                    node.inputs.push(field.str()?);
                }
                2 => {
                    cx.count_names(1)?;
                    node.outputs.push(field.str()?);
                }
                3 => node.name = field.str()?,
                4 => node.op = field.str()?,
                5 => node.attributes.push(Attribute::read(cx, field.message()?, depth)?),
                7 => node.domain = domain(field.str()?),
                8 => node.overload = field.str()?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// Returns what messages call it: its name, or the first value that it writes.
    pub fn label(&self) -> &'a str {
        if self.name.is_empty() { self.outputs.first().copied().unwrap_or_default() } else { self.name }
    }
}

// === impl Function ===

impl<'a> Function<'a> {
    fn read(cx: &Reader<'a>, message: Message<'a>) -> Result<Function<'a>, ReadError> {
        cx.count_names(1)?;
        let mut function = Function {
            name: "",
            domain: "",
            overload: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
            defaults: Vec::new(),
            nodes: Vec::new(),
            opsets: Vec::new(),
            value_info: Vec::new(),
        };
        for field in message.fields() {
            let field = field?;
            let text = || cx.count_names(1).and_then(|()| field.str());
            match field.number {
                1 => function.name = field.str()?,
                4 => function.inputs.push(text()?),
                5 => function.outputs.push(text()?),
                6 => function.attributes.push(text()?),
                7 => function.nodes.push(Node::read(cx, field.message()?, 1)?),
                9 => function.opsets.push(Opset::read(cx, field.message()?)?),
                10 => function.domain = domain(field.str()?),
                11 => function.defaults.push(Attribute::read(cx, field.message()?, 1)?),
                12 => function.value_info.push(ValueInfo::read(cx, field.message()?)?),
                13 => function.overload = field.str()?,
                _ => {}
            }
        }
        Ok(function)
    }
}
