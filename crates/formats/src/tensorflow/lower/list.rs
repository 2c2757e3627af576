//! TensorList (TensorFlow 2) and TensorArray (TensorFlow 1). An array's flow is the list itself, so its ops have no handle.

use model::{Tensor, Type};
use plan::{SlotId, tensor::ListOp};

use super::{At, Lower, Row, Slots, row, value};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("TensorListReserve", |lower, at| {
        let [_, count] = at.args::<2>()?;
        let item = item(at, "element_dtype")?;
        one(lower, at, ListOp::Reserve { item }, &[count])
    }),
    row("EmptyTensorList", |lower, at| {
        let item = item(at, "element_dtype")?;
        let none = lower.constant(Tensor::scalar(0_i32));
        one(lower, at, ListOp::Reserve { item }, &[none])
    }),
    row("TensorListFromTensor", |lower, at| {
        let list = at.arg(0)?;
        one(lower, at, ListOp::FromTensor, &[list])
    }),
    row("TensorListGetItem", |lower, at| any(lower, at, ListOp::Get)),
    row("TensorListSetItem", |lower, at| {
        let grow = at.flag("resize_if_index_out_of_bounds");
        any(lower, at, ListOp::Set { grow })
    }),
    row("TensorListPushBack", |lower, at| any(lower, at, ListOp::Push)),
    row("TensorListPopBack", |lower, at| {
        let inputs: Vec<Option<SlotId>> = at.inputs.iter().copied().map(Some).collect();
        lower.add_many(at, ListOp::Pop, &inputs)
    }),
    row("TensorListLength", |lower, at| any(lower, at, ListOp::Length)),
    row("TensorListStack", |lower, at| any(lower, at, ListOp::Stack)),
    row("TensorListGather", |lower, at| {
        let [list, places, shape] = at.args::<3>()?;
        one(lower, at, ListOp::Stack, &[list, shape, places])
    }),
    row("TensorListScatterIntoExistingList", |lower, at| {
        let [list, values, places] = at.args::<3>()?;
        one(lower, at, ListOp::Scatter { grow: true }, &[list, places, values])
    }),
    row("TensorListConcatV2", |lower, at| lower.add_many(at, ListOp::Concat, &[Some(at.arg(0)?)])),
    row("TensorArrayV3", |lower, at| {
        let item = item(at, "dtype")?;
        let list = lower.add(at, ListOp::Reserve { item }, &at.args::<1>()?)?;
        // The handle, which nobody reads, and the flow.
        Ok(vec![list, list])
    }),
    row("TensorArrayReadV3", |lower, at| {
        let [index, flow] = at.args::<2>()?;
        one(lower, at, ListOp::Get, &[flow, index])
    }),
    row("TensorArrayWriteV3", |lower, at| {
        let [index, value, flow] = at.args::<3>()?;
        one(lower, at, ListOp::Set { grow: true }, &[flow, index, value])
    }),
    row("TensorArrayGatherV3", |lower, at| {
        let [places, flow] = at.args::<2>()?;
        let shape = at.site.shape("element_shape").and_then(|shape| shape.dims.clone());
        let shape = shape.map(|dims| lower.ints(&dims));
        lower.add_with(at, ListOp::Stack, &[Some(flow), shape, Some(places)]).map(|slot| vec![slot])
    }),
    row("TensorArrayScatterV3", |lower, at| {
        let [places, values, flow] = at.args::<3>()?;
        one(lower, at, ListOp::Scatter { grow: true }, &[flow, places, values])
    }),
    row("TensorArraySizeV3", |lower, at| any(lower, at, ListOp::Length)),
    row("TensorArrayConcatV3", |lower, at| lower.add_many(at, ListOp::Concat, &[Some(at.arg(0)?)])),
];

fn item(at: &At<'_, '_>, attr: &str) -> Result<Type, ReadError> {
    let dtype = at.site.dtype(attr).and_then(value::element);
    dtype.ok_or_else(|| at.unimplemented("a list of values of other types than numbers and texts"))
}

fn one(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: ListOp, inputs: &[SlotId]) -> Slots {
    lower.add(at, op, inputs).map(|slot| vec![slot])
}

fn any(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: ListOp) -> Slots {
    at.arg(0)?;
    one(lower, at, op, &at.inputs)
}
