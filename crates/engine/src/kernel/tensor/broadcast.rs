//! Broadcasting: the shape of a result, and where its elements lie in the inputs.

use model::{PredictError, Shape, tensor::RANK_MAX};

use super::refuse;

/// Returns the shape that two shapes broadcast to: numpy's rule.
pub(crate) fn shape(a: &Shape, b: &Shape) -> Result<Shape, PredictError> {
    if a == b {
        return Ok(*a);
    }
    let rank = a.len().max(b.len());
    let mut dims = [1; RANK_MAX];
    let dim = |s: &Shape, i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    for (i, out) in dims[..rank].iter_mut().enumerate() {
        *out = match (dim(a, i), dim(b, i)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return Err(refuse(format!("a shape that broadcasts with {a}"), b.to_string())),
        };
    }
    super::shape(&dims[..rank])
}

/// Calls `run` with runs of the result: where it begins and how long it is, where it begins in each input, and whether it
/// walks there or stays at one element.
pub(crate) fn runs<const N: usize>(
    out: &Shape,
    inputs: [&Shape; N],
    mut run: impl FnMut(usize, usize, [(usize, bool); N]),
) {
    let total = out.elements();
    if total == 0 {
        return;
    }
    // The last dimensions along which every input either walks through or stays are one run.
    let rank = out.len();
    let dim = |input: usize, i: usize| {
        let s = inputs[input];
        if i + s.len() < rank { 1 } else { s[i + s.len() - rank] }
    };
    let mut first = rank;
    let mut length = 1;
    let mut walks = [None; N];
    while first > 0 {
        let i = first - 1;
        if out[i] != 1 {
            let now: [bool; N] = std::array::from_fn(|k| dim(k, i) != 1);
            if (0..N).any(|k| walks[k].is_some_and(|w| w != now[k])) {
                break;
            }
            walks = now.map(Some);
        }
        length *= out[i];
        first = i;
    }
    let walks = walks.map(|w| w.unwrap_or(true));
    // Strides of the dimensions outside of the run.
    let mut strides = [[0; RANK_MAX]; N];
    for (k, steps) in strides.iter_mut().enumerate() {
        let mut stride = 1;
        for i in (0..rank).rev() {
            let d = dim(k, i);
            steps[i] = if d == 1 { 0 } else { stride };
            stride *= d;
        }
    }
    let mut at = [0; RANK_MAX];
    let mut offsets = [0; N];
    let mut begin = 0;
    loop {
        run(begin, length, std::array::from_fn(|k| (offsets[k], walks[k])));
        begin += length;
        if begin >= total {
            return;
        }
        let mut i = first;
        while i > 0 {
            i -= 1;
            at[i] += 1;
            (0..N).for_each(|k| offsets[k] += strides[k][i]);
            if at[i] < out[i] {
                break;
            }
            (0..N).for_each(|k| offsets[k] -= strides[k][i] * out[i]);
            at[i] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dims: &[usize]) -> Shape {
        Shape::new(dims).expect("few dimensions")
    }

    #[test]
    fn every_element_is_met_once_at_its_place() {
        for (a, b) in [
            (&[2, 3][..], &[2, 3][..]),
            (&[2, 3], &[3]),
            (&[2, 3], &[2, 1]),
            (&[], &[4, 1, 2]),
            (&[4, 1, 2], &[3, 1]),
            (&[1], &[1, 1]),
            (&[2, 0], &[2, 1]),
        ] {
            let (a, b) = (of(a), of(b));
            let out = shape(&a, &b).expect("they broadcast");
            let mut seen = Vec::new();
            runs(&out, [&a, &b], |begin, length, [x, y]| {
                for i in 0..length {
                    seen.push((begin + i, x.0 + i * usize::from(x.1), y.0 + i * usize::from(y.1)));
                }
            });
            let place = |mut at: usize, s: &Shape| {
                let (mut index, mut stride) = (0, 1);
                for i in (0..out.len()).rev() {
                    let here = at % out[i];
                    at /= out[i];
                    if i + s.len() >= out.len() {
                        let d = s[i + s.len() - out.len()];
                        index += if d == 1 { 0 } else { here * stride };
                        stride *= d;
                    }
                }
                index
            };
            let expected: Vec<_> = (0..out.elements()).map(|i| (i, place(i, &a), place(i, &b))).collect();
            assert_eq!(seen, expected, "{a} {b}");
        }
        assert!(shape(&of(&[2]), &of(&[3])).is_err());
    }
}
