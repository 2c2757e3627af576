//! What stands of a model: the states of its versions, and its signatures.

use std::{borrow::Cow, sync::Arc};

use gateway::Routed;
use model::{DType, Field, Kind, Predictor, ShapeDef, SignatureDef, TensorDef, Type};
use registry::{State, VersionStatus, Which};

use super::{
    Path,
    words::{labelled, served, worded},
};
use crate::{
    answer::{Object, put_list, put_text},
    api::Asked,
    error::{ServeError, cut},
    metrics::Counted,
    state::State as Server,
};

/// `GET /v1/models/{model}[/versions/{n}]`: versions downward, those that failed too.
pub(super) fn status(asked: &Asked<'_>, path: &Path, counted: &mut Counted<'_>) -> Result<String, ServeError> {
    let (name, versions) = versions(asked.state, &path.model, path.which())?;
    counted.set_model(asked.state.models.of(&name));
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.list("model_version_status", &versions, put_version);
    object.end();
    Ok(body)
}

/// Returns the model's name and its versions downward: all, or the one asked for.
pub(in crate::api) fn versions(
    state: &Server,
    model: &str,
    which: Which<'_>,
) -> Result<(Arc<str>, Vec<VersionStatus>), ServeError> {
    let version = match which {
        Which::Newest => None,
        Which::Number(version) => Some(version),
        Which::Label(label) => Some(labelled(state, model, label)?),
    };
    let unknown = || worded(Kind::NotFound, format!("Could not find any versions of model {}", cut(model)));
    let status = state.gateway.registry().status(model).map_err(|_| unknown())?;
    let asked_for = |known: &VersionStatus| version.is_none_or(|number| known.version == number);
    let versions: Vec<VersionStatus> = status.versions.into_iter().rev().filter(asked_for).collect();
    match version {
        _ if !versions.is_empty() => Ok((status.name, versions)),
        Some(version) => {
            Err(worded(Kind::NotFound, format!("Could not find version {version} of model {}", cut(model))))
        }
        None => Err(unknown()),
    }
}

fn put_version(out: &mut String, version: &VersionStatus) {
    let mut object = Object::new(out);
    object.text("version", &version.version.to_string());
    let state = match version.state {
        State::Start => "START",
        State::Loading => "LOADING",
        State::Available => "AVAILABLE",
        State::Unloading => "UNLOADING",
        State::End => "END",
    };
    object.text("state", state);
    let failed = version.health.as_deref().filter(|_| version.state == State::End);
    let mut inner = Object::new(object.key("status"));
    inner.text("error_code", if failed.is_some() { "FAILED_PRECONDITION" } else { "OK" });
    inner.text("error_message", failed.unwrap_or_default());
    inner.end();
    object.end();
}

/// `GET /v1/models/{model}[/versions/{n}]/metadata`: the signatures as the artifact writes them down; of a format that has none,
/// what its fields would be.
pub(super) async fn metadata(asked: &Asked<'_>, path: &Path, counted: &mut Counted<'_>) -> Result<String, ServeError> {
    let state = asked.state;
    let found = asked.model(&path.model, path.which()).await;
    let model = match path.label {
        Some(_) => served(state, found, &path.model, path.which())?,
        None => found?,
    };
    counted.set_model(state.models.of(model.name()));
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    let mut spec = Object::new(object.key("model_spec"));
    spec.text("name", model.name().as_str());
    spec.text("signature_name", "");
    spec.text("version", &model.version().to_string());
    spec.end();
    let mut metadata = Object::new(object.key("metadata"));
    let mut outer = Object::new(metadata.key("signature_def"));
    let mut signatures = Object::new(outer.key("signature_def"));
    for def in defs(&model).iter() {
        put_def(signatures.key(&def.name), def);
    }
    signatures.end();
    outer.end();
    metadata.end();
    object.end();
    Ok(body)
}

/// Returns the signatures as the artifact writes them down; of a format that has none, what its fields would be.
pub(in crate::api) fn defs(model: &Routed) -> Cow<'_, [SignatureDef]> {
    match &*model.handle().about().defs {
        [] => Cow::Owned(model.signatures().iter().map(def).collect()),
        own => Cow::Borrowed(own),
    }
}

fn put_def(out: &mut String, def: &SignatureDef) {
    let mut object = Object::new(out);
    for (key, tensors) in [("inputs", &def.inputs), ("outputs", &def.outputs)] {
        let mut inner = Object::new(object.key(key));
        for tensor in tensors {
            put_tensor(inner.key(&tensor.key), tensor);
        }
        inner.end();
    }
    object.text("method_name", &def.method);
    Object::new(object.key("defaults")).end();
    object.end();
}

fn put_tensor(out: &mut String, tensor: &TensorDef) {
    let mut object = Object::new(out);
    object.text("name", &tensor.tensor);
    object.text("dtype", &tensor.dtype);
    let dims = match &tensor.shape {
        ShapeDef::Absent => return object.end(),
        ShapeDef::UnknownRank => &[][..],
        ShapeDef::Dims(dims) => dims,
    };
    let mut shape = Object::new(object.key("tensor_shape"));
    put_list(shape.key("dim"), dims, |out, (size, name)| {
        let mut dim = Object::new(out);
        dim.text("size", &size.to_string());
        put_text(dim.key("name"), name);
        dim.end();
    });
    shape.plain("unknown_rank", tensor.shape == ShapeDef::UnknownRank);
    shape.end();
    object.end();
}

/// Returns the signature of a model of another format as this protocol would write it.
fn def(signature: &model::Signature) -> SignatureDef {
    let tensors = |fields: &[Field]| fields.iter().map(tensor).collect();
    SignatureDef {
        name: signature.name.clone(),
        method: "tensorflow/serving/predict".into(),
        inputs: tensors(&signature.inputs),
        outputs: tensors(&signature.outputs),
    }
}

fn tensor(field: &Field) -> TensorDef {
    let rows = (!field.whole).then_some(-1);
    let shape = rows.into_iter().chain(field.shape()).map(|size| (size, "".into())).collect();
    TensorDef {
        key: field.name.clone(),
        tensor: field.name.clone(),
        dtype: dtype(field.ty()).into(),
        shape: ShapeDef::Dims(shape),
    }
}

fn dtype(ty: &Type) -> &'static str {
    let of = match ty {
        Type::Vector { .. } => Some(DType::F64),
        Type::List(item) => item.as_scalar(),
        Type::Fixed { dtype, .. } => Some(*dtype),
        _ => None,
    };
    match of {
        Some(DType::Bool) => "DT_BOOL",
        Some(DType::I8) => "DT_INT8",
        Some(DType::I16) => "DT_INT16",
        Some(DType::I32) => "DT_INT32",
        Some(DType::I64) => "DT_INT64",
        Some(DType::U8) => "DT_UINT8",
        Some(DType::U16) => "DT_UINT16",
        Some(DType::U32) => "DT_UINT32",
        Some(DType::U64) => "DT_UINT64",
        Some(DType::F16) => "DT_HALF",
        Some(DType::BF16) => "DT_BFLOAT16",
        Some(DType::F32) => "DT_FLOAT",
        Some(DType::F64) => "DT_DOUBLE",
        Some(DType::C64) => "DT_COMPLEX64",
        Some(DType::Date | DType::Timestamp | DType::Decimal(..)) | None => "DT_STRING",
    }
}
