//! Patterns in Java's dialect, translated to the engine's (crate `fancy-regex`) with Java's meaning (that of Java 17).
//!
//! The two agree on most syntax and differ in what it means: in Java `\w \d \s` and the POSIX classes are ASCII, `.` stops at
//! five line ends, `$` looks over a last one, `(?i)` folds ASCII alone unless `u` is set too, `\h` is a blank and not a
//! hexadecimal digit. So nothing is passed through: what is understood is written anew, anything else is refused by name. Java
//! finds empty matches between the two halves of a character beyond U+FFFF; we do not.

use plan::Pattern;

mod class;
mod fold;
mod property;

use fold::Fold;

/// Longest pattern, in bytes.
const BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of groups and classes.
const DEPTH_MAX: usize = 100;

/// What a line ends with, as the inside of a class.
const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";
const NOT_OVER_A_LAST_LINE_END: &str = r"(?=(?:\r\n|(?<!\r)\n|[\r\x{85}\x{2028}\x{2029}])?\z)";
/// `^` under `m`: never at the end, not even of an empty text.
const BEGIN_OF_A_LINE: &str = r"(?!\z)(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n))";
/// `$` under `m`.
const END_OF_A_LINE: &str = r"(?=\z|[\r\x{85}\x{2028}\x{2029}]|(?<!\r)\n)";
/// For `\b`, behind and ahead: `_`, letters and digits, and marks that stand on a letter or digit.
const WORD_BEHIND: &str = r"(?:(?<=[_\p{L}\p{Nd}])|(?<=\p{Mn})(?<=[\p{L}\p{Nd}]\p{Mn}+))";
const WORD_AHEAD: &str = r"(?:(?=[_\p{L}\p{Nd}])|(?=\p{Mn})(?<=[\p{L}\p{Nd}]\p{Mn}*))";
const NO_WORD_BEHIND: &str = r"(?:(?<![_\p{L}\p{Nd}\p{Mn}])|(?<=\p{Mn})(?<![\p{L}\p{Nd}]\p{Mn}+))";
const NO_WORD_AHEAD: &str = r"(?:(?![_\p{L}\p{Nd}\p{Mn}])|(?=\p{Mn})(?<![\p{L}\p{Nd}]\p{Mn}*))";

/// Why a pattern is not translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexError {
    /// Java would not take it either.
    Malformed(String),
    /// Java has it, we do not.
    Unsupported(String),
}

type Result<T> = std::result::Result<T, RegexError>;

fn malformed<T>(what: impl Into<String>) -> Result<T> {
    Err(RegexError::Malformed(what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T> {
    Err(RegexError::Unsupported(what.into()))
}

/// Returns the pattern in the engine's dialect; it has been compiled there once.
pub fn pattern(source: &str) -> Result<Pattern> {
    let engine = translate(source)?;
    match fancy_regex::Regex::new(&engine) {
        Ok(_) => Ok(Pattern { engine: engine.into(), source: source.into() }),
        Err(error) => unsupported(format!("something that the engine does not take ({error})")),
    }
}

/// Returns the pattern in the engine's dialect.
pub fn translate(source: &str) -> Result<String> {
    if source.len() > BYTES_MAX {
        return unsupported(format!("more than {BYTES_MAX} bytes"));
    }
    let source = unquote(source);
    let mut parser = Parser {
        chars: &source,
        at: 0,
        flags: Flags::default(),
        groups: Vec::new(),
        out: String::new(),
        depth: 0,
        endless: false,
        is_assertion: false,
        ahead: 0,
    };
    parser.alternatives()?;
    if parser.at < parser.chars.len() {
        return malformed("a `)` without its `(`");
    }
    if parser.ahead > 0 && parser.ahead <= parser.groups.len() {
        return unsupported("a reference to a group that comes later");
    }
    Ok(parser.out)
}

/// Writes out `\Q...\E`, as Java does before it parses.
fn unquote(source: &str) -> Vec<char> {
    let mut out = Vec::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (inside, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            for c in inside.chars() {
                if c.is_ascii() && !c.is_ascii_alphanumeric() {
                    out.push('\\');
                }
                out.push(c);
            }
            rest = after;
        } else {
            // An escaped backslash does not begin a quotation.
            let len = if c == '\\' { 1 + rest[1..].chars().next().map_or(0, char::len_utf8) } else { c.len_utf8() };
            out.extend(rest[..len].chars());
            rest = &rest[len..];
        }
    }
    out
}

/// Flags that change what follows them.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `i`: letters match in both cases, those of ASCII alone unless `u` is set.
    fold: bool,
    /// `u`: letters of all alphabets fold under `i`.
    fold_unicode: bool,
    /// `s`: a dot matches line ends, too.
    dot_all: bool,
    /// `m`: `^` and `$` are of every line.
    lines: bool,
    /// `d`: only `\n` ends a line.
    unix: bool,
    /// `U`: the classes are Unicode's, and `u` is set.
    unicode: bool,
    /// `x`: white space and what follows a `#` on its line is no pattern.
    comments: bool,
}

impl Flags {
    fn fold(self) -> Fold {
        match self {
            Flags { fold: false, .. } => Fold::Exact,
            Flags { fold_unicode: false, unicode: false, .. } => Fold::Ascii,
            _ => Fold::Unicode,
        }
    }
}

struct Parser<'p> {
    chars: &'p [char],
    at: usize,
    flags: Flags,
    /// The names of the groups so far, those that have ended marked.
    groups: Vec<(Option<String>, bool)>,
    out: String,
    depth: usize,
    /// A repetition without an end was read: what no look-behind may hold.
    endless: bool,
    /// The atom that was read has no width.
    is_assertion: bool,
    /// The smallest number of a group that was referred to and was not there yet; 0 where none was.
    ahead: usize,
}

impl Parser<'_> {
    /// Returns the character that stands here.
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Passes over what `x` says is no pattern.
    fn skip_comments(&mut self) {
        while self.flags.comments {
            match self.peek() {
                Some(' ' | '\t'..='\r') => self.at += 1,
                Some('#') => {
                    let ends = |c: &char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
                    let unix = self.flags.unix;
                    let ends = |c: &char| if unix { *c == '\n' } else { ends(c) };
                    let left = &self.chars[self.at..];
                    self.at += left.iter().position(ends).unwrap_or(left.len());
                }
                _ => break,
            }
        }
    }

    fn eat(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        self.at += usize::from(here);
        here
    }

    fn eat_all(&mut self, text: &str) -> bool {
        let here = text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        self.at += if here { text.chars().count() } else { 0 };
        here
    }

    fn next(&mut self, inside: &str) -> Result<char> {
        let c = self.peek();
        self.at += 1;
        c.map_or_else(|| malformed(format!("{inside} that does not end")), Ok)
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            unsupported(format!("more than {DEPTH_MAX} groups or classes nested"))
        } else {
            Ok(())
        }
    }

    /// Up to the end of the group, or of the pattern. Flags set in it hold to its end.
    fn alternatives(&mut self) -> Result<()> {
        self.deeper()?;
        let flags = self.flags;
        loop {
            self.skip_comments();
            let Some(c) = self.peek() else { break };
            match c {
                ')' => break,
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                }
                _ => self.piece()?,
            }
        }
        self.flags = flags;
        self.depth -= 1;
        Ok(())
    }

    /// One atom with its quantifier.
    fn piece(&mut self) -> Result<()> {
        let (start, groups) = (self.out.len(), self.groups.len());
        if !self.atom()? {
            return Ok(());
        }
        self.skip_comments();
        let is_assertion = std::mem::take(&mut self.is_assertion);
        let Some(quantifier) = self.quantifier()? else { return Ok(()) };
        let atom = self.out.split_off(start);
        let may_be_none =
            quantifier.starts_with(['?', '*']) || ["{0,", "{0}"].iter().any(|none| quantifier.starts_with(none));
        match quantifier.strip_suffix('+').filter(|rest| !rest.is_empty()) {
            // The engine repeats no assertions: once is as good as often, and never is always true.
            _ if is_assertion && groups < self.groups.len() => return unsupported("a repeated assertion with groups"),
            _ if is_assertion && may_be_none => {}
            _ if is_assertion => self.out.push_str(&atom),
            Some(possessive) => self.out.push_str(&format!("(?>(?:{atom}){possessive})")),
            None => self.out.push_str(&format!("(?:{atom}){quantifier}")),
        }
        self.skip_comments();
        match self.peek() {
            Some('*' | '+' | '?') => malformed("a quantifier without something before it"),
            _ => Ok(()),
        }
    }

    /// Returns the quantifier that stands here, with the suffix for lazy or possessive.
    fn quantifier(&mut self) -> Result<Option<String>> {
        let mut quantifier = match self.peek() {
            Some(c @ ('*' | '+' | '?')) => {
                self.at += 1;
                self.endless |= c != '?';
                c.to_string()
            }
            Some('{') => {
                self.at += 1;
                let least = self.integer()?;
                let most = if self.eat(',') {
                    if self.peek() == Some('}') { None } else { Some(self.integer()?) }
                } else {
                    Some(least)
                };
                if !self.eat('}') || most.is_some_and(|most| most < least) {
                    return malformed("a repetition that is none");
                }
                self.endless |= most.is_none();
                most.map_or_else(|| format!("{{{least},}}"), |most| format!("{{{least},{most}}}"))
            }
            _ => return Ok(None),
        };
        self.skip_comments();
        if let Some(suffix @ ('?' | '+')) = self.peek() {
            self.at += 1;
            quantifier.push(suffix);
        }
        Ok(Some(quantifier))
    }

    fn integer(&mut self) -> Result<u32> {
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        digits.parse().or_else(|_| malformed("a repetition that is none"))
    }

    /// Returns whether there was something that a quantifier may follow.
    fn atom(&mut self) -> Result<bool> {
        let c = self.next("a pattern")?;
        match c {
            '(' => return self.group(),
            '[' => {
                let class = self.class()?;
                self.out.push_str(&class);
            }
            '\\' => self.escape()?,
            '.' => self.out.push_str(&match self.flags {
                Flags { dot_all: true, .. } => "(?s:.)".to_owned(),
                Flags { unix: true, .. } => r"[^\n]".to_owned(),
                _ => format!("[^{LINE_ENDS}]"),
            }),
            '^' => self.assertion(match self.flags {
                Flags { lines: false, .. } => r"\A",
                Flags { unix: true, .. } => r"(?!\z)(?:\A|(?<=\n))",
                _ => BEGIN_OF_A_LINE,
            }),
            '$' => self.assertion(match self.flags {
                Flags { lines: true, unix: true, .. } => r"(?=\n|\z)",
                Flags { lines: true, .. } => END_OF_A_LINE,
                Flags { unix: true, .. } => r"(?=\n?\z)",
                _ => NOT_OVER_A_LAST_LINE_END,
            }),
            '*' | '+' | '?' => return malformed(format!("a `{c}` without something before it")),
            // A repetition of nothing, as that of a repetition is: Java takes and ignores it.
            '{' => {
                self.at -= 1;
                self.quantifier()?;
                return Ok(false);
            }
            c => self.literal(c),
        }
        Ok(true)
    }

    fn literal(&mut self, c: char) {
        let others = self.flags.fold().others(c, c);
        if others.is_empty() {
            return push_char(&mut self.out, c);
        }
        self.out.push('[');
        class::write_range(c, c, self.flags.fold(), &mut self.out);
        self.out.push(']');
    }

    /// After the opening parenthesis.
    fn group(&mut self) -> Result<bool> {
        let mut number = None;
        let open = if !self.eat('?') {
            number = Some(None);
            "("
        } else if self.eat(':') {
            "(?:"
        } else if self.eat('>') {
            "(?>"
        } else if self.eat('=') {
            "(?="
        } else if self.eat('!') {
            "(?!"
        } else if self.eat_all("<=") {
            "(?<="
        } else if self.eat_all("<!") {
            "(?<!"
        } else if self.eat('<') {
            number = Some(Some(self.name()?));
            "("
        } else {
            return self.flags();
        };
        let is_look_behind = open.starts_with("(?<");
        let (endless, place) = (std::mem::replace(&mut self.endless, false), self.groups.len());
        if let Some(name) = number.clone() {
            if name.is_some() && self.groups.iter().any(|(other, _)| *other == name) {
                return malformed("two groups of one name");
            }
            self.groups.push((name, false));
        }
        self.out.push_str(open);
        self.alternatives()?;
        self.close()?;
        if is_look_behind && self.endless {
            return unsupported("a look-behind whose length has no end");
        }
        self.endless |= endless;
        if number.is_some() {
            self.groups[place].1 = true;
        }
        self.is_assertion = is_look_behind || open.starts_with("(?=") || open.starts_with("(?!");
        Ok(true)
    }

    fn close(&mut self) -> Result<()> {
        if !self.eat(')') {
            return malformed("a group that does not end");
        }
        self.out.push(')');
        Ok(())
    }

    fn name(&mut self) -> Result<String> {
        let mut name = String::new();
        loop {
            match self.next("a group's name")? {
                '>' if !name.is_empty() => return Ok(name),
                c if c.is_ascii_alphabetic() || (c.is_ascii_digit() && !name.is_empty()) => name.push(c),
                c => return malformed(format!("a `{c}` in a group's name")),
            }
        }
    }

    /// `(?i)`, for what follows, or `(?i:...)`.
    fn flags(&mut self) -> Result<bool> {
        let (before, mut on) = (self.flags, true);
        loop {
            match self.next("a group")? {
                '-' if on => on = false,
                'i' => self.flags.fold = on,
                's' => self.flags.dot_all = on,
                'd' => self.flags.unix = on,
                'm' => self.flags.lines = on,
                'x' => self.flags.comments = on,
                'u' => self.flags.fold_unicode = on,
                'U' => (self.flags.unicode, self.flags.fold_unicode) = (on, on),
                ')' => return Ok(false),
                ':' => {
                    self.out.push_str("(?:");
                    self.alternatives()?;
                    self.flags = before;
                    self.close()?;
                    return Ok(true);
                }
                c => return malformed(format!("`(?{c}`")),
            }
        }
    }

    /// After the backslash, outside of classes.
    fn escape(&mut self) -> Result<()> {
        let c = self.next("an escape")?;
        match c {
            'A' => self.assertion(r"\A"),
            'z' => self.assertion(r"\z"),
            'Z' => self.assertion(if self.flags.unix { r"(?=\n?\z)" } else { NOT_OVER_A_LAST_LINE_END }),
            'b' if self.eat_all("{g}") => return unsupported(r"`\b{g}`"),
            'b' | 'B' => self.boundary(c == 'b'),
            'R' => self.out.push_str(r"(?:\r\n|[\n\x{0b}\f\r\x{85}\x{2028}\x{2029}])"),
            'G' | 'X' => return unsupported(format!(r"`\{c}`")),
            'k' => {
                if !self.eat('<') {
                    return malformed(r"`\k` without a name");
                }
                let name = self.name()?;
                let place = self.groups.iter().position(|(other, _)| other.as_ref() == Some(&name));
                let Some(place) = place else { return malformed(format!("no group `{name}` before its use")) };
                self.refer(place)?;
            }
            '1'..='9' => {
                // As many digits as there are groups for.
                let mut number = c as usize - '0' as usize;
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
                    let longer = number * 10 + digit as usize;
                    if longer > self.groups.len() {
                        break;
                    }
                    (number, self.at) = (longer, self.at + 1);
                }
                self.refer(number - 1)?;
            }
            c => match self.class_escape(c)? {
                class::Item::Char(c) => self.literal(c),
                item => {
                    let class = class::Class { negated: false, operands: vec![vec![item]] };
                    let text = class.write(self.flags.fold());
                    self.out.push_str(&text);
                }
            },
        }
        Ok(())
    }

    /// A reference to a group, counted from 0.
    fn refer(&mut self, place: usize) -> Result<()> {
        match self.groups.get(place) {
            Some((_, true)) if self.flags.fold => unsupported("a back reference under `i`"),
            Some((_, true)) => {
                self.out.push_str(&format!(r"(?:\{})", place + 1));
                Ok(())
            }
            Some(_) => unsupported("a reference to a group that has not ended"),
            // Nothing matches a group that there is not.
            None => {
                self.ahead = match self.ahead {
                    0 => place + 1,
                    ahead => ahead.min(place + 1),
                };
                self.out.push_str("(?!)");
                Ok(())
            }
        }
    }

    fn boundary(&mut self, is: bool) {
        let text = match (self.flags.unicode, is) {
            (true, true) => r"\b".to_owned(),
            (true, false) => r"\B".to_owned(),
            (false, true) => format!("(?:{WORD_BEHIND}{NO_WORD_AHEAD}|{NO_WORD_BEHIND}{WORD_AHEAD})"),
            (false, false) => format!("(?:{WORD_BEHIND}{WORD_AHEAD}|{NO_WORD_BEHIND}{NO_WORD_AHEAD})"),
        };
        self.assertion(&text);
    }

    fn assertion(&mut self, text: &str) {
        self.out.push_str(text);
        self.is_assertion = true;
    }
}

/// Writes a character that stands for itself, in or out of a class.
fn push_char(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric()) {
        out.push(c);
    } else if c.is_ascii_punctuation() {
        out.extend(['\\', c]);
    } else {
        out.push_str(&format!(r"\x{{{:x}}}", c as u32));
    }
}

#[cfg(test)]
mod tests;
