//! Windows: convolutions and pooling. Filters have the window first and the results' channels last.

use model::DType;
use plan::tensor::{
    ConvOp,
    conv::{Pads, Pool, Window},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("Conv2D", |lower, at| conv(lower, at, 1)),
    row("Conv3D", |lower, at| conv(lower, at, 1)),
    row("DepthwiseConv2dNative", |lower, at| conv(lower, at, 0)),
    row("Conv2DBackpropInput", back),
    row("Conv3DBackpropInputV2", back),
    row("MaxPool", |lower, at| pool(lower, at, Pool::Max { column_major: false, in_batch: false })),
    row("MaxPool3D", |lower, at| pool(lower, at, Pool::Max { column_major: false, in_batch: false })),
    row("MaxPoolV2", pool_by_inputs),
    row("MaxPoolWithArgmax", pool_with_places),
    row("ExtractImagePatches", patches),
    row("AvgPool", |lower, at| pool(lower, at, Pool::Average { include_pad: false })),
    row("AvgPool3D", |lower, at| pool(lower, at, Pool::Average { include_pad: false })),
];

fn spatial(at: &At<'_, '_>, name: &str, last: bool) -> Result<Vec<i64>, ReadError> {
    spatial_of(at, name, at.site.ints(name).unwrap_or_default(), last)
}

/// Returns the numbers of the spatial dimensions among those of all: the batch's and the channels' must be 1.
fn spatial_of(at: &At<'_, '_>, name: &str, all: &[i64], last: bool) -> Result<Vec<i64>, ReadError> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let channels = if last { all.len() - 1 } else { 1 };
    if all.len() < 3 || all[0] != 1 || all[channels] != 1 {
        return Err(at.unimplemented(format_args!("`{name}` {all:?}")));
    }
    let spatial: Vec<i64> = if last { all[1..channels].to_vec() } else { all[2..].to_vec() };
    if spatial.iter().any(|number| *number < 1) {
        return Err(at.fault(format_args!("has `{name}` {all:?}")));
    }
    Ok(spatial)
}

fn window(at: &At<'_, '_>, last: bool) -> Result<Window, ReadError> {
    window_of(at, spatial(at, "strides", last)?, last)
}

fn window_of(at: &At<'_, '_>, strides: Vec<i64>, last: bool) -> Result<Window, ReadError> {
    let pads = match at.site.text("padding") {
        Some("SAME") => Pads::Same { upper: true },
        Some("VALID") => Pads::Explicit(Vec::new()),
        Some("EXPLICIT") => {
            let all = at.site.ints("explicit_paddings").unwrap_or_default();
            let pairs: Vec<&[i64]> = all.chunks_exact(2).collect();
            if pairs.len() < 3 || !all.len().is_multiple_of(2) {
                return Err(at.fault(format_args!("has `explicit_paddings` {all:?}")));
            }
            let pairs = if last { &pairs[1..pairs.len() - 1] } else { &pairs[2..] };
            let (before, after) = (pairs.iter().map(|pair| pair[0]), pairs.iter().map(|pair| pair[1]));
            Pads::Explicit(before.chain(after).collect())
        }
        other => return Err(at.fault(format_args!("has the padding {other:?}"))),
    };
    Ok(Window { strides, dilations: spatial(at, "dilations", last)?, pads })
}

fn conv(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, groups: usize) -> Slots {
    let (args, last) = (at.args::<2>()?, at.channels_last()?);
    let op = ConvOp::Conv { window: window(at, last)?, groups, last, filters_last: true, end: None };
    lower.add_with(at, op, &args.map(Some)).map(|slot| vec![slot])
}

/// A gradient that stands for the transposed convolution.
fn back(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let ([shape, filter, value], last) = (at.args::<3>()?, at.channels_last()?);
    let window = window(at, last)?;
    let op = ConvOp::ConvTranspose { window, groups: 1, last, filters_last: true, more: Vec::new(), output: None };
    lower.add_with(at, op, &[Some(value), Some(filter), None, Some(shape)]).map(|slot| vec![slot])
}

fn pool(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, kind: Pool) -> Slots {
    let (args, last) = (at.args::<1>()?, at.channels_last()?);
    let kernel = spatial(at, "ksize", last)?;
    if kernel.is_empty() {
        return Err(at.fault("has no attribute `ksize`"));
    }
    let op = ConvOp::Pool { kind, kernel, window: window(at, last)?, ceil: false, last };
    Ok(vec![lower.add_many(at, op, &args.map(Some))?[0]])
}

fn patches(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let args = at.args::<1>()?;
    let mut window = window(at, true)?;
    window.dilations = spatial(at, "rates", true)?;
    let kernel = spatial(at, "ksizes", true)?;
    lower.add(at, ConvOp::Patches { kernel, window }, &args).map(|slot| vec![slot])
}

/// The window is two inputs.
fn pool_by_inputs(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let ([value, kernel, strides], last) = (at.args::<3>()?, at.channels_last()?);
    let known = |slot| lower.known_ints(slot).ok_or_else(|| at.unimplemented("a window that is computed"));
    let (kernel, strides) = (known(kernel)?, known(strides)?);
    let (kernel, strides) = (spatial_of(at, "ksize", &kernel, last)?, spatial_of(at, "strides", &strides, last)?);
    let kind = Pool::Max { column_major: false, in_batch: false };
    let op = ConvOp::Pool { kind, kernel, window: window_of(at, strides, last)?, ceil: false, last };
    Ok(vec![lower.add_many(at, op, &[Some(value)])?[0]])
}

/// Where the greatest stood is counted within its example, or within all.
fn pool_with_places(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let ([value], in_batch) = (at.args::<1>()?, at.flag("include_batch_in_index"));
    let (kernel, window) = (spatial(at, "ksize", true)?, window(at, true)?);
    let op =
        ConvOp::Pool { kind: Pool::Max { column_major: false, in_batch }, kernel, window, ceil: false, last: true };
    let slots = lower.add_many(at, op, &[Some(value)])?;
    let places = super::made::cast(lower, at, slots[1], at.dtype("Targmax", DType::I64)?)?;
    Ok(vec![slots[0], places])
}
