//! Where the rows end and groups of them go on: the plan so far is put aside, and a plan over the groups begins.

use std::{collections::HashSet, sync::Arc};

use model::{Takes, Type};
use plan::{Aggregation, Plan, PlanBuilder, PlanError, SlotId};

use super::{Lowering, columns::Known};
use crate::{ReadError, spark::Stage};

/// A plan that ends in groups, its own part finished.
pub(super) struct Ended {
    builder: PlanBuilder,
    step: Arc<str>,
    keys: Vec<SlotId>,
    aggregates: Vec<Aggregation>,
}

impl Lowering<'_> {
    /// Goes on with groups of the rows: by keys, which get these names, and of aggregates. Returns the slots of the keys, then
    /// of the aggregates; the slots so far are of no more use, no column is there any more, and none that nobody has named
    /// ([`Lowering::show`] and [`Lowering::project`] make columns of slots).
    pub fn group_rows(
        &mut self,
        stage: &Stage<'_>,
        keys: &[(SlotId, &str)],
        aggregates: &[(Aggregation, &str)],
    ) -> Result<Vec<SlotId>, ReadError> {
        let step: Arc<str> = stage.meta.uid.as_str().into();
        let mut known: Vec<Known> = Vec::with_capacity(keys.len() + aggregates.len());
        for (key, _) in keys {
            let Known { ty, attributes, .. } = self.slots[key.index()].clone();
            known.push(Known { ty, attributes, ..Known::default() });
        }
        for (Aggregation { op, inputs, .. }, _) in aggregates {
            let types: Vec<&Type> = inputs.iter().map(|&slot| self.type_of(slot)).collect();
            let got = || types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let ty = op.result(&types).map_err(|expected| {
                let (step, expected) = (step.clone(), expected.to_owned());
                self.plan_error(stage, PlanError::Types { step, op: op.name(), expected, got: got() })
            })?;
            known.push(Known { ty: Some(ty), ..Known::default() });
        }
        let limit = stage.limits.columns_max;
        if known.len() > limit {
            return stage.meta.too_large("the number of columns", known.len() as u64, limit, "columns_max");
        }
        let names = keys.iter().map(|(_, name)| *name).chain(aggregates.iter().map(|(_, name)| *name));
        let mut builder = PlanBuilder::new();
        let mut taken = HashSet::new();
        let mut slots = Vec::with_capacity(known.len());
        for ((place, name), known) in names.enumerate().zip(&known) {
            // Faults are told by names, so they stay where they can.
            let name = if taken.insert(name.to_owned()) { name.to_owned() } else { format!("{name}#{place}") };
            taken.insert(name.clone());
            slots.push(builder.input(&name, Takes::One(known.ty.clone().expect("as was just set"))));
        }
        self.ended.push(Ended {
            builder: std::mem::replace(&mut self.builder, builder),
            step,
            keys: keys.iter().map(|(slot, _)| *slot).collect(),
            aggregates: aggregates.iter().map(|(aggregate, _)| aggregate.clone()).collect(),
        });
        (self.slots, self.open) = (known, false);
        self.inputs.clear();
        self.columns.clear();
        self.places.clear();
        self.edges.clear();
        Ok(slots)
    }

    /// Returns the plan whose last part this is.
    pub(super) fn join_groups(&mut self, last: PlanBuilder) -> Result<Plan, PlanError> {
        let mut plan = last.finish()?;
        while let Some(Ended { mut builder, step, keys, aggregates }) = self.ended.pop() {
            builder.group(&step, &keys, aggregates, plan);
            plan = builder.finish()?;
        }
        Ok(plan)
    }
}
