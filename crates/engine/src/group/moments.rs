//! Sums that grow row by row, in the order of operations of Spark's `CentralMomentAgg`, `Covariance` and `PearsonCorrelation`.

use plan::{GroupOp, Pair, Single};

/// Count, mean, and sum of squared distances from it.
#[derive(Clone, Copy, Default)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
}

/// As [`Moments`], with sums of the third and fourth powers.
#[derive(Clone, Copy, Default)]
pub struct Shape {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

/// Sums of pairs.
#[derive(Clone, Copy, Default)]
pub struct Pairs {
    n: f64,
    x_mean: f64,
    y_mean: f64,
    /// Products of the distances from the means.
    products: f64,
    /// Squares of the distances, as `PearsonCorrelation` adds them up.
    x_squares: f64,
    y_squares: f64,
    x: Moments,
}

// === impl Moments ===

impl Moments {
    pub fn add(&mut self, x: f64) {
        let n = self.n + 1.0;
        let delta = x - self.mean;
        let delta_n = delta / n;
        self.m2 += delta * (delta - delta_n);
        self.mean += delta_n;
        self.n = n;
    }

    pub fn variance(self, op: GroupOp) -> Option<f64> {
        let GroupOp::Variance { sample, root, single } = op else { unreachable!("made for a variance") };
        let variance = match (self.n, sample, single) {
            (0.0, _, _) => return None,
            (1.0, true, Single::Null) => return None,
            (1.0, true, Single::Nan) => f64::NAN,
            (n, true, _) => self.m2 / (n - 1.0),
            (n, false, _) => self.m2 / n,
        };
        Some(if root { variance.sqrt() } else { variance })
    }
}

// === impl Shape ===

impl Shape {
    pub fn add(&mut self, x: f64) {
        let n = self.n + 1.0;
        let delta = x - self.mean;
        let delta_n = delta / n;
        let m2 = self.m2 + delta * (delta - delta_n);
        let (delta2, delta_n2) = (delta * delta, delta_n * delta_n);
        let m3 = self.m3 - 3.0 * delta_n * m2 + delta * (delta2 - delta_n2);
        self.m4 = self.m4 - 4.0 * delta_n * m3 - 6.0 * delta_n2 * m2 + delta * (delta * delta2 - delta_n * delta_n2);
        self.mean += delta_n;
        (self.n, self.m2, self.m3) = (n, m2, m3);
    }

    pub fn skewness(self) -> Option<f64> {
        let is_known = self.n != 0.0 && self.m2 != 0.0;
        is_known.then(|| self.n.sqrt() * self.m3 / (self.m2 * self.m2 * self.m2).sqrt())
    }

    pub fn kurtosis(self) -> Option<f64> {
        let is_known = self.n != 0.0 && self.m2 != 0.0;
        is_known.then(|| self.n * self.m4 / (self.m2 * self.m2) - 3.0)
    }
}

// === impl Pairs ===

impl Pairs {
    pub fn add(&mut self, x: f64, y: f64) {
        let n = self.n + 1.0;
        let (dx, dy) = (x - self.x_mean, y - self.y_mean);
        self.x_mean += dx / n;
        self.y_mean += dy / n;
        self.products += dx * (y - self.y_mean);
        self.x_squares += dx * (x - self.x_mean);
        self.y_squares += dy * (y - self.y_mean);
        self.x.add(x);
        self.n = n;
    }

    pub fn value(self, pair: Pair) -> Option<f64> {
        if self.n == 0.0 {
            return None;
        }
        let squares = || self.x_squares * self.y_squares;
        match pair {
            Pair::Correlation => {
                let root = squares().sqrt();
                (self.n != 1.0 && root != 0.0).then(|| self.products / root)
            }
            Pair::Covariance => Some(self.products / self.n),
            Pair::SampleCovariance => (self.n != 1.0).then(|| self.products / (self.n - 1.0)),
            Pair::Products => Some(self.products),
            Pair::Squares => Some(self.x.m2),
            Pair::Slope => (self.x.m2 != 0.0).then(|| self.products / self.x.m2),
            Pair::Intercept { merged } => {
                let of = |mean: f64| if merged { mean / self.n * self.n } else { mean };
                (self.x.m2 != 0.0).then(|| of(self.y_mean) - self.products / self.x.m2 * of(self.x_mean))
            }
            Pair::Determination if self.y_squares == 0.0 => None,
            Pair::Determination if self.x_squares == 0.0 => Some(1.0),
            Pair::Determination => {
                let correlation = self.products / squares().sqrt();
                Some(correlation * correlation)
            }
        }
    }
}
