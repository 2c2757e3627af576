//! LightGBM's text: a block of `key=value` lines for each tree, its nodes and leaves numbered apart, leaf `l` as child `-l - 1`.

use std::{collections::HashMap, error::Error, str::FromStr};

use plan::{Aggregate, Categories, Forest, ForestBuilder, ForestParts, ForestSplit, Missing, NodeId};

use crate::Read;

/// Bits of a node's `decision_type`; above them two that say what is missing.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// The lines of a tree by their keys.
struct Block<'a>(HashMap<&'a str, &'a str>);

pub fn read(text: &str) -> Read {
    let mut blocks = text.split("\nTree=");
    let head = Block::of(blocks.next().unwrap_or_default());
    if head.list::<u32>("num_tree_per_iteration")? != [1] {
        return Err("a model of one output is expected".into());
    }
    let features = head.list::<u32>("max_feature_idx")?.first().map_or(0, |most| most + 1);
    let categories = Categories::Truncated;
    let mut builder = ForestBuilder::with(ForestParts { features, width: 1, categories, ..ForestParts::default() });
    for block in blocks {
        let block = block.split("\nend of trees").next().unwrap_or_default();
        let root = tree(&Block::of(block), &mut builder)?;
        builder.tree(root, 1.0);
    }
    Ok((Forest::new(builder.finish())?, Aggregate::Sum))
}

fn tree(block: &Block<'_>, builder: &mut ForestBuilder) -> Result<NodeId, Box<dyn Error>> {
    let values = block.list::<f64>("leaf_value")?;
    let leaves: Vec<NodeId> = values.iter().enumerate().map(|(l, value)| builder.leaf(&[*value], l as u32)).collect();
    let features = block.list::<u32>("split_feature")?;
    let (thresholds, kinds) = (block.list::<f64>("threshold")?, block.list::<u8>("decision_type")?);
    let (left, right) = (block.list::<i32>("left_child")?, block.list::<i32>("right_child")?);
    let (bounds, words) = (block.list::<usize>("cat_boundaries")?, block.list::<u32>("cat_threshold")?);
    if block.list::<u8>("is_linear")?.contains(&1) || [thresholds.len(), kinds.len()] != [features.len(); 2] {
        return Err("trees of constant leaves are expected".into());
    }
    let mut nodes = Vec::new();
    for ((&feature, &threshold), &kind) in features.iter().zip(&thresholds).zip(&kinds) {
        let (split, missing) = if kind & CATEGORICAL != 0 {
            let bounds = bounds.get(threshold as usize..=threshold as usize + 1).ok_or("a set that is not there")?;
            let words = words.get(bounds[0]..bounds[1]).ok_or("a set that is not there")?;
            let pair = |pair: &[u32]| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32;
            let set = builder.set(words.chunks(2).map(pair).collect::<Vec<u64>>());
            (ForestSplit::Set { set, left_if_in: true }, Missing::Right)
        } else {
            (ForestSplit::Threshold(threshold), missing(kind, threshold)?)
        };
        nodes.push(builder.node(feature, split, missing));
    }
    let id = |child: i32| if child < 0 { leaves.get(!child as usize) } else { nodes.get(child as usize) };
    let named = |child: Option<&i32>| child.and_then(|c| id(*c)).copied().ok_or("a child that is not there");
    for (at, node) in nodes.iter().enumerate() {
        builder.children(*node, named(left.get(at))?, named(right.get(at))?);
    }
    Ok(*nodes.first().or(leaves.first()).ok_or("a tree without leaves")?)
}

/// Where nothing counts as missing, NaN is asked as 0.
fn missing(kind: u8, threshold: f64) -> Result<Missing, Box<dyn Error>> {
    Ok(match (kind >> 2 & 3, kind & DEFAULT_LEFT != 0) {
        (0, _) if 0.0 <= threshold => Missing::Left,
        (0, _) => Missing::Right,
        (1, true) => Missing::ZeroLeft,
        (1, false) => Missing::ZeroRight,
        (2, true) => Missing::Left,
        (2, false) => Missing::Right,
        _ => return Err("a decision type of no known kind".into()),
    })
}

impl<'a> Block<'a> {
    fn of(text: &'a str) -> Block<'a> {
        Block(text.lines().filter_map(|line| line.split_once('=')).collect())
    }

    /// Returns the values of a line; none where it is not there.
    fn list<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Box<dyn Error>> {
        let words = self.0.get(key).map_or("", |line| line).split_ascii_whitespace();
        let parsed = words.map(|word| word.parse().map_err(|_| format!("`{key}` has {word:?}").into()));
        parsed.collect()
    }
}
