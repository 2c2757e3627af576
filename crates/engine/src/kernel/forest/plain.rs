//! The walk that checks every step: for rows and forests that the others do not take.

use model::column::Row;
use plan::Forest;

use super::sum::Sink;

/// Stands for a number that must not be asked for; no arithmetic makes this NaN.
pub const INVALID: u64 = 0x7FF8_5EED_0BAD_F00D;

/// Walks every tree; the error is the feature that a path reads and that is not there, or invalid.
pub fn walk(forest: &Forest, features: Option<Row<'_>>, row: usize, sink: &mut Sink<'_>) -> Result<(), usize> {
    let inner = forest.split.len();
    for (tree, &root) in forest.roots.iter().enumerate() {
        let mut at = root as usize;
        while at < inner {
            let read = forest.feature[at] as usize;
            let x = features.and_then(|features| feature(features, read)).ok_or(read)?;
            at = if forest.is_left(at, x) { forest.left[at] } else { forest.right[at] } as usize;
        }
        sink.put(row, tree, sink.sums.place((at - inner) as u32));
    }
    Ok(())
}

fn feature(features: Row<'_>, at: usize) -> Option<f64> {
    match features {
        Row::Dense(values) => values.get(at).copied().filter(|x| x.to_bits() != INVALID),
        Row::Sparse { size, indices, values } => {
            let stored = || indices.binary_search(&(at as u32)).map_or(0.0, |k| values[k]);
            (at < size).then(stored)
        }
    }
}
