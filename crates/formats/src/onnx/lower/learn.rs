//! The set `ai.onnx.ml`: encoders, linear models, support vector machines; trees are in [`trees`].
//!
//! What is arithmetic is composed: a scaler is a difference and a product, a linear model a product of matrices. Scores are
//! float32, as ONNX Runtime's are. Sources: ONNX's operator pages of the set, ONNX Runtime where they leave a choice.

use std::sync::Arc;

use model::{DType, Tensor, Type, Whole, tensor::Bytes};
use plan::{
    SlotId,
    tensor::{
        Binary, DenseOp, ElementOp, LearnOp, Unary,
        learn::{Choice, Lookup, Norm, Transform, Votes},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, scalar, value};
use crate::ReadError;

mod trees;

type Slots = Result<Vec<SlotId>, ReadError>;

const fn ml(op: &'static str, since: i64, until: i64, lower: super::LowerNode) -> Row {
    Row { domain: "ai.onnx.ml", op, versions: (since, until), lower }
}

pub(super) const ROWS: &[Row] = &[
    ml("ArrayFeatureExtractor", 1, NOW, pick),
    ml("Binarizer", 1, NOW, binarizer),
    ml("CastMap", 1, NOW, cast_map),
    ml("CategoryMapper", 1, NOW, category_mapper),
    ml("DictVectorizer", 1, NOW, dict_vectorizer),
    ml("FeatureVectorizer", 1, NOW, feature_vectorizer),
    ml("Imputer", 1, NOW, imputer),
    ml("LabelEncoder", 1, 1, label_encoder_of_classes),
    ml("LabelEncoder", 2, NOW, label_encoder),
    ml("LinearClassifier", 1, NOW, linear_classifier),
    ml("LinearRegressor", 1, NOW, linear_regressor),
    ml("Normalizer", 1, NOW, normalizer),
    ml("OneHotEncoder", 1, NOW, one_hot),
    ml("Scaler", 1, NOW, scaler),
    ml("SVMClassifier", 1, NOW, svm_classifier),
    ml("SVMRegressor", 1, NOW, svm_regressor),
    ml("TreeEnsemble", 5, NOW, trees::ensemble),
    ml("TreeEnsembleClassifier", 1, NOW, trees::classifier),
    ml("TreeEnsembleRegressor", 1, NOW, trees::regressor),
    ml("ZipMap", 1, NOW, zip_map),
];

fn texts(list: &[&[u8]]) -> Tensor {
    Tensor::vector(list.iter().map(|text| Bytes::from(*text)).collect::<Vec<Bytes>>())
}

fn one_text(text: &[u8]) -> Tensor {
    Tensor::scalar(Bytes::from(text))
}

/// Returns what `post_transform` says.
fn transform(node: &Node<'_>) -> Result<Transform, ReadError> {
    Ok(match node.string("post_transform")?.unwrap_or("NONE") {
        "NONE" => Transform::None,
        "LOGISTIC" => Transform::Logistic,
        "SOFTMAX" => Transform::Softmax,
        "SOFTMAX_ZERO" => Transform::SoftmaxZero,
        "PROBIT" => Transform::Probit,
        other => {
            let known = "NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT";
            return Err(node.fault("attribute `post_transform`", known, other));
        }
    })
}

/// Returns the labels of classes: texts, or else integers.
fn labels(node: &Node<'_>, ints: &str) -> Result<Tensor, ReadError> {
    let of_texts = node.byte_strings("classlabels_strings")?.filter(|list| !list.is_empty());
    let of_ints = node.ints(ints)?.filter(|list| !list.is_empty());
    match (of_texts, of_ints) {
        (Some(list), _) => Ok(texts(&list)),
        (None, Some(list)) => Ok(Tensor::vector(list)),
        (None, None) => Err(node.fault("labels of classes", "texts or integers", "none")),
    }
}

/// Returns a slot of a vector of numbers of this dtype.
fn numbers_like(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    dtype: Option<DType>,
    list: &[f64],
) -> Result<SlotId, ReadError> {
    let tensor = match dtype {
        Some(DType::F32) => Tensor::vector(list.iter().map(|x| *x as f32).collect::<Vec<f32>>()),
        Some(DType::F64) => Tensor::vector(list.to_vec()),
        Some(DType::I64) => Tensor::vector(list.iter().map(|x| *x as i64).collect::<Vec<i64>>()),
        Some(DType::I32) => Tensor::vector(list.iter().map(|x| *x as i32).collect::<Vec<i32>>()),
        _ => return Err(node.fault("input", "a tensor of float32, float64, int32 or int64", "another")),
    };
    Ok(lower.constant(tensor))
}

fn pick(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "Y")?];
    Ok(vec![lower.add(node, LearnOp::Pick, &inputs)?])
}

fn binarizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let to = lower.ty(x).clone();
    let threshold = node.float("threshold")?.unwrap_or(0.0);
    let threshold = match lower.dtype(x) {
        // A whole number is above a fraction where it is above what is below that.
        Some(DType::I64 | DType::I32) => lower.number_like(node, x, threshold.floor().into())?,
        _ => lower.number_like(node, x, threshold.into())?,
    };
    let above = lower.add(node, ElementOp::Binary(Binary::Greater), &[x, threshold])?;
    Ok(vec![lower.add(node, ElementOp::Cast { to, saturate: false }, &[above])?])
}

fn scaler(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let mut x = lower.arg(node, 0, "X")?;
    if lower.dtype(x) != Some(DType::F32) {
        x = lower.add(node, ElementOp::Cast { to: Type::F32, saturate: false }, &[x])?;
    }
    for (name, op) in [("offset", Binary::Sub), ("scale", Binary::Mul)] {
        if let Some(list) = node.floats(name)?.filter(|list| !list.is_empty()) {
            let list = lower.constant(Tensor::vector(list));
            x = lower.add(node, ElementOp::Binary(op), &[x, list])?;
        }
    }
    Ok(vec![x])
}

fn imputer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let dtype = lower.dtype(x);
    let is_float = dtype.is_some_and(DType::is_float);
    let (replaced, imputed): (f64, Vec<f64>) = if is_float {
        let list = node.required("imputed_value_floats", node.floats("imputed_value_floats")?)?;
        let replaced = node.float("replaced_value_float")?.unwrap_or(0.0);
        (replaced.into(), list.into_iter().map(f64::from).collect())
    } else {
        let list = node.required("imputed_value_int64s", node.ints("imputed_value_int64s")?)?;
        let replaced = node.int("replaced_value_int64")?.unwrap_or(0);
        let near = |int: i64| int.unsigned_abs() <= 1 << 53;
        if !near(replaced) || !list.iter().all(|int| near(*int)) {
            return Err(node.unimplemented("integers beyond 2^53"));
        }
        (replaced as f64, list.into_iter().map(|int| int as f64).collect())
    };
    let is_missing = if replaced.is_nan() {
        lower.add(node, ElementOp::Unary(Unary::IsNan), &[x])?
    } else {
        let replaced = lower.number_like(node, x, replaced)?;
        lower.add(node, ElementOp::Binary(Binary::Equal), &[x, replaced])?
    };
    let imputed = numbers_like(lower, node, dtype, &imputed)?;
    Ok(vec![lower.add(node, ElementOp::Select, &[is_missing, imputed, x])?])
}

fn normalizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let norm = match node.string("norm")?.unwrap_or("MAX") {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => return Err(node.fault("attribute `norm`", "MAX, L1 or L2", other)),
    };
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, LearnOp::Normalize(norm), &[x])?])
}

fn one_hot(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let keys = match lower.dtype(x) {
        None => texts(&node.required("cats_strings", node.byte_strings("cats_strings")?)?),
        Some(_) => Tensor::vector(node.required("cats_int64s", node.ints("cats_int64s")?)?),
    };
    let strict = !node.flag("zeros")?.unwrap_or(true);
    Ok(vec![lower.add(node, LearnOp::OneHot { keys, strict }, &[x])?])
}

fn feature_vectorizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let sizes = node.required("inputdimensions", node.ints("inputdimensions")?)?;
    let sizes: Option<Vec<usize>> =
        sizes.iter().map(|size| usize::try_from(*size).ok().filter(|size| *size <= 1 << 31)).collect();
    let sizes = sizes.ok_or_else(|| node.fault("attribute `inputdimensions`", "numbers of columns", "another"))?;
    let inputs = lower.args(node)?;
    Ok(vec![lower.add(node, LearnOp::Features { sizes }, &inputs)?])
}

fn category_mapper(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let mut ints = node.required("cats_int64s", node.ints("cats_int64s")?)?;
    let mut names = node.required("cats_strings", node.byte_strings("cats_strings")?)?;
    // Of equal keys the last counts.
    ints.reverse();
    names.reverse();
    let x = lower.arg(node, 0, "X")?;
    let (ints, names) = (Tensor::vector(ints), texts(&names));
    let op = match lower.dtype(x) {
        None => {
            let default = Tensor::scalar(node.int("default_int64")?.unwrap_or(-1));
            LearnOp::Lookup(Box::new(Lookup { keys: names, values: ints, default, nan: false }))
        }
        Some(_) => {
            let default = one_text(node.bytes("default_string")?.unwrap_or(b"_Unused"));
            LearnOp::Lookup(Box::new(Lookup { keys: ints, values: names, default, nan: false }))
        }
    };
    Ok(vec![lower.add(node, op, &[x])?])
}

/// The first version: texts to their places among the classes, or the other way.
fn label_encoder_of_classes(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let mut classes = node.required("classes_strings", node.byte_strings("classes_strings")?)?;
    let mut places: Vec<i64> = (0..classes.len() as i64).collect();
    classes.reverse();
    places.reverse();
    let x = lower.arg(node, 0, "X")?;
    let (places, classes) = (Tensor::vector(places), texts(&classes));
    let op = match lower.dtype(x) {
        None => {
            let default = Tensor::scalar(node.int("default_int64")?.unwrap_or(-1));
            LearnOp::Lookup(Box::new(Lookup { keys: classes, values: places, default, nan: false }))
        }
        Some(_) => {
            let default = one_text(node.bytes("default_string")?.unwrap_or(b"_Unused"));
            LearnOp::Lookup(Box::new(Lookup { keys: places, values: classes, default, nan: false }))
        }
    };
    Ok(vec![lower.add(node, op, &[x])?])
}

fn label_encoder(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let keys = typed(lower, node, "keys")?;
    let values = typed(lower, node, "values")?;
    let default = match node.tensor("default_tensor")? {
        Some(tensor) => {
            let tensor = value::dense(lower.cx, tensor)?;
            if tensor.len() != 1 || tensor.ty() != values.ty() {
                let got = Whole::Tensor(tensor).kind();
                return Err(node.fault("attribute `default_tensor`", "one element of the values' type", got));
            }
            tensor
        }
        None => match values.dtype() {
            None => one_text(node.bytes("default_string")?.unwrap_or(b"_Unused")),
            Some(DType::F32) => Tensor::scalar(node.float("default_float")?.unwrap_or(-0.0)),
            Some(DType::I64) => Tensor::scalar(node.int("default_int64")?.unwrap_or(-1)),
            Some(DType::F64) => Tensor::scalar(-0.0_f64),
            Some(DType::I16) => Tensor::scalar(-1_i16),
            Some(other) => return Err(node.unimplemented(format_args!("values of {other} without a default"))),
        },
    };
    // A NaN equals itself since the fourth version.
    let nan = node.version >= 4;
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, LearnOp::Lookup(Box::new(Lookup { keys, values, default, nan })), &[x])?])
}

/// Returns the keys or the values of a label encoder: one of its lists, or its tensor.
fn typed(lower: &Lower<'_>, node: &Node<'_>, what: &str) -> Result<Tensor, ReadError> {
    if let Some(tensor) = node.tensor(&format!("{what}_tensor"))? {
        let tensor = value::dense(lower.cx, tensor)?;
        let of = model::Shape::new(&[tensor.len()]).map_err(|e| node.fault(what, "a tensor of rank 1", e))?;
        return tensor.reshaped(of).map_err(|error| node.fault(what, "a tensor of rank 1", error));
    }
    if let Some(list) = node.byte_strings(&format!("{what}_strings"))? {
        return Ok(texts(&list));
    }
    if let Some(list) = node.ints(&format!("{what}_int64s"))? {
        return Ok(Tensor::vector(list));
    }
    let floats = node.floats(&format!("{what}_floats"))?;
    Ok(Tensor::vector(node.required(&format!("{what}_tensor"), floats)?))
}

fn zip_map(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let keys = labels(node, "classlabels_int64s")?;
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, LearnOp::ZipMap { keys }, &[x])?])
}

fn cast_map(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let to = match node.string("cast_to")?.unwrap_or("TO_FLOAT") {
        "TO_FLOAT" => Type::F32,
        "TO_INT64" => Type::I64,
        "TO_STRING" => Type::Bytes,
        other => return Err(node.fault("attribute `cast_to`", "TO_FLOAT, TO_INT64 or TO_STRING", other)),
    };
    let length = match node.string("map_form")?.unwrap_or("DENSE") {
        "DENSE" => None,
        "SPARSE" => {
            let length = node.int("max_map")?.unwrap_or(1);
            let known = usize::try_from(length).ok();
            Some(known.ok_or_else(|| node.fault("attribute `max_map`", "a length", length))?)
        }
        other => return Err(node.fault("attribute `map_form`", "DENSE or SPARSE", other)),
    };
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, LearnOp::CastMap { to, length }, &[x])?])
}

fn dict_vectorizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let keys = match node.byte_strings("string_vocabulary")?.filter(|list| !list.is_empty()) {
        Some(list) => texts(&list),
        None => Tensor::vector(node.required("int64_vocabulary", node.ints("int64_vocabulary")?)?),
    };
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, LearnOp::Dictionary { keys }, &[x])?])
}

/// Returns the sums of products of rows with coefficients, so many to a target.
fn products(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    x: SlotId,
    coefficients: &[f32],
    targets: usize,
) -> Result<SlotId, ReadError> {
    let features = coefficients.len().checked_div(targets).filter(|features| features * targets == coefficients.len());
    let features = features.ok_or_else(|| {
        let expected = format!("a multiple of {targets} numbers");
        node.fault("attribute `coefficients`", &expected, coefficients.len())
    })?;
    let weights = Tensor::new(&[targets, features], coefficients.to_vec())
        .map_err(|error| node.fault("attribute `coefficients`", "a matrix", error))?;
    let weights = lower.constant(weights);
    lower.add(node, DenseOp::MatMul { transpose: [false, true] }, &[x, weights])
}

fn plus(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, addends: &[f32]) -> Result<SlotId, ReadError> {
    if addends.iter().all(|addend| *addend == 0.0) {
        return Ok(x);
    }
    let addends = lower.constant(Tensor::vector(addends.to_vec()));
    lower.add(node, ElementOp::Binary(Binary::Add), &[x, addends])
}

fn linear_regressor(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let targets = node.int("targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).ok().filter(|targets| *targets > 0);
    let targets = targets.ok_or_else(|| node.fault("attribute `targets`", "a number above 0", "another"))?;
    let coefficients = node.required("coefficients", node.floats("coefficients")?)?;
    let intercepts = node.floats("intercepts")?.unwrap_or_default();
    let x = lower.add(node, LearnOp::Rows, &[x])?;
    let mut y = products(lower, node, x, &coefficients, targets)?;
    y = plus(lower, node, y, &intercepts)?;
    match transform(node)? {
        Transform::None => Ok(vec![y]),
        transform => Ok(vec![lower.add(node, LearnOp::Transform(transform), &[y])?]),
    }
}

fn classify(lower: &mut Lower<'_>, node: &Node<'_>, scores: SlotId, labels: Tensor, choice: Choice) -> Slots {
    let transform = transform(node)?;
    lower.add_many_with(node, LearnOp::Classify { labels, choice, transform }, &[Some(scores)], 2)
}

fn linear_classifier(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=2)?;
    let x = lower.arg(node, 0, "X")?;
    let coefficients = node.required("coefficients", node.floats("coefficients")?)?;
    let intercepts = node.floats("intercepts")?.unwrap_or_default();
    let mut labels = labels(node, "classlabels_ints")?;
    let classes = if intercepts.is_empty() { labels.len() } else { intercepts.len() };
    if classes == 1 && labels.len() != 2 {
        // One score and no pair of labels: 1 or 0.
        labels = match labels.dtype() {
            None => texts(&[b"0", b"1"]),
            Some(_) => Tensor::vector(vec![0_i64, 1]),
        };
        let x = lower.add(node, LearnOp::Rows, &[x])?;
        let scores = products(lower, node, x, &coefficients, 1)?;
        let scores = plus(lower, node, scores, &intercepts)?;
        let outputs = classify(lower, node, scores, labels, Choice::Greatest)?;
        let transform = transform(node)?;
        let scores = lower.add(node, LearnOp::Transform(transform), &[scores])?;
        return Ok(vec![outputs[0], scores]);
    }
    if labels.len() < classes {
        return Err(node.fault("labels of classes", &format!("{classes} of them"), labels.len()));
    }
    let x = lower.add(node, LearnOp::Rows, &[x])?;
    let scores = products(lower, node, x, &coefficients, classes)?;
    let scores = plus(lower, node, scores, &intercepts)?;
    classify(lower, node, scores, labels, Choice::Greatest)
}

/// Returns the kernel values of rows with vectors, so many of them.
fn kernel(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    x: SlotId,
    vectors: &[f32],
    count: usize,
) -> Result<SlotId, ReadError> {
    let params = node.floats("kernel_params")?.unwrap_or_default();
    let param = |i: usize| params.get(i).copied().unwrap_or(0.0);
    let (gamma, constant, degree) = (param(0), param(1), param(2));
    let times = |lower: &mut Lower<'_>, x: SlotId, factor: f32| {
        let factor = lower.constant(scalar(factor));
        lower.add(node, ElementOp::Binary(Binary::Mul), &[x, factor])
    };
    let name = node.string("kernel_type")?.unwrap_or("LINEAR");
    if name == "RBF" {
        let features = vectors.len().checked_div(count).unwrap_or(0);
        let points = Tensor::new(&[count, features], vectors.to_vec());
        let points = points.map_err(|error| node.fault("attribute `support_vectors`", "a matrix", error))?;
        let distances = lower.add(node, LearnOp::Distances { points }, &[x])?;
        let exponents = times(lower, distances, -gamma)?;
        return lower.add(node, ElementOp::Unary(Unary::Exp), &[exponents]);
    }
    let products = products(lower, node, x, vectors, count)?;
    if name == "LINEAR" {
        return Ok(products);
    }
    let scaled = times(lower, products, gamma)?;
    let y = plus(lower, node, scaled, &[constant])?;
    match name {
        "POLY" if degree == 2.0 => lower.add(node, ElementOp::Binary(Binary::Mul), &[y, y]),
        "POLY" if degree == 3.0 => {
            let square = lower.add(node, ElementOp::Binary(Binary::Mul), &[y, y])?;
            lower.add(node, ElementOp::Binary(Binary::Mul), &[square, y])
        }
        "POLY" => {
            let degree = lower.constant(scalar(degree));
            lower.add(node, ElementOp::Binary(Binary::Pow), &[y, degree])
        }
        "SIGMOID" => lower.add(node, ElementOp::Unary(Unary::Tanh), &[y]),
        other => Err(node.fault("attribute `kernel_type`", "LINEAR, POLY, RBF or SIGMOID", other)),
    }
}

fn svm_regressor(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let coefficients = node.required("coefficients", node.floats("coefficients")?)?;
    let rho = node.required("rho", node.floats("rho")?.and_then(|rho| rho.first().copied()))?;
    let count = usize::try_from(node.int("n_supports")?.unwrap_or(0)).unwrap_or(0);
    let x = lower.add(node, LearnOp::Rows, &[x])?;
    let mut y = match count {
        0 => products(lower, node, x, &coefficients, 1)?,
        _ => {
            let vectors = node.required("support_vectors", node.floats("support_vectors")?)?;
            let kernel = kernel(lower, node, x, &vectors, count)?;
            products(lower, node, kernel, &coefficients, 1)?
        }
    };
    y = plus(lower, node, y, &[rho])?;
    if node.flag("one_class")?.unwrap_or(false) {
        let bound = |lower: &mut Lower<'_>, value: f32| lower.constant(scalar(value));
        let (zero, one, minus) = (bound(lower, 0.0), bound(lower, 1.0), bound(lower, -1.0));
        let above = lower.add(node, ElementOp::Binary(Binary::Greater), &[y, zero])?;
        // The shape of the test is that of the result.
        y = lower.add(node, ElementOp::Select, &[above, one, minus])?;
    }
    Ok(vec![y])
}

fn svm_classifier(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=2)?;
    let x = lower.arg(node, 0, "X")?;
    let coefficients = node.required("coefficients", node.floats("coefficients")?)?;
    let rho = node.required("rho", node.floats("rho")?.filter(|rho| !rho.is_empty()))?;
    let labels = labels(node, "classlabels_ints")?;
    let (a, b) = (node.floats("prob_a")?.unwrap_or_default(), node.floats("prob_b")?.unwrap_or_default());
    if a.len() != b.len() {
        return Err(node.fault("attribute `prob_b`", &format!("{} numbers", a.len()), b.len()));
    }
    let probabilities: Vec<(f32, f32)> = a.into_iter().zip(b).collect();
    let vectors = node.ints("vectors_per_class")?.unwrap_or_default();
    let vectors: Option<Vec<usize>> = vectors.iter().map(|count| usize::try_from(*count).ok()).collect();
    let vectors =
        vectors.ok_or_else(|| node.fault("attribute `vectors_per_class`", "numbers of vectors", "another"))?;
    let count = vectors.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count)).unwrap_or(usize::MAX);
    let x = lower.add(node, LearnOp::Rows, &[x])?;
    if count == 0 {
        let all_positive = coefficients.iter().all(|coefficient| *coefficient >= 0.0);
        let scores = products(lower, node, x, &coefficients, labels.len())?;
        let scores = plus(lower, node, scores, &rho[..1])?;
        let choice = Choice::Machine { all_positive, has_probabilities: !probabilities.is_empty() };
        return classify(lower, node, scores, labels, choice);
    }
    if vectors.len() != labels.len() {
        let expected = format!("a number for each of {} classes", labels.len());
        return Err(node.fault("attribute `vectors_per_class`", &expected, vectors.len()));
    }
    let support = node.required("support_vectors", node.floats("support_vectors")?)?;
    if count > support.len() {
        let got = support.len();
        return Err(node.fault("attribute `support_vectors`", &format!("{count} vectors or more"), got));
    }
    let kernel = kernel(lower, node, x, &support, count)?;
    let transform = transform(node)?;
    let votes = Votes { vectors, coefficients, rho, probabilities, labels, transform };
    lower.add_many_with(node, LearnOp::Vote(Arc::new(votes)), &[Some(kernel)], 2)
}
