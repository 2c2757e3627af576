//! Patterns in RE2's dialect, translated to that of crate `regex` over bytes, with RE2's meaning.
//!
//! The two are cousins: both take time linear in the text and prefer the leftmost match, then the first alternative. What
//! differs is written anew: in RE2 `\d \s \w \b` are ASCII (`\s` without the vertical tab), `{` may stand for itself, classes
//! hold no classes and no operations, `\Q..\E` quotes, octal escapes are digits, a repetition counts to 1000. Source: the syntax
//! page of RE2 and its `parse.cc`. Anything else is refused by name.

use plan::Pattern;

/// Longest pattern, in bytes.
const BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of groups.
const DEPTH_MAX: usize = 100;
/// Most repetitions.
const COUNT_MAX: u32 = 1000;

type Result<T> = std::result::Result<T, String>;

/// Returns the pattern in the dialect of crate `regex`; `Err` says what is not understood.
pub fn pattern(source: &str) -> Result<Pattern> {
    if source.len() > BYTES_MAX {
        return Err(format!("a pattern of {} bytes; the limit is {BYTES_MAX}", source.len()));
    }
    let mut reader = Reader { rest: source, out: String::with_capacity(source.len()), depth: 0, can_repeat: false };
    reader.all()?;
    Ok(Pattern { engine: reader.out.into(), source: source.into() })
}

struct Reader<'s> {
    rest: &'s str,
    out: String,
    depth: usize,
    /// What stands before may be repeated.
    can_repeat: bool,
}

/// Writes a character that stands for itself.
fn literal(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

/// Returns the class of RE2's `\d`, `\s`, `\w`, as the inside of a class.
fn perl(c: char) -> Option<&'static str> {
    Some(match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\x0C\r\x20",
        'w' => "0-9A-Za-z_",
        _ => return None,
    })
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, what: &str) -> bool {
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn all(&mut self) -> Result<()> {
        while let Some(c) = self.next() {
            match c {
                '(' => self.group()?,
                ')' => {
                    self.depth = self.depth.checked_sub(1).ok_or("a `)` without its `(`")?;
                    self.put(")", true);
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                '*' | '+' | '?' => self.repeat(c.to_string())?,
                '{' => match self.count()? {
                    Some(count) => self.repeat(count)?,
                    None => self.put_literal('{'),
                },
                '|' => self.put("|", false),
                '^' | '$' => self.put(c.encode_utf8(&mut [0; 4]), true),
                '.' => self.put(".", true),
                c => self.put_literal(c),
            }
        }
        if self.depth > 0 { Err("a `(` without its `)`".to_owned()) } else { Ok(()) }
    }

    fn put(&mut self, text: &str, can_repeat: bool) {
        self.out.push_str(text);
        self.can_repeat = can_repeat;
    }

    fn put_literal(&mut self, c: char) {
        literal(c, &mut self.out);
        self.can_repeat = true;
    }

    /// After `(`.
    fn group(&mut self) -> Result<()> {
        if self.take("?P<") || self.take("?<") {
            let (name, rest) = self.rest.split_once('>').ok_or("a group's name without its `>`")?;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(format!("the group's name `{name}`"));
            }
            self.rest = rest;
            // Nobody asks for names, and the engine is stricter about them.
            return self.open("(");
        }
        if !self.take("?") {
            return self.open("(");
        }
        let end = self.rest.find([':', ')']).ok_or("flags without their end")?;
        let flags = &self.rest[..end];
        if !flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-')) || flags.ends_with('-') {
            return Err(format!("the group `(?{flags}`"));
        }
        let is_group = self.rest[end..].starts_with(':');
        let text = format!("(?{flags}{}", if is_group { ":" } else { ")" });
        self.rest = &self.rest[end + 1..];
        if is_group {
            return self.open(&text);
        }
        self.put(&text, false);
        Ok(())
    }

    fn open(&mut self, text: &str) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("groups in groups, deeper than {DEPTH_MAX}"));
        }
        self.put(text, false);
        Ok(())
    }

    fn repeat(&mut self, mut how: String) -> Result<()> {
        if !self.can_repeat {
            return Err(format!("`{how}` with nothing to repeat"));
        }
        if self.take("?") {
            how.push('?');
        }
        self.put(&how, false);
        // `a**` is refused by RE2, and here by what `can_repeat` now says.
        Ok(())
    }

    /// After `{`: returns the repetition, where it is one.
    fn count(&mut self) -> Result<Option<String>> {
        let Some((inside, rest)) = self.rest.split_once('}') else { return Ok(None) };
        let (low, high) = inside.split_once(',').map_or((inside, inside), |(low, high)| (low, high));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(low) || !(is_number(high) || high.is_empty()) {
            return Ok(None);
        }
        let number = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= COUNT_MAX);
        let fits = match (number(low), number(high)) {
            (Some(low), Some(high)) => low <= high,
            (Some(_), None) => high.is_empty(),
            _ => false,
        };
        if !fits {
            return Err(format!("the repetition `{{{inside}}}`; it counts to {COUNT_MAX}"));
        }
        self.rest = rest;
        Ok(Some(format!("{{{inside}}}")))
    }

    /// After a backslash, outside of a class.
    fn escape(&mut self) -> Result<()> {
        if self.take("Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            quoted.chars().for_each(|c| self.put_literal(c));
            return Ok(());
        }
        let c = self.peek().ok_or("a `\\` at the end")?;
        match c {
            'A' | 'z' => self.put(if c == 'A' { r"\A" } else { r"\z" }, true),
            'b' | 'B' => self.put(if c == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" }, true),
            'C' => return Err("`\\C`, a single byte".to_owned()),
            'p' | 'P' => {
                self.next();
                let class = self.property(c == 'P')?;
                self.put(&class, true);
                return Ok(());
            }
            c => match perl(c) {
                Some(class) => {
                    let text = format!("[{}{class}]", if c.is_ascii_uppercase() { "^" } else { "" });
                    self.put(&text, true);
                }
                None => {
                    let c = self.escaped()?;
                    self.put_literal(c);
                    return Ok(());
                }
            },
        }
        self.next();
        Ok(())
    }

    /// After `\p`: a class of Unicode.
    fn property(&mut self, mut negated: bool) -> Result<String> {
        let name = if self.take("{") {
            let (name, rest) = self.rest.split_once('}').ok_or("`\\p{` without its `}`")?;
            self.rest = rest;
            match name.strip_prefix('^') {
                Some(name) => {
                    negated = !negated;
                    name
                }
                None => name,
            }
            .to_owned()
        } else {
            self.next().ok_or("`\\p` at the end")?.to_string()
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') {
            return Err(format!("the class `\\p{{{name}}}`"));
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }

    /// After a backslash: the one character that is meant.
    fn escaped(&mut self) -> Result<char> {
        let c = self.next().ok_or("a `\\` at the end")?;
        let number = |digits: &str, radix: u32| {
            let c = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
            c.ok_or_else(|| format!("the character `\\{digits}`"))
        };
        let digits = |text: &str, radix: u32, most: usize| {
            text.bytes().take(most).take_while(|byte| char::from(*byte).is_digit(radix)).count()
        };
        Ok(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' if self.take("{") => {
                let (digits, rest) = self.rest.split_once('}').ok_or("`\\x{` without its `}`")?;
                self.rest = rest;
                number(digits, 16)?
            }
            'x' => {
                if digits(self.rest, 16, 2) < 2 {
                    return Err("`\\x` without two digits".to_owned());
                }
                let (digits, rest) = self.rest.split_at(2);
                self.rest = rest;
                number(digits, 16)?
            }
            '0'..='7' => {
                let more = digits(self.rest, 8, 2);
                if c != '0' && more == 0 {
                    return Err(format!("`\\{c}`, what a group matched"));
                }
                let (rest, after) = self.rest.split_at(more);
                let text = format!("{c}{rest}");
                self.rest = after;
                number(&text, 8)?
            }
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => return Err(format!("the escape `\\{c}`")),
            c => c,
        })
    }

    /// After `[`.
    fn class(&mut self) -> Result<()> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        while is_first || self.peek() != Some(']') {
            is_first = false;
            if self.rest.starts_with("[:") && self.posix()? {
                continue;
            }
            if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
                let negated = self.rest.starts_with("\\P");
                self.rest = &self.rest[2..];
                let class = self.property(negated)?;
                self.out.push_str(&class);
                continue;
            }
            let perl =
                self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()).and_then(|c| Some((c, perl(c)?)));
            if let Some((c, class)) = perl {
                self.rest = &self.rest[2..];
                self.out.push_str(&if c.is_ascii_uppercase() { format!("[^{class}]") } else { class.to_owned() });
                continue;
            }
            let from = self.member()?;
            literal(from, &mut self.out);
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
            if is_range {
                self.next();
                let to = self.member()?;
                if to < from {
                    return Err(format!("the range `{from}-{to}`"));
                }
                self.out.push('-');
                literal(to, &mut self.out);
            }
        }
        self.next();
        self.put("]", true);
        Ok(())
    }

    /// One character of a class.
    fn member(&mut self) -> Result<char> {
        match self.next() {
            Some('\\') => self.escaped(),
            Some(c) => Ok(c),
            None => Err("a `[` without its `]`".to_owned()),
        }
    }

    /// A class by its POSIX name, where it is one.
    fn posix(&mut self) -> Result<bool> {
        let Some(end) = self.rest.find(":]") else { return Ok(false) };
        let name = &self.rest[2..end];
        const NAMES: &[&str] = &[
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "word", "xdigit",
        ];
        if !NAMES.contains(&name.trim_start_matches('^')) {
            return Err(format!("the class `[:{name}:]`"));
        }
        self.out.push_str(&self.rest[..end + 2]);
        self.rest = &self.rest[end + 2..];
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_written_anew() {
        for (source, expected) in [
            (r"[^a-z0-9 ]", r"[^a-z0-9\x{20}]"),
            (r"\d+\s?\W", r"[0-9]+[\t\n\x0C\r\x20]?[^0-9A-Za-z_]"),
            (r"a{2,3}{", r"a{2,3}\x{7B}"),
            (r"x{,3}", r"x\x{7B}\x{2C}3\x{7D}"),
            (r"[]a&&b[]", r"[\x{5D}a\x{26}\x{26}b\x{5B}]"),
            (r"[[:alpha:]\D-]", r"[[:alpha:][^0-9]\x{2D}]"),
            (r"\Qa.b\E*", r"a\x{2E}b*"),
            (r"\b\pN\p{^Greek}\101\x{e9}", r"(?-u:\b)\p{N}\P{Greek}Aé"),
            (r"(?i)(?P<n>a|b)(?:c)", r"(?i)(a|b)(?:c)"),
            (r"www\.[\w.-]+\.\bcom\b", r"www\x{2E}[0-9A-Za-z_\x{2E}\x{2D}]+\x{2E}(?-u:\b)com(?-u:\b)"),
            (r"[^\s][\d\-x]", r"[^\t\n\x0C\r\x20][0-9\x{2D}x]"),
            (
                r"[!\x22#$%&\(\)\*\+,-\./]",
                r"[\x{21}\x{22}\x{23}\x{24}\x{25}\x{26}\x{28}\x{29}\x{2A}\x{2B}\x{2C}-\x{2E}\x{2F}]",
            ),
        ] {
            assert_eq!(&*pattern(source).expect(source).engine, expected, "{source}");
        }
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for source in [
            r"a**",
            "a++",
            "(?>a)",
            "(?<!a)b",
            r"(a)\1",
            "(",
            "a)",
            "[b-a]",
            "[a",
            r"\1",
            r"(?=a)",
            r"\C",
            "a{1001}",
            "*",
            "[[:foo:]]",
            r"\",
            r"\y",
        ] {
            assert!(pattern(source).is_err(), "{source}");
        }
    }
}
