//! Answers compressed as the caller takes them.

use codec::coding::Coding;
use http::{HeaderMap, header};
use tokio::time::Instant;

use crate::{answer::Answer, predict::Pool, query, state::State};

/// Returns the answer packed, where that pays and the caller takes it; a large one by the compute pool.
pub(crate) async fn packed(state: &State, headers: &HeaderMap, answer: Answer) -> Answer {
    let (min, size) = (state.config.compress_bytes_min, answer.body.len());
    if min == 0 || size < min || answer.coding.is_some() {
        return answer;
    }
    let Some(coding) = taken(headers) else { return answer };
    let body = answer.body.clone();
    let packed = if size <= state.config.inline_bytes_max {
        coding.pack(&body).ok()
    } else {
        let pool = Pool { state, deadline: Instant::now() + state.config.timeout(None) };
        // A pool that is full is no reason to refuse what was computed.
        pool.run(move || coding.pack(&body).ok()).await.ok().flatten()
    };
    match packed.filter(|packed| packed.len() < size) {
        Some(packed) => Answer { body: packed.into(), coding: Some(coding), ..answer },
        None => answer,
    }
}

/// Returns whether the caller takes this coding.
pub(crate) fn takes(headers: &HeaderMap, coding: Coding) -> bool {
    let taken = |(name, weight): (&str, f32)| weight > 0.0 && Coding::from_name(name) == Some(coding);
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).any(|range| taken(query::weighted(range)))
}

/// Returns the coding that the caller likes best; among equals the one that does best.
fn taken(headers: &HeaderMap) -> Option<Coding> {
    let mut best: Option<(Coding, f32)> = None;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let (name, weight) = query::weighted(range);
            let coding = if name == "*" { Some(Coding::Gzip) } else { Coding::from_name(name) };
            let Some(coding) = coding.filter(|_| weight > 0.0) else { continue };
            let wins = |(known, of): (Coding, f32)| weight > of || (weight == of && coding > known);
            if best.is_none_or(wins) {
                best = Some((coding, weight));
            }
        }
    }
    best.map(|(coding, _)| coding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_likes_best() {
        let check = |value: &'static str, expected: Option<Coding>| {
            let headers = [(header::ACCEPT_ENCODING, http::HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(taken(&headers), expected, "{value}");
        };
        check("gzip, deflate, br, zstd", Some(Coding::Zstd));
        check("gzip;q=1.0, zstd;q=0.5", Some(Coding::Gzip));
        check("gzip, deflate", Some(Coding::Gzip));
        check("deflate", Some(Coding::Deflate));
        check("zstd;q=0, *", Some(Coding::Gzip));
        check("identity", None);
        check("gzip;q=0", None);
        assert_eq!(taken(&HeaderMap::new()), None);
    }
}
