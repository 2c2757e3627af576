use plan::{Forest, ForestBuilder, ForestParts, ForestSplit, Missing};

use super::{super::tests::Random, *};

/// A forest whose trees are one node each: so many thresholds of one feature, the rules for missing values by turns.
fn forest(thresholds: usize, rules: &[Missing]) -> Forest {
    let mut builder = ForestBuilder::with(ForestParts { features: 3, width: 1, ..ForestParts::default() });
    for at in 0..thresholds {
        let node = builder.node(1, ForestSplit::Threshold(threshold(at)), rules[at % rules.len()]);
        let [left, right] = [0, 1].map(|leaf| builder.leaf_with(&[0.0], leaf, 0.0));
        builder.children(node, left, right);
        builder.tree(node, 1.0);
    }
    Forest::new(builder.finish()).expect("trees of a node each")
}

fn threshold(at: usize) -> f64 {
    at as f64 * 0.25 - 3.0
}

/// Rows whose second feature is at a threshold or next to it, or missing.
fn rows(thresholds: usize, count: usize, random: &mut Random) -> Vec<[f64; 3]> {
    let missing = [f64::NAN, 0.0, -0.0, 1e-36, -1e-36];
    let value = |random: &mut Random| {
        let near = threshold(random.below(thresholds));
        match random.below(16) {
            at @ ..5 => missing[at],
            5 => f64::INFINITY,
            6 => f64::NEG_INFINITY,
            7..=9 => near.next_up(),
            10..=12 => near.next_down(),
            _ => near,
        }
    };
    (0..count).map(|_| [-1.0, value(random), f64::NAN]).collect()
}

/// Returns the bytes of a block, and asserts that those of each row alone are the same.
fn bytes(ranks: &Ranks, isa: Isa, rows: &[[f64; 3]]) -> Vec<u8> {
    let lanes = rows.len();
    let (mut block, mut out) = (vec![f64::NAN; ranks.block_room(lanes)], vec![7; ranks.bytes * lanes]);
    let mut alone = vec![0; ranks.row_room()];
    for (at, eight) in rows.chunks(8).enumerate() {
        let eight: Vec<Row<'_>> = eight.iter().map(|row| Row::Dense(row)).collect();
        ranks.gather(&eight, &mut block, at * 8, lanes);
    }
    ranks.of_block(isa, &block, lanes, &mut out);
    for (lane, row) in rows.iter().enumerate() {
        simd::of_row(isa, ranks, row, &mut alone);
        (0..ranks.bytes).for_each(|byte| assert_eq!(out[byte * lanes + lane], alone[byte], "{isa:?}, {row:?}"));
    }
    out
}

#[test]
fn a_byte_says_what_nodes_ask_however_many_thresholds_there_are_and_whatever_is_missing() {
    let all = [Missing::Left, Missing::ZeroRight, Missing::Asked, Missing::ZeroLeft];
    let mut random = Random(11);
    for thresholds in [1, 2, 8, 15, 31, 32, 33, 63, 64, 127, 128, 200, 255, 256, 300, 600] {
        for rules in [&all[..1], &all[1..2], &all[..3], &all[..]] {
            let forest = forest(thresholds, rules);
            let normal = Normal::new(&forest, |leaf| leaf);
            let (ranks, tests) = Ranks::new(&normal, |_| true).expect("there are few bytes");
            assert_eq!(ranks.sources.len() == 1, thresholds <= BYTE_THRESHOLDS || rules.len() == 1, "{thresholds}");
            for (isa, lanes) in Isa::all().into_iter().zip([64, 128, 256, 512].into_iter().cycle()) {
                let rows = rows(thresholds, lanes, &mut random);
                let bytes = bytes(&ranks, isa, &rows);
                for (test, root) in tests.iter().zip(&forest.roots) {
                    let bytes = &bytes[usize::from(test.column) * lanes..][..lanes];
                    for (row, byte) in rows.iter().zip(bytes) {
                        let is_right = !forest.is_left(*root as usize, row[1]);
                        assert_eq!(
                            *byte > test.above,
                            is_right,
                            "{isa:?}, {thresholds} thresholds, {rules:?}: {row:?}"
                        );
                    }
                }
            }
        }
    }
}
