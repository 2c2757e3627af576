//! Deep trees in two parts: their first levels are worked out for many rows at once, as small trees are ([`super::circuit`]); from where rows leave those
//! levels they walk on ([`super::packed`]). To compare costs the same for every node, so what lies deep, where few rows come, is walked.

use super::normal::{LEAF, Normal};

/// Levels of a deep tree that are compared: at most 64 exits.
pub const LEVELS: u32 = 6;

/// Leaves from which on a tree is deep: more than a byte counts.
pub const DEEP: u32 = 257;

/// Which nodes are compared.
pub struct Tops {
    /// Of each tree.
    is_deep: Vec<bool>,
    /// Of each node: whether it is compared, not walked.
    is_compared: Vec<bool>,
}

impl Tops {
    pub fn new(normal: &Normal) -> Tops {
        let is_deep: Vec<bool> = normal.trees.iter().map(|tree| tree.nodes + 1 >= DEEP).collect();
        Tops::of(normal, is_deep)
    }

    /// Returns that all nodes are compared.
    pub fn none(normal: &Normal) -> Tops {
        Tops::of(normal, vec![false; normal.trees.len()])
    }

    fn of(normal: &Normal, is_deep: Vec<bool>) -> Tops {
        let mut is_compared = vec![true; normal.nodes.len()];
        let mut levels = vec![0; normal.nodes.len()];
        let mut first = 0;
        for (tree, is_deep) in normal.trees.iter().zip(&is_deep) {
            let end = first + tree.nodes as usize;
            // In pre-order a child comes after its parent.
            for at in first..if *is_deep { end } else { first } {
                is_compared[at] = levels[at] < LEVELS;
                let node = normal.nodes[at];
                for child in [node.left, node.right].into_iter().filter(|child| child & LEAF == 0) {
                    levels[child as usize] = levels[at] + 1;
                }
            }
            first = end;
        }
        Tops { is_deep, is_compared }
    }

    pub fn any(&self) -> bool {
        self.is_deep.contains(&true)
    }

    pub fn is_deep(&self, tree: usize) -> bool {
        self.is_deep[tree]
    }

    pub fn is_compared(&self, node: usize) -> bool {
        self.is_compared[node]
    }

    /// Visits the exits of a deep tree from left to right, and the nodes whose children both are exits below the last level, each with its first exit.
    pub fn exits(&self, normal: &Normal, root: u32, mut exit: impl FnMut(u32), mut last: impl FnMut(u32, u32)) {
        let mut count = 0;
        let mut stack = vec![(root, 0)];
        while let Some((at, level)) = stack.pop() {
            if at & LEAF != 0 || level == LEVELS {
                exit(at);
                count += 1;
                continue;
            }
            if level + 1 == LEVELS {
                last(at, count);
            }
            let node = normal.nodes[at as usize];
            stack.extend([(node.right, level + 1), (node.left, level + 1)]);
        }
    }
}
