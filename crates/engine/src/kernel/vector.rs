//! Kernels of vectors: side by side ([`assemble`]), element by element ([`scale`], [`binarize`], [`categories`]), a part of
//! them ([`select`]), all of them together ([`normalize`], [`cosine`], [`products`]), scores to probabilities and to a class
//! ([`scores`]).
//!
//! The form of a result, dense or sparse, is part of the answer: where Spark chooses it by size, [`end_compressed`] does as
//! Spark. Sums run from the first element to the last, exponentials are `libm`'s, so that the bits are ours on every machine.

use model::{FaultKind, FaultValue, column::Row};
use plan::{Compressed, VectorOp};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home},
    store::VectorStore,
};

mod assemble;
mod binarize;
mod categories;
mod cosine;
mod element;
mod from_list;
mod normalize;
mod products;
mod scale;
pub(super) mod scores;
mod select;

pub(super) use assemble::spread;

/// An op of the family, ready to run.
pub enum VectorKernel {
    FromList,
    Assemble(assemble::Assemble),
    Scale(scale::Scale),
    Binarize(binarize::Binarize),
    Normalize(normalize::Normalize),
    Cosine(cosine::Cosine),
    Products(products::Products),
    Select(select::Select),
    OfSize(select::OfSize),
    Refuse(&'static str),
    Categories(categories::Categories),
    Scores(scores::Scores),
    Choose(plan::Choose),
    Pack,
    Element(u32),
    Unpack,
    At,
    Best { smallest: bool },
}

/// What a row is refused with.
pub(super) type Refusal = (FaultKind, FaultValue);

impl VectorKernel {
    pub(crate) fn new(op: &VectorOp, site: &Site<'_>) -> Result<VectorKernel, CompileError> {
        Ok(match op {
            VectorOp::FromList => VectorKernel::FromList,
            VectorOp::Assemble { sizes, invalid, form } => {
                VectorKernel::Assemble(assemble::Assemble::new(sizes, *invalid, *form, site.inputs))
            }
            VectorOp::Standardize { shift, scale } => {
                VectorKernel::Scale(scale::Scale::standardize(shift.clone(), scale.clone()))
            }
            VectorOp::MinMax { from, to, min, max, form } => {
                VectorKernel::Scale(scale::Scale::min_max(from.clone(), to, (*min, *max), *form))
            }
            VectorOp::Multiply { factors } => VectorKernel::Scale(scale::Scale::Multiply(factors.clone())),
            VectorOp::Binarize { threshold, null_is_zero, form } => {
                VectorKernel::Binarize(binarize::Binarize::new(*threshold, *null_is_zero, *form, site.inputs))
            }
            VectorOp::Normalize { p } => VectorKernel::Normalize(normalize::Normalize::new(*p)),
            VectorOp::Cosine { inverse } => VectorKernel::Cosine(cosine::Cosine::new(*inverse, site.inputs)),
            VectorOp::Products { degree } => VectorKernel::Products(products::Products::new(*degree)),
            VectorOp::Select { places, zeros } => VectorKernel::Select(select::Select::new(places.clone(), *zeros)),
            VectorOp::OfSize { size, skip } => {
                VectorKernel::OfSize(select::OfSize { size: *size as usize, skip: *skip })
            }
            VectorOp::Refuse { expected, .. } => VectorKernel::Refuse(expected),
            VectorOp::Categories { size, maps, invalid } => {
                VectorKernel::Categories(categories::Categories::new(*size, maps, *invalid))
            }
            VectorOp::Sigmoid { scale } => VectorKernel::Scores(scores::Scores::Sigmoid(*scale)),
            VectorOp::Softmax => VectorKernel::Scores(scores::Scores::Softmax),
            VectorOp::Proportions => VectorKernel::Scores(scores::Scores::Proportions),
            VectorOp::Choose(choose) => VectorKernel::Choose(choose.clone()),
            VectorOp::Pack => VectorKernel::Pack,
            VectorOp::Element { place } => VectorKernel::Element(*place),
            VectorOp::Unpack { .. } => VectorKernel::Unpack,
            VectorOp::At => VectorKernel::At,
            VectorOp::Best { smallest } => VectorKernel::Best { smallest: *smallest },
        })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        if let VectorKernel::Unpack = self {
            return element::unpack(env, inputs[0], outputs);
        }
        let [Some(output)] = *outputs else { return };
        match self {
            VectorKernel::FromList => from_list::run(env, inputs[0], output),
            VectorKernel::Assemble(kernel) => kernel.run(env, inputs, output),
            VectorKernel::Scale(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Binarize(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Normalize(kernel) => map(env, inputs[0], output, |row, out| kernel.row(row, out)),
            VectorKernel::Cosine(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Products(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Select(kernel) => map(env, inputs[0], output, |row, out| kernel.row(row, out)),
            VectorKernel::OfSize(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Refuse(expected) => map(env, inputs[0], output, |row, _| {
                Err((FaultKind::Rule(expected), FaultValue::Size(row.size() as u64)))
            }),
            VectorKernel::Categories(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Scores(kernel) => kernel.run(env, inputs[0], output),
            VectorKernel::Choose(choose) => scores::choose(choose, env, inputs[0], output),
            VectorKernel::Pack => element::pack(env, inputs, output),
            VectorKernel::Element(place) => element::element(env, inputs[0], *place, output),
            VectorKernel::Unpack => unreachable!("it has outputs of its own"),
            VectorKernel::At => element::at(env, inputs[0], inputs[1], output),
            VectorKernel::Best { smallest } => element::best(env, inputs[0], *smallest, output),
        }
    }
}

/// Calls `f` with the vector of every live row; it ends one row of the output, or refuses and changes nothing. Null is refused.
pub(super) fn map(
    env: &Env<'_>,
    input: Home,
    output: Home,
    mut f: impl FnMut(Row<'_>, &mut VectorStore) -> Result<(), Refusal>,
) {
    let vectors = env.frame.vectors(input);
    let mut out = env.frame.vectors_mut(output);
    out.clear();
    for row in 0..env.frame.rows() {
        if !env.frame.is_live(row) {
            out.push_null();
            continue;
        }
        let done = if vectors.is_valid(row) { f(vectors.row(row), &mut out) } else { Err(null()) };
        if let Err((kind, value)) = done {
            env.refuse(row, 0, kind, value);
            out.push_null();
        }
    }
}

/// Most elements of a sparse vector that is written out in full, where no parameter bounds its size.
const SPREAD_MAX: usize = 1 << 20;

/// Refuses a sparse row that claims more elements than are written out in full.
fn spreadable(row: Row<'_>) -> Result<(), Refusal> {
    match row {
        Row::Sparse { size, .. } if size > SPREAD_MAX => {
            Err((FaultKind::Rule("at most 2^20 elements of a sparse vector"), FaultValue::Size(size as u64)))
        }
        _ => Ok(()),
    }
}

pub(super) fn null() -> Refusal {
    (FaultKind::Null, FaultValue::Null)
}

pub(super) fn wrong_size(expected: usize, got: usize) -> Refusal {
    (FaultKind::Size { expected: expected as u64 }, FaultValue::Size(got as u64))
}

/// Adds all values of the row, zeros included. The caller has bounded the size.
pub(super) fn extend_dense(values: &mut Vec<f64>, row: Row<'_>) {
    match row {
        Row::Dense(stored) => values.extend_from_slice(stored),
        Row::Sparse { size, indices, values: stored } => {
            let start = values.len();
            values.resize(start + size, 0.0);
            for (&i, &v) in indices.iter().zip(stored) {
                values[start + i as usize] = v;
            }
        }
    }
}

/// Ends a row whose `size` values stand from `start` on, in the smaller form.
pub(super) fn end_compressed(out: &mut VectorStore, start: usize, size: usize, form: Compressed) {
    let values = &mut out.values[start..start + size];
    let non_zeros = values.iter().filter(|v| **v != 0.0).count();
    if !form.is_sparse(non_zeros, size) {
        return out.end_dense_at(start, size);
    }
    let index_start = out.indices.len();
    out.indices.resize(index_start + size, 0);
    let indices = &mut out.indices[index_start..];
    // Which elements are zero is as good as random: each is written, and kept or not.
    let mut kept = 0;
    for i in 0..size {
        let value = values[i];
        (values[kept], indices[kept]) = (value, i as u32);
        kept += usize::from(value != 0.0);
    }
    out.indices.truncate(index_start + kept);
    out.end_sparse_at(size as u32, index_start, start);
}

#[cfg(test)]
mod tests;
