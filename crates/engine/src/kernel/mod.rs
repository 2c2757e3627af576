//! What is computed: one file a family of ops.
//!
//! A kernel is an op with everything worked out beforehand that does not depend on the rows: hash tables of labels,
//! compiled patterns, trees laid out for the walk. It reads its inputs and writes its outputs in the frame, row by row; rows
//! that are not live it passes over (a store gets a null row there, so that rows keep their places). What it does to a row
//! depends on that row alone.

use std::sync::Arc;

use model::Whole;
use plan::{Op, ValueType};

use crate::{
    error::CompileError,
    frame::{Env, Home},
};

pub mod association;
pub mod bayes;
pub mod cluster;
pub mod combine;
pub mod control;
pub mod decide;
pub mod direct;
pub mod distance;
pub mod encode;
pub mod exp;
pub mod expr;
pub mod feature;
pub mod forest;
pub mod formula;
pub mod hash;
pub mod linear;
pub mod recommend;
pub mod rows;
pub mod score;
pub mod series;
pub mod stream;
pub mod tensor;
pub mod text;
pub mod vector;
mod words;

#[cfg(test)]
pub(crate) mod tests;

/// An op, ready to run. Control flow stands apart: its sub-plans are compiled with the program ([`control`]).
pub enum Kernel {
    Expr(expr::ExprKernel),
    Text(text::TextKernel),
    Encode(encode::EncodeKernel),
    Feature(feature::FeatureKernel),
    Vector(vector::VectorKernel),
    Linear(linear::LinearKernel),
    Score(score::ScoreKernel),
    Forest(forest::ForestKernel),
    Decide(decide::DecideKernel),
    Combine(combine::CombineKernel),
    Association(association::AssociationKernel),
    Bayes(bayes::BayesKernel),
    Formula(formula::FormulaKernel),
    Cluster(cluster::ClusterKernel),
    Distance(distance::DistanceKernel),
    Series(series::SeriesKernel),
    Recommend(recommend::RecommendKernel),
    Tensor(tensor::TensorKernel),
    Rows(rows::RowsKernel),
    Stream(stream::StreamKernel),
    Control(control::ControlKernel),
    /// Made by the compiler as well, of several ops.
    Direct(direct::Direct),
}

/// What a kernel is made for.
pub(crate) struct Site<'a> {
    pub step: &'a Arc<str>,
    pub inputs: &'a [ValueType],
    /// Of each output, whether anybody reads it.
    pub wanted: &'a [bool],
    /// Of each input, its value where it never changes.
    pub constants: &'a [Option<&'a Whole>],
}

impl Kernel {
    /// Returns the kernel of an op that owns no sub-plan.
    pub(crate) fn new(op: &Op, site: &Site<'_>) -> Result<Kernel, CompileError> {
        Ok(match op {
            Op::Expr(op) => Kernel::Expr(expr::ExprKernel::new(op, site)?),
            Op::Text(op) => Kernel::Text(text::TextKernel::new(op, site)?),
            Op::Encode(op) => Kernel::Encode(encode::EncodeKernel::new(op, site)?),
            Op::Feature(op) => Kernel::Feature(feature::FeatureKernel::new(op, site)?),
            Op::Vector(op) => Kernel::Vector(vector::VectorKernel::new(op, site)?),
            Op::Linear(op) => Kernel::Linear(linear::LinearKernel::new(op, site)?),
            Op::Score(op) => Kernel::Score(score::ScoreKernel::new(op, site)),
            Op::Forest(op) => Kernel::Forest(forest::ForestKernel::new(op, site)?),
            Op::Decide(op) => Kernel::Decide(decide::DecideKernel::new(op)),
            Op::Combine(op) => Kernel::Combine(combine::CombineKernel::new(op)),
            Op::Association(op) => Kernel::Association(association::AssociationKernel::new(op, site)?),
            Op::Bayes(op) => Kernel::Bayes(bayes::BayesKernel::new(op)),
            Op::Formula(op) => Kernel::Formula(formula::FormulaKernel::new(op)),
            Op::Cluster(op) => Kernel::Cluster(cluster::ClusterKernel::new(op)),
            Op::Distance(op) => Kernel::Distance(distance::DistanceKernel::new(op)),
            Op::Series(op) => Kernel::Series(series::SeriesKernel::new(op)),
            Op::Recommend(op) => Kernel::Recommend(recommend::RecommendKernel::new(op)),
            Op::Tensor(op) => Kernel::Tensor(tensor::TensorKernel::new(op, site)?),
            Op::Rows(op) => Kernel::Rows(rows::RowsKernel::new(op)),
            Op::Stream(op) => Kernel::Stream(stream::StreamKernel::new(op)),
            Op::Control(_) => unreachable!("the compiler makes control kernels itself"),
        })
    }

    /// Runs the kernel on the rows of the frame.
    pub(crate) fn run(
        &self,
        env: &Env<'_>,
        inputs: &[Home],
        outputs: &[Option<Home>],
    ) -> Result<(), model::PredictError> {
        match self {
            Kernel::Expr(k) => k.run(env, inputs, outputs),
            Kernel::Text(k) => k.run(env, inputs, outputs),
            Kernel::Encode(k) => k.run(env, inputs, outputs),
            Kernel::Feature(k) => k.run(env, inputs, outputs),
            Kernel::Vector(k) => k.run(env, inputs, outputs),
            Kernel::Linear(k) => k.run(env, inputs, outputs),
            Kernel::Score(k) => k.run(env, inputs, outputs),
            Kernel::Forest(k) => k.run(env, inputs, outputs),
            Kernel::Decide(k) => k.run(env, inputs, outputs),
            Kernel::Combine(k) => k.run(env, inputs, outputs),
            Kernel::Formula(k) => return k.run(env, inputs, outputs),
            Kernel::Rows(k) => k.run(env, inputs),
            Kernel::Association(k) => k.run(env, inputs, outputs),
            Kernel::Bayes(k) => k.run(env, inputs, outputs),
            Kernel::Distance(k) => k.run(env, inputs, outputs),
            Kernel::Series(k) => k.run(env, inputs, outputs),
            Kernel::Stream(k) => k.run(env, inputs, outputs),
            Kernel::Cluster(k) => return k.run(env, inputs, outputs),
            Kernel::Recommend(k) => k.run(env, inputs, outputs),
            Kernel::Tensor(k) => return k.run(env, inputs, outputs),
            Kernel::Control(k) => return k.run(env, inputs, outputs),
            Kernel::Direct(k) => return k.run(env, inputs, outputs),
        }
        Ok(())
    }
}
