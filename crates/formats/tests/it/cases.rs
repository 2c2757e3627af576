//! Every Spark model among the cases is read, or refused because of a class that is not covered, which the error names.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use formats::{ReadError, ReadOptions, spark};
use model::{Buffer, DType, InputSpec, ModelFiles, Type};

/// Our own cases; and those shared by all projects, where they are.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = root.join("../shared/conformance/spark");
    if !shared.is_dir() {
        println!("the shared cases were not found at {}", shared.display());
        assert!(std::env::var_os("CI").is_none(), "the shared cases must be there where CI is set");
    }
    [root.join("conformance/spark"), shared].into_iter().filter(|folder| folder.is_dir()).collect()
}

fn files(folder: &Path) -> ModelFiles {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<(String, Buffer)>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), out);
            } else {
                out.push((name, Buffer::from(fs::read(entry.path()).expect("a file"))));
            }
        }
    }
    let mut out = Vec::new();
    walk(folder, "", &mut out);
    ModelFiles::new(out)
}

/// The columns as the case's schema gives them; types that need no test here are left to the model.
fn inputs(case: &serde_json::Value) -> Vec<InputSpec> {
    let columns = case["input_schema"].as_array().into_iter().flatten();
    let spec = |column: &serde_json::Value| {
        let name = column["name"].as_str()?;
        let ty = match column["type"].as_str()? {
            "double" => Type::F64,
            "float" => Type::F32,
            "int" => Type::I32,
            "bigint" => Type::I64,
            "boolean" => Type::BOOL,
            "tinyint" => Type::scalar(DType::I8),
            "smallint" => Type::scalar(DType::I16),
            "date" => Type::scalar(DType::Date),
            "timestamp" => Type::scalar(DType::Timestamp),
            "string" => Type::Text,
            "vector" => Type::VECTOR,
            "array<string>" => Type::list(Type::Text),
            "array<int>" => Type::list(Type::I32),
            _ => return None,
        };
        let metadata = case["input_metadata"].get(name).map(|m| m.to_string().into());
        Some(InputSpec { name: name.into(), ty, metadata })
    };
    columns.filter_map(spec).collect()
}

fn case(folder: &Path) -> serde_json::Value {
    let text = fs::read(folder.join("case.json")).expect("a case has a case.json");
    serde_json::from_slice(&text).expect("case.json is JSON")
}

/// Returns the cases' folders, those with a model.
fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = folders()
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder of cases"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("model").is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn covered_models_are_read_and_others_refused_by_class() {
    let (mut read, mut waiting, mut failed) = (0, BTreeMap::<String, usize>::new(), Vec::new());
    for folder in cases() {
        let options = ReadOptions { inputs: inputs(&case(&folder)), ..ReadOptions::default() };
        match formats::read(&files(&folder.join("model")), &options) {
            Ok(_) => read += 1,
            Err(ReadError::UnknownClass { class, .. }) if !spark::classes().any(|known| known.name == class) => {
                *waiting.entry(class).or_default() += 1;
            }
            // A saved algorithm, which has no transform.
            Err(ReadError::Unimplemented { .. }) if case(&folder).get("no_model").is_some() => {}
            // Spark refuses the table as such; so do we, one step earlier.
            Err(ReadError::Field { .. } | ReadError::Plan { .. }) if case(&folder).get("transform_error").is_some() => {
                read += 1
            }
            Err(error) => failed.push(format!("{}: {error}", folder.display())),
        }
    }
    println!("{read} models read, {} wait for a class: {waiting:#?}", waiting.values().sum::<usize>());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(read >= 80, "only {read} models were read");
}

#[test]
fn the_columns_that_spark_adds_are_outputs() {
    for folder in cases() {
        let case = case(&folder);
        let options = ReadOptions { inputs: inputs(&case), ..ReadOptions::default() };
        let Ok(model) = formats::read(&files(&folder.join("model")), &options) else { continue };
        let plan = model.plan(None).expect("a Spark model has one plan");
        let name = folder.display();
        if let Some(added) = case["output_schema"].as_array() {
            if plan.grouped.is_some() || case.get("whole_table").is_some() {
                continue;
            }
            let added: Vec<&str> = added.iter().filter_map(|column| column["name"].as_str()).collect();
            // A stage that checks a column gives it back under its name.
            let made = plan.outputs.iter().filter(|o| plan.inputs.iter().all(|input| input.name != o.name));
            // A case without the label's column has no index of it either, which nobody gets who does not ask.
            let made = made.filter(|output| output.default || added.contains(&&*output.name));
            assert_eq!(made.map(|output| &*output.name).collect::<Vec<_>>(), added, "{name}");
        }
        let types = plan.infer(&plan.first_types()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(types.iter().all(Option::is_some), "{name}");
    }
}

#[test]
fn spoiled_files_are_models_or_errors() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/spark");
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for folder in cases().iter().filter(|folder| folder.starts_with(&own)) {
        let whole: Vec<(String, Buffer)> =
            files(&folder.join("model")).iter().map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect();
        for _ in 0..12 {
            let mut spoiled = whole.clone();
            let file = random(spoiled.len());
            let mut bytes = spoiled[file].1.to_vec();
            match random(4) {
                0 => bytes.truncate(random(bytes.len())),
                1 => drop(spoiled.remove(file)),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = random(bytes.len());
                    bytes[at] ^= 1 << random(8);
                }
            }
            if spoiled.len() == whole.len() {
                spoiled[file].1 = Buffer::from(bytes);
            }
            if let Ok(model) = formats::read(&ModelFiles::new(spoiled), &ReadOptions::default()) {
                assert_eq!(model.signatures().len(), 1);
            }
        }
    }
}
