//! The ops of a program to those of plans: a plan for each signature, over shared constants.
//!
//! One table of rows ([`TABLE`]) says which function lowers an op. A function takes the [`Lower`] and the node where it stands
//! ([`At`]) and returns the slots of its outputs. What the table does not know is refused by name, all of it at once. Types are
//! inferred as the plan grows. What a graph checks (Assert) becomes a truth value beside its values; a signature's outputs
//! are given only where it is true.
//!
//! A family is a file with a table of its own: [`element`], [`layout`], [`index`], [`reduce`], [`dense`], [`conv`], [`norm`], [`list`].

use std::{collections::BTreeSet, sync::OnceLock};

use model::{DType, Declared, Takes, Tensor, Type, Whole};
use plan::{
    Model, Op, Plan, PlanBuilder, Provenance, SlotId, TensorNode, TensorOp, ValueType,
    tensor::{Binary, ElementOp},
};
use rustc_hash::FxHashMap;

use super::{
    graph::{Graph, Kind, Node, Value, attrs::Site},
    literal::Literal,
    program::{Program, Signature},
};
use crate::{Limits, ReadError};

mod boosted;
mod composed;
mod control;
mod conv;
mod dense;
mod einsum;
mod element;
mod example;
mod image;
mod index;
mod layout;
mod list;
mod made;
mod norm;
mod quant;
mod ragged;
mod random;
mod recurrent;
mod reduce;
mod signal;
mod sparse;
mod steps;
mod strings;
mod table;
mod value;

pub(super) use value::element;

/// What lowers a node: returns the slots of its outputs, in order.
pub type LowerNode = fn(&mut Lower<'_, '_>, &At<'_, '_>) -> Slots;

pub type Slots = Result<Vec<SlotId>, ReadError>;

/// Which function lowers an op.
pub struct Row {
    pub op: &'static str,
    pub lower: LowerNode,
}

const fn row(op: &'static str, lower: LowerNode) -> Row {
    Row { op, lower }
}

/// All ops that are read, by family.
pub const TABLE: &[&[Row]] = &[
    element::ROWS,
    layout::ROWS,
    index::ROWS,
    list::ROWS,
    made::ROWS,
    reduce::ROWS,
    dense::ROWS,
    conv::ROWS,
    norm::ROWS,
    quant::ROWS,
    ragged::ROWS,
    random::ROWS,
    recurrent::ROWS,
    einsum::ROWS,
    strings::ROWS,
    table::ROWS,
    example::ROWS,
    steps::ROWS,
    boosted::ROWS,
    composed::ROWS,
    signal::ROWS,
    sparse::ROWS,
    image::ROWS,
];

/// Returns what lowers an op.
fn find(op: &str) -> Option<LowerNode> {
    static ROWS: OnceLock<FxHashMap<&'static str, LowerNode>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| TABLE.iter().copied().flatten().map(|row| (row.op, row.lower)).collect());
    rows.get(op).copied()
}

/// Returns whether an op has a row.
pub(super) fn reads(op: &str) -> bool {
    find(op).is_some() || op == ASSERT
}

/// The op that checks, which has no row: it gives nothing.
const ASSERT: &str = "Assert";

/// A node where it stands.
pub struct At<'n, 'g> {
    pub file: &'n str,
    pub node: &'n Node<'g>,
    pub site: &'n Site<'g>,
    pub inputs: Vec<SlotId>,
    pub table: Option<usize>,
}

/// A plan in the making, of one graph.
pub struct Lower<'p, 'g> {
    pub file: &'p str,
    pub limits: &'p Limits,
    program: &'p Program<'g>,
    /// The constants of the program, decoded.
    tensors: &'p [OnceLock<Tensor>],
    builder: PlanBuilder,
    /// By slot.
    types: Vec<ValueType>,
    constants: FxHashMap<SlotId, Whole>,
    /// Slots of the program's constants.
    placed: FxHashMap<usize, SlotId>,
    /// Slots of its tables.
    tables: FxHashMap<usize, SlotId>,
}

/// What a graph gives: its outputs, and whether all that it checks is so.
struct Given {
    outputs: Vec<SlotId>,
    ok: Option<SlotId>,
}

/// Returns the model of a program.
pub fn model(file: &str, program: &Program<'_>, provenance: Provenance, limits: &Limits) -> Result<Model, ReadError> {
    let tensors: Vec<OnceLock<Tensor>> = program.store.constants.iter().map(|_| OnceLock::new()).collect();
    let (mut plans, mut warnings, mut missing) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut refused: Vec<(String, ReadError)> = Vec::new();
    for signature in &program.signatures {
        let lacks = missing_ops(signature);
        let lowered = if lacks.is_empty() {
            lower(file, program, signature, &tensors, limits)
        } else {
            Err(refuse_missing(file, &lacks))
        };
        missing.extend(lacks);
        match lowered {
            Ok(plan) => plans.push((signature.name.as_str().into(), std::sync::Arc::new(plan))),
            Err(error) => refused.push((signature.name.clone(), error)),
        }
    }
    if plans.is_empty() {
        let first = refused.into_iter().next().map(|(_, error)| error);
        return Err(match first {
            Some(error) if missing.is_empty() => error,
            _ => refuse_missing(file, &missing),
        });
    }
    let told = program.refused.iter().map(|(name, error)| (name, error)).chain(refused.iter().map(|(n, e)| (n, e)));
    warnings.extend(told.map(|(name, error)| format!("signature `{name}` is not answered: {error}")));
    Ok(Model { plans, provenance, warnings, verification: None, defs: program.defs.clone() })
}

/// Returns the ops of a signature that no row lowers.
pub fn missing_ops(signature: &Signature<'_>) -> BTreeSet<String> {
    let mut missing = signature.unknown.clone();
    signature.graph.each(&mut |node| {
        if let Kind::Op { site, .. } = &node.kind
            && site.op() != ASSERT
            && find(site.op()).is_none()
        {
            missing.insert(site.op().to_owned());
        }
    });
    missing
}

fn refuse_missing(file: &str, missing: &BTreeSet<String>) -> ReadError {
    let ops: Vec<&str> = missing.iter().map(String::as_str).collect();
    ReadError::Unimplemented {
        file: file.to_owned(),
        class: "GraphDef".to_owned(),
        what: format!("the ops {}", ops.join(", ")),
    }
}

fn lower(
    file: &str,
    program: &Program<'_>,
    signature: &Signature<'_>,
    tensors: &[OnceLock<Tensor>],
    limits: &Limits,
) -> Result<Plan, ReadError> {
    let mut lower = Lower::new(file, limits, program, tensors);
    let mut inputs = Vec::new();
    for input in &signature.inputs {
        let ty = input.dtype.and_then(value::element).ok_or_else(|| ReadError::Field {
            file: file.to_owned(),
            class: "signature".to_owned(),
            field: format!("type of the input `{}`", input.name),
            expected: "a type of tensors".into(),
            got: input.dtype.map_or("none", |dtype| dtype.name()).into(),
        })?;
        let slot = lower.input(&input.name, ty);
        let declared =
            Declared { tensor: input.tensor.as_str().into(), shape: input.shape.dims.clone().map(Into::into) };
        lower.builder.set_declared(&input.name, slot, declared);
        if let Some(default) = &input.default {
            let default = default_of(file, &input.name, lower.ty(slot), default)?;
            lower.builder.set_default(slot, Whole::Tensor(default));
        }
        inputs.push(slot);
    }
    let Given { outputs, ok } = lower.graph(&signature.graph, &inputs)?;
    for (output, slot) in signature.outputs.iter().zip(outputs) {
        // An output that is an input as well has a slot of its own.
        let slot = lower.checked(slot, ok, inputs.contains(&slot))?;
        lower.builder.output(&output.name, slot);
        let declared =
            Declared { tensor: output.tensor.as_str().into(), shape: output.shape.dims.clone().map(Into::into) };
        lower.builder.set_declared(&output.name, slot, declared);
    }
    if !signature.method.is_empty() {
        lower.builder.set_method(signature.method);
    }
    lower.finish()
}

/// Returns what an input is where the caller does not bring it.
fn default_of(file: &str, name: &str, ty: &Type, default: &Literal<'_>) -> Result<Tensor, ReadError> {
    let wrong = |got: String| ReadError::Field {
        file: file.to_owned(),
        class: "signature".to_owned(),
        field: format!("default of the input `{name}`"),
        expected: format!("a tensor of {ty}").into(),
        got: got.into(),
    };
    let tensor = value::tensor(default).map_err(wrong)?;
    if tensor.ty() == *ty { Ok(tensor) } else { Err(wrong(tensor.ty().to_string())) }
}

// === impl Lower ===

impl<'p, 'g> Lower<'p, 'g> {
    fn new(
        file: &'p str,
        limits: &'p Limits,
        program: &'p Program<'g>,
        tensors: &'p [OnceLock<Tensor>],
    ) -> Lower<'p, 'g> {
        Lower {
            file,
            limits,
            program,
            tensors,
            builder: PlanBuilder::new(),
            types: Vec::new(),
            constants: FxHashMap::default(),
            placed: FxHashMap::default(),
            tables: FxHashMap::default(),
        }
    }

    /// Returns the plan in the making of a graph within a node.
    fn inner(&self) -> Lower<'p, 'g> {
        Lower::new(self.file, self.limits, self.program, self.tensors)
    }

    fn input(&mut self, name: &str, ty: Type) -> SlotId {
        let slot = self.builder.whole_input(name, Takes::One(ty.clone()));
        self.typed(slot, ValueType::whole(ty))
    }

    fn typed(&mut self, slot: SlotId, ty: ValueType) -> SlotId {
        debug_assert_eq!(slot.index(), self.types.len(), "slots are given out in order");
        self.types.push(ty);
        slot
    }

    pub fn ty(&self, slot: SlotId) -> &Type {
        &self.types[slot.index()].ty
    }

    /// Returns the dtype of a tensor of numbers or truth values.
    pub fn dtype(&self, slot: SlotId) -> Option<DType> {
        self.ty(slot).as_scalar()
    }

    /// Returns the integers of a slot that never changes.
    pub fn known_ints(&self, slot: SlotId) -> Option<Vec<i64>> {
        let tensor = self.constants.get(&slot)?.as_tensor()?;
        match tensor.dtype() {
            Some(DType::I64) => tensor.get::<i64>().map(<[i64]>::to_vec),
            Some(DType::I32) => tensor.get::<i32>().map(|ints| ints.iter().map(|&int| int.into()).collect()),
            _ => None,
        }
    }

    fn constant_named(&mut self, name: &str, value: Whole) -> SlotId {
        let ty = ValueType::whole(plan::tensor::type_of(&value));
        let slot = self.builder.node(name, TensorOp::Constant(value.clone()), &[], name);
        self.constants.insert(slot, value);
        self.typed(slot, ty)
    }

    /// Returns the slot of a value that never changes.
    pub fn constant(&mut self, value: impl Into<Whole>) -> SlotId {
        self.constant_named("constant", value.into())
    }

    /// Returns the slot of a vector of int64.
    pub fn ints(&mut self, values: &[i64]) -> SlotId {
        self.constant(Tensor::vector(values.to_vec()))
    }

    /// Returns the slot of a number, of this slot's dtype.
    pub fn number_like(&mut self, at: &At<'_, '_>, like: SlotId, number: f64) -> Result<SlotId, ReadError> {
        let scalar = self.dtype(like).and_then(|dtype| value::scalar(dtype, number));
        let scalar = scalar.ok_or_else(|| at.fault(format_args!("takes no tensor of {}", self.ty(like))))?;
        Ok(self.constant(scalar))
    }

    /// Returns the slot of one of the program's constants.
    fn stored(&mut self, name: &str, place: usize) -> Result<SlotId, ReadError> {
        if let Some(slot) = self.placed.get(&place) {
            return Ok(*slot);
        }
        let cell = &self.tensors[place];
        let tensor = match cell.get() {
            Some(tensor) => tensor.clone(),
            None => {
                let tensor = value::tensor(&self.program.store.constants[place]).map_err(|what| ReadError::Syntax {
                    file: self.file.to_owned(),
                    what: format!("constant `{name}`: {what}"),
                })?;
                cell.get_or_init(|| tensor).clone()
            }
        };
        let slot = self.constant_named(name, tensor.into());
        self.placed.insert(place, slot);
        Ok(slot)
    }

    /// Adds an op of one output all of whose inputs are given.
    pub fn add(&mut self, at: &At<'_, '_>, op: impl Into<TensorOp>, inputs: &[SlotId]) -> Result<SlotId, ReadError> {
        Ok(self.add_op(at.node, TensorNode::new(op.into()), inputs)?[0])
    }

    /// Adds an op, some of whose inputs may be left out, for its first output.
    pub fn add_with(
        &mut self,
        at: &At<'_, '_>,
        op: impl Into<TensorOp>,
        formal: &[Option<SlotId>],
    ) -> Result<SlotId, ReadError> {
        Ok(self.add_many(at, op, formal)?[0])
    }

    /// Adds an op, some of whose inputs may be left out, for all its outputs.
    pub fn add_many(&mut self, at: &At<'_, '_>, op: impl Into<TensorOp>, formal: &[Option<SlotId>]) -> Slots {
        let inputs: Vec<SlotId> = formal.iter().copied().flatten().collect();
        self.add_op(at.node, TensorNode::with(op.into(), formal), &inputs)
    }

    /// Adds any op, with all its outputs, of which there is one at least.
    fn add_op(&mut self, node: &Node<'_>, op: impl Into<Op>, inputs: &[SlotId]) -> Slots {
        let op = op.into();
        let fault = |source| ReadError::Plan {
            file: self.file.to_owned(),
            class: node.op().to_owned(),
            stage: format!("node `{}`", node.name),
            source: Box::new(source),
        };
        op.check().map_err(fault)?;
        let given: Vec<ValueType> = inputs.iter().map(|slot| self.types[slot.index()].clone()).collect();
        let types = op.infer(&node.name.as_str().into(), &given).map_err(fault)?;
        let names = vec![node.name.as_str(); types.len()];
        let slots = self.builder.node_many(&node.name, op, inputs, &names);
        for (slot, ty) in slots.iter().zip(types) {
            self.typed(*slot, ty);
        }
        Ok(slots)
    }

    /// Lowers the nodes of a graph over these values.
    fn graph(&mut self, graph: &Graph<'_>, inputs: &[SlotId]) -> Result<Given, ReadError> {
        let mut values: Vec<Vec<SlotId>> = Vec::with_capacity(graph.nodes.len());
        let mut checks = Vec::new();
        let slot = |values: &[Vec<SlotId>], value: &Value| match value {
            Value::Input(place) => inputs.get(*place as usize).copied(),
            Value::Node(node, slot) => values.get(*node as usize).and_then(|slots| slots.get(*slot as usize)).copied(),
        };
        for node in &graph.nodes {
            let given: Option<Vec<SlotId>> = node.inputs.iter().map(|value| slot(&values, value)).collect();
            let given = given.ok_or_else(|| fault(self.file, node, "reads an output that no op gives"))?;
            let slots = match &node.kind {
                Kind::Constant(place) => vec![self.stored(&node.name, *place)?],
                Kind::Op { site, .. } if site.op() == ASSERT => {
                    checks.push(self.assert(node, &given)?);
                    Vec::new()
                }
                Kind::Op { site, table } => {
                    let at = At { file: self.file, node, site, inputs: given, table: *table };
                    let lower = find(site.op()).ok_or_else(|| at.unimplemented("this op"))?;
                    lower(self, &at)?
                }
                structure => {
                    let Given { outputs, ok } = self.structure(node, structure, &given)?;
                    checks.extend(ok);
                    outputs
                }
            };
            values.push(slots);
        }
        let outputs = graph.outputs.iter().map(|value| slot(&values, value)).collect::<Option<Vec<_>>>();
        let outputs = outputs.ok_or_else(|| ReadError::Syntax {
            file: self.file.to_owned(),
            what: "an output of the graph is given by no op".to_owned(),
        })?;
        let mut ok = None;
        for check in checks {
            ok = Some(match ok {
                None => check,
                Some(before) => {
                    let and = TensorNode::new(ElementOp::Binary(Binary::And).into());
                    self.add_op(&graph.nodes[0], and, &[before, check])?[0]
                }
            });
        }
        Ok(Given { outputs, ok })
    }

    fn finish(self) -> Result<Plan, ReadError> {
        let file = self.file.to_owned();
        self.builder.finish().map_err(|source| ReadError::Plan {
            file,
            class: "GraphDef".to_owned(),
            stage: "graph".to_owned(),
            source: Box::new(source),
        })
    }
}

fn fault(file: &str, node: &Node<'_>, what: impl std::fmt::Display) -> ReadError {
    ReadError::Syntax { file: file.to_owned(), what: format!("node `{}` ({}): {what}", node.name, node.op()) }
}

// === impl At ===

impl At<'_, '_> {
    pub fn fault(&self, what: impl std::fmt::Display) -> ReadError {
        fault(self.file, self.node, what)
    }

    pub fn unimplemented(&self, what: impl std::fmt::Display) -> ReadError {
        let (class, what) = (self.site.op().to_owned(), format!("{what} (node `{}`)", self.node.name));
        ReadError::Unimplemented { file: self.file.to_owned(), class, what }
    }

    /// Returns an input that must be there.
    pub fn arg(&self, i: usize) -> Result<SlotId, ReadError> {
        self.inputs.get(i).copied().ok_or_else(|| self.fault(format_args!("has no input {i}")))
    }

    /// Returns the inputs, which must be so many.
    pub fn args<const N: usize>(&self) -> Result<[SlotId; N], ReadError> {
        let got = self.inputs.len();
        self.inputs[..].try_into().map_err(|_| self.fault(format_args!("has {got} inputs, {N} are expected")))
    }

    pub fn flag(&self, name: &str) -> bool {
        self.site.bool(name).unwrap_or(false)
    }

    /// Returns a type that an attribute names; `default` where it is left out.
    pub fn dtype(&self, name: &str, default: DType) -> Result<DType, ReadError> {
        let Some(dtype) = self.site.dtype(name) else { return Ok(default) };
        let ty = value::element(dtype).and_then(|ty| ty.as_scalar());
        ty.ok_or_else(|| self.unimplemented(format_args!("`{name}` of {dtype}")))
    }

    /// Returns whether channels come last; refuses what is no layout.
    pub fn channels_last(&self) -> Result<bool, ReadError> {
        match self.site.text("data_format").unwrap_or("NHWC") {
            "NHWC" | "NDHWC" => Ok(true),
            "NCHW" | "NCDHW" => Ok(false),
            other => Err(self.unimplemented(format_args!("`data_format` {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_has_one_row_and_is_known_to_compute_only() {
        let mut ops: Vec<&str> = TABLE.iter().copied().flatten().map(|row| row.op).collect();
        ops.sort_unstable();
        for pair in ops.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
        use super::super::graph::ops::{Effect, effect};
        let others: Vec<_> = ops.into_iter().filter(|op| effect(op) != Effect::None).collect();
        assert_eq!(others, [""; 0]);
    }
}
