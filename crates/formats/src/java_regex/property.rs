//! What `\p{...}` names in Java: POSIX's classes (ASCII), Java's own, and Unicode's.

use super::{Fold, Result, unsupported};

/// `\h`, as the inside of a class.
pub(super) const HORIZONTAL: &str = r"\x{20}\t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
/// `\v`, as the inside of a class.
pub(super) const VERTICAL: &str = r"\n\x{0b}\f\r\x{85}\x{2028}\x{2029}";

const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf", "Co",
];

/// Blocks that patterns name, without blanks, hyphens and underscores, in lower case; with their first and last characters.
#[rustfmt::skip]
const BLOCKS: &[(&str, u32, u32)] = &[
    ("basiclatin", 0x00, 0x7f), ("latin1supplement", 0x80, 0xff), ("latinextendeda", 0x100, 0x17f),
    ("latinextendedb", 0x180, 0x24f), ("ipaextensions", 0x250, 0x2af), ("spacingmodifierletters", 0x2b0, 0x2ff),
    ("combiningdiacriticalmarks", 0x300, 0x36f), ("greek", 0x370, 0x3ff), ("greekandcoptic", 0x370, 0x3ff),
    ("cyrillic", 0x400, 0x4ff), ("cyrillicsupplement", 0x500, 0x52f), ("cyrillicsupplementary", 0x500, 0x52f),
    ("armenian", 0x530, 0x58f), ("hebrew", 0x590, 0x5ff), ("arabic", 0x600, 0x6ff), ("syriac", 0x700, 0x74f),
    ("arabicsupplement", 0x750, 0x77f), ("thaana", 0x780, 0x7bf), ("devanagari", 0x900, 0x97f),
    ("bengali", 0x980, 0x9ff), ("gurmukhi", 0xa00, 0xa7f), ("gujarati", 0xa80, 0xaff), ("oriya", 0xb00, 0xb7f),
    ("tamil", 0xb80, 0xbff), ("telugu", 0xc00, 0xc7f), ("kannada", 0xc80, 0xcff), ("malayalam", 0xd00, 0xd7f),
    ("sinhala", 0xd80, 0xdff), ("thai", 0xe00, 0xe7f), ("lao", 0xe80, 0xeff), ("tibetan", 0xf00, 0xfff),
    ("myanmar", 0x1000, 0x109f), ("georgian", 0x10a0, 0x10ff), ("hanguljamo", 0x1100, 0x11ff),
    ("ethiopic", 0x1200, 0x137f), ("cherokee", 0x13a0, 0x13ff), ("ogham", 0x1680, 0x169f), ("runic", 0x16a0, 0x16ff),
    ("khmer", 0x1780, 0x17ff), ("mongolian", 0x1800, 0x18af), ("latinextendedadditional", 0x1e00, 0x1eff),
    ("greekextended", 0x1f00, 0x1fff), ("generalpunctuation", 0x2000, 0x206f),
    ("superscriptsandsubscripts", 0x2070, 0x209f), ("currencysymbols", 0x20a0, 0x20cf),
    ("letterlikesymbols", 0x2100, 0x214f), ("numberforms", 0x2150, 0x218f), ("arrows", 0x2190, 0x21ff),
    ("mathematicaloperators", 0x2200, 0x22ff), ("miscellaneoustechnical", 0x2300, 0x23ff),
    ("controlpictures", 0x2400, 0x243f), ("enclosedalphanumerics", 0x2460, 0x24ff), ("boxdrawing", 0x2500, 0x257f),
    ("blockelements", 0x2580, 0x259f), ("geometricshapes", 0x25a0, 0x25ff), ("miscellaneoussymbols", 0x2600, 0x26ff),
    ("dingbats", 0x2700, 0x27bf), ("braillepatterns", 0x2800, 0x28ff),
    ("cjkradicalssupplement", 0x2e80, 0x2eff), ("cjksymbolsandpunctuation", 0x3000, 0x303f),
    ("hiragana", 0x3040, 0x309f), ("katakana", 0x30a0, 0x30ff), ("bopomofo", 0x3100, 0x312f),
    ("hangulcompatibilityjamo", 0x3130, 0x318f), ("enclosedcjklettersandmonths", 0x3200, 0x32ff),
    ("cjkcompatibility", 0x3300, 0x33ff), ("cjkunifiedideographsextensiona", 0x3400, 0x4dbf),
    ("cjkunifiedideographs", 0x4e00, 0x9fff), ("hangulsyllables", 0xac00, 0xd7af),
    ("cjkcompatibilityideographs", 0xf900, 0xfaff), ("alphabeticpresentationforms", 0xfb00, 0xfb4f),
    ("arabicpresentationformsa", 0xfb50, 0xfdff), ("combininghalfmarks", 0xfe20, 0xfe2f),
    ("arabicpresentationformsb", 0xfe70, 0xfeff), ("halfwidthandfullwidthforms", 0xff00, 0xffef),
    ("emoticons", 0x1f600, 0x1f64f), ("miscellaneoussymbolsandpictographs", 0x1f300, 0x1f5ff),
    ("transportandmapsymbols", 0x1f680, 0x1f6ff), ("supplementalsymbolsandpictographs", 0x1f900, 0x1f9ff),
];

/// Returns the property as the inside of a class.
pub(super) fn set(name: &str, unicode: bool, fold: Fold) -> Result<String> {
    let own = |text: &str| Ok(text.to_owned());
    let refuse = || unsupported(format!(r"`\p{{{name}}}`"));
    // Under `i` these stand for each other in newer versions of Java, and do not in older ones.
    let of_case = ["Lower", "Upper", "Lu", "Ll", "Lt", "LowerCase", "UpperCase", "TitleCase", "Lowercase", "Uppercase"];
    if fold != Fold::Exact && of_case.iter().any(|cased| name.ends_with(cased)) {
        return unsupported(format!(r"`\p{{{name}}}` under `i`"));
    }
    if let Some(posix) = posix(name, unicode) {
        return own(posix);
    }
    match name {
        "L1" => return own(r"\x{0}-\x{ff}"),
        "all" => return own(r"\x{0}-\x{10ffff}"),
        "LC" => return own(r"\p{Lu}\p{Ll}\p{Lt}"),
        "LD" => return own(r"\p{L}\p{Nd}"),
        "javaLowerCase" => return own(r"\p{Lowercase}"),
        "javaUpperCase" => return own(r"\p{Uppercase}"),
        "javaAlphabetic" => return own(r"\p{Alphabetic}"),
        "javaLetter" => return own(r"\p{L}"),
        "javaTitleCase" => return own(r"\p{Lt}"),
        "javaIdeographic" => return own(r"\p{Ideographic}"),
        "javaSpaceChar" => return own(r"\p{Z}"),
        "javaISOControl" => return own(r"\x{0}-\x{1f}\x{7f}-\x{9f}"),
        "javaDigit" => return own(r"\p{Nd}"),
        "javaLetterOrDigit" => return own(r"\p{L}\p{Nd}"),
        "javaWhitespace" => {
            return own(
                r"\t-\r\x{1c}-\x{20}\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}\x{3000}",
            );
        }
        _ => {}
    }
    if let Some(property) = name.strip_prefix("Is") {
        match property {
            "Alphabetic" | "Lowercase" | "Uppercase" | "White_Space" | "Ideographic" => {
                return Ok(format!(r"\p{{{property}}}"));
            }
            "Letter" => return own(r"\p{L}"),
            "Digit" => return own(r"\p{Nd}"),
            "Punctuation" => return own(r"\p{P}"),
            "Control" => return own(r"\p{Cc}"),
            _ => {}
        }
    }
    let (key, value) = match name.split_once('=') {
        Some((key, value)) => (Some(key.to_ascii_lowercase()), value),
        None => match (name.strip_prefix("Is"), name.strip_prefix("In")) {
            (Some(value), _) => (None, value),
            (_, Some(value)) => (Some("blk".to_owned()), value),
            _ => (None, name),
        },
    };
    // The engine knows the names of scripts; those that it does not it refuses when the pattern is compiled.
    let is_word = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    match key.as_deref() {
        None | Some("gc" | "general_category") if CATEGORIES.contains(&value) => Ok(format!(r"\p{{{value}}}")),
        None if !name.starts_with("Is") => refuse(),
        None | Some("sc" | "script") if is_word => Ok(format!(r"\p{{Script={value}}}")),
        Some("blk" | "block") => block(value).map_or_else(refuse, Ok),
        _ => refuse(),
    }
}

fn block(name: &str) -> Option<String> {
    let plain: String =
        name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    let (_, from, to) = BLOCKS.iter().find(|(known, ..)| *known == plain)?;
    Some(format!(r"\x{{{from:x}}}-\x{{{to:x}}}"))
}

/// Returns a class of POSIX: of ASCII, or under `U` of Unicode.
fn posix(name: &str, unicode: bool) -> Option<&'static str> {
    Some(match (name, unicode) {
        ("Lower", false) => "a-z",
        ("Upper", false) => "A-Z",
        ("ASCII", _) => r"\x{0}-\x{7f}",
        ("Alpha", false) => "a-zA-Z",
        ("Digit", false) => "0-9",
        ("Alnum", false) => "a-zA-Z0-9",
        ("Punct", false) => r"\x{21}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{60}\x{7b}-\x{7e}",
        ("Graph", false) => r"\x{21}-\x{7e}",
        ("Print", false) => r"\x{20}-\x{7e}",
        ("Blank", false) => r"\x{20}\t",
        ("Cntrl", false) => r"\x{0}-\x{1f}\x{7f}",
        ("XDigit", false) => "0-9a-fA-F",
        ("Space", false) => r"\t-\r\x{20}",
        ("Lower", true) => r"\p{Lowercase}",
        ("Upper", true) => r"\p{Uppercase}",
        ("Alpha", true) => r"\p{Alphabetic}",
        ("Digit", true) => r"\p{Nd}",
        ("Alnum", true) => r"\p{Alphabetic}\p{Nd}",
        ("Punct", true) => r"\p{P}",
        ("Cntrl", true) => r"\p{Cc}",
        ("Space", true) => r"\p{White_Space}",
        _ => return None,
    })
}
