//! The repository and statistics extensions, as Triton has them, for REST and gRPC alike.
//!
//! The models directory says what is served: an index can be asked for, a load is a look at what stands, and what only the directory
//! can do is refused by name. What the parts of a call took is not told apart: to measure it would cost every call.

use codec::v2::TensorType;
use gateway::Routed;
use hyper::body::Incoming;
use model::{Field, PredictError, Predictor, Version};
use registry::{State as Stands, Which};
use serde::{Deserialize, de::IgnoredAny};

use super::{failure, no_query, version};
use crate::{
    answer::{Answer, Object, put_list},
    api::Asked,
    body,
    error::{ServeError, asked as wrong, cut},
    metrics::{Calls, Counted},
    state::State,
};

/// One version as an index shows it.
pub(in crate::api) struct Indexed {
    pub name: String,
    pub version: String,
    pub state: &'static str,
    pub reason: String,
}

/// Returns every version of every model; only those that answer, where those are asked for.
pub(in crate::api) fn index(state: &State, ready: bool) -> Vec<Indexed> {
    let mut all = Vec::new();
    for model in state.gateway.registry().list() {
        for version in &model.versions {
            let (state, reason) = match version.state {
                Stands::Available if !version.is_loaded => ("READY", "cold: the first call loads it"),
                Stands::Available => ("READY", ""),
                Stands::Start | Stands::Loading => ("LOADING", ""),
                Stands::Unloading => ("UNLOADING", ""),
                Stands::End => ("UNAVAILABLE", "unloaded"),
            };
            if ready && state != "READY" {
                continue;
            }
            let reason = version.health.as_deref().unwrap_or(reason).to_owned();
            all.push(Indexed { name: model.name.to_string(), version: version.version.to_string(), state, reason });
        }
    }
    all
}

/// A load asks that a model answers: a lazy one is loaded, one that is up is left as it is, another says why it is not. What a load may
/// not ask is refused here.
pub(in crate::api) fn load(name: &str, parameters: bool) -> Result<(), ServeError> {
    if parameters {
        let what = format!("parameters of a load of model `{}`: its artifact and forebay.toml say all", cut(name));
        return Err(PredictError::Unimplemented { what }.into());
    }
    Ok(())
}

/// Gives the memory of a lazy model back; the next call loads it again. An eager one stays: the models directory would bring it back.
pub(in crate::api) fn unload(state: &State, name: &str) -> Result<(), ServeError> {
    if state.gateway.registry().cool(name)?.is_some() {
        return Ok(());
    }
    let what = format!(
        "an unload of model `{}`, which stays loaded: take its artifact out of the models directory, or say `load = \"lazy\"` in its \
         forebay.toml",
        cut(name)
    );
    Err(PredictError::Unimplemented { what }.into())
}

/// What was counted of a version.
pub(in crate::api) struct Counts {
    pub name: String,
    pub version: String,
    pub calls: Calls,
}

/// Returns the counts of the version asked for, else of all that answer: of one model, or of all.
pub(in crate::api) fn statistics(state: &State, name: &str, which: Which<'_>) -> Result<Vec<Counts>, ServeError> {
    let registry = state.gateway.registry();
    let of = |name: &str, version: Version| {
        let counted = state.models.of(name).versions.find(version.0);
        let calls = counted.map_or_else(Calls::default, |counted| counted.calls.read(&state.metrics));
        Counts { name: name.to_owned(), version: version.to_string(), calls }
    };
    let models = match (name, which) {
        ("", _) => registry.list(),
        (name, Which::Newest) => {
            registry.check(name, which)?;
            vec![registry.status(name)?]
        }
        (name, which) => return Ok(vec![of(name, registry.check(name, which)?)]),
    };
    let mut counts = Vec::new();
    for model in &models {
        let answering = model.versions.iter().filter(|version| version.state == Stands::Available);
        counts.extend(answering.map(|version| of(&model.name, version.version)));
    }
    Ok(counts)
}

/// A tensor as a configuration shows it: Triton's name of the type, all dimensions.
pub(in crate::api) struct Configured {
    pub name: String,
    pub data_type: String,
    pub dims: Vec<i64>,
    pub optional: bool,
}

/// Returns a model's inputs and outputs as its configuration shows them.
pub(in crate::api) fn configured(model: &Routed) -> (Vec<Configured>, Vec<Configured>) {
    let tensor = |field: &Field, input: bool| {
        let ty = TensorType::of(field, input);
        let data_type = match ty.datatype.name() {
            "BYTES" => "TYPE_STRING".to_owned(),
            name => format!("TYPE_{name}"),
        };
        Configured { name: field.name.to_string(), data_type, dims: ty.shape, optional: input && field.optional }
    };
    let Some(signature) = model.signatures().first() else { return (Vec::new(), Vec::new()) };
    (
        signature.inputs.iter().map(|field| tensor(field, true)).collect(),
        signature.outputs.iter().map(|field| tensor(field, false)).collect(),
    )
}

/// `GET /v2/models/stats` and `GET /v2/models/{model}[/versions/{version}]/stats`.
pub(in crate::api) fn stats(asked: &Asked<'_>) -> Answer {
    let all = no_query(asked).and_then(|()| statistics(asked.state, asked.name, version(asked)?));
    let all = match all {
        Ok(all) => all,
        Err(error) => return failure(error),
    };
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.list("model_stats", all, |out, Counts { name, version, calls }| {
        let mut object = Object::new(out);
        object.text("name", &name);
        object.text("version", &version);
        object.plain("last_inference", calls.last_ms);
        object.plain("inference_count", calls.rows);
        object.plain("execution_count", calls.success);
        let mut inner = Object::new(object.key("inference_stats"));
        for (key, count, ns) in [
            ("success", calls.success, calls.success_ns),
            ("fail", calls.fail, calls.fail_ns),
            ("queue", 0, 0),
            ("compute_input", 0, 0),
            ("compute_infer", calls.success, calls.success_ns),
            ("compute_output", 0, 0),
            ("cache_hit", 0, 0),
            ("cache_miss", 0, 0),
        ] {
            let mut duration = Object::new(inner.key(key));
            duration.plain("count", count);
            duration.plain("ns", ns);
            duration.end();
        }
        inner.end();
        object.list("batch_stats", [(); 0], |_, ()| {});
        object.end();
    });
    object.end();
    Answer::json(body)
}

/// `GET /v2/models/{model}[/versions/{version}]/config`.
pub(in crate::api) async fn config(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Answer {
    let found = async {
        no_query(asked)?;
        Ok(asked.model(asked.name, version(asked)?).await?)
    };
    let model = match found.await {
        Ok(model) => model,
        Err(error) => return failure(error),
    };
    counted.set_model(asked.state.models.of(model.name()));
    let put = |out: &mut String, tensor: Configured| {
        let mut object = Object::new(out);
        object.text("name", &tensor.name);
        object.text("data_type", &tensor.data_type);
        put_list(object.key("dims"), tensor.dims, |out, dim| out.push_str(&dim.to_string()));
        if tensor.optional {
            object.plain("optional", true);
        }
        object.end();
    };
    let (inputs, outputs) = configured(&model);
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("name", model.name().as_str());
    object.text("platform", &format!("forebay_{}", model.handle().about().format));
    object.text("backend", "forebay");
    object.plain("max_batch_size", 0);
    object.list("input", inputs, put);
    object.list("output", outputs, put);
    object.end();
    Answer::json(body)
}

/// `POST /v2/repository/index`, with `{"ready": true}` for those that answer alone.
pub(in crate::api) async fn indexed(asked: &Asked<'_>, body: &mut Incoming) -> Answer {
    match options(asked, body).await {
        Ok(options) => {
            let mut text = String::new();
            put_list(&mut text, index(asked.state, options.ready), |out, one| {
                let mut object = Object::new(out);
                object.text("name", &one.name);
                object.text("version", &one.version);
                object.text("state", one.state);
                object.text("reason", &one.reason);
                object.end();
            });
            Answer::json(text)
        }
        Err(error) => failure(error),
    }
}

/// `POST /v2/repository/models/{model}/load`.
pub(in crate::api) async fn loaded(asked: &Asked<'_>, body: &mut Incoming) -> Answer {
    let answered = async {
        load(asked.name, options(asked, body).await?.parameters.is_some())?;
        asked.model(asked.name, None).await?;
        Ok::<_, ServeError>(())
    };
    match answered.await {
        Ok(()) => Answer::json(""),
        Err(error) => failure(error),
    }
}

/// `POST /v2/repository/models/{model}/unload`.
pub(in crate::api) async fn unloaded(asked: &Asked<'_>, body: &mut Incoming) -> Answer {
    match options(asked, body).await.and_then(|_| unload(asked.state, asked.name)) {
        Ok(()) => Answer::json(""),
        Err(error) => failure(error),
    }
}

/// What a body of the repository extension may say.
#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    parameters: Option<IgnoredAny>,
}

async fn options(asked: &Asked<'_>, body: &mut Incoming) -> Result<Options, ServeError> {
    no_query(asked)?;
    let received = body::receive_any(body, &asked.state.config, &asked.state.held).await?;
    if received.bytes.is_empty() {
        return Ok(Options::default());
    }
    let read = serde_json::from_slice(&received.bytes);
    read.map_err(|error| wrong("body", &error.to_string(), "a JSON object, {\"ready\": true} or an empty one"))
}
