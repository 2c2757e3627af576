//! Ensembles of plain trees as one forest.
//!
//! It stands where all segments always run, all are trees of thresholds and categories ([`plain`]), and what is made of their
//! results is a sum, a mean or a vote: those are what the forest kernels add up, in the order of the segments. Everything else
//! is lowered tree by tree.

use std::sync::Arc;

use plan::{
    Aggregate, Expr, Forest, ForestOp, ForestPart, ForestParts, Func,
    expr::Math,
    op::{
        combine::{Lacking, Method as Way, Plain, Tally},
        decide::Tree,
        forest::{ForestBuilder, Precision},
    },
};

use super::{Segmentation, combine, is_classes, predicate};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::Scope,
    kinds::{
        labels::Labels,
        tree::{self, plain},
    },
    lower::{Lowering, MathContext, Value},
    predicate::Asker,
    xml::Element,
};

/// Lowers a segmentation to a forest; nothing where it is none.
pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    segmentation: &Segmentation<'d>,
    method: combine::Method,
    kind: Kind,
) -> Result<Option<Answer<'d>>, Fault> {
    let lacking = combine::lacking(segmentation.treatment);
    let Some(form) = Form::of(method, kind, lacking).filter(|_| is_plain(scope, segmentation, kind)) else {
        return Ok(None);
    };
    let (mut asker, mut labels) = (Asker::default(), Labels::new(scope));
    let mut trees = Vec::with_capacity(segmentation.segments.len());
    let mut singles = Vec::with_capacity(trees.capacity());
    for segment in &segmentation.segments {
        let inner = Scope::new(scope.dictionary, Some(scope), segment.model)?;
        let math = crate::pmml::kinds::math_of(segment.model);
        let grown = cx.with_math(math, |cx| {
            cx.deeper(segment.model, |cx| tree::read(cx, &inner, segment.model, kind, &mut asker, &mut labels))
        });
        let tree::Grown { mut tree, held, .. } = grown?;
        if !held.is_empty() {
            return Ok(None);
        }
        tree.tests = asker.take_tests();
        singles.push(math == MathContext::Float);
        trees.push(tree);
    }
    let columns: Vec<plain::Column> = (0..asker.len()).map(|input| asker.closed_categories(input)).collect();
    let Some(forest) = forest(cx, &trees, &columns, form, &labels, segmentation, asker.is_doubtful()) else {
        return Ok(None);
    };
    drop(trees);
    let mut inputs = asker.inputs(cx, model)?;
    for (i, input) in inputs.iter_mut().enumerate().take(columns.len()) {
        if asker.may_be_nan(i as u32, scope) {
            // What is no number is above all numbers, and not missing.
            let is_nan = Expr::call(Math::IsNaN, [Expr::Input(0)]);
            let above = Expr::call(Func::If, [is_nan, Expr::f64(f64::INFINITY), Expr::Input(0)]);
            let number = cx.number(model, input)?;
            *input = cx.expr(model, above, &[&number], "number")?;
        }
    }
    let made = nodes(cx, segmentation, forest, form, &inputs, labels.len())?;
    combine::answer(cx, model, kind, &labels, made).map(Some)
}

/// What the leaves hold and what is made of them.
#[derive(Clone, Copy, PartialEq)]
struct Form {
    leaf: Leaf,
    aggregate: Aggregate,
}

#[derive(Clone, Copy, PartialEq)]
enum Leaf {
    Number,
    Probabilities,
    Vote,
}

impl Form {
    fn of(method: combine::Method, kind: Kind, lacking: Lacking) -> Option<Form> {
        let aggregate = match method.way {
            Way::Plain(Plain::Sum | Plain::Vote) => Aggregate::Sum,
            Way::Weighted(Plain::Sum | Plain::Vote) => Aggregate::WeightedSum,
            Way::Plain(Plain::Mean) => Aggregate::Mean,
            Way::Weighted(Plain::Mean) => Aggregate::WeightedMean,
            _ => return None,
        };
        let leaf = match method.plain() {
            Plain::Vote => Leaf::Vote,
            _ if is_classes(kind) => Leaf::Probabilities,
            _ => Leaf::Number,
        };
        // Trees that are passed over change what is divided by.
        let fits = (lacking != Lacking::Skip || leaf == Leaf::Vote) && kind != Kind::Clustering;
        fits.then_some(Form { leaf, aggregate })
    }
}

/// Returns whether every segment always runs and is a tree that is no more than its result.
fn is_plain(scope: &Scope<'_, '_>, segmentation: &Segmentation<'_>, kind: Kind) -> bool {
    let picks = scope
        .model
        .child("Output")
        .is_some_and(|output| output.all("OutputField").any(|field| field.attr("segmentId").is_some()));
    let is_bare = |model: Element<'_>| {
        model.name() == "TreeModel"
            && Answer::kind_of(model).is_ok_and(|of| of == kind)
            && model.attr("isScorable") != Some("false")
            && model.children().all(|e| !matches!(e.name(), "Output" | "Targets"))
    };
    !picks
        && segmentation.segments.iter().all(|segment| {
            predicate::is_true(segment.predicate)
                && segment.element.child("VariableWeight").is_none()
                && is_bare(segment.model)
        })
}

/// Plants the trees; nothing where one of them is not plain.
fn forest(
    cx: &Lowering<'_>,
    trees: &[Tree],
    columns: &[plain::Column],
    form: Form,
    labels: &Labels,
    segmentation: &Segmentation<'_>,
    doubtful: bool,
) -> Option<Forest> {
    let width = match form.leaf {
        Leaf::Number | Leaf::Vote => 1,
        Leaf::Probabilities => labels.len(),
    };
    let single = cx.math() == MathContext::Float;
    let mut builder = ForestBuilder::with(ForestParts {
        features: columns.len().max(1) as u32,
        width: width as u32,
        sums: if single { Precision::F32 } else { Precision::F64 },
        nan_is_null: true,
        nan_is_invalid: doubtful,
        ..ForestParts::default()
    });
    for (tree, segment) in trees.iter().zip(&segmentation.segments) {
        let leaf = |node: Option<u32>| leaf(tree, form, node, width, labels.len());
        let root = plain::plant(&mut builder, columns, tree, &leaf)?;
        builder.tree(root, segment.weight);
    }
    Forest::new(builder.finish()).ok()
}

/// Returns the leaf of a node that answers, or of no prediction: values, and a number, which is the class for a vote.
fn leaf(tree: &Tree, form: Form, node: Option<u32>, width: usize, classes: usize) -> Option<plain::Leaf> {
    let Some(node) = node else { return Some((vec![f64::NAN; width], classes as u32)) };
    let row = tree.nodes[node as usize].row as usize;
    if tree.nodes[node as usize].refuses {
        return None;
    }
    let score = tree.scores[node as usize];
    let mut values = vec![0.0; width];
    match form.leaf {
        Leaf::Number => values[0] = score,
        Leaf::Vote => return Some((values, score as u32)),
        Leaf::Probabilities => {
            // Classes that later trees name are not in this tree's rows.
            let of_tree = tree.width as usize;
            let shares = tree.probabilities.get(row * of_tree..(row + 1) * of_tree).filter(|row| !row.is_empty())?;
            values[..of_tree].copy_from_slice(shares);
        }
    }
    Some((values, node))
}

/// Adds the steps: the forest, and what makes a class of its sums.
fn nodes(
    cx: &mut Lowering<'_>,
    segmentation: &Segmentation<'_>,
    forest: Forest,
    form: Form,
    inputs: &[Value],
    classes: usize,
) -> Result<Vec<Value>, Fault> {
    let at = segmentation.element;
    let part = match form.leaf {
        Leaf::Number => ForestPart::Score,
        Leaf::Probabilities => ForestPart::Scores,
        Leaf::Vote => ForestPart::Leaves,
    };
    let op = ForestOp { forest: Arc::new(forest), aggregate: form.aggregate, parts: vec![part] };
    let scores = cx.one(at, op, &inputs.iter().collect::<Vec<_>>(), "scores")?;
    Ok(match form.leaf {
        Leaf::Number => vec![scores],
        Leaf::Probabilities => vec![cx.one(at, plan::VectorOp::Best { smallest: false }, &[&scores], "class")?, scores],
        Leaf::Vote => {
            let tally = Tally {
                classes: classes as u32,
                weights: segmentation.segments.iter().map(|segment| segment.weight).collect(),
                weighted: form.aggregate == Aggregate::WeightedSum,
                lacking: combine::lacking(segmentation.treatment),
                threshold: segmentation.threshold,
                single: cx.math() == MathContext::Float,
            };
            cx.node(at, tally, &[&scores], &["class", "shares"])?
        }
    })
}
