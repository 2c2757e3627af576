//! Models for TensorFlow itself: signatures as they are written, and who computes which op.
//!
//! The graph is walked by names alone, from what the signatures give and from what runs when a model is loaded. TensorFlow runs
//! whatever it finds there, so ops that reach outside are refused in all of it; variables are changed by what restores and
//! initialises them and by nothing else.

use std::collections::{BTreeMap, BTreeSet};

use model::{Declared, ModelFiles as Files, Signature};
use plan::Provenance;

use super::{
    FORMAT,
    dtype::DType,
    frozen,
    graph::{
        flat,
        ops::{self, Effect},
    },
    is_saved, lower,
    program::{self, Artifact},
    proto::{
        attr::{Attr, Function},
        graph::Graph,
        saved_model::{Contents, Signature as Written},
        shape::Shape,
    },
};
use crate::{
    Limits, ReadError, ReadOptions,
    foreign::{self, Foreign, Layout, OpUse, Runs, Support},
};

/// The part of the format's row.
pub(super) const RUNS: Runs = Runs { engine: "tensorflow", read, ops };

/// Ops that read what a loader of TensorFlow says: the model's own variables.
const RESTORES: [&str; 3] = ["RestoreV2", "Restore", "RestoreSlice"];

fn with_artifact<T>(
    files: &Files,
    options: &ReadOptions,
    then: impl FnOnce(&Artifact<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let tags: Vec<&str> = options.tags.iter().map(String::as_str).collect();
    let limits: &Limits = &options.limits;
    then(&match frozen(files).filter(|_| !is_saved(files)) {
        Some((file, bytes)) => Artifact::frozen(files, file, bytes, limits)?,
        None => Artifact::saved(files, &tags, limits)?,
    })
}

fn read(files: &Files, options: &ReadOptions) -> Result<Foreign, ReadError> {
    with_artifact(files, options, |artifact| {
        let (computed, prepared) = walked(artifact);
        let mut refused: BTreeSet<&str> = computed.keys().filter(|op| is_refused(op)).copied().collect();
        let reaches = |op: &&str| is_refused(op) && ops::effect(op) != Effect::Writes && !RESTORES.contains(op);
        refused.extend(prepared.keys().filter(|op| reaches(op)));
        if !refused.is_empty() {
            let names = refused.into_iter().collect::<Vec<_>>().join(", ");
            let what =
                format!("the ops {names}, which reach outside of the model or change it; no engine may run them");
            return Err(ReadError::Unimplemented {
                file: artifact.file.to_owned(),
                class: "GraphDef".to_owned(),
                what,
            });
        }
        let mut open = Vec::new();
        let (signatures, layout, class) = match (artifact.contents(), artifact.graph()) {
            (Some(contents), _) => {
                let tags = artifact.tags().iter().map(|tag| (*tag).to_owned()).collect();
                (saved(contents), Layout::SavedModel { tags }, "SavedModel")
            }
            (None, graph) => {
                let init = graph.nodes.all.iter().filter(|node| ops::fills_table(node.op));
                let init = init.map(|node| node.name.to_owned()).collect();
                let signature = of_frozen(graph);
                open.extend((0..signature.outputs.len()).map(|place| (0, place)));
                (vec![signature], Layout::Graph { file: artifact.file.to_owned(), init }, "GraphDef")
            }
        };
        if signatures.is_empty() {
            let what = "the model has no signature of plain tensors".to_owned();
            return Err(ReadError::Syntax { file: artifact.file.to_owned(), what });
        }
        let tool = format!("TensorFlow {}", artifact.tool).trim().to_owned();
        let artifact_bytes = files.bytes() as u64;
        let provenance = Provenance { format: FORMAT.name, class: class.to_owned(), tool, artifact_bytes };
        let defs = artifact.contents().map(program::defs).unwrap_or_default();
        Ok(Foreign { layout, signatures, open, defs, provenance })
    })
}

fn ops(files: &Files, options: &ReadOptions) -> Result<Vec<OpUse>, ReadError> {
    with_artifact(files, options, |artifact| {
        let (computed, _) = walked(artifact);
        let each = computed.into_iter().map(|(op, nodes)| (op.to_owned(), (nodes, support(op))));
        Ok(foreign::uses(each.collect()))
    })
}

/// Parts of names of ops that read, write, send or keep something outside of a graph; the kernel refuses what these overlook.
const OUTSIDE: [&str; 14] = [
    "File",
    "Dataset",
    "Iterator",
    "Reader",
    "Writer",
    "Save",
    "Restore",
    "Checkpoint",
    "Rpc",
    "DataService",
    "Debug",
    "Session",
    "Queue",
    "Collective",
];

fn is_refused(op: &str) -> bool {
    match ops::effect(op) {
        Effect::Outside | Effect::Writes => true,
        Effect::Unknown => OUTSIDE.iter().any(|part| op.contains(part)),
        Effect::None | Effect::Check => false,
    }
}

fn support(op: &str) -> Support {
    match op {
        _ if is_refused(op) => Support::Refused,
        _ if lower::reads(op) || ops::is_resolved(op) => Support::Native,
        _ => Support::Engine,
    }
}

/// Returns the signatures of a SavedModel whose values are tensors, the default one first.
fn saved(contents: &Contents<'_>) -> Vec<Signature> {
    let public = program::public(contents);
    let plain = public.filter(|(_, signature)| {
        let mut all = signature.inputs.iter().chain(&signature.outputs);
        all.all(|(_, info)| !info.is_composite && !info.name.is_empty()) && !signature.outputs.is_empty()
    });
    let of = |(name, signature): (&str, &Written<'_>)| {
        let needs: Vec<u32> = (0..signature.inputs.len() as u32).collect();
        let inputs = signature.inputs.iter().map(|(key, info)| {
            let dtype = program::placeholder(&contents.graph, info.name).or(DType::of(info.dtype));
            foreign::field(key, dtype.and_then(lower::element), declared(info.name, &info.shape), Vec::new())
        });
        let outputs = signature.outputs.iter().map(|(key, info)| {
            let ty = DType::of(info.dtype).and_then(lower::element);
            foreign::field(key, ty, declared(info.name, &info.shape), needs.clone())
        });
        let method = Some(signature.method).filter(|method| !method.is_empty()).map(Into::into);
        Signature { name: name.into(), inputs: inputs.collect(), outputs: outputs.collect(), grouped: false, method }
    };
    plain.map(of).collect()
}

/// Returns the one signature of a frozen graph.
fn of_frozen(graph: &Graph<'_>) -> Signature {
    let inputs: Vec<_> = program::placeholders(graph)
        .map(|input| {
            let ty = input.dtype.and_then(lower::element);
            foreign::field(&input.name, ty, declared(&input.tensor, &input.shape), Vec::new())
        })
        .collect();
    let needs: Vec<u32> = (0..inputs.len() as u32).collect();
    let outputs = program::sinks(graph).into_iter();
    let outputs = outputs.map(|name| foreign::field(&name, None, declared(&name, &Shape::unknown()), needs.clone()));
    Signature { name: program::DEFAULT.into(), inputs, outputs: outputs.collect(), grouped: false, method: None }
}

fn declared(tensor: &str, shape: &Shape) -> Declared {
    Declared { tensor: tensor.into(), shape: shape.dims.clone().map(Into::into) }
}

/// Ops by name, with the number of their nodes.
type Counts<'g> = BTreeMap<&'g str, usize>;

/// Returns the ops that signatures need, and those that run when the model is loaded.
fn walked<'g>(artifact: &'g Artifact<'_>) -> (Counts<'g>, Counts<'g>) {
    match artifact.contents() {
        Some(contents) => {
            let outputs = program::public(contents).flat_map(|(_, signature)| &signature.outputs);
            let computed = walk(&contents.graph, outputs.map(|(_, info)| info.name));
            let first = contents.signatures.iter().find(|(name, _)| *name == "__saved_model_init_op");
            let first =
                first.into_iter().flat_map(|(_, signature)| signature.outputs.iter().map(|(_, info)| info.name));
            let prepared = contents.init.iter().copied().chain(first).chain([contents.saver.restore]);
            (computed, walk(&contents.graph, prepared))
        }
        None => {
            let graph = artifact.graph();
            let sinks = program::sinks(graph);
            let init = graph.nodes.all.iter().filter(|node| ops::fills_table(node.op)).map(|node| node.name);
            (walk(graph, sinks.iter().map(String::as_str)), walk(graph, init))
        }
    }
}

/// Counts the ops of all nodes that these values are computed from, and of all functions that they may call.
fn walk<'g, 'r>(graph: &'g Graph<'g>, roots: impl Iterator<Item = &'r str>) -> Counts<'g> {
    let mut counts = Counts::new();
    let mut functions: BTreeSet<&str> = BTreeSet::new();
    let (mut calls, mut seen) = (Vec::new(), vec![false; graph.nodes.all.len()]);
    let mut waiting: Vec<u32> = roots.filter_map(|root| graph.nodes.find(flat::split(root).0)).collect();
    while let Some(place) = waiting.pop() {
        if std::mem::replace(&mut seen[place as usize], true) {
            continue;
        }
        let node = &graph.nodes.all[place as usize];
        *counts.entry(node.op).or_default() += 1;
        waiting.extend(node.inputs.iter().filter_map(|input| graph.nodes.find(flat::split(input).0)));
        calls.push(node);
        while let Some(node) = calls.pop() {
            let named = node.attrs.iter().flat_map(|(_, attr)| called(attr)).chain([node.op]);
            for name in named {
                if let Some(function) = graph.functions.get(name).filter(|_| functions.insert(name)) {
                    function.nodes.all.iter().for_each(|node| *counts.entry(node.op).or_default() += 1);
                    calls.extend(&function.nodes.all);
                }
            }
        }
    }
    counts.retain(|op, _| !graph.functions.contains_key(op));
    counts
}

/// Returns the functions that an attribute names, and those that these are called with.
fn called<'g>(attr: &'g Attr<'g>) -> Vec<&'g str> {
    let functions = match attr {
        Attr::Function(function) => std::slice::from_ref(function),
        Attr::List(list) => &list.functions[..],
        _ => &[],
    };
    let with = |function: &'g Function<'g>| function.attrs.iter().flat_map(|(_, attr)| called(attr));
    functions.iter().flat_map(|function| with(function).chain([function.name])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_are_ours_an_engines_or_nobodys() {
        let of = |op| support(op);
        assert_eq!(of("MatMul"), Support::Native);
        assert_eq!(of("StatefulPartitionedCall"), Support::Native);
        assert_eq!(of("Assert"), Support::Native);
        assert_eq!(of("BoostedTreesPredict"), Support::Native);
        assert_eq!(of("RaggedCross"), Support::Engine);
        assert_eq!(of("ReadFile"), Support::Refused);
        assert_eq!(of("CreateSummaryFileWriter"), Support::Refused);
        assert_eq!(of("AssignAdd"), Support::Refused);
    }
}
