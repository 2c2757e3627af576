//! Channels first, up to two spatial dimensions: the filters are the left matrix, the input itself is the right one.
//!
//! The input of a group is laid out once with its padding, and where the window strides, every so many-th element beside the
//! next. Then each element of the window stands at one distance from its place, whatever the place, so that sixteen neighbours are
//! one load and no window is written out. What is computed between two rows of the result is dropped.

use super::{Axis, Conv, End, Number};
use crate::kernel::tensor::{
    product::{WIDTH, each_end, put},
    wide::{AVX512, Wide, with},
};

/// Most lanes that are computed together.
const LANES_MAX: usize = 4 * WIDTH;

/// Where elements of the input lie.
struct Laid {
    axes: [Axis; 2],
    strides: [usize; 2],
    /// Of one phase of the strides.
    sizes: [usize; 2],
    /// Elements of a channel.
    plane: usize,
    /// Places from the first of the result to the last, those between its rows too.
    span: usize,
}

/// Lanes that are written: from where, how many, to where.
type Part = (usize, usize, usize);

struct Flat<'a, T> {
    conv: &'a Conv<'a>,
    laid: &'a Laid,
    offsets: &'a [usize],
    x: &'a [T],
    filters: &'a [T],
    bias: Option<&'a [T]>,
    room: &'a mut [T],
    result: &'a mut [T],
}

/// Writes the convolution by this kind of instructions, where it can be made so; returns whether it can.
pub(super) fn run<T: Number>(
    conv: &Conv<'_>,
    x: &[T],
    filters: &[T],
    bias: Option<&[T]>,
    result: &mut [T],
    kind: u8,
) -> bool {
    let Some(laid) = Laid::new(conv) else { return false };
    let offsets = laid.offsets(conv.input);
    T::with_room(|room| {
        room.clear();
        room.resize(if laid.is_given() { 0 } else { conv.input * laid.plane + LANES_MAX }, T::ZERO);
        with(Flat { conv, laid: &laid, offsets: &offsets, x, filters, bias, room, result }, kind);
    });
    true
}

impl Laid {
    fn new(conv: &Conv<'_>) -> Option<Laid> {
        let axes = super::plane(&conv.axes)?;
        let strides = axes.map(|axis| axis.stride as usize);
        let sizes = axes.map(|axis| axis.output + (axis.kernel - 1) * axis.dilation as usize / axis.stride as usize);
        let plane = [strides[0], strides[1], sizes[0], sizes[1]];
        let plane = plane.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
        let (places_in, places) = conv.places();
        let span = (axes[0].output - 1).checked_mul(sizes[1])? + axes[1].output;
        // Far apart elements, or many of padding, are left to windows that are written out.
        let most = 8 * (places_in + places) + 4096;
        (plane <= most && span <= 2 * places + LANES_MAX).then_some(Laid { axes, strides, sizes, plane, span })
    }

    /// Returns how far each element of a window lies from its place.
    fn offsets(&self, channels: usize) -> Vec<usize> {
        let [y, x] = self.axes;
        let size = self.sizes[0] * self.sizes[1];
        let mut offsets = Vec::with_capacity(channels * y.kernel * x.kernel);
        for c in 0..channels {
            for (i, j) in (0..y.kernel).flat_map(|i| (0..x.kernel).map(move |j| (i, j))) {
                let (i, j) = (i * y.dilation as usize, j * x.dilation as usize);
                let phase = i % self.strides[0] * self.strides[1] + j % self.strides[1];
                let within = i / self.strides[0] * self.sizes[1] + j / self.strides[1];
                offsets.push(c * self.plane + phase * size + within);
            }
        }
        offsets
    }

    /// Lays out the input of a group; what lies outside of it stays as it is.
    #[inline(always)]
    fn lay<T: Number>(&self, x: &[T], room: &mut [T]) {
        let [height, width] = self.axes;
        let image = height.input * width.input;
        if self.is_plain() {
            room[..x.len()].copy_from_slice(x);
            return;
        }
        for (x, plane) in x.chunks_exact(image.max(1)).zip(room.chunks_exact_mut(self.plane)) {
            for (phase, to) in plane.chunks_exact_mut(self.sizes[0] * self.sizes[1]).enumerate() {
                let (phase_y, phase_x) = (phase / self.strides[1], phase % self.strides[1]);
                let first = phase_x as i64 - width.before;
                let reach = |bound: i64| {
                    let steps = (bound - first + width.stride - 1).div_euclid(width.stride);
                    steps.clamp(0, self.sizes[1] as i64) as usize
                };
                let (low, high) = (reach(0), reach(width.input as i64));
                if low >= high {
                    continue;
                }
                let begin = (first + low as i64 * width.stride) as usize;
                for (i, to) in to.chunks_exact_mut(self.sizes[1]).enumerate() {
                    let y = (i * self.strides[0] + phase_y) as i64 - height.before;
                    if y < 0 || y >= height.input as i64 {
                        continue;
                    }
                    let from = &x[y as usize * width.input..][..width.input][begin..];
                    let to = &mut to[low..high];
                    match self.strides[1] {
                        1 => put(to, &from[..high - low]),
                        2 => put_second(to, from),
                        stride => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
                    }
                }
            }
        }
    }

    /// Returns whether the input is laid out as it is.
    fn is_plain(&self) -> bool {
        let as_given = |(axis, size): (&Axis, usize)| axis.before == 0 && axis.stride == 1 && axis.input == size;
        self.axes.iter().zip(self.sizes).all(as_given)
    }

    /// Returns whether the input may be read where it is: lanes never reach beyond it.
    fn is_given(&self) -> bool {
        self.is_plain() && self.span == self.plane && self.span.is_multiple_of(LANES_MAX)
    }

    /// Returns rows of the result that end where lanes do, where they do so about as soon as those that go on into the next row: how
    /// many, how long, and how far apart.
    fn rows(&self) -> Option<[usize; 3]> {
        let ([y, x], wide) = (self.axes, self.sizes[1]);
        match x.output == wide {
            true => Some([1, self.span, self.span]),
            false => (x.output.next_multiple_of(WIDTH) <= wide + 2).then_some([y.output, x.output, wide]),
        }
    }

    /// Finds which lanes from a place on are the result's.
    fn parts(&self, begin: usize, lanes: usize, parts: &mut [Part; LANES_MAX]) -> usize {
        let (wide, width) = (self.sizes[1], self.axes[1].output);
        let mut count = 0;
        let end = (begin + lanes).min(self.span);
        let mut row = begin / wide;
        while row * wide < end {
            let (low, high) = ((row * wide).max(begin), (row * wide + width).min(end));
            if low < high {
                parts[count] = (low - begin, high - low, row * width + low - row * wide);
                count += 1;
            }
            row += 1;
        }
        count
    }
}

impl<T: Number> Wide for Flat<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run<const KIND: u8>(self) {
        let Flat { conv, laid, offsets, x, filters, bias, room, result } = self;
        let (places_in, places) = conv.places();
        let rows = conv.output;
        let curve = conv.end;
        for i in 0..conv.batch * conv.groups {
            let group = i % conv.groups;
            let x = &x[i * conv.input * places_in..][..conv.input * places_in];
            if !laid.is_given() {
                laid.lay(x, room);
            }
            let strips = Strips {
                laid,
                offsets,
                room: if laid.is_given() { x } else { room },
                filters: &filters[group * rows * offsets.len()..][..rows * offsets.len()],
                bias: bias.map(|bias| &bias[group * rows..][..rows]),
                is_relu: curve == End::Relu,
                places,
            };
            let result = &mut result[i * rows * places..][..rows * places];
            // Few rows leave registers for more places.
            match (KIND, rows) {
                (AVX512, 0..4) => strips.all::<4, KIND>(rows, result),
                (AVX512, _) => strips.all::<3, KIND>(rows, result),
                _ => strips.all::<1, KIND>(rows, result),
            }
        }
        if matches!(curve, End::Sigmoid | End::Tanh) {
            each_end(result, curve);
        }
    }
}

/// What one group of one example is made of.
struct Strips<'a, T> {
    laid: &'a Laid,
    offsets: &'a [usize],
    room: &'a [T],
    filters: &'a [T],
    bias: Option<&'a [T]>,
    is_relu: bool,
    places: usize,
}

/// Where a strip's lanes are written.
enum To<'a, const P: usize> {
    /// Each sixteen from a place on, and how many of them are the result's.
    Rows([(usize, usize); P]),
    Parts(&'a [Part]),
}

impl<T: Number> Strips<'_, T> {
    #[inline(always)]
    fn all<const P: usize, const KIND: u8>(&self, rows: usize, result: &mut [T]) {
        if let Some(of) = self.laid.rows() {
            return self.all_rows::<P, KIND>(rows, of, result);
        }
        let mut parts = [(0, 0, 0); LANES_MAX];
        for begin in (0..self.laid.span).step_by(P * WIDTH) {
            let count = self.laid.parts(begin, P * WIDTH, &mut parts);
            self.channels::<P, KIND>(rows, [begin; P], &To::Parts(&parts[..count]), result);
        }
    }

    #[inline(always)]
    fn all_rows<const P: usize, const KIND: u8>(
        &self,
        rows: usize,
        [height, width, wide]: [usize; 3],
        result: &mut [T],
    ) {
        let (mut y, mut x) = (0, 0);
        while y < height {
            let mut from = [0; P];
            let mut to = [(0, 0); P];
            for side in 0..P {
                (from[side], to[side]) = (y * wide + x, (y * width + x, WIDTH.min(width - x)));
                // After the last there is the last again.
                if x + WIDTH < width {
                    x += WIDTH;
                } else if y + 1 < height || side + 1 == P {
                    (y, x) = (y + 1, 0);
                }
            }
            self.channels::<P, KIND>(rows, from, &To::Rows(to), result);
        }
    }

    #[inline(always)]
    fn channels<const P: usize, const KIND: u8>(
        &self,
        rows: usize,
        from: [usize; P],
        to: &To<'_, P>,
        result: &mut [T],
    ) {
        let mut row = 0;
        macro_rules! rows {
            ($($m:literal)*) => {$(
                while rows - row >= $m {
                    self.strip::<P, $m, KIND>(row, from, to, result);
                    row += $m;
                }
            )*};
        }
        match P {
            1 => {
                rows!(6 4 2 1);
            }
            3 => {
                rows!(8 4 2 1);
            }
            _ => {
                rows!(2 1);
            }
        }
    }

    /// Writes `M` channels of the result at `P * WIDTH` places.
    #[inline(always)]
    fn strip<const P: usize, const M: usize, const KIND: u8>(
        &self,
        row: usize,
        from: [usize; P],
        to: &To<'_, P>,
        result: &mut [T],
    ) {
        let common = self.offsets.len();
        let mut left: [&[T]; M] = [&[]; M];
        for (i, left) in left.iter_mut().enumerate() {
            *left = &self.filters[(row + i) * common..][..common];
        }
        // All of one length, so that one look at it is enough.
        let reach = self.room.len() - from[P - 1];
        let mut room: [&[T]; P] = [&[]; P];
        for (room, from) in room.iter_mut().zip(from) {
            *room = &self.room[from..][..reach];
        }
        let mut sums = [[[T::ZERO; WIDTH]; P]; M];
        for (k, &offset) in self.offsets.iter().enumerate() {
            let mut right = [[T::ZERO; WIDTH]; P];
            if let To::Parts(_) = to {
                right.as_flattened_mut().copy_from_slice(&room[0][offset..][..P * WIDTH]);
            } else {
                for side in 0..P {
                    right[side].copy_from_slice(&room[side][offset..][..WIDTH]);
                }
            }
            for i in 0..M {
                let x = left[i][k];
                for side in 0..P {
                    for j in 0..WIDTH {
                        sums[i][side][j] = sums[i][side][j].step::<KIND>(x, right[side][j]);
                    }
                }
            }
        }
        // Another place for what is looked at in loops, so that the sums themselves stay in registers.
        let done = sums;
        for (i, done) in done.iter().enumerate() {
            let result = &mut result[(row + i) * self.places..][..self.places];
            match to {
                To::Rows(places) => {
                    for (done, &(at, width)) in done.iter().zip(places) {
                        let lanes = self.ended(row + i, *done);
                        // What is written beyond a row is the beginning of the next one, which is written after it.
                        match result[at..].first_chunk_mut() {
                            Some(to) => *to = lanes,
                            None => put(&mut result[at..at + width], &lanes[..width]),
                        }
                    }
                }
                To::Parts(parts) => {
                    let mut lanes = *done;
                    for (to, done) in lanes.iter_mut().zip(done) {
                        *to = self.ended(row + i, *done);
                    }
                    for &(from, length, at) in *parts {
                        put(&mut result[at..at + length], &lanes.as_flattened()[from..from + length]);
                    }
                }
            }
        }
    }

    /// Returns sums with what is added to them and their end, but for curves.
    #[inline(always)]
    fn ended(&self, row: usize, sums: [T; WIDTH]) -> [T; WIDTH] {
        let mut lanes = sums;
        if let Some(bias) = self.bias {
            for lane in &mut lanes {
                *lane = lane.add(bias[row]);
            }
        }
        if self.is_relu {
            for lane in &mut lanes {
                *lane = lane.finish(End::Relu);
            }
        }
        lanes
    }
}

/// Copies every second number.
#[inline(always)]
fn put_second<T: Number>(to: &mut [T], from: &[T]) {
    let (pairs, rest) = from.as_chunks::<2>();
    let (last, most) = match (rest, to.len() > pairs.len()) {
        (&[last], true) => (Some(last), pairs.len()),
        _ => (None, to.len()),
    };
    for (to, pair) in to[..most].iter_mut().zip(pairs) {
        *to = pair[0];
    }
    if let (Some(last), Some(to)) = (last, to.get_mut(most)) {
        *to = last;
    }
}
