//! What no row of the table takes: whose path it is, and so in which words it is refused.

use http::Method;

use super::{Dialect, Dialects, Route, tfs};
use crate::error::{ServeError, cut};

/// A request that no row takes, and the dialect that says so.
#[derive(Debug)]
pub(super) struct Missed {
    pub dialect: Dialect,
    pub error: ServeError,
}

impl Missed {
    /// Returns what to say where nothing is served at the path.
    pub fn path(served: Dialects, method: &Method, path: &str) -> Missed {
        let dialect = owner(served, path);
        let error = match dialect {
            Dialect::Tfs => tfs::malformed(method.as_str(), path),
            dialect => ServeError::NoRoute { path: cut(path), served: hint(served, dialect) },
        };
        Missed { dialect, error }
    }

    /// Returns what to say of a change of models where another listener takes those.
    pub fn elsewhere(served: Dialects, path: &str) -> Missed {
        Missed { dialect: owner(served, path), error: ServeError::AdminApart { path: cut(path) } }
    }

    /// Returns what to say where the path takes the methods of these rows, of which there is one at least.
    pub fn method(rows: &[&Route], method: &Method, path: &str) -> Missed {
        let mut methods: Vec<&str> = Vec::new();
        let head = |row: &Route| (row.method == "GET").then_some("HEAD");
        for taken in rows.iter().flat_map(|row| [row.method].into_iter().chain(head(row))) {
            if !methods.contains(&taken) {
                methods.push(taken);
            }
        }
        let dialect = rows.first().map_or(Dialect::Native, |row| row.dialect);
        let (path, method, allow) = (cut(path), cut(method.as_str()), methods.join(", "));
        Missed { dialect, error: ServeError::Method { path, method, allow } }
    }
}

/// Returns the dialect whose paths begin as this one does, where it is served; else the native one.
fn owner(served: Dialects, path: &str) -> Dialect {
    let dialect = match path.split('/').nth(1) {
        Some("v1") => Dialect::Tfs,
        Some("v2") => Dialect::V2,
        Some("openscoring") => Dialect::Openscoring,
        _ => Dialect::Native,
    };
    if served.has(dialect) { dialect } else { Dialect::Native }
}

/// Returns where models answer instead: in this dialect, or in another where it is not served.
fn hint(served: Dialects, dialect: Dialect) -> &'static str {
    let mut all = [dialect].into_iter().chain(Dialect::ALL);
    match all.find(|&dialect| served.has(dialect)).unwrap_or(dialect) {
        Dialect::Native => "models answer at POST /api/v1/serve/{model}, GET /api/v1/models lists them",
        Dialect::Admin => "GET /api/v1/models lists the models, POST /api/v1/models/{model}/versions adds to them",
        Dialect::Mist => "models answer at POST /api/{route}?serve",
        Dialect::V2 => "models answer at POST /v2/models/{model}/infer, POST /v2/repository/index lists them",
        Dialect::Tfs => "models answer at POST /v1/models/{model}:predict",
        Dialect::V2Grpc => "models answer to calls of inference.GRPCInferenceService over gRPC",
        Dialect::TfsGrpc => "models answer to calls of tensorflow.serving.PredictionService over gRPC",
        Dialect::Mlflow => "the model answers at POST /invocations",
        Dialect::Openscoring => "models answer at POST /openscoring/model/{model}, GET /openscoring/model lists them",
        Dialect::Ops => "this address answers GET /health/ready and GET /metrics",
    }
}
