//! Rules that fire.

use std::{cell::Cell, sync::Arc};

use plan::op::decide::{Criterion, NONE, RulePart, Rules};

use super::{Facts, VALID, rounded};
use crate::frame::{Env, Home};

/// A set of rules, ready to be asked.
pub struct RulesKernel {
    rules: Arc<Rules>,
    parts: Box<[RulePart]>,
}

/// Who answers.
#[derive(Clone, Copy)]
enum Winner {
    Rule(u32),
    Default,
    Nobody,
}

impl RulesKernel {
    pub(crate) fn new(rules: &Arc<Rules>, parts: &[RulePart]) -> RulesKernel {
        RulesKernel { rules: rules.clone(), parts: parts.into() }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        for row in 0..env.frame.rows() {
            let winner = if env.frame.is_live(row) {
                let invalid = Cell::new(None);
                let facts = Facts { env, inputs, row, invalid: &invalid };
                let winner = self.ask(&facts, &mut scratch.numbers, &mut scratch.words, &mut scratch.rows);
                match winner {
                    _ if invalid.get().is_some() => facts.refuse(VALID),
                    Winner::Nobody => facts.refuse("a rule that fires, or a default score"),
                    Winner::Rule(_) | Winner::Default => {}
                }
                if invalid.get().is_some() { Winner::Nobody } else { winner }
            } else {
                Winner::Nobody
            };
            for (part, output) in self.parts.iter().zip(outputs) {
                match output {
                    Some(home @ Home::Cells { .. }) => {
                        env.frame.cells(*home).set(row, self.number(*part, winner).map(f64::to_bits));
                    }
                    Some(home) => {
                        let out = &mut *env.frame.vectors_mut(*home);
                        let start = out.values.len();
                        match winner {
                            Winner::Nobody => out.push_null(),
                            Winner::Rule(_) | Winner::Default => {
                                out.values.extend_from_slice(&scratch.numbers[..self.rules.width as usize]);
                                out.end_dense(start);
                            }
                        }
                    }
                    None => {}
                }
            }
        }
    }

    fn number(&self, part: RulePart, winner: Winner) -> Option<f64> {
        match (part, winner) {
            (RulePart::Rule, Winner::Rule(rule)) => Some(f64::from(rule)),
            (RulePart::Score, Winner::Rule(rule)) => Some(f64::from(self.rules.rules[rule as usize].class)),
            (RulePart::Score, Winner::Default) => Some(f64::from(self.rules.default_class)),
            _ => None,
        }
    }

    /// Leaves the values of the classes in `values`; `best` is of each class the rule that stands for it, `order` the classes in the
    /// order in which they fire first.
    fn ask(&self, facts: &Facts<'_>, values: &mut Vec<f64>, best: &mut Vec<u32>, order: &mut Vec<u32>) -> Winner {
        let rules = &*self.rules;
        values.clear();
        values.resize(rules.width as usize, 0.0);
        best.clear();
        best.resize(rules.width as usize, NONE);
        order.clear();
        let (mut at, mut fired) = (0, 0_u32);
        while let Some(rule) = rules.rules.get(at) {
            if facts.ask(&rules.tests, rule.test) != Some(true) {
                at = rule.end as usize;
                continue;
            }
            if rule.class != NONE {
                fired += 1;
                self.fire(at as u32, values, best, order);
            }
            at += 1;
        }
        let Some(&first) = order.first() else {
            return match rules.default_class {
                NONE => Winner::Nobody,
                class => {
                    values[class as usize] = rounded(rules.default_confidence, rules.single);
                    Winner::Default
                }
            };
        };
        if rules.criterion == Criterion::FirstHit {
            return Winner::Rule(best[first as usize]);
        }
        if rules.criterion == Criterion::WeightedSum {
            for &class in &*order {
                values[class as usize] = rounded(values[class as usize] / f64::from(fired), rules.single);
            }
        }
        let mut winner = first;
        for &class in &order[1..] {
            if values[class as usize].total_cmp(&values[winner as usize]).is_gt() {
                winner = class;
            }
        }
        Winner::Rule(best[winner as usize])
    }

    fn fire(&self, at: u32, values: &mut [f64], best: &mut [u32], order: &mut Vec<u32>) {
        let rules = &*self.rules;
        let rule = rules.rules[at as usize];
        let (value, stands) = (&mut values[rule.class as usize], &mut best[rule.class as usize]);
        let is_first = *stands == NONE;
        if is_first {
            order.push(rule.class);
        }
        let is_heavier = !is_first && rules.rules[*stands as usize].weight < rule.weight;
        match rules.criterion {
            Criterion::FirstHit if is_first => (*stands, *value) = (at, rounded(rule.confidence, rules.single)),
            Criterion::FirstHit => {}
            Criterion::WeightedSum => {
                *value = rounded(*value + rounded(rule.weight, rules.single), rules.single);
                if is_first || is_heavier {
                    *stands = at;
                }
            }
            Criterion::WeightedMax if is_first || is_heavier => {
                (*stands, *value) = (at, rounded(rule.confidence, rules.single));
            }
            Criterion::WeightedMax => {}
        }
    }
}
