//! Model composition (Multiple Models, 4.4; the only way of PMML 3.x): `Regression` and `DecisionTree` inside of a model.
//!
//! A `MiningModel` without a segmentation is a sequence of them: each hands on what its `ResultField`s (and output fields) name, the
//! last one answers. A node of a tree may hold one, which answers in place of the node where the walk ends there. They are a
//! `RegressionModel` and a `TreeModel` without a mining schema: their fields are those of the model around them.

use plan::{Expr, Func};

use super::{
    Lowered,
    mining::{
        choose::choose,
        run::{Run, lower_where},
    },
    regression,
    tree::{self, Held},
};
use crate::pmml::{
    answer::Answer,
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, Value},
    output, targets,
    xml::Element,
};

/// Most models inside of the nodes of one tree.
const HELD_MAX: usize = 4096;

/// Returns whether an element of this name is a model inside of another.
pub fn is_embedded(name: &str) -> bool {
    matches!(name, "Regression" | "DecisionTree")
}

/// Lowers the models inside of a `MiningModel`, one after the other.
pub fn sequence<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let mut last = None;
    for part in model.children().filter(|e| is_embedded(e.name())) {
        let (answer, given) = embedded(cx, scope, part)?;
        for (name, field) in given {
            scope.give(name, field, false);
        }
        last = Some(answer);
    }
    last.ok_or_else(|| model.fault("content", "a Segmentation, or models of PMML 3.x", "neither"))
}

/// A model's answer, and what it hands on by name.
type Embedded<'d> = (Answer<'d>, Vec<(&'d str, Field)>);

fn embedded<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<Embedded<'d>, Fault> {
    let inner = Scope::new(scope.dictionary, Some(scope), element)?;
    cx.deeper(element, |cx| {
        let mut answer = match element.name() {
            "Regression" => regression::lower(cx, &inner, element)?,
            _ => tree::lower(cx, &inner, element)?,
        };
        targets::apply(cx, &inner, &mut answer)?;
        let mut given = output::lower(cx, &inner, &answer)?;
        given.extend(output::results(cx, &inner, &answer, element.all("ResultField"))?);
        Ok((answer, given))
    })
}

/// Returns the answers of the models that nodes hold, and that of the tree, if any, where the walk ends at another node.
pub fn select<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    node: &Value,
    held: &[Held<'d>],
    own: Option<Answer<'d>>,
) -> Result<Answer<'d>, Fault> {
    if held.len() > HELD_MAX {
        return Err(model.fault("models inside of nodes", format!("at most {HELD_MAX}"), held.len().to_string()));
    }
    let mut runs = Vec::with_capacity(held.len() + 1);
    for one in held {
        let here = Expr::call(Func::Eq, [Expr::Input(0), Expr::f64(f64::from(one.node))]);
        let here = cx.expr(one.model, here, &[node], "at the node")?;
        let lowered = lower_where(cx, one.model, &here, |cx| {
            let (answer, _) = embedded(cx, scope, one.model)?;
            Ok(Lowered { answer, outputs: Vec::new() })
        })?;
        runs.push(Run { ran: Some(here), ..lowered.into() });
    }
    runs.extend(own.map(|answer| Lowered { answer, outputs: Vec::new() }.into()));
    let kind = Answer::kind_of(model)?;
    if let Some(one) = held.iter().zip(&runs).find(|(_, run)| run.answer.kind != kind) {
        return Err(one.0.model.fault("attribute functionName", "that of the tree around it", "another"));
    }
    choose(cx, model, runs)
}
