//! A child as its parent sees it: a process, two pipes, and what it said last.
//!
//! A thread writes frames, one reads them, one keeps the end of what the child says on standard error: whoever asks waits for
//! an answer with a limit of time, whatever the child does with its pipes. After any failure the process is ended.

use std::{
    collections::VecDeque,
    fs,
    io::{self, BufWriter, Read},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child as Process, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::wire::{read_frame, shown, write_frame};

/// Bytes of the end of standard error that are kept; characters and lines of it that an error shows.
const SAID_BYTES_MAX: usize = 4 << 10;
const SAID_CHARS_MAX: usize = 400;
const SAID_LINES_MAX: usize = 2;

/// How long a process that closed its pipe may take to end by itself, and to say its last words.
const ENDING: Duration = Duration::from_secs(2);

/// How often whoever waits looks whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running child. Dropping it ends the process.
#[derive(Debug)]
pub struct Child {
    process: Process,
    to: SyncSender<Vec<u8>>,
    from: Receiver<io::Result<Option<Vec<u8>>>>,
    said: Arc<Mutex<VecDeque<u8>>>,
    /// Closed when nothing more is said.
    silent: Receiver<()>,
}

/// Why a child gave no answer. Its process has ended, if it is not late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It ended, in these words.
    Died(String),
    /// It sent what is no frame.
    Garbled(String),
    /// It did not answer in time.
    Late,
    /// Nobody wants the answer any more.
    Unwanted,
}

impl Child {
    /// Starts the program; it has no environment, and `folder` is where it is. Answers have at most so many bytes.
    pub fn start(program: &Path, args: &[String], folder: &Path, answer_bytes_max: u64) -> io::Result<Child> {
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(folder);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            unreachable!("all three were asked for");
        };
        let (to, frames) = sync_channel(1);
        let (answers, from) = sync_channel(1);
        let (saying, silent) = sync_channel(0);
        let said: Arc<Mutex<VecDeque<u8>>> = Arc::default();
        let heard = said.clone();
        let spawned = (|| {
            let named = |name: &str| thread::Builder::new().name(name.to_owned());
            named("engine-write").spawn(move || write(stdin, &frames))?;
            named("engine-read").spawn(move || read(stdout, &answers, answer_bytes_max))?;
            named("engine-said").spawn(move || listen(stderr, &heard, saying))
        })();
        let mut child = Child { process, to, from, said, silent };
        match spawned {
            Ok(_) => Ok(child),
            Err(error) => {
                child.end();
                Err(error)
            }
        }
    }

    /// Returns the number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None)) && !self.is_ending()
    }

    /// Returns whether its first thread is gone: one that was killed can be waited for only when its last one is, and takes no
    /// call any more before. (The third field of `/proc/PID/stat`, proc(5); where there is no such file it is not known.)
    fn is_ending(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['Z', 'X']))
    }

    /// Sends a frame and returns the one that answers it. Where that is late it may still come ([`Child::wait`]); after any
    /// other error the process has ended.
    pub fn ask(&mut self, mut frame: Vec<u8>, until: Instant, is_wanted: &dyn Fn() -> bool) -> Result<Vec<u8>, Lost> {
        loop {
            match self.to.try_send(frame) {
                Ok(()) => return self.wait(until, is_wanted),
                // The thread that writes ends with the pipe.
                Err(TrySendError::Disconnected(_)) => return Err(Lost::Died(self.last_words())),
                // The process answered the frame before this one without having read it.
                Err(TrySendError::Full(unsent)) => frame = unsent,
            }
            if Instant::now() >= until {
                return Err(Lost::Late);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns the next frame.
    pub fn wait(&mut self, until: Instant, is_wanted: &dyn Fn() -> bool) -> Result<Vec<u8>, Lost> {
        let lost = loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.from.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(Ok(Some(frame))) => return Ok(frame),
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    break Lost::Garbled(shown(&error.to_string(), SAID_CHARS_MAX));
                }
                Ok(Ok(None) | Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(Lost::Died(self.last_words()));
                }
                Err(RecvTimeoutError::Timeout) if !is_wanted() => break Lost::Unwanted,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Lost::Late),
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        self.end();
        Err(lost)
    }

    /// Returns how the process ended, with what it said last.
    pub fn last_words(&mut self) -> String {
        let begun = Instant::now();
        let mut status = self.process.try_wait();
        while matches!(status, Ok(None)) && begun.elapsed() < ENDING {
            thread::sleep(Duration::from_millis(5));
            status = self.process.try_wait();
        }
        let how = match status {
            Ok(Some(status)) => ended(status),
            _ => "closed its pipe and was ended".to_owned(),
        };
        self.end();
        let _ = self.silent.recv_timeout(ENDING);
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<u8> = said.iter().copied().collect();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said = lines[lines.len().saturating_sub(SAID_LINES_MAX)..].join("; ");
        match said.as_str() {
            "" => how,
            said => {
                let skipped = said.chars().count().saturating_sub(SAID_CHARS_MAX);
                let end: String = said.chars().skip(skipped).collect();
                format!("{how}; it said last: {}", shown(&end, SAID_CHARS_MAX))
            }
        }
    }

    /// Ends the process, if it has not ended.
    fn end(&mut self) {
        // One that has ended already is there to be waited for all the same.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

fn write(to: ChildStdin, frames: &Receiver<Vec<u8>>) {
    let mut to = BufWriter::new(to);
    for frame in frames {
        // The reading thread sees how the process ended.
        if write_frame(&mut to, &frame).is_err() {
            return;
        }
    }
}

fn read(mut from: ChildStdout, answers: &SyncSender<io::Result<Option<Vec<u8>>>>, bytes_max: u64) {
    loop {
        let frame = read_frame(&mut from, bytes_max);
        let is_last = !matches!(frame, Ok(Some(_)));
        if answers.send(frame).is_err() || is_last {
            return;
        }
    }
}

/// Keeps the end of what is said; `_saying` goes with the pipe.
fn listen(mut from: impl Read, said: &Mutex<VecDeque<u8>>, _saying: SyncSender<()>) {
    let mut bytes = [0; 1024];
    while let Ok(got @ 1..) = from.read(&mut bytes) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend(&bytes[..got]);
        let more = said.len().saturating_sub(SAID_BYTES_MAX);
        said.drain(..more);
    }
}

/// Returns how a process ended, in words that follow "the process of the engine".
fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(libc::SIGXCPU)) => {
            "was ended by the system: it used more processor time than engines.cpu_seconds_max".to_owned()
        }
        (None, Some(libc::SIGSEGV)) => "died of a fault of memory (signal 11)".to_owned(),
        (None, Some(libc::SIGABRT)) => "aborted (signal 6)".to_owned(),
        (None, Some(libc::SIGKILL)) => "was killed (signal 9)".to_owned(),
        (None, signal) => format!("died of signal {}", signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child that is a script, asked once.
    fn ask(script: &str, within_ms: u64) -> Result<Vec<u8>, Lost> {
        let args = ["-c".to_owned(), script.to_owned()];
        let mut child = Child::start(Path::new("/bin/sh"), &args, &std::env::temp_dir(), 1 << 20).unwrap();
        let answer = child.ask(b"hello".to_vec(), Instant::now() + Duration::from_millis(within_ms), &|| true);
        let is_left = matches!(answer, Ok(_) | Err(Lost::Late));
        assert!(is_left || !child.is_alive(), "a lost child is ended");
        answer
    }

    fn died(script: &str) -> String {
        match ask(script, 20_000) {
            Err(Lost::Died(how)) => how,
            other => panic!("{script}: {other:?}"),
        }
    }

    #[test]
    fn an_answer_is_a_frame() {
        assert_eq!(ask("exec cat", 20_000), Ok(b"hello".to_vec()));
    }

    #[test]
    fn a_death_is_told_with_its_cause_and_last_words() {
        assert_eq!(died("exit 3"), "ended with exit code 3");
        assert_eq!(died("echo no such kernel >&2; exit 1"), "ended with exit code 1; it said last: no such kernel");
        assert_eq!(died("kill -SEGV $$"), "died of a fault of memory (signal 11)");
        assert_eq!(died("kill -KILL $$"), "was killed (signal 9)");
        let long = died("head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1");
        assert!(long.ends_with("end") && long.chars().count() < 500, "{long}");
    }

    #[test]
    fn garbage_is_named() {
        match ask("echo 'Segmentation fault, or not'; exec sleep 100", 20_000) {
            Err(Lost::Garbled(what)) => assert!(what.contains("\"Segm\""), "{what}"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(ask("exec head -c 100 /dev/zero", 20_000), Err(Lost::Garbled(_))));
    }

    #[test]
    fn nobody_waits_without_end() {
        assert_eq!(ask("exec sleep 100", 100), Err(Lost::Late));
        let args = ["-c".to_owned(), "exec sleep 100".to_owned()];
        let mut child = Child::start(Path::new("/bin/sh"), &args, &std::env::temp_dir(), 1 << 20).unwrap();
        let later = Instant::now() + Duration::from_secs(100);
        // More than a pipe holds, which nobody reads.
        assert_eq!(child.ask(vec![0; 1 << 20], later, &|| false), Err(Lost::Unwanted));
        assert!(!child.is_alive());
    }

    #[test]
    fn there_is_no_environment() {
        // The shell makes a few variables of its own.
        let said = died("test -z \"$HOME$CARGO$USER\" || echo \"$HOME$CARGO$USER\" >&2; exit 1");
        assert_eq!(said, "ended with exit code 1");
    }
}
