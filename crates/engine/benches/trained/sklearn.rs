//! scikit-learn's arrays as `acceptance/lib/forest_bench.py` writes them: a line a node, `left right feature threshold value...`.
//! Features are float32, thresholds float64; the forest's answer is the mean of the leaves' vectors.

use std::{error::Error, str::FromStr};

use plan::{Aggregate, Forest, ForestBuilder, ForestParts, ForestSplit, Missing, NodeId, Precision};

use crate::Read;

pub fn read(text: &str) -> Read {
    let mut lines = text.lines();
    let head: Vec<u32> = words(lines.next())?;
    let [features, width, trees] = head[..] else { return Err("`features classes trees` are expected".into()) };
    let parts = ForestParts { features, width, compares: Precision::F32, ..ForestParts::default() };
    let mut builder = ForestBuilder::with(parts);
    for _ in 0..trees {
        let count = *words::<usize>(lines.next())?.first().ok_or("a tree without a number of nodes")?;
        let rows: Vec<Vec<f64>> = (0..count).map(|_| words(lines.next())).collect::<Result<_, _>>()?;
        let root = tree(&rows, &mut builder)?;
        builder.tree(root, 1.0);
    }
    Ok((Forest::new(builder.finish())?, Aggregate::Mean))
}

fn tree(rows: &[Vec<f64>], builder: &mut ForestBuilder) -> Result<NodeId, Box<dyn Error>> {
    let mut nodes = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let [left, _, feature, threshold, values @ ..] = &row[..] else { return Err("a node without values".into()) };
        nodes.push(match *left < 0.0 {
            true => builder.leaf(values, at as u32),
            false => builder.node(*feature as u32, ForestSplit::Threshold(*threshold), Missing::Asked),
        });
    }
    let id = |child: f64| nodes.get(child as usize).copied().ok_or("a child that is not there");
    for (row, node) in rows.iter().zip(&nodes).filter(|(row, _)| row[0] >= 0.0) {
        builder.children(*node, id(row[0])?, id(row[1])?);
    }
    Ok(id(0.0)?)
}

fn words<T: FromStr>(line: Option<&str>) -> Result<Vec<T>, Box<dyn Error>> {
    let line = line.ok_or("it ends too soon")?;
    line.split(' ').map(|word| word.parse().map_err(|_| format!("{word:?} is no number").into())).collect()
}
