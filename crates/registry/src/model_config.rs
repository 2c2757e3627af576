//! `forebay.toml` beside an artifact: what its owner says of it that its bytes do not.
//!
//! It stands inside the artifact's folder, or as `<name>.toml` beside the file `<name>.<ext>`. In the folder of numbered
//! versions it holds for all of them, except where a version has its own, which then takes its place as a whole. It is no
//! part of the version's digest: a version loads anew under the same number when its configuration changes.

use std::{collections::BTreeMap, num::NonZeroU64};

use serde::Deserialize;

use crate::{config::Loading, versions::Versions, warm_up::WarmUp};

/// The keys of `forebay.toml`. Unknown ones are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The outputs of a call that names none; absent, those that the format chooses.
    pub outputs: Option<Vec<String>>,
    /// The types of inputs that the artifact does not save.
    pub inputs: Vec<InputConfig>,
    /// Whether SQL in the model refuses rows where a value does not fit (ANSI mode); absent, as the tool's version does.
    pub ansi: Option<bool>,
    /// The time zone in which SQL's days begin, such as `Europe/Berlin` or `+02:00`; absent, that of the configuration.
    pub time_zone: Option<String>,
    /// Who computes the model: our own ops, or a configured engine of others.
    pub engine: EngineChoice,
    /// Which of the numbered versions are up at once; absent, the newest. Only beside numbered folders.
    pub versions: Option<Versions>,
    /// Labels, each with the number of its version: `[labels]`, `stable = 3`. Only beside numbered folders. A label moves once its
    /// version answers.
    pub labels: BTreeMap<String, NonZeroU64>,
    /// When the model is loaded; absent, as `models.load` says. Beside numbered folders it holds for all of them.
    pub load: Option<Loading>,
    /// What the model is asked before it answers others; absent, what its artifact brings for that.
    pub warm_up: WarmUp,
}

/// The values of `engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// Our own ops.
    #[default]
    Native,
    /// The library that `engines.tensorflow` names.
    Tensorflow,
    /// The library that `engines.onnxruntime` names.
    Onnxruntime,
}

impl EngineChoice {
    /// Its name, as the file writes it.
    pub fn name(self) -> &'static str {
        match self {
            EngineChoice::Native => "native",
            EngineChoice::Tensorflow => "tensorflow",
            EngineChoice::Onnxruntime => "onnxruntime",
        }
    }
}

/// One `[[inputs]]` table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// The column.
    pub name: String,
    /// Its type, as `--schema` writes it: `"int"`, `"array<string>"`, `"float64"`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Its metadata as JSON text, for formats that read it.
    pub metadata: Option<String>,
}

impl ModelConfig {
    /// Returns the configuration that the text states, or what is wrong with it, on one line.
    pub fn parse(text: &str) -> Result<ModelConfig, String> {
        let config: ModelConfig = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            line.map_or(message.clone(), |line| format!("line {line}: {message}"))
        })?;
        for label in config.labels.keys() {
            model::Name::new(label).map_err(|error| format!("labels: {error}"))?;
            if label.bytes().all(|b| b.is_ascii_digit()) {
                return Err(format!("labels: `{label}` would be taken for a version"));
            }
        }
        let mut names: Vec<&str> = config.inputs.iter().map(|input| input.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("the input `{}` stands twice", pair[0])),
            None => Ok(config),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, part: &str) {
        let error = ModelConfig::parse(text).unwrap_err();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn all_keys() {
        let text = "outputs = ['p']\nversions = 'all'\nansi = true\ntime_zone = '+02:00'\nengine = 'tensorflow'\n[[inputs]]\nname = 'age'\ntype = 'int'\n\
                    metadata = '{}'\n";
        let config = ModelConfig::parse(text).unwrap();
        assert_eq!(config.outputs, Some(vec!["p".to_owned()]));
        assert_eq!(config.versions, Some(Versions::All));
        assert_eq!((config.ansi, config.time_zone.as_deref()), (Some(true), Some("+02:00")));
        assert_eq!((config.engine, config.engine.name()), (EngineChoice::Tensorflow, "tensorflow"));
        let age = InputConfig { name: "age".into(), ty: "int".into(), metadata: Some("{}".into()) };
        assert_eq!(config.inputs, [age]);
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(ModelConfig::parse(""), Ok(ModelConfig::default()));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        refused("outputs = []\nlabel = []", "line 2: unknown field `label`");
        refused("[[inputs]]\nname = 'a'\ntype = 'int'\nshape = 1", "unknown field `shape`");
    }

    #[test]
    fn wrong_values_are_refused() {
        refused("versions = 0", "line 1");
        refused("[labels]\nstable = 0", "line 2");
        refused("[labels]\n3 = 1", "`3` would be taken for a version");
        refused("[labels]\n'a b' = 1", "labels: ");
        refused("outputs = 'p'", "line 1");
        refused(
            "engine = 'torch'",
            "line 1: unknown variant `torch`, expected one of `native`, `tensorflow`, `onnxruntime`",
        );
        refused("[[inputs]]\nname = 'a'", "missing field `type`");
        refused("[[inputs]]\nname='a'\ntype='int'\n[[inputs]]\nname='a'\ntype='int'", "input `a` stands twice");
        refused("= \u{e4}\n", "line 1");
    }

    #[test]
    fn deep_nesting_is_an_error() {
        for open in ["[", "{a=", "[{a="] {
            assert!(ModelConfig::parse(&format!("outputs = {}", open.repeat(200_000))).is_err());
        }
        assert!(ModelConfig::parse(&format!("{} = 1", vec!["a"; 100_000].join("."))).is_err());
    }

    /// Seeded damage to a good text: whatever comes out is a configuration or an error of one line.
    #[test]
    fn damaged_texts_are_survived() {
        let good = b"outputs = ['p', \"q\"]\nversions = { latest = 2 }\n[[inputs]]\nname = '\xc3\xa4'\ntype = 'int'\n";
        let mut seed = 1u32;
        let mut below = |n: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % n
        };
        for _ in 0..5_000 {
            let mut bytes = good.to_vec();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes[at] = below(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"[]{}='\"\n.,#"[below(11)]),
                }
            }
            if let Err(error) = ModelConfig::parse(&String::from_utf8_lossy(&bytes)) {
                assert!(!error.contains('\n'), "{error}");
            }
        }
    }
}
