//! TargetEncoderModel (Spark 4): categories to means of the target.

use plan::{FeatureOp, Invalid};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// The category under which a column's counts of null are saved, and that of all rows together.
const NULL: f64 = -1.0;
const ALL: f64 = i32::MAX as f64;

/// What training counted of one column.
struct Counted {
    index: u32,
    categories: Vec<f64>,
    counts: Vec<f64>,
    stats: Vec<f64>,
}

/// How statistics become a mean.
struct Rule {
    binary: bool,
    smoothing: f64,
}

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    if invalid == Invalid::Skip {
        return Err(stage.meta.fault("handleInvalid", "error or keep", "skip"));
    }
    let binary = match stage.text_or("targetType", "binary")? {
        "binary" => true,
        "continuous" => false,
        other => return Err(stage.meta.fault("targetType", "binary or continuous", other)),
    };
    let rule = Rule { binary, smoothing: stage.f64_or("smoothing", 0.0)? };
    let pairs = stage.pairs()?;
    let mut counted = counted(stage, pairs.len())?.into_iter();
    for (input, output) in pairs {
        let counted = counted.next().expect("one for each column, as was just seen");
        let all = counted.place(ALL).ok_or_else(|| {
            let expected = format!("a category {ALL}, which stands for all rows");
            stage.meta.fault(format!("categories of row {}", counted.index), expected, "none")
        })?;
        let unseen = (invalid == Invalid::Keep).then(|| rule.mean(&counted, all, all));
        let null = counted.place(NULL).map(|place| rule.mean(&counted, place, all));
        let places = (0..counted.categories.len()).filter(|&i| ![NULL, ALL].contains(&counted.categories[i]));
        let (keys, values): (Vec<f64>, Vec<f64>) =
            places.map(|place| (counted.categories[place], rule.mean(&counted, place, all))).unzip();
        let op = FeatureOp::Lookup { keys: keys.into(), values: values.into(), null: null.or(unseen), other: unseen };
        let slot = lowering.column(stage, &input, Accepts::Number)?;
        lowering.make(stage, op, &[slot], &output)?;
    }
    Ok(())
}

fn counted(stage: &Stage<'_>, columns: usize) -> Result<Vec<Counted>, ReadError> {
    let table = stage.table("data")?;
    let mut counted = Vec::new();
    for part in table.parts() {
        let numbers = |name, row| part.column(name)?.f64s(row);
        for row in 0..part.len() {
            let index = part.column("index")?.count(row)?;
            let (categories, counts, stats) =
                (numbers("categories", row)?, numbers("counts", row)?, numbers("stats", row)?);
            if [counts.len(), stats.len()].iter().any(|&len| len != categories.len()) {
                let expected = format!("as many counts and stats as categories, {}", categories.len());
                let got = format!("{} and {}", counts.len(), stats.len());
                return Err(stage.meta.fault(format!("counts of row {index}"), expected, got));
            }
            counted.push(Counted { index, categories, counts, stats });
        }
    }
    counted.sort_by_key(|counted| counted.index);
    let in_order = counted.iter().zip(0..).all(|(counted, place)| counted.index == place);
    if counted.len() != columns || !in_order {
        let expected = format!("a row for each of {columns} columns, numbered from 0");
        return Err(stage.meta.fault("data", expected, format!("{} rows", counted.len())));
    }
    Ok(counted)
}

impl Counted {
    fn place(&self, category: f64) -> Option<usize> {
        self.categories.iter().position(|&c| c == category)
    }
}

impl Rule {
    fn mean(&self, counted: &Counted, place: usize, all: usize) -> f64 {
        let of = |place: usize| {
            let stat = counted.stats[place];
            if self.binary { stat / counted.counts[place] } else { stat }
        };
        let weight = counted.counts[place] / (counted.counts[place] + self.smoothing);
        weight * of(place) + (1.0 - weight) * of(all)
    }
}
