//! How often items fall to each place of a hash.

use model::{DType, Type};
use plan::Hash;

use super::{Counts, refuse_null};
use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::{
        Site,
        hash::{self, Modulo, SEED},
    },
    store::{CellStore, Items, ListStore, TextStore, VectorStore},
};

/// [`plan::EncodeOp::HashCounts`].
pub struct HashCounts {
    modulo: Modulo,
    counts: Counts,
    hash: Hash,
}

impl HashCounts {
    pub(super) fn new(size: u32, hash: Hash, binary: bool, site: &Site<'_>) -> Result<HashCounts, CompileError> {
        if let Type::List(item) = &site.inputs[0].ty
            && let Some(dtype @ (DType::Date | DType::Timestamp | DType::Decimal(..))) = item.as_scalar()
        {
            return Err(CompileError::Unimplemented(format!("{}: the hash of a {dtype}", site.step)));
        }
        Ok(HashCounts { modulo: Modulo::new(size), counts: Counts { size, least: 1.0, binary }, hash })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        match (&lists.items, self.hash) {
            (Items::Text(texts), Hash::Murmur3) => self.rows(env, &lists, &mut out, |i| of_text::<false>(texts, i)),
            (Items::Text(texts), Hash::Murmur3Tail) => self.rows(env, &lists, &mut out, |i| of_text::<true>(texts, i)),
            (Items::Cells(cells), _) => self.rows(env, &lists, &mut out, |i| of_cell(cells, i)),
            (Items::List(_) | Items::Bytes(_) | Items::Wide(_) | Items::Vector(_), _) => {
                unreachable!("compiled for lists of texts or numbers")
            }
        }
    }

    fn rows(&self, env: &Env<'_>, lists: &ListStore, out: &mut VectorStore, hash: impl Fn(usize) -> u32) {
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
            let start = out.indices.len();
            out.indices.extend(lists.range(row).map(|i| self.modulo.of(hash(i))));
            self.counts.end(out, start);
        }
    }
}

#[inline]
fn of_text<const TAIL: bool>(texts: &TextStore, i: usize) -> u32 {
    let span = texts.spans[i];
    let hash = hash::of_bytes::<TAIL>(texts.bytes(), span.start as usize, span.end as usize);
    if texts.is_valid(i) { hash } else { SEED }
}

/// Hashes a number by its width in the JVM, which has no unsigned types: theirs hash by their bits.
fn of_cell(cells: &CellStore, i: usize) -> u32 {
    if !cells.valid.get(i) {
        return SEED;
    }
    let cell = cells.cells[i];
    match cells.dtype {
        DType::F64 if f64::from_bits(cell).is_nan() => hash::of_long(0x7FF8_0000_0000_0000),
        DType::F32 if f32::from_bits(cell as u32).is_nan() => hash::of_int(0x7FC0_0000),
        DType::F64 | DType::I64 | DType::U64 | DType::Timestamp => hash::of_long(cell),
        DType::Bool | DType::I8 | DType::I16 | DType::I32 | DType::F32 => hash::of_int(cell as u32),
        DType::U8 | DType::U16 | DType::U32 | DType::Date => hash::of_int(cell as u32),
        DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => unreachable!("refused when it is compiled"),
    }
}
