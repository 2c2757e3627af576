//! Decisions by tests of the inputs: single trees with every way of treating what is missing, sets of rules, scorecards.
//!
//! Inputs are columns of numbers or booleans, null where missing; a category is a number too. Tests are true, false or
//! unknown ([`test`]). A row that arrives where the model has no answer is refused. Ensembles of plain trees are the
//! business of [`super::forest`], which is faster; here generality goes first. The rules are those of the Predictive
//! Model Markup Language 4.4 (TreeModel, RuleSetModel, Scorecard).

use std::{fmt, sync::Arc};

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

pub mod card;
pub mod rules;
pub mod test;
pub mod tree;

pub use card::{Attribute, Card, CardPart, Characteristic, Points};
pub use rules::{Criterion, Rule, RulePart, Rules};
pub use test::{Join, Order, Test, Tests};
pub use tree::{NoTrueChild, OnUnknown, Tree, TreeNode, TreePart};

/// No such node, class or reason.
pub const NONE: u32 = u32::MAX;

/// Ops that decide.
#[derive(Clone, Debug)]
pub enum DecideOp {
    /// Walks one tree; gives an output for each part.
    Tree { tree: Arc<Tree>, parts: Vec<TreePart> },
    /// Asks every rule; gives an output for each part.
    Rules { rules: Arc<Rules>, parts: Vec<RulePart> },
    /// Adds the points of a scorecard; gives an output for each part.
    Card { card: Arc<Card>, parts: Vec<CardPart> },
}

impl DecideOp {
    pub fn name(&self) -> &'static str {
        match self {
            DecideOp::Tree { .. } => "tree",
            DecideOp::Rules { .. } => "rules",
            DecideOp::Card { .. } => "card",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows, one at least") };
        let is_number = |i: &ValueType| i.ty.as_scalar().is_some_and(|d| d.is_number() || d == DType::Bool);
        if inputs.len() < self.inputs() as usize || !inputs.iter().all(is_number) {
            return Err("a column of numbers or booleans for each input that a test names");
        }
        let vector = |width: u32| Type::Vector { size: Some(width) };
        let types: Vec<Type> = match self {
            DecideOp::Tree { tree, parts } => parts
                .iter()
                .map(|part| match part {
                    TreePart::Node | TreePart::Score => Type::F64,
                    TreePart::Probabilities | TreePart::Confidences => vector(tree.width),
                })
                .collect(),
            DecideOp::Rules { rules, parts } => parts
                .iter()
                .map(|part| match part {
                    RulePart::Rule | RulePart::Score => Type::F64,
                    RulePart::Confidences => vector(rules.width),
                })
                .collect(),
            DecideOp::Card { parts, .. } => parts.iter().map(|_| Type::F64).collect(),
        };
        Ok(types.into_iter().map(|ty| ValueType { ty, place }).collect())
    }

    /// Returns how many inputs there are at least.
    fn inputs(&self) -> u32 {
        match self {
            DecideOp::Tree { tree, .. } => tree.tests.inputs(),
            DecideOp::Rules { rules, .. } => rules.tests.inputs(),
            DecideOp::Card { card, .. } => card.inputs(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            DecideOp::Tree { tree, .. } => tree.check(),
            DecideOp::Rules { rules, .. } => rules.check(),
            DecideOp::Card { card, .. } => card.check(),
        }
    }
}

impl fmt::Display for DecideOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecideOp::Tree { tree, .. } => write!(f, "{} nodes, unknown: {:?}", tree.nodes.len(), tree.on_unknown),
            DecideOp::Rules { rules, .. } => write!(f, "{} rules, {:?}", rules.rules.len(), rules.criterion),
            DecideOp::Card { card, .. } => write!(f, "{} characteristics", card.characteristics.len()),
        }
    }
}
