//! `/swagger`: Swagger UI over the document, its assets in the binary. `/swagger/swagger-ui.html` leads there, as elsewhere.
//!
//! The page may load from its own origin alone and run no script that stands in it; what it shows comes from the document.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use model::PredictError;

use crate::{
    answer::Answer,
    api::{Asked, native},
    error::cut,
    pack, query,
};
use codec::coding::Coding;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Forebay</title>
<link rel="stylesheet" href="/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
"#;

const START: &str = r##"SwaggerUIBundle({
  url: "/api-docs/openapi.json", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "list", defaultModelsExpandDepth: 0,
});
"##;

/// Assets of Swagger UI, packed with gzip; the build script takes them from the crate that holds them.
const BUNDLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"));
const STYLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"));

/// Bytes of an asset that is unpacked for a caller who does not take it packed.
const ASSET_BYTES_MAX: usize = 16 << 20;

/// `GET /swagger` and `/swagger/{file}`.
pub(in crate::api) fn page(asked: &Asked<'_>) -> Answer {
    if let Err(error) = query::none(asked.query()) {
        return native::failure(error, asked.context);
    }
    let path = asked.head.uri.path();
    let plain = |content_type, text: &'static str| Answer { content_type, ..Answer::json(text) };
    let answer = match path.strip_prefix("/swagger").unwrap_or_default() {
        "" => plain("text/html; charset=utf-8", PAGE),
        "/start.js" => plain("text/javascript; charset=utf-8", START),
        "/swagger-ui-bundle.js" => packed(&asked.head.headers, "text/javascript; charset=utf-8", BUNDLE),
        "/swagger-ui.css" => packed(&asked.head.headers, "text/css; charset=utf-8", STYLE),
        "/" | "/index.html" | "/swagger-ui.html" => Answer {
            status: StatusCode::FOUND,
            headers: vec![(header::LOCATION, HeaderValue::from_static("/swagger"))],
            ..plain("text/html; charset=utf-8", "")
        },
        _ => {
            let what = format!("page {}", cut(path));
            return native::failure(PredictError::NotFound { what }.into(), asked.context);
        }
    };
    guarded(answer)
}

/// Adds what browsers are told about pages.
fn guarded(mut answer: Answer) -> Answer {
    const NO_SNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers.extend([
        (header::CONTENT_SECURITY_POLICY, POLICY),
        NO_SNIFF,
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]);
    answer
}

/// Returns an asset as it lies, or unpacked where the caller does not take it so.
fn packed(headers: &HeaderMap, content_type: &'static str, bytes: &'static [u8]) -> Answer {
    if pack::takes(headers, Coding::Gzip) {
        return Answer { content_type, coding: Some(Coding::Gzip), ..Answer::json(bytes) };
    }
    // Its own bytes unpack.
    let unpacked = Coding::Gzip.unpack(bytes, ASSET_BYTES_MAX, "ASSET_BYTES_MAX").unwrap_or_default();
    Answer { content_type, ..Answer::json(unpacked) }
}
