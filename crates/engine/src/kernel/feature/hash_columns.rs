//! Rows to sparse vectors, by the hashes of their columns and values.

use model::{DType, Type, java};
use plan::HashedColumn;

use super::super::{
    Site,
    hash::{self, Modulo},
};
use crate::{
    frame::{Cells, Env, Frame, Home, as_f64},
    store::VectorStore,
};

/// [`plan::FeatureOp::HashColumns`].
pub struct HashColumns {
    columns: Box<[Column]>,
    modulo: Modulo,
    size: u32,
}

enum Column {
    /// A number that falls to this place.
    Number(u32),
    /// `name=`, before a number or boolean.
    Value(Box<[u8]>),
    /// `name=`, before a text.
    Text(Box<[u8]>),
}

impl HashColumns {
    pub(super) fn new(columns: &[HashedColumn], size: u32, site: &Site<'_>) -> HashColumns {
        let modulo = Modulo::new(size);
        let columns = columns.iter().zip(site.inputs).map(|(column, input)| {
            let named = || format!("{}=", column.name).into_bytes().into_boxed_slice();
            let is_bool = input.ty == Type::BOOL;
            match (column.by_value || is_bool, &input.ty) {
                (_, Type::Text) => Column::Text(named()),
                (true, _) => Column::Value(named()),
                (false, _) => {
                    let name = column.name.as_bytes();
                    Column::Number(modulo.of(hash::of_bytes::<false>(name, 0, name.len())))
                }
            }
        });
        HashColumns { columns: columns.collect(), modulo, size }
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            scratch.words.clear();
            scratch.numbers.clear();
            for (column, &home) in self.columns.iter().zip(inputs) {
                if let Some((place, value)) = self.entry(env.frame, column, home, row, &mut scratch.bytes) {
                    scratch.words.push(place);
                    scratch.numbers.push(value);
                }
            }
            scratch.cells.clear();
            scratch.cells.extend(scratch.words.iter().zip(0u64..).map(|(&place, k)| u64::from(place) << 32 | k));
            scratch.cells.sort_unstable();
            self.end(&scratch.cells, &scratch.numbers, &mut out);
        }
    }

    fn entry(&self, frame: &Frame, column: &Column, home: Home, row: usize, text: &mut Vec<u8>) -> Option<(u32, f64)> {
        text.clear();
        match column {
            Column::Number(place) => return frame.cells(home).number(row).map(|x| (*place, x)),
            Column::Value(name) => {
                let cells = frame.cells(home);
                let cell = cells.get(row)?;
                text.extend_from_slice(name);
                push_text(text, &cells, cell);
            }
            Column::Text(name) => {
                let texts = frame.texts(home);
                if !texts.is_valid(row) {
                    return None;
                }
                text.extend_from_slice(name);
                text.extend_from_slice(texts.row_bytes(row));
            }
        }
        Some((self.modulo.of(hash::of_bytes::<false>(text, 0, text.len())), 1.0))
    }

    /// Ends a row: `order` holds each entry's place, and its number in the columns' order in the low half, sorted.
    fn end(&self, order: &[u64], values: &[f64], out: &mut VectorStore) {
        let (index_start, start) = (out.indices.len(), out.values.len());
        for &entry in order {
            let (place, value) = ((entry >> 32) as u32, values[entry as u32 as usize]);
            match out.values.last_mut() {
                Some(last) if out.indices.len() > index_start && out.indices.last() == Some(&place) => *last += value,
                _ => {
                    out.indices.push(place);
                    out.values.push(value);
                }
            }
        }
        out.end_sparse(self.size, index_start, start);
    }
}

/// Appends the text of a number or boolean as Java writes it.
fn push_text(text: &mut Vec<u8>, cells: &Cells<'_>, cell: u64) {
    use std::io::Write;
    let written = match cells.dtype {
        DType::F64 => return java::push_f64(text, as_f64(DType::F64, cell)),
        DType::F32 => return java::push_f32(text, f32::from_bits(cell as u32)),
        DType::Bool => write!(text, "{}", cell != 0),
        DType::U64 => write!(text, "{cell}"),
        _ => write!(text, "{}", cell as i64),
    };
    written.expect("a vector takes every byte");
}
