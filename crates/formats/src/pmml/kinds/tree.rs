//! TreeModel (Trees, 4.4): one tree, with every way of treating what is missing. Nodes may hold models ([`composition`]).
//!
//! The nodes become one table in the order of breadth, so that neither depth nor width of a document costs stack. Where all that a
//! tree asks for are thresholds and categories, an ensemble of such trees runs on the forest kernels ([`plain`]).

use std::sync::Arc;

use plan::{
    EncodeOp, Expr, Func,
    op::decide::{DecideOp, NONE, NoTrueChild, OnUnknown, Tree, TreeNode, TreePart},
};

use super::{composition, labels::Labels};
use crate::pmml::{
    answer::{Answer, Classes, Kind, Pick},
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, MathContext, Value},
    predicate::{self, Asker},
    xml::Element,
};

pub mod plain;

/// A tree as it was read.
pub struct Grown<'d> {
    /// Its tests are still those of the asker that read it.
    pub tree: Tree,
    pub ids: Vec<Box<str>>,
    /// The models that nodes hold.
    pub held: Vec<Held<'d>>,
}

/// A model that a node of a tree holds.
pub struct Held<'d> {
    pub node: u32,
    pub model: Element<'d>,
}

/// Lowers a `TreeModel`.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let (mut asker, mut labels) = (Asker::default(), Labels::new(scope));
    let Grown { mut tree, ids, held } = read(cx, scope, model, kind, &mut asker, &mut labels)?;
    // They are in the order of the nodes.
    let is_held = |node: usize| held.binary_search_by_key(&node, |one| one.node as usize).is_ok();
    let answers_itself = !held.is_empty()
        && tree.nodes.iter().enumerate().any(|(i, node)| (node.scored || node.row != NONE) && !is_held(i));
    tree.tests = asker.take_tests();
    let inputs = asker.inputs(cx, model)?;
    let mut parts = vec![TreePart::Node, TreePart::Score];
    let mut names = vec!["node", "score"];
    if tree.width > 0 {
        parts.push(TreePart::Probabilities);
        names.push("probabilities");
        if !tree.confidences.is_empty() || tree.on_unknown == OnUnknown::Aggregate {
            parts.push(TreePart::Confidences);
            names.push("confidences");
        }
    }
    let op = DecideOp::Tree { tree: Arc::new(tree), parts };
    let mut made = cx.node(model, op, &inputs.iter().collect::<Vec<_>>(), &names)?.into_iter();
    let (node, score) = (made.next(), made.next());
    let (Some(node), Some(score)) = (node, score) else { return Err(model.unimplemented("a tree of no value")) };
    let value = match kind {
        Kind::Classification => labels.field(cx, model, &score)?,
        _ => Field::double(score),
    };
    let mut answer = Answer::new(kind, Some(value));
    answer.entity = Some(cx.one(model, EncodeOp::Label { labels: ids.into() }, &[&node], "entity")?);
    let classes = |values| Classes { labels: labels.list(), values };
    answer.probabilities = made.next().map(classes);
    answer.confidences = made.next().map(classes);
    if let (Some(field), Some(_), None) = (&answer.value, &answer.probabilities, &answer.confidences) {
        answer.pick = Some(no_confidence(field.value.clone()));
    }
    if held.is_empty() {
        return Ok(answer);
    }
    let entity = answer.entity.clone();
    let own = answers_itself.then_some(answer);
    Ok(Answer { entity, ..composition::select(cx, scope, model, &node, &held, own)? })
}

/// Where distributions say nothing of confidence it is 0, as it is for a category of which they say nothing.
fn no_confidence<'d>(score: Value) -> Pick<'d> {
    Box::new(move |cx, element| {
        if element.attr("feature") != Some("confidence") {
            return Ok(None);
        }
        let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
        let expr = Expr::call(Func::If, [null, Expr::null(model::Type::F64), Expr::f64(0.0)]);
        Ok(Some(Field::double(cx.expr(element, expr, &[&score], "confidence")?)))
    })
}

/// Reads the nodes of a tree; predicates go to the asker, classes to the labels.
pub fn read<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    kind: Kind,
    asker: &mut Asker<'d>,
    labels: &mut Labels,
) -> Result<Grown<'d>, Fault> {
    let root = model.required_child("Node")?;
    let (elements, mut nodes, mut held) = (in_breadth(root), Vec::new(), Vec::new());
    nodes.reserve_exact(elements.len());
    for (element, first, count) in &elements {
        if let Some(model) = element.children().find(|e| composition::is_embedded(e.name())) {
            held.push(Held { node: nodes.len() as u32, model });
        }
        let test = asker.ask(cx, scope, predicate::inside(*element)?)?;
        let scored = element.attr("score").is_some();
        nodes.push(TreeNode { test, first: *first, count: *count, default: NONE, scored, refuses: false, row: NONE });
    }
    let single = cx.math() == MathContext::Float;
    let mut tree = Tree {
        tests: Default::default(),
        nodes,
        on_unknown: on_unknown(model)?,
        no_true_child: no_true_child(model)?,
        penalty: model.f64("missingValuePenalty")?.unwrap_or(1.0),
        scores: Vec::new(),
        width: 0,
        probabilities: Vec::new(),
        confidences: Vec::new(),
        counts: Vec::new(),
        records: Vec::new(),
        single,
    };
    name_default_children(&elements, &mut tree)?;
    match kind {
        Kind::Classification => classes(&elements, &mut tree, labels)?,
        _ => numbers(&elements, &mut tree)?,
    }
    // What answers at such a node is the model, not the node.
    for one in &held {
        tree.nodes[one.node as usize].refuses = false;
    }
    Ok(Grown { tree, ids: ids(&elements), held })
}

/// A node's element, its first child's number and the number of its children.
type Placed<'d> = (Element<'d>, u32, u32);

fn in_breadth(root: Element<'_>) -> Vec<Placed<'_>> {
    let mut elements = vec![(root, 0, 0)];
    let mut at = 0;
    while at < elements.len() {
        let first = elements.len();
        elements.extend(elements[at].0.all("Node").map(|child| (child, 0, 0)));
        (elements[at].1, elements[at].2) = (first as u32, (elements.len() - first) as u32);
        at += 1;
    }
    elements
}

fn on_unknown(model: Element<'_>) -> Result<OnUnknown, Fault> {
    Ok(match model.attr("missingValueStrategy") {
        None | Some("none") => OnUnknown::Pass,
        Some("lastPrediction") => OnUnknown::Last,
        Some("nullPrediction") => OnUnknown::Null,
        Some("defaultChild") => OnUnknown::Default,
        Some("weightedConfidence") => OnUnknown::WeightedConfidence,
        Some("aggregateNodes") => OnUnknown::Aggregate,
        Some(other) => return Err(model.fault("attribute missingValueStrategy", "a strategy of PMML 4.4", other)),
    })
}

fn no_true_child(model: Element<'_>) -> Result<NoTrueChild, Fault> {
    Ok(match model.attr("noTrueChildStrategy") {
        None | Some("returnNullPrediction") => NoTrueChild::Null,
        Some("returnLastPrediction") => NoTrueChild::Last,
        Some(other) => return Err(model.fault("attribute noTrueChildStrategy", "a strategy of PMML 4.4", other)),
    })
}

fn name_default_children(elements: &[Placed<'_>], tree: &mut Tree) -> Result<(), Fault> {
    if tree.on_unknown != OnUnknown::Default {
        return Ok(());
    }
    for (i, (element, first, count)) in elements.iter().enumerate().filter(|(_, e)| e.2 > 0) {
        let Some(name) = element.attr("defaultChild") else { continue };
        let children = *first..*first + *count;
        let child = children.into_iter().find(|&child| elements[child as usize].0.attr("id") == Some(name));
        let child = child.ok_or_else(|| element.fault("attribute defaultChild", "the id of a child", name))?;
        tree.nodes[i].default = child;
    }
    Ok(())
}

/// Returns the ids of the nodes, and an empty one for the virtual node. A node without an id has its number in the document's
/// order, from 1.
fn ids(elements: &[Placed<'_>]) -> Vec<Box<str>> {
    let mut sizes = vec![1_u32; elements.len()];
    for (i, (_, first, count)) in elements.iter().enumerate().rev() {
        sizes[i] += (*first..*first + *count).map(|child| sizes[child as usize]).sum::<u32>();
    }
    let mut numbers = vec![1_u32; elements.len()];
    for (i, (_, first, count)) in elements.iter().enumerate() {
        let mut next = numbers[i] + 1;
        for child in *first..*first + *count {
            numbers[child as usize] = next;
            next += sizes[child as usize];
        }
    }
    let of = |((element, ..), number): (&Placed<'_>, u32)| match element.attr("id") {
        Some(id) => id.into(),
        None => number.to_string().into(),
    };
    elements.iter().zip(numbers).map(of).chain(std::iter::once("".into())).collect()
}

/// Reads the scores of a regression.
fn numbers(elements: &[Placed<'_>], tree: &mut Tree) -> Result<(), Fault> {
    tree.scores.reserve_exact(elements.len());
    for ((element, ..), node) in elements.iter().zip(&mut tree.nodes) {
        let score = element.f64("score")?;
        node.refuses = score.is_none();
        let score = score.unwrap_or(0.0);
        tree.scores.push(if tree.single { f64::from(score as f32) } else { score });
    }
    if tree.on_unknown == OnUnknown::WeightedConfidence {
        tree.records.resize(elements.len(), f64::NAN);
    }
    Ok(())
}

/// Reads the scores and distributions of a classification.
fn classes(elements: &[Placed<'_>], tree: &mut Tree, labels: &mut Labels) -> Result<(), Fault> {
    for (element, ..) in elements {
        for share in element.all("ScoreDistribution") {
            labels.of(share.required("value")?);
        }
    }
    for ((element, ..), node) in elements.iter().zip(&mut tree.nodes) {
        let score = element.attr("score").map(|score| labels.of(score));
        node.refuses = score.is_none() && element.child("ScoreDistribution").is_none();
        tree.scores.push(f64::from(score.unwrap_or(NONE)));
    }
    let mut width = labels.len();
    // A table of rows is wide only where there are rows.
    if !elements.iter().any(|(element, ..)| element.child("ScoreDistribution").is_some()) {
        width = 0;
    }
    tree.width = width as u32;
    let has_confidence = |e: Element<'_>| e.all("ScoreDistribution").any(|share| share.attr("confidence").is_some());
    let has_confidences = elements.iter().any(|(element, ..)| has_confidence(*element));
    let weighs = tree.on_unknown == OnUnknown::WeightedConfidence;
    for (i, (element, ..)) in elements.iter().enumerate() {
        tree.records.extend(weighs.then_some(element.f64("recordCount")?.unwrap_or(f64::NAN)));
        if width == 0 || element.child("ScoreDistribution").is_none() {
            continue;
        }
        tree.nodes[i].row = (tree.probabilities.len() / width) as u32;
        distribution(*element, tree, i, labels, has_confidences)?;
    }
    if weighs && tree.confidences.is_empty() {
        tree.confidences.clone_from(&tree.probabilities);
    }
    Ok(())
}

/// Adds a row to the tables of classes.
fn distribution(
    element: Element<'_>,
    tree: &mut Tree,
    node: usize,
    labels: &mut Labels,
    has_confidences: bool,
) -> Result<(), Fault> {
    let width = tree.width as usize;
    let round = |value: f64, single: bool| if single { f64::from(value as f32) } else { value };
    let start = tree.probabilities.len();
    tree.probabilities.resize(start + width, 0.0);
    let (mut sum, mut best) = (0.0, (NONE, f64::MIN));
    let has_probabilities = element.child("ScoreDistribution").is_some_and(|share| share.attr("probability").is_some());
    let of = if has_probabilities { "probability" } else { "recordCount" };
    if has_confidences {
        tree.confidences.resize(start + width, 0.0);
    }
    if tree.on_unknown == OnUnknown::Aggregate {
        tree.counts.resize(start + width, 0.0);
    }
    for share in element.all("ScoreDistribution") {
        let class = labels.of(share.required("value")?);
        let value = round(share.required_f64(of)?, tree.single);
        sum = round(sum + value, tree.single);
        tree.probabilities[start + class as usize] = value;
        if value > best.1 {
            best = (class, value);
        }
        if let Some(confidence) = share.f64("confidence")? {
            tree.confidences[start + class as usize] = round(confidence, tree.single);
        }
        if tree.on_unknown == OnUnknown::Aggregate {
            tree.counts[start + class as usize] = share.f64("recordCount")?.unwrap_or(0.0);
        }
    }
    if sum != 1.0 {
        let row = &mut tree.probabilities[start..];
        row.iter_mut().for_each(|share| *share = round(*share / sum, tree.single));
    }
    // Where nothing was counted there are no shares to answer with.
    tree.nodes[node].refuses |= sum == 0.0;
    if tree.scores[node] == f64::from(NONE) {
        tree.scores[node] = f64::from(best.0);
    }
    Ok(())
}
