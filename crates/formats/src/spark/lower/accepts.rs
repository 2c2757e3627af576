//! What stages can work with, and what an input column turns out to take.

use model::{DType, Takes, Type};
use plan::SlotId;

/// What a stage can work with in a column that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    Text,
    /// A list of texts.
    Texts,
    /// A number, whatever its width.
    Number,
    /// A number or boolean.
    NumberOrBool,
    /// A text, number or boolean, told apart: an integer reads otherwise than the same double.
    Scalar,
    /// A float64, or its text: an integer of the caller's is the same number.
    FloatOrText,
    /// An int64, or its text.
    IntOrText,
    /// A list of texts, numbers or booleans.
    Items,
    /// A list of numbers of just this type.
    ListOf(DType),
    Vector,
    /// A float64 (an integer of the caller's is one) or a vector.
    FloatOrVector,
    /// A number, boolean or vector.
    Part,
    /// A boolean.
    Bool,
    /// A number, told apart: an integer reads otherwise than the same double.
    ExactNumber,
    /// A text, date or timestamp.
    Time,
    /// A date or timestamp.
    Moment,
    /// Whatever comes.
    Anything,
}

/// What is known of a column that the caller brings.
pub(super) struct Input {
    pub slot: SlotId,
    /// Columns made of it that have its type, whatever it turns out to be.
    pub alike: Vec<SlotId>,
    /// The user gave the type.
    pub fixed: bool,
    pub accepts: Vec<Type>,
    /// A stage tells integers from other numbers.
    pub exact: bool,
}

impl Accepts {
    pub(super) fn types(self) -> Vec<Type> {
        let items = [Type::Text, Type::I64, Type::F64, Type::BOOL];
        match self {
            Accepts::Text => vec![Type::Text],
            Accepts::Texts => vec![Type::list(Type::Text)],
            Accepts::Number => vec![Type::I64, Type::F64],
            Accepts::NumberOrBool => vec![Type::I64, Type::F64, Type::BOOL],
            Accepts::Scalar => items.into(),
            Accepts::FloatOrText => vec![Type::F64, Type::Text],
            Accepts::IntOrText => vec![Type::I64, Type::Text],
            Accepts::Items => items.map(Type::list).into(),
            Accepts::ListOf(dtype) => vec![Type::list(Type::scalar(dtype))],
            Accepts::Vector => vec![Type::VECTOR],
            Accepts::FloatOrVector => vec![Type::F64, Type::VECTOR],
            Accepts::Part => vec![Type::I64, Type::F64, Type::BOOL, Type::VECTOR],
            Accepts::Bool => vec![Type::BOOL],
            Accepts::ExactNumber => vec![Type::I64, Type::F64],
            Accepts::Time => vec![Type::Text, Type::scalar(DType::Date), Type::scalar(DType::Timestamp)],
            Accepts::Moment => [DType::Date, DType::Timestamp].map(Type::scalar).into(),
            Accepts::Anything => {
                let lists = items.clone().map(Type::list);
                let times = [DType::Date, DType::Timestamp].map(Type::scalar);
                items.into_iter().chain([Type::VECTOR]).chain(times).chain(lists).collect()
            }
        }
    }

    /// Returns what decimals are read as, where the stage takes numbers.
    pub(super) fn of_decimals(self) -> Option<Type> {
        match self {
            Accepts::Number | Accepts::NumberOrBool | Accepts::Part => Some(Type::F64),
            Accepts::Scalar | Accepts::FloatOrText | Accepts::IntOrText => Some(Type::Text),
            _ => None,
        }
    }

    /// Returns whether an integer is read otherwise than the same double.
    pub(super) fn is_exact(self) -> bool {
        use Accepts::{Anything, ExactNumber, FloatOrText, IntOrText, Items, Scalar};
        matches!(self, Scalar | FloatOrText | IntOrText | Items | ExactNumber | Anything)
    }
}

impl Input {
    pub(super) fn takes(&self) -> Takes {
        match self.accepts.as_slice() {
            [one] => Takes::One(one.clone()),
            types if !self.exact && *types == Accepts::Number.types() => Takes::One(Type::F64),
            types => Takes::From(types.to_vec()),
        }
    }

    /// Whether it may turn out to be a number or a vector.
    pub(super) fn is_open(&self) -> bool {
        self.accepts.len() > 1 && self.accepts.contains(&Type::VECTOR)
    }
}
