//! MODEL on the command line: an artifact, a folder of numbered versions, or a model's folder; read whole, then compiled.

use std::{path::PathBuf, sync::Arc};

use codec::{ReadOptions, schema};
use formats::{ReadError, foreign::OpUse};
use model::{Batch, Builder, InputSpec, Predictor, Signature, Version};
use plan::Plan;

use crate::{
    config,
    failure::Failure,
    loader::{self, OpenError},
};

/// Most files beside an artifact that are read because it names them.
const BESIDE_MAX: usize = 64;

/// What all commands that take a MODEL share.
#[derive(clap::Args, Debug)]
pub struct ModelArg {
    /// An artifact, or a folder of numbered versions (the newest)
    pub model: PathBuf,
    /// The version to take from a folder of numbered versions
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,
    /// Types of input columns: DDL ("age int, v vector"), JSON, or a file that holds either
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Option<String>,
    /// The time zone in which SQL's days begin, such as Europe/Berlin or +02:00 [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

/// A model that is ready to answer, and what is known of it.
pub struct Opened {
    /// As the path calls it.
    pub name: String,
    pub version: Option<Version>,
    /// What the user says of the input columns, the command line before the file beside the artifact.
    pub inputs: Vec<InputSpec>,
    pub model: loader::Opened,
}

impl ModelArg {
    /// Reads and compiles the model.
    pub fn open(&self) -> Result<Opened, Failure> {
        let schema = self.schema.as_deref().map(schema_of).transpose()?.unwrap_or_default();
        self.open_with(schema)
    }

    /// Reads and compiles the model under a schema.
    pub fn open_with(&self, schema: Vec<InputSpec>) -> Result<Opened, Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{}: {error}", self.model.display()));
        // The limits of a server hold here too; there is no file to name, but the variables are the same.
        let settings = config::resolve(None, &[])?.settings;
        let source = settings.models.source;
        let (version, content) = registry::read_one(&self.model, self.version.map(Version), source.clone())
            .map_err(|error| named(&error))?;
        let inputs = loader::inputs(schema, &content.config).map_err(|error| named(&error))?;
        let (zone, default_zone) = (self.time_zone.as_deref(), settings.formats.time_zone.clone());
        let (limits, engines) = (settings.formats.into(), settings.engines.engines());
        let options = loader::options(&content.config, inputs.clone(), zone, &limits, &default_zone);
        let mut files = content.files;
        // A single file may name others beside it, such as the weights of a large network.
        let model = loop {
            let error = match loader::open(&files, &content.config, &options, &engines) {
                Ok(opened) => break opened,
                Err(error) => error,
            };
            let missing = match &error {
                OpenError::Read(ReadError::Missing { file, .. }) if self.model.is_file() => file,
                _ => return Err(named(&error)),
            };
            let found = if files.iter().count() > BESIDE_MAX || files.get(missing).is_some() {
                None
            } else {
                registry::read_beside(&self.model, missing, &source).map_err(|error| named(&error))?
            };
            match found {
                Some(bytes) => files = files.with(missing, bytes),
                None => return Err(named(&error)),
            }
        };
        Ok(Opened { name: self.name(), version, inputs, model })
    }

    /// Returns the ops of the model, whether they are read or not; none where its format has no such.
    pub fn ops(&self) -> Option<Vec<OpUse>> {
        let settings = config::resolve(None, &[]).ok()?.settings;
        let (_, content) = registry::read_one(&self.model, self.version.map(Version), settings.models.source).ok()?;
        let limits = settings.formats.clone().into();
        let options = loader::options(&content.config, Vec::new(), None, &limits, &settings.formats.time_zone);
        let runs = formats::detect(&content.files)?.foreign?;
        (runs.ops)(&content.files, &options).ok()
    }

    fn name(&self) -> String {
        let path = std::fs::canonicalize(&self.model).unwrap_or_else(|_| self.model.clone());
        let name = if path.is_file() { path.file_stem() } else { path.file_name() };
        name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }
}

impl Opened {
    /// Returns what answers.
    pub fn predictor(&self) -> &dyn Predictor {
        self.model.predictor()
    }

    /// Returns a signature with its plan, where it has one; the default one where none is named.
    pub fn signature(&self, name: Option<&str>) -> Result<(&Signature, Option<&Plan>), Failure> {
        let signatures = self.predictor().signatures();
        let place = match name {
            None => Some(0),
            Some(name) => signatures.iter().position(|signature| &*signature.name == name),
        };
        let plan = |place: usize| Some(&*self.model.plans()?.0.plans.get(place)?.1);
        let found = place.and_then(|place| Some((signatures.get(place)?, plan(place))));
        found.ok_or_else(|| {
            let known: Vec<&str> = signatures.iter().map(|signature| &*signature.name).collect();
            let name = name.unwrap_or("default");
            Failure::usage(format_args!("--signature: the model has no `{name}`; there are {}", known.join(", ")))
        })
    }

    /// Returns the columns that the outputs are computed from, without a row.
    pub fn no_rows(&self, signature: &Signature, outputs: Option<&[Arc<str>]>) -> Batch {
        let fields = signature.columns(outputs);
        let types = schema::types_of(&fields, &self.inputs);
        let mut batch = Batch::new(0);
        for (field, ty) in fields.iter().zip(types).filter(|(field, _)| field.default && !field.whole) {
            batch.push(field.name.clone(), Builder::new(ty.as_ref().unwrap_or(field.ty())).finish());
        }
        batch
    }

    /// Returns how to read the columns that the outputs are computed from (the default ones where none are asked).
    pub fn read_options(&self, signature: &Signature, outputs: Option<&[Arc<str>]>) -> ReadOptions {
        let fields = signature.columns(outputs);
        let types = schema::types_of(&fields, &self.inputs);
        ReadOptions { types, ..ReadOptions::new(fields) }
    }
}

/// Reads what `--schema` says.
fn schema_of(text: &str) -> Result<Vec<InputSpec>, Failure> {
    let path = std::path::Path::new(text);
    let read = if !text.trim_start().starts_with('{') && path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("--schema: cannot read {}: {error}", path.display())))?;
        schema::parse(&text)
    } else {
        schema::parse(text)
    };
    read.map_err(|error| {
        let hint = if text.contains(['/', '.']) && !text.contains(' ') { "; no such file, read as DDL" } else { "" };
        Failure::usage(format_args!("--schema: {error}{hint}"))
    })
}
