//! Collecting what does not fit, for all rows, so that one answer names everything.

use std::sync::Arc;

use model::{DType, FaultKind, FaultValue, RowFault, Type, Violation};

use crate::error::CodecError;

/// Violations kept in full; more are counted.
const VIOLATIONS_MAX: usize = 100;

/// What a value should have been.
#[derive(Clone, Copy)]
pub(crate) enum Expected<'a> {
    Type(&'a Type),
    /// A type within the type of the column.
    Part(&'a Type, &'a Type),
    /// The type that the input's first rows settled.
    Settled(&'a Type),
    OneOf(&'a [Type]),
    Size(u64),
    Rule(&'static str),
}

/// What it is.
#[derive(Clone, Copy)]
pub(crate) enum Got<'a> {
    /// The row does not have the column.
    Nothing,
    Null,
    Bool(bool),
    Int(i64),
    /// An integer past int64.
    Big(u64),
    Number(f64),
    Text(&'a str),
    Size(u64),
    Array,
    Object,
}

#[derive(Debug)]
pub(crate) struct Report {
    keep_bad_rows: bool,
    violations: Vec<Violation>,
    total: usize,
    bad: Vec<RowFault>,
}

impl Report {
    pub(crate) fn new(keep_bad_rows: bool) -> Report {
        Report { keep_bad_rows, violations: Vec::new(), total: 0, bad: Vec::new() }
    }

    /// Notes one thing that does not fit; `row` is counted within the batch.
    pub(crate) fn add(&mut self, row: Option<usize>, field: Option<&Arc<str>>, expected: Expected<'_>, got: Got<'_>) {
        if let (true, Some(row)) = (self.keep_bad_rows, row) {
            if self.bad.last().is_none_or(|last| last.row != row) {
                let field = field.cloned().unwrap_or_else(|| "*".into());
                self.bad.push(RowFault { row, field, step: "".into(), kind: expected.kind(), value: got.value() });
            }
            return;
        }
        self.total += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                row,
                field: field.cloned(),
                expected: Some(expected.text()),
                got: Some(got.text()),
            });
        }
    }

    /// Returns how much was noted.
    pub(crate) fn count(&self) -> usize {
        self.total + self.bad.len()
    }

    /// Returns the faults of the rows that are kept, and forgets them; or the violations, their rows counted from
    /// `first_row`.
    pub(crate) fn take(&mut self, first_row: u64) -> Result<Vec<RowFault>, CodecError> {
        if self.total == 0 {
            let mut bad = std::mem::take(&mut self.bad);
            // Columns that come one after the other (JSON columns) find the same row bad again.
            bad.sort_by_key(|fault| fault.row);
            bad.dedup_by_key(|fault| fault.row);
            return Ok(bad);
        }
        let mut violations = std::mem::take(&mut self.violations);
        for row in violations.iter_mut().filter_map(|v| v.row.as_mut()) {
            *row += first_row as usize;
        }
        Err(CodecError::Violations { violations, total: self.total })
    }
}

impl Expected<'_> {
    fn text(&self) -> String {
        match self {
            Expected::Type(ty) => ty.to_string(),
            Expected::Part(ty, whole) => format!("{ty} in {whole}"),
            Expected::Settled(ty) => format!("{ty} as in the first rows, or a type given by --schema"),
            Expected::OneOf(types) => {
                let names: Vec<String> = types.iter().map(Type::to_string).collect();
                names.join(" or ")
            }
            Expected::Size(size) => format!("{size} elements"),
            Expected::Rule(rule) => (*rule).to_owned(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Expected::Type(ty) | Expected::Part(ty, _) => FaultKind::Type { expected: word(ty) },
            Expected::Settled(ty) => FaultKind::Rule(settled_word(ty)),
            Expected::OneOf(types) => FaultKind::Type { expected: types.first().map_or("a value", word) },
            Expected::Size(size) => FaultKind::Size { expected: *size },
            Expected::Rule(rule) => FaultKind::Rule(rule),
        }
    }
}

impl Got<'_> {
    fn text(&self) -> String {
        match self {
            Got::Nothing => "nothing".to_owned(),
            Got::Array => "an array".to_owned(),
            Got::Object => "an object".to_owned(),
            Got::Bool(value) => value.to_string(),
            Got::Big(value) => value.to_string(),
            // As JSON writes it, so that 1.0 does not look like an integer.
            Got::Number(value) => format!("{value:?}"),
            _ => self.value().to_string(),
        }
    }

    fn value(&self) -> FaultValue {
        match *self {
            Got::Null => FaultValue::Null,
            Got::Int(value) => FaultValue::Int(value),
            Got::Number(value) => FaultValue::Number(value),
            Got::Text(text) => FaultValue::text(text),
            Got::Size(size) => FaultValue::Size(size),
            Got::Nothing | Got::Array | Got::Object | Got::Bool(_) | Got::Big(_) => {
                FaultValue::Kind(self.text().into())
            }
        }
    }
}

/// The type in one fixed word, for faults.
fn word(ty: &Type) -> &'static str {
    match ty {
        Type::Fixed { dtype, shape } if shape.is_empty() => dtype.name(),
        Type::Fixed { .. } => "an array of fixed shape",
        Type::Text => "string",
        Type::Bytes => "bytes",
        Type::List(item) => match **item {
            Type::Text => "array<string>",
            Type::Fixed { dtype: DType::F64, .. } => "array<float64>",
            Type::Fixed { dtype: DType::I64, .. } => "array<int64>",
            _ => "an array",
        },
        Type::Vector { .. } => "vector",
        Type::Struct(_) => "struct",
        Type::Map(..) => "map",
    }
}

fn settled_word(ty: &Type) -> &'static str {
    macro_rules! words {
        ($($word:literal),*) => {
            match word(ty) {
                $($word => concat!($word, " as in the first rows, or a type given by --schema"),)*
                _ => "a value like those of the first rows, or a type given by --schema",
            }
        };
    }
    words!["bool", "int32", "int64", "float32", "float64", "string", "vector", "array<string>", "array<float64>"]
}
