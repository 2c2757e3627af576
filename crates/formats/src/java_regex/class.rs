//! Character classes: their grammar, with nesting and `&&`, and the escapes that may stand in them.

use super::{Fold, Parser, Result, malformed, property, push_char, unsupported};

/// What stands in a class.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Char(char),
    Range(char, char),
    Nested(Class),
    /// What may stand between brackets in the engine's dialect; matches the same in both cases of ASCII.
    Set(String),
}

/// A class: the intersection of unions.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub negated: bool,
    pub operands: Vec<Vec<Item>>,
}

impl Class {
    /// Returns the class in the engine's dialect; letters stand for those that they fold to.
    pub(super) fn write(&self, fold: Fold) -> String {
        let mut out = String::from(if self.negated { "[^" } else { "[" });
        for (i, operand) in self.operands.iter().enumerate() {
            out.push_str(if i == 0 { "" } else { "&&" });
            // Each operand in brackets of its own: nothing depends on precedence then.
            out.push_str(if self.operands.len() > 1 { "[" } else { "" });
            // The engine reads `[:alpha:]` as a class of POSIX, however the colon is escaped: another item goes first.
            let (colons, others): (Vec<&Item>, Vec<&Item>) = operand.iter().partition(|i| matches!(i, Item::Char(':')));
            others.iter().chain(colons.first()).for_each(|item| item.write(fold, &mut out));
            out.push_str(if self.operands.len() > 1 { "]" } else { "" });
        }
        out.push(']');
        out
    }
}

impl Item {
    fn write(&self, fold: Fold, out: &mut String) {
        match self {
            Item::Set(set) => out.push_str(set),
            Item::Nested(class) => out.push_str(&class.write(fold)),
            Item::Char(c) => write_range(*c, *c, fold, out),
            Item::Range(from, to) => write_range(*from, *to, fold, out),
        }
    }
}

/// Writes the characters from `from` to `to`, and those that match them in some case, as the inside of a class.
pub(super) fn write_range(from: char, to: char, fold: Fold, out: &mut String) {
    for (from, to) in std::iter::once((from, to)).chain(fold.others(from, to)) {
        push_char(out, from);
        if from != to {
            out.push('-');
            push_char(out, to);
        }
    }
}

impl Parser<'_> {
    /// Returns a class in the engine's dialect, after its opening bracket.
    pub(super) fn class(&mut self) -> Result<String> {
        Ok(self.read_class()?.write(self.flags.fold()))
    }

    fn read_class(&mut self) -> Result<Class> {
        self.deeper()?;
        let negated = self.eat('^');
        let (mut operands, mut items) = (Vec::new(), Vec::new());
        loop {
            self.skip_comments();
            match self.next("a class")? {
                ']' if !items.is_empty() => break,
                // Java takes it where nothing stands before it.
                ']' if operands.is_empty() => items.push(Item::Char(']')),
                ']' => return unsupported("`&&` with nothing behind it"),
                '[' => {
                    let nested = self.read_class()?;
                    items.push(Item::Nested(nested));
                }
                '&' if self.eat('&') => {
                    if items.is_empty() || self.peek() == Some('&') {
                        return unsupported("`&&` with nothing on one side");
                    }
                    operands.push(std::mem::take(&mut items));
                }
                c => {
                    let item = self.item(c)?;
                    items.push(item);
                }
            }
        }
        operands.push(items);
        self.depth -= 1;
        Ok(Class { negated, operands })
    }

    /// A character, a range, or an escape for a set.
    fn item(&mut self, c: char) -> Result<Item> {
        let from = match self.single(c)? {
            Item::Char(c) => c,
            set => return Ok(set),
        };
        self.skip_comments();
        let after = self.chars.get(self.at + 1).copied();
        // A hyphen before a bracket stands for itself.
        if self.peek() != Some('-') || matches!(after, None | Some(']' | '[')) {
            return Ok(Item::Char(from));
        }
        self.at += 1;
        let c = self.next("a class")?;
        if c == '&' && self.peek() == Some('&') {
            return unsupported("a range that ends at `&&`");
        }
        match self.single(c)? {
            Item::Char(to) if from <= to => Ok(Item::Range(from, to)),
            Item::Char(_) => malformed("a range that ends before it begins"),
            _ => malformed("a range to a set"),
        }
    }

    fn single(&mut self, c: char) -> Result<Item> {
        if c != '\\' {
            return Ok(Item::Char(c));
        }
        let c = self.next("an escape")?;
        match c {
            'b' | 'B' | 'A' | 'z' | 'Z' | 'G' | 'R' | 'X' | 'k' | '1'..='9' => malformed(format!(r"`\{c}` in a class")),
            c => self.class_escape(c),
        }
    }

    /// Returns what an escape stands for that may be in a class, or out of one.
    pub(super) fn class_escape(&mut self, c: char) -> Result<Item> {
        let set = |text: &str| Ok(Item::Set(text.to_owned()));
        let unicode = self.flags.unicode;
        match c {
            't' => Ok(Item::Char('\t')),
            'n' => Ok(Item::Char('\n')),
            'r' => Ok(Item::Char('\r')),
            'f' => Ok(Item::Char('\u{c}')),
            'a' => Ok(Item::Char('\u{7}')),
            'e' => Ok(Item::Char('\u{1b}')),
            '0' => self.octal().map(Item::Char),
            'x' => self.hexadecimal().map(Item::Char),
            'u' => self.utf16().map(Item::Char),
            'c' => {
                let c = self.next("a control character")?;
                char::from_u32(c as u32 ^ 64).map_or_else(|| malformed("a control character"), |c| Ok(Item::Char(c)))
            }
            'd' | 's' | 'w' if unicode => set(&format!(r"\{c}")),
            'D' | 'S' | 'W' if unicode => set(&format!(r"\{c}")),
            'd' => set("0-9"),
            'D' => set("[^0-9]"),
            's' => set(r"\t-\r\x{20}"),
            'S' => set(r"[^\t-\r\x{20}]"),
            'w' => set("a-zA-Z0-9_"),
            'W' => set("[^a-zA-Z0-9_]"),
            'h' => set(property::HORIZONTAL),
            'H' => set(&format!("[^{}]", property::HORIZONTAL)),
            'v' => set(property::VERTICAL),
            'V' => set(&format!("[^{}]", property::VERTICAL)),
            'p' | 'P' => {
                let set = self.property()?;
                Ok(Item::Set(if c == 'P' { format!("[^{set}]") } else { set }))
            }
            'N' => unsupported(r"`\N{...}`"),
            c if c.is_ascii_alphanumeric() => malformed(format!(r"the escape `\{c}`")),
            c => Ok(Item::Char(c)),
        }
    }

    fn property(&mut self) -> Result<String> {
        let mut name = String::new();
        match self.next("a property")? {
            '{' => loop {
                match self.next("a property")? {
                    '}' => break,
                    c => name.push(c),
                }
            },
            c => name.push(c),
        }
        property::set(&name, self.flags.unicode, self.flags.fold())
    }

    fn octal(&mut self) -> Result<char> {
        let mut value = 0;
        for digits in 0..3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)).filter(|digit| value * 8 + digit <= 0o377) else {
                if digits == 0 {
                    return malformed(r"`\0` without octal digits");
                }
                break;
            };
            (value, self.at) = (value * 8 + digit, self.at + 1);
        }
        char::from_u32(value).map_or_else(|| malformed("an octal escape"), Ok)
    }

    fn digits(&mut self, count: usize) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            let digit = self.next("an escape")?.to_digit(16);
            value = value * 16 + digit.map_or_else(|| malformed("an escape without its hexadecimal digits"), Ok)?;
        }
        Ok(value)
    }

    fn hexadecimal(&mut self) -> Result<char> {
        if !self.eat('{') {
            return self.digits(2).and_then(scalar);
        }
        let mut value = 0u32;
        loop {
            match self.next("an escape")? {
                '}' => return scalar(value),
                c => match c.to_digit(16).filter(|_| value <= 0x10_ffff) {
                    Some(digit) => value = value * 16 + digit,
                    None => return malformed("an escape without its hexadecimal digits"),
                },
            }
        }
    }

    /// `\uhhhh`; two of them are one character where they are surrogates.
    fn utf16(&mut self) -> Result<char> {
        let high = self.digits(4)?;
        if !(0xd800..0xdc00).contains(&high) || !self.eat_all("\\u") {
            return scalar(high);
        }
        match self.digits(4)? {
            low @ 0xdc00..0xe000 => scalar(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
            _ => unsupported("half a character"),
        }
    }
}

fn scalar(value: u32) -> Result<char> {
    char::from_u32(value).map_or_else(|| unsupported("half a character, or none"), Ok)
}
