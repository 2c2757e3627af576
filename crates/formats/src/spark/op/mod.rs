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

/// The classes, ordered by name.
pub const CLASSES: &[(&str, Lower)] = &[
    ("org.apache.spark.ml.classification.DecisionTreeClassificationModel", forest::tree_classifier),
    ("org.apache.spark.ml.classification.FMClassificationModel", fm::classifier),
    ("org.apache.spark.ml.classification.GBTClassificationModel", forest::boosted_classifier),
    ("org.apache.spark.ml.classification.LinearSVCModel", svc::lower),
    ("org.apache.spark.ml.classification.LogisticRegressionModel", logistic::lower),
    ("org.apache.spark.ml.classification.MultilayerPerceptronClassificationModel", mlp::lower),
    ("org.apache.spark.ml.classification.NaiveBayesModel", bayes::lower),
    ("org.apache.spark.ml.classification.OneVsRestModel", one_vs_rest::lower),
    ("org.apache.spark.ml.classification.RandomForestClassificationModel", forest::random_classifier),
    ("org.apache.spark.ml.clustering.BisectingKMeansModel", bisecting::lower),
    ("org.apache.spark.ml.clustering.DistributedLDAModel", lda::distributed),
    ("org.apache.spark.ml.clustering.GaussianMixtureModel", gmm::lower),
    ("org.apache.spark.ml.clustering.KMeansModel", kmeans::lower),
    ("org.apache.spark.ml.clustering.LocalLDAModel", lda::local),
    ("org.apache.spark.ml.feature.Binarizer", binarizer::lower),
    ("org.apache.spark.ml.feature.BucketedRandomProjectionLSHModel", lsh::projection),
    ("org.apache.spark.ml.feature.Bucketizer", bucketizer::lower),
    ("org.apache.spark.ml.feature.ChiSqSelectorModel", selector::chi_squared),
    ("org.apache.spark.ml.feature.ColumnPruner", rformula::column_pruner),
    ("org.apache.spark.ml.feature.CountVectorizerModel", count_vectorizer::lower),
    ("org.apache.spark.ml.feature.DCT", normalizer::cosine),
    ("org.apache.spark.ml.feature.ElementwiseProduct", elementwise::lower),
    ("org.apache.spark.ml.feature.FeatureHasher", feature_hasher::lower),
    ("org.apache.spark.ml.feature.HashingTF", hashing_tf::lower),
    ("org.apache.spark.ml.feature.IDFModel", idf::lower),
    ("org.apache.spark.ml.feature.ImputerModel", imputer::lower),
    ("org.apache.spark.ml.feature.IndexToString", string_indexer::index_to_string),
    ("org.apache.spark.ml.feature.Interaction", interaction::lower),
    ("org.apache.spark.ml.feature.MaxAbsScalerModel", scaler::max_abs),
    ("org.apache.spark.ml.feature.MinHashLSHModel", lsh::min_hash),
    ("org.apache.spark.ml.feature.MinMaxScalerModel", scaler::min_max),
    ("org.apache.spark.ml.feature.NGram", text::n_gram),
    ("org.apache.spark.ml.feature.Normalizer", normalizer::lower),
    ("org.apache.spark.ml.feature.OneHotEncoder", one_hot::of_spark_2),
    ("org.apache.spark.ml.feature.OneHotEncoderModel", one_hot::lower),
    ("org.apache.spark.ml.feature.PCAModel", pca::lower),
    ("org.apache.spark.ml.feature.PolynomialExpansion", normalizer::polynomial),
    ("org.apache.spark.ml.feature.RFormulaModel", rformula::lower),
    ("org.apache.spark.ml.feature.RegexTokenizer", text::regex_tokenizer),
    ("org.apache.spark.ml.feature.RobustScalerModel", scaler::robust),
    ("org.apache.spark.ml.feature.StandardScalerModel", scaler::standard),
    ("org.apache.spark.ml.feature.StopWordsRemover", text::stop_words_remover),
    ("org.apache.spark.ml.feature.StringIndexerModel", string_indexer::lower),
    ("org.apache.spark.ml.feature.TargetEncoderModel", target_encoder::lower),
    ("org.apache.spark.ml.feature.Tokenizer", text::tokenizer),
    ("org.apache.spark.ml.feature.UnivariateFeatureSelectorModel", selector::lower),
    ("org.apache.spark.ml.feature.VarianceThresholdSelectorModel", selector::lower),
    ("org.apache.spark.ml.feature.VectorAssembler", assembler::lower),
    ("org.apache.spark.ml.feature.VectorAttributeRewriter", rformula::attribute_rewriter),
    ("org.apache.spark.ml.feature.VectorIndexerModel", vector_indexer::lower),
    ("org.apache.spark.ml.feature.VectorSizeHint", size_hint::lower),
    ("org.apache.spark.ml.feature.VectorSlicer", slicer::lower),
    ("org.apache.spark.ml.feature.Word2VecModel", word2vec::lower),
    ("org.apache.spark.ml.fpm.FPGrowthModel", fpgrowth::lower),
    ("org.apache.spark.ml.recommendation.ALSModel", als::lower),
    ("org.apache.spark.ml.regression.AFTSurvivalRegressionModel", survival::lower),
    ("org.apache.spark.ml.regression.DecisionTreeRegressionModel", forest::tree_regressor),
    ("org.apache.spark.ml.regression.FMRegressionModel", fm::regressor),
    ("org.apache.spark.ml.regression.GBTRegressionModel", forest::boosted_regressor),
    ("org.apache.spark.ml.regression.GeneralizedLinearRegressionModel", glm::lower),
    ("org.apache.spark.ml.regression.IsotonicRegressionModel", isotonic::lower),
    ("org.apache.spark.ml.regression.LinearRegressionModel", linear::lower),
    ("org.apache.spark.ml.regression.RandomForestRegressionModel", forest::random_regressor),
    ("org.apache.spark.ml.tuning.CrossValidatorModel", tuning::lower),
    ("org.apache.spark.ml.tuning.TrainValidationSplitModel", tuning::lower),
    ("pyspark.ml.tuning.CrossValidatorModel", tuning::lower),
    ("pyspark.ml.tuning.TrainValidationSplitModel", tuning::lower),
];

/// Returns how a class is read.
pub fn find(class: &str) -> Option<Lower> {
    CLASSES.binary_search_by(|(name, _)| (*name).cmp(class)).ok().map(|place| CLASSES[place].1)
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
        assert!(CLASSES.is_sorted_by_key(|(name, _)| *name));
        assert!(CLASSES.iter().all(|(name, _)| find(name).is_some()));
        assert!(find("org.apache.spark.ml.feature.Tokenize").is_none());
    }
}
