//! Predictors elsewhere: engines of others, each in a process of its own.
//!
//! What our own ops do not cover, TensorFlow or ONNX Runtime may: their libraries are opened by a *child* (our own binary
//! again, [`child`]), never by this process, and never linked. A child runs one version of one model. It has no environment,
//! limits of memory, processor time and files, and where the kernel has Landlock it sees its model's folder and nothing else;
//! TensorFlow is no sandbox, a graph of it is a program. Parent and child speak in frames of bounded length over the
//! child's standard input and output ([`wire`]).
//!
//! A child that dies, hangs or sends what is no frame costs the call at hand, which gets an error that names the engine; the
//! next call starts another one. Go on at [`engine`] for the predictor, at [`host`] for a child as its parent sees it.

use std::path::PathBuf;

pub mod child;
pub mod engine;
pub mod error;
mod folder;
pub mod host;
mod promise;
pub mod wire;

pub use engine::{Artifact, Engine};
pub use error::EngineError;
pub use wire::{Form, Kind};

/// How children are started, and what they may use.
#[derive(Clone, Debug)]
pub struct Engines {
    /// The program that is the child, with its arguments: our own binary, told to be one.
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Where the files of models are laid out for their children.
    pub scratch: PathBuf,
    /// The library of TensorFlow's C API; `None` where there is none.
    pub tensorflow: Option<String>,
    /// The library of ONNX Runtime; `None` where there is none.
    pub onnxruntime: Option<String>,
    pub limits: Limits,
}

/// What a child may use; a bound that is passed costs the call at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads that one operation computes on.
    pub threads: u32,
    /// Bytes of a child's address space, its libraries included.
    pub memory_bytes_max: u64,
    /// Seconds of processor time that one call takes, on all threads together.
    pub cpu_seconds_max: u64,
    /// Milliseconds until a child has opened its library and its model.
    pub load_ms_max: u64,
    /// Milliseconds that one call may take in the child.
    pub call_ms_max: u64,
    /// Bytes of one answer.
    pub answer_bytes_max: u64,
    /// Calls that wait for a child; one more is refused at once.
    pub waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            threads: 1,
            memory_bytes_max: 8 << 30,
            cpu_seconds_max: 60,
            load_ms_max: 60_000,
            call_ms_max: 30_000,
            answer_bytes_max: 1 << 28,
            waiting_max: 64,
        }
    }
}

impl Engines {
    /// Returns the library of an engine.
    pub fn library(&self, kind: Kind) -> Option<&str> {
        match kind {
            Kind::Tensorflow => self.tensorflow.as_deref(),
            Kind::Onnxruntime => self.onnxruntime.as_deref(),
        }
    }
}
