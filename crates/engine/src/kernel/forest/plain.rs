//! The walk that checks every step: for rows and forests that the others do not take.

use model::column::Row;
use plan::{Forest, ForestSplit};

use super::walk::Sink;

/// Walks every tree; nothing where a path reads a feature that is not there.
pub fn walk(forest: &Forest, features: Option<Row<'_>>, row: usize, sink: &mut Sink<'_>) -> Option<()> {
    let inner = forest.split.len();
    for (tree, &root) in forest.roots.iter().enumerate() {
        let mut at = root as usize;
        while at < inner {
            let x = feature(features?, forest.feature[at] as usize)?;
            let left = match forest.split[at] {
                ForestSplit::Threshold(threshold) => x <= threshold,
                ForestSplit::Set { set, left_if_in } => is_in(&forest.sets[set as usize], x) == left_if_in,
            };
            at = if left { forest.left[at] } else { forest.right[at] } as usize;
        }
        sink.put(row, tree, (at - inner) as u32);
    }
    Some(())
}

fn feature(features: Row<'_>, at: usize) -> Option<f64> {
    match features {
        Row::Dense(values) => values.get(at).copied(),
        Row::Sparse { size, indices, values } => {
            let stored = || indices.binary_search(&(at as u32)).map_or(0.0, |k| values[k]);
            (at < size).then(stored)
        }
    }
}

/// Returns whether the value equals an integer that is in the set.
fn is_in(set: &[u64], x: f64) -> bool {
    let category = x as u64;
    let word = usize::try_from(category / 64).ok().and_then(|word| set.get(word));
    category as f64 == x && word.is_some_and(|word| word >> (category % 64) & 1 == 1)
}
