//! The hostile ONNX files: each ends as its index says, in a process of its own, within its bounds of time and memory.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test's helpers fail by panicking, and it asks its environment"
)]

use std::path::Path;

use engine::Servable;
use formats::{Limits, ReadOptions, onnx};
use model::{Batch, Call, ModelFiles, Predictor, Tensor};
use serde_json::Value;
use testkit::{
    child,
    files::{model_files, shared},
    predictor::answer,
};

/// Returns the file with what lies beside it for it to refer to, as when its folder is given.
fn artifact(path: &Path) -> ModelFiles {
    let beside = path.with_file_name("small.bin");
    let files = [path, &beside].map(|path| model_files(path).unwrap());
    let all = files.iter().flat_map(|files| files.iter().map(|(name, bytes)| (name.to_owned(), bytes.clone())));
    ModelFiles::new(all)
}

/// Reads the model and runs it on ones of this shape; returns what became of it.
fn outcome_of(path: &Path, shape: &[usize]) -> String {
    let model = match formats::read(&artifact(path), &ReadOptions::default()) {
        Ok(model) => model,
        Err(error) => return format!("refused: {error}"),
    };
    let servable = match Servable::new(&model) {
        Ok(servable) => servable,
        Err(error) => return format!("refused: {error}"),
    };
    let mut batch = Batch::new(1);
    for input in &model.plans[0].1.inputs {
        let ones = vec![1.0_f32; shape.iter().product()];
        batch.push_whole(input.name.clone(), Tensor::new(shape, ones).unwrap().into());
    }
    match answer(servable.call(Call { batch, ..Call::default() })) {
        Ok(_) => "answered".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

/// Runs in a process of its own, under a limit of memory: the file and the shape stand on standard input.
#[test]
fn child_reads() {
    child::part(|given| {
        let (path, shape) = given.split_once('\n').unwrap();
        let shape: Vec<usize> = shape.split_whitespace().map(|dim| dim.parse().unwrap()).collect();
        outcome_of(Path::new(path), &shape)
    });
}

/// Returns the outcome that the child prints, or how its process failed.
fn outcome(path: &Path, shape: &str) -> Result<String, String> {
    child::outcome("child_reads", &format!("{}\n{shape}", path.display()))
}

#[test]
fn each_ends_as_expected() {
    let Some(shared) = shared() else {
        assert!(std::env::var_os("CI").is_none(), "the shared files must be there where CI is set");
        return;
    };
    let folder = shared.join("conformance/hostile/onnx");
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let files = index["files"].as_array().unwrap();
    assert!(files.len() >= 70, "the files are there");
    let mut wrong = Vec::new();
    for entry in files {
        let (name, must) = (entry["file"].as_str().unwrap(), entry["must"].as_str().unwrap());
        let shape = entry["input_shape"]
            .as_array()
            .map_or("2".to_owned(), |dims| dims.iter().map(Value::to_string).collect::<Vec<_>>().join(" "));
        let outcome = outcome(&folder.join(name), &shape);
        println!("{name}: {outcome:?}");
        let is_good = match &outcome {
            Err(_) => false,
            Ok(text) => match must {
                "refuse" => text.starts_with("refused: "),
                "refuse_or_error_on_run" => text != "answered",
                _ => true,
            },
        };
        if !is_good {
            wrong.push(format!("{name} ({}), which must {must}: {outcome:?}", entry["what"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_good_model_is_read() {
    let Some(shared) = shared() else { return };
    let mut models = 0;
    for entry in std::fs::read_dir(shared.join("conformance/onnx")).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("model.onnx").exists() {
            continue;
        }
        models += 1;
        let read = onnx::with_program(&model_files(&path).unwrap(), &Limits::default(), |cx, document, _| {
            document.graph.initializers.iter().try_for_each(|tensor| tensor.values(cx).map(drop))
        });
        read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(models >= 340, "the models are there");
}

#[test]
fn no_file_of_tensorflow_is_taken_for_onnx() {
    let Some(shared) = shared() else { return };
    let mut open = vec![shared.join("conformance/tensorflow"), shared.join("conformance/hostile/tensorflow")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let files = model_files(&entry.path()).unwrap();
                assert!(!onnx::detect(&files), "{}", entry.path().display());
            }
        }
    }
}
