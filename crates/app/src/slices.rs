//! Who goes first where threads share a core: those who answer, before those who compute or load.
//!
//! A thread that wakes waits on Linux for the end of the slice of the one that runs, and where the kernel looks only at its
//! ticks for up to four milliseconds; one whose own slice is shorter goes first (since Linux 6.12, EEVDF:
//! `sched_attr.sched_runtime` of a thread without real-time priority; kernels before ignore it). So threads that compute ask for long slices.
//! Their share of the processor stays what it is, and they are interrupted no more often than somebody wakes.
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
    // SAFETY: all bytes of it may be zero: it is numbers.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    let (this_thread, size, no_flags) = (0, size_of::<libc::sched_attr>(), 0);
    // SAFETY: the kernel writes at most `size` bytes there.
    let known = unsafe { libc::syscall(libc::SYS_sched_getattr, this_thread, &raw mut attributes, size, no_flags) };
    let is_usual =
        [libc::SCHED_OTHER, libc::SCHED_BATCH].map(|policy| policy as u32).contains(&attributes.sched_policy);
    if known != 0 || !is_usual {
        return;
    }
    attributes.size = size as u32;
    attributes.sched_flags = 0;
    attributes.sched_runtime = slice.as_nanos() as u64;
    // SAFETY: the kernel reads `size` bytes there.
    unsafe { libc::syscall(libc::SYS_sched_setattr, this_thread, &raw const attributes, no_flags) };
}

#[cfg(not(target_os = "linux"))]
fn set(_: Duration) {}
