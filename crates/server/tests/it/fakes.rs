//! Models that do one thing each: double a number, fail, sleep, panic, say where they run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use model::{
    Batch, Builder, Call, Column, Cost, Declared, FaultKind, FaultValue, Field, Fixed, Mark, ModelFiles, Name, OnFault,
    PredictError, Predictor, Reply, RowFault, Signature, Takes, Type, Version,
};
use registry::{About, LoadError, Loaded, Loader, ModelConfig};

/// What a fake does with its call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Does {
    /// y = 2x; refuses the row 13, drops the row 14.
    Double,
    /// Takes a few milliseconds a call, however many rows it has, then doubles; calls may be joined.
    Join,
    /// Waits for a second, then doubles.
    Sleep,
    /// Waits until the call is cancelled or its time is over, on a compute thread.
    Spin,
    Fail,
    Panic,
    PanicLater,
    /// Says on which thread it runs.
    Where,
    /// Says request id and trace of the call.
    Who,
    /// A dense and a sparse vector.
    Vectors,
    /// Tensors: y = x, under two signatures with names of their own.
    Echo,
    /// A text or null and a time come back.
    Typed,
    /// Integers that float64 does not hold.
    Big,
    /// Examples: regresses and classifies by how many bytes each has.
    Half,
    /// y = how many rows there are: one row, whatever was sent.
    Count,
}

const DOES: [(&str, Does, f64); 17] = [
    ("typed", Does::Typed, 1.0),
    ("longs", Does::Big, 1.0),
    ("half", Does::Half, 1.0),
    ("echo", Does::Echo, 1.0),
    ("double", Does::Double, 1.0),
    ("double-dear", Does::Double, 1e6),
    ("join", Does::Join, 3000.0),
    ("sleep", Does::Sleep, 1.0),
    ("spin", Does::Spin, 1e6),
    ("fail", Does::Fail, 1.0),
    ("panic", Does::Panic, 1.0),
    ("panic-dear", Does::Panic, 1e6),
    ("panic-later", Does::PanicLater, 1.0),
    ("where", Does::Where, 1.0),
    ("where-dear", Does::Where, 1e6),
    ("who", Does::Who, 1.0),
    ("count", Does::Count, 1.0),
];

/// What the fakes saw.
#[derive(Default)]
pub struct Seen {
    /// Calls that waited and whose answer nobody wanted any more.
    pub dropped: AtomicUsize,
    pub cancelled: AtomicUsize,
    /// Calls that began.
    pub begun: AtomicUsize,
    pub loads: AtomicUsize,
    /// Milliseconds that a load takes.
    pub load_ms: AtomicU64,
}

/// Returns the names that a world has, and what each does.
pub fn all() -> Vec<&'static str> {
    DOES.iter().map(|(name, ..)| *name).chain(["vectors", "broken"]).collect()
}

/// Makes the fake that the model's name says.
#[derive(Clone)]
pub struct Fakes(pub Arc<Seen>);

impl Loader for Fakes {
    fn load(&self, name: &Name, _: Version, _: &ModelFiles, _: &ModelConfig) -> Result<Loaded, LoadError> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(self.0.load_ms.load(Ordering::SeqCst)));
        let (does, fixed_us) = match DOES.iter().find(|(known, ..)| *known == name.as_str()) {
            Some((_, does, fixed_us)) => (*does, *fixed_us),
            None if name.as_str() == "vectors" => (Does::Vectors, 1.0),
            None => return Err(LoadError::new(model::Kind::InvalidArgument, "metadata/part-00000: no such class")),
        };
        let fake = Fake {
            does,
            cost: Cost { fixed_us, ..Cost::default() },
            signatures: signatures(does),
            seen: self.0.clone(),
        };
        let about = About {
            format: "fake".into(),
            class: Some(format!("fakes.{does:?}").into()),
            tool: None,
            bytes: 64,
            ..About::default()
        };
        Ok(Loaded { predictor: Arc::new(fake), about })
    }
}

struct Fake {
    does: Does,
    cost: Cost,
    signatures: Vec<Signature>,
    seen: Arc<Seen>,
}

fn field(name: &str, ty: Type, default: bool) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(ty),
        nullable: false,
        whole: false,
        default,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

/// `serving_default` of float32 `[-1, 2]`, `texts` of strings of any shape.
fn tensors() -> Vec<Signature> {
    let of = |name: &str, ty: Type, shape: Option<&[i64]>| {
        let declared = |tensor: &str| Some(Declared { tensor: tensor.into(), shape: shape.map(Into::into) });
        let whole = |name: &str, tensor: &str| Field {
            whole: true,
            declared: declared(tensor),
            ..field(name, ty.clone(), true)
        };
        Signature {
            name: name.into(),
            inputs: vec![whole("x", "in:0")],
            outputs: vec![Field { needs: vec![0], ..whole("y", "out:0") }],
            grouped: false,
            method: Some("tensorflow/serving/predict".into()),
        }
    };
    vec![of("serving_default", Type::F32, Some(&[-1, 2])), of("texts", Type::Bytes, None)]
}

/// `serving_default` regresses, `classify` classifies.
fn of_examples() -> Vec<Signature> {
    let whole = |name: &str, ty: Type| Field { whole: true, ..field(name, ty, true) };
    let of = |name: &str, method: &str, outputs: &[(&str, Type)]| Signature {
        name: name.into(),
        inputs: vec![whole("inputs", Type::Bytes)],
        outputs: outputs.iter().map(|(name, ty)| Field { needs: vec![0], ..whole(name, ty.clone()) }).collect(),
        grouped: false,
        method: Some(format!("tensorflow/serving/{method}").into()),
    };
    vec![
        of("serving_default", "regress", &[("outputs", Type::F32)]),
        of("classify", "classify", &[("classes", Type::Bytes), ("scores", Type::F32)]),
    ]
}

fn half(call: &Call) -> Result<Batch, PredictError> {
    let Some(model::Whole::Tensor(examples)) = call.batch.whole("inputs") else {
        return Err(PredictError::invalid(Some("inputs"), "a tensor", "nothing"));
    };
    let model::Data::Bytes(examples) = examples.data() else { panic!("texts were asked for") };
    let sizes: Vec<f32> = examples.iter().map(|example| example.len() as f32).collect();
    let mut batch = Batch::new(0);
    let mut push = |name: &str, shape: &[usize], data: model::Data| {
        batch.push_whole(name, model::Whole::Tensor(model::Tensor::new(shape, data).unwrap()));
    };
    let n = sizes.len();
    if call.signature.as_deref() == Some("classify") {
        let labels: Vec<model::tensor::Bytes> = (0..2 * n).map(|i| [b"a", b"b"][i % 2].as_slice().into()).collect();
        push("classes", &[n, 2], labels.into());
        push("scores", &[n, 2], sizes.iter().flat_map(|size| [*size, 0.5]).collect::<Vec<f32>>().into());
    } else {
        push("outputs", &[n, 1], sizes.into());
    }
    Ok(batch)
}

/// A text and a time in, the same out.
fn typed() -> Vec<Signature> {
    let fields = || {
        let of = |name: &str, ty: Type| Field { nullable: true, ..field(name, ty, true) };
        vec![of("s", Type::Text), of("t", Type::scalar(model::DType::Timestamp))]
    };
    let outputs = (0..).zip(fields()).map(|(at, field)| Field { needs: vec![at], ..field }).collect();
    vec![Signature { name: "typed".into(), inputs: fields(), outputs, grouped: false, method: None }]
}

fn signatures(does: Does) -> Vec<Signature> {
    match does {
        Does::Half => return of_examples(),
        Does::Typed => return typed(),
        _ => {}
    }
    if does == Does::Echo {
        return tensors();
    }
    let mut outputs = match does {
        Does::Big => vec![field("n", Type::list(Type::I64), true), field("small", Type::I64, true)],
        Does::Where | Does::Who => vec![field("text", Type::Text, true)],
        Does::Vectors => {
            vec![field("x", Type::F64, true), field("dense", Type::VECTOR, true), field("sparse", Type::VECTOR, true)]
        }
        _ => vec![field("y", Type::F64, true), field("x", Type::F64, false)],
    };
    outputs.iter_mut().for_each(|output| output.needs = vec![0]);
    let mut inputs = vec![field("x", Type::F64, true)];
    if does == Does::Who {
        inputs[0].takes = Takes::From(vec![Type::Text, Type::F64]);
    }
    let other = Signature {
        name: "other".into(),
        inputs: inputs.clone(),
        outputs: outputs.clone(),
        grouped: false,
        method: None,
    };
    vec![Signature { name: "serve".into(), inputs, outputs, grouped: does == Does::Count, method: None }, other]
}

impl Predictor for Fake {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn call(&self, call: Call) -> Reply {
        self.seen.begun.fetch_add(1, Ordering::SeqCst);
        match self.does {
            Does::Double => Reply::Now(double(&call)),
            Does::Join => {
                std::thread::sleep(Duration::from_millis(3));
                let spans = call.spans.as_ref();
                let now = std::time::Instant::now();
                spans.inspect(|spans| spans.add(model::Part::Step, &"doubling".into(), now, Duration::ZERO));
                Reply::Now(double(&call))
            }
            Does::Sleep => {
                let waits = Waits(self.seen.clone());
                Reply::Later(Box::pin(async move {
                    let waits = waits;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    std::mem::forget(waits);
                    double(&call)
                }))
            }
            Does::Spin => loop {
                if let Err(error) = call.check() {
                    if error == PredictError::Cancelled {
                        self.seen.cancelled.fetch_add(1, Ordering::SeqCst);
                    }
                    return Reply::Now(Err(error));
                }
                std::thread::sleep(Duration::from_millis(1));
            },
            Does::Fail => Reply::Now(Err(PredictError::Unavailable { message: "the worker is gone".into() })),
            Does::Panic => panic!("as told"),
            Does::PanicLater => Reply::Later(Box::pin(async { panic!("as told") })),
            Does::Where => {
                let thread = std::thread::current();
                Reply::Now(Ok(texts(&call, thread.name().unwrap_or("nameless"))))
            }
            Does::Who => {
                let trace = call
                    .trace
                    .as_ref()
                    .map(|t| format!("{} {}", t.traceparent(t.parent_id), t.state.as_deref().unwrap_or("")));
                let id = call.request_id.as_ref().map(ToString::to_string).unwrap_or_default();
                Reply::Now(Ok(texts(&call, format!("{id} {}", trace.unwrap_or_default()).trim())))
            }
            Does::Echo => {
                let mut batch = Batch::new(0);
                match call.batch.whole("x") {
                    Some(x) => batch.push_whole("y", x.clone()),
                    None => return Reply::Now(Err(PredictError::invalid(Some("x"), "a tensor", "nothing"))),
                }
                Reply::Now(Ok(batch))
            }
            Does::Typed => {
                let mut answer = Batch::new(call.batch.rows());
                for name in ["s", "t"] {
                    answer.push(name, call.batch.column(name).unwrap().clone());
                }
                Reply::Now(Ok(answer))
            }
            Does::Big => Reply::Now(Ok(big(&call))),
            Does::Half => Reply::Now(half(&call)),
            Does::Vectors => Reply::Now(Ok(vectors(&call))),
            Does::Count => {
                let mut batch = Batch::new(1);
                let rows = call.batch.rows() as f64;
                batch.push("y", Column::Fixed(Fixed::from_vec(model::DType::F64, vec![rows])));
                Reply::Now(Ok(batch))
            }
        }
    }

    fn is_joinable(&self, _: &Call) -> bool {
        self.does == Does::Join
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

/// Counts a wait that was given up.
struct Waits(Arc<Seen>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn x_of(call: &Call) -> &[f64] {
    match call.batch.column("x") {
        Some(Column::Fixed(x)) => x.values(),
        _ => &[],
    }
}

fn double(call: &Call) -> Result<Batch, PredictError> {
    let x = x_of(call);
    let refused = |row: usize| RowFault {
        row,
        field: "x".into(),
        step: "double".into(),
        kind: FaultKind::OutOfRange,
        value: FaultValue::Number(x[row]),
    };
    let marks: Vec<Mark> = (0..x.len())
        .map(|row| match x[row] {
            13.0 => Mark::Refused(Arc::new(refused(row))),
            14.0 => Mark::Skipped,
            _ => Mark::Live,
        })
        .collect();
    let live = |row: &usize| call.on_fault == OnFault::MarkRow || marks[*row] == Mark::Live;
    let refusals: Vec<_> = marks.iter().filter_map(|m| if let Mark::Refused(f) = m { Some(f) } else { None }).collect();
    if let (Some(fault), OnFault::FailCall) = (refusals.first(), call.on_fault) {
        return Err(PredictError::Refused { fault: Box::new((***fault).clone()), refused: refusals.len() });
    }
    let kept: Vec<usize> = (0..x.len()).filter(live).collect();
    let mut answer = Batch::new(kept.len());
    let outputs: Vec<&str> = call.outputs.as_ref().map_or(vec!["y"], |names| names.iter().map(|n| &**n).collect());
    for name in outputs {
        let factor = if name == "y" { 2.0 } else { 1.0 };
        answer.push(
            name,
            Column::Fixed(Fixed::from_vec(model::DType::F64, kept.iter().map(|&r| factor * x[r]).collect())),
        );
    }
    if marks.iter().any(|mark| *mark != Mark::Live) && call.on_fault == OnFault::MarkRow {
        answer.set_marks(marks.into());
    }
    Ok(answer)
}

fn texts(call: &Call, text: &str) -> Batch {
    let mut builder = Builder::new(&Type::Text);
    (0..call.batch.rows()).for_each(|_| builder.push_text(text));
    let mut answer = Batch::new(call.batch.rows());
    answer.push("text", builder.finish());
    answer
}

fn big(call: &Call) -> Batch {
    let rows = call.batch.rows();
    let (mut lists, mut small) = (Builder::new(&Type::list(Type::I64)), Builder::new(&Type::I64));
    for _ in 0..rows {
        [9_007_199_254_740_993, -1].into_iter().for_each(|n| assert!(lists.items().push_int(n)));
        lists.end_list();
        assert!(small.push_int(7));
    }
    let mut answer = Batch::new(rows);
    answer.push("n", lists.finish());
    answer.push("small", small.finish());
    answer
}

fn vectors(call: &Call) -> Batch {
    let x = x_of(call);
    let (mut dense, mut sparse) = (Builder::new(&Type::VECTOR), Builder::new(&Type::VECTOR));
    for &x in x {
        dense.push_dense(&[x, -x]);
        assert!(sparse.push_sparse(5, &[1, 4], &[x, 1.0]));
    }
    let mut answer = Batch::new(x.len());
    answer.push("x", Column::Fixed(Fixed::from_vec(model::DType::F64, x.to_vec())));
    answer.push("dense", dense.finish());
    answer.push("sparse", sparse.finish());
    answer
}
