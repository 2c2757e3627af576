//! `[mist]` of the configuration: what a route's envelope repeats, and which model answers it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The table `[mist]`. Needs a restart to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Answer failures with status 200, as Mist does; the body says `"success":false` either way.
    pub always_200: bool,
    /// Entries for routes; a model without one has its own name as a route.
    pub routes: Vec<MistRoute>,
}

/// One `[[mist.routes]]` table: what Mist's own routes file said of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MistRoute {
    /// The route in `/api/{route}`.
    pub name: String,
    /// The job's file, repeated in answers; the artifact's path below the models directory where absent.
    pub path: Option<String>,
    /// The job's class, repeated in answers; the class that the artifact states where absent.
    pub class_name: Option<String>,
    /// Repeated in answers; `default` where absent.
    pub namespace: Option<String>,
    /// The model that answers, `NAME` or `NAME@LABEL`; the one named like the route where absent.
    pub model: Option<String>,
}

impl MistRoute {
    pub(in crate::api) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or(&self.name)
    }
}

/// The configuration, by route.
#[derive(Debug)]
pub(crate) struct Routes {
    pub always_200: bool,
    by_name: HashMap<String, MistRoute>,
}

impl Routes {
    pub fn new(config: Config) -> Result<Routes, String> {
        let mut by_name = HashMap::new();
        for route in config.routes {
            model::Name::new(&route.name).map_err(|error| format!("mist.routes: {error}"))?;
            if let Some(twice) = by_name.insert(route.name.clone(), route) {
                return Err(format!("mist.routes: `{}` stands twice; remove one entry", twice.name));
            }
        }
        Ok(Routes { always_200: config.always_200, by_name })
    }

    pub fn find(&self, name: &str) -> Option<&MistRoute> {
        self.by_name.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str) -> MistRoute {
        MistRoute { name: name.to_owned(), path: None, class_name: None, namespace: None, model: None }
    }

    #[test]
    fn names_are_checked_and_stand_once() {
        let new = |names: &[&str]| {
            Routes::new(Config { always_200: false, routes: names.iter().map(|name| route(name)).collect() })
                .map(|_| ())
        };
        assert_eq!(new(&["a", "b"]), Ok(()));
        assert!(new(&["a", "a"]).unwrap_err().contains("`a` stands twice"));
        assert!(new(&["v2"]).unwrap_err().contains("reserved"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_str::<Config>(r#"{"routes":[{"name":"a","class":"b"}]}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `class`"), "{error}");
    }
}
