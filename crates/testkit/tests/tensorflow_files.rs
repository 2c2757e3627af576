//! The TensorFlow files of the shared cases: what their readers make of them, before anything is lowered.

use std::path::{Path, PathBuf};

use formats::{Limits, tensorflow::bundle::Bundle};
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
