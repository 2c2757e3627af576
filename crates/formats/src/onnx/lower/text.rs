//! Texts: cleaning, joining, cutting, matching, counting n-grams. `com.microsoft.Tokenizer` stands here too: converters of
//! scikit-learn's vectorizers write it.

use std::sync::Arc;

use model::{Tensor, tensor::Bytes};
use plan::{
    Pattern, SlotId,
    tensor::{
        StringOp, TextOp,
        text::{Case, Cut, NGrams, Weighting},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::{ReadError, re2};

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("StringNormalizer", 10, NOW, clean),
    row("StringConcat", 20, NOW, join),
    row("StringSplit", 20, NOW, split),
    row("RegexFullMatch", 20, NOW, full_match),
    row("TfIdfVectorizer", 9, NOW, n_grams),
    Row { domain: "com.microsoft", op: "Tokenizer", versions: (1, NOW), lower: tokens },
];

fn length(node: &Node<'_>, name: &str, value: i64) -> Result<usize, ReadError> {
    let length = usize::try_from(value).ok();
    length.ok_or_else(|| node.fault(&format!("attribute `{name}`"), "a number of at least 0", value))
}

fn clean(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let case = match node.string("case_change_action")?.unwrap_or("NONE") {
        "NONE" => Case::AsIs,
        "LOWER" => Case::Lower,
        "UPPER" => Case::Upper,
        other => return Err(node.fault("attribute `case_change_action`", "NONE, LOWER or UPPER", other)),
    };
    let sensitive = node.flag("is_case_sensitive")?.unwrap_or(false);
    let stops = node.strings("stopwords")?.unwrap_or_default().into_iter().map(str::to_owned).collect();
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, TextOp::Clean { case, sensitive, stops }, &[x])?])
}

fn join(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "Y")?];
    Ok(vec![lower.add(node, TextOp::Join, &inputs)?])
}

fn split(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=2)?;
    let delimiter = node.string("delimiter")?.filter(|text| !text.is_empty()).map(str::to_owned);
    let most = node.int("maxsplit")?.filter(|most| *most >= 0).map(|most| length(node, "maxsplit", most));
    let op = TextOp::Split { delimiter, most: most.transpose()? };
    let x = lower.arg(node, 0, "X")?;
    lower.add_many_with(node, op, &[Some(x)], 2)
}

fn full_match(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let pattern = pattern(node, node.required("pattern", node.string("pattern")?)?)?;
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, StringOp::FullMatch { pattern }, &[x])?])
}

/// Returns the pattern, which is RE2's.
fn pattern(node: &Node<'_>, source: &str) -> Result<Pattern, ReadError> {
    re2::pattern(source).map_err(|what| node.unimplemented(format_args!("the pattern {source:?}: {what}")))
}

fn n_grams(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let weighting = match node.required("mode", node.string("mode")?)? {
        "TF" => Weighting::Count,
        "IDF" => Weighting::Presence,
        "TFIDF" => Weighting::Both,
        other => return Err(node.fault("attribute `mode`", "TF, IDF or TFIDF", other)),
    };
    let lengths = |name: &str| -> Result<Vec<usize>, ReadError> {
        let list = node.required(name, node.ints(name)?)?;
        list.into_iter().map(|value| length(node, name, value)).collect()
    };
    let one = |name: &str| length(node, name, node.required(name, node.int(name)?)?);
    let pool = match node.byte_strings("pool_strings")?.filter(|pool| !pool.is_empty()) {
        Some(pool) => Tensor::vector(pool.into_iter().map(Bytes::from).collect::<Vec<Bytes>>()),
        None => Tensor::vector(node.required("pool_int64s", node.ints("pool_int64s")?)?),
    };
    let grams = NGrams {
        pool,
        begins: lengths("ngram_counts")?,
        columns: lengths("ngram_indexes")?,
        weights: node.floats("weights")?.unwrap_or_default(),
        lengths: (one("min_gram_length")?, one("max_gram_length")?),
        skip: one("max_skip_count")?,
        weighting,
    };
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, TextOp::NGrams(Arc::new(grams)), &[x])?])
}

fn tokens(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let separators = node.strings("separators")?.unwrap_or_default();
    let cut = match (node.string("tokenexp")?.filter(|pattern| !pattern.is_empty()), &separators[..]) {
        (Some(source), _) => Cut::Tokens(pattern(node, source)?),
        (None, [""]) => Cut::Letters,
        (None, []) => return Err(node.fault("attribute `separators`", "expressions, or `tokenexp`", "none")),
        (None, separators) => {
            Cut::Separators(separators.iter().map(|source| pattern(node, source)).collect::<Result<_, _>>()?)
        }
    };
    let op = TextOp::Tokens {
        cut,
        shortest: length(node, "mincharnum", node.int("mincharnum")?.unwrap_or(1))?,
        mark: node.flag("mark")?.unwrap_or(false),
        fill: node.string("pad_value")?.unwrap_or_default().to_owned(),
    };
    let x = lower.arg(node, 0, "X")?;
    Ok(vec![lower.add(node, op, &[x])?])
}
