//! Models for ONNX Runtime: inputs and outputs as the document has them, and who computes which op.

use std::collections::{BTreeMap, BTreeSet};

use model::{ModelFiles, Signature};
use plan::Provenance;

use super::{FORMAT, document::Document, graph::Graph, lower, model_file, reader::Reader, with_program};
use crate::{
    ReadError, ReadOptions,
    foreign::{self, Foreign, Layout, OpUse, Runs, Support},
};

/// The part of the format's row.
pub(super) const RUNS: Runs = Runs { engine: "onnxruntime", read, ops };

/// The name of the one signature, as plans of this format have it.
const SIGNATURE: &str = "default";

fn read(files: &ModelFiles, options: &ReadOptions) -> Result<Foreign, ReadError> {
    let (path, bytes) = model_file(files)?;
    let file = files.full_path(path);
    let cx = Reader::new(&file, files, &options.limits);
    let document = Document::parse(&cx, bytes)?;
    let graph = &document.graph;
    // An input with a value of its own may be left out, and always is.
    let set: BTreeSet<&str> = graph.initializers.iter().map(|tensor| tensor.name).collect();
    let mut inputs = Vec::new();
    for input in graph.inputs.iter().filter(|input| !set.contains(input.name)) {
        let ty = input.ty.as_ref().and_then(lower::whole_type).ok_or_else(|| {
            let got = input.ty.as_ref().map_or("none".to_owned(), ToString::to_string);
            cx.fault("GraphProto", &format!("type of the input `{}`", input.name), "a type of tensors", got)
        })?;
        inputs.push(foreign::field(input.name, Some(ty), lower::declared(input.name, input.ty.as_ref()), Vec::new()));
    }
    let needs: Vec<u32> = (0..inputs.len() as u32).collect();
    let (mut outputs, mut open) = (Vec::new(), Vec::new());
    for (place, output) in graph.outputs.iter().enumerate() {
        let ty = output.ty.as_ref().and_then(lower::whole_type);
        if ty.is_none() {
            open.push((0, place));
        }
        outputs.push(foreign::field(output.name, ty, lower::declared(output.name, output.ty.as_ref()), needs.clone()));
    }
    let provenance = Provenance {
        format: FORMAT.name,
        class: "ONNX".to_owned(),
        tool: format!("{} {}", document.producer, document.producer_version).trim().to_owned(),
        artifact_bytes: files.bytes() as u64,
    };
    let signatures = vec![Signature { name: SIGNATURE.into(), inputs, outputs, grouped: false, method: None }];
    let layout = Layout::Onnx { file: path.to_owned() };
    Ok(Foreign { layout, signatures, open, defs: Vec::new(), provenance })
}

fn ops(files: &ModelFiles, options: &ReadOptions) -> Result<Vec<OpUse>, ReadError> {
    with_program(files, &options.limits, |_, _, program| {
        let mut counts = BTreeMap::new();
        count(&program.graph, &mut counts);
        Ok(foreign::uses(counts))
    })
}

fn count(graph: &Graph<'_>, counts: &mut BTreeMap<String, (usize, Support)>) {
    for node in &graph.nodes {
        let support = if lower::reads(node) { Support::Native } else { Support::Engine };
        let name = format!("{} (opset {})", node.class(), node.version);
        counts.entry(name).or_insert((0, support)).0 += 1;
        node.graphs().for_each(|inner| count(inner, counts));
    }
}
