//! Running the binary, and a folder that is gone afterwards.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;
use testkit::compare::{Tolerance, row_difference};

/// What a run left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The standard output of a run that went well.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// Asserts the exit code, one line of error that holds `part`, and nothing else said.
    #[track_caller]
    pub fn fails(self, code: i32, part: &str) -> String {
        let line = self.err.strip_suffix('\n').unwrap_or(&self.err);
        let told = line.starts_with("forebay: error: ") && line.contains(part) && !line.contains('\n');
        assert!(told && self.code == code, "exit {}: {:?}, expected {code}: {part}", self.code, self.err);
        self.out
    }
}

/// Returns the command, with an environment that says nothing to it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.current_dir(testkit::files::root()).args(args);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FOREBAY_")) {
        command.env_remove(name);
    }
    // What a server keeps of its models goes where the models of tests are.
    command.env("XDG_STATE_HOME", std::env::temp_dir().join(format!("forebay-state-{}", std::process::id())));
    command
}

/// Runs the command with nothing on its standard input.
pub fn run(args: &[&str]) -> Ran {
    finish(command(args), b"")
}

/// Runs the command with these bytes on its standard input.
pub fn run_with(args: &[&str], input: &[u8]) -> Ran {
    finish(command(args), input)
}

/// Runs a command to its end.
pub fn finish(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command may end before it has read everything.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let done = child.wait_with_output().unwrap();
    feed.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// A folder that is removed at the end.
pub struct Temp(PathBuf);

impl Temp {
    pub fn new() -> Temp {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("forebay-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Temp(path)
    }

    /// Returns the path of something in the folder, as an argument.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file, returns its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Copies a folder of the repository into this one, whole at once.
    pub fn copy(&self, from: &str, to: &str) -> String {
        let hidden = self.path(&format!(".{}", to.replace('/', "-")));
        copy(&testkit::files::root().join(from), Path::new(&hidden));
        let path = self.path(to);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::rename(&hidden, &path).unwrap();
        path
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Returns the JSON values of a text of lines.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a JSON file of the examples.
pub fn example(path: &str) -> Vec<Value> {
    let text = fs::read(testkit::files::root().join("examples").join(path)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Returns values as lines.
pub fn jsonl(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Asserts that these are Spark's answers.
#[track_caller]
pub fn assert_close(want: &[Value], got: &[Value]) {
    assert_eq!(want.len(), got.len());
    for (row, (want, got)) in want.iter().zip(got).enumerate() {
        let difference = row_difference(want, got, Tolerance { rel: 1e-9, abs: 1e-12 });
        assert_eq!(difference, None, "row {row}");
    }
}
