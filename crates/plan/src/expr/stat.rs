//! Statistics of several numbers of one row.

/// A statistic of the float64 arguments that are not null, taken in their order; null where all are. A NaN counts as the
/// number it is: sums and means become NaN, [`Stat::Min`] and [`Stat::Max`] pass over it where there is any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stat {
    Min,
    Max,
    Sum,
    /// By the running mean, `m + (x - m) / n`.
    Mean,
    Product,
    /// The middle of the numbers in order, the mean of the two middle ones where their number is even.
    Median,
    /// The standard deviation of a sample, by the running sum of squares; 0 of one number.
    Deviation,
    /// How many are not null; 0 where all are.
    Count,
}

impl Stat {
    pub fn name(self) -> &'static str {
        match self {
            Stat::Min => "stat_min",
            Stat::Max => "stat_max",
            Stat::Sum => "sum",
            Stat::Mean => "mean",
            Stat::Product => "product",
            Stat::Median => "median",
            Stat::Deviation => "deviation",
            Stat::Count => "count",
        }
    }
}
