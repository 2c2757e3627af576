//! The named values of one call, or of its answer.

use std::sync::Arc;

use crate::{build::Builder, column::Column, error::RowFault, tensor::Whole};

/// One named value: a column of a row domain, or one value for the call.
#[derive(Clone, Debug)]
pub enum Value {
    Column { domain: usize, column: Column },
    Whole(Whole),
}

/// What became of one row of the request.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    Live,
    /// The model drops such rows.
    Skipped,
    Refused(Arc<RowFault>),
}

/// A set of rows: how many, and, where some are not live, what became of each.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    pub rows: usize,
    /// As many as there are rows; absent where all are live.
    pub marks: Option<Arc<[Mark]>>,
}

impl Domain {
    /// Returns what became of the row.
    pub fn mark(&self, row: usize) -> &Mark {
        self.marks.as_ref().map_or(&Mark::Live, |marks| &marks[row])
    }
}

/// Named values. The request's rows are domain 0; one row is a domain of one.
#[derive(Clone, Debug)]
pub struct Batch {
    domains: Vec<Domain>,
    values: Vec<(Arc<str>, Value)>,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch::new(0)
    }
}

impl Batch {
    /// Returns a batch without values, its domain 0 of `rows` rows.
    pub fn new(rows: usize) -> Batch {
        Batch { domains: vec![Domain { rows, marks: None }], values: Vec::new() }
    }

    /// Returns the rows of domain 0.
    pub fn rows(&self) -> usize {
        self.domains[0].rows
    }

    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// Returns the values in their order.
    pub fn values(&self) -> &[(Arc<str>, Value)] {
        &self.values
    }

    /// Adds a row domain, returns its number.
    pub fn add_domain(&mut self, domain: Domain) -> usize {
        self.domains.push(domain);
        self.domains.len() - 1
    }

    /// Sets what became of the rows of domain 0.
    pub fn set_marks(&mut self, marks: Arc<[Mark]>) {
        assert_eq!(marks.len(), self.rows(), "one mark a row");
        self.domains[0].marks = Some(marks);
    }

    /// Adds a column of domain 0.
    pub fn push(&mut self, name: impl Into<Arc<str>>, column: Column) {
        self.push_in(0, name, column);
    }

    /// Adds a column of a domain.
    pub fn push_in(&mut self, domain: usize, name: impl Into<Arc<str>>, column: Column) {
        assert_eq!(column.len(), self.domains[domain].rows, "a column has the rows of its domain");
        self.values.push((name.into(), Value::Column { domain, column }));
    }

    /// Adds one value for the call.
    pub fn push_whole(&mut self, name: impl Into<Arc<str>>, whole: Whole) {
        self.values.push((name.into(), Value::Whole(whole)));
    }

    /// Returns the value of this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }

    /// Returns the column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        match self.value(name)? {
            Value::Column { column, .. } => Some(column),
            Value::Whole(_) => None,
        }
    }

    /// Returns the whole value of this name.
    pub fn whole(&self, name: &str) -> Option<&Whole> {
        match self.value(name)? {
            Value::Column { .. } => None,
            Value::Whole(whole) => Some(whole),
        }
    }

    /// Returns a run of the rows of domain 0, whole values with it; nothing is copied. Further domains are not rows of the
    /// request and cannot be cut with it.
    pub fn slice(&self, start: usize, len: usize) -> Batch {
        assert_eq!(self.domains.len(), 1, "a batch of several row domains is not cut by rows");
        let mut out = Batch::new(len);
        out.domains[0].marks = self.domains[0].marks.as_ref().map(|m| m[start..start + len].into());
        out.values = self
            .values
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::Column { domain, column } => {
                        Value::Column { domain: *domain, column: column.slice(start, len) }
                    }
                    Value::Whole(whole) => Value::Whole(whole.clone()),
                };
                (name.clone(), value)
            })
            .collect();
        out
    }

    /// Returns the batches one after the other; all have one domain and the same columns by name and type, and no whole
    /// values (those belong to one call).
    pub fn concat(parts: &[Batch]) -> Batch {
        let mut out = Batch::new(parts.iter().map(Batch::rows).sum());
        let Some(first) = parts.first() else { return out };
        for (name, value) in &first.values {
            let Value::Column { column, .. } = value else { continue };
            let mut builder = Builder::new(&column.ty());
            for part in parts {
                builder.append(part.column(name).expect("joined batches have the same columns"));
            }
            out.push(name.clone(), builder.finish());
        }
        if parts.iter().any(|p| p.domains[0].marks.is_some()) {
            let marks = parts.iter().flat_map(|p| (0..p.rows()).map(|row| p.domains[0].mark(row).clone()));
            out.domains[0].marks = Some(marks.collect());
        }
        out
    }
}
