//! Requests for loads: as fast as answers come (closed), or at moments that are set beforehand (open).
//!
//! In an open load each request has its moment, whether the ones before were answered or not, and its time counts from that
//! moment: a server that is slow for a while is seen by everybody who would have asked then, not by those alone who
//! happened to be waiting (no coordinated omission).

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::http::Client;

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// From the beginning of the load to the request's moment.
    pub at: Duration,
    /// From the request's moment to its answer.
    pub took: Duration,
    /// From the sending to the answer.
    pub answered: Duration,
    /// 0 where there was none.
    pub status: u16,
}

/// Asks on so many connections, one request after the other on each, for a time.
pub fn closed(address: &str, path: &str, body: &[u8], connections: usize, time: Duration) -> Vec<Seen> {
    let stop = AtomicBool::new(false);
    gather(connections, |begin, seen| {
        let mut client = None;
        while !stop.load(Relaxed) {
            let at = Instant::now();
            if at - begin >= time {
                stop.store(true, Relaxed);
            }
            seen.push(ask(&mut client, address, path, body, begin, at));
        }
    })
}

/// Asks so often a second for a time, on as many connections as that takes, at most `connections`.
pub fn open(address: &str, path: &str, body: &[u8], connections: usize, rate: f64, time: Duration) -> Vec<Seen> {
    let next = AtomicU64::new(0);
    gather(connections, |begin, seen| {
        let mut client = None;
        loop {
            let after = Duration::from_secs_f64(next.fetch_add(1, Relaxed) as f64 / rate);
            if after >= time {
                return;
            }
            let at = begin + after;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            seen.push(ask(&mut client, address, path, body, begin, at));
        }
    })
}

fn gather(connections: usize, run: impl Fn(Instant, &mut Vec<Seen>) + Sync) -> Vec<Seen> {
    let (all, begin) = (Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut seen = Vec::new();
                run(begin, &mut seen);
                all.lock().expect("nobody panics with it").extend(seen);
            });
        }
    });
    let mut all = all.into_inner().expect("nobody panics with it");
    all.sort_by_key(|seen| seen.at);
    all
}

fn ask(client: &mut Option<Client>, address: &str, path: &str, body: &[u8], begin: Instant, at: Instant) -> Seen {
    let connected = client.take().map_or_else(|| Client::connect(address), Ok);
    let sent = Instant::now();
    let answer = connected.and_then(|mut connected| {
        let answer = connected.post(path, body)?;
        *client = Some(connected);
        Ok(answer)
    });
    let now = Instant::now();
    Seen {
        at: at - begin,
        took: now.saturating_duration_since(at),
        answered: now - sent,
        status: answer.map_or(0, |answer| answer.status),
    }
}

/// Returns the time that this share of the times is not above, in milliseconds; 0 where there is none.
pub fn percentile_ms(times: impl Iterator<Item = Duration>, share: f64) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let place = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
    times.get(place).map_or(0.0, |time| (time.as_secs_f64() * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let ms = |n: u64| (1..=n).map(Duration::from_millis);
        assert_eq!([0.5, 0.99, 1.0].map(|share| percentile_ms(ms(100), share)), [50.0, 99.0, 100.0]);
        assert_eq!((percentile_ms(ms(1), 0.99), percentile_ms(ms(0), 0.99)), (1.0, 0.0));
    }
}
