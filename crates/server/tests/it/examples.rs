//! TensorFlow Serving's examples over gRPC, asked by a client that is not ours: classes, numbers, several tasks at once.

use tonic::{Code, Status, transport::Channel};
use wire::tensorflow::{
    Example, Feature, Features, Int64List, feature,
    serving::{
        ClassificationRequest, ExampleList, ExampleListWithContext, InferenceTask, Input, ModelSpec,
        MultiInferenceRequest, MultiInferenceResponse, RegressionRequest, inference_result::Result as TaskResult,
        input::Kind, model_spec::VersionChoice, prediction_service_client::PredictionServiceClient,
    },
};

use crate::world::World;

fn client(world: &World) -> PredictionServiceClient<Channel> {
    let endpoint = Channel::from_shared(format!("http://{}", world.addr)).unwrap();
    let _entered = world.runtime.enter();
    PredictionServiceClient::new(endpoint.connect_lazy())
}

fn spec(model: &str, signature: &str) -> Option<ModelSpec> {
    Some(ModelSpec { name: model.into(), signature_name: signature.into(), version_choice: None })
}

/// An example of one feature; its message has 14 bytes.
fn example(name: &str) -> Example {
    let kind = Some(feature::Kind::Int64List(Int64List { value: vec![1] }));
    Example { features: Some(Features { feature: [(name.to_owned(), Feature { kind })].into() }) }
}

fn list(names: &[&str]) -> Option<Input> {
    let examples = names.iter().map(|name| example(name)).collect();
    Some(Input { kind: Some(Kind::ExampleList(ExampleList { examples })) })
}

fn refused<T: std::fmt::Debug>(result: Result<T, Status>, code: Code, part: &str) {
    let status = result.unwrap_err();
    assert!(status.code() == code && status.message().contains(part), "{part}: {status:?}");
}

#[test]
fn classes_of_examples() {
    let world = World::new(server::Config { rows_max: 3, ..Default::default() }, Default::default());
    let classify = |model: &str, signature: &str, input: Option<Input>| {
        let request = ClassificationRequest { model_spec: spec(model, signature), input };
        world.runtime.block_on(client(&world).classify(request)).map(tonic::Response::into_inner)
    };
    let answer = classify("half", "classify", list(&["a", "b"])).unwrap();
    let classes = |at: usize| {
        let classes = &answer.result.as_ref().unwrap().classifications[at].classes;
        classes.iter().map(|class| (class.label.clone(), class.score)).collect::<Vec<_>>()
    };
    assert_eq!(classes(0), [("a".to_owned(), 14.0), ("b".to_owned(), 0.5)]);
    assert_eq!(classes(1), classes(0));
    let who = answer.model_spec.unwrap();
    assert_eq!((&*who.name, &*who.signature_name), ("half", "classify"));
    assert_eq!(who.version_choice, Some(VersionChoice::Version(1)));

    let invalid = Code::InvalidArgument;
    let some = || list(&["a"]);
    refused(classify("half", "", some()), invalid, "method_name to be tensorflow/serving/classify. Was: tensorflow/s");
    refused(classify("half", "zzz", some()), invalid, "No signature was found with the name: zzz");
    refused(classify("half", "classify", None), invalid, "Input is empty.");
    refused(classify("half", "classify", list(&[])), invalid, "Input is empty.");
    // What is asked of whom comes before what is sent.
    refused(classify("half", "", None), invalid, "Expected classification signature");
    refused(classify("half", "classify", list(&["a"; 4])), Code::ResourceExhausted, "rows_max");
    refused(classify("double", "", some()), invalid, "Was: tensorflow/serving/predict");
    refused(classify("nobody", "", some()), Code::NotFound, "Servable not found for request: Latest(nobody)");
    refused(classify("", "", some()), invalid, "ModelSpec has no name specified.");
    let request = ClassificationRequest { model_spec: None, input: some() };
    refused(world.runtime.block_on(client(&world).classify(request)), invalid, "Missing ModelSpec");
}

#[test]
fn numbers_of_examples_with_a_context() {
    let world = World::new(Default::default(), Default::default());
    let context = Some(example("c"));
    let with = ExampleListWithContext { examples: vec![example("a"), Example::default()], context };
    let input = Some(Input { kind: Some(Kind::ExampleListWithContext(with)) });
    let request = RegressionRequest { model_spec: spec("half", ""), input };
    let answer = world.runtime.block_on(client(&world).regress(request)).unwrap().into_inner();
    let values: Vec<f32> = answer.result.unwrap().regressions.iter().map(|found| found.value).collect();
    assert_eq!(values, [28.0, 14.0], "the context stands in each example");
    assert_eq!(answer.model_spec.unwrap().signature_name, "serving_default");
    let page = world.get("/metrics").body;
    assert!(page.contains(r#"forebay_requests_total{dialect="tfs-grpc",model="half",code="200"} 1"#), "{page}");
}

#[test]
fn several_tasks_of_one_model() {
    let world = World::new(Default::default(), Default::default());
    let task = |model: &str, signature: &str, method: &str| InferenceTask {
        model_spec: spec(model, signature),
        method_name: format!("tensorflow/serving/{method}"),
    };
    let ask = |tasks: Vec<InferenceTask>, input| -> Result<MultiInferenceResponse, Status> {
        let request = MultiInferenceRequest { tasks, input };
        world.runtime.block_on(client(&world).multi_inference(request)).map(tonic::Response::into_inner)
    };
    let both = || vec![task("half", "classify", "classify"), task("half", "", "regress")];
    let answer = ask(both(), list(&["a", "bb"])).unwrap();
    let [classified, regressed] = &answer.results[..] else { panic!("{answer:?}") };
    let Some(TaskResult::ClassificationResult(classes)) = &classified.result else { panic!("{classified:?}") };
    assert_eq!(classes.classifications[1].classes[0].score, 15.0);
    let Some(TaskResult::RegressionResult(numbers)) = &regressed.result else { panic!("{regressed:?}") };
    assert_eq!(numbers.regressions.iter().map(|found| found.value).collect::<Vec<_>>(), [14.0, 15.0]);
    let name = |spec: &Option<ModelSpec>| spec.as_ref().map(|spec| spec.signature_name.clone()).unwrap();
    assert_eq!((&*name(&classified.model_spec), &*name(&regressed.model_spec)), ("classify", "serving_default"));

    let invalid = Code::InvalidArgument;
    let some = || list(&["a"]);
    let seen = world.seen.begun.load(std::sync::atomic::Ordering::SeqCst);
    refused(ask(vec![], some()), invalid, "ModelSpec has no name specified.");
    refused(ask(vec![task("nobody", "", "regress")], some()), Code::NotFound, "Latest(nobody)");
    let and = |other: InferenceTask| vec![task("half", "", "regress"), other];
    refused(ask(and(task("", "", "regress")), some()), invalid, "Found ModelSpec with an empty model name.");
    refused(ask(and(task("echo", "", "regress")), some()), invalid, "must access the same model name.");
    // A signature by its name and by its absence is one.
    let twice = "Duplicate evaluation of signature: serving_default";
    refused(ask(and(task("half", "serving_default", "regress")), some()), invalid, twice);
    refused(
        ask(and(task("half", "zzz", "regress")), some()),
        invalid,
        "Requested signature not found in model graph: zzz",
    );
    let method = "Unsupported signature method_name: tensorflow/serving/predict";
    refused(ask(and(task("half", "classify", "predict")), some()), Code::Unimplemented, method);
    refused(ask(and(task("half", "classify", "regress")), some()), invalid, "Expected regression signature");
    let after = world.seen.begun.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(seen, after, "no task is run where one is refused");
    refused(ask(both(), None), invalid, "Input is empty.");
}
