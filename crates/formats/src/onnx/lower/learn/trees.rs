//! Trees of `ai.onnx.ml`: their attributes to a table of nodes.
//!
//! The old form lists all nodes, leaves among them, by numbers of trees and nodes; a tree's first node is its root, and nodes may
//! share what is below them. The new one lists inner nodes and leaves apart.

use std::sync::Arc;

use model::{DType, Tensor, tensor::Bytes};
use plan::{
    SlotId,
    tensor::{
        LearnOp,
        learn::{Table, TableNode, Test, Together, Transform, TreeEnd, TreesOp, TreesParts},
    },
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{super::super::graph::Node, Lower, Slots, labels, texts, transform, value};
use crate::ReadError;

/// Most leaves that are written out where a tree names one more than once.
const LEAVES_MAX: usize = 1 << 26;

/// Returns a list of floats, or the tensor in its place.
fn floats(lower: &Lower<'_>, node: &Node<'_>, name: &str) -> Result<Vec<f64>, ReadError> {
    match tensor(lower, node, &format!("{name}_as_tensor"))? {
        Some(list) if !list.is_empty() => Ok(list),
        _ => Ok(node.floats(name)?.unwrap_or_default().into_iter().map(f64::from).collect()),
    }
}

/// Returns the numbers of a tensor of float32 or float64.
fn tensor(lower: &Lower<'_>, node: &Node<'_>, name: &str) -> Result<Option<Vec<f64>>, ReadError> {
    let Some(tensor) = node.tensor(name)? else { return Ok(None) };
    let tensor = value::dense(lower.cx, tensor)?;
    match (tensor.get::<f32>(), tensor.get::<f64>()) {
        (Some(list), _) => Ok(Some(list.iter().map(|x| f64::from(*x)).collect())),
        (_, Some(list)) => Ok(Some(list.to_vec())),
        _ => Err(node.unimplemented(format_args!("`{name}` that is not of float32 or float64"))),
    }
}

/// Returns one of the lists that stand beside each other.
fn beside(node: &Node<'_>, name: &str, count: usize) -> Result<Vec<i64>, ReadError> {
    let list = node.ints(name)?.unwrap_or_default();
    fits(node, name, list.len(), count)?;
    Ok(list)
}

fn fits(node: &Node<'_>, name: &str, got: usize, count: usize) -> Result<(), ReadError> {
    match got == count {
        true => Ok(()),
        false => Err(node.fault(&format!("attribute `{name}`"), &format!("{count} values"), got)),
    }
}

fn index(node: &Node<'_>, name: &str, value: i64, below: usize) -> Result<u32, ReadError> {
    let index = usize::try_from(value).ok().filter(|index| *index < below);
    let index = index.and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| node.fault(&format!("attribute `{name}`"), &format!("numbers below {below}"), value))
}

/// Most features that a row may have.
const FEATURES_MAX: usize = 1 << 24;

fn test(node: &Node<'_>, mode: &str) -> Result<Option<Test>, ReadError> {
    Ok(Some(match mode {
        "LEAF" => return Ok(None),
        "BRANCH_LEQ" => Test::LessEqual,
        "BRANCH_LT" => Test::Less,
        "BRANCH_GTE" => Test::GreaterEqual,
        "BRANCH_GT" => Test::Greater,
        "BRANCH_EQ" => Test::Equal,
        "BRANCH_NEQ" => Test::NotEqual,
        other => return Err(node.fault("attribute `nodes_modes`", "LEAF or one of the branches", other)),
    }))
}

/// The table of the old form, and which scores its leaves add to.
struct Old {
    parts: TreesParts,
    scores: FxHashSet<u32>,
    all_positive: bool,
}

/// Reads the old form; `prefix` stands before the attributes of leaves.
fn old(lower: &Lower<'_>, node: &Node<'_>, prefix: &str, width: usize) -> Result<Old, ReadError> {
    let modes = node.required("nodes_modes", node.strings("nodes_modes")?)?;
    let count = modes.len();
    let of = |name: &str| beside(node, name, count);
    let (trees, ids, features) = (of("nodes_treeids")?, of("nodes_nodeids")?, of("nodes_featureids")?);
    let (yes, no) = (of("nodes_truenodeids")?, of("nodes_falsenodeids")?);
    let values = floats(lower, node, "nodes_values")?;
    fits(node, "nodes_values", values.len(), count)?;
    let tracks = node.ints("nodes_missing_value_tracks_true")?.unwrap_or_default();
    // Where each node stands among nodes or leaves.
    let (mut places, mut tests) = (FxHashMap::default(), Vec::with_capacity(count));
    let (mut nodes, mut leaves) = (0_u32, 0_u32);
    let mut roots = Vec::new();
    for (i, mode) in modes.iter().enumerate() {
        let test = test(node, mode)?;
        tests.push(test);
        let place = if test.is_some() { &mut nodes } else { &mut leaves };
        if places.insert((trees[i], ids[i]), (test.is_some(), *place)).is_some() {
            let got = format!("node {} of tree {} twice", ids[i], trees[i]);
            return Err(node.fault("attribute `nodes_nodeids`", "each node of a tree once", got));
        }
        *place += 1;
        if i == 0 || trees[i] != trees[i - 1] {
            roots.push((trees[i], ids[i]));
        }
    }
    let find = |tree: i64, id: i64| match places.get(&(tree, id)) {
        Some((true, at)) => Ok(*at),
        Some((false, at)) => Ok(nodes + at),
        None => Err(node.fault("attribute `nodes_nodeids`", &format!("a node {id} in tree {tree}"), "none")),
    };
    let mut parts = TreesParts::default();
    for (i, test) in tests.iter().enumerate() {
        let Some(test) = *test else { continue };
        parts.nodes.push(TableNode {
            feature: index(node, "nodes_featureids", features[i], FEATURES_MAX)?,
            test,
            value: values[i],
            nan_is_yes: tracks.get(i) == Some(&1),
            yes: find(trees[i], yes[i])?,
            no: find(trees[i], no[i])?,
        });
    }
    parts.roots = roots.into_iter().map(|(tree, id)| find(tree, id)).collect::<Result<_, _>>()?;
    let bare = (0..count).filter(|i| tests[*i].is_none()).map(|i| values[i]).collect::<Vec<f64>>();
    let mut weights = Weights::read(lower, node, prefix, width)?;
    weights.list.retain(|weight| matches!(places.get(&(weight.0, weight.1)), Some((false, _))));
    // By leaf, those of one in their order.
    weights.list.sort_by_key(|weight| places.get(&(weight.0, weight.1)).map(|place| place.1));
    let mut rest = weights.list.iter().peekable();
    for leaf in 0..leaves {
        let begin = parts.weights.len();
        while let Some(weight) = rest.next_if(|w| places.get(&(w.0, w.1)).is_some_and(|place| place.1 == leaf)) {
            parts.weights.push((weight.2, weight.3));
        }
        if width == 1 {
            // One score takes a leaf's first weight, and where it has none the value of its node.
            let first = parts.weights.get(begin).map_or(bare[leaf as usize], |weight| weight.1);
            parts.weights.truncate(begin);
            parts.weights.push((0, first));
        }
        parts.leaves.push(parts.weights.len() as u32);
    }
    Ok(Old { parts, scores: weights.scores, all_positive: weights.all_positive })
}

/// What leaves of the old form add.
struct Weights {
    /// Tree, node, score, weight.
    list: Vec<(i64, i64, u32, f64)>,
    scores: FxHashSet<u32>,
    all_positive: bool,
}

impl Weights {
    fn read(lower: &Lower<'_>, node: &Node<'_>, prefix: &str, width: usize) -> Result<Weights, ReadError> {
        let name = |part: &str| format!("{prefix}_{part}");
        let values = floats(lower, node, &name("weights"))?;
        let of = |part: &str| beside(node, &name(part), values.len());
        let (ids, trees, nodes) = (of("ids")?, of("treeids")?, of("nodeids")?);
        let mut list = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            list.push((trees[i], nodes[i], index(node, &name("ids"), ids[i], width)?, *value));
        }
        Ok(Weights {
            scores: list.iter().map(|weight| weight.2).collect(),
            all_positive: values.iter().all(|value| *value >= 0.0 || value.is_nan()),
            list,
        })
    }
}

fn table(node: &Node<'_>, parts: TreesParts, width: usize) -> Result<Table, ReadError> {
    Table::new(parts, width).map_err(|error| node.fault("trees", "tables of nodes whose walks end", error))
}

fn together(node: &Node<'_>) -> Result<Together, ReadError> {
    Ok(match node.string("aggregate_function")?.unwrap_or("SUM") {
        "SUM" => Together::Sum,
        "AVERAGE" => Together::Mean,
        "MIN" => Together::Min,
        "MAX" => Together::Max,
        other => {
            return Err(node.fault("attribute `aggregate_function`", "SUM, AVERAGE, MIN or MAX", other));
        }
    })
}

pub(super) fn regressor(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let targets = node.required("n_targets", node.int("n_targets")?)?;
    let width = index(node, "n_targets", targets, 1 << 24)? as usize;
    let old = old(lower, node, "target", width)?;
    let base = floats(lower, node, "base_values")?;
    if !base.is_empty() && base.len() != width {
        return Err(node.fault("attribute `base_values`", &format!("none or {width} of them"), base.len()));
    }
    let op = TreesOp {
        table: table(node, old.parts, width)?,
        width,
        together: together(node)?,
        base,
        transform: transform(node)?,
        is_double: lower.dtype(x) == Some(DType::F64),
        gives_double: false,
        end: TreeEnd::Scores,
    };
    add(lower, node, op, x, 1)
}

fn add(lower: &mut Lower<'_>, node: &Node<'_>, op: TreesOp, x: SlotId, outputs: usize) -> Slots {
    lower.add_many_with(node, LearnOp::Trees(Arc::new(op)), &[Some(x)], outputs)
}

pub(super) fn classifier(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=2)?;
    let x = lower.arg(node, 0, "X")?;
    let mut labels = labels(node, "classlabels_int64s")?;
    let width = labels.len();
    let old = old(lower, node, "class", width)?;
    let base = floats(lower, node, "base_values")?;
    let fits = if width > 2 { base.is_empty() || base.len() == width } else { base.len() <= width };
    if !fits {
        return Err(node.fault("attribute `base_values`", &format!("none or {width} of them"), base.len()));
    }
    let one_score = width == 2 && old.scores.len() == 1;
    if width < 3 && !one_score {
        // What is above 0 has the class 1, whatever integers the labels are; names are taken by their places.
        labels = match labels.get::<Bytes>() {
            None => Tensor::vector(vec![0_i64, 1]),
            Some([only]) => texts(&[only, only]),
            Some(_) => labels,
        };
    }
    let op = TreesOp {
        table: table(node, old.parts, width)?,
        width,
        together: Together::Sum,
        base,
        transform: transform(node)?,
        is_double: lower.dtype(x) == Some(DType::F64),
        gives_double: false,
        end: TreeEnd::Labels { labels, one_score, all_positive: old.all_positive },
    };
    add(lower, node, op, x, 2)
}

/// The new form.
pub(super) fn ensemble(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let targets = node.required("n_targets", node.int("n_targets")?)?;
    let width = index(node, "n_targets", targets, 1 << 24)? as usize;
    let dtype = lower.dtype(x);
    if !matches!(dtype, Some(DType::F32 | DType::F64)) {
        return Err(node.unimplemented("features that are not of float32 or float64"));
    }
    let parts = New::read(lower, node, width)?.parts()?;
    let together = match node.int("aggregate_function")?.unwrap_or(1) {
        0 => Together::Mean,
        1 => Together::Sum,
        2 => Together::Min,
        3 => Together::Max,
        other => return Err(node.fault("attribute `aggregate_function`", "0 to 3", other)),
    };
    let transform = match node.int("post_transform")?.unwrap_or(0) {
        0 => Transform::None,
        1 => Transform::Softmax,
        2 => Transform::Logistic,
        3 => Transform::SoftmaxZero,
        4 => Transform::Probit,
        other => return Err(node.fault("attribute `post_transform`", "0 to 4", other)),
    };
    let is_double = dtype == Some(DType::F64);
    let op = TreesOp {
        table: table(node, parts, width)?,
        width,
        together,
        base: Vec::new(),
        transform,
        is_double,
        gives_double: is_double,
        end: TreeEnd::Scores,
    };
    add(lower, node, op, x, 1)
}

/// The attributes of the new form.
struct New<'n> {
    node: &'n Node<'n>,
    width: usize,
    modes: Vec<u8>,
    features: Vec<i64>,
    values: Vec<f64>,
    yes: Vec<i64>,
    no: Vec<i64>,
    yes_is_leaf: Vec<i64>,
    no_is_leaf: Vec<i64>,
    tracks: Vec<i64>,
    members: Vec<f64>,
    roots: Vec<i64>,
    leaf_targets: Vec<i64>,
    leaf_weights: Vec<f64>,
}

impl<'n> New<'n> {
    fn read(lower: &Lower<'_>, node: &'n Node<'n>, width: usize) -> Result<New<'n>, ReadError> {
        let modes = node.required("nodes_modes", node.tensor("nodes_modes")?)?;
        let modes = value::dense(lower.cx, modes)?;
        let modes = modes.get::<u8>().map(<[u8]>::to_vec);
        let modes = modes.ok_or_else(|| node.fault("attribute `nodes_modes`", "a tensor of uint8", "another"))?;
        let count = modes.len();
        let of = |name: &str| beside(node, name, count);
        let values = node.required("nodes_splits", tensor(lower, node, "nodes_splits")?)?;
        fits(node, "nodes_splits", values.len(), count)?;
        let leaf_weights = node.required("leaf_weights", tensor(lower, node, "leaf_weights")?)?;
        Ok(New {
            width,
            features: of("nodes_featureids")?,
            values,
            yes: of("nodes_truenodeids")?,
            no: of("nodes_falsenodeids")?,
            yes_is_leaf: of("nodes_trueleafs")?,
            no_is_leaf: of("nodes_falseleafs")?,
            tracks: node.ints("nodes_missing_value_tracks_true")?.unwrap_or_default(),
            members: tensor(lower, node, "membership_values")?.unwrap_or_default(),
            roots: node.required("tree_roots", node.ints("tree_roots")?)?,
            leaf_targets: beside(node, "leaf_targetids", leaf_weights.len())?,
            leaf_weights,
            modes,
            node,
        })
    }

    fn parts(&self) -> Result<TreesParts, ReadError> {
        let mut parts = TreesParts::default();
        let mut members = self.members.iter();
        for i in 0..self.modes.len() {
            let test = match self.modes[i] {
                0 => Test::LessEqual,
                1 => Test::Less,
                2 => Test::GreaterEqual,
                3 => Test::Greater,
                4 => Test::Equal,
                5 => Test::NotEqual,
                6 => {
                    // The members of each node end at a NaN.
                    parts.members.push(members.by_ref().copied().take_while(|member| !member.is_nan()).collect());
                    Test::Member(parts.members.len() as u32 - 1)
                }
                other => return Err(self.node.fault("attribute `nodes_modes`", "0 to 6", other)),
            };
            let value = if let Test::Member(_) = test { 0.0 } else { self.values[i] };
            let yes = self.child(&mut parts, "nodes_truenodeids", self.yes[i], self.yes_is_leaf[i] != 0)?;
            let no = self.child(&mut parts, "nodes_falsenodeids", self.no[i], self.no_is_leaf[i] != 0)?;
            let feature = index(self.node, "nodes_featureids", self.features[i], FEATURES_MAX)?;
            let nan_is_yes = self.tracks.get(i) == Some(&1);
            parts.nodes.push(TableNode { feature, test, value, nan_is_yes, yes, no });
        }
        let count = self.modes.len();
        parts.roots =
            self.roots.iter().map(|root| index(self.node, "tree_roots", *root, count)).collect::<Result<_, _>>()?;
        Ok(parts)
    }

    /// Returns the number of a child. A leaf is written out wherever it is named, so that trees stay trees.
    fn child(&self, parts: &mut TreesParts, name: &str, at: i64, is_leaf: bool) -> Result<u32, ReadError> {
        let nodes = self.modes.len();
        if !is_leaf {
            return index(self.node, name, at, nodes);
        }
        let leaf = index(self.node, name, at, self.leaf_weights.len())? as usize;
        if parts.leaves.len() >= LEAVES_MAX {
            return Err(self.node.unimplemented(format_args!("more than {LEAVES_MAX} leaves")));
        }
        let score = index(self.node, "leaf_targetids", self.leaf_targets[leaf], self.width)?;
        parts.weights.push((score, self.leaf_weights[leaf]));
        parts.leaves.push(parts.weights.len() as u32);
        Ok((nodes + parts.leaves.len() - 1) as u32)
    }
}
