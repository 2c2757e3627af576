//! [`plan::formula::Terms`]: column by column, each table's sum for all rows of the frame.
//!
//! A step adds one term to the sums of all rows; rows that are null or not live are computed on whatever is there, and left out
//! afterwards by a mask. So one row costs a few nanoseconds a term, and many rows run side by side.

use std::ops::Range;

use model::{FaultKind, FaultValue};
use plan::formula::{Curve, Factor, Finish, Given, Shares, Term, Terms};

use super::{
    intake::Intake,
    real::{Real, extreme, mean, shares},
};
use crate::frame::{Env, Frame, Home, Scratch};

/// The op, its terms in one row of steps.
pub struct TermsKernel<N> {
    intakes: Box<[Taken]>,
    /// No term is a product of several factors.
    is_simple: bool,
    /// A table's value is its sum.
    is_bare: bool,
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

/// An input.
struct Taken {
    intake: Intake,
    check: Check,
}

/// Which values of a judged input are invalid.
#[derive(Clone, Copy, PartialEq)]
enum Check {
    None,
    /// NaN.
    Number,
    /// The place of none of the labels.
    Place,
}

/// The inputs of all rows, one column after the other.
struct Columns<'a> {
    numbers: &'a [f64],
    /// Which rows are not null.
    valid: &'a [u64],
    rows: usize,
    words: usize,
    /// Every live row has all inputs, none of them invalid.
    is_plain: bool,
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
    pub fn new(op: &Terms, intakes: Box<[Intake]>) -> TermsKernel<N> {
        let amount = |given: Given| match given {
            Given::Constant(value) => Amount::Constant(N::of(value)),
            Given::Input(input) => Amount::Input(input),
        };
        let check = |input: usize| match op.judged.get(input) {
            Some(true) if op.tables.iter().flatten().any(|term| reads_place(term, input as u32)) => Check::Place,
            Some(true) => Check::Number,
            _ => Check::None,
        };
        let taken = intakes.into_iter().enumerate().map(|(at, intake)| Taken { intake, check: check(at) });
        let mut kernel = TermsKernel {
            intakes: taken.collect(),
            is_simple: false,
            is_bare: op.curve == Curve::Identity && op.offset.is_none() && op.trials.is_none(),
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
        kernel.is_simple = !kernel.steps.iter().any(|step| matches!(step, Step::Product { .. }));
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
        let (rows, words) = (frame.rows(), frame.rows().div_ceil(64));
        let mut scratch = frame.scratch();
        let Scratch { numbers: sums, features: numbers, cells: bits, .. } = &mut *scratch;
        // And room for the values of one row.
        let sums = room(sums, (rows + 1) * self.tables.len());
        let numbers = room(numbers, inputs.len() * rows);
        let (missing, valid) = room(bits, (inputs.len() + 1) * words).split_at_mut(words);
        missing.iter_mut().for_each(|word| *word = 0);
        let is_plain = self.take(frame, inputs, numbers, valid);
        let columns = Columns { numbers, valid, rows, words, is_plain };
        if is_plain && rows == 1 && self.is_simple {
            self.one(columns.numbers, sums);
        } else if rows > 0 {
            for (sums, steps) in sums.chunks_exact_mut(rows).zip(&self.tables) {
                sums.fill(0.0);
                for step in &self.steps[steps.clone()] {
                    self.step(env, &columns, step, sums, missing);
                }
            }
        }
        let is_missing = |row: usize| missing[row / 64] >> (row % 64) & 1 == 1;
        match self.finish {
            Finish::Number => {
                let Some(out) = outputs[0].map(|home| frame.cells(home)) else { return };
                frame.each_live(|row| {
                    let value = (!is_missing(row)).then(|| self.value(env, &columns, row, N::of(sums[row])));
                    let value = value.and_then(|value| self.refuse(env, row).is_none().then_some(value?));
                    out.set(row, value.map(|value| value.wide().to_bits()));
                });
            }
            Finish::Shares(rule) => self.share(env, &columns, outputs, rule, sums, is_missing),
        }
    }

    /// Takes the inputs; returns whether every live row has all of them, none of them invalid.
    fn take(&self, frame: &Frame, inputs: &[Home], numbers: &mut [f64], valid: &mut [u64]) -> bool {
        let (rows, live) = (frame.rows(), frame.live_words());
        if rows == 0 {
            return true;
        }
        let columns = numbers.chunks_exact_mut(rows).zip(valid.chunks_exact_mut(rows.div_ceil(64)));
        let mut is_plain = true;
        for ((input, home), (numbers, valid)) in self.intakes.iter().zip(inputs).zip(columns) {
            input.intake.take(frame, *home, numbers, valid);
            is_plain &= valid.iter().zip(live).fold(true, |all, (valid, live)| all & (live.get() & !valid == 0));
            is_plain &= match input.check {
                Check::None => true,
                Check::Number => numbers.iter().fold(true, |all, x| all & !x.is_nan()),
                Check::Place => numbers.iter().fold(true, |all, x| all & (*x >= 0.0)),
            };
        }
        is_plain
    }

    /// Writes the sums of one row that has all its inputs.
    fn one(&self, numbers: &[f64], sums: &mut [f64]) {
        for (sum, steps) in sums.iter_mut().zip(&self.tables) {
            let mut made = N::default();
            for step in &self.steps[steps.clone()] {
                match step {
                    Step::Constant(value) => made += *value,
                    Step::Linear { input, coefficient, .. } => made += *coefficient * N::of(numbers[*input as usize]),
                    Step::Look { input, values, .. } => {
                        if let Some(value) = self.look(values, numbers[*input as usize]) {
                            made += value;
                        }
                    }
                    Step::Product { .. } => unreachable!("checked before"),
                }
            }
            *sum = made.wide();
        }
    }

    /// Returns the number of a place; the place of none of the labels is below 0.
    #[inline]
    fn look(&self, values: &Range<usize>, place: f64) -> Option<N> {
        if place >= 0.0 { self.values[values.clone()].get(place as usize).copied() } else { None }
    }

    /// Adds a term to every row's sum.
    fn step(&self, env: &Env<'_>, columns: &Columns<'_>, step: &Step<N>, sums: &mut [f64], missing: &mut [u64]) {
        match step {
            Step::Constant(value) => sums.iter_mut().for_each(|sum| *sum = (N::of(*sum) + *value).wide()),
            Step::Linear { input, coefficient, first } => {
                if *first && !columns.is_plain {
                    if self.is_judged(*input) {
                        self.judge(env, *input, missing, |row| columns.number(*input, row).is_some_and(f64::is_nan));
                    }
                    note_missing(columns.valid(*input), missing);
                }
                for (sum, x) in sums.iter_mut().zip(columns.numbers(*input)) {
                    *sum = (N::of(*sum) + *coefficient * N::of(*x)).wide();
                }
            }
            Step::Look { input, values, skip_missing } => {
                if !columns.is_plain {
                    if self.is_judged(*input) {
                        self.judge(env, *input, missing, |row| columns.number(*input, row).is_some_and(|x| x < 0.0));
                    }
                    if !skip_missing {
                        note_missing(columns.valid(*input), missing);
                    }
                }
                for (row, sum) in sums.iter_mut().enumerate() {
                    if let Some(value) = columns.number(*input, row).and_then(|place| self.look(values, place)) {
                        *sum = (N::of(*sum) + value).wide();
                    }
                }
            }
            Step::Product { coefficient, factors, product_first } => {
                let factors = &self.factors[factors.clone()];
                env.frame.each_live(|row| {
                    let start = if *product_first { N::ONE } else { *coefficient };
                    match self.product(factors, start, &|input| columns.number(input, row)) {
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
    fn value(&self, env: &Env<'_>, columns: &Columns<'_>, row: usize, sum: N) -> Option<N> {
        let amount = |amount: Amount<N>| match amount {
            Amount::Constant(value) => Some(value),
            Amount::Input(input) => {
                let value = columns.number(input, row);
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
        columns: &Columns<'_>,
        outputs: &[Option<Home>],
        rule: Shares,
        numbers: &mut [f64],
        is_missing: impl Fn(usize) -> bool,
    ) {
        let (frame, rows, tables) = (env.frame, env.frame.rows(), self.tables.len());
        let mut vectors = outputs[0].map(|home| frame.vectors_mut(home));
        let places = outputs[1].map(|home| frame.cells(home));
        // Where the vector is taken apart here.
        let elements = &outputs[2..];
        if let Some(out) = &mut vectors {
            out.clear();
        }
        let (sums, values) = numbers.split_at_mut(rows * tables);
        for row in 0..rows {
            let there = frame.is_live(row) && !is_missing(row);
            for (table, value) in values.iter_mut().enumerate() {
                *value = sums[table * rows + row];
            }
            let made = there && self.share_row(env, columns, row, rule, &mut values[..]).is_some();
            if let Some(places) = places {
                places.set(row, made.then(|| (extreme(values, true) as f64).to_bits()));
            }
            for (element, value) in elements.iter().zip(&*values) {
                if let Some(home) = element {
                    frame.cells(*home).set(row, made.then(|| value.to_bits()));
                }
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

    /// Turns a row's sums into its shares; nothing where it is refused.
    #[inline]
    fn share_row(
        &self,
        env: &Env<'_>,
        columns: &Columns<'_>,
        row: usize,
        rule: Shares,
        values: &mut [f64],
    ) -> Option<()> {
        if !self.is_bare {
            let ends_early = matches!(rule, Shares::Rest | Shares::Steps { .. });
            let last = values.len() - usize::from(ends_early);
            for value in &mut values[..last] {
                *value = self.value(env, columns, row, N::of(*value))?.wide();
            }
        }
        if self.refuse(env, row).is_some() {
            return None;
        }
        let made = shares::<N>(rule, values);
        if made.is_none() {
            env.refuse(row, 0, FaultKind::Rule("scores that do not sum to 0"), FaultValue::Number(0.0));
        }
        made
    }
}

/// Returns whether a term reads the input as the place of a category.
fn reads_place(term: &Term, input: u32) -> bool {
    match term {
        Term::Look { input: read, .. } => *read == input,
        Term::Product { factors, .. } => factors.iter().any(|factor| match factor {
            Factor::Is { input: read, .. } | Factor::Contrast { input: read, .. } => *read == input,
            Factor::Power { .. } => false,
        }),
    }
}

impl Columns<'_> {
    fn numbers(&self, input: u32) -> &[f64] {
        &self.numbers[input as usize * self.rows..][..self.rows]
    }

    fn valid(&self, input: u32) -> &[u64] {
        &self.valid[input as usize * self.words..][..self.words]
    }

    /// Returns the row's number where it is not null.
    #[inline]
    fn number(&self, input: u32, row: usize) -> Option<f64> {
        (self.valid(input)[row / 64] >> (row % 64) & 1 == 1).then(|| self.numbers[input as usize * self.rows + row])
    }
}

/// Returns so many elements, whatever they are.
fn room<T: Clone + Default>(held: &mut Vec<T>, len: usize) -> &mut [T] {
    if held.len() < len {
        held.resize(len, T::default());
    }
    &mut held[..len]
}

/// Notes the rows that are null.
fn note_missing(valid: &[u64], missing: &mut [u64]) {
    missing.iter_mut().zip(valid).for_each(|(word, valid)| *word |= !valid);
}
