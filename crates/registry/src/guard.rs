//! Code of others, kept from taking a thread with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what others wrote; a panic is an error like any other.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        format!("internal error, this is a bug: the load panicked: {}", text.unwrap_or("no message"))
    })
}
