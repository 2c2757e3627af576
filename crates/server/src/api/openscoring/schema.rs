//! What a model says of itself: its inputs and outputs as PMML's fields.

use model::{DType, Field, Predictor, Type};
use registry::State::Available;

use super::no_query;
use crate::{
    answer::{Object, put_list, rfc3339},
    api::Asked,
    error::ServeError,
    metrics::Counted,
};

/// `GET /openscoring/model`: the models that answer.
pub(super) fn list(asked: &Asked<'_>) -> Result<Vec<u8>, ServeError> {
    no_query(asked)?;
    let registry = asked.state.gateway.registry();
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    let up = registry.list().into_iter().filter(|model| model.versions.iter().any(|v| v.state == Available));
    object.list("models", up.map(|model| model.name), |out, name| {
        let mut object = Object::new(out);
        // One that has gone meanwhile has its name only.
        let _ = put_model(&mut object, asked, &name);
        object.end();
    });
    object.end();
    Ok(body.into_bytes())
}

/// `GET /openscoring/model/{id}`.
pub(super) async fn one(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Result<Vec<u8>, ServeError> {
    no_query(asked)?;
    let model = asked.model(asked.name, None).await?;
    counted.set_model(asked.state.models.of(model.name()));
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    put_model(&mut object, asked, asked.name)?;
    let mut schema = Object::new(object.key("schema"));
    if let Some(signature) = model.signatures().first() {
        schema.list("inputFields", signature.columns(None), |out, field| put_field(out, &field));
        // What is a target and what an output is not told by formats other than PMML.
        schema.list("targetFields", [0; 0], |_, _| {});
        schema.list("outputFields", signature.outputs.iter().filter(|field| field.default), put_field);
    }
    schema.end();
    object.end();
    Ok(body.into_bytes())
}

fn put_model(object: &mut Object<'_>, asked: &Asked<'_>, name: &str) -> Result<(), ServeError> {
    object.text("id", name);
    let model = asked.state.gateway.predictor(name, None)?;
    let about = model.handle().about();
    object.some_text("summary", about.class.as_deref());
    let mut properties = Object::new(object.key("properties"));
    let status = asked.state.gateway.registry().status(name)?;
    if let Some(version) = status.versions.iter().find(|version| version.version == model.version()) {
        properties.text("created.timestamp", &rfc3339(version.since));
    }
    properties.plain("file.size", about.bytes);
    properties.text("model.version", &model.version().to_string());
    properties.end();
    Ok(())
}

fn put_field(out: &mut String, field: &Field) {
    let ty = field.ty();
    let (data, op) = of_pmml(ty);
    let mut object = Object::new(out);
    object.text("id", &field.name);
    object.some_text("dataType", data);
    object.some_text("opType", op);
    if data.is_none() {
        object.text("type", &ty.to_string());
    }
    if let model::Takes::From(types) = &field.takes {
        put_list(object.key("takes"), types, |out, ty| crate::answer::put_text(out, &ty.to_string()));
    }
    object.end();
}

/// Returns the data type and the operational type that PMML has for single values.
fn of_pmml(ty: &Type) -> (Option<&'static str>, Option<&'static str>) {
    let Some(dtype) = ty.as_scalar() else {
        return match ty {
            Type::Text => (Some("string"), Some("categorical")),
            _ => (None, None),
        };
    };
    let (data, op) = match dtype {
        DType::Bool => ("boolean", "categorical"),
        DType::F32 => ("float", "continuous"),
        DType::F64 | DType::Decimal(..) => ("double", "continuous"),
        DType::Date => ("date", "ordinal"),
        DType::Timestamp => ("dateTime", "ordinal"),
        _ => ("integer", "continuous"),
    };
    (Some(data), Some(op))
}
