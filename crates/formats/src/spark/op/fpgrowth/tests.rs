use super::*;

fn texts(items: &[&str]) -> BasketItems {
    BasketItems::Texts(items.iter().map(|item| Some((*item).into())).collect())
}

fn set(items: &[u32], count: f64) -> FrequentSet {
    FrequentSet { items: items.to_vec(), count }
}

#[test]
fn a_rule_needs_its_antecedent_in_the_same_order() {
    let items = texts(&["a", "b", "c"]);
    // Of {a, b, c} the others {a, b} are known in this order, {b, c} only in the other one.
    let sets = [set(&[0], 10.0), set(&[0, 1], 8.0), set(&[2, 1], 8.0), set(&[0, 1, 2], 8.0)];
    let made = made(&items, &sets, 0.8, Scala::Before213);
    let rules: Vec<(Vec<u32>, u32)> = made
        .rules
        .iter()
        .map(|(number, item)| (made.numbers.iter().find(|(_, n)| *n == number).expect("a sequence").0.clone(), *item))
        .collect();
    assert_eq!(rules, [(vec![0], 1), (vec![0, 1], 2)]);
}

#[test]
fn confidence_is_reached_at_the_border_and_0_of_0_is_none() {
    let items = texts(&["a", "b"]);
    let rules = |of_a: f64, of_both: f64, confidence: f64| {
        made(&items, &[set(&[0], of_a), set(&[0, 1], of_both)], confidence, Scala::From213).rules.len()
    };
    assert_eq!((rules(10.0, 8.0, 0.8), rules(10.0, 7.0, 0.8)), (1, 0));
    assert_eq!((rules(0.0, 0.0, 0.0), rules(10.0, 0.0, 0.0)), (0, 1));
}
