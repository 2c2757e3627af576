//! `format_string`: a pattern's pieces, each its own text, joined.

use plan::{
    Expr, Func, Scalar,
    expr::{
        Math, NumberPattern, TextFunc,
        pattern::{Conversion, Piece, pieces},
    },
};

use super::text_constant;
use crate::spark::sql::{
    SqlError,
    types::SqlType,
    typing::{Typed, Typer},
};

pub fn format_string(typer: &Typer<'_>, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut args = args.into_iter();
    let source = args.next();
    let Some(source) = source.as_ref().and_then(Typed::text) else {
        return Err(SqlError::Unsupported("`format_string` with a pattern that is not constant".to_owned()));
    };
    let args = args.as_slice();
    let mut texts = Vec::new();
    for piece in pieces(source).map_err(SqlError::Unsupported)? {
        texts.push(match piece {
            Piece::Text(text) => text_constant(&text),
            Piece::Arg(conversion, place) => {
                let arg = args.get(place).ok_or_else(|| {
                    SqlError::Unsupported(format!("`format_string` of more arguments than there are: {source:?}"))
                })?;
                written(typer, conversion, typer.copy(arg)?)?
            }
        });
    }
    typer.call(TextFunc::Concat, texts)
}

/// An argument by its conversion; a null is written as Java writes it, in the same width.
fn written(typer: &Typer<'_>, conversion: Conversion, arg: Typed) -> Result<Typed, SqlError> {
    let letter = if conversion.letter.is_ascii_uppercase() { 'S' } else { 's' };
    let Conversion { left, width, precision, .. } = conversion;
    let of_null = Conversion { letter, left, width, precision, ..Conversion::default() };
    let text_of_null = typer.call(TextFunc::Printf(NumberPattern::of(of_null)), vec![text_constant("null")])?;
    if arg.ty == SqlType::Null {
        return Ok(text_of_null);
    }
    let ty = arg.ty.clone();
    let value = match conversion.letter {
        's' | 'S' => as_text(typer, arg),
        'd' if ty.is_integer() => Some(typer.cast(arg, &SqlType::Long)),
        'x' | 'X' | 'o' if ty.is_integer() => Some(bits(typer, arg)?),
        'f' | 'e' | 'E' | 'g' | 'G' if ty.is_float() => Some(typer.cast(arg, &SqlType::Double)),
        _ => None,
    };
    let Some(value) = value else {
        return Err(SqlError::Unsupported(format!("`format_string` of {ty} by %{}", conversion.letter)));
    };
    let text = typer.call(TextFunc::Printf(NumberPattern::of(conversion)), vec![value])?;
    typer.call(Func::Coalesce, vec![text, text_of_null])
}

/// What Java makes of Spark's own values: dates are their days, timestamps their microseconds.
fn as_text(typer: &Typer<'_>, arg: Typed) -> Option<Typed> {
    let is_plain = arg.ty.is_number() || matches!(arg.ty, SqlType::Boolean | SqlType::Text);
    is_plain.then(|| typer.cast(arg, &SqlType::Text))
}

/// An integer's bits in its own width, as a bigint.
fn bits(typer: &Typer<'_>, arg: Typed) -> Result<Typed, SqlError> {
    let mask = match arg.ty {
        SqlType::Byte => 0xFF,
        SqlType::Short => 0xFFFF,
        SqlType::Int => 0xFFFF_FFFF,
        _ => -1,
    };
    let mask = Typed::new(Expr::Const(Scalar::I64(mask)), SqlType::Long);
    typer.call(Math::BitAnd, vec![typer.cast(arg, &SqlType::Long), mask])
}
