//! Windows as they are: the elements of each, one after the other, what is outside being zero.

use model::{PredictError, Tensor, each_element, tensor::Element};
use plan::tensor::conv::Window;

use super::{Args, Axis, Done, axes, each_place, numbers, shape, split, too_large};

pub(super) fn run(args: &Args<'_>, kernel: &[i64], window: &Window) -> Done {
    let Some(mut out) = args.out(0) else { return Ok(()) };
    let x = args.get(0)?;
    let (batch, channels, spatial) = split(x.shape(), true)?;
    let kernel = numbers("elements of a window", kernel, spatial.len(), 1)?;
    let kernel: Vec<usize> = kernel.iter().map(|&n| n as usize).collect();
    let axes = axes(window, spatial, &kernel, false)?;
    let elements = kernel.iter().try_fold(channels, |all, &n| all.checked_mul(n));
    let elements = elements.ok_or_else(|| super::refuse("a smaller window", format!("{kernel:?}")))?;
    let mut dims = vec![batch];
    dims.extend(axes.iter().map(|axis| axis.output));
    dims.push(elements);
    let to = shape(&dims)?;
    fn of<T: Element>(from: &[T], walk: &Walk<'_>, to: model::Shape, out: &mut Tensor) -> Result<(), PredictError> {
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        walk.each(|from_at, to_at| {
            result[to_at..to_at + walk.channels].clone_from_slice(&from[from_at..from_at + walk.channels]);
        });
        Ok(())
    }
    let walk = Walk { axes: &axes, batch, channels, kernel: &kernel, elements };
    each_element!(x.data(), e => of(e, &walk, to, &mut out))
}

/// All elements of all windows.
struct Walk<'a> {
    axes: &'a [Axis],
    batch: usize,
    channels: usize,
    kernel: &'a [usize],
    /// Of one window, all channels.
    elements: usize,
}

impl Walk<'_> {
    /// Calls the function with where channels lie in the input, and where in the result.
    fn each(&self, mut work: impl FnMut(usize, usize)) {
        let outputs: Vec<usize> = self.axes.iter().map(|axis| axis.output).collect();
        let (places, inputs): (usize, usize) =
            (outputs.iter().product(), self.axes.iter().map(|axis| axis.input).product());
        if self.channels == 0 {
            return;
        }
        for b in 0..self.batch {
            each_place(&outputs, |place, at| {
                each_place(self.kernel, |element, k| {
                    let mut from = Some(0);
                    for ((axis, &at), &k) in self.axes.iter().zip(at).zip(k) {
                        let place = usize::try_from(axis.place(at, k)).ok().filter(|place| *place < axis.input);
                        from = from.zip(place).map(|(from, place)| from * axis.input + place);
                    }
                    if let Some(from) = from {
                        let to = (b * places + place) * self.elements + element * self.channels;
                        work((b * inputs + from) * self.channels, to);
                    }
                });
            });
        }
    }
}
