//! How many ops a plan may have.
//!
//! A new op needs mathematics that no op with other parameters has. Half of them are those of tensors, which ONNX and TensorFlow
//! share. The ceiling is far away; this count is read with each change of it.

use crate::tree::Source;

const OPS_MAX: usize = 400;

/// Where the families lie, an enum each.
const FOLDER: &str = "crates/plan/src/op/";

/// Returns a finding where there are too many, or where none are found.
pub fn check(sources: &[Source]) -> Vec<String> {
    let count: usize = sources.iter().filter(|source| source.path.starts_with(FOLDER)).map(|s| count(&s.text)).sum();
    match count {
        0 => vec![format!("{FOLDER}: no op found; has the folder moved?")],
        OPS_MAX.. => vec![format!("{FOLDER}: {count} ops, the ceiling is {OPS_MAX}: lower to primitives")],
        _ => Vec::new(),
    }
}

/// Returns the variants of the public enums whose names end in `Op`.
fn count(text: &str) -> usize {
    let mut inside = false;
    let mut variants = 0;
    for line in text.lines() {
        let head = line.strip_prefix("pub enum ").and_then(|rest| rest.split([' ', '<', '{']).next());
        if let Some(name) = head {
            inside = name.ends_with("Op");
        }
        inside &= line != "}";
        // rustfmt puts a variant at the first step of indentation.
        let variant = line.strip_prefix("    ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        variants += usize::from(inside && variant);
    }
    variants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ops_are_few() {
        crate::none(&check(&crate::tree::sources(&crate::tree::root()).unwrap()));
    }

    #[test]
    fn variants_are_counted() {
        let text = "/// Ops.\npub enum TextOp {\n    /// A.\n    Lower,\n    Split {\n        Big: u8,\n    },\n}\n\
                    pub enum Side {\n    Left,\n}\n";
        assert_eq!(count(text), 2);
    }

    #[test]
    fn none_and_too_many_are_findings() {
        let source = |n: usize| {
            let text = format!("pub enum XOp {{\n{}}}\n", "    A,\n".repeat(n));
            vec![Source { path: format!("{FOLDER}x.rs"), text }]
        };
        assert_eq!((check(&[]).len(), check(&source(OPS_MAX - 1)).len(), check(&source(OPS_MAX)).len()), (1, 0, 1));
    }
}
