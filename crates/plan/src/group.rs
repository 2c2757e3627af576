//! Groups: where a plan goes on with a table of aggregates instead of the rows.
//!
//! A plan may end in a [`Grouped`]: over all rows of the call that are not dropped, its columns are keys and arguments of
//! aggregates; what follows is a plan of its own over the groups, whose rows are they. Such a plan sees a call whole or not
//! at all, its answer has other rows than the request, and a refused row refuses the call: no group is right without it.
//!
//! Groups stand in the order in which their first rows came. Null is a key like any other, all NaNs are one key, -0.0 and
//! 0.0 are one key (which is 0.0), as Spark's `NormalizeFloatingNumbers` has it since 3.0. Without keys all rows are one
//! group, which is there even where no row is. The rules of aggregates are Spark's `catalyst.expressions.aggregate`.

use std::sync::Arc;

use model::{DType, Type};

use crate::{
    error::PlanError,
    expr::arith::is_signed,
    plan::{Place, Plan, SlotId, ValueType},
};

/// Most plans one behind the other.
pub const CHAIN_MAX: usize = 16;

/// How rows become groups, and what is computed from these.
#[derive(Clone, Debug)]
pub struct Grouped {
    /// The step of the artifact that says so: shown in plans and faults.
    pub step: Arc<str>,
    /// Rows with the same keys are one group.
    pub keys: Vec<SlotId>,
    pub aggregates: Vec<Aggregation>,
    /// Its inputs are the keys, then the aggregates, under names of their own, all different; what they take is not looked
    /// at. Its outputs are the model's.
    pub then: Arc<Plan>,
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    pub op: GroupOp,
    /// Of what: no column for [`GroupOp::Rows`], one or more for [`GroupOp::Count`], two for pairs and for
    /// [`GroupOp::MaxBy`] and [`GroupOp::MinBy`], one for the others.
    pub inputs: Vec<SlotId>,
    /// Of values that are the same in one group (as keys are), only the first counts.
    pub distinct: bool,
}

/// What is computed of the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOp {
    /// How many rows: int64.
    Rows,
    /// Of how many rows no argument is null: int64. Of any type.
    Count,
    /// The sum without nulls, in the order of the rows; null where there is no other row. Of integers int64, of floats
    /// float64, of decimals one of ten digits more (38 at most).
    Sum { overflow: Overflow },
    /// The mean without nulls; null where there is no other row. Numbers are added up as float64, which it is. Of decimals it
    /// is one of four digits more, all behind the point, rounded half away from zero; null where it has more digits.
    Mean,
    /// The least without nulls; null where there is no other row. NaN is greater than all numbers, texts compare by bytes. Of
    /// equal ones (-0.0 and 0.0) the first.
    Min,
    /// The greatest without nulls, as [`GroupOp::Min`] says.
    Max,
    /// The first row's; null where there is none. Of any type.
    First { ignore_nulls: bool },
    /// The last row's; null where there is none. Of any type.
    Last { ignore_nulls: bool },
    /// The variance of numbers or decimals, without nulls: float64, updated row by row as Spark's `CentralMomentAgg`. Null where there is no other
    /// row; NaN of NaN and infinities.
    Variance {
        /// Divided by one less than there are rows. Of one row it is [`GroupOp::Variance::single`].
        sample: bool,
        /// Its square root, the standard deviation.
        root: bool,
        single: Single,
        /// As Spark before 4.3: what was summed up is merged into sums of no rows before it is used. That rounds means once more, and what
        /// depends on a square past the greatest number is NaN.
        merged: bool,
    },
    /// The values without nulls, in the order of the rows; an empty list where there is none. Of any type that lists hold.
    List,
    /// Of float64 without nulls, updated row by row as Spark's `CentralMomentAgg`. Null where there is no other row, or where all
    /// are equal. `merged` as in [`GroupOp::Variance`].
    Skewness { merged: bool },
    /// The excess kurtosis; as [`GroupOp::Skewness`].
    Kurtosis { merged: bool },
    /// Of two columns of float64, of rows where neither is null. `merged` as in [`GroupOp::Variance`].
    Pair { of: Pair, merged: bool },
    /// Of numbers or decimals without nulls: float64. NaN is above all numbers. Null where there is no value.
    Percentile { share: Share, between: Between },
    /// The most frequent value without nulls, of numbers, booleans, times or texts. Of those that are equally frequent the one that
    /// Spark's table of counts has first, where the rows are one partition.
    Mode {
        /// Whether -0.0 and 0.0 are one value, which is 0.0, as from Spark 4.3 on.
        one_zero: bool,
    },
    /// Of two columns, the first of the row where the second is greatest, in the order of [`GroupOp::Max`]; of equal ones the last.
    /// Rows whose second is null are passed over.
    MaxBy,
    /// As [`GroupOp::MaxBy`], where the second is least.
    MinBy,
    /// Of signed integers without nulls, all joined bit by bit; of the argument's type, null where there is no other row.
    Bits(Bits),
}

/// What is computed of pairs `(x, y)`, updated row by row as Spark's `Covariance`, `PearsonCorrelation` and `CentralMomentAgg`. Null
/// where there is no pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Pearson's; null of one pair, and where x or y is the same in all.
    Correlation,
    /// Divided by the number of pairs.
    Covariance,
    /// Divided by one less; null of one pair.
    SampleCovariance,
    /// The sum of the products of distances from the means.
    Products,
    /// The sum of the squares of x's distances from their mean.
    Squares,
    /// Of the line by least squares that gives y; null where x is the same in all.
    Slope,
    /// Where that line meets x = 0.
    Intercept,
    /// The square of the correlation; 1 where x is the same in all, null where y is.
    Determination,
}

/// What lies between two values `a` and `b`, at a part `p` of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// `(1 - p) * a + p * b`: Spark's `percentile` before 4.3.
    Shares,
    /// `a + p * (b - a)`: Spark's from 4.3 on.
    Way,
}

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

/// How bits are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    And,
    Or,
    Xor,
}

/// What happens where a sum of integers leaves int64, or one of decimals its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Integers wrap, decimals are null.
    Wrap,
    /// The call is refused.
    Refuse,
    /// The sum is null, of integers as well.
    Null,
}

/// What the sample variance of a single row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single {
    /// Spark from 3.1 on.
    Null,
    Nan,
}

// === impl GroupOp ===

impl GroupOp {
    pub fn name(self) -> &'static str {
        match self {
            GroupOp::Rows => "rows",
            GroupOp::Count => "count",
            GroupOp::Sum { .. } => "sum",
            GroupOp::Mean => "mean",
            GroupOp::Min => "min",
            GroupOp::Max => "max",
            GroupOp::First { ignore_nulls: false } => "first",
            GroupOp::First { ignore_nulls: true } => "first_valid",
            GroupOp::Last { ignore_nulls: false } => "last",
            GroupOp::Last { ignore_nulls: true } => "last_valid",
            GroupOp::Variance { sample: true, root: false, .. } => "var_samp",
            GroupOp::Variance { sample: true, root: true, .. } => "stddev_samp",
            GroupOp::Variance { sample: false, root: false, .. } => "var_pop",
            GroupOp::Variance { sample: false, root: true, .. } => "stddev_pop",
            GroupOp::List => "list",
            GroupOp::Skewness { .. } => "skewness",
            GroupOp::Kurtosis { .. } => "kurtosis",
            GroupOp::Pair { of, .. } => of.name(),
            GroupOp::Percentile { .. } => "percentile",
            GroupOp::Mode { .. } => "mode",
            GroupOp::MaxBy => "max_by",
            GroupOp::MinBy => "min_by",
            GroupOp::Bits(Bits::And) => "bit_and",
            GroupOp::Bits(Bits::Or) => "bit_or",
            GroupOp::Bits(Bits::Xor) => "bit_xor",
        }
    }

    /// Returns the type of the result for arguments of these types, or in words what it takes.
    pub fn result(self, inputs: &[&Type]) -> Result<Type, &'static str> {
        let one = |what| match inputs {
            [one] => Ok(*one),
            _ => Err(what),
        };
        let number = || {
            let dtype = one("one column of numbers")?.as_scalar();
            dtype.filter(|dtype| dtype.is_number() || dtype.is_decimal()).ok_or("one column of numbers")
        };
        let decimal = |precision: u8, scale: u8| Type::scalar(DType::Decimal(precision.min(38), scale.min(38)));
        match self {
            GroupOp::Rows if inputs.is_empty() => Ok(Type::I64),
            GroupOp::Rows => Err("no column"),
            GroupOp::Count if inputs.is_empty() => Err("one column at least"),
            GroupOp::Count => Ok(Type::I64),
            GroupOp::Sum { .. } => match number()? {
                DType::U64 => Err("one column of numbers that int64 holds"),
                DType::Decimal(precision, scale) => Ok(decimal(precision.saturating_add(10), scale)),
                dtype => Ok(if dtype.is_int() { Type::I64 } else { Type::F64 }),
            },
            GroupOp::Mean => Ok(match number()? {
                DType::Decimal(precision, scale) => decimal(precision.saturating_add(4), scale.saturating_add(4)),
                _ => Type::F64,
            }),
            GroupOp::Variance { .. } | GroupOp::Percentile { .. } => number().map(|_| Type::F64),
            GroupOp::Skewness { .. } | GroupOp::Kurtosis { .. } => match inputs {
                [x] if **x == Type::F64 => Ok(Type::F64),
                _ => Err("one column of float64"),
            },
            GroupOp::Pair { .. } => match inputs {
                [x, y] if **x == Type::F64 && **y == Type::F64 => Ok(Type::F64),
                _ => Err("two columns of float64"),
            },
            GroupOp::Min | GroupOp::Max => {
                let ty = one(ORDERED)?;
                if is_ordered(ty) { Ok(ty.clone()) } else { Err(ORDERED) }
            }
            GroupOp::MaxBy | GroupOp::MinBy => match inputs {
                [value, by] if is_ordered(by) => Ok((*value).clone()),
                _ => Err("two columns, the second of numbers, booleans, times or texts"),
            },
            GroupOp::Mode { .. } => {
                let counted = |ty: &&Type| ty.as_scalar().map_or(**ty == Type::Text, |dtype| !dtype.is_decimal());
                let ty = one(COUNTED)?;
                Some(ty).filter(counted).cloned().ok_or(COUNTED)
            }
            GroupOp::Bits(_) => {
                let ty = one("one column of signed integers")?;
                let is_signed = ty.as_scalar().is_some_and(is_signed);
                if is_signed { Ok(ty.clone()) } else { Err("one column of signed integers") }
            }
            GroupOp::First { .. } | GroupOp::Last { .. } => one("one column").cloned(),
            GroupOp::List => one("one column").map(|ty| Type::list(ty.clone())),
        }
    }
}

const ORDERED: &str = "one column of numbers, booleans, times or texts";
const COUNTED: &str = "one column of numbers, booleans, times or texts, no decimals";

fn is_ordered(ty: &Type) -> bool {
    ty.as_scalar().is_some() || *ty == Type::Text
}

// === impl Pair ===

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Pair::Correlation => "corr",
            Pair::Covariance => "covar_pop",
            Pair::SampleCovariance => "covar_samp",
            Pair::Products => "sxy",
            Pair::Squares => "sxx",
            Pair::Slope => "slope",
            Pair::Intercept => "intercept",
            Pair::Determination => "r2",
        }
    }
}

// === impl Share ===

// It is never NaN.
impl Eq for Share {}

impl Share {
    /// Returns the share, or nothing where it is not from 0 to 1.
    pub fn new(share: f64) -> Option<Share> {
        (0.0..=1.0).contains(&share).then_some(Share(share))
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

// === impl Grouped ===

impl Grouped {
    /// Returns the types of the groups' columns, the inputs of what follows, from those of the slots; `None` for what is
    /// computed from slots without a type.
    pub fn infer(&self, types: &[Option<ValueType>]) -> Result<Vec<Option<ValueType>>, PlanError> {
        let fault = |op, expected: &str, got: String| PlanError::Types {
            step: self.step.clone(),
            op,
            expected: expected.to_owned(),
            got,
        };
        let column = |slot: &SlotId| match &types[slot.index()] {
            Some(ValueType { place: Place::Whole, ty }) => Err(fault("group", "columns", format!("whole {ty}"))),
            ty => Ok(ty.clone().map(|ty| ty.ty)),
        };
        let mut out = Vec::with_capacity(self.keys.len() + self.aggregates.len());
        for key in &self.keys {
            out.push(column(key)?.map(ValueType::rows));
        }
        for Aggregation { op, inputs, .. } in &self.aggregates {
            let inputs: Vec<Option<Type>> = inputs.iter().map(column).collect::<Result<_, _>>()?;
            let known: Option<Vec<&Type>> = inputs.iter().map(Option::as_ref).collect();
            let result = known.map(|known| {
                let got = || known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                op.result(&known).map_err(|expected| fault(op.name(), expected, got()))
            });
            out.push(result.transpose()?.map(ValueType::rows));
        }
        Ok(out)
    }

    /// Returns which slots are read: the keys, and of the aggregates those that are needed.
    pub fn reads<'a>(&'a self, needed: &'a [bool]) -> impl Iterator<Item = SlotId> + 'a {
        let aggregates = self.aggregates.iter().zip(&needed[self.keys.len()..]).filter(|(_, needed)| **needed);
        self.keys.iter().copied().chain(aggregates.flat_map(|(a, _)| a.inputs.iter().copied()))
    }

    /// Checks it against the plan that ends in it.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let shape = |what: &str| Err(PlanError::Shape(format!("{}: {what}", self.step)));
        let slots = self.keys.iter().chain(self.aggregates.iter().flat_map(|a| &a.inputs));
        if !plan.outputs.is_empty() || slots.into_iter().any(|s| s.index() >= plan.slots.len()) {
            return shape("groups of slots that are there, and no outputs beside them");
        }
        if self.then.inputs.len() != self.keys.len() + self.aggregates.len() {
            return shape("what follows groups takes the keys and the aggregates");
        }
        let mut names: Vec<&str> = self.then.inputs.iter().map(|i| &*i.name).collect();
        names.sort_unstable();
        if names.windows(2).any(|w| w[0] == w[1]) || self.then.inputs.iter().any(|i| i.whole) {
            return shape("what follows groups takes columns of different names");
        }
        let chain = std::iter::successors(Some(&*self.then), |plan| plan.grouped.as_ref().map(|g| &*g.then));
        if chain.take(CHAIN_MAX + 1).count() >= CHAIN_MAX {
            return shape("groups of groups of groups, too many");
        }
        Ok(())
    }
}
