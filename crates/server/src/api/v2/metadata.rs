//! What the server and its models say of themselves.

use codec::v2::{CONTENT_TYPE, TensorType};
use http::StatusCode;
use model::{Field, PredictError, Predictor};
use registry::{State::Available, Which};

use super::{EXTENSIONS, failure, no_query, version};
use crate::{
    answer::{Answer, Object, put_list, put_text},
    api::Asked,
    error::ServeError,
    metrics::Counted,
};

/// `GET /v2`.
pub(in crate::api) fn server(asked: &Asked<'_>) -> Answer {
    if let Err(error) = no_query(asked) {
        return failure(error);
    }
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("name", "forebay");
    object.text("version", env!("CARGO_PKG_VERSION"));
    object.list("extensions", EXTENSIONS, put_text);
    object.end();
    Answer::json(body)
}

/// `GET /v2/models/{model}[/versions/{version}]`.
pub(in crate::api) async fn model(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Answer {
    match described(asked, counted).await {
        Ok(body) => Answer::json(body),
        Err(error) => failure(error),
    }
}

async fn described(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Result<String, ServeError> {
    no_query(asked)?;
    let state = asked.state;
    let model = asked.model(asked.name, version(asked)?).await?;
    counted.set_model(state.models.of(model.name()));
    let versions = state.gateway.registry().status(asked.name)?.versions;
    let available = versions.iter().filter(|v| v.state == Available).map(|v| v.version.to_string());
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("name", model.name().as_str());
    object.list("versions", available, |out, version| put_text(out, &version));
    object.text("platform", &format!("forebay_{}", model.handle().about().format));
    let signature = model.signatures().first();
    let (inputs, outputs) = signature.map_or((&[][..], &[][..]), |s| (&s.inputs, &s.outputs));
    object.list("inputs", inputs, |out, field| put_tensor(out, field, true));
    object.list("outputs", outputs, |out, field| put_tensor(out, field, false));
    object.end();
    Ok(body)
}

/// Beyond the protocol: the parameter that marks JSON elements, `optional` inputs, and `default: false` on outputs that an
/// answer holds only when asked for.
fn put_tensor(out: &mut String, field: &Field, input: bool) {
    let tensor = TensorType::of(field, input);
    let mut object = Object::new(out);
    object.text("name", &field.name);
    object.text("datatype", tensor.datatype.name());
    put_list(object.key("shape"), tensor.shape, |out, dim| out.push_str(&dim.to_string()));
    let (optional, not_default) = (input && field.optional, !input && !field.default);
    if tensor.is_json || optional || not_default {
        let mut parameters = Object::new(object.key("parameters"));
        if tensor.is_json {
            parameters.text(CONTENT_TYPE.0, CONTENT_TYPE.1);
        }
        if optional {
            parameters.plain("optional", true);
        }
        if not_default {
            parameters.plain("default", false);
        }
        parameters.end();
    }
    object.end();
}

/// `GET /v2/models/{model}[/versions/{version}]/ready`: 200 where it answers, 503 where it is known and does not, 404 where
/// nobody knows it.
pub(in crate::api) fn ready(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Answer {
    let version = match no_query(asked).and_then(|()| version(asked)) {
        Ok(version) => version,
        Err(error) => return failure(error),
    };
    let known = |error: PredictError| match asked.state.gateway.registry().status(asked.name) {
        Ok(status) => {
            let of = match version {
                Which::Newest => return PredictError::Unavailable { message: error.to_string() },
                Which::Number(version) => Some(version),
                Which::Label(label) => status.labels.get(label).copied(),
            };
            match status.versions.iter().any(|v| Some(v.version) == of) {
                true => PredictError::Unavailable { message: error.to_string() },
                false => error,
            }
        }
        _ => error,
    };
    let error = match asked.state.gateway.registry().check(asked.name, version).map_err(known) {
        Ok(_) => {
            counted.set_model(asked.state.models.of(asked.name));
            return Answer::json(readiness(asked.name, true));
        }
        Err(error) => ServeError::from(error),
    };
    if error.status() != StatusCode::SERVICE_UNAVAILABLE {
        return failure(error);
    }
    Answer::failure(error, readiness(asked.name, false))
}

fn readiness(name: &str, ready: bool) -> String {
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("name", name);
    object.plain("ready", ready);
    object.end();
    body
}
