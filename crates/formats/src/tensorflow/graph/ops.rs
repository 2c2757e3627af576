//! What the graph's reader knows of TensorFlow's ops: the names of their outputs, and whether they do more than compute.
//!
//! Inside a function an output is named `node:argument:index`, so ops of several outputs need their arguments' names and how many
//! tensors each is. Ops that are listed nowhere are unknown: whatever they do, a graph that would run one is refused.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// How many tensors an output argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    One,
    /// As many as this attribute says.
    Number(&'static str),
    /// As many as this attribute lists types.
    Types(&'static str),
}

/// What running an op does besides giving its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It fails the call where what it checks is false.
    Check,
    /// It changes a variable or a table.
    Writes,
    /// It reaches outside of the model: files, processes, other code.
    Outside,
    /// Nobody here knows.
    Unknown,
}

use Count::{Number, One, Types};

/// An output argument.
type Output = (&'static str, Count);

/// Ops with more than one output, or with a list of them.
const SEVERAL: &[(&str, &[Output])] = &[
    ("BlockLSTM", LSTM),
    ("BlockLSTMV2", LSTM),
    ("BoostedTreesBucketize", &[("buckets", Number("num_features"))]),
    ("BoostedTreesQuantileStreamResourceGetBucketBoundaries", &[("bucket_boundaries", Number("num_features"))]),
    ("BroadcastGradientArgs", &[("r0", One), ("r1", One)]),
    ("Case", &[("output", Types("Tout"))]),
    (
        "CombinedNonMaxSuppression",
        &[("nmsed_boxes", One), ("nmsed_scores", One), ("nmsed_classes", One), ("valid_detections", One)],
    ),
    ("ConcatOffset", &[("offset", Number("N"))]),
    ("DecodeCSV", &[("output", Types("OUT_TYPE"))]),
    ("DynamicPartition", &[("outputs", Number("num_partitions"))]),
    ("FusedBatchNorm", NORM_5),
    ("FusedBatchNormV2", NORM_5),
    ("FusedBatchNormV3", NORM_6),
    ("GRUBlockCell", &[("r", One), ("u", One), ("c", One), ("h", One)]),
    ("IdentityN", &[("output", Types("T"))]),
    ("If", &[("output", Types("Tout"))]),
    ("LSTMBlockCell", LSTM),
    ("ListDiff", &[("out", One), ("idx", One)]),
    ("LogMatrixDeterminant", &[("sign", One), ("log_abs_determinant", One)]),
    ("LookupTableExport", &[("keys", One), ("values", One)]),
    ("LookupTableExportV2", &[("keys", One), ("values", One)]),
    ("Lu", &[("lu", One), ("p", One)]),
    ("MaxPoolWithArgmax", &[("output", One), ("argmax", One)]),
    ("Merge", &[("output", One), ("value_index", One)]),
    ("NonMaxSuppressionV4", &[("selected_indices", One), ("valid_outputs", One)]),
    ("NonMaxSuppressionV5", &[("selected_indices", One), ("selected_scores", One), ("valid_outputs", One)]),
    (
        "ParseExample",
        &[
            ("sparse_indices", Number("Nsparse")),
            ("sparse_values", Types("sparse_types")),
            ("sparse_shapes", Number("Nsparse")),
            ("dense_values", Types("Tdense")),
        ],
    ),
    (
        "ParseExampleV2",
        &[
            ("sparse_indices", Number("num_sparse")),
            ("sparse_values", Types("sparse_types")),
            ("sparse_shapes", Number("num_sparse")),
            ("dense_values", Types("Tdense")),
            ("ragged_values", Types("ragged_value_types")),
            ("ragged_row_splits", Types("ragged_split_types")),
        ],
    ),
    (
        "ParseSequenceExample",
        &[
            ("context_sparse_indices", Number("Ncontext_sparse")),
            ("context_sparse_values", Types("context_sparse_types")),
            ("context_sparse_shapes", Number("Ncontext_sparse")),
            ("context_dense_values", Types("Tcontext_dense")),
            ("feature_list_sparse_indices", Number("Nfeature_list_sparse")),
            ("feature_list_sparse_values", Types("feature_list_sparse_types")),
            ("feature_list_sparse_shapes", Number("Nfeature_list_sparse")),
            ("feature_list_dense_values", Types("feature_list_dense_types")),
            ("feature_list_dense_lengths", Number("Nfeature_list_dense")),
        ],
    ),
    (
        "ParseSequenceExampleV2",
        &[
            ("context_sparse_indices", Number("Ncontext_sparse")),
            ("context_sparse_values", Types("context_sparse_types")),
            ("context_sparse_shapes", Number("Ncontext_sparse")),
            ("context_dense_values", Types("Tcontext_dense")),
            ("context_ragged_values", Types("context_ragged_value_types")),
            ("context_ragged_row_splits", Types("context_ragged_split_types")),
            ("feature_list_sparse_indices", Number("Nfeature_list_sparse")),
            ("feature_list_sparse_values", Types("feature_list_sparse_types")),
            ("feature_list_sparse_shapes", Number("Nfeature_list_sparse")),
            ("feature_list_dense_values", Types("feature_list_dense_types")),
            ("feature_list_dense_lengths", Number("Nfeature_list_dense")),
            ("feature_list_ragged_values", Types("feature_list_ragged_value_types")),
            ("feature_list_ragged_outer_splits", Types("feature_list_ragged_split_types")),
            ("feature_list_ragged_inner_splits", Types("feature_list_ragged_split_types")),
        ],
    ),
    (
        "ParseSingleExample",
        &[
            ("sparse_indices", Number("num_sparse")),
            ("sparse_values", Types("sparse_types")),
            ("sparse_shapes", Number("num_sparse")),
            ("dense_values", Types("Tdense")),
        ],
    ),
    (
        "ParseSingleSequenceExample",
        &[
            ("context_sparse_indices", Number("Ncontext_sparse")),
            ("context_sparse_values", Types("context_sparse_types")),
            ("context_sparse_shapes", Number("Ncontext_sparse")),
            ("context_dense_values", Types("Tcontext_dense")),
            ("feature_list_sparse_indices", Number("Nfeature_list_sparse")),
            ("feature_list_sparse_values", Types("feature_list_sparse_types")),
            ("feature_list_sparse_shapes", Number("Nfeature_list_sparse")),
            ("feature_list_dense_values", Types("feature_list_dense_types")),
        ],
    ),
    ("PartitionedCall", &[("output", Types("Tout"))]),
    ("Qr", &[("q", One), ("r", One)]),
    ("QuantizeV2", &[("output", One), ("output_min", One), ("output_max", One)]),
    ("QuantizedMatMul", &[("out", One), ("min_out", One), ("max_out", One)]),
    ("RaggedCross", &[("output_values", One), ("output_row_splits", One)]),
    ("RaggedGather", &[("output_nested_splits", Number("OUTPUT_RAGGED_RANK")), ("output_dense_values", One)]),
    ("RaggedRange", &[("rt_nested_splits", One), ("rt_dense_values", One)]),
    ("RaggedTensorToSparse", &[("sparse_indices", One), ("sparse_values", One), ("sparse_dense_shape", One)]),
    ("RefMerge", &[("output", One), ("value_index", One)]),
    ("RefSwitch", &[("output_false", One), ("output_true", One)]),
    ("RestoreV2", &[("tensors", Types("dtypes"))]),
    ("SampleDistortedBoundingBoxV2", &[("begin", One), ("size", One), ("bboxes", One)]),
    ("SelfAdjointEigV2", &[("e", One), ("v", One)]),
    ("ShapeN", &[("output", Number("N"))]),
    ("SoftmaxCrossEntropyWithLogits", &[("loss", One), ("backprop", One)]),
    ("SparseAdd", &[("sum_indices", One), ("sum_values", One), ("sum_shape", One)]),
    ("SparseConcat", SPARSE),
    ("SparseCross", SPARSE),
    ("SparseCrossHashed", SPARSE),
    ("SparseCrossV2", SPARSE),
    (
        "SparseFillEmptyRows",
        &[("output_indices", One), ("output_values", One), ("empty_row_indicator", One), ("reverse_index_map", One)],
    ),
    ("SparseReorder", &[("output_indices", One), ("output_values", One)]),
    ("SparseReshape", &[("output_indices", One), ("output_shape", One)]),
    ("SparseSlice", SPARSE),
    ("SparseSoftmaxCrossEntropyWithLogits", &[("loss", One), ("backprop", One)]),
    (
        "SparseSplit",
        &[
            ("output_indices", Number("num_split")),
            ("output_values", Number("num_split")),
            ("output_shape", Number("num_split")),
        ],
    ),
    ("Split", &[("output", Number("num_split"))]),
    ("SplitV", &[("output", Number("num_split"))]),
    ("StatefulPartitionedCall", &[("output", Types("Tout"))]),
    ("StatelessCase", &[("output", Types("Tout"))]),
    ("StatelessIf", &[("output", Types("Tout"))]),
    ("StatelessRandomGetKeyCounter", &[("key", One), ("counter", One)]),
    ("StatelessRandomGetKeyCounterAlg", &[("key", One), ("counter", One), ("alg", One)]),
    ("StatelessWhile", &[("output", Types("T"))]),
    ("StringNGrams", &[("ngrams", One), ("ngrams_splits", One)]),
    ("StringSplit", &[("indices", One), ("values", One), ("shape", One)]),
    ("StringSplitV2", &[("indices", One), ("values", One), ("shape", One)]),
    ("Svd", &[("s", One), ("u", One), ("v", One)]),
    ("Switch", &[("output_false", One), ("output_true", One)]),
    ("TensorArrayConcatV3", &[("value", One), ("lengths", One)]),
    ("TensorArrayV3", &[("handle", One), ("flow", One)]),
    ("TensorListConcat", &[("tensor", One), ("lengths", One)]),
    ("TensorListConcatV2", &[("tensor", One), ("lengths", One)]),
    ("TensorListPopBack", &[("output_handle", One), ("tensor", One)]),
    ("TopK", &[("values", One), ("indices", One)]),
    ("TopKV2", &[("values", One), ("indices", One)]),
    ("UnicodeDecode", &[("row_splits", One), ("char_values", One)]),
    ("UnicodeDecodeWithOffsets", &[("row_splits", One), ("char_values", One), ("char_to_byte_starts", One)]),
    ("Unique", &[("y", One), ("idx", One)]),
    ("UniqueV2", &[("y", One), ("idx", One)]),
    ("UniqueWithCounts", UNIQUE),
    ("UniqueWithCountsV2", UNIQUE),
    ("Unpack", &[("output", Number("num"))]),
    ("While", &[("output", Types("T"))]),
];

const LSTM: &[Output] = &[("i", One), ("cs", One), ("f", One), ("o", One), ("ci", One), ("co", One), ("h", One)];
const SPARSE: &[Output] = &[("output_indices", One), ("output_values", One), ("output_shape", One)];
const UNIQUE: &[Output] = &[("y", One), ("idx", One), ("count", One)];
const NORM_5: &[Output] =
    &[("y", One), ("batch_mean", One), ("batch_variance", One), ("reserve_space_1", One), ("reserve_space_2", One)];
const NORM_6: &[Output] = &[
    ("y", One),
    ("batch_mean", One),
    ("batch_variance", One),
    ("reserve_space_1", One),
    ("reserve_space_2", One),
    ("reserve_space_3", One),
];

/// Ops of one output that only compute.
const SINGLE: &str = "Abs AccumulateNV2 Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All \
    Angle Any ApproximateEqual ArgMax ArgMin AsString Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul \
    BatchMatMulV2 BatchMatMulV3 BatchToSpace BatchToSpaceND BesselI0e BesselI1e Betainc BiasAdd BiasAddV1 Bincount \
    Bitcast BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastTo Bucketize Cast Ceil CheckNumerics \
    CheckNumericsV2 Cholesky ClipByValue Complex ComplexAbs Concat ConcatV2 Conj Const Conv2D Conv2DBackpropInput \
    Conv3D Conv3DBackpropInputV2 Cos Cosh CropAndResize Cross Cumprod Cumsum CumulativeLogsumexp DecodeAndCropJpeg \
    DecodeBase64 DecodeBmp DecodeGif DecodeImage DecodeJpeg DecodePaddedRaw DecodePng DecodeRaw DeepCopy \
    DenseBincount DepthToSpace DepthwiseConv2dNative Dequantize Diag DiagPart Digamma Dilation2D Div DivNoNan \
    DrawBoundingBoxes DynamicStitch Einsum Elu Empty EmptyTensorList EncodeBase64 EncodeJpeg EncodePng EnsureShape \
    Enter Equal Erf Erfc Erfinv Exit Exp ExpandDims Expm1 ExtractImagePatches ExtractJpegShape FFT FFT2D FFT3D \
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod \
    Gather GatherNd GatherV2 Greater GreaterEqual HSVToRGB HashTable HashTableV2 HistogramFixedWidth IFFT IFFT2D \
    IFFT3D IRFFT IRFFT2D IRFFT3D Identity Igamma Igammac Imag ImmutableConst InTopK InTopKV2 InplaceAdd \
    InplaceUpdate Inv InvertPermutation Invert IsFinite IsInf IsNan L2Loss LRN LeakyRelu LeftShift Less LessEqual \
    Lgamma LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableFind LookupTableFindV2 \
    LookupTableSize LookupTableSizeV2 LoopCond LowerBound MatMul MatrixBandPart MatrixDeterminant MatrixDiag \
    MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixSetDiag \
    MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixTriangularSolve Max MaxPool MaxPool3D MaxPoolV2 Maximum Mean \
    Min Minimum MirrorPad Mod Mul MulNoNan Multinomial MutableDenseHashTable MutableDenseHashTableV2 \
    MutableHashTable MutableHashTableV2 Ndtri Neg NextAfter NextIteration NonMaxSuppression NonMaxSuppressionV2 \
    NonMaxSuppressionV3 NonMaxSuppressionWithOverlaps NotEqual OneHot OnesLike Pack Pad PadV2 ParallelConcat \
    ParallelDynamicStitch ParameterizedTruncatedNormal Placeholder PlaceholderV2 PlaceholderWithDefault Polygamma \
    PopulationCount Pow PreventGradient Prod QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 \
    QuantizeAndDequantizeV4 RFFT RFFT2D RFFT3D RGBToHSV RaggedBincount RaggedTensorToTensor RaggedTensorToVariant \
    RandomGamma RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt \
    Range Rank ReadVariableOp Real RealDiv Reciprocal ReduceJoin RefEnter RefExit RefIdentity RefNextIteration \
    RegexFullMatch RegexReplace Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor \
    ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt \
    ScaleAndTranslate ScatterNd ScatterNdNonAliasingAdd SegmentMax SegmentMaxV2 SegmentMean SegmentMeanV2 SegmentMin \
    SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2 Select SelectV2 Selu SetSize Shape \
    ShardedFilename Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax Softplus Softsign SpaceToBatch SpaceToBatchND \
    SpaceToDepth SparseBincount SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseMatMul \
    SparseReduceMax SparseReduceSum SparseSegmentMean SparseSegmentMeanWithNumSegments SparseSegmentSqrtN \
    SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumWithNumSegments SparseSoftmax \
    SparseTensorDenseAdd SparseTensorDenseMatMul SparseToDense Sqrt Square SquaredDifference Squeeze StackV2 \
    StatelessMultinomial StatelessRandomGetAlg StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform \
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt \
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal StatelessTruncatedNormalV2 \
    StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice StringFormat StringJoin StringLength \
    StringLower StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber \
    StringUpper Sub Substr Sum Tan Tanh TemporaryVariable TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 \
    TensorArraySizeV3 TensorArraySplitV3 TensorArrayWriteV3 TensorListConcatLists TensorListElementShape \
    TensorListFromTensor TensorListGather TensorListGetItem TensorListLength TensorListPushBack \
    TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter TensorListScatterIntoExistingList \
    TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack TensorScatterAdd TensorScatterMax \
    TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile Transpose Tril Triu \
    TruncateDiv TruncateMod TruncatedNormal UnicodeEncode UnicodeScript UnicodeTranscode UnravelIndex \
    UnsortedSegmentJoin UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound \
    VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 Where Xdivy Xlog1py Xlogy ZerosLike Zeta \
    AnonymousHashTable AnonymousMutableHashTable ConjugateTranspose Lbeta IsVariableInitialized EuclideanNorm \
    MatrixExponential BesselI0 BesselI1 BoostedTreesEnsembleResourceHandleOp BoostedTreesPredict \
    BoostedTreesQuantileStreamResourceHandleOp";

/// Ops that are run for what they show or order, which is nothing to an answer.
const SILENT: &str = "NoOp ControlTrigger Print PrintV2 ScalarSummary HistogramSummary ImageSummary MergeSummary \
    TensorSummary TensorSummaryV2 AudioSummaryV2 Timestamp TensorArrayCloseV3";

const CHECKS: &str = "Assert";

const WRITES: &str = "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp AssignVariableXlaConcatND \
    CountUpTo ResourceCountUpTo DestroyResourceOp DestroyTemporaryVariable InitializeTable InitializeTableV2 \
    InitializeTableFromTextFile InitializeTableFromTextFileV2 LookupTableImport LookupTableImportV2 LookupTableInsert \
    LookupTableInsertV2 LookupTableRemoveV2 ScatterAdd ScatterDiv ScatterMax ScatterMin ScatterMul ScatterNdAdd ScatterNdSub \
    ScatterNdUpdate ScatterSub ScatterUpdate ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin \
    ResourceScatterMul ResourceScatterNdAdd ResourceScatterNdSub ResourceScatterNdUpdate ResourceScatterSub \
    ResourceScatterUpdate ResourceStridedSliceAssign StridedSliceAssign ApplyAdam ApplyGradientDescent ApplyMomentum \
    ApplyAdagrad ApplyRMSProp ApplyFtrl ResourceApplyAdam ResourceApplyGradientDescent ResourceApplyMomentum \
    ResourceApplyKerasMomentum ResourceApplyAdagrad ResourceApplyAdagradV2 ResourceApplyRMSProp ResourceApplyFtrl \
    ResourceSparseApplyAdagrad ResourceSparseApplyMomentum RngSkip RngReadAndSkip StatefulStandardNormalV2 StatefulUniform \
    BoostedTreesCreateEnsemble BoostedTreesDeserializeEnsemble BoostedTreesCreateQuantileStreamResource \
    BoostedTreesQuantileStreamResourceDeserialize";

const OUTSIDE: &str = "ReadFile WriteFile MatchingFiles PyFunc PyFuncStateless EagerPyFunc Save SaveSlices SaveV2 Restore \
    RestoreSlice RestoreV2 MergeV2Checkpoints LoadAndRemapMatrix FixedLengthRecordReader FixedLengthRecordReaderV2 \
    IdentityReader IdentityReaderV2 LMDBReader TFRecordReader TFRecordReaderV2 TextLineReader TextLineReaderV2 WholeFileReader \
    WholeFileReaderV2 ReaderRead ReaderReadV2 ReaderReadUpTo ReaderReadUpToV2 IteratorGetNext IteratorV2 MakeIterator \
    OneShotIterator TextLineDataset TFRecordDataset FixedLengthRecordDataset GeneratorDataset RemoteCall RpcOp TryRpc XlaLaunch \
    FileSystemSetConfiguration _Send _Recv _HostSend _HostRecv DebugIdentity DebugIdentityV2 DebugNumericSummary \
    CopyHost GetSessionHandle GetSessionHandleV2 GetSessionTensor FIFOQueue FIFOQueueV2 QueueDequeue QueueDequeueV2 \
    QueueEnqueue QueueEnqueueV2 CheckpointHasKey SymbolicGradient";

/// What each op of one output or none does.
static EFFECTS: LazyLock<FxHashMap<&'static str, Effect>> = LazyLock::new(|| {
    let lists = [
        (SINGLE, Effect::None),
        (SILENT, Effect::None),
        (CHECKS, Effect::Check),
        (WRITES, Effect::Writes),
        (OUTSIDE, Effect::Outside),
    ];
    let names =
        |(names, effect): (&'static str, Effect)| names.split_ascii_whitespace().map(move |name| (name, effect));
    lists.into_iter().flat_map(names).collect()
});

/// Returns what running the op does besides giving its outputs.
pub fn effect(op: &str) -> Effect {
    let known = EFFECTS.get(op).copied();
    known.unwrap_or(if several(op).is_some() { Effect::None } else { Effect::Unknown })
}

/// Returns whether the op gives no value.
pub fn is_silent(op: &str) -> bool {
    SILENT.split_ascii_whitespace().any(|name| name == op)
}

/// Returns the output arguments of an op of several.
pub fn several(op: &str) -> Option<&'static [Output]> {
    let place = SEVERAL.binary_search_by_key(&op, |(name, _)| name).ok()?;
    Some(SEVERAL[place].1)
}

/// Returns whether the op calls the function that its attribute `f` names.
pub fn is_call(op: &str) -> bool {
    matches!(op, "PartitionedCall" | "StatefulPartitionedCall")
}

/// Returns whether the op has bodies that are functions.
pub fn is_structured(op: &str) -> bool {
    matches!(op, "If" | "StatelessIf" | "While" | "StatelessWhile" | "Case" | "StatelessCase")
}

/// Returns whether the op gives its first input as it is.
pub fn is_identity(op: &str) -> bool {
    matches!(
        op,
        "Identity"
            | "StopGradient"
            | "PreventGradient"
            | "Snapshot"
            | "RefIdentity"
            | "DeepCopy"
            | "PlaceholderWithDefault"
    )
}

/// Returns whether the op is a piece of the control flow of TensorFlow 1.
pub fn is_flow(op: &str) -> bool {
    let op = op.strip_prefix("Ref").unwrap_or(op);
    matches!(op, "Switch" | "Merge" | "Enter" | "Exit" | "NextIteration" | "LoopCond")
}

/// Returns whether the op makes a variable.
pub fn is_variable(op: &str) -> bool {
    matches!(op, "VariableV2" | "Variable" | "VarHandleOp")
}

/// Returns whether the op makes a lookup table, or what is kept like one.
pub fn is_table(op: &str) -> bool {
    matches!(
        op,
        "HashTable"
            | "HashTableV2"
            | "MutableHashTable"
            | "MutableHashTableV2"
            | "AnonymousHashTable"
            | "AnonymousMutableHashTable"
            | "MutableDenseHashTable"
            | "MutableDenseHashTableV2"
            | "BoostedTreesEnsembleResourceHandleOp"
            | "BoostedTreesQuantileStreamResourceHandleOp"
    )
}

/// Returns whether the graph's reader does away with the op: no row lowers it, and it is read all the same.
pub fn is_resolved(op: &str) -> bool {
    let is_value = matches!(op, "Const" | "Placeholder" | "PlaceholderV2" | "ReadVariableOp" | "IdentityN");
    let is_structure = is_call(op) || is_structured(op) || is_flow(op) || is_variable(op) || is_table(op);
    is_value || is_structure || is_identity(op) || is_silent(op) || op == "TensorArrayV3"
}

/// Returns whether the op fills a lookup table.
pub fn fills_table(op: &str) -> bool {
    matches!(
        op,
        "InitializeTable"
            | "InitializeTableV2"
            | "InitializeTableFromTextFile"
            | "InitializeTableFromTextFileV2"
            | "LookupTableImport"
            | "LookupTableImportV2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_of_several_outputs_are_found() {
        assert!(SEVERAL.is_sorted_by_key(|(name, _)| name));
        assert_eq!(several("TopKV2").map(<[_]>::len), Some(2));
        assert_eq!(several("MatMul"), None);
    }

    #[test]
    fn each_op_has_one_effect() {
        let lists = [SINGLE, SILENT, CHECKS, WRITES, OUTSIDE];
        let mut all: Vec<&str> = lists.iter().flat_map(|names| names.split_ascii_whitespace()).collect();
        all.sort_unstable();
        let twice: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(twice, [""; 0]);
        assert_eq!(effect("MatMul"), Effect::None);
        assert_eq!(effect("Split"), Effect::None);
        assert_eq!(effect("WriteFile"), Effect::Outside);
        assert_eq!(effect("AssignAdd"), Effect::Writes);
        assert_eq!(effect("Hopping"), Effect::Unknown);
    }
}
