//! The mean of words' vectors.

use model::{FaultKind, FaultValue, ScalarBuffer};

use super::word_sums::Lanes;
use crate::{
    frame::{Env, Home},
    kernel::words::{NOWHERE, Words},
    store::TextStore,
};

/// [`plan::FeatureOp::WordMean`], its words in a table.
pub struct WordMean {
    words: Words,
    vectors: ScalarBuffer<f32>,
    size: u32,
    lanes: Lanes,
}

impl WordMean {
    pub(super) fn new(words: &[Box<str>], vectors: &ScalarBuffer<f32>, size: u32) -> WordMean {
        let words = Words::new(words.iter().map(|word| &**word));
        WordMean { words, vectors: vectors.clone(), size, lanes: Lanes::here() }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let size = self.size as usize;
        let mut out = env.frame.vectors_mut(output);
        out.clear_with_room(env.frame.rows() * size);
        let places = &mut env.frame.scratch().words;
        // All words of the tile first: one search does not wait for another, nor sums for searches.
        self.find(lists.texts(), places);
        let mut start = 0;
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
            let range = lists.range(row);
            if range.is_empty() {
                let index_start = out.indices.len();
                out.end_sparse_at(self.size, index_start, start);
                continue;
            }
            let factor = 1.0 / range.len() as f64;
            let (found, next) = places[range.start..].split_at(range.len());
            self.lanes.scaled_sum(&self.vectors, [found, next], factor, &mut out.values[start..][..size]);
            out.end_dense_at(start, size);
            start += size;
        }
    }

    /// Writes the place of each of the texts.
    fn find(&self, texts: &TextStore, places: &mut Vec<u32>) {
        places.clear();
        self.words.extend_places(texts.bytes(), &texts.spans, places);
        if !texts.valid.all() {
            (0..texts.len()).filter(|&item| !texts.is_valid(item)).for_each(|item| places[item] = NOWHERE);
        }
    }
}
