//! Rules between sets of items, and what stands at a number: ids, texts and figures of rules, clusters, neighbours.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// How a row says which items it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Basket {
    /// A list of texts, null the empty one; the items by their texts. A text may stand for several items.
    Texts(Arc<[Box<str>]>),
    /// A float64 for each item, which is there where it is 1.
    Flags(u32),
}

/// Which rules speak for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fires {
    /// Those whose antecedent is in the row.
    Antecedent,
    /// Those whose antecedent is in the row and whose consequent is not.
    New,
    /// Those whose antecedent and consequent are in the row.
    Both,
}

/// How a set of a sequence follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// At the same time.
    Together,
    Later,
    /// At the next time that the row has.
    Next,
}

/// Sequences of sets by number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequences {
    /// Where the steps of each sequence begin, and where the last one's end. Each has one at least.
    pub offsets: Arc<[u32]>,
    /// A set, and how it follows; what the first one says has no meaning.
    pub steps: Arc<[(u32, Follows)]>,
}

/// Sets of items by number, and rules between them.
#[derive(Clone, Debug, PartialEq)]
pub struct SetRules {
    pub basket: Basket,
    /// Where the items of each set begin in `members`, and where the last one's end. A set may be empty: then it is in every row.
    pub offsets: Arc<[u32]>,
    /// Distinct within a set.
    pub members: Arc<[u32]>,
    /// The sets of each rule: antecedent and consequent. Of sequences their numbers.
    pub rules: Arc<[(u32, u32)]>,
    /// Rules between sequences: items come in the order of time, each at a time of its own, or with the times (numbers; items that
    /// have none, and those of NaN, are passed over) beside them in a second list. A sequence is in a row whose sets are.
    pub sequences: Option<Sequences>,
}

/// What stands at a number; `None` is null.
#[derive(Clone, Debug, PartialEq)]
pub enum Table {
    Texts(Arc<[Option<Box<str>>]>),
    Numbers(Arc<[Option<f64>]>),
    Lists(Arc<[Arc<[Box<str>]>]>),
}

/// Ops of rules and numbered things.
#[derive(Clone, Debug, PartialEq)]
pub enum AssociationOp {
    /// The numbers of the rules that fire, a dense vector, in the order of `order`, which has each rule at most once.
    Fired { rules: SetRules, fires: Fires, order: Arc<[u32]> },
    /// What the table has at a number (float64); null where that is null, or no place of the table.
    Entry { table: Table },
    /// What the table has at each number of a vector, a list; nulls as for `Entry`. At most `limit` of them.
    Entries { table: Table, limit: Option<u32> },
}

impl SetRules {
    pub fn items(&self) -> usize {
        match &self.basket {
            Basket::Texts(texts) => texts.len(),
            Basket::Flags(count) => *count as usize,
        }
    }

    pub fn sets(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns the items of a set.
    pub fn set(&self, number: usize) -> &[u32] {
        &self.members[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }

    fn fit(&self) -> bool {
        let (items, sets) = (self.items(), self.sets());
        let ruled = match &self.sequences {
            None => sets,
            Some(sequences) => {
                let ends = sequences.offsets.last().is_some_and(|&end| end as usize == sequences.steps.len());
                let rise = sequences.offsets.first() == Some(&0) && sequences.offsets.windows(2).all(|w| w[0] < w[1]);
                let inside = sequences.steps.iter().all(|(set, _)| (*set as usize) < sets);
                if !(ends && rise && inside && matches!(self.basket, Basket::Texts(_))) {
                    return false;
                }
                sequences.offsets.len() - 1
            }
        };
        let ends =
            self.offsets.first() == Some(&0) && self.offsets.last().is_some_and(|&e| e as usize == self.members.len());
        ends && self.offsets.is_sorted()
            && self.members.iter().all(|&m| (m as usize) < items)
            && self.rules.iter().all(|&(a, c)| (a as usize) < ruled && (c as usize) < ruled)
    }
}

impl Table {
    pub fn ty(&self) -> Type {
        match self {
            Table::Texts(_) => Type::Text,
            Table::Numbers(_) => Type::F64,
            Table::Lists(_) => Type::list(Type::Text),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Table::Texts(entries) => entries.len(),
            Table::Numbers(entries) => entries.len(),
            Table::Lists(entries) => entries.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl AssociationOp {
    pub fn name(&self) -> &'static str {
        match self {
            AssociationOp::Fired { .. } => "fired_rules",
            AssociationOp::Entry { .. } => "entry",
            AssociationOp::Entries { .. } => "entries",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        let give = |ty: Type| Ok(vec![ValueType { ty, place }]);
        let only = |test: fn(&Type) -> bool| matches!(inputs, [one] if test(&one.ty));
        match self {
            AssociationOp::Fired { rules, .. } if matches!(rules.basket, Basket::Texts(_)) => match inputs {
                [items] if items.ty == Type::list(Type::Text) => give(Type::Vector { size: None }),
                [items, times]
                    if rules.sequences.is_some()
                        && items.ty == Type::list(Type::Text)
                        && times.ty == Type::list(Type::F64) =>
                {
                    give(Type::Vector { size: None })
                }
                _ => Err("a column of arrays of strings; of sequences also one of arrays of float64"),
            },
            AssociationOp::Fired { rules, .. } => {
                match inputs.len() == rules.items() && inputs.iter().all(|i| i.ty == Type::F64) {
                    true => give(Type::Vector { size: None }),
                    false => Err("a column of float64 for each item"),
                }
            }
            AssociationOp::Entry { table } if only(|ty| *ty == Type::F64) => give(table.ty()),
            AssociationOp::Entry { .. } => Err("a column of float64"),
            AssociationOp::Entries { table, .. } if only(|ty| matches!(ty, Type::Vector { .. })) => {
                give(Type::list(table.ty()))
            }
            AssociationOp::Entries { .. } => Err("a column of vectors"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fits = match self {
            AssociationOp::Fired { rules, order, .. } => {
                let mut seen = vec![false; rules.rules.len()];
                let once = |&r: &u32| seen.get_mut(r as usize).is_some_and(|s| !std::mem::replace(s, true));
                rules.fit() && order.iter().all(once)
            }
            _ => true,
        };
        if fits { Ok(()) } else { Err(PlanError::parameters(self.name(), "the sizes of its parts do not agree")) }
    }
}
