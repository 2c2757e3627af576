//! Which nodes make features that [`Direct`] can reckon from single columns: each `Assemble`, with the nodes before it whose
//! vectors it sees through.
//!
//! A vector that somebody else reads is made as well. One that only this node reads is not: its node is deferred to where
//! the rows turn out not to be plain. So that such a row is refused by the node that comes first, as without that, deferred
//! nodes stand right before the one that defers them.

use plan::{Needed, Node, Op, Plan, SlotId, ValueType, VectorOp};

use crate::kernel::direct::{Direct, Made, is_clear};

/// A node that is run as [`Direct`].
pub(super) struct Seen {
    pub direct: Direct,
    /// What it reads.
    pub reads: Vec<SlotId>,
    /// How many of the nodes right before it are deferred.
    pub deferred: usize,
}

/// Returns what is found, a node each; `readers` says how often each slot is read.
pub(super) fn find(plan: &Plan, needed: &Needed, types: &[Option<ValueType>], readers: &[usize]) -> Vec<Option<Seen>> {
    let mut makers: Vec<Option<&Node>> = vec![None; plan.slots.len()];
    let mut before: Vec<&Node> = Vec::new();
    let mut found = Vec::with_capacity(plan.nodes.len());
    for (node, &is_needed) in plan.nodes.iter().zip(&needed.nodes) {
        let seen = is_needed.then(|| see(node, &before, &makers, types, readers)).flatten();
        found.push(seen);
        if is_needed {
            node.outputs.iter().for_each(|slot| makers[slot.index()] = Some(node));
            before.push(node);
        }
    }
    found
}

fn see(
    node: &Node,
    before: &[&Node],
    makers: &[Option<&Node>],
    types: &[Option<ValueType>],
    readers: &[usize],
) -> Option<Seen> {
    let Op::Vector(VectorOp::Assemble { invalid, form, .. }) = &node.op else { return None };
    let ty = |slot: &SlotId| types[slot.index()].clone().expect("a needed slot has a type");
    let is_clear = |maker: &Node| is_clear(&maker.op, maker.inputs.iter().map(ty));
    let input_types: Vec<ValueType> = node.inputs.iter().map(ty).collect();
    let (mut reads, mut made) = (Vec::new(), Vec::new());
    for (slot, ty) in node.inputs.iter().zip(&input_types) {
        match makers[slot.index()].filter(|maker| is_clear(maker)) {
            Some(maker) => {
                made.push(Made::By(&maker.op));
                reads.extend(&maker.inputs);
            }
            None => {
                made.push(Made::Itself(ty));
                reads.push(*slot);
            }
        }
    }
    let is_own = |maker: &Node| {
        let reads = node.inputs.iter().filter(|slot| **slot == maker.outputs[0]).count();
        reads > 0 && reads == readers[maker.outputs[0].index()]
    };
    let deferred = before.iter().rev().take_while(|maker| is_clear(maker) && is_own(maker)).count();
    Some(Seen { direct: Direct::new(*invalid, *form, &made)?, reads, deferred })
}
