//! What each row of the route table takes and answers. A row that is left out says why; there is no third way, for the compiler asks for
//! every endpoint.

use serde_json::json;

use super::shapes::{Op, Shape, any, count, either, from_0, list, map, named, object, one_of, open, text, truth};
use crate::{
    answer::{BYTES, JSON},
    api::{Endpoint, openscoring::Wanted},
};

const CSV: &str = "text/csv";
const ARROW: &str = "application/vnd.apache.arrow.stream";
const XML: &str = "application/xml";

/// A row's operations: each by its method and what its path has after the row's.
pub(super) enum Told {
    Ops(Vec<(&'static str, &'static str, Op)>),
    /// Why the document has nothing of it.
    LeftOut(&'static str),
}

fn op(method: &'static str, op: Op) -> Told {
    Told::Ops(vec![(method, "", op)])
}

fn get(id: &str, summary: &str, shape: Shape) -> Told {
    op("GET", Op::new(id, summary).ok("What was asked for.", shape))
}

/// Tells of a row by what it does; `labels` and `metadata` are words of its path that change what that is.
pub(super) fn told(endpoint: Endpoint, path: &[&str]) -> Told {
    use Endpoint::*;
    match endpoint {
        NativeServe => op("POST", serve()),
        NativeSources => get(
            "sources",
            "Where models come from, and what is in the way",
            object(&[("sources", list(named("Source")))]),
        ),
        NativeModels => get("models", "Every model with its versions", object(&[("models", list(named("Model")))])),
        NativeModel => get("model", "One model and how to ask it", named("ModelWithSignatures")),
        Publish => op("POST", upload(Op::new("publish", "Put in the next version"))),
        PublishAs => op("PUT", upload(Op::new("publishAs", "Put in a version under its number"))),
        Version => get("version", "One version", named("Version")),
        Artifact => plain("artifact", "The files of a version, as a tar", "application/x-tar"),
        Delete => op("DELETE", delete(path.contains(&"{version}"))),
        Labels => get("labels", "The labels of a model", object(&[("name", text()), ("labels", list(named("Label")))])),
        Label => get("label", "The version that has a label", named("Label")),
        SetLabel => op("PUT", set_label()),
        RemoveLabel => op("DELETE", remove_label()),
        Events => op("GET", events()),
        MistRun => op("POST", mist()),
        V2Infer => op("POST", infer()),
        V2Model => get("v2Model", "The inputs and outputs of a model as tensors", v2_model()),
        V2ModelReady => {
            op("GET", ready("v2ModelReady", "Whether a model answers", &[("name", text()), ("ready", truth())]))
        }
        V2Server => {
            let shape = object(&[("name", text()), ("version", text()), ("extensions", list(text()))]);
            get("v2Server", "Name, version and extensions of the server", shape)
        }
        V2Live => get("v2Live", "Whether the server runs", object(&[("live", truth())])),
        V2Ready => op("GET", ready("v2Ready", "Whether the server answers", &[("ready", truth())])),
        V2Stats => get("v2Stats", "Calls and rows of a model, or of all, and their time", named("Statistics")),
        V2Config => get("v2Config", "Inputs and outputs as Triton's configuration has them", named("ModelConfig")),
        V2Index => op("POST", repository("v2Index", "Every version with its state").ok("The index.", named("Index"))),
        V2Load => op("POST", repository("v2Load", "Ask that a model answers").answers("200", "It answers.", &[])),
        V2Unload => op("POST", repository("v2Unload", "Give up a lazy model").answers("200", "It is.", &[])),
        Tfs => tfs(path),
        Traces => op("GET", traces()),
        Trace => get("trace", "The spans of one trace, as Zipkin shows them", named("Trace")),
        TraceServices => get("traceServices", "The services that have spans", list(text())),
        TraceSpans => op("GET", trace_spans()),
        MlflowInvoke => op("POST", invoke()),
        MlflowPing => op("GET", ping(path)),
        MlflowVersion => op("GET", Op::new("mlflowVersion", "The server's version").answers("200", "It, bare.", &[])),
        Openscoring(wanted) => op(method(wanted), openscoring(wanted)),
        Live => get("live", "Whether the process runs", object(&[("status", one_of(&["live"]))])),
        Ready => {
            op("GET", ready("ready", "Whether calls are answered", &[("status", text()), ("loading?", list(text()))]))
        }
        Metrics => plain("metrics", "Everything that is counted", "text/plain"),
        OpenApi => Told::LeftOut("the document itself"),
        Swagger => Told::LeftOut("pages for people"),
    }
}

/// What is answered as text or bytes of this type.
fn plain(id: &str, summary: &str, ty: &str) -> Told {
    op("GET", Op::new(id, summary).answers("200", "What was asked for.", &[(ty, text())]))
}

fn set_label() -> Op {
    Op::new("setLabel", "Move a label to a version that answers")
        .body(true, &[(JSON, object(&[("version", count())]))], Some(json!({"version": 1})))
        .ok("It has it.", named("Label"))
}

fn remove_label() -> Op {
    let gone = object(&[("label", text()), ("previous", count())]);
    Op::new("removeLabel", "Remove a label").ok("It is gone.", gone)
}

fn trace_spans() -> Op {
    let op = Op::new("traceSpans", "The names of spans").query("serviceName", "Of this service.", text());
    op.ok("Names.", list(text()))
}

fn ready(id: &str, summary: &str, fields: &[(&str, Shape)]) -> Op {
    let shape = object(fields);
    Op::new(id, summary).ok("It does.", shape.clone()).answers("503", "It does not, or not yet.", &[(JSON, shape)])
}

fn events() -> Op {
    let event = object(&[("number", count()), ("at", text()), ("kind", text()), ("model", text())]);
    let list = object(&[("events", list(event)), ("last", count())]);
    Op::new("events", "What happens to models")
        .about("A stream of server-sent events, or with `accept: application/json` or `since` a list.")
        .query("since", "A list of the events after this number.", from_0())
        .query("limit", "So many of them at most.", count())
        .answers("200", "Events.", &[(JSON, list), ("text/event-stream", text())])
}

fn serve() -> Op {
    let tables: Shape = either(&[named("Rows"), named("Columns"), named("Split")]);
    Op::new("serve", "Score rows")
        .about("The answer has the form and the type of the body; an `accept` header asks for another type.")
        .query("outputs", "Names of outputs, by commas.", text())
        .query("on_error", "`row`: rows keep their places, a refused one says why.", one_of(&["row", "call"]))
        .query("version", "This version and no other.", count())
        .query("label", "The version that has this label.", text())
        .query("signature", "Of a model with several.", text())
        .query("timeout_ms", "The call's time.", count())
        .query("form", "How rows stand in JSON.", one_of(&["rows", "columns", "split"]))
        .query("int64", "`string`: integers past 2^53 are strings.", one_of(&["number", "string"]))
        .body(true, &[(JSON, tables.clone()), (CSV, text()), (ARROW, text())], Some(json!([{"text": "spark is fast"}])))
        .answers("200", "The rows with the model's outputs.", &[(JSON, tables), (CSV, text()), (ARROW, text())])
}

fn upload(op: Op) -> Op {
    const TYPES: [&str; 6] = [
        "application/x-tar",
        "application/gzip",
        "application/zip",
        "application/octet-stream",
        XML,
        "application/x-gzip",
    ];
    op.about("A tar, a tar.gz or a zip; or one file, which `file` names. The answer comes when the version answers, or when it did not load: then it is taken out again.")
        .query("file", "The name of the one file that the body is.", text())
        .query("wait", "`false`: answer at once.", one_of(&["true", "false"]))
        .query("dry_run", "`true`: read, compiled and verified, not stored.", one_of(&["true", "false"]))
        .body(true, &TYPES.map(|ty| (ty, text())), None)
        .answers("200", "A dry run: what publishing would do.", &[(JSON, named("Trial"))])
        .answers("201", "It answers.", &[(JSON, named("Version"))])
        .answers("202", "It is put in, and not loaded yet.", &[(JSON, named("Version"))])
}

fn delete(version: bool) -> Op {
    let op = match version {
        true => Op::new("deleteVersion", "Take out a version"),
        false => Op::new("deleteModel", "Take out a model with all versions"),
    };
    op.query("force", "`true`: though it answers calls.", one_of(&["true", "false"])).ok("It is out.", named("Removed"))
}

fn mist() -> Op {
    let answer =
        open(&[("success", truth()), ("payload", map(any())), ("errors", list(any())), ("request", map(any()))]);
    Op::new("mist", "Score columns, as Hydrosphere Mist has it")
        .query("serve", "Its presence asks to score.", text())
        .body(true, &[(JSON, named("Columns"))], Some(json!({"text": ["spark is fast"]})))
        .ok("The envelope.", answer)
}

fn infer() -> Op {
    let example = json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["spark is fast"]}]});
    Op::new("v2Infer", "Score tensors")
        .body(true, &[(JSON, named("InferRequest")), (BYTES, text())], Some(example))
        .answers(
            "200",
            "The outputs; in binary where that was asked for.",
            &[(JSON, named("InferAnswer")), (BYTES, text())],
        )
}

fn v2_model() -> Shape {
    object(&[
        ("name", text()),
        ("versions", list(text())),
        ("platform", text()),
        ("inputs", list(named("TensorMetadata"))),
        ("outputs", list(named("TensorMetadata"))),
    ])
}

fn repository(id: &str, summary: &str) -> Op {
    Op::new(id, summary).body(false, &[(JSON, open(&[("ready?", truth()), ("parameters?", map(any()))]))], None)
}

/// TensorFlow Serving asks by a word after a colon, which is no segment of its own.
fn tfs(path: &[&str]) -> Told {
    let of = match path {
        [.., "metadata"] if path.contains(&"labels") => {
            return get("tfsMetadataOfLabel", "The signatures of a labelled version", named("ServingMetadata"));
        }
        [.., "metadata"] if path.contains(&"versions") => {
            return get("tfsMetadataOfVersion", "The signatures of a version", named("ServingMetadata"));
        }
        [.., "metadata"] => return get("tfsMetadata", "The signatures", named("ServingMetadata")),
        ["v1", "models"] => return Told::LeftOut("answers that a model's name is missing, whatever is asked"),
        path if path.contains(&"labels") => "OfLabel",
        path if path.contains(&"versions") => "OfVersion",
        _ => "",
    };
    let post = |word: &str, summary: &str, asked: &str, answered: &str, example| {
        let op = Op::new(&format!("tfs{word}{of}"), summary).body(true, &[(JSON, named(asked))], Some(example));
        op.ok("The answer.", named(answered))
    };
    let examples = || json!({"signature_name": "classify", "examples": [{"x": 1.0}]});
    let rows = json!({"instances": [{"text": "spark is fast"}]});
    let status = Op::new(&format!("tfsStatus{of}"), "The states of versions").ok("The states.", named("ServingStatus"));
    Told::Ops(vec![
        ("GET", "", status),
        ("POST", ":predict", post("Predict", "Score rows or columns", "PredictRequest", "PredictAnswer", rows)),
        ("POST", ":classify", post("Classify", "Classify examples", "Examples", "ExamplesAnswer", examples())),
        ("POST", ":regress", post("Regress", "Regress examples", "Examples", "ExamplesAnswer", examples())),
    ])
}

fn traces() -> Op {
    Op::new("traces", "The last traces, as Zipkin shows them")
        .query("serviceName", "Of this service.", text())
        .query("spanName", "With a span of this name.", text())
        .query("annotationQuery", "With these tags: `tag`, `tag=value`, by ` and `.", text())
        .query("minDuration", "Of so many microseconds at least.", from_0())
        .query("maxDuration", "Of so many microseconds at most.", from_0())
        .query("endTs", "Begun before this time, in milliseconds.", from_0())
        .query("lookback", "Begun at most so many milliseconds before.", from_0())
        .query("limit", "So many at most.", from_0())
        .ok("The newest first.", list(named("Trace")))
}

fn invoke() -> Op {
    let example = json!({"dataframe_split": {"columns": ["text"], "data": [["spark is fast"]]}});
    Op::new("invocations", "Score rows, as MLflow and SageMaker have it")
        .about("Exactly one of the keys but `params`; the model is `server.default_model`, else the only one.")
        .body(true, &[(JSON, named("Invocation")), (CSV, text())], Some(example))
        .ok("The predictions.", named("Predictions"))
}

fn ping(path: &[&str]) -> Op {
    let id = if path == ["ping"] { "mlflowPing" } else { "mlflowHealth" };
    // An empty line, though it is called JSON.
    let op = Op::new(id, "Whether calls are answered, as MLflow has it").answers("200", "They are.", &[]);
    op.answers("503", "They are not, or not yet.", &[])
}

fn method(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::List | Wanted::Model | Wanted::Pmml => "GET",
        Wanted::Evaluate | Wanted::Batch | Wanted::Csv => "POST",
        Wanted::Deploy => "PUT",
        Wanted::Undeploy => "DELETE",
    }
}

fn openscoring(wanted: Wanted) -> Op {
    let model = || named("OpenscoringModel");
    let row = json!({"id": "record-001", "arguments": {"text": "spark is fast"}});
    match wanted {
        Wanted::List => Op::new("openscoringModels", "The models that answer")
            .ok("The models.", object(&[("models", list(model()))])),
        Wanted::Model => Op::new("openscoringModel", "One model with its fields").ok("The model.", model()),
        Wanted::Evaluate => Op::new("openscoringEvaluate", "Score one row")
            .body(true, &[(JSON, named("OpenscoringRequest"))], Some(row))
            .ok("The results.", named("OpenscoringAnswer")),
        Wanted::Batch => Op::new("openscoringBatch", "Score a batch, each row by itself")
            .body(true, &[(JSON, named("OpenscoringBatch"))], Some(json!({"requests": [row]})))
            .ok("The results.", named("OpenscoringBatchAnswer")),
        Wanted::Csv => Op::new("openscoringCsv", "Score a table")
            .body(true, &[("text/plain", text()), (CSV, text())], Some(json!("text\nspark is fast\n")))
            .answers("200", "A table.", &[("text/plain", text())]),
        Wanted::Deploy => Op::new("openscoringDeploy", "Put in a document of PMML as the next version")
            .body(true, &[(XML, text()), ("text/xml", text())], None)
            .answers("200", "The model was there; the document answers now.", &[(JSON, model())])
            .answers("201", "The model is new; `location` says where.", &[(JSON, model())]),
        Wanted::Undeploy => {
            Op::new("openscoringUndeploy", "Take out a model with all versions").ok("It is out.", object(&[]))
        }
        Wanted::Pmml => {
            Op::new("openscoringPmml", "The document that answers").answers("200", "PMML.", &[(XML, text())])
        }
    }
}

/// The type of a name in a path.
pub(super) fn in_path(name: &str, path: &[&str]) -> (&'static str, Shape) {
    match name {
        "version" if path.contains(&"labels") => ("A label.", text()),
        "label" => ("A label.", text()),
        "version" => ("The number of a version.", count()),
        "route" => ("A route of Mist's configuration, or a model.", text()),
        "trace" => ("A trace: 16 or 32 hexadecimal digits.", text()),
        _ => ("The name of a model.", text()),
    }
}
