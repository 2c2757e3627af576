//! Spark ML: what `PipelineModel.save` or a single model's `save` wrote, Spark 2.0 to 4.x.
//!
//! A saved stage is a folder: `metadata/` holds one line of JSON (class, parameters), `data/` what was learned, as Parquet;
//! a pipeline holds its stages as `stages/<number>_<uid>`. Spark, PySpark and sparklyr all write this. What the JVM reads
//! as a fold over a table becomes one plan here: columns are slots, and a column is known by its name as in Spark.
//!
//! - [`metadata`]: the JSON of a stage, its parameters with their types. - [`data`]: rows of its tables, vectors, matrices.
//! - [`lower`]: the walk over the pipeline, columns by name. - [`op`]: a function per class, and the table of classes.
//! - [`crate::java_regex`]: patterns in Java's dialect. - [`sql`]: SQLTransformer's statements.
//!
//! Refused: classes that are not in the table (estimators and Python's own stages among them), a stage whose output
//! column is already there (Spark raises as well), parameters out of their range, tables that do not agree with the metadata.

use model::ModelFiles;
use plan::Model;

use crate::{Format, ReadError, ReadOptions};

pub mod data;
pub mod lower;
pub mod metadata;
pub mod op;
pub mod sql;
mod stage;
pub mod trees;

pub use stage::{Stage, StageRead};

/// The row of this format in [`crate::FORMATS`].
pub const FORMAT: Format = Format {
    name: "spark",
    recognised_by: "a folder `metadata` whose JSON names a `class`",
    doc: "A Spark ML `PipelineModel` or single model as its `save` wrote it (Spark 2.0 to 4.x).",
    detect,
    read,
    foreign: None,
};

/// Returns whether this is the folder of a saved stage.
pub fn detect(files: &ModelFiles) -> bool {
    const LOOK_AT: usize = 64 << 10;
    metadata::part(files).is_some_and(|(_, bytes)| {
        let head = &bytes.as_slice()[..bytes.len().min(LOOK_AT)];
        head.trim_ascii_start().starts_with(b"{") && head.windows(7).any(|w| w == b"\"class\"")
    })
}

/// Returns the model: one plan, whose outputs are the columns that Spark's `transform` would show.
pub fn read(files: &ModelFiles, options: &ReadOptions) -> Result<Model, ReadError> {
    lower::lower(files, options)
}

/// Returns the classes that we read, beside the pipelines.
pub fn classes() -> impl Iterator<Item = &'static op::Class> {
    op::CLASSES.iter()
}

/// Returns each stage of the model in these files, with the parameters that its reader looked at.
pub fn stages(files: &ModelFiles, options: &ReadOptions) -> Result<Vec<StageRead>, ReadError> {
    lower::stages(files, options)
}
