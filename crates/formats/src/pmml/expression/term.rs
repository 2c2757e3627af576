//! [`Term`]: a typed expression in the making; [`Work`]: the lowering of one expression of a document.
//!
//! The evaluators of the standard carry types with values; here every term has its type when the document is read. Where
//! the arms of a choice have different types, numbers become doubles and all else becomes text, which reads as any type that
//! is asked for later: a value converted twice is what it was.

use std::collections::HashMap;

use model::Type;
use plan::{
    Expr, Func, Scalar,
    expr::{Cast, CastRule, Math, OnFault, TimeFunc},
};

use super::super::{
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// Deepest expression before a part of it becomes a step of its own.
const DEPTH_MAX: usize = 180;
/// Largest expression, too.
const SIZE_MAX: usize = 20_000;
/// Largest expression that is written out twice rather than made a step, which is computed whether it is needed or not.
const TWICE_MAX: usize = 24;
/// Inputs of one expression.
pub const INPUTS_MAX: usize = 400;

/// An expression with its data type.
#[derive(Clone, Debug)]
pub struct Term {
    pub expr: Expr,
    pub data: DataType,
    /// The text of a constant that names no data type: it may be read as another.
    pub literal: Option<String>,
    /// The field that it is, and its name.
    pub field: Option<(Field, String)>,
    /// It may be NaN.
    pub nan: bool,
}

/// The lowering of one expression.
pub struct Work<'w, 'o, 's, 'd> {
    pub cx: &'w mut Lowering<'o>,
    pub scope: &'w Scope<'s, 'd>,
    inputs: Vec<Value>,
    /// What every name stands for: doubles as the caller brings them, taken for valid.
    pub raw: Option<Value>,
    /// The functions that are being written out, with their arguments by name.
    pub calls: Vec<(&'d str, HashMap<&'d str, Term>)>,
}

// === impl Term ===

impl Term {
    pub fn new(expr: Expr, data: DataType) -> Term {
        Term { expr, data, literal: None, field: None, nan: matches!(data, DataType::Double | DataType::Float) }
    }

    /// Returns a term that is never NaN.
    pub fn sound(expr: Expr, data: DataType) -> Term {
        Term { nan: false, ..Term::new(expr, data) }
    }

    pub fn bool(expr: Expr) -> Term {
        Term::new(expr, DataType::Boolean)
    }

    /// Returns a constant.
    pub fn constant(scalar: Scalar, data: DataType) -> Term {
        let nan = matches!(scalar, Scalar::F64(x) if x.is_nan()) || matches!(scalar, Scalar::F32(x) if x.is_nan());
        Term { nan, ..Term::new(Expr::Const(scalar), data) }
    }

    /// Returns the missing value of a type.
    pub fn missing(data: DataType) -> Term {
        Term::sound(Expr::null(data.ty()), data)
    }

    /// Returns the constant that a text is where no data type is named: a whole number, a number with a point, or text.
    pub fn literal(text: &str) -> Term {
        let is_special = ["NaN", "INF", "-INF"].iter().any(|word| text.eq_ignore_ascii_case(word));
        let data = match text {
            _ if is_special || text.contains('.') && DataType::Double.constant(text).is_some() => DataType::Double,
            text if text.parse::<i64>().is_ok() => DataType::Integer,
            _ => DataType::String,
        };
        let scalar = if is_special { special(text) } else { data.constant(text) };
        let term = Term::constant(scalar.unwrap_or_else(|| Scalar::Text(text.into())), data);
        Term { literal: Some(text.to_owned()), ..term }
    }

    /// Returns whether it may be written out several times at no cost.
    pub fn is_leaf(&self) -> bool {
        matches!(self.expr, Expr::Input(_) | Expr::Const(_))
    }

    /// Returns the finite number that it always is, where that is known.
    pub fn known(&self) -> Option<f64> {
        let number = match &self.expr {
            Expr::Const(Scalar::F64(x)) => *x,
            Expr::Const(Scalar::F32(x)) => (*x).into(),
            Expr::Const(Scalar::I64(x)) => *x as f64,
            _ => return None,
        };
        Some(number).filter(|x| x.is_finite())
    }

    /// Returns whether it is missing.
    pub fn is_missing(&self) -> Expr {
        Expr::call(Func::IsNull, [self.expr.clone()])
    }
}

fn special(text: &str) -> Option<Scalar> {
    Some(Scalar::F64(match text.as_bytes().first()? {
        b'-' => f64::NEG_INFINITY,
        b'n' | b'N' => f64::NAN,
        _ => f64::INFINITY,
    }))
}

/// Returns the least data type that holds the results of arithmetic on both.
pub fn common(a: DataType, b: DataType) -> DataType {
    match (a, b) {
        (DataType::Integer, DataType::Integer) => DataType::Integer,
        (DataType::Float | DataType::Integer, DataType::Float | DataType::Integer) => DataType::Float,
        _ => DataType::Double,
    }
}

// === impl Work ===

impl<'w, 'o, 's, 'd> Work<'w, 'o, 's, 'd> {
    pub fn new(cx: &'w mut Lowering<'o>, scope: &'w Scope<'s, 'd>) -> Work<'w, 'o, 's, 'd> {
        Work { cx, scope, inputs: Vec::new(), raw: None, calls: Vec::new() }
    }

    /// Returns the term that is a value.
    pub fn input(&mut self, value: &Value, data: DataType) -> Term {
        let at = self.inputs.iter().position(|v| v == value).unwrap_or_else(|| {
            self.inputs.push(value.clone());
            self.inputs.len() - 1
        });
        Term::new(Expr::Input(at as u32), data)
    }

    /// Returns the term of a name: a parameter of the function that is written out, else a field.
    pub fn field(&mut self, at: Element<'d>, name: &str) -> Result<Term, Fault> {
        if let Some((function, parameters)) = self.calls.last() {
            let found = parameters.get(name).cloned();
            let expected = || format!("a parameter of the function {function}");
            return found.ok_or_else(|| at.fault("attribute field", expected(), name));
        }
        if let Some(raw) = self.raw.clone() {
            return Ok(Term { nan: false, ..self.input(&raw, DataType::Double) });
        }
        let field = self.scope.field(self.cx, at, name)?;
        if matches!(field.value.ty, Type::List(_)) {
            return Err(at.fault("attribute field", "a field of single values", name));
        }
        let mut term = self.input(&field.value, field.data);
        term.nan &= !field.valid;
        term.field = Some((field, name.to_owned()));
        Ok(term)
    }

    /// Returns the term as a step of its own.
    pub fn value(&mut self, at: Element<'d>, term: &Term, name: &str) -> Result<Value, Fault> {
        if let Expr::Input(i) = term.expr {
            return Ok(self.inputs[i as usize].clone());
        }
        let mut used = Vec::new();
        let expr = renumbered(&term.expr, &mut used);
        let values: Vec<Value> = used.iter().map(|&i| self.inputs[i as usize].clone()).collect();
        self.cx.expr(at, expr, &values.iter().collect::<Vec<_>>(), name)
    }

    /// Returns the term as a field.
    pub fn finish(&mut self, at: Element<'d>, term: Term, name: &str) -> Result<Field, Fault> {
        if let (Some((field, _)), Expr::Input(_)) = (&term.field, &term.expr) {
            return Ok(field.clone());
        }
        let value = self.value(at, &term, name)?;
        let op = match term.data {
            DataType::String | DataType::Boolean => OpType::Categorical,
            DataType::Date | DataType::Time | DataType::DateTime => OpType::Ordinal,
            _ => OpType::Continuous,
        };
        Ok(Field { valid: !term.nan, ..Field::new(value, term.data, op) })
    }

    /// Returns a term that may be written out several times.
    pub fn leaf(&mut self, at: Element<'d>, term: Term) -> Result<Term, Fault> {
        if term.is_leaf() { Ok(term) } else { self.step(at, term) }
    }

    /// Returns a term that may be written out twice: one that is small stays within its arm.
    pub fn small(&mut self, at: Element<'d>, term: Term) -> Result<Term, Fault> {
        let (mut depth, mut size) = (0, 0);
        measure(&term.expr, 1, &mut depth, &mut size);
        if size <= TWICE_MAX { Ok(term) } else { self.step(at, term) }
    }

    /// Makes the term a step of its own.
    pub fn step(&mut self, at: Element<'d>, term: Term) -> Result<Term, Fault> {
        let value = self.value(at, &term, at.name())?;
        Ok(Term { nan: term.nan, ..self.input(&value, term.data) })
    }

    /// Makes the term a step of its own where it has grown large.
    pub fn bounded(&mut self, at: Element<'d>, term: Term) -> Result<Term, Fault> {
        let (mut depth, mut size) = (0, 0);
        measure(&term.expr, 1, &mut depth, &mut size);
        if depth <= DEPTH_MAX && size <= SIZE_MAX && self.inputs.len() <= INPUTS_MAX {
            return Ok(term);
        }
        let stepped = self.step(at, term)?;
        Ok(stepped)
    }

    // --- conversions ---

    /// Returns the term as a float64.
    pub fn number(&mut self, at: Element<'d>, term: Term) -> Result<Term, Fault> {
        Ok(match term.data {
            DataType::Double => term,
            DataType::String => match self.reread(&term, DataType::Double) {
                Some(constant) => constant,
                None => Term::new(cast(term.expr, Type::F64), DataType::Double),
            },
            DataType::Date | DataType::DateTime => {
                return Err(at.fault(
                    "argument",
                    "a number",
                    "a date or time: dateDaysSinceYear and its like count them",
                ));
            }
            data => match term.known() {
                Some(x) => Term::constant(Scalar::F64(x), DataType::Double),
                None => {
                    let expr = Expr::call(Func::ToF64, [term.expr]);
                    Term { nan: term.nan && data == DataType::Float, ..Term::new(expr, DataType::Double) }
                }
            },
        })
    }

    /// Returns the constant that the term's text is as another type.
    fn reread(&self, term: &Term, data: DataType) -> Option<Term> {
        let text = match (&term.literal, &term.expr) {
            (Some(text), _) => text.as_str(),
            (None, Expr::Const(Scalar::Text(text))) => text,
            _ => return None,
        };
        data.constant(text).map(|scalar| Term::constant(scalar, data))
    }

    pub fn text(&mut self, at: Element<'d>, term: Term) -> Result<Expr, Fault> {
        Ok(self.cast(at, term, DataType::String)?.expr)
    }

    pub fn boolean(&mut self, at: Element<'d>, term: Term) -> Result<Expr, Fault> {
        Ok(self.cast(at, term, DataType::Boolean)?.expr)
    }

    /// Returns the term as an int64; a number that is none refuses its row.
    pub fn integer(&mut self, at: Element<'d>, term: Term) -> Result<Expr, Fault> {
        Ok(self.cast(at, term, DataType::Integer)?.expr)
    }

    /// Returns the term as another data type; what does not fit refuses its row.
    pub fn cast(&mut self, at: Element<'d>, term: Term, to: DataType) -> Result<Term, Fault> {
        if term.data == to {
            return Ok(term);
        }
        if let (Some(text), DataType::String) = (&term.literal, to) {
            return Ok(Term::constant(Scalar::Text(text.as_str().into()), to));
        }
        if let Some(constant) = self.reread(&term, to) {
            return Ok(constant);
        }
        if let Expr::Const(Scalar::Null(_)) = term.expr {
            return Ok(Term::missing(to));
        }
        let from = term.data;
        let nan = term.nan;
        Ok(match to {
            DataType::Double => self.number(at, term)?,
            DataType::Float => match from {
                DataType::Integer | DataType::Boolean | DataType::Double => {
                    Term { nan, ..Term::new(Expr::call(Func::ToF32, [term.expr]), to) }
                }
                _ => {
                    let number = self.number(at, term)?;
                    Term { nan: number.nan, ..Term::new(Expr::call(Func::ToF32, [number.expr]), to) }
                }
            },
            DataType::String => match from {
                DataType::Time | DataType::TimeSeconds => Term::new(seconds_text(term.expr), to),
                _ => Term::new(cast(term.expr, Type::Text), to),
            },
            DataType::Boolean => Term::new(cast(term.expr, Type::BOOL), to),
            DataType::Integer => match from {
                DataType::Boolean => Term::new(Expr::call(Func::ToI64, [term.expr]), to),
                DataType::Float | DataType::Double | DataType::String => {
                    let number = self.number(at, term)?;
                    match number.known() {
                        Some(x) if x.fract() == 0.0 && x.abs() < 9e15 => Term::constant(Scalar::I64(x as i64), to),
                        _ => Term::new(Expr::call(Math::Exact(OnFault::Refuse), [number.expr]), to),
                    }
                }
                DataType::Date | DataType::DateTime => return Err(no_conversion(at, from, to)),
                _ => Term::new(term.expr, to),
            },
            to => self.as_time(at, term, to)?,
        })
    }

    /// Returns the term as a date or time, or as a count since some.
    fn as_time(&mut self, at: Element<'d>, term: Term, to: DataType) -> Result<Term, Fault> {
        let from = term.data;
        let seconds = |expr: Expr| Expr::call(TimeFunc::ToEpoch { micros: 1_000_000 }, [expr]);
        let minus = |expr: Expr, base: i64| {
            if base == 0 { expr } else { Expr::call(Func::Sub, [expr, Expr::i64(base)]) }
        };
        let expr = match (to, from) {
            (DataType::Date, DataType::String | DataType::DateTime) => cast(term.expr, DataType::Date.ty()),
            (DataType::Date, DataType::DateDaysSince(year)) => {
                let days = cast(minus(term.expr, -days_of(year)), Type::I32);
                Expr::call(TimeFunc::FromDays, [days])
            }
            (DataType::DateTime, DataType::String | DataType::Date) => cast(term.expr, DataType::DateTime.ty()),
            (DataType::DateTime, DataType::DateTimeSecondsSince(year)) => {
                let seconds = minus(term.expr, -days_of(year) * 86_400);
                Expr::call(TimeFunc::FromEpoch { micros: 1_000_000 }, [seconds])
            }
            (DataType::Time | DataType::TimeSeconds, DataType::DateTime) => {
                Expr::call(Math::FloorMod(OnFault::Refuse), [seconds(term.expr), Expr::i64(86_400)])
            }
            (DataType::Time | DataType::TimeSeconds, DataType::String) => {
                let dated = Expr::call(plan::expr::TextFunc::Concat, [Expr::text("1970-01-01T"), term.expr]);
                seconds(cast(dated, DataType::DateTime.ty()))
            }
            (DataType::Time, DataType::TimeSeconds | DataType::Integer) => term.expr,
            (DataType::TimeSeconds, DataType::Time | DataType::Integer) => term.expr,
            (DataType::DateDaysSince(year), DataType::Date | DataType::DateTime | DataType::String) => {
                let date = self.cast(at, term, DataType::Date)?.expr;
                minus(Expr::call(Func::ToI64, [Expr::call(TimeFunc::ToDays, [date])]), days_of(year))
            }
            (DataType::DateDaysSince(year), DataType::DateDaysSince(before)) => {
                minus(term.expr, days_of(year) - days_of(before))
            }
            (DataType::DateTimeSecondsSince(year), DataType::Date | DataType::DateTime | DataType::String) => {
                let time = self.cast(at, term, DataType::DateTime)?.expr;
                minus(seconds(time), days_of(year) * 86_400)
            }
            (DataType::DateTimeSecondsSince(year), DataType::DateTimeSecondsSince(before)) => {
                minus(term.expr, (days_of(year) - days_of(before)) * 86_400)
            }
            (DataType::DateDaysSince(_) | DataType::DateTimeSecondsSince(_), DataType::Integer) => term.expr,
            _ => return Err(no_conversion(at, from, to)),
        };
        Ok(Term::new(expr, to))
    }
}

fn no_conversion(at: Element<'_>, from: DataType, to: DataType) -> Fault {
    at.fault("attribute dataType", format!("a type that {} converts to", name(from)), name(to))
}

/// Returns the standard's name of a data type.
pub fn name(data: DataType) -> String {
    match data {
        DataType::String => "string".to_owned(),
        DataType::Integer => "integer".to_owned(),
        DataType::Float => "float".to_owned(),
        DataType::Double => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date => "date".to_owned(),
        DataType::Time => "time".to_owned(),
        DataType::DateTime => "dateTime".to_owned(),
        DataType::DateDaysSince(year) => format!("dateDaysSince[{year}]"),
        DataType::TimeSeconds => "timeSeconds".to_owned(),
        DataType::DateTimeSecondsSince(year) => format!("dateTimeSecondsSince[{year}]"),
    }
}

/// Returns the conversion that refuses what does not read so.
pub fn cast(expr: Expr, to: Type) -> Expr {
    Expr::call(Cast::new(to, CastRule::Ansi), [expr])
}

/// Returns the text of seconds of a day.
fn seconds_text(expr: Expr) -> Expr {
    let pattern = plan::expr::ClockPattern::new("%H:%M:%S").expect("letters that the pattern knows");
    Expr::call(TimeFunc::Clock(pattern), [expr])
}

/// Returns the days from 1970 to the first of January of a year (proleptic Gregorian).
pub fn days_of(year: i32) -> i64 {
    let before = i64::from(year) - 1;
    before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_162
}

/// Joins expressions by a function of two, as a tree that is not deep; nothing of none.
pub fn all_of(func: &Func, exprs: Vec<Expr>) -> Option<Expr> {
    let mut exprs = exprs;
    while exprs.len() > 1 {
        let mut pairs = Vec::with_capacity(exprs.len().div_ceil(2));
        let mut each = exprs.into_iter();
        while let Some(a) = each.next() {
            pairs.push(match each.next() {
                Some(b) => Expr::call(func.clone(), [a, b]),
                None => a,
            });
        }
        exprs = pairs;
    }
    exprs.pop()
}

/// Returns the expression over the inputs that it uses, which are appended by their old numbers.
fn renumbered(expr: &Expr, used: &mut Vec<u32>) -> Expr {
    match expr {
        Expr::Input(i) => {
            let at = used.iter().position(|u| u == i).unwrap_or_else(|| {
                used.push(*i);
                used.len() - 1
            });
            Expr::Input(at as u32)
        }
        Expr::Const(scalar) => Expr::Const(scalar.clone()),
        Expr::Call(func, args) => Expr::Call(func.clone(), args.iter().map(|a| renumbered(a, used)).collect()),
    }
}

fn measure(expr: &Expr, level: usize, depth: &mut usize, size: &mut usize) {
    *depth = level.max(*depth);
    *size += 1;
    if let Expr::Call(_, args) = expr {
        args.iter().for_each(|arg| measure(arg, level + 1, depth, size));
    }
}
