//! The classes that we read, a function each: a row here, a file beside.

use super::{Stage, lower::Lowering};
use crate::ReadError;

mod als;
mod assembler;
mod bayes;
mod binarizer;
mod bisecting;
mod bucketizer;
mod classifier;
mod count_vectorizer;
mod elementwise;
mod feature_hasher;
mod fm;
mod forest;
mod fpgrowth;
mod glm;
mod gmm;
mod hashing_tf;
mod idf;
mod imputer;
mod interaction;
mod isotonic;
mod kmeans;
mod lda;
mod linear;
mod logistic;
mod lsh;
mod mllib;
mod mlp;
mod normalizer;
mod one_hot;
mod one_vs_rest;
mod pca;
mod rformula;
mod scaler;
mod selector;
mod size_hint;
mod slicer;
mod sql_transformer;
mod string_indexer;
mod survival;
mod svc;
mod target_encoder;
mod text;
mod tuning;
mod vector_indexer;
mod word2vec;

/// Adds the nodes of one stage.
pub type Lower = fn(&Stage<'_>, &mut Lowering<'_>) -> Result<(), ReadError>;

/// A pipeline; the walk itself follows its stages.
pub const PIPELINE: &str = "org.apache.spark.ml.PipelineModel";
/// What PySpark writes where a pipeline holds a stage of Python's own, or another such pipeline.
pub const PYTHON_PIPELINE: &str = "pyspark.ml.pipeline.PipelineModel";

/// A class that is read.
pub struct Class {
    pub name: &'static str,
    lower: Lower,
    /// What it does, for the page on the format.
    pub doc: &'static str,
}

const fn class(name: &'static str, lower: Lower, doc: &'static str) -> Class {
    Class { name, lower, doc }
}

/// The classes, ordered by name.
#[rustfmt::skip]
pub const CLASSES: &[Class] = &[
    class("org.apache.spark.ml.classification.DecisionTreeClassificationModel", forest::tree_classifier,
        "class counts of a row's leaf; categories go left or right as Spark keeps the smaller side"),
    class("org.apache.spark.ml.classification.FMClassificationModel", fm::classifier,
        "factorization machine: pairwise interactions through factors, then the sigmoid"),
    class("org.apache.spark.ml.classification.GBTClassificationModel", forest::boosted_classifier,
        "weighted sum of regression trees as a margin; probability `1 / (1 + exp(-2 * margin))`"),
    class("org.apache.spark.ml.classification.LinearSVCModel", svc::lower,
        "margin against `threshold`; no probability"),
    class("org.apache.spark.ml.classification.LogisticRegressionModel", logistic::lower,
        "binomial margin or multinomial softmax; coefficients dense or sparse as stored"),
    class("org.apache.spark.ml.classification.MultilayerPerceptronClassificationModel", mlp::lower,
        "affine layers with sigmoids, softmax at the end"),
    class("org.apache.spark.ml.classification.NaiveBayesModel", bayes::lower,
        "multinomial, complement, Bernoulli or Gaussian; values that the kind does not take are refused"),
    class("org.apache.spark.ml.classification.OneVsRestModel", one_vs_rest::lower,
        "the class whose binary model is surest; any classifier below it"),
    class("org.apache.spark.ml.classification.RandomForestClassificationModel", forest::random_classifier,
        "sum of the trees' normalised class counts"),
    class("org.apache.spark.ml.clustering.BisectingKMeansModel", bisecting::lower,
        "down a tree of centres, the nearer child at each step"),
    class("org.apache.spark.ml.clustering.DistributedLDAModel", lda::distributed,
        "topics from the saved graph; Spark itself draws anew at every load, so answers agree within 5e-3"),
    class("org.apache.spark.ml.clustering.GaussianMixtureModel", gmm::lower,
        "densities through the pseudo-inverse root of each covariance"),
    class("org.apache.spark.ml.clustering.KMeansModel", kmeans::lower,
        "nearest centre, Euclidean or cosine, the first on ties; vectors or arrays of numbers"),
    class("org.apache.spark.ml.clustering.LocalLDAModel", lda::local,
        "variational inference from Spark's own start (Mersenne Twister, gamma draws)"),
    class("org.apache.spark.ml.feature.Binarizer", binarizer::lower,
        "1 where a number (or an element of a vector) is above its threshold"),
    class("org.apache.spark.ml.feature.BucketedRandomProjectionLSHModel", lsh::projection,
        "buckets of projections, an array of vectors of one"),
    class("org.apache.spark.ml.feature.Bucketizer", bucketizer::lower,
        "the bucket between two splits; what QuantileDiscretizer saves, too"),
    class("org.apache.spark.ml.feature.ChiSqSelectorModel", selector::chi_squared,
        "selected elements of a vector"),
    class("org.apache.spark.ml.feature.ColumnPruner", rformula::column_pruner,
        "drops columns; RFormula's own"),
    class("org.apache.spark.ml.feature.CountVectorizerModel", count_vectorizer::lower,
        "how often each word of the vocabulary occurs"),
    class("org.apache.spark.ml.feature.DCT", normalizer::cosine,
        "unitary discrete cosine transform, and its inverse"),
    class("org.apache.spark.ml.feature.ElementwiseProduct", elementwise::lower,
        "a vector times a vector of weights"),
    class("org.apache.spark.ml.feature.FeatureHasher", feature_hasher::lower,
        "columns hashed into one sparse vector by name, or by name and value"),
    class("org.apache.spark.ml.feature.HashingTF", hashing_tf::lower,
        "hashed term counts; the hash is that of the Spark that saved the stage"),
    class("org.apache.spark.ml.feature.IDFModel", idf::lower,
        "elements times inverse document frequencies"),
    class("org.apache.spark.ml.feature.ImputerModel", imputer::lower,
        "null or a missing value replaced by mean, median or mode; the type stays"),
    class("org.apache.spark.ml.feature.IndexToString", string_indexer::index_to_string,
        "an index to its label, from the stage or the column's metadata"),
    class("org.apache.spark.ml.feature.Interaction", interaction::lower,
        "products of all elements; categories one-hot by their metadata"),
    class("org.apache.spark.ml.feature.MaxAbsScalerModel", scaler::max_abs,
        "elements divided by their largest magnitude"),
    class("org.apache.spark.ml.feature.MinHashLSHModel", lsh::min_hash,
        "least hash of the non-zero elements, an array of vectors of one"),
    class("org.apache.spark.ml.feature.MinMaxScalerModel", scaler::min_max,
        "elements rescaled to a range"),
    class("org.apache.spark.ml.feature.NGram", text::n_gram,
        "runs of n tokens, joined by blanks"),
    class("org.apache.spark.ml.feature.Normalizer", normalizer::lower,
        "a vector divided by its p-norm"),
    class("org.apache.spark.ml.feature.OneHotEncoder", one_hot::of_spark_2,
        "the transformer of Spark 2.x: one-hot by the column's metadata"),
    class("org.apache.spark.ml.feature.OneHotEncoderModel", one_hot::lower,
        "categories one-hot, sparse"),
    class("org.apache.spark.ml.feature.PCAModel", pca::lower,
        "projection on the principal components, not centred"),
    class("org.apache.spark.ml.feature.PolynomialExpansion", normalizer::polynomial,
        "all products up to a degree, in Spark's order"),
    class("org.apache.spark.ml.feature.RFormulaModel", rformula::lower,
        "an R formula: indexed and one-hot strings, interactions, one vector; the label is optional"),
    class("org.apache.spark.ml.feature.RegexTokenizer", text::regex_tokenizer,
        "tokens by a pattern in Java's dialect"),
    class("org.apache.spark.ml.feature.RobustScalerModel", scaler::robust,
        "elements minus median, times the inverse of the quantile range"),
    class("org.apache.spark.ml.feature.SQLTransformer", sql_transformer::lower,
        "a SELECT over `__THIS__`: expressions, WHERE, GROUP BY and HAVING, typed and named as Spark SQL does"),
    class("org.apache.spark.ml.feature.StandardScalerModel", scaler::standard,
        "elements minus mean, times the inverse of the deviation"),
    class("org.apache.spark.ml.feature.StopWordsRemover", text::stop_words_remover,
        "tokens without the stop words, compared in a locale's lower case"),
    class("org.apache.spark.ml.feature.StringIndexerModel", string_indexer::lower,
        "a label's place; numbers by their text in Spark"),
    class("org.apache.spark.ml.feature.TargetEncoderModel", target_encoder::lower,
        "a category's mean of the target, smoothed"),
    class("org.apache.spark.ml.feature.Tokenizer", text::tokenizer,
        "lower case, cut at white space"),
    class("org.apache.spark.ml.feature.UnivariateFeatureSelectorModel", selector::lower,
        "selected elements of a vector"),
    class("org.apache.spark.ml.feature.VarianceThresholdSelectorModel", selector::lower,
        "selected elements of a vector"),
    class("org.apache.spark.ml.feature.VectorAssembler", assembler::lower,
        "numbers, booleans and vectors side by side"),
    class("org.apache.spark.ml.feature.VectorAttributeRewriter", rformula::attribute_rewriter,
        "names of a vector's elements; RFormula's own"),
    class("org.apache.spark.ml.feature.VectorIndexerModel", vector_indexer::lower,
        "elements with few values to indices, the others as they are"),
    class("org.apache.spark.ml.feature.VectorSizeHint", size_hint::lower,
        "vectors of another size refused, dropped or let through"),
    class("org.apache.spark.ml.feature.VectorSlicer", slicer::lower,
        "elements of a vector by index or name"),
    class("org.apache.spark.ml.feature.Word2VecModel", word2vec::lower,
        "mean of the words' vectors"),
    class("org.apache.spark.ml.fpm.FPGrowthModel", fpgrowth::lower,
        "consequents of the association rules that a basket fulfils"),
    class("org.apache.spark.ml.recommendation.ALSModel", als::lower,
        "product of a user's and an item's factors, in float32"),
    class("org.apache.spark.ml.regression.AFTSurvivalRegressionModel", survival::lower,
        "expected lifetime, and its quantiles"),
    class("org.apache.spark.ml.regression.DecisionTreeRegressionModel", forest::tree_regressor,
        "mean of a row's leaf, and its variance"),
    class("org.apache.spark.ml.regression.FMRegressionModel", fm::regressor,
        "factorization machine"),
    class("org.apache.spark.ml.regression.GBTRegressionModel", forest::boosted_regressor,
        "weighted sum of regression trees"),
    class("org.apache.spark.ml.regression.GeneralizedLinearRegressionModel", glm::lower,
        "every family and link of Spark's, offset, link prediction"),
    class("org.apache.spark.ml.regression.IsotonicRegressionModel", isotonic::lower,
        "linear interpolation between boundaries"),
    class("org.apache.spark.ml.regression.LinearRegressionModel", linear::lower,
        "weighted sum and intercept; the Huber loss as well"),
    class("org.apache.spark.ml.regression.RandomForestRegressionModel", forest::random_regressor,
        "mean of the trees"),
    class("org.apache.spark.ml.tuning.CrossValidatorModel", tuning::lower,
        "its best model"),
    class("org.apache.spark.ml.tuning.TrainValidationSplitModel", tuning::lower,
        "its best model"),
    class("pyspark.ml.tuning.CrossValidatorModel", tuning::lower,
        "its best model"),
    class("pyspark.ml.tuning.TrainValidationSplitModel", tuning::lower,
        "its best model"),
];

/// Returns how a class is read.
pub fn find(class: &str) -> Option<Lower> {
    CLASSES.binary_search_by(|known| known.name.cmp(class)).ok().map(|place| CLASSES[place].lower)
}

/// Returns why a class of Spark's has nothing to serve.
pub fn why_not(class: &str) -> Option<&'static str> {
    match class {
        "org.apache.spark.ml.clustering.PowerIterationClustering" => {
            Some("it assigns the nodes of a whole graph to clusters, learns no model, and has no transform")
        }
        "org.apache.spark.ml.fpm.PrefixSpan" => {
            Some("it finds the sequential patterns of a whole table, learns no model, and has no transform")
        }
        _ => None,
    }
}

/// Returns what a stage does with what training did not see.
fn invalid(stage: &Stage<'_>, name: &str) -> Result<plan::Invalid, ReadError> {
    match stage.text_or(name, "error")? {
        "error" => Ok(plan::Invalid::Error),
        "skip" => Ok(plan::Invalid::Skip),
        "keep" => Ok(plan::Invalid::Keep),
        other => Err(stage.meta.fault(name, "error, skip or keep", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_name() {
        assert!(CLASSES.is_sorted_by_key(|class| class.name));
        assert!(CLASSES.iter().all(|class| find(class.name).is_some()));
        assert!(find("org.apache.spark.ml.feature.Tokenize").is_none());
    }
}
