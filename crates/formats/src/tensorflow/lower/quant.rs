//! Numbers as they would be, had they been small integers.

use model::Tensor;
use plan::tensor::QuantOp;

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("FakeQuantWithMinMaxArgs", |lower, at| {
        let ([value], steps) = (at.args::<1>()?, steps(at)?);
        let of = |name: &str, default: f32| at.site.float(name).unwrap_or(default);
        let (least, greatest) =
            (lower.constant(Tensor::scalar(of("min", -6.0))), lower.constant(Tensor::scalar(of("max", 6.0))));
        lower.add(at, QuantOp::Fake { steps, by_channel: false }, &[value, least, greatest]).map(|slot| vec![slot])
    }),
    row("FakeQuantWithMinMaxVars", |lower, at| fake(lower, at, false)),
    row("FakeQuantWithMinMaxVarsPerChannel", |lower, at| fake(lower, at, true)),
];

/// Returns how many steps lie between the least and the greatest integer.
fn steps(at: &At<'_, '_>) -> Result<u32, ReadError> {
    let bits = at.site.int("num_bits").unwrap_or(8);
    match u32::try_from(bits) {
        Ok(bits @ 2..=16) => Ok((1 << bits) - 1 - u32::from(at.flag("narrow_range"))),
        _ => Err(at.fault(format_args!("has {bits} bits"))),
    }
}

fn fake(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, by_channel: bool) -> Slots {
    let (args, steps) = (at.args::<3>()?, steps(at)?);
    lower.add(at, QuantOp::Fake { steps, by_channel }, &args).map(|slot| vec![slot])
}
