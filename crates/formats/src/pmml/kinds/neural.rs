//! `NeuralNetwork` (Neural Network, 4.4): inputs that are derived fields, layers, outputs that lead back to fields.
//!
//! A missing input makes the result missing. The result of a regression is led back through the output's `NormContinuous`, beyond
//! its points as `outliers` says (by default along the first or last line); the category of a classification is the one of the
//! output neuron with the largest number, and the numbers are its probabilities. Layers read neurons of earlier ones.

use std::sync::Arc;

use plan::{
    EncodeOp, Expr, FormulaOp, Func, VectorOp,
    formula::{Activation, Layer, Network, Neuron, Normalize},
};
use rustc_hash::FxHashMap;

use super::columns::{Columns, classification};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    expression,
    fields::{Field, Scope},
    lower::{Lowering, MathContext, Value},
    xml::Element,
};

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let mut columns = Columns::default();
    let mut places: FxHashMap<&str, u32> = FxHashMap::default();
    for input in model.required_child("NeuralInputs")?.all("NeuralInput") {
        let derived = input.required_child("DerivedField")?;
        let field = expression::derived(cx, scope, derived)?;
        let value = cx.number(derived, &field.value)?;
        let place = columns.add(value);
        named(&mut places, input, place)?;
    }
    let layers = layers(model, columns.len(), &mut places)?;
    let outputs = outputs(scope, model, kind)?;
    let mut asked = Vec::with_capacity(outputs.len());
    for (output, _) in &outputs {
        let id = output.required("outputNeuron")?;
        let place = places.get(id);
        asked.push(*place.ok_or_else(|| output.fault("attribute outputNeuron", "the id of a neuron", id))?);
    }
    let single = cx.math() == MathContext::Float;
    let values = columns.values(cx, model)?;
    let op = Network { inputs: values.len() as u32, single, layers, outputs: asked.into() };
    let made = cx.node(model, FormulaOp::Network(Arc::new(op)), &values, &["outputs", "place"])?;
    let [numbers, place] = made.try_into().expect("a node of two outputs");
    if kind == Kind::Regression {
        let number = cx.one(model, VectorOp::Element { place: 0 }, &[&numbers], "output")?;
        let (_, expression) = outputs[0];
        let value = if expression.name() == "NormContinuous" { restored(cx, expression, &number)? } else { number };
        return Ok(Answer::new(Kind::Regression, Some(Field::double(value))));
    }
    let labels: Result<Vec<String>, Fault> =
        outputs.iter().map(|(_, discrete)| discrete.required("value").map(str::to_owned)).collect();
    let ids: Result<Vec<Box<str>>, Fault> =
        outputs.iter().map(|(output, _)| output.required("outputNeuron").map(Box::from)).collect();
    let entity = cx.one(model, EncodeOp::Label { labels: ids?.into() }, &[&place], "neuron")?;
    let mut answer = classification(cx, scope, model, labels?, numbers, &place)?;
    answer.entity = Some(entity);
    Ok(answer)
}

fn named<'d>(places: &mut FxHashMap<&'d str, u32>, element: Element<'d>, place: u32) -> Result<(), Fault> {
    let id = element.required("id")?;
    match places.insert(id, place) {
        Some(_) => Err(element.fault("attribute id", "an id of its own", id)),
        None => Ok(()),
    }
}

/// What layers take from the network where they say nothing themselves.
struct Defaults<'d> {
    network: Element<'d>,
    layer: Element<'d>,
}

impl<'d> Defaults<'d> {
    fn attr(&self, name: &str) -> Option<(Element<'d>, &'d str)> {
        let of = |at: Element<'d>| at.attr(name).map(|text| (at, text));
        of(self.layer).or_else(|| of(self.network))
    }

    fn number(&self, name: &'static str) -> Result<Option<f64>, Fault> {
        self.attr(name).map(|(at, text)| at.number(name, text)).transpose()
    }
}

fn layers<'d>(model: Element<'d>, inputs: usize, places: &mut FxHashMap<&'d str, u32>) -> Result<Vec<Layer>, Fault> {
    let mut known = inputs as u32;
    let mut layers = Vec::new();
    for element in model.all("NeuralLayer") {
        let defaults = Defaults { network: model, layer: element };
        let activation = activation(&defaults)?;
        let normalize = match defaults.attr("normalizationMethod") {
            None | Some((_, "none")) => Normalize::None,
            Some((_, "simplemax")) => Normalize::SimpleMax,
            Some((_, "softmax")) => Normalize::SoftMax,
            Some((at, other)) => {
                return Err(at.fault("attribute normalizationMethod", "none, simplemax or softmax", other));
            }
        };
        let (width, altitude) = (defaults.number("width")?, defaults.number("altitude")?.unwrap_or(1.0));
        let mut neurons = Vec::new();
        for neuron in element.all("Neuron") {
            let (mut from, mut weights) = (Vec::new(), Vec::new());
            for connection in neuron.all("Con") {
                let id = connection.required("from")?;
                let place = places.get(id);
                from.push(
                    *place.ok_or_else(|| {
                        connection.fault("attribute from", "the id of an input or earlier neuron", id)
                    })?,
                );
                weights.push(connection.required_f64("weight")?);
            }
            let width = neuron.f64("width")?.or(width);
            if activation == Activation::RadialBasis && width.is_none() {
                return Err(neuron.fault(
                    "attribute width",
                    "a width: of the neuron, its layer or the network",
                    "none",
                ));
            }
            neurons.push(Neuron {
                from: from.into(),
                weights: weights.into(),
                bias: neuron.f64("bias")?,
                width: width.unwrap_or(1.0),
                altitude: neuron.f64("altitude")?.unwrap_or(altitude),
            });
        }
        if neurons.is_empty() {
            return Err(element.fault("elements Neuron", "one at least", "none"));
        }
        // Names are known when the layer is whole: its neurons read those of others.
        for (i, neuron) in element.all("Neuron").enumerate() {
            named(places, neuron, known + i as u32)?;
        }
        known += neurons.len() as u32;
        layers.push(Layer { neurons, activation, normalize });
    }
    if layers.is_empty() {
        return Err(model.fault("elements NeuralLayer", "one at least", "none"));
    }
    Ok(layers)
}

fn activation(defaults: &Defaults<'_>) -> Result<Activation, Fault> {
    let Some((at, name)) = defaults.attr("activationFunction") else {
        return Err(defaults.network.fault("attribute activationFunction", "a function", "none"));
    };
    Ok(match name {
        "threshold" => Activation::Threshold(defaults.number("threshold")?.unwrap_or(0.0)),
        "logistic" => Activation::Logistic,
        "tanh" => Activation::Tanh,
        "identity" => Activation::Identity,
        "exponential" => Activation::Exponential,
        "reciprocal" => Activation::Reciprocal,
        "square" => Activation::Square,
        "Gauss" | "gauss" => Activation::Gauss,
        "sine" => Activation::Sine,
        "cosine" => Activation::Cosine,
        "Elliott" | "elliott" => Activation::Elliott,
        "arctan" => Activation::Arctan,
        "rectifier" => Activation::Rectifier(defaults.number("leakage")?.or(defaults.number("x-leakage")?)),
        "radialBasis" => Activation::RadialBasis,
        other => return Err(at.fault("attribute activationFunction", "a function of PMML 4.4", other)),
    })
}

/// Returns the outputs of the model's target, each with the expression that leads back from it.
fn outputs<'d>(
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    kind: Kind,
) -> Result<Vec<(Element<'d>, Element<'d>)>, Fault> {
    let mut all = Vec::new();
    for output in model.required_child("NeuralOutputs")?.all("NeuralOutput") {
        all.push((output, leading_back(scope, output)?));
    }
    // A network may predict several fields: those of the first target are the result.
    let target = scope.target().map(|target| target.name);
    let of_target =
        |(_, expression): &(Element<'d>, Element<'d>)| target.is_none() || expression.attr("field") == target;
    if all.iter().any(of_target) {
        all.retain(of_target);
    }
    let (expected, fits): (_, fn(&str) -> bool) = match kind {
        Kind::Regression => {
            ("one NeuralOutput of NormContinuous or FieldRef", |name| matches!(name, "NormContinuous" | "FieldRef"))
        }
        Kind::Classification => ("NeuralOutputs of NormDiscrete", |name| name == "NormDiscrete"),
        _ => return Err(model.fault("attribute functionName", "regression or classification", "another")),
    };
    if let Some((output, expression)) = all.iter().find(|(_, expression)| !fits(expression.name())) {
        return Err(output.fault("content", expected, expression.name()));
    }
    if all.is_empty() || (kind == Kind::Regression && all.len() != 1) {
        return Err(model.fault("element NeuralOutputs", expected, all.len().to_string()));
    }
    Ok(all)
}

/// Returns the expression of an output; where that names a derived field, the one of that field.
fn leading_back<'d>(scope: &Scope<'_, 'd>, output: Element<'d>) -> Result<Element<'d>, Fault> {
    let body = |derived: Element<'d>| derived.children().find(|e| expression::is_expression(e.name()));
    let none = || output.fault("content", "a DerivedField with an expression", "none");
    let expression = body(output.required_child("DerivedField")?).ok_or_else(none)?;
    let (true, Some(name)) = (expression.name() == "FieldRef", expression.attr("field")) else { return Ok(expression) };
    let local = scope.model.child("LocalTransformations").into_iter().flat_map(|e| e.all("DerivedField"));
    let derived = local.into_iter().find(|e| e.attr("name") == Some(name));
    match derived.or_else(|| scope.dictionary.derived.get(name).copied()) {
        Some(derived) => body(derived).ok_or_else(none),
        None => Ok(expression),
    }
}

/// Returns the number that `NormContinuous` makes this one of: `(x - norm0) / (norm1 - norm0) * (orig1 - orig0) + orig0`.
fn restored(cx: &mut Lowering<'_>, norm: Element<'_>, number: &Value) -> Result<Value, Fault> {
    let mut points = Vec::new();
    for point in norm.all("LinearNorm") {
        points.push((point.required_f64("norm")?, point.required_f64("orig")?));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ([(first, low), .., (last, high)], Some(_)) = (&points[..], points.get(1)) else {
        return Err(norm.fault("elements LinearNorm", "two at least", points.len().to_string()));
    };
    let x = || Expr::Input(0);
    let line = |a: (f64, f64), b: (f64, f64)| {
        let share = Expr::call(Func::Div, [Expr::call(Func::Sub, [x(), Expr::f64(a.0)]), Expr::f64(b.0 - a.0)]);
        Expr::call(Func::Add, [Expr::call(Func::Mul, [share, Expr::f64(b.1 - a.1)]), Expr::f64(a.1)])
    };
    let below = Expr::call(Func::Lt, [x(), Expr::f64(*first)]);
    let above = Expr::call(Func::Lt, [Expr::f64(*last), x()]);
    let mut args = Vec::new();
    match norm.attr("outliers").unwrap_or("asIs") {
        "asIs" => {}
        "asMissingValues" => {
            args.extend([below, Expr::null(model::Type::F64), above, Expr::null(model::Type::F64)]);
        }
        "asExtremeValues" => args.extend([below, Expr::f64(*low), above, Expr::f64(*high)]),
        other => return Err(norm.fault("attribute outliers", "asIs, asMissingValues or asExtremeValues", other)),
    }
    for pair in points[..points.len() - 1].windows(2) {
        args.extend([Expr::call(Func::Le, [x(), Expr::f64(pair[1].0)]), line(pair[0], pair[1])]);
    }
    args.push(line(points[points.len() - 2], points[points.len() - 1]));
    let expr = if args.len() == 1 { args.remove(0) } else { Expr::Call(Func::Case, args) };
    cx.expr(norm, expr, &[number], "prediction")
}
