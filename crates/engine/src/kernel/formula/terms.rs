//! [`plan::formula::Terms`]: column by column, each table's sum for all rows of the frame.
//!
//! A step adds one term to the sums of all rows; rows that are null or not live are computed on whatever is there, and left out
//! afterwards by a mask. So one row costs a few nanoseconds a term, and many rows run side by side.

use std::ops::Range;

use model::{FaultKind, FaultValue};
use plan::formula::{Curve, Factor, Finish, Given, Shares, Term, Terms};

use super::real::{Real, extreme, mean, shares};
use crate::frame::{Cells, Env, Home};

/// The op, its terms in one row of steps.
pub struct TermsKernel<N> {
    steps: Vec<Step<N>>,
    /// The steps of each table.
    tables: Vec<Range<usize>>,
    factors: Vec<Part<N>>,
    values: Vec<N>,
    offset: Option<Amount<N>>,
    curve: Curve,
    trials: Option<Amount<N>>,
    finish: Finish,
    refused: Option<&'static str>,
    judged: Box<[bool]>,
}

enum Step<N> {
    Constant(N),
    /// `first`: no step before it, which every row takes, reads the input.
    Linear {
        input: u32,
        coefficient: N,
        first: bool,
    },
    Look {
        input: u32,
        values: Range<usize>,
        skip_missing: bool,
    },
    Product {
        coefficient: N,
        factors: Range<usize>,
        product_first: bool,
    },
}

enum Part<N> {
    Is { input: u32, code: f64 },
    Contrast { input: u32, values: Range<usize> },
    Power { input: u32, exponent: N },
}

#[derive(Clone, Copy)]
enum Amount<N> {
    Constant(N),
    Input(u32),
}

/// What a product of one row comes to.
enum Made<N> {
    Value(N),
    Missing,
    /// The category of this input has no number.
    NoContrast(u32),
    /// The value of this input is invalid.
    Invalid(u32),
}

impl<N: Real> TermsKernel<N> {
    pub fn new(op: &Terms) -> TermsKernel<N> {
        let amount = |given: Given| match given {
            Given::Constant(value) => Amount::Constant(N::of(value)),
            Given::Input(input) => Amount::Input(input),
        };
        let mut kernel = TermsKernel {
            steps: Vec::new(),
            tables: Vec::with_capacity(op.tables.len()),
            factors: Vec::new(),
            values: Vec::new(),
            offset: op.offset.map(amount),
            curve: op.curve,
            trials: op.trials.map(amount),
            finish: op.finish,
            refused: op.refused,
            judged: op.judged[..].into(),
        };
        let mut seen = vec![false; op.inputs as usize];
        for table in &op.tables {
            let start = kernel.steps.len();
            table.iter().for_each(|term| kernel.add(term, &mut seen));
            kernel.tables.push(start..kernel.steps.len());
        }
        kernel
    }

    fn add(&mut self, term: &Term, seen: &mut [bool]) {
        let step = match term {
            Term::Look { input, values, skip_missing } => {
                Step::Look { input: *input, values: self.keep(values), skip_missing: *skip_missing }
            }
            Term::Product { coefficient, factors, product_first } => match &factors[..] {
                [] => Step::Constant(N::of(*coefficient)),
                [Factor::Power { input, exponent: 1.0 }] => {
                    let first = !std::mem::replace(&mut seen[*input as usize], true);
                    Step::Linear { input: *input, coefficient: N::of(*coefficient), first }
                }
                factors => {
                    let start = self.factors.len();
                    for factor in factors {
                        let part = match factor {
                            Factor::Is { input, code } => Part::Is { input: *input, code: f64::from(*code) },
                            Factor::Contrast { input, values } => {
                                Part::Contrast { input: *input, values: self.keep(values) }
                            }
                            Factor::Power { input, exponent } => {
                                Part::Power { input: *input, exponent: N::of(*exponent) }
                            }
                        };
                        self.factors.push(part);
                    }
                    Step::Product {
                        coefficient: N::of(*coefficient),
                        factors: start..self.factors.len(),
                        product_first: *product_first,
                    }
                }
            },
        };
        self.steps.push(step);
    }

    fn keep(&mut self, values: &[f64]) -> Range<usize> {
        let start = self.values.len();
        self.values.extend(values.iter().map(|value| N::of(*value)));
        start..self.values.len()
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let frame = env.frame;
        let rows = frame.rows();
        let mut scratch = frame.scratch();
        let scratch = &mut *scratch;
        let (sums, missing) = (&mut scratch.numbers, &mut scratch.cells);
        sums.clear();
        // And room for the values of one row.
        sums.resize((rows + 1) * self.tables.len(), 0.0);
        missing.clear();
        missing.resize(rows.div_ceil(64), 0);
        for (table, steps) in self.tables.iter().enumerate() {
            let sums = &mut sums[table * rows..(table + 1) * rows];
            for step in &self.steps[steps.clone()] {
                self.step(env, inputs, step, sums, missing);
            }
        }
        let is_missing = |row: usize| missing[row / 64] >> (row % 64) & 1 == 1;
        match self.finish {
            Finish::Number => {
                let Some(out) = outputs[0].map(|home| frame.cells(home)) else { return };
                frame.each_live(|row| {
                    let value = (!is_missing(row)).then(|| self.value(env, inputs, row, N::of(sums[row])));
                    let value = value.and_then(|value| self.refuse(env, row).is_none().then_some(value?));
                    out.set(row, value.map(|value| value.wide().to_bits()));
                });
            }
            Finish::Shares(rule) => self.share(env, inputs, outputs, rule, sums, is_missing),
        }
    }

    /// Adds a term to every row's sum.
    fn step(&self, env: &Env<'_>, inputs: &[Home], step: &Step<N>, sums: &mut [f64], missing: &mut [u64]) {
        let cells = |input: u32| env.frame.cells(inputs[input as usize]);
        match step {
            Step::Constant(value) => sums.iter_mut().for_each(|sum| *sum = (N::of(*sum) + *value).wide()),
            Step::Linear { input, coefficient, first } => {
                let cells = cells(*input);
                if *first {
                    if self.is_judged(*input) {
                        self.judge(env, *input, missing, |row| cells.number(row).is_some_and(f64::is_nan));
                    }
                    note_missing(cells, missing);
                }
                for (sum, x) in sums.iter_mut().zip(cells.data()) {
                    let x = N::of(f64::from_bits(x.get()));
                    *sum = (N::of(*sum) + *coefficient * x).wide();
                }
            }
            Step::Look { input, values, skip_missing } => {
                let (cells, values) = (cells(*input), &self.values[values.clone()]);
                if self.is_judged(*input) {
                    self.judge(env, *input, missing, |row| cells.number(row).is_some_and(|code| code < 0.0));
                }
                if !skip_missing {
                    note_missing(cells, missing);
                }
                for (row, sum) in sums.iter_mut().enumerate() {
                    // The place of none of the labels is below 0.
                    let value =
                        cells.number(row).filter(|code| *code >= 0.0).and_then(|code| values.get(code as usize));
                    if let Some(value) = value {
                        *sum = (N::of(*sum) + *value).wide();
                    }
                }
            }
            Step::Product { coefficient, factors, product_first } => {
                let factors = &self.factors[factors.clone()];
                env.frame.each_live(|row| {
                    let start = if *product_first { N::ONE } else { *coefficient };
                    match self.product(factors, start, &|input| cells(input).number(row)) {
                        Made::Value(value) => {
                            let value = if *product_first { *coefficient * value } else { value };
                            sums[row] = (N::of(sums[row]) + value).wide();
                        }
                        Made::Missing => missing[row / 64] |= 1 << (row % 64),
                        Made::Invalid(input) => self.judge(env, input, missing, |at| at == row),
                        Made::NoContrast(input) => {
                            env.refuse(row, input as usize, FaultKind::Unseen, FaultValue::Null);
                        }
                    }
                });
            }
        }
    }

    fn is_judged(&self, input: u32) -> bool {
        self.judged.get(input as usize).is_some_and(|judged| *judged)
    }

    /// Refuses the rows of invalid values that have a result so far.
    fn judge(&self, env: &Env<'_>, input: u32, missing: &[u64], is_invalid: impl Fn(usize) -> bool) {
        env.frame.each_live(|row| {
            if is_invalid(row) && missing[row / 64] >> (row % 64) & 1 == 0 {
                let kind = FaultKind::Rule("a value that the data dictionary calls valid");
                env.refuse(row, input as usize, kind, FaultValue::Kind("another".into()));
            }
        });
    }

    fn product(&self, factors: &[Part<N>], start: N, number: &impl Fn(u32) -> Option<f64>) -> Made<N> {
        let mut product = start;
        for (i, factor) in factors.iter().enumerate() {
            let (Part::Is { input, .. } | Part::Contrast { input, .. } | Part::Power { input, .. }) = factor;
            let is_power = matches!(factor, Part::Power { .. });
            if is_power && i > 0 && product == N::default() && !matches!(factors[i - 1], Part::Power { .. }) {
                return Made::Value(product);
            }
            let Some(x) = number(*input) else { return Made::Missing };
            if self.is_judged(*input) && if is_power { x.is_nan() } else { x < 0.0 } {
                return Made::Invalid(*input);
            }
            match factor {
                Part::Is { code, .. } => {
                    if x != *code {
                        product = product * N::default();
                    }
                }
                Part::Contrast { values, .. } => {
                    let values = &self.values[values.clone()];
                    match Some(x).filter(|x| *x >= 0.0).and_then(|x| values.get(x as usize)) {
                        Some(value) => product = product * *value,
                        None => return Made::NoContrast(*input),
                    }
                }
                Part::Power { exponent, .. } if *exponent == N::ONE => product = product * N::of(x),
                Part::Power { exponent, .. } => product = product * N::of(x).pow(*exponent),
            }
        }
        Made::Value(product)
    }

    /// Returns the value of a sum; `None` where the row is refused.
    fn value(&self, env: &Env<'_>, inputs: &[Home], row: usize, sum: N) -> Option<N> {
        let amount = |amount: Amount<N>| match amount {
            Amount::Constant(value) => Some(value),
            Amount::Input(input) => {
                let value = env.frame.cells(inputs[input as usize]).number(row);
                if value.is_none() {
                    env.refuse(row, input as usize, FaultKind::Null, FaultValue::Null);
                }
                value.map(N::of)
            }
        };
        let sum = match self.offset {
            Some(offset) => sum + amount(offset)?,
            None => sum,
        };
        let value = mean(self.curve, sum);
        Some(match self.trials {
            Some(trials) => value * amount(trials)?,
            None => value,
        })
    }

    fn refuse(&self, env: &Env<'_>, row: usize) -> Option<()> {
        let why = self.refused?;
        env.refuse(row, 0, FaultKind::Rule(why), FaultValue::Null);
        Some(())
    }

    fn share(
        &self,
        env: &Env<'_>,
        inputs: &[Home],
        outputs: &[Option<Home>],
        rule: Shares,
        numbers: &mut [f64],
        is_missing: impl Fn(usize) -> bool,
    ) {
        let (frame, rows, tables) = (env.frame, env.frame.rows(), self.tables.len());
        let mut vectors = outputs[0].map(|home| frame.vectors_mut(home));
        let places = outputs[1].map(|home| frame.cells(home));
        if let Some(out) = &mut vectors {
            out.clear();
        }
        let ends_early = matches!(rule, Shares::Rest | Shares::Steps { .. });
        let last = tables - usize::from(ends_early);
        let (sums, values) = numbers.split_at_mut(rows * tables);
        for row in 0..rows {
            let there = frame.is_live(row) && !is_missing(row);
            let made = there.then(|| {
                for (table, value) in values.iter_mut().enumerate() {
                    let sum = sums[table * rows + row];
                    *value = if table < last { self.value(env, inputs, row, N::of(sum))?.wide() } else { sum };
                }
                if self.refuse(env, row).is_some() {
                    return None;
                }
                if shares::<N>(rule, values).is_none() {
                    env.refuse(row, 0, FaultKind::Rule("scores that do not sum to 0"), FaultValue::Number(0.0));
                    return None;
                }
                Some(())
            });
            let made = made.flatten().is_some();
            if let Some(places) = places {
                places.set(row, made.then(|| (extreme(values, true) as f64).to_bits()));
            }
            let Some(out) = &mut vectors else { continue };
            if !made {
                out.push_null();
                continue;
            }
            let start = out.values.len();
            out.values.extend_from_slice(values);
            out.end_dense(start);
        }
    }
}

/// Notes the rows whose cell is null.
fn note_missing(cells: Cells<'_>, missing: &mut [u64]) {
    for (word, valid) in missing.iter_mut().zip(cells.valid_words()) {
        *word |= !valid.get();
    }
}
