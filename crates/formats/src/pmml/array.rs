//! Arrays (General Structure, 4.4: Array, sparse arrays): values in the text of an element.
//!
//! Values are parted by blanks. One that holds blanks, or is empty, stands in double quotes; a quote inside of it is `\"`.
//! Where the element says how many there are (`n`), another number is refused; memory is taken for what is there alone.

use super::{error::Fault, xml::Element};

/// Returns the array inside of an element, by any of the names that tools give it.
pub fn inside(element: Element<'_>) -> Result<Element<'_>, Fault> {
    let array = element.children().find(|e| matches!(e.name(), "Array" | "array" | "ARRAY"));
    array.ok_or_else(|| element.fault("element Array", "one", "none"))
}

/// Returns the values as texts.
pub fn texts(array: Element<'_>) -> Result<Vec<String>, Fault> {
    let values = split(array.text()).map_err(|got| array.fault("text", "a closing quote", got))?;
    check_count(array, values.len())?;
    Ok(values)
}

/// Returns the values as numbers.
pub fn numbers(array: Element<'_>) -> Result<Vec<f64>, Fault> {
    let quoted = array.text().contains('"');
    let values: Result<Vec<f64>, Fault> = match quoted {
        true => texts(array)?.iter().map(|text| array.number("text", text)).collect(),
        false => array.text().split_ascii_whitespace().map(|text| array.number("text", text)).collect(),
    };
    let values = values?;
    check_count(array, values.len())?;
    Ok(values)
}

/// A sparse array.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    /// Places, from 0, and values.
    pub entries: Vec<(usize, f64)>,
    /// How many values there are, where it says so.
    pub size: Option<usize>,
    /// The value at all other places.
    pub default: f64,
}

/// Returns a `REAL-SparseArray` or `INT-SparseArray`.
pub fn sparse(array: Element<'_>) -> Result<Sparse, Fault> {
    let of = |name: &'static str| array.children().find(|e| e.name() == name);
    let places = of("Indices").map(numbers).transpose()?.unwrap_or_default();
    let values = of("REAL-Entries").or_else(|| of("INT-Entries"));
    let values = values.map(numbers).transpose()?.unwrap_or_default();
    if places.len() != values.len() {
        let (expected, got) = (format!("{} entries", places.len()), values.len().to_string());
        return Err(array.fault("entries", expected, got));
    }
    let size = array.usize("n")?;
    let mut entries = Vec::with_capacity(places.len());
    for (place, value) in places.into_iter().zip(values) {
        let inside = place >= 1.0 && place.fract() == 0.0 && size.is_none_or(|size| place <= size as f64);
        if !inside || place > f64::from(u32::MAX) {
            return Err(array.fault("element Indices", "whole numbers from 1 to the array's size", place.to_string()));
        }
        entries.push((place as usize - 1, value));
    }
    Ok(Sparse { entries, size, default: array.f64("defaultValue")?.unwrap_or(0.0) })
}

fn check_count(array: Element<'_>, count: usize) -> Result<(), Fault> {
    match array.usize("n")? {
        Some(n) if n != count => {
            Err(array.fault("attribute n", format!("the number of values, {count}"), n.to_string()))
        }
        _ => Ok(()),
    }
}

/// Returns the values of a text, or what follows a quote that is not closed.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"');
        let body = quoted.unwrap_or(rest);
        let (mut value, mut end, mut chars) = (String::new(), None, body.char_indices().peekable());
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                    value.push('"');
                    chars.next();
                }
                '"' if quoted.is_some() => {
                    end = Some(at + 1);
                    break;
                }
                c if quoted.is_none() && c.is_ascii_whitespace() => {
                    end = Some(at);
                    break;
                }
                c => value.push(c),
            }
        }
        let end = match (end, quoted) {
            (Some(end), _) => end,
            (None, Some(body)) => return Err(body.to_owned()),
            (None, None) => body.len(),
        };
        values.push(value);
        rest = body[end..].trim_start();
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::{super::xml::Document, *};
    use crate::Limits;

    fn with<T>(xml: &str, read: impl FnOnce(Element<'_>) -> T) -> T {
        let document = Document::parse("a.pmml", xml.as_bytes(), &Limits::default()).expect("a document");
        read(document.root())
    }

    #[test]
    fn texts_are_parted_by_blanks_and_quoted() {
        let of = |text: &str| with(&format!("<Array>{text}</Array>"), |e| texts(e).ok());
        let is =
            |text: &str, values: &[&str]| assert_eq!(of(text), Some(values.iter().map(|v| (*v).to_owned()).collect()));
        is("", &[]);
        is(" a  b\n c ", &["a", "b", "c"]);
        is(r#""a b" "" c"#, &["a b", "", "c"]);
        is(r#""say \"hi\"" \"x"#, &["say \"hi\"", "\"x"]);
        is(r"C:\dir \", &["C:\\dir", "\\"]);
        is(r#""a""b""#, &["a", "b"]);
        assert_eq!(of(r#"a "b"#), None);
    }

    #[test]
    fn a_wrong_count_is_refused_and_takes_no_memory() {
        assert!(with(r#"<Array n="2000000000">a b</Array>"#, |e| texts(e).is_err()));
        assert!(with(r#"<Array n="3">1 2</Array>"#, |e| numbers(e).is_err()));
        assert_eq!(with(r#"<Array n="3">1 -2.5e1 "3"</Array>"#, |e| numbers(e).ok()), Some(vec![1.0, -25.0, 3.0]));
        assert!(with("<Array>1 x</Array>", |e| numbers(e).is_err()));
    }

    #[test]
    fn sparse_arrays_say_their_places() {
        let of = |xml: &str| with(xml, |e| sparse(e).ok());
        let body = "<Indices>2 5</Indices><REAL-Entries>3 42</REAL-Entries>";
        let array = |n: &str| of(&format!("<REAL-SparseArray {n}>{body}</REAL-SparseArray>"));
        let entries = vec![(1, 3.0), (4, 42.0)];
        let is = |size| Some(Sparse { entries: entries.clone(), size, default: 0.0 });
        assert_eq!(array(r#"n="7""#), is(Some(7)));
        assert_eq!(array(""), is(None));
        assert_eq!(array(r#"n="4""#), None);
        assert_eq!(of("<A><Indices>0</Indices><REAL-Entries>1</REAL-Entries></A>"), None);
        assert_eq!(of("<A><Indices>1</Indices></A>"), None);
    }
}
