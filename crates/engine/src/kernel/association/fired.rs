//! Which rules speak for a row.
//!
//! Each item knows the sets it is in; a set is complete when as many of its items were seen as it has. A sequence is there when its
//! steps can be put to moments one after the other: for each step the moments that it may be at follow from those of the one before.

use std::sync::Arc;

use plan::op::association::{Basket, Fires, Follows, Sequences, SetRules};
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
    sequences: Option<Sequenced>,
}

/// Sequences of sets.
struct Sequenced {
    offsets: Arc<[u32]>,
    steps: Arc<[(u32, Follows)]>,
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
        let sequences = rules.sequences.as_ref().map(Sequenced::new);
        Fired { texts, items: rules.items(), offsets, sets, sizes, rules: rules.rules.clone(), fires, order, sequences }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        scratch.words.clear();
        scratch.words.resize(self.items + self.sizes.len(), 0);
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let (seen, counts) = scratch.words.split_at_mut(self.items);
            seen.fill(0);
            counts.fill(0);
            if let Some(sequences) = &self.sequences {
                read(env, inputs, row, &mut scratch.cells);
                let has = &mut scratch.bytes;
                sequences.find(self, env, inputs, scratch.cells.as_chunks::<2>().0, (seen, counts), has);
                let start = out.values.len();
                let whole = |sequence: u32| has[sequence as usize] == 1;
                out.values.extend(self.order.iter().filter(|&&rule| self.fires(rule, whole)).map(|&r| f64::from(r)));
                out.end_dense(start);
                continue;
            }
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
            let start = out.values.len();
            out.values.extend(self.order.iter().filter(|&&rule| self.fires(rule, whole)).map(|&r| f64::from(r)));
            out.end_dense(start);
        }
    }

    fn fires(&self, rule: u32, whole: impl Fn(u32) -> bool) -> bool {
        let (antecedent, consequent) = self.rules[rule as usize];
        whole(antecedent)
            && match self.fires {
                Fires::Antecedent => true,
                Fires::New => !whole(consequent),
                Fires::Both => whole(consequent),
            }
    }

    fn see(&self, item: usize, seen: &mut [u32], counts: &mut [u32]) {
        if std::mem::replace(&mut seen[item], 1) == 0 {
            let sets = self.offsets[item] as usize..self.offsets[item + 1] as usize;
            self.sets[sets].iter().for_each(|&set| counts[set as usize] += 1);
        }
    }
}

/// Reads a row's items in the order of time: of each a number that rises with its time, and its place in the list's items.
fn read(env: &Env<'_>, inputs: &[Home], row: usize, timed: &mut Vec<u64>) {
    timed.clear();
    let items = env.frame.lists(inputs[0]);
    if !items.is_valid(row) {
        return;
    }
    let range = items.range(row);
    let Some(&home) = inputs.get(1) else {
        return timed.extend(range.flat_map(|place| [place as u64, place as u64]));
    };
    let lists = env.frame.lists(home);
    let (true, Items::Cells(cells)) = (lists.is_valid(row), &lists.items) else { return };
    for (place, at) in range.zip(lists.range(row)) {
        let time = f64::from_bits(cells.cells[at]) + 0.0;
        if cells.valid.get(at) && !time.is_nan() {
            let bits = time.to_bits();
            timed.extend([if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }, place as u64]);
        }
    }
    timed.as_chunks_mut::<2>().0.sort_unstable();
}

impl Sequenced {
    fn new(sequences: &Sequences) -> Sequenced {
        Sequenced { offsets: sequences.offsets.clone(), steps: sequences.steps.clone() }
    }

    /// Leaves 1 in `has` for each sequence that the items have.
    ///
    /// `has` holds the sequences, then for each time the sets that are whole then, then which times a step may be at: those of the
    /// step before and its own.
    fn find(
        &self,
        fired: &Fired,
        env: &Env<'_>,
        inputs: &[Home],
        timed: &[[u64; 2]],
        (seen, counts): (&mut [u32], &mut [u32]),
        has: &mut Vec<u8>,
    ) {
        let (count, sets) = (self.offsets.len() - 1, fired.sizes.len());
        let lists = env.frame.lists(inputs[0]);
        let (Items::Text(items), Some(texts)) = (&lists.items, &fired.texts) else { return };
        has.clear();
        has.resize(count, 0);
        let mut moments = 0;
        let mut from = 0;
        while from < timed.len() {
            let to = from + timed[from..].iter().take_while(|[time, _]| *time == timed[from][0]).count();
            seen.fill(0);
            counts.fill(0);
            let there = timed[from..to].iter().map(|[_, place]| *place as usize).filter(|&place| items.is_valid(place));
            let there = there.filter_map(|place| texts.get(items.row_bytes(place)));
            there.flatten().for_each(|&item| fired.see(item as usize, seen, counts));
            has.extend(counts.iter().zip(&fired.sizes).map(|(count, size)| u8::from(count == size)));
            moments += 1;
            from = to;
        }
        let rooms = has.len();
        has.resize(rooms + 2 * moments, 0);
        let (has, rooms) = has.split_at_mut(rooms);
        let (found, whole) = has.split_at_mut(count);
        let (mut before, mut own) = rooms.split_at_mut(moments);
        for (sequence, found) in found.iter_mut().enumerate() {
            let steps = &self.steps[self.offsets[sequence] as usize..self.offsets[sequence + 1] as usize];
            for (k, (set, follows)) in steps.iter().enumerate() {
                let mut earlier = 0;
                for moment in 0..moments {
                    let reached = match follows {
                        _ if k == 0 => 1,
                        Follows::Together => before[moment],
                        Follows::Next => {
                            if moment == 0 {
                                0
                            } else {
                                before[moment - 1]
                            }
                        }
                        Follows::Later => earlier,
                    };
                    earlier |= before[moment];
                    own[moment] = reached & whole[moment * sets + *set as usize];
                }
                std::mem::swap(&mut before, &mut own);
            }
            *found = u8::from(before.contains(&1));
        }
    }
}
