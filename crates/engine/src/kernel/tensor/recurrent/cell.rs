//! The steps of one direction.

use plan::tensor::{
    Unary,
    recurrent::{Cell, Curve},
};

use super::{Bias, End, Float, Number, Product, Run, ends, multiply};

/// Puts a function upon numbers.
fn bend<T: Float + Number>(curve: Curve, numbers: &mut [T]) {
    match curve {
        Curve::Unary(Unary::Sigmoid) => ends(numbers, End::Sigmoid),
        Curve::Unary(Unary::Tanh) => ends(numbers, End::Tanh),
        Curve::Unary(Unary::Relu) => ends(numbers, End::Relu),
        Curve::Unary(unary) => numbers.iter_mut().for_each(|x| *x = x.unary(unary)),
        Curve::Affine { alpha, beta } => {
            let (alpha, beta) = (T::from_f64(alpha.into()), T::from_f64(beta.into()));
            numbers.iter_mut().for_each(|x| *x = alpha * *x + beta);
        }
        Curve::ScaledTanh { alpha, beta } => {
            let (alpha, beta) = (T::from_f64(alpha.into()), T::from_f64(beta.into()));
            numbers.iter_mut().for_each(|x| *x = alpha * Float::tanh(beta * *x));
        }
    }
}

impl<T: Float + Number> Run<'_, T> {
    /// Runs all steps: `states` and `cells` are those at first, and become the last. The room is as [`super::Sizes::room`] says.
    pub(super) fn steps(
        &self,
        x: &[T],
        direction: usize,
        states: &mut [T],
        cells: &mut [T],
        room: &mut [T],
        mut all: Option<&mut [T]>,
    ) {
        let (sizes, hidden) = (self.sizes, self.sizes.hidden);
        let gates = self.cell.gates() * hidden;
        let state_gates = gates - if self.side.of_reset.is_empty() { 0 } else { hidden };
        let rows = sizes.steps * sizes.batch;
        let (inputs, room) = room.split_at_mut(rows * gates);
        let (room, rest) = room.split_at_mut(sizes.batch * state_gates);
        let (bias, gate) = rest.split_at_mut(gates);
        let product = Product {
            left: x,
            stride: sizes.input,
            rows,
            common: sizes.input,
            bias: self.sums_of_biases(bias),
            end: End::Keep,
        };
        multiply(&product, &self.side.of_input, gates, inputs, gates);
        for step in 0..sizes.steps {
            self.product(states, &self.side.of_state, state_gates, room);
            for batch in (0..sizes.batch).filter(|batch| step < self.lengths[*batch]) {
                let at = if self.is_reverse { self.lengths[batch] - 1 - step } else { step };
                let input = &inputs[sizes.row(at, batch) * gates..][..gates];
                let own = batch * hidden..(batch + 1) * hidden;
                let (state, cell) = (&mut states[own.clone()], &mut cells[own]);
                let products = &room[batch * state_gates..][..state_gates];
                match self.cell {
                    Cell::Rnn => self.rnn(input, products, state),
                    Cell::Gru { linear_before_reset } => self.gru(input, products, state, gate, linear_before_reset),
                    Cell::Lstm { input_forget } => self.lstm(input, products, state, cell, gate, input_forget),
                }
                if let Some(all) = &mut all {
                    all[sizes.place(at, direction, batch)..][..hidden].copy_from_slice(state);
                }
            }
        }
    }

    /// Writes the sums of both products' biases; where a GRU's reset gate scales a product, that one's own stays with it.
    fn sums_of_biases<'s>(&self, sums: &'s mut [T]) -> Bias<'s, T> {
        let Some(bias) = self.bias else { return Bias::None };
        let gates = sums.len();
        let (of_input, of_state) = bias.split_at(gates);
        let apart = if self.cell == (Cell::Gru { linear_before_reset: true }) { self.sizes.hidden } else { 0 };
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = if i < gates - apart { of_input[i] + of_state[i] } else { of_input[i] };
        }
        Bias::Columns(sums)
    }

    fn product(&self, states: &[T], panels: &[T], columns: usize, out: &mut [T]) {
        let (common, bias) = (self.sizes.hidden, Bias::None);
        let rows = states.len() / common;
        let product = Product { left: states, stride: common, rows, common, bias, end: End::Keep };
        multiply(&product, panels, columns, out, columns);
    }

    fn clip(&self, numbers: &mut [T]) {
        if let Some(clip) = self.clip {
            for x in numbers {
                *x = if *x > clip { clip } else { *x };
                *x = if *x < -clip { -clip } else { *x };
            }
        }
    }

    fn rnn(&self, input: &[T], products: &[T], state: &mut [T]) {
        for ((state, &x), &h) in state.iter_mut().zip(input).zip(products) {
            *state = x + h;
        }
        self.clip(state);
        bend(self.curves[0], state);
    }

    fn gru(&self, input: &[T], products: &[T], state: &mut [T], room: &mut [T], linear_before_reset: bool) {
        let hidden = state.len();
        let (gates, rest) = room.split_at_mut(2 * hidden);
        let (new, rest) = rest.split_at_mut(hidden);
        for i in 0..2 * hidden {
            gates[i] = input[i] + products[i];
        }
        self.clip(gates);
        bend(self.curves[0], gates);
        let (update, reset) = gates.split_at(hidden);
        let input = &input[2 * hidden..];
        if linear_before_reset {
            let bias = self.bias.map(|bias| &bias[5 * hidden..]);
            for i in 0..hidden {
                let product = products[2 * hidden + i];
                let product = bias.map_or(product, |bias| product + bias[i]);
                new[i] = input[i] + reset[i] * product;
            }
        } else {
            let scaled = &mut rest[..hidden];
            for i in 0..hidden {
                scaled[i] = reset[i] * state[i];
            }
            self.product(scaled, &self.side.of_reset, hidden, new);
            for i in 0..hidden {
                new[i] = input[i] + new[i];
            }
        }
        self.clip(new);
        bend(self.curves[1], new);
        for i in 0..hidden {
            state[i] = (<T as Float>::ONE - update[i]) * new[i] + update[i] * state[i];
        }
    }

    fn lstm(&self, input: &[T], products: &[T], state: &mut [T], cell: &mut [T], room: &mut [T], input_forget: bool) {
        let hidden = state.len();
        let gates = &mut room[..4 * hidden];
        for i in 0..4 * hidden {
            gates[i] = input[i] + products[i];
        }
        let add = |gate: &mut [T], peephole: usize, cell: &[T]| {
            if let Some(peepholes) = self.peepholes {
                let weights = &peepholes[peephole * hidden..][..hidden];
                for ((gate, &weight), &cell) in gate.iter_mut().zip(weights).zip(cell) {
                    *gate += weight * cell;
                }
            }
        };
        add(&mut gates[..hidden], 0, cell);
        add(&mut gates[2 * hidden..3 * hidden], 2, cell);
        let [sigmoid, bent, last] = [self.curves[0], self.curves[1], self.curves[2]];
        let peeps = self.peepholes.is_some();
        if !peeps {
            self.clip(gates);
            // All three gates of one function lie side by side.
            bend(sigmoid, &mut gates[..3 * hidden]);
        } else {
            for gate in [0, 2] {
                let gate = &mut gates[gate * hidden..][..hidden];
                self.clip(gate);
                bend(sigmoid, gate);
            }
            self.clip(&mut gates[3 * hidden..]);
        }
        bend(bent, &mut gates[3 * hidden..]);
        for i in 0..hidden {
            let forget = if input_forget { <T as Float>::ONE - gates[i] } else { gates[2 * hidden + i] };
            cell[i] = forget * cell[i] + gates[i] * gates[3 * hidden + i];
        }
        let output = &mut gates[hidden..2 * hidden];
        if peeps {
            add(output, 1, cell);
            self.clip(output);
            bend(sigmoid, output);
        }
        state.copy_from_slice(cell);
        bend(last, state);
        state.iter_mut().zip(output).for_each(|(state, output)| *state = *output * *state);
    }
}
