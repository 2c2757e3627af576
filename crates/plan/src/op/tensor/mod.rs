//! Tensors: whole values of any rank, sequences and maps of them, as neural networks and exported pipelines compute on them.
//!
//! Families are enums of their own, a file each, and their kernels likewise. An op is the mathematics that ONNX and TensorFlow
//! share; where they part ways a parameter says so. Types are those of elements; shapes are known when values are there, and
//! an op refuses the call where they do not fit, naming both.
//!
//! An op has formal inputs, some of which may be left out: [`TensorNode::given`] says which of them the node has.

use model::{DType, Type, Whole};

use super::Inferred;
use crate::{
    error::PlanError,
    plan::{Place, ValueType},
};

pub mod attention;
pub mod check;
pub mod conv;
pub mod dense;
pub mod einsum;
pub mod element;
pub mod example;
pub(crate) mod fuse;
pub mod image;
pub mod index;
pub mod layout;
pub mod learn;
pub mod narrow;
pub mod norm;
pub mod quant;
pub mod random;
pub mod recurrent;
pub mod reduce;
pub mod sequence;
pub mod signal;
pub mod sparse;
pub mod strings;
pub mod table;
pub mod text;

pub use attention::AttentionOp;
pub use conv::ConvOp;
pub mod list;
pub use check::CheckOp;
pub use dense::{DenseOp, Left};
pub use einsum::{Equation, Label};
pub use element::{Binary, ElementOp, Unary};
pub use example::{DenseFeature, ExampleOp, ExampleSpec, FeatureType, OpenFeature, SequenceSpec};
pub use image::ImageOp;
pub use index::{IndexOp, Merge, RowPart, SegmentFold};
pub use layout::{Align, Band, LayoutOp, PadMode, StridedSlice};
pub use learn::LearnOp;
pub use list::ListOp;
pub use narrow::{Narrow, Toward};
pub use norm::NormOp;
pub use quant::QuantOp;
pub use random::{Drawn, RandomOp, Stream};
pub use recurrent::RecurrentOp;
pub use reduce::{Fold, ReduceOp};
pub use sequence::SequenceOp;
pub use signal::{ComplexFn, SignalOp, Spectrum};
pub use sparse::{Crossing, SparseOp};
pub use strings::{Encoding, Fill, Malformed, Ngrams, Policy, StringOp, Style, TextHash, TextUnit, Written};
pub use table::TableOp;
pub use text::TextOp;

/// A tensor op at work: the op, and which of its formal inputs the node has.
#[derive(Clone, Debug)]
pub struct TensorNode {
    pub op: TensorOp,
    /// Bit `i` is set where formal input `i` is there; the node's inputs are those, in order.
    pub given: u32,
}

/// Ops on whole values, by family.
#[derive(Clone, Debug)]
pub enum TensorOp {
    /// A value that never changes. No inputs.
    Constant(Whole),
    Element(ElementOp),
    Layout(LayoutOp),
    Index(IndexOp),
    Reduce(ReduceOp),
    Dense(DenseOp),
    Image(ImageOp),
    Attention(AttentionOp),
    Recurrent(RecurrentOp),
    Conv(ConvOp),
    Norm(NormOp),
    List(ListOp),
    Check(CheckOp),
    Strings(StringOp),
    Table(TableOp),
    Example(ExampleOp),
    Signal(SignalOp),
    Learn(LearnOp),
    Quant(QuantOp),
    Sequence(SequenceOp),
    Text(TextOp),
    Random(RandomOp),
    Sparse(SparseOp),
}

/// The types of formal inputs; `None` where one is left out.
pub type Formal<'a> = [Option<&'a Type>];

/// Types of the outputs, or what the op takes.
pub type Given = Result<Vec<Type>, &'static str>;

impl TensorNode {
    /// Returns the node of an op with all its formal inputs.
    pub fn new(op: TensorOp) -> TensorNode {
        TensorNode { op, given: u32::MAX }
    }

    /// Returns the node of an op some of whose formal inputs may be left out.
    pub fn with<'a, T: 'a>(op: TensorOp, formal: impl IntoIterator<Item = &'a Option<T>>) -> TensorNode {
        let given = formal.into_iter().take(32).enumerate();
        let given = given.fold(0, |bits, (i, input)| bits | u32::from(input.is_some()) << i);
        TensorNode { op, given }
    }

    pub fn name(&self) -> &'static str {
        match &self.op {
            TensorOp::Constant(_) => "constant",
            TensorOp::Element(op) => op.name(),
            TensorOp::Layout(op) => op.name(),
            TensorOp::Index(op) => op.name(),
            TensorOp::Reduce(op) => op.name(),
            TensorOp::Dense(op) => op.name(),
            TensorOp::Image(op) => op.name(),
            TensorOp::Attention(op) => op.name(),
            TensorOp::Recurrent(op) => op.name(),
            TensorOp::Conv(op) => op.name(),
            TensorOp::Norm(op) => op.name(),
            TensorOp::List(op) => op.name(),
            TensorOp::Check(op) => op.name(),
            TensorOp::Strings(op) => op.name(),
            TensorOp::Table(op) => op.name(),
            TensorOp::Example(op) => op.name(),
            TensorOp::Signal(op) => op.name(),
            TensorOp::Learn(op) => op.name(),
            TensorOp::Quant(op) => op.name(),
            TensorOp::Sequence(op) => op.name(),
            TensorOp::Text(op) => op.name(),
            TensorOp::Random(op) => op.name(),
            TensorOp::Sparse(op) => op.name(),
        }
    }

    /// Returns whether the same inputs always give the same outputs, so that they may be computed once.
    pub fn is_pure(&self) -> bool {
        !matches!(&self.op, TensorOp::Random(op) if !op.is_pure())
    }

    /// Returns where formal input `i` stands among the node's inputs, where it is there.
    #[inline]
    pub fn place(&self, i: usize, inputs: usize) -> Option<usize> {
        if i >= 32 {
            return Some(i).filter(|_| self.given == u32::MAX && i < inputs);
        }
        let before = (self.given & ((1 << i) - 1)).count_ones() as usize;
        (self.given >> i & 1 == 1 && before < inputs).then_some(before)
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        if inputs.iter().any(|i| i.place != Place::Whole) {
            return Err("whole values");
        }
        let last = if self.given == u32::MAX { inputs.len() } else { 32 - self.given.leading_zeros() as usize };
        let formal: Vec<Option<&Type>> =
            (0..last).map(|i| self.place(i, inputs.len()).map(|place| &inputs[place].ty)).collect();
        let types = match &self.op {
            TensorOp::Constant(value) => Ok(vec![type_of(value)]),
            TensorOp::Element(op) => op.infer(&formal),
            TensorOp::Layout(op) => op.infer(&formal),
            TensorOp::Index(op) => op.infer(&formal),
            TensorOp::Reduce(op) => op.infer(&formal),
            TensorOp::Dense(op) => op.infer(&formal),
            TensorOp::Image(op) => op.infer(&formal),
            TensorOp::Attention(op) => op.infer(&formal),
            TensorOp::Recurrent(op) => op.infer(&formal),
            TensorOp::Conv(op) => op.infer(&formal),
            TensorOp::Norm(op) => op.infer(&formal),
            TensorOp::List(op) => op.infer(&formal),
            TensorOp::Check(op) => op.infer(&formal),
            TensorOp::Strings(op) => op.infer(&formal),
            TensorOp::Table(op) => op.infer(&formal),
            TensorOp::Example(op) => op.infer(&formal),
            TensorOp::Signal(op) => op.infer(&formal),
            TensorOp::Learn(op) => op.infer(&formal),
            TensorOp::Quant(op) => op.infer(&formal),
            TensorOp::Sequence(op) => op.infer(&formal),
            TensorOp::Text(op) => op.infer(&formal),
            TensorOp::Random(op) => op.infer(&formal),
            TensorOp::Sparse(op) => op.infer(&formal),
        };
        Ok(types?.into_iter().map(ValueType::whole).collect())
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match &self.op {
            TensorOp::Learn(op) => op.check(),
            TensorOp::Text(op) => op.check(),
            _ => Ok(()),
        }
    }
}

/// Returns the type of a whole value: of a tensor its elements', of a sequence a list's.
pub fn type_of(whole: &Whole) -> Type {
    match whole {
        Whole::Tensor(tensor) => tensor.ty(),
        Whole::Sequence(items) => Type::list(items.first().map_or(Type::F32, type_of)),
        Whole::Map(map) => Type::Map(Box::new(map.0.ty()), Box::new(map.1.ty())),
        Whole::Absent => Type::F32,
    }
}

/// Returns the dtype of a formal input that must be a tensor of numbers or booleans.
pub(crate) fn dtype(formal: &Formal<'_>, i: usize) -> Option<DType> {
    formal.get(i).copied().flatten().and_then(Type::as_scalar)
}

/// Returns the dtype of a formal input that must be a tensor of floating-point numbers, half precision included.
pub(crate) fn real(formal: &Formal<'_>, i: usize) -> Option<DType> {
    dtype(formal, i).filter(|dtype| matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64))
}

/// Returns the type of a formal input that is a tensor of anything.
pub(crate) fn tensor<'a>(formal: &Formal<'a>, i: usize) -> Option<&'a Type> {
    formal.get(i).copied().flatten().filter(|ty| is_tensor(ty))
}

/// Returns whether values of this type are tensors: of numbers, or of texts.
pub(crate) fn is_tensor(ty: &Type) -> bool {
    ty.as_scalar().is_some() || *ty == Type::Bytes
}

macro_rules! into_node {
    ($($op:ty, $variant:ident;)*) => {$(
        impl From<$op> for TensorOp {
            fn from(op: $op) -> TensorOp {
                TensorOp::$variant(op)
            }
        }

        impl From<$op> for super::Op {
            fn from(op: $op) -> super::Op {
                TensorNode::new(TensorOp::$variant(op)).into()
            }
        }
    )*};
}

into_node! {
    ElementOp, Element;
    LayoutOp, Layout;
    IndexOp, Index;
    ReduceOp, Reduce;
    DenseOp, Dense;
    ImageOp, Image;
    AttentionOp, Attention;
    RecurrentOp, Recurrent;
    ConvOp, Conv;
    NormOp, Norm;
    ListOp, List;
    CheckOp, Check;
    StringOp, Strings;
    TableOp, Table;
    ExampleOp, Example;
    SignalOp, Signal;
    LearnOp, Learn;
    QuantOp, Quant;
    SequenceOp, Sequence;
    TextOp, Text;
    RandomOp, Random;
    SparseOp, Sparse;
    Whole, Constant;
}

impl From<TensorOp> for super::Op {
    fn from(op: TensorOp) -> super::Op {
        TensorNode::new(op).into()
    }
}
