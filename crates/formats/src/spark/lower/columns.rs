//! Columns by name, and what is known of them.

use std::sync::Arc;

use model::{DType, Type};
use plan::{
    Expr, SlotId, VectorOp,
    expr::{Cast, CastRule},
};

use super::{
    Accepts, Attributes, Input, Lowering,
    attributes::{Group, Kind},
};
use crate::{ReadError, ReadOptions, spark::Stage};

pub(super) struct Column {
    pub name: Arc<str>,
    pub slot: SlotId,
    pub is_input: bool,
    /// It is not there any more.
    pub dropped: bool,
}

#[derive(Clone, Default)]
pub(super) struct Known {
    pub ty: Option<Type>,
    /// Of an input, and of what has its type whatever that turns out to be: the input's place among the inputs.
    pub input: Option<usize>,
    pub attributes: Option<Attributes>,
    /// Of an assembled vector: its parts.
    pub parts: Vec<SlotId>,
    /// Inputs that the attributes take for numbers, though they may turn out to be vectors.
    pub assumed: Vec<SlotId>,
    /// Whether it has to be there though a model was trained to predict it.
    pub is_needed: bool,
}

impl Lowering<'_> {
    /// Returns the slot of a column; one that no stage has made is an input from now on. Decimals come as what the stage makes
    /// of them: doubles, or texts where it reads integers and doubles apart.
    pub fn column(&mut self, stage: &Stage<'_>, name: &str, accepts: Accepts) -> Result<SlotId, ReadError> {
        let slot = self.own_column(stage, name, accepts)?;
        match (self.type_of(slot).as_scalar(), accepts.of_decimals()) {
            (Some(DType::Decimal(..)), Some(to)) => self.converted(stage, name, slot, to),
            _ => Ok(slot),
        }
    }

    /// Returns the column as another type.
    fn converted(&mut self, stage: &Stage<'_>, name: &str, slot: SlotId, to: Type) -> Result<SlotId, ReadError> {
        if let Some(made) = self.conversions.get(&(slot, to.clone())) {
            return Ok(*made);
        }
        let cast = Expr::call(Cast::new(to.clone(), CastRule::Legacy), [Expr::Input(0)]);
        let made = self.node(stage, cast, &[slot], &[name])?[0];
        self.conversions.insert((slot, to), made);
        Ok(made)
    }

    /// Returns the slot of a column as it is.
    pub fn own_column(&mut self, stage: &Stage<'_>, name: &str, accepts: Accepts) -> Result<SlotId, ReadError> {
        let place = match self.places.get(name) {
            Some(Some(place)) => *place,
            None if self.open => return self.add_input(stage, name, accepts),
            Some(None) | None => {
                let expected = "a column that is there";
                return Err(stage.meta.fault(
                    format!("column `{name}`"),
                    expected,
                    "one that an earlier stage leaves out",
                ));
            }
        };
        let slot = self.columns[place].slot;
        let Some(input) = self.slots[slot.index()].input else { return Ok(slot) };
        let Some(input) = self.inputs.get_mut(input).filter(|input| !input.fixed) else { return Ok(slot) };
        let types = accepts.types();
        let before = input.accepts.clone();
        input.accepts.retain(|ty| types.contains(ty));
        input.exact |= accepts.is_exact();
        if input.accepts.is_empty() {
            let list = |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(" or ");
            let expected = format!("a column of {}", list(&types));
            return Err(stage.meta.fault(name, expected, format!("one that another stage reads as {}", list(&before))));
        }
        self.settle(slot);
        Ok(slot)
    }

    /// Says that an input is one of these, where it may be one of them: a hint that refuses nothing.
    pub fn narrow(&mut self, slot: SlotId, accepts: Accepts) {
        let Some(input) = self.slots[slot.index()].input.and_then(|place| self.inputs.get_mut(place)) else { return };
        let types = accepts.types();
        if !input.fixed && input.accepts.iter().any(|ty| types.contains(ty)) {
            input.accepts.retain(|ty| types.contains(ty));
            self.settle(slot);
        }
    }

    /// Returns the names of the columns that are there, those that the user has named among them.
    pub fn names(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        let there = self.places.iter().filter(|(_, place)| place.is_some()).map(|(name, _)| name.clone());
        let named = self.options.inputs.iter().map(|spec| spec.name.clone());
        named.filter(|name| self.open && !self.places.contains_key(name)).chain(there)
    }

    /// Returns what the user says of the artifact.
    pub fn options(&self) -> &ReadOptions {
        self.options
    }

    /// Returns the slot of a column of vectors, and lets it be known which size the stage needs.
    pub fn vector(&mut self, stage: &Stage<'_>, name: &str, size: usize) -> Result<SlotId, ReadError> {
        let slot = self.column(stage, name, Accepts::Vector)?;
        self.demand_size(slot, size);
        Ok(slot)
    }

    /// As [`Lowering::vector`], for a stage that takes arrays of doubles or floats as well (Spark's `columnToVector`).
    pub fn vector_or_array(&mut self, stage: &Stage<'_>, name: &str, size: usize) -> Result<SlotId, ReadError> {
        let slot = self.vector(stage, name, size)?;
        match self.type_of(slot) {
            Type::List(_) => Ok(self.node(stage, VectorOp::FromList, &[slot], &[name])?[0]),
            _ => Ok(slot),
        }
    }

    /// Returns the slot of a column that a stage made, or that the user named.
    pub fn find(&self, name: &str) -> Option<SlotId> {
        let place = (*self.places.get(name)?)?;
        Some(self.columns[place].slot)
    }

    /// Returns whether there is such a column: one that a stage reads or makes, or that the user has named.
    pub fn has(&self, name: &str) -> bool {
        match self.places.get(name) {
            Some(place) => place.is_some(),
            None => self.open && self.options.input(name).is_some(),
        }
    }

    fn add_input(&mut self, stage: &Stage<'_>, name: &str, accepts: Accepts) -> Result<SlotId, ReadError> {
        let spec = self.options.input(name);
        let mut input = Input {
            slot: SlotId(0),
            alike: Vec::new(),
            fixed: spec.is_some(),
            accepts: spec.map_or_else(|| accepts.types(), |spec| vec![spec.ty.clone()]),
            exact: accepts.is_exact(),
        };
        let slot = self.builder.input(name, input.takes());
        input.slot = slot;
        let of_vectors = matches!(input.takes().first(), Type::Vector { .. });
        let metadata = spec.and_then(|spec| spec.metadata.as_deref());
        let known = Known {
            ty: Some(input.takes().first().clone()),
            input: Some(self.inputs.len()),
            attributes: metadata.and_then(|metadata| Attributes::parse(metadata, of_vectors)),
            ..Known::default()
        };
        self.slots.push(known);
        self.inputs.push(input);
        self.add_column(stage, name, slot, true)?;
        Ok(slot)
    }

    fn add_column(&mut self, stage: &Stage<'_>, name: &str, slot: SlotId, is_input: bool) -> Result<(), ReadError> {
        let limit = stage.limits.columns_max;
        if self.columns.len() >= limit {
            return stage.meta.too_large("the number of columns", limit as u64 + 1, limit, "columns_max");
        }
        let name: Arc<str> = name.into();
        self.places.insert(name.clone(), Some(self.columns.len()));
        self.columns.push(Column { name, slot, is_input, dropped: false });
        Ok(())
    }

    /// Makes a slot a column.
    pub fn show(&mut self, stage: &Stage<'_>, name: &str, slot: SlotId) -> Result<(), ReadError> {
        if self.places.get(name).is_some_and(Option::is_some) {
            let expected = "an output column that is not there yet";
            return Err(stage.meta.fault(format!("output column `{name}`"), expected, "one that is"));
        }
        self.add_column(stage, name, slot, false)
    }

    /// Leaves a column out from here on; one that nobody has named yet is none of the outputs anyway.
    pub fn drop_column(&mut self, name: &str) {
        if let Some(place) = self.places.insert(name.into(), None).flatten() {
            self.columns[place].dropped = true;
        }
    }

    /// Makes these the columns from here on, in this order. With `rest` all others are there still, as before.
    pub fn project(&mut self, stage: &Stage<'_>, columns: &[(&str, SlotId)], rest: bool) -> Result<(), ReadError> {
        if !rest {
            self.columns.iter_mut().for_each(|column| column.dropped = true);
            self.places.clear();
            self.open = false;
        }
        columns.iter().try_for_each(|(name, slot)| self.show(stage, name, *slot))
    }

    /// Lets the builder know what an input takes by now.
    fn settle(&mut self, slot: SlotId) {
        let Some(input) = self.slots[slot.index()].input.and_then(|place| self.inputs.get(place)) else { return };
        let takes = input.takes();
        if !input.fixed {
            for slot in std::iter::once(&input.slot).chain(&input.alike) {
                self.slots[slot.index()].ty = Some(takes.first().clone());
            }
        }
        self.builder.set_takes(input.slot, takes);
    }

    /// Says that a column has the type of the other, which may be an input whose type nobody knows yet.
    pub fn set_alike(&mut self, slot: SlotId, other: SlotId) {
        let place = self.slots[other.index()].input;
        if let Some(input) = place.and_then(|place| self.inputs.get_mut(place)) {
            input.alike.push(slot);
            self.slots[slot.index()].input = place;
        }
    }

    fn input_of(&self, slot: SlotId) -> Option<&Input> {
        self.inputs.get(self.slots[slot.index()].input?)
    }

    /// Returns whether the caller brings this column, and nobody has said its type.
    pub fn is_free(&self, slot: SlotId) -> bool {
        self.input_of(slot).is_some_and(|input| !input.fixed)
    }

    /// Returns the type of a column, as far as it is known by now.
    pub fn type_of(&self, slot: SlotId) -> &Type {
        self.slots[slot.index()].ty.as_ref().expect("each slot has a type from its beginning")
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
            Some(Type::Vector { size }) => size.or_else(|| self.group(slot)?.size()),
            _ => Some(number),
        }
    }

    /// Returns what is known of a column's meaning.
    pub fn attributes(&self, slot: SlotId) -> Option<&Attributes> {
        let Known { attributes, assumed, .. } = &self.slots[slot.index()];
        let is_number = |slot: &SlotId| self.input_of(*slot).is_none_or(|i| !i.accepts.contains(&Type::VECTOR));
        attributes.as_ref().filter(|_| assumed.iter().all(is_number))
    }

    /// As [`Lowering::group`], for a stage that makes sense only if the elements are known: inputs of the vector that may
    /// be numbers or vectors are numbers from now on.
    pub fn group_of_numbers(&mut self, slot: SlotId) -> Option<&Group> {
        for part in self.slots[slot.index()].assumed.clone() {
            if self.is_open(part)
                && let Some(input) = self.slots[part.index()].input.and_then(|place| self.inputs.get_mut(place))
            {
                input.accepts.retain(|ty| *ty != Type::VECTOR);
                self.settle(part);
            }
        }
        self.group(slot)
    }

    /// Says that the attributes of a vector take these inputs for numbers.
    pub fn assume_numbers(&mut self, slot: SlotId, inputs: Vec<SlotId>) {
        self.slots[slot.index()].assumed = inputs;
    }

    /// Returns what is known of the elements of a column's vectors.
    pub fn group(&self, slot: SlotId) -> Option<&Group> {
        match self.attributes(slot)? {
            Attributes::Group(group) => Some(group),
            Attributes::Scalar(_) => None,
        }
    }

    /// Returns what the numbers of a column mean.
    pub fn kind(&self, slot: SlotId) -> Option<&Kind> {
        match self.attributes(slot)? {
            Attributes::Scalar(kind) => Some(kind),
            Attributes::Group(_) => None,
        }
    }

    /// Says what a column means.
    pub fn set_attributes(&mut self, slot: SlotId, attributes: impl Into<Attributes>) {
        let attributes = attributes.into();
        self.slots[slot.index()].attributes = match self.attributes_left.checked_sub(attributes.room()) {
            Some(left) => {
                self.attributes_left = left;
                Some(attributes)
            }
            None => match attributes {
                Attributes::Group(group) => Some(Group::sized(group.size()).into()),
                Attributes::Scalar(_) => None,
            },
        };
    }

    /// Says which size a column's vectors have, where not every row must have it.
    pub fn claim_size(&mut self, slot: SlotId, size: usize) {
        self.set_attributes(slot, Group::sized(u32::try_from(size).ok()));
    }

    /// Where a vector is assembled from inputs that may be numbers or vectors, its size tells them apart.
    fn demand_size(&mut self, slot: SlotId, size: usize) {
        let parts = self.slots[slot.index()].parts.clone();
        let (open, settled): (Vec<SlotId>, Vec<SlotId>) = parts.iter().partition(|&&part| self.is_open(part));
        let total = |lowering: &Self, parts: &[SlotId]| {
            parts.iter().try_fold(0u32, |sum, &part| sum.checked_add(lowering.size_of(part, 1)?))
        };
        let Some(rest) = total(self, &settled).and_then(|sum| size.checked_sub(sum as usize)) else { return };
        for part in &open {
            let Some(input) = self.slots[part.index()].input.and_then(|place| self.inputs.get_mut(place)) else {
                continue;
            };
            match (rest == open.len(), open.len()) {
                (true, _) => input.accepts.retain(|ty| *ty != Type::VECTOR),
                (false, 1) => input.accepts.retain(|ty| *ty == Type::VECTOR),
                // Some are vectors: shown as such, settled by the data.
                (false, _) => input.accepts.sort_by_key(|ty| *ty != Type::VECTOR),
            }
        }
        open.iter().for_each(|&part| self.settle(part));
        if !open.is_empty() {
            self.slots[slot.index()].ty = Some(Type::Vector { size: total(self, &parts) });
        }
    }
}
