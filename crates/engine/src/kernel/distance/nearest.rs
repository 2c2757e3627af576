//! Distances to all points, or to those that are nearest.
//!
//! Of many points the nearest are kept in a bounded buffer: what is farther than the last of them is passed over, and when the
//! buffer is full its better half is kept. Equally near points stay in their order.

use plan::op::distance::Measure;

use super::measure::{Points, RUN, Refusal, Room};
use crate::frame::{Env, Home, Scratch};

/// [`plan::DistanceOp::All`].
pub struct All {
    points: Points,
}

/// [`plan::DistanceOp::Nearest`].
pub struct Nearest {
    points: Points,
    count: usize,
}

impl All {
    pub fn new(measure: &Measure, points: &[f64]) -> All {
        All { points: Points::new(measure, points) }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let frame = env.frame;
        let mut distances = outputs[0].map(|home| frame.vectors_mut(home));
        let best = outputs[1].map(|home| frame.cells(home));
        if let Some(distances) = &mut distances {
            distances.clear();
        }
        let mut scratch = frame.scratch();
        scratch.numbers.resize(self.points.fields() + self.points.len, 0.0);
        for row in 0..frame.rows() {
            let done = frame.is_live(row) && accepted(env, row, self.row(env, inputs, row, &mut scratch));
            let all = &scratch.numbers[self.points.fields()..][..self.points.len];
            if let Some(distances) = &mut distances {
                if done {
                    let start = distances.values.len();
                    distances.values.extend_from_slice(all);
                    distances.end_dense(start);
                } else {
                    distances.push_null();
                }
            }
            if let Some(best) = &best {
                let place = if done { self.best(all) } else { None };
                best.set(row, place.map(|place| (place as f64).to_bits()));
            }
        }
    }

    fn row(&self, env: &Env<'_>, inputs: &[Home], row: usize, scratch: &mut Scratch) -> Result<(), Refusal> {
        let Scratch { numbers, rows, words, .. } = scratch;
        let (values, all) = numbers.split_at_mut(self.points.fields());
        let row = self.points.read(env, inputs, row, Room { fields: rows, bits: words, values })?;
        self.points.run(&row, 0, &mut all[..self.points.len]);
        Ok(())
    }

    fn best(&self, all: &[f64]) -> Option<usize> {
        let mut best = 0;
        for (i, &distance) in all.iter().enumerate().skip(1) {
            if key(&self.points, distance) < key(&self.points, all[best]) {
                best = i;
            }
        }
        (!self.points.is_similarity() || !all[best].is_nan()).then_some(best)
    }
}

impl Nearest {
    pub fn new(measure: &Measure, points: &[f64], count: usize) -> Nearest {
        Nearest { points: Points::new(measure, points), count }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let frame = env.frame;
        let mut places = outputs[0].map(|home| frame.vectors_mut(home));
        let mut distances = outputs[1].map(|home| frame.vectors_mut(home));
        for store in [&mut places, &mut distances].into_iter().flatten() {
            store.clear();
        }
        let mut scratch = frame.scratch();
        scratch.numbers.resize(self.points.fields() + RUN, 0.0);
        for row in 0..frame.rows() {
            let done = frame.is_live(row) && accepted(env, row, self.row(env, inputs, row, &mut scratch));
            let (nearest, _) = scratch.cells.as_chunks::<2>();
            let none_alike = self.points.is_similarity() && nearest.first().is_some_and(|[key, _]| *key == FARTHEST);
            if let Some(places) = &mut places {
                if done && !none_alike {
                    let start = places.values.len();
                    places.values.extend(nearest.iter().map(|[_, place]| *place as f64));
                    places.end_dense(start);
                } else {
                    places.push_null();
                }
            }
            if let Some(distances) = &mut distances {
                if done {
                    let start = distances.values.len();
                    distances.values.extend(nearest.iter().map(|[key, _]| distance(&self.points, *key)));
                    distances.end_dense(start);
                } else {
                    distances.push_null();
                }
            }
        }
    }

    /// Leaves the nearest in the scratch's cells, each its key and its place.
    fn row(&self, env: &Env<'_>, inputs: &[Home], row: usize, scratch: &mut Scratch) -> Result<(), Refusal> {
        let Scratch { numbers, rows, words, cells, .. } = scratch;
        let (values, out) = numbers.split_at_mut(self.points.fields());
        let row = self.points.read(env, inputs, row, Room { fields: rows, bits: words, values })?;
        cells.clear();
        let mut farthest = u64::MAX;
        let room = 4 * self.count.max(16);
        for from in (0..self.points.len).step_by(RUN) {
            let out = &mut out[..RUN.min(self.points.len - from)];
            self.points.run(&row, from, out);
            for (i, &distance) in out.iter().enumerate() {
                let key = key(&self.points, distance);
                // What lies further back and is as far as the farthest kept is passed over; the first of all may be as far.
                if key < farthest || cells.len() < 2 * self.count {
                    cells.extend([key, (from + i) as u64]);
                    if cells.len() >= room {
                        self.keep(cells);
                        farthest = cells[2 * self.count - 2];
                    }
                }
            }
        }
        self.keep(cells);
        cells.as_chunks_mut::<2>().0.sort_unstable();
        Ok(())
    }

    /// Keeps the nearest, the farthest of them last.
    fn keep(&self, cells: &mut Vec<u64>) {
        let (pairs, _) = cells.as_chunks_mut::<2>();
        if pairs.len() > self.count {
            pairs.select_nth_unstable(self.count - 1);
            cells.truncate(2 * self.count);
        }
    }
}

fn accepted(env: &Env<'_>, row: usize, done: Result<(), Refusal>) -> bool {
    match done {
        Ok(()) => true,
        Err((input, kind, value)) => {
            env.refuse(row, input, kind, value);
            false
        }
    }
}

const SIGN: u64 = 1 << 63;

/// The key of NaN, which is farther than anything.
const FARTHEST: u64 = u64::MAX;

/// Returns a number that is small where a point is near, or alike.
fn key(points: &Points, distance: f64) -> u64 {
    if distance.is_nan() {
        return FARTHEST;
    }
    let bits = distance.to_bits();
    let rising = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    if points.is_similarity() { !rising } else { rising }
}

/// Returns the distance of a key.
fn distance(points: &Points, key: u64) -> f64 {
    if key == FARTHEST {
        return f64::NAN;
    }
    let rising = if points.is_similarity() { !key } else { key };
    f64::from_bits(if rising & SIGN == 0 { !rising } else { rising & !SIGN })
}
