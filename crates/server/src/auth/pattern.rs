//! Names with `*` in them: the models that a key may ask.

/// Patterns of which one must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    pub fn new(patterns: &[String]) -> Patterns {
        Patterns(patterns.to_vec())
    }

    pub fn fit(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, name))
    }

    /// Returns them as a message says them.
    pub fn shown(&self) -> String {
        self.0.join(", ")
    }
}

/// Returns whether the pattern is the name; `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for (pattern, name) in
            [("fraud*", "fraud"), ("fraud*", "fraud-eu"), ("*", "x"), ("a*b*c", "a1b2c"), ("*-eu", "x-eu"), ("m", "m")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("fraud*", "xfraud"), ("m", "m2"), ("", "m"), ("a*b*c", "acb"), ("*-eu", "eu"), ("a*a", "a"), ("M", "m")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
