//! Elements by their places and by their order: gathering, scattering, sorting, searching, counting; sparse and ragged tensors.
//!
//! Indices are integers of any dtype. Where `from_end` says so (ONNX), negative ones count from the end; out of range is
//! refused, whatever the place. Order: numbers by value, `-0.0` equal to `0.0`, a NaN above all others and equal to itself;
//! false before true; texts by their bytes. Sources of rules: ONNX's operator pages and reference implementation,
//! TensorFlow's op documentation and kernels.

use model::{DType, Type};

use super::{Formal, Given, dtype, tensor};

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexOp {
    /// Slices of the first input along `axis`, or that of input 2, by the indices of the second. The first `batch` dimensions
    /// are common to both.
    Gather { axis: i64, batch: usize, from_end: bool },
    /// The element at the place of each index, whose own number along `axis` the index replaces.
    GatherElements { axis: i64 },
    /// Slices by the places that the rows (last dimension) of the indices are. The first `batch` dimensions are common to both.
    GatherNd { batch: usize, from_end: bool },
    /// Input 0 with the elements of input 2 put to the places of input 1, whose own number along `axis` the index replaces, one
    /// after the other.
    ScatterElements { axis: i64, merge: Merge },
    /// Input 0 with the slices of input 2 put to the places that the rows of input 1 are, one after the other.
    ScatterNd { merge: Merge, from_end: bool },
    /// Input 0 with input 1 put at place `write` (input 2, one a batch; else 0) along `axis`, around the end with `circular`.
    TensorScatter { axis: i64, circular: bool },
    /// A new axis of length input 1, where the index of input 0 has the element of input 3 and others that of input 2. An index
    /// that is nowhere has none.
    OneHot { axis: i64, from_end: bool },
    /// The places of all elements but zeros, int64: a column each, or, with `rows` (TensorFlow), a row.
    NonZero { rows: bool },
    /// The entries along the axis, of all elements in order without one, where input 1 (boolean) is true; it may be shorter.
    Compress { axis: Option<i64> },
    /// The first `k` (input 1) along the axis, and their places: greatest first, or least; of equal ones the first first.
    TopK { axis: i64, largest: bool, dtype: DType },
    /// The different entries along the axis (input 1, where given), or elements: in order, or as they come; the place of the
    /// first of each; for each entry which it is; how often each is there.
    Unique { axis: Option<i64>, sorted: bool, dtype: DType },
    /// The place of the greatest (or least) element along the axis, which input 1 says where it is there; of equal ones the
    /// first, or the last. A NaN is passed over; 0 where there is nothing else.
    Extreme { least: bool, axis: i64, keep: bool, last: bool, dtype: DType },
    /// How many elements of the sorted rows of input 0 are below each element of input 1, or, with `right`, not above. A sorted
    /// row alone serves values of any shape; rows otherwise belong to each other. A NaN is above all.
    SearchSorted { right: bool, dtype: DType },
    /// Whether the target (input 1) of each row is among its `k` (input 2) greatest: fewer are above it. No target out of range
    /// is, none of a row with an infinite number or NaN.
    InTopK,
    /// How often each integer below input 1 is there, or the sum of its weights (input 2, empty for none): of a matrix's rows,
    /// with `rows`, else of all; with `binary` whether it is there. Those that are not below are passed over, negative ones
    /// refused. Of the type of input 2.
    Bincount { binary: bool, rows: bool },
    /// `y[x[i]] = i`; `x` holds each place once.
    InvertPermutation,
    /// The entries of the first axis by parts that input 1 says, of which there are `parts`; its dimensions are the data's first.
    DynamicPartition { parts: usize },
    /// Entries put to places: half of the inputs are places, half are entries. Later ones win; a place without is 0.
    DynamicStitch,
    /// A tensor of shape input 1, input 3 but for the elements of input 2 (or its only one) at the rows of input 0. With `check`
    /// the rows are in order, none twice.
    SparseToDense { check: bool },
    /// The sparse matrix of indices (input 0), values (1) and shape (2), times a matrix (3); either may be transposed first.
    SparseMatMul { transpose: [bool; 2] },
    /// The sums, or maxima, over axes (input 3) of the sparse tensor of indices, values and shape (inputs 0 to 2): dense.
    SparseReduce { max: bool, keep: bool },
    /// The sparse tensor of indices and shape (inputs 0 and 1) with the shape of input 2, one of whose dimensions may be -1: its
    /// indices and its shape. Values stay as they are.
    SparseReshape,
    /// The sparse tensor of indices, values and shape (inputs 0 to 2) with one value, input 3, in each row that has none: its
    /// indices, its values, which rows had none, and where each old value stands now.
    SparseFillRows,
    /// The sparse tensor of indices, values and shape in the order of its places: its indices, its values.
    SparseReorder,
    /// Rows of different lengths as a tensor of shape input 0 (-1: as long as the longest), of values (1), filled up with input 2;
    /// the other inputs say how rows are parted.
    RaggedToTensor { parts: Vec<RowPart> },
    /// Entries of the first axis folded by the number (input 1) of their segment. In order and as many as the last says, others
    /// being 0; or, where input 2 says how many there are, in any order, negative ones passed over.
    Segment { fold: SegmentFold },
    /// Boxes (input 0: batches, boxes, 4) of the best scores (input 1: batches, classes, boxes) that overlap no better one of their
    /// class by more than input 3; at most input 2 a class, scores above input 4. Rows of batch, class, box. Corners, or, with
    /// `center`, centres and sizes.
    NonMaxSuppression { center: bool },
}

/// What becomes of an element and what is put to its place. Integers wrap around; a NaN stays. For booleans a sum and a
/// maximum are `or`, a product and a minimum are `and`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    Put,
    Add,
    Sub,
    Mul,
    Max,
    Min,
}

/// How entries of a segment are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentFold {
    Sum,
    Mean,
    /// The sum over the root of their number.
    RootMean,
    Prod,
    Max,
    Min,
}

/// What says how values are parted to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPart {
    /// The number of rows.
    FirstDim,
    /// The number of the row of each value.
    RowIds,
    /// Where each row begins, and where the last ends.
    RowSplits,
}

impl IndexOp {
    pub fn name(&self) -> &'static str {
        match self {
            IndexOp::Gather { .. } => "gather",
            IndexOp::GatherElements { .. } => "gather_elements",
            IndexOp::GatherNd { .. } => "gather_nd",
            IndexOp::ScatterElements { .. } => "scatter_elements",
            IndexOp::ScatterNd { .. } => "scatter_nd",
            IndexOp::TensorScatter { .. } => "tensor_scatter",
            IndexOp::OneHot { .. } => "one_hot",
            IndexOp::NonZero { .. } => "non_zero",
            IndexOp::Compress { .. } => "compress",
            IndexOp::TopK { .. } => "top_k",
            IndexOp::Unique { .. } => "unique",
            IndexOp::Extreme { least: false, .. } => "arg_max",
            IndexOp::Extreme { least: true, .. } => "arg_min",
            IndexOp::SearchSorted { .. } => "search_sorted",
            IndexOp::InTopK => "in_top_k",
            IndexOp::Bincount { .. } => "bincount",
            IndexOp::InvertPermutation => "invert_permutation",
            IndexOp::DynamicPartition { .. } => "dynamic_partition",
            IndexOp::DynamicStitch => "dynamic_stitch",
            IndexOp::SparseToDense { .. } => "sparse_to_dense",
            IndexOp::SparseMatMul { .. } => "sparse_mat_mul",
            IndexOp::SparseReduce { .. } => "sparse_reduce",
            IndexOp::SparseReshape => "sparse_reshape",
            IndexOp::SparseFillRows => "sparse_fill_rows",
            IndexOp::SparseReorder => "sparse_reorder",
            IndexOp::RaggedToTensor { .. } => "ragged_to_tensor",
            IndexOp::Segment { .. } => "segment",
            IndexOp::NonMaxSuppression { .. } => "non_max_suppression",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let first = tensor(formal, 0);
        let same = |a: usize, b: usize| tensor(formal, a).filter(|a| tensor(formal, b) == Some(a));
        let index = |i: usize| dtype(formal, i).filter(|dtype| dtype.is_int());
        let of = |ty: Option<&Type>, takes| ty.map(|ty| vec![ty.clone()]).ok_or(takes);
        match self {
            IndexOp::Gather { .. } | IndexOp::GatherElements { .. } | IndexOp::GatherNd { .. } => {
                of(first.filter(|_| index(1).is_some()), "a tensor, and indices")
            }
            IndexOp::ScatterElements { .. } | IndexOp::ScatterNd { .. } => {
                of(same(0, 2).filter(|_| index(1).is_some()), "a tensor, indices, and a tensor of the first's type")
            }
            IndexOp::TensorScatter { .. } => of(same(0, 1), "two tensors of one type"),
            IndexOp::OneHot { .. } => of(same(2, 3), "indices, a depth, and two elements of one type"),
            IndexOp::NonZero { .. } => first.map(|_| vec![Type::I64]).ok_or("a tensor"),
            IndexOp::Compress { .. } => {
                of(first.filter(|_| dtype(formal, 1) == Some(DType::Bool)), "a tensor, and truth values")
            }
            IndexOp::TopK { dtype, .. } => first.map(|ty| vec![ty.clone(), Type::scalar(*dtype)]).ok_or("a tensor"),
            IndexOp::Unique { dtype, .. } => {
                let index = Type::scalar(*dtype);
                first.map(|ty| vec![ty.clone(), index.clone(), index.clone(), index]).ok_or("a tensor")
            }
            IndexOp::Extreme { dtype, .. } => first.map(|_| vec![Type::scalar(*dtype)]).ok_or("a tensor"),
            IndexOp::SearchSorted { dtype, .. } => {
                same(0, 1).map(|_| vec![Type::scalar(*dtype)]).ok_or("two tensors of one type")
            }
            IndexOp::InTopK => first.map(|_| vec![Type::BOOL]).ok_or("a tensor of numbers"),
            IndexOp::Bincount { .. } => of(tensor(formal, 2), "integers, a size, and weights"),
            IndexOp::InvertPermutation => of(first.filter(|_| index(0).is_some()), "integers"),
            IndexOp::DynamicPartition { parts } => {
                first.map(|ty| vec![ty.clone(); *parts]).ok_or("a tensor, and parts")
            }
            IndexOp::DynamicStitch => of(tensor(formal, formal.len() / 2), "places, and as many tensors"),
            IndexOp::SparseToDense { .. } => of(same(2, 3), "indices, a shape, values and an element of their type"),
            IndexOp::SparseMatMul { .. } => of(same(1, 3), "a sparse matrix and a matrix of one type"),
            IndexOp::SparseReduce { .. } => of(tensor(formal, 1), "a sparse tensor, and axes"),
            IndexOp::SparseReshape => first.map(|_| vec![Type::I64; 2]).ok_or("indices and two shapes"),
            IndexOp::SparseFillRows => same(1, 3)
                .map(|ty| vec![Type::I64, ty.clone(), Type::BOOL, Type::I64])
                .ok_or("a sparse tensor and an element of its type"),
            IndexOp::SparseReorder => tensor(formal, 1).map(|ty| vec![Type::I64, ty.clone()]).ok_or("a sparse tensor"),
            IndexOp::RaggedToTensor { .. } => {
                of(same(1, 2), "a shape, values and an element of their type, and row parts")
            }
            IndexOp::Segment { .. } => of(first.filter(|_| index(1).is_some()), "a tensor, and numbers of segments"),
            IndexOp::NonMaxSuppression { .. } => first.map(|_| vec![Type::I64]).ok_or("boxes and scores"),
        }
    }
}
