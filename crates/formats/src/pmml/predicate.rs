//! PREDICATEs (Trees, 4.4): tests of fields, in the logic of three values, in which a missing field is unknown.
//!
//! Two forms: [`lower`] makes a truth value of the plan, for what runs only where a predicate is true; [`Asker`] collects the
//! predicates of a tree, a set of rules or a scorecard in one table ([`plan::op::decide`]) over numbers and categories. A
//! predicate's value is read as the field's type: "1.0" is 1 of an integer, and a float's threshold is rounded to 32 bits.

use plan::{
    Expr, Func, Scalar,
    expr::Compare,
    op::decide::{Join, Order},
};

use super::{
    array,
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::{Element, parse_number},
};

mod asker;

pub use asker::Asker;

/// Returns whether an element of this name is a predicate.
pub fn is_predicate(name: &str) -> bool {
    matches!(name, "SimplePredicate" | "SimpleSetPredicate" | "CompoundPredicate" | "True" | "False")
}

/// Returns the predicate inside of an element.
pub fn inside(element: Element<'_>) -> Result<Element<'_>, Fault> {
    let found = element.children().find(|e| is_predicate(e.name()));
    found.ok_or_else(|| element.fault("content", "a predicate", "none"))
}

/// Returns whether a predicate is always true.
pub fn is_true(predicate: Element<'_>) -> bool {
    predicate.name() == "True"
}

/// Returns the truth of a predicate: null where it is unknown.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<Value, Fault> {
    let mut inputs = Vec::new();
    let expr = expr(cx, scope, element, &mut inputs)?;
    let inputs: Vec<&Value> = inputs.iter().collect();
    cx.expr(element, expr, &inputs, "predicate")
}

/// What the operator of a `SimplePredicate` asks.
#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Missing { negated: bool },
    Compare(Order),
}

impl Operator {
    fn of(element: Element<'_>) -> Result<Operator, Fault> {
        Ok(match element.required("operator")? {
            "equal" => Operator::Compare(Order::Equal),
            "notEqual" => Operator::Compare(Order::Unequal),
            "lessThan" => Operator::Compare(Order::Less),
            "lessOrEqual" => Operator::Compare(Order::AtMost),
            "greaterThan" => Operator::Compare(Order::Greater),
            "greaterOrEqual" => Operator::Compare(Order::AtLeast),
            "isMissing" => Operator::Missing { negated: false },
            "isNotMissing" => Operator::Missing { negated: true },
            other => return Err(element.fault("attribute operator", "an operator of a SimplePredicate", other)),
        })
    }
}

/// Returns how the operands of a `CompoundPredicate` are joined.
fn join_of(element: Element<'_>) -> Result<Join, Fault> {
    Ok(match element.required("booleanOperator")? {
        "and" => Join::All,
        "or" => Join::Any,
        "xor" => Join::Odd,
        "surrogate" => Join::FirstKnown,
        other => return Err(element.fault("attribute booleanOperator", "and, or, xor or surrogate", other)),
    })
}

/// Returns the operands of a `CompoundPredicate`.
fn operands(element: Element<'_>) -> Result<Vec<Element<'_>>, Fault> {
    let operands: Vec<_> = element.children().filter(|e| is_predicate(e.name())).collect();
    if operands.is_empty() { Err(element.fault("content", "predicates", "none")) } else { Ok(operands) }
}

/// Returns whether a `SimpleSetPredicate` asks for values that are not in its set.
fn is_negated(element: Element<'_>) -> Result<bool, Fault> {
    match element.required("booleanOperator")? {
        "isIn" => Ok(false),
        "isNotIn" => Ok(true),
        other => Err(element.fault("attribute booleanOperator", "isIn or isNotIn", other)),
    }
}

/// Returns the truth of a predicate over these inputs, to which it adds what it needs.
fn expr<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    element: Element<'d>,
    inputs: &mut Vec<Value>,
) -> Result<Expr, Fault> {
    match element.name() {
        "True" => Ok(Expr::Const(Scalar::Bool(true))),
        "False" => Ok(Expr::Const(Scalar::Bool(false))),
        "SimplePredicate" => {
            let field = scope.field(cx, element, element.required("field")?)?;
            let x = input(inputs, &field.value);
            match Operator::of(element)? {
                Operator::Missing { negated: false } => Ok(Expr::call(Func::IsNull, [x])),
                Operator::Missing { negated: true } => Ok(not(Expr::call(Func::IsNull, [x]))),
                Operator::Compare(order) => comparison(element, &field, x, order),
            }
        }
        "SimpleSetPredicate" => {
            let field = scope.field(cx, element, element.required("field")?)?;
            let texts = array::texts(array::inside(element)?)?;
            let constants = texts.iter().filter_map(|text| field.constant(text)).map(Expr::Const);
            let x = input(inputs, &field.value);
            let args: Vec<Expr> = std::iter::once(x.clone()).chain(constants).collect();
            let is_in = if args.len() == 1 { never(x) } else { Expr::Call(Func::In, args) };
            Ok(if is_negated(element)? { not(is_in) } else { is_in })
        }
        "CompoundPredicate" => {
            let (join, operands) = (join_of(element)?, operands(element)?);
            let all = cx.deeper(element, |cx| {
                operands.into_iter().map(|e| expr(cx, scope, e, inputs)).collect::<Result<Vec<Expr>, Fault>>()
            })?;
            Ok(joined(join, all))
        }
        other => Err(element.fault("element", "a predicate", other)),
    }
}

fn input(inputs: &mut Vec<Value>, value: &Value) -> Expr {
    let place = inputs.iter().position(|known| known == value).unwrap_or_else(|| {
        inputs.push(value.clone());
        inputs.len() - 1
    });
    Expr::Input(place as u32)
}

fn not(expr: Expr) -> Expr {
    Expr::call(Func::Not, [expr])
}

/// Returns false, or null where the value is.
fn never(x: Expr) -> Expr {
    Expr::call(Compare::Ne, [x.clone(), x])
}

fn compare(order: Order) -> Compare {
    match order {
        Order::Less => Compare::Lt,
        Order::AtMost => Compare::Le,
        Order::Equal => Compare::Eq,
        Order::Unequal => Compare::Ne,
        Order::AtLeast => Compare::Ge,
        Order::Greater => Compare::Gt,
    }
}

fn comparison(element: Element<'_>, field: &Field, x: Expr, order: Order) -> Result<Expr, Fault> {
    let text = element.required("value")?;
    if let Some(place) = place_in_order(field, text) {
        // Ordinal values stand in the order in which the dictionary lists them.
        let places = field.categories.iter().enumerate().flat_map(|(i, category)| {
            [Expr::call(Compare::Eq, [x.clone(), Expr::text(category)]), Expr::f64(i as f64)]
        });
        let place_of = Expr::Call(Func::Case, places.collect());
        return Ok(Expr::call(compare(order), [place_of, Expr::f64(place as f64)]));
    }
    match (field.constant(text), parse_number(text)) {
        (Some(constant), _) => Ok(Expr::call(compare(order), [x, Expr::Const(constant)])),
        // An integer and a number between integers.
        (None, Some(number)) if field.data.is_number() => {
            Ok(Expr::call(compare(order), [Expr::call(Func::ToF64, [x]), Expr::f64(number)]))
        }
        _ => match order {
            Order::Equal => Ok(never(x)),
            Order::Unequal => Ok(not(never(x))),
            _ => Err(element.fault("attribute value", "a value of the field's type", text)),
        },
    }
}

/// Returns the place of a value of an ordinal text in the order of its field.
fn place_in_order(field: &Field, text: &str) -> Option<usize> {
    let ordered = field.op == OpType::Ordinal && field.data == DataType::String;
    field.categories.iter().position(|category| category == text).filter(|_| ordered)
}

/// Joins truths; of many as a balanced tree, so that long lists are not deep.
fn joined(join: Join, mut operands: Vec<Expr>) -> Expr {
    if join == Join::FirstKnown {
        return Expr::Call(Func::Coalesce, operands);
    }
    while operands.len() > 1 {
        let mut pairs = Vec::with_capacity(operands.len().div_ceil(2));
        let mut rest = operands.into_iter();
        while let Some(a) = rest.next() {
            pairs.push(match (rest.next(), join) {
                (None, _) => a,
                (Some(b), Join::All) => Expr::call(Func::And, [a, b]),
                (Some(b), Join::Any) => Expr::call(Func::Or, [a, b]),
                (Some(b), _) => Expr::call(Compare::Ne, [a, b]),
            });
        }
        operands = pairs;
    }
    operands.pop().unwrap_or(Expr::Const(Scalar::Bool(join == Join::All)))
}
