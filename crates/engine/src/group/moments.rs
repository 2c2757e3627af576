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

    /// Merges what was summed up into sums of no rows.
    fn merged(self) -> Moments {
        let (none, n) = (0.0, self.n);
        let delta_n = self.mean / n;
        Moments { n, mean: delta_n * n, m2: self.m2 + self.mean * delta_n * none * n }
    }

    pub fn variance(self, op: GroupOp) -> Option<f64> {
        let GroupOp::Variance { sample, root, single, merged } = op else { unreachable!("made for a variance") };
        let Moments { n, m2, .. } = if merged { self.merged() } else { self };
        let variance = match (n, sample, single) {
            (0.0, _, _) => return None,
            (1.0, true, Single::Null) => return None,
            (1.0, true, Single::Nan) => f64::NAN,
            (n, true, _) => m2 / (n - 1.0),
            (n, false, _) => m2 / n,
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

    /// As [`Moments::merged`].
    fn merged(self) -> Shape {
        let (none, n) = (0.0, self.n);
        let delta = self.mean;
        let delta_n = delta / n;
        Shape {
            n,
            mean: delta_n * n,
            m2: self.m2 + delta * delta_n * none * n,
            m3: self.m3
                + delta_n * delta_n * delta * none * n * (none - n)
                + 3.0 * delta_n * (none * self.m2 - n * none),
            m4: self.m4
                + delta_n * delta_n * delta_n * delta * none * n * (none * none - none * n + n * n)
                + 6.0 * delta_n * delta_n * (none * none * self.m2 + n * n * none)
                + 4.0 * delta_n * (none * self.m3 - n * none),
        }
    }

    pub fn value(self, op: GroupOp) -> Option<f64> {
        let (is_skewness, merged) = match op {
            GroupOp::Skewness { merged } => (true, merged),
            GroupOp::Kurtosis { merged } => (false, merged),
            _ => unreachable!("made for a skewness or a kurtosis"),
        };
        let Shape { n, m2, m3, m4, .. } = if merged { self.merged() } else { self };
        if n == 0.0 || m2 == 0.0 {
            return None;
        }
        Some(if is_skewness { n.sqrt() * m3 / (m2 * m2 * m2).sqrt() } else { n * m4 / (m2 * m2) - 3.0 })
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

    /// As [`Moments::merged`].
    fn merged(self) -> Pairs {
        let (none, n) = (0.0, self.n);
        let (dx, dy) = (self.x_mean, self.y_mean);
        let (dx_n, dy_n) = (dx / n, dy / n);
        Pairs {
            n,
            x_mean: dx_n * n,
            y_mean: dy_n * n,
            products: self.products + dx * dy_n * none * n,
            x_squares: self.x_squares + dx * dx_n * none * n,
            y_squares: self.y_squares + dy * dy_n * none * n,
            x: self.x.merged(),
        }
    }

    pub fn value(self, of: Pair, merged: bool) -> Option<f64> {
        if self.n == 0.0 {
            return None;
        }
        let this = if merged { self.merged() } else { self };
        let squares = || this.x_squares * this.y_squares;
        match of {
            Pair::Correlation => {
                let root = squares().sqrt();
                (this.n != 1.0 && root != 0.0).then(|| this.products / root)
            }
            Pair::Covariance => Some(this.products / this.n),
            Pair::SampleCovariance => (this.n != 1.0).then(|| this.products / (this.n - 1.0)),
            Pair::Products => Some(this.products),
            Pair::Squares => Some(this.x.m2),
            Pair::Slope => (this.x.m2 != 0.0).then(|| this.products / this.x.m2),
            Pair::Intercept => (this.x.m2 != 0.0).then(|| this.y_mean - this.products / this.x.m2 * this.x_mean),
            Pair::Determination if this.y_squares == 0.0 => None,
            Pair::Determination if this.x_squares == 0.0 => Some(1.0),
            Pair::Determination => {
                let correlation = this.products / squares().sqrt();
                Some(correlation * correlation)
            }
        }
    }
}
