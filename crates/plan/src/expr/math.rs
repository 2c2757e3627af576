//! Mathematics: functions of float64, rounding, bits, order of several.

use std::ops::RangeInclusive;

use model::{DType, Type};

use super::{OnFault, arith};

/// How the digits past a scale go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    HalfUp,
    HalfEven,
    Floor,
    Ceiling,
}

/// How Spark computes the inverses of sinh and cosh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inverse {
    /// `ln(x + sqrt(x x +- 1))`, whose square overflows.
    Plain,
    /// As that, but `sign(x) (ln 2 + ln |x|)` where the square would overflow (SPARK-55557).
    Bounded,
    /// By ranges, as `s_asinh.c` and `e_acosh.c` of fdlibm (SPARK-56089).
    Ranges,
}

/// Functions of numbers. Unless it says otherwise, of one float64 (two) to float64, as Java's `StrictMath` has it within the
/// last digit: NaN gives NaN, outside its domain a function is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Math {
    Cbrt,
    Expm1,
    /// Natural logarithm; null at 0 and below, as Spark's `ln`.
    Ln,
    /// Null at 0 and below.
    Log2,
    /// Null at 0 and below.
    Log10,
    /// NaN below 0, -infinity at 0.
    Lg,
    /// Null at -1 and below.
    Log1p,
    /// NaN below -1, -infinity at -1.
    LnPlus1,
    /// `(base, x)`: ln x / ln base; null where either is 0 or below.
    Log,
    Pow,
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Asin,
    Acos,
    Atan,
    /// `(y, x)`; -0.0 as 0.0.
    Atan2,
    Sinh,
    Cosh,
    Tanh,
    Asinh(Inverse),
    Acosh(Inverse),
    Atanh,
    Hypot,
    /// The error function.
    Erf,
    /// `(x, mean, deviation)`: the normal distribution's cumulative probability; a deviation not above 0 refuses the row.
    NormalCdf,
    /// Its density; arguments as of [`Math::NormalCdf`].
    NormalPdf,
    /// `(p, mean, deviation)`: the x below which the share p lies, by Wichura's AS 241 (PPND16); p outside 0 to 1 refuses
    /// the row, as does a deviation not above 0.
    NormalIdf,
    Degrees,
    Radians,
    /// To the nearest integer, half to even.
    Rint,
    /// -1.0, 0.0, 1.0; NaN.
    Signum,
    /// The largest integer not above: a float64 to int64 (NaN is 0; what does not fit is the nearest, or by
    /// [`OnFault::Refuse`] a refusal), an int64 as it is, a decimal(p,s) to decimal(p-s+1,0).
    Floor(OnFault),
    /// The smallest integer not below: types as of [`Math::Floor`].
    Ceil(OnFault),
    /// The nearest integer, half upward, as Java's `Math.round`: a float64 to int64, saturating, NaN is 0.
    Nearest,
    /// A float64 that is a whole number within 32 bits, as int64; others refuse the row, or are null.
    Exact(OnFault),
    /// The float64 as it is; NaN refuses the row, or is null.
    NotNaN(OnFault),
    /// `a - floor(a / b) * b`: the remainder with the divisor's sign, of two float64 or two int64; by the int64 0, by
    /// [`OnFault`].
    FloorMod(OnFault),
    /// `(base, exponent)` of int64: exact. What does not fit, and an exponent below 0, by [`OnFault`].
    IntPow(OnFault),
    /// To so many digits after the point (before it, where below 0). Of a float by way of its shortest decimal text, NaN and
    /// infinities as they are; of integers, where the result does not fit, by [`OnFault`]; of a decimal, `to` is the result.
    Round {
        mode: Rounding,
        scale: i32,
        on: OnFault,
        to: DType,
    },
    /// The largest of the arguments that are not null, in the order of [`super::Compare`].
    Greatest,
    /// The smallest of the arguments that are not null, in the order of [`super::Compare`].
    Least,
    /// Whether a float is NaN; false of null.
    IsNaN,
    /// The first float, or the second where it is NaN (null where the first is null).
    NaNvl,
    /// Of an int32, to int64; null outside 0..=20.
    Factorial,
    /// Of two integers of one type.
    BitAnd,
    BitOr,
    BitXor,
    BitNot,
    /// `(x, place int32)`: the bit of a signed integer, counted from the lowest, an int8; outside its width the row is refused.
    GetBit,
    /// The number of bits set in a boolean or in an integer widened to int64, an int32.
    BitCount,
    /// `(int32 or int64, int32)`: the count counts modulo the width.
    ShiftLeft,
    /// As [`Math::ShiftLeft`], the sign kept.
    ShiftRight,
    /// As [`Math::ShiftLeft`], zeros from the left.
    ShiftRightUnsigned,
    /// `(x, low, high, count int64)`: the number of the bucket of equal width that x is in, an int64; null where count is
    /// not above 0, where the bounds are equal, NaN or infinite, or x is NaN.
    WidthBucket,
}

impl Math {
    pub fn name(self) -> &'static str {
        match self {
            Math::Cbrt => "cbrt",
            Math::Expm1 => "expm1",
            Math::Ln => "sql_ln",
            Math::Log2 => "log2",
            Math::Log10 => "log10",
            Math::Lg => "lg",
            Math::Log1p => "log1p",
            Math::LnPlus1 => "ln_plus_1",
            Math::Log => "log",
            Math::Pow => "pow",
            Math::Sin => "sin",
            Math::Cos => "cos",
            Math::Tan => "tan",
            Math::Cot => "cot",
            Math::Sec => "sec",
            Math::Csc => "csc",
            Math::Asin => "asin",
            Math::Acos => "acos",
            Math::Atan => "atan",
            Math::Atan2 => "atan2",
            Math::Sinh => "sinh",
            Math::Cosh => "cosh",
            Math::Tanh => "tanh",
            Math::Asinh(_) => "asinh",
            Math::Acosh(_) => "acosh",
            Math::Atanh => "atanh",
            Math::Hypot => "hypot",
            Math::Erf => "erf",
            Math::NormalCdf => "normal_cdf",
            Math::NormalPdf => "normal_pdf",
            Math::NormalIdf => "normal_idf",
            Math::Degrees => "degrees",
            Math::Radians => "radians",
            Math::Rint => "rint",
            Math::Signum => "signum",
            Math::Floor(_) => "floor",
            Math::Ceil(_) => "ceil",
            Math::Nearest => "nearest",
            Math::Exact(_) => "exact",
            Math::NotNaN(_) => "not_nan",
            Math::FloorMod(_) => "floor_mod",
            Math::IntPow(_) => "int_pow",
            Math::Round { mode: Rounding::HalfUp, .. } => "round",
            Math::Round { mode: Rounding::HalfEven, .. } => "bround",
            Math::Round { mode: Rounding::Floor, .. } => "round_floor",
            Math::Round { mode: Rounding::Ceiling, .. } => "round_ceil",
            Math::Greatest => "greatest",
            Math::Least => "least",
            Math::IsNaN => "is_nan",
            Math::NaNvl => "nanvl",
            Math::Factorial => "factorial",
            Math::BitAnd => "&",
            Math::BitOr => "|",
            Math::BitXor => "^",
            Math::BitNot => "~",
            Math::BitCount => "bit_count",
            Math::GetBit => "get_bit",
            Math::ShiftLeft => "shift_left",
            Math::ShiftRight => "shift_right",
            Math::ShiftRightUnsigned => "shift_right_unsigned",
            Math::WidthBucket => "width_bucket",
        }
    }

    pub fn arity(self) -> RangeInclusive<usize> {
        match self {
            Math::Log | Math::Pow | Math::Atan2 | Math::Hypot | Math::NaNvl => 2..=2,
            Math::FloorMod(_) | Math::IntPow(_) => 2..=2,
            Math::NormalCdf | Math::NormalPdf | Math::NormalIdf => 3..=3,
            Math::BitAnd | Math::BitOr | Math::BitXor | Math::GetBit => 2..=2,
            Math::ShiftLeft | Math::ShiftRight | Math::ShiftRightUnsigned => 2..=2,
            Math::Greatest | Math::Least => 1..=usize::MAX,
            Math::WidthBucket => 4..=4,
            _ => 1..=1,
        }
    }

    pub(crate) fn result(self, args: &[Type]) -> Option<Type> {
        use DType::{Bool, Decimal, F32, F64, I32, I64};
        let same = args.windows(2).all(|w| w[0] == w[1]);
        let first = args[0].as_scalar();
        let of = Type::scalar;
        match self {
            Math::Greatest | Math::Least => (same && arith::is_comparable(&args[0])).then(|| args[0].clone()),
            Math::IsNaN => first.filter(|d| d.is_float()).map(|_| of(Bool)),
            Math::NaNvl => first.filter(|d| same && d.is_float()).map(of),
            Math::Factorial => (first == Some(I32)).then_some(of(I64)),
            Math::BitAnd | Math::BitOr | Math::BitXor | Math::BitNot => {
                first.filter(|&d| same && arith::is_signed(d)).map(of)
            }
            Math::BitCount => first.filter(|&d| d == Bool || arith::is_signed(d)).map(|_| of(I32)),
            Math::ShiftLeft | Math::ShiftRight | Math::ShiftRightUnsigned => {
                let count = args[1].as_scalar() == Some(I32);
                first.filter(|d| count && matches!(d, I32 | I64)).map(of)
            }
            Math::GetBit => {
                let place = args[1].as_scalar() == Some(I32);
                first.filter(|&d| place && arith::is_signed(d)).map(|_| of(DType::I8))
            }
            Math::Floor(_) | Math::Ceil(_) => match first? {
                F64 | I64 => Some(of(I64)),
                Decimal(p, s) => Some(of(Decimal((p - s + 1).min(38), 0))),
                _ => None,
            },
            Math::Nearest | Math::Exact(_) => (first == Some(F64)).then_some(of(I64)),
            Math::IntPow(_) => (same && first == Some(I64)).then_some(of(I64)),
            Math::FloorMod(_) => first.filter(|d| same && matches!(d, F64 | I64)).map(of),
            Math::Round { to, .. } => match first? {
                Decimal(..) => to.is_decimal().then_some(of(to)),
                F32 | F64 => (first == Some(to)).then_some(of(to)),
                from => (arith::is_signed(from) && from == to).then_some(of(to)),
            },
            Math::WidthBucket => {
                let floats = args[..3].iter().all(|ty| *ty == Type::F64);
                (floats && args[3] == Type::I64).then_some(Type::I64)
            }
            _ => (same && first == Some(F64)).then_some(Type::F64),
        }
    }
}
