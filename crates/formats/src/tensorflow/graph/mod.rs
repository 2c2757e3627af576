//! A graph as lowering takes it.

pub mod attrs;
pub mod flat;
pub mod flow;
pub mod ops;
