//! [`Stage`]: one saved stage as the readers of classes see it, its parameters with their types.

use std::cell::{Cell, RefCell};

use model::ModelFiles;
use serde_json::Value;

use super::{
    data::{Table, Vector},
    metadata::{Metadata, number, shown},
};
use crate::{Limits, ReadError, java_regex::RegexError};

/// A saved stage: its metadata, its folder, and what may still be decoded.
#[derive(Debug)]
pub struct Stage<'a> {
    pub meta: Metadata,
    pub files: ModelFiles,
    pub limits: &'a Limits,
    /// Bytes that all tables of the artifact may still take.
    pub(super) bytes_left: &'a Cell<usize>,
    /// Parameters that the class's reader looked at: the others have no meaning here.
    asked: RefCell<Vec<String>>,
}

impl<'a> Stage<'a> {
    /// Returns the stage in this folder.
    pub fn open(files: ModelFiles, limits: &'a Limits, bytes_left: &'a Cell<usize>) -> Result<Stage<'a>, ReadError> {
        let meta = Metadata::read(&files, limits)?;
        Ok(Stage { meta, files, limits, bytes_left, asked: RefCell::default() })
    }

    /// Returns the rows of `<folder>/*.parquet`.
    pub fn table(&self, folder: &str) -> Result<Table<'_>, ReadError> {
        Table::read(self, folder)
    }

    fn param(&self, name: &str) -> Option<&Value> {
        self.asked.borrow_mut().push(name.to_owned());
        self.meta.param(name)
    }

    fn of<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        match self.param(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(self.meta.fault(name, expected, shown(Some(value)))),
            },
        }
    }

    /// Returns the error of a parameter that a class cannot do without.
    pub fn absent(&self, name: &str, expected: &str) -> ReadError {
        self.meta.fault(name, expected, "nothing")
    }

    /// Returns the error of something of a known class that we do not read.
    pub fn unimplemented(&self, what: impl Into<String>) -> ReadError {
        let (file, class) = (self.meta.file.clone(), self.meta.class.clone());
        ReadError::Unimplemented { file, class, what: what.into() }
    }

    /// Returns the error of a pattern that is none, or that we do not read.
    pub fn regex_error(&self, name: &str, source: &str, error: RegexError) -> ReadError {
        match error {
            RegexError::Malformed(what) => {
                self.meta.fault(name, "a regular expression of Java", format!("{source:?}: {what}"))
            }
            RegexError::Unsupported(what) => self.unimplemented(format!("{what} in the pattern {source:?}")),
        }
    }

    /// Returns a text, where there is one.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ReadError> {
        let value = self.of(name, "a string", |value| Some(value.is_string()).filter(|&is| is))?;
        Ok(value.and_then(|_| self.meta.param(name)?.as_str()))
    }

    /// Returns a text, or the class's default.
    pub fn text_or<'s>(&'s self, name: &str, default: &'s str) -> Result<&'s str, ReadError> {
        Ok(self.text(name)?.unwrap_or(default))
    }

    /// Returns the number, or the class's default.
    pub fn f64_or(&self, name: &str, default: f64) -> Result<f64, ReadError> {
        Ok(self.of(name, "a number", number)?.unwrap_or(default))
    }

    /// Returns the integer, at least `least`, or the class's default.
    pub fn u32_or(&self, name: &str, least: u32, default: u32) -> Result<u32, ReadError> {
        let expected = format!("an integer from {least} to {}", i32::MAX);
        let range = i64::from(least)..=i64::from(i32::MAX);
        let read = |value: &Value| value.as_i64().filter(|i| range.contains(i)).map(|i| i as u32);
        Ok(self.of(name, &expected, read)?.unwrap_or(default))
    }

    /// Returns the boolean, or the class's default.
    pub fn bool_or(&self, name: &str, default: bool) -> Result<bool, ReadError> {
        Ok(self.of(name, "a boolean", Value::as_bool)?.unwrap_or(default))
    }

    /// Returns the texts, where there are any.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ReadError> {
        self.of(name, "an array of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// Returns the numbers, where there are any.
    pub fn f64s(&self, name: &str) -> Result<Option<Vec<f64>>, ReadError> {
        self.of(name, "an array of numbers", |value| value.as_array()?.iter().map(number).collect())
    }

    /// Returns the counts, where there are any.
    pub fn counts(&self, name: &str) -> Result<Option<Vec<u32>>, ReadError> {
        let count = |item: &Value| item.as_i64().filter(|i| (0..=i64::from(i32::MAX)).contains(i)).map(|i| i as u32);
        self.of(name, "an array of integers from 0", |value| value.as_array()?.iter().map(count).collect())
    }

    /// Returns the arrays of numbers, where there are any.
    pub fn f64_arrays(&self, name: &str) -> Result<Option<Vec<Vec<f64>>>, ReadError> {
        self.of(name, "an array of arrays of numbers", |value| {
            let numbers = |item: &Value| item.as_array()?.iter().map(number).collect();
            value.as_array()?.iter().map(numbers).collect()
        })
    }

    /// Returns the counts or indices, where there are any.
    pub fn u32s(&self, name: &str) -> Result<Option<Vec<u32>>, ReadError> {
        self.of(name, "an array of integers from 0 to 2147483647", |value| {
            let count =
                |item: &Value| item.as_i64().filter(|i| (0..=i64::from(i32::MAX)).contains(i)).map(|i| i as u32);
            value.as_array()?.iter().map(count).collect()
        })
    }

    /// Returns the vector, where there is one.
    pub fn vector(&self, name: &str) -> Result<Option<Vector>, ReadError> {
        let vector = self.of(name, "a vector", |value| {
            let values = value.get("values")?.as_array()?.iter().map(number).collect::<Option<Vec<f64>>>()?;
            match value.get("type")?.as_i64()? {
                1 => Some(Vector::Dense(values)),
                0 => {
                    let count = |item: &Value| u32::try_from(item.as_i64()?).ok().filter(|&i| i <= i32::MAX as u32);
                    let size = count(value.get("size")?)?;
                    let indices = value.get("indices")?.as_array()?.iter().map(count).collect::<Option<Vec<u32>>>()?;
                    let rising = indices.windows(2).all(|w| w[0] < w[1]) && indices.last().is_none_or(|&i| i < size);
                    (rising && indices.len() == values.len()).then_some(Vector::Sparse { size, indices, values })
                }
                _ => None,
            }
        })?;
        match vector {
            Some(vector) if vector.size() > self.limits.values_max => {
                let (what, got) = (format!("the size of `{name}`"), vector.size() as u64);
                self.meta.too_large(&what, got, self.limits.values_max, "values_max")
            }
            vector => Ok(vector),
        }
    }

    /// Returns an integer of the keys that only this class has, where it is there.
    pub fn extra_u32(&self, name: &str) -> Result<Option<u32>, ReadError> {
        match self.meta.extra.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64().filter(|&i| (0..=i64::from(i32::MAX)).contains(&i)) {
                Some(i) => Ok(Some(i as u32)),
                None => Err(self.meta.fault(name, "an integer from 0 to 2147483647", shown(Some(value)))),
            },
        }
    }

    /// Returns the name of the input column.
    pub fn input(&self) -> Result<&str, ReadError> {
        self.text("inputCol")?.ok_or_else(|| self.absent("inputCol", "the name of a column"))
    }

    /// Returns the name of the output column; Spark's default is made of the uid.
    pub fn output(&self) -> Result<String, ReadError> {
        Ok(self.text("outputCol")?.map_or_else(|| format!("{}__output", self.meta.uid), str::to_owned))
    }

    /// Returns the columns in and out, pair by pair: of the parameters in the plural where they are set, else of those in
    /// the singular.
    pub fn pairs(&self) -> Result<Vec<(String, String)>, ReadError> {
        let Some(inputs) = self.texts("inputCols")? else {
            return Ok(vec![(self.input()?.to_owned(), self.output()?)]);
        };
        let outputs = self.texts("outputCols")?;
        let outputs = outputs.ok_or_else(|| self.absent("outputCols", "the names of the output columns"))?;
        if inputs.len() != outputs.len() || inputs.is_empty() {
            let expected = format!("as many columns as inputCols has, {} (and at least one)", inputs.len());
            return Err(self.meta.fault("outputCols", expected, outputs.len().to_string()));
        }
        Ok(inputs.into_iter().zip(outputs).collect())
    }

    /// Returns what is known of the stage once it was read.
    pub(super) fn as_read(&self) -> StageRead {
        let mut parameters = self.asked.borrow().clone();
        parameters.sort_unstable();
        parameters.dedup();
        StageRead { class: self.meta.class.clone(), spark: self.meta.spark.clone(), parameters }
    }

    /// Returns what the user set and the class's reader did not look at, training's own parameters apart.
    pub(super) fn not_asked(&self) -> Vec<&str> {
        let asked = self.asked.borrow();
        let unknown = |name: &&String| !asked.contains(name) && !TRAINING.contains(&name.as_str());
        self.meta.params.keys().filter(unknown).map(String::as_str).collect()
    }
}

/// A stage that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRead {
    pub class: String,
    /// The version of Spark that saved it.
    pub spark: String,
    /// The parameters that say what it does.
    pub parameters: Vec<String>,
}

/// Parameters that only training reads: a saved model carries them, scoring has no use for them.
#[rustfmt::skip]
const TRAINING: &[&str] = &[
    "aggregationDepth", "blockSize", "bootstrap", "cacheNodeIds", "censorCol", "checkpointInterval", "collectSubModels",
    "docConcentration", "elasticNetParam", "epsilon", "estimatorParamMaps", "factorSize", "family", "fdr",
    "featureSubsetStrategy", "featureType", "fitIntercept", "fitLinear", "foldCol", "forceIndexLabel", "formula", "fpr",
    "fwe", "impurity", "initialWeights", "initMode", "initStd", "initSteps", "inputCol", "inputCols",
    "intermediateStorageLevel", "isotonic", "k", "keepLastCheckpoint", "labelCol", "labelType", "language",
    "learningDecay", "learningOffset", "loss", "lossType", "lower", "lowerBoundsOnCoefficients",
    "lowerBoundsOnIntercepts", "maxBins", "maxBlockSizeInMB", "maxCategories", "maxDepth", "maxDF", "maxIter",
    "maxMemoryInMB", "maxSentenceLength", "minCount", "minDF", "minDivisibleClusterSize", "minDocFreq",
    "miniBatchFraction", "minInfoGain", "minInstancesPerNode", "minSupport", "minWeightFractionPerNode", "numBuckets",
    "numBucketsArray", "numFolds", "numPartitions", "numTopFeatures", "numTrees", "optimizeDocConcentration",
    "optimizer", "outputCol", "outputCols", "parallelism", "percentile", "pruneTree", "regParam", "relativeError",
    "seed", "selectionMode", "selectionThreshold", "selectorType", "smoothing", "solver", "standardization", "stepSize",
    "stringIndexerOrderType", "stringOrderType", "subsamplingRate", "tol", "topicConcentration", "trainRatio", "upper",
    "upperBoundsOnCoefficients", "upperBoundsOnIntercepts", "validationIndicatorCol", "validationTol",
    "varianceThreshold", "vocabSize", "weightCol", "windowSize",
];
