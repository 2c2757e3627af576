use super::*;

#[test]
fn a_plain_covariance() {
    let made = component(&[1.0, 2.0], vec![4.0, 0.0, 0.0, 0.25]);
    // One feature has the deviation 2, the other 0.5; the determinant is 1.
    assert!((made.constant + libm::log(2.0 * std::f64::consts::PI)).abs() < 1e-15);
    let mut squares: Vec<f64> = made.shift.iter().map(|s| s * s).collect();
    squares.sort_by(f64::total_cmp);
    assert!((squares[0] - 0.25).abs() < 1e-15 && (squares[1] - 16.0).abs() < 1e-15);
}

#[test]
fn a_singular_covariance_leaves_a_direction_out() {
    let made = component(&[1.0, 5.0], vec![4.0, 0.0, 0.0, 0.0]);
    assert_eq!(made.shift.iter().filter(|s| **s == 0.0).count(), 1);
    let constant = -0.5 * (2.0 * libm::log(2.0 * std::f64::consts::PI) + libm::log(4.0));
    assert!((made.constant - constant).abs() < 1e-15);
}

#[test]
fn a_covariance_of_nothing_is_flat() {
    let made = component(&[1.0, 5.0], vec![0.0; 4]);
    assert_eq!((&*made.root, &*made.shift), (&[0.0; 4][..], &[0.0; 2][..]));
}
