//! Graphs within nodes: `If`, `Loop`, `Scan`. What a graph takes from around it becomes inputs of its plan.

use std::sync::Arc;

use model::Type;
use plan::{ControlOp, Plan, SlotId};

use super::{
    super::graph::{Graph, Node, ValueId},
    Lower, NOW, Row, row, scalar,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[row("If", 1, NOW, branch), row("Loop", 1, NOW, repeat), row("Scan", 9, NOW, scan)];

fn graph<'n>(node: &'n Node<'_>, name: &str) -> Result<&'n Graph<'n>, ReadError> {
    node.required(name, node.graph(name)?)
}

impl Lower<'_> {
    /// Returns the plan of a graph within a node. Its inputs are those of the graph, of these types, then the captured values.
    fn inner_plan(
        &self,
        node: &Node<'_>,
        graph: &Graph<'_>,
        types: &[Type],
        captures: &[ValueId],
    ) -> Result<Arc<Plan>, ReadError> {
        let mut inner = self.inner();
        if graph.inputs.len() != types.len() {
            let got = format!("{} for {}", graph.inputs.len(), types.len());
            return Err(node.fault("inputs of its graph", "one for each value that the node gives", got));
        }
        for (input, ty) in graph.inputs.iter().zip(types) {
            let slot = inner.input(input.name, ty.clone());
            inner.bind(input.value, slot);
        }
        for value in captures {
            let outside = self.slot(*value);
            let slot = inner.input(self.program.value(*value).name, self.ty(outside).clone());
            inner.bind(*value, slot);
            inner.set_rank(slot, self.rank(outside));
        }
        inner.graph(graph)?;
        // Several outputs may be one value, and a plan's outputs are told apart by their names.
        let own = graph.outputs.iter().map(|output| output.value);
        let named: Vec<(String, ValueId)> = own.enumerate().map(|(i, value)| (format!("{i}"), value)).collect();
        Ok(Arc::new(inner.finish(named.iter().map(|(name, value)| (name.as_str(), *value, None)))?))
    }

    fn captured(&self, captures: &[ValueId]) -> Vec<SlotId> {
        captures.iter().map(|value| self.slot(*value)).collect()
    }
}

fn branch(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let condition = lower.arg(node, 0, "cond")?;
    let (then, otherwise) = (graph(node, "then_branch")?, graph(node, "else_branch")?);
    // Both plans take what either of them needs.
    let mut captures = then.captures.clone();
    captures.extend(otherwise.captures.iter().filter(|value| !then.captures.contains(value)));
    let (then_plan, else_plan) =
        (lower.inner_plan(node, then, &[], &captures)?, lower.inner_plan(node, otherwise, &[], &captures)?);
    let inputs = [vec![condition], lower.captured(&captures)].concat();
    lower.add_op(node, ControlOp::If { then: then_plan, otherwise: else_plan }, &inputs, then.outputs.len())
}

fn repeat(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let body = graph(node, "body")?;
    let trips = match lower.opt(node, 0) {
        Some(trips) => trips,
        None => lower.constant(scalar(i64::MAX)),
    };
    let condition = match lower.opt(node, 1) {
        Some(condition) => condition,
        None => lower.constant(scalar(true)),
    };
    let carried: Vec<SlotId> =
        (2..node.inputs.len()).map(|i| lower.arg(node, i, "v_initial")).collect::<Result<_, _>>()?;
    let mut types = vec![Type::I64, Type::BOOL];
    types.extend(carried.iter().map(|slot| lower.ty(*slot).clone()));
    let plan = lower.inner_plan(node, body, &types, &body.captures)?;
    let outputs = body.outputs.len().checked_sub(1).filter(|outputs| *outputs >= carried.len());
    let outputs = outputs
        .ok_or_else(|| node.fault("outputs of its body", "a condition and the carried values", body.outputs.len()))?;
    let inputs = [vec![trips, condition], carried.clone(), lower.captured(&body.captures)].concat();
    let op = ControlOp::Loop { body: plan, carried: carried.len(), steps_max: lower.cx.limits.loop_steps_max };
    lower.add_op(node, op, &inputs, outputs)
}

/// Captured values are carried along: the body gives them back.
fn scan(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let body = graph(node, "body")?;
    let scanned = node.required("num_scan_inputs", node.int("num_scan_inputs")?)?;
    let carried = usize::try_from(scanned).ok().and_then(|scanned| node.inputs.len().checked_sub(scanned));
    let carried = carried.filter(|carried| *carried < node.inputs.len() && *carried <= body.outputs.len());
    let carried =
        carried.ok_or_else(|| node.fault("attribute `num_scan_inputs`", "a number of the node's inputs", scanned))?;
    for name in ["scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions"] {
        if node.ints(name)?.is_some_and(|list| list.iter().any(|number| *number != 0)) {
            return Err(node.unimplemented(format_args!("`{name}` other than 0")));
        }
    }
    let args = lower.args(node)?;
    let types: Vec<Type> = args.iter().map(|slot| lower.ty(*slot).clone()).collect();
    let captures = &body.captures;
    // The plan of the body takes: carried values, captured ones, one entry of each scanned value; and gives the first two
    // back before what is stacked.
    let mut inner = lower.inner();
    for (input, ty) in body.inputs.iter().zip(&types).take(carried) {
        let slot = inner.input(input.name, ty.clone());
        inner.bind(input.value, slot);
    }
    for value in captures {
        let slot = inner.input(lower.program.value(*value).name, lower.ty(lower.slot(*value)).clone());
        inner.bind(*value, slot);
    }
    if body.inputs.len() != args.len() {
        return Err(node.fault("inputs of its body", "one for each of the node's", body.inputs.len()));
    }
    for (input, ty) in body.inputs.iter().zip(&types).skip(carried) {
        let slot = inner.input(input.name, ty.clone());
        inner.bind(input.value, slot);
    }
    inner.graph(body)?;
    let (back, stacked) = body.outputs.split_at(carried);
    let outputs = back.iter().map(|output| output.value).chain(captures.iter().copied());
    let outputs: Vec<ValueId> = outputs.chain(stacked.iter().map(|output| output.value)).collect();
    let named: Vec<(String, ValueId)> = outputs.iter().enumerate().map(|(i, value)| (format!("{i}"), *value)).collect();
    let plan = Arc::new(inner.finish(named.iter().map(|(name, value)| (name.as_str(), *value, None)))?);
    let inputs = [&args[..carried], &lower.captured(captures), &args[carried..]].concat();
    let count = carried + captures.len();
    let op = ControlOp::Scan { body: plan, carried: count, steps_max: lower.cx.limits.loop_steps_max };
    let slots = lower.add_op(node, op, &inputs, outputs.len())?;
    Ok([&slots[..carried], &slots[count..]].concat())
}
