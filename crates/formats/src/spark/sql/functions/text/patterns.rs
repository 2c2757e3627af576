//! Functions of regular expressions: Java's, and constants.

use plan::{Expr, Pattern, expr::TextFunc};

use super::{int, int_constant, text, text_constant};
use crate::{
    java_regex::{self, RegexError},
    spark::sql::{
        SqlError,
        functions::logic,
        types::SqlType,
        typing::{Typed, Typer, no_common},
    },
};

fn pattern(arg: &Typed, of: &str) -> Result<Pattern, SqlError> {
    let Some(source) = arg.text() else {
        return Err(SqlError::Unsupported(format!("`{of}` with a pattern that is not constant")));
    };
    java_regex::pattern(source).map_err(|error| match error {
        RegexError::Malformed(what) => SqlError::Analysis(format!("the pattern {source:?}: {what}")),
        RegexError::Unsupported(what) => SqlError::Unsupported(format!("{what} in the pattern {source:?}")),
    })
}

pub fn of_pattern(typer: &Typer<'_>, args: Vec<Typed>, func: impl Fn(Pattern) -> TextFunc) -> Result<Typed, SqlError> {
    let [value, source] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("regexp", &args))?;
    let pattern = pattern(&source, "rlike")?;
    typer.call(func(pattern), vec![text(typer, value, "rlike")?])
}

pub fn rlike(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    of_pattern(typer, args, TextFunc::Matches)
}

pub fn extract(typer: &Typer<'_>, args: Vec<Typed>, func: fn(Pattern) -> TextFunc) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let (Some(value), Some(source)) = (args.next(), args.next()) else { return Err(no_common("regexp_extract", &[])) };
    let group = args.next().unwrap_or_else(|| int_constant(1));
    let pattern = pattern(&source, "regexp_extract")?;
    let args = vec![text(typer, value, "regexp_extract")?, int(typer, group, "regexp_extract")?];
    typer.call(func(pattern), args)
}

/// The null of a type, for a pattern that is null.
fn null(ty: SqlType) -> Typed {
    Typed::new(Expr::null(ty.column()), ty)
}

fn is_null(arg: &Typed) -> bool {
    arg.ty == SqlType::Null
}

/// Where the first match begins. Which group is asked makes no difference to Spark, but that it is not null.
pub fn place(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.iter().any(is_null) {
        return Ok(null(SqlType::Int));
    }
    if args.get(2).is_some_and(|group| group.integer().is_none()) {
        return Err(SqlError::Unsupported("`regexp_instr` of a group that is not constant".to_owned()));
    }
    let units = typer.session.units();
    of_pattern(typer, args.into_iter().take(2).collect(), |pattern| TextFunc::Place { pattern, units })
}

/// The first match; null where there is none, or where it is empty.
pub fn found(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [value, source] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("regexp_substr", &args))?;
    if is_null(&source) {
        return Ok(null(SqlType::Text));
    }
    let pattern = pattern(&source, "regexp_substr")?;
    let args = vec![text(typer, value, "regexp_substr")?, int_constant(0)];
    let found = typer.call(TextFunc::Extract(pattern), args)?;
    logic::null_if(typer, vec![found, text_constant("")])
}

pub fn replace_all(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let (Some(value), Some(source), Some(with)) = (args.next(), args.next(), args.next()) else {
        return Err(no_common("regexp_replace", &[]));
    };
    let from = match args.next() {
        None => 0,
        Some(from) => match from.integer().and_then(|from| u32::try_from(from).ok()?.checked_sub(1)) {
            Some(from) => from,
            None => return Err(SqlError::Unsupported("`regexp_replace` from other than a constant place".to_owned())),
        },
    };
    let pattern = pattern(&source, "regexp_replace")?;
    let args = vec![text(typer, value, "regexp_replace")?, text(typer, with, "regexp_replace")?];
    typer.call(TextFunc::ReplaceAll { pattern, from }, args)
}

pub fn split(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let (Some(value), Some(source)) = (args.next(), args.next()) else { return Err(no_common("split", &[])) };
    let limit = args.next().unwrap_or_else(|| int_constant(-1));
    let pattern = pattern(&source, "split")?;
    let args = vec![text(typer, value, "split")?, int(typer, limit, "split")?];
    typer.call(TextFunc::Split { pattern, drops: !typer.session.since(4, 1) }, args)
}
