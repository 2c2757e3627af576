//! All products of a vector's elements up to a degree. Spark's `PolynomialExpansion.expand`.
//!
//! Spark recurses over the elements, the last one first; a vector has more elements than a thread has room for calls, so the
//! calls wait in a stack of our own. The order of multiplications is Spark's, so the bits are too.

use model::{FaultKind, FaultValue, column::Row};
use plan::products;

use super::{Refusal, map};
use crate::{
    frame::{Env, Home, Scratch},
    store::VectorStore,
};

/// Most products of one row.
const PRODUCTS_MAX: u64 = 1 << 20;

/// [`plan::VectorOp::Products`].
pub struct Products {
    degree: u32,
}

/// The vector as the walk sees it: what it stores.
struct Stored<'a> {
    indices: Option<&'a [u32]>,
    values: &'a [f64],
}

impl Products {
    pub fn new(degree: u32) -> Products {
        Products { degree }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let mut scratch = env.frame.scratch();
        map(env, input, output, |row, out| self.row(row, out, &mut scratch));
    }

    fn row(&self, row: Row<'_>, out: &mut VectorStore, scratch: &mut Scratch) -> Result<(), Refusal> {
        let too_many = |what| Err((FaultKind::Rule(what), FaultValue::Size(row.size() as u64)));
        let Some(size) = products(row.size() as u64, self.degree) else {
            return too_many("a vector of less than 2^31 products");
        };
        let stored = match row {
            Row::Dense(values) => Stored { indices: None, values },
            Row::Sparse { indices, values, .. } => Stored { indices: Some(indices), values },
        };
        if products(stored.values.len() as u64, self.degree).is_none_or(|n| n > PRODUCTS_MAX) {
            return too_many("a vector of at most 2^20 products");
        }
        // The empty product has no place.
        let size = size - 1;
        let (index_start, start) = (out.indices.len(), out.values.len());
        if stored.indices.is_none() {
            out.values.resize(start + size as usize, 0.0);
            stored.walk(self.degree, scratch, |place, product| out.values[start + place as usize] = product);
            out.end_dense(start);
        } else {
            stored.walk(self.degree, scratch, |place, product| {
                out.indices.push(place);
                out.values.push(product);
            });
            out.end_sparse(size as u32, index_start, start);
        }
        Ok(())
    }
}

impl Stored<'_> {
    /// Calls `f` with the place of each product that is not 0, in order, and with the product.
    ///
    /// Of each call that waits, `numbers` holds the product so far and `words` the element that it multiplies with, the
    /// degree that is left, and the place (one further, as that of the empty product is -1) where the next product goes.
    fn walk(&self, degree: u32, scratch: &mut Scratch, mut f: impl FnMut(u32, f64)) {
        let (numbers, words) = (&mut scratch.numbers, &mut scratch.words);
        numbers.clear();
        words.clear();
        let Some(last) = self.values.len().checked_sub(1) else { return };
        numbers.push(1.0);
        words.extend([last as u32, degree, 0]);
        while let Some(product) = numbers.last_mut() {
            let base = words.len() - 3;
            let (element, left, place) = (words[base], words[base + 1], words[base + 2]);
            let taken = *product;
            if taken == 0.0 || left == u32::MAX {
                numbers.pop();
                words.truncate(base);
                continue;
            }
            // Next time once more of this element, of what is left one degree less; after degree 0 nothing is left.
            *product *= self.values[element as usize];
            let before = self.indices.map_or(element, |indices| indices[element as usize]);
            words[base + 1] = left.wrapping_sub(1);
            words[base + 2] = place + products(before.into(), left).expect("fewer than all products") as u32;
            if left > 0 && element > 0 {
                numbers.push(taken);
                words.extend([element - 1, left, place]);
            } else if place > 0 {
                f(place - 1, taken);
            }
        }
    }
}
