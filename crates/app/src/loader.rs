//! From the files of an artifact to something that answers: where formats and engine meet.

use std::sync::Arc;

use codec::schema;
use engine::{CompileError, Servable};
use formats::{Limits, ReadError, ReadOptions};
use model::{InputSpec, Kind, ModelFiles, Name, Version};
use registry::{About, LoadError, Loaded, Loader, ModelConfig};

use crate::verify::own;

/// Loads versions for the registry.
pub struct EngineLoader {
    pub limits: Limits,
    /// The time zone of models that name none.
    pub time_zone: Arc<str>,
}

/// Why files are not a model that answers.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the model cannot run: {0}")]
    Compile(#[from] CompileError),
    #[error("forebay.toml: {0}")]
    Config(String),
    #[error("the model does not give the answers that it carries itself: {0}")]
    Verification(String),
}

impl OpenError {
    fn kind(&self) -> Kind {
        match self {
            OpenError::Read(ReadError::UnknownClass { .. } | ReadError::Unimplemented { .. })
            | OpenError::Compile(CompileError::Unimplemented(_)) => Kind::Unimplemented,
            _ => Kind::FailedPrecondition,
        }
    }
}

/// Returns what is said of the input columns: by the user now, else beside the artifact.
pub fn inputs(mut said: Vec<InputSpec>, config: &ModelConfig) -> Result<Vec<InputSpec>, OpenError> {
    for input in &config.inputs {
        if said.iter().any(|spec| *spec.name == *input.name) {
            continue;
        }
        let ty = schema::parse_type(&input.ty)
            .map_err(|error| OpenError::Config(format!("inputs: `{}`: {error}", input.name)))?;
        said.push(InputSpec {
            name: input.name.as_str().into(),
            ty,
            metadata: input.metadata.as_deref().map(Into::into),
        });
    }
    Ok(said)
}

/// Returns how to read the model: as is said now, else beside the artifact, else by the configuration.
pub fn options(
    config: &ModelConfig,
    inputs: Vec<InputSpec>,
    time_zone: Option<&str>,
    limits: &Limits,
    default_zone: &str,
) -> ReadOptions {
    let time_zone = time_zone.or(config.time_zone.as_deref()).unwrap_or(default_zone);
    ReadOptions {
        inputs,
        ansi: config.ansi,
        time_zone: Some(time_zone.into()),
        tags: Vec::new(),
        limits: limits.clone(),
    }
}

/// Reads the model and compiles its default programs.
pub fn compile(
    files: &ModelFiles,
    config: &ModelConfig,
    options: &ReadOptions,
) -> Result<(plan::Model, Servable), OpenError> {
    let mut model = formats::read(files, options)?;
    if let Some(outputs) = &config.outputs {
        restrict(&mut model, outputs)?;
    }
    let servable = Servable::new(&model)?;
    Ok((model, servable))
}

/// Makes these the outputs of a call that names none.
fn restrict(model: &mut plan::Model, names: &[String]) -> Result<(), OpenError> {
    let has = |name: &String| model.plans.iter().any(|(_, plan)| plan.last().outputs.iter().any(|o| *o.name == **name));
    if let Some(unknown) = names.iter().find(|name| !has(name)) {
        let known = model.plans.iter().flat_map(|(_, plan)| plan.last().outputs.iter().map(|o| &*o.name));
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(OpenError::Config(format!("outputs: the model has no `{unknown}`; there are {known}")));
    }
    for (_, plan) in &mut model.plans {
        for output in &mut Arc::make_mut(plan).last_mut().outputs {
            output.default = names.iter().any(|name| **name == *output.name);
            output.optional = false;
        }
    }
    Ok(())
}

impl Loader for EngineLoader {
    fn load(&self, _: &Name, _: Version, files: &ModelFiles, config: &ModelConfig) -> Result<Loaded, LoadError> {
        let opened = inputs(Vec::new(), config)
            .and_then(|inputs| compile(files, config, &options(config, inputs, None, &self.limits, &self.time_zone)));
        let verified = opened.and_then(|(model, servable)| {
            let checked = model.verification.as_ref().map_or(Ok(()), |rows| own::run(rows, &servable));
            checked.map_err(OpenError::Verification).map(|()| (model, servable))
        });
        let (model, servable) = verified.map_err(|error| LoadError::new(error.kind(), error.to_string()))?;
        let said = |text: String| Some(text).filter(|text| !text.is_empty()).map(Into::into);
        let about = About {
            format: model.provenance.format.into(),
            class: said(model.provenance.class),
            tool: said(model.provenance.tool),
            bytes: model.provenance.artifact_bytes,
            defs: model.defs.into(),
        };
        Ok(Loaded { predictor: Arc::new(servable), about })
    }
}
