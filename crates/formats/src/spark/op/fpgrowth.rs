//! FPGrowthModel: rules made of frequent sets of items, as Spark's `AssociationRules`.
//!
//! Every set speaks for each of its items through the others: `{a, b, c}` gives `{b, c} -> a` and so on. A rule counts where the
//! others are a frequent set of their own, in the same order, and the set is frequent enough among them (`minConfidence`). [`order`] says
//! which rule comes first.

use std::{collections::hash_map::Entry, hash::Hash, sync::Arc};

use model::{DType, Type};
use plan::{BasketItems, RecommendOp, Rules};
use rustc_hash::FxHashMap;

use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Cells, Table},
        lower::{Accepts, Lowering},
    },
};

mod order;

use order::Scala;

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let confidence = stage.f64_or("minConfidence", 0.8)?;
    if !(0.0..=1.0).contains(&confidence) {
        return Err(stage.meta.fault("minConfidence", "a number from 0 to 1", confidence.to_string()));
    }
    let table = stage.table("data")?;
    let (mut items, sets) = sets(stage, &table)?;
    let accepts = match &items {
        BasketItems::Texts(_) => Accepts::Texts,
        BasketItems::Cells { dtype, .. } => Accepts::ListOf(*dtype),
    };
    let basket = lowering.column(stage, stage.text_or("itemsCol", "items")?, accepts)?;
    if let (true, Type::List(item)) = (sets.is_empty(), lowering.type_of(basket))
        && let Some(dtype) = item.as_scalar()
    {
        // No set is frequent: baskets of whatever items get nothing.
        items = BasketItems::Cells { dtype, cells: Arc::default() };
    }
    let op = RecommendOp::BasketRules(rules(stage, items, &sets, confidence)?);
    match stage.text_or("predictionCol", "prediction")? {
        "" => Ok(()),
        name => lowering.make(stage, op, &[basket], name).map(|_| ()),
    }
}

/// A frequent set: its items by number, and how often it occurs.
struct FrequentSet {
    items: Vec<u32>,
    count: f64,
}

/// Returns the distinct items, and the sets in the order in which they were saved.
fn sets(stage: &Stage<'_>, table: &Table<'_>) -> Result<(BasketItems, Vec<FrequentSet>), ReadError> {
    let mut ty: Option<Type> = None;
    let (mut texts, mut cells) = (Numbered::default(), Numbered::default());
    let mut sets = Vec::new();
    for rows in table.parts() {
        let (lists, counts) = (rows.column("items")?, rows.column("freq")?);
        for row in 0..rows.len() {
            let (column, range) = lists.items(row)?;
            let found = ty.get_or_insert_with(|| column.ty());
            if *found != column.ty() {
                return Err(column.fault(format!("items of {found}, as in other parts"), column.ty().to_string()));
            }
            let number = |item: usize| match found {
                Type::Text => texts.number(text(&column, item)?, column),
                _ => cells.number(cell(stage, &column, found, item)?, column),
            };
            let items = range.map(number).collect::<Result<_, _>>()?;
            sets.push(FrequentSet { items, count: counts.int(row)? as f64 });
        }
    }
    let items = match ty {
        Some(Type::Fixed { dtype, .. }) => BasketItems::Cells { dtype, cells: cells.items.into() },
        _ => BasketItems::Texts(texts.items.into()),
    };
    Ok((items, sets))
}

/// Items with their numbers.
struct Numbered<T> {
    numbers: FxHashMap<Option<T>, u32>,
    items: Vec<Option<T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { numbers: FxHashMap::default(), items: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, item: Option<T>, cells: Cells<'_>) -> Result<u32, ReadError> {
        let next = u32::try_from(self.items.len()).map_err(|_| cells.fault("fewer than 2^32 items", "more"))?;
        Ok(match self.numbers.entry(item) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.items.push(entry.key().clone());
                *entry.insert(next)
            }
        })
    }
}

fn text(cells: &Cells<'_>, item: usize) -> Result<Option<Box<str>>, ReadError> {
    cells.is_some(item).then(|| cells.text(item).map(Into::into)).transpose()
}

fn cell(stage: &Stage<'_>, cells: &Cells<'_>, ty: &Type, item: usize) -> Result<Option<u64>, ReadError> {
    let Some(dtype) = ty.as_scalar().filter(|dtype| !dtype.is_decimal()) else {
        return Err(stage.unimplemented(format!("items of {ty}")));
    };
    if !cells.is_some(item) {
        return Ok(None);
    }
    let bits = cells.bits(item)?;
    // Both zeros are one item.
    Ok(Some(match dtype {
        DType::F64 => (f64::from_bits(bits) + 0.0).to_bits(),
        DType::F32 => u64::from((f32::from_bits(bits as u32) + 0.0).to_bits()),
        _ => bits,
    }))
}

/// What was made of the sets: antecedents, and the rules of each, not in their order yet.
#[derive(Default)]
struct Made {
    /// Every sequence of items that Spark puts into its table, numbered as they come.
    numbers: FxHashMap<Vec<u32>, u32>,
    hashes: Vec<u32>,
    /// Sequence and item.
    rules: Vec<(u32, u32)>,
}

fn rules(stage: &Stage<'_>, items: BasketItems, sets: &[FrequentSet], confidence: f64) -> Result<Rules, ReadError> {
    // Each set is gone through once for each of its items.
    let work: u64 = sets.iter().map(|set| (set.items.len() as u64).saturating_pow(2)).fold(0, u64::saturating_add);
    let limit = stage.limits.values_max / 4;
    if work > limit as u64 {
        return stage.meta.too_large("the sum of the squares of all sets' sizes", work, limit, "values_max / 4");
    }
    let newer = stage.meta.is_from(4, 0);
    let scala = if newer { Scala::From213 } else { Scala::Before213 };
    let mut made = made(&items, sets, confidence, scala);
    if let Some(order) = order::of_table(&made.hashes) {
        let mut ranks = vec![0_u32; order.len()];
        (0..).zip(order).for_each(|(rank, number)| ranks[number as usize] = rank);
        made.rules.sort_by_key(|(number, _)| ranks[*number as usize]);
    }
    let mut sequences: Vec<Vec<u32>> = vec![Vec::new(); made.numbers.len()];
    made.numbers.into_iter().for_each(|(sequence, number)| sequences[number as usize] = sequence);
    let mut compact: FxHashMap<u32, u32> = FxHashMap::default();
    let (mut offsets, mut members) = (vec![0], Vec::new());
    for (number, _) in &mut made.rules {
        let next = compact.len() as u32;
        *number = *compact.entry(*number).or_insert_with(|| {
            let mut sequence = std::mem::take(&mut sequences[*number as usize]);
            sequence.sort_unstable();
            sequence.dedup();
            members.extend(sequence);
            offsets.push(members.len() as u32);
            next
        });
    }
    Ok(Rules { items, offsets: offsets.into(), members: members.into(), rules: made.rules.into() })
}

fn made(items: &BasketItems, sets: &[FrequentSet], confidence: f64, scala: Scala) -> Made {
    // Of a set that is there twice the rarer one makes the surer rules.
    let mut counts: FxHashMap<&[u32], f64> = FxHashMap::default();
    for set in sets {
        let count = counts.entry(&set.items).or_insert(set.count);
        *count = count.min(set.count);
    }
    let item_hashes = order::hashes(items);
    let mut made = Made::default();
    let number = |sequence: &[u32], made: &mut Made| match made.numbers.get(sequence) {
        Some(&number) => number,
        None => {
            let number = made.hashes.len() as u32;
            made.hashes.push(order::sequence(scala, sequence.iter().map(|&item| item_hashes[item as usize])));
            made.numbers.insert(sequence.to_vec(), number);
            number
        }
    };
    let mut others = Vec::new();
    for set in sets {
        for &item in &set.items {
            others.clear();
            others.extend(set.items.iter().copied().filter(|other| *other != item));
            if others.is_empty() {
                continue;
            }
            let number = number(&others, &mut made);
            // Written so that 0 of 0 is no rule.
            if counts.get(others.as_slice()).is_some_and(|count| set.count / count >= confidence) {
                made.rules.push((number, item));
            }
        }
    }
    for set in sets {
        number(&set.items, &mut made);
    }
    made
}

#[cfg(test)]
mod tests;
