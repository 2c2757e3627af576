//! Expressions of any type, one row at a time: a tree whose arms are computed only where they are needed, so that an arm
//! not taken refuses nothing. What a row's functions make lies in one piece of memory that is emptied after each row.

use std::cell::Ref;

use bumpalo::Bump;
use model::{DType, Type};
use plan::{
    Expr, Func, Scalar,
    expr::{Arith, OnFault},
};

use super::{
    super::Site,
    arith::ArithKernel,
    cast::CastKernel,
    math::MathKernel,
    text::TextKernel,
    time::TimeKernel,
    value::{Fault, ITEMS_MAX, Out, Value, fault},
};
use crate::{
    error::CompileError,
    frame::{Cells, Env, Home, as_f64},
    store::{CellStore, Items, ListStore, Store, VectorStore},
};

/// Most inputs of one expression.
const INPUTS_MAX: usize = 512;

/// Inputs that need no room beside the stack.
const INPUTS_FEW: usize = 16;

/// Arguments that need no room beside the stack.
const ARGS_FEW: usize = 4;

/// Most memory of one row's functions; one of them alone may add as much as its own bound says.
const ROW_BYTES_MAX: usize = if cfg!(test) { 8 << 20 } else { 256 << 20 };

/// Memory that is kept from row to row.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Most bytes of all results of a run that are not of one fixed size.
const COLUMN_BYTES_MAX: usize = if cfg!(test) { 4 << 20 } else { 1 << 30 };

/// An expression, ready to run.
pub struct General {
    root: Node,
}

struct Node {
    kind: Kind,
    args: Box<[Node]>,
    /// The input that a fault is blamed on.
    blame: Option<u32>,
    /// Whether any argument that is null makes the result null.
    null_of_null: bool,
    divisor_first: bool,
    /// Whether it is a function of constants alone.
    is_folded: bool,
    /// Whether a [`Func::Refuse`] is in it, which no null beside it silences.
    refuses: bool,
}

enum Kind {
    Input(u32),
    Const(Constant),
    And,
    Or,
    Not,
    IsNull,
    Coalesce,
    If,
    IfKnown,
    Case,
    In,
    Refuse(&'static str),
    Compare(plan::expr::Compare),
    ToF64(DType),
    /// A function of plain numbers, on cells of this dtype.
    Plain(super::fast::Plain, DType),
    Arith(ArithKernel),
    Cast(CastKernel),
    Math(MathKernel),
    Text(Box<TextKernel>),
    Time(TimeKernel),
    List(plan::expr::ListFunc),
    Stat(plan::expr::Stat),
}

/// A constant, in the form of [`Value`].
enum Constant {
    Plain(Value<'static>),
    Text(std::sync::Arc<str>),
    Bytes(std::sync::Arc<[u8]>),
}

/// What a row's evaluation sees.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    inputs: &'a [Reader<'a>],
    row: usize,
    pub bump: &'a Bump,
}

/// An input, to read rows from.
enum Reader<'a> {
    None,
    Cells(Cells<'a>),
    Store(Ref<'a, Store>),
}

// === impl General ===

impl General {
    pub(super) fn new(expr: &Expr, site: &Site<'_>) -> Result<General, CompileError> {
        let refuse = |what: String| CompileError::Unimplemented(format!("{what} in {}", site.step));
        if site.inputs.len() > INPUTS_MAX {
            return Err(refuse(format!("an expression of more than {INPUTS_MAX} columns")));
        }
        let types: Vec<Type> = site.inputs.iter().map(|i| i.ty.clone()).collect();
        let root = node(expr, &types, site)?;
        Ok(General { root })
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], out: Home) {
        if inputs.len() <= INPUTS_FEW {
            let mut readers: [Reader<'_>; INPUTS_FEW] = std::array::from_fn(|_| Reader::None);
            return self.run_rows(env, inputs, out, &mut readers);
        }
        let mut readers: Vec<Reader<'_>> = (0..inputs.len()).map(|_| Reader::None).collect();
        self.run_rows(env, inputs, out, &mut readers)
    }

    fn run_rows<'f>(&self, env: &Env<'f>, inputs: &[Home], out: Home, readers: &mut [Reader<'f>]) {
        let frame = env.frame;
        for (i, home) in inputs.iter().enumerate() {
            readers[i] = match home {
                Home::Cells { .. } => Reader::Cells(frame.cells(*home)),
                Home::Store(_) => Reader::Store(frame.store_ref(*home)),
            };
        }
        let mut scratch = frame.scratch();
        let bump = &mut scratch.bump;
        match out {
            Home::Cells { .. } => {
                let cells = frame.cells(out);
                frame.each_live(|row| {
                    let value = self.value(env, readers, row, bump);
                    cells.set(row, value.and_then(cell));
                    empty(bump);
                });
            }
            Home::Store(_) => {
                let store = &mut *frame.store_mut(out);
                clear(store);
                let mut left = COLUMN_BYTES_MAX;
                for row in 0..frame.rows() {
                    let mut value = if frame.is_live(row) { self.value(env, readers, row, bump) } else { None };
                    match value.map_or(Some(left), |value| left.checked_sub(bytes(value))) {
                        Some(rest) => left = rest,
                        None => {
                            let kind = model::FaultKind::Rule("results of all rows together of at most 1 GiB");
                            env.refuse(row, 0, kind, model::FaultValue::Size((COLUMN_BYTES_MAX - left) as u64));
                            value = None;
                        }
                    }
                    push(store, value.unwrap_or(Value::Null));
                    empty(bump);
                }
            }
        }
    }

    /// Returns the row's value; nothing where the row is refused now.
    fn value<'a>(&'a self, env: &Env<'_>, readers: &'a [Reader<'a>], row: usize, bump: &'a Bump) -> Option<Value<'a>> {
        match self.root.eval(Cx { inputs: readers, row, bump }) {
            Ok(value) => Some(value),
            Err(fault) => {
                env.refuse(row, fault.input.unwrap_or(u32::MAX) as usize, fault.kind, fault.value);
                None
            }
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn value<'a>(&'a self, row: usize, bump: &'a Bump) -> Value<'a> {
        match self {
            Reader::Cells(cells) => cells.get(row).map_or(Value::Null, |cell| of_cell(cells.dtype, cell)),
            Reader::Store(store) => match &**store {
                Store::Text(texts) if texts.is_valid(row) => Value::Text(texts.text(row)),
                Store::Bytes(bytes) if bytes.is_valid(row) => Value::Bytes(bytes.row_bytes(row)),
                Store::Wide(decimals) => Value::of(decimals.get(row)),
                Store::List(lists) => list(lists, row, bump),
                Store::Text(_) | Store::Bytes(_) => Value::Null,
                Store::Vector(vectors) if vectors.is_valid(row) => Value::Vector(bump.alloc(vectors.row(row))),
                Store::Vector(_) => Value::Null,
                Store::Whole(_) => unreachable!("a whole value is no column"),
            },
            Reader::None => unreachable!("an expression names its own inputs"),
        }
    }
}

fn list<'a>(lists: &'a ListStore, row: usize, bump: &'a Bump) -> Value<'a> {
    if !lists.is_valid(row) {
        return Value::Null;
    }
    let range = lists.range(row);
    let item = |i: usize| match &lists.items {
        Items::Text(texts) if texts.is_valid(i) => Value::Text(texts.text(i)),
        Items::Bytes(bytes) if bytes.is_valid(i) => Value::Bytes(bytes.row_bytes(i)),
        Items::Text(_) | Items::Bytes(_) => Value::Null,
        Items::Cells(CellStore { dtype, cells, valid }) => {
            if valid.get(i) {
                of_cell(*dtype, cells[i])
            } else {
                Value::Null
            }
        }
        Items::Wide(decimals) => Value::of(decimals.get(i)),
        Items::List(inner) => list(inner, i, bump),
        Items::Vector(vectors) if vectors.is_valid(i) => Value::Vector(bump.alloc(vectors.row(i))),
        Items::Vector(_) => Value::Null,
    };
    Value::List(bump.alloc_slice_fill_iter(range.map(item)))
}

fn of_cell<'a>(dtype: DType, cell: u64) -> Value<'a> {
    match dtype {
        DType::F64 => Value::F64(f64::from_bits(cell)),
        DType::F32 => Value::F32(f32::from_bits(cell as u32)),
        _ => Value::Int(cell as i64),
    }
}

fn cell(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Null => None,
        Value::Int(value) => Some(value as u64),
        Value::F64(value) => Some(value.to_bits()),
        Value::F32(value) => Some(value.to_bits().into()),
        _ => unreachable!("compiled for cells"),
    }
}

fn clear(store: &mut Store) {
    match store {
        Store::Text(s) | Store::Bytes(s) => s.clear(),
        Store::Wide(s) => s.clear(),
        Store::List(s) => s.clear(),
        Store::Vector(s) => s.clear(),
        Store::Whole(_) => unreachable!("a whole value is no column"),
    }
}

fn push(store: &mut Store, value: Value<'_>) {
    match (store, value) {
        (Store::Text(s), Value::Text(text)) => s.push(text),
        (Store::Bytes(s), Value::Bytes(bytes)) => s.push_bytes(Some(bytes)),
        (Store::Text(s) | Store::Bytes(s), _) => s.push_null(),
        (Store::Wide(s), Value::Wide(value)) => s.push(Some(value)),
        (Store::Wide(s), _) => s.push(None),
        (Store::List(s), value) => push_list(s, value),
        (Store::Vector(s), value) => push_vector(s, value),
        (Store::Whole(_), _) => unreachable!("a whole value is no column"),
    }
}

/// Returns the bytes that a value takes in a store, about.
fn bytes(value: Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(|&item| 8 + bytes(item)).sum(),
        Value::Vector(row) => 8 * row.size(),
        _ => 8,
    }
}

/// Forgets what a row's functions made.
fn empty(bump: &mut Bump) {
    bump.reset();
    if bump.allocated_bytes() > KEPT_BYTES_MAX {
        *bump = Bump::new();
    }
}

#[cold]
fn row_too_large(bytes: usize) -> Box<Fault> {
    fault("functions of one row that need at most 256 MiB", model::FaultValue::Size(bytes as u64))
}

fn push_vector(vectors: &mut VectorStore, value: Value<'_>) {
    match value {
        Value::Vector(row) => vectors.push(*row),
        _ => vectors.push_null(),
    }
}

fn push_list(lists: &mut ListStore, value: Value<'_>) {
    let Value::List(items) = value else { return lists.push_null() };
    for &item in items {
        match (&mut lists.items, item) {
            (Items::Text(s), Value::Text(text)) => s.push(text),
            (Items::Bytes(s), Value::Bytes(bytes)) => s.push_bytes(Some(bytes)),
            (Items::Text(s) | Items::Bytes(s), _) => s.push_null(),
            (Items::Wide(s), Value::Wide(value)) => s.push(Some(value)),
            (Items::Wide(s), _) => s.push(None),
            (Items::Cells(s), item) => s.push(cell(item)),
            (Items::List(s), item) => push_list(s, item),
            (Items::Vector(s), item) => push_vector(s, item),
        }
    }
    lists.end();
}

// === impl Node ===

fn node(expr: &Expr, types: &[Type], site: &Site<'_>) -> Result<Node, CompileError> {
    let (func, args) = match expr {
        Expr::Input(i) => return Ok(Node::leaf(Kind::Input(*i), Some(*i))),
        Expr::Const(scalar) => return Ok(Node::leaf(Kind::Const(constant(scalar)), None)),
        Expr::Call(func, args) => (func, args),
    };
    let arg_types: Vec<Type> = args.iter().map(|a| a.ty(types).expect("inferred before it is compiled")).collect();
    let kind = kind(func, &arg_types, args, site)?;
    let args = args.iter().map(|a| node(a, types, site)).collect::<Result<Box<[Node]>, _>>()?;
    // What refuses a quotient is nearly always its divisor.
    let divides = matches!(func, Func::Arith { op: Arith::Div | Arith::IntDiv | Arith::Rem | Arith::Pmod, .. });
    let divisor = args.last().filter(|_| divides).and_then(|a| a.blame);
    let blame = divisor.or_else(|| args.iter().find_map(|a| a.blame));
    let null_of_null = kind.is_null_of_null();
    let is_folded = args.iter().all(|arg| arg.is_folded || matches!(arg.kind, Kind::Const(_)));
    let refuses = matches!(kind, Kind::Refuse(_)) || args.iter().any(|arg| arg.refuses);
    Ok(Node { kind, args, blame, null_of_null, divisor_first: divides, is_folded, refuses })
}

fn kind(func: &Func, types: &[Type], args: &[Expr], site: &Site<'_>) -> Result<Kind, CompileError> {
    let dtype = types.first().and_then(Type::as_scalar);
    Ok(match func {
        Func::And => Kind::And,
        Func::Or => Kind::Or,
        Func::Not => Kind::Not,
        Func::IsNull => Kind::IsNull,
        Func::Coalesce => Kind::Coalesce,
        Func::If => Kind::If,
        Func::IfKnown => Kind::IfKnown,
        Func::Case => Kind::Case,
        Func::In => Kind::In,
        Func::Refuse(text, _) => Kind::Refuse(text),
        Func::Compare(op) => Kind::Compare(*op),
        Func::ToF64 => Kind::ToF64(dtype.expect("typed as a number")),
        Func::Arith { op, on, to } => Kind::Arith(ArithKernel::new(*op, *on, *to, types)),
        Func::Cast(cast) => Kind::Cast(CastKernel::new(cast, &types[0], site)?),
        Func::Math(f) => Kind::Math(MathKernel::new(*f, types)),
        Func::Text(f) => Kind::Text(Box::new(TextKernel::new(f, types, args, site)?)),
        Func::Time(f) => Kind::Time(TimeKernel::new(f, types, site)?),
        Func::List(f) => Kind::List(*f),
        Func::Stat(f) => Kind::Stat(*f),
        Func::Part(_) => return Err(CompileError::Unimplemented(format!("parts of structs in {}", site.step))),
        other => {
            let plain = super::fast::plain(other).expect("all others were named");
            Kind::Plain(plain, dtype.expect("typed as a number"))
        }
    })
}

fn constant(scalar: &Scalar) -> Constant {
    Constant::Plain(match scalar {
        Scalar::Null(_) => Value::Null,
        Scalar::Bool(b) => Value::bool(*b),
        Scalar::I8(i) => Value::Int((*i).into()),
        Scalar::I16(i) => Value::Int((*i).into()),
        Scalar::I32(i) | Scalar::Date(i) => Value::Int((*i).into()),
        Scalar::I64(i) | Scalar::Timestamp(i) => Value::Int(*i),
        Scalar::F32(x) => Value::F32(*x),
        Scalar::F64(x) => Value::F64(*x),
        Scalar::Decimal { value, .. } => Value::Wide(*value),
        Scalar::Text(text) => return Constant::Text(text.clone()),
        Scalar::Bytes(bytes) => return Constant::Bytes(bytes.clone()),
    })
}

impl Kind {
    fn is_null_of_null(&self) -> bool {
        use plan::expr::{Compare, ListFunc, Math, TextFunc};
        match self {
            Kind::Not | Kind::ToF64(_) | Kind::Plain(..) | Kind::Arith(_) | Kind::Cast(_) | Kind::Time(_) => true,
            Kind::Compare(op) => !matches!(op, Compare::Same | Compare::Order),
            Kind::Math(f) => !matches!(f.func(), Math::Greatest | Math::Least | Math::IsNaN | Math::NaNvl),
            Kind::Text(f) => {
                !matches!(f.func(), TextFunc::ConcatWs | TextFunc::Locate | TextFunc::Murmur3 | TextFunc::XxHash64)
            }
            Kind::List(f) => !matches!(
                f,
                ListFunc::Array | ListFunc::Size { .. } | ListFunc::Join | ListFunc::Insert | ListFunc::Repeat
            ),
            _ => false,
        }
    }
}

impl Node {
    fn leaf(kind: Kind, blame: Option<u32>) -> Node {
        Node {
            kind,
            args: [].into(),
            blame,
            null_of_null: false,
            divisor_first: false,
            is_folded: false,
            refuses: false,
        }
    }

    fn eval<'a>(&'a self, cx: Cx<'a>) -> Out<'a> {
        let args = &self.args;
        match &self.kind {
            Kind::Input(i) => Ok(cx.inputs[*i as usize].value(cx.row, cx.bump)),
            Kind::Const(Constant::Plain(value)) => Ok(*value),
            Kind::Const(Constant::Text(text)) => Ok(Value::Text(text)),
            Kind::Const(Constant::Bytes(bytes)) => Ok(Value::Bytes(bytes)),
            Kind::And => self.and(cx, 0),
            Kind::Or => self.and(cx, 1),
            Kind::IsNull => Ok(Value::bool(args[0].eval(cx)?.is_null())),
            Kind::Coalesce => {
                for arg in args {
                    let value = arg.eval(cx)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Kind::If => if args[0].eval(cx)?.is_true() { &args[1] } else { &args[2] }.eval(cx),
            Kind::IfKnown => match args[0].eval(cx)? {
                Value::Null => Ok(Value::Null),
                test => if test.is_true() { &args[1] } else { &args[2] }.eval(cx),
            },
            Kind::Case => {
                let (arms, rest) = args.as_chunks::<2>();
                for [test, arm] in arms {
                    if test.eval(cx)?.is_true() {
                        return arm.eval(cx);
                    }
                }
                rest.first().map_or(Ok(Value::Null), |arm| arm.eval(cx))
            }
            Kind::In => self.is_in(cx),
            Kind::Math(f) if f.func() == plan::expr::Math::NaNvl => match args[0].eval(cx)? {
                value if value.is_null() || !value.f64().is_nan() => Ok(value),
                _ => args[1].eval(cx),
            },
            Kind::Refuse(expected) => {
                let value = args.first().map_or(Ok(Value::Null), |arg| arg.eval(cx))?;
                let mut fault = fault(expected, value.shown());
                fault.input = self.blame;
                Err(fault)
            }
            _ => self.strict(cx),
        }
    }

    /// Returns the value, which is known before all arguments are; but what of them Spark computes before all rows, as it is a
    /// function of constants alone, may refuse them all.
    fn known<'a>(&'a self, value: Value<'a>, cx: Cx<'a>) -> Out<'a> {
        if !self.is_folded {
            self.args.iter().filter(|arg| arg.is_folded).try_for_each(|arg| arg.eval(cx).map(drop))?;
        }
        Ok(value)
    }

    /// Evaluates a function of its arguments' values: in their order, or the divisor first. Where a null is enough for null,
    /// what comes after it is not evaluated, and refuses nothing.
    fn strict<'a>(&'a self, cx: Cx<'a>) -> Out<'a> {
        let mut few = [Value::Null; ARGS_FEW];
        let count = self.args.len();
        let values = match few.get_mut(..count) {
            Some(few) => few,
            None => cx.bump.alloc_slice_fill_copy(count, Value::Null),
        };
        for i in 0..count {
            let i = if self.divisor_first { count - 1 - i } else { i };
            values[i] = self.args[i].eval(cx)?;
            if self.null_of_null && values[i].is_null() {
                self.args.iter().filter(|arg| arg.refuses).try_for_each(|arg| arg.eval(cx).map(drop))?;
                return self.known(Value::Null, cx);
            }
        }
        let value = self.call(values, cx).and_then(|value| match cx.bump.allocated_bytes() {
            held if held > ROW_BYTES_MAX => Err(row_too_large(held)),
            _ => Ok(value),
        });
        value.map_err(|mut fault| {
            fault.input = fault.input.or(self.blame);
            fault
        })
    }

    /// Three-valued: `decides` (0 for and, 1 for or) on either side is the result.
    fn and<'a>(&'a self, cx: Cx<'a>, decides: i64) -> Out<'a> {
        let first = self.args[0].eval(cx)?;
        if matches!(first, Value::Int(value) if value == decides) {
            return self.known(first, cx);
        }
        let second = self.args[1].eval(cx)?;
        match second {
            Value::Int(value) if value == decides => Ok(second),
            _ => Ok(if first.is_null() { first } else { second }),
        }
    }

    fn is_in<'a>(&'a self, cx: Cx<'a>) -> Out<'a> {
        let value = self.args[0].eval(cx)?;
        if value.is_null() {
            return self.known(Value::Null, cx);
        }
        let mut answer = Value::Int(0);
        for arg in &self.args[1..] {
            let other = arg.eval(cx)?;
            if other.is_null() {
                answer = Value::Null;
            } else if value.same(other) {
                return self.known(Value::Int(1), cx);
            }
        }
        Ok(answer)
    }

    fn call<'a>(&'a self, args: &[Value<'a>], cx: Cx<'a>) -> Out<'a> {
        match &self.kind {
            Kind::Math(f) => return f.call(args, cx.bump),
            Kind::Text(f) => return f.call(args, cx.bump),
            Kind::List(f) => return super::list::call(*f, args, cx.bump),
            Kind::Stat(f) => return Ok(super::stat::call(*f, args, cx.bump)),
            Kind::Compare(op) => return Ok(compare(*op, args[0], args[1])),
            _ => {}
        }
        if args.iter().any(|v| v.is_null()) {
            return Ok(Value::Null);
        }
        match &self.kind {
            Kind::Not => Ok(Value::Int(args[0].int() ^ 1)),
            Kind::ToF64(dtype) => Ok(Value::F64(to_f64(*dtype, args[0]))),
            Kind::Plain(func, dtype) => {
                let cells = [cell(args[0]), args.get(1).and_then(|v| cell(*v))];
                let value = super::fast::call(*func, *dtype, &cells[..args.len()]);
                let gives = super::fast::gives(*func, *dtype);
                Ok(value.map_or(Value::Null, |cell| of_cell(gives, cell)))
            }
            Kind::Arith(f) => f.call(args),
            Kind::Cast(f) => f.call(args[0], cx.bump),
            Kind::Time(f) => f.call(args, cx.bump),
            _ => unreachable!("evaluated before"),
        }
    }
}

pub(super) fn to_f64(dtype: DType, value: Value<'_>) -> f64 {
    match value {
        Value::Int(value) => as_f64(dtype, value as u64),
        Value::Wide(value) => match dtype {
            DType::Decimal(_, scale) => model::decimal::to_f64(value, scale),
            _ => unreachable!("typed as a decimal"),
        },
        value => value.f64(),
    }
}

fn compare<'a>(op: plan::expr::Compare, a: Value<'a>, b: Value<'a>) -> Value<'a> {
    use plan::expr::Compare;
    let order = a.order(b);
    Value::bool(match op {
        Compare::Same => order.is_eq(),
        Compare::Order => return Value::Int(order as i64),
        _ if a.is_null() || b.is_null() => return Value::Null,
        Compare::Lt => order.is_lt(),
        Compare::Le => order.is_le(),
        Compare::Gt => order.is_gt(),
        Compare::Ge => order.is_ge(),
        Compare::Eq => order.is_eq(),
        Compare::Ne => order.is_ne(),
    })
}

/// Returns null, or refuses the row.
#[cold]
pub(super) fn on_fault<'a>(on: OnFault, expected: &'static str, value: Value<'_>) -> Out<'a> {
    match on {
        OnFault::Refuse => Err(fault(expected, value.shown())),
        OnFault::Null | OnFault::Wrap => Ok(Value::Null),
    }
}

/// Bounds the items of a list that is being made.
pub(super) fn items_within(count: usize) -> Result<(), Box<Fault>> {
    if count <= ITEMS_MAX {
        return Ok(());
    }
    Err(fault("a list of at most 4,194,304 items", model::FaultValue::Size(count as u64)))
}
