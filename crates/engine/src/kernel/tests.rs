//! What the tests of kernels share: an op run on columns, as a plan of one node.
//!
//! Every run is three: all rows in one call, each row alone, and the rows over and over until several tiles are full. The
//! three must agree bit for bit, so each test of a rule is a test of both schedules too.

use std::sync::Arc;

use arrow_buffer::ArrowNativeType;
use model::{Batch, Builder, Call, Column, DType, Fixed, Mark, OnFault, Takes, Type, column::Row};
use plan::{Op, Plan, PlanBuilder, ValueType};

use crate::{TILE_ROWS, compile::compile, program::Program, workspace::Workspace};

/// What became of the rows.
pub(crate) struct Ran {
    /// The node's outputs in order.
    pub outputs: Vec<Column>,
    /// Of each row: nothing, `skipped`, or why it is refused.
    pub faults: Vec<Option<String>>,
}

/// Runs an op on columns, which are called `a`, `b`, ...
pub(crate) fn run(op: impl Into<Op>, inputs: &[Column]) -> Ran {
    let op = op.into();
    let outputs = op.infer(&"step".into(), &types_of(inputs)).expect("an op that takes such columns").len();
    run_asked(op, inputs, &(0..outputs).collect::<Vec<_>>())
}

/// Runs an op of one output on columns of these types: of vectors, their size may be known.
pub(crate) fn run_typed(op: impl Into<Op>, inputs: &[Column], types: &[Type]) -> Ran {
    let types: Vec<ValueType> = types.iter().cloned().map(ValueType::rows).collect();
    run_program(&program(op.into(), inputs, &types, &[0]), inputs)
}

fn types_of(inputs: &[Column]) -> Vec<ValueType> {
    inputs.iter().map(|c| ValueType::rows(c.ty())).collect()
}

/// Runs an op of one output on columns, but once: for rows that are dear.
pub(crate) fn run_once(op: impl Into<Op>, inputs: &[Column]) -> Ran {
    call(&program(op.into(), inputs, &types_of(inputs), &[0]), inputs, &mut Workspace::new())
}

/// Runs an op for some of its outputs.
pub(crate) fn run_asked(op: impl Into<Op>, inputs: &[Column], asked: &[usize]) -> Ran {
    run_program(&program(op.into(), inputs, &types_of(inputs), asked), inputs)
}

fn run_program(program: &Program, inputs: &[Column]) -> Ran {
    let mut workspace = Workspace::new();
    let rows = inputs[0].len();
    let together = call(program, inputs, &mut workspace);
    for row in 0..rows {
        let alone: Vec<Column> = inputs.iter().map(|c| c.slice(row, 1)).collect();
        assert_same(&call(program, &alone, &mut workspace), 0, &together, row);
    }
    if rows > 0 {
        let times = (2 * TILE_ROWS + 37).div_ceil(rows);
        let tiles = call(program, &inputs.iter().map(|c| repeat(c, times)).collect::<Vec<_>>(), &mut workspace);
        (0..times * rows).for_each(|row| assert_same(&tiles, row, &together, row % rows));
    }
    together
}

fn program(op: Op, inputs: &[Column], types: &[ValueType], asked: &[usize]) -> Program {
    let count = op.infer(&"step".into(), types).expect("an op that takes such columns").len();
    let plan = plan_of(op, inputs, count);
    let names: Arc<[Arc<str>]> = asked.iter().map(|i| Arc::from(format!("out{i}"))).collect();
    let typed: Vec<Option<ValueType>> = types.iter().cloned().map(Some).collect();
    compile(&plan, &typed, Some(&names)).expect("a plan that compiles")
}

fn plan_of(op: Op, inputs: &[Column], outputs: usize) -> Plan {
    let mut builder = PlanBuilder::new();
    let slots: Vec<_> = (0..inputs.len()).map(|i| builder.input(&name(i), Takes::One(inputs[i].ty()))).collect();
    let names: Vec<String> = (0..outputs).map(|i| format!("out{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (slot, name) in builder.node_many("", op, &slots, &names).into_iter().zip(names) {
        builder.output(name, slot);
    }
    builder.finish().expect("an op whose parameters fit")
}

fn name(input: usize) -> String {
    char::from(b'a' + u8::try_from(input).expect("few inputs")).to_string()
}

fn call(program: &Program, inputs: &[Column], workspace: &mut Workspace) -> Ran {
    let mut batch = Batch::new(inputs[0].len());
    for (i, column) in inputs.iter().enumerate() {
        batch.push(name(i), column.clone());
    }
    let call = Call { on_fault: OnFault::MarkRow, ..Call::new(batch) };
    let answer = program.predict(&call, workspace).expect("faults are marked");
    let faults = (0..answer.rows()).map(|row| match answer.domains()[0].mark(row) {
        Mark::Live => None,
        Mark::Skipped => Some("skipped".to_owned()),
        Mark::Refused(fault) => Some(fault.to_string()),
    });
    let faults = faults.collect();
    let columns = program.outputs().map(|(name, _)| answer.column(name).expect("a column for each output").clone());
    Ran { outputs: columns.collect(), faults }
}

fn assert_same(a: &Ran, row: usize, b: &Ran, other: usize) {
    assert_eq!(a.faults[row], b.faults[other], "row {other}");
    for (x, y) in a.outputs.iter().zip(&b.outputs) {
        assert!(x.row_eq(row, y, other), "row {other}: {:?} and {:?}", x.slice(row, 1), y.slice(other, 1));
    }
}

fn repeat(column: &Column, times: usize) -> Column {
    let mut builder = Builder::new(&column.ty());
    (0..times).for_each(|_| builder.append(column));
    builder.finish()
}

/// Returns a column of float64.
pub(crate) fn numbers(rows: &[Option<f64>]) -> Column {
    fixed(DType::F64, rows)
}

/// Returns a column of numbers; `T` is the native type of the dtype.
pub(crate) fn fixed<T: ArrowNativeType>(dtype: DType, rows: &[Option<T>]) -> Column {
    if let Some(values) = rows.iter().copied().collect::<Option<Vec<T>>>() {
        return Column::Fixed(Fixed::from_vec(dtype, values));
    }
    let mut builder = Builder::new(&Type::scalar(dtype));
    for row in rows {
        match *row {
            Some(v) => builder.push_fixed(v),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// Returns a column of texts.
pub(crate) fn texts(rows: &[Option<&str>]) -> Column {
    Column::Text(rows.iter().copied().collect())
}

/// Returns a column of lists of texts.
pub(crate) fn lists(rows: &[Option<&[Option<&str>]>]) -> Column {
    let mut builder = Builder::new(&Type::list(Type::Text));
    for row in rows {
        let Some(items) = row else {
            builder.push_null();
            continue;
        };
        for item in *items {
            match item {
                Some(text) => builder.items().push_text(text),
                None => builder.items().push_null(),
            }
        }
        builder.end_list();
    }
    builder.finish()
}

/// Returns a column of vectors.
pub(crate) fn vectors(rows: &[Option<Row<'_>>]) -> Column {
    let mut builder = Builder::new(&Type::Vector { size: None });
    for row in rows {
        match *row {
            Some(v) => builder.push_vector(v),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// Returns a dense row for [`vectors`].
pub(crate) fn dense(values: &[f64]) -> Option<Row<'_>> {
    Some(Row::Dense(values))
}

/// Returns a sparse row for [`vectors`].
pub(crate) fn sparse<'a>(size: usize, indices: &'a [u32], values: &'a [f64]) -> Option<Row<'a>> {
    Some(Row::Sparse { size, indices, values })
}

/// Panics unless the row of the column is this one: bit for bit, but for the sign of a NaN that a sum or product made, which
/// is the machine's.
pub(crate) fn assert_row(column: &Column, row: usize, expected: Option<Row<'_>>) {
    let got = column.is_valid(row).then(|| match column {
        Column::Vector(vectors) => vectors.row(row),
        Column::Fixed(fixed) => Row::Dense(&fixed.values::<f64>()[row..=row]),
        _ => panic!("a column of vectors or of float64"),
    });
    let bits = |values: &[f64]| values.iter().map(|v| if v.is_nan() { f64::NAN } else { *v }.to_bits()).collect();
    let parts = |row: Row<'_>| -> (usize, Option<Vec<u32>>, Vec<u64>) {
        match row {
            Row::Dense(values) => (values.len(), None, bits(values)),
            Row::Sparse { size, indices, values } => (size, Some(indices.to_vec()), bits(values)),
        }
    };
    assert_eq!(got.map(parts), expected.map(parts), "row {row}: {got:?}, not {expected:?}");
}
