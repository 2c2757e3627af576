//! A text by tables of replacements, as PMML normalises what it indexes.

use std::sync::Arc;

use bumpalo::Bump;
use model::{FaultKind, FaultValue};
use plan::Rewrites;

use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::{
        Site,
        expr::{regex::Compiled, value::Fault},
    },
};

/// Most times that one table is applied to one text.
const PASSES_MAX: usize = 1_000;
/// What a text may grow to, whatever its size.
const BYTES_MAX: usize = if cfg!(test) { 8 << 10 } else { 1 << 20 };
/// And how many times its size.
const GROWTH_MAX: usize = 8;
/// Bytes that all passes over one text may go over together.
const WORK_MAX: usize = 64 << 20;

/// [`plan::TextOp::Rewrite`], its patterns compiled.
pub struct Rewrite {
    tables: Vec<Table>,
}

struct Table {
    rows: Vec<(Compiled, Arc<str>)>,
    recursive: bool,
}

impl Rewrite {
    pub(super) fn new(tables: &[Rewrites], site: &Site<'_>) -> Result<Rewrite, CompileError> {
        let table = |table: &Rewrites| {
            let rows = table.rows.iter().map(|(pattern, with)| Ok((Compiled::new(pattern, site)?, with.clone())));
            Ok(Table { rows: rows.collect::<Result<_, CompileError>>()?, recursive: table.recursive })
        };
        Ok(Rewrite { tables: tables.iter().map(table).collect::<Result<_, CompileError>>()? })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let texts = env.frame.texts(input);
        let mut out = env.frame.texts_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) || !texts.is_valid(row) {
                out.push_null();
                continue;
            }
            match self.rewritten(texts.text(row), &scratch.bump) {
                Ok(text) if out.has_room(text.len()) => out.push(text),
                Ok(text) => {
                    super::refuse_long(env, row, text.len());
                    out.push_null();
                }
                Err(fault) => {
                    env.refuse(row, 0, fault.kind, fault.value);
                    out.push_null();
                }
            }
            scratch.bump.reset();
        }
    }

    fn rewritten<'a>(&'a self, text: &'a str, bump: &'a Bump) -> Result<&'a str, Box<Fault>> {
        let room = BYTES_MAX + GROWTH_MAX * text.len();
        let (mut now, mut work) = (text, 0);
        for table in &self.tables {
            for pass in 1.. {
                let before = now;
                for (pattern, with) in &table.rows {
                    work += now.len() + 1;
                    now = pattern.replace(now, with, 0, bump)?.text();
                    if now.len() > room || work > WORK_MAX.max(room) {
                        return Err(endless(text));
                    }
                }
                if !table.recursive || now == before {
                    break;
                }
                if pass == PASSES_MAX {
                    return Err(endless(text));
                }
            }
        }
        Ok(now)
    }
}

#[cold]
fn endless(text: &str) -> Box<Fault> {
    let kind = FaultKind::Rule("a text that its replacements stop changing, and do not make much longer");
    Box::new(Fault { kind, value: FaultValue::text(text), input: None })
}
