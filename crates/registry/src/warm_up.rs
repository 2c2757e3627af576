//! What a version is asked before it answers others: the key `warm_up` of `forebay.toml`.
//!
//! `"records"` (the default) are those that the artifact brings itself, as a SavedModel may; `"signature"` is a row made of the
//! inputs' types besides, `"none"` is nothing, and a list of tables are rows besides the records.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

/// Rows that a list may have, as many as TensorFlow Serving takes records.
const ROWS_MAX: usize = 1_000;

/// What a version is asked before it answers others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WarmUp {
    /// What the artifact brings.
    #[default]
    Records,
    /// That, and a row made of the types of the default signature's inputs.
    Signature,
    None,
    /// What the artifact brings, and these rows, as one JSON text.
    Rows(String),
}

const EXPECTED: &str = "\"records\", \"signature\", \"none\", or a list of rows, each a table of inputs";

impl<'de> Deserialize<'de> for WarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WarmUp, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads what the file writes.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = WarmUp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WarmUp, E> {
        match text {
            "records" => Ok(WarmUp::Records),
            "signature" => Ok(WarmUp::Signature),
            "none" => Ok(WarmUp::None),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WarmUp, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element::<toml::Table>()? {
            if rows.len() == ROWS_MAX {
                return Err(de::Error::custom(format!("more than {ROWS_MAX} rows are listed")));
            }
            rows.push(json(&toml::Value::Table(row)));
        }
        Ok(WarmUp::Rows(format!("[{}]", rows.join(","))))
    }
}

/// Returns a value as JSON. Its depth is that of the file, which the reader of TOML bounds.
fn json(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => quoted(text),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) if number.is_nan() => "\"NaN\"".to_owned(),
        toml::Value::Float(number) if *number == f64::INFINITY => "\"Infinity\"".to_owned(),
        toml::Value::Float(number) if *number == f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
        toml::Value::Float(number) => format!("{number:?}"),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => quoted(&time.to_string()),
        toml::Value::Array(values) => format!("[{}]", values.iter().map(json).collect::<Vec<_>>().join(",")),
        toml::Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{}:{}", quoted(key), json(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelConfig;

    fn read(text: &str) -> Result<WarmUp, String> {
        ModelConfig::parse(text).map(|config| config.warm_up)
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(read(""), Ok(WarmUp::Records));
        assert_eq!(read("warm_up = 'signature'"), Ok(WarmUp::Signature));
        assert_eq!(read("warm_up = 'none'"), Ok(WarmUp::None));
        let rows = "[[warm_up]]\na = 1\nb = [1.5, inf, nan]\nc = { d = true }\n[[warm_up]]\na = 2\ne = \"x\\\"\\n\"\n";
        let json = r#"[{"a":1,"b":[1.5,"Infinity","NaN"],"c":{"d":true}},{"a":2,"e":"x\"\u000a"}]"#;
        assert_eq!(read(rows), Ok(WarmUp::Rows(json.to_owned())));
        assert_eq!(
            read("warm_up = [{ when = 2024-02-29 }]"),
            Ok(WarmUp::Rows(r#"[{"when":"2024-02-29"}]"#.to_owned()))
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        assert!(read("warm_up = 'often'").unwrap_err().contains(EXPECTED));
        assert!(read("warm_up = 1").unwrap_err().contains(EXPECTED));
        assert!(read("warm_up = [1]").unwrap_err().contains("map"));
        assert!(read(&format!("warm_up = [{}]", "{},".repeat(1_001))).unwrap_err().contains("more than 1000 rows"));
    }
}
