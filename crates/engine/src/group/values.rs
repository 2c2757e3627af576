//! Aggregates that need every value: the percentile and the mode.

use std::{cmp::Ordering, collections::HashMap};

use model::{Builder, Column, DType, PredictError, Type, decimal};
use plan::{Between, Share};

use super::{Budget, accumulator::integer, keys::push_key};
use crate::kernel::hash;

/// The numbers of each group, as they are: beyond 2^53 float64 does not tell all integers apart.
pub enum Numbers {
    Whole(Vec<Vec<i64>>),
    Float(Vec<Vec<f64>>),
    Decimal(Vec<Vec<i128>>, u8),
}

/// How often each value came.
pub struct Counts {
    places: HashMap<(u32, Box<[u8]>), u32>,
    /// Each value of each group once, in the order in which they came.
    values: Builder,
    counted: Vec<Counted>,
    groups: usize,
    /// Whether -0.0 and 0.0 are one value.
    one_zero: bool,
    scratch: Vec<u8>,
}

struct Counted {
    group: u32,
    count: i64,
    hash: u32,
}

// === impl Numbers ===

impl Numbers {
    pub fn new(dtype: DType) -> Numbers {
        match dtype {
            DType::Decimal(_, scale) => Numbers::Decimal(Vec::new(), scale),
            dtype if dtype.is_float() || dtype == DType::U64 => Numbers::Float(Vec::new()),
            _ => Numbers::Whole(Vec::new()),
        }
    }

    pub fn begin(&mut self) {
        match self {
            Numbers::Whole(groups) => groups.push(Vec::new()),
            Numbers::Float(groups) => groups.push(Vec::new()),
            Numbers::Decimal(groups, _) => groups.push(Vec::new()),
        }
    }

    pub fn add(&mut self, group: usize, column: &Column, row: usize, budget: &mut Budget) -> Result<(), PredictError> {
        budget.spend(if matches!(self, Numbers::Decimal(..)) { 16 } else { 8 })?;
        match self {
            Numbers::Whole(groups) => groups[group].push(integer(column, row)),
            Numbers::Float(groups) => groups[group].push(super::accumulator::number(column, row)),
            Numbers::Decimal(groups, _) => groups[group].push(super::accumulator::decimal(column, row)),
        }
        Ok(())
    }

    pub fn percentiles(self, share: Share, between: Between) -> Vec<Option<f64>> {
        fn each<T: Copy>(
            groups: Vec<Vec<T>>,
            (share, between): (Share, Between),
            order: impl Fn(&T, &T) -> Ordering,
            to_f64: impl Fn(T) -> f64,
        ) -> Vec<Option<f64>> {
            let of = |mut values: Vec<T>| {
                values.sort_by(&order);
                percentile(&values, (share, between), |a, b| order(&a, &b).is_eq(), &to_f64)
            };
            groups.into_iter().map(of).collect()
        }
        let share = (share, between);
        match self {
            Numbers::Whole(groups) => each(groups, share, i64::cmp, |x| x as f64),
            Numbers::Decimal(groups, scale) => each(groups, share, i128::cmp, |x| decimal::to_f64(x, scale)),
            Numbers::Float(groups) => {
                let order = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
                each(groups, share, order, |x| x)
            }
        }
    }
}

/// Returns what lies at a share of the way through the values, which are in order.
fn percentile<T: Copy>(
    values: &[T],
    (share, between): (Share, Between),
    same: impl Fn(T, T) -> bool,
    to_f64: impl Fn(T) -> f64,
) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = last as f64 * share.get();
    let (low, high) = (place.floor(), place.ceil());
    let (a, b) = (values[low as usize], values[(high as usize).min(last)]);
    if low == high || same(a, b) {
        return Some(to_f64(a));
    }
    let (a, b) = (to_f64(a), to_f64(b));
    Some(match between {
        Between::Shares => (high - place) * a + (place - low) * b,
        Between::Way => (place - low) * (b - a) + a,
    })
}

// === impl Counts ===

impl Counts {
    pub fn new(ty: &Type, one_zero: bool) -> Counts {
        let (places, values) = (HashMap::new(), Builder::new(ty));
        Counts { places, values, counted: Vec::new(), groups: 0, one_zero, scratch: Vec::new() }
    }

    pub fn begin(&mut self) {
        self.groups += 1;
    }

    pub fn add(&mut self, group: usize, column: &Column, row: usize, budget: &mut Budget) -> Result<(), PredictError> {
        /// What a value takes besides its bytes.
        const ENTRY_BYTES: usize = 64;
        self.scratch.clear();
        let hash = java_hash(column, row, self.one_zero, &mut self.scratch);
        let key = (group as u32, self.scratch.as_slice().into());
        if let Some(&place) = self.places.get(&key) {
            self.counted[place as usize].count += 1;
            return Ok(());
        }
        budget.spend(ENTRY_BYTES + 2 * self.scratch.len())?;
        self.places.insert(key, self.counted.len() as u32);
        self.counted.push(Counted { group: group as u32, count: 1, hash });
        if self.one_zero {
            push_key(&mut self.values, column, row)
        } else {
            self.values.append_row(column, row)
        }
        Ok(())
    }

    /// Returns each group's most frequent value.
    pub fn modes(self, ty: &Type) -> Column {
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); self.groups];
        for (place, counted) in self.counted.iter().enumerate() {
            groups[counted.group as usize].push(place as u32);
        }
        let values = self.values.finish();
        let mut modes = Builder::new(ty);
        for group in groups {
            match mode(&group, &self.counted) {
                Some(place) => modes.append_row(&values, place as usize),
                None => modes.push_null(),
            }
        }
        modes.finish()
    }
}

/// Returns the first of the most frequent, as Spark's tables have them.
fn mode(group: &[u32], counted: &[Counted]) -> Option<u32> {
    let count = |place: u32| counted[place as usize].count;
    let most = group.iter().map(|&place| count(place)).max()?;
    let mut winners = group.iter().copied().filter(|&place| count(place) == most);
    let first = winners.next()?;
    if winners.next().is_none() {
        return Some(first);
    }
    // The table of a partition is written and read, and added to an empty one.
    let table = |order: Vec<u32>| table(&order, |place| counted[place as usize].hash);
    table(table(table(group.to_vec()))).into_iter().find(|&place| count(place) == most)
}

/// Returns the places in the order in which Spark's `OpenHashMap` goes through them, when they were put in in this order.
fn table(places: &[u32], hash_of: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut slots: Vec<Option<u32>> = vec![None; 64];
    let put = |slots: &mut [Option<u32>], place: u32| {
        let mask = slots.len() - 1;
        let mut at = hash::of_seeded(&hash_of(place).to_le_bytes(), 0) as usize & mask;
        let mut step = 1;
        while slots[at].is_some() {
            at = (at + step) & mask;
            step += 1;
        }
        slots[at] = Some(place);
    };
    for (size, &place) in places.iter().enumerate() {
        put(&mut slots, place);
        if size + 1 > (0.7 * slots.len() as f64) as usize {
            let mut wider = vec![None; 2 * slots.len()];
            slots.iter().flatten().for_each(|&place| put(&mut wider, place));
            slots = wider;
        }
    }
    slots.into_iter().flatten().collect()
}

/// Returns the `hashCode` of a value as Spark holds it, and writes bytes that are equal for equal values.
fn java_hash(column: &Column, row: usize, one_zero: bool, key: &mut Vec<u8>) -> u32 {
    let fold = |bits: u64| (bits ^ (bits >> 32)) as u32;
    let (bits, hash) = match column {
        Column::Text(texts) => {
            let bytes = texts.bytes(row);
            key.extend_from_slice(bytes);
            return hash::of_bytes::<true>(bytes, 0, bytes.len());
        }
        Column::Fixed(fixed) => match fixed.dtype() {
            DType::F64 => {
                let x = fixed.values::<f64>()[row] + if one_zero { 0.0 } else { -0.0 };
                let bits = (if x.is_nan() { f64::NAN } else { x }).to_bits();
                (bits, fold(bits))
            }
            DType::F32 => {
                let x = fixed.values::<f32>()[row] + if one_zero { 0.0 } else { -0.0 };
                let bits = (if x.is_nan() { f32::NAN } else { x }).to_bits();
                (bits.into(), bits)
            }
            DType::U64 => (fixed.values::<u64>()[row], fold(fixed.values::<u64>()[row])),
            DType::Bool => {
                let truth = integer(column, row);
                (truth as u64, if truth == 1 { 1231 } else { 1237 })
            }
            DType::I64 | DType::Timestamp => {
                let bits = integer(column, row) as u64;
                (bits, fold(bits))
            }
            _ => (integer(column, row) as u64, integer(column, row) as u32),
        },
        _ => unreachable!("inferred for numbers, booleans, times or texts"),
    };
    key.extend_from_slice(&bits.to_le_bytes());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_grow_before_they_are_full() {
        let order = table(&(0..100).collect::<Vec<_>>(), |place| place);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        // What goes in last does not come last: it has a slot by its hash.
        assert_ne!(order, sorted);
    }

    #[test]
    fn a_share_falls_between_two() {
        let at = |values: &[i64], share| {
            let share = Share::new(share).expect("a share");
            percentile(values, (share, Between::Shares), |a, b| a == b, |x| x as f64)
        };
        assert_eq!(at(&[], 0.5), None);
        assert_eq!((at(&[3], 0.9), at(&[0, 10], 0.3), at(&[0, 10], 1.0)), (Some(3.0), Some(3.0), Some(10.0)));
        assert_eq!(at(&[1, 2, 2, 9], 0.5), Some(2.0));
    }
}
