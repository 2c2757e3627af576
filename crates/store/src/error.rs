//! Why a catalogue was not opened.

/// Why there is no catalogue here.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "`{url}` is no catalogue: expected nothing, `memory`, `sqlite:PATH` or `postgres://USER@HOST/DATABASE` (catalogue.url)"
    )]
    Url { url: String },
    #[error(
        "the catalogue has schema {found}, this build knows {known}: a newer Forebay wrote it; run that one, or name another \
         catalogue (catalogue.url)"
    )]
    Newer { found: i64, known: i64 },
    #[error("the catalogue {place} cannot be opened: {message}")]
    Failed { place: String, message: String },
    #[error("no backup of a catalogue: {reason}")]
    Backup { reason: String },
}
