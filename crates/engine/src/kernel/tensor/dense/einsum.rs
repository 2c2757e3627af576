//! Einstein sums: diagonals are taken, then inputs joined from left to right, each time a product of matrices whose common
//! dimension are the labels that nothing needs any more.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Element, RANK_MAX},
};
use plan::tensor::{Binary, Equation, Fold, Label};

use super::{
    super::{
        layout::{View, strided, transpose},
        reduce, shape,
    },
    Done, element, matmul, refuse, refuse_type, too_large,
};

/// An axis: a letter, or how many axes without a letter stand after it.
type Axis = u8;

/// Axes without letters have numbers of their own.
const fn rest(from_end: usize) -> Axis {
    128 + from_end as u8
}

/// A tensor whose axes have different labels, and none of length 1.
struct Labelled {
    tensor: Tensor,
    axes: Vec<Axis>,
}

/// The lengths of axes.
struct Lengths([usize; 256]);

impl Lengths {
    /// Learns an axis's length; 1 broadcasts.
    fn learn(&mut self, axis: Axis, dim: usize) -> Result<(), PredictError> {
        let known = &mut self.0[usize::from(axis)];
        match (*known, dim) {
            (_, 1) => {}
            (1, dim) => *known = dim,
            (known, dim) if known == dim => {}
            (known, dim) => {
                let expected = format!("one length for each label, {known} as before");
                return Err(refuse(expected, dim.to_string()));
            }
        }
        Ok(())
    }

    fn of(&self, axes: &[Axis]) -> usize {
        axes.iter().map(|axis| self.0[usize::from(*axis)]).product()
    }

    fn shape(&self, axes: &[Axis]) -> Result<Shape, PredictError> {
        if axes.len() > RANK_MAX {
            return Err(too_large(model::tensor::TensorError::Rank(axes.len())));
        }
        let dims: Vec<usize> = axes.iter().map(|axis| self.0[usize::from(*axis)]).collect();
        let shape = shape(&dims)?;
        let wrong = || refuse("axes whose product is a number of elements", shape.to_string());
        shape.checked_elements().map(|_| shape).ok_or_else(wrong)
    }
}

pub(super) fn run(equation: &Equation, inputs: &[&Tensor], out: &mut Tensor) -> Done {
    if inputs.len() != equation.inputs.len() || inputs.is_empty() {
        return Err(refuse(format!("{} tensors", equation.inputs.len()), inputs.len().to_string()));
    }
    let mut lengths = Lengths([1; 256]);
    let mut rests = 0;
    let mut axes = Vec::with_capacity(inputs.len());
    for (labels, tensor) in equation.inputs.iter().zip(inputs) {
        let (these, rest) = named(labels, tensor.shape())?;
        rests = rests.max(rest);
        these.iter().zip(&**tensor.shape()).try_for_each(|(axis, dim)| lengths.learn(*axis, *dim))?;
        axes.push(these);
    }
    let mut output = Vec::new();
    for label in &equation.output {
        match label {
            Label::Letter(letter) => output.push(*letter),
            Label::Rest => output.extend((0..rests).rev().map(rest)),
        }
    }
    let mut parts = axes.iter().zip(inputs).map(|(axes, tensor)| diagonal(axes, tensor, &lengths));
    let mut joined = parts.next().expect("there is one at least")?;
    for (i, part) in parts.enumerate() {
        let is_needed = |axis: Axis| output.contains(&axis) || axes[i + 2..].iter().flatten().any(|a| *a == axis);
        joined = join(joined, part?, &is_needed, &lengths)?;
    }
    joined = summed(joined, |axis| output.contains(&axis))?;
    write(&joined, &output, &lengths, out)
}

/// Returns the axis of each dimension, and how many have no letter.
fn named(labels: &[Label], of: &Shape) -> Result<(Vec<Axis>, usize), PredictError> {
    let letters = labels.iter().filter(|label| **label != Label::Rest).count();
    let has_rest = letters < labels.len();
    if letters > of.len() || (!has_rest && letters < of.len()) {
        return Err(refuse(format!("a tensor of {letters} dimensions"), of.to_string()));
    }
    let rests = of.len() - letters;
    let mut axes = Vec::with_capacity(of.len());
    for label in labels {
        match label {
            Label::Letter(letter) => axes.push(*letter),
            Label::Rest => axes.extend((0..rests).rev().map(rest)),
        }
    }
    Ok((axes, rests))
}

/// Takes diagonals, and leaves out axes of length 1.
fn diagonal(axes: &[Axis], tensor: &Tensor, lengths: &Lengths) -> Result<Labelled, PredictError> {
    let whole = View::whole(tensor.shape());
    let mut kept: Vec<Axis> = Vec::with_capacity(axes.len());
    let mut steps = [0; RANK_MAX];
    for (i, &axis) in axes.iter().enumerate() {
        if tensor.shape()[i] == 1 {
            continue;
        }
        let at = kept.iter().position(|known| *known == axis).unwrap_or_else(|| {
            kept.push(axis);
            kept.len() - 1
        });
        steps[at] += whole.steps[i];
    }
    let view = View { shape: lengths.shape(&kept)?, offset: 0, steps };
    let tensor = if kept.len() == axes.len() {
        tensor.clone()
    } else {
        let mut out = Tensor::default();
        view.copy(tensor, &mut out)?;
        out
    };
    Ok(Labelled { tensor, axes: kept })
}

/// Sums over the axes that are not wanted.
fn summed(x: Labelled, is_wanted: impl Fn(Axis) -> bool) -> Result<Labelled, PredictError> {
    let gone: Vec<i64> = (0..x.axes.len()).filter(|&i| !is_wanted(x.axes[i])).map(|i| i as i64).collect();
    if gone.is_empty() {
        return Ok(x);
    }
    let mut tensor = Tensor::default();
    reduce::fold(Fold::Sum, &x.tensor, &gone, &mut tensor)?;
    Ok(Labelled { tensor, axes: x.axes.into_iter().filter(|axis| is_wanted(*axis)).collect() })
}

/// Joins two tensors; axes that nothing needs any more are summed over.
fn join(
    a: Labelled,
    b: Labelled,
    is_needed: &dyn Fn(Axis) -> bool,
    lengths: &Lengths,
) -> Result<Labelled, PredictError> {
    let others = b.axes.clone();
    let a = summed(a, |axis| is_needed(axis) || others.contains(&axis))?;
    let b = summed(b, |axis| is_needed(axis) || a.axes.contains(&axis))?;
    let pick =
        |of: &[Axis], test: &dyn Fn(Axis) -> bool| -> Vec<Axis> { of.iter().copied().filter(|x| test(*x)).collect() };
    let batch = pick(&a.axes, &|x| b.axes.contains(&x) && is_needed(x));
    let common = pick(&a.axes, &|x| b.axes.contains(&x) && !is_needed(x));
    let rows = pick(&a.axes, &|x| !b.axes.contains(&x));
    let columns = pick(&b.axes, &|x| !a.axes.contains(&x));
    let sizes = [&batch, &rows, &common, &columns].map(|axes| lengths.of(axes));
    let left = ordered(&a, &[&batch, &rows, &common], shape(&sizes[..3])?)?;
    let right = ordered(&b, &[&batch, &common, &columns], shape(&[sizes[0], sizes[2], sizes[3]])?)?;
    let mut product = Tensor::default();
    if common.is_empty() {
        element::binary(Binary::Mul, &left, &right, &mut product)?;
    } else {
        matmul(&left, &right, &mut product)?;
    }
    let axes = [batch, rows, columns].concat();
    let tensor = product.reshaped(lengths.shape(&axes)?).map_err(too_large)?;
    Ok(Labelled { tensor, axes })
}

/// Returns the tensor with its axes in this order, in another shape.
fn ordered(x: &Labelled, axes: &[&[Axis]], to: Shape) -> Result<Tensor, PredictError> {
    let place = |axis: &Axis| x.axes.iter().position(|known| known == axis).expect("these are the tensor's own axes");
    let order: Vec<usize> = axes.iter().copied().flatten().map(place).collect();
    let tensor = if order.is_sorted() {
        x.tensor.clone()
    } else {
        let mut turned = Tensor::default();
        transpose(&x.tensor, &order, &mut turned)?;
        turned
    };
    tensor.reshaped(to).map_err(too_large)
}

/// Writes the result with the axes of the output, some of which may be of length 1, stand twice, or be in no input.
fn write(x: &Labelled, output: &[Axis], lengths: &Lengths, out: &mut Tensor) -> Done {
    let to = lengths.shape(output)?;
    let is_plain = (0..output.len()).all(|i| !output[..i].contains(&output[i]));
    let present: Vec<Axis> = output.iter().copied().filter(|axis| x.axes.contains(axis)).collect();
    if is_plain {
        *out = ordered(x, &[&present], to)?;
        return Ok(());
    }
    let steps = View::whole(&to).steps;
    let step = |axis: &Axis| (0..output.len()).filter(|&i| output[i] == *axis).map(|i| steps[i] as usize).sum();
    let steps: Vec<usize> = x.axes.iter().map(step).collect();
    fn of<T: Element>(from: &[T], x: &Tensor, steps: &[usize], to: Shape, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        strided(x.shape(), steps, |begin, length, at, step| {
            (0..length).for_each(|i| result[at + i * step] = from[begin + i].clone());
        });
        Ok(())
    }
    if x.tensor.dtype().is_none() {
        return Err(refuse_type(&x.tensor));
    }
    each_element!(x.tensor.data(), e => of(e, &x.tensor, &steps, to, out))
}
