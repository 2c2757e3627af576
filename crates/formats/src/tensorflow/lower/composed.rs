//! Ops that are made of others: colours, differences of lists, histograms, products of vectors.
//!
//! Colours are hue, saturation and value, all from 0 to 1, by the formulas of TensorFlow's `colorspace_op.h`.

use model::{DType, Type};
use plan::{
    SlotId,
    tensor::{Binary, DenseOp, ElementOp, Fold, IndexOp, LayoutOp, ReduceOp, Unary},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("RGBToHSV", |lower, at| {
        let [x] = at.args::<1>()?;
        let mut b = Body { lower, at };
        let hsv = b.hsv(x)?;
        b.together(&hsv).map(|slot| vec![slot])
    }),
    row("HSVToRGB", |lower, at| {
        let [x] = at.args::<1>()?;
        let mut b = Body { lower, at };
        let hsv = b.apart(x)?;
        b.rgb(hsv).map(|slot| vec![slot])
    }),
    row("AdjustSaturation", |lower, at| {
        let [x, scale] = at.args::<2>()?;
        let mut b = Body { lower, at };
        let [hue, saturation, value] = b.hsv(x)?;
        let saturation = b.both(Binary::Mul, saturation, scale)?;
        let saturation = b.within(saturation)?;
        b.rgb([hue, saturation, value]).map(|slot| vec![slot])
    }),
    row("AdjustHue", |lower, at| {
        let [x, delta] = at.args::<2>()?;
        let mut b = Body { lower, at };
        let [hue, saturation, value] = b.hsv(x)?;
        let hue = b.both(Binary::Add, hue, delta)?;
        let one = b.number(x, 1.0)?;
        let hue = b.both(Binary::FloorMod, hue, one)?;
        b.rgb([hue, saturation, value]).map(|slot| vec![slot])
    }),
    row("ListDiff", list_diff),
    row("HistogramFixedWidth", histogram),
    row("Cross", cross),
    row("SparseMatMul", |lower, at| {
        let transpose = [at.flag("transpose_a"), at.flag("transpose_b")];
        let [a, b] = at.args::<2>()?;
        let wide = ElementOp::Cast { to: Type::F32, saturate: false };
        let (a, b) = (lower.add(at, wide.clone(), &[a])?, lower.add(at, wide, &[b])?);
        lower.add(at, DenseOp::MatMul { transpose }, &[a, b]).map(|slot| vec![slot])
    }),
];

type One = Result<SlotId, ReadError>;

/// Ops in the place of a node.
struct Body<'b, 'p, 'g, 'n, 'h> {
    lower: &'b mut Lower<'p, 'g>,
    at: &'b At<'n, 'h>,
}

impl Body<'_, '_, '_, '_, '_> {
    fn both(&mut self, op: Binary, a: SlotId, b: SlotId) -> One {
        self.lower.add(self.at, ElementOp::Binary(op), &[a, b])
    }

    fn unary(&mut self, op: Unary, x: SlotId) -> One {
        self.lower.add(self.at, ElementOp::Unary(op), &[x])
    }

    fn choose(&mut self, test: SlotId, yes: SlotId, no: SlotId) -> One {
        self.lower.add(self.at, ElementOp::Select, &[test, yes, no])
    }

    fn number(&mut self, like: SlotId, number: f64) -> One {
        self.lower.number_like(self.at, like, number)
    }

    /// Returns an op of a value and a number.
    fn with(&mut self, op: Binary, x: SlotId, number: f64) -> One {
        let number = self.number(x, number)?;
        self.both(op, x, number)
    }

    /// Returns what lies within 0 and 1.
    fn within(&mut self, x: SlotId) -> One {
        let x = self.with(Binary::Max, x, 0.0)?;
        self.with(Binary::Min, x, 1.0)
    }

    /// Returns the three channels.
    fn apart(&mut self, x: SlotId) -> Result<[SlotId; 3], ReadError> {
        let channels = self.lower.add_many(self.at, LayoutOp::Unstack { axis: -1, outputs: 3 }, &[Some(x)])?;
        <[SlotId; 3]>::try_from(channels).map_err(|_| self.at.fault("takes no three channels"))
    }

    fn together(&mut self, channels: &[SlotId; 3]) -> One {
        self.lower.add(self.at, LayoutOp::Stack { axis: -1 }, channels)
    }

    fn hsv(&mut self, x: SlotId) -> Result<[SlotId; 3], ReadError> {
        let [r, g, b] = self.apart(x)?;
        let most = self.both(Binary::Max, r, g)?;
        let value = self.both(Binary::Max, most, b)?;
        let least = self.both(Binary::Min, r, g)?;
        let least = self.both(Binary::Min, least, b)?;
        let range = self.both(Binary::Sub, value, least)?;
        let zero = self.number(x, 0.0)?;
        let saturation = self.both(Binary::Div, range, value)?;
        let is_light = self.both(Binary::Greater, value, zero)?;
        let saturation = self.choose(is_light, saturation, zero)?;
        let norm = self.unary(Unary::Reciprocal, range)?;
        let norm = self.with(Binary::Mul, norm, 1.0 / 6.0)?;
        let mut hues = Vec::with_capacity(3);
        for (a, b, offset) in [(g, b, 0.0), (b, r, 2.0 / 6.0), (r, g, 4.0 / 6.0)] {
            let apart = self.both(Binary::Sub, a, b)?;
            let hue = self.both(Binary::Mul, norm, apart)?;
            hues.push(self.with(Binary::Add, hue, offset)?);
        }
        let (is_red, is_green) = (self.both(Binary::Equal, r, value)?, self.both(Binary::Equal, g, value)?);
        let hue = self.choose(is_green, hues[1], hues[2])?;
        let hue = self.choose(is_red, hues[0], hue)?;
        let is_colour = self.both(Binary::Greater, range, zero)?;
        let hue = self.choose(is_colour, hue, zero)?;
        let is_up = self.both(Binary::GreaterEqual, hue, zero)?;
        let turned = self.with(Binary::Add, hue, 1.0)?;
        Ok([self.choose(is_up, hue, turned)?, saturation, value])
    }

    fn rgb(&mut self, [hue, saturation, value]: [SlotId; 3]) -> One {
        let hue = self.with(Binary::Mul, hue, 6.0)?;
        let one = self.number(hue, 1.0)?;
        let grey = self.both(Binary::Sub, one, saturation)?;
        let mut channels = [hue; 3];
        for (channel, (centre, is_red)) in channels.iter_mut().zip([(3.0, true), (2.0, false), (4.0, false)]) {
            let away = self.with(Binary::Sub, hue, centre)?;
            let away = self.unary(Unary::Abs, away)?;
            let part = if is_red {
                self.with(Binary::Sub, away, 1.0)?
            } else {
                let two = self.number(hue, 2.0)?;
                self.both(Binary::Sub, two, away)?
            };
            let part = self.within(part)?;
            let part = self.both(Binary::Mul, saturation, part)?;
            let part = self.both(Binary::Add, grey, part)?;
            *channel = self.both(Binary::Mul, part, value)?;
        }
        self.together(&channels)
    }
}

/// The elements of a list that another has not, and their places.
fn list_diff(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x, others] = at.args::<2>()?;
    let dtype = at.dtype("out_idx", DType::I32)?;
    let (last, flat) = (lower.ints(&[1]), lower.ints(&[-1]));
    let column = lower.add(at, LayoutOp::Unsqueeze, &[x, last])?;
    let same = lower.add(at, ElementOp::Binary(Binary::Equal), &[column, others])?;
    let any = ReduceOp::Reduce { fold: Fold::Any, axes: Some(vec![1]), keep: false, none_is_none: false };
    let is_there = lower.add(at, any, &[same])?;
    let is_left = lower.add(at, ElementOp::Unary(Unary::Not), &[is_there])?;
    let places = lower.add(at, IndexOp::NonZero { rows: true }, &[is_left])?;
    let places = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[places, flat])?;
    let places = lower.add(at, ElementOp::Cast { to: Type::scalar(dtype), saturate: false }, &[places])?;
    let left = lower.add(at, IndexOp::Gather { axis: 0, batch: 0, from_end: false }, &[x, places])?;
    Ok(vec![left, places])
}

/// How many values fall into each of bins of one width; those beyond the range into the first and the last.
fn histogram(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [values, range, bins] = at.args::<3>()?;
    let to = at.dtype("dtype", DType::I32)?;
    let (flat, ty) = (lower.ints(&[-1]), lower.ty(values).clone());
    let ends = lower.add_many(at, LayoutOp::Unstack { axis: 0, outputs: 2 }, &[Some(range)])?;
    let x = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[values, flat])?;
    let mut b = Body { lower, at };
    let count = b.lower.add(at, ElementOp::Cast { to: ty, saturate: false }, &[bins])?;
    let wide = b.both(Binary::Sub, ends[1], ends[0])?;
    let step = b.both(Binary::Div, wide, count)?;
    let x = b.both(Binary::Max, x, ends[0])?;
    let x = b.both(Binary::Sub, x, ends[0])?;
    let x = b.both(Binary::Div, x, step)?;
    let last = b.with(Binary::Sub, count, 1.0)?;
    let x = b.both(Binary::Min, x, last)?;
    let places = lower.add(at, ElementOp::Cast { to: Type::I32, saturate: false }, &[x])?;
    let none = lower.constant(model::Tensor::vector(Vec::<i32>::new()));
    let counts = lower.add(at, IndexOp::Bincount { binary: false, rows: false }, &[places, bins, none])?;
    lower.add(at, ElementOp::Cast { to: Type::scalar(to), saturate: false }, &[counts]).map(|slot| vec![slot])
}

/// The products of vectors of three, the last dimension.
fn cross(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x, y] = at.args::<2>()?;
    let mut b = Body { lower, at };
    let (x, y) = (b.apart(x)?, b.apart(y)?);
    let mut product = x;
    for (i, to) in product.iter_mut().enumerate() {
        let (next, after) = ((i + 1) % 3, (i + 2) % 3);
        let (one, other) = (b.both(Binary::Mul, x[next], y[after])?, b.both(Binary::Mul, x[after], y[next])?);
        *to = b.both(Binary::Sub, one, other)?;
    }
    b.together(&product).map(|slot| vec![slot])
}
