//! The TensorFlow files of the shared cases: what their readers make of them, before anything is lowered.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use formats::{
    Limits,
    tensorflow::{
        bundle::Bundle,
        program::{Artifact, Program},
    },
};
use testkit::files::{model_files, shared};

/// Returns the folders below, at any depth, that hold this file.
fn holding(folder: &Path, file: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        if folder.join(file).is_file() {
            found.push(folder.clone());
        }
        let entries = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        open.extend(entries.filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

#[test]
fn every_tensor_of_every_bundle_is_read_and_its_sum_holds() {
    let Some(shared) = shared() else { return };
    let (mut bundles, mut tensors) = (0, 0);
    for folder in ["conformance/tensorflow", "lineage"] {
        for model in holding(&shared.join(folder), "variables/variables.index") {
            let files = model_files(&model).unwrap();
            let bundle = Bundle::open(&files, &Limits::default()).unwrap().unwrap();
            bundles += 1;
            for name in bundle.names() {
                let tensor = bundle.tensor(name, None).unwrap_or_else(|error| panic!("{}: {error}", model.display()));
                assert!(tensor.bytes() <= files.bytes() * 100, "{name}");
                tensors += 1;
            }
        }
    }
    assert!(38 <= bundles && 293 <= tensors, "{tensors} tensors of {bundles} bundles");
}

/// Returns the program of an artifact: of a SavedModel's folder, or a frozen graph's file.
fn with_program<T>(path: &Path, tags: &[&str], then: impl FnOnce(&Program<'_>) -> T) -> Result<T, String> {
    let limits = Limits::default();
    let files = model_files(path).expect("files");
    let artifact = if path.is_dir() {
        Artifact::saved(&files, tags, &limits)
    } else {
        let (file, bytes) = files.here().next().expect("one file");
        Artifact::frozen(&files, file, bytes, &limits)
    };
    let artifact = artifact.map_err(|error| error.to_string())?;
    let program = artifact.program(&limits).map_err(|error| error.to_string())?;
    Ok(then(&program))
}

/// What is gone once a graph is read: functions, handles, pieces of control flow; and constants, which bodies have anew.
const GONE: &[&str] = &[
    "Const",
    "Enter",
    "Exit",
    "HashTableV2",
    "Identity",
    "If",
    "LoopCond",
    "Merge",
    "NextIteration",
    "NoOp",
    "PartitionedCall",
    "Placeholder",
    "ReadVariableOp",
    "StatefulPartitionedCall",
    "StatelessIf",
    "StatelessWhile",
    "StopGradient",
    "Switch",
    "VarHandleOp",
    "VariableV2",
    "While",
];

/// Returns the ops of all graphs of a program, but those that are gone or made when a graph is read.
fn ops(program: &Program<'_>) -> BTreeSet<String> {
    let mut ops = BTreeSet::new();
    for signature in &program.signatures {
        signature.graph.each(&mut |node| {
            ops.insert(node.op().to_owned());
        });
    }
    ops.retain(|op| !GONE.contains(&op.as_str()));
    ops
}

#[test]
fn graphs_are_pruned_to_the_ops_that_tensorflow_runs() {
    let Some(shared) = shared() else { return };
    let facts = std::fs::read_to_string(shared.join("conformance/facts/tensor-runtimes.md")).expect("the facts");
    let list = facts.split("```").nth(1).expect("the appendix");
    let mut seen = 0;
    for line in list.lines().filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_once(" [").expect("a name");
        let (_, listed) = rest.split_once("] ").expect("a kind");
        let listed = listed.split(" | ").next().unwrap_or_default().split(' ');
        let mut expected: BTreeSet<String> = listed.filter(|op| !GONE.contains(op)).map(str::to_owned).collect();
        let case = shared.join("conformance/tensorflow").join(name);
        let models = match case.join("model.pb") {
            file if file.is_file() => vec![file],
            _ => holding(&case, "saved_model.pb"),
        };
        if name == "tfs_counter" {
            // Its signatures that write are refused.
            expected.clear();
        }
        let tags: &[&str] = if name == "saved_tf1_two_tags" { &["serve", "gpu"] } else { &[] };
        for model in models {
            let read = with_program(&model, tags, ops);
            assert_eq!(read.as_ref(), Ok(&expected), "{name}");
            seen += 1;
        }
    }
    assert!(74 <= seen, "{seen} models");
}

#[test]
fn frozen_graphs_have_the_inputs_and_outputs_of_their_cases() {
    let Some(shared) = shared() else { return };
    for case in holding(&shared.join("conformance/tensorflow"), "model.pb") {
        let about: serde_json::Value =
            serde_json::from_slice(&std::fs::read(case.join("case.json")).expect("a case")).expect("JSON");
        let names = |key: &str| -> BTreeSet<String> {
            about[key].as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let read = with_program(&case.join("model.pb"), &[], |program| {
            let signature = &program.signatures[0];
            let inputs: BTreeSet<String> = signature.inputs.iter().map(|input| input.name.clone()).collect();
            let outputs: BTreeSet<String> = signature.outputs.iter().map(|output| output.name.clone()).collect();
            (inputs, outputs)
        });
        assert_eq!(read, Ok((names("inputs"), names("outputs"))), "{}", case.display());
    }
}

#[test]
fn the_models_of_the_lineage_are_read() {
    let Some(shared) = shared() else { return };
    let mut models = holding(&shared.join("lineage"), "saved_model.pb");
    models.push(shared.join("lineage/lightbend__model-serving-tutorial/data/optimized_WineQuality.pb"));
    assert_eq!(models.len(), 9);
    for model in models {
        let read = with_program(&model, &[], |program| {
            let refused: Vec<String> = program.refused.iter().map(|(_, error)| error.to_string()).collect();
            let unknown: Vec<String> = program.signatures.iter().flat_map(|s| s.unknown.clone()).collect();
            (refused, unknown)
        });
        assert_eq!(read, Ok((Vec::new(), Vec::new())), "{}", model.display());
    }
}

#[test]
fn what_writes_is_refused_with_the_op_and_the_node() {
    let Some(shared) = shared() else { return };
    let model = shared.join("conformance/tensorflow/tfs_counter/model");
    let read = with_program(&model, &[], |program| {
        let refused: Vec<String> = program.refused.iter().map(|(name, error)| format!("{name}: {error}")).collect();
        (program.signatures[0].name.clone(), refused)
    });
    let (answered, refused) = read.expect("one signature only reads");
    assert_eq!(answered, "get_counter");
    assert_eq!(refused.len(), 3);
    assert_eq!(
        refused[0],
        "incr_counter: saved_model.pb: AssignAdd: not implemented: node `incr_counter_op/AssignAdd` changes a variable or a \
         table; a model is the same for every call"
    );
}
