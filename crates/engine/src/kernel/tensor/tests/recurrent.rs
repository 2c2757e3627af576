use model::Tensor;
use plan::tensor::{
    RecurrentOp, Unary,
    recurrent::{Cell, Curve, Direction},
};

use super::{near, run, tensor};

fn op(cell: Cell, direction: Direction, batch_first: bool) -> RecurrentOp {
    let curves = cell.curves().repeat(direction.count()).into_iter().map(Curve::Unary).collect();
    RecurrentOp::Recurrent { cell, direction, curves, clip: None, batch_first }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

const LSTM: Cell = Cell::Lstm { input_forget: false };

/// Weights, those of the state, and biases of one direction with one input and one hidden number.
fn weights(gates: usize) -> [Tensor; 3] {
    let of = |scale: f32, n: usize| (0..n).map(|i| scale * (i as f32 + 1.0)).collect::<Vec<f32>>();
    [
        tensor(&[1, gates, 1], of(0.3, gates)),
        tensor(&[1, gates, 1], of(-0.2, gates)),
        tensor(&[1, 2 * gates], of(0.1, 2 * gates)),
    ]
}

#[test]
fn cells_follow_their_formulas() {
    let (x, w, r) = (0.5_f32, |i: usize| 0.3 * (i as f32 + 1.0), |i: usize| -0.2 * (i as f32 + 1.0));
    let (h, c) = (0.7_f32, -0.4_f32);
    let run_one = |cell: Cell, with_cell: bool, peepholes: Option<[f32; 3]>| {
        let [weights, state, bias] = weights(cell.gates());
        let one = |x: f32| Some(tensor(&[1, 1, 1], [x]));
        let mut formal = vec![one(x), Some(weights), Some(state), Some(bias), None, one(h)];
        if with_cell {
            formal.push(one(c));
            formal.push(peepholes.map(|p| tensor(&[1, 3], p)));
        }
        run(op(cell, Direction::Forward, false), &formal, if with_cell { 3 } else { 2 }).expect("runs")
    };
    let b = |i: usize, gates: usize| 0.1 * (i as f32 + 1.0) + 0.1 * ((gates + i) as f32 + 1.0);
    near(&run_one(Cell::Rnn, false, None)[0], &[1, 1, 1, 1], &[(w(0) * x + r(0) * h + b(0, 1)).tanh()]);
    let gate = |i: usize, gates: usize| w(i) * x + r(i) * h + b(i, gates);
    let (z, reset) = (sigmoid(gate(0, 3)), sigmoid(gate(1, 3)));
    let new = (w(2) * x + r(2) * (reset * h) + b(2, 3)).tanh();
    near(&run_one(Cell::Gru { linear_before_reset: false }, false, None)[1], &[1, 1, 1], &[(1.0 - z) * new + z * h]);
    let new = (w(2) * x + reset * (r(2) * h + 0.6) + 0.3).tanh();
    near(&run_one(Cell::Gru { linear_before_reset: true }, false, None)[1], &[1, 1, 1], &[(1.0 - z) * new + z * h]);
    for p in [[0.0; 3], [0.5, -0.3, 0.2]] {
        let (i, f) = (sigmoid(gate(0, 4) + p[0] * c), sigmoid(gate(2, 4) + p[2] * c));
        let cell = f * c + i * gate(3, 4).tanh();
        let output = sigmoid(gate(1, 4) + p[1] * cell);
        let outputs = run_one(LSTM, true, Some(p));
        near(&outputs[2], &[1, 1, 1], &[cell]);
        near(&outputs[0], &[1, 1, 1, 1], &[output * cell.tanh()]);
        let coupled = run_one(Cell::Lstm { input_forget: true }, true, Some(p));
        near(&coupled[2], &[1, 1, 1], &[(1.0 - i) * c + i * gate(3, 4).tanh()]);
    }
}

#[test]
fn directions_lengths_and_layouts() {
    let x: Vec<f32> = (0..6).map(|i| (i as f32 * 1.7).sin()).collect();
    let [w, r, bias] = weights(4);
    let formal = |x: Tensor, lengths: Option<[i32; 2]>| {
        let lengths = lengths.map(|lengths| tensor(&[2], lengths));
        [Some(x), Some(w.clone()), Some(r.clone()), Some(bias.clone()), lengths]
    };
    // Three steps of two sequences, and each sequence alone.
    let both = run(op(LSTM, Direction::Forward, false), &formal(tensor(&[3, 2, 1], x.clone()), Some([3, 2])), 3);
    let both = both.expect("runs");
    let y = both[0].get::<f32>().expect("float32");
    let second = tensor(&[1, 2, 1], [x[1], x[3]]);
    let alone = run(op(LSTM, Direction::Forward, true), &formal(second, None)[..4], 3).expect("runs");
    assert_eq!(&alone[0].shape()[..], &[1, 2, 1, 1]);
    assert_eq!(alone[0].get::<f32>(), Some(&[y[1], y[3]][..]));
    assert_eq!((y[5], both[1].get::<f32>().expect("float32")[1]), (0.0, y[3]));
    // Reversed, a sequence begins at its own end.
    let reverse = run(op(LSTM, Direction::Reverse, false), &formal(tensor(&[3, 2, 1], x.clone()), Some([3, 2])), 3);
    let reverse = reverse.expect("runs");
    let turned = tensor(&[2, 1, 1], [x[3], x[1]]);
    let forward = run(op(LSTM, Direction::Forward, false), &formal(turned, None)[..4], 3).expect("runs");
    let (a, b) = (reverse[0].get::<f32>().expect("float32"), forward[0].get::<f32>().expect("float32"));
    assert_eq!((a[1], a[3], a[5]), (b[1], b[0], 0.0));
    assert!(run(op(LSTM, Direction::Forward, false), &formal(tensor(&[3, 2, 1], x), Some([4, 2])), 3).is_err());
}

#[test]
fn curves_and_clip() {
    let [w, r, _] = weights(1);
    let rnn = |curve, clip| RecurrentOp::Recurrent {
        cell: Cell::Rnn,
        direction: Direction::Forward,
        curves: vec![curve],
        clip,
        batch_first: false,
    };
    let x = tensor(&[1, 1, 1], [10.0_f32]);
    let y = |op| run(op, &[Some(x.clone()), Some(w.clone()), Some(r.clone())], 2).expect("runs").remove(1);
    near(&y(rnn(Curve::Affine { alpha: 2.0, beta: 1.0 }, Some(2.0))), &[1, 1, 1], &[5.0]);
    near(&y(rnn(Curve::ScaledTanh { alpha: 2.0, beta: 0.1 }, None)), &[1, 1, 1], &[2.0 * 0.3_f32.tanh()]);
    near(&y(rnn(Curve::Unary(Unary::Softplus), None)), &[1, 1, 1], &[3.0_f32.exp().ln_1p()]);
    assert!(run(rnn(Curve::Unary(Unary::Relu), None), &[Some(x), Some(w.clone()), Some(w)], 2).is_ok());
}
