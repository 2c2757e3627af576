//! The kinds of model: a function each, and the table of them.

use super::{
    answer::Answer,
    error::Fault,
    fields::{Dictionary, Field, Scope},
    lower::{Lowering, MathContext},
    output, targets,
    xml::Element,
};

mod anomaly;
mod association;
mod baseline;
mod bayesian_network;
mod clustering;
mod columns;
mod composition;
mod gaussian_process;
mod general_regression;
mod labels;
mod matrix;
mod measure;
pub(super) mod mining;
mod naive_bayes;
mod nearest_neighbor;
mod neural;
mod regression;
mod ruleset;
mod scorecard;
mod sequence;
mod svm;
mod text;
mod time_series;
mod tree;

/// Lowers the element of a model; its scope holds what its mining schema and its local transformations name.
pub type Lower = for<'o, 's, 'd> fn(&mut Lowering<'o>, &Scope<'s, 'd>, Element<'d>) -> Result<Answer<'d>, Fault>;

/// A kind of model.
pub struct ModelKind {
    pub element: &'static str,
    pub lower: Lower,
    /// What it is, and what of it is refused, for the reference page.
    pub doc: &'static str,
    /// The section of the standard.
    pub section: &'static str,
}

/// The kinds that we read, by name.
pub const MODELS: &[ModelKind] = &[
    ModelKind {
        element: "GaussianProcessModel",
        lower: gaussian_process::lower,
        doc: "All kernels; training rows have to stand in the document, at most 2,048 of them.",
        section: "Gaussian Process",
    },
    ModelKind {
        element: "GeneralRegressionModel",
        lower: general_regression::lower,
        doc: "Every model type, link and cumulative link, offsets, trials, contrast matrices, strata of survival; \
              `generalizedLinear` of more than two categories is refused.",
        section: "General Regression",
    },
    ModelKind {
        element: "NeuralNetwork",
        lower: neural::lower,
        doc: "Every activation function and normalization; of several target fields the first.",
        section: "Neural Network",
    },
    ModelKind {
        element: "RegressionModel",
        lower: regression::lower,
        doc: "Numbers and categories, ordered ones too, every normalization method.",
        section: "Regression",
    },
    ModelKind {
        element: "SupportVectorMachineModel",
        lower: svm::lower,
        doc: "Every kernel, support vectors or coefficients, one against one and one against all, `maxWins`.",
        section: "Support Vector Machine",
    },
    ModelKind {
        element: "AnomalyDetectionModel",
        lower: anomaly::lower,
        doc: "Isolation forests, one-class vectors, distances from clusters, and what any other model says.",
        section: "Anomaly Detection Models",
    },
    ModelKind {
        element: "AssociationModel",
        lower: association::lower,
        doc: "Rules for lists of items or for a field each, by all three algorithms.",
        section: "Association Rules",
    },
    ModelKind {
        element: "BaselineModel",
        lower: baseline::lower,
        doc: "zValue and CUSUM; statistics over tables of counts are refused.",
        section: "Baseline Models",
    },
    ModelKind {
        element: "BayesianNetworkModel",
        lower: bayesian_network::lower,
        doc: "Discrete nodes, answered exactly; continuous ones are refused.",
        section: "Bayesian Network",
    },
    ModelKind {
        element: "ClusteringModel",
        lower: clustering::lower,
        doc: "Clusters with centres, by every measure; distributions are refused.",
        section: "Cluster Models",
    },
    ModelKind {
        element: "NaiveBayesModel",
        lower: naive_bayes::lower,
        doc: "Counts of categories, discretised fields, normal and Poisson distributions.",
        section: "Naive Bayes",
    },
    ModelKind {
        element: "NearestNeighborModel",
        lower: nearest_neighbor::lower,
        doc: "Instances inside of the document, by every measure and scoring method.",
        section: "k-Nearest Neighbors",
    },
    ModelKind {
        element: "SequenceModel",
        lower: sequence::lower,
        doc: "Rules between sequences of items in the order of a list or of times; windows of time are refused.",
        section: "Sequences",
    },
    ModelKind {
        element: "TextModel",
        lower: text::lower,
        doc: "The most alike document, by every weight and both similarities.",
        section: "Text Models",
    },
    ModelKind {
        element: "TimeSeriesModel",
        lower: time_series::lower,
        doc: "Exponential smoothing, ARIMA, state spaces; GARCH, spectra and decompositions are refused.",
        section: "Time Series",
    },
    ModelKind {
        element: "MiningModel",
        lower: mining::lower,
        doc: "Segments, nested to a bounded depth, by every `multipleModelMethod`; `selectAll` gives lists. A regression that is all \
              plain trees runs as one forest. Models inside of it as 3.x has them, transformations of a segmentation.",
        section: "MultipleModels",
    },
    ModelKind {
        element: "RuleSetModel",
        lower: ruleset::lower,
        doc: "Simple and compound rules, by each of the three criteria; the first that the document names counts.",
        section: "RuleSet",
    },
    ModelKind {
        element: "Scorecard",
        lower: scorecard::lower,
        doc: "Partial scores, also as expressions, and reason codes by points above or below a baseline.",
        section: "Scorecard",
    },
    ModelKind {
        element: "TreeModel",
        lower: tree::lower,
        doc: "Every predicate, missing value strategy and no true child strategy. A node may hold a model (3.x).",
        section: "TreeModel",
    },
];

/// Elements of models that the standard has and we do not read yet.
const KNOWN: &[&str] = &[
    "AnomalyDetectionModel",
    "AssociationModel",
    "BaselineModel",
    "BayesianNetworkModel",
    "ClusteringModel",
    "GaussianProcessModel",
    "GeneralRegressionModel",
    "MiningModel",
    "NaiveBayesModel",
    "NearestNeighborModel",
    "NeuralNetwork",
    "RegressionModel",
    "RuleSetModel",
    "Scorecard",
    "SequenceModel",
    "SupportVectorMachineModel",
    "TextModel",
    "TimeSeriesModel",
    "TreeModel",
];

/// Returns whether an element of this name is a model.
pub fn is_model(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// A model lowered, with what it shows.
pub struct Lowered<'d> {
    pub answer: Answer<'d>,
    pub outputs: Vec<(&'d str, Field)>,
}

/// Lowers a model: its own scope, its result, its targets, its outputs. `outer` is the scope of the model it is a part of.
pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    dictionary: &Dictionary<'d>,
    outer: Option<&Scope<'_, 'd>>,
    model: Element<'d>,
) -> Result<Lowered<'d>, Fault> {
    let kind = MODELS.iter().find(|kind| kind.element == model.name());
    let Some(kind) = kind else {
        return Err(match is_model(model.name()) {
            true => model.unimplemented("this kind of model"),
            false => Fault::Unknown { element: format!("{} at line {}", model.name(), model.line()) },
        });
    };
    if !model.bool("isScorable", true)? {
        return Err(model.fault("attribute isScorable", "true: a model that is meant to be scored", "false"));
    }
    let math = math_of(model);
    let scope = Scope::new(dictionary, outer, model)?;
    cx.deeper(model, |cx| {
        cx.with_math(math, |cx| {
            let mut answer = (kind.lower)(cx, &scope, model)?;
            targets::apply(cx, &scope, &mut answer)?;
            if let Some(value) = answer.value.take() {
                answer.value = Some(targets::typed(cx, &scope, value)?);
            }
            let mut outputs = std::mem::take(&mut answer.outputs);
            outputs.extend(output::lower(cx, &scope, &answer)?);
            Ok(Lowered { answer, outputs })
        })
    })
}

/// Returns in which numbers a model computes.
pub fn math_of(model: Element<'_>) -> MathContext {
    match model.attr("x-mathContext").or_else(|| model.attr("mathContext")) {
        Some("float") => MathContext::Float,
        _ => MathContext::Double,
    }
}
