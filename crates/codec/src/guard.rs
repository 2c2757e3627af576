//! Around what leans on a foreign decoder.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::CodecError;

/// Runs what leans on a foreign decoder; a panic in it becomes an error.
pub(crate) fn guarded<T>(format: &'static str, run: impl FnOnce() -> Result<T, CodecError>) -> Result<T, CodecError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        let what = format!("the decoder gave up: {}", text.unwrap_or("without a reason"));
        Err(CodecError::Damaged { format, what })
    })
}
