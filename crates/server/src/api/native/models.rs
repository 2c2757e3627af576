//! What stands: the list of models, and the signature of one.

use model::{Field, Predictor, Signature};
use registry::{ModelStatus, State, VersionStatus};

use crate::{
    answer::{Answer, Object, put_list, put_text, rfc3339},
    api::{Asked, native},
    metrics::Counted,
    query,
};

/// `GET /api/v1/models`: every model with its versions, those that failed too.
pub(in crate::api) fn list(asked: &Asked<'_>) -> Answer {
    if let Err(error) = query::none(asked.query()) {
        return native::failure(error, asked.context);
    }
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.list("models", asked.state.gateway.registry().list(), |out, model| {
        let mut object = Object::new(out);
        put_status(&mut object, &model);
        object.end();
    });
    object.end();
    Answer::json(body)
}

/// `GET /api/v1/sources`: where models come from, and what is in the way.
pub(in crate::api) fn sources(asked: &Asked<'_>) -> Answer {
    if let Err(error) = query::none(asked.query()) {
        return native::failure(error, asked.context);
    }
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.list("sources", asked.state.gateway.registry().sources().iter(), |out, source| {
        let mut object = Object::new(out);
        object.text("source", &source.source);
        object.plain("models", source.models);
        object.plain("known", source.is_known);
        object.some_text("problem", source.problem.as_deref());
        object.end();
    });
    object.end();
    Answer::json(body)
}

/// `GET /api/v1/models/{model}`: its versions, and the signatures of the one that answers.
pub(in crate::api) async fn one(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Answer {
    let status =
        match query::none(asked.query()).and_then(|()| Ok(asked.state.gateway.registry().status(asked.name)?)) {
            Ok(status) => status,
            Err(error) => return native::failure(error, asked.context),
        };
    counted.set_model(asked.state.models.of(&status.name));
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    put_status(&mut object, &status);
    if let Ok(model) = asked.model(asked.name, None).await {
        object.plain("version", model.version());
        object.list("signatures", model.signatures(), put_signature);
    }
    object.end();
    Answer::json(body)
}

fn put_status(object: &mut Object<'_>, model: &ModelStatus) {
    object.text("name", &model.name);
    object.some_text("problem", model.problem.as_deref());
    if !model.labels.is_empty() {
        let mut labels = Object::new(object.key("labels"));
        model.labels.iter().for_each(|(label, version)| labels.plain(label, version));
        labels.end();
    }
    object.list("versions", &model.versions, put_version);
}

pub(in crate::api) fn put_version(out: &mut String, version: &VersionStatus) {
    let mut object = Object::new(out);
    object.plain("version", version.version);
    object.text("state", version.state.name());
    if version.state == State::Available && !version.is_loaded {
        object.plain("cold", true);
    }
    object.some_text("health", version.health.as_deref());
    if let Some(about) = &version.about {
        object.text("format", &about.format);
        object.some_text("class", about.class.as_deref());
        object.some_text("tool", about.tool.as_deref());
        object.plain("bytes", about.bytes);
    }
    if let Some(digest) = &version.digest {
        object.text("digest", &digest.to_string());
    }
    object.text("path", &version.path);
    object.text("since", &rfc3339(version.since));
    object.end();
}

pub(in crate::api) fn put_signature(out: &mut String, signature: &Signature) {
    let mut object = Object::new(out);
    object.text("name", &signature.name);
    object.list("inputs", &signature.inputs, |out, field| put_field(out, field, true));
    object.list("outputs", &signature.outputs, |out, field| put_field(out, field, false));
    object.end();
}

fn put_field(out: &mut String, field: &Field, input: bool) {
    let ty = field.ty();
    let mut object = Object::new(out);
    object.text("name", &field.name);
    object.text("type", &ty.to_string());
    object.text("dtype", &ty.dtype_name());
    put_list(object.key("shape"), field.shape(), |out, n| out.push_str(&n.to_string()));
    object.plain("nullable", field.nullable);
    if field.optional {
        object.plain("optional", true);
    }
    if field.whole {
        object.plain("whole", true);
    }
    if input {
        // The artifact does not say the type: the rows, or the owner's forebay.toml, settle it.
        if let model::Takes::From(types) = &field.takes {
            object.plain("from_data", true);
            object.list("takes", types, |out, ty| put_text(out, &ty.to_string()));
        }
    } else {
        object.plain("default", field.default);
    }
    object.end();
}
