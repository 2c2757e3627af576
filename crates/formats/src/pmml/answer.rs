//! [`Answer`]: what a model's element lowers to, from which outputs are picked.

use std::sync::Arc;

use super::{error::Fault, fields::Field, lower::Lowering, lower::Value, xml::Element};

/// What kind of result a model gives (its `functionName`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Regression,
    Classification,
    Clustering,
    Other,
}

/// A number for each category or entity.
#[derive(Clone, Debug)]
pub struct Classes {
    pub labels: Arc<[String]>,
    /// A vector of the labels' size; null where there is no result.
    pub values: Value,
}

/// Makes what a model of a kind of its own gives for an `OutputField`; nothing where it has no such feature.
pub type Pick<'d> = Box<dyn for<'o> Fn(&mut Lowering<'o>, Element<'d>) -> Result<Option<Field>, Fault> + 'd>;

/// One of several results that are all shown.
pub struct OneOfAll<'d> {
    /// The segment's id.
    pub id: String,
    /// In which rows there is such a result; nothing where in all.
    pub ran: Option<Value>,
    pub answer: Answer<'d>,
}

/// The result of a model, before its targets and outputs.
pub struct Answer<'d> {
    pub kind: Kind,
    /// The field that is predicted, where a segment says so.
    pub target: Option<&'d str>,
    /// The prediction: a number, or the winning category or entity.
    pub value: Option<Field>,
    /// Of classification; the result has the largest unless the model says otherwise.
    pub probabilities: Option<Classes>,
    pub confidences: Option<Classes>,
    /// Distance or similarity of each entity.
    pub affinities: Option<Classes>,
    /// The id of the entity that won: cluster, neighbour, node, rule.
    pub entity: Option<Value>,
    /// Ids of entities, the best first: a list of texts.
    pub entities: Option<Value>,
    /// Reason codes, the first first.
    pub reasons: Vec<Value>,
    pub standard_error: Option<Value>,
    /// What a model gives besides its output fields, by name.
    pub extras: Vec<(String, Field)>,
    /// The results of segments, by their ids.
    pub segments: Vec<(String, Answer<'d>)>,
    /// The results that are all shown, each output a list of theirs; empty where there is one result.
    pub every: Vec<OneOfAll<'d>>,
    /// Output fields of segments that are shown as the model's own.
    pub outputs: Vec<(&'d str, Field)>,
    /// Answers an `OutputField` before everything else does.
    pub pick: Option<Pick<'d>>,
}

impl<'d> Answer<'d> {
    /// Returns an answer that is nothing but a value.
    pub fn new(kind: Kind, value: Option<Field>) -> Answer<'d> {
        Answer {
            kind,
            target: None,
            value,
            probabilities: None,
            confidences: None,
            affinities: None,
            entity: None,
            entities: None,
            reasons: Vec::new(),
            standard_error: None,
            extras: Vec::new(),
            segments: Vec::new(),
            every: Vec::new(),
            outputs: Vec::new(),
            pick: None,
        }
    }

    /// Returns the kind that a model's `functionName` names.
    pub fn kind_of(model: Element<'_>) -> Result<Kind, Fault> {
        Ok(match model.required("functionName")? {
            "regression" => Kind::Regression,
            "classification" => Kind::Classification,
            "clustering" => Kind::Clustering,
            "associationRules" | "sequences" | "timeSeries" | "mixed" => Kind::Other,
            other => return Err(model.fault("attribute functionName", "a mining function of PMML", other)),
        })
    }
}
