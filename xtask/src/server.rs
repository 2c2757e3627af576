//! A server of ours as a child process, for loads and measurements.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::http::Client;

/// Longest that a server may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// A running `forebay serve`; killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

/// Returns the binary: `FOREBAY_BIN`, or a release build made now.
pub fn binary(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(path) = variable("FOREBAY_BIN") {
        return Ok(path.into());
    }
    let built =
        Command::new(env!("CARGO")).current_dir(root).args(["build", "--release", "--package", "app"]).status()?;
    anyhow::ensure!(built.success(), "the release build failed");
    Ok(target(root).join("release/forebay"))
}

/// Returns the folder where builds go.
pub fn target(root: &Path) -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Returns an environment variable; xtask is no part of the product, whose configuration `app` alone reads.
#[allow(clippy::disallowed_methods)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Server {
    /// Starts a server on a free port of this machine and returns when its first line tells the address.
    pub fn start(binary: &Path, args: &[&str], pin: Option<usize>) -> anyhow::Result<Server> {
        let mut command = match pin {
            None => Command::new(binary),
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &cpu.to_string()]).arg(binary);
                command
            }
        };
        let state = std::env::temp_dir().join("forebay-xtask");
        let command = command.args(args).env("XDG_STATE_HOME", state);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stderr.take().context("its standard error")?).lines();
        let (tell, told) = mpsc::channel();
        // Reads on to the end, so that the server never waits for somebody to read its log.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = tell.send(address);
                }
            }
        });
        match told.recv_timeout(READY_MAX) {
            Ok(address) => Ok(Server { child, address }),
            Err(_) => {
                let _ = child.kill();
                bail!("the server told no address: `{} {}`", binary.display(), args.join(" "))
            }
        }
    }

    /// Waits until the server says that it is ready.
    pub fn ready(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < READY_MAX {
            if Client::connect(&self.address).and_then(|mut c| c.get("/health/ready")).is_ok_and(|a| a.status == 200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the server was not ready within {READY_MAX:?}")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server has ended.
    pub fn wait(&mut self, longest: Duration) -> anyhow::Result<ExitStatus> {
        let begin = Instant::now();
        while begin.elapsed() < longest {
            if let Some(exit) = self.child.try_wait()? {
                return Ok(exit);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the server did not end within {longest:?}")
    }

    /// Returns the processor time that the server has used, user and system, in seconds.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.pid())
    }

    /// Returns the resident memory in bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    /// Returns the most memory that was ever resident, in bytes.
    pub fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|l| l.strip_prefix(field)).with_context(|| field.to_owned())?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }
}

/// Returns the processor time that a process has used, user and system, in seconds.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').context("the process's state")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // Linux counts in hundredths of a second on every machine that we build for.
    Ok(ticks / 100.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the address in a line such as `listening on http://127.0.0.1:8080`.
fn address_in(line: &str) -> Option<String> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ':'))).unwrap_or(rest.len());
    let address = &rest[..end];
    address.parse::<std::net::SocketAddr>().is_ok().then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line() {
        assert_eq!(address_in("x http://127.0.0.1:80, 3 models").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(address_in("no address"), None);
    }
}
