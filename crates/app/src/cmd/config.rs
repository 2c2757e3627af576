//! `forebay config`: what is configured, and where each value comes from.

use std::{fmt::Write, path::PathBuf};

use clap::Subcommand;

use crate::{
    cmd,
    config::{self, Layers},
    failure::Failure,
};

/// Checks or shows the configuration
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Says what is wrong with a configuration file (exit code 2), or nothing
    Check {
        /// The file
        file: PathBuf,
    },
    /// Prints every key with its value and where that comes from
    Show {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Check { file } => {
            let resolved = config::resolve(Some(&file), &[])?;
            resolved.settings.auth.check().map_err(Failure::Usage)
        }
        Verb::Show { config: file } => {
            let resolved = config::resolve(file.as_deref(), &[])?;
            cmd::print(&show(&resolved.layers))
        }
    }
}

/// Returns the configuration as a file that says the same, each value with its origin.
fn show(layers: &Layers) -> String {
    let (mut text, mut current) = (String::new(), "");
    let mut tables = String::new();
    for (key, value, origin) in layers.iter() {
        let (table, key) = key.split_once('.').expect("every key stands in a table");
        if table != current {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{}{gap}[{table}]", std::mem::take(&mut tables));
            current = table;
        }
        let value = shown(table, key, value);
        match value.as_array().filter(|list| list.iter().any(toml::Value::is_table)) {
            // Tables of a list end the plain keys of theirs, so they come last.
            Some(list) => list.iter().for_each(|entry| {
                let _ = write!(tables, "\n[[{table}.{key}]]  # {origin}\n{entry_text}", entry_text = plain(entry));
            }),
            None => {
                let _ = writeln!(text, "{key} = {value}  # {origin}");
            }
        }
    }
    text + &tables
}

fn plain(entry: &toml::Value) -> String {
    let keys = entry.as_table().into_iter().flatten();
    keys.map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// Keys whose values are nobody's to see, by their table; in the lists and tables below it too.
const SECRETS: [(&str, &str); 5] = [
    ("auth", "key"),
    ("auth", "secret"),
    ("client", "token"),
    ("models", "secret_access_key"),
    ("models", "session_token"),
];

/// Returns the value as it may be shown.
fn shown(table: &str, key: &str, value: &toml::Value) -> toml::Value {
    use toml::Value;
    match value {
        Value::String(text) if SECRETS.contains(&(table, key)) && !text.is_empty() => Value::String("***".to_owned()),
        Value::Array(list) => Value::Array(list.iter().map(|value| shown(table, key, value)).collect()),
        Value::Table(keys) => {
            Value::Table(keys.iter().map(|(key, value)| (key.clone(), shown(table, key, value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut layers = Layers::new();
        let file = "[[auth.keys]]\nname = 'a'\nkey = 'a-very-secret-key'\nroles = ['read']\n\
                    [[auth.jwt.keys]]\nalgorithm = 'HS256'\nsecret = 'a-very-secret-secret'\n\
                    [[models.sources]]\nurl = 's3://b'\nsecret_access_key = 'very-secret'\nsession_token = 'very-secret'\n";
        layers.add_file("f.toml", file).unwrap();
        layers.add_variable("FOREBAY_CLIENT__TOKEN", "a-very-secret-token").unwrap();
        let shown = show(&layers);
        assert!(
            !shown.contains("very-secret") && shown.contains("key = \"***\"") && shown.contains("name = \"a\""),
            "{shown}"
        );
        assert!(!format!("{:?}", layers.settings().unwrap()).contains("very-secret"));
    }

    #[test]
    fn what_is_shown_reads_back_to_the_same() {
        let mut layers = Layers::new();
        let file = "[server]\nrows_max = 7\n[[mist.routes]]\nname = 'a \"b\"'\n[log]\nlevel = 'warn'\n";
        layers.add_file("f.toml", file).unwrap();
        let shown = show(&layers);
        assert!(shown.contains("rows_max = 7  # f.toml\n") && shown.contains("json = false  # default\n"), "{shown}");
        let mut again = Layers::new();
        again.add_file("shown", &shown).unwrap();
        assert_eq!(again.settings().unwrap(), layers.settings().unwrap());
    }
}
