//! A batch seen as a table, for the writers that take tables.

use model::{Batch, Column, Datum, Mark, Table, Type, Value};

/// The columns of a batch whose rows are those of one domain.
pub struct View<'a> {
    batch: &'a Batch,
    domain: usize,
    columns: Vec<(&'a str, &'a Column)>,
}

impl<'a> View<'a> {
    /// Returns the batch as a table; nothing where a value is no column, or columns are of different rows.
    pub fn of(batch: &'a Batch) -> Option<View<'a>> {
        let mut of = None;
        let column = |(name, value): &'a (std::sync::Arc<str>, Value)| match value {
            Value::Column { domain, column } if *of.get_or_insert(*domain) == *domain => Some((&**name, column)),
            _ => None,
        };
        let columns = batch.values().iter().map(column).collect::<Option<_>>()?;
        Some(View { batch, domain: of.unwrap_or(0), columns })
    }
}

impl Table for View<'_> {
    fn rows(&self) -> usize {
        self.batch.domains()[self.domain].rows
    }

    fn is_all_live(&self) -> bool {
        self.batch.domains()[self.domain].marks.is_none()
    }

    fn mark(&self, row: usize) -> Mark {
        self.batch.domains()[self.domain].mark(row).clone()
    }

    fn columns(&self) -> usize {
        self.columns.len()
    }

    fn name(&self, column: usize) -> &str {
        self.columns[column].0
    }

    fn ty(&self, column: usize) -> Type {
        self.columns[column].1.ty()
    }

    fn visit(&self, column: usize, row: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(Datum::Entry(self.columns[column].1, row));
    }
}
