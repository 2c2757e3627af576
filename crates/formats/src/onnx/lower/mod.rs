//! A program's ops to a plan's.
//!
//! One table of rows ([`TABLE`]) says which function lowers which versions of an op; versions whose meaning differs stand
//! side by side. A function takes the [`Lower`] and the node and returns the slots of the node's outputs. What the table does not
//! know is refused by name, all of it at once. Types are inferred as the plan grows, so that an op which does not take its
//! inputs is refused here, by its node's name.
//!
//! A family is a file with a table of its own: [`element`], [`layout`], [`parts`], [`index`], [`reduce`], [`dense`], [`conv`],
//! [`norm`], [`recurrent`], [`image`], [`quant`], [`random`], [`learn`], [`sequence`], [`text`], [`control`]; [`made`], [`attention`] and
//! [`contrib`] are made of the others.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use model::{DType, Takes, Tensor, Type, Whole};
use plan::{Model, Op, Plan, PlanBuilder, Provenance, SlotId, TensorNode, TensorOp, ValueType};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    document::Document,
    dtype::Dtype,
    graph::{Constant, Graph, Node, Part, Program, ValueId},
    reader::Reader,
    types,
};
use crate::ReadError;

mod attention;
mod contrib;
mod control;
mod conv;
mod dense;
mod element;
mod image;
mod index;
mod layout;
mod learn;
mod made;
mod norm;
mod parts;
mod quant;
mod random;
mod rank;
mod recurrent;
mod reduce;
mod sequence;
mod signal;
mod text;
mod value;

pub(super) use value::{declared, whole_type};

/// What lowers a node: returns the slots of its outputs, in order.
pub type LowerNode = fn(&mut Lower<'_>, &Node<'_>) -> Result<Vec<SlotId>, ReadError>;

/// Which function lowers an op in which versions of its domain's op sets.
pub struct Row {
    /// Empty for `ai.onnx`.
    pub domain: &'static str,
    pub op: &'static str,
    /// First and last version.
    pub versions: (i64, i64),
    pub lower: LowerNode,
}

/// Marks the numbers of values that no document holds: the rest is that of their slot.
const MADE: u32 = 1 << 31;

/// The version of `ai.onnx` that ops are made of.
const MADE_VERSION: i64 = 23;

/// The last version of any domain: a meaning that still holds.
const NOW: i64 = i64::MAX;

/// Ops whose results have the type of their first input, whatever it is.
const MOVES: [&str; 16] = [
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "Pad",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// Returns the row of an op of `ai.onnx`.
const fn row(op: &'static str, since: i64, until: i64, lower: LowerNode) -> Row {
    Row { domain: "", op, versions: (since, until), lower }
}

/// All ops that are read, by family.
pub const TABLE: &[&[Row]] = &[
    element::ROWS,
    layout::ROWS,
    parts::ROWS,
    index::ROWS,
    reduce::ROWS,
    dense::ROWS,
    conv::ROWS,
    norm::ROWS,
    image::ROWS,
    recurrent::ROWS,
    control::ROWS,
    made::ROWS,
    attention::ROWS,
    signal::ROWS,
    learn::ROWS,
    quant::ROWS,
    random::ROWS,
    sequence::ROWS,
    text::ROWS,
    contrib::ROWS,
    contrib::quant::ROWS,
    contrib::attention::ROWS,
];

/// Returns whether the node's op is read.
pub(super) fn reads(node: &Node<'_>) -> bool {
    find(node).is_some()
}

/// Returns the row of a node's op.
fn find(node: &Node<'_>) -> Option<&'static Row> {
    type ByName = FxHashMap<(&'static str, &'static str), Vec<&'static Row>>;
    static ROWS: OnceLock<ByName> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let mut rows = ByName::default();
        for row in TABLE.iter().copied().flatten() {
            rows.entry((row.domain, row.op)).or_default().push(row);
        }
        rows
    });
    let (_, rows) = rows.get_key_value(&(node.domain, node.op))?;
    rows.iter().copied().find(|row| row.versions.0 <= node.version && node.version <= row.versions.1)
}

/// An output: its name, its value, and its type where the document says it and people look at it.
type Shown<'n> = (&'n str, ValueId, Option<&'n types::Type<'n>>);

/// A plan in the making, of one graph.
pub struct Lower<'p> {
    pub cx: &'p Reader<'p>,
    program: &'p Program<'p>,
    builder: PlanBuilder,
    slots: FxHashMap<ValueId, SlotId>,
    /// By slot.
    types: Vec<ValueType>,
    constants: FxHashMap<SlotId, Whole>,
    /// Inputs that have a value of their own: which value, and what it is.
    defaults: FxHashMap<SlotId, (ValueId, Whole)>,
    /// Those of them whose value a lowering asked for: a plan of another value would be another plan.
    asked: RefCell<FxHashSet<ValueId>>,
    /// The types of few bits, of those slots that have one in the document and hold it in a wider one.
    narrow: FxHashMap<SlotId, Dtype>,
    /// Dimensions as far as they are known, of those slots whose number of dimensions is.
    dims: FxHashMap<SlotId, Vec<Option<usize>>>,
}

/// Returns the model of a program.
pub fn model(cx: &Reader<'_>, document: &Document<'_>, program: &Program<'_>) -> Result<Model, ReadError> {
    refuse_missing(cx, &program.graph)?;
    // An input with a value of its own may be brought or not, but where the plan itself depends on the value: then it is fixed.
    let (model, asked) = lowered(cx, document, program, &FxHashSet::default())?;
    if asked.is_empty() {
        return Ok(model);
    }
    let again = Reader::new(cx.file, cx.files, cx.limits);
    Ok(lowered(&again, document, program, &asked)?.0)
}

/// Returns the model with these inputs as constants, and the inputs that have to be.
fn lowered(
    cx: &Reader<'_>,
    document: &Document<'_>,
    program: &Program<'_>,
    fixed: &FxHashSet<ValueId>,
) -> Result<(Model, FxHashSet<ValueId>), ReadError> {
    let mut lower = Lower::new(cx, program);
    let mut warnings = Vec::new();
    for input in &program.graph.inputs {
        let dims = input.ty.and_then(value::dims);
        let default = input.default.map(|constant| value::constant(cx, constant)).transpose()?;
        let is_open = may_override(document) && !fixed.contains(&input.value);
        let slot = match default {
            Some(default) if !is_open => {
                if fixed.contains(&input.value) {
                    let what = "has a default, which is always taken: the plan depends on it";
                    warnings.push(format!("the input `{}` {what}", input.name));
                }
                lower.constant_named(input.name, Whole::Tensor(default))
            }
            default => {
                let own = default.as_ref().map(Tensor::ty);
                let ty = own.or_else(|| input.ty.and_then(value::whole_type)).ok_or_else(|| {
                    let got = input.ty.map_or("none".to_owned(), types::Type::to_string);
                    cx.fault("GraphProto", &format!("type of the input `{}`", input.name), "a type of tensors", got)
                })?;
                let slot = lower.input(input.name, ty);
                lower.builder.set_declared(input.name, slot, value::declared(input.name, input.ty));
                if let Some(default) = default {
                    lower.defaults.insert(slot, (input.value, Whole::Tensor(default.clone())));
                    lower.builder.set_default(slot, Whole::Tensor(default));
                }
                slot
            }
        };
        lower.bind(input.value, slot);
        lower.set_dims(slot, dims);
    }
    lower.graph(&program.graph)?;
    let asked = lower.asked.take();
    let plan = lower.finish(program.graph.outputs.iter().map(|output| (output.name, output.value, output.ty)))?;
    let provenance = Provenance {
        format: super::FORMAT.name,
        class: "ONNX".to_owned(),
        tool: format!("{} {}", document.producer, document.producer_version).trim().to_owned(),
        artifact_bytes: cx.files.bytes() as u64,
    };
    let mut model = Model::single(plan, provenance);
    model.warnings = warnings;
    Ok((model, asked))
}

/// From the fourth version of the format on, an initialiser among the inputs is there to be overridden.
fn may_override(document: &Document<'_>) -> bool {
    document.ir_version >= 4
}

/// Refuses a model whose ops are not all known, naming each once.
fn refuse_missing(cx: &Reader<'_>, graph: &Graph<'_>) -> Result<(), ReadError> {
    let mut missing = BTreeSet::new();
    collect_missing(graph, &mut missing);
    if missing.is_empty() {
        return Ok(());
    }
    let what: Vec<String> = missing.into_iter().collect();
    Err(cx.unimplemented("GraphProto", format!("the ops {}", what.join(", "))))
}

fn collect_missing(graph: &Graph<'_>, missing: &mut BTreeSet<String>) {
    for node in &graph.nodes {
        if find(node).is_none() {
            missing.insert(format!("{} (opset {})", node.class(), node.version));
        }
        node.graphs().for_each(|inner| collect_missing(inner, missing));
    }
}

// === impl Lower ===

impl<'p> Lower<'p> {
    fn new(cx: &'p Reader<'p>, program: &'p Program<'p>) -> Lower<'p> {
        Lower {
            cx,
            program,
            builder: PlanBuilder::new(),
            slots: FxHashMap::default(),
            types: Vec::new(),
            constants: FxHashMap::default(),
            defaults: FxHashMap::default(),
            asked: RefCell::default(),
            narrow: FxHashMap::default(),
            dims: FxHashMap::default(),
        }
    }

    /// Returns the plan in the making of a graph within a node.
    fn inner(&self) -> Lower<'p> {
        Lower::new(self.cx, self.program)
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

    /// Says which slot a value has.
    fn bind(&mut self, value: ValueId, slot: SlotId) {
        self.slots.insert(value, slot);
        let ty = self.program.value(value).ty;
        self.set_dims(slot, ty.and_then(value::dims));
        if let Some(types::Type::Tensor { dtype: Some(dtype), .. }) = ty {
            self.set_narrow(slot, *dtype);
        }
    }

    /// Takes note of a slot's type in the document, where it has few bits.
    fn set_narrow(&mut self, slot: SlotId, dtype: Dtype) {
        if value::narrow(dtype).is_some() && value::element(dtype).as_ref() == Some(self.ty(slot)) {
            self.narrow.insert(slot, dtype);
        }
    }

    /// Returns the type that a slot has in the document, where that has few bits.
    pub fn narrow(&self, slot: SlotId) -> Option<Dtype> {
        self.narrow.get(&slot).copied()
    }

    fn set_dims(&mut self, slot: SlotId, dims: Option<Vec<Option<usize>>>) {
        if let Some(dims) = dims {
            self.dims.insert(slot, dims);
        }
    }

    /// Returns the slot of a value.
    pub fn slot(&self, value: ValueId) -> SlotId {
        if value.0 & MADE != 0 {
            return SlotId(value.0 & !MADE);
        }
        *self.slots.get(&value).expect("a value is made before a node reads it, as the program's order has it")
    }

    /// Returns the slot of an input that must be there; `name` is the operator page's name for it.
    pub fn arg(&self, node: &Node<'_>, i: usize, name: &str) -> Result<SlotId, ReadError> {
        node.input(i, name).map(|value| self.slot(value))
    }

    /// Returns the slot of an input that may be left out.
    pub fn opt(&self, node: &Node<'_>, i: usize) -> Option<SlotId> {
        node.optional(i).map(|value| self.slot(value))
    }

    /// Returns the slots of all inputs of an op that takes any number.
    pub fn args(&self, node: &Node<'_>) -> Result<Vec<SlotId>, ReadError> {
        Ok(node.all_inputs()?.into_iter().map(|value| self.slot(value)).collect())
    }

    pub fn ty(&self, slot: SlotId) -> &Type {
        &self.types[slot.index()].ty
    }

    /// Returns the dtype of a tensor of numbers or truth values.
    pub fn dtype(&self, slot: SlotId) -> Option<DType> {
        self.ty(slot).as_scalar()
    }

    /// Returns the value of a slot, where it never changes.
    pub fn known(&self, slot: SlotId) -> Option<&Whole> {
        if let Some((value, default)) = self.defaults.get(&slot) {
            self.asked.borrow_mut().insert(*value);
            return Some(default);
        }
        self.constants.get(&slot)
    }

    /// Returns the numbers of a slot that never changes and holds whole ones.
    pub fn known_ints(&self, slot: SlotId) -> Option<Vec<i64>> {
        let tensor = self.known(slot)?.as_tensor()?;
        match tensor.dtype() {
            Some(DType::I64) => tensor.get::<i64>().map(<[i64]>::to_vec),
            Some(DType::I32) => tensor.get::<i32>().map(|ints| ints.iter().map(|&int| int.into()).collect()),
            _ => None,
        }
    }

    /// Returns the number of dimensions of a slot, where it is known.
    pub fn rank(&self, slot: SlotId) -> Option<usize> {
        self.dims_of(slot).map(|dims| dims.len())
    }

    /// Returns the dimensions of a slot as far as they are known, where their number is.
    pub fn dims_of(&self, slot: SlotId) -> Option<Vec<Option<usize>>> {
        match self.constants.get(&slot).and_then(Whole::as_tensor) {
            Some(tensor) => Some(tensor.shape().iter().copied().map(Some).collect()),
            None => self.dims.get(&slot).cloned(),
        }
    }

    /// Returns the number of dimensions of an input; refuses where an old version of an op depends on it and nothing says it.
    pub fn rank_of(&self, node: &Node<'_>, slot: SlotId) -> Result<usize, ReadError> {
        self.rank(slot).ok_or_else(|| node.unimplemented("an input whose rank the model does not say"))
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

    /// Returns the slot of a number, of this slot's dtype.
    pub fn number_like(&mut self, node: &Node<'_>, like: SlotId, value: f64) -> Result<SlotId, ReadError> {
        let scalar = self.dtype(like).and_then(|dtype| value::scalar(dtype, value));
        let got = self.ty(like).to_string();
        let scalar = scalar.ok_or_else(|| node.fault("input", "a tensor of numbers", got))?;
        Ok(self.constant(scalar))
    }

    /// Adds an op of one output all of whose inputs are given.
    pub fn add(&mut self, node: &Node<'_>, op: impl Into<TensorOp>, inputs: &[SlotId]) -> Result<SlotId, ReadError> {
        let outputs = self.add_op(node, TensorNode::new(op.into()), inputs, 1)?;
        Ok(outputs[0])
    }

    /// Adds an op of one output some of whose inputs may be left out.
    pub fn add_with(
        &mut self,
        node: &Node<'_>,
        op: impl Into<TensorOp>,
        formal: &[Option<SlotId>],
    ) -> Result<SlotId, ReadError> {
        let outputs = self.add_many_with(node, op, formal, 1)?;
        Ok(outputs[0])
    }

    /// Adds an op of several outputs some of whose inputs may be left out.
    pub fn add_many_with(
        &mut self,
        node: &Node<'_>,
        op: impl Into<TensorOp>,
        formal: &[Option<SlotId>],
        outputs: usize,
    ) -> Result<Vec<SlotId>, ReadError> {
        let inputs: Vec<SlotId> = formal.iter().copied().flatten().collect();
        self.add_op(node, TensorNode::with(op.into(), formal), &inputs, outputs)
    }

    /// Adds any op, whose outputs are as many as said.
    pub fn add_op(
        &mut self,
        node: &Node<'_>,
        op: impl Into<Op>,
        inputs: &[SlotId],
        outputs: usize,
    ) -> Result<Vec<SlotId>, ReadError> {
        let op = op.into();
        let fault = |source| ReadError::Plan {
            file: self.cx.file.to_owned(),
            class: node.class(),
            stage: format!("node `{}`", node.name),
            source: Box::new(source),
        };
        op.check().map_err(fault)?;
        let given: Vec<ValueType> = inputs.iter().map(|slot| self.types[slot.index()].clone()).collect();
        let types = op.infer(&node.name.into(), &given).map_err(fault)?;
        if types.len() != outputs {
            return Err(node.fault("outputs", &format!("{} of them", types.len()), outputs));
        }
        let names: Vec<&str> =
            (0..outputs).map(|i| node.output(i).map_or("unused", |value| self.program.value(value).name)).collect();
        let slots = self.builder.node_many(node.name, op, inputs, &names);
        for (slot, ty) in slots.iter().zip(types) {
            self.typed(*slot, ty);
        }
        Ok(slots)
    }

    /// Adds an op of `ai.onnx` by its name, as this version has it: how an op that is made of others is lowered.
    pub fn made(
        &mut self,
        node: &Node<'_>,
        op: &'static str,
        inputs: &[Option<SlotId>],
        attributes: &[(&'static str, Part)],
        outputs: usize,
    ) -> Result<Vec<SlotId>, ReadError> {
        let inputs = inputs.iter().map(|slot| slot.map(|slot| ValueId(slot.0 | MADE))).collect();
        let part = node.part(op, MADE_VERSION, inputs, vec![Some(ValueId(MADE)); outputs], attributes);
        let row = find(&part).ok_or_else(|| node.unimplemented(format_args!("the op {op}, which it is made of")))?;
        let slots = (row.lower)(self, &part)?;
        if slots.len() < outputs { Err(part.unimplemented(format_args!("output {}", slots.len()))) } else { Ok(slots) }
    }

    /// Adds an op of `ai.onnx` with the attributes of this node: how an op of another domain that means the same is lowered.
    pub fn same(
        &mut self,
        node: &Node<'_>,
        op: &'static str,
        inputs: &[Option<SlotId>],
        outputs: usize,
    ) -> Result<Vec<SlotId>, ReadError> {
        let inputs = inputs.iter().map(|slot| slot.map(|slot| ValueId(slot.0 | MADE))).collect();
        let same = node.like(op, MADE_VERSION, inputs, vec![Some(ValueId(MADE)); outputs]);
        let row = find(&same).ok_or_else(|| node.unimplemented(format_args!("the op {op}, which it is made of")))?;
        (row.lower)(self, &same)
    }

    /// Lowers the constants and nodes of a graph whose inputs are there.
    fn graph(&mut self, graph: &Graph<'_>) -> Result<(), ReadError> {
        for (value, constant) in &graph.constants {
            let tensor = value::constant(self.cx, *constant)?;
            let slot = self.constant_named(self.program.value(*value).name, Whole::Tensor(tensor));
            self.bind(*value, slot);
            if let Constant::Dense(proto) = constant {
                self.set_narrow(slot, proto.dtype);
            }
        }
        for node in &graph.nodes {
            let Some(row) = find(node) else { return Err(node.unimplemented("this op")) };
            let slots = (row.lower)(self, node)?;
            let rank = rank::of(self, node);
            let first = node.optional(0).and_then(|value| self.narrow(self.slot(value)));
            if let Some(dtype) = first.filter(|_| MOVES.contains(&node.op)) {
                slots.iter().for_each(|slot| self.set_narrow(*slot, dtype));
            }
            for (i, value) in node.outputs.iter().enumerate() {
                let Some(value) = *value else { continue };
                let slot = slots.get(i).ok_or_else(|| node.unimplemented(format_args!("output {i}")))?;
                self.bind(value, *slot);
                if let (None, Some(rank), true) = (self.rank(*slot), rank, i == 0 || node.op == "Split") {
                    self.set_dims(*slot, Some(vec![None; rank]));
                }
            }
        }
        Ok(())
    }

    /// Returns the plan of a body with these outputs.
    fn finish_slots(mut self, outputs: &[SlotId]) -> Result<Arc<Plan>, ReadError> {
        for (i, slot) in outputs.iter().enumerate() {
            self.builder.output(&i.to_string(), *slot);
        }
        self.finish(std::iter::empty()).map(Arc::new)
    }

    /// Returns the plan with these outputs.
    fn finish<'n>(mut self, outputs: impl Iterator<Item = Shown<'n>>) -> Result<Plan, ReadError> {
        for (name, value, ty) in outputs {
            let slot = self.slot(value);
            self.builder.output(name, slot);
            if let Some(ty) = ty {
                self.builder.set_declared(name, slot, value::declared(name, Some(ty)));
            }
        }
        let file = self.cx.file.to_owned();
        self.builder.finish().map_err(|source| ReadError::Plan {
            file,
            class: "GraphProto".to_owned(),
            stage: "graph".to_owned(),
            source: Box::new(source),
        })
    }
}

/// Returns a tensor of rank 1 of whole numbers: axes, dimensions.
fn ints(values: Vec<i64>) -> Whole {
    value::ints(values)
}

/// Returns a scalar as a whole value.
fn scalar<T: model::tensor::Element>(element: T) -> Whole {
    Whole::Tensor(Tensor::scalar(element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_has_one_row_for_a_version() {
        let rows: Vec<&Row> = TABLE.iter().copied().flatten().collect();
        for (i, a) in rows.iter().enumerate() {
            assert!(a.versions.0 <= a.versions.1, "{} {:?}", a.op, a.versions);
            for b in &rows[..i] {
                let apart = a.versions.1 < b.versions.0 || b.versions.1 < a.versions.0;
                assert!(
                    (a.domain, a.op) != (b.domain, b.op) || apart,
                    "{}: {:?} and {:?}",
                    a.op,
                    a.versions,
                    b.versions
                );
            }
        }
    }
}
