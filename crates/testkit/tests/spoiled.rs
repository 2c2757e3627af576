//! The project's own cases with their artifacts spoiled at random, always in the same way: whatever is read, refused or
//! answered, nothing panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::Servable;
use formats::ReadOptions;
use model::{Buffer, ModelFiles};
use serde_json::Value;
use testkit::{
    case::{Case, folders, run_case},
    files::root,
};

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

/// A test's own switch.
fn switch(name: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    std::env::var(name).ok()
}

/// Puts extreme numbers and single bytes into the pages, which stand before the footer.
fn spoil_table(bytes: &mut [u8], numbers: &mut Numbers) {
    let footer = bytes.last_chunk::<8>().map_or(0, |tail| u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let end = bytes.len().saturating_sub(footer as usize + 8);
    for _ in 0..=numbers.below(3) {
        let ints: [i32; 8] = [-1, 0, 1, 2, 7, i32::MAX, i32::MIN, 1 << 20];
        let floats = [f64::NAN, f64::INFINITY, -0.0, -1.0, 1e300, 0.0, 3.0, -1e9];
        let at = numbers.below(end);
        match numbers.below(3) {
            0 => bytes[at] = numbers.below(256) as u8,
            1 if at + 4 <= end => bytes[at..at + 4].copy_from_slice(&ints[numbers.below(8)].to_le_bytes()),
            _ if at + 8 <= end => bytes[at..at + 8].copy_from_slice(&floats[numbers.below(8)].to_le_bytes()),
            _ => {}
        }
    }
}

/// Puts other values in the place of some of the document's.
fn spoil_json(value: &mut Value, numbers: &mut Numbers) {
    let others =
        ["null", "-1", "0", "1", "2147483647", "1e308", "-0.5", "\"NaN\"", "\"\"", "[]", "{}", "[1.0,2.0]", "true"];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name != "class" && name != "stageUids" && name != "uid" {
                    spoil_json(field, numbers);
                }
            }
        }
        Value::Array(items) if numbers.below(4) != 0 => {
            if numbers.below(12) == 0 {
                items.pop();
            }
            items.iter_mut().for_each(|item| spoil_json(item, numbers));
        }
        value if numbers.below(10) == 0 => {
            *value = serde_json::from_str(others[numbers.below(others.len())]).expect("JSON");
        }
        _ => {}
    }
}

fn spoiled(files: &ModelFiles, numbers: &mut Numbers) -> ModelFiles {
    let all: Vec<(String, Buffer)> = files.iter().map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect();
    let chosen = numbers.below(all.len());
    ModelFiles::new(all.into_iter().enumerate().map(|(i, (path, bytes))| {
        if i != chosen && numbers.below(3) != 0 {
            return (path, bytes);
        }
        let mut bytes = bytes.as_slice().to_vec();
        if path.ends_with(".parquet") {
            spoil_table(&mut bytes, numbers);
        } else if path.contains("metadata/part-")
            && let Ok(mut document) = serde_json::from_slice(&bytes)
        {
            spoil_json(&mut document, numbers);
            bytes = document.to_string().into_bytes();
        }
        (path, Buffer::from(bytes))
    }))
}

#[test]
fn spoiled_artifacts_never_panic() {
    let rounds: u64 = switch("ROUNDS").and_then(|rounds| rounds.parse().ok()).unwrap_or(4);
    let mut panicked = Vec::new();
    let mut read = 0;
    for folder in folders(&root().join("conformance/spark"), &switch("CASES").unwrap_or_default()) {
        let Ok(Some(mut case)) = Case::open(&folder) else { continue };
        let whole = case.files.clone();
        for round in 0..rounds {
            case.files = spoiled(&whole, &mut Numbers(round << 32 | case.name.len() as u64));
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let options = ReadOptions { inputs: case.inputs().unwrap_or_default(), ..ReadOptions::default() };
                if let Ok(model) = formats::read(&case.files, &options) {
                    // What it answers may differ now.
                    let _ = run_case(&case);
                    return Servable::new(&model).is_ok();
                }
                false
            }));
            match outcome {
                Ok(served) => read += u64::from(served),
                Err(_) => panicked.push(format!("{} in round {round}", case.name)),
            }
        }
    }
    assert!(panicked.is_empty(), "{} panics: {panicked:#?}", panicked.len());
    assert!(read > 0, "no spoiled artifact was served: too much is spoiled");
}
