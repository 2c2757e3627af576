//! The product of a user's factors and an item's, as Spark's `ALSModel.transform`.

#![allow(unsafe_code)]

use model::{DType, FaultKind, FaultValue};
use plan::Factors;
use rustc_hash::FxHashMap;

use crate::frame::{Cells, Env, Home, Scratch, as_f64};

/// [`plan::RecommendOp::FactorDot`].
pub struct FactorDot {
    users: Side,
    items: Side,
    rank: usize,
    drop: bool,
}

/// The vectors of one side, found by their ids.
struct Side {
    factors: Factors,
    places: Places,
}

/// Where an id's vector stands.
enum Places {
    /// Ids that lie close together, from the first on; [`NOWHERE`] where there is none.
    Near {
        first: i32,
        places: Box<[u32]>,
    },
    Far(FxHashMap<i32, u32>),
}

/// There is no vector for the id.
const NOWHERE: u32 = u32::MAX;

/// The row's number is no id.
const NO_ID: u32 = NOWHERE - 1;

impl Side {
    fn new(factors: &Factors) -> Side {
        /// Places that a table of near ids may have for each id.
        const ROOM: usize = 4;
        let ids = &factors.ids;
        let (first, last) = (ids.first().copied().unwrap_or(0), ids.last().copied().unwrap_or(0));
        let span = (i64::from(last) - i64::from(first)) as usize + 1;
        let numbered = ids.iter().copied().zip(0..);
        let places = if span <= ids.len().saturating_mul(ROOM) {
            let mut places = vec![NOWHERE; span].into_boxed_slice();
            numbered.for_each(|(id, place)| places[(i64::from(id) - i64::from(first)) as usize] = place);
            Places::Near { first, places }
        } else {
            Places::Far(numbered.collect())
        };
        Side { factors: factors.clone(), places }
    }

    /// Writes where the vector of each row's id stands; refuses a row without an id.
    fn find_all(&self, env: &Env<'_>, ids: Home, input: usize, found: &mut Vec<u32>) {
        let cells = env.frame.cells(ids);
        let dtype = cells.dtype;
        found.clear();
        match dtype {
            DType::F32 | DType::F64 => self.find_each(&cells, env.frame.rows(), found, |cell| {
                let number = as_f64(dtype, cell);
                // A cast saturates, and makes 0 of NaN.
                Some(number as i32).filter(|&id| f64::from(id) == number)
            }),
            DType::U64 => self.find_each(&cells, env.frame.rows(), found, |cell| i32::try_from(cell).ok()),
            _ => self.find_each(&cells, env.frame.rows(), found, |cell| i32::try_from(cell as i64).ok()),
        }
        let valid = cells.valid_words().iter().zip(env.frame.live_words());
        if found.contains(&NO_ID) || valid.fold(0, |all, (valid, live)| all | live.get() & !valid.get()) != 0 {
            env.frame.each_live(|row| {
                if found[row] == NO_ID || !cells.is_valid(row) {
                    refuse(env, &cells, row, input);
                }
            });
        }
    }

    /// Looks for the ids of all rows; those that are not live or null have any.
    fn find_each(&self, cells: &Cells<'_>, rows: usize, found: &mut Vec<u32>, id: impl Fn(u64) -> Option<i32>) {
        let ids = cells.data()[..rows].iter().map(|cell| id(cell.get()));
        match &self.places {
            Places::Near { first, places } => found.extend(ids.map(|id| {
                // Below the first it wraps to what is far behind the last.
                let at = |id| (i64::from(id) - i64::from(*first)) as u64;
                let place = |id| usize::try_from(at(id)).ok().and_then(|at| places.get(at)).copied();
                id.map_or(NO_ID, |id| place(id).unwrap_or(NOWHERE))
            })),
            Places::Far(places) => {
                found.extend(ids.map(|id| id.map_or(NO_ID, |id| places.get(&id).copied().unwrap_or(NOWHERE))));
            }
        }
    }

    /// Returns a vector of `rank` elements; of what is not known, nothing.
    #[inline]
    fn vector(&self, place: u32, rank: usize) -> Option<&[f32]> {
        self.factors.values.get(place as usize * rank..)?.get(..rank).filter(|_| place < NO_ID)
    }
}

impl FactorDot {
    pub fn new(users: &Factors, items: &Factors, rank: u32, drop: bool) -> FactorDot {
        FactorDot { users: Side::new(users), items: Side::new(items), rank: rank as usize, drop }
    }

    /// Computes all rows, a column at a time, and drops what is not a number then: of what stands in rows that are not live, nothing
    /// comes out.
    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let out = env.frame.cells(output);
        let mut scratch = env.frame.scratch();
        let Scratch { rows: users, words: items, .. } = &mut *scratch;
        self.users.find_all(env, inputs[0], 0, users);
        self.items.find_all(env, inputs[1], 1, items);
        let (users, items) = (users.chunks(TOGETHER), items.chunks(TOGETHER));
        for ((users, items), out) in users.zip(items).zip(out.data().chunks(TOGETHER)) {
            let pair = |i: usize| {
                Some((self.users.vector(*users.get(i)?, self.rank)?, self.items.vector(items[i], self.rank)?))
            };
            let pairs: [_; TOGETHER] = std::array::from_fn(pair);
            let scores = match pairs {
                [Some(a), Some(b), Some(c), Some(d)] => dots_together([a, b, c, d]),
                some => some.map(|pair| pair.map_or(f32::NAN, dot)),
            };
            users.iter().zip(out).zip(scores).for_each(|((_, out), score)| out.set(u64::from(score.to_bits())));
        }
        out.valid_words().iter().for_each(|word| word.set(u64::MAX));
        if self.drop {
            env.frame.each_live(|row| {
                if f32::from_bits(out.data()[row].get() as u32).is_nan() {
                    env.skip(row);
                    out.set(row, None);
                }
            });
        }
    }
}

/// Rows whose products are added side by side: a sum waits for the one before it, those of other rows do not.
const TOGETHER: usize = 4;

/// The vectors of a row's user and item, which are equally long.
type Pair<'a> = (&'a [f32], &'a [f32]);

fn products<'a>((user, item): Pair<'a>) -> impl Iterator<Item = f32> + use<'a> {
    user.iter().zip(item).map(|(user, item)| user * item)
}

/// Returns the sum of the products, from the first element to the last.
fn dot(pair: Pair<'_>) -> f32 {
    products(pair).fold(0.0, |sum, product| sum + product)
}

#[cfg(not(target_arch = "x86_64"))]
fn dots_together(pairs: [Pair<'_>; TOGETHER]) -> [f32; TOGETHER] {
    pairs.map(dot)
}

#[cfg(target_arch = "x86_64")]
fn dots_together(pairs: [Pair<'_>; TOGETHER]) -> [f32; TOGETHER] {
    // SAFETY: every processor of this kind has SSE2.
    unsafe { dots_sse2(pairs) }
}

/// Multiplies four elements of a row at a time, and adds the products of one element in four rows: a square of sixteen lies between.
/// All vectors are equally long.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn dots_sse2(pairs: [Pair<'_>; TOGETHER]) -> [f32; TOGETHER] {
    use std::arch::x86_64::{
        __m128, _mm_add_ps, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_mul_ps, _mm_setzero_ps, _mm_storeu_ps,
        _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    /// Elements of a register.
    const WIDTH: usize = 4;
    // SAFETY: it is an array of as many numbers as are read.
    let load = |part: &[f32; WIDTH]| unsafe { _mm_loadu_ps(part.as_ptr()) };
    let vectors = pairs.map(|(user, item)| (user.as_chunks::<WIDTH>().0, item.as_chunks::<WIDTH>().0));
    let parts = vectors[0].0.len();
    let vectors = vectors.map(|(user, item)| (&user[..parts], &item[..parts]));
    let mut sums: __m128 = _mm_setzero_ps();
    for at in 0..parts {
        let [a, b, c, d] = vectors.map(|(user, item)| _mm_mul_ps(load(&user[at]), load(&item[at])));
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        sums = _mm_add_ps(sums, _mm_movelh_ps(ab, cd));
        sums = _mm_add_ps(sums, _mm_movehl_ps(cd, ab));
        let (ab, cd) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        sums = _mm_add_ps(sums, _mm_movelh_ps(ab, cd));
        sums = _mm_add_ps(sums, _mm_movehl_ps(cd, ab));
    }
    let mut out = [0.0; TOGETHER];
    // SAFETY: it is an array of as many numbers as are written.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    for (sum, pair) in out.iter_mut().zip(pairs) {
        products(pair).skip(parts * WIDTH).for_each(|product| *sum += product);
    }
    out
}

#[cold]
fn refuse(env: &Env<'_>, cells: &Cells<'_>, row: usize, input: usize) {
    match cells.get(row) {
        None => env.refuse(row, input, FaultKind::Null, FaultValue::Null),
        Some(cell) => {
            let got = FaultValue::Number(as_f64(cells.dtype, cell));
            env.refuse(row, input, FaultKind::Rule("an integer from -2147483648 to 2147483647"), got);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_side_by_side_have_the_bits_of_one_after_the_other() {
        let mut state = 3_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(state & 0xBFFF_FFFF)
        };
        for rank in 0..40 {
            let vectors: Vec<f32> = (0..2 * TOGETHER * rank).map(|_| next()).collect();
            let vector = |at: usize| &vectors[at * rank..][..rank];
            let pairs: [_; TOGETHER] = std::array::from_fn(|row| (vector(2 * row), vector(2 * row + 1)));
            let expected = pairs.map(|(user, item)| {
                let mut sum = 0.0_f32;
                for (user, item) in user.iter().zip(item) {
                    sum += user * item;
                }
                sum.to_bits()
            });
            assert_eq!(dots_together(pairs).map(f32::to_bits), expected, "{rank} factors");
            assert_eq!(pairs.map(|pair| dot(pair).to_bits()), expected, "{rank} factors, a row at a time");
        }
    }
}
