//! How far a row is from points.
//!
//! The points lie field by field, so that a run of them is compared with a row's value in one loop; what is summed for a point is
//! summed in the order of the fields. Zeros and ones lie as bits.

use model::{FaultKind, FaultValue};
use plan::op::distance::{Compare, Comparison, Measure, Metric};

use super::rounded;
use crate::frame::{Env, Home};

/// Points that are measured together.
pub const RUN: usize = 64;

/// Points, and the measure to them.
pub struct Points {
    measure: Measure,
    pub len: usize,
    /// Field after field, a number a point; empty for zeros and ones.
    columns: Box<[f64]>,
    /// Point after point, the fields as bits; only of zeros and ones.
    bits: Box<[u32]>,
    words: usize,
    /// Whether any point lacks a field.
    gaps: bool,
}

/// A row, read.
pub struct Row<'a> {
    /// The fields that are there, and their values.
    fields: &'a [u32],
    values: &'a [f64],
    /// The fields as bits; only of zeros and ones.
    bits: &'a [u32],
    /// What sums are multiplied by; NaN where there is no similarity.
    adjustment: f64,
}

/// Room for a row.
pub struct Room<'a> {
    pub fields: &'a mut Vec<u32>,
    pub bits: &'a mut Vec<u32>,
    /// As many as there are fields.
    pub values: &'a mut [f64],
}

/// What a row is refused with, and the input that is to blame.
pub type Refusal = (usize, FaultKind, FaultValue);

impl Points {
    pub fn new(measure: &Measure, points: &[f64]) -> Points {
        let fields = measure.fields.len();
        let len = points.len() / fields;
        let words = fields.div_ceil(32);
        let (mut columns, mut bits) = (Vec::new(), Vec::new());
        if measure.is_similarity() {
            bits = vec![0_u32; words * len];
            for (i, _) in points.iter().enumerate().filter(|(_, p)| **p == 1.0) {
                let (point, field) = (i / fields, i % fields);
                bits[point * words + field / 32] |= 1 << (field % 32);
            }
        } else {
            columns.extend((0..fields).flat_map(|field| (0..len).map(move |p| points[p * fields + field])));
            columns.iter_mut().for_each(|v| *v = rounded(measure.single, *v));
        }
        let gaps = points.iter().any(|p| p.is_nan());
        Points { measure: measure.clone(), len, columns: columns.into(), bits: bits.into(), words, gaps }
    }

    pub fn is_similarity(&self) -> bool {
        self.measure.is_similarity()
    }

    pub fn fields(&self) -> usize {
        self.measure.fields.len()
    }

    /// Reads a row.
    pub fn read<'a>(&self, env: &Env<'_>, inputs: &[Home], row: usize, room: Room<'a>) -> Result<Row<'a>, Refusal> {
        let Room { fields, bits, values } = room;
        fields.clear();
        bits.clear();
        let number = |i: usize| env.frame.cells(inputs[i]).number(row);
        if self.is_similarity() {
            bits.resize(self.words, 0);
            let (mut is_whole, mut missing) = (true, None);
            for i in 0..inputs.len() {
                match number(i) {
                    Some(1.0) => bits[i / 32] |= 1 << (i % 32),
                    Some(other) => is_whole &= other == 0.0,
                    None => missing = Some(i),
                }
            }
            if let (true, Some(i)) = (is_whole, missing) {
                return Err((i, FaultKind::Null, FaultValue::Null));
            }
            return Ok(Row { fields, values, bits, adjustment: if is_whole { 1.0 } else { f64::NAN } });
        }
        let single = self.measure.single;
        let (mut all, mut there) = (0.0, 0.0);
        for (i, part) in self.measure.fields.iter().enumerate() {
            let counts = rounded(single, part.counts);
            all = rounded(single, all + counts);
            let Some(value) = number(i) else { continue };
            if let Compare::Table { size, .. } = &part.compare
                && !(value >= 0.0 && value < f64::from(*size) && value.fract() == 0.0)
            {
                return Err((i, FaultKind::Rule("a place of its table"), FaultValue::Number(value)));
            }
            there = rounded(single, there + counts);
            values[fields.len()] = rounded(single, value);
            fields.push(i as u32);
        }
        if there == 0.0 {
            return Err((0, FaultKind::Rule("at least one field that is not missing"), FaultValue::Null));
        }
        let values = &values[..fields.len()];
        Ok(Row { fields, values, bits, adjustment: rounded(single, all / there) })
    }

    /// Measures the points from `from` on, as many as `out` has room for.
    pub fn run(&self, row: &Row<'_>, from: usize, out: &mut [f64]) {
        match (&self.measure.metric, self.measure.single) {
            (Metric::Binary { above, below }, _) => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = row.adjustment * self.alike(row.bits, from + i, above, below);
                }
            }
            (_, false) => self.distances::<false>(row, from, out),
            (_, true) => self.distances::<true>(row, from, out),
        }
    }

    fn alike(&self, bits: &[u32], point: usize, above: &[f64; 4], below: &[f64; 4]) -> f64 {
        let single = self.measure.single;
        let other = &self.bits[point * self.words..(point + 1) * self.words];
        let mut counts = [0_u32; 4];
        for (x, y) in bits.iter().zip(other) {
            counts[3] += (x & y).count_ones();
            counts[2] += (x & !y).count_ones();
            counts[1] += (!x & y).count_ones();
        }
        counts[0] = self.measure.fields.len() as u32 - counts[1] - counts[2] - counts[3];
        let sum = |weights: &[f64; 4]| {
            (0..4).rev().fold(0.0, |sum, b| {
                let part = rounded(single, rounded(single, weights[b]) * f64::from(counts[b]));
                rounded(single, sum + part)
            })
        };
        // Zero by zero is no similarity.
        match (sum(above), sum(below)) {
            (_, 0.0) => f64::NAN,
            (above, below) => rounded(single, above / below),
        }
    }

    fn distances<const SINGLE: bool>(&self, row: &Row<'_>, from: usize, out: &mut [f64]) {
        let largest = self.measure.metric == Metric::Chebychev;
        out.fill(if largest { f64::NEG_INFINITY } else { 0.0 });
        for (&field, &x) in row.fields.iter().zip(row.values) {
            let part = &self.measure.fields[field as usize];
            let at = field as usize * self.len + from;
            let ys = &self.columns[at..at + out.len()];
            let weight = rounded(SINGLE, part.weight);
            if !SINGLE && !self.gaps && part.compare == Compare::AbsDiff && self.squares() {
                for (sum, y) in out.iter_mut().zip(ys) {
                    let d = x - y;
                    *sum += d * d * weight;
                }
                continue;
            }
            for (sum, &y) in out.iter_mut().zip(ys) {
                if y.is_nan() {
                    continue;
                }
                let d = rounded(SINGLE, self.power(compare::<SINGLE>(part, x, y)) * weight);
                *sum = if largest { sum.max(d) } else { rounded(SINGLE, *sum + d) };
            }
        }
        for (i, sum) in out.iter_mut().enumerate() {
            let adjustment = if self.gaps { self.adjustment::<SINGLE>(row, from + i) } else { row.adjustment };
            let adjusted = rounded(SINGLE, *sum * adjustment);
            *sum = match self.measure.metric {
                Metric::Euclidean => rounded(SINGLE, adjusted.sqrt()),
                Metric::Minkowski(0.0) => rounded(SINGLE, libm::exp(adjusted)),
                Metric::Minkowski(p) => rounded(SINGLE, libm::pow(adjusted, 1.0 / p)),
                _ => adjusted,
            };
        }
    }

    fn squares(&self) -> bool {
        matches!(self.measure.metric, Metric::Euclidean | Metric::SquaredEuclidean)
    }

    fn power(&self, d: f64) -> f64 {
        let power = match self.measure.metric {
            Metric::Euclidean | Metric::SquaredEuclidean => d * d,
            Metric::Minkowski(p) => libm::pow(d, p),
            _ => d,
        };
        rounded(self.measure.single, power)
    }

    /// Returns what sums over the fields that row and point both have are multiplied by: NaN where there is none.
    fn adjustment<const SINGLE: bool>(&self, row: &Row<'_>, point: usize) -> f64 {
        let counts = |field: usize| rounded(SINGLE, self.measure.fields[field].counts);
        let all = (0..self.measure.fields.len()).fold(0.0, |sum, f| rounded(SINGLE, sum + counts(f)));
        let both = row.fields.iter().map(|&f| f as usize);
        let both = both.filter(|f| !self.columns[f * self.len + point].is_nan());
        let there = both.fold(0.0, |sum, f| rounded(SINGLE, sum + counts(f)));
        if there == 0.0 { f64::NAN } else { rounded(SINGLE, all / there) }
    }
}

fn compare<const SINGLE: bool>(part: &Comparison, x: f64, y: f64) -> f64 {
    match &part.compare {
        Compare::AbsDiff => rounded(SINGLE, x - y).abs(),
        Compare::Gauss { scale } => {
            let d = rounded(SINGLE, x - y);
            let scale = rounded(SINGLE, *scale);
            rounded(SINGLE, libm::exp(-std::f64::consts::LN_2 * d * d / (scale * scale)))
        }
        Compare::Delta => f64::from(u8::from(x != y)),
        Compare::Equal => f64::from(u8::from(x == y)),
        Compare::Table { size, values } => {
            let place = |v: f64| usize::try_from(v as i64).ok().filter(|&p| p < *size as usize);
            let entry = place(x).zip(place(y)).map(|(x, y)| values[x * *size as usize + y]);
            entry.map_or(f64::NAN, |v| rounded(SINGLE, v))
        }
    }
}
