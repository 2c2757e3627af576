//! Texts in tensors: cleaning, joining, cutting, hashing, counting n-grams.
//!
//! A text is bytes; what asks for letters takes UTF-8 and refuses other bytes.

use std::sync::Arc;

use model::{DType, Tensor, Type};

use super::{Formal, Given, dtype};
use crate::{error::PlanError, op::text::Pattern};

/// What becomes of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    AsIs,
    /// Each letter for itself: one whose other case is several letters stays.
    Lower,
    Upper,
}

/// MurmurHash3 x86 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MurmurHash {
    pub seed: u32,
    /// uint32, not int32.
    pub is_positive: bool,
}

/// How n-grams are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// How often each is there.
    Count,
    /// 1, or its weight, where it is there.
    Presence,
    /// How often, times its weight.
    Both,
}

/// n-grams to columns.
#[derive(Clone, Debug)]
pub struct NGrams {
    /// Of texts, or int64.
    pub pool: Tensor,
    /// Where the n-grams of 1, 2, ... items begin in the pool.
    pub begins: Vec<usize>,
    /// The column of each n-gram of the pool.
    pub columns: Vec<usize>,
    /// Of each n-gram of the pool; empty for none.
    pub weights: Vec<f32>,
    pub lengths: (usize, usize),
    /// Most items that are passed over between two of an n-gram.
    pub skip: usize,
    pub weighting: Weighting,
}

/// How a text is cut to tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// Each letter is one.
    Letters,
    /// What the first expression matches parts tokens; what the next matches parts those, and so on.
    Separators(Vec<Pattern>),
    /// What the expression matches is a token.
    Tokens(Pattern),
}

/// Ops of the family.
#[derive(Clone, Debug)]
pub enum TextOp {
    /// The texts (`[C]` or `[1, C]`) that are no stop word, in that case. Without `sensitive`, stop words are compared in lower
    /// case (in upper case where that is the result's). Where nothing is left: one empty text.
    Clean { case: Case, sensitive: bool, stops: Vec<String> },
    /// One text after the other, broadcast.
    Join,
    /// The parts of each text along a new last dimension, filled up with empty ones, and how many there are (int64). Without a
    /// delimiter it is cut at blanks, of which none is in a part. At most `most` cuts, where that is said.
    Split { delimiter: Option<String>, most: Option<usize> },
    /// The hash of each text, or of the bytes of each number.
    Murmur(MurmurHash),
    /// How often the n-grams of the pool are in each row, float32.
    NGrams(Arc<NGrams>),
    /// The tokens of each text along a new last dimension, filled up; those with fewer letters than `shortest` are none. With
    /// `mark`, they stand between 0x02 and 0x03 where any text has one. Patterns are over bytes.
    Tokens { cut: Cut, shortest: usize, mark: bool, fill: String },
}

impl TextOp {
    pub fn name(&self) -> &'static str {
        match self {
            TextOp::Clean { .. } => "clean",
            TextOp::Join => "join",
            TextOp::Split { .. } => "split",
            TextOp::Murmur(_) => "murmur_hash",
            TextOp::NGrams(_) => "n_grams",
            TextOp::Tokens { .. } => "tokens",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let is_text = |i: usize| formal.get(i).copied().flatten() == Some(&Type::Bytes);
        let texts = || if is_text(0) { Ok(()) } else { Err("a tensor of texts") };
        Ok(match self {
            TextOp::Clean { .. } | TextOp::Tokens { .. } => {
                texts()?;
                vec![Type::Bytes]
            }
            TextOp::Join if is_text(0) && is_text(1) => vec![Type::Bytes],
            TextOp::Join => return Err("two tensors of texts"),
            TextOp::Split { .. } => {
                texts()?;
                vec![Type::Bytes, Type::I64]
            }
            TextOp::Murmur(hash) => match (is_text(0), dtype(formal, 0)) {
                (false, None | Some(DType::Bool | DType::C64)) => return Err("texts or numbers"),
                _ => vec![if hash.is_positive { Type::scalar(DType::U32) } else { Type::I32 }],
            },
            TextOp::NGrams(grams) => match (grams.pool.dtype(), dtype(formal, 0)) {
                (None, None) => {
                    texts()?;
                    vec![Type::F32]
                }
                (Some(_), Some(dtype)) if dtype.is_int() => vec![Type::F32],
                _ => return Err("a tensor of the pool's kind"),
            },
        })
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let TextOp::NGrams(grams) = self else { return Ok(()) };
        let fault = |what: &str| Err(PlanError::parameters(self.name(), what));
        let columns = grams.columns.iter().max().map_or(0, |column| column.saturating_add(1));
        let mut n_grams = 0_usize;
        for (i, begin) in grams.begins.iter().enumerate() {
            let end = grams.begins.get(i + 1).copied().unwrap_or(grams.pool.len());
            match end.checked_sub(*begin).filter(|items| end <= grams.pool.len() && items % (i + 1) == 0) {
                Some(items) => n_grams += items / (i + 1),
                None => return fault("the pool has whole n-grams of every length"),
            }
        }
        if grams.columns.len() < n_grams || columns > 1 << 26 {
            return fault("each n-gram has a column below 67108864");
        }
        if !grams.weights.is_empty() && grams.weights.len() < n_grams {
            return fault("each n-gram has a weight");
        }
        match grams.lengths {
            (1.., longest) if grams.lengths.0 <= longest && longest <= grams.begins.len() => Ok(()),
            _ => fault("n-grams have lengths that the pool has"),
        }
    }
}
