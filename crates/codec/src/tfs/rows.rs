//! Answers of models of rows: a value for each output of a row, its numbers as this protocol writes them.

use model::Table;

use super::{
    Form,
    answer::{float32, float64},
};
use crate::{
    columns::Shown,
    numbers::{Numbers, int},
};

/// Appends the answer; rows that the model dropped are left out.
pub fn encode_table(table: &dyn Table, form: Form, out: &mut Vec<u8>) {
    let shown = Shown::new(table, Numbers { f32: float32, f64: float64, int });
    match form {
        Form::Rows => {
            out.extend_from_slice(b"{\"predictions\":");
            shown.values(out);
        }
        Form::Columns => {
            out.extend_from_slice(b"{\"outputs\":");
            shown.arrays(true, out);
        }
    }
    out.push(b'}');
}
