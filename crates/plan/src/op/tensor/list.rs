//! Lists of tensors that loops fill and read: TensorFlow's TensorList and TensorArray.
//!
//! A list is a sequence some of whose values may not be there yet. Positions are integers from 0 on; one out of range is
//! refused. Where a value that is not there is read, it is zeros of the shape that says how values look, if that is known
//! throughout (-1 is not), else the call is refused.

use model::Type;

use super::{Formal, Given, dtype, is_tensor, tensor};

/// Most values of a list.
pub const LIST_MAX: usize = 1 << 20;

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ListOp {
    /// A list of so many (input 0) values of this type, none of which is there.
    Reserve { item: Type },
    /// A list of the entries of the first dimension.
    FromTensor,
    /// The value at a position (input 1). Input 2, where given, is its shape.
    Get,
    /// The list with the value of input 2 at the position of input 1. With `grow` it may be any position at or after the end.
    Set { grow: bool },
    /// The list with input 1 at the end.
    Push,
    /// The list without its last value, and that value. Input 1, where given, is its shape.
    Pop,
    /// How many values there are, int32.
    Length,
    /// The values along a new first dimension: all, or, where input 2 is there, those at its positions. Input 1, where given, is
    /// the shape of one.
    Stack,
    /// The entries of a tensor (input 2) at the positions of input 1. With `grow` they may be at or after the end.
    Scatter { grow: bool },
    /// The values one after the other along their first dimension, and their lengths (int64).
    Concat,
}

impl ListOp {
    pub fn name(&self) -> &'static str {
        match self {
            ListOp::Reserve { .. } => "list_reserve",
            ListOp::FromTensor => "list_from_tensor",
            ListOp::Get => "list_get",
            ListOp::Set { .. } => "list_set",
            ListOp::Push => "list_push",
            ListOp::Pop => "list_pop",
            ListOp::Length => "list_length",
            ListOp::Stack => "list_stack",
            ListOp::Scatter { .. } => "list_scatter",
            ListOp::Concat => "list_concat",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let item = match formal.first().copied().flatten() {
            Some(Type::List(item)) if is_tensor(item) => Some(&**item),
            _ => None,
        };
        let list = item.map(|item| Type::list(item.clone()));
        let whole = |i: usize| dtype(formal, i).is_some_and(|dtype| dtype.is_int());
        let types = match self {
            ListOp::Reserve { item } => whole(0).then(|| vec![Type::list(item.clone())]),
            ListOp::FromTensor => tensor(formal, 0).map(|ty| vec![Type::list(ty.clone())]),
            ListOp::Get => item.filter(|_| whole(1)).map(|item| vec![item.clone()]),
            ListOp::Set { .. } | ListOp::Scatter { .. } => {
                list.filter(|_| whole(1) && tensor(formal, 2) == item).map(|list| vec![list])
            }
            ListOp::Push => list.filter(|_| tensor(formal, 1) == item).map(|list| vec![list]),
            ListOp::Pop => list.zip(item).map(|(list, item)| vec![list, item.clone()]),
            ListOp::Length => item.map(|_| vec![Type::I32]),
            ListOp::Stack => item.map(|item| vec![item.clone()]),
            ListOp::Concat => item.map(|item| vec![item.clone(), Type::I64]),
        };
        types.ok_or("a list of tensors, positions, and a value of its type")
    }
}
