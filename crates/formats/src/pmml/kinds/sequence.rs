//! `SequenceModel` (Sequences, 4.4): which rules speak for what happened one after the other.
//!
//! A row brings the items of one group as a list, in the order of time: each at a time of its own, one unit apart, or with the
//! times beside them in the list of the `order` field. A sequence is in the row where its sets are, one after the other:
//! `acrossTimeWindows` at a later time (with `gap="false"` at the next one), `sameTimeWindow` at the same. A rule's consequent counts
//! where it follows the antecedent. What is shown is picked as of association rules. The standard gives no procedure; this is the
//! sense of its definitions. `Time` elements say what was seen in training, no condition.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use model::Type;
use plan::{
    Expr,
    expr::{Cast, CastRule},
    op::association::{Basket, Follows, Sequences, SetRules},
};

use super::{
    association::{self, Rules, Sets},
    clustering, measure,
};
use crate::pmml::{
    answer::Answer,
    array,
    error::Fault,
    fields::Scope,
    lower::{Lowering, Value},
    xml::Element,
};

/// The steps of a sequence.
type Steps = Vec<(u32, Follows)>;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    if model.f64("timeWindowWidth")?.is_some_and(|width| width > 0.0) {
        return Err(model.unimplemented("timeWindowWidth above 0"));
    }
    let inputs = inputs(cx, scope, model)?;
    let (items, elements) = association::items(model)?;
    let mut sets = Sets::read(model, &items, &elements)?;
    let mut texts: Vec<Box<str>> = Vec::with_capacity(elements.len());
    for item in &elements {
        texts.push(item.required("value")?.into());
    }
    predicates(model, &mut sets, &mut texts)?;
    let mut sequences = HashMap::new();
    for sequence in model.all("Sequence") {
        let id = sequence.required("id")?;
        if sequences.insert(id, steps(sequence, &sets)?).is_some() {
            return Err(sequence.fault("attribute id", "an id that stands once", id));
        }
    }
    let rules: Vec<Element<'d>> = model.all("SequenceRule").collect();
    measure::check_shown(model, rules.len())?;
    let (mut offsets, mut all, mut shown, mut pairs) = (vec![0], Vec::new(), Vec::new(), Vec::new());
    for (number, rule) in (0_u32..).zip(&rules) {
        let antecedent = part(*rule, "AntecedentSequence", &sequences)?;
        let consequent = part(*rule, "ConsequentSequence", &sequences)?;
        // A rule has two sequences: what speaks, and that with what it speaks for.
        measure::cells(*rule, "steps of rules", all.len() + 2 * antecedent.len() + consequent.len(), 1)?;
        all.extend_from_slice(antecedent);
        offsets.push(all.len() as u32);
        all.extend_from_slice(antecedent);
        let link = follows(rule.child("Delimiter"))?;
        all.extend(consequent.iter().enumerate().map(|(i, (set, own))| (*set, if i == 0 { link } else { *own })));
        offsets.push(all.len() as u32);
        pairs.push((2 * number, 2 * number + 1));
        shown.extend([antecedent, consequent].map(|steps| items_of(steps, &sets)));
    }
    let sequences = Sequences { offsets: offsets.into(), steps: all.into() };
    let sets = SetRules {
        basket: Basket::Texts(texts.into()),
        offsets: sets.offsets.into(),
        members: sets.members.into(),
        rules: pairs.into(),
        sequences: Some(sequences),
    };
    let ids = clustering::ids(&rules)?;
    Rules { elements: rules, ids, texts: shown, sets, inputs, fired: RefCell::default() }.answer(cx, model)
}

/// Returns the list of items, and that of their times.
fn inputs<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Vec<Value>, Fault> {
    let of = |usage: &'static str| scope.used_as(&[usage]);
    let (groups, active, order) = (of("group"), of("active"), of("order"));
    let ([_], [item], [] | [_]) = (groups.as_slice(), active.as_slice(), order.as_slice()) else {
        let expected = "one group field, one active field with the items, and at most one order field";
        return Err(model.fault("MiningSchema", expected, "others"));
    };
    let items = scope.field(cx, model, item)?;
    let mut inputs = vec![association::list(cx, model, &items)?];
    if let [name] = order.as_slice() {
        let times = scope.field(cx, model, name)?;
        if !times.data.is_number() {
            return Err(model.unimplemented(format!("the order field {name}, which is no number")));
        }
        let wanted = Type::list(Type::F64);
        inputs.push(match times.value.ty == wanted {
            true => times.value,
            false => {
                let cast = Cast::new(wanted, CastRule::Try);
                cx.expr(model, Expr::call(cast, [Expr::Input(0)]), &[&times.value], "times")?
            }
        });
    }
    Ok(inputs)
}

/// Adds the sets that predicates name: a set of values that the items have among them.
fn predicates<'d>(model: Element<'d>, sets: &mut Sets<'d>, texts: &mut Vec<Box<str>>) -> Result<(), Fault> {
    let mut numbers: HashMap<Box<str>, u32> = texts.iter().cloned().zip(0..).collect();
    for predicate in model.all("SetPredicate") {
        let id = predicate.required("id")?;
        if predicate.attr("operator").unwrap_or("supersetOf") != "supersetOf" {
            let got = predicate.attr("operator").unwrap_or_default();
            return Err(predicate.fault("attribute operator", "supersetOf", got));
        }
        if sets.numbers.insert(id, sets.texts.len() as u32).is_some() {
            return Err(predicate.fault("attribute id", "an id that stands once", id));
        }
        let mut seen = HashSet::new();
        let values: Vec<Box<str>> = array::texts(array::inside(predicate)?)?.into_iter().map(Into::into).collect();
        for value in &values {
            let number = *numbers.entry(value.clone()).or_insert_with(|| {
                texts.push(value.clone());
                texts.len() as u32 - 1
            });
            if seen.insert(number) {
                sets.members.push(number);
            }
        }
        sets.offsets.push(sets.members.len() as u32);
        sets.texts.push(values.into());
    }
    Ok(())
}

/// Returns the sets of a sequence, each with how it follows.
fn steps(sequence: Element<'_>, sets: &Sets<'_>) -> Result<Steps, Fault> {
    let (mut steps, mut link) = (Vec::new(), Follows::Later);
    for part in sequence.children() {
        match part.name() {
            "Delimiter" => link = follows(Some(part))?,
            "SetReference" => {
                let id = part.required("setId")?;
                let set = sets.numbers.get(id).copied();
                steps.push((set.ok_or_else(|| part.fault("attribute setId", "the id of a set", id))?, link));
                link = Follows::Later;
            }
            _ => {}
        }
    }
    match steps.is_empty() {
        true => Err(sequence.fault("element SetReference", "one at least", "none")),
        false => Ok(steps),
    }
}

fn follows(delimiter: Option<Element<'_>>) -> Result<Follows, Fault> {
    let Some(delimiter) = delimiter else { return Ok(Follows::Later) };
    let gap = delimiter.attr("gap").unwrap_or("unknown");
    Ok(match (delimiter.required("delimiter")?, gap) {
        ("sameTimeWindow", _) => Follows::Together,
        ("acrossTimeWindows", "false") => Follows::Next,
        ("acrossTimeWindows", "true" | "unknown") => Follows::Later,
        ("acrossTimeWindows", other) => return Err(delimiter.fault("attribute gap", "true, false or unknown", other)),
        (other, _) => {
            return Err(delimiter.fault("attribute delimiter", "sameTimeWindow or acrossTimeWindows", other));
        }
    })
}

/// Returns the sequence that a part of a rule refers to.
fn part<'s>(
    rule: Element<'_>,
    name: &'static str,
    sequences: &'s HashMap<&str, Steps>,
) -> Result<&'s [(u32, Follows)], Fault> {
    let reference = rule.required_child(name)?.required_child("SequenceReference")?;
    let id = reference.required("seqId")?;
    let steps = sequences.get(id).ok_or_else(|| reference.fault("attribute seqId", "the id of a sequence", id))?;
    Ok(steps)
}

fn items_of(steps: &[(u32, Follows)], sets: &Sets<'_>) -> Arc<[Box<str>]> {
    steps.iter().flat_map(|(set, _)| sets.texts[*set as usize].iter().cloned()).collect()
}
