//! Which nodes a formula takes over, so that they are no instructions of their own: before it those of one input that refuse
//! nothing and that nobody else reads, behind it the one that takes its vector apart, where nobody else reads that.

use model::Type;
use plan::{FormulaOp, Needed, Node, Op, Plan, SlotId, ValueType, VectorOp};

use crate::{
    error::CompileError,
    kernel::{
        Site,
        formula::{FormulaKernel, intake::Intake},
    },
};

/// A formula that takes nodes over.
pub(super) struct Taken {
    /// What each of its inputs is read from.
    pub reads: Box<[SlotId]>,
    pub intakes: Box<[Intake]>,
    /// The slots of its vector's elements, where it writes those instead.
    pub elements: Vec<SlotId>,
}

/// What becomes of a node.
#[derive(Default)]
pub(super) enum Way {
    #[default]
    Own,
    /// Another takes it over.
    Gone,
    Formula(Taken),
}

/// Returns what becomes of each node; `readers` says how often each slot is read.
pub(super) fn find(
    plan: &Plan,
    needed: &Needed,
    types: &[Option<ValueType>],
    readers: &[usize],
) -> Result<Vec<Way>, CompileError> {
    let mut ways: Vec<Way> = plan.nodes.iter().map(|_| Way::Own).collect();
    let mut makers: Vec<Option<usize>> = vec![None; plan.slots.len()];
    for (at, node) in plan.nodes.iter().enumerate().filter(|(at, _)| needed.nodes[*at]) {
        if let Op::Formula(op) = &node.op
            && FormulaKernel::takes(op)
        {
            ways[at] = formula(plan, op, node, &mut ways, &makers, types, readers)?;
        }
        if let (Op::Vector(VectorOp::Unpack { .. }), [slot]) = (&node.op, &node.inputs[..])
            && let Some(maker) = makers[slot.index()].filter(|_| readers[slot.index()] == 1)
            && is_long(types[slot.index()].as_ref(), node.outputs.len())
            && let Way::Formula(taken) = &mut ways[maker]
        {
            taken.elements.clone_from(&node.outputs);
            ways[at] = Way::Gone;
        }
        node.outputs.iter().for_each(|slot| makers[slot.index()] = Some(at));
    }
    Ok(ways)
}

/// Returns whether vectors of the type have so many elements.
fn is_long(ty: Option<&ValueType>, elements: usize) -> bool {
    matches!(ty, Some(ValueType { ty: Type::Vector { size: Some(size) }, .. }) if *size as usize >= elements)
}

fn formula(
    plan: &Plan,
    op: &FormulaOp,
    node: &Node,
    ways: &mut [Way],
    makers: &[Option<usize>],
    types: &[Option<ValueType>],
    readers: &[usize],
) -> Result<Way, CompileError> {
    let (mut reads, mut intakes) = (Vec::with_capacity(op.inputs()), Vec::with_capacity(op.inputs()));
    for slot in &node.inputs {
        let maker = makers[slot.index()].filter(|_| readers[slot.index()] == 1);
        let intake = maker.map(|at| intake(&plan.nodes[at], types)).transpose()?.flatten();
        let Some((at, intake)) = maker.zip(intake) else {
            reads.push(*slot);
            intakes.push(Intake::Column);
            continue;
        };
        ways[at] = Way::Gone;
        reads.push(plan.nodes[at].inputs[0]);
        intakes.push(intake);
    }
    Ok(Way::Formula(Taken { reads: reads.into(), intakes: intakes.into(), elements: Vec::new() }))
}

fn intake(maker: &Node, types: &[Option<ValueType>]) -> Result<Option<Intake>, CompileError> {
    let ty = |slot: &SlotId| types[slot.index()].clone().expect("a needed slot has a type");
    let inputs: Vec<ValueType> = maker.inputs.iter().map(ty).collect();
    Intake::of(&maker.op, &Site { step: &maker.step, inputs: &inputs, wanted: &[true], constants: &[None] })
}
