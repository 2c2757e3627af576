//! Windows over tensors: convolutions, pooling and their inverses.
//!
//! A convolution is a product of matrices: the windows' elements are laid side by side (a panel or a block of places at a time,
//! so the room is small), and [`super::product`] sums in its one order. Filters that never change are brought into the order
//! of the product when the program is made.

mod deform;
mod depthwise;
mod filter;
mod first;
mod flat;
mod last;
mod patches;
mod plane;
mod pool;
mod spread;
mod window;

use model::{
    PredictError, Shape, Tensor,
    tensor::{Data, RANK_MAX},
};
use plan::tensor::{ConvOp, Unary, conv::Window};

use self::filter::{Filter, Form};
pub(super) use self::window::{Axis, axes, each_place, numbers, sizes};
use super::{
    Args, Done, Site, element,
    float::{Float, by_float, elements, make, narrow, widened},
    product::{Bias, End, Number, Product, multiply, pack},
    refuse, refuse_type, shape, too_large,
};

/// An op of the family, ready to run.
pub(super) struct ConvKernel {
    op: ConvOp,
    /// The filters where they never change.
    filter: Option<Filter>,
}

/// What a convolution is made of, once its shapes are known.
struct Conv<'a> {
    axes: Vec<Axis>,
    batch: usize,
    groups: usize,
    /// Channels of the input and of the result, in one group.
    input: usize,
    output: usize,
    filter: &'a Filter,
    end: End,
}

impl ConvKernel {
    pub(super) fn new(op: &ConvOp, site: &Site<'_>) -> ConvKernel {
        let constant = site.constants.get(1).copied().flatten().and_then(|whole| whole.as_tensor());
        let filter = constant.zip(Form::of(op)).and_then(|(filter, form)| Filter::new(filter, &form, true).ok());
        ConvKernel { op: op.clone(), filter }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        let given = args.get(0)?;
        match &self.op {
            ConvOp::Pool { kind, kernel, window, ceil, last } => {
                return pool::run(args, kind, kernel, window, *ceil, *last);
            }
            ConvOp::MaxUnpool { kernel, window } => return spread::unpool(args, kernel, window),
            ConvOp::Col2Im { window } => return spread::col2im(args, window),
            ConvOp::Patches { kernel, window } => return patches::run(args, kernel, window),
            _ => {}
        }
        let made;
        let filter = match (&self.filter, Form::of(&self.op)) {
            (Some(filter), _) => filter,
            (None, Some(form)) => {
                made = Filter::new(&*args.get(1)?, &form, false)?;
                &made
            }
            (None, None) => return Ok(()),
        };
        if let ConvOp::ConvInteger { window, groups } = &self.op {
            let Some(mut out) = args.out(0) else { return Ok(()) };
            return integers(args, &given, filter, window, *groups, &mut out);
        }
        let regrouped;
        let (filter, groups) = match (self.groups(&given, filter), Form::of(&self.op)) {
            // What is prepared is so for one group.
            (Some(groups), Some(form)) => {
                regrouped = Filter::new(&*args.get(1)?, &form, false)?;
                (&regrouped, Some(groups))
            }
            _ => (filter, None),
        };
        let x = widened(&given);
        by_float!(x, T => self.of::<T>(args, &x, filter, groups))?;
        for i in 0..2 {
            if let Some(mut out) = args.out(i) {
                narrow(&mut out, given.dtype())?;
            }
        }
        Ok(())
    }

    /// Returns the groups of a convolution of TensorFlow, which names none: as often as the channels of filters go into those of x.
    fn groups(&self, x: &Tensor, filter: &Filter) -> Option<usize> {
        let ConvOp::Conv { groups: 1, filters_last: true, last, .. } = &self.op else { return None };
        let (_, channels, _) = split(x.shape(), *last).ok()?;
        let is_several = filter.input > 0 && filter.input < channels && channels.is_multiple_of(filter.input);
        is_several.then(|| channels / filter.input)
    }

    fn of<T: Float + Number>(&self, args: &Args<'_>, x: &Tensor, filter: &Filter, regrouped: Option<usize>) -> Done {
        if let ConvOp::CausalConv { swish } = &self.op {
            return spread::causal::<T>(args, x, filter, *swish);
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.op {
            ConvOp::Conv { window, groups, last, end, .. } => {
                let bias = args.opt(2).map(|bias| widened(&bias));
                let (fused, rest) = fused(*end);
                let conv = Conv::new(x.shape(), filter, window, regrouped.unwrap_or(*groups), *last, fused)?;
                conv.run::<T>(x, bias.as_ref(), *last, &mut out)?;
                rest.map_or(Ok(()), |end| element::upon(end, &mut out))
            }
            ConvOp::ConvTranspose { window, groups, last, more, output, .. } => {
                let bias = args.opt(2).map(|bias| widened(&bias));
                let whole = args.ints(3)?;
                let asked = spread::Asked { more, output: output.as_deref(), whole: whole.as_deref() };
                spread::transposed::<T>(x, filter, bias.as_ref(), window, *groups, *last, &asked, &mut out)
            }
            ConvOp::DeformConv { window, groups, offset_groups } => {
                deform::run::<T>(args, x, filter, window, *groups, *offset_groups, &mut out)
            }
            _ => Ok(()),
        }
    }
}

/// Returns the end that the product itself makes, and the one that is left.
fn fused(end: Option<Unary>) -> (End, Option<Unary>) {
    match end {
        None => (End::Keep, None),
        Some(Unary::Relu) => (End::Relu, None),
        Some(Unary::Sigmoid) => (End::Sigmoid, None),
        Some(Unary::Tanh) => (End::Tanh, None),
        Some(other) => (End::Keep, Some(other)),
    }
}

fn integers(args: &Args<'_>, x: &Tensor, filter: &Filter, window: &Window, groups: usize, out: &mut Tensor) -> Done {
    let x = super::dense::without(x, args.opt(2).as_deref())?;
    let zero = args.opt(3);
    // One zero point for each channel of the result stands along the filters' first dimension.
    let zero = match &zero {
        Some(zero) if zero.len() > 1 => {
            let dims: Vec<usize> = (0..filter.tensor.rank()).map(|i| if i == 0 { zero.len() } else { 1 }).collect();
            Some(zero.reshaped(shape(&dims)?).map_err(too_large)?)
        }
        zero => zero.as_deref().cloned(),
    };
    let filter =
        Filter { tensor: super::dense::without(&filter.tensor, zero.as_ref())?, panels: None, ..filter.clone() };
    let conv = Conv::new(x.shape(), &filter, window, groups, false, End::Keep)?;
    conv.run::<i32>(&x, None, false, out)
}

// === impl Conv ===

impl<'a> Conv<'a> {
    fn new(
        x: &Shape,
        filter: &'a Filter,
        window: &Window,
        groups: usize,
        last: bool,
        end: End,
    ) -> Result<Conv<'a>, PredictError> {
        let (batch, channels, spatial) = split(x, last)?;
        let groups = if groups == 0 { channels } else { groups };
        if filter.input.checked_mul(groups) != Some(channels) || groups == 0 || !filter.output.is_multiple_of(groups) {
            let expected = format!("{} channels in each of {groups} groups", filter.input);
            return Err(refuse(expected, format!("{x} for filters {}", filter.tensor.shape())));
        }
        let axes = axes(window, spatial, &filter.window, false)?;
        Ok(Conv { axes, batch, groups, input: filter.input, output: filter.output / groups, filter, end })
    }

    fn run<T: Number>(&self, x: &Tensor, bias: Option<&Tensor>, last: bool, out: &mut Tensor) -> Done {
        let count = self.groups * self.output;
        let bias = bias.map(elements::<T>).transpose()?;
        if let Some(bias) = bias.filter(|bias| bias.len() != count) {
            return Err(refuse(format!("{count} numbers as bias"), bias.len().to_string()));
        }
        let of = result(&self.axes, self.batch, count, last)?;
        let from = elements::<T>(x)?;
        let filters = elements::<T>(&self.filter.tensor)?;
        let result = make::<T>(out, of)?;
        if result.is_empty() {
            return Ok(());
        }
        if last {
            self.last(from, filters, bias, result);
        } else {
            self.first(from, filters, bias, result);
        }
        Ok(())
    }

    /// Returns the number of elements of the window.
    fn kernel(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Returns the number of places of the input, and of the result.
    fn places(&self) -> (usize, usize) {
        (self.axes.iter().map(|axis| axis.input).product(), self.axes.iter().map(|axis| axis.output).product())
    }
}

/// Returns axes as those of a plane, where they are not more.
fn plane(axes: &[Axis]) -> Option<[Axis; 2]> {
    let one = Axis { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
    match *axes {
        [x] => Some([one, x]),
        [y, x] => Some([y, x]),
        _ => None,
    }
}

/// Returns the shape of a result.
fn result(axes: &[Axis], batch: usize, channels: usize, last: bool) -> Result<Shape, PredictError> {
    let mut dims = [0; RANK_MAX];
    let rank = axes.len() + 2;
    let begin = if last { 1 } else { 2 };
    dims[begin..].iter_mut().zip(axes).for_each(|(dim, axis)| *dim = axis.output);
    (dims[0], dims[if last { rank - 1 } else { 1 }]) = (batch, channels);
    shape(&dims[..rank])
}

/// Returns batch, channels and spatial dimensions.
fn split(x: &Shape, last: bool) -> Result<(usize, usize, &[usize]), PredictError> {
    match &x[..] {
        [batch, channels, spatial @ ..] if !last && !spatial.is_empty() => Ok((*batch, *channels, spatial)),
        [batch, spatial @ .., channels] if last && !spatial.is_empty() => Ok((*batch, *channels, spatial)),
        _ => Err(refuse("batch, channels and spatial dimensions", x.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use model::Tensor;
    use plan::tensor::{
        ConvOp,
        conv::{Pads, Window},
    };

    use super::{Conv, End, Filter, Form, depthwise, flat, result};
    use crate::kernel::tensor::wide;

    fn wave(shape: &[usize]) -> Tensor {
        let elements = (0..shape.iter().product()).map(|i: usize| ((i * i % 251) as f32 - 100.0) / 37.0);
        Tensor::new(shape, elements.collect::<Vec<_>>()).expect("as many as the shape says")
    }

    /// Writes a convolution of images by each kind of instructions; all have the same bits.
    fn same(groups: usize, each: [usize; 2], kernel: [usize; 2], window: &Window, last: bool) {
        // The others are read where they lie, and have more than a vector of every second number.
        let images = if last { &[[9, 11]][..] } else { &[[9, 11], [8, 16], [3, 40]] };
        images.iter().for_each(|&image| same_of(image, groups, each, kernel, window, last));
    }

    fn same_of(
        [height, width]: [usize; 2],
        groups: usize,
        [of_group, outputs]: [usize; 2],
        kernel: [usize; 2],
        window: &Window,
        last: bool,
    ) {
        let channels = groups * of_group;
        let (x, filters) = match last {
            false => (vec![2, channels, height, width], vec![outputs, of_group, kernel[0], kernel[1]]),
            true => (vec![2, height, width, channels], vec![kernel[0], kernel[1], of_group, outputs]),
        };
        let (x, filters) = (wave(&x), wave(&filters));
        let op = ConvOp::Conv { window: window.clone(), groups, last, filters_last: last, end: None };
        let filter = Filter::new(&filters, &Form::of(&op).expect("filters"), false).expect("filters");
        let conv = Conv::new(x.shape(), &filter, window, groups, last, End::Sigmoid).expect("fits");
        let of = result(&conv.axes, 2, outputs, last).expect("few dimensions");
        let (x, filters) = (x.get::<f32>().expect("float32"), filter.tensor.get::<f32>().expect("float32"));
        let bias: Vec<f32> = (0..outputs).map(|i| i as f32 * 0.25 - 1.0).collect();
        let made = |kind: u8| {
            let mut out = vec![f32::NAN; of.elements()];
            let run = if last { depthwise::run::<f32> } else { flat::run::<f32> };
            assert!(run(&conv, x, filters, Some(&bias), &mut out, kind));
            out
        };
        let expected = made(wide::PORTABLE);
        assert!(expected.iter().all(|x| !x.is_nan()));
        assert_eq!([made(wide::AVX2), made(wide::AVX512)], [expected.clone(), expected.clone()]);
        // Windows that are written out give them too.
        let mut out = vec![f32::NAN; of.elements()];
        match last {
            false => conv.panels(x, filters, Some(&bias), &mut out),
            true => conv.blocks(x, filters, Some(&bias), &mut out),
        }
        assert_eq!(out, expected);
    }

    #[test]
    fn all_ways_give_the_same_bits() {
        for (strides, dilations, pads) in [
            ([1, 1], [1, 1], [0, 0, 0, 0]),
            ([1, 1], [1, 1], [1, 2, 0, 1]),
            ([2, 2], [1, 1], [1, 1, 1, 1]),
            ([1, 3], [2, 1], [2, 0, 1, 2]),
            ([2, 1], [3, 2], [3, 1, 4, 0]),
            ([3, 2], [1, 1], [-1, 0, 2, -2]),
        ] {
            let window =
                Window { strides: strides.into(), dilations: dilations.into(), pads: Pads::Explicit(pads.into()) };
            for kernel in [[1, 1], [3, 3], [2, 4]] {
                for (groups, each) in [(1, [3, 7]), (1, [1, 17]), (2, [2, 4]), (3, [1, 3]), (1, [2, 1])] {
                    same(groups, each, kernel, &window, false);
                }
                for channels in [2, 16, 21] {
                    same(channels, [1, channels], kernel, &window, true);
                }
            }
        }
    }
}
