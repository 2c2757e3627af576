use plan::tensor::{
    AttentionOp,
    attention::{Scores, Update},
};

use super::{count, near, run, tensor};

fn attention(causal: bool, scores: Scores, heads: Option<[usize; 2]>) -> AttentionOp {
    AttentionOp::Attention { heads, scale: Some(1.0), causal, cap: 0.0, scores, window: [None, None] }
}

#[test]
fn queries_see_what_they_may() {
    // One number a head: scores are products, and e^0 and e^ln3 weigh 1 and 3.
    let third = 3.0_f32.ln();
    let q = tensor(&[1, 1, 2, 1], [1.0_f32, 1.0]);
    let k = tensor(&[1, 1, 2, 1], [0.0_f32, third]);
    let v = tensor(&[1, 1, 2, 1], [4.0_f32, 8.0]);
    let given = |mask: Option<model::Tensor>| [Some(q.clone()), Some(k.clone()), Some(v.clone()), mask];
    let all = run(attention(false, Scores::Capped, None), &given(None), 4).expect("runs");
    near(&all[0], &[1, 1, 2, 1], &[7.0, 7.0]);
    near(&all[3], &[1, 1, 2, 2], &[0.0, third, 0.0, third]);
    let causal = run(attention(true, Scores::Softmax, None), &given(None), 4).expect("runs");
    near(&causal[0], &[1, 1, 2, 1], &[4.0, 7.0]);
    near(&causal[3], &[1, 1, 2, 2], &[1.0, 0.0, 0.25, 0.75]);
    // A query that sees nothing gives 0; a mask of fewer keys hides the rest.
    let mask = tensor(&[2, 2], [false, false, false, true]);
    near(
        &run(attention(false, Scores::Capped, None), &given(Some(mask)), 4).expect("runs")[0],
        &[1, 1, 2, 1],
        &[0.0, 8.0],
    );
    let short = tensor(&[2, 1], [0.0_f32, 0.0]);
    let shown = run(attention(false, Scores::Masked, None), &given(Some(short)), 4).expect("runs");
    near(&shown[0], &[1, 1, 2, 1], &[4.0, 4.0]);
    near(&shown[3], &[1, 1, 2, 2], &[0.0, f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY]);
    assert!(run(attention(false, Scores::Capped, None), &given(Some(count(&[3, 2]))), 4).is_err());
}

#[test]
fn the_past_and_shared_heads() {
    let q = tensor(&[1, 1, 2], [0.0_f32, 0.0]);
    let (k, v) = (tensor(&[1, 1, 1], [0.0_f32]), tensor(&[1, 1, 1], [2.0_f32]));
    let past = |x: f32| Some(tensor(&[1, 1, 1, 1], [x]));
    let given = [Some(q), Some(k), Some(v), None, past(0.0), past(6.0)];
    let outputs = run(attention(true, Scores::Capped, Some([2, 1])), &given, 4).expect("runs");
    near(&outputs[0], &[1, 1, 2], &[4.0, 4.0]);
    near(&outputs[2], &[1, 1, 2, 1], &[6.0, 2.0]);
    assert!(run(attention(true, Scores::Capped, Some([2, 1])), &given[..5], 4).is_err(), "keys alone");
}

#[test]
fn pairs_turn() {
    let op = |interleaved| AttentionOp::Rotary { interleaved, size: 4, heads: 1 };
    let x = count(&[1, 1, 5]);
    let angles = |numbers: [f32; 2]| Some(tensor(&[1, 1, 2], numbers));
    let given = [Some(x), angles([0.0, 1.0]), angles([1.0, 0.0])];
    near(&run(op(false), &given, 1).expect("runs")[0], &[1, 1, 5], &[-2.0, 1.0, 0.0, 3.0, 4.0]);
    near(&run(op(true), &given, 1).expect("runs")[0], &[1, 1, 5], &[-1.0, 0.0, 2.0, 3.0, 4.0]);
    let position = [given[0].clone(), Some(count(&[1, 2])), Some(count(&[1, 2])), Some(tensor(&[1, 1], [1_i64]))];
    assert!(run(op(true), &position, 1).is_err(), "no such position");
}

#[test]
fn a_state_is_changed_and_read() {
    let (q, k, v) =
        (tensor(&[1, 2, 1], [1.0_f32, 1.0]), tensor(&[1, 2, 1], [2.0_f32, 1.0]), tensor(&[1, 2, 1], [3.0_f32, 5.0]));
    let op = |is_gated, is_delta| AttentionOp::Linear {
        update: Update { is_gated, is_delta },
        heads: [1, 1],
        scale: Some(1.0),
    };
    let given =
        |decay: Option<model::Tensor>, beta| [Some(q.clone()), Some(k.clone()), Some(v.clone()), None, decay, beta];
    let plain = run(op(false, false), &given(None, None), 2).expect("runs");
    near(&plain[0], &[1, 2, 1], &[6.0, 11.0]);
    near(&plain[1], &[1, 1, 1, 1], &[11.0]);
    let half = tensor(&[1, 2, 1], [0.0_f32, 0.5_f32.ln()]);
    near(&run(op(true, false), &given(Some(half), None), 2).expect("runs")[0], &[1, 2, 1], &[6.0, 8.0]);
    let beta = tensor(&[1, 2, 1], [1.0_f32, 0.5]);
    near(&run(op(false, true), &given(None, Some(beta)), 2).expect("runs")[0], &[1, 2, 1], &[6.0, 5.5]);
    assert!(run(op(true, true), &given(None, None), 2).is_err());
}
