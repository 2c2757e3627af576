//! Texts and bytes; hashes.

use plan::{
    Expr, Func, Scalar,
    expr::{
        Arith, ListFunc, OnFault, TextFunc,
        text::{Ends, Title},
    },
};

use super::{ANY, Arg, Build, Function, row, texts};
use crate::spark::sql::{
    SqlError,
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

mod patterns;
mod printf;

use patterns::{extract, found, of_pattern, place, replace_all, rlike, split};

const fn plain(func: TextFunc, args: &'static [Arg]) -> Build {
    Build::Plain(Func::Text(func), args)
}

const fn run(func: TextFunc) -> Build {
    Build::Plain(Func::Text(func), &[Arg::Run])
}

pub const TABLE: &[Function] = &[
    row("ascii", "ascii(text)", "The number of the first character.", texts(TextFunc::Ascii)),
    row("base64", "base64(bytes)", "", plain(TextFunc::Base64, &[Arg::Binary])),
    row("bit_length", "bit_length(text)", "", Build::Custom(1, 1, bit_length)),
    row(
        "btrim",
        "btrim(text, characters)",
        "As `trim` on both ends.",
        Build::Custom(1, 2, |t, a| trim(t, a, Ends::Both)),
    ),
    row("char", "char(n)", "", plain(TextFunc::Chr, &[Arg::Long])),
    row("char_length", "char_length(text)", "", run(TextFunc::Length)),
    row("character_length", "character_length(text)", "", run(TextFunc::Length)),
    row("chr", "chr(n)", "", plain(TextFunc::Chr, &[Arg::Long])),
    row("concat", "concat(x, ..)", "Of texts, bytes or arrays.", Build::Custom(1, ANY, concat)),
    row(
        "concat_ws",
        "concat_ws(separator, x, ..)",
        "Joins texts and arrays of texts; nulls are passed over.",
        Build::Custom(1, ANY, concat_ws),
    ),
    row("contains", "contains(text, part)", "", texts(TextFunc::Contains)),
    row("conv", "conv(digits, from, to)", "A number's digits from one base to another.", Build::Custom(3, 3, conv)),
    row("crc32", "crc32(bytes)", "", plain(TextFunc::Crc32, &[Arg::Binary])),
    row("elt", "elt(n, x, ..)", "The n-th of the texts.", Build::Custom(2, ANY, elt)),
    row("encode", "encode(text, charset)", "Of UTF-8.", Build::Custom(2, 2, encode)),
    row("endswith", "endswith(text, part)", "", texts(TextFunc::EndsWith)),
    row("find_in_set", "find_in_set(text, list)", "", texts(TextFunc::FindInSet)),
    row("format_number", "format_number(x, digits)", "With English grouping.", Build::Custom(2, 2, format_number)),
    row(
        "format_string",
        "format_string(pattern, x, ..)",
        "As Java's `Formatter`; `%d %x %o %f %e %g %s`, patterns are constants.",
        Build::Custom(1, ANY, printf::format_string),
    ),
    row("hash", "hash(x, ..)", "Murmur3, as Spark's.", Build::Custom(1, ANY, |t, a| hash(t, a, false))),
    row("hex", "hex(x)", "Of a bigint, text or bytes.", Build::Custom(1, 1, hex)),
    row("ilike", "ilike(text, pattern)", "As LIKE, in any case.", Build::Custom(2, 3, ilike)),
    row("initcap", "initcap(text)", "", Build::Custom(1, 1, init_cap)),
    row("instr", "instr(text, part)", "", texts(TextFunc::Instr)),
    row("lcase", "lcase(text)", "", texts(TextFunc::Lower)),
    row("left", "left(text, n)", "", plain(TextFunc::Left, &[Arg::Run, Arg::Int])),
    row("len", "len(text)", "", run(TextFunc::Length)),
    row("length", "length(text)", "Characters of a text, bytes of bytes.", run(TextFunc::Length)),
    row(
        "levenshtein",
        "levenshtein(a, b, most)",
        "-1 where it is more than `most`, from Spark 3.5.",
        Build::Custom(2, 3, levenshtein),
    ),
    row("like", "like(text, pattern, escape)", "As `LIKE`.", Build::Custom(2, 3, like)),
    row("locate", "locate(part, text, from)", "", Build::Custom(2, 3, locate)),
    row("lower", "lower(text)", "", texts(TextFunc::Lower)),
    row("lpad", "lpad(text, n, filler)", "", Build::Custom(2, 3, |t, a| pad(t, a, TextFunc::PadLeft))),
    row("ltrim", "ltrim(text)", "", Build::Custom(1, 2, |t, a| trim_flipped(t, a, Ends::Left))),
    row("luhn_check", "luhn_check(digits)", "Whether the last digit is right.", texts(TextFunc::Luhn)),
    row(
        "mask",
        "mask(text, upper, lower, digit, other)",
        "What letters and digits become: X, x, n unless it is said; null keeps.",
        Build::Custom(1, 5, mask),
    ),
    row("md5", "md5(bytes)", "", plain(TextFunc::Md5, &[Arg::Binary])),
    row("octet_length", "octet_length(text)", "", run(TextFunc::OctetLength)),
    row("overlay", "overlay(text PLACING with FROM place FOR n)", "", Build::Custom(3, 4, overlay)),
    row("position", "position(part IN text)", "", Build::Custom(2, 3, locate)),
    row("printf", "printf(pattern, x, ..)", "As `format_string`.", Build::Custom(1, ANY, printf::format_string)),
    row("regexp", "regexp(text, pattern)", "As `rlike`.", Build::Custom(2, 2, rlike)),
    row(
        "regexp_count",
        "regexp_count(text, pattern)",
        "",
        Build::Custom(2, 2, |t, a| of_pattern(t, a, TextFunc::Count)),
    ),
    row(
        "regexp_extract",
        "regexp_extract(text, pattern, group)",
        "Patterns are Java's, and constants.",
        Build::Custom(2, 3, |t, a| extract(t, a, TextFunc::Extract)),
    ),
    row(
        "regexp_extract_all",
        "regexp_extract_all(text, pattern, group)",
        "",
        Build::Custom(2, 3, |t, a| extract(t, a, TextFunc::ExtractAll)),
    ),
    row(
        "regexp_instr",
        "regexp_instr(text, pattern)",
        "Where the first match begins, from 1.",
        Build::Custom(2, 3, place),
    ),
    row("regexp_like", "regexp_like(text, pattern)", "As `rlike`.", Build::Custom(2, 2, rlike)),
    row("regexp_replace", "regexp_replace(text, pattern, with, from)", "", Build::Custom(3, 4, replace_all)),
    row("regexp_substr", "regexp_substr(text, pattern)", "The first match, else null.", Build::Custom(2, 2, found)),
    row("repeat", "repeat(text, n)", "", plain(TextFunc::Repeat, &[Arg::Text, Arg::Int])),
    row("replace", "replace(text, part, with)", "", Build::Custom(2, 3, replace)),
    row("reverse", "reverse(x)", "Of a text or an array.", Build::Custom(1, 1, reverse)),
    row("right", "right(text, n)", "", plain(TextFunc::Right, &[Arg::Text, Arg::Int])),
    row("rlike", "text RLIKE pattern", "Whether a pattern of Java is found.", Build::Custom(2, 2, rlike)),
    row("rpad", "rpad(text, n, filler)", "", Build::Custom(2, 3, |t, a| pad(t, a, TextFunc::PadRight))),
    row("rtrim", "rtrim(text)", "", Build::Custom(1, 2, |t, a| trim_flipped(t, a, Ends::Right))),
    row("sha", "sha(bytes)", "", plain(TextFunc::Sha1, &[Arg::Binary])),
    row("sha1", "sha1(bytes)", "", plain(TextFunc::Sha1, &[Arg::Binary])),
    row("sha2", "sha2(bytes, bits)", "", plain(TextFunc::Sha2, &[Arg::Binary, Arg::Int])),
    row("soundex", "soundex(text)", "", texts(TextFunc::Soundex)),
    row("space", "space(n)", "", plain(TextFunc::Space, &[Arg::Int])),
    row("split", "split(text, pattern, limit)", "", Build::Custom(2, 3, split)),
    row(
        "split_part",
        "split_part(text, separator, n)",
        "",
        plain(TextFunc::SplitPart, &[Arg::Text, Arg::Text, Arg::Int]),
    ),
    row("startswith", "startswith(text, part)", "", texts(TextFunc::StartsWith)),
    row("substr", "substr(text, from, n)", "", Build::Custom(2, 3, substring)),
    row("substring", "substring(text, from, n)", "", Build::Custom(2, 3, substring)),
    row(
        "substring_index",
        "substring_index(text, separator, n)",
        "",
        plain(TextFunc::SubstringIndex, &[Arg::Text, Arg::Text, Arg::Int]),
    ),
    row("translate", "translate(text, from, to)", "", texts(TextFunc::Translate)),
    row("trim", "trim(text)", "Blanks at both ends.", Build::Custom(1, 2, |t, a| trim_flipped(t, a, Ends::Both))),
    row("trim both", "trim(BOTH characters FROM text)", "", Build::Custom(1, 2, |t, a| trim(t, a, Ends::Both))),
    row("trim leading", "trim(LEADING characters FROM text)", "", Build::Custom(1, 2, |t, a| trim(t, a, Ends::Left))),
    row(
        "trim trailing",
        "trim(TRAILING characters FROM text)",
        "",
        Build::Custom(1, 2, |t, a| trim(t, a, Ends::Right)),
    ),
    row(
        "try_url_decode",
        "try_url_decode(text)",
        "Null of what is malformed; from Spark 4.",
        Build::Custom(1, 1, try_url_decode),
    ),
    row("ucase", "ucase(text)", "", texts(TextFunc::Upper)),
    row("unbase64", "unbase64(text)", "", texts(TextFunc::Unbase64)),
    row("unhex", "unhex(text)", "", texts(TextFunc::Unhex)),
    row("upper", "upper(text)", "", texts(TextFunc::Upper)),
    row("url_decode", "url_decode(text)", "", texts(TextFunc::UrlDecode(OnFault::Refuse))),
    row("url_encode", "url_encode(text)", "", texts(TextFunc::UrlEncode)),
    row("xxhash64", "xxhash64(x, ..)", "", Build::Custom(1, ANY, |t, a| hash(t, a, true))),
];

fn text(typer: &Typer<'_>, arg: Typed, of: &str) -> Result<Typed, SqlError> {
    typer.expect(arg, &SqlType::Text, of)
}

fn int(typer: &Typer<'_>, arg: Typed, of: &str) -> Result<Typed, SqlError> {
    typer.expect(arg, &SqlType::Int, of)
}

pub fn int_constant(value: i32) -> Typed {
    Typed::new(Expr::Const(Scalar::I32(value)), SqlType::Int)
}

pub fn text_constant(value: &str) -> Typed {
    Typed::new(Expr::text(value), SqlType::Text)
}

/// Returns the arguments converted: texts at first, ints after `texts` of them.
fn texts_then_ints(typer: &Typer<'_>, args: Vec<Typed>, count: usize, of: &str) -> Result<Vec<Typed>, SqlError> {
    let each = args.into_iter().enumerate();
    each.map(|(i, arg)| if i < count { text(typer, arg, of) } else { int(typer, arg, of) }).collect()
}

/// Texts, or bytes, or arrays, all of one type; else all as texts.
pub fn concat(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.iter().any(|arg| matches!(arg.ty, SqlType::Array(_))) {
        let args = typer.alike(args, "concat")?;
        return typer.call(ListFunc::Concat, args);
    }
    let is_bytes = |arg: &Typed| matches!(arg.ty, SqlType::Binary);
    if !args.iter().all(is_bytes) {
        // Spark joins bytes and texts as texts.
        let rule = plan::expr::CastRule::Legacy;
        let as_text = |arg: Typed| {
            if is_bytes(&arg) { typer.cast_by(arg, &SqlType::Text, rule) } else { text(typer, arg, "concat") }
        };
        let args = args.into_iter().map(as_text).collect::<Result<_, _>>()?;
        return typer.call(TextFunc::Concat, args);
    }
    typer.call(TextFunc::Concat, args)
}

fn concat_ws(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let list = SqlType::Array(Box::new(SqlType::Text));
    let each = args.into_iter().map(|arg| match &arg.ty {
        SqlType::Array(_) => Ok(typer.cast(arg, &list)),
        _ => text(typer, arg, "concat_ws"),
    });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(TextFunc::ConcatWs, args)
}

fn bit_length(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let each = args.into_iter().map(|a| if a.ty == SqlType::Binary { Ok(a) } else { text(typer, a, "bit_length") });
    let args = each.collect::<Result<_, _>>()?;
    let bytes = typer.call(TextFunc::OctetLength, args)?;
    typer.arith(Arith::Mul, vec![bytes, int_constant(8)], OnFault::Wrap, &SqlType::Int)
}

/// `(text, characters)`.
fn trim(typer: &Typer<'_>, args: Vec<Typed>, ends: Ends) -> Result<Typed, SqlError> {
    let args = args.into_iter().map(|arg| text(typer, arg, "trim")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::Trim(ends), args)
}

/// `(characters, text)`, as `ltrim` and `rtrim` have it.
fn trim_flipped(typer: &Typer<'_>, mut args: Vec<Typed>, ends: Ends) -> Result<Typed, SqlError> {
    args.reverse();
    trim(typer, args, ends)
}

fn conv(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [digits, from, to] = <[Typed; 3]>::try_from(args).map_err(|args| no_common("conv", &args))?;
    let args = vec![text(typer, digits, "conv")?, int(typer, from, "conv")?, int(typer, to, "conv")?];
    typer.call(TextFunc::Conv(typer.on()), args)
}

fn init_cap(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let title = if typer.session.since(4, 0) { Title::Full } else { Title::Simple };
    let args = args.into_iter().map(|arg| text(typer, arg, "initcap")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::InitCap(title), args)
}

fn try_url_decode(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, "try_url_decode")?;
    let args = args.into_iter().map(|arg| text(typer, arg, "try_url_decode")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::UrlDecode(OnFault::Null), args)
}

fn levenshtein(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.len() == 3 && !typer.session.since(3, 5) {
        return Err(SqlError::Analysis("`levenshtein` takes 2 arguments before Spark 3.5, got 3".to_owned()));
    }
    let args = texts_then_ints(typer, args, 2, "levenshtein")?;
    typer.call(TextFunc::Levenshtein, args)
}

fn elt(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let Some(n) = args.next() else { return Err(no_common("elt", &[])) };
    let n = int(typer, n, "elt")?;
    if args.as_slice().iter().all(|arg| arg.ty == SqlType::Binary) {
        return Err(SqlError::Unsupported("`elt` of bytes".to_owned()));
    }
    let texts = args.map(|arg| text(typer, arg, "elt")).collect::<Result<Vec<_>, _>>()?;
    if typer.session.ansi {
        let place = typer.arith(Arith::Sub, vec![n, int_constant(1)], OnFault::Wrap, &SqlType::Int)?;
        let list = typer.call(ListFunc::Array, texts)?;
        return typer.call(ListFunc::Get(OnFault::Refuse), vec![list, place]);
    }
    let mut arms = Vec::with_capacity(2 * texts.len());
    for (i, arg) in texts.into_iter().enumerate() {
        arms.push(typer.comparison(plan::expr::Compare::Eq, typer.copy(&n)?, int_constant(i as i32 + 1))?);
        arms.push(arg);
    }
    typer.call(Func::Case, arms)
}

fn is_utf8(charset: &Typed) -> bool {
    charset.text().is_some_and(|name| ["utf-8", "utf8"].contains(&name.to_ascii_lowercase().as_str()))
}

fn encode(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [value, charset] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("encode", &args))?;
    if !is_utf8(&charset) {
        return Err(SqlError::Unsupported("`encode` to other than UTF-8".to_owned()));
    }
    let value = text(typer, value, "encode")?;
    Ok(typer.cast(value, &SqlType::Binary))
}

pub fn decode(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [value, charset] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("decode", &args))?;
    if !is_utf8(&charset) {
        return Err(SqlError::Unsupported("`decode` from other than UTF-8".to_owned()));
    }
    let value = typer.expect(value, &SqlType::Binary, "decode")?;
    if typer.session.since(4, 0) {
        return typer.call(TextFunc::Decode, vec![value]);
    }
    typer.cast_by(value, &SqlType::Text, plan::expr::CastRule::Legacy)
}

fn format_number(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, digits] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("format_number", &args))?;
    if digits.ty == SqlType::Text {
        return Err(SqlError::Unsupported("`format_number` with a pattern".to_owned()));
    }
    let x = if x.ty.is_number() { x } else { typer.expect(x, &SqlType::Double, "format_number")? };
    let digits = int(typer, digits, "format_number")?;
    typer.call(TextFunc::FormatNumber, vec![x, digits])
}

fn hash(typer: &Typer<'_>, args: Vec<Typed>, wide: bool) -> Result<Typed, SqlError> {
    let seed = if wide { Typed::new(Expr::i64(42), SqlType::Long) } else { int_constant(42) };
    let args = std::iter::once(seed).chain(args).collect();
    typer.call(if wide { TextFunc::XxHash64 } else { TextFunc::Murmur3 }, args)
}

fn hex(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let each = args.into_iter().map(|arg| match arg.ty {
        SqlType::Text | SqlType::Binary => Ok(arg),
        _ => typer.expect(arg, &SqlType::Long, "hex"),
    });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(TextFunc::Hex, args)
}

fn escape(args: &mut Vec<Typed>) -> Result<char, SqlError> {
    let Some(escape) = (args.len() == 3).then(|| args.pop()).flatten() else { return Ok('\\') };
    let mut chars = escape.text().map(|text| text.chars()).into_iter().flatten();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(SqlError::Analysis("the escape of LIKE must be one character".to_owned())),
    }
}

fn like(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    let escape = escape(&mut args)?;
    let args = args.into_iter().map(|arg| text(typer, arg, "LIKE")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::Like { escape }, args)
}

fn ilike(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    let escape = escape(&mut args)?;
    let lower = |arg: Typed| typer.call(TextFunc::Lower, vec![text(typer, arg, "ILIKE")?]);
    let args = args.into_iter().map(lower).collect::<Result<_, _>>()?;
    typer.call(TextFunc::Like { escape }, args)
}

fn mask(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let value = args.next().filter(|arg| matches!(arg.ty, SqlType::Text | SqlType::Null));
    let value = value.ok_or_else(|| SqlError::Analysis("`mask` takes a text".to_owned()))?;
    let mut with = [Some('X'), Some('x'), Some('n'), None];
    for (mask, arg) in with.iter_mut().zip(args) {
        let mut chars = arg.text().map(|text| text.chars()).into_iter().flatten();
        *mask = match (chars.next(), chars.next()) {
            (None, _) if arg.ty == SqlType::Null => None,
            (Some(c), None) if c.len_utf16() == 1 => Some(c),
            _ if arg.constant.is_none() => {
                return Err(SqlError::Unsupported("`mask` with other than constants".to_owned()));
            }
            _ => return Err(SqlError::Analysis("`mask` takes one character, or null, for each kind".to_owned())),
        };
    }
    let value = typer.cast(value, &SqlType::Text);
    typer.call(TextFunc::Mask { with, units: typer.session.units() }, vec![value])
}

fn locate(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.len() == 2 {
        args.push(int_constant(1));
    }
    let args = texts_then_ints(typer, args, 2, "locate")?;
    typer.call(TextFunc::Locate, args)
}

fn pad(typer: &Typer<'_>, mut args: Vec<Typed>, func: TextFunc) -> Result<Typed, SqlError> {
    if args.iter().any(|arg| arg.ty == SqlType::Binary) {
        return Err(SqlError::Unsupported("`lpad` and `rpad` of bytes".to_owned()));
    }
    if args.len() == 2 {
        args.push(text_constant(" "));
    }
    let each = args.into_iter().enumerate();
    let each = each.map(|(i, arg)| if i == 1 { int(typer, arg, "lpad") } else { text(typer, arg, "lpad") });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(func, args)
}

fn overlay(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.iter().take(2).all(|arg| arg.ty == SqlType::Binary) {
        return Err(SqlError::Unsupported("`overlay` of bytes".to_owned()));
    }
    if args.len() == 3 {
        args.push(int_constant(-1));
    }
    let args = texts_then_ints(typer, args, 2, "overlay")?;
    typer.call(TextFunc::Overlay, args)
}

fn replace(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.len() == 2 {
        args.push(text_constant(""));
    }
    let args = args.into_iter().map(|arg| text(typer, arg, "replace")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::Replace, args)
}

fn reverse(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.iter().any(|arg| matches!(arg.ty, SqlType::Array(_))) {
        return typer.call(ListFunc::Reverse, args);
    }
    let args = args.into_iter().map(|arg| text(typer, arg, "reverse")).collect::<Result<_, _>>()?;
    typer.call(TextFunc::Reverse, args)
}

fn substring(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let (Some(value), Some(from)) = (args.next(), args.next()) else { return Err(no_common("substring", &[])) };
    let length = args.next().unwrap_or_else(|| int_constant(i32::MAX));
    let value = if value.ty == SqlType::Binary { value } else { text(typer, value, "substring")? };
    let args = vec![value, int(typer, from, "substring")?, int(typer, length, "substring")?];
    typer.call(TextFunc::Substring, args)
}
