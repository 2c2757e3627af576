//! Kernels of decisions by tests: trees of every strategy ([`tree`]), rules ([`rules`]), scorecards ([`card`]).
//!
//! Inputs are read when a test asks for them, so a row costs what its path costs. Sums run in the order of the model.

use std::cell::Cell;

use model::{FaultKind, FaultValue};
use plan::op::decide::{DecideOp, Join, Order, Test, Tests};

use crate::frame::{Env, Home, VALID};

mod card;
mod rules;
mod tree;

/// An op of the family, ready to run.
pub enum DecideKernel {
    Tree(tree::TreeKernel),
    Rules(rules::RulesKernel),
    Card(card::CardKernel),
}

impl DecideKernel {
    pub(crate) fn new(op: &DecideOp) -> DecideKernel {
        match op {
            DecideOp::Tree { tree, parts } => DecideKernel::Tree(tree::TreeKernel::new(tree, parts)),
            DecideOp::Rules { rules, parts } => DecideKernel::Rules(rules::RulesKernel::new(rules, parts)),
            DecideOp::Card { card, parts } => DecideKernel::Card(card::CardKernel::new(card, parts)),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        for output in outputs.iter().flatten() {
            if let Home::Store(_) = output {
                env.frame.vectors_mut(*output).clear();
            }
        }
        match self {
            DecideKernel::Tree(kernel) => kernel.run(env, inputs, outputs),
            DecideKernel::Rules(kernel) => kernel.run(env, inputs, outputs),
            DecideKernel::Card(kernel) => kernel.run(env, inputs, outputs),
        }
    }
}

/// One row, as tests see it.
#[derive(Clone, Copy)]
struct Facts<'a> {
    env: &'a Env<'a>,
    inputs: &'a [Home],
    row: usize,
    /// The first input that was asked for and is invalid.
    invalid: &'a Cell<Option<u32>>,
}

impl Facts<'_> {
    /// Returns an input as a test sees it: nothing where it is null, or invalid.
    #[inline]
    fn fact(&self, tests: &Tests, input: u32) -> Option<f64> {
        let number = self.number(input)?;
        if number.is_nan() && tests.nan_is_invalid.get(input as usize) == Some(&true) {
            self.invalid.set(self.invalid.get().or(Some(input)));
            return None;
        }
        Some(number)
    }

    #[inline]
    fn number(&self, input: u32) -> Option<f64> {
        self.env.frame.cells(self.inputs[input as usize]).number(self.row)
    }

    /// Returns what a test says, nothing where it is unknown.
    fn ask(&self, tests: &Tests, test: u32) -> Option<bool> {
        match tests.tests[test as usize] {
            Test::Known(known) => Some(known),
            Test::Compare { input, order, value } => Some(compare(self.fact(tests, input)?, order, value)),
            Test::In { input, set, negated } => {
                Some(contains(&tests.sets[set as usize], self.fact(tests, input)?) != negated)
            }
            Test::Missing { input, negated } => Some(self.fact(tests, input).is_none() != negated),
            Test::Join { join, first, count } => self.join(tests, join, tests.operands_of(first, count)),
        }
    }

    fn join(&self, tests: &Tests, join: Join, operands: &[u32]) -> Option<bool> {
        let mut answers = operands.iter().map(|&operand| self.ask(tests, operand));
        match join {
            Join::All => any_of(answers, false),
            Join::Any => any_of(answers, true),
            Join::Odd => answers.try_fold(false, |odd, answer| Some(odd ^ answer?)),
            Join::FirstKnown => answers.flatten().next(),
        }
    }

    /// Refuses the row: the model has no answer for it, or an input is invalid.
    #[cold]
    fn refuse(&self, what: &'static str) {
        match self.invalid.get() {
            Some(input) => self.env.refuse_invalid(self.row, input as usize),
            None => self.env.refuse(self.row, 0, FaultKind::Rule(what), FaultValue::Null),
        }
    }
}

/// Returns `wanted` where any answer is that, else nothing where any is unknown, else its opposite. All are asked: an invalid value
/// is refused wherever it stands.
fn any_of(answers: impl Iterator<Item = Option<bool>>, wanted: bool) -> Option<bool> {
    let (mut found, mut all_known) = (false, true);
    for answer in answers {
        found |= answer == Some(wanted);
        all_known &= answer.is_some();
    }
    if found { Some(wanted) } else { all_known.then_some(!wanted) }
}

fn compare(x: f64, order: Order, value: f64) -> bool {
    let above = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
    let equal = x == value || (x.is_nan() && value.is_nan());
    match order {
        Order::Less => above(value, x),
        Order::AtMost => equal || above(value, x),
        Order::Equal => equal,
        Order::Unequal => !equal,
        Order::AtLeast => equal || above(x, value),
        Order::Greater => above(x, value),
    }
}

fn contains(set: &[f64], x: f64) -> bool {
    // Zeros are one number here, and no set has a NaN.
    !x.is_nan() && set.binary_search_by(|v| v.total_cmp(&(x + 0.0))).is_ok()
}

/// Returns the number rounded to 32 bits where the model computes so.
fn rounded(value: f64, single: bool) -> f64 {
    if single { f64::from(value as f32) } else { value }
}

#[cfg(test)]
mod tests;
