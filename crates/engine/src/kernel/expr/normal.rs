//! The normal distribution.
//!
//! The inverse is algorithm AS 241, PPND16 (Wichura, "The percentage points of the normal distribution", Applied Statistics
//! 37, 1988): three quotients of polynomials, about 16 digits.

use std::f64::consts::{SQRT_2, TAU};

use plan::expr::{Math, OnFault};

use super::{
    general::on_fault,
    value::{Out, Value},
};

/// Computes a function of `(x or p, mean, deviation)`, none of them null.
pub(super) fn call<'a>(func: Math, args: &[Value<'a>]) -> Out<'a> {
    let (x, mean, deviation) = (args[0].f64(), args[1].f64(), args[2].f64());
    if deviation <= 0.0 {
        return on_fault(OnFault::Refuse, "a standard deviation above 0", args[2]);
    }
    let z = (x - mean) / deviation;
    Ok(Value::F64(match func {
        Math::NormalCdf => 0.5 * libm::erfc(-z / SQRT_2),
        Math::NormalPdf => libm::exp(-0.5 * z * z) / (deviation * TAU.sqrt()),
        _ if !(0.0..=1.0).contains(&x) && !x.is_nan() => {
            return on_fault(OnFault::Refuse, "a probability from 0 to 1", args[0]);
        }
        _ => mean + deviation * quantile(x),
    }))
}

const A: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const B: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_545,
];
const C: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    0.000_774_545_014_278_341_4,
];
const D: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    0.000_547_593_808_499_534_5,
    1.050_750_071_644_416_9e-9,
];
const E: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const F: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    0.000_786_869_131_145_613_2,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

fn quantile(p: f64) -> f64 {
    let ratio = |above: &[f64; 8], below: &[f64; 8], x: f64| polynomial(above, x) / polynomial(below, x);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&A, &B, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let size = match r {
        _ if tail == 0.0 => f64::INFINITY,
        r if r <= 5.0 => ratio(&C, &D, r - 1.6),
        r => ratio(&E, &F, r - 5.0),
    };
    if q < 0.0 { -size } else { size }
}

fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}
