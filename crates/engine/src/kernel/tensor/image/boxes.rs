//! TensorFlow's suppression of boxes that overlap better ones: of one class, softly too, and of many classes at once.
//!
//! Source: `core/kernels/image/non_max_suppression_op.cc`. Of equal scores the lower place comes first.

use std::{cmp::Ordering, collections::BinaryHeap};

use model::{PredictError, Tensor};

use super::{Args, Done, elements, ints, make, narrow, refuse, shape, widened};

/// A box that may be taken.
#[derive(Clone, Copy, PartialEq)]
struct Candidate {
    score: f32,
    place: usize,
    /// How many of those taken it was compared with.
    seen: usize,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    /// The best is the greatest.
    fn cmp(&self, other: &Candidate) -> Ordering {
        // Both zeros are one.
        let by_score = (self.score + 0.0).total_cmp(&(other.score + 0.0));
        by_score.then(other.place.cmp(&self.place))
    }
}

/// What is taken of candidates.
struct Rule {
    most: usize,
    share: f32,
    least: f32,
    sigma: f32,
}

/// Returns the common part of two boxes over both together.
fn overlap(a: &[f32], b: &[f32]) -> f32 {
    let corners = |x: &[f32]| [x[0].min(x[2]), x[1].min(x[3]), x[0].max(x[2]), x[1].max(x[3])];
    let area = |[a, b, c, d]: [f32; 4]| (c - a) * (d - b);
    let (a, b) = (corners(a), corners(b));
    let areas = (area(a), area(b));
    if areas.0 <= 0.0 || areas.1 <= 0.0 {
        return 0.0;
    }
    let common = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0) * (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    common / (areas.0 + areas.1 - common)
}

/// Returns the places of boxes that are taken, and their scores.
fn taken<'b>(
    args: &Args<'_>,
    scores: impl Iterator<Item = f32>,
    rule: &Rule,
    of: impl Fn(usize) -> &'b [f32],
) -> Result<Vec<(usize, f32)>, PredictError> {
    let candidates = scores.enumerate().filter(|(_, score)| *score > rule.least);
    let mut heap: BinaryHeap<Candidate> =
        candidates.map(|(place, score)| Candidate { score, place, seen: 0 }).collect();
    let mut taken: Vec<(usize, f32)> = Vec::new();
    let is_soft = rule.sigma > 0.0;
    let scale = if is_soft { -0.5 / rule.sigma } else { 0.0 };
    while taken.len() < rule.most {
        let Some(mut next) = heap.pop() else { break };
        args.call.check()?;
        let (before, mut is_out) = (next.score, false);
        for (better, _) in taken[next.seen..].iter().rev() {
            let share = overlap(of(next.place), of(*better));
            if !is_soft && share > rule.share {
                is_out = true;
                break;
            }
            if is_soft {
                next.score *= libm::expf(scale * share * share);
            }
            if next.score <= rule.least {
                break;
            }
        }
        next.seen = taken.len();
        if is_out {
            continue;
        }
        if next.score == before {
            taken.push((next.place, next.score));
        } else if next.score > rule.least {
            heap.push(next);
        }
    }
    Ok(taken)
}

fn number(args: &Args<'_>, i: usize) -> Result<f32, PredictError> {
    let tensor = widened(&*args.get(i)?);
    match tensor.get::<f32>() {
        Some([number]) => Ok(*number),
        _ => Err(refuse("one number", tensor.shape().to_string())),
    }
}

fn count(args: &Args<'_>, i: usize) -> Result<usize, PredictError> {
    let tensor = args.get(i)?;
    match ints(&tensor)?[..] {
        [count] => usize::try_from(count).map_err(|_| refuse("a number of boxes", count.to_string())),
        _ => Err(refuse("one number of boxes", tensor.shape().to_string())),
    }
}

fn share(args: &Args<'_>, i: usize) -> Result<f32, PredictError> {
    let share = number(args, i)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(refuse("an overlap from 0 to 1", share.to_string())) }
}

pub(super) fn run(args: &Args<'_>, pad: bool) -> Done {
    let (boxes, given) = (widened(&*args.get(0)?), args.get(1)?);
    let scores = widened(&given);
    let (&[n, 4], &[of]) = (&**boxes.shape(), &**scores.shape()) else {
        return Err(refuse("boxes [n, 4] and a score for each", format!("{} and {}", boxes.shape(), scores.shape())));
    };
    if n != of {
        return Err(refuse(format!("{n} scores"), of.to_string()));
    }
    let rule = Rule { most: count(args, 2)?, share: share(args, 3)?, least: number(args, 4)?, sigma: number(args, 5)? };
    let numbers = elements::<f32>(&boxes)?;
    let found = taken(args, elements::<f32>(&scores)?.iter().copied(), &rule, |i| &numbers[4 * i..4 * i + 4])?;
    let to = shape(&[if pad { rule.most } else { found.len() }])?;
    if let Some(mut out) = args.out(0) {
        let places = make::<i32>(&mut out, to)?;
        places.fill(0);
        places.iter_mut().zip(&found).for_each(|(to, (place, _))| *to = *place as i32);
    }
    if let Some(mut out) = args.out(1) {
        let scores = make::<f32>(&mut out, to)?;
        scores.fill(0.0);
        scores.iter_mut().zip(&found).for_each(|(to, (_, score))| *to = *score);
        narrow(&mut out, given.dtype())?;
    }
    if let Some(mut out) = args.out(2) {
        *out = Tensor::scalar(found.len() as i32);
    }
    Ok(())
}

/// A box of a batch that was taken of its class.
struct Found {
    score: f32,
    class: usize,
    corners: [f32; 4],
}

pub(super) fn by_class(args: &Args<'_>, pad_per_class: bool, clip: bool) -> Done {
    let (boxes, scores) = (args.get(0)?, args.get(1)?);
    let (&[batches, n, q, 4], &[b, of, classes]) = (&**boxes.shape(), &**scores.shape()) else {
        let got = format!("{} and {}", boxes.shape(), scores.shape());
        return Err(refuse("boxes [batches, n, classes or 1, 4] and scores [batches, n, classes]", got));
    };
    if b != batches || of != n || (q != 1 && q != classes) {
        return Err(refuse(format!("scores of {batches} batches and {n} boxes"), scores.shape().to_string()));
    }
    let (each, total) = (count(args, 2)?, count(args, 3)?);
    let rule = Rule { most: each.min(n), share: share(args, 4)?, least: number(args, 5)?, sigma: 0.0 };
    let width = if pad_per_class { total.min(each.saturating_mul(classes)) } else { total };
    let (numbers, points) = (elements::<f32>(&boxes)?, elements::<f32>(&scores)?);
    let mut outs = Outs::new(batches, width)?;
    for batch in 0..batches {
        let mut all = Vec::new();
        for class in 0..classes {
            let column = (0..n).map(|i| points[(batch * n + i) * classes + class]);
            let at = |i: usize| &numbers[((batch * n + i) * q + if q > 1 { class } else { 0 }) * 4..][..4];
            for (place, score) in taken(args, column, &rule, at)? {
                let corner = |k: usize| if clip { at(place)[k].clamp(0.0, 1.0) } else { at(place)[k] };
                all.push(Found { score, class, corners: [corner(0), corner(1), corner(2), corner(3)] });
            }
        }
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.truncate(width);
        outs.put(batch, &all);
    }
    for (i, tensor) in outs.tensors.into_iter().enumerate() {
        if let Some(mut out) = args.out(i) {
            *out = tensor;
        }
    }
    Ok(())
}

/// Boxes, scores, classes and how many there are, of all batches.
struct Outs {
    width: usize,
    tensors: [Tensor; 4],
}

impl Outs {
    fn new(batches: usize, width: usize) -> Result<Outs, PredictError> {
        let mut tensors = [const { None }; 4].map(|_: Option<()>| Tensor::default());
        make::<f32>(&mut tensors[0], shape(&[batches, width, 4])?)?.fill(0.0);
        make::<f32>(&mut tensors[1], shape(&[batches, width])?)?.fill(0.0);
        make::<f32>(&mut tensors[2], shape(&[batches, width])?)?.fill(0.0);
        make::<i32>(&mut tensors[3], shape(&[batches])?)?.fill(0);
        Ok(Outs { width, tensors })
    }

    fn put(&mut self, batch: usize, found: &[Found]) {
        let begin = batch * self.width;
        let [boxes, scores, classes, counts] = &mut self.tensors;
        if let (Some(boxes), Some(scores), Some(classes), Some(counts)) =
            (boxes.get_mut::<f32>(), scores.get_mut::<f32>(), classes.get_mut::<f32>(), counts.get_mut::<i32>())
        {
            for (i, found) in found.iter().enumerate() {
                boxes[4 * (begin + i)..4 * (begin + i) + 4].copy_from_slice(&found.corners);
                scores[begin + i] = found.score;
                classes[begin + i] = found.class as f32;
            }
            counts[batch] = found.len() as i32;
        }
    }
}
