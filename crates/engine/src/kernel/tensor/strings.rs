//! Texts of any bytes.

mod fields;
pub(super) mod hash;
mod join;
mod number;
pub(super) mod pattern;
mod split;
mod unicode;

use model::{
    PredictError, Tensor,
    tensor::{Bytes, Element, TENSOR_BYTES_MAX},
};
use plan::tensor::{StringOp, TextUnit};

use super::{Args, Done, broadcast, ints, refuse, refuse_type, too_large};
use crate::error::CompileError;

/// An op of the family, ready to run.
pub(super) struct StringKernel {
    op: StringOp,
    /// Of the ops that have a pattern.
    pattern: Option<pattern::Matcher>,
}

impl StringKernel {
    pub(super) fn new(op: &StringOp, site: &super::Site<'_>) -> Result<StringKernel, CompileError> {
        let pattern = match op {
            StringOp::Replace { pattern, .. } => Some(pattern::Matcher::new(pattern, false, site)?),
            StringOp::FullMatch { pattern } => Some(pattern::Matcher::new(pattern, true, site)?),
            _ => None,
        };
        Ok(StringKernel { op: op.clone(), pattern })
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let x = &*args.get(0)?;
        match &self.op {
            StringOp::Split { max } => return split::run(args, |text, at| split::pieces(text, at, *max)),
            StringOp::SplitAny { skip_empty } => {
                return split::run(args, |text, at| split::pieces_at_any(text, at, *skip_empty));
            }
            StringOp::Decode { encoding, malformed, offsets, splits } => {
                return unicode::decode(args, *encoding, *malformed, *offsets, *splits);
            }
            StringOp::Ngrams(of) => return join::ngrams(args, of),
            StringOp::Fields(of) => return fields::run(args, of),
            _ => {}
        }
        let Some(out) = &mut args.out(0) else { return Ok(()) };
        match &self.op {
            StringOp::Hash { hash, buckets } => {
                let buckets = (*buckets).max(1);
                each(x, out, |text| Ok((hash::hash(text, *hash) % buckets).cast_signed()))
            }
            StringOp::Case { upper, unicode: false } => each(x, out, |text| {
                let cased = if *upper { text.to_ascii_uppercase() } else { text.to_ascii_lowercase() };
                Ok(Bytes::from(cased))
            }),
            StringOp::Case { upper, unicode: true } => {
                each(x, out, |text| Ok(Bytes::from(unicode::cased(text, *upper).into_bytes())))
            }
            StringOp::Strip => each(x, out, |text| Ok(Bytes::from(split::stripped(text)))),
            StringOp::Join { separator } => join::join(args, separator, out),
            StringOp::Length { unit } => each(x, out, |text| {
                let length = if *unit == TextUnit::Byte { text.len() } else { unicode::characters(text) };
                Ok(i32::try_from(length).unwrap_or(i32::MAX))
            }),
            StringOp::Substr { unit } => substr(x, &*args.get(1)?, &*args.get(2)?, *unit, out),
            StringOp::ToNumber { to } => number::read(x, *to, out),
            StringOp::Format(written) => number::write(x, *written, out),
            StringOp::Replace { by, all, .. } => {
                let (matcher, mut room) = (self.matcher()?, Room::default());
                each(x, out, |text| {
                    let replaced = matcher.replace(text, by, *all);
                    room.take(replaced.len()).map(|()| replaced)
                })
            }
            StringOp::FullMatch { .. } => {
                let matcher = self.matcher()?;
                each(x, out, |text| Ok(matcher.is_match(text)))
            }
            StringOp::Encode { encoding, malformed } => unicode::encode(x, &*args.get(1)?, *encoding, *malformed, out),
            StringOp::Transcode { from, to, malformed } => {
                each(x, out, |text| unicode::transcode(text, *from, *to, *malformed))
            }
            StringOp::EncodeBase64 { pad } => each(x, out, |text| Ok(number::encode_base64(text, *pad))),
            StringOp::DecodeBase64 => each(x, out, number::decode_base64),
            StringOp::ReduceJoin { separator, keep } => join::reduce(x, &ints(&*args.get(1)?)?, separator, *keep, out),
            StringOp::Raw { to, little } => number::raw(x, *to, *little, out),
            StringOp::Split { .. }
            | StringOp::SplitAny { .. }
            | StringOp::Decode { .. }
            | StringOp::Ngrams(_)
            | StringOp::Fields(_) => Ok(()),
        }
    }

    fn matcher(&self) -> Result<&pattern::Matcher, PredictError> {
        let missing = || PredictError::Internal { message: "an op on patterns without its pattern".to_owned() };
        self.pattern.as_ref().ok_or_else(missing)
    }
}

/// How many bytes of texts may still be written.
struct Room(usize);

impl Default for Room {
    fn default() -> Room {
        Room(TENSOR_BYTES_MAX)
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> Done {
        match self.0.checked_sub(bytes) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(PredictError::TooLarge {
                what: "the number of bytes of a tensor of texts".to_owned(),
                got: u64::MAX,
                limit: TENSOR_BYTES_MAX as u64,
                key: "fixed",
            }),
        }
    }
}

/// Returns the texts of a tensor.
pub(super) fn texts(x: &Tensor) -> Result<&[Bytes], PredictError> {
    x.get::<Bytes>().ok_or_else(|| refuse_type(x))
}

/// Returns the text of a scalar, or of a tensor of one element.
fn text(x: &Tensor) -> Result<&Bytes, PredictError> {
    match texts(x)? {
        [text] => Ok(text),
        _ => Err(refuse("one text", x.shape().to_string())),
    }
}

/// Writes a function of each text.
fn each<R: Element>(x: &Tensor, out: &mut Tensor, mut of: impl FnMut(&[u8]) -> Result<R, PredictError>) -> Done {
    let from = texts(x)?;
    let to = out.make::<R>(*x.shape()).map_err(too_large)?;
    for (to, text) in to.iter_mut().zip(from) {
        *to = of(text)?;
    }
    Ok(())
}

/// Returns a text for a message: its beginning.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(200)]);
    text.into_owned()
}

fn substr(x: &Tensor, places: &Tensor, lengths: &Tensor, unit: TextUnit, out: &mut Tensor) -> Done {
    if places.shape() != lengths.shape() {
        let expected = format!("lengths of the places' shape, {}", places.shape());
        return Err(refuse(expected, lengths.shape().to_string()));
    }
    let (from, at, long) = (texts(x)?, ints(places)?, ints(lengths)?);
    let shape = broadcast::shape(x.shape(), places.shape())?;
    let to = out.make::<Bytes>(shape).map_err(too_large)?;
    let mut room = Room::default();
    let mut done = Ok(());
    broadcast::runs(&shape, [x.shape(), places.shape()], |begin, length, [texts, places]| {
        let of = |(begin, walks): (usize, bool), i: usize| begin + if walks { i } else { 0 };
        for (i, to) in to[begin..begin + length].iter_mut().enumerate() {
            let (text, place) = (&from[of(texts, i)], of(places, i));
            let part = match unit {
                TextUnit::Byte => part(text, at[place], long[place]),
                TextUnit::Char => unicode::part(text, at[place], long[place]),
            };
            let part = part.ok_or_else(|| refuse(format!("a place within `{}`", shown(text)), at[place].to_string()));
            match part.and_then(|part| room.take(part.len()).map(|()| part)) {
                Ok(part) => *to = part.into(),
                Err(error) => done = Err(error),
            }
        }
    });
    done
}

/// Returns the part that begins at a byte; a negative length is that of all the rest.
fn part(text: &[u8], at: i64, length: i64) -> Option<&[u8]> {
    let at = if at < 0 { at.checked_add(text.len() as i64)? } else { at };
    let rest = text.get(usize::try_from(at).ok()?..)?;
    Some(&rest[..usize::try_from(length).unwrap_or(usize::MAX).min(rest.len())])
}
