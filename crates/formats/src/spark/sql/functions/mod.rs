//! The functions of Spark SQL that are served: a table a family, each row its name, how it is called, what it does.
//!
//! A row says either which function of the plan it is and what its arguments convert to, or how it is put together. The tables
//! are what the reference page shows.

use plan::{
    Func,
    expr::{Arith, Compare, ListFunc, Math, TextFunc},
};

use super::{
    SqlError,
    ast::{Ast, Call},
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

mod lists;
mod logic;
mod math;
mod text;
mod time;

/// A function.
pub struct Function {
    /// In lower case.
    pub name: &'static str,
    /// How it is called, for people.
    pub usage: &'static str,
    /// What it does, where its name and the usage do not say it all.
    pub doc: &'static str,
    build: Build,
}

/// Puts a call together.
type Custom = fn(&Typer<'_>, Vec<Typed>) -> Result<Typed, SqlError>;

enum Build {
    /// A function of the plan; arguments convert as said, those past the list as its last.
    Plain(Func, &'static [Arg]),
    /// With so few and so many arguments.
    Custom(usize, usize, Custom),
}

/// What an argument converts to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arg {
    Text,
    Int,
    Long,
    Double,
    Date,
    Timestamp,
    Binary,
    /// A text or bytes as they are, else a text.
    Run,
    Any,
}

/// What kind of values a column holds, as far as its use tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Number,
    Text,
    Bool,
    /// A date or timestamp, or its text.
    Time,
    /// A date or timestamp, its text not.
    Moment,
    List,
}

const ANY: usize = usize::MAX;

/// Refuses a function in a statement of an earlier Spark, which does not have it either.
fn from_spark_4(typer: &Typer<'_>, name: &str) -> Result<(), SqlError> {
    match typer.session.spark_major {
        ..4 => Err(SqlError::Analysis(format!("the function `{name}` comes with Spark 4"))),
        _ => Ok(()),
    }
}

/// Returns a row of a table.
const fn row(name: &'static str, usage: &'static str, doc: &'static str, build: Build) -> Function {
    Function { name, usage, doc, build }
}

/// All functions but aggregates, family by family: the family's name and its rows, ordered by name.
pub const FAMILIES: &[(&str, &[Function])] = &[
    ("conditions", logic::TABLE),
    ("mathematics", math::TABLE),
    ("texts and bytes", text::TABLE),
    ("dates and times", time::TABLE),
    ("arrays and structs", lists::TABLE),
];

/// Functions that give another answer each time: refused by name.
const VOLATILE: &[&str] = &[
    "current_catalog",
    "current_database",
    "current_date",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_timezone",
    "current_user",
    "input_file_block_length",
    "input_file_block_start",
    "input_file_name",
    "localtimestamp",
    "monotonically_increasing_id",
    "now",
    "rand",
    "randn",
    "random",
    "randstr",
    "shuffle",
    "spark_partition_id",
    "user",
    "uuid",
    "uniform",
    "version",
];

/// Returns the function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    FAMILIES.iter().find_map(|(_, table)| {
        table.binary_search_by(|function| function.name.cmp(name)).ok().map(|place| &table[place])
    })
}

/// Returns what kind a function takes as its argument of this place.
pub fn takes(name: &str, place: usize) -> Kind {
    match (name, place) {
        ("sum" | "avg" | "mean" | "std" | "stddev" | "stddev_samp" | "stddev_pop", 0) => return Kind::Number,
        ("variance" | "var_samp" | "var_pop", 0) => return Kind::Number,
        ("skewness" | "kurtosis" | "median" | "percentile" | "try_sum" | "try_avg", 0) => return Kind::Number,
        ("bit_and" | "bit_or" | "bit_xor", 0) | ("corr" | "covar_pop" | "covar_samp", _) => return Kind::Number,
        (name, _) if name.starts_with("regr_") => return Kind::Number,
        ("bool_and" | "every" | "bool_or" | "any" | "some" | "count_if", 0) => return Kind::Bool,
        ("concat" | "concat_ws" | "reverse" | "hash" | "xxhash64" | "hex" | "decode" | "format_number", _) => {
            return if name == "format_number" { Kind::Number } else { Kind::Any };
        }
        ("substring" | "substr" | "lpad" | "rpad" | "left" | "right", 1..) => return Kind::Any,
        ("isnan" | "nanvl", _) => return Kind::Number,
        ("from_unixtime" | "make_date" | "timestamp_seconds", _) => return Kind::Number,
        ("date_trunc" | "extract" | "date_part" | "datepart", 0) => return Kind::Text,
        ("trunc" | "to_date" | "date_format" | "to_timestamp" | "unix_timestamp" | "next_day", 1) => return Kind::Text,
        ("date_sub", 1) => return Kind::Number,
        ("array" | "array_repeat" | "sequence", 0) => return Kind::Any,
        ("format_string" | "printf", 1..) => return Kind::Any,
        ("make_timestamp" | "make_timestamp_ltz" | "try_make_timestamp", 0..=5) => return Kind::Number,
        ("make_timestamp" | "make_timestamp_ltz" | "try_make_timestamp", _) => return Kind::Text,
        _ => {}
    }
    let place_of = |table: &[Function]| table.binary_search_by(|function| function.name.cmp(name)).ok();
    let Some((family, function)) =
        FAMILIES.iter().find_map(|(family, table)| place_of(table).map(|at| (*family, &table[at])))
    else {
        return Kind::Any;
    };
    match &function.build {
        Build::Plain(_, kinds) => match kinds.get(place).or(kinds.last()) {
            Some(Arg::Text | Arg::Run | Arg::Binary) => Kind::Text,
            Some(Arg::Int | Arg::Long | Arg::Double) => Kind::Number,
            Some(Arg::Date | Arg::Timestamp) => Kind::Time,
            _ if family == "arrays and structs" && place == 0 => Kind::List,
            _ => Kind::Any,
        },
        Build::Custom(..) => match family {
            "mathematics" => Kind::Number,
            "texts and bytes" => Kind::Text,
            "dates and times" => Kind::Time,
            "arrays and structs" if place == 0 => Kind::List,
            _ => Kind::Any,
        },
    }
}

/// Returns what kind a function gives, as far as its name tells.
pub fn gives(name: &str) -> Kind {
    match name {
        "length" | "char_length" | "instr" | "locate" | "size" | "year" | "month" | "day" | "datediff" | "hour" => {
            Kind::Number
        }
        "upper" | "lower" | "trim" | "concat" | "concat_ws" | "substring" | "substr" | "replace" | "regexp_replace" => {
            Kind::Text
        }
        "to_date" | "date_add" | "date_sub" | "to_timestamp" | "date_trunc" | "add_months" => Kind::Time,
        name if math::TABLE.iter().any(|function| function.name == name) => Kind::Number,
        _ => Kind::Any,
    }
}

/// Returns whether there is such a function or operator; operators have a sign or a blank in their names, or are words of SQL.
pub fn is_known(name: &str) -> bool {
    const WORDS: &[&str] = &["and", "between", "div", "in", "mod", "negative", "not", "or", "positive"];
    let is_sign = !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_sign || WORDS.contains(&name) || find(name).is_some()
}

/// Returns why there is no function of this name.
pub fn unknown(name: &str) -> SqlError {
    if VOLATILE.contains(&name) {
        return SqlError::Unsupported(format!("`{name}`, which gives another answer each time"));
    }
    SqlError::Unsupported(format!("the function `{name}`: it is none of those that are served (a UDF?)"))
}

/// Returns the call of a function or an operator, typed. Arguments come first and in frames of their own: expressions are deep.
pub fn call(typer: &Typer<'_>, call: &Call) -> Result<Typed, SqlError> {
    if call.distinct || call.filter.is_some() || call.ignore_nulls {
        return Err(SqlError::Unsupported(format!("DISTINCT, FILTER and IGNORE NULLS in `{}`", call.name)));
    }
    let mut parts = Vec::new();
    let args = if is_connective(call) {
        flatten(&call.name, &call.args, &mut parts);
        parts.into_iter().map(|ast| typer.typed(ast)).collect::<Result<_, _>>()?
    } else {
        typer.all(&call.args)?
    };
    apply(typer, &call.name, args)
}

fn is_connective(call: &Call) -> bool {
    matches!(&*call.name, "and" | "or") && call.args.len() == 2
}

/// Takes a chain of one connective apart, in order: it leans to the left.
fn flatten<'a>(name: &str, asts: &'a [Ast], parts: &mut Vec<&'a Ast>) {
    let mut asts = asts;
    let mut rest = Vec::new();
    while let [Ast::Call(left), right] = asts
        && is_connective(left)
        && &*left.name == name
    {
        rest.push(right);
        asts = &left.args;
    }
    parts.extend(asts);
    parts.extend(rest.into_iter().rev());
}

fn apply(typer: &Typer<'_>, name: &str, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let args = match operator(typer, name, args) {
        Ok(result) => return result,
        Err(args) => args,
    };
    let function = find(name).ok_or_else(|| unknown(name))?;
    let count = args.len();
    let wrong = |takes: String| SqlError::Analysis(format!("`{name}` takes {takes} arguments, got {count}"));
    match &function.build {
        Build::Plain(func, kinds) => {
            let arity = func.arity();
            if !arity.contains(&count) {
                return Err(wrong(range(*arity.start(), *arity.end())));
            }
            let kind = |i: usize| kinds.get(i).or(kinds.last()).copied().unwrap_or(Arg::Any);
            let args = args.into_iter().enumerate().map(|(i, arg)| convert(typer, arg, kind(i), name));
            typer.call(func.clone(), args.collect::<Result<_, _>>()?)
        }
        Build::Custom(low, high, build) => {
            if !(*low..=*high).contains(&count) {
                return Err(wrong(range(*low, *high)));
            }
            build(typer, args)
        }
    }
}

fn range(low: usize, high: usize) -> String {
    match high {
        _ if low == high => low.to_string(),
        ANY => format!("{low} or more"),
        _ => format!("{low} to {high}"),
    }
}

fn convert(typer: &Typer<'_>, arg: Typed, kind: Arg, name: &str) -> Result<Typed, SqlError> {
    let to = match kind {
        Arg::Any => return Ok(arg),
        Arg::Run if arg.ty == SqlType::Binary => return Ok(arg),
        Arg::Run | Arg::Text => SqlType::Text,
        Arg::Int => SqlType::Int,
        Arg::Long => SqlType::Long,
        Arg::Double => SqlType::Double,
        Arg::Date => SqlType::Date,
        Arg::Timestamp => SqlType::Timestamp,
        Arg::Binary => SqlType::Binary,
    };
    typer.expect(arg, &to, name)
}

/// Operators; the arguments back where the name is none.
fn operator(typer: &Typer<'_>, name: &str, args: Vec<Typed>) -> Result<Result<Typed, SqlError>, Vec<Typed>> {
    match (name, args.len()) {
        ("and" | "or", 2..) => Ok(connected(typer, name, args)),
        ("in", 2..) => Ok(logic::compared(typer, args).and_then(|args| typer.call(Func::In, args))),
        ("between", 3) => Ok(between(typer, args)),
        (_, 1) => unary(typer, name, args),
        (_, 2) => binary(typer, name, args),
        _ => Err(args),
    }
}

fn connected(typer: &Typer<'_>, name: &str, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let func = if name == "and" { Func::And } else { Func::Or };
    let args = args.into_iter().map(|arg| typer.boolean(arg, name)).collect::<Result<_, _>>()?;
    typer.joined(&func, args)
}

fn between(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [a, low, high] = <[Typed; 3]>::try_from(args).map_err(|args| no_common("BETWEEN", &args))?;
    let low = typer.comparison(Compare::Ge, typer.copy(&a)?, low)?;
    let high = typer.comparison(Compare::Le, a, high)?;
    typer.call(Func::And, vec![low, high])
}

fn unary(typer: &Typer<'_>, name: &str, mut args: Vec<Typed>) -> Result<Result<Typed, SqlError>, Vec<Typed>> {
    let known = ["~", "not", "negative -", "negative", "positive +", "positive", "is null", "is not null"];
    let Some(arg) = known.contains(&name).then(|| args.pop()).flatten() else { return Err(args) };
    Ok(match name {
        "~" => math::bit_not(typer, arg),
        "not" => typer.boolean(arg, "NOT").and_then(|arg| typer.call(Func::Not, vec![arg])),
        "negative -" | "negative" => math::sign_of(typer, Arith::Neg, arg),
        "positive +" | "positive" => math::positive(typer, arg),
        "is null" => typer.call(Func::IsNull, vec![arg]),
        _ => typer.call(Func::IsNull, vec![arg]).and_then(|is_null| typer.call(Func::Not, vec![is_null])),
    })
}

fn binary(typer: &Typer<'_>, name: &str, args: Vec<Typed>) -> Result<Result<Typed, SqlError>, Vec<Typed>> {
    let [a, b] = <[Typed; 2]>::try_from(args)?;
    Ok(match name {
        "+" => arithmetic(typer, Arith::Add, a, b),
        "-" => arithmetic(typer, Arith::Sub, a, b),
        "*" => arithmetic(typer, Arith::Mul, a, b),
        "/" => arithmetic(typer, Arith::Div, a, b),
        "div" => arithmetic(typer, Arith::IntDiv, a, b),
        "%" | "mod" => arithmetic(typer, Arith::Rem, a, b),
        "=" => typer.comparison(Compare::Eq, a, b),
        "<=>" => typer.comparison(Compare::Same, a, b),
        "<" => typer.comparison(Compare::Lt, a, b),
        "<=" => typer.comparison(Compare::Le, a, b),
        ">" => typer.comparison(Compare::Gt, a, b),
        ">=" => typer.comparison(Compare::Ge, a, b),
        "&" => math::bits(typer, Math::BitAnd, a, b),
        "|" => math::bits(typer, Math::BitOr, a, b),
        "^" => math::bits(typer, Math::BitXor, a, b),
        "<<" => math::shift(typer, vec![a, b], Math::ShiftLeft),
        ">>" => math::shift(typer, vec![a, b], Math::ShiftRight),
        ">>>" => math::shift(typer, vec![a, b], Math::ShiftRightUnsigned),
        "||" => text::concat(typer, vec![a, b]),
        "." => part_of(typer, a, b.text()),
        "[]" => item(typer, a, b),
        _ => return Err(vec![a, b]),
    })
}

fn arithmetic(typer: &Typer<'_>, op: Arith, a: Typed, b: Typed) -> Result<Typed, SqlError> {
    match time::arithmetic(typer, op, &a, &b)? {
        Some(typed) => Ok(typed),
        None => typer.arithmetic(op, a, b, typer.on()),
    }
}

/// A part of a struct, its name in any case.
fn part_of(typer: &Typer<'_>, arg: Typed, part: Option<&std::sync::Arc<str>>) -> Result<Typed, SqlError> {
    let Some(part) = part else { return Err(no_common(".", &[arg])) };
    let SqlType::Struct(parts) = &arg.ty else {
        return Err(SqlError::Analysis(format!("`{part}` is asked of a {}, which has no parts", arg.ty)));
    };
    let name = parts.iter().map(|(name, _)| name).find(|name| name.eq_ignore_ascii_case(part)).cloned();
    let name = name.ok_or_else(|| SqlError::Analysis(format!("the struct has no part `{part}`")))?;
    typer.call(Func::Part(name), vec![arg])
}

fn item(typer: &Typer<'_>, list: Typed, at: Typed) -> Result<Typed, SqlError> {
    if !matches!(list.ty, SqlType::Array(_)) || !at.ty.is_integer() {
        return Err(no_common("[]", &[list, at]));
    }
    let at = typer.cast(at, &SqlType::Int);
    typer.call(ListFunc::Get(typer.on()), vec![list, at])
}

/// A text function of arguments that are texts.
const fn texts(func: TextFunc) -> Build {
    Build::Plain(Func::Text(func), &[Arg::Text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_ordered_and_names_unique() {
        for (family, table) in FAMILIES {
            let names: Vec<&str> = table.iter().map(|function| function.name).collect();
            assert!(names.is_sorted(), "{family}: {names:?}");
        }
        let all: Vec<&str> = FAMILIES.iter().flat_map(|(_, table)| table.iter().map(|f| f.name)).collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
        assert!(all.iter().all(|name| !VOLATILE.contains(name)));
    }
}
