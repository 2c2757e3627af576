//! What a model takes and gives: fields by name, type and shape.

use std::sync::Arc;

use crate::types::Type;

/// The input types that a field takes.
///
/// Some tools do not save the types of their columns (Spark hashes an int and a double differently, and saves neither), so
/// a plan may take several; then the data, or the user's schema, settles which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// This type. A border converts to it what loses nothing: narrower numbers, and where it is a vector, an array.
    One(Type),
    /// One of these, in order of preference; settled once per input, from its rows or from a schema. A schema may name any
    /// type: the compiler says whether the plan can work with it.
    From(Vec<Type>),
}

impl Takes {
    /// What an input that any number fits may be: integers are int64, others float64, then booleans.
    pub fn numbers() -> Vec<Type> {
        vec![Type::I64, Type::F64, Type::BOOL]
    }

    /// Returns the type that metadata shows: the only one, or the first.
    pub fn first(&self) -> &Type {
        match self {
            Takes::One(ty) => ty,
            Takes::From(types) => types.first().expect("a plan's check refuses an empty list"),
        }
    }

    /// Returns whether the data has to settle the type.
    pub fn is_from_data(&self) -> bool {
        matches!(self, Takes::From(_))
    }
}

/// How a border reads values that are not of the field's own type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// A value of another type is refused, and so is a row without the field.
    #[default]
    Strict,
    /// A text that says a value of the type is that value, a number or truth value is its text where texts are taken, and a row
    /// without the field has a null there. What says no value of the type goes by [`Unreadable`].
    Loose(Unreadable),
}

/// What becomes of a value that says none of the field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Refuse,
    Null,
    /// It is the value that this text says.
    As(Arc<str>),
}

/// What a format of tensors says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its own name for the tensor, which is not the field's: `dense_1_input:0`.
    pub tensor: Arc<str>,
    /// The dimensions, -1 where one is not known; `None` where not even their number is.
    pub shape: Option<Arc<[i64]>>,
}

/// One named input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Arc<str>,
    pub takes: Takes,
    /// An input: how its values are read.
    pub reading: Reading,
    /// Null is a value the model knows what to do with; false where every null row is refused.
    pub nullable: bool,
    /// One value for the call, not one per row.
    pub whole: bool,
    /// An output: part of the answer when the call names none. An input: needed for those.
    pub default: bool,
    /// An output that is no default one: part of such an answer all the same where the caller brings what it is computed
    /// from. An input that is not needed: only such outputs are computed from it, so it may be left out altogether.
    pub optional: bool,
    /// An input: rows are dropped by it, whatever outputs are asked for. An output: false.
    pub gates: bool,
    /// An output: which inputs (their places) it is computed from. An input: empty.
    pub needs: Vec<u32>,
    /// An input: the artifact says what it is where the caller does not bring it, so it may always be left out.
    pub has_default: bool,
    /// Of tensors: what their format says of them.
    pub declared: Option<Declared>,
}

impl Field {
    /// Returns the type that metadata shows.
    pub fn ty(&self) -> &Type {
        self.takes.first()
    }

    /// Returns the shape that metadata shows: of one row, or of the whole value as its format declares it. `-1` is a length
    /// that is not known.
    pub fn shape(&self) -> Vec<i64> {
        match self.declared.as_ref().and_then(|declared| declared.shape.as_ref()) {
            Some(shape) => shape.to_vec(),
            None => self.ty().row_shape(),
        }
    }
}

impl Field {
    /// Returns the field as a column: of a tensor whose first dimension is declared to be any number, what one row of it is.
    /// Other fields are as they were.
    pub fn as_column(self) -> Field {
        match self.row_type() {
            Some(ty) => Field { whole: false, takes: Takes::One(ty), ..self },
            None => self,
        }
    }

    fn row_type(&self) -> Option<Type> {
        let shape = self.declared.as_ref()?.shape.as_ref().filter(|_| self.whole)?;
        let (_, inner) = shape.split_first().filter(|(rows, _)| **rows < 0)?;
        let element = match self.ty() {
            Type::Bytes | Type::Text => Type::Text,
            ty => Type::scalar(ty.as_scalar().filter(|dtype| !dtype.is_of_tensors())?),
        };
        let known: Option<Vec<usize>> = inner.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        Some(match (known, element.as_scalar()) {
            (_, None) | (None, _) => inner.iter().fold(element, |ty, _| Type::list(ty)),
            (Some(shape), Some(dtype)) => Type::Fixed { dtype, shape },
        })
    }
}

/// Named inputs and outputs of one function of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: Arc<str>,
    pub inputs: Vec<Field>,
    pub outputs: Vec<Field>,
    /// The answer's rows are groups of the request's: others, in their own order and number. Calls are not cut or joined, and
    /// a row that is refused refuses the call.
    pub grouped: bool,
    /// What the artifact calls the way of asking, where it has one: `tensorflow/serving/predict`.
    pub method: Option<Arc<str>>,
}

impl Signature {
    /// Returns the input field of this name, with its place.
    pub fn input(&self, name: &str) -> Option<(usize, &Field)> {
        self.inputs.iter().enumerate().find(|(_, f)| &*f.name == name)
    }

    /// Returns, for each input, whether the outputs asked for (the default ones where none are) are computed from it.
    /// Unknown outputs need nothing; whoever answers refuses them.
    pub fn needed(&self, outputs: Option<&[Arc<str>]>) -> Vec<bool> {
        let mut needed = vec![false; self.inputs.len()];
        for field in &self.outputs {
            if outputs.map_or(field.default, |names| names.contains(&field.name)) {
                field.needs.iter().for_each(|&i| needed[i as usize] = true);
            }
        }
        needed
    }

    /// Returns the inputs to bring for the outputs asked (the default ones where none are): those needed, and those that may
    /// be left out, which say so by [`Field::optional`].
    pub fn fields(&self, outputs: Option<&[Arc<str>]>) -> Vec<Field> {
        let brought = self.brought(outputs).into_iter();
        brought.map(|(field, must)| Field { default: must, optional: !must, ..field.clone() }).collect()
    }

    /// Returns the inputs of [`Signature::fields`] where they lie, and whether each must be brought.
    pub fn brought(&self, outputs: Option<&[Arc<str>]>) -> Vec<(&Field, bool)> {
        let mut brought = Vec::with_capacity(self.inputs.len());
        for (field, needed) in self.inputs.iter().zip(self.needed(outputs)) {
            if needed || (field.optional && (outputs.is_none() || field.gates)) {
                brought.push((field, needed && !field.has_default));
            }
        }
        brought
    }

    /// Returns the inputs to bring as [`Signature::fields`] has them, tensors as columns where rows can say them. Those with a
    /// value of their own are left out: they are the call's, not a row's.
    pub fn columns(&self, outputs: Option<&[Arc<str>]>) -> Vec<Field> {
        let fields = self.fields(outputs).into_iter();
        fields.filter(|field| !(field.whole && field.has_default)).map(Field::as_column).collect()
    }

    /// Returns the output field of this name, with its place.
    pub fn output(&self, name: &str) -> Option<(usize, &Field)> {
        self.outputs.iter().enumerate().find(|(_, f)| &*f.name == name)
    }
}

/// A signature as its artifact writes it down: what it tells of itself, whether it is served or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureDef {
    pub name: Arc<str>,
    /// The way of asking; empty where it names none.
    pub method: Arc<str>,
    pub inputs: Vec<TensorDef>,
    pub outputs: Vec<TensorDef>,
}

/// A named tensor of a [`SignatureDef`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorDef {
    /// What callers call it.
    pub key: Arc<str>,
    /// What the graph calls it.
    pub tensor: Arc<str>,
    /// The artifact's own name of the element type.
    pub dtype: Arc<str>,
    pub shape: ShapeDef,
}

/// What a [`TensorDef`] says of its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapeDef {
    /// Nothing.
    Absent,
    /// That not even the number of dimensions is known.
    UnknownRank,
    /// Lengths, -1 where one is not known, with the names that the artifact has for them.
    Dims(Vec<(i64, Arc<str>)>),
}

/// What a user says of one input column: by `--schema`, or in `forebay.toml` beside the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSpec {
    pub name: Arc<str>,
    pub ty: Type,
    /// The column's metadata as JSON text, for formats that read it (Spark's ML attributes).
    pub metadata: Option<Arc<str>>,
}
