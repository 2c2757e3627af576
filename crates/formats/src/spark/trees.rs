//! Nodes of decision trees as Spark saves them: a row each, of all trees together, in any order and any number of parts.
//!
//! A node names its children by their ids within its tree; -1 is none. A split is a threshold, or the set of categories that
//! go left. Everything is gathered into flat arrays here and renumbered from the roots, so that depth costs no stack.

use plan::{ForestParts, ForestSplit};
use rustc_hash::FxHashMap;

use super::{Stage, data::Cells};
use crate::ReadError;

/// What the values of a leaf are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Its prediction.
    Prediction,
    /// How many training rows of each class fell there.
    Counts { classes: usize },
    /// The same, as shares of their sum.
    Shares { classes: usize },
}

/// The trees of a model.
#[derive(Debug)]
pub struct Trees {
    /// Size of the feature vector.
    pub features: u32,
    /// The nodes of each tree, in the order of the trees.
    trees: Vec<Vec<Node>>,
    weights: Vec<f64>,
}

#[derive(Debug)]
struct Node {
    id: i64,
    prediction: f64,
    impurity: f64,
    counts: Vec<f64>,
    split: Option<Split>,
}

#[derive(Debug)]
struct Split {
    left: i64,
    right: i64,
    feature: u32,
    /// A threshold, or the categories that go left.
    values: Vec<f64>,
    /// Of a categorical feature: how many there are.
    categories: Option<u32>,
}

/// The columns of a node's row.
struct NodeCells<'t> {
    id: Cells<'t>,
    prediction: Cells<'t>,
    impurity: Cells<'t>,
    counts: Cells<'t>,
    left: Cells<'t>,
    right: Cells<'t>,
    feature: Cells<'t>,
    values: Cells<'t>,
    categories: Cells<'t>,
}

impl Trees {
    /// Reads the nodes: of a single tree, or of an ensemble with the trees' weights.
    pub fn read(stage: &Stage<'_>, single: bool) -> Result<Trees, ReadError> {
        let data = stage.table("data")?;
        if data.len() > stage.limits.nodes_max {
            return Err(ReadError::TooLarge {
                file: stage.files.full_path("data"),
                what: "the number of nodes".to_owned(),
                got: data.len() as u64,
                limit: stage.limits.nodes_max as u64,
                key: "nodes_max",
            });
        }
        let weights = if single { vec![(0, 1.0)] } else { weights(stage)? };
        let places: FxHashMap<i64, usize> = weights.iter().enumerate().map(|(i, (id, _))| (*id, i)).collect();
        let mut trees: Vec<Vec<Node>> = weights.iter().map(|_| Vec::new()).collect();
        let mut features = 0;
        for rows in data.parts() {
            let tree_ids = if single { None } else { Some(rows.column("treeID")?) };
            let nodes = match single {
                true => NodeCells::find(|name| rows.column(name))?,
                false => {
                    let node = rows.column("nodeData")?;
                    NodeCells::find(|name| node.part(name))?
                }
            };
            for row in 0..rows.len() {
                let place = match tree_ids {
                    None => 0,
                    Some(ids) => {
                        let id = ids.int(row)?;
                        *places
                            .get(&id)
                            .ok_or_else(|| ids.fault("a tree that `treesMetadata` names", id.to_string()))?
                    }
                };
                let node = nodes.node(row)?;
                features = features.max(node.split.as_ref().map_or(0, |split| split.feature + 1));
                trees[place].push(node);
            }
        }
        let features = stage.extra_u32("numFeatures")?.unwrap_or(features);
        let weights = weights.into_iter().map(|(_, weight)| weight).collect();
        Ok(Trees { features, trees, weights })
    }

    /// Returns the parts of a forest.
    pub fn parts(&self, stage: &Stage<'_>, leaf: Leaf) -> Result<ForestParts, ReadError> {
        let width = match leaf {
            Leaf::Prediction => 1,
            Leaf::Counts { classes } | Leaf::Shares { classes } => classes,
        };
        let inner = self.trees.iter().flatten().filter(|node| node.split.is_some()).count();
        let mut gathering = Gathering {
            stage,
            leaf,
            inner: inner as u32,
            words_left: stage.limits.decoded_bytes_max / 8,
            parts: ForestParts {
                features: self.features,
                weights: self.weights.clone(),
                width: width as u32,
                ..ForestParts::default()
            },
        };
        for (number, tree) in self.trees.iter().enumerate() {
            gathering.tree(number, tree)?;
        }
        Ok(gathering.parts)
    }
}

/// Returns the ids and weights of the trees, ordered by id. The columns have names in Spark 3, numbers in Spark 4.
fn weights(stage: &Stage<'_>) -> Result<Vec<(i64, f64)>, ReadError> {
    let table = stage.table("treesMetadata")?;
    let mut weights = Vec::with_capacity(table.len());
    for rows in table.parts() {
        let either = |name, number| rows.find(name).map_or_else(|| rows.column(number), Ok);
        let (ids, of) = (either("treeID", "_1")?, either("weights", "_3")?);
        for row in 0..rows.len() {
            weights.push((ids.int(row)?, of.f64(row)?));
        }
    }
    weights.sort_by_key(|(id, _)| *id);
    let fault = |expected: &str, got: String| ReadError::Field {
        file: stage.files.full_path("treesMetadata"),
        class: stage.meta.class.clone(),
        field: "treeID".to_owned(),
        expected: expected.into(),
        got: got.into(),
    };
    if let Some(twice) = weights.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(fault("one row a tree", format!("two of tree {}", twice[0].0)));
    }
    match stage.extra_u32("numTrees")? {
        Some(trees) if trees as usize != weights.len() => {
            Err(fault(&format!("{trees} trees, as the metadata's `numTrees` says"), weights.len().to_string()))
        }
        _ => Ok(weights),
    }
}

impl Node {
    /// Returns the variance of a leaf's labels. Spark works it out of the sums each time; the impurity that it saved beside them
    /// is -1 where a leaf was made without looking for a split.
    fn variance(&self) -> f64 {
        match self.counts[..] {
            [count, sum, squares] if count != 0.0 => (squares - sum * sum / count) / count,
            [_, _, _] => 0.0,
            _ => self.impurity,
        }
    }
}

impl<'t> NodeCells<'t> {
    fn find(column: impl Fn(&'static str) -> Result<Cells<'t>, ReadError>) -> Result<NodeCells<'t>, ReadError> {
        let split = column("split")?;
        Ok(NodeCells {
            id: column("id")?,
            prediction: column("prediction")?,
            impurity: column("impurity")?,
            counts: column("impurityStats")?,
            left: column("leftChild")?,
            right: column("rightChild")?,
            feature: split.part("featureIndex")?,
            values: split.part("leftCategoriesOrThreshold")?,
            categories: split.part("numCategories")?,
        })
    }

    fn node(&self, row: usize) -> Result<Node, ReadError> {
        let (left, right) = (self.left.int(row)?, self.right.int(row)?);
        let split = if left < 0 && right < 0 { None } else { Some(self.split(row, left, right)?) };
        Ok(Node {
            id: self.id.int(row)?,
            prediction: self.prediction.f64(row)?,
            impurity: self.impurity.f64(row)?,
            // Only leaves answer.
            counts: if split.is_none() { self.counts.f64s(row)? } else { Vec::new() },
            split,
        })
    }

    fn split(&self, row: usize, left: i64, right: i64) -> Result<Split, ReadError> {
        let (feature, values) = (self.feature.count(row)?, self.values.f64s(row)?);
        let categories = match self.categories.int(row)? {
            -1 => None,
            _ => Some(self.categories.count(row)?),
        };
        if categories.is_none() && values.len() != 1 {
            return Err(self.values.fault("one threshold", format!("{} values", values.len())));
        }
        if let Some(categories) = categories {
            let good = |c: &&f64| **c >= 0.0 && **c < f64::from(categories) && c.fract() == 0.0;
            if let Some(bad) = values.iter().find(|c| !good(c)) {
                return Err(self.values.fault(format!("integers below {categories}"), bad.to_string()));
            }
        }
        Ok(Split { left, right, feature, values, categories })
    }
}

/// A forest in the making.
struct Gathering<'s> {
    stage: &'s Stage<'s>,
    leaf: Leaf,
    /// Inner nodes of all trees: a leaf's number begins there.
    inner: u32,
    /// What sets of categories may still take.
    words_left: usize,
    parts: ForestParts,
}

impl Gathering<'_> {
    fn fault(&self, tree: usize, expected: impl Into<Box<str>>, got: impl Into<Box<str>>) -> ReadError {
        ReadError::Field {
            file: self.stage.files.full_path("data"),
            class: self.stage.meta.class.clone(),
            field: format!("nodes of tree {tree}"),
            expected: expected.into(),
            got: got.into(),
        }
    }

    /// Adds the nodes that the root leads to, in pre-order: so Spark numbers leaves, too.
    fn tree(&mut self, tree: usize, nodes: &[Node]) -> Result<(), ReadError> {
        let by_id: FxHashMap<i64, &Node> = nodes.iter().map(|node| (node.id, node)).collect();
        if by_id.len() != nodes.len() {
            return Err(self.fault(tree, "an id for each", "one twice"));
        }
        let (mut reached, mut leaves) = (0, 0);
        // A node to visit, and where its number goes: of an inner node, the left or the right.
        let mut stack = vec![(0i64, None)];
        while let Some((id, from)) = stack.pop() {
            let Some(node) = by_id.get(&id) else {
                return Err(self.fault(tree, format!("a node of id {id}, which another names"), "none"));
            };
            reached += 1;
            if reached > nodes.len() {
                return Err(self.fault(tree, "a tree", "a node that is reached twice"));
            }
            let number = match &node.split {
                None => {
                    leaves += 1;
                    self.leaf(tree, node, leaves - 1)?
                }
                Some(split) => {
                    let number = self.parts.split.len() as u32;
                    stack.push((split.right, Some((number, true))));
                    stack.push((split.left, Some((number, false))));
                    self.split(tree, split)?;
                    number
                }
            };
            match from {
                None => self.parts.roots.push(number),
                Some((parent, false)) => self.parts.left[parent as usize] = number,
                Some((parent, true)) => self.parts.right[parent as usize] = number,
            }
        }
        if reached < nodes.len() {
            let got = format!("{} nodes, of which it reaches {reached}", nodes.len());
            return Err(self.fault(tree, "nodes that the root reaches", got));
        }
        Ok(())
    }

    fn split(&mut self, tree: usize, split: &Split) -> Result<(), ReadError> {
        let parts = &mut self.parts;
        parts.feature.push(split.feature);
        parts.left.push(0);
        parts.right.push(0);
        let Some(categories) = split.categories else {
            parts.split.push(ForestSplit::Threshold(split.values[0]));
            return Ok(());
        };
        // Spark keeps the smaller side: a category that neither names goes to the other.
        let left_if_in = split.values.len() <= categories as usize / 2;
        let bits =
            if left_if_in { split.values.iter().fold(0, |n, &c| (c as usize + 1).max(n)) } else { categories as usize };
        let words = bits.div_ceil(64);
        let Some(left) = self.words_left.checked_sub(words) else {
            return Err(self.fault(tree, "sets of categories within `decoded_bytes_max`", "more"));
        };
        self.words_left = left;
        let mut set = vec![0u64; words];
        if left_if_in {
            split.values.iter().for_each(|&c| set[c as usize / 64] |= 1 << (c as usize % 64));
        } else {
            (0..bits).for_each(|c| set[c / 64] |= 1 << (c % 64));
            split.values.iter().for_each(|&c| set[c as usize / 64] &= !(1 << (c as usize % 64)));
        }
        self.parts.split.push(ForestSplit::Set { set: self.parts.sets.len() as u32, left_if_in });
        self.parts.sets.push(set.into());
        Ok(())
    }

    fn leaf(&mut self, tree: usize, node: &Node, number: u32) -> Result<u32, ReadError> {
        match self.leaf {
            Leaf::Prediction => self.parts.leaf_values.push(node.prediction),
            Leaf::Counts { classes } | Leaf::Shares { classes } => {
                if node.counts.len() != classes {
                    let expected = format!("counts of {classes} classes in a leaf");
                    return Err(self.fault(tree, expected, node.counts.len().to_string()));
                }
                let total: f64 = node.counts.iter().sum();
                let share = matches!(self.leaf, Leaf::Shares { .. }) && total != 0.0;
                let values = node.counts.iter().map(|count| if share { count / total } else { *count });
                self.parts.leaf_values.extend(values);
            }
        }
        self.parts.leaf_numbers.push(number);
        self.parts.leaf_impurities.push(node.variance());
        Ok(self.inner + self.parts.leaf_numbers.len() as u32 - 1)
    }
}
