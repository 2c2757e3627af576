//! What the reference page says of expressions.

use super::functions::FUNCTIONS;

/// A function or an element, for the reference page.
pub struct Documented {
    pub name: &'static str,
    /// How many arguments; nothing of an element.
    pub arity: Option<String>,
    pub doc: &'static str,
    /// The section of the standard.
    pub section: &'static str,
}

const TRANSFORMATIONS: &str = "Transformations";

/// Elements, their doc and their section.
const ELEMENTS: &[(&str, &str, &str)] = &[
    ("Constant", "with data type or without; `missing`", TRANSFORMATIONS),
    ("FieldRef", "`mapMissingTo`", TRANSFORMATIONS),
    ("NormContinuous", "every treatment of outliers; `mapMissingTo`", TRANSFORMATIONS),
    ("NormDiscrete", "method `indicator`; `mapMissingTo`", TRANSFORMATIONS),
    (
        "Discretize",
        "every closure; of bins that overlap the last counts; `defaultValue`, `mapMissingTo`",
        TRANSFORMATIONS,
    ),
    ("MapValues", "inline tables, found by hashing; a `TableLocator` is refused", TRANSFORMATIONS),
    (
        "TextIndex",
        "every attribute; words are also those of the terms; `augmentedNormalizedTermFrequency` refuses its rows; a text that a \
         recursive `TextIndexNormalization` never stops changing is refused",
        TRANSFORMATIONS,
    ),
    (
        "Aggregate",
        "of the items of a list that the field brings: count, sum, average, min, max; `multiset` refuses its rows",
        TRANSFORMATIONS,
    ),
    ("Lag", "every `aggregate`; `BlockIndicator`; the rows of a call are the stream", TRANSFORMATIONS),
    ("Apply", "`mapMissingTo`, `defaultValue`, `invalidValueTreatment`", "Functions"),
    (
        "DefineFunction",
        "written out where it is used; recursion is refused; in functions of SAS (`SAS-..`) a constant that is the name of a \
         parameter stands for it",
        "Functions",
    ),
];

/// Returns the elements, then the functions, in the order of the standard.
pub fn documented() -> Vec<Documented> {
    let elements = ELEMENTS.iter().map(|&(name, doc, section)| Documented { name, arity: None, doc, section });
    let functions = FUNCTIONS.iter().map(|function| {
        let arity = match function.arity {
            (low, usize::MAX) => format!("{low} or more"),
            (low, high) if low == high => low.to_string(),
            (low, high) => format!("{low} to {high}"),
        };
        Documented { name: function.name, arity: Some(arity), doc: function.doc, section: "Built-in functions" }
    });
    elements.chain(functions).collect()
}
