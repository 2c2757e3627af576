//! Why a store cannot be a source.

/// What is wrong with an address or its settings; nothing was asked over the network yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{url}`: expected {expected}")]
    Url { url: String, expected: &'static str },
    #[error("`{url}`: this binary was built without the feature `{feature}`")]
    Feature { url: String, feature: &'static str },
    #[error("`{url}`: {reason}")]
    Settings { url: String, reason: String },
    #[error("cannot start the thread of `{url}`: {source}")]
    Thread {
        url: String,
        #[source]
        source: std::io::Error,
    },
}
