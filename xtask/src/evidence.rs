//! Results of soaks, checked in: `docs/evidence/NAME.json`.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

/// Writes the result of a soak with the commit and the command that gave it.
pub fn write(root: &Path, name: &str, command: &str, figures: &Value) -> anyhow::Result<()> {
    let result = json!({"commit": commit(root), "command": command, "figures": figures});
    let folder = root.join("docs/evidence");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.json")), format!("{result:#}\n"))?;
    Ok(())
}

/// Returns the commit that is checked out, with a mark where the tree differs from it.
pub fn commit(root: &Path) -> String {
    let output =
        Command::new("git").current_dir(root).args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    output.map_or_else(|_| "unknown".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
