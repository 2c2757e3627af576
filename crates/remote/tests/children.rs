//! What happens around a child, with scripts for children: they send frames that lie among the files of their model, or what
//! is none, or nothing, or die.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use model::{
    Batch, Buffer, Call, Column, DType, Declared, Field, Fixed, Kind as ErrorKind, ModelFiles, PredictError, Predictor,
    Reading, Signature, Takes, Tensor, Type, Whole,
};
use remote::{
    Artifact, Engine, EngineError, Engines, Form, Kind, Limits,
    wire::{Code, Told, write_frame},
};
use testkit::predictor::{answer, check_predictor};

fn frame(told: &Told) -> Buffer {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, &told.encode()).expect("a vector takes all bytes");
    bytes.into()
}

fn field(name: &str) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(Type::F32),
        reading: Reading::Strict,
        nullable: false,
        whole: true,
        default: true,
        optional: false,
        gates: false,
        needs: Vec::new(),
        has_default: false,
        declared: Some(Declared { tensor: format!("{name}:0").into(), shape: Some(Arc::new([-1])) }),
    }
}

/// A model of one input `x` and one output `y`, which scripts answer with 1 and 2 whatever they are asked.
fn artifact() -> Artifact {
    let loaded = Told::Loaded { version: "1".to_owned(), is_confined: false, types: vec![Some(Type::F32)] };
    let values = Told::Answer(vec![Tensor::vector(vec![1.0f32, 2.0]).into()]);
    let refused = Told::Refused { code: Code::Invalid, message: "a shape of three".to_owned() };
    let files = [
        ("loaded", frame(&loaded)),
        ("answer", frame(&values)),
        ("refused", frame(&refused)),
        ("none", frame(&Told::Answer(Vec::new()))),
    ];
    let (inputs, outputs) = (vec![field("x")], vec![field("y")]);
    Artifact {
        files: ModelFiles::new(files.map(|(name, bytes)| (name.to_owned(), bytes))),
        form: Form::Onnx { file: "loaded".to_owned() },
        signatures: vec![Signature { name: "default".into(), inputs, outputs, grouped: false, method: None }],
        open: vec![(0, 0)],
    }
}

/// Limits that a script which does nothing passes soon.
fn limits() -> Limits {
    Limits { load_ms_max: 20_000, call_ms_max: 20_000, ..Limits::default() }
}

fn engines(script: &str, limits: Limits) -> Engines {
    Engines {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".to_owned(), script.to_owned()],
        scratch: std::env::temp_dir(),
        tensorflow: None,
        onnxruntime: Some("library".to_owned()),
        limits,
    }
}

fn open(script: &str, limits: Limits) -> Result<Engine, EngineError> {
    Engine::open(&engines(script, limits), Kind::Onnxruntime, artifact())
}

fn refused(script: &str, limits: Limits) -> String {
    open(script, limits).err().map(|error| error.to_string()).expect("the model is refused")
}

fn batch() -> Batch {
    let mut batch = Batch::new(1);
    batch.push_whole("x", Whole::Tensor(Tensor::vector(vec![5.0f32, 6.0])));
    batch
}

/// Asks an engine whose child is ready once; returns the error.
fn failed(script: &str, limits: Limits) -> PredictError {
    let engine = open(script, limits).unwrap_or_else(|error| panic!("{error}"));
    answer(engine.call(Call::new(batch()))).map(|_| ()).expect_err("the call fails")
}

const SOON: Limits = Limits {
    threads: 1,
    memory_bytes_max: 1 << 33,
    cpu_seconds_max: 60,
    load_ms_max: 20_000,
    call_ms_max: 200,
    answer_bytes_max: 1 << 20,
    waiting_max: 64,
};

#[test]
fn a_child_answers_as_every_predictor_does() {
    let engine = open("cat loaded; while :; do cat answer; done", limits()).unwrap_or_else(|error| panic!("{error}"));
    check_predictor(&engine, &batch());
    assert_eq!(engine.signatures()[0].outputs[0].ty(), &Type::F32);
}

#[test]
fn rows_are_stacked_and_answers_are_columns_again() {
    let engine = open("cat loaded; while :; do cat answer; done", limits()).unwrap_or_else(|error| panic!("{error}"));
    let mut rows = Batch::new(2);
    rows.push("x", Column::Fixed(Fixed::from_vec(DType::F32, vec![5.0f32, 6.0])));
    let answer = answer(engine.call(Call::new(rows))).expect("an answer");
    assert_eq!((answer.rows(), answer.column("y").map(Column::len)), (2, Some(2)));
}

#[test]
fn what_does_not_fit_is_refused_before_the_child_is_asked() {
    let engine = open("cat loaded; exec sleep 100", limits()).unwrap_or_else(|error| panic!("{error}"));
    let mut other = Batch::new(1);
    other.push_whole("x", Whole::Tensor(Tensor::scalar(1i64)));
    let error = |batch: Batch| answer(engine.call(Call::new(batch))).map(|_| ()).expect_err("refused").to_string();
    assert_eq!(error(other), "column `x`: expected float32, got int64 []");
    assert_eq!(error(Batch::new(1)), "column `x`: expected float32, got nothing");
}

#[test]
fn a_child_that_does_not_get_ready_is_named() {
    let died = refused("echo no such library >&2; exit 3", limits());
    assert_eq!(died, "the process of the engine onnxruntime ended with exit code 3; it said last: no such library");
    let hangs = refused("exec sleep 100", Limits { load_ms_max: 200, ..limits() });
    assert!(hangs.contains("engine onnxruntime did not load the model within 200 ms (engines.load_ms_max)"), "{hangs}");
    let garbage = refused("echo hello, this is no frame; exec sleep 100", limits());
    assert!(garbage.contains("engine onnxruntime sent what is no answer"), "{garbage}");
    let refuses = refused("cat refused; exec sleep 100", limits());
    assert_eq!(refuses, "the engine onnxruntime refuses: a shape of three");
    let none = refused("cat answer; exec sleep 100", limits());
    assert!(none.contains("an answer before it was asked"), "{none}");
}

#[test]
fn a_child_that_is_lost_fails_the_call_at_hand() {
    let died = failed("cat loaded; head -c 1 >taken; kill -SEGV $$", limits());
    assert_eq!(died.kind(), ErrorKind::Unavailable);
    assert!(died.to_string().contains("engine onnxruntime died of a fault of memory (signal 11)"), "{died}");
    let hangs = failed("cat loaded; exec sleep 100", SOON);
    assert_eq!(hangs.kind(), ErrorKind::Unavailable);
    assert!(hangs.to_string().contains("did not answer within 200 ms (engines.call_ms_max)"), "{hangs}");
    let garbage = failed("cat loaded; echo what an engine never says; exec sleep 100", limits());
    assert!(garbage.to_string().contains("sent what is no answer"), "{garbage}");
    let fewer = failed("cat loaded; cat none; exec sleep 100", limits());
    assert!(fewer.to_string().contains("other outputs than were asked"), "{fewer}");
    let refused = failed("cat loaded; cat refused; exec sleep 100", limits());
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    let large = Limits { answer_bytes_max: 0, ..limits() };
    let large = failed("cat loaded; head -c 100000 /dev/zero > big; printf fbe1 | cat - big; exec sleep 100", large);
    assert!(large.to_string().contains("sent what is no answer"), "{large}");
}

#[test]
fn the_next_call_starts_another_child() {
    // Answers once, then dies.
    let engine = open("cat loaded; cat answer; exit 9", limits()).unwrap_or_else(|error| panic!("{error}"));
    let mut answered = 0;
    let begun = Instant::now();
    while answered < 3 && begun.elapsed() < Duration::from_secs(20) {
        match answer(engine.call(Call::new(batch()))) {
            Ok(_) => answered += 1,
            // It was asked while it was dying.
            Err(error) => assert!(error.to_string().contains("ended with exit code 9"), "{error}"),
        }
    }
    assert_eq!(answered, 3);
}

#[test]
fn the_callers_deadline_is_not_the_childs() {
    let engine = open("cat loaded; sleep 1; cat answer; cat answer; exec sleep 100", limits());
    let engine = engine.unwrap_or_else(|error| panic!("{error}"));
    let deadline = Some(Instant::now() + Duration::from_millis(100));
    let late = answer(engine.call(Call { deadline, ..Call::new(batch()) }));
    assert_eq!(late.map(|_| ()), Err(PredictError::DeadlineExceeded));
    // The late answer was nobody's; the child that gave it goes on.
    let next = answer(engine.call(Call::new(batch()))).expect("an answer");
    assert!(next.whole("y").is_some());
}

#[test]
fn no_more_calls_wait_than_may() {
    let engine = open("cat loaded; exec sleep 100", Limits { waiting_max: 1, ..limits() });
    let engine = engine.unwrap_or_else(|error| panic!("{error}"));
    let waiting: Vec<_> = (0..4).map(|_| engine.call(Call::new(batch())).now()).collect();
    let refused = waiting.iter().filter_map(|reply| reply.as_ref().ok()?.as_ref().err());
    let refused: Vec<String> = refused.map(ToString::to_string).collect();
    assert!(refused.iter().any(|error| error.contains("engines.waiting_max")), "{refused:?}");
    // Who waits is told when the model is unloaded.
    drop(engine);
    for reply in waiting.into_iter().filter_map(Result::err) {
        let error = answer(model::Reply::Later(reply)).map(|_| ()).expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn an_engine_without_a_library_is_not_configured() {
    let error = Engine::open(&engines("exit", limits()), Kind::Tensorflow, artifact()).err().expect("refused");
    assert_eq!(
        error.to_string(),
        "the engine tensorflow is not configured; set engines.tensorflow to the path of its library"
    );
}

#[test]
fn the_folder_of_a_model_goes_with_it() {
    let scratch = std::env::temp_dir().join(format!("forebay-children-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let left = |path: &Path| std::fs::read_dir(path).unwrap().count();
    let engines = Engines { scratch: scratch.clone(), ..engines("cat loaded; exec sleep 100", limits()) };
    let engine = Engine::open(&engines, Kind::Onnxruntime, artifact()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(left(&scratch), 1);
    drop(engine);
    assert_eq!(left(&scratch), 0);
    std::fs::remove_dir_all(&scratch).unwrap();
}
