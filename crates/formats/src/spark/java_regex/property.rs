//! What `\p{...}` names in Java: POSIX's classes (ASCII), Java's own, and Unicode's.

use super::{Result, unsupported};

/// `\h`, as the inside of a class.
pub(super) const HORIZONTAL: &str = r"\x{20}\t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
/// `\v`, as the inside of a class.
pub(super) const VERTICAL: &str = r"\n\x{0b}\f\r\x{85}\x{2028}\x{2029}";

const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf", "Co",
];

/// Scripts of one word that are common; their names are the same in both dialects.
const SCRIPTS: &[&str] = &[
    "Arabic",
    "Armenian",
    "Bengali",
    "Bopomofo",
    "Braille",
    "Cherokee",
    "Common",
    "Coptic",
    "Cyrillic",
    "Devanagari",
    "Ethiopic",
    "Georgian",
    "Gothic",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Kannada",
    "Katakana",
    "Khmer",
    "Lao",
    "Latin",
    "Malayalam",
    "Mongolian",
    "Myanmar",
    "Ogham",
    "Oriya",
    "Runic",
    "Sinhala",
    "Syriac",
    "Tamil",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Yi",
];

/// Returns the property as the inside of a class.
pub(super) fn set(name: &str, unicode: bool, fold: bool) -> Result<String> {
    let own = |text: &str| Ok(text.to_owned());
    let refuse = || unsupported(format!(r"`\p{{{name}}}`"));
    // Under `i` these stand for each other in newer versions of Java, and do not in older ones.
    let of_case = ["Lower", "Upper", "Lu", "Ll", "Lt", "javaLowerCase", "javaUpperCase", "IsLowercase", "IsUppercase"];
    if fold && of_case.iter().any(|cased| name.ends_with(cased)) {
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
        Some((key, value)) => (Some(key), value),
        None => (None, name.strip_prefix("Is").unwrap_or(name)),
    };
    match key {
        None | Some("gc" | "general_category") if CATEGORIES.contains(&value) => Ok(format!(r"\p{{{value}}}")),
        None if !name.starts_with("Is") => refuse(),
        None | Some("sc" | "script") if SCRIPTS.contains(&value) => Ok(format!(r"\p{{Script={value}}}")),
        _ => refuse(),
    }
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
