//! One prediction of several: what a committee of models says together.
//!
//! Members are columns of predictions of one kind, null where a member has none; a member may take part in some rows only. The
//! rules are those of the segmentation of the Predictive Model Markup Language 4.4 (`multipleModelMethod`,
//! `missingPredictionTreatment`), and where it leaves a choice (ties, the order of sums) those of JPMML-Evaluator.

use std::{fmt, sync::Arc};

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// No such input.
pub const NONE: u32 = u32::MAX;

/// A member of the committee. Its prediction is the input of its own place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    pub weight: f64,
    /// The input that the weight is multiplied by, or [`NONE`].
    pub weight_by: u32,
    /// The boolean input that says in which rows it takes part (null does not), or [`NONE`].
    pub takes_part: u32,
}

/// What a member without a prediction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// The result is null.
    Null,
    /// The member is passed over; the result is null where the share of such members' weights is above the threshold.
    Skip,
    /// Numbers and probabilities: as `Null`. Votes: the member votes for nothing, which wins where it has more votes than any
    /// class; the threshold holds too.
    Continue,
}

/// How predictions become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Of numbers, and of probabilities class by class; of votes the number of them, in shares of all.
    Plain(Plain),
    /// The same with weights.
    Weighted(Plain),
}

/// What is made of several numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    Sum,
    Mean,
    /// Of an even number the middle between the two in the middle. Weighted: the first number, from the smallest on, up to which
    /// half of the weights lie. Unweighted of probabilities: the mean of the members whose probability of the winning class (the
    /// one with the largest median) lies nearest to that median.
    Median,
    /// The mean of the members that have the largest probability of all for the class where that is; of probabilities alone.
    Max,
    /// Each member has one vote for its class; of classes alone.
    Vote,
}

/// What the members predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictions {
    /// Float64; the result is a float64.
    Numbers,
    /// The number of a class below this, another number is no class and counts as no prediction. Results: the class (of equal
    /// ones the one first voted for), and a vector of shares.
    Classes(u32),
    /// Vectors of this size. Results: the class with the largest result (the first of equal ones), and a vector.
    Probabilities(u32),
}

/// Ops that combine.
#[derive(Clone, Debug)]
pub enum CombineOp {
    Committee(Committee),
    Tally(Tally),
}

/// The classes that members chose to one class and shares: a [`Committee`] of classes in one vector, an element for each member; a
/// number of no class is no prediction. Null where the vector is null or of another size.
#[derive(Clone, Debug)]
pub struct Tally {
    pub classes: u32,
    /// Of each member.
    pub weights: Arc<[f64]>,
    /// Whether votes count by their weights.
    pub weighted: bool,
    pub lacking: Lacking,
    /// 0 to 1.
    pub threshold: f64,
    /// Whether sums and quotients are rounded to 32 bits.
    pub single: bool,
}

/// Combines the predictions of members. Inputs: a prediction for each member, then what members name. Where no member takes part
/// the result is null; where none of those that do is left to count or divide by, the row is refused.
#[derive(Clone, Debug)]
pub struct Committee {
    pub predictions: Predictions,
    pub method: Method,
    pub members: Arc<[Member]>,
    pub lacking: Lacking,
    /// 0 to 1.
    pub threshold: f64,
    /// Whether products, sums and quotients are rounded to 32 bits.
    pub single: bool,
}

impl CombineOp {
    pub fn name(&self) -> &'static str {
        match self {
            CombineOp::Committee(_) => "combine",
            CombineOp::Tally(_) => "tally",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        match self {
            CombineOp::Committee(op) => op.infer(inputs),
            CombineOp::Tally(op) => op.infer(inputs),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            CombineOp::Committee(op) => op.check(),
            CombineOp::Tally(op) => {
                let is_weight = |weight: &f64| *weight >= 0.0;
                let fits = op.classes > 0 && (0.0..=1.0).contains(&op.threshold) && op.weights.iter().all(is_weight);
                let what = "no classes, a weight below 0, or a threshold that is not within 0 to 1";
                if fits { Ok(()) } else { Err(PlanError::parameters("tally", what)) }
            }
        }
    }
}

impl Tally {
    fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let size = self.weights.len() as u32;
        match (inputs, same_rows(inputs)) {
            ([ValueType { ty: Type::Vector { size: n }, .. }], Some(place)) if n.is_none_or(|n| n == size) => {
                let types = [Type::F64, Type::Vector { size: Some(self.classes) }];
                Ok(types.into_iter().map(|ty| ValueType { ty, place }).collect())
            }
            _ => Err("a column of vectors of the members' classes"),
        }
    }
}

impl Committee {
    fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows, one at least") };
        let members = self.members.len();
        let is_number = |i: &ValueType| i.ty.as_scalar().is_some_and(|d| d.is_number() || d == DType::Bool);
        let predictions = |i: &ValueType| match self.predictions {
            Predictions::Numbers | Predictions::Classes(_) => i.ty == Type::F64,
            Predictions::Probabilities(size) => matches!(i.ty, Type::Vector { size: n } if n.is_none_or(|n| n == size)),
        };
        let named = self.members.iter().flat_map(|m| [m.weight_by, m.takes_part]).filter(|&input| input != NONE);
        if inputs.len() < members || named.max().is_some_and(|input| input as usize >= inputs.len()) {
            return Err("a column for each member, and those that members name");
        }
        let (of_members, rest) = inputs.split_at(members);
        if !of_members.iter().all(predictions) || !rest.iter().all(is_number) {
            return Err("predictions of one kind, and numbers or booleans");
        }
        let types = match self.predictions {
            Predictions::Numbers => vec![Type::F64],
            Predictions::Classes(size) | Predictions::Probabilities(size) => {
                vec![Type::F64, Type::Vector { size: Some(size) }]
            }
        };
        Ok(types.into_iter().map(|ty| ValueType { ty, place }).collect())
    }

    fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("combine", what));
        if self.members.is_empty() {
            return fail("no members");
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            return fail("a threshold that is not within 0 to 1");
        }
        if self.members.iter().any(|m| m.weight.is_nan() || m.weight < 0.0) {
            return fail("a weight below 0");
        }
        let here = self.members.len() as u32..;
        if !self.members.iter().all(|m| [m.weight_by, m.takes_part].iter().all(|&i| i == NONE || here.contains(&i))) {
            return fail("a member names a prediction as its weight or as what it takes part in");
        }
        let (Method::Plain(plain) | Method::Weighted(plain)) = self.method;
        let fits = match self.predictions {
            Predictions::Numbers => matches!(plain, Plain::Sum | Plain::Mean | Plain::Median),
            Predictions::Classes(_) => plain == Plain::Vote,
            Predictions::Probabilities(_) => {
                matches!(plain, Plain::Mean | Plain::Median) || self.method == Method::Plain(Plain::Max)
            }
        };
        if fits { Ok(()) } else { fail("a method that is not for such predictions") }
    }
}

impl fmt::Display for Committee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} members, {:?}, lacking: {:?}", self.members.len(), self.method, self.lacking)
    }
}

impl fmt::Display for CombineOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CombineOp::Committee(op) => write!(f, "{op}"),
            CombineOp::Tally(op) => write!(f, "{} classes", op.classes),
        }
    }
}

impl From<Committee> for super::Op {
    fn from(op: Committee) -> super::Op {
        super::Op::Combine(CombineOp::Committee(op))
    }
}

impl From<Tally> for super::Op {
    fn from(op: Tally) -> super::Op {
        super::Op::Combine(CombineOp::Tally(op))
    }
}
