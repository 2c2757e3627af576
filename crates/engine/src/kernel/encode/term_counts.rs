//! How often the terms of a vocabulary occur.

use rustc_hash::FxHashMap;

use super::{Counts, refuse_null};
use crate::frame::{Env, Home};

/// [`plan::EncodeOp::TermCounts`], its vocabulary in a table.
pub struct TermCounts {
    places: FxHashMap<Box<[u8]>, u32>,
    size: u32,
    tf_min: f64,
    binary: bool,
}

impl TermCounts {
    pub(super) fn new(vocabulary: &[Box<str>], tf_min: f64, binary: bool) -> TermCounts {
        // A term that is there twice keeps its last place.
        let places = vocabulary.iter().zip(0..).map(|(term, place)| (term.as_bytes().into(), place)).collect();
        TermCounts { places, size: vocabulary.len() as u32, tf_min, binary }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let tokens = lists.texts();
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            if !lists.is_valid(row) {
                refuse_null(env, row);
                out.push_null();
                continue;
            }
            let (start, range) = (out.indices.len(), lists.range(row));
            let least = if self.tf_min >= 1.0 { self.tf_min } else { range.len() as f64 * self.tf_min };
            let known = range.filter(|&i| tokens.is_valid(i)).filter_map(|i| self.places.get(tokens.row_bytes(i)));
            out.indices.extend(known);
            Counts { size: self.size, least, binary: self.binary }.end(&mut out, start);
        }
    }
}
