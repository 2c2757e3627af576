use serde_json::json;

use crate::{TEXT, check, check_refused, document};

fn texts(normalization: &str, similarity: &str) -> String {
    let model = format!(
        r#"<TextModel functionName="clustering" numberOfTerms="3" numberOfDocuments="3"><MiningSchema><MiningField name="t"/></MiningSchema>
<Output><OutputField name="d" feature="entityId"/><OutputField name="a" feature="affinity"/>
<OutputField name="a1" feature="affinity" value="d1"/><OutputField name="a3" feature="affinity" value="d3"/></Output>
<TextDictionary><Array n="3" type="string">cat Dog fish</Array></TextDictionary>
<TextCorpus><TextDocument id="d1"/><TextDocument id="d2"/><TextDocument id="d3"/></TextCorpus>
<DocumentTermMatrix><Matrix nbRows="3" nbCols="3"><Array n="3" type="real">2 0 0</Array><Array n="3" type="real">0 1 1</Array>
<Array n="3" type="real">1 1 0</Array></Matrix></DocumentTermMatrix>
<TextModelNormalization {normalization}/><TextModelSimiliarity similarityType="{similarity}"/></TextModel>"#
    );
    document(&[("t", TEXT)], &model)
}

/// "Dog, fish; dog!" counts (0, 2, 1). Cosines: with d2 (0, 1, 1) it is 3 / (sqrt 5 sqrt 2), with d3 (1, 1, 0) it is
/// 2 / (sqrt 5 sqrt 2), with d1 it is 0.
#[test]
fn the_most_alike_document_is_found_by_cosine() {
    let none = r#"globalTermWeights="none""#;
    let root = 10.0_f64.sqrt();
    check(
        &texts(none, "cosine"),
        &[
            (
                json!({"t": "Dog, fish; dog!"}),
                json!({"_target": "d2", "d": "d2", "a": 3.0 / root, "a1": 0.0, "a3": 2.0 / root}),
            ),
            (json!({"t": "CAT"}), json!({"d": "d1", "a": 1.0, "a3": 1.0 / 2.0_f64.sqrt()})),
            (json!({"t": "nothing of these"}), json!({"d": null, "a": null})),
        ],
    );
}

/// Distances from (0, 2, 1): to d1 sqrt(4 + 4 + 1), to d2 1, to d3 sqrt(1 + 1 + 1).
#[test]
fn or_by_distance() {
    let none = r#"globalTermWeights="none""#;
    check(
        &texts(none, "euclidean"),
        &[(json!({"t": "dog fish dog"}), json!({"d": "d2", "a": 1.0, "a1": 3.0, "a3": 3.0_f64.sqrt()}))],
    );
}

/// Global weights of 3 documents: cat and dog are in 2, ln 1.5; fish in 1, ln 3. "dog dog" weighs (0, 2 ln 1.5, 0).
#[test]
fn terms_weigh_by_how_rare_they_are() {
    let (g, f) = (1.5_f64.ln(), 3.0_f64.ln());
    let to = |document: [f64; 3]| {
        let x = [0.0, 2.0 * g, 0.0];
        x.iter().zip(document).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    };
    check(
        &texts("", "euclidean"),
        &[(json!({"t": "dog dog"}), json!({"a1": to([2.0 * g, 0.0, 0.0]), "a3": to([g, g, 0.0]), "d": "d3"}))],
    );
    // 1 where it is there, brought to length 1: (0, 1, 0) against (g, 0, 0), (0, g, f) and (g, g, 0), each of length 1.
    let unit = r#"localTermWeights="binary" documentNormalization="cosine""#;
    check(
        &texts(unit, "cosine"),
        &[(json!({"t": "dog dog"}), json!({"a1": 0.0, "a3": 1.0 / 2.0_f64.sqrt(), "d": "d3"}))],
    );
    assert!(g / (g * g + f * f).sqrt() < 1.0 / 2.0_f64.sqrt(), "d2 is farther than d3");
}

#[test]
fn what_does_not_agree_is_refused() {
    check_refused(&texts(r#"localTermWeights="heavy""#, "cosine"), &["localTermWeights", "heavy"]);
    check_refused(&texts("", "cosine").replace("cat Dog", "\"cat food\" Dog"), &["not implemented", "cat food"]);
    check_refused(&texts("", "cosine").replace(r#"<TextDocument id="d3"/>"#, ""), &["DocumentTermMatrix", "2 rows"]);
}
