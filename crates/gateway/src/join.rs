//! Joined calls: concurrent calls of few rows to one model become one call of more rows, and its answer theirs again.
//!
//! Here is what may be joined and how, as functions of calls; who waits for whom is the compute pool's affair (`server`).
//! Calls are alike when they ask the same of the same columns in the same types. The joined call marks refused rows, so that
//! each of them fails or marks its own caller alone, in that caller's counting. Neighbours do not matter to a predictor that
//! says [`model::Predictor::is_joinable`], so a row has the bits that it has alone. Whether it pays is measured ([`Paying`]).

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use model::{Batch, Builder, Call, Cancel, Mark, OnFault, PredictError, Spans, Value};

mod paying;

pub use paying::Paying;

type Named = (Arc<str>, Value);

/// Returns whether the call can be a part: rows of one domain, nothing marked, no value that belongs to it alone.
pub fn is_part(call: &Call) -> bool {
    let [domain] = call.batch.domains() else { return false };
    let in_rows = |(_, value): &Named| matches!(value, Value::Column { domain: 0, .. });
    domain.rows > 0
        && domain.marks.is_none()
        && !call.batch.values().is_empty()
        && call.batch.values().iter().all(in_rows)
}

/// Returns a number that is the same for calls that are [`alike`].
pub fn likeness(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&call.signature, &call.outputs, call.on_fault, call.seed).hash(&mut hasher);
    for (name, value) in call.batch.values() {
        name.hash(&mut hasher);
        if let Value::Column { column, .. } = value {
            column.ty().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns whether two calls that can be parts may be parts of one.
pub fn alike(a: &Call, b: &Call) -> bool {
    let same = |(ours, theirs): (&Named, &Named)| match (ours, theirs) {
        ((a, Value::Column { column, .. }), (b, Value::Column { column: other, .. })) => {
            a == b && column.ty() == other.ty()
        }
        _ => false,
    };
    (&a.signature, &a.outputs, a.on_fault, a.seed) == (&b.signature, &b.outputs, b.on_fault, b.seed)
        && a.batch.values().len() == b.batch.values().len()
        && a.batch.values().iter().zip(b.batch.values()).all(same)
}

/// Returns the call that asks for all rows of calls that are alike. It may take as long as the most patient of them waits,
/// and is cancelled when all of them are.
pub fn joined(calls: &[&Call]) -> Call {
    let Some(first) = calls.first() else { return Call::default() };
    let batches: Vec<Batch> = calls.iter().map(|call| call.batch.clone()).collect();
    let latest =
        calls.iter().map(|call| call.deadline).try_fold(None, |latest, deadline| Some(latest.max(Some(deadline?))));
    Call {
        batch: Batch::concat(&batches),
        signature: first.signature.clone(),
        outputs: first.outputs.clone(),
        on_fault: OnFault::MarkRow,
        deadline: latest.flatten(),
        cancel: Cancel::of_all(calls.iter().map(|call| call.cancel.clone()).collect()),
        seed: first.seed,
        spans: calls.iter().any(|call| call.spans.is_some()).then(Arc::<Spans>::default),
        ..Call::default()
    }
}

/// Returns each call's share of the answer to [`joined`], or nothing where the answer is not one entry a row.
pub fn parted(answer: &Batch, calls: &[&Call]) -> Option<Vec<Result<Batch, PredictError>>> {
    let rows: usize = calls.iter().map(|call| call.batch.rows()).sum();
    if answer.domains().len() != 1 || answer.rows() != rows {
        return None;
    }
    let mut start = 0;
    let part = |call: &&Call| {
        let mut part = answer.slice(start, call.batch.rows());
        if let Some(marks) = part.domains()[0].marks.clone() {
            part.set_marks(marks.iter().map(|mark| rebased(mark, start)).collect());
        }
        start += call.batch.rows();
        settled(part, call.on_fault)
    };
    Some(calls.iter().map(part).collect())
}

/// Returns the mark in the counting of a call whose rows begin at `start`.
fn rebased(mark: &Mark, start: usize) -> Mark {
    match mark {
        Mark::Refused(fault) => {
            let mut fault = (**fault).clone();
            fault.row = fault.row.saturating_sub(start);
            Mark::Refused(Arc::new(fault))
        }
        other => other.clone(),
    }
}

/// Does with marked rows what the caller asked.
fn settled(mut part: Batch, on_fault: OnFault) -> Result<Batch, PredictError> {
    let Some(marks) = part.domains()[0].marks.clone() else { return Ok(part) };
    let none = marks.iter().all(|mark| *mark == Mark::Live);
    if on_fault == OnFault::MarkRow && !none {
        return Ok(part);
    }
    let refused = || marks.iter().filter_map(|mark| if let Mark::Refused(fault) = mark { Some(fault) } else { None });
    if let Some(fault) = refused().next() {
        return Err(PredictError::Refused { fault: Box::new((**fault).clone()), refused: refused().count() });
    }
    // Alone such a call has no marks: all rows are live, or those that the model drops are left out.
    let kept: Vec<usize> = (0..marks.len()).filter(|&row| marks[row] == Mark::Live).collect();
    let mut out = Batch::new(kept.len());
    for (name, value) in part.values() {
        match value {
            Value::Whole(whole) => out.push_whole(name.clone(), whole.clone()),
            Value::Column { column, .. } if none => out.push(name.clone(), column.clone()),
            Value::Column { column, .. } => {
                let mut builder = Builder::new(&column.ty());
                kept.iter().for_each(|&row| builder.append_row(column, row));
                out.push(name.clone(), builder.finish());
            }
        }
    }
    part = out;
    Ok(part)
}

#[cfg(test)]
mod tests;
