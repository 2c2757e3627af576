//! Places between elements, in any number of dimensions.

use plan::tensor::image::{Between, Nearest, Outside};

use super::{Done, Float, each_place, elements, make, refuse, shape, sizes};
use model::Tensor;

/// Where a window of the input's elements lies along one dimension.
struct Taps<T> {
    /// None where it lies outside and counts nothing.
    of: Vec<(Option<usize>, T)>,
}

pub(super) fn sample<T: Float>(
    x: &Tensor,
    grid: &Tensor,
    between: Between,
    outside: Outside,
    align_corners: bool,
    out: &mut Tensor,
) -> Done {
    let wrong = || refuse(format!("coordinates for {}", x.shape()), grid.shape().to_string());
    let ([batch, channels, dims @ ..], [same, places @ .., rank]) = (&x.shape()[..], &grid.shape()[..]) else {
        return Err(wrong());
    };
    if batch != same || *rank != dims.len() || places.len() != dims.len() || dims.is_empty() {
        return Err(wrong());
    }
    let (from, coordinates) = (elements::<T>(x)?, elements::<T>(grid)?);
    let result = make::<T>(out, shape(&[&[*batch, *channels], places].concat())?)?;
    let (size, count): (usize, usize) = (dims.iter().product(), places.iter().product());
    if result.is_empty() {
        return Ok(());
    }
    if size == 0 {
        return Err(refuse("an image of some size", x.shape().to_string()));
    }
    for n in 0..*batch {
        for place in 0..count {
            let at = &coordinates[(n * count + place) * rank..][..*rank];
            // The last dimension's coordinate comes first.
            let taps: Vec<Taps<T>> = dims
                .iter()
                .zip(at.iter().rev())
                .map(|(&dim, &at)| Taps::new(at, dim, between, outside, align_corners))
                .collect();
            for c in 0..*channels {
                let plane = &from[(n * channels + c) * size..][..size];
                result[(n * channels + c) * count + place] = sum(plane, dims, &taps);
            }
        }
    }
    Ok(())
}

/// Returns the weighted sum, the inner dimensions first.
fn sum<T: Float>(plane: &[T], dims: &[usize], taps: &[Taps<T>]) -> T {
    let (Some((_, inner)), Some((own, rest))) = (dims.split_first(), taps.split_first()) else { return plane[0] };
    let size: usize = inner.iter().product();
    own.of.iter().fold(T::ZERO, |total, (at, weight)| match at {
        Some(at) => total + sum(&plane[at * size..][..size], inner, rest) * *weight,
        None => total,
    })
}

impl<T: Float> Taps<T> {
    fn new(at: T, dim: usize, between: Between, outside: Outside, align_corners: bool) -> Taps<T> {
        let length = T::from_f64(dim as f64);
        let two = T::from_f64(2.0);
        let mut at = if align_corners {
            (at + T::ONE) / two * (length - T::ONE)
        } else {
            ((at + T::ONE) * length - T::ONE) / two
        };
        if let Between::Nearest(nearest) = between {
            at = T::from_f64(match nearest {
                Nearest::Floor => libm::floor(at.to_f64()),
                Nearest::Ceil => libm::ceil(at.to_f64()),
                Nearest::HalfDown | Nearest::HalfUp => at.to_f64().round_ties_even(),
            });
        }
        let last = dim as f64 - 1.0;
        let edges = if align_corners { [0.0, last] } else { [-0.5, last + 0.5] };
        let mut place = at.to_f64();
        if place < edges[0] || place > edges[1] {
            place = match outside {
                Outside::Zeros => place,
                Outside::Border => place.clamp(0.0, last),
                Outside::Reflection => reflected(place, edges),
            };
        }
        let index = |i: f64| {
            let i = match outside {
                Outside::Zeros => i,
                Outside::Border => i.clamp(0.0, last),
                Outside::Reflection => libm::trunc(reflected(i, edges)).clamp(0.0, last),
            };
            (i >= 0.0 && i <= last).then_some(i as usize)
        };
        let low = libm::floor(place);
        let part = T::from_f64(place - low);
        let of = match between {
            Between::Nearest(_) => vec![(index(libm::trunc(place)), T::ONE)],
            Between::Linear => vec![(index(low), T::ONE - part), (index(low + 1.0), part)],
            Between::Cubic(a) => {
                let weights = cubic(place - low, a.into());
                weights
                    .into_iter()
                    .enumerate()
                    .map(|(i, weight)| (index(low + i as f64 - 1.0), T::from_f64(weight)))
                    .collect()
            }
        };
        Taps { of }
    }
}

/// Returns the weights of four neighbours (Keys, Cubic Convolution Interpolation for Digital Image Processing).
fn cubic(x: f64, a: f64) -> [f64; 4] {
    let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    [far(x + 1.0), near(x), near(1.0 - x), far(2.0 - x)]
}

/// Returns the place thrown back at the edges until it is within.
fn reflected(place: f64, [low, high]: [f64; 2]) -> f64 {
    let range = high - low;
    let beyond = if place < low {
        low - place
    } else if place > high {
        place - high
    } else {
        return place;
    };
    if range <= 0.0 || !beyond.is_finite() {
        return low;
    }
    let times = libm::trunc(beyond / range);
    let rest = beyond - times * range;
    // An even number of times it comes from the edge that it went beyond.
    let from_low = (place < low) == (times % 2.0 == 0.0);
    if from_low { low + rest } else { high - rest }
}

pub(super) fn affine<T: Float>(theta: &Tensor, size: &[i64], align_corners: bool, out: &mut Tensor) -> Done {
    let size = sizes("the size of a result", size)?;
    let dims = size.get(2..).unwrap_or_default();
    let rank = dims.len();
    let batch = size.first().copied().unwrap_or(0);
    if !(2..=3).contains(&rank) || theta.shape()[..] != [batch, rank, rank + 1] {
        let expected = format!("matrices [{batch}, {rank}, {}]", rank + 1);
        return Err(refuse(expected, theta.shape().to_string()));
    }
    let from = elements::<T>(theta)?;
    let result = make::<T>(out, shape(&[&[batch], dims, &[rank]].concat())?)?;
    let along = |i: usize, dim: usize| match align_corners {
        true if dim == 1 => -1.0,
        true => -1.0 + i as f64 * (2.0 / (dim as f64 - 1.0)),
        false => -1.0 + 1.0 / dim as f64 + i as f64 * (2.0 / dim as f64),
    };
    let places: usize = dims.iter().product();
    for n in 0..batch {
        let matrix = &from[n * rank * (rank + 1)..][..rank * (rank + 1)];
        each_place(dims, |place, at| {
            let to = &mut result[(n * places + place) * rank..][..rank];
            for (row, to) in to.iter_mut().enumerate() {
                let weights = &matrix[row * (rank + 1)..][..rank + 1];
                let mut sum = T::ZERO;
                // The last dimension's coordinate comes first.
                for (weight, dim) in weights.iter().zip((0..rank).rev()) {
                    sum += *weight * T::from_f64(along(at[dim], dims[dim]));
                }
                *to = sum + weights[rank];
            }
        });
    }
    Ok(())
}
