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

const NOWHERE: u32 = u32::MAX;

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
        match dtype {
            DType::F32 | DType::F64 => self.find_each(env, &cells, input, found, |cell| {
                let number = as_f64(dtype, cell);
                // A cast saturates, and makes 0 of NaN.
                Some(number as i32).filter(|&id| f64::from(id) == number)
            }),
            DType::U64 => self.find_each(env, &cells, input, found, |cell| i32::try_from(cell).ok()),
            _ => self.find_each(env, &cells, input, found, |cell| i32::try_from(cell as i64).ok()),
        }
    }

    #[inline]
    fn find_each(
        &self,
        env: &Env<'_>,
        cells: &Cells<'_>,
        input: usize,
        found: &mut Vec<u32>,
        id: impl Fn(u64) -> Option<i32>,
    ) {
        found.clear();
        found.resize(env.frame.rows(), NOWHERE);
        env.frame.each_live(|row| match cells.get(row).and_then(&id) {
            Some(id) => found[row] = self.place(id),
            None => refuse(env, cells, row, input),
        });
    }

    #[inline]
    fn place(&self, id: i32) -> u32 {
        match &self.places {
            Places::Near { first, places } => {
                // Below the first it wraps to what is far behind the last.
                let at = (i64::from(id) - i64::from(*first)) as u64;
                usize::try_from(at).ok().and_then(|at| places.get(at)).copied().unwrap_or(NOWHERE)
            }
            Places::Far(places) => places.get(&id).copied().unwrap_or(NOWHERE),
        }
    }

    #[inline]
    fn vector(&self, place: u32, rank: usize) -> Option<&[f32]> {
        self.factors.values.get(place as usize * rank..)?.get(..rank).filter(|_| place != NOWHERE)
    }
}

impl FactorDot {
    pub fn new(users: &Factors, items: &Factors, rank: u32, drop: bool) -> FactorDot {
        FactorDot { users: Side::new(users), items: Side::new(items), rank: rank as usize, drop }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let out = env.frame.cells(output);
        let mut scratch = env.frame.scratch();
        let Scratch { rows: users, words: items, .. } = &mut *scratch;
        self.users.find_all(env, inputs[0], 0, users);
        self.items.find_all(env, inputs[1], 1, items);
        let mut some = [Pair::default(); TOGETHER];
        let mut count = 0;
        env.frame.each_live(|row| {
            match (self.users.vector(users[row], self.rank), self.items.vector(items[row], self.rank)) {
                (Some(user), Some(item)) => some[count] = Pair { row, user, item },
                _ => return self.end(env, &out, row, f32::NAN),
            }
            count += 1;
            if count == TOGETHER {
                count = 0;
                let scores = dots_together(some);
                some.iter().zip(scores).for_each(|(pair, score)| self.end(env, &out, pair.row, score));
            }
        });
        for pair in &some[..count] {
            let [score] = dots([*pair]);
            self.end(env, &out, pair.row, score);
        }
    }

    fn end(&self, env: &Env<'_>, out: &Cells<'_>, row: usize, score: f32) {
        if self.drop && score.is_nan() {
            env.skip(row);
            return out.set(row, None);
        }
        out.set(row, Some(u64::from(score.to_bits())));
    }
}

/// Rows whose products are added side by side: a sum waits for the one before it, those of other rows do not.
const TOGETHER: usize = 4;

/// A row's two vectors, which are equally long.
#[derive(Clone, Copy, Default)]
struct Pair<'a> {
    row: usize,
    user: &'a [f32],
    item: &'a [f32],
}

impl<'a> Pair<'a> {
    /// Returns the products of the vectors' elements.
    fn products(self) -> impl Iterator<Item = f32> + use<'a> {
        self.user.iter().zip(self.item).map(|(user, item)| user * item)
    }
}

/// Returns the sums of the products of the vectors, each from the first element to the last.
fn dots<const N: usize>(pairs: [Pair<'_>; N]) -> [f32; N] {
    pairs.map(|pair| pair.products().fold(0.0, |sum, product| sum + product))
}

#[cfg(not(target_arch = "x86_64"))]
fn dots_together(pairs: [Pair<'_>; TOGETHER]) -> [f32; TOGETHER] {
    dots(pairs)
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
    let vectors = pairs.map(|pair| (pair.user.as_chunks::<WIDTH>().0, pair.item.as_chunks::<WIDTH>().0));
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
        pair.products().skip(parts * WIDTH).for_each(|product| *sum += product);
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
            let pairs: [_; TOGETHER] =
                std::array::from_fn(|row| Pair { row, user: vector(2 * row), item: vector(2 * row + 1) });
            let expected = pairs.map(|pair| {
                let mut sum = 0.0_f32;
                for (user, item) in pair.user.iter().zip(pair.item) {
                    sum += user * item;
                }
                sum.to_bits()
            });
            assert_eq!(dots_together(pairs).map(f32::to_bits), expected, "{rank} factors");
            assert_eq!(dots(pairs).map(f32::to_bits), expected, "{rank} factors, a row at a time");
        }
    }
}
