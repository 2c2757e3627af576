//! A tensor seen another way: where each element of a result lies in a buffer, by an offset and a step an axis. Slices, reversals,
//! transpositions, broadcasts and diagonals are all such views.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Element, RANK_MAX},
};

use super::{Done, broadcast, refuse, too_large};

/// Where elements of the shape lie: element `[i, j, …]` at `offset + i * steps[0] + j * steps[1] …`, always inside the buffer.
#[derive(Clone, Copy)]
pub(in super::super) struct View {
    pub shape: Shape,
    pub offset: isize,
    pub steps: [isize; RANK_MAX],
}

impl View {
    /// Returns the view of a whole tensor of this shape.
    pub fn whole(shape: &Shape) -> View {
        let mut steps = [0; RANK_MAX];
        let mut step = 1;
        for i in (0..shape.len()).rev() {
            steps[i] = step;
            step *= shape[i] as isize;
        }
        View { shape: *shape, offset: 0, steps }
    }

    /// Returns the view of a tensor of a shape that broadcasts to another.
    pub fn expanded(from: &Shape, to: &Shape) -> View {
        let whole = View::whole(from);
        let mut view = View { shape: *to, offset: 0, steps: [0; RANK_MAX] };
        let before = to.len() - from.len();
        for i in 0..from.len() {
            view.steps[before + i] = if from[i] == 1 { 0 } else { whole.steps[i] };
        }
        view
    }

    /// Returns the view of a tensor of a shape that must broadcast to these dimensions.
    pub fn expanded_checked(from: &Shape, to: &[usize]) -> Result<View, PredictError> {
        let to = super::shape(to)?;
        match broadcast::shape(from, &to)? {
            all if all == to => Ok(View::expanded(from, &to)),
            _ => Err(refuse(format!("a tensor that broadcasts to {to}"), from.to_string())),
        }
    }

    /// Keeps `length` entries of an axis from `begin` on, by this step.
    pub fn cut(&mut self, at: usize, begin: isize, length: usize, step: isize) {
        if length > 0 {
            self.offset += begin * self.steps[at];
        }
        self.steps[at] *= step;
        self.shape = self.shape.with(at, length);
    }

    /// Writes the elements that it sees.
    pub fn copy(&self, x: &Tensor, out: &mut Tensor) -> Done {
        fn of<T: Element>(view: &View, from: &[T], out: &mut Tensor) -> Done {
            view.write(from, out.make::<T>(view.shape).map_err(too_large)?);
            Ok(())
        }
        each_element!(x.data(), elements => of(self, elements, out))
    }

    /// Writes the elements that it sees, as many as there is room for.
    pub fn write<T: Clone>(&self, from: &[T], to: &mut [T]) {
        if to.is_empty() {
            return;
        }
        // The last axes that lie one after the other are one run.
        let rank = self.shape.len();
        let (mut first, mut length, mut step) = (rank, 1, 1);
        while first > 0 && (self.shape[first - 1] == 1 || self.steps[first - 1] == length as isize) {
            first -= 1;
            length *= self.shape[first];
        }
        if length == 1 && first > 0 {
            first -= 1;
            (length, step) = (self.shape[first], self.steps[first]);
        }
        let mut at = [0; RANK_MAX];
        let mut begin = self.offset;
        for run in to.chunks_mut(length) {
            match step {
                1 => run.clone_from_slice(&from[begin as usize..][..length]),
                0 => run.fill(from[begin as usize].clone()),
                _ => {
                    for (i, to) in run.iter_mut().enumerate() {
                        *to = from[(begin + i as isize * step) as usize].clone();
                    }
                }
            }
            for i in (0..first).rev() {
                at[i] += 1;
                begin += self.steps[i];
                if at[i] < self.shape[i] {
                    break;
                }
                begin -= self.steps[i] * self.shape[i] as isize;
                at[i] = 0;
            }
        }
    }
}
