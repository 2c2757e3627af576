//! Functions of columns of every type: what comes in goes out.

use super::*;

fn column(ty: &Type, rows: &[Option<&str>]) -> Column {
    let mut builder = Builder::new(ty);
    for row in rows {
        match (row, ty) {
            (None, _) => builder.push_null(),
            (Some(text), Type::Text) => builder.push_text(text),
            (Some(text), Type::Bytes) => builder.push_binary(text.as_bytes()),
            (Some(text), _) => assert!(builder.push_decimal(text)),
        }
    }
    builder.finish()
}

#[test]
fn texts_share_and_make_their_bytes() {
    let rows = texts(&[Some("Ab"), None, Some(""), Some("äÖ")]);
    let ran =
        run(Expr::call(TextFunc::Concat, [Expr::call(TextFunc::Upper, [Expr::Input(0)]), Expr::Input(0)]), &[rows]);
    assert_eq!(ran.outputs[0], texts(&[Some("ABAb"), None, Some(""), Some("ÄÖäÖ")]));
}

#[test]
fn decimals_and_bytes() {
    let decimals = column(&scalar(DType::Decimal(5, 2)), &[Some("1.25"), None, Some("-999.99")]);
    let twice = Func::Arith { op: Arith::Add, on: OnFault::Refuse, to: DType::Decimal(5, 2) };
    let ran = run(Expr::call(twice, [Expr::Input(0), Expr::Input(0)]), std::slice::from_ref(&decimals));
    assert!(!ran.outputs[0].is_valid(2));
    assert_eq!(
        ran.faults,
        [None, None, Some("column `a`: expected a result that its type holds, got null".to_owned())]
    );
    let ran = run(Expr::call(Func::ToF64, [Expr::Input(0)]), &[decimals]);
    assert_eq!(ran.outputs[0], numbers(&[Some(1.25), None, Some(-999.99)]));

    let bytes = column(&Type::Bytes, &[Some("ab"), None]);
    let ran = run(Expr::call(TextFunc::Concat, [Expr::Input(0), Expr::Input(0)]), &[bytes]);
    assert_eq!(ran.outputs[0], column(&Type::Bytes, &[Some("abab"), None]));
}

#[test]
fn lists_go_in_and_out() {
    let rows = lists(&[Some(&[Some("b"), None, Some("a")]), None, Some(&[])]);
    let ran = run(Expr::call(ListFunc::Sort { ascending: true }, [Expr::Input(0)]), &[rows]);
    assert_eq!(ran.outputs[0], lists(&[Some(&[None, Some("a"), Some("b")]), None, Some(&[])]));
}

#[test]
fn vectors_are_handed_on() {
    let rows = || vectors(&[dense(&[1.0, -0.0]), None, sparse(3, &[1], &[0.0])]);
    let expr = Expr::call(Func::Coalesce, [Expr::Input(0), Expr::Input(1)]);
    let ran = run(expr, &[rows(), vectors(&[None, dense(&[2.0]), None])]);
    assert_eq!(ran.outputs[0], vectors(&[dense(&[1.0, -0.0]), dense(&[2.0]), sparse(3, &[1], &[0.0])]));
    let ran = run(Expr::call(Func::IsNull, [Expr::Input(0)]), &[rows()]);
    assert_eq!(ran.outputs[0], fixed::<u8>(DType::Bool, &[Some(0), Some(1), Some(0)]));
}

#[test]
fn feature_steps_see_decimals_as_doubles() {
    let decimals = column(&scalar(DType::Decimal(5, 2)), &[Some("1.25"), Some("3.00")]);
    let bucket = plan::EncodeOp::Bucket { splits: [0.0, 2.0, 4.0].into(), invalid: plan::Invalid::Error };
    let ran = run(bucket, &[decimals]);
    assert_eq!(ran.outputs[0], numbers(&[Some(0.0), Some(1.0)]));
}

#[test]
fn a_pattern_that_takes_too_many_steps_refuses_the_row() {
    let rows = texts(&[Some(&format!("{}!y", "x".repeat(60))), Some("axxyb")]);
    let slow = Pattern { engine: Arc::from("(x+x+)+(?>y)"), source: Arc::from("slow") };
    let ran = run_once(Expr::call(TextFunc::Matches(slow), [Expr::Input(0)]), &[rows]);
    assert!(ran.faults[0].as_ref().is_some_and(|f| f.contains("steps back")), "{:?}", ran.faults);
    assert_eq!(ran.faults[1], None);
}
