//! From the files of an artifact to something that answers: where formats and engines meet.

use std::{panic::resume_unwind, sync::Arc, thread};

use codec::schema;
use engine::{CompileError, Servable};
use formats::{
    Limits, ReadError, ReadOptions,
    foreign::{Foreign, Layout, Support},
};
use model::{InputSpec, Kind, ModelFiles, Name, Predictor, SignatureDef, Version};
use plan::{Plan, Provenance};
use registry::{About, EngineChoice, LoadError, Loaded, Loader, ModelConfig};
use remote::{Artifact, EngineError, Engines, Form};

use crate::{verify::own, warm_up};

/// Loads versions for the registry.
pub struct EngineLoader {
    pub limits: Limits,
    /// The time zone of models that name none.
    pub time_zone: Arc<str>,
    pub engines: Engines,
}

/// A model that answers, and what is known of it.
pub enum Opened {
    /// By our own ops.
    Plans { model: plan::Model, servable: Servable },
    /// By an engine of others.
    Engine { foreign: Foreign, choice: EngineChoice, engine: remote::Engine },
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
    #[error("the warm-up fails: {0}")]
    WarmUp(String),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What our ops do not cover, and what would.
    #[error("{0}; {1}")]
    Elsewhere(Box<OpenError>, String),
}

impl OpenError {
    fn kind(&self) -> Kind {
        match self {
            OpenError::Read(ReadError::UnknownClass { .. } | ReadError::Unimplemented { .. })
            | OpenError::Compile(CompileError::Unimplemented(_))
            | OpenError::Elsewhere(..) => Kind::Unimplemented,
            OpenError::Engine(error) => error.kind(),
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

/// Reads the model and makes it ready to answer: by our own ops, or by the engine that its configuration names.
pub fn open(
    files: &ModelFiles,
    config: &ModelConfig,
    options: &ReadOptions,
    engines: &Engines,
) -> Result<Opened, OpenError> {
    let kind = match config.engine {
        EngineChoice::Native => {
            let (model, servable) =
                compile(files, config, options).map_err(|error| elsewhere(error, files, options, engines))?;
            return Ok(Opened::Plans { model, servable });
        }
        EngineChoice::Tensorflow => remote::Kind::Tensorflow,
        EngineChoice::Onnxruntime => remote::Kind::Onnxruntime,
    };
    if engines.library(kind).is_none() {
        return Err(EngineError::NotConfigured(kind).into());
    }
    let format = formats::detect_or_refuse(files)?;
    let Some(runs) = format.foreign.filter(|runs| runs.engine == kind.name()) else {
        let hint = format.foreign.map_or(String::new(), |runs| format!("; {} does", runs.engine));
        return Err(OpenError::Config(format!(
            "engine: {kind} does not run models of the format {}{hint}",
            format.name
        )));
    };
    let mut foreign = (runs.read)(files, options)?;
    if let Some(outputs) = &config.outputs {
        restrict_fields(&mut foreign, outputs)?;
    }
    let form = match foreign.layout.clone() {
        Layout::SavedModel { tags } => Form::SavedModel { tags },
        Layout::Graph { file, init } => Form::Graph { file, init },
        Layout::Onnx { file } => Form::Onnx { file },
    };
    let (signatures, open) = (foreign.signatures.clone(), foreign.open.clone());
    let engine = remote::Engine::open(engines, kind, Artifact { files: files.clone(), form, signatures, open })?;
    Ok(Opened::Engine { foreign, choice: config.engine, engine })
}

/// Reads the model and compiles its default programs.
fn compile(
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

/// Returns the error with the engine that could run the model, where one could.
fn elsewhere(error: OpenError, files: &ModelFiles, options: &ReadOptions, engines: &Engines) -> OpenError {
    let runs = formats::detect(files).and_then(|format| format.foreign);
    let Some(runs) = runs.filter(|_| error.kind() == Kind::Unimplemented) else { return error };
    let ops = (runs.ops)(files, options).unwrap_or_default();
    if ops.iter().any(|used| used.support == Support::Refused) {
        return error;
    }
    let name = runs.engine;
    let kinds = [remote::Kind::Tensorflow, remote::Kind::Onnxruntime];
    let is_there = kinds.into_iter().any(|kind| kind.name() == name && engines.library(kind).is_some());
    let library = if is_there { "" } else { " and its library as `engines.{name}` in the configuration" };
    let library = library.replace("{name}", name);
    let hint = format!("the engine {name} could run it: `engine = \"{name}\"` in the model's forebay.toml{library}");
    OpenError::Elsewhere(Box::new(error), hint)
}

/// Makes these the outputs of a call that names none.
fn restrict_fields(foreign: &mut Foreign, names: &[String]) -> Result<(), OpenError> {
    let fields = || foreign.signatures.iter().flat_map(|signature| &signature.outputs);
    if let Some(unknown) = names.iter().find(|name| !fields().any(|field| *field.name == ***name)) {
        let known = fields().map(|field| &*field.name).collect::<Vec<_>>().join(", ");
        return Err(OpenError::Config(format!("outputs: the model has no `{unknown}`; there are {known}")));
    }
    for field in foreign.signatures.iter_mut().flat_map(|signature| &mut signature.outputs) {
        field.default = names.iter().any(|name| **name == *field.name);
    }
    Ok(())
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

/// Returns the number of nodes, those over groups with them.
pub fn nodes(plan: &Plan) -> usize {
    plan.nodes.len() + plan.grouped.as_ref().map_or(0, |grouped| nodes(&grouped.then))
}

impl Loader for EngineLoader {
    /// Loads on a thread that ends with the load: what a thread took from the allocator is given back where it is dropped only once the
    /// thread that took it takes more, or is gone.
    fn load(&self, _: &Name, _: Version, files: &ModelFiles, config: &ModelConfig) -> Result<Loaded, LoadError> {
        thread::scope(|scope| {
            let load =
                thread::Builder::new().name("load".to_owned()).spawn_scoped(scope, || self.load_here(files, config));
            let load =
                load.map_err(|error| LoadError::new(Kind::Unavailable, format!("no thread to load on: {error}")))?;
            load.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

impl EngineLoader {
    fn load_here(&self, files: &ModelFiles, config: &ModelConfig) -> Result<Loaded, LoadError> {
        let opened = inputs(Vec::new(), config).and_then(|inputs| {
            let options = options(config, inputs, None, &self.limits, &self.time_zone);
            open(files, config, &options, &self.engines)
        });
        let verified = opened.and_then(|opened| {
            let checked = opened.verification().map_or(Ok(()), |rows| own::run(rows, opened.predictor()));
            checked.map_err(OpenError::Verification).map(|()| opened)
        });
        let warm = verified.and_then(|opened| {
            let warmed = warm_up::run(files, &config.warm_up, opened.predictor());
            warmed.map_err(OpenError::WarmUp).map(|()| opened)
        });
        let opened = warm.map_err(|error| LoadError::new(error.kind(), error.to_string()))?;
        let said = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Into::into);
        let from = opened.provenance();
        let about = About {
            format: from.format.into(),
            class: said(&from.class),
            tool: said(&from.tool),
            bytes: from.artifact_bytes,
            nodes: opened.plans().map_or(0, |(model, _)| model.plans.iter().map(|(_, plan)| nodes(plan) as u64).sum()),
            warnings: opened.warnings().iter().map(|warning| warning.as_str().into()).collect(),
            defs: opened.defs().into(),
        };
        let predictor: Arc<dyn Predictor> = match opened {
            Opened::Plans { servable, .. } => Arc::new(servable),
            Opened::Engine { engine, .. } => Arc::new(engine),
        };
        Ok(Loaded { predictor, about })
    }
}

// === impl Opened ===

impl Opened {
    /// Returns what answers.
    pub fn predictor(&self) -> &dyn Predictor {
        match self {
            Opened::Plans { servable, .. } => servable,
            Opened::Engine { engine, .. } => engine,
        }
    }

    /// Returns the plans, where our own ops answer.
    pub fn plans(&self) -> Option<(&plan::Model, &Servable)> {
        if let Opened::Plans { model, servable } = self { Some((model, servable)) } else { None }
    }

    /// Returns who computes.
    pub fn engine(&self) -> EngineChoice {
        if let Opened::Engine { choice, .. } = self { *choice } else { EngineChoice::Native }
    }

    /// Returns where the model comes from.
    pub fn provenance(&self) -> &Provenance {
        match self {
            Opened::Plans { model, .. } => &model.provenance,
            Opened::Engine { foreign, .. } => &foreign.provenance,
        }
    }

    /// Returns what the reader passed over.
    pub fn warnings(&self) -> &[String] {
        self.plans().map_or(&[], |(model, _)| &model.warnings)
    }

    /// Returns the rows that the model carries with their answers.
    pub fn verification(&self) -> Option<&plan::Verification> {
        self.plans().and_then(|(model, _)| model.verification.as_ref())
    }

    fn defs(&self) -> &[SignatureDef] {
        match self {
            Opened::Plans { model, .. } => &model.defs,
            Opened::Engine { foreign, .. } => &foreign.defs,
        }
    }
}
