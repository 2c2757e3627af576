//! The mean of words' vectors.

use model::{FaultKind, FaultValue, ScalarBuffer};

use super::word_sums::{Lanes, Means};
use crate::{
    frame::{Env, Home, Scratch},
    kernel::words::{NOWHERE, Words},
    store::{ListStore, Span, TextStore, VectorStore},
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

    /// Looks for all words of the tile first, then adds up the vectors of all rows: one search does not wait for another, nor
    /// sums for searches.
    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let mut out = env.frame.vectors_mut(output);
        let mut scratch = env.frame.scratch();
        let Scratch { words: places, spans: rows, .. } = &mut *scratch;
        self.find(lists.texts(), places);
        self.lay_out(env, &lists, &mut out, rows);
        let means = Means { vectors: &self.vectors, size: self.size as usize, places, rows };
        means.write(self.lanes, &mut out.values);
    }

    /// Ends the rows of the output, whose values come later; says which words belong to each that has some.
    fn lay_out(&self, env: &Env<'_>, lists: &ListStore, out: &mut VectorStore, rows: &mut Vec<Span>) {
        let size = self.size as usize;
        rows.clear();
        if env.frame.all_live() && lists.valid.all() {
            let words = (0..env.frame.rows()).map(|row| lists.range(row));
            rows.extend(words.map(|words| Span { start: words.start as u32, end: words.end as u32 }));
            if rows.iter().all(|words| words.start < words.end) {
                out.set_matrix(rows.len(), size);
                return;
            }
            rows.clear();
        }
        out.clear_with_room(env.frame.rows() * size);
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
            let (words, start) = (lists.range(row), rows.len() * size);
            if words.is_empty() {
                out.end_sparse_at(self.size, out.indices.len(), start);
                continue;
            }
            rows.push(Span { start: words.start as u32, end: words.end as u32 });
            out.end_dense_at(start, size);
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
