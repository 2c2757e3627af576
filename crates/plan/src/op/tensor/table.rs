//! Tables: from keys to values.
//!
//! A table is a map ([`model::Whole::Map`]): a tensor of keys of rank 1, and one of values with as many entries along its first
//! dimension. One that never changes is indexed once, when the plan is compiled.

use model::Type;

use super::{Formal, Given, tensor};

/// Ops of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableOp {
    /// Table, keys, default: the values of the keys, each in the key's place; of a key that the table has not, the default (a
    /// value for all, or one for each key). Of keys that stand there twice the first counts. Floats are equal where their
    /// numbers are; a NaN is no key.
    Find,
    /// How many entries a table has, int64.
    Size,
    /// Outputs: keys, values.
    Export,
}

impl TableOp {
    pub fn name(&self) -> &'static str {
        match self {
            TableOp::Find => "find_in_table",
            TableOp::Size => "table_size",
            TableOp::Export => "table_entries",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let Some(Type::Map(keys, values)) = formal.first().copied().flatten() else { return Err("a table") };
        match self {
            TableOp::Size => Ok(vec![Type::I64]),
            TableOp::Export => Ok(vec![(**keys).clone(), (**values).clone()]),
            TableOp::Find if tensor(formal, 1) == Some(&**keys) && tensor(formal, 2) == Some(&**values) => {
                Ok(vec![(**values).clone()])
            }
            TableOp::Find => Err("a table, keys and a default of its types"),
        }
    }
}
