//! What is read of a document besides its models and expressions, for the reference page.

/// An element, or a group of attributes, that the reader knows.
pub struct ElementDoc {
    pub name: &'static str,
    /// What of it is read, and what is refused.
    pub doc: &'static str,
    /// The section of the standard.
    pub section: &'static str,
}

const fn element(name: &'static str, doc: &'static str, section: &'static str) -> ElementDoc {
    ElementDoc { name, doc, section }
}

/// The elements, in the order of a document.
pub const ELEMENTS: &[ElementDoc] = &[
    element(
        "PMML",
        "versions 3.0 to 4.4, any of their namespaces with `http` or `https`, or none; another namespace is refused",
        "General structure",
    ),
    element("<!DOCTYPE>", "refused wherever it stands: no entity is ever defined or fetched", "General structure"),
    element("Extension", "passed over with all that is in it", "General structure"),
    element("Header", "the tool and its version, shown by `inspect`", "Header"),
    element("MiningBuildTask, ModelStats, ModelExplanation", "passed over", "Model statistics"),
    element(
        "DataField",
        "every data type; `optype`; a type that is left out goes with the operations",
        "Data dictionary",
    ),
    element("Value", "`valid`, `invalid` and `missing` values, display values", "Data dictionary"),
    element("Interval", "open and closed, one or two margins; NaN lies in none", "Data dictionary"),
    element("MiningField", "`usageType`, `optype`; the fields of the outermost model are the inputs", "Mining schema"),
    element(
        "missingValueReplacement",
        "after invalid values and outliers were made missing; a replacement is not looked at again",
        "Mining schema",
    ),
    element(
        "missingValueTreatment",
        "`returnInvalid` refuses the row; the others tell how the replacement was found and change nothing",
        "Mining schema",
    ),
    element(
        "invalidValueTreatment",
        "`returnInvalid` refuses the row, `asMissing`, `asIs`, `asValue` with `invalidValueReplacement`",
        "Mining schema",
    ),
    element(
        "outliers",
        "of valid values: `asIs`, `asMissingValues`, `asExtremeValues` with `lowValue` and `highValue`",
        "Mining schema",
    ),
    element(
        "TransformationDictionary, LocalTransformations",
        "derived fields by name, made when somebody asks for them; one that needs itself is refused",
        "Transformations",
    ),
    element(
        "Targets",
        "default value, prior probabilities, `min`, `max`, `rescaleFactor`, `rescaleConstant`, `castInteger`, display values",
        "Targets",
    ),
    element(
        "OutputField",
        "every feature that the model gives; fields of earlier outputs; all are shown, those with `isFinalResult=\"false\"` too",
        "Output",
    ),
    element(
        "ModelVerification",
        "run by `forebay verify`, and by `serve` before the version may answer",
        "Verification",
    ),
    element(
        "SimplePredicate, SimpleSetPredicate, True, False",
        "every operator; a value is compared as one of the field's type; missing makes it unknown",
        "Predicates",
    ),
    element(
        "CompoundPredicate",
        "`and`, `or`, `xor` in three-valued logic; `surrogate` takes the first that is known",
        "Predicates",
    ),
    element(
        "Array, REAL-SparseArray, INT-SparseArray, Matrix",
        "quoted and plain; a length that does not fit is refused and never believed",
        "General structure",
    ),
];
