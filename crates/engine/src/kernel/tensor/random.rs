//! Random numbers, bit for bit as TensorFlow draws them from Philox where seeds say how.
//!
//! Sources: TensorFlow's `core/lib/random/random_distributions.h`, `core/kernels/{random_op_cpu.h,multinomial_op.cc,
//! random_shuffle_op.cc,stateless_random_ops.cc}`. Of a draw's order TensorFlow promises no more than this one thread does.

mod philox;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::atomic::{AtomicU64, Ordering},
};

use model::{
    Call, DType, PredictError, Shape, Tensor, each_element,
    tensor::{Element, bf16, f16},
};
use plan::tensor::{Drawn, RandomOp, Stream};

use self::philox::{Philox, Words};
use super::{Args, Done, float::widened, ints, layout::shape_of, refuse, refuse_type, shape, too_large};
use crate::kernel::Site;

/// Blocks of four words that belong to an element, whether it needs them or not.
const BLOCKS_EACH: u64 = 256;

/// Groups of elements between two looks at the clock.
const GROUPS_UNCHECKED: usize = 1 << 14;

/// An op of the family, ready to run, and how far its generator is.
pub(super) struct RandomKernel {
    op: RandomOp,
    seeds: [u64; 2],
    blocks: AtomicU64,
    /// Tells apart the ops of one model, where the caller gives one seed for all.
    step: u64,
}

impl RandomKernel {
    pub(super) fn new(op: &RandomOp, site: &Site<'_>) -> RandomKernel {
        let stream = match op {
            RandomOp::Draw { stream, .. } | RandomOp::Multinomial { stream, .. } | RandomOp::Shuffle { stream } => {
                *stream
            }
            RandomOp::Key => Stream::Given,
        };
        let any = || RandomState::new().build_hasher().finish();
        let seeds = match stream {
            Stream::Seeds(seeds) => seeds,
            Stream::Any => [any(), any()],
            Stream::Given => [0; 2],
        };
        let step = site
            .step
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        RandomKernel { op: *op, seeds, blocks: AtomicU64::new(0), step }
    }

    /// Returns the generator for this call, and leaves so many blocks to it alone.
    fn generator(&self, args: &Args<'_>, stream: Stream, blocks: u64) -> Result<Philox, PredictError> {
        if stream == Stream::Given {
            let numbers = |i: usize, n: usize| {
                let tensor = args.get(i)?;
                match tensor.get::<u64>() {
                    Some(numbers) if numbers.len() >= n => Ok(numbers.to_vec()),
                    _ => {
                        Err(refuse(format!("{n} numbers of uint64 as a generator's state"), tensor.shape().to_string()))
                    }
                }
            };
            let (key, counter) = (numbers(1, 1)?, numbers(2, 2)?);
            return Ok(Philox::new(key[0], u128::from(counter[1]) << 64 | u128::from(counter[0])));
        }
        if stream == Stream::Any && args.call.seed != 0 {
            return Ok(Philox::new(args.call.seed, u128::from(self.step) << 64));
        }
        let first = self.blocks.fetch_add(blocks, Ordering::Relaxed);
        let mut philox = Philox::new(self.seeds[0], u128::from(self.seeds[1]) << 64);
        philox.skip(first);
        Ok(philox)
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match self.op {
            RandomOp::Draw { drawn, dtype, stream } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                let to = shape_of(&*args.get(0)?)?;
                let count =
                    to.checked_elements().ok_or_else(|| refuse("a shape that a tensor can have", to.to_string()))?;
                let generator = self.generator(args, stream, (count as u64).wrapping_mul(BLOCKS_EACH))?;
                Draw { args, to, generator }.run(drawn, dtype, &mut out)
            }
            RandomOp::Multinomial { dtype, stream } => self.multinomial(args, dtype, stream),
            RandomOp::Shuffle { stream } => self.shuffle(args, stream),
            RandomOp::Key => key(args),
        }
    }

    fn multinomial(&self, args: &Args<'_>, dtype: DType, stream: Stream) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let logits = widened(&*args.get(0)?);
        let &[rows, classes] = &**logits.shape() else {
            return Err(refuse("a row of numbers of classes for each draw", logits.shape().to_string()));
        };
        let count = match args.ints(3)?.as_deref() {
            Some(&[count]) => usize::try_from(count).map_err(|_| refuse("how many to draw", count.to_string()))?,
            other => return Err(refuse("one number of draws", format!("{other:?}"))),
        };
        if classes == 0 && rows > 0 && count > 0 {
            return Err(refuse("one class at least", "none"));
        }
        let to = shape(&[rows, count])?;
        // Before it is drawn, so that what is too large takes no part of the stream.
        let mut drawn = Tensor::default();
        let classes_drawn = drawn.make::<i64>(to).map_err(too_large)?;
        // A float64 takes two words.
        let blocks = (rows as u64).wrapping_mul(2 * count.next_multiple_of(4) as u64).wrapping_mul(BLOCKS_EACH);
        let mut words = Words::new(self.generator(args, stream, blocks)?);
        if !classes_drawn.is_empty() {
            for (row, to) in numbers(&logits)?.chunks(classes).zip(classes_drawn.chunks_mut(count)) {
                args.call.check()?;
                pick(row, &mut words, to);
            }
        }
        match dtype {
            DType::I32 => {
                let narrow: Vec<i32> = classes_drawn.iter().map(|&class| class as i32).collect();
                *out = Tensor::new(&to, narrow).map_err(too_large)?;
            }
            _ => *out = drawn,
        }
        Ok(())
    }

    fn shuffle(&self, args: &Args<'_>, stream: Stream) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let x = args.get(0)?;
        let entries = x.shape().first().copied().unwrap_or(1);
        if entries <= 1 {
            *out = x.clone();
            return Ok(());
        }
        let mut words = Words::new(self.generator(args, stream, (entries - 1).div_ceil(4) as u64)?);
        let mut order: Vec<usize> = (0..entries).collect();
        for i in 0..entries - 1 {
            order.swap(i, i + words.next() as usize % (entries - i));
        }
        fn of<T: Element>(from: &[T], of: &Shape, order: &[usize], out: &mut Tensor) -> Done {
            let inner = from.len() / order.len();
            let to = out.make::<T>(*of).map_err(too_large)?;
            for (i, &entry) in order.iter().enumerate() {
                to[i * inner..(i + 1) * inner].clone_from_slice(&from[entry * inner..(entry + 1) * inner]);
            }
            Ok(())
        }
        each_element!(x.data(), elements => of(elements, x.shape(), &order, &mut out))
    }
}

/// Returns the numbers as float64.
fn numbers(x: &Tensor) -> Result<Vec<f64>, PredictError> {
    match (x.get::<f32>(), x.get::<f64>()) {
        (Some(numbers), _) => Ok(numbers.iter().map(|&x| x.into()).collect()),
        (_, Some(numbers)) => Ok(numbers.to_vec()),
        _ => Ok(ints(x)?.into_iter().map(|x| x as f64).collect()),
    }
}

/// Draws classes by the sums of their weights.
fn pick(row: &[f64], words: &mut Words, to: &mut [i64]) {
    let most = row.iter().copied().filter(|x| x.is_finite()).fold(f64::MIN, f64::max);
    let mut sum = 0.0;
    let sums: Vec<f64> = row
        .iter()
        .map(|x| {
            sum += if x.is_finite() { libm::exp(x - most) } else { 0.0 };
            sum
        })
        .collect();
    for class in to {
        let (low, high) = (words.next(), words.next());
        let at = unit64(low, high) * sum;
        *class = sums.partition_point(|sum| *sum <= at) as i64;
    }
}

/// The key is scrambled, so that it does not matter which bits of the seeds are used.
fn key(args: &Args<'_>) -> Done {
    let Some(seeds) = args.ints(0)? else { return Err(refuse("two seeds", "none")) };
    let &[low, high] = &seeds[..] else { return Err(refuse("two seeds", format!("{seeds:?}"))) };
    let counter = u128::from(high as u64) << 64 | u128::from(low as u64);
    let mixed = Philox::new(0x0246_1e29_3ec8_f720, counter).next();
    let pair = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    if let Some(mut out) = args.out(0) {
        *out = Tensor::vector(vec![pair(mixed[0], mixed[1])]);
    }
    if let Some(mut out) = args.out(1) {
        *out = Tensor::vector(vec![0, pair(mixed[2], mixed[3])]);
    }
    Ok(())
}

/// Numbers to be drawn.
struct Draw<'a> {
    args: &'a Args<'a>,
    to: Shape,
    generator: Philox,
}

impl Draw<'_> {
    fn run(self, drawn: Drawn, dtype: DType, out: &mut Tensor) -> Done {
        match (drawn, dtype) {
            (Drawn::Uniform, DType::F32) => self.fill(out, |block| block.map(unit32)),
            (Drawn::Uniform, DType::F64) => self.fill(out, |[a, b, c, d]| [unit64(a, b), unit64(c, d)]),
            (Drawn::Uniform, DType::F16) => self.fill(out, |block| {
                block.map(|x| f16::from_f32(f16::from_bits(0x3c00 | x as u16 & 0x3ff).to_f32() - 1.0))
            }),
            (Drawn::Uniform, DType::BF16) => self.fill(out, |block| {
                block.map(|x| bf16::from_f32(bf16::from_bits(0x3f80 | x as u16 & 0x7f).to_f32() - 1.0))
            }),
            (Drawn::Normal, DType::F32) => self.fill(out, normals),
            (Drawn::Normal, DType::F64) => self.fill(out, |[a, b, c, d]| normal_pair(unit64(a, b), unit64(c, d))),
            (Drawn::Normal, DType::F16) => self.fill(out, |block| normals(block).map(f16::from_f32)),
            (Drawn::Normal, DType::BF16) => self.fill(out, |block| normals(block).map(bf16::from_f32)),
            (Drawn::Truncated, DType::F32) => self.truncated(out, near32),
            (Drawn::Truncated, DType::F64) => self.truncated(out, near64),
            (Drawn::Truncated, DType::F16) => self.truncated(out, |words| near32(words).map(f16::from_f32)),
            (Drawn::Truncated, DType::BF16) => self.truncated(out, |words| near32(words).map(bf16::from_f32)),
            (Drawn::Whole, DType::I32) => self.fill(out, |block| block.map(|x| x as i32)),
            (Drawn::Whole, DType::U32) => self.fill(out, |block| block),
            (Drawn::Whole, DType::I64) => self.fill(out, |[a, b, c, d]| [wide(a, b) as i64, wide(c, d) as i64]),
            (Drawn::Whole, DType::U64) => self.fill(out, |[a, b, c, d]| [wide(a, b), wide(c, d)]),
            (Drawn::Between, DType::I32) => {
                let [low, high] = self.ends::<i32>()?;
                let range = high.wrapping_sub(low) as u32;
                self.fill(out, move |block| block.map(|x| low.wrapping_add((x % range) as i32)))
            }
            (Drawn::Between, DType::I64) => {
                let [low, high] = self.ends::<i64>()?;
                let range = high.wrapping_sub(low) as u64;
                let one = move |a, b| low.wrapping_add((wide(a, b) % range) as i64);
                self.fill(out, move |[a, b, c, d]| [one(a, b), one(c, d)])
            }
            _ => Err(PredictError::Unimplemented { what: format!("random numbers of {dtype}") }),
        }
    }

    /// Returns the least number, and what all are below.
    fn ends<T: Element + PartialOrd + Copy>(&self) -> Result<[T; 2], PredictError> {
        let end = |i: usize| {
            let tensor = self.args.get(i)?;
            match tensor.get::<T>() {
                Some(&[end]) => Ok(end),
                Some(_) => Err(refuse("one number as an end", tensor.shape().to_string())),
                None => Err(refuse_type(&tensor)),
            }
        };
        let (low, high) = (end(3)?, end(4)?);
        if low < high { Ok([low, high]) } else { Err(refuse(format!("an end above {low:?}"), format!("{high:?}"))) }
    }

    /// Fills the output, a block of words after the other.
    fn fill<T: Element + Copy, const N: usize>(self, out: &mut Tensor, draw: impl Fn([u32; 4]) -> [T; N]) -> Done {
        let mut generator = self.generator;
        groups::<T, N>(out, self.to, self.args.call, |_| draw(generator.next()))
    }

    /// Fills the output; each group of elements has words of its own, however many it needs.
    fn truncated<T: Element + Copy, const N: usize>(
        self,
        out: &mut Tensor,
        draw: impl Fn(&mut Words) -> [T; N],
    ) -> Done {
        let generator = self.generator;
        groups::<T, N>(out, self.to, self.args.call, |group| {
            let mut own = generator;
            own.skip((group as u64).wrapping_mul(N as u64 * BLOCKS_EACH / 4));
            draw(&mut Words::new(own))
        })
    }
}

fn groups<T: Element + Copy, const N: usize>(
    out: &mut Tensor,
    to: Shape,
    call: &Call,
    mut draw: impl FnMut(usize) -> [T; N],
) -> Done {
    let elements = out.make::<T>(to).map_err(too_large)?;
    for (group, to) in elements.chunks_mut(N).enumerate() {
        if group % GROUPS_UNCHECKED == 0 {
            call.check()?;
        }
        to.copy_from_slice(&draw(group)[..to.len()]);
    }
    Ok(())
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Returns a number from 0 to 1 whose mantissa these bits are.
fn unit32(x: u32) -> f32 {
    f32::from_bits(0x3f80_0000 | x & 0x7f_ffff) - 1.0
}

fn unit64(high: u32, low: u32) -> f64 {
    f64::from_bits(0x3ff0_0000_0000_0000 | u64::from(high & 0xf_ffff) << 32 | u64::from(low)) - 1.0
}

/// Returns two numbers about 0 (Box and Muller).
fn normal_pair32(a: u32, b: u32) -> [f32; 2] {
    let angle = (2.0 * std::f64::consts::PI * f64::from(unit32(b))) as f32;
    let far = (-2.0 * libm::logf(unit32(a).max(1e-7))).sqrt();
    let (sin, cos) = libm::sincosf(angle);
    [sin * far, cos * far]
}

fn normal_pair(a: f64, b: f64) -> [f64; 2] {
    let far = (-2.0 * libm::log(a.max(1e-7))).sqrt();
    let (sin, cos) = libm::sincos(2.0 * std::f64::consts::PI * b);
    [sin * far, cos * far]
}

fn normals([a, b, c, d]: [u32; 4]) -> [f32; 4] {
    let ([a, b], [c, d]) = (normal_pair32(a, b), normal_pair32(c, d));
    [a, b, c, d]
}

/// Tries of one group of elements: many more than there are words for it.
const TRIES: usize = 1024;

fn near32(words: &mut Words) -> [f32; 4] {
    near(|| normal_pair32(words.next(), words.next()), |x| x.abs() < 2.0)
}

fn near64(words: &mut Words) -> [f64; 2] {
    near(
        || {
            let [a, b, c, d] = [words.next(), words.next(), words.next(), words.next()];
            normal_pair(unit64(a, b), unit64(c, d))
        },
        |x| x.abs() < 2.0,
    )
}

/// Takes numbers of pairs that are near enough, in their order.
fn near<T: Copy + Default, const N: usize>(mut pair: impl FnMut() -> [T; 2], is_near: impl Fn(T) -> bool) -> [T; N] {
    let (mut found, mut count) = ([T::default(); N], 0);
    for _ in 0..TRIES {
        for x in pair() {
            if is_near(x) {
                found[count] = x;
                count += 1;
                if count == N {
                    return found;
                }
            }
        }
    }
    found
}
