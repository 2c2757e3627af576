//! Sequences and optional values, as ONNX has them.
//!
//! A sequence shares its values, and so does its copy: putting one in costs a step for each that is there. Positions may be
//! negative: then they count from the end. A position out of range is refused.

use model::Type;

use super::{Formal, Given, dtype, is_tensor, tensor};

/// Most values of a sequence.
pub const SEQUENCE_MAX: usize = 1 << 20;

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceOp {
    /// A sequence of the inputs, all of one type.
    Construct,
    /// A sequence of nothing yet, of this type. No inputs.
    Empty { item: Type },
    /// The value at a position (input 1).
    At,
    /// The sequence with input 1 put in before position input 2, or at the end without one.
    Insert,
    /// The sequence without the value at position input 1, or without its last.
    Erase,
    /// How many values there are, int64.
    Length,
    /// The tensors of a sequence one after the other along an axis, or, `new_axis`, along a new one.
    Concat { axis: i64, new_axis: bool },
    /// A tensor in parts along an axis: each as long as input 1 says (one number for all, the last may be shorter; or one for
    /// each). Without it each of length 1, and without `keep` that dimension is gone.
    Split { axis: i64, keep: bool },
    /// Nothing, where a value of this type could be. No inputs.
    Absent { ty: Type },
    /// Whether the value is there.
    Has,
    /// The value; refused where it is not there.
    Get,
}

impl SequenceOp {
    pub fn name(&self) -> &'static str {
        match self {
            SequenceOp::Construct => "sequence_construct",
            SequenceOp::Empty { .. } => "sequence_empty",
            SequenceOp::At => "sequence_at",
            SequenceOp::Insert => "sequence_insert",
            SequenceOp::Erase => "sequence_erase",
            SequenceOp::Length => "sequence_length",
            SequenceOp::Concat { .. } => "sequence_concat",
            SequenceOp::Split { .. } => "sequence_split",
            SequenceOp::Absent { .. } => "absent",
            SequenceOp::Has => "has",
            SequenceOp::Get => "get",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let first = formal.first().copied().flatten();
        let item = || match first {
            Some(Type::List(item)) => Ok(&**item),
            _ => Err("a sequence"),
        };
        let position = |i: usize| match formal.get(i).copied().flatten() {
            None => Ok(()),
            Some(ty) if ty.as_scalar().is_some_and(|dtype| dtype.is_int()) => Ok(()),
            Some(_) => Err("an integer as position"),
        };
        Ok(vec![match self {
            SequenceOp::Construct => match first {
                Some(ty) if formal.iter().all(|other| *other == Some(ty)) => Type::list(ty.clone()),
                _ => return Err("values of one type"),
            },
            SequenceOp::Empty { item } => Type::list(item.clone()),
            SequenceOp::At => {
                position(1)?;
                item()?.clone()
            }
            SequenceOp::Insert => {
                position(2)?;
                match formal.get(1).copied().flatten() {
                    Some(ty) if ty == item()? => Type::list(ty.clone()),
                    _ => return Err("a sequence, and a value of its type"),
                }
            }
            SequenceOp::Erase => {
                position(1)?;
                Type::list(item()?.clone())
            }
            SequenceOp::Length => {
                item()?;
                Type::I64
            }
            SequenceOp::Concat { .. } => {
                item().ok().filter(|item| is_tensor(item)).ok_or("a sequence of tensors")?.clone()
            }
            SequenceOp::Split { .. } => {
                let lengths = formal.get(1).copied().flatten().is_none();
                match tensor(formal, 0) {
                    Some(ty) if lengths || dtype(formal, 1).is_some_and(|dtype| dtype.is_int()) => {
                        Type::list(ty.clone())
                    }
                    _ => return Err("a tensor, and lengths"),
                }
            }
            SequenceOp::Absent { ty } => ty.clone(),
            SequenceOp::Has => first.map(|_| Type::BOOL).ok_or("a value")?,
            SequenceOp::Get => first.cloned().ok_or("a value")?,
        }])
    }
}
