//! The nearest of many centres, and down a tree of centres.

use model::{FaultKind, FaultValue, column::Row};
use plan::{Branches, Distance, Points};

use super::{
    Refusal,
    distance::{Center, Point, cosine, squared, sum_of_squares},
    sized,
};

/// Most work, in numbers read, that is done beforehand to rule centres out.
const AHEAD_MAX: usize = 1 << 26;

/// [`plan::ClusterOp::Nearest`].
pub struct Nearest {
    centers: Points,
    /// Of each pair of centres a quarter of the squared distance between them, row by row; of a centre and itself the least of
    /// its row. Empty where there are too many: what they rule out is then looked at, and not taken.
    quarters: Box<[f64]>,
}

/// [`plan::ClusterOp::Descend`].
pub struct Descend {
    centers: Points,
    branches: Branches,
    distance: Distance,
    nan_last: bool,
}

fn center(centers: &Points, number: usize) -> Center<'_> {
    Center { values: centers.point(number), norm: centers.norms[number] }
}

/// Returns the vector with its norm, which is at least 0.
fn measured(x: Row<'_>, size: u32) -> Result<Point<'_>, Refusal> {
    sized(x, size as usize)?;
    let point = Point::new(x);
    if point.norm.is_nan() { Err((FaultKind::NotANumber, FaultValue::Number(f64::NAN))) } else { Ok(point) }
}

impl Nearest {
    pub fn new(centers: &Points) -> Nearest {
        let k = centers.norms.len();
        // Small centres count as larger ones: the table has a number for each pair.
        let work = k.saturating_mul(k).saturating_mul(centers.size.max(16) as usize);
        let quarters = if k > 1 && work <= AHEAD_MAX { quarters(centers) } else { Box::default() };
        Nearest { centers: centers.clone(), quarters }
    }

    fn quarter(&self, a: usize, b: usize) -> Option<f64> {
        self.quarters.get(a * self.centers.norms.len() + b).copied()
    }

    pub fn row(&self, x: Row<'_>) -> Result<i32, Refusal> {
        let point = measured(x, self.centers.size)?;
        let mut least = squared(center(&self.centers, 0), point);
        if self.quarter(0, 0).is_some_and(|q| least < q) {
            return Ok(0);
        }
        let mut best = 0;
        for i in 1..self.centers.norms.len() {
            let center = center(&self.centers, i);
            let apart = center.norm - point.norm;
            // Written so that a NaN rules a centre out.
            let within = apart * apart < least;
            if !within || self.quarter(i, best).is_some_and(|q| q >= least) {
                continue;
            }
            let distance = squared(center, point);
            if self.quarter(i, i).is_some_and(|q| distance < q) {
                return Ok(i as i32);
            }
            if distance < least {
                (least, best) = (distance, i);
            }
        }
        Ok(best as i32)
    }
}

/// As Spark's `computeStatistics`: from the root of the distance, squared again.
fn quarters(centers: &Points) -> Box<[f64]> {
    let k = centers.norms.len();
    let mut quarters = vec![f64::INFINITY; k * k].into_boxed_slice();
    for i in 0..k {
        for j in i + 1..k {
            let distance = sum_of_squares(centers.point(i), Row::Dense(centers.point(j))).sqrt();
            let quarter = 0.25 * distance * distance;
            for (a, b) in [(i, j), (j, i)] {
                quarters[a * k + b] = quarter;
                let own = &mut quarters[a * k + a];
                if quarter < *own {
                    *own = quarter;
                }
            }
        }
    }
    quarters
}

impl Descend {
    pub fn new(centers: &Points, branches: &Branches, distance: Distance, nan_last: bool) -> Descend {
        Descend { centers: centers.clone(), branches: branches.clone(), distance, nan_last }
    }

    pub fn row(&self, x: Row<'_>) -> Result<i32, Refusal> {
        let point = match self.distance {
            Distance::SquaredEuclidean => measured(x, self.centers.size)?,
            Distance::Cosine => {
                sized(x, self.centers.size as usize)?;
                let point = Point::new(x);
                let good = point.norm > 0.0;
                if !good {
                    return Err((FaultKind::Rule("a vector whose norm is above 0"), FaultValue::Number(point.norm)));
                }
                point
            }
        };
        let mut node = 0;
        loop {
            let children = self.branches.of(node);
            let Some((&first, others)) = children.split_first() else { return Ok(self.branches.labels[node]) };
            let (mut best, mut least) = (first, self.cost(first, point));
            for &child in others {
                let cost = self.cost(child, point);
                if cost < least || self.nan_last && least.is_nan() && !cost.is_nan() {
                    (best, least) = (child, cost);
                }
            }
            node = best as usize;
        }
    }

    fn cost(&self, node: u32, point: Point<'_>) -> f64 {
        let center = center(&self.centers, node as usize);
        match self.distance {
            Distance::SquaredEuclidean => squared(center, point),
            Distance::Cosine => cosine(center, point),
        }
    }
}
