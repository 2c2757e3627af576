//! How files look: what a reader relies on in each of them.
//!
//! Rules over lines, made to hold on code that rustfmt has formatted. What clippy can see is left to clippy; the few that
//! are here as well fail sooner, and in a plain `cargo test`.

use std::collections::BTreeSet;

use crate::tree::Source;

/// Past this a file holds two subjects.
const LINES_MAX: usize = 1_000;

/// A function fits a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Spelled in two parts, so that this file keeps its own rules.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!("), concat!("#[", "ignore")];
const UNWRAP: &str = concat!(".unwrap", "()");
const UNSAFE: &str = concat!("allow(", "unsafe_code)");
const HOMES: [&str; 4] = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Where `unsafe` may stand, each block under its proof.
const UNSAFE_PLACES: [&str; 6] = [
    "crates/engine/src/kernel",
    "crates/engine/src/arena",
    "crates/engine/tests/",
    "crates/remote/src/child/sys/",
    "crates/app/src/memory.rs",
    "crates/app/src/slices.rs",
];

/// Which lines of the tree are tests.
struct Tests(BTreeSet<String>);

/// Returns all findings, by file.
pub fn check(sources: &[Source]) -> Vec<String> {
    let tests = Tests::of(sources);
    let faces = faces(sources);
    let mut findings = Vec::new();
    for source in sources {
        let mut say = |line: usize, what: &str| findings.push(format!("{}:{line}: {what}", source.path));
        homes(source, &mut say);
        if !source.is_rust() {
            continue;
        }
        length(source, &mut say);
        words(source, &tests, &mut say);
        functions(source, &tests, &mut say);
        if faces.contains(&source.path) {
            face(source, &mut say);
        }
    }
    findings
}

type Say<'a> = &'a mut dyn FnMut(usize, &str);

fn length(source: &Source, say: Say<'_>) {
    let lines = source.lines().count();
    if lines > LINES_MAX {
        say(lines, &format!("{lines} lines, the ceiling is {LINES_MAX}; look for the second subject"));
    }
}

fn homes(source: &Source, say: Say<'_>) {
    for (number, line) in source.lines() {
        if let Some(home) = HOMES.iter().find(|home| begins_path(line, home)) {
            say(number, &format!("a path of one machine (`{home}...`)"));
        }
    }
}

/// Returns whether a path in the line begins so; further inside one, such a name is nobody's home.
fn begins_path(line: &str, home: &str) -> bool {
    let before = |at: usize| line[..at].chars().next_back();
    let inside = |c: char| c.is_alphanumeric() || ".-_~}$)".contains(c);
    line.match_indices(home).any(|(at, _)| !before(at).is_some_and(inside))
}

fn words(source: &Source, tests: &Tests, say: Say<'_>) {
    let end = tests.begin(source);
    for (number, line) in source.lines() {
        let code = line.split("//").next().unwrap_or(line);
        if let Some(word) = UNFINISHED.iter().find(|word| code.contains(**word)) {
            say(number, &format!("`{word}...`: unfinished code is refused by name, with an error"));
        }
        if number < end && code.contains(UNWRAP) {
            say(number, "an unwrap outside of tests: `?`, or expect(\"why this holds\")");
        }
        if code.contains(UNSAFE) && !UNSAFE_PLACES.iter().any(|place| source.path.starts_with(place)) {
            say(number, &format!("unsafe code has its places: {UNSAFE_PLACES:?}"));
        }
    }
}

/// A function ends where a line closes its brace at the indentation of its head.
fn functions(source: &Source, tests: &Tests, say: Say<'_>) {
    let end = tests.begin(source);
    let lines: Vec<(usize, &str)> = source.lines().take_while(|(number, _)| *number < end).collect();
    for (place, (number, line)) in lines.iter().enumerate() {
        let head = line.trim_start();
        let indent = &line[..line.len() - head.len()];
        let words = head.split(' ').take_while(|word| *word != "fn");
        let is_head = head.contains("fn ")
            && words.clone().count() < head.split(' ').count()
            && words
                .clone()
                .all(|w| matches!(w, "const" | "async" | "unsafe" | "extern" | "\"C\"") || w.starts_with("pub"));
        if !is_head || line.ends_with(['}', ';']) {
            continue;
        }
        let closes =
            |(_, line): &&(usize, &str)| line.strip_prefix(indent).is_some_and(|rest| matches!(rest, "}" | ");" | ";"));
        let long = lines[place..].iter().position(|line| closes(&line)).map_or(0, |length| length + 1);
        if long > FUNCTION_LINES_MAX {
            say(*number, &format!("a function of {long} lines; a screen has {FUNCTION_LINES_MAX}"));
        }
    }
}

fn face(source: &Source, say: Say<'_>) {
    if !source.text.starts_with("//! ") {
        say(1, "a crate's or folder's face opens with what it is and why (`//!`)");
    }
}

/// Returns the paths of the faces: of crates, and of folders of modules.
fn faces(sources: &[Source]) -> BTreeSet<String> {
    let folders: BTreeSet<&str> = sources.iter().filter_map(|s| Some(s.path.rsplit_once('/')?.0)).collect();
    let is_face = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        matches!(name, "lib.rs" | "main.rs" | "mod.rs") || folders.contains(stem)
    };
    sources.iter().filter(|s| s.is_rust() && is_face(&s.path)).map(|s| s.path.clone()).collect()
}

// === impl Tests ===

impl Tests {
    /// Finds the modules that are declared for tests only.
    fn of(sources: &[Source]) -> Tests {
        let mut modules = BTreeSet::new();
        for source in sources.iter().filter(|source| source.is_rust()) {
            let folder = children(&source.path);
            let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
            for pair in lines.windows(2).filter(|pair| for_tests(pair[0])) {
                let name = pair[1].strip_suffix(';').and_then(|line| line.rsplit_once("mod ")).map(|(_, name)| name);
                modules.extend(name.map(|name| format!("{folder}/{name}")));
            }
        }
        Tests(modules)
    }

    /// Returns the first line of a file that is test code; one past the end where there is none.
    fn begin(&self, source: &Source) -> usize {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        let declared = self.0.iter().any(|module| stem == module || stem.starts_with(&format!("{module}/")));
        let folder = ["/tests/", "/benches/"].iter().any(|folder| source.path.contains(folder));
        if declared || folder || source.path.starts_with("crates/testkit/") {
            return 0;
        }
        let lines: Vec<&str> = source.text.lines().collect();
        let module = lines.windows(2).position(|pair| for_tests(pair[0]) && pair[1].starts_with("mod "));
        module.map_or(lines.len() + 1, |index| index + 1)
    }
}

/// Returns whether what an attribute stands before is there for tests only.
fn for_tests(attribute: &str) -> bool {
    attribute == "#[cfg(test)]" || attribute.starts_with("#[cfg(all(test,")
}

/// Returns the folder where the modules of a file lie.
fn children(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(name, "lib.rs" | "main.rs" | "mod.rs") { folder } else { path.strip_suffix(".rs").unwrap_or(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        crate::none(&check(&crate::tree::sources(&crate::tree::root()).unwrap()));
    }

    /// A file's path and text, and a part of each finding, with its line.
    fn check_file(path: &str, text: &str, expected: &[&str]) {
        check_files(&[(path, text)], expected);
    }

    fn check_files(files: &[(&str, &str)], expected: &[&str]) {
        let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        let got = check(&files.iter().map(source).collect::<Vec<_>>());
        assert_eq!(got.len(), expected.len(), "{got:?}");
        got.iter().zip(expected).for_each(|(got, part)| assert!(got.contains(part), "{got}"));
    }

    #[test]
    fn long_files() {
        check_file("a.rs", &"x\n".repeat(1_000), &[]);
        check_file("a.rs", &"x\n".repeat(1_001), &["a.rs:1001: 1001 lines"]);
        check_file("a.md", &"x\n".repeat(1_001), &[]);
    }

    #[test]
    fn unfinished_code() {
        for word in UNFINISHED {
            check_file("a.rs", &format!("fn a() {{\n    {word}\n}}\n"), &["a.rs:2: `"]);
            check_file("a.rs", &format!("// {word}\n"), &[]);
        }
    }

    #[test]
    fn unwraps() {
        let unwrap = format!("x{UNWRAP}");
        check_file("a.rs", &unwrap, &["a.rs:1: an unwrap"]);
        check_file("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{unwrap}\n}}\n"), &[]);
        check_file("a.rs", &format!("#[cfg(all(test, unix))]\nmod tests {{\n{unwrap}\n}}\n"), &[]);
        check_file("a.rs", &format!("#[cfg(unix)]\nmod a {{\n{unwrap}\n}}\n"), &["a.rs:3: an unwrap"]);
        check_file("a/tests/it.rs", &unwrap, &[]);
        check_files(&[("a/lib.rs", "//! A.\n#[cfg(test)]\npub(crate) mod mock;\n"), ("a/mock.rs", &unwrap)], &[]);
        check_files(&[("a/b.rs", "#[cfg(test)]\nmod tests;\n"), ("a/b/tests.rs", &unwrap)], &["a/b.rs:1: a crate"]);
    }

    #[test]
    fn unsafe_places() {
        let text = format!("//! A.\n#![{UNSAFE}]\n");
        check_file("crates/engine/src/kernel/mod.rs", &text, &[]);
        check_file("crates/model/src/lib.rs", &text, &["lib.rs:2: unsafe"]);
    }

    #[test]
    fn long_functions() {
        let function =
            |head: &str, lines: usize| format!("    {head} {{\n{}    }}\n", "        x;\n".repeat(lines - 2));
        for head in ["fn a()", "pub(crate) const fn a()", "async fn a()"] {
            check_file("a.rs", &function(head, 70), &[]);
            check_file("a.rs", &function(head, 71), &["a.rs:1: a function of 71 lines"]);
        }
        check_file("a.rs", &function("let fn_a = move ||", 90), &[]);
        check_file("a.rs", &format!("trait A {{\n    fn a();\n{}}}\n", "    // x\n".repeat(90)), &[]);
    }

    #[test]
    fn faces_say_what_they_are() {
        check_file("a/lib.rs", "mod x;\n", &["a/lib.rs:1: a crate's"]);
        check_file("a/lib.rs", "//! A.\n", &[]);
        check_files(&[("a/b.rs", "mod c;\n"), ("a/b/c.rs", "\n")], &["a/b.rs:1: a crate's"]);
    }

    #[test]
    fn paths_of_one_machine() {
        for home in HOMES {
            check_file("a.md", &format!("see\n`{home}me/x`"), &["a.md:2: a path of one machine"]);
            check_file("a.md", &format!("target{home}x and ${{A}}{home}"), &[]);
        }
    }
}
