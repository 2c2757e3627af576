//! The order of nodes: each after what it reads.
//!
//! The standard asks for sorted nodes; tools that edit graphs do not all keep to it, so an order is found, which is the
//! document's own where that is good. A name without an origin and a circle are refused by name. Nothing recurses over nodes.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    document::{Graph, Node},
    reader::Reader,
};
use crate::ReadError;

/// Returns the nodes' indices in their order. `is_known` says which names come from elsewhere: inputs, constants, graphs around.
pub fn order<'d>(cx: &Reader<'d>, nodes: &[Node<'d>], is_known: impl Fn(&str) -> bool) -> Result<Vec<u32>, ReadError> {
    let mut writers: FxHashMap<&str, u32> = FxHashMap::default();
    for (i, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            writers.insert(output, i as u32);
        }
    }
    let mut needs = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut of_node: Vec<u32> = Vec::new();
        let mut need = |name: &str| match writers.get(name) {
            Some(writer) => {
                of_node.push(*writer);
                Ok(())
            }
            None if is_known(name) => Ok(()),
            None => Err(cx.fault(
                node.op,
                &format!("node `{}`: input `{}`", node.label(), name.escape_debug()),
                "a value that an input, a constant or a node makes",
                "no such value",
            )),
        };
        node.inputs.iter().filter(|name| !name.is_empty()).try_for_each(|name| need(name))?;
        for graph in node.attributes.iter().flat_map(|attribute| attribute.value.graphs()) {
            free(graph).into_iter().try_for_each(&mut need)?;
        }
        needs.push(of_node);
    }
    sort(&needs).map_err(|circle| {
        let names: Vec<_> = circle.iter().take(8).map(|i| format!("`{}`", nodes[*i as usize].label())).collect();
        let first = &nodes[circle[0] as usize];
        cx.fault(first.op, "node", "nodes that do not wait for each other", format!("a circle of {}", names.join(", ")))
    })
}

/// Returns an order in which each comes after what it needs, or a circle.
fn sort(needs: &[Vec<u32>]) -> Result<Vec<u32>, Vec<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    // Nodes that wait, each with how many of its needs have been looked at.
    let mut open: Vec<(u32, usize)> = Vec::new();
    for root in 0..needs.len() as u32 {
        if states[root as usize] != State::New {
            continue;
        }
        open.push((root, 0));
        states[root as usize] = State::Open;
        while let Some((node, seen)) = open.last_mut() {
            let node = *node;
            let Some(&next) = needs[node as usize].get(*seen) else {
                states[node as usize] = State::Done;
                order.push(node);
                open.pop();
                continue;
            };
            *seen += 1;
            match states[next as usize] {
                State::Done => {}
                State::New => {
                    states[next as usize] = State::Open;
                    open.push((next, 0));
                }
                State::Open => {
                    let from = open.iter().position(|(i, _)| *i == next).unwrap_or(0);
                    return Err(open[from..].iter().map(|(i, _)| *i).collect());
                }
            }
        }
    }
    Ok(order)
}

/// Returns the names that a graph takes from around it, as reading has bounded its depth.
fn free<'g>(graph: &'g Graph<'_>) -> FxHashSet<&'g str> {
    let mut own: FxHashSet<&str> = FxHashSet::default();
    own.extend(graph.inputs.iter().map(|input| input.name));
    own.extend(graph.initializers.iter().map(|tensor| tensor.name));
    own.extend(graph.sparse_initializers.iter().map(|tensor| tensor.values.name));
    own.extend(graph.nodes.iter().flat_map(|node| node.outputs.iter().copied()));
    let mut free: FxHashSet<&str> = FxHashSet::default();
    for node in &graph.nodes {
        free.extend(node.inputs.iter().copied().filter(|name| !name.is_empty() && !own.contains(name)));
        for inner in node.attributes.iter().flat_map(|attribute| attribute.value.graphs()) {
            free.extend(self::free(inner).into_iter().filter(|name| !own.contains(name)));
        }
    }
    free.extend(graph.outputs.iter().map(|output| output.name).filter(|name| !own.contains(name)));
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_keeps_to_the_given_one_where_that_is_good() {
        assert_eq!(sort(&[vec![], vec![0], vec![], vec![1, 2]]), Ok(vec![0, 1, 2, 3]));
        assert_eq!(sort(&[vec![2], vec![0], vec![]]), Ok(vec![2, 0, 1]));
        assert_eq!(sort(&[vec![], vec![3], vec![1], vec![2]]), Err(vec![1, 3, 2]));
        assert_eq!(sort(&[vec![0]]), Err(vec![0]));
    }
}
