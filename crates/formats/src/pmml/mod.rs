//! PMML: documents of the Data Mining Group's standard, 3.0 to 4.4, as the tools export them.
//!
//! A document is read to a tree ([`xml`]), its fields are found by name ([`fields`]), its model is lowered ([`model`]) to one
//! plan whose inputs are the active fields and whose outputs are the target and the output fields. Missing is null; what is
//! invalid is refused, missing or a value, as the mining schema says. Sources of rules: the standard's pages
//! (<https://dmg.org/pmml/v4-4-1/GeneralStructure.html> and its neighbours), named by section where a rule stands.
//!
//! - [`xml`], [`array`]: the document. - [`fields`]: dictionary, mining schema, derived fields. - [`expression`],
//!   [`predicate`]: what is computed of them. - [`lower`]: the plan in the making. - [`model`]: the kinds of model.
//! - [`answer`], [`targets`], [`output`]: from a result to what is shown.

use model::ModelFiles as Files;
use plan::{Model, Provenance};

use crate::{Format, ReadError, ReadOptions};

pub mod answer;
pub mod array;
pub mod elements;
pub mod error;
pub mod expression;
pub mod fields;
pub mod kinds;
pub mod lower;
pub mod output;
pub mod predicate;
pub mod targets;
pub mod verification;
pub mod xml;

use self::{
    error::Fault,
    fields::Dictionary,
    lower::Lowering,
    xml::{Document, Element},
};

/// The row of this format in [`crate::FORMATS`].
pub const FORMAT: Format = Format {
    name: "pmml",
    recognised_by: "a document whose outermost element is `PMML`",
    doc: "A document of the Predictive Model Markup Language, 3.0 to 4.4.",
    detect,
    read,
    foreign: None,
};

/// How far into a file its outermost element is looked for.
const LOOK_AT: usize = 64 << 10;

/// Returns whether one of the files is a PMML document.
pub fn detect(files: &Files) -> bool {
    document(files).is_some()
}

fn document(files: &Files) -> Option<(&str, &[u8])> {
    files.here().map(|(path, bytes)| (path, bytes.as_slice())).find(|(_, bytes)| is_pmml(bytes))
}

/// Returns whether the outermost element is called PMML; what stands before it (a declaration, comments) is passed over.
fn is_pmml(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(LOOK_AT)];
    // Documents in UTF-16 have a zero beside each letter.
    let plain: Vec<u8> = head.iter().copied().filter(|b| b.is_ascii() && *b != 0).collect();
    let mut rest = plain.trim_ascii_start();
    loop {
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            // Refused when it is read, with the reason.
            [b'<', b'!', ..] => return plain.windows(5).any(|w| w == b"<PMML"),
            [b'<', name @ ..] => {
                let name =
                    name.split(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/')).next().unwrap_or_default();
                return name == b"PMML" || name.ends_with(b":PMML");
            }
            _ => return false,
        };
        let Some(at) = rest.windows(end.len()).position(|w| w == end) else { return false };
        rest = rest[at + end.len()..].trim_ascii_start();
    }
}

/// Returns the model of the document.
pub fn read(files: &Files, options: &ReadOptions) -> Result<Model, ReadError> {
    let (path, bytes) =
        document(files).ok_or_else(|| ReadError::NotAModel { known: FORMAT.recognised_by.to_owned() })?;
    let file = files.full_path(path);
    read_document(&file, bytes, options).map_err(|fault| fault.of(&file))
}

fn read_document(file: &str, bytes: &[u8], options: &ReadOptions) -> Result<Model, Fault> {
    let document = Document::parse(file, bytes, &options.limits)?;
    let root = document.root();
    check_namespace(&document)?;
    let dictionary = Dictionary::read(root)?;
    let models = || root.children().filter(|e| kinds::is_model(e.name()));
    let model = models().find(|e| e.attr("isScorable") != Some("false")).or_else(|| models().next());
    let model = model.ok_or_else(|| {
        let other = root.children().find(|e| !PARTS.contains(&e.name()));
        other.unwrap_or(root).fault("content", "a model that the standard defines", other.map_or("none", |e| e.name()))
    })?;
    let mut cx = Lowering::new(options);
    if models().count() > 1 {
        cx.warn(format!(
            "the document holds {} models; the first, at line {}, is read",
            models().count(),
            model.line()
        ));
    }
    // The fields of the outermost model, in its order, are the inputs, whatever asks for them first.
    let schema = model.child("MiningSchema");
    for mining in schema.into_iter().flat_map(|e| e.all("MiningField")) {
        let is_read = matches!(mining.attr("usageType"), None | Some("active" | "supplementary" | "group" | "order"));
        if let Some(field) = mining.attr("name").and_then(|name| dictionary.fields.get(name)).filter(|_| is_read) {
            dictionary.input(&mut cx, field, Some(mining));
        }
    }
    let lowered = kinds::lower(&mut cx, &dictionary, None, model)?;
    let mut outputs = Vec::new();
    let scope = fields::Scope::new(&dictionary, None, model)?;
    let anyway = output::shown_anyway(&mut cx, &scope, &lowered.answer)?;
    if let Some(value) = &lowered.answer.value {
        let targets = scope.targets();
        let name = lowered.answer.target.filter(|name| targets.contains(name)).or(targets.first().copied());
        let name = name.unwrap_or("_target");
        outputs.push((name.to_owned(), value.value.clone()));
    }
    for (name, field) in &lowered.outputs {
        outputs.retain(|(known, _)| known != name);
        outputs.push(((*name).to_owned(), field.value.clone()));
    }
    for (name, field) in lowered.answer.extras.iter().chain(&anyway) {
        if !outputs.iter().any(|(known, _)| known == name) {
            outputs.push((name.clone(), field.value.clone()));
        }
    }
    let (plan, mut warnings) = cx.finish(model, &outputs)?;
    let inputs: Vec<String> = plan.inputs.iter().map(|input| input.name.to_string()).collect();
    let outputs: Vec<String> = outputs.into_iter().map(|(name, _)| name).collect();
    let verification = verification::read(model, &inputs, &outputs)?;
    let provenance = Provenance {
        format: FORMAT.name,
        class: model.name().to_owned(),
        tool: tool(root),
        artifact_bytes: bytes.len() as u64,
    };
    let mut model = Model::single(plan, provenance);
    if let Some((verification, unknown)) = verification {
        model.verification = Some(verification);
        warnings.extend(unknown);
    }
    model.warnings = warnings;
    Ok(model)
}

/// Elements of a document besides its models.
const PARTS: &[&str] = &["Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary"];

/// The standard's namespaces end in `PMML-x_y`; documents without one are read as well.
fn check_namespace(document: &Document<'_>) -> Result<(), Fault> {
    let root = document.root();
    if root.name() != "PMML" {
        return Err(root.fault("outermost element", "PMML", root.name()));
    }
    let known = |name: &str| {
        let rest = name.strip_prefix("http").map(|r| r.strip_prefix('s').unwrap_or(r));
        rest.is_some_and(|r| r.starts_with("://www.dmg.org/PMML") || r.starts_with("://dmg.org/PMML"))
    };
    match document.namespace() {
        Some(name) if !name.is_empty() && !known(name) => {
            Err(root.fault("namespace", "http://www.dmg.org/PMML-4_4 or another version's", name))
        }
        _ => Ok(()),
    }
}

/// Returns the tool that wrote the document.
fn tool(root: Element<'_>) -> String {
    let application = root.child("Header").and_then(|e| e.child("Application"));
    let of = |name| application.and_then(|e| e.attr(name));
    match (of("name"), of("version")) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name.to_owned(),
        _ => format!("PMML {}", root.attr("version").unwrap_or("of no version")),
    }
}
