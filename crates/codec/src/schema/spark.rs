//! A schema as Spark writes it: the JSON of `df.schema.json()`.
//!
//! `{"type":"struct","fields":[{"name","type","nullable","metadata"}]}`; a type is a word of DDL or an object: an array, a map, a
//! struct, or a user's type (`udt`), of which we know Spark ML's vector. The metadata of columns is kept: stages read it.

use std::sync::Arc;

use model::{InputSpec, Type};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{DEPTH_MAX, in_column, parse_type};
use crate::error::CodecError;

/// A field of the schema.
#[derive(Deserialize)]
pub struct SparkField {
    name: String,
    r#type: Value,
    metadata: Option<Map<String, Value>>,
}

impl SparkField {
    /// Returns the column that the field tells of.
    pub fn spec(self) -> Result<InputSpec, CodecError> {
        let ty = ty(&self.r#type, 0).map_err(|error| in_column(error, &self.name))?;
        let metadata = self.metadata.filter(|map| !map.is_empty());
        Ok(InputSpec {
            name: self.name.into(),
            ty,
            metadata: metadata.map(|map| Value::Object(map).to_string().into()),
        })
    }
}

fn ty(value: &Value, depth: usize) -> Result<Type, CodecError> {
    if depth > DEPTH_MAX {
        return Err(fault("a type of at most 32 levels", "more"));
    }
    let object = match value {
        Value::String(word) => return parse_type(word),
        Value::Object(object) => object,
        _ => return Err(fault("a type's name or an object", &value.to_string())),
    };
    let part = |key: &str| {
        let part = object.get(key).ok_or_else(|| fault(&format!("`{key}`"), "nothing"))?;
        ty(part, depth + 1)
    };
    match object.get("type").and_then(Value::as_str) {
        Some("array") => Ok(Type::list(part("elementType")?)),
        Some("map") => Ok(Type::Map(Box::new(part("keyType")?), Box::new(part("valueType")?))),
        Some("struct") => fields(object, depth),
        Some("udt") => match object.get("class").or_else(|| object.get("pyClass")).and_then(Value::as_str) {
            Some(class) if class.ends_with(".VectorUDT") => Ok(Type::Vector { size: None }),
            class => Err(fault("Spark ML's VectorUDT", class.unwrap_or("a type without a class"))),
        },
        other => Err(fault("array, map, struct or udt", other.unwrap_or("an object without a `type`"))),
    }
}

fn fields(object: &Map<String, Value>, depth: usize) -> Result<Type, CodecError> {
    let list = object.get("fields").and_then(Value::as_array);
    let list = list.ok_or_else(|| fault("the `fields` of a struct", "nothing"))?;
    let mut fields: Vec<(Arc<str>, Type)> = Vec::new();
    for field in list {
        let name = field.get("name").and_then(Value::as_str).ok_or_else(|| fault("a field's name", "nothing"))?;
        let of = field.get("type").ok_or_else(|| fault("a field's type", "nothing"))?;
        fields.push((name.into(), ty(of, depth + 1)?));
    }
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(fault("a struct with each part once", pair[0])),
        None => Ok(Type::Struct(fields)),
    }
}

fn fault(expected: &str, got: &str) -> CodecError {
    CodecError::Schema { expected: expected.to_owned(), got: got.chars().take(80).collect(), at: 0 }
}
