//! LocalLDAModel and DistributedLDAModel: topics of documents.
//!
//! Spark turns the weights of terms in topics to `exp(digamma(weight) - digamma(sum of the topic))` once, and begins each document
//! with the same draws of a generator ([`start`]).

use plan::{
    ClusterOp,
    digamma::{digamma, exp_digamma},
};

use super::mllib::OldModel;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Lowering, attributes::Group},
    },
};

mod start;

const OLD_DISTRIBUTED: &str = "org.apache.spark.mllib.clustering.DistributedLDAModel";

/// What Spark 3 and 4 seed the generator with, whatever the model's parameters say: a loaded model takes the default, the hash of
/// its class's name, before they are read. Spark 2 drew without a seed.
const SEED: u64 = 1_421_925_485;

/// What was learned.
struct Learned {
    terms: u32,
    topics: u32,
    /// A line of topics for each term.
    weights: Vec<f64>,
    prior: Vec<f64>,
    gamma_shape: f64,
}

/// LocalLDAModel.
pub fn local(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (terms, cells) = (row.column("vocabSize")?.count(0)?, row.column("topicsMatrix")?);
    let matrix = cells.matrix(0)?;
    let topics = matrix.weights.columns();
    if matrix.rows != terms || topics == 0 {
        let got = format!("{} x {topics}", matrix.rows);
        return Err(cells.fault(format!("a matrix of {terms} rows, one for each term, and topics"), got));
    }
    cells.within(u64::from(terms) * u64::from(topics))?;
    let priors = row.column("docConcentration")?;
    let prior = priors.vector(0)?;
    if prior.size() != topics as usize {
        return Err(priors.fault(format!("a number for each of {topics} topics"), prior.size().to_string()));
    }
    let shapes = row.column("gammaShape")?;
    let gamma_shape = shapes.f64(0)?;
    if !start::is_shape(gamma_shape) {
        return Err(shapes.fault("a number from 1 on", gamma_shape.to_string()));
    }
    let learned = Learned { terms, topics, weights: matrix.into_dense(), prior: prior.into_dense(), gamma_shape };
    finish(stage, lowering, learned)
}

/// DistributedLDAModel: a graph of terms and the documents it was trained with, of which the terms alone count. Spark draws a seed
/// at each load, so its answers differ by what the steps leave; any seed is right.
pub fn distributed(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let old = OldModel::read(stage, "oldModel", OLD_DISTRIBUTED)?;
    if old.version != "1.0" {
        return Err(old.fault("version", "1.0"));
    }
    let (topics, terms) = (old.count("k")?, old.count("vocabSize")?);
    let prior = old.f64s("docConcentration")?;
    if prior.len() != topics as usize {
        return Err(old.fault("docConcentration", format!("a number for each of {topics} topics")));
    }
    let gamma_shape = old.f64("gammaShape")?;
    if !start::is_shape(gamma_shape) {
        return Err(old.fault("gammaShape", "a number from 1 on"));
    }
    let (all, limit) = (u64::from(topics) * u64::from(terms), stage.limits.values_max);
    if all > limit as u64 {
        return stage.meta.too_large("the number of topics times terms", all, limit, "values_max");
    }
    let k = topics as usize;
    let mut weights = vec![0.0; all as usize];
    let table = stage.table("oldModel/data/topicCounts")?;
    for rows in table.parts() {
        let (ids, counts) = (rows.column("id")?, rows.column("topicWeights")?);
        for row in 0..rows.len() {
            let id = ids.int(row)?;
            // Documents count from 0 on, terms from -1 down.
            if id >= 0 {
                continue;
            }
            let term = -(id + 1);
            if term >= i64::from(terms) {
                return Err(ids.fault(format!("a term among {terms}"), term.to_string()));
            }
            let vector = counts.vector(row)?;
            if vector.size() != k {
                return Err(counts.fault(format!("a number for each of {topics} topics"), vector.size().to_string()));
            }
            weights[term as usize * k..(term as usize + 1) * k].copy_from_slice(&vector.into_dense());
        }
    }
    finish(stage, lowering, Learned { terms, topics, weights, prior, gamma_shape })
}

fn finish(stage: &Stage<'_>, lowering: &mut Lowering<'_>, learned: Learned) -> Result<(), ReadError> {
    let Learned { terms, topics, mut weights, prior, gamma_shape } = learned;
    let features = lowering.vector_or_array(stage, stage.text_or("featuresCol", "features")?, terms as usize)?;
    let name = stage.text_or("topicDistributionCol", "topicDistribution")?;
    if name.is_empty() {
        return Ok(());
    }
    expected(&mut weights, topics as usize);
    let start = start::draws(SEED, gamma_shape, topics as usize);
    let start = start.ok_or_else(|| stage.absent("gammaShape", "a number that a generator can draw with"))?;
    let op = ClusterOp::Topics { weights: weights.into(), prior: prior.into(), start: start.into() };
    let slot = lowering.make(stage, op, &[features], name)?;
    lowering.set_attributes(slot, Group::sized(Some(topics)));
    Ok(())
}

/// Turns weights to `exp(digamma(weight) - digamma(sum of its topic))`.
fn expected(weights: &mut [f64], topics: usize) {
    let mut sums = vec![0.0; topics];
    for line in weights.chunks_exact(topics) {
        sums.iter_mut().zip(line).for_each(|(sum, w)| *sum += w);
    }
    sums.iter_mut().for_each(|sum| *sum = digamma(*sum));
    for line in weights.chunks_exact_mut(topics) {
        line.iter_mut().zip(&sums).for_each(|(w, sum)| *w = exp_digamma(*w, *sum));
    }
}
