//! Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations: slow for large matrices, exact for small ones (what
//! is 0 in a block of its own stays 0).

/// Rounds over all pairs after which it ends: some ten are enough for any matrix.
const ROUNDS_MAX: usize = 60;

/// Returns the eigenvalues, rising, and an eigenvector for each, one after the other. `a` is a symmetric matrix of `size`
/// lines, of finite numbers.
pub fn symmetric(mut a: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let n = size;
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    // Scaled, so that no square overflows or vanishes.
    let largest = a.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    a.iter_mut().for_each(|v| *v /= scale);
    for _ in 0..ROUNDS_MAX {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                rotated |= rotate(&mut a, &mut vectors, n, p, q);
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i * n + i].total_cmp(&a[j * n + j]));
    let values = order.iter().map(|&i| a[i * n + i] * scale).collect();
    let sorted = order.iter().flat_map(|&i| vectors[i * n..(i + 1) * n].iter().copied()).collect();
    (values, sorted)
}

/// Makes element `(p, q)` 0, if it is not so small that it counts as 0 already.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) -> bool {
    let (app, aqq, apq) = (a[p * n + p], a[q * n + q], a[p * n + q]);
    if apq == 0.0 {
        return false;
    }
    // Against the diagonal beside it, so that small eigenvalues are exact too; what nearly underflows is gone anyway.
    if apq.abs() <= f64::EPSILON * 0.125 * (app.abs() * aqq.abs()).sqrt() || apq.abs() < 1e-300 {
        (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
        return false;
    }
    let theta = 0.5 * (aqq - app) / apq;
    let tan = if theta.abs() > 1e150 {
        0.5 / theta
    } else {
        (1.0 / (theta.abs() + (theta * theta + 1.0).sqrt())).copysign(theta)
    };
    let cos = 1.0 / (tan * tan + 1.0).sqrt();
    let sin = tan * cos;
    for k in (0..n).filter(|&k| k != p && k != q) {
        let (kp, kq) = (a[p * n + k], a[q * n + k]);
        let (new_p, new_q) = (cos * kp - sin * kq, sin * kp + cos * kq);
        (a[p * n + k], a[q * n + k]) = (new_p, new_q);
        (a[k * n + p], a[k * n + q]) = (new_p, new_q);
    }
    a[p * n + p] = app - tan * apq;
    a[q * n + q] = aqq + tan * apq;
    (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
    let (before, after) = vectors.split_at_mut(q * n);
    for (vp, vq) in before[p * n..(p + 1) * n].iter_mut().zip(&mut after[..n]) {
        (*vp, *vq) = (cos * *vp - sin * *vq, sin * *vp + cos * *vq);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the matrix together again from what was found.
    fn check(a: &[f64], size: usize) -> Vec<f64> {
        let (values, vectors) = symmetric(a.to_vec(), size);
        assert!(values.is_sorted());
        let largest = a.iter().fold(1e-300, |max: f64, v| max.max(v.abs()));
        for i in 0..size {
            for j in 0..size {
                let sum: f64 = (0..size).map(|k| values[k] * vectors[k * size + i] * vectors[k * size + j]).sum();
                assert!((sum - a[i * size + j]).abs() <= 1e-14 * largest, "{i}, {j}: {sum}");
                let dot: f64 = (0..size).map(|k| vectors[i * size + k] * vectors[j * size + k]).sum();
                assert!((dot - f64::from(u8::from(i == j))).abs() <= 1e-14, "{i}, {j}: {dot}");
            }
        }
        values
    }

    #[test]
    fn small_matrices() {
        check(&[3.0], 1);
        let values = check(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
        check(&[4.0, 1.0, -2.0, 1.0, 2.0, 0.5, -2.0, 0.5, 3.0], 3);
    }

    #[test]
    fn what_is_singular_has_a_value_of_0() {
        assert_eq!(check(&[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0], 3)[0], 0.0);
        let values = check(&[1.0, 1.0, 1.0, 1.0], 2);
        assert!(values[0].abs() <= f64::EPSILON);
        check(&[0.0; 9], 3);
    }

    #[test]
    fn large_and_small_numbers() {
        check(&[1e300, 5e299, 5e299, 1e300], 2);
        check(&[1e-200, 5e-201, 5e-201, 1e-200], 2);
    }

    #[test]
    fn many_lines() {
        let size = 40;
        let root: Vec<f64> = (0..size * size).map(|i| ((i * 7919) % 1009) as f64 / 1009.0 - 0.5).collect();
        let product = |i: usize, j: usize| (0..size).map(|k| root[i * size + k] * root[j * size + k]).sum();
        let a: Vec<f64> = (0..size * size).map(|at| product(at / size, at % size)).collect();
        let values = check(&a, size);
        assert!(values[0] > -1e-14);
    }
}
