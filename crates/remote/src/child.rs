//! The child: opens one library and one model, then answers calls until nobody asks any more.
//!
//! It is our own binary, started again with nothing but two pipes. What it speaks to its parent goes through a copy of its
//! standard output; the original becomes standard error, so that a graph which prints does not talk into the frames. Limits
//! are set before the library is opened; what it sees of the file system is cut after that, before the model is read.
//!
//! [`sys`] holds all that is unsafe: the limits, and the C API of TensorFlow. [`onnx`] is ONNX Runtime by `ort`.

use std::{
    io::{self, BufReader, BufWriter},
    path::Path,
};

use model::{Type, Whole};

use crate::wire::{Code, Form, Kind, Load, Run, Told, read_frame, write_frame};

mod onnx;
mod sys;

/// Bytes of a request: the border has checked what callers send.
const REQUEST_BYTES_MAX: u64 = 4 << 30;

/// Why an engine refuses a model or a call.
#[derive(Debug)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

/// An engine with its model.
trait Runs {
    /// Its version, as it says.
    fn version(&self) -> String;

    /// The types of tensors, as far as they are known before a call.
    fn types(&self, outputs: &[String]) -> Vec<Option<Type>>;

    /// Computes the outputs.
    fn run(&mut self, run: &Run) -> Result<Vec<Whole>, Refusal>;
}

/// Is a child until its standard input ends.
pub fn serve() -> io::Result<()> {
    let (from, to) = sys::limits::pipes()?;
    let (mut from, mut to) = (BufReader::new(from), BufWriter::new(to));
    let garbled = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let Some(frame) = read_frame(&mut from, REQUEST_BYTES_MAX)? else { return Ok(()) };
    let load = Load::decode(&frame).map_err(garbled)?;
    sys::limits::restrict(load.memory_bytes_max)?;
    sys::limits::allow_processor(load.cpu_seconds_max)?;
    let mut is_confined = false;
    let (mut engine, ready) = match open(&load, &mut is_confined) {
        Ok(engine) => {
            let (version, types) = (engine.version(), engine.types(&load.outputs));
            (Some(engine), Told::Loaded { version, is_confined, types })
        }
        Err(Refusal { code, message }) => (None, Told::Refused { code, message }),
    };
    write_frame(&mut to, &ready.encode())?;
    while let Some(engine) = &mut engine
        && let Some(frame) = read_frame(&mut from, REQUEST_BYTES_MAX)?
    {
        let run = Run::decode(&frame).map_err(garbled)?;
        sys::limits::allow_processor(load.cpu_seconds_max)?;
        let told = match engine.run(&run) {
            Ok(values) => answer(values, load.answer_bytes_max),
            Err(Refusal { code, message }) => Told::Refused { code, message },
        };
        write_frame(&mut to, &told.encode())?;
    }
    Ok(())
}

/// Opens the library, then the model.
fn open(load: &Load, is_confined: &mut bool) -> Result<Box<dyn Runs>, Refusal> {
    let folder = Path::new(&load.folder);
    let mut confine = || *is_confined = sys::limits::confine(folder);
    match (load.kind, &load.form) {
        (Kind::Onnxruntime, Form::Onnx { file }) => {
            let engine = onnx::Engine::open(&load.library)?;
            confine();
            Ok(Box::new(engine.load(&folder.join(file), load.threads)?))
        }
        (Kind::Tensorflow, Form::SavedModel { .. } | Form::Graph { .. }) => {
            let engine = sys::tensorflow::Engine::open(&load.library)?;
            confine();
            Ok(Box::new(engine.load(folder, &load.form, load.threads)?))
        }
        (kind, _) => {
            let message = format!("{kind} does not read this form of model");
            Err(Refusal { code: Code::Unimplemented, message })
        }
    }
}

/// Returns the answer, if it is within its limit.
fn answer(values: Vec<Whole>, bytes_max: u64) -> Told {
    let bytes: usize = values.iter().map(Whole::bytes).sum();
    if bytes as u64 <= bytes_max {
        return Told::Answer(values);
    }
    let message = format!("the answer is {bytes} bytes, more than the limit {bytes_max} (engines.answer_bytes_max)");
    Told::Refused { code: Code::Exhausted, message }
}

impl Refusal {
    fn new(code: Code, message: impl std::fmt::Display) -> Refusal {
        Refusal { code, message: message.to_string() }
    }
}
