//! Who goes first where threads share a core: those who answer, before those who compute or load.
//!
//! A thread that wakes waits on Linux for the end of the slice of the one that runs, and where the kernel looks only at its
//! ticks for up to four milliseconds; one whose own slice is shorter goes first (since Linux 6.12, EEVDF:
//! `sched_attr.sched_runtime` of a thread without real-time priority; kernels before ignore it). So threads that compute ask
//! for long slices. Their share of the processor stays what it is, and they are interrupted no more often than somebody wakes.
#![allow(unsafe_code)]

use std::time::Duration;

/// Longer than the kernel's own, which is 0.7 to 2.8 ms by the number of cores.
const LONG: Duration = Duration::from_millis(10);

/// This thread, and those that it starts, let others go first.
pub fn long() {
    set(LONG);
}

/// This thread goes first again, as any other.
pub fn usual() {
    set(Duration::ZERO);
}

/// A system that does not know slices, or that forbids it, does as it always did: nothing is lost but time.
#[cfg(target_os = "linux")]
fn set(slice: Duration) {
    if let Some(mut attributes) = attributes() {
        attributes.sched_flags = 0;
        attributes.sched_runtime = slice.as_nanos() as u64;
        let (this_thread, no_flags) = (0, 0);
        // SAFETY: the kernel reads as many bytes there as its field `size` says, which are all.
        unsafe { libc::syscall(libc::SYS_sched_setattr, this_thread, &raw const attributes, no_flags) };
    }
}

/// Returns how this thread is scheduled; nothing where it has a real-time priority, which is left alone.
#[cfg(target_os = "linux")]
fn attributes() -> Option<libc::sched_attr> {
    // SAFETY: all bytes of it may be zero: it is numbers.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    let (this_thread, size, no_flags) = (0, size_of::<libc::sched_attr>(), 0);
    // SAFETY: the kernel writes at most `size` bytes there.
    let known = unsafe { libc::syscall(libc::SYS_sched_getattr, this_thread, &raw mut attributes, size, no_flags) };
    attributes.size = size as u32;
    let usual = [libc::SCHED_OTHER, libc::SCHED_BATCH].map(|policy| policy as u32);
    (known == 0 && usual.contains(&attributes.sched_policy)).then_some(attributes)
}

#[cfg(not(target_os = "linux"))]
fn set(_: Duration) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    fn slice() -> Duration {
        attributes().map_or(Duration::ZERO, |attributes| Duration::from_nanos(attributes.sched_runtime))
    }

    #[test]
    fn a_slice_is_that_of_who_started_the_thread_until_it_asks_for_another() {
        let usual_slice = slice();
        let asked = || {
            long();
            let inherited = thread::spawn(slice).join().unwrap();
            let other = thread::spawn(|| {
                usual();
                slice()
            });
            (slice(), inherited, other.join().unwrap())
        };
        let (long_slice, inherited, other) = thread::spawn(asked).join().unwrap();
        assert_eq!((inherited, other), (long_slice, usual_slice));
        // Kernels before 6.12 know none.
        assert!([LONG, usual_slice].contains(&long_slice), "{long_slice:?}");
    }
}
