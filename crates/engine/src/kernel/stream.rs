//! Kernels on the rows of a call as one stream: all of them are in one run.

use std::{cell::Ref, collections::hash_map::Entry};

use plan::{StreamOp, expr::Stat};
use rustc_hash::FxHashMap;

use super::expr::stat;
use crate::{
    frame::{Cells, Env, Home},
    store::{Store, TextStore},
};

#[cfg(test)]
mod tests;

/// An op of the family, ready to run.
pub struct StreamKernel {
    n: usize,
    of: Option<Stat>,
}

/// Where a row has no row before it in its block.
const FIRST: u32 = u32::MAX;

/// A column of any kind.
enum Column<'a> {
    Cells(Cells<'a>),
    Texts(Ref<'a, Store>),
}

impl StreamKernel {
    pub(crate) fn new(op: &StreamOp) -> StreamKernel {
        let StreamOp::Lag { n, of } = op;
        StreamKernel { n: *n as usize, of: *of }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let Some(output) = outputs[0] else { return };
        let frame = env.frame;
        let rows = frame.rows();
        let (first, blocks) = inputs.split_first().expect("the plan gives a column at least");
        let before = before(env, blocks, rows);
        // Of each row, the row so many steps back in its block.
        let back = |row: usize| before.get(row).copied().filter(|&b| b != FIRST).map(|b| b as usize);
        if let Some(of) = self.of {
            let (values, out) = (frame.cells(*first), frame.cells(output));
            let mut window = Vec::new();
            return frame.each_live(|row| {
                window.clear();
                let steps = std::iter::successors(back(row), |&row| back(row)).take(self.n);
                let known = steps.filter(|&row| frame.is_live(row)).filter_map(|row| values.number(row));
                window.extend(known);
                // In the order of the stream.
                window.reverse();
                let value = match of {
                    Stat::Median => stat::median(&mut window),
                    of => stat::of(of, window.iter().copied()),
                };
                out.set(row, value.map(f64::to_bits));
            });
        }
        let lagged = |row: usize| {
            let step = |from: Option<usize>| from.and_then(back);
            let source = if blocks.is_empty() {
                row.checked_sub(self.n)
            } else {
                (0..self.n).try_fold(row, |row, _| step(Some(row)))
            };
            source.filter(|&source| frame.is_live(source))
        };
        match column(env, *first) {
            Column::Cells(values) => {
                let out = frame.cells(output);
                frame.each_live(|row| out.set(row, lagged(row).and_then(|source| values.get(source))));
            }
            Column::Texts(store) => {
                let texts = texts(&store);
                let mut out = frame.texts_mut(output);
                out.clear();
                for row in 0..rows {
                    let source = if frame.is_live(row) { lagged(row) } else { None };
                    match source.filter(|&source| texts.is_valid(source)) {
                        Some(source) => out.push(texts.text(source)),
                        None => out.push_null(),
                    }
                }
            }
        }
    }
}

/// Returns of each row the last one before it that has its values in the columns of the blocks.
fn before(env: &Env<'_>, blocks: &[Home], rows: usize) -> Vec<u32> {
    if blocks.is_empty() {
        return (0..rows as u32).map(|row| row.checked_sub(1).unwrap_or(FIRST)).collect();
    }
    let columns: Vec<Column<'_>> = blocks.iter().map(|home| column(env, *home)).collect();
    let mut last: FxHashMap<Vec<u8>, u32> = FxHashMap::default();
    let mut before = vec![FIRST; rows];
    let mut key = Vec::new();
    for (row, before) in before.iter_mut().enumerate() {
        if !env.frame.is_live(row) {
            continue;
        }
        key.clear();
        columns.iter().for_each(|column| column.key(row, &mut key));
        match last.entry(key.clone()) {
            Entry::Occupied(mut entry) => *before = entry.insert(row as u32),
            Entry::Vacant(entry) => {
                entry.insert(row as u32);
            }
        }
    }
    before
}

fn column<'a>(env: &Env<'a>, home: Home) -> Column<'a> {
    match home {
        Home::Cells { .. } => Column::Cells(env.frame.cells(home)),
        Home::Store(_) => Column::Texts(env.frame.store_ref(home)),
    }
}

fn texts(store: &Store) -> &TextStore {
    match store {
        Store::Text(texts) => texts,
        _ => unreachable!("the plan takes texts and single values"),
    }
}

impl Column<'_> {
    /// Appends what tells the row's value from others.
    fn key(&self, row: usize, key: &mut Vec<u8>) {
        match self {
            Column::Cells(cells) => match cells.get(row) {
                Some(cell) => {
                    key.push(1);
                    key.extend(cell.to_le_bytes());
                }
                None => key.push(0),
            },
            Column::Texts(store) => {
                let texts = texts(store);
                let bytes = if texts.is_valid(row) { Some(texts.row_bytes(row)) } else { None };
                key.extend(bytes.map_or(u64::MAX, |b| b.len() as u64).to_le_bytes());
                key.extend(bytes.unwrap_or_default());
            }
        }
    }
}
