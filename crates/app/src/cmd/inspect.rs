//! `forebay inspect`: what a model is, takes and gives, and the plan that computes it.

use std::fmt::Write;

use formats::foreign::{OpUse, Support};
use model::{Field, Signature};
use plan::Plan;
use registry::EngineChoice;
use serde_json::{Value, json};

use crate::{
    cmd,
    failure::Failure,
    loader::nodes,
    model_arg::{ModelArg, Opened},
};

/// Prints format, signature, plan and sizes of a model
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let ops = args.model.ops();
    let opened = match args.model.open() {
        Ok(opened) => opened,
        Err(failure) => {
            // What nobody can run as it stands is worth knowing op by op; the error follows.
            match ops.filter(|ops| ops.iter().any(|used| used.support != Support::Native)) {
                Some(ops) if args.json => cmd::print(&format!("{:#}\n", json!({ "ops": ops_json(&ops) })))?,
                Some(ops) => cmd::print(&ops_text(&ops))?,
                None => {}
            }
            return Err(failure);
        }
    };
    if args.json {
        return cmd::print(&format!("{:#}\n", as_json(&opened, ops.as_deref())));
    }
    cmd::print(&as_text(&opened, ops.as_deref()))
}

fn as_text(opened: &Opened, ops: Option<&[OpUse]>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_text(opened, ops, &mut text);
    text
}

/// Returns the ops by who computes them.
fn ops_text(ops: &[OpUse]) -> String {
    let mut text = String::new();
    let kinds = [(Support::Native, "native"), (Support::Engine, "only by an engine"), (Support::Refused, "refused")];
    for (support, what) in kinds {
        let named = |used: &OpUse| match used.nodes {
            1 => used.op.clone(),
            nodes => format!("{} x{nodes}", used.op),
        };
        let names: Vec<String> = ops.iter().filter(|used| used.support == support).map(named).collect();
        if !names.is_empty() {
            let label = if text.is_empty() { "ops" } else { "" };
            let _ = writeln!(text, "{label:<10} {} {what}: {}", names.len(), names.join(", "));
        }
    }
    text
}

fn ops_json(ops: &[OpUse]) -> Value {
    let of = |used: &OpUse| json!({ "op": used.op, "nodes": used.nodes, "support": used.support.name() });
    ops.iter().map(of).collect()
}

fn write_text(opened: &Opened, ops: Option<&[OpUse]>, text: &mut String) -> std::fmt::Result {
    let from = opened.model.provenance();
    let version = opened.version.map_or(String::new(), |version| format!(", version {version}"));
    writeln!(text, "model      {}{version}", opened.name)?;
    writeln!(text, "format     {}", from.format)?;
    for (label, value) in [("class", &from.class), ("tool", &from.tool)] {
        if !value.is_empty() {
            writeln!(text, "{label:<10} {value}")?;
        }
    }
    writeln!(text, "artifact   {} bytes", from.artifact_bytes)?;
    for warning in opened.model.warnings() {
        writeln!(text, "warning    {warning}")?;
    }
    if opened.model.engine() != EngineChoice::Native {
        writeln!(text, "engine     {}", opened.model.engine().name())?;
    }
    text.push_str(&ops.map(ops_text).unwrap_or_default());
    let signatures = opened.predictor().signatures();
    let Some((model, _)) = opened.model.plans() else {
        for signature in signatures {
            writeln!(text, "\nsignature  {}\n", signature.name)?;
            text.push_str(&table(signature));
        }
        return Ok(());
    };
    for (signature, (_, plan)) in signatures.iter().zip(&model.plans) {
        let separable = match plan.not_separable() {
            None => "yes".to_owned(),
            Some((step, op)) => format!("no, because of {op} ({step})"),
        };
        writeln!(text, "\nsignature  {}", signature.name)?;
        writeln!(text, "separable  {separable}")?;
        writeln!(text, "nodes      {}\n", nodes(plan))?;
        text.push_str(&table(signature));
        writeln!(text, "\nplan")?;
        for line in plan.to_string().lines() {
            writeln!(text, "  {line}")?;
        }
    }
    Ok(())
}

/// Returns the fields as a table.
fn table(signature: &Signature) -> String {
    let shown = |notes: &[(bool, &str)]| {
        notes.iter().filter(|(holds, _)| *holds).map(|(_, note)| *note).collect::<Vec<_>>().join(", ")
    };
    let row = |side: &str, field: &Field, notes: String| {
        [side.to_owned(), field.name.to_string(), field.ty().dtype_name(), format!("{:?}", field.shape()), notes]
    };
    let inputs = signature.inputs.iter().map(|field| {
        let notes = [
            (field.takes.is_from_data(), "from data"),
            (field.nullable, "may be null"),
            (!field.default && field.optional, "may be left out"),
            (!field.default && !field.optional, "not needed for the default outputs"),
        ];
        row("input", field, shown(&notes))
    });
    let outputs = signature.outputs.iter().map(|field| {
        let notes = [
            (!field.default && field.optional, "when its inputs are there"),
            (!field.default && !field.optional, "when asked for"),
        ];
        row("output", field, shown(&notes))
    });
    let head = ["", "name", "dtype", "shape", ""].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(inputs).chain(outputs).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<String> = cells.chain([row[4].clone()]).collect();
        format!("{}\n", format!("  {}", cells.join("  ")).trim_end())
    };
    rows.iter().map(line).collect()
}

fn as_json(opened: &Opened, ops: Option<&[OpUse]>) -> Value {
    let from = opened.model.provenance();
    let plans = opened.model.plans().into_iter().flat_map(|(model, _)| &model.plans);
    let plans: Vec<&Plan> = plans.map(|(_, plan)| &**plan).collect();
    let mut about = json!({
        "name": opened.name,
        "version": opened.version.map(|version| version.0),
        "format": from.format,
        "class": from.class,
        "tool": from.tool,
        "signatures": opened.predictor().signatures().iter().map(signature).collect::<Vec<_>>(),
        "engine": opened.model.engine().name(),
        "separable": !plans.is_empty() && plans.iter().all(|plan| plan.not_separable().is_none()),
        "nodes": plans.iter().map(|plan| nodes(plan)).sum::<usize>(),
        "artifact_bytes": from.artifact_bytes,
        "warnings": opened.model.warnings(),
    });
    if let Some(ops) = ops {
        about["ops"] = ops_json(ops);
    }
    about
}

fn signature(signature: &Signature) -> Value {
    let input = |field: &Field| {
        json!({
            "name": &*field.name,
            "type": field.ty().to_string(),
            "dtype": field.ty().dtype_name(),
            "shape": field.shape(),
            "nullable": field.nullable,
            "from_data": field.takes.is_from_data(),
            "needed": field.default,
        })
    };
    let output = |field: &Field| {
        json!({
            "name": &*field.name,
            "type": field.ty().to_string(),
            "dtype": field.ty().dtype_name(),
            "shape": field.shape(),
            "nullable": field.nullable,
            "default": field.default,
        })
    };
    json!({
        "name": &*signature.name,
        "inputs": signature.inputs.iter().map(input).collect::<Vec<_>>(),
        "outputs": signature.outputs.iter().map(output).collect::<Vec<_>>(),
    })
}
