//! Attention and what goes with it.
//!
//! Computed in the element's type, float16 and bfloat16 in float32 and rounded once. Queries, keys and values are `[batch,
//! heads, steps, size]`, or `[batch, steps, heads * size]` where the numbers of heads are given. With fewer heads of keys than
//! of queries, neighbouring queries share one.

use model::Type;

use super::{Formal, Given, real};

/// What attention shows of its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// As they are after the cap.
    Capped,
    /// With mask.
    Masked,
    /// After softmax.
    Softmax,
}

/// How a linear attention's state changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The state is scaled by `exp(decay)` before.
    pub is_gated: bool,
    /// What is written is `beta * (value - what the state has for the key)`.
    pub is_delta: bool,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum AttentionOp {
    /// `softmax(cap(q k * scale) + mask) v`. Inputs: queries, keys, values; a mask (truth values, or numbers to add), keys and
    /// values of the past, the number of keys of each example that count; each of the last four may be left out. Outputs: the
    /// result, keys and values with the past, the scores. A query that no key is allowed for gives 0. Without `scale` it is the
    /// inverse root of the size of a head.
    Attention {
        heads: Option<[usize; 2]>,
        scale: Option<f32>,
        causal: bool,
        cap: f32,
        scores: Scores,
        /// How far back and ahead of itself a query sees.
        window: [Option<usize>; 2],
    },
    /// Turns pairs of numbers by the angles whose cosines and sines are inputs 1 and 2: of each step, or of the positions in
    /// input 3. Pairs are neighbours (`interleaved`) or half of `size` apart; what is beyond `size` (0: all) stays.
    Rotary { interleaved: bool, size: usize, heads: usize },
    /// A state of keys by values, read by queries step by step. Inputs: queries, keys, values `[batch, steps, heads * size]`;
    /// the state before, decay, beta, each of which may be left out. Outputs: the result and the state after.
    Linear { update: Update, heads: [usize; 2], scale: Option<f32> },
}

impl AttentionOp {
    pub fn name(&self) -> &'static str {
        match self {
            AttentionOp::Attention { .. } => "attention",
            AttentionOp::Rotary { .. } => "rotary_embedding",
            AttentionOp::Linear { .. } => "linear_attention",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let float = |i: usize| real(formal, i).map(Type::scalar);
        let (Some(q), Some(k)) = (float(0), float(1)) else { return Err("tensors of floating-point numbers") };
        Ok(match self {
            AttentionOp::Attention { .. } => {
                let v = float(2).ok_or("tensors of floating-point numbers")?;
                vec![q.clone(), k, v, q]
            }
            AttentionOp::Rotary { .. } => vec![q],
            AttentionOp::Linear { .. } => vec![q.clone(), float(3).unwrap_or(q)],
        })
    }
}
