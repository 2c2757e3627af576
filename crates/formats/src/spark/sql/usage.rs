//! What a column may be that only a statement reads, by what is done with it.
//!
//! Spark does not save the types of a statement's columns. Arithmetic and mathematics take numbers, text functions and LIKE
//! texts; what is compared with a constant, or may stand in its place, is of the constant's kind. Of the rest nothing is known.

use super::{
    ast::{Ast, Call, Literal},
    functions::{self, Kind},
    types::SqlType,
};
use crate::spark::lower::Accepts;

/// Calls `each` with every column of the expression and what it may be there.
pub fn columns<'a>(ast: &'a Ast, kind: Kind, each: &mut dyn FnMut(&'a [std::sync::Arc<str>], Kind)) {
    match ast {
        Ast::Literal(_) | Ast::Input { .. } => {}
        Ast::Column(path) => each(path, kind),
        Ast::Cast { arg, to, .. } => {
            let kind = if matches!(to, SqlType::Array(_)) { Kind::List } else { Kind::Any };
            columns(arg, kind, each);
        }
        Ast::Case { arms, otherwise } => {
            let values = || arms.iter().map(|(_, value)| value).chain(otherwise.as_deref());
            let of_values = common(values(), kind);
            arms.iter().for_each(|(test, _)| columns(test, Kind::Bool, each));
            values().for_each(|value| columns(value, of_values, each));
        }
        Ast::Call(call) => of_call(call, kind, each),
    }
}

/// Returns what a stage may do with such a column.
pub fn accepts(kind: Kind) -> Accepts {
    match kind {
        Kind::Any => Accepts::Anything,
        Kind::Number => Accepts::ExactNumber,
        Kind::Text => Accepts::Text,
        Kind::Bool => Accepts::Bool,
        Kind::Time => Accepts::Time,
        Kind::Moment => Accepts::Moment,
        Kind::List => Accepts::Items,
    }
}

/// The kind of the first part that tells, where nothing is known from outside.
fn common<'a>(asts: impl IntoIterator<Item = &'a Ast>, kind: Kind) -> Kind {
    match kind {
        Kind::Any => asts.into_iter().map(kind_of).find(|kind| *kind != Kind::Any).unwrap_or(Kind::Any),
        kind => kind,
    }
}

/// Returns what an expression gives, as far as its form tells.
fn kind_of(ast: &Ast) -> Kind {
    match ast {
        Ast::Literal(literal) => match literal {
            Literal::Null | Literal::Interval(_) => Kind::Any,
            Literal::Bool(_) => Kind::Bool,
            Literal::Text(_) | Literal::Bytes(_) => Kind::Text,
            Literal::Date(_) | Literal::Timestamp(_) => Kind::Time,
            _ => Kind::Number,
        },
        Ast::Column(_) | Ast::Input { .. } => Kind::Any,
        Ast::Cast { to, .. } => match to {
            SqlType::Text | SqlType::Binary => Kind::Text,
            SqlType::Boolean => Kind::Bool,
            SqlType::Date | SqlType::Timestamp => Kind::Time,
            SqlType::Array(_) => Kind::List,
            _ => Kind::Number,
        },
        Ast::Case { arms, otherwise } => {
            common(arms.iter().map(|(_, value)| value).chain(otherwise.as_deref()), Kind::Any)
        }
        Ast::Call(call) => match &*call.name {
            "+" | "-" if call.args.iter().any(is_time) => Kind::Moment,
            "+" | "-" | "*" | "/" | "%" | "div" | "negative -" | "positive +" => Kind::Number,
            "and" | "or" | "not" | "=" | "<=>" | "<" | "<=" | ">" | ">=" | "in" | "like" | "is null" => Kind::Bool,
            "||" => Kind::Text,
            name => functions::gives(name),
        },
    }
}

/// Whether it is a date, a timestamp or a length of time.
fn is_time(ast: &Ast) -> bool {
    matches!(ast, Ast::Literal(Literal::Interval(_))) || matches!(kind_of(ast), Kind::Time | Kind::Moment)
}

fn of_call<'a>(call: &'a Call, kind: Kind, each: &mut dyn FnMut(&'a [std::sync::Arc<str>], Kind)) {
    let args = &call.args;
    let mut all = |kind: Kind, args: &'a [Ast]| args.iter().for_each(|arg| columns(arg, kind, each));
    match &*call.name {
        "+" | "-" => {
            let is_time = args.iter().any(is_time);
            all(if is_time { Kind::Moment } else { Kind::Number }, args);
        }
        "*" | "/" | "%" | "div" | "&" | "|" | "^" | "<<" | ">>" | ">>>" | "~" | "negative -" | "positive +" => {
            all(Kind::Number, args)
        }
        "and" | "or" | "not" => all(Kind::Bool, args),
        "=" | "<=>" | "<" | "<=" | ">" | ">=" | "in" | "between" => all(common(args, Kind::Any), args),
        "||" => all(Kind::Text, args),
        "coalesce" | "nvl" | "ifnull" | "greatest" | "least" | "nullif" => all(common(args, kind), args),
        "if" | "nvl2" => {
            let (test, values) = args.split_at(args.len().min(1));
            all(if &*call.name == "nvl2" { Kind::Any } else { Kind::Bool }, test);
            all(common(values, kind), values);
        }
        "is null" | "is not null" | "isnull" | "isnotnull" | "." => all(Kind::Any, args),
        "[]" => {
            let (list, at) = args.split_at(args.len().min(1));
            all(Kind::List, list);
            all(Kind::Number, at);
        }
        name => args.iter().enumerate().for_each(|(i, arg)| columns(arg, functions::takes(name, i), each)),
    }
    if let Some(filter) = &call.filter {
        columns(filter, Kind::Bool, each);
    }
}
