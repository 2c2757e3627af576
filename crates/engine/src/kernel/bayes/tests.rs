use plan::{
    BayesOp,
    op::bayes::{Factor, Likelihood, Network},
};

use crate::kernel::tests::{assert_row, dense, numbers, run};

fn close(ran: &crate::kernel::tests::Ran, row: usize, expected: &[f64]) {
    let model::Column::Vector(vectors) = &ran.outputs[0] else { panic!("a vector") };
    let model::column::Row::Dense(got) = vectors.row(row) else { panic!("a dense vector") };
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "row {row}: {got}, not {expected}");
    }
}

/// Priors 20 and 25; of the category 12/20 and 3/25, of the other 8/20 and 22/25.
#[test]
fn what_inputs_say_is_multiplied_and_missing_ones_say_nothing() {
    let shares = Likelihood::Categories([0.6, 0.12, 0.4, 0.88].into());
    let op = BayesOp::Naive { priors: [20.0, 25.0].into(), inputs: [shares].into(), least: 0.001, single: false };
    let ran = run(op, &[numbers(&[Some(0.0), Some(1.0), None, Some(-1.0), Some(9.0), Some(f64::NAN)])]);
    close(&ran, 0, &[12.0 / 15.0, 3.0 / 15.0]);
    close(&ran, 1, &[8.0 / 30.0, 22.0 / 30.0]);
    (2..6).for_each(|row| close(&ran, row, &[20.0 / 45.0, 25.0 / 45.0]));
}

/// At the mean of the first class, far from the second's: its density counts as the threshold.
#[test]
fn densities_below_the_threshold_count_as_it() {
    let likelihood = Likelihood::Gaussian { means: [1.0, 50.0].into(), variances: [2.0, 0.5].into() };
    let op = BayesOp::Naive { priors: [1.0, 1.0].into(), inputs: [likelihood].into(), least: 0.001, single: false };
    let density = 1.0 / (2.0 * std::f64::consts::PI * 2.0).sqrt();
    close(&run(op, &[numbers(&[Some(1.0)])]), 0, &[density / (density + 0.001), 0.001 / (density + 0.001)]);
}

/// Two events of means 2 and 5: 2 e^-2 and 12.5 e^-5. A class without a distribution is left as it is.
#[test]
fn counts_have_their_probability() {
    let op = |means: [f64; 2]| {
        let likelihood = Likelihood::Poisson { means: means.into() };
        BayesOp::Naive { priors: [1.0, 1.0].into(), inputs: [likelihood].into(), least: 0.0, single: false }
    };
    let (a, b) = (2.0 * (-2.0_f64).exp(), 12.5 * (-5.0_f64).exp());
    let ran = run(op([2.0, 5.0]), &[numbers(&[Some(2.0), Some(0.5)])]);
    close(&ran, 0, &[a / (a + b), b / (a + b)]);
    assert!(ran.faults[1].as_deref().is_some_and(|f| f.contains("whole number")));
    close(&run(op([2.0, f64::NAN]), &[numbers(&[Some(2.0)])]), 0, &[a / (a + 1.0), 1.0 / (a + 1.0)]);
}

/// Rain (0.2), sprinkler (0.01 with rain, else 0.4), wet grass (0.99, 0.8, 0.9, 0): P(rain | wet) = 0.3577.
#[test]
fn a_network_answers_what_its_tables_say() {
    let factor = |variables: &[u32], values: &[f64]| Factor { variables: variables.into(), values: values.into() };
    let network = Network {
        sizes: [2, 2, 2].into(),
        factors: [
            factor(&[0], &[0.8, 0.2]),
            factor(&[0, 1], &[0.6, 0.4, 0.99, 0.01]),
            factor(&[1, 0, 2], &[1.0, 0.0, 0.2, 0.8, 0.1, 0.9, 0.01, 0.99]),
        ]
        .into(),
        inputs: [1, 2].into(),
        target: 0,
    };
    let op = BayesOp::Network(network);
    let ran =
        run(op, &[numbers(&[None, None, Some(1.0), Some(0.0)]), numbers(&[Some(1.0), None, Some(1.0), Some(7.0)])]);
    let wet = 0.2 * (0.01 * 0.99 + 0.99 * 0.8);
    let dry = 0.8 * 0.4 * 0.9;
    close(&ran, 0, &[dry / (wet + dry), wet / (wet + dry)]);
    close(&ran, 1, &[0.8, 0.2]);
    let (wet, dry) = (0.2 * 0.01 * 0.99, 0.8 * 0.4 * 0.9);
    close(&ran, 2, &[dry / (wet + dry), wet / (wet + dry)]);
    // Off, and a value that the grass does not have: as if nothing was seen of it.
    let (on, off) = (0.2 * 0.99, 0.8 * 0.6);
    close(&ran, 3, &[off / (on + off), on / (on + off)]);
}

#[test]
fn impossible_evidence_is_null() {
    let factors = [
        Factor { variables: [0].into(), values: [0.5, 0.5].into() },
        Factor { variables: [0, 1].into(), values: [1.0, 0.0, 1.0, 0.0].into() },
    ];
    let network = Network { sizes: [2, 2].into(), factors: factors.into(), inputs: [1].into(), target: 0 };
    let ran = run(BayesOp::Network(network), &[numbers(&[Some(1.0), Some(0.0)])]);
    assert_row(&ran.outputs[0], 0, None);
    assert_row(&ran.outputs[0], 1, dense(&[0.5, 0.5]));
}
