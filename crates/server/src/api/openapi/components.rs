//! The schemas that several operations share, by their names.

use utoipa::openapi::{
    schema::{Components, ComponentsBuilder},
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use super::shapes::{Shape, any, count, either, from_0, integer, list, map, named, object, one_of, open, text, truth};

/// Returns all of them.
pub(super) fn all() -> Components {
    let every = [errors(), native(), v2(), others()].concat();
    let built = every.into_iter().fold(ComponentsBuilder::new(), |built, (name, shape)| built.schema(name, shape));
    built
        .security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))))
        .build()
}

/// How callers may say who they are: not at all, where the server asks nobody.
pub(super) fn security() -> [SecurityRequirement; 3] {
    let none: [&str; 0] = [];
    [SecurityRequirement::default(), SecurityRequirement::new("bearer", none), SecurityRequirement::new("key", none)]
}

type Named = Vec<(&'static str, Shape)>;

fn errors() -> Named {
    let violation = object(&[("row?", integer()), ("field?", text()), ("expected?", text()), ("got?", text())]);
    let error =
        object(&[("kind", text()), ("message", text()), ("violations", list(violation)), ("request_id", text())]);
    vec![
        ("Error", object(&[("error", error)])),
        ("V2Error", object(&[("error", text())])),
        ("MlflowError", object(&[("error_code", text()), ("message", text())])),
        ("OpenscoringError", object(&[("message", text())])),
        ("MistEnvelope", map(any())),
    ]
}

fn native() -> Named {
    let version = object(&[
        ("version", count()),
        ("state", one_of(&["start", "loading", "available", "unloading", "end"])),
        ("cold?", truth()),
        ("health?", text()),
        ("format?", text()),
        ("class?", text()),
        ("tool?", text()),
        ("bytes?", integer()),
        ("digest?", text()),
        ("path?", text()),
        ("since?", text()),
    ]);
    let field = object(&[
        ("name", text()),
        ("type", text()),
        ("dtype", text()),
        ("shape", list(integer())),
        ("nullable", truth()),
        ("optional?", truth()),
        ("whole?", truth()),
        ("from_data?", truth()),
        ("takes?", list(text())),
        ("default?", truth()),
    ]);
    let signature = object(&[("name", text()), ("inputs", list(named("Field"))), ("outputs", list(named("Field")))]);
    let model = |more: &[(&str, Shape)]| {
        let own =
            [("name", text()), ("problem?", text()), ("labels?", map(count())), ("versions", list(named("Version")))];
        open(&[&own, more].concat())
    };
    let source = object(&[("source", text()), ("models", from_0()), ("known", truth()), ("problem?", text())]);
    let trial = object(&[
        ("dry_run", truth()),
        ("name", text()),
        ("version", count()),
        ("change", one_of(&["created", "updated", "unchanged"])),
        ("format", text()),
        ("class?", text()),
        ("tool?", text()),
        ("bytes", from_0()),
        ("nodes", from_0()),
        ("digest", text()),
        ("warnings", list(text())),
        ("signatures", list(named("Signature"))),
    ]);
    vec![
        ("Source", source),
        ("Trial", trial),
        ("Row", map(any())),
        ("Rows", either(&[named("Row"), list(named("Row"))])),
        ("Columns", map(list(any()))),
        ("Split", open(&[("columns", list(text())), ("data", list(list(any())))])),
        ("Version", version),
        ("Field", field),
        ("Signature", signature),
        ("Model", model(&[])),
        ("ModelWithSignatures", model(&[("version?", count()), ("signatures?", list(named("Signature")))])),
        ("Label", object(&[("label", text()), ("version", count()), ("source?", text()), ("previous?", count())])),
        ("Removed", object(&[("name", text()), ("version?", count()), ("unloaded", truth())])),
    ]
}

fn v2() -> Named {
    let datatype = one_of(&[
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
        "FP64", "BYTES",
    ]);
    let metadata =
        object(&[("name", text()), ("datatype", text()), ("shape", list(integer())), ("parameters?", map(any()))]);
    let input = open(&[
        ("name", text()),
        ("shape", list(integer())),
        ("datatype", datatype),
        ("parameters?", map(any())),
        ("data?", list(any())),
    ]);
    let output = object(&[
        ("name", text()),
        ("shape", list(integer())),
        ("datatype", text()),
        ("parameters?", map(any())),
        ("data?", list(any())),
    ]);
    let duration = || object(&[("count", integer()), ("ns", integer())]);
    let configured =
        || list(object(&[("name", text()), ("data_type", text()), ("dims", list(integer())), ("optional?", truth())]));
    vec![
        ("TensorMetadata", metadata),
        (
            "InferRequest",
            open(&[
                ("id?", text()),
                ("parameters?", map(any())),
                ("inputs", list(input)),
                ("outputs?", list(open(&[("name", text()), ("parameters?", map(any()))]))),
            ]),
        ),
        (
            "InferAnswer",
            object(&[
                ("model_name", text()),
                ("model_version", text()),
                ("id?", text()),
                ("parameters?", map(any())),
                ("outputs", list(output)),
            ]),
        ),
        (
            "Statistics",
            open(&[(
                "model_stats",
                list(open(&[("name", text()), ("version", text()), ("inference_stats", map(duration()))])),
            )]),
        ),
        (
            "ModelConfig",
            open(&[
                ("name", text()),
                ("platform", text()),
                ("backend", text()),
                ("max_batch_size", integer()),
                ("input", configured()),
                ("output", configured()),
            ]),
        ),
        ("Index", list(object(&[("name", text()), ("version", text()), ("state", text()), ("reason", text())]))),
    ]
}

fn others() -> Named {
    let status = open(&[
        ("version", text()),
        ("state", one_of(&["START", "LOADING", "AVAILABLE", "UNLOADING", "END"])),
        ("status", object(&[("error_code", text()), ("error_message", text())])),
    ]);
    let arguments = open(&[("id?", text()), ("arguments", named("Row"))]);
    let results = object(&[("id?", text()), ("results?", named("Row")), ("message?", text())]);
    let field = open(&[("id", text()), ("dataType?", text()), ("opType?", text())]);
    let schema = open(&[
        ("inputFields", list(field.clone())),
        ("targetFields", list(field.clone())),
        ("outputFields", list(field)),
    ]);
    let model = open(&[("id", text()), ("summary?", text()), ("properties?", map(any())), ("schema?", schema)]);
    let example = open(&[("signature_name?", text()), ("context?", named("Row")), ("examples", list(named("Row")))]);
    vec![
        ("ServingStatus", object(&[("model_version_status", list(status))])),
        ("ServingMetadata", open(&[("model_spec", map(text())), ("metadata", map(any()))])),
        ("PredictRequest", open(&[("signature_name?", text()), ("instances?", list(any())), ("inputs?", any())])),
        ("PredictAnswer", object(&[("predictions?", any()), ("outputs?", any())])),
        ("Examples", example),
        ("ExamplesAnswer", object(&[("results", list(any()))])),
        (
            "Invocation",
            open(&[
                ("dataframe_split?", named("Split")),
                ("dataframe_records?", list(named("Row"))),
                ("instances?", any()),
                ("inputs?", any()),
                ("params?", map(any())),
            ]),
        ),
        ("Predictions", object(&[("predictions", any())])),
        ("OpenscoringModel", model),
        ("OpenscoringRequest", arguments.clone()),
        ("OpenscoringAnswer", results.clone()),
        ("OpenscoringBatch", open(&[("id?", text()), ("requests", list(arguments))])),
        ("OpenscoringBatchAnswer", object(&[("id?", text()), ("responses", list(results))])),
        ("Trace", list(map(any()))),
    ]
}
