//! Characters of texts. What is not a character is met as ICU's converters do it: each longest beginning of a character that
//! breaks off counts as one.

use model::{
    DType, PredictError, Tensor,
    tensor::{Bytes, TENSOR_BYTES_MAX},
};
use plan::tensor::{Encoding, Malformed, Policy};

use super::super::{Args, Done, refuse, refuse_type, shape, too_large};
use super::{
    join::{places, splits},
    texts,
};

/// Returns the text in other letters; what is not UTF-8 becomes U+FFFD.
pub(super) fn cased(text: &[u8], upper: bool) -> String {
    let text = String::from_utf8_lossy(text);
    if upper { text.to_uppercase() } else { text.to_lowercase() }
}

/// Returns whether a byte goes on with a character.
fn goes_on(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Returns the number of bytes that begin something.
pub(super) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| !goes_on(byte)).count()
}

/// Goes this many characters on; returns where that is, and whether there were as many.
fn forward(text: &[u8], mut at: usize, count: i64) -> (usize, bool) {
    let mut done = 0;
    while done < count && at < text.len() {
        at += 1;
        while at < text.len() && goes_on(text[at]) {
            at += 1;
        }
        done += 1;
    }
    (at, done >= count)
}

/// Goes this many characters back.
fn back(text: &[u8], mut at: usize, count: i64) -> (usize, bool) {
    let mut done = 0;
    while done < count && at > 0 {
        at -= 1;
        while at > 0 && goes_on(text[at]) {
            at -= 1;
        }
        done += 1;
    }
    (at, done >= count)
}

/// Returns the part from this character on, counted from the end where negative. From there on a negative length is none, but
/// for places from the end, where it ends the part so many characters beyond its place: then nothing of it is left.
pub(super) fn part(text: &[u8], at: i64, length: i64) -> Option<&[u8]> {
    if at >= 0 {
        let (begin, is_there) = forward(text, 0, at);
        let (end, _) = forward(text, begin, length);
        return is_there.then(|| &text[begin..end]);
    }
    let from_end = at.checked_neg()?;
    let skipped = from_end.saturating_sub(length).max(0);
    let (end, is_there) = back(text, text.len(), skipped);
    let (begin, is_more) = back(text, end, from_end.saturating_sub(skipped));
    (is_there && is_more).then(|| &text[begin..end])
}

/// Calls `each` with every character, `None` for what is none, and how many bytes it took.
fn walk(text: &[u8], encoding: Encoding, mut each: impl FnMut(Option<char>, usize) -> Done) -> Done {
    match encoding {
        Encoding::Utf8 => {
            for chunk in text.utf8_chunks() {
                chunk.valid().chars().try_for_each(|c| each(Some(c), c.len_utf8()))?;
                if !chunk.invalid().is_empty() {
                    each(None, chunk.invalid().len())?;
                }
            }
            Ok(())
        }
        Encoding::Utf16Be => {
            let (units, rest) = text.as_chunks::<2>();
            for unit in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))) {
                each(unit.as_ref().ok().copied(), unit.map_or(2, |c| 2 * c.len_utf16()))?;
            }
            if rest.is_empty() { Ok(()) } else { each(None, rest.len()) }
        }
        Encoding::Utf32Be => text.chunks(4).try_for_each(|unit| {
            let unit: Option<[u8; 4]> = unit.try_into().ok();
            each(unit.and_then(|unit| char::from_u32(u32::from_be_bytes(unit))), unit.map_or(1, |unit| unit.len()))
        }),
    }
}

/// Returns the character that stands for one that was read; `None` where it is left out.
fn met(c: Option<char>, of: Malformed) -> Result<Option<char>, PredictError> {
    match c.filter(|&c| !of.controls || c > '\u{1f}') {
        Some(c) => Ok(Some(c)),
        None => match of.policy {
            Policy::Strict if c.is_none() => Err(refuse("text in its encoding", "other bytes")),
            Policy::Ignore => Ok(None),
            Policy::Strict | Policy::Replace => Ok(Some(of.replacement)),
        },
    }
}

/// Writes the characters of all texts, where each text begins, and the bytes where characters begin.
pub(super) fn decode(args: &Args<'_>, encoding: Encoding, malformed: Malformed, offsets: bool, dtype: DType) -> Done {
    let x = args.get(0)?;
    let (mut found, mut at, mut ends) = (Vec::<i32>::new(), Vec::<i64>::new(), vec![0]);
    for text in texts(&x)?.iter() {
        let mut byte = 0;
        walk(text, encoding, |c, bytes| {
            // Without offsets TensorFlow replaces what it was told to leave out.
            let c = match met(c, malformed)? {
                None if !offsets => Some(malformed.replacement),
                c => c,
            };
            if let Some(c) = c {
                found.push(u32::from(c).cast_signed());
                at.push(byte);
            }
            byte += bytes as i64;
            Ok(())
        })?;
        ends.push(found.len());
    }
    if let Some(mut out) = args.out(0) {
        places(&ends, Some(dtype), &mut out)?;
    }
    if let Some(mut out) = args.out(1) {
        out.make::<i32>(shape(&[found.len()])?).map_err(too_large)?.copy_from_slice(&found);
    }
    if let Some(mut out) = args.out(2) {
        out.make::<i64>(shape(&[at.len()])?).map_err(too_large)?.copy_from_slice(&at);
    }
    Ok(())
}

/// Adds a character.
fn push(to: &mut Vec<u8>, c: char, encoding: Encoding) {
    match encoding {
        Encoding::Utf8 => to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Encoding::Utf16Be => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| to.extend(unit.to_be_bytes())),
        Encoding::Utf32Be => to.extend(u32::from(c).to_be_bytes()),
    }
}

/// Returns the text in another encoding.
pub(super) fn transcode(
    text: &[u8],
    from: Encoding,
    into: Encoding,
    malformed: Malformed,
) -> Result<Bytes, PredictError> {
    let mut to = Vec::with_capacity(text.len());
    walk(text, from, |c, _| {
        if let Some(c) = met(c, malformed)? {
            push(&mut to, c, into);
        }
        Ok(())
    })?;
    Ok(to.into())
}

/// Writes the texts of characters.
pub(super) fn encode(x: &Tensor, rows: &Tensor, encoding: Encoding, malformed: Malformed, out: &mut Tensor) -> Done {
    let ends = splits(rows, x.len())?;
    let from = x.get::<i32>().ok_or_else(|| refuse_type(x))?;
    if from.len() > TENSOR_BYTES_MAX / 4 {
        return Err(too_large(model::tensor::TensorError::Bytes(x.shape().to_string())));
    }
    let to = out.make::<Bytes>(shape(&[ends.len().saturating_sub(1)])?).map_err(too_large)?;
    for (to, row) in to.iter_mut().zip(ends.windows(2)) {
        let mut text = Vec::new();
        for &c in &from[row[0]..row[1]] {
            if let Some(c) = met(u32::try_from(c).ok().and_then(char::from_u32), malformed)? {
                push(&mut text, c, encoding);
            }
        }
        *to = text.into();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_in_characters() {
        let text = "日本 語a".as_bytes();
        let of = |at, length| part(text, at, length).map(String::from_utf8_lossy);
        assert_eq!(of(1, 2).as_deref(), Some("本 "));
        assert_eq!(of(-2, 1).as_deref(), Some("語"));
        assert_eq!(of(-2, 9).as_deref(), Some("語a"));
        assert_eq!(of(5, 1).as_deref(), Some(""));
        assert_eq!(of(6, 1), None);
        assert_eq!(of(-6, 1), None);
        assert_eq!(of(1, -1).as_deref(), Some(""));
        assert_eq!(part(text, i64::MIN, 1), None);
    }
}
