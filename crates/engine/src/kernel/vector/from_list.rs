//! Lists of floats as vectors.

use crate::{
    frame::{Env, Home, as_f64},
    kernel::vector::null,
    store::Items,
};

/// Copies every live row's list to a dense vector.
pub fn run(env: &Env<'_>, input: Home, output: Home) {
    let lists = env.frame.lists(input);
    let Items::Cells(items) = &lists.items else { unreachable!("the plan takes lists of floats") };
    let mut out = env.frame.vectors_mut(output);
    out.clear();
    for row in 0..env.frame.rows() {
        if !env.frame.is_live(row) || !lists.is_valid(row) {
            out.push_null();
            continue;
        }
        let (start, range) = (out.values.len(), lists.range(row));
        if range.clone().all(|i| items.valid.get(i)) {
            out.values.extend(items.cells[range].iter().map(|&cell| as_f64(items.dtype, cell)));
            out.end_dense(start);
        } else {
            let (kind, value) = null();
            env.refuse(row, 0, kind, value);
            out.push_null();
        }
    }
}
