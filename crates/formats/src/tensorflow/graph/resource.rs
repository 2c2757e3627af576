//! Which variable, table or array a handle stands for.
//!
//! Handles are followed from where they are used to where they are made, through whatever gives them on as they are; arguments
//! of bodies are bound to what the node around gives. So no handle is left in what lowering sees.

use super::{
    attrs::Site,
    flat::{Def, Flat, Src},
    flow, ops,
};

/// What a handle stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A variable, by its name.
    Variable(String),
    /// A table, by its name.
    Table(String),
    /// An array of a loop, by the node that makes it.
    Array(u32),
}

/// What a graph's values from outside are: handles, or values by their place among those.
#[derive(Clone, Debug)]
pub enum Param {
    Value(u32),
    Resource(Resource),
}

/// Returns whether the first input of an op is a handle.
pub fn takes_handle(op: &str) -> bool {
    matches!(
        op,
        "ReadVariableOp"
            | "ResourceGather"
            | "ResourceGatherNd"
            | "VariableShape"
            | "VarIsInitializedOp"
            | "IsVariableInitialized"
            | "LookupTableFind"
            | "LookupTableFindV2"
            | "LookupTableSize"
            | "LookupTableSizeV2"
            | "LookupTableExport"
            | "LookupTableExportV2"
            | "TensorArrayReadV3"
            | "TensorArrayWriteV3"
            | "TensorArrayGatherV3"
            | "TensorArrayScatterV3"
            | "TensorArrayConcatV3"
            | "TensorArraySplitV3"
            | "TensorArraySizeV3"
            | "TensorArrayCloseV3"
            | "BoostedTreesPredict"
            | "BoostedTreesQuantileStreamResourceGetBucketBoundaries"
    )
}

/// Returns the name under which a variable or table is known.
pub fn name_of(site: &Site<'_>, node_name: &str) -> String {
    let text = |name| site.text(name).unwrap_or_default();
    let is_anonymous =
        site.op().starts_with("Anonymous") || text("shared_name") == "cd2c89b7-88b7-44c8-ad83-06c2a9158347";
    match (text("container"), text("shared_name")) {
        _ if is_anonymous => node_name.to_owned(),
        ("", "") => node_name.to_owned(),
        ("", shared) => shared.to_owned(),
        (container, "") => format!("{container}/{node_name}"),
        (container, shared) => format!("{container}/{shared}"),
    }
}

/// Returns what a value is a handle of, if it is one.
pub fn resource(flat: &Flat<'_>, params: &[Param], mut src: Src) -> Option<Resource> {
    // Each step leads to another node, but for those back into a loop, which are not taken.
    for _ in 0..=flat.nodes.len() {
        let site = match &flat.nodes.get(src.node as usize)?.def {
            Def::Op(site) => site,
            Def::Fed(_) => return None,
            Def::Param(place) => {
                return match params.get(*place)? {
                    Param::Resource(resource) => Some(resource.clone()),
                    Param::Value(_) => None,
                };
            }
        };
        let op = site.op();
        if ops::is_variable(op) {
            return Some(Resource::Variable(name_of(site, &flat.name(src.node))));
        }
        if ops::is_table(op) {
            return Some(Resource::Table(name_of(site, &flat.name(src.node))));
        }
        if op == "TensorArrayV3" {
            return (src.slot == 0).then_some(Resource::Array(src.node));
        }
        let inputs = &flat.nodes[src.node as usize].inputs;
        let gives_on = ops::is_identity(op)
            || flow::is_switch(op)
            || flow::is_enter(op)
            || flow::is_exit(op)
            || matches!(op, "Merge" | "RefMerge" | "NextIteration" | "RefNextIteration");
        src = match op {
            "While" | "StatelessWhile" | "IdentityN" => *inputs.get(src.slot as usize)?,
            _ if gives_on => *inputs.first()?,
            _ => return None,
        };
    }
    None
}
