use plan::{
    TensorNode,
    tensor::learn::{Lookup, Table, TableNode, Test, Together, TreeEnd, TreesOp, TreesParts},
};

use super::{super::TensorKernel, *};
use crate::kernel::Site;

/// Runs the op on one tensor.
fn run(op: LearnOp, x: Tensor, outputs: usize) -> Result<Vec<Whole>, PredictError> {
    let (step, wanted) = (Arc::from("here"), vec![true; outputs]);
    let site = Site { step: &step, inputs: &[], wanted: &wanted, constants: &[] };
    TensorKernel::new(&TensorNode::new(op.into()), &site).unwrap().alone(vec![x.into()], outputs)
}

fn one(op: LearnOp, x: Tensor) -> Tensor {
    match run(op, x, 1).unwrap().remove(0) {
        Whole::Tensor(tensor) => tensor,
        other => panic!("{}", other.kind()),
    }
}

fn texts(list: &[&str]) -> Tensor {
    Tensor::vector(list.iter().map(|text| model::tensor::Bytes::from(text.as_bytes())).collect::<Vec<_>>())
}

fn matrix_of(rows: usize, elements: &[f32]) -> Tensor {
    Tensor::new(&[rows, elements.len() / rows], elements.to_vec()).unwrap()
}

#[test]
fn keys_are_found_by_value() {
    let lookup = |nan| {
        LearnOp::Lookup(Box::new(Lookup {
            keys: Tensor::vector(vec![0.0_f32, f32::NAN, 0.0]),
            values: texts(&["zero", "nan", "again"]),
            default: Tensor::scalar(model::tensor::Bytes::from(*b"none")),
            nan,
        }))
    };
    let x = Tensor::vector(vec![-0.0_f32, f32::NAN, 1.0]);
    assert_eq!(one(lookup(true), x.clone()), texts(&["zero", "nan", "none"]));
    assert_eq!(one(lookup(false), x), texts(&["zero", "none", "none"]));
}

#[test]
fn numbers_are_cut_before_they_are_keys() {
    let hot = |strict| LearnOp::OneHot { keys: Tensor::vector(vec![1_i64, 3]), strict };
    let x = Tensor::vector(vec![3.7_f32, 2.0]);
    assert_eq!(one(hot(false), x.clone()), matrix_of(2, &[0.0, 1.0, 0.0, 0.0]));
    assert!(run(hot(true), x, 1).is_err());
}

#[test]
fn rows_are_divided_by_their_norms() {
    let x = matrix_of(2, &[3.0, -4.0, 0.0, 0.0]);
    assert_eq!(one(LearnOp::Normalize(Norm::L1), x.clone()), matrix_of(2, &[3.0 / 7.0, -4.0 / 7.0, 0.0, 0.0]));
    assert_eq!(one(LearnOp::Normalize(Norm::Max), x.clone()), matrix_of(2, &[1.0, -4.0 / 3.0, 0.0, 0.0]));
    let l2 = one(LearnOp::Normalize(Norm::L2), x);
    assert_eq!(l2, matrix_of(2, &[0.36_f32.sqrt(), -0.64_f32.sqrt(), 0.0, 0.0]));
}

#[test]
fn a_vector_is_a_row() {
    assert_eq!(one(LearnOp::Rows, Tensor::vector(vec![1_i64, 2])), matrix_of(1, &[1.0, 2.0]));
    assert!(run(LearnOp::Rows, Tensor::scalar(1.0_f32), 1).is_err());
}

#[test]
fn a_map_has_its_keys_in_order() {
    let zip = LearnOp::ZipMap { keys: texts(&["b", "a"]) };
    let maps = run(zip, matrix_of(1, &[1.0, 2.0]), 1).unwrap().remove(0);
    let map = Whole::Map(Arc::new((texts(&["a", "b"]), Tensor::vector(vec![2.0_f32, 1.0]))));
    assert_eq!(maps, Whole::Sequence(Arc::new(vec![map])));
}

#[test]
fn one_score_of_two_labels_becomes_two() {
    let labels = Tensor::vector(vec![5_i64, 7]);
    let classify =
        LearnOp::Classify { labels, choice: plan::tensor::learn::Choice::Greatest, transform: Transform::None };
    let got = run(classify, matrix_of(2, &[0.25, -1.0]), 2).unwrap();
    assert_eq!(got[0], Whole::Tensor(Tensor::vector(vec![7_i64, 5])));
    assert_eq!(got[1], Whole::Tensor(matrix_of(2, &[0.75, 0.25, 2.0, -1.0])));
}

/// A tree over one feature: `test` leads to weight 1 of score 0, else to weight 2 of the last score.
fn stump(test: Test, nan_is_yes: bool, members: Vec<Vec<f64>>, together: Together) -> TreesOp {
    let node = TableNode { feature: 0, test, value: 1.5, nan_is_yes, yes: 1, no: 2 };
    let parts = TreesParts {
        nodes: vec![node],
        leaves: vec![1, 2],
        weights: vec![(0, 1.0), (0, 2.0)],
        roots: vec![0],
        members,
    };
    TreesOp {
        table: Table::new(parts, 1).unwrap(),
        width: 1,
        together,
        base: vec![0.5],
        transform: Transform::None,
        is_double: false,
        gives_double: false,
        end: TreeEnd::Scores,
    }
}

#[test]
fn tests_send_numbers_where_they_say() {
    let x = || matrix_of(4, &[1.0, 1.5, 2.0, f32::NAN]);
    let tests = [
        (Test::LessEqual, [1.0, 1.0, 2.0]),
        (Test::Less, [1.0, 2.0, 2.0]),
        (Test::GreaterEqual, [2.0, 1.0, 1.0]),
        (Test::Greater, [2.0, 2.0, 1.0]),
        (Test::Equal, [2.0, 1.0, 2.0]),
        (Test::NotEqual, [1.0, 2.0, 1.0]),
        (Test::Member(0), [1.0, 2.0, 1.0]),
    ];
    for (test, expected) in tests {
        for nan_is_yes in [false, true] {
            // The smallest is found by a walk down the table; a mean may be a forest's.
            let nan = if nan_is_yes || test == Test::NotEqual { 1.0 } else { 2.0 };
            let expected: Vec<f32> = expected.iter().chain([&nan]).map(|x| x + 0.5).collect();
            for together in [Together::Min, Together::Mean] {
                let op = stump(test, nan_is_yes, vec![vec![2.0, 1.0]], together);
                let got = one(LearnOp::Trees(Arc::new(op)), x());
                assert_eq!(got, matrix_of(4, &expected), "{test:?} {nan_is_yes} {together:?}");
            }
        }
    }
}

#[test]
fn a_forest_and_a_table_give_the_same() {
    let node =
        |feature: u32, test, value, yes, no| TableNode { feature, test, value, nan_is_yes: feature == 1, yes, no };
    let parts = TreesParts {
        nodes: vec![
            node(0, Test::Greater, 0.1, 1, 2),
            node(1, Test::Equal, 2.0, 7, 3),
            node(1, Test::Less, -0.3, 8, 9),
            node(1, Test::Equal, 5.0, 7, 10),
            node(0, Test::NotEqual, 1.0, 11, 5),
            node(1, Test::GreaterEqual, 0.7, 12, 13),
            node(0, Test::LessEqual, 9.0, 14, 15),
        ],
        leaves: (1..=9).collect(),
        weights: (0..9).map(|i| (0, 0.1_f32 * (i + 1) as f32)).map(|(s, w)| (s, f64::from(w))).collect(),
        roots: vec![0, 4, 6],
        members: vec![],
    };
    let op = |together| TreesOp { together, ..stump(Test::Less, false, vec![], together) };
    let fast = TreesOp { table: Table::new(parts.clone(), 1).unwrap(), ..op(Together::Sum) };
    assert!(trees::is_forest(&fast));
    // A leaf that adds twice is no forest's; adding nothing changes no sum.
    let mut slow = parts;
    slow.weights.push((0, 0.0));
    *slow.leaves.last_mut().unwrap() += 1;
    let slow = TreesOp { table: Table::new(slow, 1).unwrap(), ..op(Together::Sum) };
    assert!(!trees::is_forest(&slow));
    let values = [0.1, 0.2, 1.0, 2.0, 5.0, -0.3, -1.0, 9.5, f32::NAN, 0.7];
    let x: Vec<f32> = values.iter().flat_map(|a| values.map(|b| [*a, b])).flatten().collect();
    let all = one(LearnOp::Trees(Arc::new(fast.clone())), matrix_of(100, &x));
    assert_eq!(all, one(LearnOp::Trees(Arc::new(slow)), matrix_of(100, &x)));
    for (row, x) in x.chunks(2).enumerate() {
        let alone = one(LearnOp::Trees(Arc::new(fast.clone())), matrix_of(1, x));
        assert_eq!(alone.get::<f32>().unwrap()[0], all.get::<f32>().unwrap()[row]);
    }
}

#[test]
fn one_score_says_which_of_two_classes() {
    let class = |all_positive, transform| TreesOp {
        base: vec![],
        width: 2,
        transform,
        end: TreeEnd::Labels { labels: texts(&["no", "yes"]), one_score: true, all_positive },
        ..stump(Test::Less, false, vec![], Together::Sum)
    };
    let x = || matrix_of(1, &[0.0]);
    let got = run(LearnOp::Trees(Arc::new(class(true, Transform::None))), x(), 2).unwrap();
    assert_eq!(got, [texts(&["yes"]).into(), Whole::Tensor(matrix_of(1, &[0.0, 1.0]))]);
    let got = run(LearnOp::Trees(Arc::new(class(false, Transform::Logistic))), x(), 2).unwrap();
    let p = scores::logistic(1.0);
    assert_eq!(got[1], Whole::Tensor(matrix_of(1, &[scores::logistic(-1.0), p])));
}

#[test]
fn too_few_features_are_refused() {
    let op = LearnOp::Trees(Arc::new(stump(Test::Less, false, vec![], Together::Sum)));
    assert!(run(op, Tensor::new(&[2, 0], Vec::<f32>::new()).unwrap(), 1).is_err());
}

#[test]
fn pairs_of_classes_vote() {
    // Two classes with a vector each: the first's kernel value counts for it, the second's against.
    let votes = |probabilities| Votes {
        vectors: vec![1, 1],
        coefficients: vec![1.0, -1.0],
        rho: vec![0.25],
        probabilities,
        labels: Tensor::vector(vec![3_i64, 4]),
        transform: Transform::None,
    };
    let got = run(LearnOp::Vote(Arc::new(votes(vec![]))), matrix_of(2, &[1.0, 0.5, 0.25, 1.0]), 2).unwrap();
    assert_eq!(got[0], Whole::Tensor(Tensor::vector(vec![3_i64, 4])));
    assert_eq!(got[1], Whole::Tensor(matrix_of(2, &[-0.75, 0.75, 0.5, -0.5])));
    let got = run(LearnOp::Vote(Arc::new(votes(vec![(-1.0, 0.0)]))), matrix_of(1, &[1.0, 0.5]), 2).unwrap();
    let p = got[1].as_tensor().unwrap().get::<f32>().unwrap().to_vec();
    let expected = 1.0 / (1.0 + (-0.75_f32).exp());
    assert!((p[0] - expected).abs() < 5e-3 && (p[0] + p[1] - 1.0).abs() < 1e-5, "{p:?}");
}

#[test]
fn a_map_becomes_a_row() {
    let map = (Tensor::vector(vec![2_i64, 0]), Tensor::vector(vec![1.5_f32, 2.5]));
    let floats = |elements: &[f32]| matrix_of(1, elements);
    assert_eq!(maps::cast(&map, &model::Type::F32, None).unwrap(), floats(&[2.5, 1.5]));
    assert_eq!(maps::cast(&map, &model::Type::F32, Some(3)).unwrap(), floats(&[2.5, 0.0, 1.5]));
    let keys = Keys::last(&Tensor::vector(vec![7_i64, 2]));
    assert_eq!(maps::dictionary(&map, &keys, 2).unwrap(), floats(&[0.0, 1.5]));
}
