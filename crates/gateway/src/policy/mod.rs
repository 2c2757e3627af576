//! Policies: predictors that hold another and decide whether, when and for how long it is asked.
//!
//! One folder each; they know nothing of one another and are put together in `run.rs` alone. What each must keep: the
//! signatures and the cost of what it holds, an answer that is there at once stays so, and dropping a pending answer drops
//! the one inside.

pub mod concurrency;
pub mod deadline;

#[cfg(test)]
pub(crate) mod mock;
