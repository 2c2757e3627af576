//! A number to the label at its place.

use model::{Buffer, FaultKind};

use super::fault_value;
use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
    store::Span,
};

/// [`plan::EncodeOp::Label`], its labels one after the other in one buffer.
pub struct Label {
    texts: Buffer,
    spans: Box<[Span]>,
}

impl Label {
    pub(super) fn new(labels: &[Box<str>], site: &Site<'_>) -> Result<Label, CompileError> {
        let bytes: usize = labels.iter().map(|l| l.len()).sum();
        if bytes > u32::MAX as usize {
            return Err(CompileError::Unimplemented(format!("{}: {bytes} bytes of labels", site.step)));
        }
        let mut end = 0;
        let spans = labels.iter().map(|label| {
            let start = end;
            end += label.len() as u32;
            Span { start, end }
        });
        let spans = spans.collect();
        Ok(Label { texts: Buffer::from_vec(labels.concat().into_bytes()), spans })
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let cells = env.frame.cells(input);
        let mut out = env.frame.texts_mut(output);
        out.clear_shared(&self.texts);
        for row in 0..env.frame.rows() {
            let number = if env.frame.is_live(row) { cells.number(row) } else { None };
            let Some(number) = number else {
                out.push_null();
                continue;
            };
            // As Java casts: toward zero, NaN to 0, what is too large to the nearest.
            let place = number as i32;
            match usize::try_from(place).ok().and_then(|place| self.spans.get(place)) {
                Some(&span) => out.push_span(span),
                None => {
                    let cell = cells.get(row).expect("a number was just read");
                    env.refuse(row, 0, FaultKind::OutOfRange, fault_value(cells.dtype, cell));
                    out.push_null();
                }
            }
        }
    }
}
