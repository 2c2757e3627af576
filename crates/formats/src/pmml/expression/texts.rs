//! Functions of texts. Characters are code points, counted from 1; patterns are Java's, and written out in the document.

use std::sync::Arc;

use plan::{
    Expr, Func, Pattern, Scalar,
    expr::{NumberPattern, TextFunc, text::Ends},
};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    apply::Invalid,
    numbers::of,
    term::{Term, Work, cast},
};
use crate::java_regex::{self, RegexError};

type Result<T> = std::result::Result<T, Fault>;

/// What is cut off at the ends: as Java's `trim`, all up to the blank.
const BLANKS: &str = "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{f}\u{10}\u{11}\u{12}\u{13}\u{14}\
                      \u{15}\u{16}\u{17}\u{18}\u{19}\u{1a}\u{1b}\u{1c}\u{1d}\u{1e}\u{1f} ";

/// Returns the arguments as an array; the table says how many there are.
fn all<const N: usize>(args: Vec<Term>) -> [Term; N] {
    args.try_into().unwrap_or_else(|_| unreachable!("the table says how many arguments there are"))
}

fn text(expr: Expr) -> Term {
    Term::new(expr, DataType::String)
}

/// Returns the expression, whose missing values refuse their rows.
pub fn required(expr: Expr, data: DataType) -> Expr {
    match expr {
        Expr::Const(Scalar::Null(_)) | Expr::Input(_) | Expr::Call(..) => {
            let refuse =
                Func::Refuse("a value: the function does not take a missing one (mapMissingTo would)", data.ty());
            Expr::call(Func::Coalesce, [expr, Expr::Call(refuse, Vec::new())])
        }
        constant => constant,
    }
}

of!(case: uppercase => TextFunc::Upper, lowercase => TextFunc::Lower);

fn case<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
    func: TextFunc,
) -> Result<Term> {
    let [arg] = all(args);
    Ok(text(Expr::call(func, [work.text(at, arg)?])))
}

pub fn length<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [arg] = all(args);
    let length = Expr::call(TextFunc::Length, [work.text(at, arg)?]);
    Ok(Term::new(Expr::call(Func::ToI64, [length]), DataType::Integer))
}

pub fn trim<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [arg] = all(args);
    Ok(text(Expr::call(TextFunc::Trim(Ends::Both), [work.text(at, arg)?, Expr::text(BLANKS)])))
}

pub fn concat<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let mut texts = vec![Expr::text("")];
    for arg in args {
        texts.push(work.text(at, arg)?);
    }
    Ok(text(Expr::Call(TextFunc::ConcatWs.into(), texts)))
}

pub fn substring<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [whole, first, length] = all(args);
    let whole = required(work.text(at, whole)?, DataType::String);
    let first = place(work, at, first, 1, "a first place from 1 on")?;
    let length = place(work, at, length, 0, "a length that is not below 0")?;
    Ok(text(Expr::call(TextFunc::Substring, [whole, first, length])))
}

/// Returns an int32 that is not below a number; else the row is refused.
fn place<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    term: Term,
    least: i64,
    expected: &'static str,
) -> Result<Expr> {
    let term = work.cast(at, term, DataType::Integer)?;
    if let Expr::Const(Scalar::I64(number)) = term.expr
        && number >= least
    {
        return Ok(Expr::Const(Scalar::I32(number.min(i32::MAX.into()) as i32)));
    }
    let term = work.leaf(at, term)?;
    let fits = Expr::call(Func::Le, [Expr::i64(least), term.expr.clone()]);
    let refuse = Expr::Call(Func::Refuse(expected, DataType::Integer.ty()), Vec::new());
    let within = Expr::call(Func::If, [fits, required(term.expr, DataType::Integer), refuse]);
    Ok(cast(within, model::Type::I32))
}

/// Returns the text that a term always is.
pub fn constant<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, term: Term, what: &str) -> Result<Arc<str>> {
    match work.cast(at, term, DataType::String)?.expr {
        Expr::Const(Scalar::Text(text)) => Ok(text),
        _ => Err(at.unimplemented(format!("a {what} that is no constant"))),
    }
}

/// Returns a pattern of the document.
pub fn pattern(at: Element<'_>, source: &str) -> Result<Pattern> {
    java_regex::pattern(source).map_err(|error| match error {
        RegexError::Malformed(what) => at.fault("pattern", "a regular expression", format!("{what} in {source:?}")),
        RegexError::Unsupported(what) => at.unimplemented(format!("{what} in the pattern {source:?}")),
    })
}

pub fn matches<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [whole, source] = all(args);
    let whole = required(work.text(at, whole)?, DataType::String);
    let pattern = pattern(at, &constant(work, at, source, "pattern")?)?;
    Ok(Term::bool(Expr::call(TextFunc::Matches(pattern), [whole])))
}

pub fn replace<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [whole, source, with] = all(args);
    let whole = required(work.text(at, whole)?, DataType::String);
    let pattern = pattern(at, &constant(work, at, source, "pattern")?)?;
    // `$$` is a dollar to PCRE.
    let with = match work.text(at, with)? {
        Expr::Const(Scalar::Text(text)) => Expr::text(&text.replace("$$", "\\$")),
        with => {
            let with = required(with, DataType::String);
            Expr::call(TextFunc::Replace, [with, Expr::text("$$"), Expr::text("\\$")])
        }
    };
    Ok(text(Expr::call(TextFunc::ReplaceAll { pattern, from: 0 }, [whole, with])))
}

pub fn format_number<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
) -> Result<Term> {
    let [number, source] = all(args);
    let source = constant(work, at, source, "pattern")?;
    let pattern = NumberPattern::new(&source).map_err(|what| at.fault("pattern", "a pattern of printf", what))?;
    let data = if pattern.is_whole() { DataType::Integer } else { DataType::Double };
    let number = work.cast(at, number, data)?.expr;
    Ok(text(Expr::call(TextFunc::Printf(pattern), [required(number, data)])))
}
