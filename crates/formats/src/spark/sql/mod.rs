//! Spark SQL, as far as SQLTransformer needs it: a SELECT over `__THIS__` to expressions and ops on rows.
//!
//! In steps: [`dialect`] makes tokens as Spark reads them, [`parse`] lets the parser library read the statement and keeps what
//! we understand ([`ast`]), the rest refused by name; [`usage`] says what input columns may be; [`typing`] gives every part its
//! type as Spark's analyser does ([`types`], [`functions`]) and writes the typed expression; [`names`] are those that Spark
//! gives to unnamed columns; [`lower`] puts it into the plan. Types of columns that Spark did not save are known only when a
//! call brings them, so typing is done then (`plan::expr::Typing`), and once at load for the likeliest types.

mod aggregate;
pub mod ast;
mod dialect;
pub mod functions;
mod literal;
mod lower;
mod names;
mod parse;
mod types;
mod typing;
mod usage;

pub use lower::lower;
pub use parse::parse;
pub use typing::Session;

/// A function as the reference page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    pub family: &'static str,
    pub name: &'static str,
    pub usage: &'static str,
    pub doc: &'static str,
}

/// Returns all functions, family by family, ordered by name: the table of the reference page.
pub fn documented() -> impl Iterator<Item = Documented> {
    let scalar = functions::FAMILIES.iter().flat_map(|(family, table)| {
        table.iter().map(|function| Documented {
            family,
            name: function.name,
            usage: function.usage,
            doc: function.doc,
        })
    });
    let aggregates = aggregate::TABLE.iter();
    scalar.chain(aggregates.map(|&(name, usage, doc)| Documented { family: "aggregates", name, usage, doc }))
}

/// Returns the time zone of this name: `UTC`, `+02:00`, or one of the IANA database.
pub fn zone(name: &str) -> Option<plan::expr::Zone> {
    let trimmed = name.trim();
    if ["UTC", "GMT", "Z", "Etc/UTC"].iter().any(|utc| utc.eq_ignore_ascii_case(trimmed)) {
        return Some(plan::expr::Zone::Utc);
    }
    let offset = trimmed.strip_prefix("UTC").or_else(|| trimmed.strip_prefix("GMT")).unwrap_or(trimmed);
    if let Some((sign, rest)) =
        offset.strip_prefix('+').map(|r| (1, r)).or_else(|| offset.strip_prefix('-').map(|r| (-1, r)))
    {
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let is_digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(hours) || !is_digits(minutes) {
            return None;
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        return (hours <= 18 && minutes < 60).then(|| plan::expr::Zone::Offset(sign * (hours * 3600 + minutes * 60)));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/_-+".contains(c);
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let looks_right = trimmed.starts_with(is_letter) && trimmed.len() < 64 && trimmed.chars().all(is_name);
    looks_right.then(|| plan::expr::Zone::Named(trimmed.into()))
}

/// Why a statement is not one that we can serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    #[error("{0}")]
    Syntax(String),
    /// Spark itself refuses it: a name that is not there, types that a function does not take.
    #[error("{0}")]
    Analysis(String),
    /// Something of SQL that we do not read.
    #[error("{0}")]
    Unsupported(String),
    #[error("{got} {what}, more than {limit}")]
    Limit { what: &'static str, got: usize, limit: usize },
}

#[cfg(test)]
mod tests {
    use plan::expr::Zone;

    use super::zone;

    #[test]
    fn zones_by_offset_and_by_name() {
        assert_eq!(
            (zone("utc"), zone("GMT+2"), zone("-05:30")),
            (Some(Zone::Utc), Some(Zone::Offset(7200)), Some(Zone::Offset(-19_800)))
        );
        assert_eq!(zone("CET"), Some(Zone::Named("CET".into())));
        assert_eq!(zone("America/New_York"), Some(Zone::Named("America/New_York".into())));
        assert_eq!(
            (zone(""), zone("+19:00"), zone("+2:99"), zone("a b"), zone("/etc")),
            (None, None, None, None, None)
        );
    }
}
