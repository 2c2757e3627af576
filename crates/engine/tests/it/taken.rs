//! What a formula takes over gives what the nodes would give by themselves, row for row and fault for fault.

use std::sync::Arc;

use model::{Batch, Builder, Column, Takes, Type};
use plan::{
    EncodeOp, Expr, FormulaOp, Func, Plan, PlanBuilder, VectorOp,
    formula::{Curve, Factor, Finish, Given, Shares, Term, Terms},
};

use crate::ways::{answer, check_all_ways, f64s, mark, servable};

fn linear(input: u32, coefficient: f64) -> Term {
    let factors = vec![Factor::Power { input, exponent: 1.0 }];
    Term::Product { coefficient, factors, product_first: false }
}

/// Three classes over a text, two scaled numbers and one as it is; with `shown`, what could be taken over is an output too.
fn plan(terms: Terms, shown: bool) -> Plan {
    let mut b = PlanBuilder::new();
    let kind = b.input("kind", Takes::One(Type::Text));
    let [x, y] = ["x", "y"].map(|name| b.input(name, Takes::One(Type::F64)));
    let place = b.node("place", EncodeOp::Place { labels: ["a", "b", "c"].map(Box::from).into() }, &[kind], "place");
    let less = Expr::call(Func::Sub, [Expr::Input(0), Expr::f64(2.5)]);
    let scaled = b.node("scaled", Expr::call(Func::Div, [less, Expr::f64(3.0)]), &[x], "scaled");
    let from = Expr::call(Func::Sub, [Expr::f64(1.0), Expr::call(Func::Mul, [Expr::f64(0.1), Expr::Input(0)])]);
    let from = Expr::call(Func::Div, [Expr::f64(7.0), Expr::call(Func::Add, [from, Expr::f64(0.5)])]);
    let from = b.node("from", from, &[x], "from");
    let inputs = [place, scaled, from, y];
    let made = b.node_many("terms", FormulaOp::Terms(Arc::new(terms)), &inputs, &["shares", "best"]);
    let elements = b.node_many("unpack", VectorOp::Unpack { size: 3 }, &made[..1], &["p", "q", "r"]);
    b.output("best", made[1]);
    for (name, slot) in ["p", "r"].into_iter().zip([elements[0], elements[2]]) {
        b.output(name, slot);
    }
    if shown {
        for (name, slot) in [("place", place), ("scaled", scaled), ("from", from), ("shares", made[0])] {
            b.output(name, slot);
        }
    }
    b.finish().expect("a plan")
}

fn terms(judged: bool, product: bool) -> Terms {
    let look = |values: [f64; 3]| Term::Look { input: 0, values: values.into(), skip_missing: true };
    let mut first = vec![look([0.5, -1.5, 0.1]), linear(1, 0.7), Term::constant(0.25)];
    if product {
        let factors = vec![Factor::Is { input: 0, code: 1 }, Factor::Power { input: 2, exponent: 2.0 }];
        first.push(Term::Product { coefficient: 0.3, factors, product_first: true });
    }
    let second = vec![linear(2, -0.9), linear(3, 0.11), look([0.0, 1.0, 2.0])];
    Terms {
        inputs: 4,
        single: false,
        judged: if judged { vec![true; 4] } else { Vec::new() },
        tables: vec![first, second, vec![linear(1, 0.2)]],
        offset: Some(Given::Input(1)),
        curve: Curve::Identity,
        trials: None,
        finish: Finish::Shares(Shares::SoftMax),
        refused: None,
    }
}

fn texts(rows: impl Iterator<Item = Option<&'static str>>) -> Column {
    let mut builder = Builder::new(&Type::Text);
    for row in rows {
        match row {
            Some(text) => builder.push_text(text),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

#[test]
fn a_formula_takes_over_without_a_trace() {
    const ROWS: usize = 700;
    let kinds = [Some("a"), Some("b"), Some("c"), Some("a text longer than a word"), None, Some("")];
    let number = |row: usize, by: usize| match row % by {
        3 => None,
        5 => Some(f64::NAN),
        7 => Some(f64::INFINITY),
        _ => Some((row * 37 % 101) as f64 / 7.0 - 5.0),
    };
    // Some rows have all they need, most of the others lack or spoil one thing.
    let kind = |row: usize| if row.is_multiple_of(2) { kinds[row % 3] } else { kinds[row % 6] };
    let mut batch = Batch::new(ROWS);
    batch.push(Arc::from("kind"), texts((0..ROWS).map(kind)));
    batch.push(Arc::from("x"), f64s((0..ROWS).map(|row| number(row, 29))));
    batch.push(Arc::from("y"), f64s((0..ROWS).map(|row| number(row, 31))));
    for (judged, product) in [(false, false), (false, true), (true, false), (true, true)] {
        let taken = check_all_ways(plan(terms(judged, product), false), &batch);
        let plain = answer(&servable(plan(terms(judged, product), true)), &batch);
        let mut live = 0;
        for row in 0..ROWS {
            assert_eq!(mark(&taken, row), mark(&plain, row), "row {row}, judged {judged}, product {product}");
            live += usize::from(mark(&taken, row) == "live");
            for name in ["best", "p", "r"] {
                let [a, b] = [&taken, &plain].map(|batch| batch.column(name).expect("an output"));
                assert!(a.row_eq(row, b, row), "{name} of row {row}, judged {judged}, product {product}");
            }
        }
        assert!(live > ROWS / 3 && (live < ROWS) == judged, "{live} rows live");
    }
}
