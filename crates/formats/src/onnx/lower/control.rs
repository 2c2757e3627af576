//! Graphs within nodes: `If`, `Loop`, `Scan`. What a graph takes from around it becomes inputs of its plan.

use std::sync::Arc;

use model::Type;
use plan::{ControlOp, Plan, SlotId, tensor::LayoutOp};

use super::{
    super::{
        graph::{Graph, Node, Output, Part, ValueId},
        types,
    },
    Lower, NOW, Row,
    made::Body,
    row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;
type One = Result<SlotId, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("If", 1, NOW, branch),
    row("Loop", 1, NOW, repeat),
    row("Scan", 8, 8, scan_of_batches),
    row("Scan", 9, NOW, scan),
    row("SequenceMap", 17, NOW, sequence_map),
];

fn graph<'n>(node: &'n Node<'_>, name: &str) -> Result<&'n Graph<'n>, ReadError> {
    node.required(name, node.graph(name)?)
}

impl Lower<'_> {
    /// Returns the plan of a graph within a node. Its inputs are those of the graph, of these types, then the captured values.
    pub(super) fn inner_plan(
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
            inner.set_dims(slot, self.dims_of(outside));
            inner.narrow.extend(self.narrow(outside).map(|dtype| (slot, dtype)));
            if let Some(constant) = self.constants.get(&outside) {
                inner.constants.insert(slot, constant.clone());
            }
        }
        inner.graph(graph)?;
        // Several outputs may be one value, and a plan's outputs are told apart by their names.
        let own = graph.outputs.iter().map(|output| output.value);
        let named: Vec<(String, ValueId)> = own.enumerate().map(|(i, value)| (format!("{i}"), value)).collect();
        Ok(Arc::new(inner.finish(named.iter().map(|(name, value)| (name.as_str(), *value, None)))?))
    }

    pub(super) fn captured(&self, captures: &[ValueId]) -> Vec<SlotId> {
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

/// Returns the node's list of one number for each of `count` scanned values, where it gives one.
fn list(node: &Node<'_>, name: &str, count: usize) -> Result<Vec<i64>, ReadError> {
    let list = node.ints(name)?.unwrap_or_default();
    if list.is_empty() {
        return Ok(vec![0; count]);
    }
    let got = list.len();
    (got == count)
        .then_some(list)
        .ok_or_else(|| node.fault(&format!("attribute `{name}`"), &format!("{count} numbers"), got))
}

/// Returns how many of a scan's arguments are carried along; the others are scanned.
fn carried(node: &Node<'_>, body: &Graph<'_>, arguments: usize) -> Result<usize, ReadError> {
    let scanned = node.required("num_scan_inputs", node.int("num_scan_inputs")?)?;
    let carried = usize::try_from(scanned).ok().and_then(|scanned| arguments.checked_sub(scanned));
    let fits = carried.filter(|carried| *carried < arguments && *carried <= body.outputs.len());
    let carried = fits.ok_or_else(|| node.fault("attribute `num_scan_inputs`", "a number of its inputs", scanned))?;
    if body.inputs.len() != arguments {
        return Err(node.fault("inputs of its body", &format!("{arguments} of them"), body.inputs.len()));
    }
    Ok(carried)
}

/// Moves one axis of a tensor of this rank to another place.
fn moved(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, rank: usize, from: usize, to: usize) -> One {
    if from == to {
        return Ok(x);
    }
    let mut order: Vec<usize> = (0..rank).collect();
    let axis = order.remove(from);
    order.insert(to, axis);
    lower.add_with(node, LayoutOp::Transpose { order: Some(order) }, &[Some(x)])
}

/// Turns the first dimension around.
fn turned(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> One {
    Body { lower, node }.slice(x, 0, -1, i64::MIN, -1)
}

fn place(node: &Node<'_>, axis: i64, rank: usize) -> Result<usize, ReadError> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    let at = usize::try_from(at).ok().filter(|at| *at < rank);
    at.ok_or_else(|| node.fault("axes of scanned values", &format!("axes of a tensor of rank {rank}"), axis))
}

fn scan(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let body = graph(node, "body")?;
    let mut args = lower.args(node)?;
    let carried = carried(node, body, args.len())?;
    let (scanned, stacked) = (args.len() - carried, body.outputs.len() - carried);
    let axes = list(node, "scan_input_axes", scanned)?;
    let directions = list(node, "scan_input_directions", scanned)?;
    for (i, (axis, direction)) in axes.iter().zip(&directions).enumerate() {
        let mut x = args[carried + i];
        if *axis != 0 {
            let rank = lower.rank_of(node, x)?;
            let from = place(node, *axis, rank)?;
            x = moved(lower, node, x, rank, from, 0)?;
        }
        if *direction != 0 {
            x = turned(lower, node, x)?;
        }
        args[carried + i] = x;
    }
    let mut slots = scan_plan(lower, node, body, &args, carried)?;
    let axes = list(node, "scan_output_axes", stacked)?;
    let directions = list(node, "scan_output_directions", stacked)?;
    for (i, (axis, direction)) in axes.iter().zip(&directions).enumerate() {
        let slot = &mut slots[carried + i];
        if *direction != 0 {
            *slot = turned(lower, node, *slot)?;
        }
        if *axis != 0 {
            let rank = body.outputs[carried + i].ty.and_then(value::dims).map(|dims| dims.len() + 1);
            let rank = rank.ok_or_else(|| node.unimplemented("an output axis where the rank is not known"))?;
            let to = place(node, *axis, rank)?;
            *slot = moved(lower, node, *slot, rank, 0, to)?;
        }
    }
    Ok(slots)
}

/// The first version: every value has a dimension of batches before, along which another scan runs.
fn scan_of_batches(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let body = graph(node, "body")?;
    if node.optional(0).is_some() {
        return Err(node.unimplemented("`sequence_lens`"));
    }
    let args = (1..node.inputs.len()).map(|i| lower.arg(node, i, "one of many")).collect::<Result<Vec<_>, _>>()?;
    let carried = carried(node, body, args.len())?;
    let directions = list(node, "directions", args.len() - carried)?;
    let captures = lower.captured(&body.captures);
    let mut inner = lower.inner();
    for (value, slot) in body.captures.iter().zip(&captures) {
        let own = inner.input(lower.program.value(*value).name, lower.ty(*slot).clone());
        inner.bind(*value, own);
    }
    let mut own: Vec<SlotId> = args.iter().map(|slot| inner.input("batch", lower.ty(*slot).clone())).collect();
    for (x, direction) in own[carried..].iter_mut().zip(&directions) {
        if *direction != 0 {
            *x = turned(&mut inner, node, *x)?;
        }
    }
    let slots = scan_plan(&mut inner, node, body, &own, carried)?;
    let outputs = [inner.captured(&body.captures), slots].concat();
    let count = outputs.len();
    let plan = inner.finish_slots(&outputs)?;
    let op = ControlOp::Scan { body: plan, carried: captures.len(), steps_max: lower.cx.limits.loop_steps_max };
    let outs = lower.add_op(node, op, &[&captures[..], &args].concat(), count)?;
    Ok(outs[captures.len()..].to_vec())
}

/// Adds a scan along the first dimensions. Captured values are carried along: the body gives them back.
fn scan_plan(lower: &mut Lower<'_>, node: &Node<'_>, body: &Graph<'_>, args: &[SlotId], carried: usize) -> Slots {
    let types: Vec<Type> = args.iter().map(|slot| lower.ty(*slot).clone()).collect();
    let captures = &body.captures;
    // The plan of the body takes: carried values, captured ones, one entry of each scanned value; and gives the first two
    // back before what is stacked.
    let mut inner = lower.inner();
    let input = |inner: &mut Lower<'_>, i: usize| {
        let slot = inner.input(body.inputs[i].name, types[i].clone());
        inner.bind(body.inputs[i].value, slot);
    };
    (0..carried).for_each(|i| input(&mut inner, i));
    for value in captures {
        let slot = inner.input(lower.program.value(*value).name, lower.ty(lower.slot(*value)).clone());
        inner.bind(*value, slot);
    }
    (carried..args.len()).for_each(|i| input(&mut inner, i));
    inner.graph(body)?;
    let (back, stacked) = body.outputs.split_at(carried);
    let outputs = back.iter().map(|output| output.value).chain(captures.iter().copied());
    let outputs: Vec<SlotId> =
        outputs.chain(stacked.iter().map(|output| output.value)).map(|value| inner.slot(value)).collect();
    let plan = inner.finish_slots(&outputs)?;
    let inputs = [&args[..carried], &lower.captured(captures), &args[carried..]].concat();
    let count = carried + captures.len();
    let op = ControlOp::Scan { body: plan, carried: count, steps_max: lower.cx.limits.loop_steps_max };
    let slots = lower.add_op(node, op, &inputs, outputs.len())?;
    Ok([&slots[..carried], &slots[count..]].concat())
}

/// Applies a graph to each entry of sequences of one length: a loop that appends to the sequences of results.
fn sequence_map(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let body = graph(node, "body")?;
    let args = lower.args(node)?;
    if args.is_empty() || body.inputs.len() != args.len() {
        return Err(node.fault("inputs of its body", "one for each of the node's", body.inputs.len()));
    }
    let trips = Body { lower, node }.op("SequenceLength", &args[..1])?;
    let condition = lower.constant(scalar(true));
    let captures = lower.captured(&body.captures);
    let result = |output: &Output<'_>| match output.ty {
        Some(types::Type::Tensor { dtype: Some(dtype), .. }) => Some((Type::list(value::element(*dtype)?), *dtype)),
        _ => None,
    };
    let results: Option<Vec<_>> = body.outputs.iter().map(result).collect();
    let results = results.ok_or_else(|| node.unimplemented("a body whose results have no type of tensors"))?;
    let mut inner = lower.inner();
    let step = inner.input("step", Type::I64);
    let go_on = inner.input("condition", Type::BOOL);
    let sums: Vec<SlotId> = results.iter().map(|(ty, _)| inner.input("results", ty.clone())).collect();
    for (slot, input) in args.iter().zip(&body.inputs) {
        let ty = lower.ty(*slot).clone();
        let own = inner.input(input.name, ty.clone());
        let entry = match ty {
            Type::List(_) => Body { lower: &mut inner, node }.op("SequenceAt", &[own, step])?,
            _ => own,
        };
        inner.bind(input.value, entry);
    }
    for (value, slot) in body.captures.iter().zip(&captures) {
        let own = inner.input(lower.program.value(*value).name, lower.ty(*slot).clone());
        inner.bind(*value, own);
    }
    inner.graph(body)?;
    let mut outputs = vec![go_on];
    for (sum, output) in sums.iter().zip(&body.outputs) {
        let result = inner.slot(output.value);
        outputs.push(Body { lower: &mut inner, node }.op("SequenceInsert", &[*sum, result])?);
    }
    let plan = inner.finish_slots(&outputs)?;
    let mut begin = Vec::new();
    for (_, dtype) in &results {
        let dtype = [("dtype", Part::Int(dtype.number()))];
        begin.push(Body { lower, node }.with("SequenceEmpty", &[], &dtype)?);
    }
    let inputs = [vec![trips, condition], begin, args, captures].concat();
    let steps_max = lower.cx.limits.loop_steps_max;
    lower.add_op(node, ControlOp::Loop { body: plan, carried: results.len(), steps_max }, &inputs, results.len())
}
