//! What a run found: counts, differences, and the largest distance of each class.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{case::Case, compare::Distance};

#[derive(Default)]
pub struct Figures {
    pub seconds: u64,
    pub pipelines: u64,
    /// Pipelines of which every row is Spark's.
    pub compared: u64,
    pub rows: u64,
    /// Checked-in cases of one class that were taken in.
    pub cases: u64,
    /// Seeds of which Spark would fit no stage.
    pub unfit: u64,
    pub broken: Vec<String>,
    pub waiting: Vec<String>,
    pub differences: Vec<Value>,
    classes: BTreeMap<String, (u64, Distance)>,
}

impl Figures {
    /// Takes in the distances of a case whose answers are Spark's.
    pub fn add(&mut self, case: &Case, seen: Vec<(usize, Distance)>) {
        for (stage, distance) in seen {
            let (rows, farthest) = self.classes.entry(case.class(stage).to_owned()).or_default();
            *rows += 1;
            *farthest = farthest.max(distance);
            self.rows += u64::from(stage == 0);
        }
    }

    pub fn json(&self) -> Value {
        let by_class = self.classes.iter().map(|(class, (rows, farthest))| {
            let about = if farthest.is_none() {
                json!({"rows": rows, "largest_difference": "bit-equal"})
            } else {
                json!({
                    "rows": rows, "largest_difference": farthest.nearer,
                    "largest_relative": farthest.rel, "largest_absolute": farthest.abs,
                })
            };
            (class.clone(), about)
        });
        json!({
            "seconds": self.seconds,
            "pipelines": self.pipelines,
            "pipelines_as_spark": self.compared,
            "pipelines_that_differ": self.differences.len(),
            "pipelines_waiting": self.waiting.len(),
            "rows_as_spark": self.rows,
            "checked_in_cases": self.cases,
            "seeds_unfit": self.unfit,
            "seeds_broken": self.broken,
            "differences": self.differences,
            "by_class": by_class.collect::<serde_json::Map<_, _>>(),
        })
    }
}
