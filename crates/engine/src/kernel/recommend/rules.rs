//! What rules say of a basket, as Spark's `FPGrowthModel.transform`.
//!
//! Spark looks at every rule for every basket. Here each item knows the sets it is in, and a set is complete when as many of its
//! items were seen as it has: what no item of the basket is in costs nothing.

use model::DType;
use plan::{BasketItems, Rules};
use rustc_hash::FxHashMap;

use crate::{
    frame::{Env, Home},
    store::{Items, ListStore},
};

/// [`plan::RecommendOp::BasketRules`].
pub struct BasketRules {
    items: BasketItems,
    numbers: Numbers,
    /// The number of null, where it is an item.
    null: Option<u32>,
    /// Of each item, the sets it is in.
    sets_of: Runs<u32>,
    /// Of each set, how many items it has, and its rules: their number and the item they speak for.
    sizes: Box<[u32]>,
    rules_of: Runs<(u32, u32)>,
}

/// The numbers of the items.
enum Numbers {
    Texts(FxHashMap<Box<[u8]>, u32>),
    Cells(FxHashMap<u64, u32>),
}

/// Lists of different lengths.
struct Runs<T> {
    offsets: Box<[u32]>,
    entries: Box<[T]>,
}

impl<T: Copy + Default> Runs<T> {
    /// Returns the lists of these keys, which are below `len`; entries of a list keep their order.
    fn new(len: usize, entries: impl Iterator<Item = (u32, T)> + Clone) -> Runs<T> {
        let mut offsets = vec![0; len + 1].into_boxed_slice();
        entries.clone().for_each(|(key, _)| offsets[key as usize + 1] += 1);
        (0..len).for_each(|i| offsets[i + 1] += offsets[i]);
        let mut at = offsets.clone();
        let mut placed = vec![T::default(); offsets[len] as usize].into_boxed_slice();
        for (key, entry) in entries {
            let place = &mut at[key as usize];
            placed[*place as usize] = entry;
            *place += 1;
        }
        Runs { offsets, entries: placed }
    }

    fn of(&self, key: u32) -> &[T] {
        &self.entries[self.offsets[key as usize] as usize..self.offsets[key as usize + 1] as usize]
    }
}

/// What became of an item while a row is looked at.
const NOT_SEEN: u32 = 0;
const IN_BASKET: u32 = 1;
const GIVEN: u32 = 2;

impl BasketRules {
    pub fn new(rules: &Rules) -> BasketRules {
        let (items, sets) = (rules.items.len(), rules.sets());
        let (numbers, null) = numbers(&rules.items);
        let members = (0..sets as u32).flat_map(|set| rules.set(set as usize).iter().map(move |&item| (item, set)));
        let sizes = (0..sets).map(|set| rules.set(set).len() as u32).collect();
        let of_sets = rules.rules.iter().zip(0..).map(|(&(set, item), number)| (set, (number, item)));
        let rules_of = Runs::new(sets, of_sets);
        BasketRules { items: rules.items.clone(), numbers, null, sets_of: Runs::new(items, members), sizes, rules_of }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let lists = env.frame.lists(input);
        let mut out = env.frame.lists_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        scratch.words.clear();
        scratch.words.resize(self.items.len() + self.sizes.len(), NOT_SEEN);
        let (seen, counts) = scratch.words.split_at_mut(self.items.len());
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            if lists.is_valid(row) {
                let basket = lists.range(row).filter_map(|item| self.number(&lists, item));
                self.row(basket, seen, counts, &mut scratch.rows, &mut scratch.cells, &mut out);
            }
            out.end();
        }
    }

    /// Pushes what the rules say of the basket; `seen` and `counts` are zero before and after.
    fn row(
        &self,
        basket: impl Iterator<Item = u32>,
        seen: &mut [u32],
        counts: &mut [u32],
        found: &mut Vec<u32>,
        spoken: &mut Vec<u64>,
        out: &mut ListStore,
    ) {
        found.clear();
        spoken.clear();
        for item in basket {
            if seen[item as usize] == NOT_SEEN {
                seen[item as usize] = IN_BASKET;
                found.push(item);
            }
        }
        for &item in &*found {
            for &set in self.sets_of.of(item) {
                counts[set as usize] += 1;
                if counts[set as usize] == self.sizes[set as usize] {
                    let rules = self.rules_of.of(set).iter();
                    spoken.extend(rules.map(|&(rule, item)| u64::from(rule) << 32 | u64::from(item)));
                }
            }
        }
        for &item in &*found {
            self.sets_of.of(item).iter().for_each(|&set| counts[set as usize] = 0);
        }
        spoken.sort_unstable();
        for item in spoken.iter().map(|&rule_and_item| rule_and_item as u32) {
            if seen[item as usize] == NOT_SEEN {
                seen[item as usize] = GIVEN;
                found.push(item);
                self.push(item, out);
            }
        }
        found.iter().for_each(|&item| seen[item as usize] = NOT_SEEN);
    }

    fn number(&self, lists: &ListStore, item: usize) -> Option<u32> {
        match (&self.numbers, &lists.items) {
            (Numbers::Texts(numbers), Items::Text(texts)) if texts.is_valid(item) => {
                numbers.get(texts.row_bytes(item)).copied()
            }
            (Numbers::Cells(numbers), Items::Cells(cells)) if cells.valid.get(item) => {
                numbers.get(&canonical(cells.dtype, cells.cells[item])?).copied()
            }
            _ => self.null,
        }
    }

    fn push(&self, item: u32, out: &mut ListStore) {
        match (&self.items, &mut out.items) {
            (BasketItems::Texts(items), Items::Text(texts)) => match &items[item as usize] {
                Some(text) => texts.push(text),
                None => texts.push_null(),
            },
            (BasketItems::Cells { cells: items, .. }, Items::Cells(cells)) => cells.push(items[item as usize]),
            _ => unreachable!("the plan gives lists of the items' type"),
        }
    }
}

/// Returns the numbers of the items by what is looked up, and that of null.
fn numbers(items: &BasketItems) -> (Numbers, Option<u32>) {
    match items {
        BasketItems::Texts(texts) => {
            let null = texts.iter().position(Option::is_none).map(|at| at as u32);
            let known = texts.iter().zip(0..);
            let numbers = known.filter_map(|(text, number)| Some((text.as_ref()?.as_bytes().into(), number)));
            (Numbers::Texts(numbers.collect()), null)
        }
        BasketItems::Cells { dtype, cells } => {
            let null = cells.iter().position(Option::is_none).map(|at| at as u32);
            let known = cells.iter().zip(0..);
            let numbers = known.filter_map(|(cell, number)| Some((canonical(*dtype, (*cell)?)?, number)));
            (Numbers::Cells(numbers.collect()), null)
        }
    }
}

/// Returns the cell under which a number is found: one for both zeros, none for NaN.
fn canonical(dtype: DType, cell: u64) -> Option<u64> {
    match dtype {
        DType::F64 => {
            let number = f64::from_bits(cell);
            (!number.is_nan()).then(|| (number + 0.0).to_bits())
        }
        DType::F32 => {
            let number = f32::from_bits(cell as u32);
            (!number.is_nan()).then(|| u64::from((number + 0.0).to_bits()))
        }
        _ => Some(cell),
    }
}
