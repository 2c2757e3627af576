//! Structure: If, Case, While, and what a graph checks.
//!
//! A While is the plan's loop: its condition is computed before it and at the end of each step. A Case is Ifs within Ifs.

use std::sync::Arc;

use model::{DType, Tensor, Type};
use plan::{
    ControlOp, Plan, SlotId, TensorNode,
    tensor::{Binary, CheckOp, ElementOp, Fold, LayoutOp, ReduceOp},
};

use super::{
    super::graph::{Graph, Kind, Node},
    Given, Lower, fault, value,
};
use crate::ReadError;

impl<'p, 'g> Lower<'p, 'g> {
    pub(super) fn structure(
        &mut self,
        node: &Node<'_>,
        kind: &Kind<'_>,
        inputs: &[SlotId],
    ) -> Result<Given, ReadError> {
        match (kind, inputs) {
            (Kind::If { then, otherwise }, [condition, args @ ..]) => {
                let condition = self.truth(node, *condition)?;
                let checks = then.checks() || otherwise.checks();
                let plans = [then, otherwise].map(|graph| self.arm(graph, args, checks));
                let [then, otherwise] = plans;
                self.choice(node, condition, then?, otherwise?, args, checks)
            }
            (Kind::Case { branches }, [by, args @ ..]) => self.case(node, *by, branches, 0, args),
            (Kind::While { condition, body, carried }, _) => self.repeat(node, condition, body, *carried, inputs),
            _ => Err(fault(self.file, node, "has no input to choose by")),
        }
    }

    fn choice(
        &mut self,
        node: &Node<'_>,
        condition: SlotId,
        then: Plan,
        otherwise: Plan,
        args: &[SlotId],
        checks: bool,
    ) -> Result<Given, ReadError> {
        let op = ControlOp::If { then: Arc::new(then), otherwise: Arc::new(otherwise) };
        let mut outputs = self.add_op(node, op, &[&[condition], args].concat())?;
        let ok = if checks { outputs.pop() } else { None };
        Ok(Given { outputs, ok })
    }

    /// Returns the plan of a graph of its own; what it checks is its last output, where that is asked for.
    fn arm(&self, graph: &Graph<'_>, args: &[SlotId], checks: bool) -> Result<Plan, ReadError> {
        let mut inner = self.inner();
        let inputs = inner.inputs_like(self, args);
        let mut given = inner.graph(graph, &inputs)?;
        if checks {
            let ok = given.ok.unwrap_or_else(|| inner.constant(Tensor::scalar(true)));
            given.outputs.push(ok);
        }
        inner.close(&given.outputs)
    }

    /// Returns the plan of a loop's body over these values, which goes on as long as there are steps: `work` gets the number of
    /// the step and the values, and gives those that are carried on.
    pub(super) fn body(
        &self,
        values: &[SlotId],
        work: impl FnOnce(&mut Lower<'_, '_>, SlotId, &[SlotId]) -> Result<Vec<SlotId>, ReadError>,
    ) -> Result<Plan, ReadError> {
        let mut inner = self.inner();
        let step = inner.input("step", Type::I64);
        let condition = inner.input("condition", Type::BOOL);
        let own = inner.inputs_like(self, values);
        let next = work(&mut inner, step, &own)?;
        inner.close(&[&[condition], &next[..]].concat())
    }

    fn inputs_like(&mut self, around: &Lower<'_, '_>, args: &[SlotId]) -> Vec<SlotId> {
        let named = args.iter().enumerate();
        let inputs = named.map(|(i, slot)| self.input(&format!("in{i}"), around.ty(*slot).clone()));
        inputs.collect()
    }

    /// Returns the plan with these outputs, which are called by their numbers.
    fn close(mut self, outputs: &[SlotId]) -> Result<Plan, ReadError> {
        for (i, slot) in outputs.iter().enumerate() {
            self.builder.output(&i.to_string(), *slot);
        }
        self.finish()
    }

    fn case(
        &mut self,
        node: &Node<'_>,
        by: SlotId,
        branches: &[Graph<'_>],
        place: usize,
        args: &[SlotId],
    ) -> Result<Given, ReadError> {
        let Some((first, rest)) = branches.split_first() else {
            return Err(fault(self.file, node, "has no branches"));
        };
        if rest.is_empty() {
            return self.graph(first, args);
        }
        let checks = branches.iter().any(Graph::checks);
        let number = self.dtype(by).and_then(|dtype| value::scalar(dtype, place as f64));
        let number = number.ok_or_else(|| fault(self.file, node, "chooses by no number"))?;
        let number = self.constant(number);
        let is_it = TensorNode::new(ElementOp::Binary(Binary::Equal).into());
        let condition = self.add_op(node, is_it, &[by, number])?[0];
        let args = [&[by], args].concat();
        let mut inner = self.inner();
        let inputs = inner.inputs_like(self, &args);
        let mut then = inner.graph(first, &inputs[1..])?;
        if checks {
            let ok = then.ok.unwrap_or_else(|| inner.constant(Tensor::scalar(true)));
            then.outputs.push(ok);
        }
        let then = inner.close(&then.outputs)?;
        let mut inner = self.inner();
        let inputs = inner.inputs_like(self, &args);
        let mut otherwise = inner.case(node, inputs[0], rest, place + 1, &inputs[1..])?;
        if checks {
            let ok = otherwise.ok.unwrap_or_else(|| inner.constant(Tensor::scalar(true)));
            otherwise.outputs.push(ok);
        }
        let otherwise = inner.close(&otherwise.outputs)?;
        self.choice(node, condition, then, otherwise, &args, checks)
    }

    fn repeat(
        &mut self,
        node: &Node<'_>,
        condition: &Graph<'_>,
        body: &Graph<'_>,
        carried: usize,
        inputs: &[SlotId],
    ) -> Result<Given, ReadError> {
        let checks = body.checks();
        let (variables, captured) = inputs.split_at(carried.min(inputs.len()));
        let first = self.condition(node, condition, inputs)?;
        let trips = self.constant(Tensor::scalar(i64::MAX));
        let mut variables = variables.to_vec();
        if checks {
            variables.push(self.constant(Tensor::scalar(true)));
        }
        let mut inner = self.inner();
        inner.input("step", Type::I64);
        inner.input("condition", Type::BOOL);
        let own = inner.inputs_like(self, &[&variables[..], captured].concat());
        let (before, around) = own.split_at(variables.len());
        let given = inner.graph(body, &[&before[..carried], around].concat())?;
        let mut outputs = given.outputs;
        let next = inner.condition(node, condition, &[&outputs[..], around].concat())?;
        if checks {
            let mut ok = before[carried];
            if let Some(now) = given.ok {
                let and = TensorNode::new(ElementOp::Binary(Binary::And).into());
                ok = inner.add_op(node, and, &[ok, now])?[0];
            }
            outputs.push(ok);
        }
        let plan = inner.close(&[&[next], &outputs[..]].concat())?;
        let op =
            ControlOp::Loop { body: Arc::new(plan), carried: variables.len(), steps_max: self.limits.loop_steps_max };
        let mut outputs = self.add_op(node, op, &[&[trips, first], &variables[..], captured].concat())?;
        let ok = if checks { outputs.pop() } else { None };
        Ok(Given { outputs, ok })
    }

    fn condition(&mut self, node: &Node<'_>, graph: &Graph<'_>, inputs: &[SlotId]) -> Result<SlotId, ReadError> {
        let given = self.graph(graph, inputs)?;
        let condition = given.outputs.first().copied();
        let condition = condition.ok_or_else(|| fault(self.file, node, "its condition gives nothing"))?;
        self.truth(node, condition)
    }

    /// Returns a value as a truth: a number is true where it is not 0.
    fn truth(&mut self, node: &Node<'_>, slot: SlotId) -> Result<SlotId, ReadError> {
        match self.dtype(slot) {
            Some(DType::Bool) => Ok(slot),
            Some(_) => {
                let cast = ElementOp::Cast { to: Type::BOOL, saturate: false };
                Ok(self.add_op(node, TensorNode::new(cast.into()), &[slot])?[0])
            }
            None => Err(fault(self.file, node, "chooses by a text")),
        }
    }

    /// Returns whether all of what an Assert is given is true.
    pub(super) fn assert(&mut self, node: &Node<'_>, inputs: &[SlotId]) -> Result<SlotId, ReadError> {
        let condition = inputs.first().copied().ok_or_else(|| fault(self.file, node, "has no input"))?;
        let condition = self.truth(node, condition)?;
        let all = ReduceOp::Reduce { fold: Fold::All, axes: None, keep: false, none_is_none: false };
        Ok(self.add_op(node, TensorNode::new(all.into()), &[condition])?[0])
    }

    /// Returns an output of a signature: given only where all checks hold, and never an input itself.
    pub(super) fn checked(&mut self, slot: SlotId, ok: Option<SlotId>, is_input: bool) -> Result<SlotId, ReadError> {
        let (op, inputs) = match ok {
            Some(ok) => (CheckOp::Require.into(), vec![slot, ok]),
            None if is_input => (LayoutOp::Identity.into(), vec![slot]),
            None => return Ok(slot),
        };
        let ty = self.types[slot.index()].clone();
        let slot = self.builder.node("output", TensorNode::new(op), &inputs, "output");
        Ok(self.typed(slot, ty))
    }
}
