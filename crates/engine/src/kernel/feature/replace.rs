//! Numbers in the place of others: what is missing, and what is known by its key.

use model::{DType, FaultKind, FaultValue};
use rustc_hash::FxHashMap;

use crate::frame::{Env, Home};

/// [`plan::FeatureOp::Impute`] and [`plan::FeatureOp::Lookup`].
pub enum Replace {
    Impute {
        missing: f64,
        surrogate: f64,
    },
    /// Values by their keys' bits, that of 0 for both zeros.
    Lookup {
        values: FxHashMap<u64, f64>,
        null: Option<f64>,
        other: Option<f64>,
    },
}

impl Replace {
    pub(super) fn lookup(keys: &[f64], values: &[f64], null: Option<f64>, other: Option<f64>) -> Replace {
        let values = keys.iter().zip(values).map(|(key, &value)| (bits(*key), value)).collect();
        Replace::Lookup { values, null, other }
    }

    pub(super) fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let (cells, out) = (env.frame.cells(input), env.frame.cells(output));
        match self {
            Replace::Impute { missing, surrogate } => {
                let is_missing = |x: f64| x == *missing || x.is_nan() && missing.is_nan();
                env.frame.each_live(|row| {
                    let x = cells.number(row).filter(|x| !is_missing(*x)).unwrap_or(*surrogate);
                    out.set(row, Some(to_cell(cells.dtype, x)));
                });
            }
            Replace::Lookup { values, null, other } => env.frame.each_live(|row| {
                let x = cells.number(row);
                let value = match x {
                    None => *null,
                    Some(x) => values.get(&bits(x)).filter(|_| !x.is_nan()).copied().or(*other),
                };
                if value.is_none() {
                    match x {
                        None => env.refuse(row, 0, FaultKind::Null, FaultValue::Null),
                        Some(x) => env.refuse(row, 0, FaultKind::Unseen, FaultValue::Number(x)),
                    }
                }
                out.set(row, value.map(f64::to_bits));
            }),
        }
    }
}

fn bits(x: f64) -> u64 {
    (x + 0.0).to_bits()
}

/// Returns the cell of a number of the dtype, cut as Java casts a double: toward zero, what is too large to the nearest int64
/// or int32, narrower ones by their low bits.
fn to_cell(dtype: DType, x: f64) -> u64 {
    match dtype {
        DType::F64 => x.to_bits(),
        DType::F32 => u64::from((x as f32).to_bits()),
        DType::I32 => i64::from(x as i32) as u64,
        DType::I16 => i64::from(x as i32 as i16) as u64,
        DType::I8 => i64::from(x as i32 as i8) as u64,
        DType::U8 => u64::from(x as u8),
        DType::U16 => u64::from(x as u16),
        DType::U32 => u64::from(x as u32),
        DType::U64 => x as u64,
        DType::I64 | DType::Bool | DType::Date | DType::Timestamp | DType::Decimal(..) => x as i64 as u64,
        DType::F16 | DType::BF16 | DType::C64 => unreachable!("no column has {dtype}"),
    }
}
