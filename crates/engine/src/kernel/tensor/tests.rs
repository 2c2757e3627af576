//! Kernels run alone, against values that were worked by hand or stand in the operators' specifications.

use model::{Tensor, Whole, tensor::Element};
use plan::tensor::{TensorNode, TensorOp};

use super::{Site, TensorKernel};

mod attention;
mod conv;
mod dense;
mod element;
mod image;
mod index;
mod layout;
mod norm;
mod recurrent;
mod signal;
mod steps;
mod texts;

/// Runs an op on its formal inputs; an input may be left out.
pub(super) fn run(op: impl Into<TensorOp>, formal: &[Option<Tensor>], outputs: usize) -> Result<Vec<Tensor>, String> {
    let node = TensorNode::with(op.into(), formal);
    let inputs: Vec<Whole> = formal.iter().flatten().cloned().map(Whole::from).collect();
    let values = |constants: &[Option<&Whole>]| {
        let site = Site { step: &"step".into(), inputs: &[], wanted: &[true; 8], constants };
        let kernel = TensorKernel::new(&node, &site).map_err(|error| error.to_string())?;
        let values = kernel.alone(inputs.clone(), outputs).map_err(|error| error.to_string())?;
        Ok(values.into_iter().map(|value| value.as_tensor().cloned().expect("a tensor")).collect::<Vec<_>>())
    };
    // What a kernel prepares of constants changes nothing.
    let prepared: Vec<Option<&Whole>> = inputs.iter().map(Some).collect();
    let (plain, prepared) = (values(&vec![None; inputs.len()]), values(&prepared));
    match (&plain, &prepared) {
        (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}")),
        (a, b) => assert_eq!(a.is_err(), b.is_err()),
    }
    plain
}

/// Returns the only output of an op that takes the inputs.
pub(super) fn one(op: impl Into<TensorOp>, formal: &[Tensor]) -> Tensor {
    let formal: Vec<Option<Tensor>> = formal.iter().cloned().map(Some).collect();
    run(op, &formal, 1).expect("runs").remove(0)
}

pub(super) fn tensor<T: Element>(shape: &[usize], elements: impl Into<Vec<T>>) -> Tensor {
    Tensor::new(shape, elements.into()).expect("as many as the shape says")
}

/// Returns 0, 1, 2, ... in this shape.
pub(super) fn count(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    tensor(shape, (0..n).map(|i| i as f32).collect::<Vec<_>>())
}

#[track_caller]
pub(super) fn near(tensor: &Tensor, shape: &[usize], expected: &[f32]) {
    assert_eq!(&tensor.shape()[..], shape);
    let got = tensor.get::<f32>().expect("float32");
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        let same = (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-5 + 1e-4 * b.abs();
        assert!(same, "element {i}: {a} for {b}, of {got:?}");
    }
}
