//! Small artifacts made by hand.

use std::sync::Arc;

use codec::{Sink, WriteOptions, parquet::ParquetSink};
use formats::{Limits, ReadError, ReadOptions};
use model::{Batch, Buffer, Builder, DType, InputSpec, ModelFiles, Type};
use serde_json::{Value, json};

/// The folder of a stage.
#[derive(Clone)]
pub struct Artifact {
    pub files: Vec<(String, Vec<u8>)>,
    uid: String,
}

/// Returns a stage of this class (its last name), saved by Spark 3.5 without tables.
pub fn stage(class: &str, params: Value) -> Artifact {
    saved(class, params, json!({}), json!({}))
}

/// Returns a stage with defaults and keys of its own.
pub fn saved(class: &str, params: Value, defaults: Value, extra: Value) -> Artifact {
    let package = match class {
        "PipelineModel" => "",
        class if class.contains("Classification") || class.starts_with("Logistic") => "classification.",
        class if class.contains("Regression") => "regression.",
        _ => "feature.",
    };
    let uid = format!("{class}_1");
    let mut metadata = json!({
        "class": format!("org.apache.spark.ml.{package}{class}"), "timestamp": 0, "sparkVersion": "3.5.9", "uid": uid,
        "paramMap": params, "defaultParamMap": defaults,
    });
    for (key, value) in extra.as_object().expect("an object") {
        metadata[key] = value.clone();
    }
    Artifact { files: vec![("metadata/part-00000".to_owned(), format!("{metadata}\n").into_bytes())], uid }
}

/// Returns the pipeline of these stages.
pub fn pipeline(stages: &[Artifact]) -> Artifact {
    let uids: Vec<String> = stages.iter().enumerate().map(|(i, stage)| format!("{}{i}", stage.uid)).collect();
    let mut pipeline = stage("PipelineModel", json!({ "stageUids": uids }));
    let width = stages.len().to_string().len();
    for (i, (stage, uid)) in stages.iter().zip(&uids).enumerate() {
        for (path, bytes) in &stage.files {
            let mut bytes = bytes.clone();
            if path == "metadata/part-00000" {
                let text = String::from_utf8(bytes).expect("JSON");
                bytes = text.replace(&format!("\"uid\":\"{}\"", stage.uid), &format!("\"uid\":\"{uid}\"")).into_bytes();
            }
            pipeline.files.push((format!("stages/{i:0width$}_{uid}/{path}"), bytes));
        }
    }
    pipeline
}

impl Artifact {
    /// Adds a table of one part.
    pub fn table(self, folder: &str, columns: &[(&str, Type)], rows: Value) -> Artifact {
        self.part(folder, 0, columns, rows)
    }

    /// Adds a part of a table.
    pub fn part(mut self, folder: &str, number: usize, columns: &[(&str, Type)], rows: Value) -> Artifact {
        let rows = rows.as_array().expect("rows");
        let mut batch = Batch::new(rows.len());
        for (name, ty) in columns {
            let mut builder = Builder::new(ty);
            rows.iter().for_each(|row| push(&mut builder, ty, &row[*name]));
            batch.push(*name, builder.finish());
        }
        let mut bytes = Vec::new();
        let mut sink = ParquetSink::new(&mut bytes, &WriteOptions::default());
        sink.write(&batch).expect("a table");
        Box::new(sink).finish().expect("a table");
        self.files.push((format!("{folder}/part-{number:05}.snappy.parquet"), bytes));
        self
    }

    pub fn model_files(&self) -> ModelFiles {
        ModelFiles::new(self.files.iter().map(|(path, bytes)| (path.clone(), Buffer::from(bytes.clone()))))
    }

    pub fn read(&self) -> Result<plan::Model, ReadError> {
        self.read_with(Vec::new(), Limits::default())
    }

    pub fn read_with(&self, inputs: Vec<InputSpec>, limits: Limits) -> Result<plan::Model, ReadError> {
        formats::read(&self.model_files(), &ReadOptions { inputs, limits, ..ReadOptions::default() })
    }

    /// Returns the plan as people see it.
    pub fn plan(&self) -> String {
        let model = self.read().unwrap_or_else(|error| panic!("{error}"));
        model.plan(None).expect("a plan").to_string()
    }
}

fn push(builder: &mut Builder, ty: &Type, value: &Value) {
    match (ty, value) {
        (_, Value::Null) => builder.push_null(),
        (Type::Text, value) => builder.push_text(value.as_str().expect("a string")),
        (Type::List(item), value) => {
            let values = value.as_array().expect("an array");
            values.iter().for_each(|value| push(builder.items(), item, value));
            builder.end_list();
        }
        (Type::Map(key, item), value) => {
            for entry in value.as_array().expect("an array of pairs") {
                push(builder.items().field(0), key, &entry[0]);
                push(builder.items().field(1), item, &entry[1]);
                builder.items().end_struct();
            }
            builder.end_list();
        }
        (Type::Struct(fields), value) => {
            for (i, (name, ty)) in fields.iter().enumerate() {
                push(builder.field(i), ty, &value[&**name]);
            }
            builder.end_struct();
        }
        (Type::Vector { .. }, Value::Array(values)) => {
            builder.push_dense(&values.iter().map(|v| v.as_f64().expect("a number")).collect::<Vec<_>>());
        }
        (ty, value) => match ty.as_scalar() {
            Some(DType::Bool) => builder.push_fixed(u8::from(value.as_bool().expect("a boolean"))),
            Some(DType::F64) => builder.push_fixed(value.as_f64().expect("a number")),
            Some(DType::F32) => builder.push_fixed(value.as_f64().expect("a number") as f32),
            _ => assert!(builder.push_int(value.as_i64().expect("an integer"))),
        },
    }
}

/// The type of named parts.
pub fn parts(fields: &[(&str, Type)]) -> Type {
    Type::Struct(fields.iter().map(|(name, ty)| (Arc::from(*name), ty.clone())).collect())
}

/// Spark's type of matrices.
pub fn matrix() -> Type {
    let (ints, int8) = (Type::list(Type::I32), Type::scalar(DType::I8));
    parts(&[
        ("type", int8),
        ("numRows", Type::I32),
        ("numCols", Type::I32),
        ("colPtrs", ints.clone()),
        ("rowIndices", ints),
        ("values", Type::list(Type::F64)),
        ("isTransposed", Type::BOOL),
    ])
}

/// Spark's type of a tree's nodes, without what older versions do not write.
pub fn node() -> Vec<(&'static str, Type)> {
    let split = [
        ("featureIndex", Type::I32),
        ("leftCategoriesOrThreshold", Type::list(Type::F64)),
        ("numCategories", Type::I32),
    ];
    vec![
        ("id", Type::I32),
        ("prediction", Type::F64),
        ("impurity", Type::F64),
        ("impurityStats", Type::list(Type::F64)),
        ("gain", Type::F64),
        ("leftChild", Type::I32),
        ("rightChild", Type::I32),
        ("split", parts(&split)),
    ]
}

/// An inner node; categories where there are any.
pub fn inner(id: i32, left: i32, right: i32, feature: i32, values: &[f64], categories: i32) -> Value {
    let split = json!({ "featureIndex": feature, "leftCategoriesOrThreshold": values, "numCategories": categories });
    json!({ "id": id, "prediction": 0.0, "impurity": 0.5, "impurityStats": [1.0, 1.0], "gain": 0.1,
        "leftChild": left, "rightChild": right, "split": split })
}

/// A leaf of two classes.
pub fn leaf(id: i32, prediction: f64, counts: &[f64]) -> Value {
    let split = json!({ "featureIndex": -1, "leftCategoriesOrThreshold": [], "numCategories": -1 });
    json!({ "id": id, "prediction": prediction, "impurity": 0.25, "impurityStats": counts, "gain": -1.0,
        "leftChild": -1, "rightChild": -1, "split": split })
}
