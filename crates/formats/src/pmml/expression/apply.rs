//! `Apply`: a function with its arguments, and what becomes of missing and invalid ones.
//!
//! `mapMissingTo` stands for the result as soon as an argument is missing; `defaultValue` where the result is; an invalid
//! result (NaN, or an integer that does not exist) refuses the row, is missing, or stays, by `invalidValueTreatment`.
//! A function that the document defines is written out with its arguments in the place of its parameters; one that would
//! need itself is refused, and so is a document whose functions would write out more than is sensible.

use std::collections::HashMap;

use model::Type;
use plan::{
    Expr, Func,
    expr::{Math, OnFault},
};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    expression,
    functions::{self, Function},
    inner, logic,
    term::{Term, Work, all_of},
};

/// What becomes of an invalid result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    Refuse,
    Missing,
    Keep,
}

impl Invalid {
    fn of(at: Element<'_>) -> Result<Invalid, Fault> {
        match at.attr("invalidValueTreatment").unwrap_or("returnInvalid") {
            "returnInvalid" => Ok(Invalid::Refuse),
            "asMissing" => Ok(Invalid::Missing),
            "asIs" => Ok(Invalid::Keep),
            other => Err(at.fault("attribute invalidValueTreatment", "returnInvalid, asMissing or asIs", other)),
        }
    }

    /// Returns what an integer function does where it has no result.
    pub fn fault(self) -> OnFault {
        if self == Invalid::Missing { OnFault::Null } else { OnFault::Refuse }
    }
}

/// Returns the term of an `Apply`.
pub fn lower<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    // The nesting is the document's: it is bounded before it is followed.
    work.deeper(at, |work| applied(work, at))
}

fn applied<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let name = at.required("function")?;
    let invalid = Invalid::of(at)?;
    let mut args = Vec::new();
    for child in at.children().filter(|e| super::is_expression(e.name())) {
        args.push(expression(work, child)?);
    }
    let known = functions::find(name);
    if known.is_none() || !work.calls.is_empty() {
        work.cx.spend(at, 1 + args.len())?;
    }
    let map = at.attr("mapMissingTo");
    let mut term = match known {
        Some(function) if function.name == "if" => {
            function.check(at, args.len())?;
            logic::choose(work, at, args, map)?
        }
        Some(function) => built_in(work, at, function, args, invalid, map)?,
        None => mapped(work, at, args, map, |work, args| written_out(work, at, name, args))?,
    };
    term = checked(term, invalid);
    if let Some(text) = at.attr("defaultValue") {
        term = work.or_text(at, term, text)?;
    }
    work.bounded(at, term)
}

fn built_in<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    function: &Function,
    args: Vec<Term>,
    invalid: Invalid,
    map: Option<&str>,
) -> Result<Term, Fault> {
    function.check(at, args.len())?;
    mapped(work, at, args, map, |work, args| (function.lower)(work, at, args, invalid))
}

/// Applies a function where no argument is missing; else the text stands for its result.
fn mapped<'w, 'o, 's, 'd>(
    work: &mut Work<'w, 'o, 's, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    map: Option<&str>,
    apply: impl FnOnce(&mut Work<'w, 'o, 's, 'd>, Vec<Term>) -> Result<Term, Fault>,
) -> Result<Term, Fault> {
    let Some(text) = map else { return apply(work, args) };
    let args = args.into_iter().map(|arg| work.small(at, arg)).collect::<Result<Vec<_>, _>>()?;
    let nulls = args.iter().filter(|arg| !matches!(arg.expr, Expr::Const(_))).map(Term::is_missing);
    let any = all_of(&Func::Or, nulls.collect());
    let is_null = args.iter().any(|arg| matches!(arg.expr, Expr::Const(plan::Scalar::Null(_))));
    let term = apply(work, args)?;
    let instead = Term::literal(text);
    match any {
        _ if is_null => Ok(instead),
        None => Ok(term),
        Some(any) => work.either(at, Func::If, any, instead, term),
    }
}

/// Returns the term without NaN, where that is invalid.
fn checked(term: Term, invalid: Invalid) -> Term {
    let on = match invalid {
        Invalid::Keep => return term,
        Invalid::Missing => OnFault::Null,
        Invalid::Refuse => OnFault::Refuse,
    };
    match term.data {
        DataType::Double if term.nan => {
            Term { expr: Expr::call(Math::NotNaN(on), [term.expr]), nan: false, field: None, ..term }
        }
        DataType::Float if term.nan => {
            // What a float is, a double holds; so the test is made there.
            let wide = Expr::call(Func::ToF64, [term.expr]);
            let expr = Expr::call(Func::ToF32, [Expr::call(Math::NotNaN(on), [wide])]);
            Term { expr, nan: false, field: None, ..term }
        }
        _ => term,
    }
}

/// Writes a function of the document out.
fn written_out<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    name: &str,
    args: Vec<Term>,
) -> Result<Term, Fault> {
    let Some((&known, &function)) = work.scope.dictionary.functions.get_key_value(name) else {
        return Err(at.fault("attribute function", "a built-in function, or one that the document defines", name));
    };
    if work.calls.iter().any(|(open, _)| *open == known) {
        return Err(at.fault("attribute function", "a function that does not need itself", name));
    }
    let parameters: Vec<Element<'d>> = function.all("ParameterField").collect();
    if parameters.len() != args.len() {
        let expected = format!("{} arguments, as {name} at line {} has parameters", parameters.len(), function.line());
        return Err(at.fault("content", expected, args.len().to_string()));
    }
    let mut named = HashMap::new();
    for (parameter, arg) in parameters.into_iter().zip(args) {
        let arg = match DataType::of(parameter)? {
            Some(data) => work.cast(at, arg, data)?,
            None => arg,
        };
        if named.insert(parameter.required("name")?, arg).is_some() {
            return Err(parameter.fault("attribute name", "a name that stands once", parameter.required("name")?));
        }
    }
    work.calls.push((known, named));
    let body = inner(work, function);
    work.calls.pop();
    let term = body?;
    match DataType::of(function)? {
        Some(data) => work.cast(at, term, data),
        None => Ok(term),
    }
}

impl<'d> Work<'_, '_, '_, 'd> {
    /// Does what lies a level deeper.
    fn deeper(&mut self, at: Element<'d>, work: impl FnOnce(&mut Self) -> Result<Term, Fault>) -> Result<Term, Fault> {
        self.cx.enter(at)?;
        let done = work(self);
        self.cx.leave();
        done
    }

    /// Returns what a constant in the functions of SAS means that is written as the name of a parameter.
    pub fn meant(&self, text: &str) -> Option<Term> {
        let (function, parameters) = self.calls.last()?;
        if function.starts_with("SAS-") { parameters.get(text).cloned() } else { None }
    }

    /// Returns the first term, or where it is missing the constant that a text is.
    pub fn or_text(&mut self, at: Element<'d>, term: Term, text: &str) -> Result<Term, Fault> {
        let [term, other] = self.alike(at, [term, Term::literal(text)])?;
        let expr = Expr::call(Func::Coalesce, [term.expr, other.expr]);
        Ok(Term { nan: term.nan || other.nan, ..Term::new(expr, term.data) })
    }

    /// Returns a choice between two terms, by `If` or `IfKnown`.
    pub fn either(&mut self, at: Element<'d>, by: Func, test: Expr, yes: Term, no: Term) -> Result<Term, Fault> {
        let [yes, no] = self.alike(at, [yes, no])?;
        let (data, nan) = (yes.data, yes.nan || no.nan);
        Ok(Term { nan, ..Term::new(Expr::call(by, [test, yes.expr, no.expr]), data) })
    }

    /// Returns terms of one data type: that of the terms that name theirs, where the others read so.
    pub fn alike<const N: usize>(&mut self, at: Element<'d>, terms: [Term; N]) -> Result<[Term; N], Fault> {
        let known = || terms.iter().filter(|term| !is_null(term));
        let named = known().filter(|term| term.literal.is_none()).map(|term| term.data).reduce(joined);
        let data = match named {
            Some(data) => {
                let reads = |term: &Term| term.literal.as_ref().is_none_or(|text| data.constant(text).is_some());
                if known().all(reads) { data } else { DataType::String }
            }
            None => known().map(|term| term.data).reduce(joined).unwrap_or(terms[0].data),
        };
        let mut out = Vec::with_capacity(N);
        for term in terms {
            out.push(self.cast(at, term, data)?);
        }
        Ok(out.try_into().unwrap_or_else(|_| unreachable!("as many as there were")))
    }
}

fn is_null(term: &Term) -> bool {
    matches!(term.expr, Expr::Const(plan::Scalar::Null(_)))
}

/// Returns the data type that holds the values of both.
fn joined(a: DataType, b: DataType) -> DataType {
    match (a, b) {
        (a, b) if a == b => a,
        (a, b) if a.is_number() && b.is_number() => DataType::Double,
        _ => DataType::String,
    }
}

/// Returns the type of a boolean column.
pub const BOOL: Type = Type::BOOL;
