//! The JSON of a saved stage: its class, and its parameters by name.
//!
//! A parameter's value is the one in `paramMap`, else the one in `defaultParamMap` (absent before Spark 2.4, when defaults
//! stood in `paramMap`), else the default of the class. NaN and the infinities are the strings `"NaN"`, `"Inf"`, `"-Inf"`.

use model::{Buffer, ModelFiles};
use plan::Compressed;
use serde_json::{Map, Value};

use crate::{Limits, ReadError};

/// A stage's metadata, well formed; what it means is for the class to say.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Path of the document within the artifact.
    pub file: String,
    pub class: String,
    pub uid: String,
    /// The version of Spark that saved the stage, as it stands there.
    pub spark: String,
    /// Parameters that the user set.
    pub params: Map<String, Value>,
    /// Parameters at their defaults when the stage was saved; absent before Spark 2.4.
    pub defaults: Option<Map<String, Value>>,
    /// The keys that only this class has.
    pub extra: Map<String, Value>,
}

/// Returns the path and the bytes of the metadata document: the first part that is not empty (a text file of Spark may
/// have several).
pub fn part(files: &ModelFiles) -> Option<(String, Buffer)> {
    let folder = files.folder("metadata");
    let mut parts = folder.here().filter(|(name, bytes)| is_data(name) && !bytes.as_slice().trim_ascii().is_empty());
    parts.next().map(|(name, bytes)| (folder.full_path(name), bytes.clone()))
}

/// Returns whether a file of this name is data: Hadoop hides names that begin with `_` or `.`.
pub fn is_data(name: &str) -> bool {
    !name.starts_with(['_', '.'])
}

impl Metadata {
    /// Returns the metadata of the stage in this folder.
    pub fn read(files: &ModelFiles, limits: &Limits) -> Result<Metadata, ReadError> {
        let (file, bytes) = part(files).ok_or_else(|| ReadError::Missing {
            file: files.full_path("metadata/part-00000"),
            class: "a saved stage".to_owned(),
            help: "the folder of a stage has a folder `metadata`",
        })?;
        Metadata::parse(file, bytes.as_slice(), limits)
    }

    /// Returns the metadata in the first line of `bytes`.
    pub fn parse(file: String, bytes: &[u8], limits: &Limits) -> Result<Metadata, ReadError> {
        if bytes.len() > limits.metadata_bytes_max {
            let (got, limit) = (bytes.len() as u64, limits.metadata_bytes_max as u64);
            return Err(ReadError::TooLarge {
                file,
                what: "the metadata's size".into(),
                got,
                limit,
                key: "metadata_bytes_max",
            });
        }
        let line = bytes.trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
        // serde_json bounds the depth by itself (128).
        let document: Value = match serde_json::from_slice(line) {
            Ok(document) => document,
            Err(error) => return Err(ReadError::Syntax { file, what: format!("not well-formed JSON: {error}") }),
        };
        let Value::Object(mut extra) = document else {
            return Err(ReadError::Syntax { file, what: "the metadata is not a JSON object".to_owned() });
        };
        let class = text(&file, "", &mut extra, "class")?;
        let uid = text(&file, &class, &mut extra, "uid")?;
        let spark = text(&file, &class, &mut extra, "sparkVersion")?;
        let params = object(&file, &class, &mut extra, "paramMap")?.unwrap_or_default();
        let defaults = object(&file, &class, &mut extra, "defaultParamMap")?;
        Ok(Metadata { file, class, uid, spark, params, defaults, extra })
    }

    /// Returns the major version of the Spark that saved the stage.
    pub fn spark_major(&self) -> Option<u32> {
        self.spark.split('.').next()?.parse().ok()
    }

    /// Returns whether the stage was saved by this version of Spark or a later one.
    pub fn is_from(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.spark.split('.').map_while(|number| number.parse().ok());
        numbers.next().is_some_and(|first: u32| (first, numbers.next().unwrap_or(0)) >= (major, minor))
    }

    /// Returns which form a vector has where the stage chooses.
    pub fn compressed(&self) -> Compressed {
        if self.is_from(4, 1) { Compressed::Headed } else { Compressed::Plain }
    }

    /// Returns the value of a parameter: set, or at its saved default. JSON's null is no value.
    pub fn param(&self, name: &str) -> Option<&Value> {
        let set = self.params.get(name);
        let value = set.or_else(|| self.defaults.as_ref()?.get(name));
        value.filter(|value| !value.is_null())
    }

    /// Returns whether the user set the parameter.
    pub fn is_set(&self, name: &str) -> bool {
        self.params.get(name).is_some_and(|value| !value.is_null())
    }

    /// Returns the error of something that is over a limit.
    pub fn too_large<T>(&self, what: &str, got: u64, limit: usize, key: &'static str) -> Result<T, ReadError> {
        let (file, what, limit) = (self.file.clone(), what.to_owned(), limit as u64);
        Err(ReadError::TooLarge { file, what, got, limit, key })
    }

    /// Returns the error of a field that is not as it should be.
    pub fn fault(
        &self,
        field: impl Into<String>,
        expected: impl Into<Box<str>>,
        got: impl Into<Box<str>>,
    ) -> ReadError {
        ReadError::Field {
            file: self.file.clone(),
            class: self.class.clone(),
            field: field.into(),
            expected: expected.into(),
            got: got.into(),
        }
    }
}

/// Returns a value in short, for messages.
pub fn shown(value: Option<&Value>) -> Box<str> {
    const LONG: usize = 60;
    let Some(value) = value else { return "nothing".into() };
    match value {
        Value::Array(items) => format!("an array of {}", items.len()).into(),
        Value::Object(_) => "an object".into(),
        value => {
            let text = value.to_string();
            match text.char_indices().nth(LONG) {
                Some((end, _)) => format!("{}...", &text[..end]).into(),
                None => text.into(),
            }
        }
    }
}

/// Returns the number, which JSON has no token for where it is not finite.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Inf" | "Infinity" => Some(f64::INFINITY),
            "-Inf" | "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn text(file: &str, class: &str, from: &mut Map<String, Value>, key: &str) -> Result<String, ReadError> {
    match from.remove(key) {
        Some(Value::String(text)) => Ok(text),
        other => Err(field(file, class, key, "a string", other.as_ref())),
    }
}

fn object(
    file: &str,
    class: &str,
    from: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<Map<String, Value>>, ReadError> {
    match from.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        other => Err(field(file, class, key, "an object", other.as_ref())),
    }
}

fn field(file: &str, class: &str, field: &str, expected: &str, got: Option<&Value>) -> ReadError {
    let class = if class.is_empty() { "a saved stage" } else { class };
    ReadError::Field {
        file: file.to_owned(),
        class: class.to_owned(),
        field: field.to_owned(),
        expected: expected.into(),
        got: shown(got),
    }
}
