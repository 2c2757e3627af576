//! The one form that every layout is made from: nodes that ask `x <= threshold` in float64, or for a set of categories.
//!
//! Here `<` becomes `<=` of the number below, a feature that a tool rounds to float32 a threshold moved to where rounding takes
//! it over (both exactly), and what missing values do becomes part of a *column*: a feature together with the rule that
//! turns it into something comparable. Nodes that send every value one way are gone; nodes stand tree after tree in pre-order.

use std::sync::Arc;

use plan::{Categories, Forest, ForestSplit, Missing, Precision};
use rustc_hash::FxHashMap;

/// Tells leaves in [`Node::left`] and [`Node::right`].
pub const LEAF: u32 = 1 << 31;

pub struct Normal {
    pub columns: Vec<Column>,
    pub nodes: Vec<Node>,
    pub trees: Vec<Tree>,
    pub sets: Vec<SetTest>,
    pub rules: Rules,
}

/// What all columns have in common.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    categories: Categories,
    compares: Precision,
    /// Largest number that is zero where zeros are missing.
    pub zero_max: f64,
}

/// A feature, and what becomes of its missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    pub feature: u32,
    pub kind: Kind,
    pub zero_is_missing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Compared with thresholds; missing ones are below or above all of them.
    Number { missing_left: bool },
    /// Looked up in sets.
    Category,
}

#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub column: u32,
    pub test: Test,
    /// A node, or a leaf's number with [`LEAF`].
    pub left: u32,
    pub right: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    AtMost(f64),
    /// A number in [`Normal::sets`].
    Set(u32),
}

/// What goes left of the categories.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetTest {
    pub words: Arc<[u64]>,
    pub left_if_in: bool,
    pub missing_left: bool,
}

pub struct Tree {
    /// A node, or a leaf's number with [`LEAF`].
    pub root: u32,
    pub depth: u32,
    /// Inner nodes: one fewer than leaves.
    pub nodes: u32,
}

/// What a node comes to.
enum Outcome {
    Asks(Column, Test, Turned),
    /// Whatever the value is.
    Left,
    Right,
}

/// Whether children change places.
type Turned = bool;

/// The node whose child a node is, and whether it is the right one; a root has none.
type Parent = Option<(usize, bool)>;

/// What a value is to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    Missing,
    Known(u32),
    Other,
}

impl Normal {
    /// Returns the form of a forest; `place` is what leaves are known by.
    pub fn new(forest: &Forest, place: impl Fn(u32) -> u32) -> Normal {
        let rules = Rules::of(forest);
        let mut normal = Normal { columns: Vec::new(), nodes: Vec::new(), trees: Vec::new(), sets: Vec::new(), rules };
        let mut columns = FxHashMap::default();
        let mut sets = FxHashMap::default();
        let mut stack: Vec<(u32, u32, Parent)> = Vec::new();
        for &root in &forest.roots {
            let mut tree = Tree { root: 0, depth: 0, nodes: 0 };
            stack.push((root, 0, None));
            while let Some((at, depth, parent)) = stack.pop() {
                let number = match normal.asked(forest, at, &mut sets) {
                    Err(leaf) => place(leaf) | LEAF,
                    Ok((at, column, test, turned)) => {
                        let column = *columns.entry(column).or_insert_with(|| {
                            normal.columns.push(column);
                            normal.columns.len() as u32 - 1
                        });
                        let number = normal.nodes.len();
                        tree.nodes += 1;
                        normal.nodes.push(Node { column, test, left: 0, right: 0 });
                        let (left, right) = (forest.left[at], forest.right[at]);
                        let (left, right) = if turned { (right, left) } else { (left, right) };
                        stack.push((right, depth + 1, Some((number, true))));
                        stack.push((left, depth + 1, Some((number, false))));
                        number as u32
                    }
                };
                tree.depth = tree.depth.max(depth);
                match parent {
                    None => tree.root = number,
                    Some((parent, false)) => normal.nodes[parent].left = number,
                    Some((parent, true)) => normal.nodes[parent].right = number,
                }
            }
            normal.trees.push(tree);
        }
        normal
    }

    /// Returns the first node from here on that asks something; or the leaf that is reached before.
    fn asked(
        &mut self,
        forest: &Forest,
        mut at: u32,
        sets: &mut FxHashMap<SetTest, u32>,
    ) -> Result<(usize, Column, Test, Turned), u32> {
        let inner = forest.split.len() as u32;
        while at < inner {
            match self.outcome(forest, at as usize, sets) {
                Outcome::Asks(column, test, turned) => return Ok((at as usize, column, test, turned)),
                Outcome::Left => at = forest.left[at as usize],
                Outcome::Right => at = forest.right[at as usize],
            }
        }
        Err(at - inner)
    }

    fn outcome(&mut self, forest: &Forest, node: usize, sets: &mut FxHashMap<SetTest, u32>) -> Outcome {
        let missing = forest.missing(node);
        let zero_is_missing = matches!(missing, Missing::ZeroLeft | Missing::ZeroRight);
        let missing_left = matches!(missing, Missing::Left | Missing::ZeroLeft);
        let column = |kind| Column { feature: forest.feature[node], kind, zero_is_missing };
        let number = |missing_left| column(Kind::Number { missing_left });
        let threshold = match forest.split[node] {
            ForestSplit::Threshold(threshold) => at_most(threshold, true, forest.compares),
            ForestSplit::Below(threshold) => at_most(threshold, false, forest.compares),
            ForestSplit::Set { set, left_if_in } => {
                let missing_left = if missing == Missing::Asked { !left_if_in } else { missing_left };
                let test = SetTest { words: forest.sets[set as usize].clone(), left_if_in, missing_left };
                let number = *sets.entry(test).or_insert_with_key(|test| {
                    self.sets.push(test.clone());
                    self.sets.len() as u32 - 1
                });
                return Outcome::Asks(column(Kind::Category), Test::Set(number), false);
            }
        };
        match threshold {
            // All numbers go right.
            None if !missing_left => Outcome::Right,
            None => Outcome::Asks(number(false), Test::AtMost(f64::INFINITY), true),
            Some(f64::INFINITY) if missing_left => Outcome::Left,
            Some(threshold) => Outcome::Asks(number(missing_left), Test::AtMost(threshold), false),
        }
    }
}

/// Returns the threshold `t` such that those float64 that are at most (or below) the given one, once rounded as the tool
/// does, are those with `x <= t`; nothing where none is.
fn at_most(threshold: f64, inclusive: bool, compares: Precision) -> Option<f64> {
    if threshold.is_nan() || !inclusive && threshold == f64::NEG_INFINITY {
        return None;
    }
    if compares == Precision::F64 {
        return Some(if inclusive { threshold } else { threshold.next_down() });
    }
    let nearest = threshold as f32;
    let fits = if inclusive { f64::from(nearest) <= threshold } else { f64::from(nearest) < threshold };
    Some(rounds_to_at_most(if fits { nearest } else { nearest.next_down() }))
}

/// Returns the largest float64 that is at most this float32 once it is rounded to one.
fn rounds_to_at_most(most: f32) -> f64 {
    // What float32 rounds to infinity from, were it the next number.
    const BEYOND: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;
    let wide = |x: f32| if x.is_infinite() { BEYOND.copysign(f64::from(x)) } else { f64::from(x) };
    if most == f32::INFINITY {
        return f64::INFINITY;
    }
    let middle = (wide(most) + wide(most.next_up())) / 2.0;
    if middle as f32 <= most { middle } else { middle.next_down() }
}

// === impl Rules ===

impl Rules {
    fn of(forest: &Forest) -> Rules {
        let zero_max = match forest.compares {
            Precision::F64 => plan::ZERO_MAX,
            Precision::F32 => rounds_to_at_most(plan::ZERO_MAX as f32),
        };
        Rules { categories: forest.categories, compares: forest.compares, zero_max }
    }

    pub fn compares(&self) -> Precision {
        self.compares
    }

    pub fn categories(&self) -> Categories {
        self.categories
    }

    /// Returns the largest number that a column takes for a missing one; where none is, one below all.
    pub fn zero_max_of(&self, column: &Column) -> f64 {
        if column.zero_is_missing { self.zero_max } else { -1.0 }
    }

    /// Returns whether the column takes the value for a missing one.
    #[inline]
    pub fn is_missing(&self, column: &Column, x: f64) -> bool {
        x.is_nan() || column.zero_is_missing && x.abs() <= self.zero_max
    }

    #[inline]
    pub fn category(&self, column: &Column, x: f64) -> Category {
        if self.is_missing(column, x) {
            return Category::Missing;
        }
        let x = if self.compares == Precision::F32 { f64::from(x as f32) } else { x };
        self.categories.of(x).map_or(Category::Other, Category::Known)
    }
}

// === impl SetTest ===

impl SetTest {
    pub fn is_left(&self, category: Category) -> bool {
        match category {
            Category::Missing => self.missing_left,
            Category::Known(c) => self.holds(c) == self.left_if_in,
            Category::Other => !self.left_if_in,
        }
    }

    pub fn holds(&self, category: u32) -> bool {
        self.words.get((category / 64) as usize).is_some_and(|word| word >> (category % 64) & 1 == 1)
    }

    /// Returns how many categories there are from which on all are out.
    pub fn categories(&self) -> u32 {
        let last = self.words.iter().rposition(|word| *word != 0);
        last.map_or(0, |i| i as u32 * 64 + 64 - self.words[i].leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_move_to_where_rounding_takes_values_over() {
        let specials = [0.0, -0.0, 1.0, -1.0, 1e-40, -1e-45, 1e-300, 0.1, 3.4e38, 3.5e38, f64::INFINITY, 16_777_217.0];
        let both = specials.iter().flat_map(|x| [*x, -x]);
        for threshold in both {
            for inclusive in [true, false] {
                let f32s = at_most(threshold, inclusive, Precision::F32);
                let f64s = at_most(threshold, inclusive, Precision::F64);
                let near = f32s.iter().chain(&f64s).flat_map(|t| [*t, t.next_up(), t.next_down()]);
                for x in near.chain(specials).chain([threshold, threshold.next_up(), threshold.next_down()]) {
                    let rule = |x: f64| if inclusive { x <= threshold } else { x < threshold };
                    assert_eq!(f64s.is_some_and(|t| x <= t), rule(x), "{x} and {threshold}");
                    assert_eq!(f32s.is_some_and(|t| x <= t), rule(f64::from(x as f32)), "{x} as f32 and {threshold}");
                }
            }
        }
        assert_eq!(at_most(f64::NAN, true, Precision::F64), None);
    }
}
