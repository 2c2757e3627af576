//! `AttrValue`: what an op is told besides its inputs.

use crate::{
    ReadError,
    protobuf::{Field, Message},
};

use super::{super::dtype::DType, entry, shape::Shape};

/// Functions within attributes of functions; nobody nests them.
const DEPTH_MAX: usize = 16;

/// A value of an attribute.
#[derive(Clone, Debug)]
pub enum Attr<'a> {
    Bytes(&'a [u8]),
    Int(i64),
    Float(f32),
    Bool(bool),
    /// A type by its number; references keep theirs.
    Type(i64),
    Shape(Shape),
    /// A tensor, decoded when it is asked for.
    Tensor(Message<'a>),
    Function(Function<'a>),
    /// An attribute of the function around, by its name.
    Placeholder(&'a str),
    List(List<'a>),
}

/// A function with the attributes that it is called with.
#[derive(Clone, Debug, Default)]
pub struct Function<'a> {
    pub name: &'a str,
    pub attrs: Attrs<'a>,
}

/// A list; all but one kind are empty.
#[derive(Clone, Debug, Default)]
pub struct List<'a> {
    pub bytes: Vec<&'a [u8]>,
    pub ints: Vec<i64>,
    pub floats: Vec<f32>,
    pub bools: Vec<bool>,
    pub types: Vec<i64>,
    pub shapes: Vec<Shape>,
    pub tensors: Vec<Message<'a>>,
    pub functions: Vec<Function<'a>>,
}

/// Attributes by name, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Attrs<'a> {
    all: Vec<(&'a str, Attr<'a>)>,
}

impl<'a> Attrs<'a> {
    /// Takes in an entry of the map; the last of one name counts.
    pub fn push(&mut self, field: &Field<'a>) -> Result<(), ReadError> {
        self.push_at(field, 0)
    }

    fn push_at(&mut self, field: &Field<'a>, depth: usize) -> Result<(), ReadError> {
        let (name, value) = entry(field)?;
        if let Some(value) = Attr::read(value, depth)? {
            self.all.push((name, value));
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&Attr<'a>> {
        self.all.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &Attr<'a>)> {
        self.all.iter().map(|(name, value)| (*name, value))
    }
}

impl<'a> Attr<'a> {
    /// Reads a value; `None` where the message holds none.
    fn read(message: Message<'a>, depth: usize) -> Result<Option<Attr<'a>>, ReadError> {
        let mut value = None;
        for field in message.fields() {
            let field = field?;
            value = Some(match field.number {
                1 => Attr::List(List::read(field.message()?, depth)?),
                2 => Attr::Bytes(field.bytes()?),
                3 => Attr::Int(field.int64()?),
                4 => Attr::Float(field.float()?),
                5 => Attr::Bool(field.bool()?),
                6 => Attr::Type(field.int64()?),
                7 => Attr::Shape(Shape::read(field.message()?)?),
                8 => Attr::Tensor(field.message()?),
                9 => Attr::Placeholder(field.str()?),
                10 => Attr::Function(Function::read(field.message()?, depth + 1)?),
                _ => continue,
            });
        }
        Ok(value)
    }

    /// Returns the type; that which is referred to.
    pub fn as_type(&self) -> Option<DType> {
        if let Attr::Type(number) = self { DType::of(*number) } else { None }
    }
}

impl<'a> Function<'a> {
    fn read(message: Message<'a>, depth: usize) -> Result<Function<'a>, ReadError> {
        if DEPTH_MAX < depth {
            return Err(message.fault(format_args!("functions are nested in attributes deeper than {DEPTH_MAX}")));
        }
        let mut function = Function::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => function.name = field.str()?,
                2 => function.attrs.push_at(&field, depth)?,
                _ => {}
            }
        }
        Ok(function)
    }
}

impl<'a> List<'a> {
    fn read(message: Message<'a>, depth: usize) -> Result<List<'a>, ReadError> {
        let mut list = List {
            ints: message.int64s(3).collect::<Result<_, _>>()?,
            floats: message.floats(4).collect::<Result<_, _>>()?,
            bools: message.varints(5).map(|bits| bits.map(|bits| bits != 0)).collect::<Result<_, _>>()?,
            types: message.int64s(6).collect::<Result<_, _>>()?,
            ..List::default()
        };
        for field in message.fields() {
            let field = field?;
            match field.number {
                2 => list.bytes.push(field.bytes()?),
                7 => list.shapes.push(Shape::read(field.message()?)?),
                8 => list.tensors.push(field.message()?),
                9 => list.functions.push(Function::read(field.message()?, depth + 1)?),
                _ => {}
            }
        }
        Ok(list)
    }
}
