//! Points and reasons of a scorecard.

use std::{cell::Cell, sync::Arc};

use plan::op::decide::{Attribute, Card, CardPart, NONE, Points};

use super::{Facts, VALID, rounded};
use crate::frame::{Env, Home};

/// A scorecard, ready to be asked.
pub struct CardKernel {
    card: Arc<Card>,
    parts: Box<[CardPart]>,
}

impl CardKernel {
    pub(crate) fn new(card: &Arc<Card>, parts: &[CardPart]) -> CardKernel {
        CardKernel { card: card.clone(), parts: parts.into() }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        env.frame.each_live(|row| {
            let invalid = Cell::new(None);
            let facts = Facts { env, inputs, row, invalid: &invalid };
            let mut score = self.score(&facts, &mut scratch.numbers, &mut scratch.rows);
            if invalid.get().is_some() {
                score = Err(VALID);
            }
            match score {
                Ok(_) => rank(&mut scratch.rows, &scratch.numbers),
                Err(what) => facts.refuse(what),
            }
            for (part, output) in self.parts.iter().zip(outputs) {
                let Some(output) = output else { continue };
                let value = match (part, score) {
                    (_, Err(_)) => None,
                    (CardPart::Score, Ok(score)) => Some(score),
                    (CardPart::Reason(rank), Ok(_)) => scratch.rows.get(*rank as usize).map(|&r| f64::from(r)),
                };
                env.frame.cells(*output).set(row, value.map(f64::to_bits));
            }
        });
    }

    /// Returns the score; leaves the points of the reasons in `points`, and in `order` the reasons that have any, as they come.
    fn score(&self, facts: &Facts<'_>, points: &mut Vec<f64>, order: &mut Vec<u32>) -> Result<f64, &'static str> {
        let card = &*self.card;
        let round = |value: f64| rounded(value, card.single);
        points.clear();
        points.resize(card.reasons as usize, 0.0);
        order.clear();
        let mut score = round(card.initial);
        for characteristic in &card.characteristics {
            let from = characteristic.first as usize;
            let attributes = &card.attributes[from..from + characteristic.count as usize];
            let is_true = |a: &&Attribute| facts.ask(&card.tests, a.test) == Some(true);
            let Some(attribute) = attributes.iter().find(is_true) else {
                return Err("an attribute whose predicate is true, for each characteristic");
            };
            let partial = match attribute.points {
                Points::Const(points) => points,
                Points::Input(input) => facts.number(input).ok_or("a partial score that is not missing")?,
            };
            score = round(score + round(partial));
            let reason = attribute.reason;
            if reason != NONE {
                if !order.contains(&reason) {
                    order.push(reason);
                }
                let difference = partial - characteristic.baseline;
                let difference = if card.above { difference } else { -difference };
                points[reason as usize] = round(points[reason as usize] + round(difference));
            }
        }
        // The map of reasons is ordered by their first use; a reason below 0 is none.
        order.retain(|&reason| points[reason as usize] >= 0.0);
        Ok(score)
    }
}

/// Sorts reasons by their points, the most first; equal ones stay in their order.
fn rank(order: &mut [u32], points: &[f64]) {
    for end in 1..order.len() {
        let mut at = end;
        while at > 0 && points[order[at - 1] as usize] < points[order[at] as usize] {
            order.swap(at - 1, at);
            at -= 1;
        }
    }
}
