//! TensorFlow's scaling and moving of images by a filter: `scale_and_translate_op.cc`, in float32. Each place of the result is the
//! weighted sum of a span of the input, rows first, then columns; a place that lies outside of the image is 0.

use model::{PredictError, Tensor};
use plan::tensor::image::Filter;

use super::{
    super::{element, too_large},
    Args, Done, ints, refuse, shape,
};

/// Most weights of all places of an axis.
const WEIGHTS_MAX: usize = 1 << 24;

/// What the places of one axis are made of.
struct Spans {
    /// Of each place, where its span begins, and where its weights end; they begin where those before end.
    places: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Spans {
    fn new(
        filter: Filter,
        antialias: bool,
        [from, to]: [usize; 2],
        scale: f32,
        moved: f32,
    ) -> Result<Spans, PredictError> {
        let inverse = 1.0 / scale;
        let offset = -inverse * moved;
        let wide = if antialias { inverse.max(1.0) } else { 1.0 };
        let radius = radius(filter) * wide;
        let narrow = 1.0 / wide;
        let mut spans = Spans { places: Vec::with_capacity(to), weights: Vec::new() };
        for place in 0..to {
            let sample = (place as f32 + 0.5) * inverse + offset;
            if !(0.0..=from as f32).contains(&sample) {
                spans.places.push((0, spans.weights.len()));
                continue;
            }
            let last = from as i64 - 1;
            let begin = ((sample - radius - 0.5).ceil() as i64).clamp(0, last) as usize;
            let end = ((sample + radius - 0.5).floor() as i64).clamp(begin as i64, last) as usize + 1;
            let first = spans.weights.len();
            if WEIGHTS_MAX < first + (end - begin) {
                return Err(refuse("a scale whose filter lies on fewer elements", scale.to_string()));
            }
            let mut sum = 0.0;
            for source in begin..end {
                let weight = weight(filter, ((source as f32 + 0.5 - sample) * narrow).abs());
                sum += weight;
                spans.weights.push(weight);
            }
            if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
                let one = 1.0 / sum;
                spans.weights[first..].iter_mut().for_each(|weight| *weight *= one);
            } else {
                spans.weights[first..].fill(0.0);
            }
            spans.places.push((begin, spans.weights.len()));
        }
        Ok(spans)
    }

    /// Makes lines of `size` numbers, side by side in `from`, into those of the places.
    fn gather(&self, from: &[f32], size: usize, to: &mut [f32]) {
        let mut first = 0;
        for (&(begin, end), to) in self.places.iter().zip(to.chunks_exact_mut(size.max(1))) {
            to.fill(0.0);
            for (i, weight) in self.weights[first..end].iter().enumerate() {
                let line = &from[(begin + i) * size..][..size];
                to.iter_mut().zip(line).for_each(|(to, x)| *to += weight * x);
            }
            first = end;
        }
    }
}

fn radius(filter: Filter) -> f32 {
    match filter {
        Filter::Lanczos { radius } => f32::from(radius),
        Filter::Gaussian => 1.5,
        Filter::Box => 0.5,
        Filter::Triangle => 1.0,
        Filter::KeysCubic | Filter::MitchellCubic => 2.0,
    }
}

/// Returns what an element so far away counts.
fn weight(filter: Filter, x: f32) -> f32 {
    let radius = radius(filter);
    match filter {
        Filter::Lanczos { .. } if x > radius => 0.0,
        Filter::Lanczos { .. } if x <= 1e-3 => 1.0,
        Filter::Lanczos { .. } => {
            let pi = std::f32::consts::PI;
            radius * libm::sinf(pi * x) * libm::sinf(pi * x / radius) / (pi * pi * x * x)
        }
        Filter::Gaussian if x >= radius => 0.0,
        Filter::Gaussian => {
            let sigma = radius / 3.0;
            libm::expf(-x * x / (2.0 * sigma * sigma))
        }
        Filter::Box if x < 0.5 => 1.0,
        Filter::Box => {
            if x == 0.5 {
                0.5
            } else {
                0.0
            }
        }
        Filter::Triangle => {
            if x < 1.0 {
                1.0 - x
            } else {
                0.0
            }
        }
        Filter::KeysCubic | Filter::MitchellCubic if x >= 2.0 => 0.0,
        Filter::KeysCubic if x >= 1.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Filter::KeysCubic => ((1.5 * x - 2.5) * x) * x + 1.0,
        Filter::MitchellCubic if x >= 1.0 => (((-7.0 / 18.0) * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0,
        Filter::MitchellCubic => (((7.0 / 6.0) * x - 2.0) * x) * x + 16.0 / 18.0,
    }
}

/// Inputs: images `[batch, height, width, channels]`, the size, scales and moves of height and width.
pub(super) fn run(args: &Args<'_>, filter: Filter, antialias: bool, x: &Tensor, out: &mut Tensor) -> Done {
    let [batch, height, width, channels] = x.shape()[..] else {
        return Err(refuse("images [batch, height, width, channels]", x.shape().to_string()));
    };
    let size = ints(&*args.get(1)?)?;
    let pair = |i: usize| -> Result<[f32; 2], PredictError> {
        let tensor = args.get(i)?;
        let pair = tensor.get::<f32>().and_then(|pair| <[f32; 2]>::try_from(pair).ok());
        pair.ok_or_else(|| refuse("two numbers", tensor.shape().to_string()))
    };
    let (scales, moves) = (pair(2)?, pair(3)?);
    let to: Option<Vec<usize>> = size.iter().map(|size| usize::try_from(*size).ok().filter(|size| *size > 0)).collect();
    let (Some([rows, columns]), true) = (to.as_deref(), scales.iter().all(|scale| *scale > 0.0)) else {
        return Err(refuse("a height and a width above 0, and scales", format!("{size:?} and {scales:?}")));
    };
    if height == 0 || width == 0 {
        return Err(refuse("images of some elements", x.shape().to_string()));
    }
    let (rows, columns) = (*rows, *columns);
    let result = out.make::<f32>(shape(&[batch, rows, columns, channels])?).map_err(too_large)?;
    let mut between = Tensor::default();
    let between = between.make::<f32>(shape(&[rows, width, channels])?).map_err(too_large)?;
    let down = Spans::new(filter, antialias, [height, rows], scales[0], moves[0])?;
    let across = Spans::new(filter, antialias, [width, columns], scales[1], moves[1])?;
    let mut wide = Tensor::default();
    element::cast(x, &model::Type::F32, &mut wide)?;
    let from = wide.get::<f32>().unwrap_or_default();
    for (image, to) in from
        .chunks_exact((height * width * channels).max(1))
        .zip(result.chunks_exact_mut((rows * columns * channels).max(1)))
    {
        args.call.check()?;
        down.gather(image, width * channels, between);
        for (from, to) in
            between.chunks_exact((width * channels).max(1)).zip(to.chunks_exact_mut((columns * channels).max(1)))
        {
            across.gather(from, channels, to);
        }
    }
    Ok(())
}
