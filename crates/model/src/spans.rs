//! What took how long within one call, where its caller wants to know: the parts of a trace.
//!
//! A call that is traced carries [`Spans`]; every layer adds what it did, the engine one entry for each step of the plan,
//! all tiles together. A call that is not traced carries none, and pays one comparison.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What a span shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Reading the request's body.
    Decode,
    /// Waiting for a thread that computes.
    Queue,
    /// The predictor at work.
    Predict,
    /// A step of the plan, within [`Part::Predict`].
    Step,
    /// Writing the answer.
    Encode,
}

/// One part, from its first beginning; where it was done in pieces, `took` is their sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub part: Part,
    pub name: Arc<str>,
    pub begun: Instant,
    pub took: Duration,
}

/// The parts of one call.
#[derive(Debug, Default)]
pub struct Spans(Mutex<Vec<Span>>);

impl Spans {
    /// Most parts that are kept of one call; a plan may have more steps, the later ones are left out.
    pub const MAX: usize = 256;

    /// Adds a part, or time to the part of this name.
    pub fn add(&self, part: Part, name: &Arc<str>, begun: Instant, took: Duration) {
        // A poisoned list is whole: each change of it is a single one.
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match spans.iter().rposition(|span| span.part == part && span.name == *name) {
            Some(place) => spans[place].took += took,
            None if spans.len() < Self::MAX => spans.push(Span { part, name: name.clone(), begun, took }),
            None => {}
        }
    }

    /// Returns the parts in the order of their beginnings, and keeps none.
    pub fn take(&self) -> Vec<Span> {
        let mut spans = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        spans.sort_by_key(|span| span.begun);
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_part_and_parts_are_bounded() {
        let (spans, now, ms) = (Spans::default(), Instant::now(), Duration::from_millis(1));
        spans.add(Part::Step, &"b".into(), now + ms, ms);
        spans.add(Part::Step, &"a".into(), now, ms);
        spans.add(Part::Step, &"b".into(), now + 3 * ms, ms);
        spans.add(Part::Decode, &"b".into(), now + 2 * ms, ms);
        let parts: Vec<_> = spans.take().into_iter().map(|s| (s.part, s.name, s.took)).collect();
        let b: Arc<str> = "b".into();
        assert_eq!(parts, [(Part::Step, "a".into(), ms), (Part::Step, b.clone(), 2 * ms), (Part::Decode, b, ms)]);
        for i in 0..2 * Spans::MAX {
            spans.add(Part::Step, &i.to_string().into(), now, ms);
        }
        assert_eq!(spans.take().len(), Spans::MAX);
    }
}
