//! The layers of the configuration, merged as TOML; every value knows its origin.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde::Deserialize;
use toml::{
    Spanned, Value,
    de::{DeTable, DeValue},
};

use super::{Settings, nearest::nearest};

/// Keys with their tables, as in `server.rows_max`, and what they are set to.
type Leaves = BTreeMap<String, Value>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// A file, by its path.
    File(String),
    /// An environment variable, by its name.
    Variable(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(name) | Origin::Variable(name) => f.write_str(name),
            Origin::Flag => f.write_str("flag"),
        }
    }
}

/// Every key with its value so far. Layers are added from the weakest to the strongest.
pub struct Layers {
    leaves: BTreeMap<String, (Value, Origin)>,
}

/// Returns every key of the settings with its value.
pub fn leaves_of(settings: &Settings) -> Leaves {
    let value = Value::try_from(settings).expect("settings are tables of plain values");
    let Value::Table(tables) = value else { unreachable!("settings are a table") };
    let tables = tables.into_iter().filter_map(|(name, table)| match table {
        Value::Table(keys) => Some((name, keys)),
        _ => None,
    });
    tables.flat_map(|(name, keys)| keys.into_iter().map(move |(key, value)| (format!("{name}.{key}"), value))).collect()
}

impl Layers {
    /// Returns the defaults.
    pub fn new() -> Layers {
        let leaves = leaves_of(&Settings::default()).into_iter().map(|(key, value)| (key, (value, Origin::Default)));
        Layers { leaves: leaves.collect() }
    }

    /// Adds what a file says.
    pub fn add_file(&mut self, name: &str, text: &str) -> Result<(), String> {
        let line = |span: Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
        let at = |span: Range<usize>, message: String| format!("{name}: line {}: {message}", line(span));
        let spans = DeTable::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            at(error.span().unwrap_or_default(), message)
        })?;
        let values: toml::Table = toml::from_str(text).map_err(|error| format!("{name}: {}", error.message()))?;
        for (table, keys) in spans.get_ref() {
            let (span, table) = (table.span(), table.get_ref().as_ref());
            self.check_table(table).map_err(|message| at(span.clone(), message))?;
            let DeValue::Table(keys) = keys.get_ref() else {
                return Err(at(span, format!("`{table}` is a table of keys, got {}", kind(&values[table]))));
            };
            for key in keys.keys() {
                let (span, key) = (Spanned::span(key), key.get_ref().as_ref());
                let full = format!("{table}.{key}");
                self.check_key(&full, |found| format!("`{found}`")).map_err(|message| at(span, message))?;
                self.set(&full, values[table][key].clone(), Origin::File(name.to_owned()))?;
            }
        }
        Ok(())
    }

    /// Adds an environment variable of ours. One without `__` is no key: others put such into the environment.
    pub fn add_variable(&mut self, name: &str, text: &str) -> Result<(), String> {
        let Some((table, key)) = name.strip_prefix("FOREBAY_").and_then(|rest| rest.split_once("__")) else {
            return Ok(());
        };
        let key = format!("{}.{}", table.to_ascii_lowercase(), key.to_ascii_lowercase());
        let shown = |found: &str| format!("`{found}` ({})", variable(found));
        self.check_key(&key, shown).map_err(|message| format!("{name}: {message}"))?;
        let value = self.parse(&key, text).map_err(|message| format!("{name}: {message}"))?;
        self.set(&key, value, Origin::Variable(name.to_owned()))
    }

    /// Adds a flag; its key is ours.
    pub fn add_flag(&mut self, key: &str, text: &str) -> Result<(), String> {
        let value = self.parse(key, text).map_err(|message| format!("{key}: {message}"))?;
        self.set(key, value, Origin::Flag)
    }

    /// Returns the settings that the layers make together.
    pub fn settings(&self) -> Result<Settings, String> {
        let mut tables = toml::Table::new();
        for (key, (value, _)) in &self.leaves {
            let (table, key) = key.split_once('.').expect("every key stands in a table");
            let table = tables.entry(table).or_insert_with(|| Value::Table(toml::Table::new()));
            table.as_table_mut().expect("made as a table").insert(key.to_owned(), value.clone());
        }
        Settings::deserialize(Value::Table(tables)).map_err(|error| error.to_string().trim().replace('\n', " "))
    }

    /// Returns the value of a key, and where it comes from.
    #[cfg(test)]
    pub fn get(&self, key: &str) -> Option<(&Value, &Origin)> {
        self.leaves.get(key).map(|(value, origin)| (value, origin))
    }

    /// Returns all keys, by table and name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.leaves.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// Sets a key that exists, in the type that its default has.
    fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), String> {
        let leaf = self.leaves.get_mut(key).expect("the key was checked");
        let value = match (&leaf.0, value) {
            (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        if !leaf.0.same_type(&value) {
            return Err(format!("{origin}: {key}: expected {}, got {}", kind(&leaf.0), kind(&value)));
        }
        *leaf = (value, origin);
        Ok(())
    }

    fn parse(&self, key: &str, text: &str) -> Result<Value, String> {
        let expected = |what: &str| format!("expected {what}, got {text:?}");
        match &self.leaves[key].0 {
            Value::String(_) => Ok(Value::String(text.to_owned())),
            Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| expected("an integer")),
            Value::Float(_) => text.parse().map(Value::Float).map_err(|_| expected("a number")),
            Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| expected("true or false")),
            _ => Err(format!("`{key}` is a list; write it in the configuration file")),
        }
    }

    fn check_table(&self, table: &str) -> Result<(), String> {
        let mut known: Vec<&str> = self.leaves.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
        known.dedup();
        if known.contains(&table) {
            return Ok(());
        }
        let meant = nearest(table, known.iter().copied());
        let hint = meant.map_or(format!("; there are {}", known.join(", ")), |m| format!("; did you mean `{m}`?"));
        Err(format!("unknown table `{table}`{hint}"))
    }

    fn check_key(&self, key: &str, shown: impl Fn(&str) -> String) -> Result<(), String> {
        if self.leaves.contains_key(key) {
            return Ok(());
        }
        let meant = nearest(key, self.leaves.keys().map(String::as_str));
        let hint = meant.map_or("; see `forebay config show`".to_owned(), |m| format!("; did you mean {}?", shown(m)));
        Err(format!("unknown key `{key}`{hint}"))
    }
}

/// Returns the variable of a key.
pub fn variable(key: &str) -> String {
    format!("FOREBAY_{}", key.replacen('.', "__", 1).to_ascii_uppercase())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
