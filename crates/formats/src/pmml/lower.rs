//! [`Lowering`]: the plan as it grows, in blocks.
//!
//! A model's nodes go into the block that is open: the plan itself, or the body of a branch (a segment that runs only where
//! its predicate is true). A [`Value`] knows its block; used further in, it becomes an input of that block and of all
//! between. So whoever lowers an element needs not know how deep it stands.

use std::sync::Arc;

use model::{DType, Reading, Takes, Type};
use plan::{
    Arm, ControlOp, EncodeOp, Expr, Func, Op, Plan, PlanBuilder, SlotId, ValueType, VectorOp,
    expr::{Cast, CastRule},
    op::vector::UNPACKED_MAX,
};
use rustc_hash::FxHashMap;

use super::{error::Fault, fields::Field, xml::Element};
use crate::ReadOptions;

/// Deepest nesting of what refers to or contains each other: models, expressions, functions.
const DEPTH_MAX: usize = 200;
/// Most expressions that a document's own functions are written out to, all uses together.
const EXPANDED_MAX: usize = 1_000_000;
/// Most nodes of a plan with its sub-plans.
const NODES_MAX: usize = 2_000_000;

/// A column of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    pub slot: SlotId,
    pub ty: Type,
    block: u32,
}

/// In which numbers a model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MathContext {
    #[default]
    Double,
    Float,
}

struct Block {
    id: u32,
    builder: PlanBuilder,
    /// Values of outer blocks, and what they are here.
    captured: FxHashMap<(u32, SlotId), SlotId>,
    /// What is captured, as the block outside knows it, in the order of the inputs.
    inputs: Vec<Value>,
}

/// A plan in the making.
pub struct Lowering<'o> {
    pub options: &'o ReadOptions,
    blocks: Vec<Block>,
    next_block: u32,
    nodes: usize,
    depth: usize,
    math: MathContext,
    warnings: Vec<String>,
    /// What was made once for all who ask for the same, by what tells it from others.
    shared: FxHashMap<String, Vec<Value>>,
    /// Expressions of functions written out.
    expanded: usize,
}

/// One way of a [`Lowering::chain`]: a test and what is computed where it holds.
pub type Way<'a, 'o> = (Value, Body<'a, 'o>);

/// What is computed in a block of its own.
pub type Body<'a, 'o> = Box<dyn FnOnce(&mut Lowering<'o>) -> Result<Vec<Value>, Fault> + 'a>;

impl<'o> Lowering<'o> {
    pub fn new(options: &'o ReadOptions) -> Lowering<'o> {
        let mut lowering = Lowering {
            options,
            blocks: Vec::new(),
            next_block: 0,
            nodes: 0,
            depth: 0,
            math: MathContext::Double,
            warnings: Vec::new(),
            shared: FxHashMap::default(),
            expanded: 0,
        };
        lowering.open();
        lowering
    }

    /// Returns the plan with these outputs, and what a user may want to know.
    pub fn finish(mut self, at: Element<'_>, outputs: &[(String, Value)]) -> Result<(Plan, Vec<String>), Fault> {
        let slots: Vec<SlotId> = outputs.iter().map(|(_, value)| self.local(value)).collect();
        let mut block = self.blocks.pop().expect("the plan's own block is always there");
        for ((name, _), slot) in outputs.iter().zip(slots) {
            block.builder.output(name, slot);
        }
        let plan = block.builder.finish().map_err(|source| Fault::Plan { element: at.name().to_owned(), source })?;
        Ok((plan, self.warnings))
    }

    /// Lets the user know of something.
    pub fn warn(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.warnings.contains(&what) {
            self.warnings.push(what);
        }
    }

    /// Returns in which numbers the model at hand computes.
    pub fn math(&self) -> MathContext {
        self.math
    }

    /// Does what a model asks for in its own numbers.
    pub fn with_math<T>(&mut self, math: MathContext, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.math, math);
        let done = work(self);
        self.math = before;
        done
    }

    /// Does what lies a level deeper, where that is not too deep.
    pub fn deeper<T>(&mut self, at: Element<'_>, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.enter(at)?;
        let done = work(self);
        self.leave();
        done
    }

    /// Goes a level deeper, where that is not too deep; [`Lowering::leave`] goes back.
    pub fn enter(&mut self, at: Element<'_>) -> Result<(), Fault> {
        if self.depth >= DEPTH_MAX {
            let most = format!("at most {DEPTH_MAX} levels of what contains or uses another");
            return Err(at.fault("nesting", most, "more"));
        }
        self.depth += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Counts expressions that functions are written out to, of which there are not too many.
    pub fn spend(&mut self, at: Element<'_>, count: usize) -> Result<(), Fault> {
        self.expanded += count;
        if self.expanded <= EXPANDED_MAX {
            return Ok(());
        }
        Err(at.fault("functions", format!("at most {EXPANDED_MAX} expressions, written out"), "more"))
    }

    /// Returns what was made before under this key, where it is seen from here; else makes it.
    pub fn once(&mut self, key: String, make: impl FnOnce(&mut Self) -> Result<Value, Fault>) -> Result<Value, Fault> {
        let made = self.shared.get(&key).and_then(|made| made.iter().find(|value| self.sees(value)));
        if let Some(value) = made {
            return Ok(value.clone());
        }
        let value = make(self)?;
        self.shared.entry(key).or_default().push(value.clone());
        Ok(value)
    }

    /// Returns the element at a place of a column of vectors, null where the vector is; those of one column are taken together.
    pub fn element(&mut self, at: Element<'_>, vectors: &Value, place: u32, name: &str) -> Result<Value, Fault> {
        let size = match vectors.ty {
            Type::Vector { size: Some(size) } if size <= UNPACKED_MAX && place < size => size,
            _ => return self.one(at, VectorOp::Element { place }, &[vectors], name),
        };
        let key = |place: u32| format!("element {place} of {} in {}", vectors.slot.0, vectors.block);
        let made = self.shared.get(&key(place)).and_then(|made| made.iter().find(|value| self.sees(value)));
        if let Some(value) = made {
            return Ok(value.clone());
        }
        let names: Vec<String> = (0..size).map(|place| place.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let made = self.node(at, VectorOp::Unpack { size }, &[vectors], &names)?;
        for (place, value) in made.iter().enumerate() {
            self.shared.entry(key(place as u32)).or_default().push(value.clone());
        }
        Ok(made[place as usize].clone())
    }

    /// Adds a value that the caller brings; it belongs to the plan's own block.
    pub fn input(&mut self, name: &str, takes: Takes, reading: Reading) -> Value {
        let ty = takes.first().clone();
        let block = &mut self.blocks[0];
        let slot = block.builder.input(name, takes);
        block.builder.set_reading(slot, reading);
        Value { slot, ty, block: block.id }
    }

    /// Returns whether the value can be used in the block that is open.
    pub fn sees(&self, value: &Value) -> bool {
        self.blocks.iter().any(|block| block.id == value.block)
    }

    /// Adds a node.
    pub fn node(
        &mut self,
        at: Element<'_>,
        op: impl Into<Op>,
        inputs: &[&Value],
        names: &[&str],
    ) -> Result<Vec<Value>, Fault> {
        let op: Op = op.into();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(at.fault("the plan", format!("at most {NODES_MAX} nodes"), "more"));
        }
        let step = format!("{}:{}", at.name(), at.line());
        let types: Vec<ValueType> = inputs.iter().map(|value| ValueType::rows(value.ty.clone())).collect();
        let outs = op.check().and_then(|()| op.infer(&Arc::from(step.as_str()), &types));
        let outs =
            outs.map_err(|source| Fault::Plan { element: format!("{} at line {}", at.name(), at.line()), source })?;
        let slots: Vec<SlotId> = inputs.iter().map(|value| self.local(value)).collect();
        let block = self.blocks.last_mut().expect("a block is open");
        let made = block.builder.node_many(&step, op, &slots, names);
        let id = block.id;
        Ok(made.into_iter().zip(outs).map(|(slot, out)| Value { slot, ty: out.ty, block: id }).collect())
    }

    /// Adds a node of one output.
    pub fn one(&mut self, at: Element<'_>, op: impl Into<Op>, inputs: &[&Value], name: &str) -> Result<Value, Fault> {
        let mut values = self.node(at, op, inputs, &[name])?;
        Ok(values.pop().expect("as many values as names"))
    }

    /// Adds an expression over values; `Expr::Input(i)` is `inputs[i]`.
    pub fn expr(&mut self, at: Element<'_>, expr: Expr, inputs: &[&Value], name: &str) -> Result<Value, Fault> {
        match (&expr, inputs) {
            (Expr::Input(i), _) if (*i as usize) < inputs.len() => Ok(inputs[*i as usize].clone()),
            _ => self.one(at, expr, inputs, name),
        }
    }

    /// Returns the value as another type; null where it does not read so.
    pub fn cast(&mut self, at: Element<'_>, value: &Value, to: Type) -> Result<Value, Fault> {
        if value.ty == to {
            return Ok(value.clone());
        }
        let rule = if value.ty.as_scalar().is_some_and(DType::is_number) { CastRule::Legacy } else { CastRule::Try };
        self.expr(at, Expr::call(Cast::new(to, rule), [Expr::Input(0)]), &[value], "cast")
    }

    /// Returns a number or truth value as a float64; null stays null.
    pub fn number(&mut self, at: Element<'_>, value: &Value) -> Result<Value, Fault> {
        if value.ty == Type::F64 {
            return Ok(value.clone());
        }
        match value.ty.as_scalar() {
            Some(dtype) if dtype.is_number() || dtype == DType::Bool => {
                self.expr(at, Expr::call(Func::ToF64, [Expr::Input(0)]), &[value], "number")
            }
            _ => self.cast(at, value, Type::F64),
        }
    }

    /// Returns the place of a field's value among the labels, a float64: -1 where it is none of them, null where it is
    /// missing. Labels are compared as values of the field's type: "1.0" is 1 where that is a number.
    pub fn codes(&mut self, at: Element<'_>, field: &Field, labels: &[String]) -> Result<Value, Fault> {
        let index = if field.value.ty == Type::Text {
            let labels: Vec<Box<str>> = labels.iter().map(|l| l.as_str().into()).collect();
            return self.one(at, EncodeOp::Place { labels: labels.into() }, &[&field.value], "code");
        } else {
            let mut args = Vec::new();
            for (i, label) in labels.iter().enumerate() {
                if let Some(constant) = field.constant(label) {
                    args.push(Expr::call(plan::expr::Compare::Eq, [Expr::Input(0), Expr::Const(constant)]));
                    args.push(Expr::f64(i as f64));
                }
            }
            args.push(Expr::f64(-1.0));
            if args.len() == 1 { Expr::f64(-1.0) } else { Expr::Call(Func::Case, args) }
        };
        let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
        let code = Expr::call(Func::If, [null, Expr::null(Type::F64), index]);
        self.expr(at, code, &[&field.value], "code")
    }

    /// Computes the body where the test is true; elsewhere its values are null, and nothing of it is computed or refused.
    pub fn branch(
        &mut self,
        at: Element<'_>,
        test: &Value,
        body: impl FnOnce(&mut Lowering<'o>) -> Result<Vec<Value>, Fault>,
    ) -> Result<Vec<Value>, Fault> {
        self.chain(at, vec![(test.clone(), Box::new(body))], None)
    }

    /// Computes for each row the first way whose test is true, else `otherwise`, else null. All give values of the same types.
    pub fn chain<'a>(
        &mut self,
        at: Element<'_>,
        ways: Vec<Way<'a, 'o>>,
        otherwise: Option<Body<'a, 'o>>,
    ) -> Result<Vec<Value>, Fault> {
        let mut inputs: Vec<Value> = Vec::new();
        let mut bodies: Vec<(Block, Vec<Value>)> = Vec::new();
        let (tests, mut works): (Vec<Value>, Vec<_>) = ways.into_iter().unzip();
        let tests: Vec<Value> = tests.iter().map(|test| self.here(test)).collect();
        for test in &tests {
            if !inputs.contains(test) {
                inputs.push(test.clone());
            }
        }
        works.extend(otherwise);
        for work in works {
            self.open();
            for input in &inputs {
                self.local(input);
            }
            let outputs = work(self).map(|outputs| outputs.iter().map(|v| self.here(v)).collect::<Vec<_>>());
            let block = self.blocks.pop().expect("as it was opened");
            inputs.clone_from(&block.inputs);
            bodies.push((block, outputs?));
        }
        self.close(at, &inputs, &tests, bodies)
    }

    fn close(
        &mut self,
        at: Element<'_>,
        inputs: &[Value],
        tests: &[Value],
        bodies: Vec<(Block, Vec<Value>)>,
    ) -> Result<Vec<Value>, Fault> {
        let count = bodies.first().map_or(0, |(_, outputs)| outputs.len());
        let failed = |source| Fault::Plan { element: format!("{} at line {}", at.name(), at.line()), source };
        let mut plans = Vec::with_capacity(bodies.len());
        for (mut block, outputs) in bodies {
            for value in &inputs[block.inputs.len()..] {
                block.builder.input("outer", Takes::One(value.ty.clone()));
            }
            for (i, value) in outputs.iter().enumerate() {
                block.builder.output(&i.to_string(), value.slot);
            }
            plans.push(Arc::new(block.builder.finish().map_err(failed)?));
        }
        let otherwise = if plans.len() > tests.len() { plans.pop() } else { None };
        let mut arms = Vec::with_capacity(plans.len());
        for (test, body) in tests.iter().zip(plans) {
            let mut builder = PlanBuilder::new();
            let mut chosen = None;
            for value in inputs {
                let slot = builder.input("outer", Takes::One(value.ty.clone()));
                chosen = chosen.or((value == test).then_some(slot));
            }
            builder.output("test", chosen.expect("the tests are among the inputs"));
            arms.push(Arm { test: Arc::new(builder.finish().map_err(failed)?), body });
        }
        let names: Vec<String> = (0..count).map(|i| format!("way {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let inputs: Vec<&Value> = inputs.iter().collect();
        self.node(at, ControlOp::Branch { arms, otherwise }, &inputs, &names)
    }

    fn open(&mut self) {
        let id = self.next_block;
        self.next_block += 1;
        let captured = FxHashMap::default();
        self.blocks.push(Block { id, builder: PlanBuilder::new(), captured, inputs: Vec::new() });
    }

    /// Returns the value as the open block knows it.
    fn here(&mut self, value: &Value) -> Value {
        let slot = self.local(value);
        let block = self.blocks.last().expect("a block is open").id;
        Value { slot, ty: value.ty.clone(), block }
    }

    /// Returns the slot of a value in the open block, capturing it in every block between.
    fn local(&mut self, value: &Value) -> SlotId {
        let home = self.blocks.iter().rposition(|block| block.id == value.block);
        let home = home.expect("a value is used in its block or further in");
        let name = self.blocks[home].builder.name_of(value.slot).clone();
        let mut outer = value.clone();
        for block in &mut self.blocks[home + 1..] {
            let key = (outer.block, outer.slot);
            let slot = *block.captured.entry(key).or_insert_with(|| {
                block.inputs.push(outer.clone());
                block.builder.input(&name, Takes::One(outer.ty.clone()))
            });
            outer = Value { slot, ty: outer.ty, block: block.id };
        }
        outer.slot
    }
}
