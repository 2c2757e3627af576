//! Products with what follows them: a bias and a function, as one op.
//!
//! A product by a constant matrix whose only reader adds a constant vector, as long as the product's rows, and a product, layer or convolution whose
//! only reader is a function of one number, become one node. The float operations and their order stay the same, so the bits
//! do; float16 and bfloat16, which an op rounds once at its end, are left as they are.

use model::{DType, Tensor, Whole};

use super::{Binary, ConvOp, DenseOp, ElementOp, TensorNode, TensorOp, Unary};
use crate::{
    op::Op,
    plan::{Node, Plan, SlotId},
};

/// Fuses what follows products in a plan. Plans within it have been through this themselves.
pub(crate) fn fuse(plan: &mut Plan) {
    let is_product =
        |node: &Node| matches!(&node.op, Op::Tensor(TensorNode { op: TensorOp::Dense(_) | TensorOp::Conv(_), .. }));
    if !plan.nodes.iter().any(is_product) {
        return;
    }
    let mut nodes: Vec<Option<Node>> = std::mem::take(&mut plan.nodes).into_iter().map(Some).collect();
    let (readers, makers) = (readers(&nodes, plan), makers(&nodes, plan));
    for at in 0..nodes.len() {
        let mut at = at;
        while let Some((reader, fused)) = followed(&nodes, &readers, &makers, at) {
            nodes[at] = None;
            nodes[reader] = Some(fused);
            at = reader;
        }
    }
    plan.nodes = nodes.into_iter().flatten().collect();
}

/// Returns the node that does what this one and its only reader do, and where that reader stands.
fn followed(nodes: &[Option<Node>], readers: &[(u32, usize)], makers: &[usize], at: usize) -> Option<(usize, Node)> {
    let node = nodes[at].as_ref()?;
    let Op::Tensor(TensorNode { op, .. }) = &node.op else { return None };
    let ([first, weights, ..], [product]) = (node.inputs.as_slice(), node.outputs.as_slice()) else { return None };
    let (1, reader) = readers[product.index()] else { return None };
    let follows = nodes[reader].as_ref()?;
    let Op::Tensor(TensorNode { op: TensorOp::Element(then), .. }) = &follows.op else { return None };
    let weights_are = constant(nodes, makers, *weights)?;
    if !matches!(weights_are.dtype(), Some(DType::F32 | DType::F64)) {
        return None;
    }
    let fused = |op: TensorOp, inputs: Vec<SlotId>| {
        let given: Vec<Option<()>> = inputs.iter().map(|_| Some(())).collect();
        let op = TensorNode::with(op, &given).into();
        Some((reader, Node { op, inputs, outputs: follows.outputs.clone(), step: node.step.clone() }))
    };
    match (op, then) {
        (TensorOp::Dense(DenseOp::MatMul { transpose }), ElementOp::Binary(Binary::Add)) => {
            let bias = follows.inputs.iter().copied().find(|slot| slot != product)?;
            let added = constant(nodes, makers, bias)?;
            let columns = (weights_are.rank() == 2).then(|| weights_are.shape()[usize::from(!transpose[1])])?;
            if added.dtype() != weights_are.dtype() || **added.shape() != [columns] {
                return None;
            }
            let op = DenseOp::Dense { transpose: *transpose, alpha: 1.0, beta: 1.0, end: None };
            fused(op.into(), vec![*first, *weights, bias])
        }
        (TensorOp::Dense(op), ElementOp::Unary(function)) if is_of_numbers(*function) => {
            let op = match op {
                DenseOp::MatMul { transpose } => {
                    DenseOp::Dense { transpose: *transpose, alpha: 1.0, beta: 1.0, end: Some(*function) }
                }
                DenseOp::Dense { transpose, alpha, beta, end: None } => {
                    DenseOp::Dense { transpose: *transpose, alpha: *alpha, beta: *beta, end: Some(*function) }
                }
                _ => return None,
            };
            fused(op.into(), node.inputs.clone())
        }
        (
            TensorOp::Conv(ConvOp::Conv { window, groups, last, filters_last, end: None }),
            ElementOp::Unary(function),
        ) if is_of_numbers(*function) => {
            let (window, end) = (window.clone(), Some(*function));
            let op = ConvOp::Conv { window, groups: *groups, last: *last, filters_last: *filters_last, end };
            fused(op.into(), node.inputs.clone())
        }
        _ => None,
    }
}

/// Returns whether the function gives numbers of the type that it takes.
fn is_of_numbers(function: Unary) -> bool {
    !matches!(function, Unary::Not | Unary::BitNot | Unary::IsNan | Unary::IsInf { .. } | Unary::IsFinite)
}

/// Returns the tensor of a slot that a node before this one fills and that never changes.
fn constant<'n>(nodes: &'n [Option<Node>], makers: &[usize], slot: SlotId) -> Option<&'n Tensor> {
    match &nodes.get(makers[slot.index()])?.as_ref()?.op {
        Op::Tensor(TensorNode { op: TensorOp::Constant(Whole::Tensor(tensor)), .. }) => Some(tensor),
        _ => None,
    }
}

/// Returns for each slot which node fills it.
fn makers(nodes: &[Option<Node>], plan: &Plan) -> Vec<usize> {
    let mut makers = vec![usize::MAX; plan.slots.len()];
    for (at, node) in nodes.iter().enumerate() {
        node.iter().flat_map(|node| &node.outputs).for_each(|slot| makers[slot.index()] = at);
    }
    makers
}

/// Returns for each slot how many read it, and the last node that does.
fn readers(nodes: &[Option<Node>], plan: &Plan) -> Vec<(u32, usize)> {
    let mut readers = vec![(0, usize::MAX); plan.slots.len()];
    for (at, node) in nodes.iter().enumerate() {
        for slot in node.iter().flat_map(|node| &node.inputs) {
            let (count, last) = &mut readers[slot.index()];
            *count += 1;
            *last = at;
        }
    }
    let grouped = plan.grouped.iter().flat_map(|grouped| {
        grouped
            .keys
            .iter()
            .copied()
            .chain(grouped.aggregates.iter().flat_map(|aggregation| aggregation.inputs.iter().copied()))
    });
    for slot in plan.outputs.iter().map(|output| output.slot).chain(grouped) {
        readers[slot.index()].0 += 2;
    }
    readers
}

#[cfg(test)]
mod tests {
    use model::{Takes, Type};

    use super::*;
    use crate::PlanBuilder;

    fn names(b: PlanBuilder) -> Vec<&'static str> {
        b.finish().expect("a plan").nodes.iter().map(|node| node.op.name()).collect()
    }

    fn constant(b: &mut PlanBuilder, shape: &[usize]) -> SlotId {
        let tensor = Tensor::new(shape, vec![1.0_f32; shape.iter().product()]).expect("as many as the shape says");
        b.node("constant", Whole::Tensor(tensor), &[], "constant")
    }

    fn layer(b: &mut PlanBuilder, bias: &[usize]) -> (SlotId, SlotId) {
        let x = b.whole_input("x", Takes::One(Type::F32));
        let (w, c) = (constant(b, &[2, 3]), constant(b, bias));
        let product = b.node("product", DenseOp::MatMul { transpose: [false; 2] }, &[x, w], "product");
        let sum = b.node("sum", ElementOp::Binary(Binary::Add), &[c, product], "sum");
        (product, sum)
    }

    #[test]
    fn a_layer_is_one_node() {
        let mut b = PlanBuilder::new();
        let (_, sum) = layer(&mut b, &[3]);
        let y = b.node("y", ElementOp::Unary(Unary::Relu), &[sum], "y");
        b.output("y", y);
        let plan = b.finish().expect("a plan");
        let Op::Tensor(TensorNode { op: TensorOp::Dense(op), given }) = &plan.nodes[2].op else { panic!("a layer") };
        assert_eq!((op, *given, plan.nodes.len()), (&DenseOp::layer(Some(Unary::Relu)), 0b111, 3));
        assert_eq!(plan.infer(&plan.first_types()).expect("types")[y.index()], plan.first_types()[0]);
    }

    #[test]
    fn what_is_read_elsewhere_or_does_not_fit_stays() {
        let mut b = PlanBuilder::new();
        let (product, sum) = layer(&mut b, &[3]);
        b.output("y", sum);
        b.output("product", product);
        assert_eq!(names(b), ["constant", "constant", "matmul", "binary"]);
        // A bias of another shape broadcasts the product.
        let mut b = PlanBuilder::new();
        let (_, sum) = layer(&mut b, &[4, 1, 3]);
        b.output("y", sum);
        assert_eq!(names(b), ["constant", "constant", "matmul", "binary"]);
        let mut b = PlanBuilder::new();
        let (_, sum) = layer(&mut b, &[3]);
        let y = b.node("y", ElementOp::Unary(Unary::IsNan), &[sum], "y");
        b.output("y", y);
        assert_eq!(names(b), ["constant", "constant", "dense", "unary"]);
    }
}
