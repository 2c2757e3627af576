//! What moves elements without computing on them: shapes, slices, joins, paddings, and tensors made of nothing but their shape.
//!
//! Elements of any type, texts too, are moved as they are: a NaN keeps its bits. What a format may compute at run time is an
//! input; what is written in the model is a parameter. Sources of rules: ONNX's operator pages and reference implementation,
//! TensorFlow's op documentation and kernels; where the two part ways a parameter says so.

use model::{DType, Type};

use super::{Formal, Given, dtype, is_tensor, tensor};

/// Ops of the family. Axes may be negative: then they count from the end.
#[derive(Clone, Debug, PartialEq)]
pub enum LayoutOp {
    /// The value as it is, of any kind.
    Identity,
    /// To the dimensions of input 1 (integers), one of which may be -1: what is left. A 0 stands for the input's own dimension
    /// at its place, or, where `allow_zero` says so, for none.
    Reshape { allow_zero: bool },
    /// To two dimensions: the product of those before the axis, and of those from it on.
    Flatten { axis: i64 },
    /// Without the axes of input 1, all of which must be of length 1; without input 1, or where it is empty, without all that are.
    Squeeze,
    /// With dimensions of length 1 at the axes of input 1, which count in the result.
    Unsqueeze,
    /// Refuses a tensor of other dimensions than these; `None` is any.
    EnsureShape { dims: Vec<Option<usize>> },
    /// In this order of axes; without one, reversed. Input 1, where given, is the order.
    Transpose { order: Option<Vec<usize>> },
    /// The dimensions as integers of this dtype, from `start` to `end`.
    Shape { start: i64, end: Option<i64>, dtype: DType },
    /// The number of elements.
    Size { dtype: DType },
    /// The number of dimensions.
    Rank { dtype: DType },
    /// The shape that the shapes of inputs 0 and 1 (integers) broadcast to.
    BroadcastShape,
    /// One after the other along an axis: any number of tensors of one type.
    Concat { axis: i64 },
    /// The same of all inputs but the first, which is the axis.
    ConcatAlong,
    /// Any number of tensors of one type and shape, along a new axis.
    Stack { axis: i64 },
    /// A tensor for each entry along the axis, of which there are `outputs`, without that axis.
    Unstack { axis: i64, outputs: usize },
    /// `outputs` parts along the axis, which input 2 says where it is there. Input 1, where given, has their lengths; one may be
    /// -1: what is left. Without it they are equal, or, where `uneven` says so (ONNX since 18), the last is shorter.
    Split { axis: i64, outputs: usize, uneven: bool },
    /// From starts (input 1) to ends (2) along axes (3, else the first ones) by steps (4, else 1), of which none is 0. Negative
    /// places count from the end; what lies outside is cut off, as numpy does.
    Slice,
    /// From a beginning (input 1), so many (input 2) of each axis; -1 is all that are left. What lies outside is refused.
    Crop,
    /// TensorFlow's: begins, ends and strides (inputs 1 to 3) of the leading axes, by bit masks.
    StridedSlice(StridedSlice),
    /// Elements before and after each axis, or those of input 3: by input 1, all numbers before and then all after, or, with
    /// `pairs` (TensorFlow), a row of two an axis. Negative ones cut off, but with `pairs`. Input 2 is the element of
    /// [`PadMode::Constant`], else 0.
    Pad { mode: PadMode, pairs: bool },
    /// Padded with zeros or cut to the lengths (input 1) of the axes, or all; an odd one is added or cut at the end.
    CenterCropPad { axes: Option<Vec<i64>> },
    /// As often as input 1 says along each axis.
    Tile,
    /// Broadcast to the shape of input 1; with `both` (ONNX) that broadcasts to the tensor's too.
    Expand { both: bool },
    /// Backwards along the axes of input 1: numbers of axes, or a truth value for each.
    Reverse,
    /// The first elements along the axis `time` backwards, as many as input 1 says for each entry of the axis `batch`.
    ReverseSequence { batch: i64, time: i64 },
    /// Turned by shifts (input 1) along axes (input 2): element `i` becomes `i + shift`, and the last become the first.
    Roll,
    /// Of the shape of input 0, every element that of input 1.
    Fill,
    /// Of the shape of input 0 (two dimensions), 0 but for the element of input 1 where column minus row is `offset`.
    Eye { offset: i64 },
    /// From input 0 up to, without, input 1, by input 2: each the one before plus the step. How many: the quotient rounded up, in
    /// float64; with `strict` (TensorFlow) in the type, and a limit on the wrong side is refused instead of giving none.
    Range { strict: bool },
    /// So many (input 2) from input 0 to input 1, floats; the last is input 1.
    Linspace,
    /// Of the last two dimensions a band; other elements become 0.
    Band(Band),
    /// Diagonals (input 0) from the first to the second number of input 1 below or above the main one, as matrices of so many
    /// rows (input 2) and columns (3), -1 for as few as are needed, other elements being input 4. Inputs 1 to 4 may be left out.
    MatrixDiag { align: Align },
    /// The diagonals of the last two dimensions, from the first to the second number of input 1; shorter ones are filled with
    /// input 2. Both may be left out.
    MatrixDiagPart { align: Align },
    /// The matrices of input 0 with the diagonals of input 1 in the places that input 2 says.
    MatrixSetDiag { align: Align },
    /// Blocks of channels to squares of pixels. Channels are axis 1, or, with `last`, the last. `crd`: a channel's own pixels lie
    /// side by side among the channels.
    DepthToSpace { block: usize, crd: bool, last: bool },
    /// Squares of pixels to blocks of channels.
    SpaceToDepth { block: usize, crd: bool, last: bool },
    /// Padded by input 2, blocks of the sizes of input 1 become entries of the first axis.
    SpaceToBatch,
    /// The reverse, cut by input 2.
    BatchToSpace,
}

/// What stands beyond the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    Constant,
    /// As in a mirror that stands on the last element: `c b [a b c] b a`.
    Reflect,
    /// As in a mirror behind the last element: `b a [a b c] c b`.
    Symmetric,
    /// The last element.
    Edge,
    /// From the other end: `b c [a b c] a b`.
    Wrap,
}

/// Which elements of a matrix stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// On and above the diagonal of input 1, else the main one.
    Upper,
    /// On and below the diagonal of input 1, else the main one.
    Lower,
    /// As many diagonals below the main one as input 1 says, above it as input 2; negative: all.
    Around,
}

/// At which end of its row a diagonal shorter than others begins; false is the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Align {
    pub upper_right: bool,
    pub lower_right: bool,
}

/// Bit masks of a strided slice: bit `i` speaks of entry `i` of the begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StridedSlice {
    /// The begin is not meant: from the first, or by a negative stride from the last.
    pub begin: u32,
    /// The end is not meant: to the last.
    pub end: u32,
    /// Stands for all axes that no entry speaks of; one at most, else it stands at the end.
    pub ellipsis: u32,
    /// A new dimension of length 1.
    pub new_axis: u32,
    /// One entry, without its dimension; it must be there.
    pub shrink_axis: u32,
}

impl LayoutOp {
    pub fn name(&self) -> &'static str {
        match self {
            LayoutOp::Identity => "identity",
            LayoutOp::Reshape { .. } => "reshape",
            LayoutOp::Flatten { .. } => "flatten",
            LayoutOp::Squeeze => "squeeze",
            LayoutOp::Unsqueeze => "unsqueeze",
            LayoutOp::EnsureShape { .. } => "ensure_shape",
            LayoutOp::Transpose { .. } => "transpose",
            LayoutOp::Shape { .. } => "shape",
            LayoutOp::Size { .. } => "size",
            LayoutOp::Rank { .. } => "rank",
            LayoutOp::BroadcastShape => "broadcast_shape",
            LayoutOp::Concat { .. } | LayoutOp::ConcatAlong => "concat",
            LayoutOp::Stack { .. } => "stack",
            LayoutOp::Unstack { .. } => "unstack",
            LayoutOp::Split { .. } => "split",
            LayoutOp::Slice => "slice",
            LayoutOp::Crop => "crop",
            LayoutOp::StridedSlice(_) => "strided_slice",
            LayoutOp::Pad { .. } => "pad",
            LayoutOp::CenterCropPad { .. } => "center_crop_pad",
            LayoutOp::Tile => "tile",
            LayoutOp::Expand { .. } => "expand",
            LayoutOp::Reverse => "reverse",
            LayoutOp::ReverseSequence { .. } => "reverse_sequence",
            LayoutOp::Roll => "roll",
            LayoutOp::Fill => "fill",
            LayoutOp::Eye { .. } => "eye",
            LayoutOp::Range { .. } => "range",
            LayoutOp::Linspace => "linspace",
            LayoutOp::Band(_) => "band",
            LayoutOp::MatrixDiag { .. } => "matrix_diag",
            LayoutOp::MatrixDiagPart { .. } => "matrix_diag_part",
            LayoutOp::MatrixSetDiag { .. } => "matrix_set_diag",
            LayoutOp::DepthToSpace { .. } => "depth_to_space",
            LayoutOp::SpaceToDepth { .. } => "space_to_depth",
            LayoutOp::SpaceToBatch => "space_to_batch",
            LayoutOp::BatchToSpace => "batch_to_space",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        match self {
            LayoutOp::Identity => formal.first().copied().flatten().map(|ty| vec![ty.clone()]).ok_or("a value"),
            LayoutOp::Shape { dtype, .. } | LayoutOp::Size { dtype } | LayoutOp::Rank { dtype } => {
                tensor(formal, 0).map(|_| vec![Type::scalar(*dtype)]).ok_or("a tensor")
            }
            LayoutOp::ConcatAlong => {
                let axis = dtype(formal, 0).filter(|dtype| dtype.is_int());
                let first = formal.get(1).copied().flatten().filter(|ty| is_tensor(ty));
                let alike = formal.iter().skip(1).all(|ty| *ty == first);
                let ty = first.filter(|_| alike && axis.is_some());
                ty.map(|ty| vec![ty.clone()]).ok_or("an axis, and tensors of one type")
            }
            LayoutOp::Concat { .. } | LayoutOp::Stack { .. } => {
                let first = formal.first().copied().flatten().filter(|ty| is_tensor(ty));
                let alike = formal.iter().all(|ty| *ty == first);
                first.filter(|_| alike).map(|ty| vec![ty.clone()]).ok_or("tensors of one type")
            }
            LayoutOp::Unstack { outputs, .. } | LayoutOp::Split { outputs, .. } => {
                tensor(formal, 0).map(|ty| vec![ty.clone(); *outputs]).ok_or("a tensor")
            }
            LayoutOp::Fill | LayoutOp::Eye { .. } => match (integers(formal, 0), tensor(formal, 1)) {
                (Some(_), Some(ty)) => Ok(vec![ty.clone()]),
                _ => Err("a shape, and an element"),
            },
            LayoutOp::Range { .. } => match (tensor(formal, 0), tensor(formal, 1), tensor(formal, 2)) {
                (Some(a), Some(b), Some(c)) if a == b && b == c => Ok(vec![a.clone()]),
                _ => Err("a start, a limit and a step of one type"),
            },
            LayoutOp::Linspace => match (tensor(formal, 0), tensor(formal, 1)) {
                (Some(a), Some(b)) if a == b => Ok(vec![a.clone()]),
                _ => Err("a start and a stop of one type, and a number"),
            },
            LayoutOp::BroadcastShape => match (integers(formal, 0), integers(formal, 1)) {
                (Some(a), Some(_)) => Ok(vec![Type::scalar(a)]),
                _ => Err("two shapes"),
            },
            _ => tensor(formal, 0).map(|ty| vec![ty.clone()]).ok_or("a tensor"),
        }
    }
}

/// Returns the dtype of a formal input that must be a tensor of integers.
fn integers(formal: &Formal<'_>, i: usize) -> Option<DType> {
    dtype(formal, i).filter(|dtype| dtype.is_int())
}
