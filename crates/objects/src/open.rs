//! From an address and its settings to a place that is listed.

use std::sync::Arc;

use model::Name;
use object_store::{ObjectStore, path::Path};
use registry::{Config, Root, TreeSource};

use crate::{Limits, OpenError, Remote, poll::Place};

/// How a store is reached. What is not said here is taken from `environment`, what is not there either is the store's own default.
#[derive(Clone, Default)]
pub struct Access {
    /// The address of a server that speaks S3; without one it is Amazon's.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub session_token: Option<String>,
    /// Whether the endpoint may be plain HTTP.
    pub allow_http: bool,
    /// Whether requests go unsigned, to what is open for all.
    pub anonymous: bool,
    /// The variables of this process whose names begin with `AWS_`.
    pub environment: Vec<(String, String)>,
}

const EXPECTED: &str = "s3://BUCKET/PREFIX or hdfs://HOST:PORT/PATH";

/// Returns the source of the models at `scheme://authority/prefix`; `name` is what the one model there is called, where it is said.
pub fn open(
    url: &str,
    name: Option<Name>,
    access: &Access,
    limits: Limits,
    config: Config,
) -> Result<TreeSource<Remote>, OpenError> {
    let wrong = |expected| OpenError::Url { url: url.to_owned(), expected };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(EXPECTED))?;
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() || rest.contains(['?', '#']) || !authority.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(EXPECTED));
    }
    let prefix = Path::parse(prefix.trim_matches('/')).map_err(|error| settings(url, &error))?;
    let (store, is_whole): (Arc<dyn ObjectStore>, bool) = match scheme {
        "s3" => (s3(url, authority, access)?, true),
        // A file shows from its first byte on.
        "hdfs" => (hdfs(url, authority)?, false),
        _ => return Err(wrong(EXPECTED)),
    };
    let own = prefix.filename().unwrap_or(authority).to_owned();
    let root = name.map_or(Root::Any(own), Root::Model);
    let place = Place { store, prefix, url: url.trim_end_matches('/').into(), is_whole };
    Ok(TreeSource::over(Remote::start(place, limits)?, root, config))
}

fn settings(url: &str, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Settings { url: url.to_owned(), reason: error.to_string() }
}

/// What Hadoop's own files (`HADOOP_CONF_DIR`) say of the cluster holds, its name services among them.
#[cfg(feature = "hdfs")]
fn hdfs(url: &str, authority: &str) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let store = hdfs_native_object_store::HdfsObjectStoreBuilder::new().with_url(format!("hdfs://{authority}")).build();
    Ok(Arc::new(store.map_err(|error| settings(url, &error))?))
}

#[cfg(not(feature = "hdfs"))]
fn hdfs(url: &str, _: &str) -> Result<Arc<dyn ObjectStore>, OpenError> {
    Err(OpenError::Feature { url: url.to_owned(), feature: "hdfs" })
}

#[cfg(feature = "s3")]
fn s3(url: &str, bucket: &str, access: &Access) -> Result<Arc<dyn ObjectStore>, OpenError> {
    use std::time::Duration;

    use object_store::{
        ClientOptions, RetryConfig,
        aws::{AmazonS3Builder, AmazonS3ConfigKey},
    };

    // Who was first has chosen; there is one provider here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = AmazonS3Builder::new();
    for (name, value) in &access.environment {
        // Names that are no settings of a store belong to others.
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let of_environment =
        |name: &str| access.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let endpoint = access.endpoint.as_ref().or_else(|| of_environment("AWS_ENDPOINT_URL_S3"));
    let said = [
        (AmazonS3ConfigKey::Endpoint, endpoint),
        (AmazonS3ConfigKey::Region, access.region.as_ref()),
        (AmazonS3ConfigKey::AccessKeyId, access.access_key_id.as_ref()),
        (AmazonS3ConfigKey::SecretAccessKey, access.secret_access_key.as_ref()),
        (AmazonS3ConfigKey::Token, access.session_token.as_ref()),
    ];
    for (key, value) in said.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        builder = builder.with_config(key, value);
    }
    let allows_http = access.allow_http || of_environment("AWS_ALLOW_HTTP").is_some_and(|value| value == "true");
    if let Some(plain) = endpoint.filter(|endpoint| endpoint.starts_with("http://") && !allows_http) {
        let reason = format!("the endpoint {plain} is plain HTTP; `allow_http = true` takes it");
        return Err(settings(url, &reason));
    }
    // Large objects take their time; whoever reads watches that something comes.
    let options = ClientOptions::new()
        .with_allow_http(allows_http)
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(5));
    // Listings come again by themselves, and downloads are tried again by who reads.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let builder = builder
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(retry)
        .with_skip_signature(access.anonymous);
    Ok(Arc::new(builder.build().map_err(|error| settings(url, &error))?))
}

#[cfg(not(feature = "s3"))]
fn s3(url: &str, _: &str, _: &Access) -> Result<Arc<dyn ObjectStore>, OpenError> {
    Err(OpenError::Feature { url: url.to_owned(), feature: "s3" })
}
