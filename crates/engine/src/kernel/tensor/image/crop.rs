//! Parts of images in one size.

use model::{PredictError, Shape, Tensor};

use super::{Args, Done, Float, elements, ints, make, refuse, shape, sizes, widened};

/// Most places of one dimension that an element of the result is made of.
const SAMPLES_MAX: f64 = 4096.0;

/// Returns an image's four dimensions.
fn four(of: &Shape) -> Result<[usize; 4], PredictError> {
    match of[..] {
        [a, b, c, d] => Ok([a, b, c, d]),
        _ => Err(refuse("images of four dimensions", of.to_string())),
    }
}

/// Returns the image that each part is of.
fn images(given: &[i64], count: usize, batch: usize) -> Result<Vec<usize>, PredictError> {
    let index = |n: &i64| usize::try_from(*n).ok().filter(|n| *n < batch);
    let images: Option<Vec<usize>> = given.iter().map(index).collect();
    let images = images.filter(|images| images.len() == count);
    images.ok_or_else(|| refuse(format!("{count} images, each below {batch}"), format!("{given:?}")))
}

/// TensorFlow's `CropAndResize`, in float32.
pub(super) fn resized(args: &Args<'_>, x: &Tensor, nearest: bool, outside: f32, out: &mut Tensor) -> Done {
    let [batch, height, width, depth] = four(x.shape())?;
    let boxes = args.get(1)?;
    let count = match boxes.shape()[..] {
        [count, 4] => count,
        _ => return Err(refuse("boxes of four numbers", boxes.shape().to_string())),
    };
    let of = images(&args.ints(2)?.unwrap_or_default(), count, batch)?;
    let size = sizes("the size of a crop", &args.ints(3)?.unwrap_or_default())?;
    let (&[high, wide], true) = (&size[..], height > 0 && width > 0) else {
        return Err(refuse("two sizes, and images of some size", format!("{size:?} of {}", x.shape())));
    };
    let (from, boxes) = (elements::<f32>(x)?, elements::<f32>(&boxes)?);
    let result = make::<f32>(out, shape(&[count, high, wide, depth])?)?;
    // Where element `i` of `n` lies in an image of this length; none where outside.
    let place = |[begin, end]: [f32; 2], n: usize, i: usize, length: usize| {
        let last = (length - 1) as f32;
        let at = match n {
            1 => 0.5 * (begin + end) * last,
            _ => begin * last + i as f32 * ((end - begin) * last / (n - 1) as f32),
        };
        (at >= 0.0 && at <= last).then_some(at)
    };
    for (n, image) in of.into_iter().enumerate() {
        args.call.check()?;
        let &[y1, x1, y2, x2] = &boxes[n * 4..n * 4 + 4] else { return Ok(()) };
        for (row, column) in (0..high).flat_map(|row| (0..wide).map(move |column| (row, column))) {
            let to = &mut result[((n * high + row) * wide + column) * depth..][..depth];
            let at = place([y1, y2], high, row, height).zip(place([x1, x2], wide, column, width));
            let Some((y, x)) = at else {
                to.fill(outside);
                continue;
            };
            let pixel = |y: f32, x: f32| &from[((image * height + y as usize) * width + x as usize) * depth..][..depth];
            if nearest {
                to.copy_from_slice(pixel(y.round(), x.round()));
                continue;
            }
            let (top, left) = (y.floor(), x.floor());
            let (part_y, part_x) = (y - top, x - left);
            let [a, b] = [pixel(top, left), pixel(top, x.ceil())];
            let [c, d] = [pixel(y.ceil(), left), pixel(y.ceil(), x.ceil())];
            for (i, to) in to.iter_mut().enumerate() {
                let above = a[i] + (b[i] - a[i]) * part_x;
                let below = c[i] + (d[i] - c[i]) * part_x;
                *to = above + (below - above) * part_y;
            }
        }
    }
    Ok(())
}

/// Parts of images, each element of several places between elements.
pub(super) struct Align {
    pub size: [usize; 2],
    /// Places for one element along each dimension; 0: as many as it covers.
    pub samples: usize,
    pub half_pixel: bool,
    pub max: bool,
}

/// Four neighbours and their weights.
type Corners<T> = [(usize, T); 4];

impl Align {
    pub fn run<T: Float>(&self, args: &Args<'_>, x: &Tensor, scale: T, out: &mut Tensor) -> Done {
        let [batch, channels, height, width] = four(x.shape())?;
        let parts = widened(&*args.get(1)?);
        let count = match parts.shape()[..] {
            [count, 4] => count,
            _ => return Err(refuse("parts of four numbers", parts.shape().to_string())),
        };
        let of = images(&ints(&*args.get(2)?)?, count, batch)?;
        let (from, parts) = (elements::<T>(x)?, elements::<T>(&parts)?);
        let [high, wide] = self.size;
        let result = make::<T>(out, shape(&[count, channels, high, wide])?)?;
        let plane = height * width;
        for (n, image) in of.into_iter().enumerate() {
            let offset = if self.half_pixel { T::from_f64(0.5) } else { T::ZERO };
            let part: [T; 4] = std::array::from_fn(|i| parts[n * 4 + i] * scale - offset);
            let sides = [self.side(part[1], part[3], high)?, self.side(part[0], part[2], wide)?];
            for (row, column) in (0..high).flat_map(|row| (0..wide).map(move |column| (row, column))) {
                args.call.check()?;
                let mut places: Vec<Corners<T>> = Vec::new();
                for i in 0..sides[0].samples {
                    let y = sides[0].place(row, i);
                    places.extend(
                        (0..sides[1].samples).map(|j| corners([y, sides[1].place(column, j)], [height, width])),
                    );
                }
                for c in 0..channels {
                    let from = &from[(image * channels + c) * plane..][..plane];
                    let at = |corner: &(usize, T)| from.get(corner.0).copied().unwrap_or(T::ZERO) * corner.1;
                    let value = if self.max {
                        let greatest = |place: &Corners<T>| place.iter().map(at).reduce(T::most).unwrap_or(T::ZERO);
                        places.iter().map(greatest).reduce(T::most).unwrap_or(T::ZERO)
                    } else {
                        let sum = places.iter().flatten().fold(T::ZERO, |sum, corner| sum + at(corner));
                        sum / T::from_f64(places.len().max(1) as f64)
                    };
                    result[((n * channels + c) * high + row) * wide + column] = value;
                }
            }
        }
        Ok(())
    }

    fn side<T: Float>(&self, begin: T, end: T, count: usize) -> Result<Side<T>, PredictError> {
        let length = end - begin;
        // What has no size is one element large.
        let length = if !self.half_pixel && length < T::ONE { T::ONE } else { length };
        let each = length / T::from_f64(count.max(1) as f64);
        let samples = if self.samples > 0 { self.samples as f64 } else { libm::ceil(each.to_f64()) };
        if samples > SAMPLES_MAX || samples.is_nan() {
            return Err(refuse(format!("a part of at most {SAMPLES_MAX} places for an element"), samples.to_string()));
        }
        Ok(Side { begin, each, samples: samples.max(0.0) as usize })
    }
}

/// One dimension of a part.
struct Side<T> {
    begin: T,
    /// The length that one element of the result covers.
    each: T,
    samples: usize,
}

impl<T: Float> Side<T> {
    fn place(&self, at: usize, i: usize) -> T {
        let within = (T::from_f64(i as f64 + 0.5)) * self.each / T::from_f64(self.samples as f64);
        self.begin + T::from_f64(at as f64) * self.each + within
    }
}

/// Returns the neighbours of a place, all with weight 0 where it lies outside.
fn corners<T: Float>(at: [T; 2], dims: [usize; 2]) -> Corners<T> {
    let mut low = [0; 2];
    let mut part = [T::ZERO; 2];
    let mut next = [0; 2];
    for i in 0..2 {
        let place = at[i].to_f64();
        if !(place >= -1.0 && place <= dims[i] as f64) || dims[i] == 0 {
            return [(0, T::ZERO); 4];
        }
        let place = place.max(0.0);
        low[i] = (place as usize).min(dims[i] - 1);
        next[i] = (low[i] + 1).min(dims[i] - 1);
        part[i] = if low[i] == dims[i] - 1 { T::ZERO } else { T::from_f64(place - low[i] as f64) };
    }
    let [y, x] = part;
    let index = |row: usize, column: usize| row * dims[1] + column;
    [
        (index(low[0], low[1]), (T::ONE - y) * (T::ONE - x)),
        (index(low[0], next[1]), (T::ONE - y) * x),
        (index(next[0], low[1]), y * (T::ONE - x)),
        (index(next[0], next[1]), y * x),
    ]
}

/// The greatest of each part of whole elements.
pub(super) fn pooled<T: Float>(
    x: &Tensor,
    parts: &Tensor,
    [high, wide]: [usize; 2],
    scale: f32,
    out: &mut Tensor,
) -> Done {
    let [batch, channels, height, width] = four(x.shape())?;
    let count = match parts.shape()[..] {
        [count, 5] => count,
        _ => return Err(refuse("parts of five numbers", parts.shape().to_string())),
    };
    let (from, parts) = (elements::<T>(x)?, elements::<T>(parts)?);
    let result = make::<T>(out, shape(&[count, channels, high, wide])?)?;
    for n in 0..count {
        let part = &parts[n * 5..n * 5 + 5];
        let image = images(&[part[0].to_f64() as i64], 1, batch)?[0];
        let corner = |i: usize| libm::round(part[i].to_f64() * f64::from(scale));
        let range = |begin: f64, end: f64, count: usize, i: usize, length: usize| {
            let each = (end - begin + 1.0).max(1.0) / count as f64;
            let low = (libm::floor(i as f64 * each) + begin).clamp(0.0, length as f64) as usize;
            low..(libm::ceil((i + 1) as f64 * each) + begin).clamp(0.0, length as f64) as usize
        };
        for c in 0..channels {
            let plane = &from[(image * channels + c) * height * width..][..height * width];
            for (row, column) in (0..high).flat_map(|row| (0..wide).map(move |column| (row, column))) {
                let rows = range(corner(2), corner(4), high, row, height);
                let columns = range(corner(1), corner(3), wide, column, width);
                let elements = rows.flat_map(|y| columns.clone().map(move |x| plane[y * width + x]));
                result[((n * channels + c) * high + row) * wide + column] = elements.reduce(T::most).unwrap_or(T::ZERO);
            }
        }
    }
    Ok(())
}
