//! XGBoost's JSON: arrays of a tree's nodes, where a leaf has no children and its value for a condition. All is float32.

use std::error::Error;

use plan::{Aggregate, Categories, Forest, ForestBuilder, ForestParts, ForestSplit, Missing, NodeId, Precision};
use serde_json::Value;

use crate::Read;

/// The probability at which the margin begins at 0.
const BASE_SCORE: f64 = 0.5;

pub fn read(text: &str) -> Read {
    let document: Value = serde_json::from_str(text)?;
    let learner = &document["learner"];
    let param = |key: &str| learner["learner_model_param"][key].as_str().unwrap_or_default();
    let base: f64 = param("base_score").trim_matches(['[', ']']).parse()?;
    if learner["objective"]["name"] != "binary:logistic" || base != BASE_SCORE {
        return Err("an objective of two classes and a base score of 0.5 are expected".into());
    }
    let mut builder = ForestBuilder::with(ForestParts {
        features: param("num_feature").parse()?,
        width: 1,
        categories: Categories::TruncatedFromZero,
        compares: Precision::F32,
        sums: Precision::F32,
        ..ForestParts::default()
    });
    let trees = learner["gradient_booster"]["model"]["trees"].as_array().ok_or("there are no trees")?;
    for at in trees {
        let root = tree(at, &mut builder)?;
        builder.tree(root, 1.0);
    }
    Ok((Forest::new(builder.finish())?, Aggregate::Sum))
}

fn tree(tree: &Value, builder: &mut ForestBuilder) -> Result<NodeId, Box<dyn Error>> {
    let list = |key: &str| -> Result<Vec<f64>, Box<dyn Error>> {
        let numbers = tree[key].as_array().ok_or_else(|| format!("a tree has no `{key}`"))?.iter();
        let number = |value: &Value| value.as_f64().or(value.as_bool().map(f64::from));
        numbers.map(|value| number(value).ok_or_else(|| format!("`{key}` has {value}").into())).collect()
    };
    let (left, right) = (list("left_children")?, list("right_children")?);
    let (conditions, features) = (list("split_conditions")?, list("split_indices")?);
    let (defaults, kinds) = (list("default_left")?, list("split_type")?);
    let (of_set, starts) = (list("categories_nodes")?, list("categories_segments")?);
    let (sizes, categories) = (list("categories_sizes")?, list("categories")?);
    let mut nodes = Vec::new();
    for (at, &child) in left.iter().enumerate() {
        let value = f64::from(conditions[at] as f32);
        if child < 0.0 {
            nodes.push(builder.leaf(&[value], at as u32));
            continue;
        }
        let split = if kinds[at] == 0.0 {
            ForestSplit::Below(value)
        } else {
            let set = of_set.iter().position(|node| *node == at as f64).ok_or("a node without its categories")?;
            let (start, size) = (starts[set] as usize, sizes[set] as usize);
            let set = builder.set(bits(categories.get(start..start + size).ok_or("categories that are not there")?));
            ForestSplit::Set { set, left_if_in: false }
        };
        let missing = if defaults[at] == 1.0 { Missing::Left } else { Missing::Right };
        nodes.push(builder.node(features[at] as u32, split, missing));
    }
    let id = |child: f64| nodes.get(child as usize).copied().ok_or("a child that is not there");
    for (at, node) in nodes.iter().enumerate().filter(|(at, _)| left[*at] >= 0.0) {
        builder.children(*node, id(left[at])?, id(right[at])?);
    }
    Ok(id(0.0)?)
}

fn bits(categories: &[f64]) -> Vec<u64> {
    let mut words = vec![0; 1 + categories.iter().fold(0, |most, c| most.max(*c as usize)) / 64];
    categories.iter().for_each(|c| words[*c as usize / 64] |= 1 << (*c as usize % 64));
    words
}
