//! Texts of any bytes: hashes, cases, pieces, patterns, numbers written and read.
//!
//! An element is a string of bytes; where an op looks at characters they are UTF-8, and what is not is met as the op says.
//! The rules are TensorFlow's (kernels below `tensorflow/core/kernels`), whose texts these are.

use std::sync::Arc;

use model::{DType, Type};

use super::{Formal, Given, dtype, tensor};
use crate::op::text::Pattern;

/// How a text becomes a number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextHash {
    /// FarmHash's `Fingerprint64`.
    Farm,
    /// SipHash-2-4 with this key.
    Sip { key: [u64; 2] },
    /// MurmurHash64A with TensorFlow's seed.
    Murmur,
}

/// What a length or a place counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextUnit {
    Byte,
    /// Bytes that do not continue a character of UTF-8.
    Char,
}

/// How a number is written, in the words of C's `printf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Digits after the point; 6 where there is none. Floats and complex numbers only.
    pub precision: Option<u32>,
    pub style: Style,
    /// Least number of characters.
    pub width: u32,
    pub fill: Fill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `%f`
    Fixed,
    /// `%e`
    Scientific,
    /// `%g`
    Shortest,
}

/// What fills up a width, or stands before a number that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Blanks before.
    Before,
    /// Blanks behind.
    Behind,
    Zeros,
    /// A `+` before a number that is not negative.
    Plus,
    /// A blank before a number that is not negative.
    Blank,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16Be,
    Utf32Be,
}

/// What becomes of bytes that are no character, and of control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub policy: Policy,
    /// What stands for them.
    pub replacement: char,
    /// Characters below U+0020 count as malformed.
    pub controls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The call is refused.
    Strict,
    Replace,
    Ignore,
}

/// Runs of neighbouring texts, joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ngrams {
    pub separator: Arc<[u8]>,
    pub left: Arc<[u8]>,
    pub right: Arc<[u8]>,
    pub widths: Vec<usize>,
    /// How often the ends are padded, one less than the width at most; `None`: that many.
    pub pad: Option<usize>,
    /// A row too short for any width gives one run of all that it has.
    pub keep_short: bool,
}

/// How records are parted to fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// How many fields there are, of those that are asked for.
    pub columns: usize,
    pub delimiter: u8,
    /// A field may stand in quotes, those within it twice.
    pub quotes: bool,
    /// What stands for a missing field, besides nothing.
    pub missing: Arc<[u8]>,
    /// The numbers of the fields that are asked for; none for all.
    pub only: Vec<usize>,
}

/// Ops of the family. Where an input is said to be a text or a number alone, it is a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum StringOp {
    /// The hash modulo `buckets`, int64.
    Hash {
        hash: TextHash,
        buckets: u64,
    },
    /// Letters of ASCII, or of `unicode`: then what is not UTF-8 becomes U+FFFD.
    Case {
        upper: bool,
        unicode: bool,
    },
    /// Without ASCII blanks at its ends.
    Strip,
    /// Element by element with a separator between; scalars go with every element.
    Join {
        separator: Arc<[u8]>,
    },
    /// A vector's texts cut at every input 1, a text; where that is empty, at runs of blanks. At most `max` cuts, where it is
    /// not negative. Outputs are those of a sparse tensor: indices, values, shape.
    Split {
        max: i64,
    },
    /// As [`StringOp::Split`], cut at any byte of input 1; where that is empty, between all bytes.
    SplitAny {
        skip_empty: bool,
    },
    /// The length as int32.
    Length {
        unit: TextUnit,
    },
    /// From place input 1 (counted from the end where negative), as long as input 2 says, or as there is; these have one shape,
    /// which broadcasts. A place beyond the end is refused.
    Substr {
        unit: TextUnit,
    },
    /// The number that the text is, blanks around allowed; any other text is refused.
    ToNumber {
        to: DType,
    },
    /// A number as text; booleans as `true` and `false`.
    Format(Written),
    /// The first match, or each, replaced; `\1` in `by` is a group, `\0` the match. The pattern is of crate `regex`, over bytes.
    Replace {
        pattern: Pattern,
        by: Arc<[u8]>,
        all: bool,
    },
    /// Whether the whole text matches.
    FullMatch {
        pattern: Pattern,
    },
    /// Records of CSV: the text of each field, a tensor a field, then for each whether it is missing. A record with other than so many
    /// fields is refused.
    Fields(Fields),
    /// All characters as int32, one text after the other. Outputs: where each text begins and the last ends (`splits`: int32 or
    /// int64), characters, and the bytes where they begin, int64, where `offsets` says so.
    Decode {
        encoding: Encoding,
        malformed: Malformed,
        offsets: bool,
        splits: DType,
    },
    /// Characters to texts: input 0 the characters (int32), input 1 where each text begins and the last ends.
    Encode {
        encoding: Encoding,
        malformed: Malformed,
    },
    Transcode {
        from: Encoding,
        to: Encoding,
        malformed: Malformed,
    },
    /// In the alphabet for URLs; filled up with `=` where `pad` says so.
    EncodeBase64 {
        pad: bool,
    },
    /// From the alphabet for URLs, filled up or not.
    DecodeBase64,
    /// Input 1 says where each row begins and the last ends. Outputs: the runs, and the same of them.
    Ngrams(Ngrams),
    /// Along the axes of input 1, joined in their order, the last named innermost.
    ReduceJoin {
        separator: Arc<[u8]>,
        keep: bool,
    },
    /// The bytes of each text as numbers along a new last dimension; texts of other lengths are refused.
    Raw {
        to: DType,
        little: bool,
    },
}

impl StringOp {
    pub fn name(&self) -> &'static str {
        match self {
            StringOp::Hash { .. } => "hash_text",
            StringOp::Case { .. } => "text_case",
            StringOp::Strip => "strip_text",
            StringOp::Join { .. } => "join_texts",
            StringOp::Split { .. } | StringOp::SplitAny { .. } => "split_text",
            StringOp::Length { .. } => "text_length",
            StringOp::Substr { .. } => "part_of_text",
            StringOp::ToNumber { .. } => "text_to_number",
            StringOp::Format(_) => "number_to_text",
            StringOp::Replace { .. } => "replace_pattern",
            StringOp::FullMatch { .. } => "match_pattern",
            StringOp::Fields(_) => "fields",
            StringOp::Decode { .. } => "decode_unicode",
            StringOp::Encode { .. } => "encode_unicode",
            StringOp::Transcode { .. } => "transcode_unicode",
            StringOp::EncodeBase64 { .. } => "encode_base64",
            StringOp::DecodeBase64 => "decode_base64",
            StringOp::Ngrams(_) => "ngrams",
            StringOp::ReduceJoin { .. } => "reduce_join",
            StringOp::Raw { .. } => "decode_raw",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let text = |i: usize| tensor(formal, i) == Some(&Type::Bytes);
        let int = |i: usize| dtype(formal, i).is_some_and(DType::is_int);
        let when = |fits: bool, types: Vec<Type>, takes: &'static str| if fits { Ok(types) } else { Err(takes) };
        let sparse = || vec![Type::I64, Type::Bytes, Type::I64];
        match self {
            StringOp::Hash { .. } => when(text(0), vec![Type::I64], "texts"),
            StringOp::Length { .. } => when(text(0), vec![Type::I32], "texts"),
            StringOp::FullMatch { .. } => when(text(0), vec![Type::BOOL], "texts"),
            StringOp::ToNumber { to } | StringOp::Raw { to, .. } => when(text(0), vec![Type::scalar(*to)], "texts"),
            StringOp::Case { .. }
            | StringOp::Strip
            | StringOp::Replace { .. }
            | StringOp::Transcode { .. }
            | StringOp::EncodeBase64 { .. }
            | StringOp::DecodeBase64 => when(text(0), vec![Type::Bytes], "texts"),
            StringOp::Join { .. } => {
                when(!formal.is_empty() && (0..formal.len()).all(text), vec![Type::Bytes], "tensors of texts")
            }
            StringOp::Split { .. } | StringOp::SplitAny { .. } => {
                when(text(0) && text(1), sparse(), "texts, and the text to cut at")
            }
            StringOp::Substr { .. } => {
                when(text(0) && int(1) && int(2), vec![Type::Bytes], "texts, whole places and lengths")
            }
            StringOp::Format(_) => when(tensor(formal, 0).is_some(), vec![Type::Bytes], "a tensor"),
            StringOp::Fields(of) => {
                when(text(0), [vec![Type::Bytes; of.columns], vec![Type::BOOL; of.columns]].concat(), "texts")
            }
            StringOp::Decode { offsets, splits, .. } => {
                let mut types = vec![Type::scalar(*splits), Type::I32];
                types.extend(offsets.then_some(Type::I64));
                when(text(0), types, "texts")
            }
            StringOp::Encode { .. } => {
                when(int(0) && int(1), vec![Type::Bytes], "characters, and where the texts begin")
            }
            StringOp::Ngrams(_) => match dtype(formal, 1) {
                Some(splits @ (DType::I32 | DType::I64)) if text(0) => Ok(vec![Type::Bytes, Type::scalar(splits)]),
                _ => Err("texts, and where the rows begin"),
            },
            StringOp::ReduceJoin { .. } => when(text(0) && int(1), vec![Type::Bytes], "texts, and axes"),
        }
    }
}
