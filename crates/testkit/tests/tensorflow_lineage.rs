//! The TensorFlow models of the applications that this one succeeds: each is read and answers; the wine models as published.

use std::path::Path;

use engine::Servable;
use formats::ReadOptions;
use model::{Batch, Call, Predictor, Tensor, Whole, tensor::Element};
use serde_json::Value;
use testkit::{
    files::{model_files, shared},
    predictor::answer,
};

fn ask(path: &Path, signature: Option<&str>, inputs: &[(&str, Tensor)]) -> Result<Batch, String> {
    let files = model_files(path).map_err(|error| error.to_string())?;
    let model = formats::read(&files, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let servable = Servable::new(&model).map_err(|error| error.to_string())?;
    let mut batch = Batch::new(1);
    for (name, tensor) in inputs {
        batch.push_whole(*name, Whole::Tensor(tensor.clone()));
    }
    let call = Call { batch, signature: signature.map(Into::into), ..Call::default() };
    answer(servable.call(call)).map_err(|error| error.to_string())
}

fn output<T: Element>(answer: &Batch, name: &str) -> (Vec<usize>, Vec<T>) {
    let tensor = answer.whole(name).and_then(Whole::as_tensor).expect("an output of this name");
    (tensor.shape().to_vec(), tensor.get::<T>().expect("an output of this type").to_vec())
}

const WINE: [f32; 11] = [7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4];

#[test]
fn the_wine_models_give_the_published_numbers() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("lineage/lightbend__model-serving-tutorial");
    let golden: Value =
        serde_json::from_slice(&std::fs::read(folder.join("golden_wine.json")).expect("golden")).expect("JSON");
    let row = Tensor::new(&[1, 11], WINE.to_vec()).expect("a row");
    let saved = ask(&folder.join("data/saved/1"), Some("predict"), &[("inputs", row.clone())]).expect("an answer");
    let frozen = folder.join("data/optimized_WineQuality.pb");
    let frozen = ask(&frozen, None, &[("dense_1_input:0", row)]).expect("an answer");
    let pairs = [
        (output::<f32>(&saved, "outputs"), &golden["saved_model_readme_row0"], 1e-5),
        (output::<f32>(&saved, "outputs"), &golden["tf_saved_1"][0]["scores"], 1e-4),
        (output::<f32>(&frozen, "dense_3/Sigmoid:0"), &golden["tf_optimized"][0]["scores"], 1e-4),
    ];
    for ((shape, got), want, within) in pairs {
        assert_eq!(shape, [1, 9]);
        for (got, want) in got.iter().zip(want.as_array().expect("nine numbers")) {
            let want = want.as_f64().expect("a number");
            assert!((f64::from(*got) - want).abs() <= within * want.abs(), "{got}, expected {want}");
        }
    }
}

#[test]
fn the_test_models_of_hydro_serving_answer() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("lineage/Hydrospheredata__hydro-serving-tensorflow/test/models");
    let pair = |shape: &[usize], a: Vec<i8>, b: Vec<i8>| {
        [("a", Tensor::new(shape, a).expect("a")), ("b", Tensor::new(shape, b).expect("b"))]
    };
    let inputs = pair(&[], vec![2], vec![3]);
    let summator = folder.join("tf_summator/files");
    assert_eq!(output::<i8>(&ask(&summator, Some("add"), &inputs).expect("a sum"), "sum"), (vec![], vec![5]));
    assert_eq!(output::<i8>(&ask(&summator, Some("mul"), &inputs).expect("a product"), "mul"), (vec![], vec![6]));
    let inputs = pair(&[2], vec![1, 2], vec![3, 4]);
    let plain = ask(&folder.join("test_model/files"), None, &inputs).expect("a sum");
    assert_eq!(output::<i8>(&plain, "sum"), (vec![2], vec![4, 6]));
    ask(&folder.join("test_model_reshaped/files"), None, &pair(&[], vec![1], vec![2])).expect("a sum");
    let steps = Tensor::new(&[1, 1, 24], vec![0.5_f32; 24]).expect("steps");
    let (shape, _) =
        output::<f32>(&ask(&folder.join("lstm/files"), None, &[("data", steps.clone())]).expect("an answer"), "result");
    assert_eq!(shape.last(), Some(&4));
    let models = shared.join("lineage/Hydrospheredata__hydro-serving-runtime/models");
    let (shape, _) =
        output::<f32>(&ask(&models.join("stateful_lstm"), None, &[("data", steps)]).expect("an answer"), "result");
    assert_eq!(shape.last(), Some(&4));
    let image = Tensor::new(&[1, 784], vec![0.25_f32; 784]).expect("an image");
    let digits =
        ask(&models.join("mnist/servables/mnist_dnn/1546024374"), None, &[("imgs", image)]).expect("an answer");
    let (shape, probabilities) = output::<f32>(&digits, "probabilities");
    assert_eq!(shape, [1, 10]);
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(output::<i64>(&digits, "class_ids").0, [1, 1]);
    let images = Tensor::new(&[2, 784], vec![0.25_f32; 2 * 784]).expect("two images");
    let classified = ask(&models.join("mnist_classifier"), None, &[("images", images)]).expect("an answer");
    let (shape, labels) = output::<i64>(&classified, "labels");
    assert_eq!((&shape[..], labels[0]), (&[2][..], labels[1]), "one image twice");
    assert_eq!(output::<i64>(&classified, "labels2"), (shape, labels));
    // Its numbers are drawn anew for each answer.
    assert_eq!(output::<f32>(&classified, "random").0, [2, 3]);
}
