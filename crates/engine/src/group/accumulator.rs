//! Aggregates as they grow: the state of each, one entry a group. The rules stand at [`plan::GroupOp`].

use std::cmp::Ordering;

use model::{Builder, Column, DType, FaultKind, FaultValue, Fixed, PredictError, Type, decimal};
use plan::{Bits, GroupOp, Overflow};

use super::{
    Budget,
    keys::size,
    moments::{Moments, Pairs, Shape},
    values::{Counts, Numbers},
};

/// A value that an aggregate refuses.
pub struct Refused(pub FaultKind, pub FaultValue);

/// The state of one aggregate.
pub struct Accumulator {
    op: GroupOp,
    /// Of the first argument.
    ty: Option<Type>,
    state: State,
    scratch: Vec<u8>,
}

/// One entry a group.
enum State {
    Count(Vec<i64>),
    /// Sums of integers, once there is one, and whether they ever left int64.
    Whole(Vec<(Option<i64>, bool)>),
    Bits(Bits, Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    /// Sum and count.
    Mean(Vec<(f64, i64)>),
    Decimal {
        scale: u8,
        to: (u8, u8),
        sums: Vec<Decimal>,
    },
    /// Columns of the row that holds so far.
    Held(Vec<Option<Column>>),
    /// The value, and by what it holds.
    By(Vec<Option<[Column; 2]>>),
    Moments(Vec<Moments>),
    Shapes(Vec<Shape>),
    Pairs(Vec<Pairs>),
    Numbers(Numbers),
    Counts(Box<Counts>),
    /// The values of all groups as they came, and the group of each.
    List {
        values: Box<Builder>,
        groups: Vec<u32>,
        count: usize,
    },
}

/// A sum of decimals, of how many, and whether it ever had too many digits.
#[derive(Clone, Copy, Default)]
struct Decimal {
    sum: i128,
    count: i128,
    over: bool,
}

// === impl Accumulator ===

impl Accumulator {
    pub fn new(op: GroupOp, types: &[Type]) -> Accumulator {
        let ty = types.first().cloned();
        let dtype = ty.as_ref().and_then(Type::as_scalar);
        let result = op.result(&types.iter().collect::<Vec<_>>()).ok().and_then(|ty| ty.as_scalar());
        let state = match op {
            GroupOp::Sum { .. } | GroupOp::Mean if dtype.is_some_and(DType::is_decimal) => {
                let digits = |dtype| match dtype {
                    Some(DType::Decimal(precision, scale)) => (precision, scale),
                    _ => unreachable!("inferred for decimals"),
                };
                State::Decimal { scale: digits(dtype).1, to: digits(result), sums: Vec::new() }
            }
            GroupOp::Rows | GroupOp::Count => State::Count(Vec::new()),
            GroupOp::Sum { .. } if dtype.is_some_and(DType::is_int) => State::Whole(Vec::new()),
            GroupOp::Sum { .. } => State::Float(Vec::new()),
            GroupOp::Mean => State::Mean(Vec::new()),
            GroupOp::Min | GroupOp::Max | GroupOp::First { .. } | GroupOp::Last { .. } => State::Held(Vec::new()),
            GroupOp::MaxBy | GroupOp::MinBy => State::By(Vec::new()),
            GroupOp::Variance { .. } => State::Moments(Vec::new()),
            GroupOp::Skewness { .. } | GroupOp::Kurtosis { .. } => State::Shapes(Vec::new()),
            GroupOp::Pair { .. } => State::Pairs(Vec::new()),
            GroupOp::Bits(bits) => State::Bits(bits, Vec::new()),
            GroupOp::Percentile { .. } => State::Numbers(Numbers::new(dtype.expect("inferred for numbers"))),
            GroupOp::Mode { one_zero } => {
                let ty = types.first().expect("inferred for one column");
                State::Counts(Box::new(Counts::new(ty, one_zero)))
            }
            GroupOp::List => {
                let values = Box::new(Builder::new(types.first().expect("inferred for one column")));
                State::List { values, groups: Vec::new(), count: 0 }
            }
        };
        Accumulator { op, ty, state, scratch: Vec::new() }
    }

    /// Begins the next group.
    pub fn begin(&mut self) {
        match &mut self.state {
            State::Count(counts) => counts.push(0),
            State::Whole(sums) => sums.push((None, false)),
            State::Bits(_, bits) => bits.push(None),
            State::Float(sums) => sums.push(None),
            State::Mean(sums) => sums.push((0.0, 0)),
            State::Decimal { sums, .. } => sums.push(Decimal::default()),
            State::Held(held) => held.push(None),
            State::By(held) => held.push(None),
            State::Moments(moments) => moments.push(Moments::default()),
            State::Shapes(shapes) => shapes.push(Shape::default()),
            State::Pairs(pairs) => pairs.push(Pairs::default()),
            State::Numbers(numbers) => numbers.begin(),
            State::Counts(counts) => counts.begin(),
            State::List { count, .. } => *count += 1,
        }
    }

    /// Adds a row to a group.
    pub fn add(
        &mut self,
        group: usize,
        args: &[Column],
        row: usize,
        budget: &mut Budget,
    ) -> Result<Result<(), Refused>, PredictError> {
        let keeps_nulls =
            matches!(self.op, GroupOp::First { ignore_nulls: false } | GroupOp::Last { ignore_nulls: false });
        // A row without what it is measured by is passed over, one without a value is not.
        let needed = if matches!(self.state, State::By(_)) { &args[1..] } else { args };
        if !keeps_nulls && !needed.iter().all(|arg| arg.is_valid(row)) {
            return Ok(Ok(()));
        }
        match &mut self.state {
            State::Count(counts) => counts[group] += 1,
            State::Whole(sums) => {
                let value = integer(&args[0], row);
                let (sum, over) = &mut sums[group];
                let before = sum.unwrap_or(0);
                *over |= before.checked_add(value).is_none();
                if *over && self.op == (GroupOp::Sum { overflow: Overflow::Refuse }) {
                    return Ok(Err(Refused(FaultKind::Rule("a sum that int64 holds"), FaultValue::Int(value))));
                }
                *sum = Some(before.wrapping_add(value));
            }
            State::Bits(bits, groups) => groups[group] = Some(joined(*bits, groups[group], integer(&args[0], row))),
            State::Float(sums) => sums[group] = Some(sums[group].unwrap_or(0.0) + number(&args[0], row)),
            State::Mean(sums) => {
                let (sum, count) = &mut sums[group];
                *sum += number(&args[0], row);
                *count += 1;
            }
            State::Decimal { scale, to, sums } => {
                let value = decimal(&args[0], row);
                if let Some(refused) = sums[group].take(self.op, value, *scale, to.0) {
                    return Ok(Err(refused));
                }
            }
            State::Held(held) => {
                let held = &mut held[group];
                if holds(self.op, held.as_ref(), &args[0], row) {
                    *held = Some(args[0].slice(row, 1));
                }
            }
            State::By(held) => {
                let held = &mut held[group];
                if holds_by(self.op, held.as_ref(), &args[1], row) {
                    *held = Some([args[0].slice(row, 1), args[1].slice(row, 1)]);
                }
            }
            State::Moments(moments) => moments[group].add(number(&args[0], row)),
            State::Shapes(shapes) => shapes[group].add(number(&args[0], row)),
            State::Pairs(pairs) => pairs[group].add(number(&args[0], row), number(&args[1], row)),
            State::Numbers(numbers) => numbers.add(group, &args[0], row, budget)?,
            State::Counts(counts) => counts.add(group, &args[0], row, budget)?,
            State::List { values, groups, .. } => {
                budget.spend(size(&args[0], row, &mut self.scratch))?;
                values.append_row(&args[0], row);
                groups.push(group as u32);
            }
        }
        Ok(Ok(()))
    }

    /// Returns the aggregate of each group.
    pub fn finish(mut self, budget: &mut Budget) -> Result<Column, PredictError> {
        Ok(match self.state {
            State::Count(counts) => Column::Fixed(Fixed::from_vec(DType::I64, counts)),
            State::Whole(sums) => {
                let is_null = |over: bool| over && self.op == GroupOp::Sum { overflow: Overflow::Null };
                integers(&Type::I64, sums.into_iter().map(|(sum, over)| sum.filter(|_| !is_null(over))))
            }
            State::Bits(_, groups) => integers(&self.ty.expect("inferred for one column"), groups.into_iter()),
            State::Float(sums) => floats(sums.into_iter()),
            State::Mean(sums) => floats(sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / count as f64))),
            State::Decimal { scale, to, sums } => {
                let mut builder = Builder::new(&Type::scalar(DType::Decimal(to.0, to.1)));
                for sum in sums {
                    let value = if self.op == GroupOp::Mean { sum.mean(scale, to) } else { sum.sum() };
                    match value {
                        Some(value) => builder.push_fixed(value),
                        None => builder.push_null(),
                    }
                }
                builder.finish()
            }
            State::Moments(moments) => floats(moments.into_iter().map(|m| m.variance(self.op))),
            State::Shapes(shapes) => floats(shapes.into_iter().map(|shape| shape.value(self.op))),
            State::Pairs(pairs) => {
                let GroupOp::Pair { of, merged } = self.op else { unreachable!("made for pairs") };
                floats(pairs.into_iter().map(|pairs| pairs.value(of, merged)))
            }
            State::Numbers(numbers) => {
                let GroupOp::Percentile { share, between } = self.op else { unreachable!("made for a percentile") };
                floats(numbers.percentiles(share, between).into_iter())
            }
            State::Counts(counts) => counts.modes(&self.ty.expect("inferred for one column")),
            State::Held(held) => {
                let ty = self.ty.expect("inferred for one column");
                rows(&ty, held.into_iter(), budget, &mut self.scratch)?
            }
            State::By(held) => {
                let values = held.into_iter().map(|held| held.map(|[value, _]| value));
                rows(&self.ty.expect("inferred for two columns"), values, budget, &mut self.scratch)?
            }
            State::List { values, groups, count } => {
                let item = self.ty.expect("inferred for one column");
                lists(&item, &values.finish(), &groups, count)
            }
        })
    }
}

fn floats(values: impl Iterator<Item = Option<f64>>) -> Column {
    let mut builder = Builder::new(&Type::F64);
    values.for_each(|value| match value {
        Some(value) => builder.push_fixed(value),
        None => builder.push_null(),
    });
    builder.finish()
}

/// Returns a column of signed integers of this type, which holds them.
fn integers(ty: &Type, values: impl Iterator<Item = Option<i64>>) -> Column {
    let mut builder = Builder::new(ty);
    values.for_each(|value| match (value, ty.as_scalar()) {
        (None, _) => builder.push_null(),
        (Some(value), Some(DType::I8)) => builder.push_fixed(value as i8),
        (Some(value), Some(DType::I16)) => builder.push_fixed(value as i16),
        (Some(value), Some(DType::I32)) => builder.push_fixed(value as i32),
        (Some(value), _) => builder.push_fixed(value),
    });
    builder.finish()
}

fn joined(bits: Bits, so_far: Option<i64>, value: i64) -> i64 {
    match (bits, so_far) {
        (_, None) => value,
        (Bits::And, Some(so_far)) => so_far & value,
        (Bits::Or, Some(so_far)) => so_far | value,
        (Bits::Xor, Some(so_far)) => so_far ^ value,
    }
}

/// Returns a column of the first rows of these.
fn rows(
    ty: &Type,
    held: impl Iterator<Item = Option<Column>>,
    budget: &mut Budget,
    scratch: &mut Vec<u8>,
) -> Result<Column, PredictError> {
    let mut builder = Builder::new(ty);
    for value in held {
        match value {
            None => builder.push_null(),
            Some(value) => {
                budget.spend(size(&value, 0, scratch))?;
                builder.append_row(&value, 0);
            }
        }
    }
    Ok(builder.finish())
}

/// Returns whether a row takes the place of the one that is held, by what they are measured by; of equal ones the later.
fn holds_by(op: GroupOp, held: Option<&[Column; 2]>, by: &Column, row: usize) -> bool {
    let Some([_, held]) = held else { return true };
    let order = compare(by, row, held, 0);
    if op == GroupOp::MaxBy { order.is_ge() } else { order.is_le() }
}
/// Returns whether a row takes the place of the one that is held.
fn holds(op: GroupOp, held: Option<&Column>, arg: &Column, row: usize) -> bool {
    let Some(held) = held else { return true };
    match op {
        GroupOp::Last { .. } => true,
        GroupOp::Min => compare(arg, row, held, 0) == Ordering::Less,
        GroupOp::Max => compare(arg, row, held, 0) == Ordering::Greater,
        _ => false,
    }
}

/// Compares two rows that are not null.
fn compare(a: &Column, a_row: usize, b: &Column, b_row: usize) -> Ordering {
    match (a, b) {
        (Column::Fixed(x), Column::Fixed(_)) if x.dtype().is_float() => {
            let (x, y) = (number(a, a_row), number(b, b_row));
            x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
        }
        (Column::Fixed(x), Column::Fixed(y)) if x.dtype() == DType::U64 => {
            x.values::<u64>()[a_row].cmp(&y.values::<u64>()[b_row])
        }
        (Column::Fixed(x), Column::Fixed(y)) if x.dtype().is_decimal() => {
            x.values::<i128>()[a_row].cmp(&y.values::<i128>()[b_row])
        }
        (Column::Fixed(_), Column::Fixed(_)) => integer(a, a_row).cmp(&integer(b, b_row)),
        (Column::Text(x), Column::Text(y)) => x.bytes(a_row).cmp(y.bytes(b_row)),
        _ => unreachable!("inferred for what has an order"),
    }
}

/// Returns the row's integer, boolean or time.
pub fn integer(column: &Column, row: usize) -> i64 {
    let Column::Fixed(fixed) = column else { unreachable!("inferred for numbers") };
    match fixed.dtype() {
        DType::Bool | DType::U8 => i64::from(fixed.values::<u8>()[row]),
        DType::I8 => i64::from(fixed.values::<i8>()[row]),
        DType::I16 => i64::from(fixed.values::<i16>()[row]),
        DType::I32 | DType::Date => i64::from(fixed.values::<i32>()[row]),
        DType::I64 | DType::Timestamp => fixed.values::<i64>()[row],
        DType::U16 => i64::from(fixed.values::<u16>()[row]),
        DType::U32 => i64::from(fixed.values::<u32>()[row]),
        DType::U64 | DType::F32 | DType::F64 | DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => {
            unreachable!("inferred for integers that int64 holds")
        }
    }
}

/// Returns the row's number.
pub fn number(column: &Column, row: usize) -> f64 {
    let Column::Fixed(fixed) = column else { unreachable!("inferred for numbers") };
    match fixed.dtype() {
        DType::F64 => fixed.values::<f64>()[row],
        DType::F32 => f64::from(fixed.values::<f32>()[row]),
        DType::U64 => fixed.values::<u64>()[row] as f64,
        DType::Decimal(_, scale) => decimal::to_f64(fixed.values::<i128>()[row], scale),
        _ => integer(column, row) as f64,
    }
}

pub fn decimal(column: &Column, row: usize) -> i128 {
    let Column::Fixed(fixed) = column else { unreachable!("inferred for numbers") };
    fixed.values::<i128>()[row]
}

/// Returns the values as a list a group, each in the order in which they came.
fn lists(item: &Type, values: &Column, groups: &[u32], count: usize) -> Column {
    let mut lens = vec![0usize; count];
    groups.iter().for_each(|&group| lens[group as usize] += 1);
    let mut places: Vec<usize> = lens
        .iter()
        .scan(0, |at, len| {
            let begin = *at;
            *at += len;
            Some(begin)
        })
        .collect();
    let mut order = vec![0u32; groups.len()];
    for (value, &group) in groups.iter().enumerate() {
        order[places[group as usize]] = value as u32;
        places[group as usize] += 1;
    }
    let mut builder = Builder::new(&Type::list(item.clone()));
    order.iter().for_each(|&value| builder.items().append_row(values, value as usize));
    builder.end_lists(lens.into_iter());
    builder.finish()
}

// === impl Decimal ===

impl Decimal {
    /// Adds a value; refuses it where the sum must fit and does not.
    fn take(&mut self, op: GroupOp, value: i128, scale: u8, precision: u8) -> Option<Refused> {
        // A mean's own sum has room for ten digits more, too.
        self.add(value, if op == GroupOp::Mean { decimal::PRECISION_MAX } else { precision });
        (self.over && op == GroupOp::Sum { overflow: Overflow::Refuse }).then(|| {
            let value = FaultValue::text(&decimal::to_string(value, scale));
            Refused(FaultKind::Rule("a sum that its decimal type holds"), value)
        })
    }

    fn add(&mut self, value: i128, precision: u8) {
        match self.sum.checked_add(value).filter(|&sum| decimal::fits(sum, precision)) {
            Some(sum) => self.sum = sum,
            None => self.over = true,
        }
        self.count += 1;
    }

    fn sum(self) -> Option<i128> {
        (self.count > 0 && !self.over).then_some(self.sum)
    }

    /// Returns the mean with so many digits.
    fn mean(self, scale: u8, (precision, to_scale): (u8, u8)) -> Option<i128> {
        let sum = self.sum()?;
        let power = decimal::POWERS[usize::from(to_scale - scale)];
        // The remainder is below the count, so it has room for the power.
        let (whole, rest) = (sum / self.count, (sum % self.count).checked_mul(power)?);
        let (more, left) = (rest / self.count, rest % self.count);
        let up = if 2 * left.abs() >= self.count { sum.signum() } else { 0 };
        let mean = whole.checked_mul(power)?.checked_add(more + up)?;
        Some(mean).filter(|&mean| decimal::fits(mean, precision))
    }
}
