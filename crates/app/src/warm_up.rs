//! What a version is asked before it answers others, so that its first caller finds it warm: programs compiled, memory taken.
//!
//! The records that a SavedModel brings, and rows that stand in `forebay.toml`, have to be answered: a version that refuses one
//! does not load. A row made of the types of the signature proves nothing, so what becomes of it does not matter.

use codec::{
    json::{Decoder, Limits},
    v2::{Datatype, Elements, Request, TensorType},
};
use formats::tensorflow::warm_up;
use model::{Call, ModelFiles, OnFault, Predictor, Type};
use registry::WarmUp;

use crate::wait;

/// The most elements that an input made of its type has.
const ELEMENTS_MAX: i64 = 1 << 20;

/// Asks what is to be asked; returns what is wrong with the first that is not answered.
pub fn run(files: &ModelFiles, wish: &WarmUp, predictor: &dyn Predictor) -> Result<(), String> {
    match wish {
        WarmUp::None => Ok(()),
        WarmUp::Records => records(files, predictor),
        WarmUp::Rows(json) => records(files, predictor).and_then(|()| rows(json, predictor)),
        WarmUp::Signature => {
            records(files, predictor)?;
            made(predictor);
            Ok(())
        }
    }
}

fn records(files: &ModelFiles, predictor: &dyn Predictor) -> Result<(), String> {
    for (number, record) in warm_up::records(files).into_iter().flatten().enumerate() {
        let wrong = |error: &dyn std::fmt::Display| format!("record {number} of {}: {error}", warm_up::FILE);
        for call in server::logged(record?, predictor).map_err(|error| wrong(&error))? {
            wait::answer(predictor.call(call)).map_err(|error| wrong(&error))?;
        }
    }
    Ok(())
}

fn rows(json: &str, predictor: &dyn Predictor) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the rows of `warm_up` in forebay.toml: {error}");
    let signature = predictor.signatures().first().ok_or_else(|| wrong(&"the model has no signature"))?;
    let fields = signature.columns(None);
    let types: Vec<Option<Type>> = vec![None; fields.len()];
    let decoder = Decoder::new(&fields, &types, Limits::default()).map_err(|error| wrong(&error))?;
    let decoded = decoder.rows(json.as_bytes(), false).map_err(|error| wrong(&error))?;
    if decoded.batch.rows() > 0 {
        wait::answer(predictor.call(Call::new(decoded.batch))).map_err(|error| wrong(&error))?;
    }
    Ok(())
}

/// Asks one row of zeros and empty texts.
fn made(predictor: &dyn Predictor) {
    let Some(signature) = predictor.signatures().first() else { return };
    let fields = signature.fields(None);
    let mut request = Request::new(None);
    for field in &fields {
        let tensor = TensorType::of(field, true);
        let shape: Vec<i64> = tensor.shape.iter().map(|&dim| if dim < 0 { 1 } else { dim }).collect();
        let Some(count) = shape.iter().try_fold(1i64, |n, dim| n.checked_mul(*dim)).filter(|n| *n <= ELEMENTS_MAX)
        else {
            return;
        };
        let count = usize::try_from(count).unwrap_or(0);
        let pushed = match tensor.datatype {
            Datatype::Of(dtype) => request.push(
                &field.name,
                tensor.datatype.name(),
                &shape,
                Elements::Raw(&vec![0; count * dtype.width()]),
            ),
            Datatype::Bytes => {
                let text = if tensor.is_json { b"[]".to_vec() } else { Vec::new() };
                request.push(&field.name, tensor.datatype.name(), &shape, Elements::Bytes(&vec![text; count]))
            }
        };
        if pushed.is_err() {
            return;
        }
    }
    let answered = request.batch(&fields, &signature.inputs, 1).map_err(|error| error.to_string()).and_then(|batch| {
        let call = Call { on_fault: OnFault::MarkRow, ..Call::new(batch) };
        wait::answer(predictor.call(call)).map_err(|error| error.to_string())
    });
    if let Err(error) = answered {
        tracing::debug!(%error, "the row made of the signature is refused");
    }
}
