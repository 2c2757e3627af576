//! Filters in the order of the product.

use plan::tensor::ConvOp;

use super::{Data, Done, PredictError, Tensor, pack, refuse, shape, too_large, widened};

/// How filters come and how they are wanted.
pub(super) struct Form {
    filters_last: bool,
    kind: Kind,
    last: bool,
    groups: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    /// Each channel by itself: `[window, in, factor]`.
    Depthwise,
    Transposed,
    /// Integers stay as they are.
    Raw,
}

/// Filters `[out, in of a group, window]`, for channels last `[window, in of a group, out]`, of a transposed convolution
/// `[in, out of a group, window]`.
#[derive(Clone)]
pub(super) struct Filter {
    pub tensor: Tensor,
    /// Channels of the input in a group, and of the result in all; of a transposed convolution in all, and in a group.
    pub input: usize,
    pub output: usize,
    pub window: Vec<usize>,
    /// Channels last, float32: the panels of each group.
    pub panels: Option<std::sync::Arc<Vec<Vec<f32>>>>,
}

impl Form {
    /// Returns the form of an op's filters, where it has some.
    pub fn of(op: &ConvOp) -> Option<Form> {
        let of = |filters_last, kind, last, groups| Some(Form { filters_last, kind, last, groups });
        match op {
            ConvOp::Conv { groups: 0, last, .. } => of(true, Kind::Depthwise, *last, 0),
            ConvOp::Conv { filters_last, last, groups, .. } => of(*filters_last, Kind::Plain, *last, *groups),
            ConvOp::ConvTranspose { filters_last, groups, .. } => of(*filters_last, Kind::Transposed, false, *groups),
            ConvOp::ConvInteger { groups, .. } => of(false, Kind::Raw, false, *groups),
            ConvOp::DeformConv { groups, .. } => of(false, Kind::Plain, false, *groups),
            ConvOp::CausalConv { .. } => of(false, Kind::Plain, false, 0),
            ConvOp::Pool { .. } | ConvOp::MaxUnpool { .. } | ConvOp::Col2Im { .. } | ConvOp::Patches { .. } => None,
        }
    }
}

impl Filter {
    pub fn new(given: &Tensor, form: &Form, keep: bool) -> Result<Filter, PredictError> {
        let rank = given.rank();
        if rank < 3 {
            return Err(refuse("filters of rank 3 at least", given.shape().to_string()));
        }
        let mut tensor = if form.kind == Kind::Raw { given.clone() } else { widened(given) };
        let mut filters_last = form.filters_last;
        if form.kind == Kind::Depthwise {
            // A group for each channel: `[window, 1, in * factor]`.
            let mut dims = given.shape().to_vec();
            dims[rank - 1] *= dims[rank - 2];
            dims[rank - 2] = 1;
            tensor = tensor.reshaped(shape(&dims)?).map_err(too_large)?;
        }
        if filters_last != form.last {
            // The window goes to the other end, and the two others change places.
            let order: Vec<usize> = if filters_last {
                [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect()
            } else {
                (2..rank).chain([1, 0]).collect()
            };
            let mut out = Tensor::default();
            crate::kernel::tensor::layout::transpose(&tensor, &order, &mut out)?;
            tensor = out;
            filters_last = form.last;
        }
        let dims = tensor.shape();
        let (window, input, output) = if filters_last {
            (dims[..rank - 2].to_vec(), dims[rank - 2], dims[rank - 1])
        } else {
            (dims[2..].to_vec(), dims[1], dims[0])
        };
        let (input, output) = if form.kind == Kind::Transposed { (output, input) } else { (input, output) };
        let mut filter = Filter { tensor, input, output, window, panels: None };
        if keep && filters_last && form.kind == Kind::Plain {
            filter.prepare(form.groups)?;
        }
        Ok(filter)
    }

    /// Lays the filters of each group into panels.
    fn prepare(&mut self, groups: usize) -> Done {
        let (Data::F32(elements), true) = (self.tensor.data(), groups > 0 && self.output.is_multiple_of(groups.max(1)))
        else {
            return Ok(());
        };
        let columns = self.output / groups;
        let common = self.window.iter().product::<usize>() * self.input;
        let panels = (0..groups).map(|group| {
            let mut panels = Vec::new();
            if columns > 0 {
                pack(
                    &elements[(group * columns).min(elements.len())..],
                    (common, columns),
                    (self.output, 1),
                    &mut panels,
                );
            }
            panels
        });
        self.panels = Some(std::sync::Arc::new(panels.collect()));
        Ok(())
    }
}
