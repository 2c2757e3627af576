//! Random numbers, seeded in the graph or by an input.
//!
//! An op whose two seeds are 0 begins anywhere; others begin at their seeds, and give TensorFlow's own numbers.

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{Drawn, RandomOp, Stream},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("RandomUniform", |lower, at| draw(lower, at, Drawn::Uniform, DType::F32)),
    row("RandomStandardNormal", |lower, at| draw(lower, at, Drawn::Normal, DType::F32)),
    row("TruncatedNormal", |lower, at| draw(lower, at, Drawn::Truncated, DType::F32)),
    row("RandomUniformInt", draw_between),
    row("RandomShuffle", |lower, at| {
        let [value] = at.args::<1>()?;
        lower.add(at, RandomOp::Shuffle { stream: stream(at) }, &[value]).map(|slot| vec![slot])
    }),
    row("Multinomial", |lower, at| {
        let [logits, count] = at.args::<2>()?;
        let op = RandomOp::Multinomial { dtype: at.dtype("output_dtype", DType::I64)?, stream: stream(at) };
        lower.add_with(at, op, &[Some(logits), None, None, Some(count)]).map(|slot| vec![slot])
    }),
    row("StatelessMultinomial", |lower, at| {
        let [logits, count, seed] = at.args::<3>()?;
        let [key, counter] = key(lower, at, seed)?;
        let op = RandomOp::Multinomial { dtype: at.dtype("output_dtype", DType::I64)?, stream: Stream::Given };
        lower.add(at, op, &[logits, key, counter, count]).map(|slot| vec![slot])
    }),
    row("StatelessRandomUniform", |lower, at| seeded(lower, at, Drawn::Uniform, DType::F32)),
    row("StatelessRandomNormal", |lower, at| seeded(lower, at, Drawn::Normal, DType::F32)),
    row("StatelessTruncatedNormal", |lower, at| seeded(lower, at, Drawn::Truncated, DType::F32)),
    row("StatelessRandomUniformInt", |lower, at| seeded(lower, at, Drawn::Between, DType::I64)),
    row("StatelessRandomUniformFullInt", |lower, at| seeded(lower, at, Drawn::Whole, DType::U64)),
    row("StatelessRandomUniformV2", |lower, at| keyed(lower, at, Drawn::Uniform, DType::F32)),
    row("StatelessRandomNormalV2", |lower, at| keyed(lower, at, Drawn::Normal, DType::F32)),
    row("StatelessTruncatedNormalV2", |lower, at| keyed(lower, at, Drawn::Truncated, DType::F32)),
    row("StatelessRandomUniformIntV2", |lower, at| keyed(lower, at, Drawn::Between, DType::I64)),
    row("StatelessRandomUniformFullIntV2", |lower, at| keyed(lower, at, Drawn::Whole, DType::U64)),
    row("StatelessRandomGetKeyCounter", |lower, at| {
        let [seed] = at.args::<1>()?;
        key(lower, at, seed).map(Vec::from)
    }),
    row("StatelessRandomGetKeyCounterAlg", |lower, at| {
        let [seed] = at.args::<1>()?;
        let [key, counter] = key(lower, at, seed)?;
        Ok(vec![key, counter, lower.constant(Tensor::scalar(PHILOX))])
    }),
    row("StatelessRandomGetAlg", |lower, _| Ok(vec![lower.constant(Tensor::scalar(PHILOX))])),
];

/// TensorFlow's numbers of generators: this one, and the one that a processor of this kind takes by itself.
const PHILOX: i32 = 1;
const AUTO: i32 = 3;

/// Returns where the op's own generator begins.
fn stream(at: &At<'_, '_>) -> Stream {
    let seed = |name: &str| at.site.int(name).unwrap_or(0) as u64;
    match [seed("seed"), seed("seed2")] {
        [0, 0] => Stream::Any,
        seeds => Stream::Seeds(seeds),
    }
}

fn draw(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, drawn: Drawn, default: DType) -> Slots {
    let [shape] = at.args::<1>()?;
    let op = RandomOp::Draw { drawn, dtype: at.dtype("dtype", default)?, stream: stream(at) };
    lower.add_with(at, op, &[Some(shape)]).map(|slot| vec![slot])
}

fn draw_between(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [shape, low, high] = at.args::<3>()?;
    let dtype = lower.dtype(low).unwrap_or(DType::I32);
    let op = RandomOp::Draw { drawn: Drawn::Between, dtype, stream: stream(at) };
    lower.add_with(at, op, &[Some(shape), None, None, Some(low), Some(high)]).map(|slot| vec![slot])
}

fn key(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, seed: SlotId) -> Result<[SlotId; 2], ReadError> {
    let slots = lower.add_many(at, RandomOp::Key, &[Some(seed)])?;
    Ok([slots[0], slots[1]])
}

/// Draws by two seeds.
fn seeded(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, drawn: Drawn, default: DType) -> Slots {
    let (shape, seed) = (at.arg(0)?, at.arg(1)?);
    let [key, counter] = key(lower, at, seed)?;
    let ends = &at.inputs[2..];
    given(lower, at, drawn, default, [shape, key, counter], ends)
}

/// Draws by a generator's state.
fn keyed(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, drawn: Drawn, default: DType) -> Slots {
    let (state, alg) = ([at.arg(0)?, at.arg(1)?, at.arg(2)?], at.arg(3)?);
    match lower.known_ints(alg).as_deref() {
        Some([alg]) if [PHILOX.into(), AUTO.into()].contains(alg) => {}
        _ => return Err(at.unimplemented("a generator other than Philox")),
    }
    let ends = &at.inputs[4..];
    given(lower, at, drawn, default, state, ends)
}

fn given(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    drawn: Drawn,
    default: DType,
    [shape, key, counter]: [SlotId; 3],
    ends: &[SlotId],
) -> Slots {
    let op = RandomOp::Draw { drawn, dtype: at.dtype("dtype", default)?, stream: Stream::Given };
    let fits = ends.len() == if drawn == Drawn::Between { 2 } else { 0 };
    if !fits {
        return Err(at.fault(format_args!("has {} inputs", at.inputs.len())));
    }
    let inputs: Vec<SlotId> = [shape, key, counter].iter().chain(ends).copied().collect();
    lower.add(at, op, &inputs).map(|slot| vec![slot])
}
