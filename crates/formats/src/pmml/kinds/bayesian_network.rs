//! `BayesianNetworkModel` (Bayesian Network, 4.4): the probabilities of the target given what is seen of the other nodes.
//!
//! Networks of discrete nodes are answered exactly, nodes that are missing being summed out. Continuous nodes are refused: the
//! standard gives their distributions and leaves how to infer to the consumer.

use std::collections::HashMap;

use plan::{
    AssociationOp, BayesOp, VectorOp,
    op::bayes::{Factor, NETWORK_CELLS_MAX, NETWORK_VARIABLES_MAX, Network},
};

use super::measure;
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// A discrete node.
struct Node<'d> {
    element: Element<'d>,
    name: &'d str,
    values: Vec<&'d str>,
}

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let mut nodes = Vec::new();
    let mut places = HashMap::new();
    for element in model.required_child("BayesianNetworkNodes")?.children() {
        if element.name() != "DiscreteNode" {
            return Err(element.unimplemented("nodes that are not discrete"));
        }
        let name = element.required("name")?;
        if places.insert(name, nodes.len()).is_some() {
            return Err(element.fault("attribute name", "a name that stands once", name));
        }
        nodes.push(Node { element, name, values: values(element)? });
    }
    if nodes.len() > NETWORK_VARIABLES_MAX {
        let expected = format!("at most {NETWORK_VARIABLES_MAX} nodes");
        return Err(model.fault("element BayesianNetworkNodes", expected, nodes.len().to_string()));
    }
    let factors: Result<Vec<Factor>, Fault> = (0..nodes.len()).map(|i| factor(&nodes, &places, i)).collect();
    let name = scope.targets().first().copied();
    let target = name.and_then(|name| places.get(name).copied());
    let target = target
        .ok_or_else(|| model.fault("MiningSchema", "a target that is a node of the network", name.unwrap_or("none")))?;
    let (mut inputs, mut seen) = (Vec::new(), Vec::new());
    for name in scope.used_as(&["active"]) {
        // A field that is no node of the network says nothing.
        if let Some(&place) = places.get(name) {
            let field = scope.field(cx, nodes[place].element, name)?;
            let labels: Vec<String> = nodes[place].values.iter().map(|v| (*v).to_owned()).collect();
            inputs.push(cx.codes(nodes[place].element, &field, &labels)?);
            seen.push(place as u32);
        }
    }
    let network = Network {
        sizes: nodes.iter().map(|n| n.values.len() as u32).collect(),
        factors: factors?.into(),
        inputs: seen.into(),
        target: target as u32,
    };
    let inputs: Vec<&Value> = inputs.iter().collect();
    let labels: Vec<String> = nodes[target].values.iter().map(|v| (*v).to_owned()).collect();
    if inputs.is_empty() {
        return Err(model.fault("MiningSchema", "active fields that are nodes of the network", "none"));
    }
    let shares = cx.one(model, BayesOp::Network(network), &inputs, nodes[target].name)?;
    let best = cx.one(model, VectorOp::Best { smallest: false }, &[&shares], "value")?;
    let entry = AssociationOp::Entry { table: measure::table_of(&labels) };
    let label = cx.one(model, entry, &[&best], "value")?;
    let mut answer = Answer::new(Kind::Classification, Some(Field::new(label, DataType::String, OpType::Categorical)));
    answer.probabilities = Some(Classes { labels: labels.into(), values: shares });
    Ok(answer)
}

/// Returns the tables that a node lists: of each combination of parents' values, or one without parents.
fn tables(node: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    let conditional = node.children().filter(|e| e.name() == "DiscreteConditionalProbability");
    let own = node.child("ValueProbability").map(|_| node);
    own.into_iter().chain(conditional)
}

/// Returns a node's values, in the order of its first table.
fn values<'d>(node: Element<'d>) -> Result<Vec<&'d str>, Fault> {
    if let Some(derived) = node.child("DerivedField") {
        return Err(derived.unimplemented("derived fields of a node"));
    }
    let first = tables(node).next().ok_or_else(|| node.fault("content", "probabilities", "none"))?;
    let mut values: Vec<&str> = Vec::new();
    for value in first.all("ValueProbability") {
        let name = value.required("value")?;
        if values.contains(&name) {
            return Err(value.fault("attribute value", "a value that stands once", name));
        }
        values.push(name);
    }
    match values.is_empty() {
        true => Err(node.fault("element ValueProbability", "one for each value", "none")),
        false => Ok(values),
    }
}

/// Returns a node's probabilities as a table over its parents and itself.
fn factor(nodes: &[Node<'_>], places: &HashMap<&str, usize>, node: usize) -> Result<Factor, Fault> {
    let element = nodes[node].element;
    let first = tables(element).next().ok_or_else(|| element.fault("content", "probabilities", "none"))?;
    let mut variables = Vec::new();
    for parent in first.all("ParentValue") {
        let name = parent.required("parent")?;
        let place = places.get(name).copied();
        let place = place.filter(|p| !variables.contains(&(*p as u32)) && *p != node);
        let place = place.ok_or_else(|| parent.fault("attribute parent", "another node of the network, once", name))?;
        variables.push(place as u32);
    }
    variables.push(node as u32);
    let size = variables.iter().try_fold(1_usize, |n, &v| n.checked_mul(nodes[v as usize].values.len()));
    // Each table of the document gives as many entries as the node has values, so the document bounds the size.
    let given = tables(element).count().saturating_mul(nodes[node].values.len());
    let size = size.filter(|&n| n == given && n as u64 <= NETWORK_CELLS_MAX).ok_or_else(|| {
        let expected = "a table for each combination of the parents' values";
        element.fault("element DiscreteConditionalProbability", expected, format!("{} tables", tables(element).count()))
    })?;
    let mut values = vec![f64::NAN; size];
    for table in tables(element) {
        let mut at = 0;
        for &variable in &variables[..variables.len() - 1] {
            let parent = &nodes[variable as usize];
            let value = table.all("ParentValue").find(|p| p.attr("parent") == Some(parent.name));
            let value = value.ok_or_else(|| table.fault("element ParentValue", parent.name, "none"))?;
            at = at * parent.values.len() + place(value, parent)?;
        }
        for share in table.all("ValueProbability") {
            let at = at * nodes[node].values.len() + place(share, &nodes[node])?;
            values[at] = share.required_f64("probability")?;
        }
    }
    match values.iter().all(|v| *v >= 0.0) {
        true => Ok(Factor { variables: variables.into(), values: values.into() }),
        false => Err(element.fault("attribute probability", "a number, 0 or above, for each combination", "none")),
    }
}

fn place(element: Element<'_>, node: &Node<'_>) -> Result<usize, Fault> {
    let value = element.required("value")?;
    let place = node.values.iter().position(|v| *v == value);
    place.ok_or_else(|| element.fault("attribute value", format!("a value of the node {}", node.name), value))
}
