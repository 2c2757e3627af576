//! [`plan::formula::Network`]: row by row, layer by layer.
//!
//! Neurons that read the same are computed side by side: each takes one product after the other, so its bits are those of a sum
//! alone, but the sums of several run at once.

use model::{FaultKind, FaultValue};
use plan::formula::{Activation, Network, Normalize};

use super::{
    gather,
    real::{Real, divide, extreme, softmax},
};
use crate::frame::{Env, Home};

/// The op, its weights laid out for the walk.
pub struct NetworkKernel<N> {
    inputs: usize,
    layers: Vec<Layer<N>>,
    outputs: Box<[u32]>,
}

struct Layer<N> {
    groups: Vec<Group<N>>,
    neurons: usize,
    biases: Box<[Option<N>]>,
    /// `-2 * width * width`, and `ln(altitude) * connections`, of radial functions.
    radial: Box<[(N, Option<N>)]>,
    activation: Activation,
    normalize: Normalize,
}

/// Neurons in a row that read the same.
struct Group<N> {
    from: Box<[u32]>,
    neurons: usize,
    /// For each connection the weights of all neurons.
    weights: Box<[N]>,
}

impl<N: Real> NetworkKernel<N> {
    pub fn new(op: &Network) -> NetworkKernel<N> {
        let layers = op.layers.iter().map(Layer::new).collect();
        NetworkKernel { inputs: op.inputs as usize, layers, outputs: op.outputs[..].into() }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let frame = env.frame;
        let mut vectors = outputs[0].map(|home| frame.vectors_mut(home));
        let places = outputs[1].map(|home| frame.cells(home));
        let mut scratch = frame.scratch();
        let values = &mut scratch.numbers;
        if let Some(out) = &mut vectors {
            out.clear();
        }
        for row in 0..frame.rows() {
            values.clear();
            let made = frame.is_live(row) && self.row(env, inputs, row, values);
            let values = &values[values.len().saturating_sub(self.outputs.len())..];
            if let Some(places) = places {
                places.set(row, made.then(|| (extreme(values, true) as f64).to_bits()));
            }
            match &mut vectors {
                Some(out) if made => {
                    let start = out.values.len();
                    out.values.extend_from_slice(values);
                    out.end_dense(start);
                }
                Some(out) => out.push_null(),
                None => {}
            }
        }
    }

    /// Leaves the outputs at the end of `values`; returns whether there are any.
    fn row(&self, env: &Env<'_>, inputs: &[Home], row: usize, values: &mut Vec<f64>) -> bool {
        if gather::<N>(env, inputs, row, values).is_err() {
            return false;
        }
        debug_assert_eq!(values.len(), self.inputs);
        if self.layers.iter().try_for_each(|layer| layer.run(values)).is_none() {
            env.refuse(row, 0, FaultKind::Rule("a layer whose results do not sum to 0"), FaultValue::Number(0.0));
            return false;
        }
        for place in &self.outputs {
            values.push(values[*place as usize]);
        }
        true
    }
}

impl<N: Real> Layer<N> {
    fn new(layer: &plan::formula::Layer) -> Layer<N> {
        let mut groups = Vec::new();
        for same in layer.neurons.chunk_by(|a, b| a.from == b.from) {
            let from: Box<[u32]> = same[0].from[..].into();
            let weights = (0..from.len()).flat_map(|c| same.iter().map(move |neuron| N::of(neuron.weights[c])));
            groups.push(Group { neurons: same.len(), weights: weights.collect(), from });
        }
        let radial = |neuron: &plan::formula::Neuron| {
            let width = N::of(neuron.width);
            let high = N::of(neuron.altitude).by(libm::log) * N::of(neuron.from.len() as f64);
            let altitude = (neuron.altitude != 1.0).then_some(high);
            (width * width * N::of(-2.0), altitude)
        };
        Layer {
            groups,
            neurons: layer.neurons.len(),
            biases: layer.neurons.iter().map(|neuron| neuron.bias.map(N::of)).collect(),
            radial: layer.neurons.iter().map(radial).collect(),
            activation: layer.activation,
            normalize: layer.normalize,
        }
    }

    /// Appends the layer's results to what is computed; `None` where they sum to 0 and should be divided by that.
    fn run(&self, values: &mut Vec<f64>) -> Option<()> {
        let known = values.len();
        values.resize(known + self.neurons, 0.0);
        let (before, here) = values.split_at_mut(known);
        let is_radial = self.activation == Activation::RadialBasis;
        let mut start = 0;
        for group in &self.groups {
            let sums = &mut here[start..start + group.neurons];
            group.sum(before, sums, is_radial);
            start += group.neurons;
        }
        for (i, value) in here.iter_mut().enumerate() {
            let sum = N::of(*value);
            let result = match (is_radial, self.biases[i]) {
                (true, _) => {
                    let (divisor, altitude) = self.radial[i];
                    let exponent = sum / divisor;
                    altitude.map_or(exponent, |altitude| exponent + altitude).exp()
                }
                (false, Some(bias)) => activate(self.activation, sum + bias),
                (false, None) => activate(self.activation, sum),
            };
            *value = result.wide();
        }
        match self.normalize {
            Normalize::None => Some(()),
            Normalize::SimpleMax => divide::<N>(here),
            Normalize::SoftMax => softmax::<N>(here),
        }
    }
}

impl<N: Real> Group<N> {
    fn sum(&self, before: &[f64], sums: &mut [f64], is_radial: bool) {
        for (from, weights) in self.from.iter().zip(self.weights.chunks_exact(self.neurons)) {
            let x = N::of(before[*from as usize]);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                let product = if is_radial { (x - *weight) * (x - *weight) } else { *weight * x };
                *sum = (N::of(*sum) + product).wide();
            }
        }
    }
}

fn activate<N: Real>(activation: Activation, z: N) -> N {
    let zero = N::default();
    match activation {
        Activation::Threshold(threshold) if z > N::of(threshold) => N::ONE,
        Activation::Threshold(_) => zero,
        Activation::Logistic => z.logistic(),
        Activation::Tanh => z.by(libm::tanh),
        Activation::Identity | Activation::RadialBasis => z,
        Activation::Exponential => z.exp(),
        Activation::Reciprocal => N::ONE / z,
        Activation::Square => z * z,
        Activation::Gauss => (-(z * z)).exp(),
        Activation::Sine => z.by(libm::sin),
        Activation::Cosine => z.by(libm::cos),
        Activation::Elliott => z / (N::ONE + z.by(f64::abs)),
        Activation::Arctan => (N::of(2.0) * z.by(libm::atan)) / N::of(std::f64::consts::PI),
        Activation::Rectifier(None) => z.at_least(zero),
        Activation::Rectifier(Some(leakage)) => {
            if z > zero || z.wide().is_nan() {
                z
            } else {
                z * N::of(leakage)
            }
        }
    }
}
