//! Trees on tensors: walked by the engine's forests where they are one ([`forest`]), else node by node; then made scores and
//! labels by ONNX Runtime's rules. Either way leaves are added in the order of the trees, in the precision of the trees.

use std::sync::Arc;

use model::{
    PredictError, Tensor,
    tensor::{TENSOR_BYTES_MAX, TensorError},
};
use plan::{
    Aggregate,
    tensor::learn::{Test, Together, TreeEnd, TreesOp},
};

use super::{
    super::{Args, Done, refuse, shape, too_large},
    Num, classes, each_number, matrix,
    scores::{self, Score},
};
use crate::kernel::forest::{Trees, Wants};

mod forest;

/// Trees, ready to run.
pub(in super::super) struct TreesKernel {
    op: Arc<TreesOp>,
    features: usize,
    fast: Option<Fast>,
    /// Members of sets in order.
    members: Vec<Vec<f64>>,
}

/// Trees that are a forest.
struct Fast {
    trees: Trees,
    features: usize,
    /// Of each score, whether any leaf adds to it: for all rows the same.
    has: Vec<bool>,
}

/// A row's scores in the making, and which of them a leaf has added to.
struct Row<S> {
    scores: Vec<S>,
    has: Vec<bool>,
}

impl TreesKernel {
    pub fn new(op: &Arc<TreesOp>) -> TreesKernel {
        let fast = forest::of(op).map(|(forest, has)| Fast {
            features: forest.features as usize,
            trees: Trees::new(&Arc::new(forest), Aggregate::Sum, Wants { scores: true, leaves: false }),
            has,
        });
        let mut members = op.table.members.clone();
        members.iter_mut().for_each(|set| set.sort_by(f64::total_cmp));
        TreesKernel { features: op.table.features(), op: op.clone(), fast, members }
    }

    pub fn run(&self, args: &Args<'_>) -> Done {
        if self.op.is_double { self.run_in::<f64>(args) } else { self.run_in::<f32>(args) }
    }

    fn run_in<S: Score>(&self, args: &Args<'_>) -> Done {
        let x = args.get(0)?;
        let of = matrix(&x)?;
        let (rows, columns) = (of[0], of[1]);
        if columns < self.features {
            return Err(refuse(format!("rows of {} features or more", self.features), x.shape().to_string()));
        }
        let cells = rows.checked_mul(self.op.width).filter(|cells| *cells <= TENSOR_BYTES_MAX / size_of::<S>());
        if cells.is_none() {
            return Err(too_large(TensorError::Bytes(format!("[{rows}, {}]", self.op.width))));
        }
        let (scores, labels) = match self.op.end {
            TreeEnd::Scores => (args.out(0), false),
            TreeEnd::Labels { .. } => (args.out(1), true),
        };
        let mut chosen = Vec::with_capacity(if labels { rows } else { 0 });
        let totals = self.totals(&x, rows, columns, args)?;
        let mut room = Row::<S> { scores: vec![S::from(0.0); self.op.width], has: vec![false; self.op.width] };
        let mut features = Vec::with_capacity(if totals.is_none() { columns } else { 0 });
        let mut end = |row: usize, to: &mut dyn FnMut(usize, S)| -> Done {
            match (&totals, &self.fast) {
                (Some(totals), Some(fast)) => {
                    let totals = &totals[row * self.op.width..][..self.op.width];
                    room.scores.clear();
                    room.scores.extend(totals.iter().map(|total| S::narrow(*total)));
                    room.has.clone_from(&fast.has);
                }
                _ => {
                    load(&x, row * columns..(row + 1) * columns, S::IS_DOUBLE, &mut features)?;
                    self.walk(&features, &mut room);
                }
            }
            match &self.op.end {
                TreeEnd::Scores => self.finish(&mut room),
                TreeEnd::Labels { one_score, all_positive, .. } => {
                    chosen.push(self.finish_classes(&mut room, *one_score, *all_positive));
                }
            }
            room.scores.iter().take(self.op.width).enumerate().for_each(|(at, score)| to(at, *score));
            room.scores.resize(self.op.width, S::from(0.0));
            Ok(())
        };
        write(self.op.gives_double, rows, self.op.width, scores, &mut end)?;
        match &self.op.end {
            TreeEnd::Labels { labels, .. } => classes::write_labels(labels, rows, args, |row| chosen[row]),
            TreeEnd::Scores => Ok(()),
        }
    }

    /// Returns the sums of all rows, where the trees are a forest.
    fn totals(
        &self,
        x: &Tensor,
        rows: usize,
        columns: usize,
        args: &Args<'_>,
    ) -> Result<Option<Vec<f64>>, PredictError> {
        let Some(fast) = &self.fast else { return Ok(None) };
        let mut scratch = args.frame.scratch();
        let mut features = std::mem::take(&mut scratch.features);
        features.clear();
        let loaded = if columns < fast.features {
            features.resize(rows * fast.features, 0.0);
            Ok(())
        } else if columns == fast.features {
            extend(x, 0..rows * columns, self.op.is_double, &mut features)
        } else {
            (0..rows).try_for_each(|row| {
                extend(x, row * columns..row * columns + fast.features, self.op.is_double, &mut features)
            })
        };
        let mut totals = Vec::with_capacity(rows * self.op.width);
        if loaded.is_ok() {
            fast.trees.scores(&features, &mut scratch, &mut totals);
        }
        scratch.features = features;
        loaded.map(|()| Some(totals))
    }

    /// Walks down every tree.
    fn walk<S: Score>(&self, x: &[f64], room: &mut Row<S>) {
        let table = &self.op.table;
        room.scores.fill(S::from(0.0));
        room.has.fill(false);
        for root in &table.roots {
            let mut at = *root as usize;
            while let Some(node) = table.nodes.get(at) {
                let x = x[node.feature as usize];
                let is_yes = match node.test {
                    _ if node.nan_is_yes && x.is_nan() => true,
                    Test::LessEqual => x <= node.value,
                    Test::Less => x < node.value,
                    Test::GreaterEqual => x >= node.value,
                    Test::Greater => x > node.value,
                    Test::Equal => x == node.value,
                    Test::NotEqual => x != node.value,
                    Test::Member(set) => is_member(&self.members[set as usize], x),
                };
                at = if is_yes { node.yes } else { node.no } as usize;
            }
            for (score, value) in table.weights_of(at - table.nodes.len()) {
                let (now, value) = (&mut room.scores[*score as usize], S::narrow(*value));
                let has = std::mem::replace(&mut room.has[*score as usize], true);
                *now = match self.op.together {
                    Together::Sum | Together::Mean => *now + value,
                    Together::Min if !has || value < *now => value,
                    Together::Max if !has || value > *now => value,
                    Together::Min | Together::Max => *now,
                };
            }
        }
    }

    /// Makes scores of what the trees gave.
    fn finish<S: Score>(&self, room: &mut Row<S>) {
        let op = &self.op;
        for (k, score) in room.scores.iter_mut().enumerate() {
            if op.together == Together::Mean {
                *score = *score / S::narrow(op.table.roots.len() as f64);
            }
            if let Some(base) = op.base.get(k).filter(|_| op.width == 1 || room.has[k]) {
                *score = *score + S::narrow(*base);
            }
        }
        match &mut room.scores[..] {
            [score] if op.transform == plan::tensor::learn::Transform::Probit => {
                *score = scores::probit(score.f32()).into();
            }
            [_] => {}
            scores => scores::all(scores, op.transform),
        }
    }

    /// Makes scores of classes; returns the class.
    fn finish_classes<S: Score>(&self, room: &mut Row<S>, one_score: bool, all_positive: bool) -> usize {
        let (scores, has, base) = (&mut room.scores, &mut room.has, &self.op.base);
        if scores.len() > 2 {
            for (k, base) in base.iter().enumerate() {
                scores[k] = if has[k] { scores[k] + S::narrow(*base) } else { S::narrow(*base) };
                has[k] = true;
            }
            let mut best: Option<usize> = None;
            for k in (0..scores.len()).filter(|k| has[*k]) {
                if best.is_none_or(|best| scores[k] > scores[best]) {
                    best = Some(k);
                }
            }
            scores::all(scores, self.op.transform);
            return best.unwrap_or(0);
        }
        let mut how = None;
        if let ([first, second], [_, has_second]) = (&mut scores[..], &has[..]) {
            match base[..] {
                [_, base] if *has_second => {
                    *second = S::narrow(base) + *first;
                    *first = -*second;
                }
                // A score that no leaf adds to stays 0.
                [a, _] => *first = *first + S::narrow(a),
                [base] => *first = *first + S::narrow(base),
                _ => how = Some(Pair::Opposite),
            }
            if base.len() < 2 && !has_second {
                scores.pop();
            }
        } else if let Some(base) = base.first() {
            scores[0] = scores[0] + S::narrow(*base);
            has[0] = true;
        } else {
            has[0] = true;
        }
        let positive = match (&scores[..], &has[..]) {
            ([_, second], [_, true]) => *second,
            ([first, ..], [true, ..]) => *first,
            _ => S::from(0.0),
        };
        let is_second = if one_score && all_positive { positive > S::from(0.5) } else { positive > S::from(0.0) };
        if one_score {
            how = Some(if all_positive { Pair::Rest } else { Pair::Opposite });
        }
        pair(scores, how, self.op.transform);
        usize::from(is_second)
    }
}

/// How one score becomes those of two classes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// `[1 - x, x]`.
    Rest,
    /// `[-x, x]`, or their logistic functions.
    Opposite,
}

fn pair<S: Score>(scores: &mut Vec<S>, how: Option<Pair>, transform: plan::tensor::learn::Transform) {
    use plan::tensor::learn::Transform;
    let [score] = scores[..] else {
        scores::all(scores, transform);
        return;
    };
    match (how, transform) {
        (_, Transform::Probit) => scores[0] = scores::probit(score.f32()).into(),
        (Some(Pair::Rest), _) => *scores = vec![S::from(1.0) - score, score],
        (Some(Pair::Opposite), Transform::Logistic) => {
            *scores = vec![scores::logistic((-score).f32()).into(), scores::logistic(score.f32()).into()];
        }
        (Some(Pair::Opposite), _) => *scores = vec![-score, score],
        (None, _) => {}
    }
}

/// Returns whether a number is in the set, whose numbers are in order.
fn is_member(set: &[f64], x: f64) -> bool {
    set.binary_search_by(|member| member.partial_cmp(&x).unwrap_or(std::cmp::Ordering::Less)).is_ok()
}

/// Makes the scores of a row and hands each out with its number.
type End<'a, S> = dyn FnMut(usize, &mut dyn FnMut(usize, S)) -> Done + 'a;

/// Writes the scores of all rows; where nobody reads them, they are made for the labels.
fn write<S: Score>(
    gives_double: bool,
    rows: usize,
    width: usize,
    out: Option<std::cell::RefMut<'_, Tensor>>,
    end: &mut End<'_, S>,
) -> Done {
    let Some(mut out) = out else { return (0..rows).try_for_each(|row| end(row, &mut |_, _| {})) };
    let of = shape(&[rows, width])?;
    if gives_double {
        let to = out.make::<f64>(of).map_err(too_large)?;
        to.fill(0.0);
        (0..rows).try_for_each(|row| end(row, &mut |at, score| to[row * width + at] = score.f64()))
    } else {
        let to = out.make::<f32>(of).map_err(too_large)?;
        to.fill(0.0);
        (0..rows).try_for_each(|row| end(row, &mut |at, score| to[row * width + at] = score.f32()))
    }
}

/// Takes the elements of a range alone.
fn load(x: &Tensor, range: std::ops::Range<usize>, is_double: bool, to: &mut Vec<f64>) -> Done {
    to.clear();
    extend(x, range, is_double, to)
}

/// Adds the elements of a range, as the trees compare them.
fn extend(x: &Tensor, range: std::ops::Range<usize>, is_double: bool, to: &mut Vec<f64>) -> Done {
    each_number!(x, elements => {
        match is_double {
            true => to.extend(elements[range].iter().map(|x| x.f64())),
            false => to.extend(elements[range].iter().map(|x| f64::from(x.f32()))),
        }
        Ok(())
    })
}

/// Returns whether the engine's forests walk the trees.
#[cfg(test)]
pub(super) fn is_forest(op: &TreesOp) -> bool {
    forest::of(op).is_some()
}
