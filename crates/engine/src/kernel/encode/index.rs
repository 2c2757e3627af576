//! A value to its place among labels.

use std::hash::Hash;

use model::{DType, FaultKind, FaultValue, Type, java};
use plan::Invalid;
use rustc_hash::FxHashMap;

use super::{fault_value, refuse_null};
use crate::{
    error::CompileError,
    frame::{Cells, Env, Frame, Home},
    kernel::Site,
    store::{Span, TextStore},
};

/// [`plan::EncodeOp::Index`] and [`plan::EncodeOp::Place`], their labels in a table.
pub struct Index {
    table: Table,
    /// The place of what is not among the labels.
    other: f64,
    invalid: Invalid,
    /// Null is no value that is not among the labels, but null.
    keeps_null: bool,
}

/// A label that is there twice has its last place.
enum Table {
    Texts {
        short: Short,
        long: FxHashMap<Box<[u8]>, u32>,
    },
    /// By the cell. Labels that no number of the type is written as are left out: nothing finds them.
    Cells(FxHashMap<u64, u32>),
}

/// Most bytes of a text that is one word together with its length.
const SHORT: usize = 15;

/// Most labels that are kept as [`Short`]: were they all to fall to one slot, that could still be borne.
const SHORT_LABELS_MAX: usize = 4096;

/// Places by [`key`]: each in the first free slot from the one on that its hash says, half of all at most.
struct Short {
    slots: Box<[(u128, u32)]>,
    shift: u32,
}

/// The place of a slot that is free.
const FREE: u32 = u32::MAX;

impl Index {
    pub(super) fn new(labels: &[Box<str>], invalid: Invalid, site: &Site<'_>) -> Result<Index, CompileError> {
        let table = match site.inputs[0].ty {
            Type::Text => {
                let short = |label: &str| labels.len() <= SHORT_LABELS_MAX && label.len() <= SHORT;
                Table::Texts {
                    short: Short::new(labels.iter().zip(0..).filter(|(label, _)| short(label))),
                    long: table(labels, |label| (!short(label)).then(|| label.as_bytes().into())),
                }
            }
            ref ty => {
                let dtype = ty.as_scalar().expect("the plan takes texts and single numbers");
                if let DType::Date | DType::Timestamp = dtype {
                    return Err(CompileError::Unimplemented(format!("{}: labels of a {dtype}", site.step)));
                }
                let mut cells: FxHashMap<u64, u32> = table(labels, |label| cell(dtype, label, false));
                // A label that says the number as we write it has precedence over what another Java wrote.
                cells.extend(table(labels, |label| cell(dtype, label, true)));
                Table::Cells(cells)
            }
        };
        Ok(Index { table, other: labels.len() as f64, invalid, keeps_null: false })
    }

    pub(in crate::kernel) fn place(labels: &[Box<str>], site: &Site<'_>) -> Result<Index, CompileError> {
        let index = Index::new(labels, Invalid::Keep, site)?;
        Ok(Index { other: -1.0, keeps_null: true, ..index })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let out = env.frame.cells(output);
        match &self.table {
            Table::Texts { short, long } => {
                let texts = env.frame.texts(input);
                let (bytes, spans, all_valid) = (texts.bytes(), &*texts.spans, texts.valid.all());
                let cells = out.data();
                // All at once; a row that has no place takes its bit back.
                out.valid_words().iter().for_each(|word| word.set(u64::MAX));
                env.frame.each_live(|row| {
                    if !all_valid && !texts.is_valid(row) {
                        return self.other(env, row, &out, None);
                    }
                    match find(short, long, bytes, spans[row]) {
                        Some(place) => cells[row].set(f64::from(place).to_bits()),
                        None => self.other(env, row, &out, Some(&|| FaultValue::text(texts.text(row)))),
                    }
                });
            }
            Table::Cells(table) => {
                let cells = env.frame.cells(input);
                env.frame.each_live(|row| {
                    let Some(cell) = cells.get(row) else { return self.other(env, row, &out, None) };
                    match table.get(&canonical(cells.dtype, cell)) {
                        Some(&place) => out.set_f64(row, f64::from(place)),
                        None => self.other(env, row, &out, Some(&|| fault_value(cells.dtype, cell))),
                    }
                });
            }
        }
    }

    /// Writes the places of texts, and which rows are not null; rows that are not live get any number. For [`Index::place`] of
    /// texts.
    #[inline]
    pub(in crate::kernel) fn places(&self, frame: &Frame, texts: &TextStore, numbers: &mut [f64], valid: &mut [u64]) {
        let Table::Texts { short, long } = &self.table else { unreachable!("made for texts") };
        let bytes = texts.bytes();
        valid.fill(0);
        frame.each_live(|row| {
            if texts.is_valid(row) {
                valid[row / 64] |= 1 << (row % 64);
                numbers[row] = find(short, long, bytes, texts.spans[row]).map_or(self.other, f64::from);
            }
        });
    }

    /// Ends a row whose value is not among the labels; `None` is null.
    #[inline(never)]
    fn other(&self, env: &Env<'_>, row: usize, out: &Cells<'_>, value: Option<&dyn Fn() -> FaultValue>) {
        match (self.invalid, value) {
            (Invalid::Keep, None) if self.keeps_null => {}
            (Invalid::Keep, _) => return out.set_f64(row, self.other),
            (Invalid::Skip, _) => env.skip(row),
            (Invalid::Error, None) => refuse_null(env, row),
            (Invalid::Error, Some(value)) => env.refuse(row, 0, FaultKind::Unseen, value()),
        }
        out.set(row, None);
    }
}

/// Returns the place of a text among the labels.
#[inline]
fn find(short: &Short, long: &FxHashMap<Box<[u8]>, u32>, bytes: &[u8], span: Span) -> Option<u32> {
    let found = key(bytes, span).and_then(|key| short.get(key));
    let in_long = || long.get(&bytes[span.start as usize..span.end as usize]).copied();
    found.or_else(|| if long.is_empty() { None } else { in_long() })
}

impl Short {
    fn new<'a>(labels: impl Iterator<Item = (&'a Box<str>, u32)>) -> Short {
        let labels: Vec<(&Box<str>, u32)> = labels.collect();
        let size = (2 * labels.len()).next_power_of_two().max(2);
        let mut short = Short { slots: vec![(0, FREE); size].into(), shift: 64 - size.trailing_zeros() };
        for (label, place) in labels {
            let key = key(label.as_bytes(), Span { start: 0, end: label.len() as u32 }).expect("a short label");
            let slot = short.slot(key);
            short.slots[slot] = (key, place);
        }
        short
    }

    /// Returns the slot of the key, or the free one that it would have.
    #[inline]
    fn slot(&self, key: u128) -> usize {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (key as u64 ^ ((key >> 64) as u64).wrapping_mul(MIX)).wrapping_mul(MIX);
        let mut at = (mixed >> self.shift) as usize;
        loop {
            let (known, place) = self.slots[at];
            if known == key || place == FREE {
                return at;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn get(&self, key: u128) -> Option<u32> {
        Some(self.slots[self.slot(key)].1).filter(|place| *place != FREE)
    }
}

/// Returns the bytes of a short text as a word, its length in the last byte.
#[inline]
fn key(bytes: &[u8], span: Span) -> Option<u128> {
    let (start, len) = (span.start as usize, (span.end - span.start) as usize);
    if len > SHORT {
        return None;
    }
    let word = match bytes.get(start..start + SHORT + 1).and_then(|bytes| bytes.first_chunk::<16>()) {
        Some(word) => u128::from_le_bytes(*word),
        None => {
            let mut word = [0; SHORT + 1];
            word[..len].copy_from_slice(&bytes[start..start + len]);
            u128::from_le_bytes(word)
        }
    };
    Some(word & ((1 << (8 * len)) - 1) | (len as u128) << (8 * SHORT))
}

fn table<K: Eq + Hash>(labels: &[Box<str>], key: impl Fn(&str) -> Option<K>) -> FxHashMap<K, u32> {
    labels.iter().zip(0..).filter_map(|(label, place)| Some((key(label)?, place))).collect()
}

/// Returns the cell of the number that is written so, with `exact` only in the digits that we write.
fn cell(dtype: DType, label: &str, exact: bool) -> Option<u64> {
    let same = |written: &dyn Fn(&mut Vec<u8>)| {
        let mut text = Vec::new();
        written(&mut text);
        text == label.as_bytes()
    };
    match dtype {
        DType::F64 => {
            let x = java::parse_f64(label)?;
            (!exact || same(&|out| java::push_f64(out, x))).then(|| canonical(dtype, x.to_bits()))
        }
        DType::F32 => {
            let x = java::parse_f32(label)?;
            (!exact || same(&|out| java::push_f32(out, x))).then(|| canonical(dtype, u64::from(x.to_bits())))
        }
        DType::Bool => match label {
            "false" => Some(0),
            "true" => Some(1),
            _ => None,
        },
        DType::U64 => label.parse::<u64>().ok().filter(|n| n.to_string() == label),
        _ => label.parse::<i64>().ok().filter(|n| n.to_string() == label).map(|n| n as u64),
    }
}

/// Returns the cell under which a number is found: every NaN is one.
#[inline]
fn canonical(dtype: DType, cell: u64) -> u64 {
    match dtype {
        DType::F64 if f64::from_bits(cell).is_nan() => f64::NAN.to_bits(),
        DType::F32 if f32::from_bits(cell as u32).is_nan() => u64::from(f32::NAN.to_bits()),
        _ => cell,
    }
}
