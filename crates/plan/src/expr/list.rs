//! Lists. Equality is that of [`super::Compare::Eq`], order that of [`super::Compare`].

use std::ops::RangeInclusive;

use model::{DType, Type};

use super::{OnFault, arith};

/// Functions of lists. `int` is an int32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListFunc {
    /// The list of the arguments, all of one type.
    Array,
    /// The number of items, an int; of null it is this.
    Size {
        of_null: Option<i32>,
    },
    /// `(list, int)`: the item at a place counted from 0. Where there is none: null, or by [`OnFault::Refuse`] a refusal.
    Get(OnFault),
    /// `(list, int)`: the item at a place counted from 1, from the end where below 0. Where there is none: null, or by
    /// [`OnFault::Refuse`] a refusal; 0 is always refused.
    ElementAt(OnFault),
    /// `(list, item)`: true where an item equals it, else null where any item is null.
    Contains,
    /// `(list, item)`: the first place, from 1, where an item equals it; 0 where none does: an int64.
    Position,
    /// Nulls first where `ascending`, else last; stable.
    Sort {
        ascending: bool,
    },
    /// The items that no earlier one equals; null once.
    Distinct,
    /// The smallest item that is not null.
    Min,
    /// The largest item that is not null.
    Max,
    /// Of lists of one type.
    Concat,
    /// `(list, from int, length int)`: from 1, or from the end where below 0; empty where `from` lies outside. From 0 and a
    /// length below 0 refuse the row.
    Slice,
    /// `(list of texts, separator)` or with what stands for nulls, which are passed over else.
    Join,
    Reverse,
    /// `(list, list)`: the distinct items of the first that are not in the second; null is an item.
    Except,
    /// `(list, list)`: the distinct items of the first that are in the second; null is an item.
    Intersect,
    /// `(list, list)`: the distinct items of both; null is an item.
    Union,
    /// `(list, list)`: true where they share an item that is not null; else null where both have items and any is null.
    Overlap,
    /// `(list, item)`: without the items that equal it.
    Remove,
    /// `(item, int)`: so many times.
    Repeat,
    /// Of a list of lists, one list; null where any of them is null.
    Flatten,
    /// Without the nulls.
    Compact,
    /// `(list, int, item)`: the list with the item at a place counted from 1, from the end where below 0, and nulls where
    /// places are free. Place 0 refuses the row.
    Insert,
    /// Nulls last; stable.
    SortNullsLast,
    /// `(first, last)` and a step, of signed integers of one type, or of dates and a step of days (int): a list. Without a step
    /// it is 1 or -1, as the ends say; a step that does not lead from the first to the last refuses the row.
    Sequence,
}

impl ListFunc {
    pub fn name(self) -> &'static str {
        match self {
            ListFunc::Array => "array",
            ListFunc::Size { .. } => "size",
            ListFunc::Get(_) => "get",
            ListFunc::ElementAt(_) => "element_at",
            ListFunc::Contains => "list_contains",
            ListFunc::Position => "position",
            ListFunc::Sort { .. } => "sort",
            ListFunc::Distinct => "distinct",
            ListFunc::Min => "list_min",
            ListFunc::Max => "list_max",
            ListFunc::Concat => "list_concat",
            ListFunc::Slice => "slice",
            ListFunc::Join => "join",
            ListFunc::Reverse => "list_reverse",
            ListFunc::Except => "except",
            ListFunc::Intersect => "intersect",
            ListFunc::Union => "union",
            ListFunc::Overlap => "overlap",
            ListFunc::Remove => "remove",
            ListFunc::Repeat => "list_repeat",
            ListFunc::Flatten => "flatten",
            ListFunc::Compact => "compact",
            ListFunc::Insert => "insert",
            ListFunc::SortNullsLast => "sort_nulls_last",
            ListFunc::Sequence => "sequence",
        }
    }

    pub fn arity(self) -> RangeInclusive<usize> {
        match self {
            ListFunc::Array | ListFunc::Concat => 1..=usize::MAX,
            ListFunc::Size { .. } | ListFunc::Sort { .. } | ListFunc::Distinct | ListFunc::Min | ListFunc::Max => 1..=1,
            ListFunc::Reverse | ListFunc::Flatten | ListFunc::Compact | ListFunc::SortNullsLast => 1..=1,
            ListFunc::Slice | ListFunc::Insert => 3..=3,
            ListFunc::Join | ListFunc::Sequence => 2..=3,
            _ => 2..=2,
        }
    }

    pub(crate) fn result(self, args: &[Type]) -> Option<Type> {
        let first = &args[0];
        let same = args.windows(2).all(|w| w[0] == w[1]);
        match self {
            ListFunc::Array => return same.then(|| Type::list(first.clone())),
            ListFunc::Repeat => return (args[1] == Type::I32).then(|| Type::list(first.clone())),
            ListFunc::Sequence => {
                let dtype = first.as_scalar()?;
                let step = if dtype == DType::Date { &Type::I32 } else { first };
                let fits = (dtype == DType::Date || arith::is_signed(dtype)) && args[1] == *first;
                return (fits && args[2..].iter().all(|ty| ty == step)).then(|| Type::list(first.clone()));
            }
            _ => {}
        }
        let Type::List(item) = first else { return None };
        let item = &**item;
        let comparable = arith::is_comparable(item);
        match self {
            ListFunc::Size { .. } => Some(Type::I32),
            ListFunc::Get(_) | ListFunc::ElementAt(_) => (args[1] == Type::I32).then(|| item.clone()),
            ListFunc::Contains => (comparable && args[1] == *item).then_some(Type::BOOL),
            ListFunc::Position => (comparable && args[1] == *item).then_some(Type::I64),
            ListFunc::Remove => (comparable && args[1] == *item).then(|| first.clone()),
            ListFunc::Sort { .. } | ListFunc::SortNullsLast | ListFunc::Distinct => comparable.then(|| first.clone()),
            ListFunc::Min | ListFunc::Max => comparable.then(|| item.clone()),
            ListFunc::Concat | ListFunc::Reverse => same.then(|| first.clone()),
            ListFunc::Except | ListFunc::Intersect | ListFunc::Union => (same && comparable).then(|| first.clone()),
            ListFunc::Overlap => (same && comparable).then_some(Type::BOOL),
            ListFunc::Slice => (args[1..] == [Type::I32, Type::I32]).then(|| first.clone()),
            ListFunc::Join => {
                (*item == Type::Text && args[1..].iter().all(|ty| *ty == Type::Text)).then_some(Type::Text)
            }
            ListFunc::Flatten => matches!(item, Type::List(_)).then(|| item.clone()),
            ListFunc::Compact => Some(first.clone()),
            ListFunc::Insert => (args[1] == Type::I32 && args[2] == *item).then(|| first.clone()),
            ListFunc::Array | ListFunc::Repeat | ListFunc::Sequence => None,
        }
    }
}
