//! Fields of records: CSV as TensorFlow's `decode_csv_op.cc` reads it.

use model::{PredictError, Tensor, tensor::Bytes};
use plan::tensor::strings::Fields;

use super::{Args, Done, Room, refuse, texts, too_large};

pub(super) fn run(args: &Args<'_>, of: &Fields) -> Done {
    let records = args.get(0)?;
    let (mut columns, mut room) = (vec![Vec::with_capacity(records.len()); of.columns], Room::default());
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for (i, record) in texts(&records)?.iter().enumerate() {
        fields.clear();
        split(record, of, &mut fields)?;
        if fields.len() != of.columns {
            return Err(refuse(format!("{} fields", of.columns), format!("{} in record {i}", fields.len())));
        }
        room.take(record.len() + 16 * of.columns)?;
        columns.iter_mut().zip(&fields).for_each(|(column, field)| column.push(Bytes::from(&field[..])));
    }
    for (i, column) in columns.into_iter().enumerate() {
        if let Some(mut out) = args.out(of.columns + i) {
            let missing = out.make::<bool>(*records.shape()).map_err(too_large)?;
            let is_missing = |field: &Bytes| field.is_empty() || field[..] == of.missing[..];
            missing.iter_mut().zip(&column).for_each(|(to, field)| *to = is_missing(field));
        }
        if let Some(mut out) = args.out(i) {
            *out = Tensor::new(records.shape(), column).map_err(too_large)?;
        }
    }
    Ok(())
}

/// Returns the fields that are asked for.
fn split(record: &[u8], of: &Fields, fields: &mut Vec<Vec<u8>>) -> Done {
    let (mut rest, mut number) = (record, 0);
    let mut push = |field: Vec<u8>| {
        if of.only.is_empty() || of.only.contains(&number) {
            fields.push(field);
        }
        number += 1;
    };
    while let Some(&first) = rest.first() {
        if first == b'\n' || first == b'\r' {
            rest = &rest[1..];
            continue;
        }
        let (field, used) = if of.quotes && first == b'"' { quoted(&rest[1..], of)? } else { plain(rest, of)? };
        push(field);
        // What ends the field is passed over.
        rest = rest.get(used + 1..).unwrap_or_default();
    }
    if record.last() == Some(&of.delimiter) {
        push(Vec::new());
    }
    Ok(())
}

/// Returns a field up to the delimiter, and how many bytes it takes.
fn plain(rest: &[u8], of: &Fields) -> Result<(Vec<u8>, usize), PredictError> {
    let end = rest.iter().position(|byte| *byte == of.delimiter).unwrap_or(rest.len());
    let is_wrong = |byte: &u8| *byte == b'\n' || *byte == b'\r' || (of.quotes && *byte == b'"');
    if rest[..end].iter().any(is_wrong) {
        return Err(refuse("quotes around a field that holds quotes or ends of lines", "none"));
    }
    Ok((rest[..end].to_vec(), end))
}

/// Returns a field up to the quote before a delimiter or the end, and how many bytes it takes with its quotes.
fn quoted(rest: &[u8], of: &Fields) -> Result<(Vec<u8>, usize), PredictError> {
    let (mut field, mut at) = (Vec::new(), 0);
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (Some(b'"'), None) => return Ok((field, at + 2)),
            (Some(b'"'), Some(next)) if *next == of.delimiter => return Ok((field, at + 2)),
            (Some(b'"'), Some(b'"')) => {
                field.push(b'"');
                at += 2;
            }
            (Some(b'"'), Some(_)) => return Err(refuse("a quote within a field twice", "once")),
            (Some(byte), Some(_)) => {
                field.push(*byte);
                at += 1;
            }
            _ => return Err(refuse("a quote at the end of a field that begins with one", "none")),
        }
    }
}
