//! BisectingKMeansModel: a tree of centres, saved by Spark's older library in the stage's folder `data`.

use std::collections::VecDeque;

use plan::{Branches, ClusterOp, Distance};
use rustc_hash::FxHashMap;

use super::{
    kmeans::{self, Centers},
    mllib::OldModel,
};
use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Rows, Table},
        lower::Lowering,
    },
};

const CLASS: &str = "org.apache.spark.mllib.clustering.BisectingKMeansModel";

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let old = OldModel::read(stage, "data", CLASS)?;
    // The measure that counts is the older model's; version 1.0 knew one only.
    stage.text_or("distanceMeasure", "euclidean")?;
    let distance = match old.version.as_str() {
        "1.0" => Distance::SquaredEuclidean,
        "2.0" | "3.0" => match old.text("distanceMeasure")? {
            "euclidean" => Distance::SquaredEuclidean,
            "cosine" => Distance::Cosine,
            _ => return Err(old.fault("distanceMeasure", "euclidean or cosine")),
        },
        _ => return Err(old.fault("version", "1.0, 2.0 or 3.0")),
    };
    let table = stage.table("data/data")?;
    let tree = Tree::read(stage, &table, old.int("rootId")?, distance)?;
    let clusters = tree.clusters;
    // Scala 2.13, which Spark 4 runs on, orders doubles so that NaN is the largest; before, no number was less than NaN.
    let nan_last = stage.meta.is_from(4, 0);
    let op = ClusterOp::Descend { centers: tree.centers, branches: tree.branches, distance, nan_last };
    kmeans::predict(stage, lowering, op, clusters)
}

struct Tree {
    centers: plan::Points,
    branches: Branches,
    clusters: usize,
}

impl Tree {
    /// Follows the children from the root on, so that each comes after its parent.
    fn read(stage: &Stage<'_>, table: &Table<'_>, root: i64, distance: Distance) -> Result<Tree, ReadError> {
        let mut places: FxHashMap<i64, (Rows<'_>, usize)> = FxHashMap::default();
        for rows in table.parts() {
            let numbers = rows.column("index")?;
            for row in 0..rows.len() {
                places.insert(numbers.int(row)?, (rows, row));
            }
        }
        let mut centers = Centers::new(stage);
        let (mut norms, mut labels, mut offsets, mut children) = (Vec::new(), Vec::new(), vec![0], Vec::new());
        let mut clusters = 0;
        let mut queue = VecDeque::from([root]);
        while let Some(number) = queue.pop_front() {
            // Taken out: a node that two others claim is missing the second time.
            let (rows, row) = places.remove(&number).ok_or_else(|| {
                stage.meta.fault("children", format!("a node {number} with one parent"), "none, or another parent")
            })?;
            centers.push(&rows.column("center")?, row)?;
            norms.push(norm(&rows, row, distance)?);
            let cells = rows.column("children")?;
            let (items, range) = cells.items(row)?;
            let is_leaf = range.is_empty();
            if is_leaf != (number >= 0) {
                let expected = "leaves from 0 on, and numbers below 0 for nodes with children";
                return Err(rows.column("index")?.fault(expected, number.to_string()));
            }
            clusters += usize::from(is_leaf);
            labels.push(if is_leaf { i32_of(&rows, number)? } else { -1 });
            for item in range {
                queue.push_back(items.int(item)?);
                // The nodes so far, and those that wait before this one.
                children.push((labels.len() + queue.len() - 1) as u32);
            }
            offsets.push(children.len() as u32);
        }
        let branches = Branches { offsets: offsets.into(), children: children.into(), labels: labels.into() };
        Ok(Tree { centers: centers.finish(norms), branches, clusters })
    }
}

fn i32_of(rows: &Rows<'_>, number: i64) -> Result<i32, ReadError> {
    let fault = |_| rows.column("index").map(|cells| cells.fault("an integer of 32 bits", number.to_string()));
    i32::try_from(number).or_else(|e| fault(e).and_then(Err))
}

/// Returns the saved norm; a loaded model takes it as it is.
fn norm(rows: &Rows<'_>, row: usize, distance: Distance) -> Result<f64, ReadError> {
    let cells = rows.column("norm")?;
    let norm = cells.f64(row)?;
    let fits = match distance {
        Distance::SquaredEuclidean => norm >= 0.0,
        Distance::Cosine => norm > 0.0,
    };
    if fits { Ok(norm) } else { Err(cells.fault("a norm that a distance can be measured with", norm.to_string())) }
}
