//! Statistics of several numbers of one row, in the order in which they stand.

use bumpalo::{Bump, collections::Vec};
use plan::expr::Stat;

use super::value::Value;

/// Returns the statistic of the arguments that are not null, or of the items of the one list.
pub(super) fn call<'a>(stat: Stat, args: &[Value<'a>], bump: &'a Bump) -> Value<'a> {
    let values = match args {
        [Value::List(items)] => items,
        args => args,
    };
    let numbers = values.iter().filter(|v| !v.is_null()).map(|v| v.f64());
    if stat == Stat::Median {
        let mut sorted = Vec::from_iter_in(numbers, bump);
        return Value::of(median(&mut sorted));
    }
    Value::of(of(stat, numbers))
}

/// Returns a statistic other than the median.
pub(crate) fn of(stat: Stat, numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut value = if stat == Stat::Product { 1.0 } else { 0.0 };
    for x in numbers {
        let is_first = count == 0.0;
        count += 1.0;
        match stat {
            Stat::Min if is_first || x < value || f64::is_nan(value) => value = x,
            Stat::Max if is_first || x > value || f64::is_nan(value) => value = x,
            Stat::Sum => value += x,
            Stat::Product => value *= x,
            Stat::Mean => value += (x - value) / count,
            Stat::Deviation => {
                let apart: f64 = x - mean;
                mean += apart / count;
                squares += apart * (x - mean);
                value = if is_first { 0.0 } else { (squares / (count - 1.0)).sqrt() };
            }
            _ => {}
        }
    }
    match stat {
        Stat::Count => Some(count),
        _ if count == 0.0 => None,
        _ => Some(value),
    }
}

/// Returns the middle of the numbers, which it sorts.
pub(crate) fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers.len() % 2 {
        _ if numbers.is_empty() => None,
        1 => Some(numbers[half]),
        _ => Some((numbers[half - 1] + numbers[half]) / 2.0),
    }
}
