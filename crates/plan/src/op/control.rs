//! Structured control flow: ops that own sub-plans.
//!
//! A sub-plan sees what the node gives it and nothing else: its inputs are the node's, in order. There are no jumps, so a
//! plan always ends: loops have a step budget, and nesting is bounded by [`DEPTH_MAX`].

use std::sync::Arc;

use model::Type;

use super::Inferred;
use crate::{
    error::PlanError,
    plan::{Place, Plan, ValueType},
};

/// Deepest nesting of sub-plans.
pub const DEPTH_MAX: usize = 64;

/// One way of a [`ControlOp::Branch`].
#[derive(Clone, Debug)]
pub struct Arm {
    /// Gives one boolean column; null is not true.
    pub test: Arc<Plan>,
    pub body: Arc<Plan>,
}

/// Ops that own sub-plans. Inputs and outputs of a sub-plan are matched by their order.
#[derive(Clone, Debug)]
pub enum ControlOp {
    /// Each row runs the body of the first arm whose test is true for it, else `otherwise`, else its outputs are null. Tests
    /// and bodies run under a mask of the rows they concern: nothing else of theirs is computed or refused.
    Branch { arms: Vec<Arm>, otherwise: Option<Arc<Plan>> },
    /// One of two plans, by the first input: a whole boolean. The plans' inputs are the others.
    If { then: Arc<Plan>, otherwise: Arc<Plan> },
    /// Runs the body while its condition holds, at most `inputs[0]` times (int64) and never more than `steps_max`, which is
    /// refused. Inputs: trips, condition (bool), the carried values, then captured ones. The body's inputs: the step (int64),
    /// the condition, the carried and the captured values; its outputs: the condition, the carried values, then values that
    /// are stacked along a new first dimension. Outputs: the carried values, then the stacked ones.
    Loop { body: Arc<Plan>, carried: usize, steps_max: u64 },
    /// Runs the body once for each element of the first dimension of the scanned inputs (all of one length, at most
    /// `steps_max`). Inputs: the carried values, then the scanned ones. The body's outputs: the carried values, then values that
    /// are stacked. Outputs: the carried values, then the stacked ones.
    Scan { body: Arc<Plan>, carried: usize, steps_max: u64 },
    /// The plan, as if it stood here.
    Call { body: Arc<Plan> },
}

impl ControlOp {
    pub fn name(&self) -> &'static str {
        match self {
            ControlOp::Branch { .. } => "branch",
            ControlOp::If { .. } => "if",
            ControlOp::Loop { .. } => "loop",
            ControlOp::Scan { .. } => "scan",
            ControlOp::Call { .. } => "call",
        }
    }

    /// Returns the sub-plans.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let plans: Vec<&Plan> = match self {
            ControlOp::Branch { arms, otherwise } => {
                let arms = arms.iter().flat_map(|arm| [&*arm.test, &*arm.body]);
                arms.chain(otherwise.as_deref()).collect()
            }
            ControlOp::If { then, otherwise } => vec![then, otherwise],
            ControlOp::Loop { body, .. } | ControlOp::Scan { body, .. } | ControlOp::Call { body } => vec![body],
        };
        plans.into_iter()
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Result<Inferred, PlanError> {
        match self {
            ControlOp::Branch { arms, otherwise } => {
                let mut given: Option<Vec<ValueType>> = None;
                for arm in arms {
                    if outputs(&arm.test, inputs)?.as_slice() != [ValueType::rows(Type::BOOL)] {
                        return Ok(Err("tests that give one boolean column"));
                    }
                }
                for body in arms.iter().map(|a| &a.body).chain(otherwise) {
                    let outs = outputs(body, inputs)?;
                    if given.as_ref().is_some_and(|g| *g != outs) {
                        return Ok(Err("bodies that give the same columns"));
                    }
                    given = Some(outs);
                }
                let rows = |outs: &Vec<ValueType>| outs.iter().all(|o| matches!(o.place, Place::Rows(_)));
                Ok(given.filter(rows).ok_or("one arm at least, whose body gives columns"))
            }
            ControlOp::If { then, otherwise } => match inputs {
                [condition, rest @ ..] if *condition == ValueType::whole(Type::BOOL) => {
                    let (a, b) = (outputs(then, rest)?, outputs(otherwise, rest)?);
                    Ok(if a == b { Ok(a) } else { Err("two plans that give the same values") })
                }
                _ => Ok(Err("a whole boolean, then what its plans take")),
            },
            ControlOp::Loop { body, carried, .. } => {
                let head = [ValueType::whole(Type::I64), ValueType::whole(Type::BOOL)];
                if inputs.len() < 2 + carried || inputs[..2] != head {
                    return Ok(Err("a whole int64, a whole boolean, then the carried values"));
                }
                let outs = outputs(body, inputs)?;
                let condition_first = outs.first() == Some(&head[1]);
                if !condition_first || outs.get(1..1 + carried) != Some(&inputs[2..2 + carried]) {
                    return Ok(Err("a body that gives the condition, then the carried values with their types"));
                }
                Ok(all_whole(outs[1..].to_vec()))
            }
            ControlOp::Scan { body, carried, .. } => {
                let outs = outputs(body, inputs)?;
                if inputs.len() <= *carried || outs.get(..*carried) != Some(&inputs[..*carried]) {
                    return Ok(Err("carried values that the body gives back, then scanned ones"));
                }
                Ok(all_whole(outs))
            }
            ControlOp::Call { body } => outputs(body, inputs).map(Ok),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        fn depth(op: &ControlOp, left: usize) -> bool {
            left > 0
                && op.plans().all(|plan| {
                    plan.nodes.iter().all(|node| match &node.op {
                        super::Op::Control(inner) => depth(inner, left - 1),
                        _ => true,
                    })
                })
        }
        if self.plans().any(|plan| plan.grouped.is_some()) {
            return Err(PlanError::parameters("control", "a sub-plan ends in groups"));
        }
        if !depth(self, DEPTH_MAX) {
            return Err(PlanError::parameters("control", format!("sub-plans are nested deeper than {DEPTH_MAX}")));
        }
        Ok(())
    }
}

fn all_whole(outs: Vec<ValueType>) -> Inferred {
    if outs.iter().all(|o| o.place == Place::Whole) { Ok(outs) } else { Err("whole values") }
}

fn outputs(plan: &Plan, inputs: &[ValueType]) -> Result<Vec<ValueType>, PlanError> {
    if plan.inputs.len() != inputs.len() {
        return Err(PlanError::Shape(format!(
            "a sub-plan takes {} values, its node gives {}",
            plan.inputs.len(),
            inputs.len()
        )));
    }
    let types = plan.infer(&inputs.iter().cloned().map(Some).collect::<Vec<_>>())?;
    let of = |o: &crate::plan::Output| types[o.slot.index()].clone();
    plan.outputs
        .iter()
        .map(of)
        .collect::<Option<_>>()
        .ok_or_else(|| PlanError::Shape("an output of a sub-plan has no type".to_owned()))
}
