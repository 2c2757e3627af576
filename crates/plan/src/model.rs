//! What a reader returns: a model's plans and where they come from.

use std::sync::Arc;

use model::{Signature, SignatureDef};

use crate::plan::Plan;

/// A model as read: one plan a signature, the default one first.
#[derive(Clone, Debug)]
pub struct Model {
    pub plans: Vec<(Arc<str>, Arc<Plan>)>,
    pub provenance: Provenance,
    /// What the reader passed over and a user may want to know (a parameter without meaning here, a stage not needed).
    pub warnings: Vec<String>,
    /// Rows that the artifact carries with the answers that it has to give; of the default signature.
    pub verification: Option<Verification>,
    /// The signatures as the artifact writes them down, those among them that are not served.
    pub defs: Vec<SignatureDef>,
}

/// Rows with their answers, as an artifact carries them: texts, to be read as values of their fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verification {
    /// The input fields that rows have values of.
    pub inputs: Vec<Arc<str>>,
    /// The outputs that rows have answers of.
    pub outputs: Vec<Verified>,
    pub rows: Vec<VerificationRow>,
}

/// An output that is verified. A number is right within `precision` times itself; one that is not above `zero` in its size is
/// right where the other is not, either. Everything else is right where it is equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub name: Arc<str>,
    pub precision: f64,
    pub zero: f64,
}

/// One row: a text for each input, null where there is none; a text for each output, not looked at where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VerificationRow {
    pub inputs: Vec<Option<Box<str>>>,
    pub outputs: Vec<Option<Box<str>>>,
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The format's name: `spark`, `pmml`, ...
    pub format: &'static str,
    /// The class or kind that the artifact names for itself.
    pub class: String,
    /// The tool that wrote it, with its version.
    pub tool: String,
    /// Bytes of the artifact.
    pub artifact_bytes: u64,
}

impl Model {
    /// Returns the model of one plan, under the signature name `default`.
    pub fn single(plan: Plan, provenance: Provenance) -> Model {
        Model {
            plans: vec![("default".into(), Arc::new(plan))],
            provenance,
            warnings: Vec::new(),
            verification: None,
            defs: Vec::new(),
        }
    }

    /// Returns the plan of a signature; of the default one where none is named.
    pub fn plan(&self, signature: Option<&str>) -> Option<&Arc<Plan>> {
        match signature {
            None => self.plans.first().map(|(_, plan)| plan),
            Some(name) => self.plans.iter().find(|(n, _)| &**n == name).map(|(_, plan)| plan),
        }
    }

    /// Returns the signatures, the default one first.
    pub fn signatures(&self) -> Vec<Signature> {
        self.plans.iter().map(|(name, plan)| plan.signature(name)).collect()
    }
}
