//! Entry points for fuzzing; each must return on any input, without a panic and within memory in proportion to it.

use model::{Buffer, ModelFiles};

use crate::{
    Limits, ReadOptions, java_regex, onnx,
    protobuf::{Message, Value},
    read,
    spark::metadata::Metadata,
    tensorflow::{
        bundle::{self, Bundle},
        program::{self, Artifact},
    },
};

/// Reads the bytes as the metadata of a Spark stage, and as a whole artifact of such a stage.
pub fn metadata(bytes: &[u8]) {
    // Whatever comes of it: only that it comes back counts here.
    let _ = Metadata::parse("metadata/part-00000".to_owned(), bytes, &Limits::default());
    read_files(vec![("metadata/part-00000".to_owned(), bytes)]);
}

/// Reads the bytes as a PMML document.
pub fn pmml(bytes: &[u8]) {
    read_files(vec![("model.pmml".to_owned(), bytes)]);
}

/// Translates the bytes as a pattern of Java.
pub fn java_regex(bytes: &[u8]) {
    if let Ok(source) = std::str::from_utf8(bytes) {
        let _ = java_regex::pattern(source);
    }
}

/// Reads the bytes as a statement of SQLTransformer, saved by Spark 3 and by Spark 4.
pub fn sql(bytes: &[u8]) {
    let Ok(statement) = std::str::from_utf8(bytes) else { return };
    for version in ["3.5.9", "4.0.0"] {
        let metadata = serde_json::json!({
            "class": "org.apache.spark.ml.feature.SQLTransformer", "uid": "s", "sparkVersion": version,
            "paramMap": {"statement": statement}
        });
        read_files(vec![("metadata/part-00000".to_owned(), metadata.to_string().as_bytes())]);
    }
}

/// Reads the lines as the metadata of a Spark pipeline and of its stages, all of the uid `s`.
pub fn spark(bytes: &[u8]) {
    let mut lines = bytes.split(|&b| b == b'\n');
    let mut files = vec![("metadata/part-00000".to_owned(), lines.next().unwrap_or_default())];
    files.extend(lines.enumerate().map(|(i, line)| (format!("stages/{i}_s/metadata/part-00000"), line)));
    read_files(files);
}

/// Walks the bytes as a message of protocol buffers, each field also as a message, as text and as numbers.
pub fn protobuf(bytes: &[u8]) {
    let mut open = vec![Message::new("model.pb", bytes)];
    let mut met = 0;
    while let Some(message) = open.pop() {
        let _ = message.str();
        for field in message.fields().map_while(Result::ok) {
            met += 1;
            if met > 10_000 {
                return;
            }
            if let Value::Bytes(inner) = field.value {
                open.push(inner);
            }
        }
        for number in 1..4 {
            let _ = (message.varints(number).count(), message.floats(number).count(), message.doubles(number).count());
        }
    }
}

/// Reads the bytes as an ONNX model, with a file of tensors beside it.
pub fn onnx(bytes: &[u8]) {
    let beside = Buffer::from(vec![0_u8; 64]);
    let files = [("model.onnx".to_owned(), Buffer::from(bytes.to_vec())), ("weights.bin".to_owned(), beside)];
    if let Ok(model) = onnx::read(&ModelFiles::new(files), &ReadOptions::default()) {
        model.signatures();
    }
}

/// Reads the bytes as a graph of TensorFlow, and as the `saved_model.pb` of a model without variables.
pub fn graph_def(bytes: &[u8]) {
    let limits = Limits::default();
    let files = ModelFiles::new([(program::SAVED_MODEL.to_owned(), Buffer::from(bytes.to_vec()))]);
    if let Ok(artifact) = Artifact::frozen(&files, "model.pb", bytes, &limits) {
        let _ = artifact.program(&limits);
    }
    if let Ok(artifact) = Artifact::saved(&files, &[], &limits) {
        let _ = artifact.program(&limits);
    }
}

/// Reads the bytes as the index of a bundle of variables whose one shard they are too.
pub fn saved_model_bundle(bytes: &[u8]) {
    let shard = "variables/variables.data-00000-of-00001";
    let files = [bundle::INDEX, shard].map(|path| (path.to_owned(), Buffer::from(bytes.to_vec())));
    let files = ModelFiles::new(files);
    if let Ok(Some(bundle)) = Bundle::open(&files, &Limits::default()) {
        for name in bundle.names() {
            let _ = bundle.tensor(name, None);
        }
    }
}

fn read_files(files: Vec<(String, &[u8])>) {
    let files = files.into_iter().map(|(path, bytes)| (path, Buffer::from(bytes.to_vec())));
    if let Ok(model) = read(&ModelFiles::new(files), &ReadOptions::default()) {
        model.signatures();
    }
}

/// Reads the bytes as a warm-up file.
pub fn warm_up(bytes: &[u8]) {
    let length: usize = crate::tensorflow::warm_up::Records::of(bytes).flatten().map(<[u8]>::len).sum();
    assert!(length <= bytes.len());
}
