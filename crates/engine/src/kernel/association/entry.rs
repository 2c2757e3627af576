//! What stands at a number, or at each number of a vector.

use std::sync::Arc;

use model::{Buffer, column::Row};
use plan::op::association::Table;

use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
    store::{Items, ListStore, Span, TextStore},
};

/// A table laid out: [`plan::AssociationOp::Entry`] and [`plan::AssociationOp::Entries`].
pub struct Entries {
    table: Laid,
    limit: usize,
}

enum Laid {
    /// The texts one after the other, and where each lies.
    Texts(Buffer, Box<[Option<Span>]>),
    Numbers(Arc<[Option<f64>]>),
    /// The texts one after the other, where each lies, and where each list's begin.
    Lists(Buffer, Box<[Span]>, Box<[u32]>),
}

impl Entries {
    pub(crate) fn new(table: &Table, limit: Option<u32>, site: &Site<'_>) -> Result<Entries, CompileError> {
        let table = match table {
            Table::Texts(entries) => {
                let (texts, spans) = lay(entries.iter().map(|e| e.as_deref()), site)?;
                Laid::Texts(texts, spans)
            }
            Table::Numbers(entries) => Laid::Numbers(entries.clone()),
            Table::Lists(entries) => {
                let (texts, spans) = lay(entries.iter().flat_map(|e| e.iter().map(|t| Some(&**t))), site)?;
                let mut offsets = vec![0];
                entries.iter().for_each(|e| offsets.push(offsets[offsets.len() - 1] + e.len() as u32));
                Laid::Lists(texts, spans.iter().flatten().copied().collect(), offsets.into())
            }
        };
        Ok(Entries { table, limit: limit.map_or(usize::MAX, |limit| limit as usize) })
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let frame = env.frame;
        let numbers = frame.cells(input);
        let place = |row: usize| if frame.is_live(row) { numbers.number(row).and_then(place) } else { None };
        match &self.table {
            Laid::Texts(texts, spans) => {
                let mut out = frame.texts_mut(output);
                out.clear_shared(texts);
                for row in 0..frame.rows() {
                    push_span(&mut out, place(row).and_then(|at| spans.get(at).copied().flatten()));
                }
            }
            Laid::Numbers(entries) => {
                let out = frame.cells(output);
                frame.each_live(|row| {
                    let entry = place(row).and_then(|at| entries.get(at).copied().flatten());
                    out.set(row, entry.map(f64::to_bits));
                });
            }
            Laid::Lists(texts, spans, offsets) => {
                let mut out = frame.lists_mut(output);
                clear(&mut out, texts);
                for row in 0..frame.rows() {
                    push_list(&mut out, spans, place(row).and_then(|at| offsets.get(at..at + 2)));
                }
            }
        }
    }

    pub fn run_many(&self, env: &Env<'_>, input: Home, output: Home) {
        let frame = env.frame;
        let vectors = frame.vectors(input);
        let mut out = frame.lists_mut(output);
        match &self.table {
            Laid::Texts(texts, _) => clear(&mut out, texts),
            Laid::Numbers(_) => out.clear(),
            Laid::Lists(texts, ..) => {
                out.clear();
                if let Items::List(items) = &mut out.items {
                    clear(items, texts);
                }
            }
        }
        for row in 0..frame.rows() {
            let Some(Row::Dense(numbers)) = (frame.is_live(row) && vectors.is_valid(row)).then(|| vectors.row(row))
            else {
                out.push_null();
                continue;
            };
            for at in numbers.iter().take(self.limit).map(|&number| place(number)) {
                match (&self.table, &mut out.items) {
                    (Laid::Texts(_, spans), Items::Text(items)) => {
                        push_span(items, at.and_then(|at| spans.get(at).copied().flatten()));
                    }
                    (Laid::Numbers(entries), Items::Cells(items)) => {
                        let entry = at.and_then(|at| entries.get(at).copied().flatten());
                        items.push(entry.map(f64::to_bits));
                    }
                    (Laid::Lists(_, spans, offsets), Items::List(items)) => {
                        push_list(items, spans, at.and_then(|at| offsets.get(at..at + 2)));
                    }
                    _ => unreachable!("the plan gives lists of the table's type"),
                }
            }
            out.end();
        }
    }
}

fn place(number: f64) -> Option<usize> {
    (0.0..4_294_967_295.0).contains(&number).then_some(number as usize)
}

fn push_span(out: &mut TextStore, span: Option<Span>) {
    match span {
        Some(span) => out.push_span(span),
        None => out.push_null(),
    }
}

fn push_list(out: &mut ListStore, spans: &[Span], ends: Option<&[u32]>) {
    let (Some([from, to]), Items::Text(items)) = (ends, &mut out.items) else { return out.push_null() };
    spans[*from as usize..*to as usize].iter().for_each(|&span| items.push_span(span));
    out.end();
}

/// Forgets the rows; the texts of the coming ones lie in this buffer.
fn clear(out: &mut ListStore, texts: &Buffer) {
    out.clear();
    if let Items::Text(items) = &mut out.items {
        items.clear_shared(texts);
    }
}

type LaidTexts = (Buffer, Box<[Option<Span>]>);

fn lay<'a>(texts: impl Iterator<Item = Option<&'a str>>, site: &Site<'_>) -> Result<LaidTexts, CompileError> {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    for text in texts {
        let start = bytes.len();
        bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        if bytes.len() > u32::MAX as usize {
            return Err(CompileError::Unimplemented(format!("{}: more than 2^32 bytes of texts", site.step)));
        }
        spans.push(text.map(|_| Span { start: start as u32, end: bytes.len() as u32 }));
    }
    Ok((Buffer::from_vec(bytes), spans.into()))
}
