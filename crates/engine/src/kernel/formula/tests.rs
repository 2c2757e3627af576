//! Rules by hand: numbers in the comments are worked out on paper or by another library.

use std::sync::Arc;

use model::{Column, column::Row};
use plan::{
    FormulaOp,
    formula::{
        Activation, Covariance, Curve, Decide, Factor, Finish, Given, Hazards, Kernel, Layer, Machine, Machines,
        Missing, Network, Neuron, Normalize, Process, Shares, Stratum, Term, Terms, Vote,
    },
};

use crate::kernel::tests::{Ran, assert_row, numbers, run};

const NAN: f64 = f64::NAN;

fn base(tables: Vec<Vec<Term>>, finish: Finish) -> Terms {
    Terms {
        inputs: 2,
        single: false,
        judged: Vec::new(),
        tables,
        offset: None,
        curve: Curve::Identity,
        trials: None,
        finish,
        refused: None,
    }
}

fn linear(input: u32, coefficient: f64) -> Term {
    power(coefficient, &[(input, 1.0)])
}

fn power(coefficient: f64, powers: &[(u32, f64)]) -> Term {
    let factors = powers.iter().map(|&(input, exponent)| Factor::Power { input, exponent }).collect();
    Term::Product { coefficient, factors, product_first: false }
}

fn two(a: &[Option<f64>], b: &[Option<f64>]) -> [Column; 2] {
    [numbers(a), numbers(b)]
}

fn terms(op: Terms, inputs: &[Column]) -> Ran {
    run(FormulaOp::Terms(Arc::new(op)), inputs)
}

fn assert_numbers(ran: &Ran, output: usize, expected: &[Option<f64>]) {
    for (row, want) in expected.iter().enumerate() {
        assert_row(&ran.outputs[output], row, want.as_ref().map(|x| Row::Dense(std::slice::from_ref(x))));
    }
}

/// The value of one number under an op of one input, 0.5.
fn near(got: &Ran, expected: f64) {
    let Column::Fixed(column) = &got.outputs[0] else { panic!("a column of numbers") };
    let got = column.values::<f64>()[0];
    assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{got} is not {expected}");
}

#[test]
fn terms_are_added_in_order_and_missing_ones_make_the_sum_missing() {
    let table = vec![linear(0, 2.0), power(3.0, &[(0, 2.0), (1, 1.0)]), Term::constant(0.5)];
    let ran = terms(
        base(vec![table], Finish::Number),
        &two(&[Some(2.0), None, Some(1.0), Some(NAN)], &[Some(-1.0), Some(1.0), None, Some(0.0)]),
    );
    // 2*2 + 3*4*-1 + 0.5
    assert_numbers(&ran, 0, &[Some(-7.5), None, None, Some(NAN)]);
}

#[test]
fn a_category_adds_its_value_and_none_adds_nothing() {
    let look = |skip_missing| Term::Look { input: 0, values: [10.0, 20.0].into(), skip_missing };
    let inputs = two(&[Some(0.0), Some(1.0), Some(-1.0), Some(7.0), None, Some(NAN)], &[Some(0.0); 6]);
    let ran = terms(base(vec![vec![look(true), Term::constant(1.0)]], Finish::Number), &inputs);
    assert_numbers(&ran, 0, &[Some(11.0), Some(21.0), Some(1.0), Some(1.0), Some(1.0), Some(1.0)]);
    let ran = terms(base(vec![vec![look(false), Term::constant(1.0)]], Finish::Number), &inputs);
    assert_numbers(&ran, 0, &[Some(11.0), Some(21.0), Some(1.0), Some(1.0), None, Some(1.0)]);
}

#[test]
fn behind_a_mark_of_0_powers_are_not_looked_at() {
    let factors = vec![Factor::Is { input: 0, code: 1 }, Factor::Power { input: 1, exponent: 2.0 }];
    let table = vec![Term::Product { coefficient: 0.5, factors, product_first: true }];
    let ran = terms(
        base(vec![table], Finish::Number),
        &two(&[Some(1.0), Some(0.0), Some(1.0), None], &[Some(3.0), None, None, Some(1.0)]),
    );
    assert_numbers(&ran, 0, &[Some(4.5), Some(0.0), None, None]);
}

#[test]
fn an_invalid_value_is_refused_where_nothing_missing_stands_before_it() {
    let table = vec![linear(0, 1.0), Term::Look { input: 1, values: [10.0].into(), skip_missing: false }];
    let op = Terms { judged: vec![true, true], ..base(vec![table], Finish::Number) };
    let (a, b) = ([Some(1.0), None, Some(1.0), Some(NAN)], [Some(0.0), Some(-1.0), Some(-1.0), None]);
    let ran = terms(op, &two(&a, &b));
    assert_numbers(&ran, 0, &[Some(11.0), None]);
    assert_eq!(ran.faults.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true]);
    // Behind a mark of 0 a power is not looked at, be it invalid.
    let factors = vec![Factor::Is { input: 0, code: 1 }, Factor::Power { input: 1, exponent: 1.0 }];
    let table = vec![Term::Product { coefficient: 1.0, factors, product_first: true }];
    let op = Terms { judged: vec![true, true], ..base(vec![table], Finish::Number) };
    let ran = terms(op, &two(&[Some(0.0), Some(1.0), Some(-1.0)], &[Some(NAN), Some(NAN), None]));
    assert_numbers(&ran, 0, &[Some(0.0)]);
    assert_eq!(ran.faults.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_contrast_has_a_number_for_each_category() {
    let factors = vec![Factor::Contrast { input: 0, values: [-1.0, 0.5].into() }];
    let table = vec![Term::Product { coefficient: 4.0, factors, product_first: true }];
    let inputs = two(&[Some(0.0), Some(1.0), Some(-1.0), None], &[None; 4]);
    let ran = terms(base(vec![table], Finish::Number), &inputs);
    assert_numbers(&ran, 0, &[Some(-4.0), Some(2.0)]);
    assert!(ran.faults[2].as_ref().is_some_and(|fault| fault.contains("a label seen in training")), "{:?}", ran.faults);
    assert_eq!(ran.faults[3], None);
}

#[test]
fn offset_and_trials_come_with_the_row_or_are_refused() {
    let op = Terms {
        offset: Some(Given::Input(0)),
        trials: Some(Given::Input(1)),
        ..base(vec![vec![Term::constant(1.0)]], Finish::Number)
    };
    let ran = terms(op.clone(), &two(&[Some(0.5), None, Some(1.0)], &[Some(4.0), Some(1.0), None]));
    assert_numbers(&ran, 0, &[Some(6.0)]);
    assert!(ran.faults[1].is_some() && ran.faults[2].is_some());
    let op = Terms { offset: Some(Given::Constant(2.0)), trials: Some(Given::Constant(3.0)), ..op };
    assert_numbers(&terms(op, &two(&[None], &[None])), 0, &[Some(9.0)]);
}

#[test]
fn every_curve() {
    // Each at 0.5; the normal distribution by a table.
    let curves = [
        (Curve::Identity, 0.5),
        (Curve::Clamp, 0.5),
        (Curve::Logit, 0.622_459_331_201_854_6),
        (Curve::Exp, 1.648_721_270_700_128_2),
        (Curve::Probit, 0.691_462_461_274_013_1),
        (Curve::CLogLog, 0.807_704_354_452_035),
        (Curve::LogLog, 0.545_239_211_892_605),
        (Curve::Cauchit, 0.647_583_617_650_433_3),
        (Curve::LogC, -0.648_721_270_700_128_2),
        // 1 / (1.5 * (exp(-0.5) - 1))
        (Curve::NegBin(1.5), -1.694_329_388_357_865_6),
        // 1 / (1 + 2^(-1/2))
        (Curve::OddsPower(2.0), 0.585_786_437_626_905),
        (Curve::OddsPower(0.0), 0.622_459_331_201_854_6),
        (Curve::Power(2.0), std::f64::consts::FRAC_1_SQRT_2),
        (Curve::Power(0.0), 1.648_721_270_700_128_2),
    ];
    for (curve, expected) in curves {
        let op = Terms { inputs: 1, curve, ..base(vec![vec![linear(0, 1.0)]], Finish::Number) };
        near(&terms(op, &[numbers(&[Some(0.5)])]), expected);
    }
    let op = Terms { inputs: 1, curve: Curve::Clamp, ..base(vec![vec![linear(0, 1.0)]], Finish::Number) };
    assert_numbers(&terms(op, &[numbers(&[Some(-3.0), Some(3.0), Some(NAN)])]), 0, &[Some(0.0), Some(1.0), Some(NAN)]);
    let op = Terms { inputs: 1, curve: Curve::Probit, ..base(vec![vec![linear(0, 1.0)]], Finish::Number) };
    assert_numbers(&terms(op, &[numbers(&[Some(-41.0), Some(41.0)])]), 0, &[Some(0.0), Some(1.0)]);
}

/// Shares of three tables that are constants.
fn shared(rule: Shares, curve: Curve, values: [f64; 3]) -> Ran {
    let tables = values.iter().map(|value| vec![Term::constant(*value), linear(0, 0.0)]).collect();
    terms(Terms { inputs: 1, curve, ..base(tables, Finish::Shares(rule)) }, &[numbers(&[Some(1.0), None])])
}

#[test]
fn shares_of_every_rule() {
    let check = |ran: &Ran, expected: [f64; 3], place: f64| {
        assert_row(&ran.outputs[0], 0, Some(Row::Dense(&expected)));
        assert_row(&ran.outputs[0], 1, None);
        assert_numbers(ran, 1, &[Some(place), None]);
    };
    check(&shared(Shares::Rest, Curve::Identity, [0.25, 0.25, 9.0]), [0.25, 0.25, 0.5], 2.0);
    check(&shared(Shares::SimpleMax, Curve::Identity, [1.0, 2.0, 1.0]), [0.25, 0.5, 0.25], 1.0);
    check(&shared(Shares::SoftMax, Curve::Identity, [3.0, 3.0, 3.0]), [1.0 / 3.0; 3], 0.0);
    for summed in [false, true] {
        check(&shared(Shares::Steps { summed }, Curve::Clamp, [0.25, 0.75, 9.0]), [0.25, 0.5, 0.25], 1.0);
    }
    // NaN is above all in Java's order.
    check(&shared(Shares::Rest, Curve::Identity, [0.25, NAN, 0.0]), [0.25, NAN, NAN], 1.0);
    let ran = shared(Shares::SimpleMax, Curve::Identity, [1.0, -1.0, 0.0]);
    assert_eq!(ran.faults[0].as_deref().map(|fault| fault.contains("do not sum to 0")), Some(true));
}

#[test]
fn a_model_without_a_result_refuses_rows_that_would_have_one() {
    let op = Terms { inputs: 1, refused: Some("a method"), ..base(vec![vec![linear(0, 1.0)]], Finish::Number) };
    let ran = terms(op, &[numbers(&[Some(1.0), None])]);
    assert!(ran.faults[0].is_some());
    assert_eq!(ran.faults[1], None);
    assert_numbers(&Ran { outputs: ran.outputs, faults: Vec::new() }, 0, &[]);
}

#[test]
fn single_rounds_after_every_operation() {
    let table = vec![linear(0, 0.1), linear(1, 0.2), Term::constant(0.3)];
    let op = Terms { single: true, ..base(vec![table], Finish::Number) };
    let (a, b) = (0.7_f64, 1.3_f64);
    let expected = (0.1_f32 * a as f32 + 0.2_f32 * b as f32) + 0.3_f32;
    assert_numbers(&terms(op, &two(&[Some(a)], &[Some(b)])), 0, &[Some(f64::from(expected))]);
    // JPMML's exp of floats is a power of 2.7182817.
    let op = Terms { inputs: 1, single: true, curve: Curve::Exp, ..base(vec![vec![linear(0, 1.0)]], Finish::Number) };
    let expected = f64::from(2.718_281_7_f64.powi(20) as f32);
    assert_numbers(&terms(op, &[numbers(&[Some(20.0)])]), 0, &[Some(expected)]);
}

fn neuron(from: &[u32], weights: &[f64], bias: Option<f64>) -> Neuron {
    Neuron { from: from.into(), weights: weights.into(), bias, width: 1.0, altitude: 1.0 }
}

fn network(layers: Vec<Layer>, outputs: &[u32], inputs: &[Column]) -> Ran {
    let op = Network { inputs: inputs.len() as u32, single: false, layers, outputs: outputs.into() };
    run(FormulaOp::Network(Arc::new(op)), inputs)
}

#[test]
fn layers_read_any_earlier_neuron() {
    let layers = vec![
        Layer {
            neurons: vec![neuron(&[0, 1], &[1.0, 2.0], Some(0.5)), neuron(&[1], &[3.0], None)],
            activation: Activation::Identity,
            normalize: Normalize::None,
        },
        Layer {
            neurons: vec![neuron(&[3, 0], &[1.0, -1.0], Some(-1.0)), neuron(&[2], &[1.0], None)],
            activation: Activation::Rectifier(None),
            normalize: Normalize::None,
        },
    ];
    let ran = network(layers, &[4, 5, 0], &two(&[Some(1.0), None], &[Some(2.0), Some(1.0)]));
    // 5.5 and 6; then 6 - 1 - 1 and 5.5.
    assert_row(&ran.outputs[0], 0, Some(Row::Dense(&[4.0, 5.5, 1.0])));
    assert_row(&ran.outputs[0], 1, None);
    assert_numbers(&ran, 1, &[Some(1.0), None]);
}

#[test]
fn every_activation() {
    let functions = [
        (Activation::Threshold(0.4), 1.0),
        (Activation::Threshold(0.5), 0.0),
        (Activation::Logistic, 0.622_459_331_201_854_6),
        (Activation::Tanh, 0.462_117_157_260_009_8),
        (Activation::Identity, 0.5),
        (Activation::Exponential, 1.648_721_270_700_128_2),
        (Activation::Reciprocal, 2.0),
        (Activation::Square, 0.25),
        (Activation::Gauss, 0.778_800_783_071_404_9),
        (Activation::Sine, 0.479_425_538_604_203),
        (Activation::Cosine, 0.877_582_561_890_372_8),
        (Activation::Elliott, 1.0 / 3.0),
        (Activation::Arctan, 0.295_167_235_300_866_5),
        (Activation::Rectifier(None), 0.5),
        (Activation::Rectifier(Some(0.1)), 0.5),
    ];
    for (activation, expected) in functions {
        let layer = Layer { neurons: vec![neuron(&[0], &[1.0], None)], activation, normalize: Normalize::None };
        let ran = network(vec![layer], &[1], &[numbers(&[Some(0.5)])]);
        let Column::Vector(column) = &ran.outputs[0] else { panic!("a column of vectors") };
        let Row::Dense(got) = column.row(0) else { panic!("a dense row") };
        assert!((got[0] - expected).abs() <= 1e-14, "{activation:?}: {} is not {expected}", got[0]);
    }
    let leaky = Activation::Rectifier(Some(0.5));
    let layer = Layer { neurons: vec![neuron(&[0], &[1.0], None)], activation: leaky, normalize: Normalize::None };
    assert_row(&network(vec![layer], &[1], &[numbers(&[Some(-2.0)])]).outputs[0], 0, Some(Row::Dense(&[-1.0])));
}

#[test]
fn radial_functions_have_widths_and_an_altitude() {
    let radial = |altitude| Layer {
        neurons: vec![Neuron { width: 2.0, altitude, ..neuron(&[0, 1], &[1.0, 3.0], None) }],
        activation: Activation::RadialBasis,
        normalize: Normalize::None,
    };
    let inputs = two(&[Some(3.0)], &[Some(1.0)]);
    // exp(-(4 + 4) / (2 * 4)), and with an altitude of 2 times 2^2.
    let plain = libm::exp(-1.0);
    assert_row(&network(vec![radial(1.0)], &[2], &inputs).outputs[0], 0, Some(Row::Dense(&[plain])));
    let high = libm::exp(-1.0 + libm::log(2.0) * 2.0);
    assert_row(&network(vec![radial(2.0)], &[2], &inputs).outputs[0], 0, Some(Row::Dense(&[high])));
}

#[test]
fn a_layer_is_normalized_as_a_whole() {
    let layer = |normalize| Layer {
        neurons: vec![neuron(&[0], &[1.0], None), neuron(&[0], &[3.0], None)],
        activation: Activation::Identity,
        normalize,
    };
    let of = |normalize, x| network(vec![layer(normalize)], &[1, 2], &[numbers(&[Some(x)])]);
    assert_row(&of(Normalize::SimpleMax, 2.0).outputs[0], 0, Some(Row::Dense(&[0.25, 0.75])));
    assert_row(&of(Normalize::SoftMax, 0.0).outputs[0], 0, Some(Row::Dense(&[0.5, 0.5])));
    assert!(of(Normalize::SimpleMax, 0.0).faults[0].is_some());
}

fn machines(kernel: Kernel, machines: Vec<Machine>, decide: Decide, missing: Missing) -> Machines {
    let vectors = [1.0, 0.0, 0.0, 2.0, 3.0, -1.0].into();
    Machines { columns: 2, single: false, kernel, vectors, machines, decide, missing }
}

fn machine(parts: &[(u32, f64)], constant: f64) -> Machine {
    Machine { parts: parts.into(), constant }
}

#[test]
fn every_kernel() {
    // x = (2, 1) against (3, -1): the dot is 5, the distance 1 + 4.
    let kernels = [
        (Kernel::Linear, 5.0),
        (Kernel::Polynomial { gamma: 0.5, coef0: 1.0, degree: 2.0 }, 12.25),
        (Kernel::RadialBasis { gamma: 0.2 }, libm::exp(-1.0)),
        (Kernel::Sigmoid { gamma: 0.1, coef0: -0.25 }, libm::tanh(0.25)),
    ];
    for (kernel, expected) in kernels {
        let op = machines(kernel, vec![machine(&[(2, 2.0)], 1.0)], Decide::Number, Missing::Null);
        let ran = run(FormulaOp::Machines(Arc::new(op)), &two(&[Some(2.0), None], &[Some(1.0), Some(1.0)]));
        assert_numbers(&ran, 0, &[Some(2.0 * expected + 1.0), None]);
    }
}

#[test]
fn votes_go_below_the_threshold_and_ties_to_who_was_voted_for_first() {
    let below = Vote::Threshold { threshold: 0.0, above: false };
    let ballots: Arc<[(Vote, u32, u32)]> = [(below, 0, 1), (below, 0, 2), (below, 1, 2)].into();
    let three = || vec![machine(&[(0, 1.0)], 0.0), machine(&[(1, 1.0)], 0.0), machine(&[(2, 1.0)], 0.0)];
    let decide = Decide::Votes { classes: 3, ballots };
    let op = machines(Kernel::Linear, three(), decide, Missing::Refused);
    let a = [Some(-1.0), Some(1.0), None];
    let ran = run(FormulaOp::Machines(Arc::new(op)), &two(&a, &[Some(-1.0), Some(-1.0), Some(0.0)]));
    // -1, -2, -2: 0, 0, 1. And 1, -2, 4: a vote for 1, 0 and 2 each.
    assert_row(&ran.outputs[0], 0, Some(Row::Dense(&[2.0 / 3.0, 1.0 / 3.0, 0.0])));
    assert_row(&ran.outputs[0], 1, Some(Row::Dense(&[1.0 / 3.0; 3])));
    assert_numbers(&ran, 1, &[Some(0.0), Some(1.0)]);
    assert!(ran.faults[2].is_some());
}

#[test]
fn one_against_all_takes_an_extreme_and_a_rounded_number_is_a_vote() {
    let two_machines = vec![machine(&[(0, 1.0)], 0.0), machine(&[(1, 1.0)], 0.0)];
    for (largest, expected) in [(false, 0.0), (true, 1.0)] {
        let op = machines(Kernel::Linear, two_machines.clone(), Decide::Extreme { largest }, Missing::Null);
        let ran = run(FormulaOp::Machines(Arc::new(op)), &two(&[Some(1.0)], &[Some(1.0)]));
        assert_row(&ran.outputs[0], 0, Some(Row::Dense(&[1.0, 2.0])));
        assert_numbers(&ran, 1, &[Some(expected)]);
    }
    let decide = Decide::Votes { classes: 2, ballots: [(Vote::Rounded, 0, 1)].into() };
    let op = machines(Kernel::Linear, vec![machine(&[(0, 1.0)], 0.0)], decide, Missing::Null);
    let a = [Some(0.5), Some(0.25), Some(1.5)];
    let ran = run(FormulaOp::Machines(Arc::new(op)), &two(&a, &[Some(0.0); 3]));
    assert_numbers(&ran, 1, &[Some(0.0), Some(1.0)]);
    assert!(ran.faults[2].is_some());
}

#[test]
fn a_process_of_two_rows() {
    // With K + noise = [[2, e], [e, 2]], e = exp(-1/2): its factor and its solution by hand.
    let e = libm::exp(-0.5);
    let l11 = libm::sqrt(2.0);
    let l21 = e / l11;
    let l22 = libm::sqrt(2.0 - l21 * l21);
    let determinant = 4.0 - e * e;
    let (y1, y2) = (1.0, 3.0);
    let weights = [(2.0 * y1 - e * y2) / determinant, (2.0 * y2 - e * y1) / determinant];
    let op = Process {
        columns: 1,
        covariance: Covariance::Squared,
        gamma: 1.0,
        scales: [2.0].into(),
        rows: [0.0, 2.0].into(),
        weights: weights.into(),
        factor: [l11, l21, l22].into(),
    };
    let ran = run(FormulaOp::Process(Arc::new(op)), &[numbers(&[Some(0.0), None])]);
    assert_numbers(&ran, 0, &[Some(weights[0] + e * weights[1]), None]);
    // 1 - k' (K + noise)^-1 k of k = (1, e): (2 - 2 e^2 + 2 e^2) / determinant.
    let Column::Fixed(column) = &ran.outputs[1] else { panic!("a column of numbers") };
    let expected = 1.0 - 2.0 / determinant;
    assert!((column.values::<f64>()[0] - expected).abs() < 1e-15);
}

#[test]
fn hazards_by_time_and_stratum() {
    let stratum = |hazard: f64| Stratum { steps: vec![(1.0, hazard), (2.0, 2.0 * hazard)], time_max: 5.0 };
    let op = Hazards { single: false, by_stratum: true, strata: vec![stratum(0.1), stratum(0.5)] };
    let risk = numbers(&[Some(2.0), None, Some(2.0), Some(2.0), None, Some(2.0), Some(2.0)]);
    let time = numbers(&[Some(1.5), Some(0.5), Some(5.5), Some(2.0), Some(2.0), None, None]);
    let place = numbers(&[Some(0.0), Some(0.0), Some(0.0), Some(1.0), Some(1.0), Some(-1.0), Some(0.0)]);
    let ran = run(FormulaOp::Hazard(Arc::new(op)), &[risk, time, place]);
    assert_numbers(&ran, 0, &[Some(0.2), Some(0.0), None, Some(2.0), None, None]);
    assert!(ran.faults[6].is_some() && ran.faults[5].is_none());
}

#[test]
fn contradictions_are_named() {
    let op = base(vec![vec![linear(2, 1.0)]], Finish::Number);
    assert!(plan::Op::from(FormulaOp::Terms(Arc::new(op))).check().is_err());
    let op = base(vec![vec![]], Finish::Shares(Shares::Rest));
    assert!(plan::Op::from(FormulaOp::Terms(Arc::new(op))).check().is_err());
    let layers = vec![Layer {
        neurons: vec![neuron(&[1], &[1.0], None)],
        activation: Activation::Identity,
        normalize: Normalize::None,
    }];
    let op = Network { inputs: 1, single: false, layers, outputs: [0].into() };
    assert!(plan::Op::from(FormulaOp::Network(Arc::new(op))).check().is_err());
    let op = machines(Kernel::Linear, vec![machine(&[(3, 1.0)], 0.0)], Decide::Number, Missing::Null);
    assert!(plan::Op::from(FormulaOp::Machines(Arc::new(op))).check().is_err());
}
