//! Rows for a model of tensors: columns become tensors whose first dimension is the rows, and answers columns again.

use crate::{
    batch::{Batch, Value},
    call::Call,
    column::{Column, Fixed},
    error::PredictError,
    tensor::{Data, Tensor, TensorError, Whole},
};

/// Returns whether the call brings a column where the model takes a tensor, which `takes_whole` knows by an input's name.
pub fn is_due(takes_whole: impl Fn(&str) -> bool, batch: &Batch) -> bool {
    batch.values().iter().any(|(name, value)| matches!(value, Value::Column { .. }) && takes_whole(name))
}

/// Returns the call with tensors for the columns that the model takes as such.
pub fn stacked(takes_whole: impl Fn(&str) -> bool, call: &Call) -> Result<Call, PredictError> {
    let mut batch = Batch::new(0);
    for (name, value) in call.batch.values() {
        match value {
            Value::Column { column, .. } if takes_whole(name) => {
                let tensor =
                    tensor(column).map_err(|(expected, got)| PredictError::invalid(Some(name), expected, got))?;
                batch.push_whole(name.clone(), Whole::Tensor(tensor));
            }
            Value::Column { .. } => {
                let expected = "a model whose inputs are all tensors, or all columns";
                return Err(PredictError::invalid(Some(name), expected, "one of both"));
            }
            Value::Whole(whole) => batch.push_whole(name.clone(), whole.clone()),
        }
    }
    Ok(Call { batch, ..call.clone() })
}

/// Returns the tensor of a column's rows.
fn tensor(column: &Column) -> Result<Tensor, (String, String)> {
    if column.nulls().is_some() {
        return Err(("a value in every row".to_owned(), "null".to_owned()));
    }
    let mut shape = vec![column.len()];
    let mut elements = column.clone();
    loop {
        elements = match &elements {
            Column::List(list) => {
                let sizes = (0..list.len()).map(|row| list.range(row).len());
                let size = sizes.clone().next().unwrap_or(0);
                if let Some(other) = sizes.clone().find(|&other| other != size) {
                    return Err((format!("arrays of one length ({size}) in all rows"), other.to_string()));
                }
                let begin = if list.is_empty() { 0 } else { list.range(0).start };
                let inner = list.child().slice(begin, size * list.len());
                if inner.nulls().is_some() {
                    return Err(("elements that are there".to_owned(), "null".to_owned()));
                }
                shape.push(size);
                inner
            }
            Column::Fixed(fixed) if !fixed.shape().is_empty() => {
                shape.extend_from_slice(fixed.shape());
                let count = fixed.len() * fixed.shape().iter().product::<usize>();
                Column::Fixed(Fixed::new(fixed.dtype(), Vec::new(), count, fixed.buffer().clone(), None))
            }
            Column::Fixed(_) | Column::Text(_) | Column::Bytes(_) => break,
            other => return Err(("numbers or texts".to_owned(), other.ty().to_string())),
        };
    }
    Tensor::from_column(&shape, &elements).ok_or_else(|| ("a tensor".to_owned(), format!("shape {shape:?}")))
}

/// Returns the answer with columns for the tensors that have an entry a row; others stay as they are.
pub fn unstacked(answer: Batch, rows: usize) -> Result<Batch, TensorError> {
    let mut out = Batch::new(rows);
    for (name, value) in answer.values() {
        match value {
            Value::Whole(Whole::Tensor(tensor)) if tensor.shape().first() == Some(&rows) => match column(tensor)? {
                Some(column) => out.push(name.clone(), column),
                None => out.push_whole(name.clone(), Whole::Tensor(tensor.clone())),
            },
            Value::Whole(whole) => out.push_whole(name.clone(), whole.clone()),
            Value::Column { column, .. } if column.len() == rows => out.push(name.clone(), column.clone()),
            Value::Column { .. } => {}
        }
    }
    Ok(out)
}

/// Returns the tensor's rows as a column; half precision as float32. Texts beyond one a row stay a tensor.
fn column(tensor: &Tensor) -> Result<Option<Column>, TensorError> {
    let floats = |values: Vec<f32>| Tensor::new(tensor.shape(), values);
    let wide = match tensor.data() {
        Data::F16(e) => Some(floats(e.iter().map(|x| x.to_f32()).collect())?),
        Data::BF16(e) => Some(floats(e.iter().map(|x| x.to_f32()).collect())?),
        _ => None,
    };
    let (rows, inner) = (tensor.shape()[0], tensor.shape()[1..].to_vec());
    Ok(match wide.as_ref().unwrap_or(tensor).to_column() {
        Some(Column::Fixed(fixed)) => {
            Some(Column::Fixed(Fixed::new(fixed.dtype(), inner, rows, fixed.buffer().clone(), None)))
        }
        Some(texts) if inner.is_empty() => Some(texts),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        build::Builder,
        types::{DType, Type},
    };

    fn lists(rows: &[&[f64]]) -> Column {
        let mut builder = Builder::new(&Type::list(Type::F64));
        for row in rows {
            row.iter().for_each(|&x| builder.items().push_fixed(x));
            builder.end_list();
        }
        builder.finish()
    }

    #[test]
    fn rows_become_tensors_and_columns_again() {
        let tensor = tensor(&lists(&[&[1.0, 2.0], &[3.0, 4.0]]).slice(1, 1)).expect("one length");
        assert_eq!(tensor, Tensor::new(&[1, 2], vec![3.0, 4.0]).expect("two"));
        let mut answer = Batch::new(0);
        answer.push_whole("y", Whole::Tensor(Tensor::new(&[2, 2], vec![1i32, 2, 3, 4]).expect("four")));
        answer.push_whole("z", Whole::Tensor(Tensor::scalar(1.0)));
        let out = unstacked(answer, 2).expect("columns");
        assert_eq!(out.column("y").expect("a column").ty(), Type::Fixed { dtype: DType::I32, shape: vec![2] });
        assert!(out.whole("z").is_some() && out.rows() == 2);
    }

    #[test]
    fn what_is_no_tensor_is_refused() {
        assert!(tensor(&lists(&[&[1.0, 2.0], &[3.0]])).is_err());
        let mut builder = Builder::new(&Type::F64);
        builder.push_null();
        assert!(tensor(&builder.finish()).is_err());
    }
}
