//! The mean of words' vectors.

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use rustc_hash::FxHashMap;

use crate::frame::{Env, Home};

/// [`plan::FeatureOp::WordMean`], its words in a table.
pub struct WordMean {
    places: FxHashMap<Box<[u8]>, u32>,
    vectors: Arc<[f32]>,
    size: u32,
}

impl WordMean {
    pub(super) fn new(words: &[Box<str>], vectors: &Arc<[f32]>, size: u32) -> WordMean {
        let places = words.iter().zip(0..).map(|(word, place)| (word.as_bytes().into(), place)).collect();
        WordMean { places, vectors: vectors.clone(), size }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let words = lists.texts();
        let size = self.size as usize;
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            if !lists.is_valid(row) {
                env.refuse(row, 0, FaultKind::Null, FaultValue::Null);
                out.push_null();
                continue;
            }
            let (start, range) = (out.values.len(), lists.range(row));
            if range.is_empty() {
                let index_start = out.indices.len();
                out.end_sparse(self.size, index_start, start);
                continue;
            }
            let factor = 1.0 / range.len() as f64;
            out.values.resize(start + size, 0.0);
            let sums = &mut out.values[start..];
            for word in range.filter(|&word| words.is_valid(word)) {
                let Some(&place) = self.places.get(words.row_bytes(word)) else { continue };
                let vector = &self.vectors[place as usize * size..][..size];
                sums.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
            }
            sums.iter_mut().for_each(|sum| *sum *= factor);
            out.end_dense(start);
        }
    }
}
