//! Conditions, nulls and conversions.

use plan::{
    Func, Scalar,
    expr::{Compare, Math},
};

use super::{ANY, Build, Function, row};
use crate::spark::sql::{
    SqlError,
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

pub const TABLE: &[Function] = &[
    row("bigint", "bigint(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Long))),
    row("binary", "binary(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Binary))),
    row("boolean", "boolean(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Boolean))),
    row("coalesce", "coalesce(x, ..)", "The first that is not null.", Build::Custom(1, ANY, coalesce)),
    row("date", "date(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Date))),
    row(
        "decimal",
        "decimal(x)",
        "As CAST to DECIMAL(10,0).",
        Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Decimal(10, 0))),
    ),
    row(
        "decode",
        "decode(x, a, b, .., otherwise)",
        "What follows the first value that equals x, nulls too; or bytes as text.",
        Build::Custom(2, ANY, decode),
    ),
    row("double", "double(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Double))),
    row("equal_null", "equal_null(x, y)", "As `<=>`.", Build::Custom(2, 2, equal_null)),
    row("float", "float(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Float))),
    row(
        "greatest",
        "greatest(x, y, ..)",
        "The largest that is not null; NaN is above all.",
        Build::Custom(2, ANY, |t, a| extreme(t, a, Math::Greatest)),
    ),
    row("if", "if(test, x, y)", "", Build::Custom(3, 3, choice)),
    row("ifnull", "ifnull(x, y)", "As `coalesce`.", Build::Custom(2, 2, coalesce)),
    row("int", "int(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Int))),
    row("isnan", "isnan(x)", "", Build::Custom(1, 1, is_nan)),
    row("isnotnull", "isnotnull(x)", "", Build::Custom(1, 1, is_not_null)),
    row("isnull", "isnull(x)", "", Build::Plain(Func::IsNull, &[])),
    row(
        "least",
        "least(x, y, ..)",
        "The smallest that is not null.",
        Build::Custom(2, ANY, |t, a| extreme(t, a, Math::Least)),
    ),
    row("nanvl", "nanvl(x, y)", "y where x is NaN.", Build::Custom(2, 2, nan_or)),
    row("nullif", "nullif(x, y)", "Null where x equals y, else x.", Build::Custom(2, 2, null_if)),
    row("nullifzero", "nullifzero(x)", "Null where x is 0; from Spark 4.", Build::Custom(1, 1, null_if_zero)),
    row("nvl", "nvl(x, y)", "As `coalesce`.", Build::Custom(2, 2, coalesce)),
    row("nvl2", "nvl2(x, y, z)", "y where x is not null, else z.", Build::Custom(3, 3, nvl2)),
    row("smallint", "smallint(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Short))),
    row("string", "string(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Text))),
    row("timestamp", "timestamp(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Timestamp))),
    row("tinyint", "tinyint(x)", "As CAST.", Build::Custom(1, 1, |t, a| cast(t, a, SqlType::Byte))),
    row("typeof", "typeof(x)", "The type's name.", Build::Custom(1, 1, type_of)),
    row("zeroifnull", "zeroifnull(x)", "0 where x is null; from Spark 4.", Build::Custom(1, 1, zero_if_null)),
];

fn one(args: Vec<Typed>) -> Result<Typed, SqlError> {
    args.into_iter().next().ok_or_else(|| SqlError::Analysis("an argument is missing".to_owned()))
}

fn cast(typer: &Typer<'_>, args: Vec<Typed>, to: SqlType) -> Result<Typed, SqlError> {
    typer.cast_by(one(args)?, &to, typer.rule())
}

fn coalesce(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let args = typer.alike(args, "coalesce")?;
    typer.call(Func::Coalesce, args)
}

/// Converts all to the type in which they are compared, as `IN` does.
pub fn compared(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Vec<Typed>, SqlError> {
    typer.alike(args, "IN")
}

fn equal_null(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [a, b] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("equal_null", &args))?;
    typer.comparison(Compare::Same, a, b)
}

fn decode(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if args.len() == 2 {
        return super::text::decode(typer, args);
    }
    let mut args = args.into_iter();
    let Some(x) = args.next() else { return Err(no_common("decode", &[])) };
    let rest: Vec<Typed> = args.collect();
    let (pairs, otherwise) = rest.as_chunks::<2>();
    let mut tests = Vec::new();
    let mut values = Vec::new();
    for [value, result] in pairs {
        tests.push(typer.comparison(Compare::Same, typer.copy(&x)?, value.clone())?);
        values.push(result.clone());
    }
    values.extend(otherwise.first().cloned());
    let mut values = typer.alike(values, "decode")?.into_iter();
    let mut arms = Vec::new();
    for test in tests {
        arms.push(test);
        arms.extend(values.next());
    }
    arms.extend(values.next());
    typer.call(Func::Case, arms)
}

fn extreme(typer: &Typer<'_>, args: Vec<Typed>, math: Math) -> Result<Typed, SqlError> {
    let coercion = typer.coercion();
    let common = args.iter().try_fold(SqlType::Null, |ty, arg| coercion.wider_without_text(&ty, &arg.ty));
    let common = common.ok_or_else(|| no_common(math.name(), &args))?;
    typer.call(math, args.into_iter().map(|arg| typer.cast(arg, &common)).collect())
}

fn choice(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [test, yes, no] = <[Typed; 3]>::try_from(args).map_err(|args| no_common("if", &args))?;
    let mut all = vec![typer.boolean(test, "if")?];
    all.extend(typer.alike(vec![yes, no], "if")?);
    typer.call(Func::If, all)
}

fn is_nan(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let arg = one(args)?;
    let arg = if arg.ty == SqlType::Float { arg } else { typer.expect(arg, &SqlType::Double, "isnan")? };
    typer.call(Math::IsNaN, vec![arg])
}

fn is_not_null(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let is_null = typer.call(Func::IsNull, args)?;
    typer.call(Func::Not, vec![is_null])
}

fn nan_or(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let both_float = args.iter().all(|arg| arg.ty == SqlType::Float);
    let to = if both_float { SqlType::Float } else { SqlType::Double };
    let args = args.into_iter().map(|arg| typer.expect(arg, &to, "nanvl")).collect::<Result<_, _>>()?;
    typer.call(Math::NaNvl, args)
}

pub fn null_if(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [a, b] = <[Typed; 2]>::try_from(args).map_err(|args| no_common("nullif", &args))?;
    let test = typer.comparison(Compare::Eq, typer.copy(&a)?, b)?;
    let null = Typed::new(plan::Expr::null(a.ty.column()), a.ty.clone());
    typer.call(Func::If, vec![test, null, a])
}

fn zero() -> Typed {
    Typed::new(plan::Expr::Const(Scalar::I32(0)), SqlType::Int)
}

fn null_if_zero(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, "nullifzero")?;
    null_if(typer, vec![one(args)?, zero()])
}

fn zero_if_null(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    super::from_spark_4(typer, "zeroifnull")?;
    coalesce(typer, vec![one(args)?, zero()])
}

fn nvl2(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let [x, y, z] = <[Typed; 3]>::try_from(args).map_err(|args| no_common("nvl2", &args))?;
    let mut all = vec![typer.call(Func::IsNull, vec![x])?];
    let mut values = typer.alike(vec![y, z], "nvl2")?;
    values.reverse();
    all.extend(values);
    typer.call(Func::If, all)
}

fn type_of(_: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let name = one(args)?.ty.to_string().to_ascii_lowercase();
    Ok(Typed::new(plan::Expr::text(&name), SqlType::Text))
}
