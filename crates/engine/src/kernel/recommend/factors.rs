//! The product of a user's factors and an item's, as Spark's `ALSModel.transform`.

use model::{DType, FaultKind, FaultValue};
use plan::Factors;
use rustc_hash::FxHashMap;

use crate::frame::{Cells, Env, Home, as_f64};

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

    #[inline]
    fn find(&self, id: i32, rank: usize) -> Option<&[f32]> {
        let place = match &self.places {
            Places::Near { first, places } => {
                // Below the first it wraps to what is far behind the last.
                let at = (i64::from(id) - i64::from(*first)) as u64;
                *places.get(usize::try_from(at).ok()?)?
            }
            Places::Far(places) => *places.get(&id)?,
        };
        let start = place as usize * rank;
        self.factors.values.get(start..start + rank).filter(|_| place != NOWHERE)
    }
}

impl FactorDot {
    pub fn new(users: &Factors, items: &Factors, rank: u32, drop: bool) -> FactorDot {
        FactorDot { users: Side::new(users), items: Side::new(items), rank: rank as usize, drop }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let (users, items) = (env.frame.cells(inputs[0]), env.frame.cells(inputs[1]));
        let out = env.frame.cells(output);
        let mut some = [Pair::default(); TOGETHER];
        let mut count = 0;
        env.frame.each_live(|row| {
            let (Some(user), Some(item)) = (id(env, &users, row, 0), id(env, &items, row, 1)) else {
                return out.set(row, None);
            };
            match (self.users.find(user, self.rank), self.items.find(item, self.rank)) {
                (Some(user), Some(item)) => some[count] = Pair { row, user, item },
                _ => return self.end(env, &out, row, f32::NAN),
            }
            count += 1;
            if count == TOGETHER {
                count = 0;
                let scores = dots(some, self.rank);
                some.iter().zip(scores).for_each(|(pair, score)| self.end(env, &out, pair.row, score));
            }
        });
        for pair in &some[..count] {
            let [score] = dots([*pair], self.rank);
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
const TOGETHER: usize = 8;

/// A row's two vectors.
#[derive(Clone, Copy, Default)]
struct Pair<'a> {
    row: usize,
    user: &'a [f32],
    item: &'a [f32],
}

/// Returns the sums of the products of vectors of `rank` elements, each from the first element to the last.
#[inline(always)]
fn dots<const N: usize>(pairs: [Pair<'_>; N], rank: usize) -> [f32; N] {
    let pairs = pairs.map(|pair| (&pair.user[..rank], &pair.item[..rank]));
    let mut sums = [0.0; N];
    for at in 0..rank {
        for (sum, (user, item)) in sums.iter_mut().zip(pairs) {
            *sum += user[at] * item[at];
        }
    }
    sums
}

/// Returns the id of a row that is still live, or refuses the row.
#[inline]
fn id(env: &Env<'_>, cells: &Cells<'_>, row: usize, input: usize) -> Option<i32> {
    let Some(cell) = cells.get(row) else {
        env.refuse(row, input, FaultKind::Null, FaultValue::Null);
        return None;
    };
    let id = match cells.dtype {
        DType::F32 | DType::F64 => {
            let number = as_f64(cells.dtype, cell);
            // A cast saturates, and makes 0 of NaN.
            Some(number as i32).filter(|&id| f64::from(id) == number)
        }
        DType::U64 => i32::try_from(cell).ok(),
        _ => i32::try_from(cell as i64).ok(),
    };
    if id.is_none() {
        let got = FaultValue::Number(as_f64(cells.dtype, cell));
        env.refuse(row, input, FaultKind::Rule("an integer from -2147483648 to 2147483647"), got);
    }
    id
}
