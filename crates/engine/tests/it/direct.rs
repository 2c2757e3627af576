//! Features reckoned straight from single columns are those that the plan's vectors would give, row for row and fault for fault.

use engine::Servable;
use model::{Batch, Builder, Column, Takes, Type, column::Row};
use plan::{Compressed, EncodeOp, FeatureOp, Interacting, Invalid, Plan, PlanBuilder, SlotId, VectorOp};

use crate::ways::{answer, check_all_ways, f64s, mark, servable};

/// What a plan is made with.
#[derive(Clone, Copy, Debug)]
struct Made {
    categories: u32,
    invalid: Invalid,
    /// Whether the vectors can be seen through.
    clear: bool,
    /// Whether vectors are outputs too.
    shown: bool,
    form: Compressed,
}

/// Numbers, one-hot vectors and products side by side.
fn plan(made: Made) -> Plan {
    let mut b = PlanBuilder::new();
    let [kind, plan, x] = ["kind", "plan", "x"].map(|name| b.input(name, Takes::One(Type::F64)));
    let count = b.input("count", Takes::One(Type::I64));
    let one_hot = |categories, drop_last| EncodeOp::OneHot { categories, drop_last, invalid: made.invalid };
    let part = |categories: Option<u32>| Interacting {
        size: None,
        categories: categories.map(|count| (0, count)).into_iter().collect(),
    };
    let form = made.form;
    let pair = FeatureOp::Interact { parts: vec![part(None), part(Some(made.categories))], form };
    let triple = FeatureOp::Interact { parts: vec![part(Some(made.categories)), part(Some(3)), part(None)], form };
    let products = FeatureOp::Interact { parts: vec![part(None), part(None), part(None)], form };
    let vectors: [(&str, SlotId); 5] = [
        ("pair", b.node("pair", pair, &[x, kind], "pair")),
        ("products", b.node("products", products, &[x, count, x], "products")),
        ("kind hot", b.node("kind hot", one_hot(made.categories, true), &[kind], "kind hot")),
        ("plan hot", b.node("plan hot", one_hot(3, false), &[plan], "plan hot")),
        ("triple", b.node("triple", triple, &[kind, plan, x], "triple")),
    ];
    let mut parts = vec![count, x];
    for (name, slot) in vectors {
        let same = VectorOp::Standardize { shift: None, scale: None };
        parts.push(if made.clear {
            slot
        } else {
            b.node(&format!("same {name}"), same, &[slot], &format!("same {name}"))
        });
        if made.shown {
            b.output(name, slot);
        }
    }
    parts.push(x);
    let assemble = VectorOp::Assemble { sizes: vec![None; parts.len()], invalid: made.invalid, form };
    let features = b.node("features", assemble, &parts, "features");
    b.output("features", features);
    b.finish().expect("a plan")
}

/// Returns rows whose values are drawn from these.
fn rows(rows: usize, kinds: &[Option<f64>], numbers: &[Option<f64>]) -> Batch {
    let mut state = 7u64;
    let mut draw = |from: &[Option<f64>]| {
        let values = (0..rows).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            from[(state >> 33) as usize % from.len()]
        });
        f64s(values.collect::<Vec<_>>())
    };
    let mut batch = Batch::new(rows);
    for (name, from) in [("kind", kinds), ("plan", kinds), ("x", numbers)] {
        batch.push(name, draw(from));
    }
    let mut counts = Builder::new(&Type::I64);
    (0..rows).for_each(|row| if row % 97 == 5 { counts.push_null() } else { counts.push_fixed(row as i64 % 5 - 2) });
    batch.push("count", counts.finish());
    batch
}

fn check(made: Made, batch: &Batch) -> Batch {
    let direct = check_all_ways(plan(made), batch);
    let plain: Servable = servable(plan(Made { clear: false, ..made }));
    let plain = answer(&plain, batch);
    for (name, _) in direct.values() {
        let [a, b] = [&direct, &plain].map(|batch| batch.column(name).expect("the same outputs"));
        for row in 0..batch.rows() {
            assert_eq!(mark(&direct, row), mark(&plain, row), "{made:?}: the mark of row {row}");
            assert!(a.row_eq(row, b, row), "{made:?}: {name} of row {row}");
        }
    }
    direct
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn plain_rows() {
    for categories in [3, 300] {
        let batch = rows(700, &some(&[0.0, 1.0, 2.0, -0.0]), &some(&[1.5, -0.0, 0.0, -3.25, f64::INFINITY, 1e-300]));
        for (shown, form) in [(true, Compressed::Plain), (false, Compressed::Plain), (false, Compressed::Headed)] {
            check(Made { categories, invalid: Invalid::Error, clear: true, shown, form }, &batch);
        }
    }
}

#[test]
fn rows_of_which_some_are_refused_dropped_or_kept() {
    let kinds = [Some(0.0), Some(1.0), Some(2.0), Some(0.5), Some(3.0), Some(-1.0), Some(-0.25), Some(f64::NAN), None];
    let numbers = [Some(2.5), Some(0.0), Some(-0.0), Some(f64::NAN), Some(f64::NEG_INFINITY), None];
    for strange in [false, true] {
        // Once rows are refused by all parts, once by few.
        let kinds = if strange { &kinds[..] } else { &kinds[..4] };
        let batch = rows(500, kinds, if strange { &numbers } else { &numbers[..2] });
        for categories in [3, 300] {
            for invalid in [Invalid::Error, Invalid::Skip, Invalid::Keep] {
                for shown in [true, false] {
                    check(Made { categories, invalid, clear: true, shown, form: Compressed::default() }, &batch);
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_entries_of_its_parts() {
    let batch = rows(1, &some(&[2.0]), &some(&[1.5]));
    let out = check(
        Made { categories: 300, invalid: Invalid::Error, clear: true, shown: false, form: Compressed::default() },
        &batch,
    );
    let Some(Column::Vector(features)) = out.column("features") else { panic!("vectors") };
    // count is -2; the place of `kind` in `triple` is 2, that of `plan` too.
    let (pair, products, kind, plan) = (2, 2 + 300, 303, 303 + 299);
    let triple = plan + 3;
    let indices = [0, 1, pair + 2, products, kind + 2, plan + 2, triple + 2 * 3 + 2, triple + 900];
    let values = [-2.0, 1.5, 1.5, -4.5, 1.0, 1.0, 1.5, 1.5];
    assert_eq!(features.row(0), Row::Sparse { size: triple as usize + 901, indices: &indices, values: &values });
}
