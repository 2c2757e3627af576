//! From saved stages to one plan: the walk over the pipeline, and columns by name.
//!
//! Columns that no stage makes are the plan's inputs. Spark does not save their types: what every stage that reads one can
//! work with is what the input takes, unless the user says. The outputs are the columns that `transform` would show: the
//! inputs, then what each stage adds. A label and the stages that only feed one serve nobody after training, so they are
//! outputs for those who ask, and their inputs are not demanded otherwise.

use std::{cell::Cell, sync::Arc};

use model::{ModelFiles, Takes, Type};
use plan::{Model, Op, PlanBuilder, PlanError, Provenance, SlotId, ValueType, VectorOp};
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::{Stage, op};
use crate::{ReadError, ReadOptions};

/// What a stage can work with in a column that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    Text,
    /// A list of texts.
    Texts,
    /// A number, whatever its width.
    Number,
    /// A text, number or boolean, told apart: an integer reads otherwise than the same double.
    Scalar,
    /// A float64, or its text: an integer of the caller's is the same number.
    FloatOrText,
    /// An int64, or its text.
    IntOrText,
    /// A list of texts, numbers or booleans.
    Items,
    Vector,
    /// A number, boolean or vector.
    Part,
}

/// The columns so far, and the plan that makes them.
pub struct Lowering<'a> {
    options: &'a ReadOptions,
    builder: PlanBuilder,
    /// The columns, in the order in which they appeared.
    columns: Vec<Column>,
    places: FxHashMap<Arc<str>, usize>,
    /// What is known of each slot.
    slots: Vec<Known>,
    /// The slots that each node reads and fills.
    edges: Vec<(Vec<SlotId>, Vec<SlotId>)>,
    /// Names of columns that models were trained to predict.
    labels: Vec<String>,
    stages: usize,
    warnings: Vec<String>,
}

struct Column {
    name: Arc<str>,
    slot: SlotId,
    input: Option<Input>,
}

/// What is known of a column that the caller brings.
struct Input {
    /// The user gave the type.
    fixed: bool,
    accepts: Vec<Type>,
    /// A stage tells integers from other numbers.
    exact: bool,
}

#[derive(Clone, Default)]
struct Known {
    ty: Option<Type>,
    /// Of an input: its place among the columns.
    input: Option<usize>,
    /// Of vectors: the size that the column's metadata claim, where not every row must have it.
    claimed: Option<u32>,
    /// Labels of the column's categories, where they are known.
    labels: Option<Arc<[Box<str>]>>,
    /// Of an assembled vector: its parts.
    parts: Vec<SlotId>,
}

/// Returns the model in the folder of a saved stage.
pub(super) fn lower(files: &ModelFiles, options: &ReadOptions) -> Result<Model, ReadError> {
    let bytes_left = Cell::new(options.limits.decoded_bytes_max);
    let top = Stage::open(files.clone(), &options.limits, &bytes_left)?;
    let mut lowering = Lowering::new(options);
    lowering.walk(&top, 0)?;
    let provenance = Provenance {
        format: super::FORMAT.name,
        class: top.meta.class.clone(),
        tool: format!("Spark {}", top.meta.spark),
        artifact_bytes: files.bytes() as u64,
    };
    let (plan, warnings) = lowering.finish(&top)?;
    let mut model = Model::single(plan, provenance);
    model.warnings = warnings;
    Ok(model)
}

impl Accepts {
    fn types(self) -> Vec<Type> {
        let items = [Type::Text, Type::I64, Type::F64, Type::BOOL];
        match self {
            Accepts::Text => vec![Type::Text],
            Accepts::Texts => vec![Type::list(Type::Text)],
            Accepts::Number => vec![Type::I64, Type::F64],
            Accepts::Scalar => items.into(),
            Accepts::FloatOrText => vec![Type::F64, Type::Text],
            Accepts::IntOrText => vec![Type::I64, Type::Text],
            Accepts::Items => items.map(Type::list).into(),
            Accepts::Vector => vec![Type::VECTOR],
            Accepts::Part => vec![Type::I64, Type::F64, Type::BOOL, Type::VECTOR],
        }
    }
}

impl Accepts {
    /// Returns whether an integer is read otherwise than the same double.
    fn is_exact(self) -> bool {
        matches!(self, Accepts::Scalar | Accepts::FloatOrText | Accepts::IntOrText | Accepts::Items)
    }
}

impl Input {
    fn takes(&self) -> Takes {
        match self.accepts.as_slice() {
            [one] => Takes::One(one.clone()),
            types if !self.exact && *types == Accepts::Number.types() => Takes::One(Type::F64),
            types => Takes::From(types.to_vec()),
        }
    }

    /// Whether it may turn out to be a number or a vector.
    fn is_open(&self) -> bool {
        self.accepts.len() > 1 && self.accepts.contains(&Type::VECTOR)
    }
}

impl<'a> Lowering<'a> {
    fn new(options: &'a ReadOptions) -> Lowering<'a> {
        Lowering {
            options,
            builder: PlanBuilder::new(),
            columns: Vec::new(),
            places: FxHashMap::default(),
            slots: Vec::new(),
            edges: Vec::new(),
            labels: Vec::new(),
            stages: 0,
            warnings: Vec::new(),
        }
    }

    /// Adds a stage, of a pipeline all its own.
    fn walk(&mut self, stage: &Stage<'_>, depth: usize) -> Result<(), ReadError> {
        let (meta, limits) = (&stage.meta, stage.limits);
        self.stages += 1;
        if self.stages > limits.stages_max {
            return meta.too_large("the number of stages", self.stages as u64, limits.stages_max, "stages_max");
        }
        if let Some(lower) = op::find(&meta.class) {
            lower(stage, self)?;
            for name in stage.not_asked() {
                let message = format!("{}: parameter `{name}` of {} is not known and is ignored", meta.uid, meta.class);
                self.warnings.push(message);
            }
            return Ok(());
        }
        if ![op::PIPELINE, op::PYTHON_PIPELINE].contains(&meta.class.as_str()) {
            return Err(ReadError::UnknownClass { file: meta.file.clone(), class: meta.class.clone() });
        }
        if depth >= limits.depth_max {
            return meta.too_large("the depth of nested pipelines", depth as u64 + 1, limits.depth_max, "depth_max");
        }
        let uids = stage.texts("stageUids")?.ok_or_else(|| stage.absent("stageUids", "the uids of the stages"))?;
        let width = uids.len().to_string().len();
        for (number, uid) in uids.iter().enumerate() {
            let folder = stage.files.folder(&format!("stages/{number:0width$}_{uid}"));
            if folder.is_empty() {
                return Err(ReadError::Missing {
                    file: folder.full_path("metadata/part-00000"),
                    class: meta.class.clone(),
                    help: "the pipeline names this stage in `stageUids`",
                });
            }
            let inner = Stage::open(folder, limits, stage.bytes_left)?;
            if inner.meta.uid != *uid {
                return Err(inner.meta.fault("uid", format!("{uid}, as the pipeline says"), inner.meta.uid.clone()));
            }
            self.walk(&inner, depth + 1)?;
        }
        Ok(())
    }

    /// Returns the slot of a column; one that no stage has made is an input from now on.
    pub fn column(&mut self, stage: &Stage<'_>, name: &str, accepts: Accepts) -> Result<SlotId, ReadError> {
        let Some(&place) = self.places.get(name) else { return self.add_input(stage, name, accepts) };
        let column = &mut self.columns[place];
        let Some(input) = column.input.as_mut().filter(|input| !input.fixed) else { return Ok(column.slot) };
        let types = accepts.types();
        let before = input.accepts.clone();
        input.accepts.retain(|ty| types.contains(ty));
        input.exact |= accepts.is_exact();
        if input.accepts.is_empty() {
            let list = |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(" or ");
            let expected = format!("a column of {}", list(&types));
            return Err(stage.meta.fault(name, expected, format!("one that another stage reads as {}", list(&before))));
        }
        let slot = column.slot;
        self.settle(place);
        Ok(slot)
    }

    /// Returns the slot of a column of vectors, and lets it be known which size the stage needs.
    pub fn vector(&mut self, stage: &Stage<'_>, name: &str, size: usize) -> Result<SlotId, ReadError> {
        let slot = self.column(stage, name, Accepts::Vector)?;
        self.demand_size(slot, size);
        Ok(slot)
    }

    fn add_input(&mut self, stage: &Stage<'_>, name: &str, accepts: Accepts) -> Result<SlotId, ReadError> {
        let spec = self.options.input(name);
        let input = Input {
            fixed: spec.is_some(),
            accepts: spec.map_or_else(|| accepts.types(), |spec| vec![spec.ty.clone()]),
            exact: accepts.is_exact(),
        };
        let slot = self.builder.input(name, input.takes());
        let mut known = Known::default();
        if let Some(attributes) = spec.and_then(|spec| spec.metadata.as_deref()) {
            known = attributes_of(attributes);
        }
        known.ty = Some(input.takes().first().clone());
        known.input = Some(self.columns.len());
        self.slots.push(known);
        self.add_column(stage, name, slot, Some(input))?;
        Ok(slot)
    }

    fn add_column(
        &mut self,
        stage: &Stage<'_>,
        name: &str,
        slot: SlotId,
        input: Option<Input>,
    ) -> Result<(), ReadError> {
        let limit = stage.limits.columns_max;
        if self.columns.len() >= limit {
            return stage.meta.too_large("the number of columns", limit as u64 + 1, limit, "columns_max");
        }
        let name: Arc<str> = name.into();
        self.places.insert(name.clone(), self.columns.len());
        self.columns.push(Column { name, slot, input });
        Ok(())
    }

    /// Lets the builder know what an input takes by now.
    fn settle(&mut self, place: usize) {
        let Column { slot, input: Some(input), .. } = &self.columns[place] else { return };
        self.builder.set_takes(*slot, input.takes());
        if !input.fixed {
            self.slots[slot.index()].ty = Some(input.takes().first().clone());
        }
    }

    fn input_of(&self, slot: SlotId) -> Option<&Input> {
        self.columns[self.slots[slot.index()].input?].input.as_ref()
    }

    /// Adds a node of one output, a column.
    pub fn make(
        &mut self,
        stage: &Stage<'_>,
        op: impl Into<Op>,
        inputs: &[SlotId],
        name: &str,
    ) -> Result<SlotId, ReadError> {
        let slot = self.node(stage, op, inputs, &[name])?[0];
        self.show(stage, name, slot)?;
        Ok(slot)
    }

    /// Adds a node; its outputs are not columns yet.
    pub fn node(
        &mut self,
        stage: &Stage<'_>,
        op: impl Into<Op>,
        inputs: &[SlotId],
        names: &[&str],
    ) -> Result<Vec<SlotId>, ReadError> {
        let op: Op = op.into();
        let known = |slot: &SlotId| self.slots[slot.index()].ty.clone().map(ValueType::rows);
        let types: Option<Vec<ValueType>> = inputs.iter().map(known).collect();
        let types = types.expect("each slot has a type from its beginning");
        let step: Arc<str> = stage.meta.uid.as_str().into();
        let checked = op.check().and_then(|()| op.infer(&step, &types));
        let outs = checked.map_err(|source| self.plan_error(stage, source))?;
        let open = |slot: &SlotId| self.is_open(*slot);
        let assembled = matches!(op, Op::Vector(VectorOp::Assemble { .. }));
        let of_unknown_size = assembled && inputs.iter().any(open);
        for out in outs {
            let ty = if of_unknown_size { Type::VECTOR } else { out.ty };
            let parts = if assembled { inputs.to_vec() } else { Vec::new() };
            self.slots.push(Known { ty: Some(ty), parts, ..Known::default() });
        }
        let slots = self.builder.node_many(&step, op, inputs, names);
        self.edges.push((inputs.to_vec(), slots.clone()));
        Ok(slots)
    }

    fn plan_error(&self, stage: &Stage<'_>, source: PlanError) -> ReadError {
        let (file, class, stage) = (stage.meta.file.clone(), stage.meta.class.clone(), stage.meta.uid.clone());
        ReadError::Plan { file, class, stage, source: Box::new(source) }
    }

    /// Makes a slot a column.
    pub fn show(&mut self, stage: &Stage<'_>, name: &str, slot: SlotId) -> Result<(), ReadError> {
        if self.places.contains_key(name) {
            let expected = "an output column that is not there yet";
            return Err(stage.meta.fault(format!("output column `{name}`"), expected, "one that is"));
        }
        self.add_column(stage, name, slot, None)
    }

    /// Says that a model was trained to predict this column.
    pub fn label(&mut self, name: &str) {
        self.labels.push(name.to_owned());
    }

    /// Returns whether a column may turn out to hold numbers or vectors.
    pub fn is_open(&self, slot: SlotId) -> bool {
        self.input_of(slot).is_some_and(Input::is_open)
    }

    /// Returns the size of a column's vectors, where all have the same, or `number` where it holds numbers; nothing where
    /// that is not known.
    pub fn size_of(&self, slot: SlotId, number: u32) -> Option<u32> {
        match &self.slots[slot.index()].ty {
            _ if self.is_open(slot) => None,
            Some(Type::Vector { size }) => size.or(self.slots[slot.index()].claimed),
            _ => Some(number),
        }
    }

    /// Sets the size of a column's vectors that its metadata claim.
    pub fn claim_size(&mut self, slot: SlotId, size: usize) {
        self.slots[slot.index()].claimed = u32::try_from(size).ok();
    }

    /// Returns the labels of a column's categories.
    pub fn labels_of(&self, slot: SlotId) -> Option<Arc<[Box<str>]>> {
        self.slots[slot.index()].labels.clone()
    }

    /// Sets the labels of a column's categories.
    pub fn set_labels(&mut self, slot: SlotId, labels: Arc<[Box<str>]>) {
        self.slots[slot.index()].labels = Some(labels);
    }

    /// Where a vector is assembled from inputs that may be numbers or vectors, its size tells them apart.
    fn demand_size(&mut self, slot: SlotId, size: usize) {
        let parts = self.slots[slot.index()].parts.clone();
        let (open, settled): (Vec<SlotId>, Vec<SlotId>) = parts.iter().partition(|&&part| self.is_open(part));
        let total = |lowering: &Self, parts: &[SlotId]| {
            parts.iter().try_fold(0u32, |sum, &part| sum.checked_add(lowering.size_of(part, 1)?))
        };
        let Some(rest) = total(self, &settled).and_then(|sum| size.checked_sub(sum as usize)) else { return };
        let places: Vec<usize> = open.iter().filter_map(|part| self.slots[part.index()].input).collect();
        for &place in &places {
            let Some(input) = &mut self.columns[place].input else { continue };
            match (rest == open.len(), open.len()) {
                (true, _) => input.accepts.retain(|ty| *ty != Type::VECTOR),
                (false, 1) => input.accepts.retain(|ty| *ty == Type::VECTOR),
                // Some are vectors: shown as such, settled by the data.
                (false, _) => input.accepts.sort_by_key(|ty| *ty != Type::VECTOR),
            }
        }
        places.into_iter().for_each(|place| self.settle(place));
        if !open.is_empty() {
            self.slots[slot.index()].ty = Some(Type::Vector { size: total(self, &parts) });
        }
    }

    /// Returns which slots lead to labels only. Backward over the nodes, so that what feeds such a node is known after it.
    /// Gates, and what is computed for them alone, say nothing of what they read: a label may drop rows and be one still.
    fn serves_labels(&self) -> Vec<bool> {
        let mut is_label = vec![false; self.slots.len()];
        for place in self.labels.iter().filter_map(|label| self.places.get(label.as_str())) {
            is_label[self.columns[*place].slot.index()] = true;
        }
        let mut is_column = vec![false; self.slots.len()];
        self.columns.iter().for_each(|column| is_column[column.slot.index()] = true);
        // Of each slot: read for a gate, by a hidden node, by another.
        let mut read = vec![(false, false, false); self.slots.len()];
        let hidden = |slot: SlotId, read: &[(bool, bool, bool)]| match read[slot.index()] {
            (_, _, true) => false,
            (_, by_hidden, false) => by_hidden || is_label[slot.index()],
        };
        for (inputs, outputs) in self.edges.iter().rev() {
            let for_gates = |&slot: &SlotId| !is_column[slot.index()] && read[slot.index()] == (true, false, false);
            let is_gating = outputs.iter().all(for_gates);
            let is_hidden = outputs.iter().all(|&slot| hidden(slot, &read));
            for slot in inputs {
                let (by_gate, by_hidden, by_other) = &mut read[slot.index()];
                let by = if is_gating {
                    by_gate
                } else if is_hidden {
                    by_hidden
                } else {
                    by_other
                };
                *by = true;
            }
        }
        (0..self.slots.len()).map(|i| hidden(SlotId(i as u32), &read)).collect()
    }

    fn finish(mut self, top: &Stage<'_>) -> Result<(plan::Plan, Vec<String>), ReadError> {
        let hidden = self.serves_labels();
        let (inputs, made): (Vec<&Column>, Vec<&Column>) = self.columns.iter().partition(|c| c.input.is_some());
        for column in inputs.into_iter().chain(made) {
            if hidden[column.slot.index()] {
                self.builder.optional_output(&column.name, column.slot);
            } else {
                self.builder.output(&column.name, column.slot);
            }
        }
        let builder = std::mem::take(&mut self.builder);
        let plan = builder.finish().map_err(|source| self.plan_error(top, source))?;
        Ok((plan, self.warnings))
    }
}

/// Returns what a column's ML attributes say: the size of its vectors, the labels of its categories. Attributes that say
/// neither, or are no JSON, say nothing.
fn attributes_of(metadata: &str) -> Known {
    let document: Option<Value> = serde_json::from_str(metadata).ok();
    let attributes = document.as_ref().map(|d| d.get("ml_attr").unwrap_or(d));
    let size = attributes.and_then(|a| a.get("num_attrs")).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let labels = attributes.and_then(|a| a.get("vals")).and_then(Value::as_array);
    let labels = labels.and_then(|vals| vals.iter().map(|v| v.as_str().map(Into::into)).collect());
    Known { claimed: size, labels, ..Known::default() }
}
