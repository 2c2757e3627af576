//! Boosted trees, as TensorFlow's estimators leave them: an ensemble in a resource, read to trees that the engine's forests walk, and
//! the buckets of its features.
//!
//! The ensemble's message is `boosted_trees.proto`: a tree's first node is its root, a split asks whether a bucket is at most
//! (or, of categories, equal to) a number, a leaf has a logit or a vector of them. Leaves times their tree's weight are summed in
//! float32, tree by tree (`prediction_ops.cc`). A feature is a vector of buckets, or a matrix with a column for each dimension.

use std::sync::Arc;

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{
        Binary, ElementOp, IndexOp, LayoutOp, LearnOp,
        learn::{Table, TableNode, Test, Together, Transform, TreeEnd, TreesOp, TreesParts},
    },
};

use super::{At, Lower, Row, Slots, row};
use crate::{ReadError, protobuf::Message};

pub(super) const ROWS: &[Row] = &[
    row("BoostedTreesBucketize", bucketize),
    row("BoostedTreesPredict", predict),
    row("BoostedTreesQuantileStreamResourceGetBucketBoundaries", boundaries),
];

/// Most dimensions of one feature.
const DIMENSIONS_MAX: usize = 1 << 16;

/// Most logits of a row.
const LOGITS_MAX: usize = 1 << 16;

/// Returns the texts that a resource holds.
fn texts<'l>(lower: &'l Lower<'_, '_>, at: &At<'_, '_>) -> Result<Vec<&'l [u8]>, ReadError> {
    let place = at.table.ok_or_else(|| at.fault("works on no resource"))?;
    let of = &lower.program.store.tables[place];
    let texts = of.values.texts().ok_or_else(|| at.fault(format_args!("`{}` holds no texts", of.name)))?;
    Ok(texts.iter().map(|text| &text[..]).collect())
}

/// The boundaries of buckets, of each feature.
fn boundaries(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let wanted = at.site.int("num_features").and_then(|count| usize::try_from(count).ok());
    let float = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let all = texts(lower, at)?;
    let all: Vec<Vec<f32>> = all.iter().map(|text| text.as_chunks::<4>().0.iter().map(float).collect()).collect();
    if wanted != Some(all.len()) {
        return Err(
            at.fault(format_args!("asks for another number of features than the {} that are restored", all.len()))
        );
    }
    Ok(all.into_iter().map(|boundaries| lower.constant(Tensor::vector(boundaries))).collect())
}

/// The place of the first boundary that is not below the value; of none, the last place.
fn bucketize(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let features = at.inputs.len() / 2;
    if at.site.int("num_features").and_then(|count| usize::try_from(count).ok()) != Some(features) {
        return Err(at.fault("has another number of inputs than `num_features` says"));
    }
    let (values, boundaries) = at.inputs.split_at(features);
    let mut buckets = Vec::with_capacity(features);
    for (value, boundaries) in values.iter().zip(boundaries) {
        let known = lower.constants.get(boundaries).and_then(|whole| whole.as_tensor()).map(Tensor::len);
        let known = known.ok_or_else(|| at.unimplemented("boundaries that are computed"))?;
        let last = i32::try_from(known.saturating_sub(1)).map_err(|_| at.fault("has too many boundaries"))?;
        let (flat, last) = (lower.ints(&[-1]), lower.constant(Tensor::scalar(last)));
        let value = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[*value, flat])?;
        let search = IndexOp::SearchSorted { right: false, dtype: DType::I32 };
        let bucket = lower.add(at, search, &[*boundaries, value])?;
        buckets.push(lower.add(at, ElementOp::Binary(Binary::Min), &[bucket, last])?);
    }
    Ok(buckets)
}

/// The logits of each row.
fn predict(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let width = at.site.int("logits_dimension").and_then(|count| usize::try_from(count).ok());
    let width = width.filter(|width| (1..=LOGITS_MAX).contains(width));
    let width = width.ok_or_else(|| at.fault("has no usable attribute `logits_dimension`"))?;
    let ensemble = texts(lower, at)?;
    let [ensemble] = ensemble[..] else { return Err(at.fault("works on a resource that is no ensemble of trees")) };
    let mut reading = Reading { at, width, sizes: vec![1; at.inputs.len()], parts: TreesParts::default() };
    let nodes = reading.ensemble(Message::new(at.file, ensemble))?;
    let Reading { sizes, parts, .. } = reading;
    let parts = finish(at, nodes, &sizes, parts)?;
    let fault = |source| ReadError::Plan {
        file: at.file.to_owned(),
        class: at.site.op().to_owned(),
        stage: format!("node `{}`", at.node.name),
        source: Box::new(source),
    };
    let op = TreesOp {
        table: Table::new(parts, width).map_err(fault)?,
        width,
        together: Together::Sum,
        base: Vec::new(),
        transform: Transform::None,
        is_double: false,
        gives_double: false,
        end: TreeEnd::Scores,
    };
    let mut columns: Vec<SlotId> = Vec::with_capacity(at.inputs.len());
    for slot in &at.inputs {
        columns.push(lower.add(at, LayoutOp::Flatten { axis: 1 }, &[*slot])?);
    }
    let x = lower.add(at, LearnOp::Features { sizes }, &columns)?;
    lower.add(at, LearnOp::Trees(Arc::new(op)), &[x]).map(|slot| vec![slot])
}

/// A split as it is written; its children are numbers of nodes of its tree.
struct Split {
    feature: usize,
    dimension: usize,
    test: Test,
    value: f64,
    children: [Made; 2],
}

/// What a node has become: a split, or a leaf.
#[derive(Clone, Copy)]
enum Made {
    Split(u32),
    Leaf(u32),
}

struct Reading<'r> {
    at: &'r At<'r, 'r>,
    width: usize,
    /// Of each feature, how many dimensions are asked for.
    sizes: Vec<usize>,
    /// Its nodes are made in the end.
    parts: TreesParts,
}

/// The splits and the roots of all trees.
type Nodes = (Vec<Split>, Vec<Made>);

impl Reading<'_> {
    fn ensemble(&mut self, ensemble: Message<'_>) -> Result<Nodes, ReadError> {
        let mut weights = ensemble.floats(2);
        let (mut splits, mut roots) = (Vec::new(), Vec::new());
        for (number, tree) in ensemble.all(1).enumerate() {
            let weight = weights.next().transpose()?;
            let weight = weight.ok_or_else(|| self.at.fault(format_args!("tree {number} has no weight")))?;
            let nodes: Vec<Message<'_>> =
                tree?.message()?.all(1).map(|node| node?.message()).collect::<Result<_, _>>()?;
            let mut made = Vec::with_capacity(nodes.len());
            let mut next = u32::try_from(splits.len()).map_err(|_| self.at.fault("has too many splits"))?;
            for node in &nodes {
                made.push(match node.last(1)? {
                    Some(leaf) => self.leaf(leaf.message()?, weight)?,
                    None => {
                        next = next.checked_add(1).ok_or_else(|| self.at.fault("has too many splits"))?;
                        Made::Split(next - 1)
                    }
                });
            }
            let root = made.first().ok_or_else(|| self.at.fault(format_args!("tree {number} has no nodes")))?;
            roots.push(*root);
            for (node, _) in nodes.iter().zip(&made).filter(|(_, made)| matches!(made, Made::Split(_))) {
                splits.push(self.split(*node, &made)?);
            }
        }
        Ok((splits, roots))
    }

    fn leaf(&mut self, leaf: Message<'_>, weight: f32) -> Result<Made, ReadError> {
        let logits: Vec<f32> = match leaf.last(1)? {
            Some(vector) => vector.message()?.floats(1).collect::<Result<_, _>>()?,
            None => vec![leaf.last(3)?.map(|scalar| scalar.float()).transpose()?.unwrap_or(0.0)],
        };
        if logits.len() != self.width {
            let (got, width) = (logits.len(), self.width);
            return Err(self.at.fault(format_args!("has a leaf of {got} logits where `logits_dimension` is {width}")));
        }
        let weighted = logits.iter().zip(0..).map(|(logit, at)| (at, f64::from(weight * logit)));
        self.parts.weights.extend(weighted);
        let end = u32::try_from(self.parts.weights.len()).map_err(|_| self.at.fault("has too many leaves"))?;
        self.parts.leaves.push(end);
        Ok(Made::Leaf(self.parts.leaves.len() as u32 - 1))
    }

    fn split(&mut self, node: Message<'_>, made: &[Made]) -> Result<Split, ReadError> {
        let (split, test) = match (node.last(2)?, node.last(3)?) {
            (Some(split), None) => (split.message()?, Test::LessEqual),
            (None, Some(split)) => (split.message()?, Test::Equal),
            _ => return Err(self.at.unimplemented("a node that is no leaf and asks for no bucket or category")),
        };
        let int = |number: u32| -> Result<i32, ReadError> {
            split.last(number)?.map(|field| field.int32()).transpose().map(Option::unwrap_or_default)
        };
        let place = |number: u32| int(number).map(|int| usize::try_from(int).unwrap_or(usize::MAX));
        let (feature, dimension) = (place(1)?, place(5)?);
        let size = self.sizes.get_mut(feature).filter(|_| dimension < DIMENSIONS_MAX);
        let size = size.ok_or_else(|| self.at.fault("has a tree that asks for a feature that is not there"))?;
        *size = (*size).max(dimension + 1);
        let child = |number: u32| -> Result<Made, ReadError> {
            let made = made.get(place(number)?).copied();
            made.ok_or_else(|| self.at.fault("has a tree that goes on at a node that is not there"))
        };
        Ok(Split { feature, dimension, test, value: int(2)?.into(), children: [child(3)?, child(4)?] })
    }
}

/// Puts nodes and leaves in one row, and features into columns.
fn finish(
    at: &At<'_, '_>,
    (splits, roots): Nodes,
    sizes: &[usize],
    mut parts: TreesParts,
) -> Result<TreesParts, ReadError> {
    let mut begins = Vec::with_capacity(sizes.len());
    let mut next = 0_usize;
    for size in sizes {
        begins.push(next);
        next += size;
    }
    let count = u32::try_from(splits.len()).ok().filter(|count| count.checked_add(parts.leaves.len() as u32).is_some());
    let count = count.ok_or_else(|| at.fault("has too many nodes"))?;
    let place = |made: &Made| match made {
        Made::Split(split) => *split,
        Made::Leaf(leaf) => count + leaf,
    };
    parts.roots = roots.iter().map(place).collect();
    for split in &splits {
        let column = begins[split.feature] + split.dimension;
        parts.nodes.push(TableNode {
            feature: u32::try_from(column).map_err(|_| at.fault("has too many features"))?,
            test: split.test,
            value: split.value,
            nan_is_yes: false,
            yes: place(&split.children[0]),
            no: place(&split.children[1]),
        });
    }
    Ok(parts)
}
