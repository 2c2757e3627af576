//! The vocabulary of plans: families of ops, each an enum of its own.
//!
//! A new op needs mathematics that no op with other parameters has; scalar functions are no ops but entries of the one
//! table in [`crate::expr`]. Each op states what it takes and gives (`infer`), what its parameters must keep (`check`), and
//! in its documentation the rule for null, NaN and sizes.

use std::sync::Arc;

use model::{DType, Type};

use crate::{
    error::PlanError,
    expr::{Expr, ExprOp},
    plan::{Place, ValueType},
};

pub mod association;
pub mod bayes;
pub mod cluster;
pub mod combine;
pub mod control;
pub mod decide;
pub mod distance;
pub mod encode;
pub mod feature;
pub mod forest;
pub mod formula;
pub mod linear;
pub mod recommend;
pub mod rows;
pub mod score;
pub mod series;
pub mod stream;
pub mod tensor;
pub mod text;
pub mod vector;

/// What a node does.
#[derive(Clone, Debug)]
pub enum Op {
    /// A scalar function of the inputs, row by row.
    Expr(ExprOp),
    Text(text::TextOp),
    Encode(encode::EncodeOp),
    Feature(feature::FeatureOp),
    Vector(vector::VectorOp),
    Linear(linear::LinearOp),
    Score(score::ScoreOp),
    Forest(forest::ForestOp),
    Decide(decide::DecideOp),
    Combine(combine::CombineOp),
    Association(association::AssociationOp),
    Bayes(bayes::BayesOp),
    Formula(formula::FormulaOp),
    Cluster(cluster::ClusterOp),
    Distance(distance::DistanceOp),
    Series(series::SeriesOp),
    Recommend(recommend::RecommendOp),
    Tensor(tensor::TensorNode),
    Rows(rows::RowsOp),
    Stream(stream::StreamOp),
    Control(control::ControlOp),
}

impl Op {
    /// Returns the op's name as plans print it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Expr(_) => "expr",
            Op::Text(op) => op.name(),
            Op::Encode(op) => op.name(),
            Op::Feature(op) => op.name(),
            Op::Vector(op) => op.name(),
            Op::Linear(op) => op.name(),
            Op::Score(op) => op.name(),
            Op::Forest(_) => "forest",
            Op::Decide(op) => op.name(),
            Op::Combine(op) => op.name(),
            Op::Association(op) => op.name(),
            Op::Bayes(op) => op.name(),
            Op::Formula(op) => op.name(),
            Op::Cluster(op) => op.name(),
            Op::Distance(op) => op.name(),
            Op::Series(op) => op.name(),
            Op::Recommend(op) => op.name(),
            Op::Tensor(op) => op.name(),
            Op::Rows(op) => op.name(),
            Op::Stream(op) => op.name(),
            Op::Control(op) => op.name(),
        }
    }

    /// Returns the types of the outputs, or why the op does not take such inputs. `step` is for the message.
    pub fn infer(&self, step: &Arc<str>, inputs: &[ValueType]) -> Result<Vec<ValueType>, PlanError> {
        let seen: Vec<ValueType>;
        let inputs = if inputs.iter().any(|i| i.ty.as_scalar().is_some_and(DType::is_decimal)) {
            seen = inputs.iter().map(|i| self.sees(i)).collect();
            &seen
        } else {
            inputs
        };
        let outs = match self {
            Op::Expr(op) => return op.infer(step, inputs),
            Op::Text(op) => op.infer(inputs),
            Op::Encode(op) => op.infer(inputs),
            Op::Feature(op) => op.infer(inputs),
            Op::Vector(op) => op.infer(inputs),
            Op::Linear(op) => op.infer(inputs),
            Op::Score(op) => op.infer(inputs),
            Op::Forest(op) => op.infer(inputs),
            Op::Decide(op) => op.infer(inputs),
            Op::Combine(op) => op.infer(inputs),
            Op::Association(op) => op.infer(inputs),
            Op::Bayes(op) => op.infer(inputs),
            Op::Formula(op) => op.infer(inputs),
            Op::Cluster(op) => op.infer(inputs),
            Op::Distance(op) => op.infer(inputs),
            Op::Series(op) => op.infer(inputs),
            Op::Recommend(op) => op.infer(inputs),
            Op::Tensor(op) => op.infer(inputs),
            Op::Rows(op) => op.infer(inputs),
            Op::Stream(op) => op.infer(inputs),
            Op::Control(op) => op.infer(inputs)?,
        };
        outs.map_err(|expected| PlanError::Types {
            step: step.clone(),
            op: self.name(),
            expected: expected.to_owned(),
            got: list(inputs),
        })
    }

    /// Returns the type that a column of decimals is turned into before the op sees it, where the op does not compute on
    /// decimals: a float64, or the text that labels are made of.
    pub fn decimals_as(&self) -> Option<Type> {
        match self {
            Op::Encode(encode::EncodeOp::Index { .. }) => Some(Type::Text),
            Op::Encode(_) | Op::Vector(_) | Op::Linear(_) | Op::Forest(_) => Some(Type::F64),
            _ => None,
        }
    }

    /// Returns the input's type as the op sees it.
    pub fn sees(&self, input: &ValueType) -> ValueType {
        match (input.ty.as_scalar(), self.decimals_as()) {
            (Some(DType::Decimal(..)), Some(ty)) => ValueType { ty, place: input.place },
            _ => input.clone(),
        }
    }

    /// Returns what contradicts itself in the parameters.
    pub fn check(&self) -> Result<(), PlanError> {
        match self {
            Op::Expr(op) => op.check(),
            Op::Text(op) => op.check(),
            Op::Encode(op) => op.check(),
            Op::Feature(op) => op.check(),
            Op::Vector(op) => op.check(),
            Op::Linear(op) => op.check(),
            Op::Score(op) => op.check(),
            Op::Forest(op) => op.check(),
            Op::Decide(op) => op.check(),
            Op::Combine(op) => op.check(),
            Op::Association(op) => op.check(),
            Op::Bayes(op) => op.check(),
            Op::Formula(op) => op.check(),
            Op::Cluster(op) => op.check(),
            Op::Distance(op) => op.check(),
            Op::Series(op) => op.check(),
            Op::Recommend(op) => op.check(),
            Op::Tensor(op) => op.check(),
            Op::Rows(_) => Ok(()),
            Op::Stream(op) => op.check(),
            Op::Control(op) => op.check(),
        }
    }

    /// Returns whether it is run for what it does to the rows, whoever reads its outputs: rows that a step drops are no rows
    /// of the answer, though the step's own column be none of it (Spark's `transform` filters whatever is selected after).
    pub fn is_gate(&self) -> bool {
        match self {
            Op::Rows(rows::RowsOp::Keep) => true,
            Op::Encode(op) => op.drops_rows(),
            Op::Vector(op) => op.drops_rows(),
            _ => false,
        }
    }

    /// Returns whether each output row depends on its own input row (and on whole values) alone.
    pub fn is_separable(&self) -> bool {
        match self {
            Op::Stream(_) => false,
            Op::Control(op) => op.plans().all(|p| p.not_separable().is_none()),
            Op::Expr(_) | Op::Text(_) | Op::Encode(_) | Op::Vector(_) | Op::Linear(_) | Op::Forest(_) => true,
            Op::Decide(_) | Op::Combine(_) | Op::Formula(_) => true,
            Op::Series(op) => op.is_separable(),
            Op::Feature(_) | Op::Score(_) | Op::Cluster(_) | Op::Recommend(_) | Op::Tensor(_) | Op::Rows(_) => true,
            Op::Association(_) | Op::Bayes(_) | Op::Distance(_) => true,
        }
    }
}

/// What an `infer` of a family returns: the types, or in words what the op takes.
pub(crate) type Inferred = Result<Vec<ValueType>, &'static str>;

/// Returns the one row domain of the inputs, where they are all columns of it.
pub(crate) fn same_rows(inputs: &[ValueType]) -> Option<Place> {
    let first = inputs.first()?.place;
    (matches!(first, Place::Rows(_)) && inputs.iter().all(|i| i.place == first)).then_some(first)
}

fn list(inputs: &[ValueType]) -> String {
    inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

macro_rules! from_family {
    ($($family:ident: $ty:ty),*) => {$(
        impl From<$ty> for Op {
            fn from(op: $ty) -> Op {
                Op::$family(op)
            }
        }
    )*};
}
from_family!(
    Expr: ExprOp, Text: text::TextOp, Encode: encode::EncodeOp, Feature: feature::FeatureOp, Vector: vector::VectorOp,
    Linear: linear::LinearOp, Score: score::ScoreOp, Forest: forest::ForestOp, Decide: decide::DecideOp,
    Combine: combine::CombineOp, Cluster: cluster::ClusterOp,
    Association: association::AssociationOp, Bayes: bayes::BayesOp, Distance: distance::DistanceOp,
    Series: series::SeriesOp, Recommend: recommend::RecommendOp, Tensor: tensor::TensorNode, Rows: rows::RowsOp,
    Stream: stream::StreamOp, Control: control::ControlOp, Formula: formula::FormulaOp
);

impl From<Expr> for Op {
    fn from(expr: Expr) -> Op {
        Op::Expr(ExprOp::Typed(expr))
    }
}
