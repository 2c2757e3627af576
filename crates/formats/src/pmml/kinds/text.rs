//! `TextModel` (Text Models, 4.3, deprecated since 4.2): which document of the corpus is most like a text.
//!
//! The terms of the dictionary are counted in the text (in its words, whatever their case) and weighed as those of the documents are:
//! each count by a local weight, times the term's global weight in the corpus, the whole brought to length 1 where
//! `documentNormalization` says so. The result is the id of the document at the smallest distance or of the largest cosine. With
//! `f_ij` how often term `i` is in document `j` of `n`, the global weights are `ln(n / docs)` (inverseDocumentFrequency),
//! `sum f / docs` (GFIDF), `1 / sqrt(sum f^2)` (normal) and `ln((n - docs) / docs)` (probabilisticInverse), where `docs` counts the
//! documents that have the term.

use plan::{
    AssociationOp, DistanceOp, EncodeOp, TextOp, VectorOp,
    op::distance::{Corpus, Local},
    op::text::{Pattern, Split},
};

use super::{clustering, matrix::Matrix, measure};
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    array,
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// Most cells of a document-term matrix.
const CELLS_MAX: usize = 1 << 24;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let terms = terms(model)?;
    let documents: Vec<Element<'d>> = model.required_child("TextCorpus")?.all("TextDocument").collect();
    let ids = clustering::ids(&documents)?;
    measure::check_shown(model, ids.len())?;
    let corpus = corpus(model, terms.len(), ids.len())?;
    let active = scope.used_as(&["active"]);
    let [name] = active.as_slice() else {
        return Err(model.fault("MiningSchema", "one active field: the text", format!("{}", active.len())));
    };
    let counts = counts(cx, scope, model, name, terms)?;
    let mut made = cx.node(model, DistanceOp::Documents(corpus), &[&counts], &["affinities", "document"])?.into_iter();
    let (Some(affinities), Some(winner)) = (made.next(), made.next()) else {
        unreachable!("the op has two outputs");
    };
    let entry = AssociationOp::Entry { table: measure::table_of(&ids) };
    let id = cx.one(model, entry, &[&winner], "document")?;
    let value = Field::new(id.clone(), DataType::String, OpType::Categorical);
    let mut answer = Answer::new(Kind::Clustering, Some(value));
    answer.entity = Some(id);
    let classes = Classes { labels: ids.into(), values: affinities };
    answer.affinities = Some(classes.clone());
    answer.pick = Some(Box::new(move |cx, element| {
        let is_affinity = matches!(element.attr("feature"), Some("affinity" | "entityAffinity"));
        match is_affinity && element.attr("value").is_none() && element.attr("rank").is_none_or(|rank| rank == "1") {
            true => {
                let nearest = cx.one(element, VectorOp::At, &[&classes.values, &winner], "affinity")?;
                Ok(Some(Field::double(nearest)))
            }
            false => Ok(None),
        }
    }));
    Ok(answer)
}

/// Returns the terms of the dictionary, in lower case.
fn terms(model: Element<'_>) -> Result<Vec<Box<str>>, Fault> {
    let dictionary = model.required_child("TextDictionary")?;
    let terms = array::texts(array::inside(dictionary)?)?;
    if let Some(term) = terms.iter().find(|term| !term.chars().all(is_of_word) || term.is_empty()) {
        return Err(dictionary.unimplemented(format!("the term {term:?}, which is not one word")));
    }
    let terms: Vec<Box<str>> = terms.iter().map(|term| term.to_lowercase().into()).collect();
    let distinct: std::collections::HashSet<&Box<str>> = terms.iter().collect();
    match distinct.len() == terms.len() {
        true => Ok(terms),
        false => Err(dictionary.fault("element Array", "terms that differ by more than case", "others")),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn counts<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    name: &str,
    terms: Vec<Box<str>>,
) -> Result<Value, Fault> {
    let field = scope.field(cx, model, name)?;
    let text = cx.cast(model, &field.value, model::Type::Text)?;
    let pattern = Pattern { engine: r"[\p{Alphabetic}\p{M}\p{N}_]+".into(), source: r"\w+".into() };
    let split = TextOp::Split { by: Split::Matches(pattern), lower: true, chars_min: 0 };
    let tokens = cx.one(model, split, &[&text], "words")?;
    let count = EncodeOp::TermCounts { vocabulary: terms.into(), tf_min: 0.0, binary: false };
    cx.one(model, count, &[&tokens], "counts")
}

/// Returns the corpus, its terms weighed.
fn corpus(model: Element<'_>, terms: usize, documents: usize) -> Result<Corpus, Fault> {
    let element = model.required_child("DocumentTermMatrix")?;
    let matrix = Matrix::read(element, CELLS_MAX)?;
    if (matrix.rows, matrix.columns) != (documents, terms) {
        let expected = format!("{documents} rows, a document each, of {terms} terms");
        return Err(element.fault("element Matrix", expected, format!("{} x {}", matrix.rows, matrix.columns)));
    }
    let normalization = model.child("TextModelNormalization");
    let of = |name: &str, default: &'static str| normalization.and_then(|e| e.attr(name)).unwrap_or(default);
    let refused = |name: &str, got: &str| {
        let at = normalization.unwrap_or(model);
        at.fault(format!("attribute {name}"), "a weight of PMML", got)
    };
    let local = match of("localTermWeights", "termFrequency") {
        "termFrequency" => Local::Count,
        "binary" => Local::Binary,
        "logarithmic" => Local::Logarithmic,
        "augmentedNormalizedTermFrequency" => Local::Augmented,
        other => return Err(refused("localTermWeights", other)),
    };
    let global = of("globalTermWeights", "inverseDocumentFrequency");
    let mut globals = Vec::with_capacity(terms);
    for term in 0..terms {
        let column = || (0..documents).map(|d| matrix.values[d * terms + term]);
        let docs = column().filter(|f| *f > 0.0).count() as f64;
        let n = documents as f64;
        globals.push(match global {
            "inverseDocumentFrequency" => libm::log(n / docs),
            "none" => 1.0,
            "GFIDF" => column().sum::<f64>() / docs,
            "normal" => 1.0 / libm::sqrt(column().map(|f| f * f).sum::<f64>()),
            "probabilisticInverse" => libm::log((n - docs) / docs),
            other => return Err(refused("globalTermWeights", other)),
        });
    }
    let is_unit = match of("documentNormalization", "none") {
        "none" => false,
        "cosine" => true,
        other => return Err(refused("documentNormalization", other)),
    };
    let similarity = model.child("TextModelSimiliarity").or_else(|| model.child("TextModelSimilarity"));
    let by_cosine = match similarity.and_then(|e| e.attr("similarityType")).unwrap_or("cosine") {
        "cosine" => true,
        "euclidean" => false,
        other => {
            let at = similarity.unwrap_or(model);
            return Err(at.fault("attribute similarityType", "cosine or euclidean", other));
        }
    };
    // A term that is in no document has no weight.
    globals.iter_mut().filter(|g| !g.is_finite()).for_each(|g| *g = 0.0);
    Ok(Corpus { local, globals: globals.into(), counts: matrix.values.into(), is_unit, by_cosine })
}
