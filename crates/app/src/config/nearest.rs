//! The name that somebody probably meant.

/// Returns the known name that is nearest to `name`, if it is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = |other: &str| 1 + name.len().max(other.len()) / 3;
    let begins = |other: &str| other.starts_with(name) || name.starts_with(other);
    let near = known.into_iter().map(|other| (distance(name, other), other));
    near.filter(|(d, other)| *d <= bound(other) || begins(other)).min_by_key(|(d, _)| *d).map(|(_, other)| other)
}

/// Returns how many letters have to be changed, added or taken away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let here = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], here);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["rows_max", "http", "settle_ms"];
        for (name, expected) in
            [("row_max", Some("rows_max")), ("htp", Some("http")), ("settle", Some("settle_ms")), ("colour", None)]
        {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!((distance("", "abc"), distance("kitten", "sitting"), distance("same", "same")), (3, 3, 0));
    }
}
