//! Answers written from where they lie: the same bytes as [`super::encode`], without a batch in between.

use model::{Datum, Mark, OnFault, Table};

use super::encode::{
    EncodeOptions, Shape, VectorForm, write_array, write_binary, write_f64, write_int, write_mark, write_text,
    write_value, write_vector,
};
use crate::{numbers::BIG_AS_TEXT, time};

/// Appends the table's rows as objects; a single one that is left out is `null`.
pub fn encode_table(table: &dyn Table, options: EncodeOptions, out: &mut Vec<u8>) {
    if options.shape == Shape::Single && table.rows() == 1 {
        if !write_row(table, 0, options, out) {
            out.extend_from_slice(b"null");
        }
        return;
    }
    out.push(b'[');
    let begin = out.len();
    for row in 0..table.rows() {
        let before = out.len();
        if before > begin {
            out.push(b',');
        }
        if !write_row(table, row, options, out) {
            out.truncate(before);
        }
    }
    out.push(b']');
}

/// Appends one row; answers whether there is one to write.
fn write_row(table: &dyn Table, row: usize, options: EncodeOptions, out: &mut Vec<u8>) -> bool {
    if !table.is_all_live() {
        let mark = table.mark(row);
        if mark != Mark::Live {
            return options.on_fault == OnFault::MarkRow && write_mark(&mark, out);
        }
    }
    let mut sep = b'{';
    for column in 0..table.columns() {
        out.push(std::mem::replace(&mut sep, b','));
        write_text(table.name(column).as_bytes(), out);
        out.push(b':');
        table.visit(column, row, &mut |datum| match options.big_ints_as_text {
            true => BIG_AS_TEXT.write(datum, false, out),
            false => write_datum(datum, options.vectors, out),
        });
    }
    if sep == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    true
}

/// Appends one entry.
pub(crate) fn write_datum(datum: Datum<'_>, form: VectorForm, out: &mut Vec<u8>) {
    match datum {
        Datum::Null => out.extend_from_slice(b"null"),
        Datum::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Datum::Int(value) => write_int(value, out),
        Datum::Uint(value) => write_int(value, out),
        Datum::Float(value) => write_f64(value, out),
        Datum::Date(days) => quoted(out, |out| time::write_date(days.into(), out)),
        Datum::Timestamp(micros) => quoted(out, |out| time::write_timestamp(micros, out)),
        Datum::Decimal(value, scale) => model::decimal::write(value, scale, out),
        Datum::Text(text) => write_text(text, out),
        Datum::Bytes(bytes) => write_binary(bytes, out),
        Datum::Vector(row) => write_vector(row, form, out),
        Datum::List(items, range) => {
            write_array(range, out, |item, out| items.visit(item, &mut |datum| write_datum(datum, form, out)));
        }
        Datum::Entry(column, row) => write_value(column, row, form, out),
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}
