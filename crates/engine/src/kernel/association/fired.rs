//! Which rules speak for a row.
//!
//! Each item knows the sets it is in; a set is complete when as many of its items were seen as it has.

use std::sync::Arc;

use plan::op::association::{Basket, Fires, SetRules};
use rustc_hash::FxHashMap;

use crate::{
    frame::{Env, Home},
    store::Items,
};

/// [`plan::AssociationOp::Fired`].
pub struct Fired {
    /// The items of each text; none where items come by their places.
    texts: Option<FxHashMap<Box<[u8]>, Vec<u32>>>,
    items: usize,
    /// Where the sets of each item begin in `sets`, and where the last one's end.
    offsets: Box<[u32]>,
    sets: Box<[u32]>,
    /// How many items each set has.
    sizes: Box<[u32]>,
    rules: Arc<[(u32, u32)]>,
    fires: Fires,
    order: Arc<[u32]>,
}

impl Fired {
    pub fn new(rules: &SetRules, fires: Fires, order: Arc<[u32]>) -> Fired {
        let texts = match &rules.basket {
            Basket::Texts(texts) => {
                let mut items = FxHashMap::<Box<[u8]>, Vec<u32>>::default();
                for (text, item) in texts.iter().zip(0..) {
                    items.entry(text.as_bytes().into()).or_default().push(item);
                }
                Some(items)
            }
            Basket::Flags(_) => None,
        };
        let mut of_item = vec![Vec::new(); rules.items()];
        for set in 0..rules.sets() {
            rules.set(set).iter().for_each(|&item| of_item[item as usize].push(set as u32));
        }
        let mut offsets = vec![0];
        for sets in &of_item {
            offsets.push(offsets.last().copied().unwrap_or(0) + sets.len() as u32);
        }
        let sizes = (0..rules.sets()).map(|set| rules.set(set).len() as u32).collect();
        let (offsets, sets) = (offsets.into(), of_item.concat().into());
        Fired { texts, items: rules.items(), offsets, sets, sizes, rules: rules.rules.clone(), fires, order }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        scratch.words.clear();
        scratch.words.resize(self.items + self.sizes.len(), 0);
        let (seen, counts) = scratch.words.split_at_mut(self.items);
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            seen.fill(0);
            counts.fill(0);
            match &self.texts {
                None => {
                    let there = |item: &usize| env.frame.cells(inputs[*item]).number(row) == Some(1.0);
                    (0..self.items).filter(there).for_each(|item| self.see(item, seen, counts));
                }
                Some(texts) => {
                    let lists = env.frame.lists(inputs[0]);
                    if let (true, Items::Text(items)) = (lists.is_valid(row), &lists.items) {
                        let there = lists.range(row).filter(|&i| items.is_valid(i));
                        let there = there.filter_map(|i| texts.get(items.row_bytes(i)));
                        there.flatten().for_each(|&item| self.see(item as usize, seen, counts));
                    }
                }
            }
            let whole = |set: u32| counts[set as usize] == self.sizes[set as usize];
            let fires = |rule: &&u32| {
                let (antecedent, consequent) = self.rules[**rule as usize];
                whole(antecedent)
                    && match self.fires {
                        Fires::Antecedent => true,
                        Fires::New => !whole(consequent),
                        Fires::Both => whole(consequent),
                    }
            };
            let start = out.values.len();
            out.values.extend(self.order.iter().filter(fires).map(|&rule| f64::from(rule)));
            out.end_dense(start);
        }
    }

    fn see(&self, item: usize, seen: &mut [u32], counts: &mut [u32]) {
        if std::mem::replace(&mut seen[item], 1) == 0 {
            let sets = self.offsets[item] as usize..self.offsets[item + 1] as usize;
            self.sets[sets].iter().for_each(|&set| counts[set as usize] += 1);
        }
    }
}
