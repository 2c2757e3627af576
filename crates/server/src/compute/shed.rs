//! When to refuse a call rather than to let it wait.
//!
//! A queue that is full for a moment is a burst, and is worked off; one that grows while every thread is at work is overload,
//! and whatever is let in then only makes all answers late. The two are told apart by rates: where more than [`BURST`] calls
//! wait and in two windows one after the other clearly more came than were answered, calls are taken only as far as they wait
//! for less than one run of a thread, until fewer come. Many callers who begin at once and wait for their answers look the same
//! at first, and who does not heed `Retry-After` goes on so; therefore all are let in again after a while, to see whether the
//! queue grows or only is long. Besides, a call is refused that would wait for longer than its time or `server.compute_wait_ms_max`.
//!
//! What a call is expected to take is its predictor's figure, corrected by what such figures came to on this pool
//! ([`Shed::pace`]): joined calls take less together, a busy machine more. No clock in here; moments are arguments.

use std::time::{Duration, Instant};

use super::Terms;

/// The shortest window in which arrivals and answers are compared.
const WINDOW: Duration = Duration::from_millis(25);

/// A window holds at least so many runs of each thread, so that rates mean something.
const RUNS: u32 = 8;

/// Windows one after the other that tell a growing queue from a burst.
const STRIKES: u8 = 2;

/// So many calls may wait before anything is judged.
const BURST: usize = 64;

/// How long calls are refused before all are let in to see; twice as long each time that they were too many.
const REST: Duration = Duration::from_secs(10);

/// Calls that may come in a window beyond those answered without saying anything.
const NOISE: f64 = 4.0;

/// Work is only judged by its expected time once so much was seen.
const SEEN_MIN: u32 = 8;

/// The least that a call may wait under overload, for shorter times are noise.
const TARGET_MIN: Duration = Duration::from_micros(500);

/// What a thread did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub calls: usize,
    pub expect: Option<Duration>,
    pub took: Duration,
}

/// The judgement, and what it rests on.
#[derive(Debug)]
pub(super) struct Shed {
    threads: f64,
    wait_max: Duration,
    /// Expected seconds of all that waits.
    waiting_s: f64,
    /// Seconds of a run, and what expected seconds come to; smoothed.
    run_s: f64,
    pace: f64,
    seen: u32,
    /// Seconds of a run for one call, smoothed; 0 where there was none.
    lone_s: f64,
    window: Option<Window>,
    strikes: u8,
    over: bool,
    /// When to let all in to see, while calls are refused; and how long they are refused.
    probe: Option<Instant>,
    rest: Duration,
    /// All were let in to see: the window after this one decides.
    probing: u8,
    /// The queue holds more than is taken under overload, as it does when that begins.
    flush: bool,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    came: u32,
    done: u32,
}

impl Shed {
    pub fn new(threads: usize, wait_max: Duration) -> Shed {
        Shed {
            threads: threads as f64,
            wait_max,
            waiting_s: 0.0,
            run_s: 0.0,
            pace: 1.0,
            seen: 0,
            lone_s: 0.0,
            window: None,
            strikes: 0,
            over: false,
            probe: None,
            rest: REST,
            probing: 0,
            flush: false,
        }
    }

    /// Says what work is expected to take of which nothing is known: as much as runs do.
    pub fn judge(&self, terms: &mut Terms) {
        const UNKNOWN: Duration = Duration::from_millis(1);
        let run = || Duration::try_from_secs_f64(self.run_s / self.pace).ok().filter(|_| self.seen > 0);
        terms.expect = terms.expect.or_else(run).or(Some(UNKNOWN));
    }

    /// Counts a call that asks to wait; answers how long it would wait where that is too long.
    pub fn arrive(&mut self, now: Instant, waiting: usize, terms: &Terms) -> Result<(), Duration> {
        self.look(now, waiting);
        if let Some(window) = &mut self.window {
            window.came += 1;
        }
        let wait = self.wait();
        let late = terms.until.is_some_and(|until| now + wait >= until) || wait > self.wait_max;
        let refused = self.seen >= SEEN_MIN && (late || (self.over && wait > self.target()));
        if refused { Err(wait) } else { Ok(()) }
    }

    /// Counts what was put into the queue.
    pub fn came(&mut self, terms: &Terms) {
        self.waiting_s += expected_s(terms);
    }

    /// Counts what left the queue.
    pub fn left(&mut self, terms: &Terms) {
        self.waiting_s = (self.waiting_s - expected_s(terms)).max(0.0);
    }

    /// Takes in what a thread did.
    pub fn done(&mut self, done: &Done) {
        /// Weight of the newest run.
        const NEW: f64 = 1.0 / 16.0;
        let took = done.took.as_secs_f64();
        let weight = if self.seen == 0 { 1.0 } else { NEW };
        self.run_s += (took - self.run_s) * weight;
        if done.calls == 1 {
            let weight = if self.lone_s == 0.0 { 1.0 } else { NEW };
            self.lone_s += (took - self.lone_s) * weight;
        }
        if let Some(expect) = done.expect.filter(|expect| !expect.is_zero()) {
            let pace = (took / expect.as_secs_f64()).clamp(0.01, 100.0);
            self.pace += (pace - self.pace) * weight;
        }
        self.seen = self.seen.saturating_add(1);
        if let Some(window) = &mut self.window {
            window.done += done.calls as u32;
        }
    }

    /// Returns whether the oldest in the queue is to be refused, since more waits than is taken now.
    pub fn is_over_full(&mut self) -> bool {
        self.flush = self.flush && self.wait() > self.target();
        self.flush
    }

    fn wait(&self) -> Duration {
        Duration::try_from_secs_f64(self.waiting_s * self.pace / self.threads).unwrap_or(Duration::MAX)
    }

    /// Returns how long a call may wait under overload: less than one run, so that each thread finds work when it is free and
    /// nobody waits for two. Where many calls are answered by one run, not much longer than a run for one call, so that those
    /// who wait for the run before and then for their own still have their answer in less than three times that.
    fn target(&self) -> Duration {
        let alone = if self.lone_s > 0.0 { 1.2 * self.lone_s } else { f64::INFINITY };
        Duration::try_from_secs_f64(alone.min(0.8 * self.run_s)).unwrap_or(Duration::MAX).max(TARGET_MIN)
    }

    /// Compares arrivals and answers when a window is over.
    fn look(&mut self, now: Instant, waiting: usize) {
        let window = *self.window.get_or_insert(Window { since: now, came: 0, done: 0 });
        let runs = Duration::try_from_secs_f64(self.run_s / self.threads).unwrap_or(WINDOW);
        let (length, since) = (WINDOW.max(RUNS * runs), now.saturating_duration_since(window.since));
        if since < length {
            return;
        }
        self.window = Some(Window { since: now, came: 0, done: 0 });
        if since > 4 * length {
            // Nobody came for a while: there is nothing left to shed.
            (self.strikes, self.over, self.probing, self.rest) = (0, false, 0, REST);
            return;
        }
        let (came, done) = (f64::from(window.came), f64::from(window.done));
        let hot = came > 1.25 * done + NOISE && self.wait() > self.target();
        match (self.over, self.probing) {
            (true, _) if came <= 1.1 * done + NOISE => (self.over, self.rest) = (false, REST),
            (true, _) if self.probe.is_some_and(|probe| probe <= now) => (self.over, self.probing) = (false, 2),
            (true, _) => {}
            // Those who waited to be let in come at once, so the first window tells nothing.
            (false, 2) => self.probing = 1,
            (false, 1) => {
                self.probing = 0;
                self.rest = if hot { 2 * self.rest } else { REST };
                self.strikes = 0;
                if hot {
                    self.begin(now);
                }
            }
            (false, _) if hot && waiting > BURST => {
                self.strikes += 1;
                if self.strikes == STRIKES {
                    self.begin(now);
                }
            }
            (false, _) => self.strikes = 0,
        }
    }

    fn begin(&mut self, now: Instant) {
        (self.over, self.flush, self.strikes) = (true, true, 0);
        self.probe = Some(now + self.rest);
    }
}

fn expected_s(terms: &Terms) -> f64 {
    terms.expect.map_or(0.0, |expect| expect.as_secs_f64())
}

#[cfg(test)]
mod tests;
