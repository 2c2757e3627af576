use super::*;

const MS: Duration = Duration::from_millis(1);

/// A pool of two threads whose runs take 2 ms, and its callers; a tick is half a millisecond, four ticks are a run.
struct World {
    shed: Shed,
    now: Instant,
    tick: u32,
    queue: std::collections::VecDeque<u32>,
    threads: [u32; 2],
    taken: u32,
    refused: u32,
    answered: u32,
    longest: u32,
}

fn terms() -> Terms {
    Terms { expect: Some(2 * MS), until: None, alike: None }
}

impl World {
    fn new() -> World {
        let shed = Shed::new(2, Duration::from_secs(5));
        let (now, queue) = (Instant::now(), std::collections::VecDeque::new());
        World { shed, now, tick: 0, queue, threads: [0; 2], taken: 0, refused: 0, answered: 0, longest: 0 }
    }

    fn call(&mut self) {
        let verdict = self.shed.arrive(self.now, self.queue.len(), &terms());
        while self.shed.is_over_full() && self.queue.pop_front().is_some() {
            self.shed.left(&terms());
            self.refused += 1;
        }
        if verdict.is_err() {
            self.refused += 1;
            return;
        }
        self.shed.came(&terms());
        self.queue.push_back(self.tick);
        self.taken += 1;
    }

    /// Lets half a millisecond pass; returns how many answers were given.
    fn tick(&mut self) -> u32 {
        (self.now, self.tick) = (self.now + MS / 2, self.tick + 1);
        let before = self.answered;
        for thread in 0..2 {
            if self.threads[thread] == 1 {
                self.shed.done(&Done { calls: 1, expect: Some(2 * MS), took: 2 * MS });
                self.answered += 1;
            }
            self.threads[thread] = self.threads[thread].saturating_sub(1);
            if self.threads[thread] == 0
                && let Some(since) = self.queue.pop_front()
            {
                self.shed.left(&terms());
                self.longest = self.longest.max(self.tick - since);
                self.threads[thread] = 4;
            }
        }
        self.answered - before
    }

    /// Lets so many calls come every four ticks, in which two are answered at most.
    fn open(&mut self, calls: u32, ticks: u32) {
        for tick in 0..ticks {
            (0..calls * (tick % 4 + 1) / 4 - calls * (tick % 4) / 4).for_each(|_| self.call());
            self.tick();
        }
    }
}

#[test]
fn callers_that_wait_for_their_answers_are_not_refused() {
    let mut world = World::new();
    (0..200).for_each(|_| world.call());
    for _ in 0..4000 {
        let answers = world.tick();
        (0..answers).for_each(|_| world.call());
    }
    assert_eq!(world.refused, 0);
}

#[test]
fn callers_that_begin_little_by_little_are_a_burst_too() {
    let mut world = World::new();
    for tick in 0..4000 {
        let answers = world.tick();
        // Sixty of them within a tenth of a second.
        (0..answers + u32::from(tick < 180 && tick % 3 == 0)).for_each(|_| world.call());
    }
    assert_eq!(world.refused, 0);
}

#[test]
fn many_callers_who_ask_again_at_once_are_let_in_after_a_while() {
    let mut world = World::new();
    let (mut outside, mut last) = (0, 0);
    for tick in 0..40_000 {
        let answers = world.tick();
        let before = world.refused;
        (0..answers + outside + u32::from(tick < 600)).for_each(|_| world.call());
        outside = world.refused - before;
        last = if outside > 0 { tick } else { last };
    }
    assert!(
        world.refused > 0 && last < 22_000,
        "the last was refused at tick {last} of 40000, each half a millisecond"
    );
}

#[test]
fn under_three_times_the_load_answers_stay_fast_and_threads_at_work() {
    let mut world = World::new();
    world.open(6, 1000);
    let (answered, refused) = (world.answered, world.refused);
    world.longest = 0;
    world.open(6, 4000);
    let answers = world.answered - answered;
    assert!(answers >= 1990, "{answers} of 2000");
    assert!(world.refused - refused > 3900, "{} refused", world.refused - refused);
    assert!(world.longest <= 8, "{} ticks waited, a run is 4", world.longest);
}

#[test]
fn when_fewer_come_all_are_taken_again() {
    let mut world = World::new();
    world.open(6, 1000);
    assert!(world.shed.over);
    world.open(1, 300);
    let refused = world.refused;
    world.open(1, 1000);
    assert_eq!((world.refused, world.shed.over), (refused, false));
    world.open(6, 1000);
    world.now += 10 * MS * 100;
    world.queue.clear();
    world.call();
    assert!(!world.shed.over, "after a rest too");
}

#[test]
fn a_call_whose_time_would_be_over_is_refused() {
    let mut world = World::new();
    world.open(2, 100);
    (0..100).for_each(|_| world.call());
    let until = |ms: u32| Terms { until: Some(world.now + ms * MS), ..terms() };
    let (short, long) = (until(50), until(500));
    assert!(world.shed.arrive(world.now, 98, &short).is_err());
    assert!(world.shed.arrive(world.now, 98, &long).is_ok());
}

#[test]
fn joined_calls_make_the_queue_shorter_than_it_looks() {
    let mut shed = Shed::new(1, Duration::from_millis(100));
    for _ in 0..100 {
        shed.done(&Done { calls: 16, expect: Some(16 * 10 * MS), took: 16 * MS });
    }
    (0..64).for_each(|_| shed.came(&Terms { expect: Some(10 * MS), ..terms() }));
    let wait = shed.wait();
    assert!(wait > 50 * MS && wait < 80 * MS, "{wait:?}");
}

/// One thread that answers all that waits by one run, of 1.6 ms and 0.4 ms a call, so that a call alone takes 2 ms.
#[test]
fn under_overload_joined_calls_are_as_many_as_keep_answers_fast() {
    let tick = MS / 10;
    let (mut shed, mut now) = (Shed::new(1, Duration::from_secs(5)), Instant::now());
    let (mut queue, mut running) = (std::collections::VecDeque::<Instant>::new(), Vec::<Instant>::new());
    let (mut until, mut took, mut answered, mut longest) = (now, tick, 0, Duration::ZERO);
    for at in 0..50_000_u32 {
        now += tick;
        // Twice as many calls as the longest runs could answer, and 100 ms of a tenth of that before.
        if at % if at < 1_000 { 20 } else { 2 } == 0 {
            let verdict = shed.arrive(now, queue.len(), &terms());
            while shed.is_over_full() && queue.pop_front().is_some() {
                shed.left(&terms());
            }
            if verdict.is_ok() {
                shed.came(&terms());
                queue.push_back(now);
            }
        }
        if now < until {
            continue;
        }
        if !running.is_empty() {
            let calls = running.len();
            shed.done(&Done { calls, expect: Some(2 * MS * calls as u32), took });
            if at > 10_000 {
                answered += calls;
                longest = longest.max(running.iter().map(|&since| now - since).max().unwrap_or_default());
            }
        }
        running = queue.drain(..).inspect(|_| shed.left(&terms())).collect();
        took = 4 * tick * (4 + running.len() as u32);
        until = if running.is_empty() { now } else { now + took };
    }
    assert!(longest <= 6 * MS, "an answer took {longest:?}");
    // 40000 ticks are 4 s, in which calls alone would come to 2000.
    assert!(answered > 2_800, "{answered} calls were answered");
}
