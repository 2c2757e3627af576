//! Arrays and structs.

use plan::{
    Func,
    expr::{ListFunc, OnFault},
};

use super::{ANY, Arg, Build, Function, row, text::int_constant};
use crate::spark::sql::{
    SqlError,
    ast::{Interval, Literal},
    types::SqlType,
    typing::{Typed, Typer, no_common},
};

const fn plain(func: ListFunc) -> Build {
    Build::Plain(Func::List(func), &[Arg::Any])
}

pub const TABLE: &[Function] = &[
    row("array", "array(x, ..)", "", Build::Custom(1, ANY, array)),
    row("array_append", "array_append(array, x)", "", Build::Custom(2, 2, |t, a| appended(t, a, false))),
    row(
        "array_compact",
        "array_compact(array)",
        "Without the nulls.",
        Build::Custom(1, 1, |t, a| of_one(t, a, ListFunc::Compact)),
    ),
    row("array_contains", "array_contains(array, x)", "", Build::Custom(2, 2, |t, a| item(t, a, ListFunc::Contains))),
    row("array_distinct", "array_distinct(array)", "", Build::Custom(1, 1, |t, a| of_one(t, a, ListFunc::Distinct))),
    row("array_except", "array_except(a, b)", "", Build::Custom(2, 2, |t, a| alike(t, a, ListFunc::Except))),
    row(
        "array_insert",
        "array_insert(array, place, x)",
        "Places from 1, or from the end below 0.",
        Build::Custom(3, 3, inserted),
    ),
    row("array_intersect", "array_intersect(a, b)", "", Build::Custom(2, 2, |t, a| alike(t, a, ListFunc::Intersect))),
    row("array_join", "array_join(array, separator, null)", "", Build::Custom(2, 3, join)),
    row("array_max", "array_max(array)", "", Build::Custom(1, 1, |t, a| of_one(t, a, ListFunc::Max))),
    row("array_min", "array_min(array)", "", Build::Custom(1, 1, |t, a| of_one(t, a, ListFunc::Min))),
    row("array_position", "array_position(array, x)", "", Build::Custom(2, 2, |t, a| item(t, a, ListFunc::Position))),
    row("array_prepend", "array_prepend(array, x)", "", Build::Custom(2, 2, |t, a| appended(t, a, true))),
    row("array_remove", "array_remove(array, x)", "", Build::Custom(2, 2, |t, a| item(t, a, ListFunc::Remove))),
    row("array_repeat", "array_repeat(x, n)", "", Build::Plain(Func::List(ListFunc::Repeat), &[Arg::Any, Arg::Int])),
    row("array_size", "array_size(array)", "", plain(ListFunc::Size { of_null: None })),
    row(
        "array_sort",
        "array_sort(array)",
        "Nulls last; without a function that compares.",
        plain(ListFunc::SortNullsLast),
    ),
    row("array_union", "array_union(a, b)", "", Build::Custom(2, 2, |t, a| alike(t, a, ListFunc::Union))),
    row("arrays_overlap", "arrays_overlap(a, b)", "", Build::Custom(2, 2, |t, a| alike(t, a, ListFunc::Overlap))),
    row("cardinality", "cardinality(array)", "As `size`.", Build::Custom(1, 1, size)),
    row(
        "element_at",
        "element_at(array, n)",
        "From 1, or from the end below 0.",
        Build::Custom(2, 2, |t, a| at(t, a, ListFunc::ElementAt(t.on()))),
    ),
    row("flatten", "flatten(array)", "", plain(ListFunc::Flatten)),
    row(
        "get",
        "get(array, n)",
        "From 0; null outside.",
        Build::Custom(2, 2, |t, a| at(t, a, ListFunc::Get(OnFault::Null))),
    ),
    row("sequence", "sequence(first, last, step)", "Of integers, or of dates by days.", Build::Custom(2, 3, sequence)),
    row("size", "size(array)", "-1 of null; in ANSI mode null.", Build::Custom(1, 1, size)),
    row("slice", "slice(array, from, n)", "", Build::Custom(3, 3, slice)),
    row("sort_array", "sort_array(array, ascending)", "Nulls first; last where descending.", Build::Custom(1, 2, sort)),
    row(
        "try_element_at",
        "try_element_at(array, n)",
        "As `element_at`, null outside.",
        Build::Custom(2, 2, |t, a| at(t, a, ListFunc::ElementAt(OnFault::Null))),
    ),
];

fn array(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let args = typer.alike(args, "array")?;
    typer.call(ListFunc::Array, args)
}

/// A bare null is an array of nulls that is null.
fn known(typer: &Typer<'_>, list: Typed) -> Typed {
    if list.ty == SqlType::Null { typer.cast(list, &SqlType::Array(Box::new(SqlType::Null))) } else { list }
}

fn of_one(typer: &Typer<'_>, args: Vec<Typed>, func: ListFunc) -> Result<Typed, SqlError> {
    let args = args.into_iter().map(|list| known(typer, list)).collect();
    typer.call(func, args)
}

fn slice(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let each = args.into_iter().enumerate().map(|(i, arg)| match i {
        0 => Ok(known(typer, arg)),
        _ => typer.expect(arg, &SqlType::Int, "slice"),
    });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(ListFunc::Slice, args)
}

fn alike(typer: &Typer<'_>, args: Vec<Typed>, func: ListFunc) -> Result<Typed, SqlError> {
    let args = typer.alike(args, func.name())?;
    typer.call(func, args)
}

/// `(array, x)`: the items and x in the type that they have in common.
fn with_item(typer: &Typer<'_>, args: Vec<Typed>, of: &str) -> Result<(Typed, Typed), SqlError> {
    let [list, x] = <[Typed; 2]>::try_from(args).map_err(|args| no_common(of, &args))?;
    let SqlType::Array(item) = &list.ty else { return Err(no_common(of, &[list, x])) };
    let Some(common) = typer.coercion().wider(item, &x.ty) else { return Err(no_common(of, &[list.clone(), x])) };
    let x = typer.cast(x, &common);
    Ok((typer.cast(list, &SqlType::Array(Box::new(common))), x))
}

fn item(typer: &Typer<'_>, args: Vec<Typed>, func: ListFunc) -> Result<Typed, SqlError> {
    if func == ListFunc::Contains && args.get(1).is_some_and(|x| x.ty == SqlType::Null) {
        return Err(SqlError::Analysis("`array_contains` does not take NULL".to_owned()));
    }
    let (list, x) = with_item(typer, args, func.name())?;
    typer.call(func, vec![list, x])
}

fn appended(typer: &Typer<'_>, args: Vec<Typed>, before: bool) -> Result<Typed, SqlError> {
    let (list, x) = with_item(typer, args, "array_append")?;
    let one = typer.call(ListFunc::Array, vec![x])?;
    typer.call(ListFunc::Concat, if before { vec![one, list] } else { vec![list, one] })
}

/// `(array, place, x)`: a null for a place is refused, as in Spark.
fn inserted(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    if !typer.session.since(3, 5) {
        return Err(SqlError::Unsupported("`array_insert` before Spark 3.5".to_owned()));
    }
    let [list, place, x] = <[Typed; 3]>::try_from(args).map_err(|args| no_common("array_insert", &args))?;
    if !place.ty.is_integer() {
        return Err(no_common("array_insert", &[list, place, x]));
    }
    let place = typer.expect(place, &SqlType::Int, "array_insert")?;
    let (list, x) = with_item(typer, vec![list, x], "array_insert")?;
    typer.call(ListFunc::Insert, vec![list, place, x])
}

fn sequence(typer: &Typer<'_>, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
    let is_date = args.iter().take(2).any(|arg| arg.ty == SqlType::Date);
    if !is_date {
        let args = typer.alike(args, "sequence")?;
        return typer.call(ListFunc::Sequence, args);
    }
    let step = args.drain(2..).next();
    let mut args = typer.alike(args, "sequence")?;
    match step.map(|step| step.constant) {
        None => {}
        Some(Some(Literal::Interval(Interval { months: 0, days, micros: 0 }))) => args.push(int_constant(days)),
        Some(_) => return Err(SqlError::Unsupported("`sequence` of dates by a step that is not in days".to_owned())),
    }
    typer.call(ListFunc::Sequence, args)
}

fn join(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let list = SqlType::Array(Box::new(SqlType::Text));
    let each = args.into_iter().enumerate().map(|(i, arg)| match &arg.ty {
        SqlType::Array(_) if i == 0 => Ok(typer.cast(arg, &list)),
        _ => typer.expect(arg, &SqlType::Text, "array_join"),
    });
    let args = each.collect::<Result<_, _>>()?;
    typer.call(ListFunc::Join, args)
}

fn at(typer: &Typer<'_>, args: Vec<Typed>, func: ListFunc) -> Result<Typed, SqlError> {
    let [list, at] = <[Typed; 2]>::try_from(args).map_err(|args| no_common(func.name(), &args))?;
    let at = typer.expect(at, &SqlType::Int, func.name())?;
    typer.call(func, vec![list, at])
}

fn size(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let of_null = (!typer.session.ansi).then_some(-1);
    typer.call(ListFunc::Size { of_null }, args)
}

fn sort(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let Some(list) = args.next() else { return Err(no_common("sort_array", &[])) };
    let ascending = match args.next().map(|arg| arg.constant) {
        None => true,
        Some(Some(Literal::Bool(ascending))) => ascending,
        Some(_) => return Err(SqlError::Unsupported("`sort_array` in an order that is not constant".to_owned())),
    };
    typer.call(ListFunc::Sort { ascending }, vec![known(typer, list)])
}
