//! Patterns of C's `printf` and `strftime`, read once: what PMML's `formatNumber` and `formatDatetime` take.
//!
//! The meaning is that of `java.util.Formatter`, which the evaluators of PMML use: digits are rounded half up from the
//! shortest decimal text of a number, `%p` is lower case, names of days and months are English.

use std::sync::Arc;

/// Longest pattern, in characters.
const CHARS_MAX: usize = 256;
/// Largest width and precision.
const WIDTH_MAX: u32 = 1_000;

/// A pattern of `printf` with at most one argument.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberPattern {
    pub source: Arc<str>,
    pub before: Arc<str>,
    pub conversion: Option<Conversion>,
    pub after: Arc<str>,
}

/// The conversion of a [`NumberPattern`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// `d x X o` of whole numbers; `f e E g G` of any; `s S` is the number's text.
    pub letter: char,
    pub left: bool,
    pub plus: bool,
    pub space: bool,
    pub zeros: bool,
    pub grouped: bool,
    pub parentheses: bool,
    pub width: u32,
    pub precision: Option<u32>,
}

impl NumberPattern {
    /// Reads a pattern, or says what it holds that has no meaning here.
    pub fn new(source: &str) -> Result<NumberPattern, String> {
        let chars: Vec<char> = source.chars().take(CHARS_MAX + 1).collect();
        if chars.len() > CHARS_MAX {
            return Err(format!("a number pattern longer than {CHARS_MAX} characters"));
        }
        let (mut texts, mut conversion, mut at) = ([String::new(), String::new()], None, 0);
        while let Some(&c) = chars.get(at) {
            at += 1;
            let text = &mut texts[usize::from(conversion.is_some())];
            if c != '%' {
                text.push(c);
                continue;
            }
            match chars.get(at) {
                Some('%') => text.push('%'),
                Some('n') => text.push('\n'),
                _ if conversion.is_some() => return Err(format!("two conversions in {source:?}")),
                _ => {
                    let read = Conversion::read(&chars, &mut at);
                    conversion = Some(read.ok_or_else(|| format!("a conversion that is none in {source:?}"))?);
                    continue;
                }
            }
            at += 1;
        }
        let [before, after] = texts.map(Arc::from);
        Ok(NumberPattern { source: source.into(), before, conversion, after })
    }

    /// Returns the pattern of this conversion alone.
    pub fn of(conversion: Conversion) -> NumberPattern {
        let nothing: Arc<str> = "".into();
        let source = format!("%{}", conversion.letter).into();
        NumberPattern { source, before: nothing.clone(), conversion: Some(conversion), after: nothing }
    }

    /// Returns whether the pattern writes texts.
    pub fn is_text(&self) -> bool {
        self.conversion.is_some_and(|c| matches!(c.letter, 's' | 'S'))
    }

    /// Returns whether the pattern writes whole numbers.
    pub fn is_whole(&self) -> bool {
        self.conversion.is_some_and(|c| matches!(c.letter, 'd' | 'x' | 'X' | 'o'))
    }
}

/// One piece of a pattern of `printf` with any number of arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    /// How an argument is written, and which: counted from 0.
    Arg(Conversion, usize),
}

/// Reads a pattern of `printf`, or says what it holds that has no meaning here.
pub fn pieces(source: &str) -> Result<Vec<Piece>, String> {
    let chars: Vec<char> = source.chars().take(CHARS_MAX + 1).collect();
    if chars.len() > CHARS_MAX {
        return Err(format!("a pattern of printf longer than {CHARS_MAX} characters"));
    }
    let (mut pieces, mut text, mut at, mut next) = (Vec::new(), String::new(), 0, 0);
    while let Some(&c) = chars.get(at) {
        at += 1;
        match chars.get(at) {
            _ if c != '%' => text.push(c),
            Some('%') => {
                text.push('%');
                at += 1;
            }
            Some('n') => {
                text.push('\n');
                at += 1;
            }
            _ => {
                let place = place(&chars, &mut at).unwrap_or_else(|| {
                    next += 1;
                    next
                });
                let read = Conversion::read(&chars, &mut at).filter(|_| place > 0);
                let read = read.ok_or_else(|| format!("a conversion that is not served in {source:?}"))?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Arg(read, place - 1));
            }
        }
    }
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Reads which argument it is, where the pattern says so: `2$`.
fn place(chars: &[char], at: &mut usize) -> Option<usize> {
    let mut end = *at;
    let place = number(chars, &mut end)??;
    if chars.get(end) != Some(&'$') {
        return None;
    }
    *at = end + 1;
    Some(place as usize)
}

impl Conversion {
    /// Reads what stands after the `%`.
    fn read(chars: &[char], at: &mut usize) -> Option<Conversion> {
        let mut read = Conversion::default();
        if chars[*at..].starts_with(&['1', '$']) {
            *at += 2;
        }
        loop {
            match chars.get(*at)? {
                '-' => read.left = true,
                '+' => read.plus = true,
                ' ' => read.space = true,
                '0' => read.zeros = true,
                ',' => read.grouped = true,
                '(' => read.parentheses = true,
                _ => break,
            }
            *at += 1;
        }
        read.width = number(chars, at)?.unwrap_or(0);
        if chars.get(*at) == Some(&'.') {
            *at += 1;
            read.precision = Some(number(chars, at)??);
        }
        read.letter = *chars.get(*at)?;
        *at += 1;
        let fits = match read.letter {
            'd' => read.precision.is_none(),
            'x' | 'X' | 'o' => read.precision.is_none() && !read.grouped && !read.plus && !read.space,
            'f' | 'g' | 'G' => true,
            'e' | 'E' => !read.grouped,
            's' | 'S' => !read.zeros && !read.grouped && !read.plus && !read.space && !read.parentheses,
            _ => false,
        };
        let is_padded = !(read.left && read.zeros) && ((!read.left && !read.zeros) || read.width > 0);
        (fits && is_padded && !(read.plus && read.space)).then_some(read)
    }
}

/// Reads digits: nothing where there are none, and no answer where they say too much.
fn number(chars: &[char], at: &mut usize) -> Option<Option<u32>> {
    let mut value = None;
    while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
        value = Some(value.unwrap_or(0) * 10 + digit).filter(|&v| v <= WIDTH_MAX);
        value?;
        *at += 1;
    }
    Some(value)
}

/// A pattern of `strftime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockPattern {
    pub source: Arc<str>,
    pub items: Arc<[ClockItem]>,
}

/// One item of a [`ClockPattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockItem {
    Text(Box<str>),
    /// The letter after a `%`.
    Letter(char),
}

impl ClockPattern {
    /// Reads a pattern, or says what it holds that has no meaning here.
    pub fn new(source: &str) -> Result<ClockPattern, String> {
        if source.chars().nth(CHARS_MAX).is_some() {
            return Err(format!("a date pattern longer than {CHARS_MAX} characters"));
        }
        let (mut items, mut text, mut chars) = (Vec::new(), String::new(), source.chars());
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => text.push('%'),
                Some(letter) if is_date(letter) || is_time(letter) || is_both(letter) => {
                    if !text.is_empty() {
                        items.push(ClockItem::Text(std::mem::take(&mut text).into()));
                    }
                    items.push(ClockItem::Letter(letter));
                }
                other => {
                    let other = other.map_or(String::new(), String::from);
                    return Err(format!("`%{other}` in the date pattern {source:?}"));
                }
            }
        }
        if !text.is_empty() {
            items.push(ClockItem::Text(text.into()));
        }
        Ok(ClockPattern { source: source.into(), items: items.into() })
    }

    /// Returns whether it reads the date, and the time of day.
    pub fn reads(&self) -> (bool, bool) {
        let any = |is: fn(char) -> bool| self.items.iter().any(|i| matches!(i, ClockItem::Letter(c) if is(*c)));
        (any(is_date) || any(is_both), any(is_time) || any(is_both))
    }
}

fn is_date(letter: char) -> bool {
    matches!(letter, 'B' | 'b' | 'h' | 'A' | 'a' | 'C' | 'Y' | 'y' | 'j' | 'm' | 'd' | 'e' | 'D' | 'F')
}

fn is_time(letter: char) -> bool {
    matches!(letter, 'H' | 'I' | 'k' | 'l' | 'M' | 'S' | 'L' | 'N' | 'p' | 'R' | 'T' | 'r')
}

fn is_both(letter: char) -> bool {
    matches!(letter, 's' | 'Q')
}
