//! `ai.onnx.ml`: scalers, fillers, selections and linear models, made of ops on tensors.

use model::{DType, Tensor, Type};
use plan::{
    SlotId,
    tensor::{Binary, DenseOp, ElementOp, Fold, IndexOp, LayoutOp, NormOp, ReduceOp, Unary},
};

use super::{super::graph::Node, Lower, NOW, Row, scalar, value};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;
type One = Result<SlotId, ReadError>;

/// Returns the row of an op of this domain.
const fn row(op: &'static str, since: i64, lower: super::LowerNode) -> Row {
    Row { domain: "ai.onnx.ml", op, versions: (since, NOW), lower }
}

pub(super) const ROWS: &[Row] = &[
    row("Scaler", 1, scaler),
    row("Binarizer", 1, binarizer),
    row("Imputer", 1, imputer),
    row("Normalizer", 1, normalizer),
    row("ArrayFeatureExtractor", 1, array_feature_extractor),
    row("LinearRegressor", 1, linear_regressor),
    row("LinearClassifier", 1, linear_classifier),
];

impl Lower<'_> {
    fn cast_to(&mut self, node: &Node<'_>, x: SlotId, to: &Type) -> One {
        if self.ty(x) == to {
            return Ok(x);
        }
        self.add(node, ElementOp::Cast { to: to.clone(), saturate: false }, &[x])
    }

    fn floats_input(&mut self, node: &Node<'_>) -> One {
        let x = self.arg(node, 0, "X")?;
        self.cast_to(node, x, &Type::F32)
    }

    fn calc(&mut self, node: &Node<'_>, op: Binary, a: SlotId, b: SlotId) -> One {
        self.add(node, ElementOp::Binary(op), &[a, b])
    }

    fn fold_last(&mut self, node: &Node<'_>, fold: Fold, x: SlotId) -> One {
        let op = ReduceOp::Reduce { fold, axes: Some(vec![-1]), keep: true, none_is_none: false };
        self.add_with(node, op, &[Some(x)])
    }
}

fn scaler(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let mut x = lower.floats_input(node)?;
    for (name, op) in [("offset", Binary::Sub), ("scale", Binary::Mul)] {
        let values = node.floats(name)?.unwrap_or_default();
        if !values.is_empty() {
            let values = lower.constant(Tensor::vector(values));
            x = lower.calc(node, op, x, values)?;
        }
    }
    Ok(vec![x])
}

fn binarizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let to = lower.ty(x).clone();
    let threshold = lower.number_like(node, x, node.float("threshold")?.unwrap_or(0.0).into())?;
    let above = lower.calc(node, Binary::Greater, x, threshold)?;
    Ok(vec![lower.cast_to(node, above, &to)?])
}

fn imputer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let is_int = lower.dtype(x).is_some_and(DType::is_int);
    let (values, replaced): (Tensor, f64) = if is_int {
        let values = node.ints("imputed_value_int64s")?.unwrap_or_default();
        (Tensor::vector(values), node.int("replaced_value_int64")?.unwrap_or(0) as f64)
    } else {
        let values = node.floats("imputed_value_floats")?.unwrap_or_default();
        (Tensor::vector(values), node.float("replaced_value_float")?.unwrap_or(0.0).into())
    };
    if values.is_empty() {
        return Err(node.fault("attributes", "values to put in, of the input's type", "none"));
    }
    let to = lower.ty(x).clone();
    let values = lower.constant(values);
    let values = lower.cast_to(node, values, &to)?;
    let missing = if replaced.is_nan() {
        lower.add(node, ElementOp::Unary(Unary::IsNan), &[x])?
    } else {
        let replaced = lower.number_like(node, x, replaced)?;
        lower.calc(node, Binary::Equal, x, replaced)?
    };
    Ok(vec![lower.add(node, ElementOp::Select, &[missing, values, x])?])
}

/// Rows divided by their norm; a row whose norm is 0 stays. The greatest is that of the values as they are, not of their sizes.
fn normalizer(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.floats_input(node)?;
    let fold = match node.string("norm")?.unwrap_or("MAX") {
        "MAX" => Fold::Max,
        "L1" => Fold::L1,
        "L2" => Fold::L2,
        other => return Err(node.fault("attribute `norm`", "MAX, L1 or L2", other)),
    };
    let norm = lower.fold_last(node, fold, x)?;
    let (zero, one) = (lower.constant(scalar(0.0_f32)), lower.constant(scalar(1.0_f32)));
    let is_zero = lower.calc(node, Binary::Equal, norm, zero)?;
    let norm = lower.add(node, ElementOp::Select, &[is_zero, one, norm])?;
    Ok(vec![lower.calc(node, Binary::Div, x, norm)?])
}

/// Entries of the last dimension; of a vector, as a matrix of one row.
fn array_feature_extractor(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (mut x, places) = (lower.arg(node, 0, "X")?, lower.arg(node, 1, "Y")?);
    if lower.rank(x) == Some(1) {
        let row = lower.constant(super::ints(vec![1, -1]));
        x = lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, row])?;
    }
    let flat = lower.constant(super::ints(vec![-1]));
    let places = lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[places, flat])?;
    Ok(vec![lower.add(node, IndexOp::Gather { axis: -1, batch: 0, from_end: false }, &[x, places])?])
}

/// Returns the scores `x * coefficients + intercepts` of so many targets.
fn scores(lower: &mut Lower<'_>, node: &Node<'_>, targets: usize) -> One {
    let x = lower.floats_input(node)?;
    let coefficients = node.required("coefficients", node.floats("coefficients")?)?;
    let intercepts = node.floats("intercepts")?.unwrap_or_default();
    if targets == 0 || !coefficients.len().is_multiple_of(targets) {
        return Err(node.fault("attribute `coefficients`", &format!("rows for {targets} targets"), coefficients.len()));
    }
    if !intercepts.is_empty() && intercepts.len() != targets {
        return Err(node.fault("attribute `intercepts`", &format!("{targets} numbers"), intercepts.len()));
    }
    let weights = Tensor::new(&[targets, coefficients.len() / targets], coefficients)
        .map_err(|error| node.fault("attribute `coefficients`", "a matrix", error))?;
    let weights = lower.constant(weights);
    let intercepts = (!intercepts.is_empty()).then(|| lower.constant(Tensor::vector(intercepts)));
    let op = DenseOp::Dense { transpose: [false, true], alpha: 1.0, beta: 1.0, end: None };
    // One row may come as a vector.
    let x = if lower.rank(x) == Some(1) {
        let row = lower.constant(super::ints(vec![1, -1]));
        lower.add(node, LayoutOp::Reshape { allow_zero: false }, &[x, row])?
    } else {
        x
    };
    lower.add_with(node, op, &[Some(x), Some(weights), intercepts])
}

/// Returns what `post_transform` makes of scores.
pub(super) fn transformed(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> One {
    match node.string("post_transform")?.unwrap_or("NONE") {
        "NONE" => Ok(x),
        "LOGISTIC" => lower.add(node, ElementOp::Unary(Unary::Sigmoid), &[x]),
        "SOFTMAX" => lower.add(node, NormOp::Softmax { axis: -1, flat: false, log: false }, &[x]),
        "SOFTMAX_ZERO" => softmax_of_set(lower, node, x),
        other => Err(node.unimplemented(format_args!("`post_transform` {other}"))),
    }
}

/// A softmax in which scores that are 0 stay so small that they count as `0 * exp(-max)`.
fn softmax_of_set(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> One {
    let most = lower.fold_last(node, Fold::Max, x)?;
    let apart = lower.calc(node, Binary::Sub, x, most)?;
    let powers = lower.add(node, ElementOp::Unary(Unary::Exp), &[apart])?;
    let minus = lower.add(node, ElementOp::Unary(Unary::Neg), &[most])?;
    let small = lower.add(node, ElementOp::Unary(Unary::Exp), &[minus])?;
    let small = lower.calc(node, Binary::Mul, x, small)?;
    let size = lower.add(node, ElementOp::Unary(Unary::Abs), &[x])?;
    let least = lower.constant(scalar(0.000_000_1_f32));
    let is_set = lower.calc(node, Binary::Greater, size, least)?;
    let parts = lower.add(node, ElementOp::Select, &[is_set, powers, small])?;
    let sum = lower.fold_last(node, Fold::Sum, parts)?;
    let (zero, half) = (lower.constant(scalar(0.0_f32)), lower.constant(scalar(0.5_f32)));
    let is_zero = lower.calc(node, Binary::Equal, sum, zero)?;
    let shares = lower.calc(node, Binary::Div, parts, sum)?;
    lower.add(node, ElementOp::Select, &[is_zero, half, shares])
}

fn linear_regressor(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let targets = node.int("targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).map_err(|_| node.fault("attribute `targets`", "a number", targets))?;
    let scores = scores(lower, node, targets)?;
    Ok(vec![transformed(lower, node, scores)?])
}

/// Returns the classes of a classifier as a vector.
fn classes(lower: &mut Lower<'_>, node: &Node<'_>) -> Result<(SlotId, usize), ReadError> {
    let texts = node.byte_strings("classlabels_strings")?.unwrap_or_default();
    if !texts.is_empty() {
        return Ok((lower.constant(value::texts(&texts)), texts.len()));
    }
    let numbers = node.ints("classlabels_ints")?.unwrap_or_default();
    let count = numbers.len();
    Ok((lower.constant(super::ints(numbers)), count))
}

/// The class of the highest score, and the scores. A model of two classes may have the scores of the second alone: the
/// first's are their complement, and the second is the class where its score is above 0.
fn linear_classifier(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let (classes, count) = classes(lower, node)?;
    let targets = node.floats("intercepts")?.map_or(0, |intercepts| intercepts.len());
    let targets = if targets == 0 { count } else { targets };
    if targets == 1 {
        return Err(node.unimplemented("the scores of one class alone"));
    }
    if count < targets {
        return Err(node.fault("class labels", &format!("{targets} of them"), count));
    }
    let scores = scores(lower, node, targets)?;
    let best = lower.add(node, NormOp::Hardmax { axis: -1, flat: false }, &[scores])?;
    let numbers = lower.constant(Tensor::vector((0..targets).map(|i| i as f32).collect::<Vec<_>>()));
    let best = lower.add(node, DenseOp::MatMul { transpose: [false; 2] }, &[best, numbers])?;
    let best = lower.cast_to(node, best, &Type::I64)?;
    let label = lower.add(node, IndexOp::Gather { axis: 0, batch: 0, from_end: false }, &[classes, best])?;
    Ok(vec![label, transformed(lower, node, scores)?])
}
