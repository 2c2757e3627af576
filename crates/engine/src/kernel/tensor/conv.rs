//! Windows over tensors: convolutions, pooling and their inverses.
//!
//! A convolution is a product of matrices: the windows' elements are laid side by side (a panel or a block of places at a time,
//! so the room is small), and [`super::product`] sums in its one order. Filters that never change are brought into the order
//! of the product when the program is made.

mod deform;
mod filter;
mod first;
mod last;
mod patches;
mod pool;
mod spread;
mod window;

use model::{PredictError, Shape, Tensor, tensor::Data};
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
        let x = widened(&given);
        by_float!(x, T => self.of::<T>(args, &x, filter))?;
        for i in 0..2 {
            if let Some(mut out) = args.out(i) {
                narrow(&mut out, given.dtype())?;
            }
        }
        Ok(())
    }

    fn of<T: Float + Number>(&self, args: &Args<'_>, x: &Tensor, filter: &Filter) -> Done {
        if let ConvOp::CausalConv { swish } = &self.op {
            return spread::causal::<T>(args, x, filter, *swish);
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.op {
            ConvOp::Conv { window, groups, last, end, .. } => {
                let bias = args.opt(2).map(|bias| widened(&bias));
                let (fused, rest) = fused(*end);
                let conv = Conv::new(x.shape(), filter, window, *groups, *last, fused)?;
                conv.run::<T>(x, bias.as_ref(), *last, &mut out)?;
                rest.map_or(Ok(()), |end| finish(end, &mut out))
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

fn finish(end: Unary, out: &mut Tensor) -> Done {
    let from = out.clone();
    element::unary(end, &from, out)
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
        let mut dims: Vec<usize> = self.axes.iter().map(|axis| axis.output).collect();
        dims.insert(if last { dims.len() } else { 0 }, count);
        dims.insert(0, self.batch);
        let from = elements::<T>(x)?;
        let filters = elements::<T>(&self.filter.tensor)?;
        let result = make::<T>(out, shape(&dims)?)?;
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

/// Returns batch, channels and spatial dimensions.
fn split(x: &Shape, last: bool) -> Result<(usize, usize, &[usize]), PredictError> {
    match &x[..] {
        [batch, channels, spatial @ ..] if !last && !spatial.is_empty() => Ok((*batch, *channels, spatial)),
        [batch, spatial @ .., channels] if last && !spatial.is_empty() => Ok((*batch, *channels, spatial)),
        _ => Err(refuse("batch, channels and spatial dimensions", x.to_string())),
    }
}
