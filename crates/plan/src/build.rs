//! [`PlanBuilder`]: how readers and tests make plans.

use std::{collections::HashSet, sync::Arc};

use model::{Declared, Reading, Takes, Whole};

use crate::{
    error::PlanError,
    group::{Aggregation, Grouped},
    op::Op,
    plan::{Input, Node, Output, Plan, Slot, SlotId},
};

/// Makes a plan in order: inputs, nodes that read what is there, outputs.
#[derive(Debug, Default)]
pub struct PlanBuilder {
    plan: Plan,
    /// What is computed before rows are dropped behind it.
    pinned: Vec<SlotId>,
}

impl PlanBuilder {
    pub fn new() -> PlanBuilder {
        PlanBuilder::default()
    }

    fn slot(&mut self, name: &str) -> SlotId {
        self.plan.slots.push(Slot { name: name.into() });
        SlotId(self.plan.slots.len() as u32 - 1)
    }

    /// Adds a column that the caller brings.
    pub fn input(&mut self, name: &str, takes: Takes) -> SlotId {
        self.add_input(name, takes, false)
    }

    /// Adds a whole value that the caller brings.
    pub fn whole_input(&mut self, name: &str, takes: Takes) -> SlotId {
        self.add_input(name, takes, true)
    }

    fn add_input(&mut self, name: &str, takes: Takes, whole: bool) -> SlotId {
        let (slot, reading) = (self.slot(name), Reading::Strict);
        self.plan.inputs.push(Input {
            name: name.into(),
            slot,
            takes,
            reading,
            whole,
            nullable: true,
            optional: false,
            default: None,
            declared: None,
        });
        slot
    }

    /// Keeps the node that computes this slot before those behind it that drop rows: it refuses rows that they would drop.
    pub fn pin(&mut self, slot: SlotId) {
        self.pinned.push(slot);
    }

    /// Narrows or widens what an input takes: a later step may know better than the one that added it.
    pub fn set_takes(&mut self, slot: SlotId, takes: Takes) {
        if let Some(place) = self.place_of(slot) {
            self.plan.inputs[place].takes = takes;
        }
    }

    /// Says what a whole input is where the caller does not bring it.
    pub fn set_default(&mut self, slot: SlotId, value: Whole) {
        if let Some(place) = self.place_of(slot) {
            self.plan.inputs[place].default = Some(value);
        }
    }

    /// Says how the values of an input are read.
    pub fn set_reading(&mut self, slot: SlotId, reading: Reading) {
        if let Some(place) = self.place_of(slot) {
            self.plan.inputs[place].reading = reading;
        }
    }

    /// Says what the artifact says of an input or output that is a tensor; outputs are named before.
    pub fn set_declared(&mut self, name: &str, slot: SlotId, declared: Declared) {
        match self.place_of(slot) {
            Some(place) if *self.plan.inputs[place].name == *name => self.plan.inputs[place].declared = Some(declared),
            _ => {
                let outputs = self.plan.outputs.iter_mut().filter(|output| *output.name == *name);
                outputs.for_each(|output| output.declared = Some(declared.clone()));
            }
        }
    }

    /// Says what the artifact calls the way of asking.
    pub fn set_method(&mut self, method: &str) {
        self.plan.method = Some(method.into());
    }

    /// Returns the input of this slot.
    pub fn input_of(&self, slot: SlotId) -> Option<&Input> {
        self.place_of(slot).map(|place| &self.plan.inputs[place])
    }

    /// Returns what a slot is called.
    pub fn name_of(&self, slot: SlotId) -> &Arc<str> {
        &self.plan.slots[slot.index()].name
    }

    /// Slots are given out in order, so inputs stand in the order of theirs.
    fn place_of(&self, slot: SlotId) -> Option<usize> {
        self.plan.inputs.binary_search_by_key(&slot, |input| input.slot).ok()
    }

    /// Adds a node of one output, which is called `name`.
    pub fn node(&mut self, step: &str, op: impl Into<Op>, inputs: &[SlotId], name: &str) -> SlotId {
        self.node_many(step, op, inputs, &[name])[0]
    }

    /// Adds a node of several outputs.
    pub fn node_many(&mut self, step: &str, op: impl Into<Op>, inputs: &[SlotId], names: &[&str]) -> Vec<SlotId> {
        assert!(inputs.iter().all(|s| s.index() < self.plan.slots.len()), "a node reads slots that are there");
        let outputs: Vec<SlotId> = names.iter().map(|name| self.slot(name)).collect();
        let (inputs, step): (_, Arc<str>) = (inputs.to_vec(), step.into());
        self.plan.nodes.push(Node { op: op.into(), inputs, outputs: outputs.clone(), step });
        outputs
    }

    /// Adds an output that an answer holds by default.
    pub fn output(&mut self, name: &str, slot: SlotId) {
        self.plan.outputs.push(Output { name: name.into(), slot, default: true, optional: false, declared: None });
    }

    /// Adds an output that an answer holds when asked for, or when the caller brings what it is computed from.
    pub fn optional_output(&mut self, name: &str, slot: SlotId) {
        self.plan.outputs.push(Output { name: name.into(), slot, default: false, optional: true, declared: None });
    }

    /// Ends the plan in groups; what follows is `then` (see [`Grouped`]), whose outputs are the model's.
    pub fn group(&mut self, step: &str, keys: &[SlotId], aggregates: Vec<Aggregation>, then: Plan) {
        let (step, keys, then) = (step.into(), keys.to_vec(), Arc::new(then));
        self.plan.grouped = Some(Grouped { step, keys, aggregates, then });
    }

    /// Returns the plan, its parameters checked.
    pub fn finish(self) -> Result<Plan, PlanError> {
        let mut plan = self.plan;
        for node in &plan.nodes {
            node.op.check()?;
        }
        drop_first(&mut plan, &self.pinned);
        crate::op::tensor::fuse::fuse(&mut plan);
        let mut names = HashSet::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            if !names.insert(&output.name) {
                return Err(PlanError::Shape(format!("two outputs are called {:?}", output.name)));
            }
        }
        if let Some(grouped) = &plan.grouped {
            grouped.check(&plan)?;
        }
        if plan.inputs.iter().any(|i| matches!(&i.takes, Takes::From(types) if types.is_empty())) {
            return Err(PlanError::Shape("an input takes no type".to_owned()));
        }
        let no_gates = vec![false; plan.nodes.len()];
        let read_by = |is: fn(&Output) -> bool| {
            let slots = plan.last().outputs.iter().filter(|o| is(o)).map(|o| o.slot);
            plan.needed(slots, &no_gates).inputs
        };
        let (default, optional) = (read_by(|o| o.default), read_by(|o| o.optional));
        for (input, (default, optional)) in plan.inputs.iter_mut().zip(default.into_iter().zip(optional)) {
            input.optional = optional && !default;
        }
        Ok(plan)
    }
}

/// Puts what drops rows, what is pinned, and what these read, before everything else, in the order in which it stands: a row that
/// one step drops is not refused by another on which the dropping does not depend. Spark evaluates its filters so: columns of
/// deterministic functions wait for them.
fn drop_first(plan: &mut Plan, pinned: &[SlotId]) {
    let mut maker = vec![None; plan.slots.len()];
    for (i, node) in plan.nodes.iter().enumerate() {
        node.outputs.iter().for_each(|slot| maker[slot.index()] = Some(i));
    }
    let count = plan.nodes.len();
    let (mut order, mut placed) = (Vec::with_capacity(count), vec![false; count]);
    let mut is_kept: Vec<bool> = plan.nodes.iter().map(|node| node.op.is_gate()).collect();
    pinned.iter().filter_map(|slot| maker[slot.index()]).for_each(|made| is_kept[made] = true);
    let last_gate = plan.nodes.iter().rposition(|node| node.op.is_gate());
    let until = last_gate.map_or(0, |last| last + 1);
    for kept in (0..until).filter(|&i| is_kept[i]) {
        let mut first = vec![false; kept + 1];
        first[kept] = true;
        for i in (0..=kept).rev().filter(|&i| !placed[i]) {
            if first[i] {
                plan.nodes[i].inputs.iter().filter_map(|slot| maker[slot.index()]).for_each(|made| first[made] = true);
            }
        }
        for i in (0..=kept).filter(|&i| first[i]) {
            if !std::mem::replace(&mut placed[i], true) {
                order.push(i);
            }
        }
    }
    order.extend((0..count).filter(|&i| !placed[i]));
    let mut nodes: Vec<Option<Node>> = std::mem::take(&mut plan.nodes).into_iter().map(Some).collect();
    plan.nodes = order.into_iter().filter_map(|i| nodes[i].take()).collect();
}
