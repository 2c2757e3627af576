//! The steps of a document, four numbers at a time: sums over topics with four terms side by side, everything else with four
//! topics side by side.
//!
//! A document's lines of weights are copied once, by terms and by topics. `t` stands here without its division by
//! `exp(digamma(sum g))`: that divides `n` too, so it changes nothing but the weight of the `1e-100` beside `n`, and there, too,
//! it is worked out only where that number counts. What does not fit (negative counts, weights that are not finite, very many
//! numbers) is left to the plain steps of [`super::Topics`]. Which way a row goes depends on the model and the row alone.

use std::sync::Arc;

use model::{Call, PredictError, column::Row};

use super::{
    SETTLED, STEPS_BETWEEN, STEPS_MAX,
    digamma::exp_digamma,
    lanes::{Form, Four, Lanes, Work},
};

/// What is added to `n`, times `exp(digamma(sum g))`.
const GUARD: f64 = 1e-100;

/// From here on `n` is so much more than what is added that it keeps its bits.
const FAINT: f64 = 1e-60;

/// Least and most of what goes into the steps: within, nothing overflows.
const LEAST: f64 = 1e-200;
const MOST: f64 = 1e15;

/// Most numbers of a document's lines.
const NUMBERS_MAX: usize = 1 << 16;

/// The model's part, in lines of whole fours: what is over holds 1 and stays so.
pub struct Settler {
    form: Form,
    topics: usize,
    weights: Arc<[f64]>,
    prior: Box<[Four]>,
    start: Box<[Four]>,
    start_scale: Box<[Four]>,
}

/// Why the steps ended before they settled.
pub enum Stopped {
    /// The plain steps are to do it.
    NotHere,
    StepsMax,
    Call(PredictError),
}

impl Settler {
    /// Returns nothing where the model has numbers that do not fit.
    pub fn new(weights: Arc<[f64]>, prior: &[f64], start: &[f64], form: Form) -> Option<Settler> {
        let fits = |g: &f64| (LEAST..=MOST).contains(g);
        if !(prior.iter().chain(start).all(fits) && weights.iter().all(|w| (0.0..=MOST).contains(w))) {
            return None;
        }
        let (topics, prior, start) = (prior.len(), whole_fours(prior), whole_fours(start));
        let mut start_scale = start.clone();
        form.run(Scale { of: &start, to: &mut start_scale });
        Some(Settler { form, topics, weights, prior, start, start_scale })
    }

    /// Writes the shares of a document that has a count but 0, no term of which is too far.
    #[inline]
    pub fn settle(&self, x: Row<'_>, call: &Call, scratch: &mut Vec<f64>, shares: &mut [f64]) -> Result<(), Stopped> {
        let (Row::Dense(counts) | Row::Sparse { values: counts, .. }) = x;
        let (mut terms, mut sum, mut least) = (0, 0.0, 0.0_f64);
        for &count in counts {
            terms += usize::from(count != 0.0);
            sum += count;
            least = least.min(count);
        }
        // A NaN is in the sum.
        let fits = least >= 0.0 && sum <= MOST && terms.saturating_mul(self.topics) <= NUMBERS_MAX;
        if !fits {
            return Err(Stopped::NotHere);
        }
        let mut document = Document::new(scratch, terms, self.topics);
        document.fill(self, x);
        self.form.run(Steps { prior: &self.prior, document, call, shares })
    }
}

/// Returns the numbers in fours, the last filled with 1.
fn whole_fours(numbers: &[f64]) -> Box<[Four]> {
    let mut fours = vec![[1.0; 4]; numbers.len().div_ceil(4)].into_boxed_slice();
    fours.as_flattened_mut()[..numbers.len()].copy_from_slice(numbers);
    fours
}

/// A document's numbers.
struct Document<'a> {
    topics: usize,
    terms: usize,
    /// For each four terms a line of topics.
    columns: &'a mut [Four],
    /// For each term a line of topics, in fours.
    lines: &'a mut [Four],
    counts: &'a mut [Four],
    /// `count / n`.
    factors: &'a mut [Four],
    g: &'a mut [Four],
    t: &'a mut [Four],
}

impl<'a> Document<'a> {
    fn new(scratch: &'a mut Vec<f64>, terms: usize, topics: usize) -> Document<'a> {
        let (by_terms, by_topics) = (terms.div_ceil(4), topics.div_ceil(4));
        let size = 4 * (by_terms * topics + terms * by_topics + 2 * by_terms + 2 * by_topics);
        if scratch.len() < size {
            scratch.resize(size, 0.0);
        }
        let (columns, rest) = scratch.as_chunks_mut().0.split_at_mut(by_terms * topics);
        let (lines, rest) = rest.split_at_mut(terms * by_topics);
        let (counts, rest) = rest.split_at_mut(by_terms);
        let (factors, rest) = rest.split_at_mut(by_terms);
        let (g, rest) = rest.split_at_mut(by_topics);
        let t = &mut rest[..by_topics];
        Document { topics, terms, columns, lines, counts, factors, g, t }
    }

    /// Puts in the terms that occur. A four's missing terms occur 0 times, with weights that do not make `n` faint.
    fn fill(&mut self, settler: &Settler, x: Row<'_>) {
        let mut at = 0;
        let mut put = |term: usize, count: f64| {
            if count == 0.0 {
                return;
            }
            let line = &settler.weights[term * self.topics..(term + 1) * self.topics];
            let by_topics = settler.prior.len();
            let (whole, over) =
                self.lines[at * by_topics..(at + 1) * by_topics].as_flattened_mut().split_at_mut(line.len());
            whole.copy_from_slice(line);
            over.fill(0.0);
            let column = &mut self.columns[at / 4 * self.topics..(at / 4 + 1) * self.topics];
            column.iter_mut().zip(line).for_each(|(four, w)| four[at % 4] = *w);
            self.counts[at / 4][at % 4] = count;
            at += 1;
        };
        match x {
            Row::Dense(x) => x.iter().enumerate().for_each(|(term, &count)| put(term, count)),
            Row::Sparse { indices, values, .. } => {
                indices.iter().zip(values).for_each(|(&term, &count)| put(term as usize, count));
            }
        }
        for at in self.terms..self.terms.next_multiple_of(4) {
            let column = &mut self.columns[at / 4 * self.topics..];
            column.iter_mut().for_each(|four| four[at % 4] = 1.0);
            self.counts[at / 4][at % 4] = 0.0;
        }
        self.g.copy_from_slice(&settler.start);
        self.t.copy_from_slice(&settler.start_scale);
    }

    /// Writes `count / n`; returns whether `n` is faint somewhere.
    #[inline(always)]
    fn weigh<L: Lanes, const GUARDED: bool>(&mut self, guard: f64) -> bool {
        let (scales, scale_over) = self.t.as_flattened()[..self.topics].as_chunks::<2>();
        let mut least = L::splat(f64::INFINITY);
        for at in 0..self.counts.len() {
            let (column, over) = self.columns[at * self.topics..(at + 1) * self.topics].as_chunks::<2>();
            let column = &column[..scales.len()];
            let (mut even, mut odd) = (L::splat(0.0), L::splat(0.0));
            for topic in 0..scales.len() {
                even = even.add(L::load(&column[topic][0]).mul(L::splat(scales[topic][0])));
                odd = odd.add(L::load(&column[topic][1]).mul(L::splat(scales[topic][1])));
            }
            if let ([w], [t]) = (over, scale_over) {
                even = even.add(L::load(w).mul(L::splat(*t)));
            }
            let mut n = even.add(odd);
            least = least.min(n);
            if GUARDED {
                n = n.add(L::splat(guard));
            }
            L::load(&self.counts[at]).div(n).store(&mut self.factors[at]);
        }
        least.any_below(L::splat(FAINT))
    }

    /// Writes the next `g`; returns the sum of its changes.
    #[inline(always)]
    fn advance<L: Lanes>(&mut self, prior: &[Four]) -> f64 {
        let (factors, over) = self.factors.as_flattened()[..self.terms].as_chunks::<2>();
        let (width, mut change) = (prior.len(), L::splat(0.0));
        for (place, prior) in prior.iter().enumerate() {
            let (mut even, mut odd, mut at) = (L::splat(0.0), L::splat(0.0), place);
            for factor in factors {
                even = even.add(L::load(&self.lines[at]).mul(L::splat(factor[0])));
                odd = odd.add(L::load(&self.lines[at + width]).mul(L::splat(factor[1])));
                at += 2 * width;
            }
            if let [factor] = over {
                even = even.add(L::load(&self.lines[at]).mul(L::splat(*factor)));
            }
            let next = L::load(&self.t[place]).mul(even.add(odd)).add(L::load(prior));
            change = change.add(next.sub(L::load(&self.g[place])).abs());
            next.store(&mut self.g[place]);
        }
        sum_of(change)
    }

    /// Returns [`GUARD`] times `exp(digamma(sum g))`.
    #[cold]
    #[inline(never)]
    fn guard(&self) -> f64 {
        let mut sum = [[self.g.as_flattened()[..self.topics].iter().fold(0.0, |sum, g| sum + g); 4]];
        Form::portable().run(Scale { of: &sum.clone(), to: &mut sum });
        GUARD * sum[0][0]
    }
}

#[inline(always)]
fn sum_of<L: Lanes>(lanes: L) -> f64 {
    let mut four = [0.0; 4];
    lanes.store(&mut four);
    (four[0] + four[1]) + (four[2] + four[3])
}

/// `exp(digamma(g))` of numbers.
struct Scale<'a> {
    of: &'a [Four],
    to: &'a mut [Four],
}

impl Work for Scale<'_> {
    type Out = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (at, four) in self.of.iter().enumerate() {
            exp_digamma(L::load(four)).store(&mut self.to[at]);
        }
    }
}

/// All steps of a document.
struct Steps<'a> {
    prior: &'a [Four],
    document: Document<'a>,
    call: &'a Call,
    shares: &'a mut [f64],
}

impl Work for Steps<'_> {
    type Out = Result<(), Stopped>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Result<(), Stopped> {
        let Steps { prior, mut document, call, shares } = self;
        let settled = SETTLED * shares.len() as f64;
        for step in 1.. {
            if document.weigh::<L, false>(0.0) {
                let guard = document.guard();
                if guard < LEAST {
                    return Err(Stopped::NotHere);
                }
                document.weigh::<L, true>(guard);
            }
            if document.advance::<L>(prior) <= settled {
                break;
            }
            if step == STEPS_MAX {
                return Err(Stopped::StepsMax);
            }
            if step % STEPS_BETWEEN == 0 {
                call.check().map_err(Stopped::Call)?;
            }
            Scale { of: document.g, to: document.t }.run::<L>();
        }
        shares.copy_from_slice(&document.g.as_flattened()[..shares.len()]);
        let sum = shares.iter().fold(0.0, |sum, g| sum + g);
        shares.iter_mut().for_each(|g| *g /= sum);
        Ok(())
    }
}
