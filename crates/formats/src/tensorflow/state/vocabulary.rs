//! Tables from files of text: a line an entry.
//!
//! Keys and values are the whole line (-2), its number (-1), or one of its fields. The file is one of the model's own, below
//! `assets/`. Source of the rules: `TextFileLineIterator` in TensorFlow's `lookup_util.cc`.

use model::ModelFiles as Files;

use super::{super::dtype::DType, texts};
use crate::tensorflow::{
    graph::attrs::Site,
    literal::{Data, Literal},
};

const WHOLE_LINE: i64 = -2;
const LINE_NUMBER: i64 = -1;

/// What keys or values are made of.
struct Column {
    dtype: DType,
    index: i64,
    lines: Vec<Vec<u8>>,
    numbers: Vec<u8>,
}

/// Returns the keys and values of a table; `Err` says why not.
pub fn read(
    files: &Files,
    path: Option<&[u8]>,
    site: &Site<'_>,
    types: (DType, DType),
) -> Result<(Literal<'static>, Literal<'static>), String> {
    let path = path.and_then(|path| std::str::from_utf8(path).ok());
    let path = path.filter(|path| path.starts_with("assets/")).ok_or("its file is no asset of the model")?;
    let file = files.get(path).ok_or_else(|| format!("`{path}` is not among the model's files"))?;
    let delimiter = site.bytes("delimiter").and_then(|bytes| bytes.first().copied()).unwrap_or(b'\t');
    let offset = site.int("offset").unwrap_or(0);
    let size = site.int("vocab_size").filter(|size| 0 <= *size);
    let mut columns = [("key_index", types.0), ("value_index", types.1)].map(|(attr, dtype)| {
        let index = site.int(attr).unwrap_or(WHOLE_LINE);
        Column { dtype, index, lines: Vec::new(), numbers: Vec::new() }
    });
    let mut lines = file.as_slice();
    let mut number = 0_i64;
    while !lines.is_empty() && size.is_none_or(|size| number < size) {
        let end = lines.iter().position(|byte| *byte == b'\n');
        let (line, rest) = lines.split_at(end.unwrap_or(lines.len()));
        lines = rest.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Err(format!("`{path}` has an empty line after {number} lines"));
        }
        for column in &mut columns {
            column
                .push(line, number, delimiter, offset)
                .map_err(|what| format!("`{path}`: line {}: {what}", number + 1))?;
        }
        number += 1;
    }
    if size.is_some_and(|size| size != number) {
        return Err(format!("`{path}` has {number} lines, `vocab_size` says more"));
    }
    let [keys, values] = columns.map(Column::finish);
    Ok((keys, values))
}

impl Column {
    fn push(&mut self, line: &[u8], number: i64, delimiter: u8, offset: i64) -> Result<(), String> {
        if self.index == LINE_NUMBER {
            if self.dtype != DType::Int64 {
                return Err(format!("line numbers are int64, the table has {}", self.dtype));
            }
            self.numbers.extend(number.wrapping_add(offset).to_le_bytes());
            return Ok(());
        }
        let field = match usize::try_from(self.index) {
            Ok(index) => line.split(|byte| *byte == delimiter).nth(index).ok_or("too few fields")?,
            Err(_) if self.index == WHOLE_LINE => line,
            Err(_) => return Err(format!("there is no field {}", self.index)),
        };
        if self.dtype == DType::String {
            self.lines.push(field.to_vec());
            return Ok(());
        }
        let text = std::str::from_utf8(field).unwrap_or_default().trim();
        let bad = || format!("`{text}` is no {}", self.dtype);
        match self.dtype {
            DType::Int32 => {
                let value: i32 = text.parse().map_err(|_| bad())?;
                self.numbers.extend(value.wrapping_add(offset as i32).to_le_bytes());
            }
            DType::Int64 => self.numbers.extend(text.parse::<i64>().map_err(|_| bad())?.to_le_bytes()),
            DType::Float => self.numbers.extend(text.parse::<f32>().map_err(|_| bad())?.to_le_bytes()),
            DType::Double => self.numbers.extend(text.parse::<f64>().map_err(|_| bad())?.to_le_bytes()),
            _ => return Err(format!("a table of {} is not read from a file", self.dtype)),
        }
        Ok(())
    }

    fn finish(self) -> Literal<'static> {
        if self.dtype == DType::String {
            return texts(self.lines);
        }
        let count = self.numbers.len() / self.dtype.width().unwrap_or(1);
        Literal { dtype: self.dtype, shape: vec![count], data: Data::Bytes(self.numbers.into()) }
    }
}
