//! The hostile TensorFlow files: each ends as its index says, in a process of its own, within its bounds of time and memory.

use std::path::Path;

use engine::Servable;
use formats::{ReadOptions, fuzz};
use model::{Batch, Call, Predictor, Takes, Tensor, Type, Whole, tensor::Bytes};
use serde_json::Value;
use testkit::{
    child,
    files::{model_files, shared},
    predictor::answer,
};

/// Reads the artifact and asks it, where it can be read; `Err` is why it is refused.
fn ask(path: &Path, shape: &[usize]) -> Result<(), String> {
    let files = model_files(path).map_err(|error| error.to_string())?;
    let model = formats::read(&files, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let servable = Servable::new(&model).map_err(|error| error.to_string())?;
    let mut batch = Batch::new(1);
    if let Some((signature, plan)) = model.plans.first() {
        for input in &plan.inputs {
            let count: usize = shape.iter().product();
            let tensor = match &input.takes {
                Takes::One(Type::Bytes) => Tensor::new(shape, vec![Bytes::from(&b"x"[..]); count]),
                Takes::One(ty) if *ty == Type::I32 => Tensor::new(shape, vec![1_i32; count]),
                Takes::One(ty) if *ty == Type::I64 => Tensor::new(shape, vec![1_i64; count]),
                _ => Tensor::new(shape, vec![1_f32; count]),
            };
            let tensor = tensor.map_err(|error| error.to_string())?;
            batch.push_whole(&*input.name, Whole::Tensor(tensor));
        }
        let call = Call { batch, signature: Some(signature.clone()), ..Call::default() };
        return answer(servable.call(call)).map(drop).map_err(|error| error.to_string());
    }
    Ok(())
}

/// Runs in a process of its own: the artifact and the shape stand in what it is given.
#[test]
fn child_asks() {
    child::part(|given| {
        let (path, shape) = given.split_once('\n').unwrap_or((given, ""));
        let shape: Vec<usize> = shape.split_whitespace().filter_map(|dim| dim.parse().ok()).collect();
        match ask(Path::new(path), &shape) {
            Ok(()) => "answered".to_owned(),
            Err(error) => format!("refused: {error}"),
        }
    });
}

#[test]
fn each_ends_as_expected() {
    let Some(shared) = shared() else {
        #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
        let ci = std::env::var_os("CI").is_some();
        assert!(!ci, "the shared files must be there where CI is set");
        return;
    };
    let folder = shared.join("conformance/hostile/tensorflow");
    let index: Value =
        serde_json::from_slice(&std::fs::read(folder.join("index.json")).expect("an index")).expect("JSON");
    let files = index["files"].as_array().expect("a list");
    assert!(55 <= files.len(), "the files are there");
    let mut wrong = String::new();
    for about in files {
        let name = about["file"].as_str().expect("a name");
        let path = folder.join(name);
        if !path.exists() {
            wrong.push_str(&format!("{name}: is not there\n"));
            continue;
        }
        let shape =
            about["input_shape"].as_array().into_iter().flatten().filter_map(|dim| Some(dim.as_u64()? as usize));
        let shape: Vec<String> = shape.map(|dim: usize| dim.to_string()).collect();
        match child::outcome("child_asks", &format!("{}\n{}", path.display(), shape.join(" "))) {
            Err(failed) => wrong.push_str(&format!("{name}: {failed}\n")),
            Ok(ended) if about["must"] != "survive" && ended == "answered" => {
                wrong.push_str(&format!("{name}: answered, expected to be refused\n"));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

/// Runs the entry on the bytes, spoiled in many ways.
fn spoiled(entry: fn(&[u8]), seed: &[u8], rounds: usize) {
    let mut numbers = Numbers(7);
    for _ in 0..rounds {
        let mut bytes = seed.to_vec();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(bytes.len());
            match numbers.below(4) {
                0 | 1 => bytes[at] = numbers.below(256) as u8,
                2 => bytes[at] ^= 1 << numbers.below(8),
                _ => {
                    let end = (at + numbers.below(9)).min(bytes.len());
                    drop(bytes.drain(at..end));
                }
            }
        }
        entry(&bytes);
    }
}

#[test]
fn spoiled_files_come_back() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("conformance/tensorflow");
    let graphs = [
        "frozen_gru_while_v1/model.pb",
        "frozen_cond_v1/model.pb",
        "frozen_ops_assert_checks/model.pb",
        "frozen_while_fibonacci_v2/model.pb",
        "saved_control_flow/model/saved_model.pb",
        "saved_tf1_iris/model/saved_model.pb",
    ];
    for graph in graphs {
        spoiled(fuzz::graph_def, &std::fs::read(folder.join(graph)).expect(graph), 150);
    }
    for model in ["saved_tf1_sharded", "saved_mlp_keras3"] {
        let index = folder.join(model).join("model/variables/variables.index");
        spoiled(fuzz::saved_model_bundle, &std::fs::read(index).expect(model), 2000);
    }
}
