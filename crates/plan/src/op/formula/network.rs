//! Layers of neurons.

use std::sync::Arc;

use super::CONSTANTS_MAX;

/// What a neuron makes of its sum `z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// 1 above the threshold, else 0.
    Threshold(f64),
    /// `1 / (1 + exp(-z))`.
    Logistic,
    Tanh,
    Identity,
    Exponential,
    /// `1 / z`.
    Reciprocal,
    Square,
    /// `exp(-z * z)`.
    Gauss,
    Sine,
    Cosine,
    /// `z / (1 + |z|)`.
    Elliott,
    /// `2 * atan(z) / pi`.
    Arctan,
    /// The larger of `z` and 0; `z * leakage` instead of 0 where a leakage is given.
    Rectifier(Option<f64>),
    /// `exp(ln(altitude) * connections - z / (2 * width * width))` of `z = sum((x - weight)^2)`, without a bias; the first part only
    /// where the altitude is not 1.
    RadialBasis,
}

/// What is done to the results of a layer together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalize {
    None,
    /// Each divided by the sum, unless that is 1; a sum of 0 is refused.
    SimpleMax,
    /// `exp(z - max)`, then as [`Normalize::SimpleMax`].
    SoftMax,
}

/// A neuron: `sum(weight * x)` in the order of its connections, then the bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron {
    /// From where: inputs first, then neurons in order. Never itself nor a later layer.
    pub from: Arc<[u32]>,
    pub weights: Arc<[f64]>,
    pub bias: Option<f64>,
    /// Of [`Activation::RadialBasis`].
    pub width: f64,
    /// Of [`Activation::RadialBasis`].
    pub altitude: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub neurons: Vec<Neuron>,
    pub activation: Activation,
    pub normalize: Normalize,
}

/// A network. A missing input makes the result missing. It gives the numbers of some neurons (or inputs), in this order, and the
/// place of the first of the largest of them, in Java's order of doubles (NaN is above all).
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    pub inputs: u32,
    pub single: bool,
    pub layers: Vec<Layer>,
    pub outputs: Arc<[u32]>,
}

impl Network {
    pub(super) fn check(&self) -> Result<(), String> {
        let (mut known, mut constants) = (self.inputs as usize, 0);
        for layer in &self.layers {
            for neuron in &layer.neurons {
                constants += neuron.weights.len();
                // Neurons of one layer may read those before them in it.
                if neuron.from.len() != neuron.weights.len() || neuron.from.iter().any(|from| *from as usize >= known) {
                    return Err("a neuron reads what is not computed before its layer".to_owned());
                }
            }
            known += layer.neurons.len();
        }
        match () {
            () if self.outputs.is_empty() => Err("no outputs".to_owned()),
            () if self.outputs.iter().any(|output| *output as usize >= known) => {
                Err("an output of no neuron".to_owned())
            }
            () if constants > CONSTANTS_MAX => Err(format!("more than {CONSTANTS_MAX} weights")),
            () => Ok(()),
        }
    }
}
