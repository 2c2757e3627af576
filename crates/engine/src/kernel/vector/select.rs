//! Some elements of vectors, and some vectors. Spark's selectors, `VectorSlicer.transform` and `VectorSizeHint.transform`.

use std::sync::Arc;

use model::column::Row;

use super::{Refusal, null, wrong_size};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// [`plan::VectorOp::Select`].
pub struct Select {
    places: Arc<[u32]>,
    /// Elements that a dense vector must have.
    least: usize,
    zeros: bool,
}

impl Select {
    pub fn new(places: Arc<[u32]>, zeros: bool) -> Select {
        let least = places.iter().max().map_or(0, |&last| last as usize + 1);
        Select { places, least, zeros }
    }

    pub fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        let (index_start, start) = (out.indices.len(), out.values.len());
        match row {
            Row::Dense(values) => {
                if values.len() < self.least {
                    return Err(wrong_size(self.least, values.len()));
                }
                out.values.extend(self.places.iter().map(|&place| values[place as usize]));
                out.end_dense(start);
            }
            Row::Sparse { indices, values, .. } => {
                for (to, place) in (0..).zip(&*self.places) {
                    if let Ok(at) = indices.binary_search(place)
                        && (self.zeros || values[at] != 0.0)
                    {
                        out.indices.push(to);
                        out.values.push(values[at]);
                    }
                }
                out.end_sparse(self.places.len() as u32, index_start, start);
            }
        }
        Ok(())
    }
}

/// [`plan::VectorOp::OfSize`].
pub struct OfSize {
    pub size: usize,
    pub skip: bool,
}

impl OfSize {
    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let vectors = env.frame.vectors(input);
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let vector = vectors.is_valid(row).then(|| vectors.row(row));
            if let Some(vector) = vector.filter(|vector| vector.size() == self.size) {
                out.push(vector);
                continue;
            }
            if self.skip {
                env.skip(row);
            } else {
                let (kind, value) = vector.map_or_else(null, |vector| wrong_size(self.size, vector.size()));
                env.refuse(row, 0, kind, value);
            }
            out.push_null();
        }
    }
}
