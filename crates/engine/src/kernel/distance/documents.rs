//! Which document has the terms that a text has.

use std::sync::Arc;

use model::{FaultKind, FaultValue, column::Row};
use plan::op::distance::{Corpus, Local};

use crate::frame::{Env, Home};

/// [`plan::DistanceOp::Documents`].
pub struct Documents {
    local: Local,
    globals: Arc<[f64]>,
    is_unit: bool,
    by_cosine: bool,
    /// Document after document, a weight a term.
    weights: Box<[f64]>,
    /// The length of each document's weights.
    lengths: Box<[f64]>,
}

impl Documents {
    pub fn new(corpus: &Corpus) -> Documents {
        let Corpus { local, globals, is_unit, by_cosine, counts } = corpus;
        let mut documents = Documents {
            local: *local,
            globals: globals.clone(),
            is_unit: *is_unit,
            by_cosine: *by_cosine,
            weights: counts.iter().copied().collect(),
            lengths: Box::default(),
        };
        let mut weights = std::mem::take(&mut documents.weights);
        weights.chunks_exact_mut(globals.len()).for_each(|document| documents.weigh(document));
        documents.lengths = weights.chunks_exact(globals.len()).map(length).collect();
        documents.weights = weights;
        documents
    }

    pub fn run(&self, env: &Env<'_>, input: Home, outputs: &[Option<Home>]) {
        let frame = env.frame;
        let vectors = frame.vectors(input);
        let mut affinities = outputs[0].map(|home| frame.vectors_mut(home));
        let best = outputs[1].map(|home| frame.cells(home));
        if let Some(affinities) = &mut affinities {
            affinities.clear();
        }
        let mut scratch = frame.scratch();
        let terms = self.globals.len();
        scratch.numbers.resize(terms + self.lengths.len(), 0.0);
        for row in 0..frame.rows() {
            let (x, near) = scratch.numbers[..terms + self.lengths.len()].split_at_mut(terms);
            let done = frame.is_live(row)
                && match vectors.is_valid(row).then(|| vectors.row(row)) {
                    Some(counts) if counts.size() == terms => {
                        spread(counts, x);
                        self.weigh(x);
                        self.compare(x, near);
                        true
                    }
                    other => {
                        let size = other.map_or(FaultValue::Null, |row| FaultValue::Size(row.size() as u64));
                        env.refuse(row, 0, FaultKind::Size { expected: terms as u64 }, size);
                        false
                    }
                };
            if let Some(affinities) = &mut affinities {
                if done {
                    let start = affinities.values.len();
                    affinities.values.extend_from_slice(near);
                    affinities.end_dense(start);
                } else {
                    affinities.push_null();
                }
            }
            if let Some(best) = &best {
                let place = if done { self.best(near) } else { None };
                best.set(row, place.map(|place| (place as f64).to_bits()));
            }
        }
    }

    /// Makes weights of counts.
    fn weigh(&self, counts: &mut [f64]) {
        let most = counts.iter().copied().fold(0.0, f64::max);
        for (count, global) in counts.iter_mut().zip(&*self.globals) {
            let there = *count > 0.0;
            let local = match self.local {
                Local::Count => *count,
                Local::Binary => f64::from(u8::from(there)),
                Local::Logarithmic => libm::log(1.0 + *count),
                Local::Augmented => {
                    if there {
                        0.5 * (1.0 + *count / most)
                    } else {
                        0.0
                    }
                }
            };
            *count = local * global;
        }
        let length = length(counts);
        if self.is_unit && length > 0.0 {
            counts.iter_mut().for_each(|weight| *weight /= length);
        }
    }

    fn compare(&self, x: &[f64], near: &mut [f64]) {
        let own = length(x);
        let documents = self.weights.chunks_exact(self.globals.len()).zip(&self.lengths);
        for (near, (document, length)) in near.iter_mut().zip(documents) {
            let both = x.iter().zip(document);
            *near = match self.by_cosine {
                true => both.fold(0.0, |sum, (a, b)| sum + a * b) / (own * length),
                false => both.fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b)).sqrt(),
            };
        }
    }

    /// Returns the first of the nearest.
    fn best(&self, near: &[f64]) -> Option<usize> {
        let numbers = near.iter().enumerate().filter(|(_, n)| !n.is_nan());
        let better = |a: f64, b: f64| if self.by_cosine { a > b } else { a < b };
        numbers.fold(None, |best: Option<usize>, (i, &n)| match best {
            Some(best) if !better(n, near[best]) => Some(best),
            _ => Some(i),
        })
    }
}

fn length(weights: &[f64]) -> f64 {
    weights.iter().fold(0.0, |sum, w| sum + w * w).sqrt()
}

/// Writes out all elements of a vector.
fn spread(row: Row<'_>, out: &mut [f64]) {
    match row {
        Row::Dense(values) => out.copy_from_slice(values),
        Row::Sparse { indices, values, .. } => {
            out.fill(0.0);
            indices.iter().zip(values).for_each(|(&i, &v)| out[i as usize] = v);
        }
    }
}
