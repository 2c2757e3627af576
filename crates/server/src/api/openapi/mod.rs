//! `/api-docs/openapi.json`: what every path takes and answers, from the route table itself; and the page that shows it, `/swagger`.
//!
//! The document is made once, when it is first asked for. Whether a row is in it is the compiler's to ask ([`routes::told`]); a test holds the
//! reasons of those that are not.
//!
//! Source: OpenAPI 3.1.

mod components;
mod routes;
mod shapes;
mod swagger;

pub(super) use swagger::page;

use std::{collections::BTreeMap, sync::OnceLock};

use bytes::Bytes;
use utoipa::openapi::{HttpMethod, InfoBuilder, OpenApiBuilder, PathItem, Paths, PathsBuilder, tag::TagBuilder};

use self::{
    routes::{Told, told},
    shapes::{Op, Shape, either, named},
};
use super::{Dialect, Route, TABLE};
use crate::answer::{Answer, JSON};

/// `GET /api-docs/openapi.json`.
pub(super) fn document() -> Answer {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    Answer::json(DOCUMENT.get_or_init(|| rendered().into()).clone())
}

fn rendered() -> String {
    let about = "Every path that a Forebay server answers over REST. The same bodies may come compressed (`content-encoding: gzip`, \
                 `deflate` or `zstd`); `x-request-id` names a request, `x-forebay-timeout-ms` is its deadline.";
    let about = format!("{about} Not told here: {}.", left_out().join("; "));
    let info = InfoBuilder::new().title("Forebay").version(env!("CARGO_PKG_VERSION")).description(Some(about)).build();
    let tags = Dialect::ALL.into_iter().filter_map(tag);
    let tags = tags.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let built = OpenApiBuilder::new()
        .info(info)
        .paths(paths())
        .components(Some(components::all()))
        .tags(Some(tags))
        .security(Some(components::security()))
        .build();
    built.to_json().unwrap_or_default()
}

/// The name of a dialect in the document, and what it says of it; those over gRPC have no paths there.
fn tag(dialect: Dialect) -> Option<(&'static str, &'static str)> {
    Some(match dialect {
        Dialect::Native => ("native", "Rows in, rows out; models and their versions"),
        Dialect::Admin => ("admin", "Versions put in, taken out and read back; labels; events"),
        Dialect::Mist => ("mist", "Hydrosphere Mist"),
        Dialect::V2 => ("v2", "Open Inference Protocol V2, with Triton's extensions"),
        Dialect::Tfs => ("tfs", "TensorFlow Serving"),
        Dialect::Mlflow => ("mlflow", "MLflow and SageMaker"),
        Dialect::Openscoring => ("openscoring", "Openscoring"),
        Dialect::Ops => ("ops", "Health, metrics, traces"),
        Dialect::V2Grpc | Dialect::TfsGrpc => return None,
    })
}

/// Returns the rows that the document has nothing of, each with its reason.
fn left_out() -> Vec<String> {
    let why = |route: &Route| match told(route.endpoint, route.path) {
        Told::LeftOut(why) => Some(format!("`/{}` ({why})", route.path.join("/"))),
        Told::Ops(_) => None,
    };
    TABLE.iter().filter_map(why).collect()
}

fn paths() -> Paths {
    let mut items: BTreeMap<String, PathItem> = BTreeMap::new();
    for route in TABLE {
        let Told::Ops(operations) = told(route.endpoint, route.path) else { continue };
        for (method, suffix, op) in operations {
            let path = format!("/{}{suffix}", route.path.join("/"));
            let one = PathItem::new(http_method(method), completed(op, route).build());
            match items.get_mut(&path) {
                Some(item) => item.merge_operations(one),
                None => drop(items.insert(path, one)),
            }
        }
    }
    items.into_iter().fold(PathsBuilder::new(), |built, (path, item)| built.path(path, item)).build()
}

/// Adds what all operations of a dialect have: the names in the path, and what a failure says.
fn completed(op: Op, route: &Route) -> Op {
    let names = route.path.iter().filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let op = names.fold(op, |op, name| {
        let (about, shape) = routes::in_path(name, route.path);
        op.in_path(name, about, shape)
    });
    let op = match (route.dialect, route.path) {
        (Dialect::V2, ["v2", "models", "stats"]) => op.told_apart("OfAll"),
        (Dialect::V2, path) if path.contains(&"{version}") => op.told_apart("OfVersion"),
        _ => op,
    };
    let (name, _) = tag(route.dialect).unwrap_or(("native", ""));
    op.tag(name).answers("default", "A failure, with the status of its kind.", &[(JSON, failure(route.dialect))])
}

/// What a failure says. What no dialect answers for, such as a path that is broken, is told as the native one has it.
fn failure(dialect: Dialect) -> Shape {
    let own = match dialect {
        Dialect::V2 | Dialect::Tfs => "V2Error",
        Dialect::Mlflow => "MlflowError",
        Dialect::Openscoring => "OpenscoringError",
        Dialect::Mist => "MistEnvelope",
        Dialect::Native | Dialect::Admin | Dialect::Ops | Dialect::V2Grpc | Dialect::TfsGrpc => return named("Error"),
    };
    either(&[named(own), named("Error")])
}

fn http_method(method: &str) -> HttpMethod {
    match method {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_or_says_why_not() {
        let document: Value = serde_json::from_str(&rendered()).unwrap();
        let mut operations = 0;
        for route in TABLE {
            let row = format!("/{}", route.path.join("/"));
            match told(route.endpoint, route.path) {
                Told::LeftOut(_) => {}
                Told::Ops(told) => {
                    for (method, suffix, _) in told {
                        assert!(route.method == method || route.method == super::super::ANY, "{method} {row}");
                        let operation = &document["paths"][format!("{row}{suffix}")][method.to_lowercase()];
                        assert!(operation["operationId"].is_string(), "{method} {row}{suffix}");
                        operations += 1;
                    }
                }
            }
        }
        let written: usize =
            document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
        assert_eq!(written, operations, "no row hides another");
        let rows = left_out();
        let expected = ["`/v1/models` (", "`/api-docs/openapi.json` (", "`/swagger` (", "`/swagger/{file}` ("];
        assert!(
            rows.len() == expected.len() && rows.iter().zip(expected).all(|(row, part)| row.starts_with(part)),
            "{rows:?}"
        );
    }

    #[test]
    fn ids_are_once_and_references_lead_somewhere() {
        let document: Value = serde_json::from_str(&rendered()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        collect(&document, &mut ids, &mut references);
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for reference in references {
            let found = document.pointer(reference.strip_prefix('#').unwrap());
            assert!(found.is_some(), "{reference}");
        }
    }

    fn collect(value: &Value, ids: &mut Vec<String>, references: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("operationId", Value::String(id)) => ids.push(id.clone()),
                        ("$ref", Value::String(reference)) => references.push(reference.clone()),
                        _ => collect(value, ids, references),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, ids, references)),
            _ => {}
        }
    }
}
