//! Kernels of the family `tensor`: whole values. One file a family of ops.
//!
//! A kernel reads its inputs through [`Args`] and writes its outputs where those of the last run lie, so that room is used
//! again. Shapes are looked at now, for every call; what does not fit is refused, both shapes named. The order of a sum is the
//! op's, whatever the shape, so that a row has the same bits alone and among others.

use std::cell::{Ref, RefMut};

use model::{
    Call, DType, PredictError, Shape, Tensor, Violation, Whole, each_element,
    tensor::{Data, Element, TensorError},
};
use plan::{TensorNode, TensorOp};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Frame, Home},
    program::{Layout, StoreType},
};

mod attention;
pub(crate) mod broadcast;
mod check;
mod conv;
mod dense;
mod element;
mod example;
mod float;
mod image;
mod index;
mod layout;
mod learn;
mod list;
mod norm;
mod product;
mod quant;
mod random;
mod recurrent;
mod reduce;
mod sequence;
mod signal;
mod sparse;
mod strings;
mod table;
mod text;
mod wide;

/// An op of the family, ready to run.
pub struct TensorKernel {
    node: TensorNode,
    step: std::sync::Arc<str>,
    kind: Kind,
}

enum Kind {
    Element(element::ElementKernel),
    Layout(layout::LayoutKernel),
    Index(index::IndexKernel),
    Reduce(reduce::ReduceKernel),
    Dense(dense::DenseKernel),
    Image(image::ImageKernel),
    Attention(attention::AttentionKernel),
    Recurrent(Box<recurrent::RecurrentKernel>),
    Conv(Box<conv::ConvKernel>),
    Norm(norm::NormKernel),
    List(list::ListKernel),
    Check(check::CheckKernel),
    Strings(strings::StringKernel),
    Table(table::TableKernel),
    Example(example::ExampleKernel),
    Signal(signal::SignalKernel),
    Learn(learn::LearnKernel),
    Quant(quant::QuantKernel),
    Sequence(sequence::SequenceKernel),
    Text(text::TextKernel),
    Random(random::RandomKernel),
    Sparse(sparse::SparseKernel),
}

/// What a kernel works with: its inputs by their formal numbers, and its outputs.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a> {
    pub frame: &'a Frame,
    pub call: &'a Call,
    node: &'a TensorNode,
    inputs: &'a [Home],
    outputs: &'a [Option<Home>],
}

/// What a kernel returns.
pub(crate) type Done = Result<(), PredictError>;

// === impl TensorKernel ===

impl TensorKernel {
    pub(crate) fn new(node: &TensorNode, site: &Site<'_>) -> Result<TensorKernel, CompileError> {
        let kind = match &node.op {
            TensorOp::Constant(_) => unreachable!("the compiler keeps constants itself"),
            TensorOp::Element(op) => Kind::Element(element::ElementKernel::new(op, site)?),
            TensorOp::Layout(op) => Kind::Layout(layout::LayoutKernel::new(op)),
            TensorOp::Index(op) => Kind::Index(index::IndexKernel::new(op)),
            TensorOp::Reduce(op) => Kind::Reduce(reduce::ReduceKernel::new(op)),
            TensorOp::Dense(op) => Kind::Dense(dense::DenseKernel::new(op, site)),
            TensorOp::Image(op) => Kind::Image(image::ImageKernel::new(op)),
            TensorOp::Attention(op) => Kind::Attention(attention::AttentionKernel::new(op)),
            TensorOp::Recurrent(op) => Kind::Recurrent(Box::new(recurrent::RecurrentKernel::new(op, site))),
            TensorOp::Conv(op) => Kind::Conv(Box::new(conv::ConvKernel::new(op, site))),
            TensorOp::Norm(op) => Kind::Norm(norm::NormKernel::new(op)),
            TensorOp::List(op) => Kind::List(list::ListKernel::new(op, site)?),
            TensorOp::Check(op) => Kind::Check(check::CheckKernel::new(op)),
            TensorOp::Strings(op) => Kind::Strings(strings::StringKernel::new(op, site)?),
            TensorOp::Table(op) => Kind::Table(table::TableKernel::new(*op, site)),
            TensorOp::Example(op) => Kind::Example(example::ExampleKernel::new(op)),
            TensorOp::Signal(op) => Kind::Signal(signal::SignalKernel::new(op)),
            TensorOp::Learn(op) => Kind::Learn(learn::LearnKernel::new(op)),
            TensorOp::Quant(op) => Kind::Quant(quant::QuantKernel::new(op)),
            TensorOp::Sequence(op) => Kind::Sequence(sequence::SequenceKernel::new(op)),
            TensorOp::Text(op) => Kind::Text(text::TextKernel::new(op, site)?),
            TensorOp::Random(op) => Kind::Random(random::RandomKernel::new(op, site)),
            TensorOp::Sparse(op) => Kind::Sparse(sparse::SparseKernel::new(op)),
        };
        Ok(TensorKernel { node: node.clone(), step: site.step.clone(), kind })
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Done {
        let args = Args { frame: env.frame, call: env.call, node: &self.node, inputs, outputs };
        let done = match &self.kind {
            Kind::Element(kernel) => kernel.run(&args),
            Kind::Layout(kernel) => kernel.run(&args),
            Kind::Index(kernel) => kernel.run(&args),
            Kind::Reduce(kernel) => kernel.run(&args),
            Kind::Dense(kernel) => kernel.run(&args),
            Kind::Image(kernel) => kernel.run(&args),
            Kind::Attention(kernel) => kernel.run(&args),
            Kind::Recurrent(kernel) => kernel.run(&args),
            Kind::Conv(kernel) => kernel.run(&args),
            Kind::Norm(kernel) => kernel.run(&args),
            Kind::List(kernel) => kernel.run(&args),
            Kind::Check(kernel) => kernel.run(&args),
            Kind::Strings(kernel) => kernel.run(&args),
            Kind::Table(kernel) => kernel.run(&args),
            Kind::Example(kernel) => kernel.run(&args),
            Kind::Signal(kernel) => kernel.run(&args),
            Kind::Learn(kernel) => kernel.run(&args),
            Kind::Quant(kernel) => kernel.run(&args),
            Kind::Sequence(kernel) => kernel.run(&args),
            Kind::Text(kernel) => kernel.run(&args),
            Kind::Random(kernel) => kernel.run(&args),
            Kind::Sparse(kernel) => kernel.run(&args),
        };
        done.map_err(|error| self.located(error))
    }

    /// Says at which step a value did not fit.
    #[cold]
    fn located(&self, error: PredictError) -> PredictError {
        let PredictError::Invalid { violations } = error else { return error };
        let at = |violation: Violation| Violation {
            expected: violation
                .expected
                .map(|expected| format!("for {} of {}: {expected}", self.node.name(), self.step)),
            ..violation
        };
        PredictError::Invalid { violations: violations.into_iter().map(at).collect() }
    }

    /// Returns whether the same inputs always give the same outputs.
    pub(crate) fn is_pure(&self) -> bool {
        self.node.is_pure()
    }

    /// Runs on these values outside of any program.
    pub(crate) fn alone(&self, inputs: Vec<Whole>, outputs: usize) -> Result<Vec<Whole>, PredictError> {
        let count = inputs.len();
        let layout = Layout {
            blocks: 0,
            stores: vec![StoreType::Whole; count + outputs],
            constants: inputs.into_iter().enumerate().map(|(i, value)| (i as u32, value)).collect(),
        };
        let frame = Frame::new(&layout, 1);
        frame.begin(0);
        let home = |i: usize| Home::Store(i as u32);
        let homes: Vec<Home> = (0..count).map(home).collect();
        let outs: Vec<Option<Home>> = (count..count + outputs).map(|i| Some(home(i))).collect();
        let call = Call::default();
        self.run(&Env { frame: &frame, call: &call, node: 0 }, &homes, &outs)?;
        Ok((count..count + outputs).map(|i| frame.whole(home(i)).clone()).collect())
    }
}

// === impl Args ===

impl<'a> Args<'a> {
    fn home(&self, i: usize) -> Option<Home> {
        self.node.place(i, self.inputs.len()).map(|place| self.inputs[place])
    }

    /// Returns how many inputs there are.
    pub fn count(&self) -> usize {
        self.inputs.len()
    }

    /// Returns formal input `i`, a tensor that must be there.
    #[inline]
    pub fn get(&self, i: usize) -> Result<Ref<'a, Tensor>, PredictError> {
        self.opt(i).ok_or_else(|| refuse(format!("a tensor as input {i}"), "nothing"))
    }

    /// Returns formal input `i`, where it is there.
    #[inline]
    pub fn opt(&self, i: usize) -> Option<Ref<'a, Tensor>> {
        self.frame.tensor(self.home(i)?)
    }

    /// Returns formal input `i`, of any kind.
    pub fn whole(&self, i: usize) -> Option<Ref<'a, Whole>> {
        Some(self.frame.whole(self.home(i)?))
    }

    /// Returns output `i`, to be written as a tensor, where anybody reads it.
    #[inline]
    pub fn out(&self, i: usize) -> Option<RefMut<'a, Tensor>> {
        self.outputs.get(i).copied().flatten().map(|home| self.frame.tensor_mut(home))
    }

    /// Writes output `i`, where anybody reads it.
    pub fn put(&self, i: usize, value: impl Into<Whole>) {
        if let Some(home) = self.outputs.get(i).copied().flatten() {
            *self.frame.whole_mut(home) = value.into();
        }
    }

    /// Returns formal input `i`, integers of any dtype, where it is there.
    pub fn ints(&self, i: usize) -> Result<Option<Vec<i64>>, PredictError> {
        self.opt(i).map(|tensor| ints(&tensor)).transpose()
    }
}

/// Returns the error of a value that does not fit.
#[cold]
pub(crate) fn refuse(expected: impl Into<String>, got: impl Into<String>) -> PredictError {
    PredictError::invalid(None, expected, got)
}

/// Returns the error of a dtype that the op has no meaning for.
#[cold]
pub(crate) fn refuse_type(tensor: &Tensor) -> PredictError {
    let got = tensor.dtype().map_or("string".to_owned(), |dtype| dtype.to_string());
    PredictError::Unimplemented { what: format!("a tensor of {got} here") }
}

/// Returns the error of a tensor that cannot be made.
#[cold]
pub(crate) fn too_large(error: TensorError) -> PredictError {
    match error {
        TensorError::Bytes(shape) => PredictError::TooLarge {
            what: format!("the number of bytes of a tensor of shape {shape}"),
            got: u64::MAX,
            limit: model::tensor::TENSOR_BYTES_MAX as u64,
            key: "fixed",
        },
        other => refuse("a tensor", other.to_string()),
    }
}

/// Returns the elements as 64-bit integers.
pub(crate) fn ints(tensor: &Tensor) -> Result<Vec<i64>, PredictError> {
    Ok(match tensor.data() {
        Data::I64(e) => e.to_vec(),
        Data::I32(e) => e.iter().map(|&x| x.into()).collect(),
        Data::I16(e) => e.iter().map(|&x| x.into()).collect(),
        Data::I8(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U8(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U16(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U32(e) => e.iter().map(|&x| x.into()).collect(),
        Data::U64(e) => e.iter().map(|&x| i64::try_from(x).unwrap_or(i64::MAX)).collect(),
        _ => return Err(refuse_type(tensor)),
    })
}

/// Writes integers of this dtype; int64 where it is none of those that indices have.
pub(crate) fn write_ints(of: &Shape, from: impl IntoIterator<Item = usize>, dtype: DType, out: &mut Tensor) -> Done {
    fn write<T: Element + TryFrom<usize>>(of: &Shape, from: impl IntoIterator<Item = usize>, out: &mut Tensor) -> Done {
        for (to, from) in out.make::<T>(*of).map_err(too_large)?.iter_mut().zip(from) {
            *to = T::try_from(from)
                .map_err(|_| refuse("a number that the dtype of the result holds", from.to_string()))?;
        }
        Ok(())
    }
    match dtype {
        DType::I16 => write::<i16>(of, from, out),
        DType::U16 => write::<u16>(of, from, out),
        DType::I32 => write::<i32>(of, from, out),
        _ => write::<i64>(of, from, out),
    }
}

/// Returns which of `rank` axes is meant; a negative one counts from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, PredictError> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(at) {
        Ok(at) if at < rank => Ok(at),
        _ => Err(refuse(format!("an axis of a tensor of rank {rank}"), axis.to_string())),
    }
}

/// Returns the shape of these dimensions.
pub(crate) fn shape(dims: &[usize]) -> Result<Shape, PredictError> {
    Shape::new(dims).map_err(too_large)
}

/// Writes entry `at` of the first dimension.
pub(crate) fn part(from: &Tensor, at: usize, to: &mut Tensor) -> Done {
    let (of, size) = (from.shape().remove(0), from.len() / from.shape()[0]);
    fn copy<T: Element>(from: &[T], of: Shape, to: &mut Tensor) -> Done {
        to.make::<T>(of).map_err(too_large)?.clone_from_slice(from);
        Ok(())
    }
    each_element!(from.data(), elements => copy(&elements[at * size..(at + 1) * size], of, to))
}

/// Writes tensors of one shape along a new first dimension; of none, an empty tensor.
pub(crate) fn stack(parts: &[Whole], to: &mut Tensor) -> Done {
    let tensors: Option<Vec<&Tensor>> = parts.iter().map(Whole::as_tensor).collect();
    let Some(tensors) = tensors else { return Err(refuse("tensors to stack", "another value")) };
    let Some(first) = tensors.first() else {
        *to = Tensor::default();
        return Ok(());
    };
    if let Some(other) = tensors.iter().find(|t| t.shape() != first.shape() || t.dtype() != first.dtype()) {
        return Err(refuse(format!("{} at every step", first.shape()), other.shape().to_string()));
    }
    let of = first.shape().insert(0, tensors.len()).map_err(too_large)?;
    fn copy<T: Element>(_: &[T], tensors: &[&Tensor], of: Shape, to: &mut Tensor) -> Done {
        let out = to.make::<T>(of).map_err(too_large)?;
        let size = out.len() / tensors.len();
        for (i, tensor) in tensors.iter().enumerate() {
            out[i * size..(i + 1) * size].clone_from_slice(tensor.get().expect("of one type, as was just seen"));
        }
        Ok(())
    }
    each_element!(first.data(), elements => copy(elements, &tensors, of, to))
}

#[cfg(test)]
mod tests;
