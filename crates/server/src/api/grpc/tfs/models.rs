//! What stands of a model: GetModelMetadata and GetModelStatus.

use model::{Kind, ShapeDef, SignatureDef as Def, TensorDef};
use registry::State;
use wire::{
    Any, Message,
    tensorflow::{
        DataType, SignatureDef, TensorInfo, TensorShapeProto,
        serving::{
            GetModelMetadataRequest, GetModelMetadataResponse, GetModelStatusRequest, GetModelStatusResponse,
            ModelVersionStatus, SignatureDefMap, StatusProto, model_version_status::State as WireState,
        },
        tensor_info::Encoding,
        tensor_shape_proto::Dim,
    },
};

use super::{named, spec_of, version};
use crate::{
    api::{
        grpc::{
            Called,
            frame::{framed, read},
        },
        tfs::{
            metadata::{defs, versions},
            words::{served, worded},
        },
    },
    error::{ServeError, cut, grpc_code},
    metrics::Counted,
    state::State as Server,
};

const SIGNATURES: &str = "signature_def";

pub(in crate::api::grpc) async fn metadata(
    called: &Called<'_>,
    message: &[u8],
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let invalid = |text: String| worded(Kind::InvalidArgument, text);
    let request: GetModelMetadataRequest = read(message)?;
    let spec = named(request.model_spec.as_ref())?;
    if request.metadata_field.is_empty() {
        return Err(invalid("GetModelMetadataRequest must specify at least one metadata_field".to_owned()));
    }
    if let Some(other) = request.metadata_field.iter().find(|field| *field != SIGNATURES) {
        return Err(invalid(format!("Metadata field {} is not supported", cut(other))));
    }
    let which = version(spec);
    let model = served(called.state, called.model(&spec.name, which).await, &spec.name, which)?;
    counted.set_model(called.state.models.of(model.name()));
    let map = SignatureDefMap {
        signature_def: defs(&model).iter().map(|def| (def.name.to_string(), signature(def))).collect(),
    };
    let any = Any {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
        value: map.encode_to_vec(),
    };
    Ok(framed(&GetModelMetadataResponse {
        model_spec: Some(spec_of(&model, "")),
        metadata: [(SIGNATURES.to_owned(), any)].into(),
    }))
}

fn signature(def: &Def) -> SignatureDef {
    let tensors = |tensors: &[TensorDef]| tensors.iter().map(|t| (t.key.to_string(), tensor(t))).collect();
    SignatureDef { inputs: tensors(&def.inputs), outputs: tensors(&def.outputs), method_name: def.method.to_string() }
}

fn tensor(def: &TensorDef) -> TensorInfo {
    let dim = |(size, name): &(i64, std::sync::Arc<str>)| Dim { size: *size, name: name.to_string() };
    let tensor_shape = match &def.shape {
        ShapeDef::Absent => None,
        ShapeDef::UnknownRank => Some(TensorShapeProto { dim: Vec::new(), unknown_rank: true }),
        ShapeDef::Dims(dims) => Some(TensorShapeProto { dim: dims.iter().map(dim).collect(), unknown_rank: false }),
    };
    TensorInfo {
        encoding: Some(Encoding::Name(def.tensor.to_string())),
        dtype: DataType::from_str_name(&def.dtype).unwrap_or(DataType::DtInvalid).into(),
        tensor_shape,
    }
}

/// Versions downward, those that failed too.
pub(in crate::api::grpc) fn status(
    state: &Server,
    message: &[u8],
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let request: GetModelStatusRequest = read(message)?;
    let spec = named(request.model_spec.as_ref())?;
    let (name, versions) = versions(state, &spec.name, version(spec))?;
    counted.set_model(state.models.of(&name));
    let put = |version: registry::VersionStatus| {
        let failed = version.health.as_deref().filter(|_| version.state == State::End);
        let code = failed.map_or(0, |_| grpc_code(Kind::FailedPrecondition).into());
        ModelVersionStatus {
            version: version.version.0 as i64,
            state: wire_state(version.state).into(),
            status: Some(StatusProto { error_code: code, error_message: failed.unwrap_or_default().to_owned() }),
        }
    };
    Ok(framed(&GetModelStatusResponse { model_version_status: versions.into_iter().map(put).collect() }))
}

fn wire_state(state: State) -> WireState {
    match state {
        State::Start => WireState::Start,
        State::Loading => WireState::Loading,
        State::Available => WireState::Available,
        State::Unloading => WireState::Unloading,
        State::End => WireState::End,
    }
}
