//! Attention and what goes with it.

mod linear;

use model::{DType, PredictError, Shape, Tensor, tensor::Data};
use plan::tensor::{AttentionOp, attention::Scores};

use super::{
    Args, Done, broadcast,
    float::{Float, by_float, elements, make, narrow, widened},
    ints,
    product::{Bias, End, Number, Product, multiply, pack},
    refuse, refuse_type, shape,
};

/// An op of the family, ready to run.
pub(super) struct AttentionKernel(AttentionOp);

/// Heads of a tensor `[batch, heads, steps, size]`, or `[batch, steps, heads * size]`.
#[derive(Clone, Copy)]
struct Heads {
    batch: usize,
    heads: usize,
    steps: usize,
    size: usize,
    is_split: bool,
}

/// What is laid upon the scores: which keys a query may see, and what is added.
struct Mask<'a, T> {
    added: Option<(&'a Tensor, Vec<T>)>,
    causal: bool,
    window: [Option<usize>; 2],
    /// Keys before the first query, of each example.
    offsets: Vec<i64>,
    /// Keys of each example that count.
    counts: Option<Vec<i64>>,
}

impl AttentionKernel {
    pub(super) fn new(op: &AttentionOp) -> AttentionKernel {
        AttentionKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        let given = args.get(0)?;
        let x = widened(&given);
        by_float!(x, T => match &self.0 {
            AttentionOp::Attention { .. } => self.attention::<T>(args, &x),
            AttentionOp::Rotary { interleaved, size, heads } => rotary::<T>(args, &x, *interleaved, *size, *heads),
            AttentionOp::Linear { update, heads, scale } => linear::run::<T>(args, &x, *update, *heads, *scale),
        })?;
        let like = |i: usize| args.opt(i).and_then(|tensor| tensor.dtype());
        let types: [Option<DType>; 4] = match &self.0 {
            AttentionOp::Linear { .. } => [given.dtype(), like(3).or(given.dtype()), None, None],
            _ => [given.dtype(), like(1), like(2), given.dtype()],
        };
        for (i, dtype) in types.into_iter().enumerate() {
            if let Some(mut out) = args.out(i) {
                narrow(&mut out, dtype)?;
            }
        }
        Ok(())
    }

    fn attention<T: Float + Number>(&self, args: &Args<'_>, x: &Tensor) -> Done {
        let AttentionOp::Attention { heads, scale, causal, cap, scores, window } = &self.0 else { return Ok(()) };
        let (k, v) = (widened(&*args.get(1)?), widened(&*args.get(2)?));
        let q = Heads::new(x.shape(), heads.map(|heads| heads[0]))?;
        let of_k = Heads::new(k.shape(), heads.map(|heads| heads[1]))?;
        let of_v = Heads::new(v.shape(), heads.map(|heads| heads[1]))?;
        let alike =
            of_k.batch == q.batch && of_v.batch == q.batch && of_k.heads == of_v.heads && of_k.steps == of_v.steps;
        if !alike || of_k.size != q.size || of_k.heads == 0 || !q.heads.is_multiple_of(of_k.heads) {
            let expected = format!("keys and values for queries {}", x.shape());
            return Err(refuse(expected, format!("{} and {}", k.shape(), v.shape())));
        }
        let (past_k, past_v) = (args.opt(4).map(|past| widened(&past)), args.opt(5).map(|past| widened(&past)));
        let past = match (&past_k, &past_v) {
            (None, None) => 0,
            (Some(past_k), Some(past_v)) => of_k.past(past_k, of_v, past_v)?,
            _ => return Err(refuse("keys and values of the past", "one of them")),
        };
        let keys = of_k.joined::<T>(&k, past_k.as_ref(), past)?;
        let values = of_v.joined::<T>(&v, past_v.as_ref(), past)?;
        let total = past + of_k.steps;
        for (i, of, all) in [(1, of_k, &keys), (2, of_v, &values)] {
            if let Some(mut out) = args.out(i) {
                make::<T>(&mut out, shape(&[of.batch, of.heads, total, of.size])?)?.copy_from_slice(all);
            }
        }
        let mask = args.opt(3).map(|mask| widened(&mask));
        let counts = args.opt(6).map(|counts| ints(&counts)).transpose()?;
        if counts.as_ref().is_some_and(|counts| counts.len() != q.batch || past_k.is_some()) {
            return Err(refuse(format!("{} counts of keys, and no past", q.batch), "others"));
        }
        let offsets = match &counts {
            Some(counts) => counts.iter().map(|count| count.saturating_sub(q.steps as i64)).collect(),
            None => vec![past as i64; q.batch],
        };
        let added = mask.as_ref().map(|mask| added::<T>(mask, &q, total)).transpose()?;
        let mask = Mask { added, causal: *causal, window: *window, offsets, counts };
        let root = match scale {
            Some(scale) => T::from_f64(f64::from(*scale).sqrt()),
            None => T::from_f64(libm::sqrt(1.0 / libm::sqrt(q.size as f64))),
        };
        let run = Run { q, of_v, keys: &keys, values: &values, total, groups: q.heads / of_k.heads, root, mask };
        run.all(args, x, T::from_f64((*cap).into()), *scores)
    }
}

/// One call, its keys and values side by side: `[batch, heads, steps, size]`.
struct Run<'a, T> {
    q: Heads,
    of_v: Heads,
    keys: &'a [T],
    values: &'a [T],
    total: usize,
    /// Heads of queries for one of keys.
    groups: usize,
    root: T,
    mask: Mask<'a, T>,
}

impl<T: Float + Number> Run<'_, T> {
    fn all(&self, args: &Args<'_>, x: &Tensor, cap: T, shown: Scores) -> Done {
        let (q, total, size) = (self.q, self.total, self.of_v.size);
        let zero = <T as Float>::ZERO;
        let queries = self.q.joined::<T>(x, None, 0)?;
        let (mut out, mut scores_out) = (args.out(0), args.out(3));
        let to =
            if q.is_split { vec![q.batch, q.steps, q.heads * size] } else { vec![q.batch, q.heads, q.steps, size] };
        let mut result = out.as_deref_mut().map(|out| make::<T>(out, shape(&to)?)).transpose()?;
        let of_scores = shape(&[q.batch, q.heads, q.steps, total])?;
        let mut shown_to = scores_out.as_deref_mut().map(|out| make::<T>(out, of_scores)).transpose()?;
        let mut room = Tensor::default();
        let scores = make::<T>(&mut room, shape(&[q.steps, total])?)?;
        let (mut left, mut panels, mut turned) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = vec![zero; q.steps * size];
        for i in 0..q.batch * q.heads {
            args.call.check()?;
            let (batch, head) = (i / q.heads, i % q.heads);
            let of_key = i / q.heads * (q.heads / self.groups) + head / self.groups;
            left.clear();
            left.extend(queries[i * q.steps * q.size..][..q.steps * q.size].iter().map(|&x| x * self.root));
            turned.clear();
            turned.extend(self.keys[of_key * total * q.size..][..total * q.size].iter().map(|&x| x * self.root));
            pack(&turned, (q.size, total), (1, q.size), &mut panels);
            let plain = |left, common| Product {
                left,
                stride: common,
                rows: q.steps,
                common,
                bias: Bias::None,
                end: End::Keep,
            };
            multiply(&plain(&left, q.size), &panels, total, scores, total);
            if cap > zero {
                scores.iter_mut().for_each(|x| *x = cap * Float::tanh(*x / cap));
            }
            let mut shown_to = shown_to.as_deref_mut().map(|to| &mut to[i * q.steps * total..][..q.steps * total]);
            if let Some(to) = shown_to.as_deref_mut().filter(|_| shown == Scores::Capped) {
                to.copy_from_slice(scores);
            }
            for (step, row) in scores.chunks_exact_mut(total.max(1)).enumerate() {
                let is_seen = self.mask.lay(row, [batch, head, step]);
                if let Some(to) = shown_to.as_deref_mut().filter(|_| shown == Scores::Masked) {
                    to[step * total..][..total].copy_from_slice(row);
                }
                if is_seen { softmax(row) } else { row.fill(zero) }
            }
            if let Some(to) = shown_to.filter(|_| shown == Scores::Softmax) {
                to.copy_from_slice(scores);
            }
            let Some(result) = &mut result else { continue };
            pack(&self.values[of_key * total * size..][..total * size], (total, size), (size, 1), &mut panels);
            multiply(&plain(&*scores, total), &panels, size, &mut rows, size);
            for (step, row) in rows.chunks_exact(size.max(1)).enumerate() {
                let at = if q.is_split { (batch * q.steps + step) * q.heads + head } else { i * q.steps + step };
                result[at * size..][..size].copy_from_slice(row);
            }
        }
        Ok(())
    }
}

/// Where no score is above minus infinity, all are 0.
fn softmax<T: Float>(row: &mut [T]) {
    let most = row.iter().fold(T::LEAST, |most, &x| most.most(x));
    let most = if most == T::LEAST { T::ZERO } else { most };
    row.iter_mut().for_each(|x| *x = (*x - most).exp());
    let sum = row.iter().fold(T::ZERO, |sum, &x| sum + x);
    let sum = if sum == T::ZERO { T::ONE } else { sum };
    row.iter_mut().for_each(|x| *x = *x / sum);
}

/// Returns the mask as numbers to add, and checks that it broadcasts to the scores; its keys may be fewer than there are.
fn added<'a, T: Float>(mask: &'a Tensor, q: &Heads, total: usize) -> Result<(&'a Tensor, Vec<T>), PredictError> {
    let fits = match mask.shape().split_last() {
        Some((keys, outer)) if *keys <= total && mask.rank() <= 4 => {
            let to = shape(&[q.batch, q.heads, q.steps])?;
            broadcast::shape(&to, &shape(outer)?)? == to
        }
        _ => false,
    };
    if !fits {
        let expected = format!("a mask for scores [{}, {}, {}, {total}]", q.batch, q.heads, q.steps);
        return Err(refuse(expected, mask.shape().to_string()));
    }
    let numbers = match mask.data() {
        Data::Bool(seen) => seen.iter().map(|&seen| if seen { T::ZERO } else { T::LEAST }).collect(),
        Data::F32(e) => e.iter().map(|&x| T::from_f64(x.into())).collect(),
        Data::F64(e) => e.iter().map(|&x| T::from_f64(x)).collect(),
        _ => return Err(refuse_type(mask)),
    };
    Ok((mask, numbers))
}

impl<T: Float> Mask<'_, T> {
    /// Adds what is added to the scores of one query; returns whether any key is allowed.
    fn lay(&self, row: &mut [T], [batch, head, step]: [usize; 3]) -> bool {
        let added = self.added.as_ref().map(|(mask, numbers)| {
            let (&keys, outer) = mask.shape().split_last().expect("checked");
            let mut at = 0;
            for (i, &dim) in outer.iter().enumerate() {
                let index = [batch, head, step][i + 3 - outer.len()];
                at = at * dim + if dim == 1 { 0 } else { index };
            }
            &numbers[at * keys..][..keys]
        });
        let place = self.offsets[batch] + step as i64;
        let least = self.window[0].map_or(i64::MIN, |back| place.saturating_sub_unsigned(back as u64));
        let ahead = self.window[1].map_or(i64::MAX, |ahead| place.saturating_add_unsigned(ahead as u64));
        let ahead = if self.causal { ahead.min(place) } else { ahead };
        let counted = self.counts.as_ref().map_or(i64::MAX, |counts| counts[batch]);
        let mut is_seen = false;
        for (j, score) in row.iter_mut().enumerate() {
            let key = j as i64;
            // Keys beyond the mask's are not allowed.
            let number = added.map_or(T::ZERO, |numbers| numbers.get(j).copied().unwrap_or(T::LEAST));
            let number = if key < least || key > ahead || key >= counted { number + T::LEAST } else { number };
            is_seen |= number != T::LEAST;
            *score += number;
        }
        is_seen
    }
}

impl Heads {
    fn new(of: &Shape, heads: Option<usize>) -> Result<Heads, PredictError> {
        match (&of[..], heads) {
            (&[batch, heads, steps, size], _) => Ok(Heads { batch, heads, steps, size, is_split: false }),
            (&[batch, steps, width], Some(heads)) if heads > 0 && width.is_multiple_of(heads) => {
                Ok(Heads { batch, heads, steps, size: width / heads, is_split: true })
            }
            _ => {
                Err(refuse("batch, heads, steps and size; or three dimensions and the number of heads", of.to_string()))
            }
        }
    }

    /// Returns how many keys and values there are of the past.
    fn past(&self, keys: &Tensor, of_v: Heads, values: &Tensor) -> Result<usize, PredictError> {
        match (&keys.shape()[..], &values.shape()[..]) {
            (&[b, h, past, size], &[b2, h2, past2, size2])
                if [b, h, size] == [self.batch, self.heads, self.size]
                    && [b2, h2, past2, size2] == [self.batch, self.heads, past, of_v.size] =>
            {
                Ok(past)
            }
            _ => {
                let expected =
                    format!("keys [{}, {}, steps, {}] of the past and values", self.batch, self.heads, self.size);
                Err(refuse(expected, format!("{} and {}", keys.shape(), values.shape())))
            }
        }
    }

    /// Returns `[batch, heads, steps, size]`, with so many steps of the past before.
    fn joined<T: Float>(&self, x: &Tensor, before: Option<&Tensor>, past: usize) -> Result<Vec<T>, PredictError> {
        let from = elements::<T>(x)?;
        let before = before.map(elements::<T>).transpose()?;
        let mut all = Vec::with_capacity(from.len() + before.map_or(0, <[T]>::len));
        for (batch, head) in (0..self.batch).flat_map(|b| (0..self.heads).map(move |h| (b, h))) {
            let i = batch * self.heads + head;
            if let Some(before) = before {
                all.extend_from_slice(&before[i * past * self.size..][..past * self.size]);
            }
            for step in 0..self.steps {
                let at =
                    if self.is_split { (batch * self.steps + step) * self.heads + head } else { i * self.steps + step };
                all.extend_from_slice(&from[at * self.size..][..self.size]);
            }
        }
        Ok(all)
    }
}

fn rotary<T: Float>(args: &Args<'_>, x: &Tensor, interleaved: bool, size: usize, heads: usize) -> Done {
    let Some(mut out) = args.out(0) else { return Ok(()) };
    let of = Heads::new(x.shape(), Some(heads).filter(|heads| *heads > 0))?;
    let size = if size == 0 { of.size } else { size };
    let half = size / 2;
    if size > of.size || size % 2 != 0 {
        return Err(refuse(format!("an even number of at most {}", of.size), size.to_string()));
    }
    let (cos, sin) = (widened(&*args.get(1)?), widened(&*args.get(2)?));
    let positions = args.ints(3)?;
    let wanted = |cache: &Tensor| match (&cache.shape()[..], &positions) {
        ([_, width], Some(_)) => *width == half,
        ([batch, steps, width], None) => [*batch, *steps, *width] == [of.batch, of.steps, half],
        _ => false,
    };
    if !wanted(&cos) || !wanted(&sin) || cos.shape() != sin.shape() {
        let expected = format!("cosines and sines of {half} angles for each step of {}", x.shape());
        return Err(refuse(expected, format!("{} and {}", cos.shape(), sin.shape())));
    }
    if positions.as_ref().is_some_and(|positions| positions.len() != of.batch * of.steps) {
        return Err(refuse(format!("a position for each of {} steps", of.batch * of.steps), "others"));
    }
    let (cos, sin, from) = (elements::<T>(&cos)?, elements::<T>(&sin)?, elements::<T>(x)?);
    let result = make::<T>(&mut out, *x.shape())?;
    let angles = cos.len().checked_div(half).unwrap_or(0);
    for (batch, step) in (0..of.batch).flat_map(|b| (0..of.steps).map(move |s| (b, s))) {
        let own = batch * of.steps + step;
        let position = positions.as_ref().map_or(own as i64, |positions| positions[own]);
        let row = usize::try_from(position).ok().filter(|row| *row < angles || half == 0);
        let row = row.ok_or_else(|| refuse(format!("a position below {angles}"), position.to_string()))?;
        for head in 0..of.heads {
            let at = if of.is_split { own * of.heads + head } else { (batch * of.heads + head) * of.steps + step };
            let (from, to) = (&from[at * of.size..][..of.size], &mut result[at * of.size..][..of.size]);
            to[size..].copy_from_slice(&from[size..]);
            for i in 0..half {
                let (cos, sin) = (cos[row * half + i], sin[row * half + i]);
                let (a, b) = if interleaved { (2 * i, 2 * i + 1) } else { (i, half + i) };
                to[a] = cos * from[a] - sin * from[b];
                to[b] = sin * from[a] + cos * from[b];
            }
        }
    }
    Ok(())
}
