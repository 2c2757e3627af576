//! From saved stages to one plan: the walk over the pipeline, and columns by name.
//!
//! Columns that no stage makes are the plan's inputs. Spark does not save their types: what every stage that reads one can
//! work with is what the input takes, unless the user says. The outputs are the columns that `transform` would show: the
//! inputs, then what each stage adds. A label and the stages that only feed one serve nobody after training, so they are
//! outputs for those who ask, and their inputs are not demanded otherwise.
//!
//! - [`columns`]: columns by name, their types and sizes. - [`accepts`]: what stages take. - [`attributes`]: ML attributes.
//! - [`groups`]: where rows become groups.

use std::{cell::Cell, sync::Arc};

use model::{ModelFiles, Type};
use plan::{Model, Op, PlanBuilder, PlanError, Provenance, SlotId, ValueType, VectorOp};
use rustc_hash::FxHashMap;

use super::{Stage, StageRead, op};
use crate::{ReadError, ReadOptions};

mod accepts;
pub mod attributes;
mod columns;
mod groups;

pub use accepts::Accepts;
use accepts::Input;
use attributes::Attributes;
use columns::{Column, Known};
use groups::Ended;

/// Most attributes that are kept of all columns: what comes then is forgotten.
const ATTRIBUTES_MAX: usize = 1 << 22;

/// The columns so far, and the plan that makes them.
pub struct Lowering<'a> {
    options: &'a ReadOptions,
    /// The plans that end in groups, each over the groups of the one before.
    ended: Vec<Ended>,
    builder: PlanBuilder,
    inputs: Vec<Input>,
    /// The columns, in the order in which they appeared; some are no longer there.
    columns: Vec<Column>,
    /// The columns that are there, by name; nothing where one was dropped.
    places: FxHashMap<Arc<str>, Option<usize>>,
    /// Columns as another type.
    conversions: FxHashMap<(SlotId, Type), SlotId>,
    /// Columns that nobody has named may be there still.
    open: bool,
    /// What is known of each slot.
    slots: Vec<Known>,
    /// The slots that each node reads and fills.
    edges: Vec<(Vec<SlotId>, Vec<SlotId>)>,
    /// Names of columns that models were trained to predict.
    labels: Vec<String>,
    /// How many attributes may still be kept.
    attributes_left: usize,
    stages: usize,
    /// Stages within stages, so far.
    depth: usize,
    /// The stages so far, where somebody wants to know.
    read: Vec<StageRead>,
    warnings: Vec<String>,
}

/// Returns the stages of the model in the folder of a saved stage.
pub(super) fn stages(files: &ModelFiles, options: &ReadOptions) -> Result<Vec<StageRead>, ReadError> {
    let bytes_left = Cell::new(options.limits.decoded_bytes_max);
    let top = Stage::open(files.clone(), &options.limits, &bytes_left)?;
    let mut lowering = Lowering::new(options);
    lowering.walk(&top)?;
    Ok(lowering.read)
}

/// Returns the model in the folder of a saved stage.
pub(super) fn lower(files: &ModelFiles, options: &ReadOptions) -> Result<Model, ReadError> {
    let bytes_left = Cell::new(options.limits.decoded_bytes_max);
    let top = Stage::open(files.clone(), &options.limits, &bytes_left)?;
    let mut lowering = Lowering::new(options);
    lowering.walk(&top)?;
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

impl<'a> Lowering<'a> {
    fn new(options: &'a ReadOptions) -> Lowering<'a> {
        Lowering {
            options,
            ended: Vec::new(),
            builder: PlanBuilder::new(),
            inputs: Vec::new(),
            columns: Vec::new(),
            places: FxHashMap::default(),
            conversions: FxHashMap::default(),
            open: true,
            slots: Vec::new(),
            edges: Vec::new(),
            labels: Vec::new(),
            attributes_left: ATTRIBUTES_MAX,
            stages: 0,
            depth: 0,
            read: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds a stage that another is made of.
    pub fn part(&mut self, stage: &Stage<'_>, part: &Stage<'_>) -> Result<(), ReadError> {
        let limit = stage.limits.depth_max;
        if self.depth >= limit {
            return stage.meta.too_large("the depth of nested stages", self.depth as u64 + 1, limit, "depth_max");
        }
        self.depth += 1;
        self.walk(part)?;
        self.depth -= 1;
        Ok(())
    }

    /// Adds a stage, of a pipeline all its own.
    fn walk(&mut self, stage: &Stage<'_>) -> Result<(), ReadError> {
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
            self.read.push(stage.as_read());
            return Ok(());
        }
        if let Some(why) = op::why_not(&meta.class) {
            return Err(stage.unimplemented(why));
        }
        if ![op::PIPELINE, op::PYTHON_PIPELINE].contains(&meta.class.as_str()) {
            return Err(ReadError::UnknownClass { file: meta.file.clone(), class: meta.class.clone() });
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
            self.part(stage, &inner)?;
        }
        Ok(())
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

    /// Says that Spark computes the column before rows are dropped behind it, as its function is marked as one that is not
    /// deterministic (`asNondeterministic`, since 2.3).
    pub fn pin(&mut self, stage: &Stage<'_>, slot: SlotId) {
        if stage.meta.is_from(2, 3) {
            self.builder.pin(slot);
        }
    }

    fn plan_error(&self, stage: &Stage<'_>, source: PlanError) -> ReadError {
        let (file, class, stage) = (stage.meta.file.clone(), stage.meta.class.clone(), stage.meta.uid.clone());
        ReadError::Plan { file, class, stage, source: Box::new(source) }
    }

    /// Lets the user know of something about a stage.
    pub fn warn(&mut self, stage: &Stage<'_>, what: &str) {
        self.warnings.push(format!("{}: {what}", stage.meta.uid));
    }

    /// Says that a model was trained to predict this column.
    pub fn label(&mut self, name: &str) {
        self.labels.push(name.to_owned());
    }

    /// Says that the column is more than a label: a statement names it.
    pub fn need(&mut self, slot: SlotId) {
        self.slots[slot.index()].is_needed = true;
    }

    /// Returns which slots lead to labels only. Backward over the nodes, so that what feeds such a node is known after it.
    /// Gates, and what is computed for them alone, say nothing of what they read: a label may drop rows and be one still.
    fn serves_labels(&self) -> Vec<bool> {
        let mut is_label = vec![false; self.slots.len()];
        for label in &self.labels {
            let Some(&Some(place)) = self.places.get(label.as_str()) else { continue };
            is_label[self.columns[place].slot.index()] = true;
        }
        let mut is_column = vec![false; self.slots.len()];
        let shown = self.columns.iter().filter(|column| !column.dropped);
        shown.for_each(|column| is_column[column.slot.index()] = true);
        // Of each slot: read for a gate, by a hidden node, by another.
        let mut read: Vec<_> = self.slots.iter().map(|slot| (false, false, slot.is_needed)).collect();
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
        let shown = self.columns.iter().filter(|column| !column.dropped);
        let (inputs, made): (Vec<&Column>, Vec<&Column>) = shown.partition(|column| column.is_input);
        for column in inputs.into_iter().chain(made) {
            if hidden[column.slot.index()] {
                self.builder.optional_output(&column.name, column.slot);
            } else {
                self.builder.output(&column.name, column.slot);
            }
        }
        let builder = std::mem::take(&mut self.builder);
        let plan = self.join_groups(builder).map_err(|source| self.plan_error(top, source))?;
        Ok((plan, self.warnings))
    }
}
