//! Every way to run a call: alone, in tiles, joined. All must give the same bits.

use std::sync::Arc;

use engine::{Servable, Workspace, compile::compile};
use model::{Batch, Builder, Call, Column, Mark, OnFault, Predictor, Reply, Type, Value};
use plan::{Model, Plan, Provenance, ValueType};

/// Returns the model of one plan.
pub fn servable(plan: Plan) -> Servable {
    Servable::new(&Model::single(plan, Provenance::default())).expect("the plan runs")
}

/// Returns the answer to a call with marked rows.
pub fn answer(servable: &Servable, batch: &Batch) -> Batch {
    let call = Call { batch: batch.clone(), on_fault: OnFault::MarkRow, ..Call::default() };
    match servable.call(call) {
        Reply::Now(answer) => answer.expect("an answer with marked rows"),
        Reply::Later(_) => panic!("compiled plans answer at once"),
    }
}

/// Runs the batch as one call, row by row, in pairs, in odd chunks, and joined with other rows; returns the one answer.
pub fn check_all_ways(plan: Plan, batch: &Batch) -> Batch {
    let rows = batch.rows();
    let servable = servable(plan);
    let whole = answer(&servable, batch);
    for chunk in [1, 2, 7, 8, 9, 300] {
        let mut start = 0;
        while start < rows {
            let len = chunk.min(rows - start);
            let part = answer(&servable, &batch.slice(start, len));
            assert_same(&whole, start, &part, 0, len, &format!("{len} rows from {start}"));
            start += len;
        }
    }
    if batch.values().iter().all(|(_, v)| matches!(v, Value::Column { .. })) {
        let joined = answer(&servable, &Batch::concat(&[batch.slice(rows / 2, rows - rows / 2), batch.clone()]));
        assert_same(&whole, 0, &joined, rows - rows / 2, rows, "joined behind others");
    }
    whole
}

fn assert_same(want: &Batch, want_start: usize, got: &Batch, got_start: usize, len: usize, how: &str) {
    for (name, value) in want.values() {
        let Value::Column { column, .. } = value else { continue };
        let other = got.column(name).expect("the same outputs");
        for row in 0..len {
            let (a, b) = (mark(want, want_start + row), mark(got, got_start + row));
            assert_eq!(a, b, "{how}: the mark of row {row}");
            if a == "live" {
                assert!(column.row_eq(want_start + row, other, got_start + row), "{how}: {name} of row {row}");
            }
        }
    }
}

/// Returns what became of a row, in words without its number.
pub fn mark(batch: &Batch, row: usize) -> String {
    match batch.domains()[0].mark(row) {
        Mark::Live => "live".to_owned(),
        Mark::Skipped => "skipped".to_owned(),
        Mark::Refused(fault) => fault.to_string(),
    }
}

/// Returns a column of float64 with nulls.
pub fn f64s(rows: impl IntoIterator<Item = Option<f64>>) -> Column {
    let mut builder = Builder::new(&Type::F64);
    for row in rows {
        match row {
            Some(x) => builder.push_fixed(x),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// Returns the float64 rows of a column.
pub fn to_f64s(column: &Column) -> Vec<Option<f64>> {
    let Column::Fixed(fixed) = column else { panic!("a column of numbers") };
    (0..fixed.len()).map(|row| fixed.is_valid(row).then(|| fixed.values::<f64>()[row])).collect()
}

/// Returns the program of the plan's default outputs.
pub fn program(plan: &Plan, types: &[ValueType]) -> Arc<engine::Program> {
    let types: Vec<Option<ValueType>> = types.iter().cloned().map(Some).collect();
    Arc::new(compile(plan, &types, None).expect("the plan runs"))
}

/// Returns the answer of a program in a fresh workspace.
pub fn predict(program: &engine::Program, batch: &Batch) -> Result<Batch, model::PredictError> {
    program.predict(&Call::new(batch.clone()), &mut Workspace::new())
}
