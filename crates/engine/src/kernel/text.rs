//! Kernels on texts and lists of texts.
//!
//! Texts are bytes in one buffer a slot and a span each, so most of this copies nothing but spans: tokens point into the
//! text they were cut from, n-grams overlap in one joined text, a list without its stop words shares the bytes of the list
//! before it. Texts of ASCII alone, nearly all there are, take the short way everywhere; the long way gives the same
//! answer for any text and is taken only for others.

mod blanks;
mod lower;
pub(in crate::kernel) mod matches;
mod n_grams;
mod occurrences;
mod rewrite;
mod split;
mod without;
mod words;

use model::{FaultKind, FaultValue};
use plan::TextOp;

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
};

pub(crate) use lower::push_lower;

/// An op of the family, ready to run.
pub enum TextKernel {
    Lower,
    Split(split::Splitter),
    Without(without::Without),
    NGrams(n_grams::NGrams),
    Rewrite(rewrite::Rewrite),
    Words(words::Cutter),
    Occurrences(occurrences::Occurrences),
}

impl TextKernel {
    pub(crate) fn new(op: &TextOp, site: &Site<'_>) -> Result<TextKernel, CompileError> {
        Ok(match op {
            TextOp::Lower => TextKernel::Lower,
            TextOp::Split { by, lower, chars_min } => {
                TextKernel::Split(split::Splitter::new(by, *lower, *chars_min, site)?)
            }
            TextOp::Without { words, fold } => TextKernel::Without(without::Without::new(words, *fold)),
            TextOp::NGrams { n } => TextKernel::NGrams(n_grams::NGrams::new(*n)),
            TextOp::Rewrite { tables } => TextKernel::Rewrite(rewrite::Rewrite::new(tables, site)?),
            TextOp::Words(words) => TextKernel::Words(words::Cutter::new(words, site)?),
            TextOp::Occurrences(term) => TextKernel::Occurrences(occurrences::Occurrences::new(term, site)?),
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(output) = outputs[0] else { return };
        match self {
            TextKernel::Lower => lower::run(env, inputs[0], output),
            TextKernel::Split(k) => k.run(env, inputs[0], output),
            TextKernel::Without(k) => k.run(env, inputs[0], output),
            TextKernel::NGrams(k) => k.run(env, inputs[0], output),
            TextKernel::Rewrite(k) => k.run(env, inputs[0], output),
            TextKernel::Words(k) => k.run(env, inputs[0], output),
            TextKernel::Occurrences(k) => k.run(env, inputs, output),
        }
    }
}

/// Refuses a row whose only input is null.
fn refuse_null(env: &Env<'_>, row: usize) {
    env.refuse(row, 0, FaultKind::Null, FaultValue::Null);
}

/// Refuses a row whose text would not fit beside the others of its tile.
fn refuse_long(env: &Env<'_>, row: usize, bytes: usize) {
    let kind = FaultKind::Rule("texts that fit into 4 GiB together with their neighbours");
    env.refuse(row, 0, kind, FaultValue::Size(bytes as u64));
}

#[cfg(test)]
mod tests;
