//! The names that Spark gives to columns without an alias: its `toPrettySQL`.

use std::{fmt::Write, sync::Arc};

use model::java;

use super::{
    ast::{Ast, Call, Interval, Literal},
    typing::Session,
};

/// Functions that Spark writes in capitals.
const CAPITALS: &[&str] = &[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "cot",
    "csc",
    "degrees",
    "e",
    "exp",
    "expm1",
    "floor",
    "hypot",
    "log",
    "log10",
    "log1p",
    "log2",
    "pi",
    "power",
    "radians",
    "regexp",
    "regexp_like",
    "rlike",
    "sec",
    "signum",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
];

/// Arguments that Spark adds where there are no more than so many.
const DEFAULTS: &[(&str, usize, &str)] = &[
    ("array_sort", 1, COMPARED),
    ("bround", 1, "0"),
    ("from_unixtime", 1, "yyyy-MM-dd HH:mm:ss"),
    ("locate", 2, "1"),
    ("lpad", 2, " "),
    ("mask", 1, "X, x, n, NULL"),
    ("mask", 2, "x, n, NULL"),
    ("mask", 3, "n, NULL"),
    ("mask", 4, "NULL"),
    ("months_between", 2, "true"),
    ("overlay", 3, "-1"),
    ("percentile", 2, "1"),
    ("position", 2, "1"),
    ("regexp_extract", 2, "1"),
    ("regexp_extract_all", 2, "1"),
    ("regexp_instr", 2, "0"),
    ("regexp_replace", 3, "1"),
    ("replace", 2, ""),
    ("round", 1, "0"),
    ("rpad", 2, " "),
    ("sort_array", 1, "true"),
    ("split", 2, "-1"),
    ("substr", 2, "2147483647"),
    ("substring", 2, "2147483647"),
    ("to_unix_timestamp", 1, "yyyy-MM-dd HH:mm:ss"),
    ("unix_timestamp", 1, "yyyy-MM-dd HH:mm:ss"),
];

/// How `array_sort` compares, as Spark writes it.
const COMPARED: &str = concat!(
    "lambdafunction((IF(((namedlambdavariable() IS NULL) AND (namedlambdavariable() IS NULL)), 0, ",
    "(IF((namedlambdavariable() IS NULL), 1, (IF((namedlambdavariable() IS NULL), -1, ",
    "(IF((namedlambdavariable() < namedlambdavariable()), -1, ",
    "(IF((namedlambdavariable() > namedlambdavariable()), 1, 0)))))))))), ",
    "namedlambdavariable(), namedlambdavariable())"
);

/// Functions that are a cast by their name.
const CASTS: &[&str] = &[
    "bigint",
    "binary",
    "boolean",
    "date",
    "decimal",
    "double",
    "float",
    "int",
    "smallint",
    "string",
    "timestamp",
    "tinyint",
];

/// Returns the name of an item without an alias.
pub fn name(ast: &Ast, session: &Session) -> Arc<str> {
    match ast {
        Ast::Column(path) => path.last().cloned().unwrap_or_default(),
        Ast::Cast { arg, .. } if matches!(**arg, Ast::Column(_)) => name(arg, session),
        Ast::Call(call) if CASTS.contains(&&*call.name) && matches!(call.args.as_slice(), [Ast::Column(_)]) => {
            name(&call.args[0], session)
        }
        Ast::Call(call) if &*call.name == "." => match call.args.as_slice() {
            [_, Ast::Literal(Literal::Text(part))] => part.clone(),
            _ => shown(ast, session).into(),
        },
        ast => shown(ast, session).into(),
    }
}

/// Returns the expression as Spark shows it.
pub fn shown(ast: &Ast, session: &Session) -> String {
    let mut text = String::new();
    Printer { session, text: &mut text }.ast(ast);
    text
}

struct Printer<'a> {
    session: &'a Session,
    text: &'a mut String,
}

impl Printer<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn list<'a>(&mut self, asts: impl IntoIterator<Item = &'a Ast>) {
        for (i, ast) in asts.into_iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.ast(ast);
        }
    }

    /// Parts, joined as they stand.
    fn join(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            match part {
                Part::Text(text) => self.push(text),
                Part::Ast(ast) => self.ast(ast),
            }
        }
    }

    fn ast(&mut self, ast: &Ast) {
        use Part::{Ast as A, Text as T};
        match ast {
            Ast::Literal(literal) => self.literal(literal),
            Ast::Column(path) => self.push(&path.join(".")),
            Ast::Input { name, .. } => self.push(name),
            Ast::Cast { arg, to, is_try } => {
                let name = if *is_try { "TRY_CAST(" } else { "CAST(" };
                self.join(&[T(name), A(arg), T(" AS "), T(&to.to_string()), T(")")]);
            }
            Ast::Case { arms, otherwise } => {
                self.push("CASE");
                for (test, value) in arms {
                    self.join(&[T(" WHEN "), A(test), T(" THEN "), A(value)]);
                }
                if let Some(otherwise) = otherwise {
                    self.join(&[T(" ELSE "), A(otherwise)]);
                }
                self.push(" END");
            }
            Ast::Call(call) => self.call(call),
        }
    }

    fn literal(&mut self, literal: &Literal) {
        // Writing to a text does not fail.
        let _ = match literal {
            Literal::Null => write!(self.text, "NULL"),
            Literal::Bool(bit) => write!(self.text, "{bit}"),
            Literal::Byte(i) => write!(self.text, "{i}"),
            Literal::Short(i) => write!(self.text, "{i}"),
            Literal::Int(i) => write!(self.text, "{i}"),
            Literal::Long(i) => write!(self.text, "{i}"),
            Literal::Float(x) => write!(self.text, "{}", java::text_f32(*x, &mut [0; 32])),
            Literal::Double(x) => write!(self.text, "{}", java::text_f64(*x, &mut [0; 32])),
            Literal::Decimal { value, scale, .. } => {
                write!(self.text, "{}", java_decimal(*value, *scale))
            }
            Literal::Text(text) => write!(self.text, "{text}"),
            Literal::Timestamp(text) => write!(self.text, "TIMESTAMP '{}'", java_timestamp(text)),
            Literal::Bytes(bytes) => {
                self.push("X'");
                bytes.iter().for_each(|byte| {
                    let _ = write!(self.text, "{byte:02X}");
                });
                write!(self.text, "'")
            }
            Literal::Date(days) => {
                let (year, month, day) = super::literal::civil(*days);
                write!(self.text, "DATE '{year:04}-{month:02}-{day:02}'")
            }
            Literal::Interval(Interval { months, days, micros }) => {
                write!(self.text, "INTERVAL {months} months {days} days {micros} microseconds")
            }
        };
    }

    fn call(&mut self, call: &Call) {
        use Part::{Ast as A, Text as T};
        let name = &*call.name;
        let args = call.args.as_slice();
        match (name, args) {
            // A cast by a function's name does not show.
            (name, [a]) if CASTS.contains(&name) => self.ast(a),
            (
                "+" | "-" | "*" | "/" | "%" | "div" | "=" | "<=>" | "<" | "<=" | ">" | ">=" | "&" | "|" | "^" | "<<"
                | ">>" | ">>>",
                [a, b],
            ) => {
                self.join(&[T("("), A(a), T(" "), T(name), T(" "), A(b), T(")")]);
            }
            ("and" | "or", [a, b]) => {
                self.join(&[T("("), A(a), T(if name == "and" { " AND " } else { " OR " }), A(b), T(")")]);
            }
            ("not", [a]) => self.join(&[T("(NOT "), A(a), T(")")]),
            ("is null" | "isnull", [a]) => self.join(&[T("("), A(a), T(" IS NULL)")]),
            ("is not null" | "isnotnull", [a]) => self.join(&[T("("), A(a), T(" IS NOT NULL)")]),
            ("negative -", [a]) => self.join(&[T("(- "), A(a), T(")")]),
            ("positive +" | "positive", [a]) => self.join(&[T("(+ "), A(a), T(")")]),
            ("~", [a]) => self.join(&[T("~"), A(a)]),
            ("between", [a, low, high]) if self.session.spark_major < 4 => {
                self.join(&[T("(("), A(a), T(" >= "), A(low), T(") AND ("), A(a), T(" <= "), A(high), T("))")]);
            }
            ("in", [a, rest @ ..]) => {
                self.join(&[T("("), A(a), T(" IN (")]);
                self.list(rest);
                self.push("))");
            }
            ("like", [a, pattern, escape]) if self.session.spark_major >= 4 => {
                self.join(&[A(a), T(" LIKE "), A(pattern), T(" ESCAPE '"), A(escape), T("'")]);
            }
            ("like", [a, pattern, ..]) => self.join(&[A(a), T(" LIKE "), A(pattern)]),
            ("||", [..]) => self.plain("concat", call),
            ("if", [..]) => {
                self.push("(IF(");
                self.list(args);
                self.push("))");
            }
            (".", [a, part]) => self.join(&[A(a), T("."), A(part)]),
            ("[]", [a, at]) => self.join(&[A(a), T("["), A(at), T("]")]),
            ("extract" | "datepart", [field, a]) => self.join(&[T(name), T("("), A(field), T(" FROM "), A(a), T(")")]),
            ("log", [x]) => self.join(&[T("LOG(E(), "), A(x), T(")")]),
            ("trim both", [a, what]) => self.join(&[T("TRIM(BOTH "), A(what), T(" FROM "), A(a), T(")")]),
            ("trim leading", [a, what]) => self.join(&[T("TRIM(LEADING "), A(what), T(" FROM "), A(a), T(")")]),
            ("trim trailing", [a, what]) => self.join(&[T("TRIM(TRAILING "), A(what), T(" FROM "), A(a), T(")")]),
            ("trim", [what, a]) => self.join(&[T("TRIM(BOTH "), A(what), T(" FROM "), A(a), T(")")]),
            ("ltrim", [what, a]) => self.join(&[T("TRIM(LEADING "), A(what), T(" FROM "), A(a), T(")")]),
            ("rtrim", [what, a]) => self.join(&[T("TRIM(TRAILING "), A(what), T(" FROM "), A(a), T(")")]),
            ("trim both", [_]) => self.plain("trim", call),
            ("trim leading", [_]) => self.plain("ltrim", call),
            ("trim trailing", [_]) => self.plain("rtrim", call),
            ("ceil" | "floor", [_, _]) => self.plain(name, call),
            ("dateadd", [..]) => self.plain("date_add", call),
            ("array_agg", [..]) => self.plain("collect_list", call),
            ("first" | "last" | "first_value" | "last_value" | "any_value", [a, _]) => {
                self.join(&[T(name), T("("), A(a), T(")")])
            }
            _ if CAPITALS.contains(&name) => self.plain(&name.to_ascii_uppercase(), call),
            _ => self.plain(name, call),
        }
    }

    fn plain(&mut self, name: &str, call: &Call) {
        self.push(name);
        self.push(if call.distinct { "(DISTINCT " } else { "(" });
        self.list(&call.args);
        if let Some((_, _, more)) = DEFAULTS.iter().find(|(of, args, _)| *of == name && *args == call.args.len()) {
            self.push(", ");
            self.push(more);
        }
        self.push(")");
        if let Some(filter) = &call.filter {
            self.join(&[Part::Text(" FILTER (WHERE "), Part::Ast(filter), Part::Text(")")]);
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Ast(&'a Ast),
}

/// Returns the number as Java's `BigDecimal.toString`: with an exponent where more than five zeros would follow the point.
fn java_decimal(value: i128, scale: u8) -> String {
    let digits = value.unsigned_abs().to_string();
    let exponent = digits.len() as i32 - 1 - i32::from(scale);
    if exponent >= -6 {
        return model::decimal::to_string(value, scale);
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{}{first}{point}{rest}E{exponent}", if value < 0 { "-" } else { "" })
}

/// Returns a timestamp's text as Spark writes it: a day alone is its midnight.
fn java_timestamp(text: &str) -> String {
    let text = text.trim();
    if text.len() == "2024-02-29".len() && !text.contains([':', 'T']) {
        return format!("{text} 00:00:00");
    }
    text.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_decimals_have_an_exponent() {
        assert_eq!(java_decimal(1, 9), "1E-9");
        assert_eq!(java_decimal(-125, 10), "-1.25E-8");
        assert_eq!((java_decimal(1, 6), java_decimal(0, 2)), ("0.000001".to_owned(), "0.00".to_owned()));
        assert_eq!(java_timestamp("2024-02-29"), "2024-02-29 00:00:00");
        assert_eq!(java_timestamp("2024-02-29T01:02:03"), "2024-02-29 01:02:03");
    }

    #[test]
    fn the_list_of_capitals_is_ordered() {
        assert!(CAPITALS.is_sorted() && DEFAULTS.is_sorted() && CASTS.is_sorted());
    }
}
