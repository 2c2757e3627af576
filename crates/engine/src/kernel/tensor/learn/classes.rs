//! Scores to classes: the ends of linear models and of support vector machines.

use model::{PredictError, Shape, Tensor, each_element, tensor::Element};
use plan::tensor::learn::{Choice, Transform, Votes};

use super::{
    super::{Args, Done, refuse, shape, too_large},
    float32, matrix,
    scores::{first_greatest, linear, logistic, probit},
};

/// Labels by scores.
pub(in super::super) struct Classify {
    pub labels: Tensor,
    pub choice: Choice,
    pub transform: Transform,
}

/// Writes the label of each row.
pub(super) fn write_labels(
    labels: &Tensor,
    rows: usize,
    args: &Args<'_>,
    mut place: impl FnMut(usize) -> usize,
) -> Done {
    let Some(mut out) = args.out(0) else { return Ok(()) };
    fn all<T: Element>(
        labels: &[T],
        of: Shape,
        out: &mut Tensor,
        place: &mut dyn FnMut(usize) -> usize,
    ) -> Result<(), PredictError> {
        let to = out.make::<T>(of).map_err(too_large)?;
        for (row, to) in to.iter_mut().enumerate() {
            let at = place(row);
            let label =
                labels.get(at).ok_or_else(|| refuse("a label for every class", format!("none for class {at}")))?;
            to.clone_from(label);
        }
        Ok(())
    }
    let of = shape(&[rows])?;
    each_element!(labels.data(), labels => all(labels, of, &mut out, &mut place))
}

impl Classify {
    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let x = args.get(0)?;
        let (of, scores) = (matrix(&x)?, float32(&x)?);
        let (rows, classes) = (of[0], of[1]);
        if classes == 0 {
            return Err(refuse("one score or more", "none"));
        }
        write_labels(&self.labels, rows, args, |row| self.class(&scores[row * classes..][..classes]))?;
        let Some(mut out) = args.out(1) else { return Ok(()) };
        let is_pair = classes == 1 && self.labels.len() == 2;
        let width = if is_pair { 2 } else { classes };
        let to = out.make::<f32>(shape(&[rows, width])?).map_err(too_large)?;
        for (to, scores) in to.chunks_exact_mut(width).zip(scores.chunks_exact(classes)) {
            match (is_pair, self.transform) {
                (true, Transform::Probit) => to.copy_from_slice(&[probit(scores[0]), 0.0]),
                (true, _) => to.copy_from_slice(&[1.0 - scores[0], scores[0]]),
                (false, transform) => {
                    to.copy_from_slice(scores);
                    linear(to, transform);
                }
            }
        }
        Ok(())
    }

    fn class(&self, scores: &[f32]) -> usize {
        let best = first_greatest(scores);
        match self.choice {
            Choice::Greatest if scores.len() == 1 => usize::from(scores[0] > 0.0),
            Choice::Machine { all_positive, has_probabilities: false } if self.labels.len() == 2 => {
                let is_second = if all_positive { scores[best] >= 0.5 } else { scores[best] > 0.0 };
                if is_second { 1 } else { best }
            }
            Choice::Greatest | Choice::Machine { .. } => best,
        }
    }
}

/// The votes of every pair of classes, row by row.
pub(super) fn vote(votes: &Votes, args: &Args<'_>) -> Done {
    let x = args.get(0)?;
    let (of, kernel) = (matrix(&x)?, float32(&x)?);
    let (rows, vectors, classes) = (of[0], of[1], votes.vectors.len());
    if votes.vectors.iter().sum::<usize>() != vectors {
        return Err(refuse("a kernel value for each support vector", vectors.to_string()));
    }
    let pairs = classes * classes.saturating_sub(1) / 2;
    let has_probabilities = !votes.probabilities.is_empty();
    let width = if has_probabilities { classes } else { pairs.max(2) };
    let mut out = args.out(1);
    let mut to = match &mut out {
        Some(out) => out.make::<f32>(shape(&[rows, width])?).map_err(too_large)?,
        None => &mut [],
    };
    let (mut scores, mut counts) = (vec![0.0; pairs], vec![0_u32; classes]);
    let mut room = Coupling::new(if has_probabilities { classes } else { 0 });
    let mut chosen = Vec::with_capacity(rows);
    for row in 0..rows {
        counts.fill(0);
        votes_of(votes, &kernel[row * vectors..][..vectors], &mut scores, &mut counts);
        chosen.push((1..classes).fold(0, |best, at| if counts[at] > counts[best] { at } else { best }));
        if to.is_empty() {
            continue;
        }
        let (now, rest) = to.split_at_mut(width);
        to = rest;
        match &scores[..] {
            _ if has_probabilities => {
                room.couple(&scores, &votes.probabilities, now);
                linear(now, votes.transform);
            }
            [] => now.fill(0.0),
            [score] => now.copy_from_slice(&match votes.transform {
                Transform::None => [-score, *score],
                Transform::Probit => [probit(*score), 0.0],
                Transform::Logistic => [logistic(-score), logistic(*score)],
                _ => [1.0 - score, *score],
            }),
            scores => {
                now.copy_from_slice(scores);
                linear(now, votes.transform);
            }
        }
    }
    write_labels(&votes.labels, rows, args, |row| chosen[row])
}

/// Writes the score of each pair of classes and counts the votes. Sums are float64 of float32 products.
fn votes_of(votes: &Votes, kernel: &[f32], scores: &mut [f32], counts: &mut [u32]) {
    let (vectors, classes) = (kernel.len(), counts.len());
    let begins = |class: usize| votes.vectors[..class].iter().sum::<usize>();
    let mut pair = 0;
    for i in 0..classes {
        for j in i + 1..classes {
            let mut sum = 0.0_f64;
            for (class, row) in [(i, j - 1), (j, i)] {
                let (begin, count) = (begins(class), votes.vectors[class]);
                let coefficients = &votes.coefficients[row * vectors + begin..][..count];
                let products = coefficients.iter().zip(&kernel[begin..][..count]);
                sum = products.fold(sum, |sum, (a, b)| sum + f64::from(a * b));
            }
            sum += f64::from(votes.rho[pair]);
            scores[pair] = sum as f32;
            counts[if sum > 0.0 { i } else { j }] += 1;
            pair += 1;
        }
    }
}

/// Room for the coupling of the probabilities of pairs: Wu, Lin and Weng, "Probability estimates for multi-class classification
/// by pairwise coupling", the second way.
struct Coupling {
    /// The probability of the row's class against the column's.
    r: Vec<f32>,
    q: Vec<f32>,
    qp: Vec<f32>,
}

/// Steps of the coupling.
const STEPS_MAX: usize = 100;

impl Coupling {
    fn new(classes: usize) -> Coupling {
        let square = || vec![0.0; classes * classes];
        Coupling { r: square(), q: square(), qp: vec![0.0; classes] }
    }

    fn couple(&mut self, scores: &[f32], sigmoids: &[(f32, f32)], p: &mut [f32]) {
        let (n, mut pair) = (p.len(), 0);
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = sigmoids[pair];
                let probability = (1.0 - logistic(scores[pair] * a + b)).clamp(1e-7, 1.0 - 1e-7);
                self.r[i * n + j] = probability;
                self.r[j * n + i] = 1.0 - probability;
                pair += 1;
            }
        }
        self.q.fill(0.0);
        p.fill(1.0 / n as f32);
        for i in 0..n {
            for j in (0..n).filter(|&j| j != i) {
                let (ij, ji) = (self.r[i * n + j], self.r[j * n + i]);
                self.q[i * n + i] += ji * ji;
                self.q[i * n + j] = if j < i { self.q[j * n + i] } else { -ji * ij };
            }
        }
        for _ in 0..STEPS_MAX {
            if self.step(p) {
                break;
            }
        }
    }

    /// Goes one step; returns whether the last was enough.
    fn step(&mut self, p: &mut [f32]) -> bool {
        let n = p.len();
        let mut pqp = 0.0;
        for i in 0..n {
            self.qp[i] = self.q[i * n..][..n].iter().zip(&*p).fold(0.0, |sum, (q, p)| sum + q * p);
            pqp += p[i] * self.qp[i];
        }
        let error = self.qp.iter().fold(0.0_f32, |max, qp| max.max((qp - pqp).abs()));
        if error < 0.005 / n as f32 {
            return true;
        }
        for i in 0..n {
            let diagonal = self.q[i * n + i];
            let diff = (-self.qp[i] + pqp) / diagonal;
            p[i] += diff;
            pqp = (pqp + diff * (diff * diagonal + 2.0 * self.qp[i])) / (1.0 + diff) / (1.0 + diff);
            for (j, p) in p.iter_mut().enumerate() {
                self.qp[j] = (self.qp[j] + diff * self.q[i * n + j]) / (1.0 + diff);
                *p /= 1.0 + diff;
            }
        }
        false
    }
}
