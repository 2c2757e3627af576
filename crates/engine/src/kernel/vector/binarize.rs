//! Above a threshold or not: numbers, and the elements of vectors. Spark's `Binarizer.transform`.

use model::{FaultKind, FaultValue, Type, column::Row};
use plan::{Compressed, ValueType};

use super::{Refusal, assemble::end_gathered, end_compressed, map, spreadable};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// [`plan::VectorOp::Binarize`].
pub struct Binarize {
    threshold: f64,
    null_is_zero: bool,
    form: Compressed,
    of_numbers: bool,
}

impl Binarize {
    pub fn new(threshold: f64, null_is_zero: bool, form: Compressed, inputs: &[ValueType]) -> Binarize {
        Binarize { threshold, null_is_zero, form, of_numbers: inputs.iter().all(|input| input.ty == Type::F64) }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        if self.of_numbers {
            self.numbers(env, input, output);
        } else {
            map(env, input, output, |row, out| self.row(row, out));
        }
    }

    fn numbers(&self, env: &Env<'_>, input: Home, output: Home) {
        let (cells, out) = (env.frame.cells(input), env.frame.cells(output));
        env.frame.each_live(|row| match cells.number(row) {
            Some(number) => out.set_f64(row, f64::from(u8::from(number > self.threshold))),
            None if self.null_is_zero => out.set_f64(row, 0.0),
            None => out.set(row, None),
        });
    }

    fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        if self.threshold < 0.0 {
            return self.below_zero(row, out);
        }
        if self.threshold.is_nan() {
            return Err((FaultKind::Rule("a threshold that is not NaN"), FaultValue::Number(self.threshold)));
        }
        let (index_start, start) = (out.indices.len(), out.values.len());
        each_stored(row, |place, value| {
            // A 0 that is stored is not above a threshold of 0 or more.
            if value > self.threshold {
                out.indices.push(place);
                out.values.push(1.0);
            }
        });
        end_gathered(out, row.size() as u32, self.form, index_start, start);
        Ok(())
    }

    /// All are 1 that are not at or below the threshold.
    fn below_zero(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        spreadable(row)?;
        let start = out.values.len();
        out.values.resize(start + row.size(), 1.0);
        let values = &mut out.values[start..];
        each_stored(row, |place, value| {
            if value <= self.threshold {
                values[place as usize] = 0.0;
            }
        });
        end_compressed(out, start, row.size(), self.form);
        Ok(())
    }
}

fn each_stored(row: Row<'_>, mut f: impl FnMut(u32, f64)) {
    match row {
        Row::Dense(values) => (0..).zip(values).for_each(|(place, &value)| f(place, value)),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).for_each(|(&place, &value)| f(place, value));
        }
    }
}
