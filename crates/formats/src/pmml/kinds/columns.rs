//! What models of one formula share: the columns that it reads, each once, and the answer of a classification.

use std::sync::Arc;

use model::Type;
use plan::{EncodeOp, Expr, Func, Scalar};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    expression,
    fields::{DataType, Doubt, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// The inputs of a formula.
#[derive(Default)]
pub struct Columns {
    values: Vec<Value>,
    /// Of each, whether the formula judges its values itself.
    judged: Vec<bool>,
    /// Whether it can.
    judges: bool,
    numbers: FxHashMap<String, u32>,
    codes: FxHashMap<String, u32>,
}

/// The categories that a model names of each field, in its order.
#[derive(Default)]
pub struct Categories {
    fields: FxHashMap<String, Known>,
}

#[derive(Default)]
struct Known {
    labels: Vec<String>,
    places: FxHashMap<String, u32>,
    /// By the value that a label says.
    values: FxHashMap<String, u32>,
}

impl Columns {
    /// Returns columns of a formula that judges values itself, in the order in which it comes to them.
    pub fn judging() -> Columns {
        Columns { judges: true, ..Columns::default() }
    }

    /// Adds a column of numbers; returns which it is.
    pub fn add(&mut self, value: Value) -> u32 {
        self.add_judged(value, false)
    }

    fn add_judged(&mut self, value: Value, judged: bool) -> u32 {
        self.values.push(value);
        self.judged.push(judged);
        self.values.len() as u32 - 1
    }

    /// Returns which column has a field's numbers.
    pub fn number(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, '_>,
        at: Element<'_>,
        name: &str,
    ) -> Result<u32, Fault> {
        if let Some(place) = self.numbers.get(name) {
            return Ok(*place);
        }
        let raw = if self.judges { scope.raw(cx, name).filter(|(value, _)| value.ty == Type::F64) } else { None };
        let raw = match raw {
            Some((value, _)) => Some(value),
            None if self.judges => expression::scaled(cx, scope, name)?,
            None => None,
        };
        let place = match raw {
            Some(value) => self.add_judged(value, true),
            None => match if self.judges { doubtful_number(cx, scope, at, name)? } else { None } {
                Some(value) => self.add_judged(value, true),
                None => {
                    let field = scope.field(cx, at, name)?;
                    let value = cx.number(at, &field.value)?;
                    self.add(value)
                }
            },
        };
        self.numbers.insert(name.to_owned(), place);
        Ok(place)
    }

    /// Returns which column has the numbers that a `FieldRef` stands for.
    pub fn reference<'d>(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        at: Element<'d>,
    ) -> Result<u32, Fault> {
        if at.attr("mapMissingTo").is_none() {
            return self.number(cx, scope, at, at.required("field")?);
        }
        let field = expression::lower(cx, scope, at)?;
        let value = cx.number(at, &field.value)?;
        Ok(self.add(value))
    }

    /// Returns which column has the places of a field's values among the categories that the model names.
    pub fn code(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, '_>,
        at: Element<'_>,
        name: &str,
        categories: &Categories,
    ) -> Result<u32, Fault> {
        if let Some(place) = self.codes.get(name) {
            return Ok(*place);
        }
        let labels = categories.fields.get(name).map_or(&[][..], |known| &known.labels);
        let raw = if self.judges { scope.raw(cx, name).filter(|(value, _)| value.ty == Type::Text) } else { None };
        let all = raw.and_then(|(value, data)| Some((value, with_rest(labels, &data.categories)?)));
        let place = match all {
            Some((value, labels)) => {
                let value = cx.one(at, EncodeOp::Place { labels: labels.into() }, &[&value], name)?;
                self.add_judged(value, true)
            }
            None => match if self.judges { doubtful_code(cx, scope, at, name, labels)? } else { None } {
                Some(value) => self.add_judged(value, true),
                None => {
                    let field = scope.field(cx, at, name)?;
                    let value = cx.codes(at, &field, labels)?;
                    self.add(value)
                }
            },
        };
        self.codes.insert(name.to_owned(), place);
        Ok(place)
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns which columns the formula judges.
    pub fn judged(&self) -> Vec<bool> {
        if self.judged.contains(&true) { self.judged.clone() } else { Vec::new() }
    }

    /// Returns the columns; a formula of constants reads a column all the same, which says how many rows there are.
    pub fn values<'v>(&'v mut self, cx: &mut Lowering<'_>, at: Element<'_>) -> Result<Vec<&'v Value>, Fault> {
        if self.values.is_empty() {
            let zero = cx.expr(at, Expr::f64(0.0), &[], "rows")?;
            self.add(zero);
        }
        Ok(self.values.iter().collect())
    }
}

impl Categories {
    /// Notes a category of a field.
    pub fn note(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, '_>,
        at: Element<'_>,
        name: &str,
        label: &str,
    ) -> Result<u32, Fault> {
        if let Some(place) = self.fields.get(name).and_then(|known| known.places.get(label)) {
            return Ok(*place);
        }
        let field = scope.field(cx, at, name)?;
        let known = self.fields.entry(name.to_owned()).or_default();
        // "1" and "1.0" are one category of a field of numbers.
        let constant = if field.data == DataType::String { None } else { field.constant(label) };
        let next = known.labels.len() as u32;
        let place = match constant {
            Some(constant) => *known.values.entry(format!("{constant:?}")).or_insert(next),
            None => next,
        };
        if place == next {
            known.labels.push(label.to_owned());
        }
        known.places.insert(label.to_owned(), place);
        Ok(place)
    }

    /// Returns the place of a category that is noted.
    pub fn place(&self, name: &str, label: &str) -> Option<u32> {
        self.fields.get(name)?.places.get(label).copied()
    }
}

/// Returns a field's numbers, NaN where they are invalid; nothing where none is refused.
fn doubtful_number(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, '_>,
    at: Element<'_>,
    name: &str,
) -> Result<Option<Value>, Fault> {
    let Some((field, doubt)) = scope.doubtful(cx, name)?.filter(|(field, _)| field.data.is_number()) else {
        return Ok(None);
    };
    let value = cx.number(at, &field.value)?;
    let Doubt::Unless(fine) = doubt else { return Ok(Some(value)) };
    let or_nan = Expr::call(Func::If, [Expr::Input(1), Expr::Input(0), Expr::f64(f64::NAN)]);
    cx.expr(at, or_nan, &[&value, &fine], name).map(Some)
}

/// Returns the places of a field's values among the labels, one behind them for what else is valid, -1 where they are invalid;
/// nothing where none is refused.
fn doubtful_code(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, '_>,
    at: Element<'_>,
    name: &str,
    labels: &[String],
) -> Result<Option<Value>, Fault> {
    let Some((field, Doubt::Unless(fine))) = scope.doubtful(cx, name)? else { return Ok(None) };
    let code = cx.codes(at, &field, labels)?;
    let is_other = Expr::call(Func::Lt, [Expr::Input(0), Expr::f64(0.0)]);
    let place = Expr::call(Func::If, [is_other, Expr::f64(labels.len() as f64), Expr::Input(0)]);
    let judged = Expr::call(Func::If, [Expr::Input(1), place, Expr::f64(-1.0)]);
    let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
    let expr = Expr::call(Func::If, [null, Expr::null(Type::F64), judged]);
    cx.expr(at, expr, &[&code, &fine], name).map(Some)
}

/// Returns the labels of a model, and behind them what else is valid; nothing where a label is not valid, or nothing says what
/// is. What is none of all those is invalid.
fn with_rest(labels: &[String], valid: &[String]) -> Option<Vec<Box<str>>> {
    let (own, all): (FxHashSet<&String>, FxHashSet<&String>) = (labels.iter().collect(), valid.iter().collect());
    if valid.is_empty() || !own.is_subset(&all) {
        return None;
    }
    let rest = valid.iter().filter(|category| !own.contains(category));
    Some(labels.iter().chain(rest).map(|label| label.as_str().into()).collect())
}

/// Returns the type of operations that the model's own target has; categories where it names none.
pub fn target_op(scope: &Scope<'_, '_>) -> Result<OpType, Fault> {
    let Some(target) = scope.target().filter(|_| !scope.targets().is_empty()) else { return Ok(OpType::Categorical) };
    let named = |at: Element<'_>| at.attr("optype").map(|_| OpType::of(at, target.data)).transpose();
    let of_target = crate::pmml::targets::target(scope).map(named).transpose()?.flatten();
    let of_mining = scope.mining(target.name).map(named).transpose()?.flatten();
    Ok(of_target.or(of_mining).unwrap_or(target.op))
}

/// Returns the category at a place among the labels, a text.
pub fn category(cx: &mut Lowering<'_>, at: Element<'_>, labels: &[String], place: &Value) -> Result<Field, Fault> {
    let texts: Vec<Box<str>> = labels.iter().map(|label| label.as_str().into()).collect();
    let value = cx.one(at, EncodeOp::Label { labels: texts.into() }, &[place], "category")?;
    Ok(Field { value, data: DataType::String, op: OpType::Categorical, categories: labels.into(), valid: true })
}

/// Most categories that are told apart one by one.
const CHOICES_MAX: usize = 16;

/// Returns the category at a place among the labels, as a number or truth value of the target's type, where it has one and the
/// labels are few: no text is made then.
fn typed(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, '_>,
    at: Element<'_>,
    labels: &[String],
    place: &Value,
) -> Result<Option<Field>, Fault> {
    let Some(target) = scope.target() else { return Ok(None) };
    let is_single = target.data.is_number() || target.data == DataType::Boolean;
    let constants: Option<Vec<Scalar>> = labels.iter().map(|label| target.data.constant(label)).collect();
    let (true, Some(constants)) = (is_single && labels.len() <= CHOICES_MAX, constants) else { return Ok(None) };
    let mut chosen = Expr::null(target.data.ty());
    for (i, constant) in constants.into_iter().enumerate().rev() {
        let here = Expr::call(Func::Eq, [Expr::Input(0), Expr::f64(i as f64)]);
        chosen = Expr::call(Func::If, [here, Expr::Const(constant), chosen]);
    }
    let value = cx.expr(at, chosen, &[place], "category")?;
    let (data, categories) = (target.data, Arc::clone(&target.categories));
    Ok(Some(Field { value, data, op: OpType::Categorical, categories, valid: true }))
}

/// Returns the answer of a classification: shares of the labels, and the place of the one that won.
pub fn classification<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    at: Element<'d>,
    labels: Vec<String>,
    shares: Value,
    place: &Value,
) -> Result<Answer<'d>, Fault> {
    let winner = match typed(cx, scope, at, &labels, place)? {
        Some(field) => field,
        None => category(cx, at, &labels, place)?,
    };
    let mut answer = Answer::new(Kind::Classification, Some(winner));
    answer.probabilities = Some(Classes { labels: Arc::from(labels), values: shares });
    Ok(answer)
}
