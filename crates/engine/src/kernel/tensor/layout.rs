//! What moves elements without computing on them.

mod fill;
mod matrix;
mod pad;
mod slice;
mod space;
mod view;

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Element, RANK_MAX},
};
use plan::tensor::LayoutOp;

pub(super) use self::view::View;
use super::{Args, Done, axis, broadcast, ints, refuse, refuse_type, shape, too_large, write_ints};

/// An op of the family, ready to run.
pub(super) struct LayoutKernel(LayoutOp);

impl LayoutKernel {
    pub(super) fn new(op: &LayoutOp) -> LayoutKernel {
        LayoutKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        match &self.0 {
            LayoutOp::Identity => {
                let value = args.whole(0).ok_or_else(|| refuse("a value", "nothing"))?.clone();
                args.put(0, value);
                Ok(())
            }
            LayoutOp::Unstack { axis, outputs } => slice::unstack(args, *axis, *outputs),
            LayoutOp::Split { axis, outputs, uneven } => slice::split(args, *axis, *outputs, *uneven),
            LayoutOp::Reshape { .. }
            | LayoutOp::Flatten { .. }
            | LayoutOp::Squeeze
            | LayoutOp::Unsqueeze
            | LayoutOp::EnsureShape { .. } => {
                let x = args.get(0)?;
                let to = self.other_shape(args, x.shape())?;
                args.put(0, x.reshaped(to).map_err(too_large)?);
                Ok(())
            }
            LayoutOp::Shape { .. } | LayoutOp::Size { .. } | LayoutOp::Rank { .. } | LayoutOp::BroadcastShape => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                self.write_shape(args, &mut out)
            }
            _ => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                self.write(args, &mut out)
            }
        }
    }

    /// Returns the shape that the same elements get.
    fn other_shape(&self, args: &Args<'_>, from: &Shape) -> Result<Shape, PredictError> {
        match &self.0 {
            LayoutOp::Reshape { allow_zero } => reshaped(from, &args.ints(1)?.unwrap_or_default(), *allow_zero),
            LayoutOp::Flatten { axis } => flattened(from, *axis),
            LayoutOp::Squeeze => squeezed(from, &args.ints(1)?.unwrap_or_default()),
            LayoutOp::Unsqueeze => unsqueezed(from, &args.ints(1)?.unwrap_or_default()),
            LayoutOp::EnsureShape { dims } => {
                let fits = dims.len() == from.len()
                    && dims.iter().zip(&**from).all(|(to, dim)| to.is_none_or(|to| to == *dim));
                if fits { Ok(*from) } else { Err(refuse(format!("a tensor of shape {dims:?}"), from.to_string())) }
            }
            _ => Ok(*from),
        }
    }

    fn write_shape(&self, args: &Args<'_>, out: &mut Tensor) -> Done {
        let x = args.get(0)?;
        match &self.0 {
            LayoutOp::Size { dtype } => write_ints(&Shape::SCALAR, [x.len()], *dtype, out),
            LayoutOp::Rank { dtype } => write_ints(&Shape::SCALAR, [x.rank()], *dtype, out),
            LayoutOp::BroadcastShape => {
                let other = args.get(1)?;
                let to = broadcast::shape(&shape_of(&x)?, &shape_of(&other)?)?;
                let dtype = x.dtype().ok_or_else(|| refuse_type(&x))?;
                write_ints(&shape(&[to.len()])?, to.iter().copied(), dtype, out)
            }
            LayoutOp::Shape { start, end, dtype } => {
                let rank = x.rank() as i64;
                let place = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
                let (start, end) = (place(*start), end.map_or(x.rank(), place));
                let dims = &x.shape()[start..end.max(start)];
                write_ints(&shape(&[dims.len()])?, dims.iter().copied(), *dtype, out)
            }
            _ => Err(refuse("an op on shapes", self.0.name())),
        }
    }

    fn write(&self, args: &Args<'_>, out: &mut Tensor) -> Done {
        let all = || (0..args.count()).map(|i| args.get(i)).collect::<Result<Vec<_>, _>>();
        match &self.0 {
            LayoutOp::Concat { axis: along } => {
                let tensors = all()?;
                let tensors: Vec<&Tensor> = tensors.iter().map(|tensor| &**tensor).collect();
                concat(&tensors, *along, out)
            }
            LayoutOp::ConcatAlong => {
                let tensors = all()?;
                let tensors: Vec<&Tensor> = tensors.iter().skip(1).map(|tensor| &**tensor).collect();
                match args.ints(0)?.as_deref() {
                    Some([along]) => concat(&tensors, *along, out),
                    _ => Err(refuse("one axis", "others")),
                }
            }
            LayoutOp::Stack { axis: along } => {
                let tensors = all()?;
                let Some(first) = tensors.first() else { return Err(refuse("one tensor at least", "none")) };
                let along = axis(*along, first.rank() + 1)?;
                let one = |tensor: &Tensor| tensor.shape().insert(along, 1).and_then(|to| tensor.reshaped(to));
                let tensors: Vec<Tensor> =
                    tensors.iter().map(|tensor| one(tensor)).collect::<Result<_, _>>().map_err(too_large)?;
                concat(&tensors.iter().collect::<Vec<_>>(), along as i64, out)
            }
            LayoutOp::Fill => fill::fill(&*args.get(0)?, &*args.get(1)?, out),
            LayoutOp::Eye { offset } => fill::eye(&*args.get(0)?, &*args.get(1)?, *offset, out),
            LayoutOp::Range { strict } => fill::range([&*args.get(0)?, &*args.get(1)?, &*args.get(2)?], *strict, out),
            LayoutOp::Linspace => fill::linspace([&*args.get(0)?, &*args.get(1)?, &*args.get(2)?], out),
            LayoutOp::MatrixDiag { align } => matrix::diag(args, *align, out),
            _ => self.write_one(args, out),
        }
    }

    /// Writes what is made of one tensor.
    fn write_one(&self, args: &Args<'_>, out: &mut Tensor) -> Done {
        let x = &*args.get(0)?;
        let list = |i: usize| args.ints(i)?.ok_or_else(|| refuse(format!("integers as input {i}"), "nothing"));
        match &self.0 {
            LayoutOp::Transpose { order } => {
                let order = match (args.ints(1)?, order) {
                    (Some(order), _) => order.iter().map(|&at| axis(at, x.rank())).collect::<Result<Vec<_>, _>>()?,
                    (None, Some(order)) => order.clone(),
                    (None, None) => (0..x.rank()).rev().collect(),
                };
                transpose(x, &order, out)
            }
            LayoutOp::Slice => {
                let (axes, steps) = (args.ints(3)?, args.ints(4)?);
                slice::slice(x, &list(1)?, &list(2)?, axes.as_deref(), steps.as_deref(), out)
            }
            LayoutOp::Crop => slice::crop(x, &list(1)?, &list(2)?, out),
            LayoutOp::StridedSlice(masks) => slice::strided(x, masks, [&list(1)?, &list(2)?, &list(3)?], out),
            LayoutOp::Pad { mode, pairs } => {
                pad::pad(x, *mode, *pairs, &list(1)?, args.opt(2).as_deref(), args.ints(3)?.as_deref(), out)
            }
            LayoutOp::CenterCropPad { axes } => pad::center(x, &list(1)?, axes.as_deref(), out),
            LayoutOp::Roll => pad::roll(x, &list(1)?, &list(2)?, out),
            LayoutOp::Tile => pad::tile(x, &list(1)?, out),
            LayoutOp::Expand { both } => expand(x, &*args.get(1)?, *both, out),
            LayoutOp::Reverse => slice::reverse(x, &*args.get(1)?, out),
            LayoutOp::ReverseSequence { batch, time } => space::reverse_sequence(x, &list(1)?, *batch, *time, out),
            LayoutOp::Band(band) => matrix::band(x, *band, args.ints(1)?.as_deref(), args.ints(2)?.as_deref(), out),
            LayoutOp::MatrixDiagPart { align } => {
                matrix::diag_part(x, args.ints(1)?.as_deref(), args.opt(2).as_deref(), *align, out)
            }
            LayoutOp::MatrixSetDiag { align } => {
                matrix::set_diag(x, &*args.get(1)?, args.ints(2)?.as_deref(), *align, out)
            }
            LayoutOp::DepthToSpace { block, crd, last } => space::depth_to_space(x, *block, *crd, *last, out),
            LayoutOp::SpaceToDepth { block, crd, last } => space::space_to_depth(x, *block, *crd, *last, out),
            LayoutOp::SpaceToBatch => space::space_to_batch(x, &list(1)?, &list(2)?, out),
            LayoutOp::BatchToSpace => space::batch_to_space(x, &list(1)?, &list(2)?, out),
            _ => Err(refuse("an op on one tensor", self.0.name())),
        }
    }
}

fn expand(x: &Tensor, dims: &Tensor, both: bool, out: &mut Tensor) -> Done {
    let dims = shape_of(dims)?;
    let to = if both { broadcast::shape(x.shape(), &dims)? } else { dims };
    View::expanded_checked(x.shape(), &to)?.copy(x, out)
}

/// Returns the shape whose dimensions these integers are.
pub(super) fn shape_of(dims: &Tensor) -> Result<Shape, PredictError> {
    let wrong = |dim: i64| refuse("dimensions of a shape", dim.to_string());
    let dims = ints(dims)?;
    let dims = dims.iter().map(|&dim| usize::try_from(dim).map_err(|_| wrong(dim)));
    shape(&dims.collect::<Result<Vec<_>, _>>()?)
}

fn flattened(from: &Shape, along: i64) -> Result<Shape, PredictError> {
    let rank = from.len() as i64;
    let at = if along < 0 { along.saturating_add(rank) } else { along };
    let at = usize::try_from(at).ok().filter(|at| *at <= from.len());
    let at = at.ok_or_else(|| refuse(format!("an axis from {} to {rank}", -rank), along.to_string()))?;
    shape(&[from[..at].iter().product(), from[at..].iter().product()])
}

fn squeezed(from: &Shape, axes: &[i64]) -> Result<Shape, PredictError> {
    let mut is_out = [axes.is_empty(); RANK_MAX];
    for &at in axes {
        let at = axis(at, from.len())?;
        if from[at] != 1 {
            return Err(refuse(format!("length 1 of axis {at}, to be squeezed"), from.to_string()));
        }
        is_out[at] = true;
    }
    let dims = from.iter().enumerate().filter(|(i, dim)| !is_out[*i] || **dim != 1).map(|(_, dim)| *dim);
    shape(&dims.collect::<Vec<_>>())
}

fn unsqueezed(from: &Shape, axes: &[i64]) -> Result<Shape, PredictError> {
    let rank = from.len() + axes.len();
    let mut dims = shape(&vec![0; rank.min(RANK_MAX + 1)])?;
    let mut is_new = [false; RANK_MAX];
    for &at in axes {
        if std::mem::replace(&mut is_new[axis(at, rank)?], true) {
            return Err(refuse("each new axis once", format!("{axes:?}")));
        }
    }
    let mut old = from.iter();
    for (i, is_new) in is_new[..rank].iter().enumerate() {
        dims = dims.with(i, if *is_new { 1 } else { *old.next().expect("as many old axes as are not new") });
    }
    Ok(dims)
}

/// Returns the shape that the dimensions mean for a tensor of this one.
pub(super) fn reshaped(from: &Shape, to: &[i64], allow_zero: bool) -> Result<Shape, PredictError> {
    let wrong = || refuse(format!("a shape for the elements of {from}"), format!("{to:?}"));
    if to.len() > RANK_MAX {
        return Err(too_large(model::tensor::TensorError::Rank(to.len())));
    }
    let mut dims = [0; RANK_MAX];
    let mut rest = None;
    for (i, &dim) in to.iter().enumerate() {
        dims[i] = match dim {
            -1 if rest.is_none() => {
                rest = Some(i);
                1
            }
            0 if !allow_zero => *from.get(i).ok_or_else(wrong)?,
            dim => usize::try_from(dim).map_err(|_| wrong())?,
        };
    }
    let mut shape = shape(&dims[..to.len()])?;
    let elements = from.elements();
    if let Some(rest) = rest {
        let others = shape.checked_elements().filter(|&n| n > 0 && elements.is_multiple_of(n)).ok_or_else(wrong)?;
        shape = shape.with(rest, elements / others);
    }
    if shape.checked_elements() == Some(elements) { Ok(shape) } else { Err(wrong()) }
}

/// Writes the tensor with its axes in this order.
pub(super) fn transpose(x: &Tensor, order: &[usize], out: &mut Tensor) -> Done {
    let rank = x.rank();
    let mut seen = [false; RANK_MAX];
    let fits = order.len() == rank && order.iter().all(|&at| at < rank && !std::mem::replace(&mut seen[at], true));
    if !fits {
        return Err(refuse(format!("each axis of a tensor of rank {rank} once"), format!("{order:?}")));
    }
    let mut strides = [1; RANK_MAX];
    for i in (0..rank.saturating_sub(1)).rev() {
        strides[i] = strides[i + 1] * x.shape()[i + 1];
    }
    let dims: Vec<usize> = order.iter().map(|&at| x.shape()[at]).collect();
    let steps: Vec<usize> = order.iter().map(|&at| strides[at]).collect();
    let to = shape(&dims)?;
    fn of<T: Element>(from: &[T], to: Shape, steps: &[usize], out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        strided(&to, steps, |begin, length, from_begin, step| {
            for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
                *to = from[from_begin + i * step].clone();
            }
        });
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, to, &steps, out))
}

/// Calls `run` with the innermost runs of a shape whose axes lie `steps` apart in another buffer: where the run begins here,
/// its length, where it begins there, and its step there.
pub(super) fn strided(shape: &Shape, steps: &[usize], mut run: impl FnMut(usize, usize, usize, usize)) {
    if shape.elements() == 0 {
        return;
    }
    let Some((&length, outer)) = shape.split_last() else { return run(0, 1, 0, 1) };
    let step = steps[outer.len()];
    let mut at = [0; RANK_MAX];
    let (mut begin, mut from) = (0, 0);
    loop {
        run(begin, length, from, step);
        begin += length;
        let mut i = outer.len();
        loop {
            if i == 0 {
                return;
            }
            i -= 1;
            at[i] += 1;
            from += steps[i];
            if at[i] < outer[i] {
                break;
            }
            from -= steps[i] * outer[i];
            at[i] = 0;
        }
    }
}

pub(super) fn concat(tensors: &[&Tensor], along: i64, out: &mut Tensor) -> Done {
    let Some(first) = tensors.first() else { return Err(refuse("one tensor at least", "none")) };
    let along = axis(along, first.rank())?;
    let mut length = 0usize;
    for tensor in tensors {
        let alike = tensor.rank() == first.rank() && tensor.shape().with(along, 0) == first.shape().with(along, 0);
        if !alike || tensor.dtype() != first.dtype() {
            let expected = format!("tensors that differ from {} along axis {along} alone", first.shape());
            return Err(refuse(expected, tensor.shape().to_string()));
        }
        length = length.saturating_add(tensor.shape()[along]);
    }
    let to = first.shape().with(along, length);
    fn of<T: Element>(_: &[T], tensors: &[&Tensor], to: Shape, along: usize, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        let inner: usize = to[along + 1..].iter().product();
        let outer: usize = to[..along].iter().product();
        let row = to[along] * inner;
        let mut begin = 0;
        for tensor in tensors {
            let from = tensor.get::<T>().expect("of one type, as was just seen");
            let part = tensor.shape()[along] * inner;
            for i in 0..outer {
                let at = i * row + begin;
                result[at..at + part].clone_from_slice(&from[i * part..(i + 1) * part]);
            }
            begin += part;
        }
        Ok(())
    }
    each_element!(first.data(), elements => of(elements, tensors, to, along, out))
}
