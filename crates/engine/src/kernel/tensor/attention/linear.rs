//! Attention by a state that each step changes and reads.

use model::{PredictError, Shape};
use plan::tensor::attention::Update;

use super::{Args, Done, Float, Heads, Tensor, elements, make, refuse, shape, widened};

pub(super) fn run<T: Float>(
    args: &Args<'_>,
    x: &Tensor,
    update: Update,
    [heads, kv_heads]: [usize; 2],
    scale: Option<f32>,
) -> Done {
    let (keys, values) = (widened(&*args.get(1)?), widened(&*args.get(2)?));
    let (q, v) = heads_of(x, &keys, &values, [heads, kv_heads])?;
    let optional = |i: usize| args.opt(i).map(|tensor| widened(&tensor));
    let (state, decay, beta) = (optional(3), optional(4), optional(5));
    if decay.is_some() != update.is_gated || beta.is_some() != update.is_delta {
        return Err(refuse("decay and beta where the rule takes them, and nowhere else", "others"));
    }
    let of_state = shape(&[q.batch, kv_heads, q.size, v.size])?;
    if let Some(state) = state.as_ref().filter(|state| *state.shape() != of_state) {
        return Err(refuse(format!("a state {of_state}"), state.shape().to_string()));
    }
    // Of a step: one for each head, or for each of its keys' numbers; of beta one for all heads, too.
    let width = |tensor: &Option<Tensor>, allowed: [usize; 2]| match tensor.as_ref().map(|tensor| &tensor.shape()[..]) {
        None => Ok(0),
        Some(&[batch, steps, width]) if [batch, steps] == [q.batch, q.steps] && allowed.contains(&width) => Ok(width),
        Some(other) => Err(refuse(format!("{allowed:?} numbers for each step"), format!("{other:?}"))),
    };
    let decays = width(&decay, [kv_heads, kv_heads * q.size])?;
    let betas = width(&beta, [kv_heads, 1])?;
    let scale = match scale {
        Some(scale) if scale != 0.0 => T::from_f64(scale.into()),
        _ => T::from_f64(1.0 / libm::sqrt(q.size as f64)),
    };
    let mut states = begin::<T>(state.as_ref(), of_state)?;
    let (from, keys, values) = (elements::<T>(x)?, elements::<T>(&keys)?, elements::<T>(&values)?);
    let decay = decay.as_ref().map(elements::<T>).transpose()?;
    let beta = beta.as_ref().map(elements::<T>).transpose()?;
    let mut out = args.out(0);
    let to = shape(&[q.batch, q.steps, heads * v.size])?;
    let mut result = out.as_deref_mut().map(|out| make::<T>(out, to)).transpose()?;
    let mut written = vec![T::ZERO; v.size];
    for (batch, head) in (0..q.batch).flat_map(|b| (0..kv_heads).map(move |h| (b, h))) {
        let state = &mut states[(batch * kv_heads + head) * q.size * v.size..][..q.size * v.size];
        for step in 0..q.steps {
            let row = batch * q.steps + step;
            let key = &keys[(row * kv_heads + head) * q.size..][..q.size];
            if let Some(decay) = decay {
                let at = |d: usize| if decays == kv_heads { head } else { head * q.size + d };
                fade(state, v.size, |d| decay[row * decays + at(d)].exp());
            }
            written.copy_from_slice(&values[(row * kv_heads + head) * v.size..][..v.size]);
            if let Some(beta) = beta {
                let beta = beta[row * betas + if betas == 1 { 0 } else { head }];
                correct(&mut written, state, key, beta);
            }
            for (state, &k) in state.chunks_exact_mut(v.size.max(1)).zip(key) {
                state.iter_mut().zip(&written).for_each(|(state, &value)| *state += k * value);
            }
            let Some(result) = &mut result else { continue };
            for reader in head * (heads / kv_heads)..(head + 1) * (heads / kv_heads) {
                let at = row * heads + reader;
                let query = &from[at * q.size..][..q.size];
                read(&mut result[at * v.size..][..v.size], state, query, scale);
            }
        }
    }
    if let Some(mut out) = args.out(1) {
        make::<T>(&mut out, of_state)?.copy_from_slice(&states);
    }
    Ok(())
}

/// Returns the state that the first step finds.
fn begin<T: Float>(state: Option<&Tensor>, shape: Shape) -> Result<Vec<T>, PredictError> {
    const STATE_MAX: usize = 1 << 26;
    match (state, shape.checked_elements().filter(|n| *n <= STATE_MAX)) {
        (Some(state), _) => Ok(elements::<T>(state)?.to_vec()),
        (None, Some(n)) => Ok(vec![T::ZERO; n]),
        (None, None) => Err(refuse(format!("a state of at most {STATE_MAX} numbers"), shape.to_string())),
    }
}

/// Makes each row of the state smaller by its factor.
fn fade<T: Float>(state: &mut [T], size: usize, factor: impl Fn(usize) -> T) {
    for (d, row) in state.chunks_exact_mut(size.max(1)).enumerate() {
        let factor = factor(d);
        row.iter_mut().for_each(|x| *x *= factor);
    }
}

/// Leaves of what is to be written what the state does not have at this key yet, in part.
fn correct<T: Float>(written: &mut [T], state: &[T], key: &[T], beta: T) {
    let size = written.len();
    for (m, written) in written.iter_mut().enumerate() {
        let has = key.iter().enumerate().fold(T::ZERO, |sum, (d, &k)| sum + state[d * size + m] * k);
        *written = beta * (*written - has);
    }
}

/// Writes what the state has at a query.
fn read<T: Float>(to: &mut [T], state: &[T], query: &[T], scale: T) {
    let size = to.len();
    for (m, to) in to.iter_mut().enumerate() {
        let sum = query.iter().enumerate().fold(T::ZERO, |sum, (d, &q)| sum + q * state[d * size + m]);
        *to = scale * sum;
    }
}

/// Returns how queries and values are divided among their heads, keys being as the queries.
fn heads_of(
    x: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    [heads, kv_heads]: [usize; 2],
) -> Result<(Heads, Heads), PredictError> {
    if x.rank() != 3 || keys.rank() != 3 || values.rank() != 3 {
        return Err(refuse("tensors of rank 3", format!("{}, {}, {}", x.shape(), keys.shape(), values.shape())));
    }
    let q = Heads::new(x.shape(), Some(heads))?;
    let (k, v) = (Heads::new(keys.shape(), Some(kv_heads))?, Heads::new(values.shape(), Some(kv_heads))?);
    let alike = [k.batch, k.steps, k.size] == [q.batch, q.steps, q.size] && [v.batch, v.steps] == [q.batch, q.steps];
    if !alike || !heads.is_multiple_of(kv_heads) {
        let expected = format!("keys and values for queries {}", x.shape());
        return Err(refuse(expected, format!("{} and {}", keys.shape(), values.shape())));
    }
    Ok((q, v))
}
