//! One Open Inference V2 request in, its answer out: no table, and so no chunks and no marked rows.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

use codec::v2::{Head, Request, encode};
use model::{Call, OnFault};

use super::scorer::Scorer;
use crate::{failure::Failure, model_arg::Opened, output::Output, wait};

/// Bytes of a request that are read into memory.
const REQUEST_BYTES_MAX: u64 = 1 << 30;

/// Rows that the shapes of a request may state.
const ROWS_MAX: usize = 1 << 24;

/// Answers the request; the outputs that it names win over those of the command line.
pub fn score(opened: &Opened, scorer: &Scorer<'_>, input: Option<&Path>, output: Option<&Path>) -> Result<(), Failure> {
    let (name, bytes) = read(input)?;
    let refused = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{name}: {error}"));
    let mut request = Request::parse(&bytes).map_err(|error| refused(&error))?;
    let (signature, _) = opened.signature(scorer.signature.as_deref())?;
    let (id, outputs) = (request.id.take(), request.outputs.take());
    if let Some(unknown) = outputs.iter().flatten().find(|name| signature.output(name).is_none()) {
        let known: Vec<&str> = signature.outputs.iter().map(|field| &*field.name).collect();
        return Err(refused(&format_args!("outputs: the model has no `{unknown}`; there are {}", known.join(", "))));
    }
    let outputs: Option<Arc<[Arc<str>]>> = outputs.map(Into::into).or_else(|| scorer.outputs.clone());
    let fields = signature.fields(outputs.as_deref());
    let batch = request.batch(&fields, &signature.inputs, ROWS_MAX).map_err(|error| refused(&error))?;
    let signature = scorer.signature.clone();
    let call = Call { batch, signature, outputs, on_fault: OnFault::FailCall, ..Call::default() };
    let answer = wait::answer(opened.predictor().call(call)).map_err(|error| refused(&error))?;
    let head = Head { model: &opened.name, version: opened.version.map(|version| version.0), id: id.as_deref() };
    let mut body = Vec::new();
    encode(&answer, head, &mut body).map_err(|error| refused(&error))?;
    body.push(b'\n');
    let (output, mut file) = Output::open(output)?;
    file.write_all(&body).map_err(|error| Failure::writing(&output.name, &error))?;
    output.finish()
}

fn read(input: Option<&Path>) -> Result<(String, Vec<u8>), Failure> {
    let mut bytes = Vec::new();
    let (name, read) = match input.filter(|path| path.as_os_str() != "-") {
        None => ("standard input".to_owned(), io::stdin().take(REQUEST_BYTES_MAX + 1).read_to_end(&mut bytes)),
        Some(path) => {
            let file = File::open(path).and_then(|file| file.take(REQUEST_BYTES_MAX + 1).read_to_end(&mut bytes));
            (path.display().to_string(), file)
        }
    };
    match read {
        Ok(read) if read as u64 <= REQUEST_BYTES_MAX => Ok((name, bytes)),
        Ok(_) => Err(Failure::refused(format_args!("{name}: the request is over {REQUEST_BYTES_MAX} bytes"))),
        Err(error) => Err(Failure::refused(format_args!("{name}: {error}"))),
    }
}
