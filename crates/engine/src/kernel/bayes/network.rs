//! Networks of discrete variables: one variable after the other is summed out of the product of the tables that have it.
//!
//! The order of the eliminations is fixed beforehand; a variable that a row observes is not summed but stands still, so that what
//! a row knows only makes it cheaper. Tables that are made on the way lie one after the other in the scratch.

use plan::op::bayes::Factor;

use crate::frame::{Env, Home};

/// [`plan::BayesOp::Network`].
pub struct Network {
    sizes: Box<[u32]>,
    factors: Box<[Factor]>,
    inputs: Box<[u32]>,
    target: usize,
    steps: Box<[Step]>,
    /// The entries of all tables that the steps make.
    room: usize,
}

struct Step {
    /// The variables that stay, and the one that is summed over, last.
    variables: Box<[u32]>,
    is_summed: bool,
    tables: Box<[Table]>,
    /// Where the table that is made begins, and how far apart its entries are, a variable that stays each.
    start: usize,
    strides: Box<[usize]>,
}

struct Table {
    source: Source,
    /// How far apart entries are, a variable of the step each; 0 where the table does not have it.
    strides: Box<[usize]>,
}

#[derive(Clone, Copy)]
enum Source {
    Factor(usize),
    /// Where a table that a step made begins.
    Made(usize),
}

impl Network {
    pub fn new(network: &plan::op::bayes::Network) -> Network {
        let sizes: Box<[u32]> = network.sizes.iter().copied().collect();
        let steps = network.steps().expect("the plan was checked: its eliminations are bounded");
        let mut made: Vec<(Source, Vec<u32>)> = Vec::new();
        for (i, factor) in network.factors.iter().enumerate() {
            made.push((Source::Factor(i), factor.variables.to_vec()));
        }
        let mut room = 0;
        let mut built = Vec::with_capacity(steps.len());
        for step in &steps {
            let variables: Box<[u32]> = step.kept.iter().copied().chain(step.summed).collect();
            let table = |&number: &u32| {
                let (source, has) = &made[number as usize];
                let own = strides(&sizes, has);
                let stride = |v: &u32| has.iter().position(|h| h == v).map_or(0, |at| own[at]);
                Table { source: *source, strides: variables.iter().map(stride).collect() }
            };
            let tables = step.tables.iter().map(table).collect();
            let own = strides(&sizes, &step.kept);
            let start = room;
            room += step.kept.iter().map(|&v| sizes[v as usize] as usize).product::<usize>();
            built.push(Step { variables, is_summed: step.summed.is_some(), tables, start, strides: own.into() });
            made.push((Source::Made(start), step.kept.clone()));
        }
        Network {
            sizes,
            factors: network.factors.iter().cloned().collect(),
            inputs: network.inputs.iter().copied().collect(),
            target: network.target as usize,
            steps: built.into(),
            room,
        }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        scratch.numbers.resize(self.room, 0.0);
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            // Of each variable where it begins and ends: an observed one has one value.
            let ranges = &mut scratch.words;
            ranges.clear();
            ranges.extend(self.sizes.iter().flat_map(|&size| [0, size]));
            for (&variable, &home) in self.inputs.iter().zip(inputs) {
                let seen = env.frame.cells(home).number(row);
                if let Some(value) = seen.filter(|v| *v >= 0.0 && *v < f64::from(self.sizes[variable as usize])) {
                    ranges[2 * variable as usize] = value as u32;
                    ranges[2 * variable as usize + 1] = value as u32 + 1;
                }
            }
            for step in &self.steps {
                self.step(step, ranges, &mut scratch.rows, &mut scratch.cells, &mut scratch.numbers);
            }
            let last = self.steps.last().expect("the last step is that of the target");
            let shares = &scratch.numbers[last.start..][..self.sizes[self.target] as usize];
            let sum: f64 = shares.iter().sum();
            if sum > 0.0 && sum.is_finite() {
                let start = out.values.len();
                out.values.extend(shares.iter().map(|share| share / sum));
                out.end_dense(start);
            } else {
                out.push_null();
            }
        }
    }

    /// Makes the step's table; `at` holds the variables' values, `places` where each table is read.
    fn step(&self, step: &Step, ranges: &[u32], at: &mut Vec<u32>, places: &mut Vec<u64>, made: &mut [f64]) {
        let range = |v: usize| {
            let variable = step.variables[v] as usize;
            ranges[2 * variable]..ranges[2 * variable + 1]
        };
        let kept = step.variables.len() - usize::from(step.is_summed);
        let size: usize = (0..kept).map(|v| self.sizes[step.variables[v] as usize] as usize).product();
        made[step.start..step.start + size].fill(0.0);
        at.clear();
        at.extend((0..step.variables.len()).map(|v| range(v).start));
        places.clear();
        places.extend(step.tables.iter().map(|t| {
            let start = at.iter().zip(&t.strides).map(|(&value, stride)| value as usize * stride);
            start.sum::<usize>() as u64
        }));
        let mut place: usize = at.iter().zip(&step.strides).map(|(&value, stride)| value as usize * stride).sum();
        loop {
            let product = step.tables.iter().zip(&*places).fold(1.0, |product, (table, &at)| {
                product
                    * match table.source {
                        Source::Factor(i) => self.factors[i].values[at as usize],
                        Source::Made(start) => made[start + at as usize],
                    }
            });
            made[step.start + place] += product;
            // As an odometer: the last variable that is not at its end goes on, those after it begin again.
            let Some(v) = (0..at.len()).rev().find(|&v| at[v] + 1 < range(v).end) else { return };
            at[v] += 1;
            step.tables.iter().zip(&mut *places).for_each(|(t, at)| *at += t.strides[v] as u64);
            place += step.strides.get(v).copied().unwrap_or(0);
            for w in v + 1..at.len() {
                let back = (at[w] - range(w).start) as usize;
                at[w] = range(w).start;
                step.tables.iter().zip(&mut *places).for_each(|(t, at)| *at -= (t.strides[w] * back) as u64);
                place -= step.strides.get(w).copied().unwrap_or(0) * back;
            }
        }
    }
}

/// Returns how far apart the entries of a table are, a variable each; the last one changes fastest.
fn strides(sizes: &[u32], variables: &[u32]) -> Vec<usize> {
    let mut strides = vec![1; variables.len()];
    for i in (1..variables.len()).rev() {
        strides[i - 1] = strides[i] * sizes[variables[i] as usize] as usize;
    }
    strides
}
