//! Counting n-grams of a pool.

use std::sync::Arc;

use model::{
    Call, Tensor,
    tensor::{Bytes, Data},
};
use plan::tensor::text::{NGrams, Weighting};
use rustc_hash::FxHashMap;

use super::super::{Done, ints, refuse, shape, too_large};

/// The pool, ready to be searched: items become numbers, an n-gram is found item by item.
pub(in super::super) struct GramsKernel {
    grams: Arc<NGrams>,
    /// Numbers of texts.
    words: FxHashMap<Bytes, i64>,
    /// From a state and an item to the next state; state 0 is before the first item.
    steps: FxHashMap<(u32, i64), u32>,
    /// Of each state, the column of the n-gram that ends there.
    columns: Vec<Option<usize>>,
    /// Of each column, what its counts are multiplied by.
    weights: Vec<f32>,
    width: usize,
}

/// An item that no n-gram has: only texts have it, whose numbers are never negative.
const UNKNOWN: i64 = -1;

impl GramsKernel {
    pub fn new(grams: &Arc<NGrams>) -> GramsKernel {
        let mut words = FxHashMap::default();
        let items: Vec<i64> = match grams.pool.data() {
            Data::Bytes(texts) => texts
                .iter()
                .map(|text| {
                    let next = words.len() as i64;
                    *words.entry(text.clone()).or_insert(next)
                })
                .collect(),
            _ => ints(&grams.pool).unwrap_or_default(),
        };
        let width = grams.columns.iter().max().map_or(0, |column| column + 1);
        let mut weights = vec![1.0; width];
        for (column, weight) in grams.columns.iter().zip(&grams.weights) {
            weights[*column] = *weight;
        }
        let mut kernel = GramsKernel {
            grams: grams.clone(),
            words,
            steps: FxHashMap::default(),
            columns: vec![None],
            weights,
            width,
        };
        let mut columns = grams.columns.iter();
        for (i, begin) in grams.begins.iter().enumerate() {
            let end = grams.begins.get(i + 1).copied().unwrap_or(items.len()).min(items.len());
            for gram in items.get(*begin..end).unwrap_or_default().chunks_exact(i + 1) {
                let column = columns.next().copied();
                // Lengths that are not asked for are not looked for.
                if (grams.lengths.0..=grams.lengths.1).contains(&(i + 1)) {
                    kernel.add(gram, column);
                }
            }
        }
        kernel
    }

    fn add(&mut self, gram: &[i64], column: Option<usize>) {
        let mut at = 0;
        for item in gram {
            let next = self.columns.len() as u32;
            at = *self.steps.entry((at, *item)).or_insert(next);
            if at == next {
                self.columns.push(None);
            }
        }
        self.columns[at as usize] = column;
    }

    pub fn run(&self, x: &Tensor, call: &Call, out: &mut Tensor) -> Done {
        let (rows, size, of) = match **x.shape() {
            [] => (1, 1, shape(&[self.width])?),
            [size] => (1, size, shape(&[self.width])?),
            [rows, size] => (rows, size, shape(&[rows, self.width])?),
            _ => return Err(refuse("a matrix of items, or a vector", x.shape().to_string())),
        };
        let items: Vec<i64> = match x.data() {
            Data::Bytes(texts) => texts.iter().map(|text| self.words.get(text).copied().unwrap_or(UNKNOWN)).collect(),
            _ => ints(x)?,
        };
        let to = out.make::<f32>(of).map_err(too_large)?;
        to.fill(0.0);
        if size == 0 || self.width == 0 {
            return Ok(());
        }
        for (items, to) in items.chunks_exact(size).zip(to.chunks_exact_mut(self.width)).take(rows) {
            self.count(items, call, to)?;
            self.weigh(to);
        }
        Ok(())
    }

    /// Adds how often the n-grams are there. Counts are whole numbers in float32.
    fn count(&self, items: &[i64], call: &Call, to: &mut [f32]) -> Done {
        let (shortest, longest) = self.grams.lengths;
        let mut found = |state: u32| {
            if let Some(column) = self.columns[state as usize] {
                to[column] += 1.0;
            }
        };
        // Single items know no distance.
        if shortest == 1 {
            items.iter().filter_map(|item| self.steps.get(&(0, *item))).for_each(|state| found(*state));
        }
        let shortest = shortest.max(2);
        if longest < shortest {
            return Ok(());
        }
        for distance in 1..=self.grams.skip.saturating_add(1).min(items.len()) {
            call.check()?;
            for begin in 0..items.len() {
                let mut state = 0;
                let walk = items[begin..].iter().step_by(distance).take(longest);
                for (i, item) in walk.enumerate() {
                    let Some(next) = self.steps.get(&(state, *item)) else { break };
                    state = *next;
                    if i + 1 >= shortest {
                        found(state);
                    }
                }
            }
        }
        Ok(())
    }

    fn weigh(&self, to: &mut [f32]) {
        for (weight, x) in self.weights.iter().zip(to) {
            match self.grams.weighting {
                Weighting::Count => {}
                Weighting::Presence if *x > 0.0 => *x = *weight,
                Weighting::Presence => {}
                Weighting::Both => *x *= *weight,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ONNX's documentation of TfIdfVectorizer: its pool and its input.
    fn counted(lengths: (usize, usize), skip: usize, x: &Tensor) -> Tensor {
        let grams = NGrams {
            pool: Tensor::vector(vec![2_i64, 3, 5, 4, 5, 6, 7, 8, 6, 7]),
            begins: vec![0, 4],
            columns: (0..7).collect(),
            weights: Vec::new(),
            lengths,
            skip,
            weighting: Weighting::Count,
        };
        let mut out = Tensor::default();
        GramsKernel::new(&Arc::new(grams)).run(x, &Call::default(), &mut out).unwrap();
        out
    }

    #[test]
    fn n_grams_are_counted_over_distances() {
        let x = Tensor::vector(vec![1_i64, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8]);
        let floats = |counts: [f32; 7]| Tensor::vector(counts.to_vec());
        assert_eq!(counted((1, 2), 5, &x), floats([0.0, 3.0, 1.0, 0.0, 1.0, 3.0, 1.0]));
        assert_eq!(counted((2, 2), 0, &x), floats([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
    }

    #[test]
    fn weights_are_those_of_the_pool() {
        let grams = NGrams {
            pool: Tensor::vector(vec![1_i64, 2]),
            begins: vec![0],
            columns: vec![2, 0],
            weights: vec![0.5, 3.0],
            lengths: (1, 1),
            skip: 0,
            weighting: Weighting::Both,
        };
        let mut out = Tensor::default();
        let x = Tensor::vector(vec![1_i64, 2, 1]);
        GramsKernel::new(&Arc::new(grams)).run(&x, &Call::default(), &mut out).unwrap();
        assert_eq!(out, Tensor::vector(vec![3.0_f32, 0.0, 1.0]));
    }
}
