//! What a command took: on the wall and on the processor.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;

/// Seconds of one run, from the start of the process to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    pub wall: f64,
    /// User and system together.
    pub cpu: f64,
}

/// Runs a command on one core and returns what it took and what it said.
pub fn on_core(core: usize, binary: &Path, args: &[&str]) -> anyhow::Result<(Spent, String)> {
    let line = || format!("{} {}", binary.display(), args.join(" "));
    // The shell's clock has thousandths of a second; /proc counts hundredths.
    let script = "TIMEFORMAT='spent %R %U %S'; time \"$@\"";
    let core = core.to_string();
    let output = Command::new("taskset")
        .args(["-c", &core, "bash", "-c", script, "time"])
        .arg(binary)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("taskset and bash are needed (Debian: apt-get install util-linux)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`{}` failed: {}", line(), said.trim());
    let spent = said.lines().rev().find_map(parse).with_context(|| format!("no time of `{}`: {said}", line()))?;
    Ok((spent, String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn parse(line: &str) -> Option<Spent> {
    let mut times = line.strip_prefix("spent ")?.split(' ').map(|time| time.parse::<f64>().ok());
    let (wall, user, system) = (times.next()??, times.next()??, times.next()??);
    Some(Spent { wall, cpu: user + system })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_shell() {
        assert_eq!(parse("spent 1.500 0.250 0.125"), Some(Spent { wall: 1.5, cpu: 0.375 }));
        assert_eq!(parse("spent 1.500"), None);
        assert_eq!(parse("forebay: 10 rows"), None);
    }
}
