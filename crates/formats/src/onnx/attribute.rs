//! `AttributeProto`: what a node says besides its inputs.

use super::{
    document::Graph,
    reader::Reader,
    tensor::{SparseTensor, Tensor},
    types::Type,
};
use crate::{
    ReadError,
    protobuf::{Field, Message},
};

const CLASS: &str = "AttributeProto";

/// A named value of a node.
#[derive(Debug)]
pub struct Attribute<'a> {
    pub name: &'a str,
    pub value: Value<'a>,
}

/// What an attribute holds. Lists of numbers and texts are read when they are asked for.
#[derive(Debug)]
pub enum Value<'a> {
    Float(f32),
    Int(i64),
    String(&'a [u8]),
    Tensor(Box<Tensor<'a>>),
    Graph(Box<Graph<'a>>),
    Floats(List<'a>),
    Ints(List<'a>),
    Strings(List<'a>),
    Tensors(Vec<Tensor<'a>>),
    Graphs(Vec<Graph<'a>>),
    SparseTensor(Box<SparseTensor<'a>>),
    SparseTensors(Vec<SparseTensor<'a>>),
    Type(Option<Box<Type<'a>>>),
    Types(Vec<Option<Type<'a>>>),
    /// Within a function: what the call gives for the attribute of this name.
    Reference(&'a str),
}

/// A list of an attribute, where it lies in the document.
#[derive(Clone, Copy, Debug)]
pub struct List<'a>(Message<'a>);

/// The kinds by their numbers in `AttributeProto.AttributeType`, which begin at 1: the field that holds each, and its name.
const KINDS: [(u32, &str); 14] = [
    (2, "float"),
    (3, "int"),
    (4, "string"),
    (5, "tensor"),
    (6, "graph"),
    (7, "floats"),
    (8, "ints"),
    (9, "strings"),
    (10, "tensors"),
    (11, "graphs"),
    (22, "sparse_tensor"),
    (23, "sparse_tensors"),
    (14, "type"),
    (15, "types"),
];

// === impl Attribute ===

impl<'a> Attribute<'a> {
    pub fn read(cx: &Reader<'a>, message: Message<'a>, depth: usize) -> Result<Attribute<'a>, ReadError> {
        cx.count_names(1)?;
        let (mut name, mut kind, mut reference, mut held) = ("", 0_i64, "", None);
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => name = field.str()?,
                20 => kind = field.int64()?,
                21 => reference = field.str()?,
                number if KINDS.iter().any(|known| known.0 == number) => held = Some(number),
                _ => {}
            }
        }
        if !reference.is_empty() {
            return Ok(Attribute { name, value: Value::Reference(reference) });
        }
        let said = match kind {
            // Documents of the first version say no kind: it is that of the field.
            0 => None,
            kind => {
                let row = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind - 1));
                let row = row.ok_or_else(|| {
                    cx.fault(CLASS, &format!("type of `{name}`"), "a kind of attribute, 1 to 14", kind)
                })?;
                Some(row.0)
            }
        };
        let number = said.or(held).ok_or_else(|| cx.fault(CLASS, &format!("`{name}`"), "a value", "none"))?;
        let value = Value::read(cx, message, name, number, depth)?;
        if let Some(held) = held.filter(|held| *held != number) {
            let kind = |number| KINDS.iter().find(|known| known.0 == number).map_or("", |known| known.1);
            let got = format!("one of kind {}", kind(held));
            return Err(cx.fault(CLASS, &format!("`{name}` of kind {}", kind(number)), "a value of that kind", got));
        }
        Ok(Attribute { name, value })
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    fn read(
        cx: &Reader<'a>,
        message: Message<'a>,
        name: &str,
        number: u32,
        depth: usize,
    ) -> Result<Value<'a>, ReadError> {
        let none = || cx.fault(CLASS, &format!("`{name}`"), "a value", "none");
        let one = || -> Result<Message<'a>, ReadError> { message.last(number)?.ok_or_else(none)?.message() };
        let last = message.last(number)?;
        Ok(match number {
            // A number that is zero may be left out.
            2 => Value::Float(last.map_or(Ok(0.0), |field| field.float())?),
            3 => Value::Int(last.map_or(Ok(0), |field| field.int64())?),
            4 => Value::String(last.map_or(Ok(&[][..]), |field| field.bytes())?),
            5 => Value::Tensor(Box::new(Tensor::read(cx, one()?)?)),
            6 => Value::Graph(Box::new(Graph::read(cx, one()?, depth + 1)?)),
            7 => Value::Floats(List(message)),
            8 => Value::Ints(List(message)),
            9 => Value::Strings(List(message)),
            10 => Value::Tensors(each(message, number, |tensor| Tensor::read(cx, tensor))?),
            11 => Value::Graphs(each(message, number, |graph| Graph::read(cx, graph, depth + 1))?),
            22 => Value::SparseTensor(Box::new(SparseTensor::read(cx, one()?)?)),
            23 => Value::SparseTensors(each(message, number, |tensor| SparseTensor::read(cx, tensor))?),
            14 => Value::Type(Type::read(cx, one()?, depth + 1)?.map(Box::new)),
            _ => Value::Types(each(message, number, |ty| Type::read(cx, ty, depth + 1))?),
        })
    }

    /// Returns the name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Float(_) => "a float",
            Value::Int(_) => "an int",
            Value::String(_) => "a string",
            Value::Tensor(_) => "a tensor",
            Value::Graph(_) => "a graph",
            Value::Floats(_) => "floats",
            Value::Ints(_) => "ints",
            Value::Strings(_) => "strings",
            Value::Tensors(_) => "tensors",
            Value::Graphs(_) => "graphs",
            Value::SparseTensor(_) => "a sparse tensor",
            Value::SparseTensors(_) => "sparse tensors",
            Value::Type(_) => "a type",
            Value::Types(_) => "types",
            Value::Reference(_) => "an attribute of the function",
        }
    }

    /// Returns the graphs in it.
    pub fn graphs(&self) -> &[Graph<'a>] {
        match self {
            Value::Graph(graph) => std::slice::from_ref(graph),
            Value::Graphs(graphs) => graphs,
            _ => &[],
        }
    }
}

fn each<'a, T>(
    message: Message<'a>,
    number: u32,
    read: impl Fn(Message<'a>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    message.all(number).map(|field: Result<Field<'a>, _>| read(field?.message()?)).collect()
}

// === impl List ===

impl<'a> List<'a> {
    pub fn floats(self) -> Result<Vec<f32>, ReadError> {
        self.0.floats(7).collect()
    }

    pub fn ints(self) -> Result<Vec<i64>, ReadError> {
        self.0.int64s(8).collect()
    }

    pub fn strings(self) -> Result<Vec<&'a [u8]>, ReadError> {
        self.0.all(9).map(|field| field?.bytes()).collect()
    }
}
