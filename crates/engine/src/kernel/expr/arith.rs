//! Arithmetic of integers, floats and decimals.

use model::{DType, Type, decimal};
use plan::expr::{Arith, OnFault};

use super::{
    general::on_fault,
    value::{Out, Value},
    wide::Wide,
};

pub(super) struct ArithKernel {
    op: Arith,
    on: OnFault,
    to: DType,
    /// Of decimals, the scales of the arguments.
    scales: [u8; 2],
}

pub(super) const OVERFLOW: &str = "a result that its type holds";
pub(super) const DIVISOR: &str = "a divisor that is not 0";

impl ArithKernel {
    pub(super) fn new(op: Arith, on: OnFault, to: DType, types: &[Type]) -> ArithKernel {
        let scale = |i: usize| match types.get(i).and_then(Type::as_scalar) {
            Some(DType::Decimal(_, scale)) => scale,
            _ => 0,
        };
        ArithKernel { op, on, to, scales: [scale(0), scale(1)] }
    }

    /// Computes arguments that are not null.
    pub(super) fn call<'a>(&self, args: &[Value<'a>]) -> Out<'a> {
        let second = args.get(1).copied().unwrap_or(Value::Null);
        match (args[0], second) {
            (Value::Int(a), Value::Int(b)) => self.ints(a, b),
            (Value::Int(a), _) => self.ints(a, 0),
            (Value::Wide(a), Value::Wide(b)) => self.decimals(a, b),
            (Value::Wide(a), _) => self.decimals(a, 0),
            (Value::F32(a), b) => {
                let b = if let Value::F32(b) = b { b } else { 0.0 };
                self.floats(a, b, b == 0.0, |a| a < 0.0).map(|v| v.map_or(Value::Null, Value::F32))
            }
            (a, b) => {
                let b = if let Value::F64(b) = b { b } else { 0.0 };
                self.floats(a.f64(), b, b == 0.0, |a| a < 0.0).map(|v| v.map_or(Value::Null, Value::F64))
            }
        }
    }

    fn ints<'a>(&self, a: i64, b: i64) -> Out<'a> {
        let (x, y) = (i128::from(a), i128::from(b));
        let exact = match self.op {
            Arith::Add => x + y,
            Arith::Sub => x - y,
            Arith::Mul => x * y,
            Arith::Neg => -x,
            Arith::Abs => x.abs(),
            _ if b == 0 => return on_fault(self.on, DIVISOR, Value::Int(b)),
            Arith::Div | Arith::IntDiv => x / y,
            Arith::Rem => x % y,
            Arith::Pmod => {
                // Java adds in the width of an int at least, and narrows the remainder after.
                let r = a.wrapping_rem(b);
                let sum = match self.to {
                    DType::I64 => r.wrapping_add(b),
                    _ => i64::from((r as i32).wrapping_add(b as i32)),
                };
                i128::from(if r < 0 { sum.wrapping_rem(b) } else { r })
            }
        };
        let wrapped = match self.to {
            DType::I8 => i64::from(exact as i8),
            DType::I16 => i64::from(exact as i16),
            DType::I32 => i64::from(exact as i32),
            _ => exact as i64,
        };
        if i128::from(wrapped) != exact && self.on != OnFault::Wrap {
            return on_fault(self.on, OVERFLOW, Value::Wide(exact));
        }
        Ok(Value::Int(wrapped))
    }

    fn floats<T>(
        &self,
        a: T,
        b: T,
        zero: bool,
        negative: impl Fn(T) -> bool,
    ) -> Result<Option<T>, Box<super::value::Fault>>
    where
        T: Copy
            + std::ops::Add<Output = T>
            + std::ops::Sub<Output = T>
            + std::ops::Mul<Output = T>
            + std::ops::Div<Output = T>
            + std::ops::Rem<Output = T>
            + std::ops::Neg<Output = T>
            + Absolute,
    {
        Ok(Some(match self.op {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Neg => -a,
            Arith::Abs => a.absolute(),
            _ if zero => {
                on_fault(self.on, DIVISOR, Value::Int(0))?;
                return Ok(None);
            }
            Arith::Div | Arith::IntDiv => a / b,
            Arith::Rem => a % b,
            Arith::Pmod => {
                let r = a % b;
                if negative(r) { (r + b) % b } else { r }
            }
        }))
    }

    fn decimals<'a>(&self, a: i128, b: i128) -> Out<'a> {
        let [sa, sb] = self.scales;
        let common = sa.max(sb);
        let aligned = |value: i128, scale: u8| Wide::of(value).times_ten(common - scale);
        let (exact, scale) = match self.op {
            Arith::Add => (aligned(a, sa).plus(aligned(b, sb)), u32::from(common)),
            Arith::Sub => (aligned(a, sa).plus(aligned(-b, sb)), u32::from(common)),
            Arith::Mul => {
                // Spark keeps 38 digits of a product, then rounds to the scale.
                let (product, scale) = (Wide::product(a, b), u32::from(sa) + u32::from(sb));
                let extra = product.digits().saturating_sub(38);
                if extra > scale {
                    return on_fault(self.on, OVERFLOW, Value::Null);
                }
                (product.rounded(extra), scale - extra)
            }
            Arith::Neg => (Wide::of(-a), sa.into()),
            Arith::Abs => (Wide::of(a.abs()), sa.into()),
            _ if b == 0 => return on_fault(self.on, DIVISOR, Value::Int(0)),
            Arith::Div => match super::wide::quotient(a, sa, b, sb) {
                Some(quotient) => (quotient, 38),
                None => return on_fault(self.on, OVERFLOW, Value::Null),
            },
            Arith::IntDiv => {
                let whole = super::wide::whole_quotient(a, sa, b, sb);
                return match whole {
                    Some(whole) if i64::try_from(whole).is_ok() => Ok(Value::Int(whole as i64)),
                    Some(whole) if self.on == OnFault::Wrap => Ok(Value::Int(whole as i64)),
                    _ => on_fault(self.on, OVERFLOW, Value::Null),
                };
            }
            Arith::Rem => (Wide::of(super::wide::remainder(a, sa, b, sb)), common.into()),
            Arith::Pmod => {
                let rest = super::wide::remainder(a, sa, b, sb);
                if rest >= 0 {
                    (Wide::of(rest), common.into())
                } else {
                    // The sum of a negative remainder and the divisor is smaller than either; only a divisor that does not
                    // fit the common scale leaves 128 bits, and then it is larger than the remainder.
                    let sum = Wide::of(rest).plus(aligned(b, sb));
                    match sum.value() {
                        Some(sum) => (Wide::of(super::wide::remainder(sum, common, b, sb)), common.into()),
                        None => (sum, common.into()),
                    }
                }
            }
        };
        match fitted(exact, scale, self.to) {
            Some(value) => Ok(Value::Wide(value)),
            None => on_fault(self.on, OVERFLOW, Value::Null),
        }
    }
}

/// Returns the number at the scale of a decimal type, rounded half up, where it has the digits.
pub(super) fn fitted(exact: Wide, scale: u32, to: DType) -> Option<i128> {
    let DType::Decimal(precision, to) = to else { unreachable!("typed as a decimal") };
    let to_scale = u32::from(to);
    let scaled = if scale > to_scale {
        exact.rounded(scale - to_scale)
    } else {
        if exact.digits() + (to_scale - scale) > 76 {
            return None;
        }
        exact.times_ten((to_scale - scale) as u8)
    };
    scaled.value().filter(|&v| decimal::fits(v, precision))
}

pub(super) trait Absolute {
    fn absolute(self) -> Self;
}

impl Absolute for f32 {
    fn absolute(self) -> f32 {
        self.abs()
    }
}

impl Absolute for f64 {
    fn absolute(self) -> f64 {
        self.abs()
    }
}
