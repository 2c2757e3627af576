//! Libraries that stand in two versions: each is bytes and build time twice, so each is written down.
//!
//! `deny.toml` lists them with a reason. The list is exact: a new duplicate is a finding, and so is one that is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use toml::{Table, Value};

/// Holds the lock file against the list.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let (lock, deny) = (fs::read_to_string(root.join("Cargo.lock"))?, fs::read_to_string(root.join("deny.toml"))?);
    compare(&lock.parse()?, &deny.parse()?)
}

fn compare(lock: &Table, deny: &Table) -> anyhow::Result<Vec<String>> {
    let text = |table: &Value, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(name), Some(version)) = (text(package, "name"), text(package, "version")) {
            versions.entry(name).or_default().insert(version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    let skipped = deny.get("bans").and_then(|bans| bans.get("skip")).and_then(Value::as_array);
    let mut listed = BTreeSet::new();
    let mut findings = Vec::new();
    for skip in skipped.into_iter().flatten() {
        let Some(name) = text(skip, "name") else { continue };
        if text(skip, "reason").is_none_or(|reason| reason.trim().is_empty()) {
            findings.push(format!("deny.toml: `{name}` stands twice without a reason"));
        }
        if !versions.contains_key(&name) {
            findings.push(format!("deny.toml: `{name}` stands twice no more, take it off the list"));
        }
        listed.insert(name);
    }
    for (name, versions) in versions.iter().filter(|(name, _)| !listed.contains(*name)) {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        let versions = versions.join(" and ");
        findings
            .push(format!("deny.toml: `{name}` stands in versions {versions}: say why under [bans] skip, or mend it"));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_duplicates_is_exact() {
        crate::none(&check(&crate::tree::root()).unwrap());
    }

    /// Versions of a library `a` in the lock, the skip list, and a part of each finding.
    fn check_list(versions: &[&str], skip: &str, expected: &[&str]) {
        let package = |v: &&str| format!("[[package]]\nname = 'a'\nversion = '{v}'\n");
        let lock: String = versions.iter().map(package).collect();
        let deny = format!("[bans]\nskip = [{skip}]");
        let got = compare(&lock.parse().unwrap(), &deny.parse().unwrap()).unwrap();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        got.iter().zip(expected).for_each(|(got, part)| assert!(got.contains(part), "{got}"));
    }

    #[test]
    fn a_duplicate_needs_its_reason_and_a_reason_its_duplicate() {
        check_list(&["1.0.0"], "", &[]);
        check_list(&["1.0.0", "2.0.0"], "{ name = 'a', reason = 'why' }", &[]);
        check_list(&["1.0.0", "2.0.0"], "", &["versions 1.0.0 and 2.0.0"]);
        check_list(&["1.0.0", "2.0.0"], "{ name = 'a', reason = ' ' }", &["without a reason"]);
        check_list(&["1.0.0"], "{ name = 'a', reason = 'why' }", &["no more"]);
    }
}
