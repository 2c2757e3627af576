//! [`Servable`]: a model's plans behind the [`Predictor`] door.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use model::{Call, Cost, PredictError, Predictor, Reply, Signature, Table, Value, Violation, Whole, stack};
use plan::{Model, Plan, ValueType};

use crate::{compile::compile, error::CompileError, program::Program, workspace::with_workspace};

/// Most programs that a plan keeps: one for each set of outputs asked and of input types, least recently used out.
const PROGRAMS_MAX: usize = 16;

/// Most rows of a call whose plan cannot be cut by rows.
pub const WHOLE_ROWS_MAX: usize = 65_536;

/// Most rows of a call that become groups: they are computed in tiles, so only the request itself is large.
pub const GROUPED_ROWS_MAX: usize = 1 << 24;

/// Returns the most rows of a call where calls of the plan are not cut by rows.
pub fn rows_max(plan: &Plan) -> Option<usize> {
    plan.not_separable()?;
    let in_tiles = plan.nodes.iter().all(|node| node.op.is_separable());
    Some(if in_tiles { GROUPED_ROWS_MAX } else { WHOLE_ROWS_MAX })
}

/// A model that answers.
pub struct Servable {
    signatures: Vec<Signature>,
    plans: Vec<Compiled>,
    cost: Measured,
}

/// A plan and its programs, the last used last.
struct Compiled {
    plan: Arc<Plan>,
    programs: RwLock<Vec<Arc<Program>>>,
}

impl Servable {
    /// Returns the model, its default programs compiled where its input types are known: what cannot run is refused now.
    pub fn new(model: &Model) -> Result<Servable, CompileError> {
        let mut plans = Vec::with_capacity(model.plans.len());
        for (_, plan) in &model.plans {
            let brought = plan.first_types().into_iter().zip(&plan.inputs);
            let types: Vec<_> = brought.map(|(ty, input)| ty.filter(|_| input.default.is_none())).collect();
            let program = compile(plan, &types, None)?;
            plans.push(Compiled { plan: plan.clone(), programs: RwLock::new(vec![Arc::new(program)]) });
        }
        Ok(Servable { signatures: model.signatures(), plans, cost: Measured::default() })
    }

    /// Returns the program for the call: compiled before, or now.
    pub fn program(&self, call: &Call) -> Result<Arc<Program>, PredictError> {
        self.compiled(call)?.program(call)
    }

    fn compiled(&self, call: &Call) -> Result<&Compiled, PredictError> {
        let compiled = match &call.signature {
            None => self.plans.first(),
            Some(name) => self.signatures.iter().position(|s| s.name == *name).map(|at| &self.plans[at]),
        };
        compiled.ok_or_else(|| {
            let known: Vec<&str> = self.signatures.iter().map(|s| &*s.name).collect();
            let got = call.signature.as_deref().unwrap_or("default").to_owned();
            PredictError::invalid(None, format!("a signature among {}", known.join(", ")), got)
        })
    }

    /// Returns the call as the model takes it: columns that are tensors there are stacked. `None` where it is so already.
    pub fn stacked(&self, call: &Call) -> Result<Option<Call>, PredictError> {
        match self.compiled(call)? {
            compiled if compiled.is_due(call) => stack::stacked(|name| compiled.takes_whole(name), call).map(Some),
            _ => Ok(None),
        }
    }

    fn answer(&self, call: &Call) -> Result<model::Batch, PredictError> {
        if let Some(stacked) = self.stacked(call)? {
            let answer = self.answer(&stacked)?;
            let wrong = |error: model::tensor::TensorError| PredictError::Internal { message: error.to_string() };
            return stack::unstacked(answer, call.batch.rows()).map_err(wrong);
        }
        self.run(call).map_err(|error| self.with_shapes(error, call))
    }

    /// Returns the error, and before it the inputs whose shapes are not those that the model declares. A graph may take others
    /// than it declares, so they are no error by themselves.
    fn with_shapes(&self, error: PredictError, call: &Call) -> PredictError {
        match (error, self.compiled(call)) {
            (PredictError::Invalid { mut violations }, Ok(compiled)) => {
                let shapes = compiled.plan.inputs.iter().filter_map(|input| wrong_shape(input, &call.batch));
                violations.splice(0..0, shapes);
                PredictError::Invalid { violations }
            }
            (error, _) => error,
        }
    }

    fn run(&self, call: &Call) -> Result<model::Batch, PredictError> {
        let program = self.program(call)?;
        let rows = call.batch.rows();
        let rows_max = if program.is_separable { GROUPED_ROWS_MAX } else { WHOLE_ROWS_MAX };
        if let (Err((step, op)), true) = (program.separable(), rows > rows_max) {
            return Err(PredictError::TooLarge {
                what: format!("the number of rows, which {op} of {step} needs together,"),
                got: rows as u64,
                limit: rows_max as u64,
                key: "rows_max",
            });
        }
        if !self.cost.is_due() {
            return with_workspace(&program, |workspace| program.predict(call, workspace));
        }
        let begin = Instant::now();
        let answer = with_workspace(&program, |workspace| program.predict(call, workspace));
        self.cost.record(begin.elapsed().as_nanos() as u64, rows, program.has_loops);
        answer
    }
}

impl Compiled {
    /// Returns whether the call brings columns where the plan takes tensors.
    fn is_due(&self, call: &Call) -> bool {
        self.plan.inputs.iter().any(|input| input.whole) && stack::is_due(|name| self.takes_whole(name), &call.batch)
    }

    /// Returns whether an input of this name is one value for the call.
    fn takes_whole(&self, name: &str) -> bool {
        self.plan.inputs.iter().any(|input| input.whole && *input.name == *name)
    }

    fn program(&self, call: &Call) -> Result<Arc<Program>, PredictError> {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |p: &&Arc<Program>| p.asked == call.outputs && self.has_types(p, call);
        if let Some(program) = programs.iter().rev().find(fits) {
            return Ok(program.clone());
        }
        drop(programs);
        let types: Vec<Option<ValueType>> =
            self.plan.inputs.iter().map(|i| type_of(call.batch.value(&i.name)?, i)).collect();
        let program = Arc::new(compile(&self.plan, &types, call.outputs.as_ref())?);
        let mut programs = self.programs.write().unwrap_or_else(PoisonError::into_inner);
        if programs.len() >= PROGRAMS_MAX {
            programs.remove(0);
        }
        programs.push(program.clone());
        Ok(program)
    }

    /// Returns whether the call brings what the program reads, in its types.
    fn has_types(&self, program: &Program, call: &Call) -> bool {
        let fits = |(place, input)| crate::run::value(&call.batch, place, input).is_ok();
        program.inputs.iter().enumerate().all(fits) && program.absent.iter().all(|n| call.batch.value(n).is_none())
    }
}

/// Returns what is wrong with the shape of a tensor, by what its input declares; `-1` is any length.
fn wrong_shape(input: &plan::Input, batch: &model::Batch) -> Option<Violation> {
    let declared = input.declared.as_ref()?.shape.as_ref()?;
    let Value::Whole(Whole::Tensor(tensor)) = batch.value(&input.name)? else { return None };
    let got = tensor.shape();
    let fits = |(&declared, &got): (&i64, &usize)| declared < 0 || declared as usize == got;
    let is_same = declared.len() == got.len() && declared.iter().zip(got.iter()).all(fits);
    (!is_same).then(|| Violation {
        row: None,
        field: Some(input.name.clone()),
        expected: Some(format!("a tensor of the shape {declared:?}")),
        got: Some(format!("{:?}", &got[..])),
    })
}

fn type_of(value: &Value, input: &plan::Input) -> Option<ValueType> {
    match value {
        Value::Column { column, .. } => Some(ValueType::rows(column.ty())),
        // A value may say less than the plan knows: an empty sequence has no type of its own.
        Value::Whole(whole) if crate::run::is_whole(whole, input.takes.first()) => {
            Some(ValueType::whole(input.takes.first().clone()))
        }
        Value::Whole(whole) => Some(ValueType::whole(plan::tensor::type_of(whole))),
    }
}

impl Predictor for Servable {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn call(&self, call: Call) -> Reply {
        Reply::Now(self.answer(&call))
    }

    fn show(&self, call: &mut Call, see: &mut dyn FnMut(&dyn Table)) -> Option<Result<(), PredictError>> {
        let program = match self.compiled(call) {
            Ok(compiled) if compiled.is_due(call) => return None,
            Ok(compiled) => compiled.program(call),
            Err(error) => Err(error),
        };
        let program = match program {
            Ok(program) => program,
            Err(error) => return Some(Err(error)),
        };
        let rows = call.batch.rows();
        if !program.shows(rows) || rows > WHOLE_ROWS_MAX {
            return None;
        }
        let begin = self.cost.is_due().then(Instant::now);
        let shown = with_workspace(&program, |workspace| {
            let answer = program.run(call, 0, rows, workspace)?;
            // What writing takes is the border's.
            if let Some(begin) = begin {
                self.cost.record(begin.elapsed().as_nanos() as u64, rows, program.has_loops);
            }
            if let Some(error) = program.failure(&answer.faults(), &call.batch, call.on_fault) {
                return Err(error);
            }
            see(&answer);
            Ok(())
        });
        Some(shown)
    }

    fn is_joinable(&self, call: &Call) -> bool {
        let joinable = |compiled: &Compiled| {
            !compiled.is_due(call) && compiled.program(call).is_ok_and(|program| program.is_joinable())
        };
        self.compiled(call).is_ok_and(joinable)
    }

    fn cost(&self) -> Cost {
        self.cost.cost()
    }
}

/// What calls took: the first ones are measured, then one in [`Measured::EVERY`].
#[derive(Default)]
struct Measured {
    calls: AtomicU64,
    /// Nanoseconds a row, smoothed, of calls of any size; 0 before the first.
    per_row_ns: AtomicU64,
    unbounded: std::sync::atomic::AtomicBool,
}

impl Measured {
    const FIRST: u64 = 16;
    const EVERY: u64 = 64;

    fn is_due(&self) -> bool {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        n < Self::FIRST || n.is_multiple_of(Self::EVERY)
    }

    fn record(&self, ns: u64, rows: usize, unbounded: bool) {
        let now = ns / rows.max(1) as u64;
        let before = self.per_row_ns.load(Ordering::Relaxed);
        // A first call compiles and fills caches: later ones pull the figure down quickly.
        let smoothed = if before == 0 || now < before { now.max(1) } else { before + (now - before) / 8 };
        self.per_row_ns.store(smoothed, Ordering::Relaxed);
        self.unbounded.store(unbounded, Ordering::Relaxed);
    }

    fn cost(&self) -> Cost {
        /// Before anything was measured, a row is taken to be this dear.
        const UNKNOWN_US: f64 = 5.0;
        let per_row = match self.per_row_ns.load(Ordering::Relaxed) {
            0 => UNKNOWN_US,
            ns => ns as f64 / 1000.0,
        };
        Cost { fixed_us: 0.0, per_row_us: per_row, unbounded: self.unbounded.load(Ordering::Relaxed) }
    }
}
