//! What a user may like: factors of users and items, rules between items of a basket.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// Vectors by id.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// They rise strictly.
    pub ids: Arc<[i32]>,
    /// `rank` numbers for each id, in the order of the ids.
    pub values: Arc<[f32]>,
}

/// Distinct items; `None` is null.
#[derive(Clone, Debug, PartialEq)]
pub enum BasketItems {
    Texts(Arc<[Option<Box<str>>]>),
    /// Numbers as the engine's cells hold them: a float64 by its bits, a float32 by its bits in the low half, everything else
    /// widened to 64 bits.
    Cells {
        dtype: DType,
        cells: Arc<[Option<u64>]>,
    },
}

/// Rules of a basket: a set of items speaks for an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub items: BasketItems,
    /// Where the items of each set begin in `members`, and where the last one's end.
    pub offsets: Arc<[u32]>,
    pub members: Arc<[u32]>,
    /// Set and item, by number.
    pub rules: Arc<[(u32, u32)]>,
}

/// Ops of recommendation.
#[derive(Clone, Debug, PartialEq)]
pub enum RecommendOp {
    /// Two ids to the float32 product of their vectors, summed in float32 from the first element on. An id that is not there
    /// gives NaN. Ids are numbers of any width; null, and what is no integer of 32 bits, is refused. With `drop`, rows whose
    /// answer is NaN are dropped.
    FactorDot { users: Factors, items: Factors, rank: u32, drop: bool },
    /// A list of items to the list of those that rules speak for: of each rule whose whole set is in the list, the item, where
    /// it is not in the list itself; each once, in the order of the rules. Null gives an empty list. 0.0 and -0.0 are one item;
    /// a NaN is never found.
    BasketRules(Rules),
}

impl RecommendOp {
    pub fn name(&self) -> &'static str {
        match self {
            RecommendOp::FactorDot { .. } => "factor_dot",
            RecommendOp::BasketRules(_) => "basket_rules",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let place = same_rows(inputs);
        match (self, inputs, place) {
            (RecommendOp::FactorDot { .. }, [user, item], Some(place)) => {
                let number = |v: &ValueType| v.ty.as_scalar().is_some_and(DType::is_number);
                match number(user) && number(item) {
                    true => Ok(vec![ValueType { ty: Type::F32, place }]),
                    false => Err("two columns of numbers"),
                }
            }
            (RecommendOp::FactorDot { .. }, ..) => Err("two columns of numbers"),
            (RecommendOp::BasketRules(rules), [one], Some(_)) if one.ty == Type::list(rules.items.ty()) => {
                Ok(vec![one.clone()])
            }
            (RecommendOp::BasketRules(_), ..) => Err("a column of arrays of the type of its items"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fits = match self {
            RecommendOp::FactorDot { users, items, rank, .. } => users.fit(*rank) && items.fit(*rank),
            RecommendOp::BasketRules(rules) => rules.fit(),
        };
        if fits { Ok(()) } else { Err(PlanError::parameters(self.name(), "the sizes of its parts do not agree")) }
    }
}

impl Factors {
    fn fit(&self, rank: u32) -> bool {
        let values = self.ids.len().checked_mul(rank as usize);
        values == Some(self.values.len()) && self.ids.windows(2).all(|w| w[0] < w[1])
    }
}

impl BasketItems {
    /// Returns the type of an item.
    pub fn ty(&self) -> Type {
        match self {
            BasketItems::Texts(_) => Type::Text,
            BasketItems::Cells { dtype, .. } => Type::scalar(*dtype),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            BasketItems::Texts(texts) => texts.len(),
            BasketItems::Cells { cells, .. } => cells.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rules {
    /// Returns the number of sets.
    pub fn sets(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns the items of a set.
    pub fn set(&self, number: usize) -> &[u32] {
        &self.members[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }

    fn fit(&self) -> bool {
        let (items, sets) = (self.items.len(), self.sets());
        let ends =
            self.offsets.first() == Some(&0) && self.offsets.last().is_some_and(|&e| e as usize == self.members.len());
        ends && self.offsets.windows(2).all(|w| w[0] < w[1])
            && self.members.iter().all(|&m| (m as usize) < items)
            && self.rules.iter().all(|&(set, item)| (set as usize) < sets && (item as usize) < items)
    }
}
