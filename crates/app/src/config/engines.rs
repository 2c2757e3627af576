//! Engines of others, as the configuration writes them: `remote` itself knows no serialisation.

use std::path::{Path, PathBuf};

use remote::Limits;
use serde::{Deserialize, Serialize};

/// The table `[engines]`: libraries of others that may run models which our own ops do not cover, each in a process of its own,
/// and what such a process may use. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engines {
    /// The path of TensorFlow's library (`libtensorflow_cc.so.2`, or `libtensorflow.so` of its C API); empty: there is none.
    pub tensorflow: String,
    /// The path of ONNX Runtime's library (`libonnxruntime.so`, 1.17 or newer); empty: there is none.
    pub onnxruntime: String,
    /// Threads that one operation of an engine computes on.
    pub threads: u32,
    /// Bytes of the address space of one engine's process, its libraries included.
    pub memory_bytes_max: u64,
    /// Seconds of processor time that one call takes in an engine, on all threads together.
    pub cpu_seconds_max: u64,
    /// Milliseconds until an engine's process has opened its library and its model.
    pub load_ms_max: u64,
    /// Milliseconds that one call may take in an engine; one that takes longer costs the process, and the next call starts another.
    pub call_ms_max: u64,
    /// Bytes of one answer of an engine.
    pub answer_bytes_max: u64,
    /// Calls that wait for one engine's process; one more is refused at once.
    pub waiting_max: usize,
}

impl Default for Engines {
    fn default() -> Engines {
        let Limits {
            threads,
            memory_bytes_max,
            cpu_seconds_max,
            load_ms_max,
            call_ms_max,
            answer_bytes_max,
            waiting_max,
        } = Limits::default();
        Engines {
            tensorflow: String::new(),
            onnxruntime: String::new(),
            threads,
            memory_bytes_max,
            cpu_seconds_max,
            load_ms_max,
            call_ms_max,
            answer_bytes_max,
            waiting_max,
        }
    }
}

/// The command that makes our binary an engine's process.
pub const CHILD: &str = "engine-child";

impl Engines {
    /// Returns what is wrong beyond the types of the values.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, library) in [("tensorflow", &self.tensorflow), ("onnxruntime", &self.onnxruntime)] {
            if !library.is_empty() && !Path::new(library).is_file() {
                return Err(format!("engines.{key}: {library:?} is no file; name the engine's library, or nothing"));
            }
            // A name without a folder would be looked for where the system has its libraries.
            if !library.is_empty() && !Path::new(library).is_absolute() {
                return Err(format!(
                    "engines.{key}: {library:?} is no absolute path; an engine's process is elsewhere"
                ));
            }
        }
        if self.threads == 0 || self.waiting_max == 0 || self.cpu_seconds_max == 0 {
            return Err("engines: threads, waiting_max and cpu_seconds_max are at least 1".to_owned());
        }
        Ok(())
    }

    /// Returns how engines are started: as this very binary, even where its file was replaced meanwhile.
    pub fn engines(&self) -> remote::Engines {
        let this = PathBuf::from("/proc/self/exe");
        let program = if this.exists() { this } else { std::env::current_exe().unwrap_or(this) };
        let named = |library: &String| Some(library.clone()).filter(|library| !library.is_empty());
        remote::Engines {
            program,
            args: vec![CHILD.to_owned()],
            scratch: std::env::temp_dir(),
            tensorflow: named(&self.tensorflow),
            onnxruntime: named(&self.onnxruntime),
            limits: Limits {
                threads: self.threads,
                memory_bytes_max: self.memory_bytes_max,
                cpu_seconds_max: self.cpu_seconds_max,
                load_ms_max: self.load_ms_max,
                call_ms_max: self.call_ms_max,
                answer_bytes_max: self.answer_bytes_max,
                waiting_max: self.waiting_max,
            },
        }
    }
}
