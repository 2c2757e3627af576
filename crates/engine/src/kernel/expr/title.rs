//! Words that begin with a letter in title case.

use bumpalo::Bump;
use plan::expr::text::Title;

use super::value::{Out, Writer};

/// Words end at blanks (U+0020) alone.
pub(super) fn init_cap<'a>(text: &str, title: Title, bump: &'a Bump) -> Out<'a> {
    let mut out = Writer::new(bump);
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 {
            out.push_char(' ')?;
        }
        let lower = word.to_lowercase();
        match title {
            Title::Simple => {
                let mut rest = lower.chars();
                rest.next().map_or(Ok(()), |c| out.push_char(simple(c)))?;
                out.push(rest.as_str())?;
            }
            Title::Full => {
                let Some(c) = word.chars().next() else { continue };
                full(c).into_iter().flatten().try_for_each(|c| out.push_char(c))?;
                // The lower case of the first letter is cut, however many letters it is.
                let mut rest = lower.chars();
                rest.by_ref().take(c.to_lowercase().count()).for_each(drop);
                out.push(rest.as_str())?;
            }
        }
    }
    Ok(out.done())
}

/// Letters that stand for two, and those that have capitals but in title case stay (Unicode's `UnicodeData.txt`, field 14).
fn special(c: char) -> Option<char> {
    Some(match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        // Greek with iota below: its title case has the iota beside it, in one letter.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => later(c, 8),
        '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}' | '\u{1fa8}'..='\u{1faf}' => c,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => later(c, 9),
        '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}' => c,
        _ => return None,
    })
}

fn later(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).expect("a letter of Greek")
}

/// One letter for one, within 16 bits: where the capital is several, the letter stays.
fn simple(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (special(c), upper.next(), upper.next()) {
        (Some(title), ..) => title,
        (None, Some(upper), None) if c.len_utf16() == 1 => upper,
        _ => c,
    }
}

/// As many letters as the title case has (Unicode's `SpecialCasing.txt`).
fn full(c: char) -> [Option<char>; 3] {
    if let Some(title) = special(c) {
        return [Some(title), None, None];
    }
    let mut upper = c.to_uppercase();
    let mut title = std::array::from_fn(|_| upper.next());
    let small = |c: char| c.to_lowercase().next();
    match c {
        // Ligatures: the first letter alone is a capital.
        '\u{df}' | '\u{587}' | '\u{fb00}'..='\u{fb06}' | '\u{fb13}'..='\u{fb17}' => {
            title[1..].iter_mut().for_each(|c| *c = c.and_then(small));
        }
        // Greek: an iota of its own becomes the one below.
        '\u{1f80}'..='\u{1fff}' => {
            title.iter_mut().skip(1).filter(|c| **c == Some('Ι')).for_each(|c| *c = Some('\u{345}'));
        }
        _ => {}
    }
    title
}
