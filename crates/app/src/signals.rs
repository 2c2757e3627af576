//! Signals for commands that run to an end: the work stands still, its unfinished output goes, and the exit code tells.

use std::thread;

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{failure::Failure, output};

/// Stack of the thread that works: what the main thread of a process usually has.
const STACK_BYTES: usize = 8 << 20;

/// Does the work on a thread of its own; SIGINT and SIGTERM end the wait for it, and with `main` the process.
pub fn interruptible(work: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Result<(), Failure> {
    let started = |error: std::io::Error| Failure::refused(format_args!("cannot start: {error}"));
    let runtime = Builder::new_current_thread().enable_io().build().map_err(started)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(started)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(started)?;
        let (done, result) = oneshot::channel();
        // Nobody waits for the result only when a signal came first.
        let work = move || drop(done.send(work()));
        let thread = thread::Builder::new().name("work".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(work).map_err(started)?;
        let failure = tokio::select! {
            // The thread ends without a result when it panics, which it has said itself.
            result = result => return result.unwrap_or(Err(Failure::Told)),
            _ = interrupt.recv() => Failure::Interrupted,
            _ = terminate.recv() => Failure::Terminated,
        };
        output::remove_unfinished();
        Err(failure)
    })
}
