//! Metadata of models that Spark's older library saved: one line of JSON with `class` and `version`, without parameters.
//! Some models of today hold such a one in a folder of their own.

use serde_json::{Map, Value};

use crate::{
    ReadError,
    spark::{
        Stage,
        metadata::{self, number, shown},
    },
};

/// The metadata of a model in a folder below the stage's.
pub struct OldModel {
    file: String,
    class: &'static str,
    pub version: String,
    keys: Map<String, Value>,
}

impl OldModel {
    /// Returns the metadata in `<folder>/metadata`, which must be of this class.
    pub fn read(stage: &Stage<'_>, folder: &str, class: &'static str) -> Result<OldModel, ReadError> {
        let files = stage.files.folder(folder);
        let (file, bytes) = metadata::part(&files).ok_or_else(|| ReadError::Missing {
            file: files.full_path("metadata/part-00000"),
            class: stage.meta.class.clone(),
            help: "the model in the layout of Spark's older library stands there",
        })?;
        if bytes.len() > stage.limits.metadata_bytes_max {
            let (got, limit) = (bytes.len() as u64, stage.limits.metadata_bytes_max);
            return stage.meta.too_large("the metadata's size", got, limit, "metadata_bytes_max");
        }
        let line = bytes.as_slice().trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
        let keys = match serde_json::from_slice(line) {
            Ok(Value::Object(keys)) => keys,
            Ok(_) => return Err(ReadError::Syntax { file, what: "the metadata is not a JSON object".to_owned() }),
            Err(error) => return Err(ReadError::Syntax { file, what: format!("not well-formed JSON: {error}") }),
        };
        let mut model = OldModel { file, class, version: String::new(), keys };
        if model.text("class")? != class {
            return Err(model.fault("class", class));
        }
        model.version = model.text("version")?.to_owned();
        Ok(model)
    }

    /// Returns the error of a key that is not as it should be.
    pub fn fault(&self, key: &str, expected: impl Into<Box<str>>) -> ReadError {
        ReadError::Field {
            file: self.file.clone(),
            class: self.class.to_owned(),
            field: key.to_owned(),
            expected: expected.into(),
            got: shown(self.keys.get(key)),
        }
    }

    pub fn text(&self, key: &str) -> Result<&str, ReadError> {
        self.keys.get(key).and_then(Value::as_str).ok_or_else(|| self.fault(key, "a string"))
    }

    pub fn int(&self, key: &str) -> Result<i64, ReadError> {
        self.keys.get(key).and_then(Value::as_i64).ok_or_else(|| self.fault(key, "an integer"))
    }

    /// Returns the number of something of which there is one at least.
    pub fn count(&self, key: &str) -> Result<u32, ReadError> {
        let count = u32::try_from(self.int(key)?).ok().filter(|n| (1..=i32::MAX as u32).contains(n));
        count.ok_or_else(|| self.fault(key, "an integer from 1 to 2147483647"))
    }

    pub fn f64(&self, key: &str) -> Result<f64, ReadError> {
        self.keys.get(key).and_then(number).ok_or_else(|| self.fault(key, "a number"))
    }

    pub fn f64s(&self, key: &str) -> Result<Vec<f64>, ReadError> {
        let numbers = self.keys.get(key).and_then(|value| value.as_array()?.iter().map(number).collect());
        numbers.ok_or_else(|| self.fault(key, "an array of numbers"))
    }
}
