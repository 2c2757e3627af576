//! What `java.text.SimpleDateFormat`, strict, would read: the parser of times that Spark had before version 3.
//!
//! Spark 3 reads with `java.time`, and where that fails but the older parser would have read the text, it refuses the row
//! (`SparkUpgradeException`) and answers no null. The older one is content with the text's beginning, skips blanks before a
//! part, and takes numbers of any length where no other number follows. Text and zone parts are not read here but for months.

use plan::expr::{DateField as Field, DatePattern};

use super::{format::MONTHS, zone::Date};

/// Latest year of Java's calendar.
const YEAR_MAX: i64 = 292_278_994;

/// Whether the beginning of the text is a time by this pattern.
pub(super) fn reads(pattern: &DatePattern, text: &str) -> bool {
    let (mut year, mut month, mut day, mut rest) = (1970, 1, 1, text);
    for (at, item) in pattern.items.iter().enumerate() {
        let (letter, count) = match item {
            Field::Literal(c) => match rest.strip_prefix(*c) {
                Some(after) => {
                    rest = after;
                    continue;
                }
                None => return false,
            },
            Field::Letter(letter, count) => (*letter, usize::from(*count)),
            Field::Open | Field::Close => return false,
        };
        rest = rest.trim_start_matches([' ', '\t']);
        let width = matches!(pattern.items.get(at + 1), Some(Field::Letter(..))).then_some(count);
        let read = if letter == 'M' && count > 2 { named_month(rest) } else { number(rest, width) };
        let Some((mut value, after)) = read else { return false };
        let digits = rest.len() - after.len();
        rest = after;
        let fits = match letter {
            'y' => {
                if count <= 2 && digits == 2 {
                    value += 2000;
                }
                year = value;
                (1..=YEAR_MAX).contains(&value)
            }
            'M' => {
                month = value;
                (1..=12).contains(&value)
            }
            'd' => {
                day = value;
                (1..=31).contains(&value)
            }
            'H' => value < 24,
            'k' => (1..=24).contains(&value),
            'K' => value < 12,
            'h' => (1..=12).contains(&value),
            'm' | 's' => value < 60,
            'S' => value < 1000,
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    Date::new(year, month, day).is_some()
}

/// Reads a number, of exactly so many digits or of all that there are.
fn number(text: &str, width: Option<usize>) -> Option<(i64, &str)> {
    let there = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits = width.unwrap_or(there);
    if there == 0 || there < digits || digits > 9 {
        return None;
    }
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// Reads a month's English name, whole or its first three letters.
fn named_month(text: &str) -> Option<(i64, &str)> {
    let is = |name: &str| text.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
    let found = |short: bool| {
        let mut names = MONTHS.iter().map(|name| if short { &name[..3] } else { *name }).enumerate();
        names.find(|(_, name)| is(name)).map(|(at, name)| (at as i64 + 1, &text[name.len()..]))
    };
    found(false).or_else(|| found(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_parser_is_content_with_less() {
        let reads = |pattern: &str, text: &str| reads(&DatePattern::new(pattern).unwrap(), text);
        assert!(reads("yyyy-MM-dd", "2024-2-3") && reads("yyyy-MM-dd", " 2024-02-03 10:00") && reads("yyyy", "12"));
        assert!(reads("d MMM yyyy", "3 february 2024") && reads("yyyyMMdd", "20240203x"));
        assert!(!reads("yy-M-d", "24-2-30x"));
        for text in ["", "x", "2024", "2024-13-01", "2024-02-30", "2024/02/03", "-2024-02-03"] {
            assert!(!reads("yyyy-MM-dd", text), "{text}");
        }
        assert!(!reads("yyyyMMdd", "2024-02-03") && !reads("HH:mm:ss.S", "10:00:00.123456"));
    }
}
