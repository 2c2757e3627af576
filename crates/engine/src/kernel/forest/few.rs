//! Few rows: each alone through all trees, small trees by the answers of all their nodes, others by walks on ranks.
//!
//! What a tree gives is its leaf; leaves are summed when all are known, so it is the forest's order that counts. Several rows go
//! through a pair of trees one after the other while its tables are at hand.

use super::{
    answers::Answers,
    normal::Normal,
    packed::Packed,
    ranks::ByteTest,
    simd::{self, Isa},
    sum::Sink,
};

/// Rows that go through a pair of trees together: their leaves stay in the first cache.
pub const ROWS: usize = 16;

pub struct Few {
    answers: Option<Answers>,
    packed: Packed,
}

impl Few {
    /// Returns the tables; nothing where a row has too many bytes, or a tree too many nodes.
    pub fn new(normal: &Normal, tests: &[ByteTest], isa: Isa) -> Option<Few> {
        let answers = if isa == Isa::Avx512 { Answers::new(normal, tests) } else { None };
        let walks = |tree: usize| answers.is_none() || !Answers::takes(&normal.trees[tree]);
        let packed = Packed::new(normal, tests, walks)?;
        Some(Few { answers, packed })
    }

    /// Returns how many trees are walked.
    pub fn walked(&self) -> usize {
        self.packed.trees()
    }

    /// Runs rows whose bytes are given, `room` each; so many rows at most as [`ROWS`].
    pub fn run(&self, ranks: &[u8], room: usize, rows: &[u32], sink: &mut Sink<'_>) {
        let trees = sink.sums.trees;
        let mut places = [0; ROWS];
        rows.iter().zip(&mut places).enumerate().for_each(|(i, (row, place))| *place = sink.place(i, *row));
        if let Some(answers) = &self.answers {
            simd::answered(answers, ranks, room, &places[..rows.len()], sink.leaves);
        }
        for ((ranks, row), place) in ranks.chunks_exact(room).zip(rows).zip(places) {
            let ranks = ranks.first_chunk().expect("a row has room for what a byte can name");
            self.packed.row(ranks, &mut sink.leaves[place..][..trees]);
            sink.sum(*row, place);
        }
    }
}
