//! gRPC's health checking protocol: of the server, of each service, and of models by their names.

use std::time::Duration;

use model::Kind;
use wire::grpc::health::v1::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};

use super::{
    METHODS,
    frame::{framed, read},
};
use crate::{api::v2::server_ready, error::ServeError, state::State};

/// How often a watcher's state is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Returns the framed answer to Check.
pub(super) fn check(state: &State, message: &[u8]) -> Result<Vec<u8>, ServeError> {
    let service = service(message)?;
    match status(state, &service) {
        ServingStatus::ServiceUnknown => {
            let message = format!("no service or model `{}` is known", crate::error::cut(&service));
            Err(ServeError::Worded { kind: Kind::NotFound, message })
        }
        status => Ok(response(status)),
    }
}

/// Returns what a request asks for.
pub(super) fn service(message: &[u8]) -> Result<String, ServeError> {
    Ok(read::<HealthCheckRequest>(message)?.service)
}

pub(super) fn response(status: ServingStatus) -> Vec<u8> {
    framed(&HealthCheckResponse { status: status.into() })
}

/// The empty name and those of services are the server itself; other names are models.
pub(super) fn status(state: &State, service: &str) -> ServingStatus {
    let of = |ready: bool| if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    let is_service = |(path, ..): &(&str, _, _)| path[1..].split('/').next() == Some(service);
    if service.is_empty() || METHODS.iter().any(is_service) {
        return of(server_ready(state).error.is_none());
    }
    match state.gateway.registry().status(service) {
        Ok(_) => of(!state.is_draining() && state.gateway.registry().check(service, None).is_ok()),
        Err(_) => ServingStatus::ServiceUnknown,
    }
}
