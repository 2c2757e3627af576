//! What a figure was measured on.

use std::{fs, process::Command};

use serde_json::{Value, json};

/// Returns processor, cores, memory, kernel, compiler, and how busy the machine is with other things now.
pub fn facts() -> anyhow::Result<Value> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = field(&memory, "MemTotal").and_then(|kib| kib.split(' ').next()?.parse().ok()).unwrap_or(0);
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(json!({
        "cpu": field(&cpu, "model name").unwrap_or("unknown"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory_gib": kib.div_ceil(1 << 20),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        "rustc": rustc(),
        "load_before": load.split(' ').next().and_then(|load| load.parse::<f64>().ok()),
    }))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn rustc() -> String {
    let said = Command::new("rustc").arg("--version").output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    said.ok().and_then(|said| said.split(' ').nth(1).map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}
