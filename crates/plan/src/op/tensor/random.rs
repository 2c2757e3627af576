//! Random numbers: Philox 4x32-10, as TensorFlow draws from it, so that what a model's author seeded comes as he saw it.
//!
//! A generator of an op's own begins at its seeds and goes on from call to call: each call takes a part of the stream that no
//! other gets, 256 blocks of four words an element, in the order in which calls come. It belongs to the compiled program, so a
//! model that is loaded anew begins anew, and so does each choice of outputs. Without seeds it begins anywhere, or where the
//! caller's seed says. Such an op is never computed beforehand.

use model::{DType, Type};

use super::{Formal, Given, dtype, tensor};

/// Where a generator begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Where a key (input 1: one uint64) and a counter (input 2: two) say; the op has no state.
    Given,
    /// At these seeds.
    Seeds([u64; 2]),
    /// Anywhere.
    Any,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// Floats from 0 up to, without, 1.
    Uniform,
    /// Integers from input 3 up to, without, input 4.
    Between,
    /// Any integers of the type.
    Whole,
    /// Floats about 0 with a deviation of 1.
    Normal,
    /// The same, those that are 2 or more away from 0 drawn again.
    Truncated,
}

/// Ops of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RandomOp {
    /// Numbers of the shape of input 0.
    Draw { drawn: Drawn, dtype: DType, stream: Stream },
    /// So many classes (input 3) of each row of input 0, each as probable as the exponential of its number there; infinite ones
    /// and NaN never.
    Multinomial { dtype: DType, stream: Stream },
    /// The entries of the first axis in any order.
    Shuffle { stream: Stream },
    /// The key and the counter of two seeds (input 0), for [`Stream::Given`].
    Key,
}

impl RandomOp {
    pub fn name(&self) -> &'static str {
        match self {
            RandomOp::Draw { drawn: Drawn::Normal | Drawn::Truncated, .. } => "random_normal",
            RandomOp::Draw { .. } => "random_uniform",
            RandomOp::Multinomial { .. } => "multinomial",
            RandomOp::Shuffle { .. } => "random_shuffle",
            RandomOp::Key => "random_key",
        }
    }

    /// Returns whether the same inputs always give the same outputs.
    pub fn is_pure(&self) -> bool {
        use RandomOp::*;
        match self {
            Draw { stream, .. } | Multinomial { stream, .. } | Shuffle { stream } => *stream == Stream::Given,
            Key => true,
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let is_index = |i: usize| dtype(formal, i).is_some_and(DType::is_int);
        match self {
            RandomOp::Draw { dtype: to, .. } if is_index(0) => Ok(vec![Type::scalar(*to)]),
            RandomOp::Draw { .. } => Err("a shape"),
            RandomOp::Multinomial { dtype: to, .. } => match dtype(formal, 0) {
                Some(_) if is_index(3) => Ok(vec![Type::scalar(*to)]),
                _ => Err("numbers of classes, and how many to draw"),
            },
            RandomOp::Shuffle { .. } => tensor(formal, 0).map(|ty| vec![ty.clone()]).ok_or("a tensor"),
            RandomOp::Key if is_index(0) => Ok(vec![Type::scalar(DType::U64); 2]),
            RandomOp::Key => Err("two seeds"),
        }
    }
}
