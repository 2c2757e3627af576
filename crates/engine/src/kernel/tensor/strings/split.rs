//! Texts cut to pieces: Python's `str.split`, and the older cut at any of some bytes.

use model::tensor::Bytes;

use super::super::{Args, Done, shape, too_large};
use super::{text, texts};
use crate::kernel::tensor::refuse;

/// Returns whether C's `isspace` is true of a byte.
fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Returns the text without blanks at its ends.
pub(super) fn stripped(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(begin, |last| last + 1);
    &text[begin..end]
}

/// Returns the pieces between separators, or, where that is empty, between runs of blanks.
pub(super) fn pieces<'t>(text: &'t [u8], at: &[u8], max: i64) -> Vec<&'t [u8]> {
    if max == 0 {
        return vec![text];
    }
    let most = usize::try_from(max).unwrap_or(usize::MAX);
    let (mut found, mut rest) = (Vec::new(), text);
    if at.is_empty() {
        let skip = |text: &'t [u8]| &text[text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len())..];
        rest = skip(rest);
        while !rest.is_empty() {
            let end = rest.iter().position(is_blank).unwrap_or(rest.len());
            found.push(&rest[..end]);
            rest = skip(&rest[end..]);
            if found.len() == most {
                found.push(rest);
                break;
            }
        }
        return found;
    }
    while let Some(next) = rest.windows(at.len()).position(|window| window == at) {
        if found.len() == most {
            break;
        }
        found.push(&rest[..next]);
        rest = &rest[next + at.len()..];
    }
    found.push(rest);
    found
}

/// Returns the pieces between any of these bytes; between all bytes where there are none.
pub(super) fn pieces_at_any<'t>(text: &'t [u8], at: &[u8], skip_empty: bool) -> Vec<&'t [u8]> {
    if at.is_empty() {
        return text.chunks(1).collect();
    }
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| at.contains(byte)).filter(|piece| !skip_empty || !piece.is_empty()).collect()
}

/// Writes the pieces of all texts as a sparse tensor: indices, values, shape.
pub(super) fn run(args: &Args<'_>, cut: impl for<'t> Fn(&'t [u8], &[u8]) -> Vec<&'t [u8]>) -> Done {
    let (x, at) = (args.get(0)?, args.get(1)?);
    if x.rank() != 1 {
        return Err(refuse("a vector of texts", x.shape().to_string()));
    }
    let at = text(&at)?;
    let (mut indices, mut values, mut longest) = (Vec::new(), Vec::<Bytes>::new(), 0);
    for (row, text) in texts(&x)?.iter().enumerate() {
        let pieces = cut(text, at);
        longest = longest.max(pieces.len());
        for (i, piece) in pieces.into_iter().enumerate() {
            indices.extend([row as i64, i as i64]);
            values.push(piece.into());
        }
    }
    if let Some(mut out) = args.out(0) {
        out.make::<i64>(shape(&[values.len(), 2])?).map_err(too_large)?.copy_from_slice(&indices);
    }
    if let Some(mut out) = args.out(2) {
        let dims = [x.len() as i64, longest as i64];
        out.make::<i64>(shape(&[2])?).map_err(too_large)?.copy_from_slice(&dims);
    }
    if let Some(mut out) = args.out(1) {
        out.make::<Bytes>(shape(&[values.len()])?).map_err(too_large)?.clone_from_slice(&values);
    }
    Ok(())
}
