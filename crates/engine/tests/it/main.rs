//! The engine from outside: plans written by hand, run in every way there is.

mod allocation;
mod branch;
mod column_transformer;
mod direct;
mod gates;
mod groups;
mod layers;
mod loops;
mod predictors;
mod taken;
mod ways;
