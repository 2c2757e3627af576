//! `Predictor` by whoever answers: here the compiled plan. (The fake and the policies stand in `gateway`.)

use model::{Batch, Call, Column, Predictor, Takes, Text, Type};
use plan::{PlanBuilder, Split, TextOp};

use crate::ways::servable;

#[test]
fn what_nobody_asks_is_not_computed() {
    let mut b = PlanBuilder::new();
    let text = b.input("text", Takes::One(Type::Text));
    let other = b.input("other", Takes::One(Type::Text));
    let split = TextOp::Split { by: Split::Whitespace, lower: false, chars_min: 0 };
    let a = b.node("a", split.clone(), &[text], "a");
    let c = b.node("c", split, &[other], "c");
    b.output("a", a);
    b.output("c", c);
    let servable = servable(b.finish().expect("a plan"));
    let mut batch = Batch::new(1);
    batch.push("text", Column::Text([Some("x y")].into_iter().collect::<Text>()));
    let ask = |outputs: Option<&[&str]>| {
        let outputs = outputs.map(|names| names.iter().map(|n| (*n).into()).collect());
        let call = Call { outputs, ..Call::new(batch.clone()) };
        servable.call(call).now().map_err(|_| ()).expect("compiled plans answer at once")
    };
    assert_eq!(ask(Some(&["a"])).map(|b| b.values().len()), Ok(1));
    let mut with_numbers = batch.clone();
    with_numbers.push("other", crate::ways::f64s([Some(1.0)]));
    let asked = Call { outputs: Some(["a".into()].into()), ..Call::new(with_numbers) };
    let asked = servable.call(asked).now().map_err(|_| ()).expect("compiled plans answer at once");
    assert!(asked.is_ok(), "what is not needed need not fit: {asked:?}");
    let missing = ask(None).expect_err("`other` is not there");
    assert!(missing.to_string().contains("column `other`"), "{missing}");
    let unknown = ask(Some(&["b"])).expect_err("no such output");
    assert!(unknown.to_string().contains("a, c"), "{unknown}");
}
