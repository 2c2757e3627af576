//! Texts and bytes. Positions and lengths count characters (code points), from 1, unless a function says otherwise.

use std::ops::RangeInclusive;

use model::{DType, Type};

use super::{NumberPattern, OnFault};
use crate::op::text::Pattern;

/// Which ends of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    Both,
    Left,
    Right,
}

/// What a character beyond U+FFFF counts as: two units of UTF-16, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Units {
    Utf16,
    Characters,
}

/// How the first letter of a word becomes title case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Title {
    /// Letter by letter of the lower-cased text, as Java's `Character.toTitleCase(char)`: `ß` stays.
    Simple,
    /// By the full mapping, as ICU: `ß` becomes `Ss`.
    Full,
}

/// Functions of texts. `int` is an int32. A result longer than 64 MiB refuses its row.
#[derive(Clone, Debug, PartialEq)]
pub enum TextFunc {
    /// By full case mapping without a locale, as Java's.
    Upper,
    /// By full case mapping without a locale, as Java's.
    Lower,
    /// The first letter of each word in title case, all others lower; words end at blanks (U+0020 alone).
    InitCap(Title),
    /// Characters of a text, bytes of bytes: an int.
    Length,
    /// Bytes of a text (UTF-8) or of bytes: an int.
    OctetLength,
    /// Without blanks (U+0020 alone), or with a second argument without any of its characters, at the ends.
    Trim(Ends),
    /// All texts, or all bytes, in order.
    Concat,
    /// `(separator, text or list of texts, ..)`: what is not null, with the separator between; null where that is null.
    ConcatWs,
    /// `(text or bytes, from int, length int)`: from 0 is from 1, below 0 counts from the end.
    Substring,
    /// `(text or bytes, length int)`; empty for lengths not above 0.
    Left,
    /// `(text or bytes, length int)`; empty for lengths not above 0.
    Right,
    /// `(text, length int, filler)`: cut or filled on the left to the length; as it is where the filler is empty.
    PadLeft,
    /// `(text, length int, filler)`: cut or filled on the right to the length; as it is where the filler is empty.
    PadRight,
    /// `(text, times int)`.
    Repeat,
    /// Its characters from the last to the first.
    Reverse,
    /// `(text, part, with)`: every occurrence; as it is where the part is empty.
    Replace,
    /// `(text, from, to)`: each character of `from` becomes the one at the same place of `to`, or goes where there is none.
    Translate,
    /// `(text, part)`: where the part first stands, 0 where it does not: an int.
    Instr,
    /// `(part, text, from int)`: where the part first stands at or after `from`; 0 where it does not or `from` is below 1;
    /// null where part or text is, 0 where `from` is null.
    Locate,
    StartsWith,
    EndsWith,
    /// `(text, part)`.
    Contains,
    /// `(text, pattern)`: `%` is any text, `_` any character, after the escape character each and it stand for themselves;
    /// another character after it, or none, refuses the row.
    Like {
        escape: char,
    },
    /// Whether the pattern is found anywhere.
    Matches(Pattern),
    /// `(text, group int)`: the group of the first match; empty where there is no match or the group took no part; a group
    /// that the pattern does not have refuses the row.
    Extract(Pattern),
    /// As [`TextFunc::Extract`], of all matches: a list.
    ExtractAll(Pattern),
    /// `(text, with)`: every match; `$1` and `${name}` stand for groups, a backslash takes the next character as it is.
    /// The search begins at character `from` (counted from 0). Java's rules for what is malformed refuse the row.
    ReplaceAll {
        pattern: Pattern,
        from: u32,
    },
    /// The number of matches, an int.
    Count(Pattern),
    /// Where the first match begins, from 1; 0 where there is none: an int.
    Place {
        pattern: Pattern,
        units: Units,
    },
    /// `(text, limit int)`: cut at the matches, at most `limit` parts where it is above 0; empty parts at the end stay. An empty
    /// pattern cuts between characters; what is past the limit belongs to the last part, or is dropped (`drops`).
    Split {
        pattern: Pattern,
        drops: bool,
    },
    /// The number (code point) of the first character, 0 of an empty text: an int.
    Ascii,
    /// The character of an int64 modulo 256 (Latin-1); empty below 0.
    Chr,
    /// So many (int) blanks.
    Space,
    Soundex,
    /// `(text, text)`: the edit distance, an int. Spark's. With a third argument, an int: -1 where it is more than this.
    Levenshtein,
    /// `(number, digits int)`: English grouping, so many digits after the point, half to even; null below 0 digits.
    FormatNumber,
    /// A number's text by a pattern of `printf`: an int64 or a float64, as the pattern says; `%s` of a text, too.
    Printf(NumberPattern),
    /// Upper-case letters, lower-case letters, digits (Unicode's Lu, Ll and Nd) and all else become these, or stay as they are.
    /// Of a character of two units each is something else.
    Mask {
        with: [Option<char>; 4],
        units: Units,
    },
    /// Whether it is digits alone, the last of them right by Luhn's rule.
    Luhn,
    /// As Java's `URLEncoder`: a blank becomes a plus sign.
    UrlEncode,
    /// As Java's `URLDecoder`; what is malformed refuses the row, or is null.
    UrlDecode(OnFault),
    /// `(text, separator, part int)`: the part of this number, from the end where below 0; empty where there is none; 0 refuses
    /// the row. An empty separator cuts nothing.
    SplitPart,
    /// `(text, separator, count int)`: all before the count-th separator; after it, counted from the end, where below 0.
    SubstringIndex,
    /// `(text, texts separated by commas)`: its place among them, 0 where it is none or holds a comma: an int.
    FindInSet,
    /// `(text, with, from int, length int)`: `length` characters from `from` replaced; below 0: as many as `with` has.
    Overlay,
    /// Of bytes: UTF-8; what is malformed refuses the row.
    Decode,
    /// Of bytes: with padding, in one line.
    Base64,
    /// Of a text to bytes, as Java's MIME decoder: what is no digit is passed over. Refused where it ends within
    /// a byte, or goes on after its padding.
    Unbase64,
    /// Of int64 (its 64 bits without leading zeros), text or bytes: upper case.
    Hex,
    /// Of a text to bytes; null where a character is no digit.
    Unhex,
    /// Of int64: its 64 bits without leading zeros.
    Bin,
    /// `(digits text, from base int, to base int)`: Hive's rule; null for bases outside 2 to 36. A number above 64 bits is
    /// the largest of them, or by [`OnFault::Refuse`] a refusal.
    Conv(OnFault),
    /// Of bytes, an int64.
    Crc32,
    /// Of bytes: lower-case hex.
    Md5,
    /// Of bytes: lower-case hex.
    Sha1,
    /// `(bytes, bits int)`: bits 0 is 256; null unless 224, 256, 384, 512. Lower-case hex.
    Sha2,
    /// `(seed int32 constant, any..)`: Spark's `hash`, Murmur3 of the arguments in order (null passes the seed on): an int.
    Murmur3,
    /// `(seed int64 constant, any..)`: Spark's `xxhash64`: an int64.
    XxHash64,
}

impl TextFunc {
    pub fn name(&self) -> &'static str {
        match self {
            TextFunc::Upper => "upper",
            TextFunc::Lower => "lower",
            TextFunc::InitCap(_) => "init_cap",
            TextFunc::Length => "length",
            TextFunc::OctetLength => "octet_length",
            TextFunc::Trim(Ends::Both) => "trim",
            TextFunc::Trim(Ends::Left) => "trim_left",
            TextFunc::Trim(Ends::Right) => "trim_right",
            TextFunc::Concat => "concat",
            TextFunc::ConcatWs => "concat_ws",
            TextFunc::Substring => "substring",
            TextFunc::Left => "left",
            TextFunc::Right => "right",
            TextFunc::PadLeft => "pad_left",
            TextFunc::PadRight => "pad_right",
            TextFunc::Repeat => "repeat",
            TextFunc::Reverse => "reverse",
            TextFunc::Replace => "replace",
            TextFunc::Translate => "translate",
            TextFunc::Instr => "instr",
            TextFunc::Locate => "locate",
            TextFunc::StartsWith => "starts_with",
            TextFunc::EndsWith => "ends_with",
            TextFunc::Contains => "contains",
            TextFunc::Like { .. } => "like",
            TextFunc::Matches(_) => "matches",
            TextFunc::Extract(_) => "extract",
            TextFunc::ExtractAll(_) => "extract_all",
            TextFunc::ReplaceAll { .. } => "replace_all",
            TextFunc::Count(_) => "count_matches",
            TextFunc::Place { .. } => "place_of_match",
            TextFunc::Split { .. } => "split",
            TextFunc::Ascii => "ascii",
            TextFunc::Chr => "chr",
            TextFunc::Space => "space",
            TextFunc::Soundex => "soundex",
            TextFunc::Levenshtein => "levenshtein",
            TextFunc::FormatNumber => "format_number",
            TextFunc::Printf(_) => "printf",
            TextFunc::Mask { .. } => "mask",
            TextFunc::Luhn => "luhn",
            TextFunc::UrlEncode => "url_encode",
            TextFunc::UrlDecode(_) => "url_decode",
            TextFunc::SplitPart => "split_part",
            TextFunc::SubstringIndex => "substring_index",
            TextFunc::FindInSet => "find_in_set",
            TextFunc::Overlay => "overlay",
            TextFunc::Decode => "decode",
            TextFunc::Base64 => "base64",
            TextFunc::Unbase64 => "unbase64",
            TextFunc::Hex => "hex",
            TextFunc::Unhex => "unhex",
            TextFunc::Bin => "bin",
            TextFunc::Conv(_) => "conv",
            TextFunc::Crc32 => "crc32",
            TextFunc::Md5 => "md5",
            TextFunc::Sha1 => "sha1",
            TextFunc::Sha2 => "sha2",
            TextFunc::Murmur3 => "murmur3",
            TextFunc::XxHash64 => "xxhash64",
        }
    }

    pub fn arity(&self) -> RangeInclusive<usize> {
        match self {
            TextFunc::Trim(_) => 1..=2,
            TextFunc::Concat | TextFunc::ConcatWs => 1..=usize::MAX,
            TextFunc::Murmur3 | TextFunc::XxHash64 => 2..=usize::MAX,
            TextFunc::Overlay => 4..=4,
            TextFunc::Substring | TextFunc::PadLeft | TextFunc::PadRight | TextFunc::Replace => 3..=3,
            TextFunc::Translate | TextFunc::Locate | TextFunc::SplitPart | TextFunc::SubstringIndex => 3..=3,
            TextFunc::Conv(_) => 3..=3,
            TextFunc::Levenshtein => 2..=3,
            TextFunc::Left | TextFunc::Right | TextFunc::Repeat | TextFunc::Instr => 2..=2,
            TextFunc::StartsWith | TextFunc::EndsWith | TextFunc::Contains | TextFunc::Like { .. } => 2..=2,
            TextFunc::Extract(_) | TextFunc::ExtractAll(_) | TextFunc::ReplaceAll { .. } | TextFunc::Split { .. } => {
                2..=2
            }
            TextFunc::FormatNumber | TextFunc::FindInSet | TextFunc::Sha2 => 2..=2,
            _ => 1..=1,
        }
    }

    pub(crate) fn result(&self, args: &[Type]) -> Option<Type> {
        use Type::{Bytes, Text};
        const I32: Type = Type::I32;
        let is_run = |ty: &Type| matches!(ty, Text | Bytes);
        let texts = Type::list(Text);
        match self {
            TextFunc::Length | TextFunc::OctetLength => is_run(&args[0]).then_some(I32),
            TextFunc::Concat => (is_run(&args[0]) && args.iter().all(|ty| *ty == args[0])).then(|| args[0].clone()),
            TextFunc::ConcatWs => {
                (args[0] == Text && args.iter().all(|ty| *ty == Text || *ty == texts)).then_some(Text)
            }
            TextFunc::Trim(_) => args.iter().all(|ty| *ty == Text).then_some(Text),
            TextFunc::Substring => (is_run(&args[0]) && args[1..] == [I32, I32]).then(|| args[0].clone()),
            TextFunc::Left | TextFunc::Right => (is_run(&args[0]) && args[1] == I32).then(|| args[0].clone()),
            TextFunc::Hex => (is_run(&args[0]) || args[0] == Type::I64).then_some(Text),
            TextFunc::FormatNumber => {
                let is_number = |d: DType| d.is_decimal() || d.is_number() && !matches!(d, DType::U64);
                (args[0].as_scalar().is_some_and(is_number) && args[1] == I32).then_some(Text)
            }
            TextFunc::Printf(pattern) => {
                let takes = if pattern.is_whole() { Type::I64 } else { Type::F64 };
                (args[0] == takes || pattern.is_text() && args[0] == Text).then_some(Text)
            }
            TextFunc::Murmur3 => (args[0] == I32 && args[1..].iter().all(is_hashed)).then_some(I32),
            TextFunc::XxHash64 => (args[0] == Type::I64 && args[1..].iter().all(is_hashed)).then_some(Type::I64),
            _ => self.plain(args),
        }
    }

    /// Returns the result of a function that takes types of one kind only.
    fn plain(&self, args: &[Type]) -> Option<Type> {
        use Type::{Bytes, Text};
        const I32: Type = Type::I32;
        let of = |takes: &[Type], gives| (args == takes).then_some(gives);
        match self {
            TextFunc::Instr | TextFunc::FindInSet => of(&[Text, Text], I32),
            TextFunc::Levenshtein => of(&[Text, Text], I32).or(of(&[Text, Text, I32], I32)),
            TextFunc::Locate => of(&[Text, Text, I32], I32),
            TextFunc::StartsWith | TextFunc::EndsWith | TextFunc::Contains | TextFunc::Like { .. } => {
                of(&[Text, Text], Type::BOOL)
            }
            TextFunc::Matches(_) | TextFunc::Luhn => of(&[Text], Type::BOOL),
            TextFunc::Extract(_) | TextFunc::Repeat => of(&[Text, I32], Text),
            TextFunc::ExtractAll(_) | TextFunc::Split { .. } => of(&[Text, I32], Type::list(Text)),
            TextFunc::ReplaceAll { .. } => of(&[Text, Text], Text),
            TextFunc::Count(_) | TextFunc::Place { .. } | TextFunc::Ascii => of(&[Text], I32),
            TextFunc::Replace | TextFunc::Translate => of(&[Text, Text, Text], Text),
            TextFunc::PadLeft | TextFunc::PadRight => of(&[Text, I32, Text], Text),
            TextFunc::SplitPart | TextFunc::SubstringIndex => of(&[Text, Text, I32], Text),
            TextFunc::Overlay => of(&[Text, Text, I32, I32], Text),
            TextFunc::Conv(_) => of(&[Text, I32, I32], Text),
            TextFunc::Space => of(&[I32], Text),
            TextFunc::Chr | TextFunc::Bin => of(&[Type::I64], Text),
            TextFunc::Base64 | TextFunc::Decode | TextFunc::Md5 | TextFunc::Sha1 => of(&[Bytes], Text),
            TextFunc::Sha2 => of(&[Bytes, I32], Text),
            TextFunc::Crc32 => of(&[Bytes], Type::I64),
            TextFunc::Unbase64 | TextFunc::Unhex => of(&[Text], Bytes),
            _ => of(&[Text], Text),
        }
    }
}

fn is_hashed(ty: &Type) -> bool {
    match ty {
        Type::Text | Type::Bytes => true,
        Type::List(item) => is_hashed(item),
        ty => ty.as_scalar().is_some(),
    }
}
