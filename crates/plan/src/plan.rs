//! [`Plan`]: slots, and the nodes that fill them.

use std::sync::Arc;

use model::{Declared, Field, Reading, Signature, Takes, Type, Whole};

use crate::{error::PlanError, group::Grouped, op::Op};

/// Place of a value in a plan; each is written once, by an input or by one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

impl SlotId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a value lives: a row each in a row domain, or one for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A column of the row domain; the request's rows are domain 0.
    Rows(u32),
    Whole,
}

/// Type and place of a slot. For a whole value the type is that of its elements; its shape is known when it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ValueType {
    pub ty: Type,
    pub place: Place,
}

impl ValueType {
    /// A column of the request's rows.
    pub const fn rows(ty: Type) -> ValueType {
        ValueType { ty, place: Place::Rows(0) }
    }

    /// One value for the call.
    pub const fn whole(ty: Type) -> ValueType {
        ValueType { ty, place: Place::Whole }
    }
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Place::Rows(0) => write!(f, "{}", self.ty),
            Place::Rows(domain) => write!(f, "{} of domain {domain}", self.ty),
            Place::Whole => write!(f, "whole {}", self.ty),
        }
    }
}

/// A value's name: the column as the artifact calls it, for printing and for faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub name: Arc<str>,
}

/// A value that the caller brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub name: Arc<str>,
    pub slot: SlotId,
    pub takes: Takes,
    pub reading: Reading,
    pub whole: bool,
    /// Null is a value that the plan knows what to do with.
    pub nullable: bool,
    /// When the plan was made, only optional outputs were computed from it: a label.
    pub optional: bool,
    /// What it is where the caller does not bring it, if the artifact says so. Of whole values alone.
    pub default: Option<Whole>,
    pub declared: Option<Declared>,
}

/// A value that a caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: Arc<str>,
    pub slot: SlotId,
    /// Part of the answer when the call names no outputs.
    pub default: bool,
    /// If not: part of it all the same where the caller brings the inputs that it is computed from.
    pub optional: bool,
    pub declared: Option<Declared>,
}

/// One op at work.
#[derive(Clone, Debug)]
pub struct Node {
    pub op: Op,
    pub inputs: Vec<SlotId>,
    pub outputs: Vec<SlotId>,
    /// The step of the artifact that this node comes from: shown in plans and faults.
    pub step: Arc<str>,
}

/// A pure function from named inputs to named outputs. Made by [`crate::PlanBuilder`], which keeps the nodes in order:
/// a node reads only slots that an input or an earlier node fills.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub slots: Vec<Slot>,
    pub inputs: Vec<Input>,
    pub nodes: Vec<Node>,
    /// Those of this plan itself: none where it ends in groups (see [`Plan::last`]).
    pub outputs: Vec<Output>,
    pub grouped: Option<Grouped>,
    /// What the artifact calls the way of asking (see [`Signature::method`]).
    pub method: Option<Arc<str>>,
}

/// What is run for some outputs: one flag a node, one an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub nodes: Vec<bool>,
    pub inputs: Vec<bool>,
    /// Of the plan over the groups, where there are any.
    pub then: Option<Box<Needed>>,
}

impl Plan {
    /// Returns the plan whose outputs are the model's: this one, or the last over groups (of groups).
    pub fn last(&self) -> &Plan {
        let mut last = self;
        while let Some(grouped) = &last.grouped {
            last = &grouped.then;
        }
        last
    }

    /// Returns the type of every slot when the inputs (in their order) have these; `None` for slots that only inputs
    /// without a type feed.
    pub fn infer(&self, inputs: &[Option<ValueType>]) -> Result<Vec<Option<ValueType>>, PlanError> {
        let mut types: Vec<Option<ValueType>> = vec![None; self.slots.len()];
        for (input, ty) in self.inputs.iter().zip(inputs) {
            types[input.slot.index()] = ty.clone();
        }
        for node in &self.nodes {
            let Some(ins) = node.inputs.iter().map(|s| types[s.index()].clone()).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let outs = node.op.infer(&node.step, &ins)?;
            if outs.len() != node.outputs.len() {
                return Err(PlanError::Shape(format!("{} gives {} values", node.step, outs.len())));
            }
            for (slot, ty) in node.outputs.iter().zip(outs) {
                types[slot.index()] = Some(ty);
            }
        }
        Ok(types)
    }

    /// Returns the last plan, to be changed.
    pub fn last_mut(&mut self) -> &mut Plan {
        match &mut self.grouped {
            None => self,
            Some(_) => {
                let grouped = self.grouped.as_mut().expect("as was just seen");
                Arc::make_mut(&mut grouped.then).last_mut()
            }
        }
    }

    /// Returns the types of the last plan's slots when the inputs of this one have these.
    pub fn infer_last(&self, inputs: &[Option<ValueType>]) -> Result<Vec<Option<ValueType>>, PlanError> {
        let types = self.infer(inputs)?;
        match &self.grouped {
            None => Ok(types),
            Some(grouped) => grouped.then.infer_last(&grouped.infer(&types)?),
        }
    }

    /// Returns the input types that metadata shows: what each demands, or the first that it takes.
    pub fn first_types(&self) -> Vec<Option<ValueType>> {
        let of = |i: &Input| ValueType {
            ty: i.takes.first().clone(),
            place: if i.whole { Place::Whole } else { Place::Rows(0) },
        };
        self.inputs.iter().map(|i| Some(of(i))).collect()
    }

    /// Returns which gates run where these inputs are there, one flag a node: all but those over an optional one that is not.
    /// What rows a label drops, it drops where there is a label.
    pub fn gates(&self, is_there: &dyn Fn(usize) -> bool) -> Vec<bool> {
        let mut is_left_out = vec![false; self.slots.len()];
        for (i, input) in self.inputs.iter().enumerate() {
            is_left_out[input.slot.index()] = input.optional && !is_there(i);
        }
        let runs = self.nodes.iter().map(|node| {
            let left_out = node.inputs.iter().any(|s| is_left_out[s.index()]);
            node.outputs.iter().for_each(|s| is_left_out[s.index()] = left_out);
            node.op.is_gate() && !left_out
        });
        runs.collect()
    }

    /// Returns what slots of the last plan are computed by and from, and the gates that run (see [`Plan::gates`]): rows that
    /// a gate drops are dropped from every output.
    pub fn needed(&self, slots: impl IntoIterator<Item = SlotId>, gates: &[bool]) -> Needed {
        let mut wanted = vec![false; self.slots.len()];
        let then = match &self.grouped {
            None => {
                slots.into_iter().for_each(|s| wanted[s.index()] = true);
                None
            }
            Some(grouped) => {
                let slots: Vec<SlotId> = slots.into_iter().collect();
                let then = grouped.then.needed(slots, &grouped.then.gates(&|_| true));
                grouped.reads(&then.inputs).for_each(|s| wanted[s.index()] = true);
                Some(Box::new(then))
            }
        };
        let mut nodes = gates.to_vec();
        for (i, node) in self.nodes.iter().enumerate().rev() {
            // What nobody asked for is not computed, and so refuses no rows.
            if nodes[i] || node.outputs.iter().any(|s| wanted[s.index()]) {
                nodes[i] = true;
                node.inputs.iter().for_each(|s| wanted[s.index()] = true);
            }
        }
        Needed { nodes, inputs: self.inputs.iter().map(|i| wanted[i.slot.index()]).collect(), then }
    }

    /// Returns the plan's signature under this name.
    pub fn signature(&self, name: &str) -> Signature {
        let last = self.last();
        let types = self.infer_last(&self.first_types()).unwrap_or_else(|_| vec![None; last.slots.len()]);
        let (required, all) = (self.gates(&|_| false), self.gates(&|_| true));
        let of = |outputs: &dyn Fn(&Output) -> bool, gates: &[bool]| {
            self.needed(self.last().outputs.iter().filter(|o| outputs(o)).map(|o| o.slot), gates).inputs
        };
        let (defaults, optional) = (of(&|o| o.default, &required), of(&|o| o.optional, &all));
        let gating = of(&|_| false, &all);
        let inputs = self.inputs.iter().enumerate().map(|(i, input)| Field {
            name: input.name.clone(),
            takes: input.takes.clone(),
            nullable: input.nullable,
            whole: input.whole,
            default: defaults[i] && input.default.is_none(),
            optional: (optional[i] && !defaults[i]) || input.default.is_some(),
            gates: gating[i],
            reading: input.reading.clone(),
            needs: Vec::new(),
            has_default: input.default.is_some(),
            declared: input.declared.clone(),
        });
        let outputs = last.outputs.iter().map(|output| {
            let ty = types[output.slot.index()].clone().unwrap_or(ValueType::rows(Type::Bytes));
            let needs = self.needed([output.slot], &required).inputs;
            Field {
                name: output.name.clone(),
                takes: Takes::One(ty.ty),
                nullable: true,
                whole: ty.place == Place::Whole,
                default: output.default,
                optional: output.optional,
                gates: false,
                reading: Reading::Strict,
                needs: (0..needs.len() as u32).filter(|&i| needs[i as usize]).collect(),
                has_default: false,
                declared: output.declared.clone(),
            }
        });
        let (inputs, outputs) = (inputs.collect(), outputs.collect());
        Signature { name: name.into(), inputs, outputs, grouped: self.grouped.is_some(), method: self.method.clone() }
    }

    /// Returns the first step, if any, because of which an output row depends on more than its own input row, with its op.
    pub fn not_separable(&self) -> Option<(&Arc<str>, &'static str)> {
        let node = self.nodes.iter().find(|n| !n.op.is_separable()).map(|n| (&n.step, n.op.name()));
        node.or_else(|| self.grouped.as_ref().map(|grouped| (&grouped.step, "group")))
    }
}
