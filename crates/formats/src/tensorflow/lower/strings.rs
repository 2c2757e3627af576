//! Texts: hashes, cases, pieces, patterns, numbers written and read.

use std::sync::Arc;

use model::{DType, tensor::Bytes};
use plan::{
    Pattern,
    tensor::{
        CheckOp, ElementOp, Encoding, Fill, LayoutOp, Malformed, Ngrams, Policy, StringOp, Style, TextHash, TextUnit,
        Unary, Written, strings::Fields,
    },
};

use super::{At, Lower, Row, Slots, row};
use crate::{ReadError, re2};

pub(super) const ROWS: &[Row] = &[
    row("StringToHashBucketFast", |lower, at| hash(lower, at, TextHash::Farm)),
    row("StringToHashBucketStrong", |lower, at| {
        let Some([a, b]) = at.site.ints("key") else { return Err(at.fault("has no key of two numbers")) };
        hash(lower, at, TextHash::Sip { key: [*a as u64, *b as u64] })
    }),
    row("StringToHashBucket", |lower, at| hash(lower, at, TextHash::Murmur)),
    row("StringLower", |lower, at| case(lower, at, false)),
    row("StringUpper", |lower, at| case(lower, at, true)),
    row("StringStrip", |lower, at| any(lower, at, StringOp::Strip)),
    row("StringJoin", |lower, at| {
        let separator = at.site.bytes("separator").unwrap_or_default().into();
        any(lower, at, StringOp::Join { separator })
    }),
    row("StringSplitV2", |lower, at| {
        let max = at.site.int("maxsplit").unwrap_or(-1);
        all(lower, at, StringOp::Split { max })
    }),
    row("StringSplit", |lower, at| {
        let skip_empty = at.site.bool("skip_empty").unwrap_or(true);
        all(lower, at, StringOp::SplitAny { skip_empty })
    }),
    row("StringLength", |lower, at| {
        let unit = unit(at)?;
        any(lower, at, StringOp::Length { unit })
    }),
    row("Substr", |lower, at| {
        let unit = unit(at)?;
        any(lower, at, StringOp::Substr { unit })
    }),
    row("StringToNumber", |lower, at| {
        let to = at.dtype("out_type", DType::F32)?;
        any(lower, at, StringOp::ToNumber { to })
    }),
    row("AsString", as_string),
    row("StaticRegexReplace", |lower, at| {
        let by: Arc<[u8]> = at.site.bytes("rewrite").unwrap_or_default().into();
        let (pattern, all) = (pattern(at, at.site.bytes("pattern"))?, global(at));
        any(lower, at, StringOp::Replace { pattern, by, all })
    }),
    row("RegexReplace", |lower, at| {
        let [text, of, by] = at.args::<3>()?;
        let known = |slot| lower.known_text(slot).ok_or_else(|| at.unimplemented("a pattern that is computed"));
        let (of, by) = (known(of)?, known(by)?);
        let op = StringOp::Replace { pattern: pattern(at, Some(&of))?, by, all: global(at) };
        lower.add(at, op, &[text]).map(|slot| vec![slot])
    }),
    row("StaticRegexFullMatch", |lower, at| {
        let pattern = pattern(at, at.site.bytes("pattern"))?;
        any(lower, at, StringOp::FullMatch { pattern })
    }),
    row("RegexFullMatch", |lower, at| {
        let [text, of] = at.args::<2>()?;
        let of = lower.known_text(of).ok_or_else(|| at.unimplemented("a pattern that is computed"))?;
        let op = StringOp::FullMatch { pattern: pattern(at, Some(&of))? };
        lower.add(at, op, &[text]).map(|slot| vec![slot])
    }),
    row("UnicodeDecode", |lower, at| decode(lower, at, false)),
    row("UnicodeDecodeWithOffsets", |lower, at| decode(lower, at, true)),
    row("UnicodeEncode", |lower, at| {
        let encoding = encoding(at, at.site.text("output_encoding").unwrap_or("UTF-8"))?;
        let malformed = malformed(at)?;
        any(lower, at, StringOp::Encode { encoding, malformed })
    }),
    row("UnicodeTranscode", |lower, at| {
        let from = encoding(at, at.site.text("input_encoding").unwrap_or_default())?;
        let to = encoding(at, at.site.text("output_encoding").unwrap_or_default())?;
        let malformed = malformed(at)?;
        any(lower, at, StringOp::Transcode { from, to, malformed })
    }),
    row("EncodeBase64", |lower, at| {
        let pad = at.flag("pad");
        any(lower, at, StringOp::EncodeBase64 { pad })
    }),
    row("DecodeBase64", |lower, at| any(lower, at, StringOp::DecodeBase64)),
    row("StringNGrams", ngrams),
    row("ReduceJoin", |lower, at| {
        let separator = at.site.bytes("separator").unwrap_or_default().into();
        let keep = at.flag("keep_dims");
        any(lower, at, StringOp::ReduceJoin { separator, keep })
    }),
    row("DecodeCSV", csv),
    row("DecodeRaw", |lower, at| {
        let to = at.dtype("out_type", DType::U8)?;
        let little = at.site.bool("little_endian").unwrap_or(true);
        any(lower, at, StringOp::Raw { to, little })
    }),
];

fn any(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: StringOp) -> Slots {
    at.arg(0)?;
    lower.add(at, op, &at.inputs).map(|slot| vec![slot])
}

fn all(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: StringOp) -> Slots {
    at.arg(0)?;
    let inputs: Vec<_> = at.inputs.iter().copied().map(Some).collect();
    lower.add_many(at, op, &inputs)
}

fn hash(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, hash: TextHash) -> Slots {
    let buckets = at.site.int("num_buckets").and_then(|buckets| u64::try_from(buckets).ok()).filter(|n| 0 < *n);
    let buckets = buckets.ok_or_else(|| at.fault("has no usable attribute `num_buckets`"))?;
    any(lower, at, StringOp::Hash { hash, buckets })
}

fn case(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, upper: bool) -> Slots {
    let unicode = match at.site.text("encoding").unwrap_or_default() {
        "" => false,
        "utf-8" => true,
        other => return Err(at.unimplemented(format_args!("the encoding `{other}`"))),
    };
    any(lower, at, StringOp::Case { upper, unicode })
}

fn unit(at: &At<'_, '_>) -> Result<TextUnit, ReadError> {
    match at.site.text("unit").unwrap_or("BYTE") {
        "BYTE" => Ok(TextUnit::Byte),
        "UTF8_CHAR" => Ok(TextUnit::Char),
        other => Err(at.fault(format_args!("counts `{other}`"))),
    }
}

fn global(at: &At<'_, '_>) -> bool {
    at.site.bool("replace_global").unwrap_or(true)
}

fn pattern(at: &At<'_, '_>, bytes: Option<&[u8]>) -> Result<Pattern, ReadError> {
    let source = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let source = source.ok_or_else(|| at.unimplemented("a pattern that is not UTF-8"))?;
    re2::pattern(source).map_err(|what| at.unimplemented(format_args!("the pattern {source:?}: {what}")))
}

fn as_string(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let style = match (at.flag("scientific"), at.flag("shortest")) {
        (true, false) => Style::Scientific,
        (false, true) => Style::Shortest,
        (false, false) => Style::Fixed,
        _ => return Err(at.fault("is both `scientific` and `shortest`")),
    };
    let fill = match at.site.text("fill").unwrap_or_default() {
        "" => Fill::Before,
        "-" => Fill::Behind,
        "0" => Fill::Zeros,
        "+" => Fill::Plus,
        " " => Fill::Blank,
        other => return Err(at.fault(format_args!("is filled with {other:?}"))),
    };
    let number = |name: &str| at.site.int(name).and_then(|n| u32::try_from(n).ok());
    let written = Written { precision: number("precision"), style, width: number("width").unwrap_or(0), fill };
    any(lower, at, StringOp::Format(written))
}

fn encoding(at: &At<'_, '_>, name: &str) -> Result<Encoding, ReadError> {
    match name {
        "UTF-8" => Ok(Encoding::Utf8),
        "UTF-16-BE" => Ok(Encoding::Utf16Be),
        "UTF-32-BE" => Ok(Encoding::Utf32Be),
        other => Err(at.unimplemented(format_args!("the encoding `{other}`"))),
    }
}

fn malformed(at: &At<'_, '_>) -> Result<Malformed, ReadError> {
    let policy = match at.site.text("errors").unwrap_or("replace") {
        "strict" => Policy::Strict,
        "replace" => Policy::Replace,
        "ignore" => Policy::Ignore,
        other => return Err(at.fault(format_args!("has the policy `{other}`"))),
    };
    let replacement = at.site.int("replacement_char").unwrap_or(65533);
    let replacement = u32::try_from(replacement).ok().and_then(char::from_u32);
    let replacement = replacement.ok_or_else(|| at.fault("replaces by no character"))?;
    Ok(Malformed { policy, replacement, controls: at.flag("replace_control_characters") })
}

fn decode(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, offsets: bool) -> Slots {
    let encoding = encoding(at, at.site.text("input_encoding").unwrap_or_default())?;
    let (malformed, splits) = (malformed(at)?, at.dtype("Tsplits", DType::I64)?);
    all(lower, at, StringOp::Decode { encoding, malformed, offsets, splits })
}

fn ngrams(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let text = |name: &str| Arc::from(at.site.bytes(name).unwrap_or_default());
    let widths = at.site.ints("ngram_widths").unwrap_or_default().iter().map(|width| usize::try_from(*width).ok());
    let widths: Option<Vec<usize>> = widths.map(|width| width.filter(|width| 0 < *width)).collect();
    let widths = widths.ok_or_else(|| at.fault("has a width below 1"))?;
    let pad = at.site.int("pad_width").and_then(|pad| usize::try_from(pad).ok());
    let ngrams = Ngrams {
        separator: text("separator"),
        left: text("left_pad"),
        right: text("right_pad"),
        widths,
        pad,
        keep_short: at.flag("preserve_short_sequences"),
    };
    all(lower, at, StringOp::Ngrams(ngrams))
}

/// Each field as its own type: what is missing is the default, which a field without one must not need.
fn csv(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let (records, defaults) = at.inputs.split_first().ok_or_else(|| at.fault("has no input"))?;
    let columns = defaults.len();
    let delimiter = match at.site.bytes("field_delim").unwrap_or(b",") {
        [one] => *one,
        _ => return Err(at.fault("has a delimiter of other than one byte")),
    };
    let only = at.site.ints("select_cols").unwrap_or_default().iter().map(|column| usize::try_from(*column).ok());
    let only: Option<Vec<usize>> = only.collect();
    let only = only.ok_or_else(|| at.fault("asks for a field before the first"))?;
    let quotes = at.site.bool("use_quote_delim").unwrap_or(true);
    let missing = at.site.bytes("na_value").unwrap_or_default().into();
    let slots = lower.add_many(
        at,
        StringOp::Fields(Fields { columns, delimiter, quotes, missing, only }),
        &[Some(*records)],
    )?;
    let mut fields = Vec::with_capacity(columns);
    for (i, default) in defaults.iter().enumerate() {
        let (text, is_missing) = (slots[i], slots[columns + i]);
        let known = lower.constants.get(default).and_then(|whole| whole.as_tensor());
        let required = known.ok_or_else(|| at.unimplemented("a default that is computed"))?.is_empty();
        let number = lower.dtype(*default);
        let field = match (number, required) {
            (None, true) => text,
            (None, false) => {
                let default = scalar(lower, at, *default)?;
                lower.add(at, ElementOp::Select, &[is_missing, default, text])?
            }
            (Some(to), true) => lower.add(at, StringOp::ToNumber { to }, &[text])?,
            (Some(to), false) => {
                let zero = lower.constant(super::value::text(b"0"));
                let text = lower.add(at, ElementOp::Select, &[is_missing, zero, text])?;
                let number = lower.add(at, StringOp::ToNumber { to }, &[text])?;
                let default = scalar(lower, at, *default)?;
                lower.add(at, ElementOp::Select, &[is_missing, default, number])?
            }
        };
        fields.push(match required {
            false => field,
            true => {
                let is_there = lower.add(at, ElementOp::Unary(Unary::Not), &[is_missing])?;
                lower.add(at, CheckOp::Require, &[field, is_there])?
            }
        });
    }
    Ok(fields)
}

/// Returns a tensor of one element without dimensions.
fn scalar(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, slot: plan::SlotId) -> Result<plan::SlotId, ReadError> {
    let none = lower.ints(&[]);
    lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[slot, none])
}

impl Lower<'_, '_> {
    /// Returns the text of a slot that never changes.
    pub(super) fn known_text(&self, slot: plan::SlotId) -> Option<Arc<[u8]>> {
        match self.constants.get(&slot)?.as_tensor()?.get::<Bytes>()? {
            [text] => Some(text.clone()),
            _ => None,
        }
    }
}
