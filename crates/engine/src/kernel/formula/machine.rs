//! [`plan::formula::Machines`]: the kernel of the row and every vector, once, then the machines' sums.
//!
//! Vectors lie eight at a time, element by element, so that eight sums run at once, each in the order of the elements.

use model::{FaultKind, FaultValue, PredictError};
use plan::formula::{Decide, Kernel, Machines, Missing, Vote};

use super::{
    gather,
    real::{Real, compare, extreme},
};
use crate::frame::{Env, Home};

const LANES: usize = 8;

/// Vectors between two looks at whether the call goes on.
const CHECK_EVERY: usize = 1 << 20;

/// The op, its vectors laid out in lanes.
pub struct MachinesKernel<N> {
    columns: usize,
    kernel: Kernel,
    /// Blocks of `columns * LANES`; the last is filled up with zeros.
    vectors: Box<[N]>,
    rows: usize,
    machines: Vec<Machine<N>>,
    decide: Decide,
    missing: Missing,
}

struct Machine<N> {
    parts: Box<[(u32, N)]>,
    constant: N,
}

impl<N: Real> MachinesKernel<N> {
    pub fn new(op: &Machines) -> MachinesKernel<N> {
        let columns = op.columns as usize;
        let rows = op.vectors.len() / columns;
        let mut vectors = vec![N::default(); rows.div_ceil(LANES) * LANES * columns].into_boxed_slice();
        for (row, vector) in op.vectors.chunks_exact(columns).enumerate() {
            let block = row / LANES * LANES * columns;
            for (i, x) in vector.iter().enumerate() {
                vectors[block + i * LANES + row % LANES] = N::of(*x);
            }
        }
        let machine = |m: &plan::formula::Machine| Machine {
            parts: m.parts.iter().map(|(vector, coefficient)| (*vector, N::of(*coefficient))).collect(),
            constant: N::of(m.constant),
        };
        MachinesKernel {
            columns,
            kernel: op.kernel,
            vectors,
            rows,
            machines: op.machines.iter().map(machine).collect(),
            decide: op.decide.clone(),
            missing: op.missing,
        }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let frame = env.frame;
        let mut vectors = match self.decide {
            Decide::Number => None,
            _ => outputs[0].map(|home| frame.vectors_mut(home)),
        };
        let place = if let Decide::Number = self.decide { 0 } else { 1 };
        let cells = outputs[place].map(|home| frame.cells(home));
        if let Some(out) = &mut vectors {
            out.clear();
        }
        let mut scratch = frame.scratch();
        let numbers = &mut scratch.numbers;
        let mut budget = CHECK_EVERY;
        for row in 0..frame.rows() {
            budget = budget.saturating_sub(self.rows);
            if budget == 0 {
                env.call.check()?;
                budget = CHECK_EVERY;
            }
            numbers.clear();
            let made = frame.is_live(row).then(|| self.row(env, inputs, row, numbers)).flatten();
            let decided = made.map(|made| (made.0, &numbers[made.1..]));
            if let Some(cells) = cells {
                cells.set(row, decided.map(|(winner, _)| winner.to_bits()));
            }
            match (&mut vectors, decided) {
                (None, _) => {}
                (Some(out), None) => out.push_null(),
                (Some(out), Some((_, values))) => {
                    let start = out.values.len();
                    out.values.extend_from_slice(values);
                    out.end_dense(start);
                }
            }
        }
        Ok(())
    }

    /// Returns the number or the winner, and where in `numbers` the values begin.
    fn row(&self, env: &Env<'_>, inputs: &[Home], row: usize, numbers: &mut Vec<f64>) -> Option<(f64, usize)> {
        if let Err(input) = gather::<N>(env, inputs, row, numbers) {
            if self.missing == Missing::Refused {
                env.refuse(row, input, FaultKind::Null, FaultValue::Null);
            }
            return None;
        }
        self.kernels(numbers);
        let start = numbers.len();
        for machine in &self.machines {
            let kernels = &numbers[self.columns..start];
            let part = |sum: N, (vector, coefficient): &(u32, N)| sum + *coefficient * N::of(kernels[*vector as usize]);
            let value = machine.parts.iter().fold(N::default(), part) + machine.constant;
            numbers.push(value.wide());
        }
        match &self.decide {
            Decide::Number => Some((numbers[start], start)),
            Decide::Extreme { largest } => Some((extreme(&numbers[start..], *largest) as f64, start)),
            Decide::Votes { classes, ballots } => {
                let from = numbers.len();
                numbers.resize(from + *classes as usize, 0.0);
                let (values, votes) = numbers[start..].split_at_mut(from - start);
                match count(ballots, values, votes) {
                    Some(winner) => Some((winner as f64, from)),
                    None => {
                        let (kind, bad) = (FaultKind::Rule("a result that rounds to 0 or 1"), values[0]);
                        env.refuse(row, 0, kind, FaultValue::Number(bad));
                        None
                    }
                }
            }
        }
    }

    /// Appends the kernel of the row, which `numbers` begins with, and each vector.
    fn kernels(&self, numbers: &mut Vec<f64>) {
        for (block, vectors) in self.vectors.chunks_exact(self.columns * LANES).enumerate() {
            let mut sums = [N::default(); LANES];
            let is_distance = matches!(self.kernel, Kernel::RadialBasis { .. });
            for (x, lanes) in numbers[..self.columns].iter().zip(vectors.as_chunks::<LANES>().0) {
                let x = N::of(*x);
                for (sum, z) in sums.iter_mut().zip(lanes) {
                    *sum += if is_distance { (x - *z) * (x - *z) } else { x * *z };
                }
            }
            let count = LANES.min(self.rows - block * LANES);
            numbers.extend(sums[..count].iter().map(|sum| self.kernel(*sum).wide()));
        }
    }

    fn kernel(&self, sum: N) -> N {
        match self.kernel {
            Kernel::Linear => sum,
            Kernel::Polynomial { gamma, coef0, degree } => (sum * N::of(gamma) + N::of(coef0)).pow(N::of(degree)),
            Kernel::RadialBasis { gamma } => (-sum * N::of(gamma)).exp(),
            Kernel::Sigmoid { gamma, coef0 } => (sum * N::of(gamma) + N::of(coef0)).by(libm::tanh),
        }
    }
}

/// Counts votes as shares; returns the class of most, or of several the first that was voted for. `None` where a number is no vote.
fn count(ballots: &[(Vote, u32, u32)], values: &[f64], votes: &mut [f64]) -> Option<usize> {
    for (ballot, value) in ballots.iter().zip(values) {
        votes[choice(ballot, *value)?] += 1.0;
    }
    let most = votes.iter().fold(0.0, |most: f64, count| most.max(*count));
    let mut choices = ballots.iter().zip(values).filter_map(|(ballot, value)| choice(ballot, *value));
    let winner = choices.find(|class| votes[*class] == most);
    votes.iter_mut().for_each(|count| *count /= ballots.len() as f64);
    winner
}

fn choice((vote, first, second): &(Vote, u32, u32), value: f64) -> Option<usize> {
    let is_first = match vote {
        Vote::Threshold { threshold, above: false } => compare(value, *threshold).is_lt(),
        Vote::Threshold { threshold, above: true } => compare(value, *threshold).is_gt(),
        Vote::Rounded => match (value + 0.5).floor() {
            0.0 => false,
            1.0 => true,
            _ => return None,
        },
    };
    Some(if is_first { *first as usize } else { *second as usize })
}
