//! Triton's extensions of `inference.GRPCInferenceService`: configuration, statistics, repository.

use wire::inference::{
    DataType, InferStatistics, ModelConfig, ModelConfigRequest, ModelConfigResponse, ModelInput, ModelOutput,
    ModelStatistics, ModelStatisticsRequest, ModelStatisticsResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    RepositoryModelLoadRequest, RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
    RepositoryModelUnloadResponse, StatisticDuration, repository_index_response::ModelIndex,
};

use super::{
    Called,
    frame::{framed, read},
};
use crate::{
    api::v2::{
        parse_version,
        repository::{self, Configured, Counts},
    },
    error::ServeError,
    metrics::Counted,
    state::State,
};

pub(super) fn index(state: &State, message: &[u8]) -> Result<Vec<u8>, ServeError> {
    let request: RepositoryIndexRequest = read(message)?;
    let models = repository::index(state, request.ready).into_iter().map(|one| ModelIndex {
        name: one.name,
        version: one.version,
        state: one.state.to_owned(),
        reason: one.reason,
    });
    Ok(framed(&RepositoryIndexResponse { models: models.collect() }))
}

pub(super) async fn load(called: &Called<'_>, message: &[u8]) -> Result<Vec<u8>, ServeError> {
    let request: RepositoryModelLoadRequest = read(message)?;
    repository::load(&request.model_name, !request.parameters.is_empty())?;
    called.model(&request.model_name, None).await?;
    Ok(framed(&RepositoryModelLoadResponse {}))
}

pub(super) fn unload(state: &State, message: &[u8]) -> Result<Vec<u8>, ServeError> {
    let request: RepositoryModelUnloadRequest = read(message)?;
    repository::unload(state, &request.model_name)?;
    Ok(framed(&RepositoryModelUnloadResponse {}))
}

pub(super) fn statistics(state: &State, message: &[u8]) -> Result<Vec<u8>, ServeError> {
    let request: ModelStatisticsRequest = read(message)?;
    let all = repository::statistics(state, &request.name, parse_version(&request.version)?)?;
    let of = |Counts { name, version, calls }: Counts| {
        let duration = |count: u64, ns: u64| Some(StatisticDuration { count, ns });
        let none = duration(0, 0);
        ModelStatistics {
            name,
            version,
            last_inference: calls.last_ms,
            inference_count: calls.rows,
            execution_count: calls.success,
            inference_stats: Some(InferStatistics {
                success: duration(calls.success, calls.success_ns),
                fail: duration(calls.fail, calls.fail_ns),
                queue: none,
                compute_input: none,
                compute_infer: duration(calls.success, calls.success_ns),
                compute_output: none,
                cache_hit: none,
                cache_miss: none,
            }),
            batch_stats: Vec::new(),
        }
    };
    Ok(framed(&ModelStatisticsResponse { model_stats: all.into_iter().map(of).collect() }))
}

pub(super) async fn config(
    called: &Called<'_>,
    message: &[u8],
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let request: ModelConfigRequest = read(message)?;
    let model = called.model(&request.name, parse_version(&request.version)?).await?;
    counted.set_model(called.state.models.of(model.name()));
    let (inputs, outputs) = repository::configured(&model);
    let ty = |tensor: &Configured| DataType::from_str_name(&tensor.data_type).unwrap_or(DataType::TypeInvalid).into();
    let input = |tensor: Configured| ModelInput {
        data_type: ty(&tensor),
        name: tensor.name,
        dims: tensor.dims,
        optional: tensor.optional,
    };
    let output = |tensor: Configured| ModelOutput { data_type: ty(&tensor), name: tensor.name, dims: tensor.dims };
    Ok(framed(&ModelConfigResponse {
        config: Some(ModelConfig {
            name: request.name,
            platform: format!("forebay_{}", model.handle().about().format),
            backend: "forebay".to_owned(),
            input: inputs.into_iter().map(input).collect(),
            output: outputs.into_iter().map(output).collect(),
            ..ModelConfig::default()
        }),
    }))
}
