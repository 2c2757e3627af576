//! KMeansModel, and what it shares with BisectingKMeansModel: centres gathered from rows.

use plan::{ClusterOp, Points};

use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Cells, Vector},
        lower::{
            Lowering,
            attributes::{Categories, Kind},
        },
    },
};

/// Centres as they come, all of one size.
pub struct Centers<'s> {
    stage: &'s Stage<'s>,
    size: Option<usize>,
    values: Vec<f64>,
}

impl<'s> Centers<'s> {
    pub fn new(stage: &'s Stage<'s>) -> Centers<'s> {
        Centers { stage, size: None, values: Vec::new() }
    }

    /// Adds the centre of a row.
    pub fn push(&mut self, cells: &Cells<'_>, row: usize) -> Result<(), ReadError> {
        let vector: Vector = cells.vector(row)?;
        let size = *self.size.get_or_insert(vector.size());
        if vector.size() != size {
            return Err(cells.fault(format!("a vector of {size}, as the others"), vector.size().to_string()));
        }
        let (all, limit) = (self.values.len() as u64 + size as u64, self.stage.limits.values_max);
        if all > limit as u64 {
            return self.stage.meta.too_large("the size of all centres", all, limit, "values_max");
        }
        self.values.extend(vector.into_dense());
        Ok(())
    }

    /// Returns the norm of each centre, as Spark computes it.
    fn norms(&self, centers: usize) -> Vec<f64> {
        let size = self.size();
        let norm = |i: usize| self.values[i * size..(i + 1) * size].iter().fold(0.0, |sum, v| sum + v * v).sqrt();
        (0..centers).map(norm).collect()
    }

    pub fn size(&self) -> usize {
        self.size.unwrap_or(0)
    }

    pub fn finish(self, norms: Vec<f64>) -> Points {
        Points { size: self.size() as u32, values: self.values.into(), norms: norms.into() }
    }
}

/// KMeansModel. A loaded model measures Euclidean distances, whatever its distance measure was: Spark makes it so, and centres
/// that were found by the cosine have the norm 1, where both say the same.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let measure = stage.text_or("distanceMeasure", "euclidean")?;
    if !["euclidean", "cosine"].contains(&measure) {
        return Err(stage.meta.fault("distanceMeasure", "euclidean or cosine", measure));
    }
    let table = stage.table("data")?;
    let mut places = Vec::new();
    for rows in table.parts() {
        if let Some(old) = rows.find("clusterCenters") {
            // Before 2.0 all centres stood in one row.
            for row in 0..rows.len() {
                let (cells, range) = old.items(row)?;
                places.extend(range.map(|item| (item as i64, cells, item)));
            }
            continue;
        }
        let (numbers, cells) = (rows.column("clusterIdx")?, rows.column("clusterCenter")?);
        for row in 0..rows.len() {
            places.push((numbers.int(row)?, cells, row));
        }
    }
    places.sort_by_key(|(number, ..)| *number);
    if places.is_empty() {
        return Err(stage.absent("clusterCenter", "one centre at least"));
    }
    let mut centers = Centers::new(stage);
    places.iter().try_for_each(|(_, cells, row)| centers.push(cells, *row))?;
    let norms = centers.norms(places.len());
    let op = ClusterOp::Nearest { centers: centers.finish(norms) };
    predict(stage, lowering, op, places.len())
}

/// Adds the op and shows the number of the cluster.
pub fn predict(
    stage: &Stage<'_>,
    lowering: &mut Lowering<'_>,
    op: ClusterOp,
    clusters: usize,
) -> Result<(), ReadError> {
    let size = match &op {
        ClusterOp::Nearest { centers } | ClusterOp::Descend { centers, .. } => centers.size as usize,
        ClusterOp::Mixture { .. } | ClusterOp::Topics { .. } => unreachable!("clusters have centres"),
    };
    let features = lowering.vector_or_array(stage, stage.text_or("featuresCol", "features")?, size)?;
    let name = stage.text_or("predictionCol", "prediction")?;
    if name.is_empty() {
        return Ok(());
    }
    let slot = lowering.make(stage, op, &[features], name)?;
    lowering.set_attributes(slot, Kind::Nominal(Categories::Count(clusters as u32)));
    Ok(())
}
