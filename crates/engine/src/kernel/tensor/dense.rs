//! Products of matrices.
//!
//! All go through [`product`], whose sums have one order whatever the number of rows. A right matrix that never changes is
//! laid into panels when the program is made, another one for the call; for few rows that would cost more than the product
//! itself, so there its rows are added up where they lie: the same sums.

use model::{
    PredictError, Shape, Tensor,
    tensor::{Data, Element},
};
use plan::tensor::{DenseOp, Unary};

use super::{
    Args, Done, Site, broadcast, element,
    float::{elements, make, narrow, widened},
    product::{Bias, End, Number, Product, multiply, multiply_plain, pack},
    refuse, refuse_type, shape, too_large,
};

mod einsum;
mod factor;
mod solve;
mod whole;

pub(super) use whole::without;

/// An op of the family, ready to run.
pub(super) struct DenseKernel {
    op: DenseOp,
    /// The right matrix where it never changes.
    weights: Option<Weights>,
}

/// A right matrix in panels.
enum Weights {
    F32(Matrix<f32>),
    F64(Matrix<f64>),
}

struct Matrix<T> {
    common: usize,
    columns: usize,
    panels: Vec<T>,
}

/// What a product is made of.
struct Layer {
    transpose: [bool; 2],
    alpha: f32,
    beta: f32,
    end: Option<Unary>,
}

impl DenseKernel {
    pub(super) fn new(op: &DenseOp, site: &Site<'_>) -> DenseKernel {
        let constant = site.constants.get(1).copied().flatten().and_then(|whole| whole.as_tensor());
        let weights = match op {
            DenseOp::MatMul { transpose } | DenseOp::Dense { transpose, .. } => {
                constant.and_then(|tensor| Weights::of(tensor, transpose[1]))
            }
            _ => None,
        };
        DenseKernel { op: op.clone(), weights }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        if let DenseOp::Factor(factor) = &self.op {
            return factor::run(args, *factor);
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let a = args.get(0)?;
        let layer = match &self.op {
            DenseOp::MatMul { transpose } => Layer { transpose: *transpose, alpha: 1.0, beta: 1.0, end: None },
            DenseOp::Dense { transpose, alpha, beta, end } => {
                Layer { transpose: *transpose, alpha: *alpha, beta: *beta, end: *end }
            }
            DenseOp::MatMulInteger => {
                return whole::matmul(&a, &*args.get(1)?, args.opt(2).as_deref(), args.opt(3).as_deref(), &mut out);
            }
            DenseOp::Einsum(equation) => {
                let others = (1..args.count()).map(|i| args.get(i)).collect::<Result<Vec<_>, _>>()?;
                let inputs: Vec<&Tensor> = std::iter::once(&*a).chain(others.iter().map(|x| &**x)).collect();
                return einsum::run(equation, &inputs, &mut out);
            }
            DenseOp::Det => return whole::determinants(&a, &mut out),
            DenseOp::Inverse { turned } => return solve::invert(&a, *turned, &mut out),
            DenseOp::Solve { left, turned } => return solve::solve(&a, &*args.get(1)?, *left, *turned, &mut out),
            DenseOp::Cholesky => return solve::cholesky(&a, &mut out),
            DenseOp::Factor(_) => return Ok(()),
        };
        let c = args.opt(2);
        match (&self.weights, a.data()) {
            (Some(Weights::F32(matrix)), Data::F32(_)) if layer.fits(&a, matrix) => {
                layer.packed(&a, matrix, c.as_deref(), &mut out)
            }
            (Some(Weights::F64(matrix)), Data::F64(_)) if layer.fits(&a, matrix) => {
                layer.packed(&a, matrix, c.as_deref(), &mut out)
            }
            _ => layer.run(&a, &*args.get(1)?, c.as_deref(), &mut out),
        }
    }
}

// === impl Weights ===

impl Weights {
    fn of(tensor: &Tensor, is_turned: bool) -> Option<Weights> {
        fn laid<T: Number>(elements: &[T], shape: &Shape, is_turned: bool) -> Matrix<T> {
            let (rows, columns) = (shape[0], shape[1]);
            let mut panels = Vec::new();
            let size = if is_turned { (columns, rows) } else { (rows, columns) };
            pack(elements, size, if is_turned { (1, columns) } else { (columns, 1) }, &mut panels);
            Matrix { common: size.0, columns: size.1, panels }
        }
        if tensor.rank() != 2 {
            return None;
        }
        match tensor.data() {
            Data::F32(e) => Some(Weights::F32(laid(e, tensor.shape(), is_turned))),
            Data::F64(e) => Some(Weights::F64(laid(e, tensor.shape(), is_turned))),
            _ => None,
        }
    }
}

// === impl Layer ===

impl Layer {
    fn fits<T>(&self, a: &Tensor, matrix: &Matrix<T>) -> bool {
        !self.transpose[0] && a.rank() >= 2 && a.shape().last() == Some(&matrix.common)
    }

    /// Returns the end where the product itself can make it.
    fn fused(&self) -> Option<End> {
        match self.end {
            None => Some(End::Keep),
            Some(Unary::Relu) => Some(End::Relu),
            Some(Unary::Sigmoid) => Some(End::Sigmoid),
            Some(Unary::Tanh) => Some(End::Tanh),
            Some(_) => None,
        }
    }

    /// Returns the numbers to be added to the columns where that is all that is asked; `None` where more is.
    fn columns<'a, T: Element>(&self, c: Option<&'a Tensor>, columns: usize) -> Option<Option<&'a [T]>> {
        match c {
            _ if self.alpha != 1.0 => None,
            None => Some(None),
            Some(c)
                if self.beta == 1.0 && c.shape().last() == Some(&columns) && c.len() == columns && c.rank() <= 2 =>
            {
                c.get::<T>().map(Some)
            }
            Some(_) => None,
        }
    }

    fn packed<T: Number>(&self, a: &Tensor, matrix: &Matrix<T>, c: Option<&Tensor>, out: &mut Tensor) -> Done {
        let (common, columns) = (matrix.common, matrix.columns);
        let rows = a.shape()[..a.rank() - 1].iter().product();
        let to = a.shape().with(a.rank() - 1, columns);
        let left = elements::<T>(a)?;
        let result = make::<T>(out, to)?;
        let (bias, end, rest) = match (self.columns(c, columns), self.fused()) {
            (Some(bias), Some(end)) => (bias.map_or(Bias::None, Bias::Columns), end, false),
            _ => (Bias::None, End::Keep, true),
        };
        let product = Product { left, stride: common, rows, common, bias, end };
        multiply(&product, &matrix.panels, columns, result, columns);
        if rest { self.finish(c, out) } else { Ok(()) }
    }

    /// Makes the product of any two tensors, then what comes after it.
    fn run(&self, a: &Tensor, b: &Tensor, c: Option<&Tensor>, out: &mut Tensor) -> Done {
        let like = a.dtype();
        let (wide_a, wide_b) = (widened(a), widened(b));
        let (a, b) = (&wide_a, &wide_b);
        let left = if self.transpose[0] { turned(a)? } else { a.clone() };
        match left.data() {
            Data::F32(_) => products::<f32>(&left, b, self.transpose[1], out)?,
            Data::F64(_) => products::<f64>(&left, b, self.transpose[1], out)?,
            Data::I32(_) => products::<i32>(&left, b, self.transpose[1], out)?,
            Data::I64(_) => products::<i64>(&left, b, self.transpose[1], out)?,
            Data::U32(_) => products::<u32>(&left, b, self.transpose[1], out)?,
            Data::U64(_) => products::<u64>(&left, b, self.transpose[1], out)?,
            _ => return Err(refuse_type(a)),
        }
        self.finish(c.map(widened).as_ref(), out)?;
        narrow(out, like)
    }

    /// `end(alpha * product + beta * c)`, where the product lies in the result.
    fn finish(&self, c: Option<&Tensor>, out: &mut Tensor) -> Done {
        fn add<T: Element + Copy>(
            c: Option<&Tensor>,
            out: &mut Tensor,
            scale: impl Fn(T) -> T,
            f: impl Fn(T, T) -> T,
        ) -> Done {
            let to = *out.shape();
            let result = out.get_mut::<T>().expect("the product's own type");
            let Some(c) = c else {
                result.iter_mut().for_each(|to| *to = scale(*to));
                return Ok(());
            };
            if broadcast::shape(&to, c.shape())? != to {
                return Err(refuse(format!("a tensor that broadcasts to {to}"), c.shape().to_string()));
            }
            let from = elements::<T>(c)?;
            broadcast::runs(&to, [c.shape()], |begin, length, [(at, walks)]| {
                for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
                    *to = f(scale(*to), from[at + if walks { i } else { 0 }]);
                }
            });
            Ok(())
        }
        let (alpha, beta) = (self.alpha, self.beta);
        macro_rules! integers {
            ($ty:ty) => {{
                let scaled = |x: $ty, by: f32| if by == 1.0 { x } else { (x as f64 * f64::from(by)) as $ty };
                add::<$ty>(c, out, |x| scaled(x, alpha), |x, c| x.wrapping_add(scaled(c, beta)))?
            }};
        }
        if c.is_some() || alpha != 1.0 {
            match out.data() {
                Data::F32(_) => add::<f32>(c, out, |x| alpha * x, |x, c| x + beta * c)?,
                Data::F64(_) => add::<f64>(c, out, |x| f64::from(alpha) * x, |x, c| x + f64::from(beta) * c)?,
                Data::I32(_) => integers!(i32),
                Data::I64(_) => integers!(i64),
                Data::U32(_) => integers!(u32),
                Data::U64(_) => integers!(u64),
                _ => return Err(refuse_type(out)),
            }
        }
        match self.end {
            Some(end) => element::upon(end, out),
            None => Ok(()),
        }
    }
}

/// Writes the product of matrices of two tensors.
fn matmul(a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    Layer { transpose: [false; 2], alpha: 1.0, beta: 1.0, end: None }.run(a, b, None, out)
}

/// Returns the tensor with its last two dimensions changed.
fn turned(tensor: &Tensor) -> Result<Tensor, PredictError> {
    let rank = tensor.rank();
    if rank < 2 {
        return Ok(tensor.clone());
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    let mut out = Tensor::default();
    super::layout::transpose(tensor, &order, &mut out)?;
    Ok(out)
}

/// Writes the products of the matrices of two tensors, the right ones transposed where that is asked.
pub(super) fn products<T: Number>(a: &Tensor, b: &Tensor, is_turned: bool, out: &mut Tensor) -> Done {
    // TensorFlow's words, which its clients look for.
    let wrong = || {
        let dims = |tensor: &Tensor| format!("{}", tensor.shape()).replace(' ', "");
        let got = format!("Matrix size-incompatible: In[0]: {}, In[1]: {}", dims(a), dims(b));
        refuse("matrices of which one can be multiplied with the other", got)
    };
    if a.rank() == 0 || b.rank() == 0 {
        return Err(wrong());
    }
    // A vector becomes a matrix, and its dimension leaves the result again.
    let left = if a.rank() == 1 { a.shape().insert(0, 1).map_err(too_large)? } else { *a.shape() };
    let right = if b.rank() == 1 { b.shape().insert(1, 1).map_err(too_large)? } else { *b.shape() };
    let is_turned = is_turned && b.rank() > 1;
    let (rows, common) = (left[left.len() - 2], left[left.len() - 1]);
    let (high, wide) = (right[right.len() - 2], right[right.len() - 1]);
    let (below, columns, steps) = if is_turned { (wide, high, (1, wide)) } else { (high, wide, (wide, 1)) };
    if below != common {
        return Err(wrong());
    }
    let outer = |shape: &Shape| super::shape(&shape[..shape.len() - 2]);
    let (left_outer, right_outer) = (outer(&left)?, outer(&right)?);
    let batch = broadcast::shape(&left_outer, &right_outer)?;
    let mut to = batch;
    if a.rank() > 1 {
        to = to.insert(to.len(), rows).map_err(too_large)?;
    }
    if b.rank() > 1 {
        to = to.insert(to.len(), columns).map_err(too_large)?;
    }
    let (x, y) = (elements::<T>(a)?, elements::<T>(b)?);
    let result = make::<T>(out, to)?;
    if result.is_empty() {
        return Ok(());
    }
    // Rows of many matrices with one on the right are rows of one matrix.
    let is_one = right_outer.elements() == 1 && left_outer.elements() == batch.elements();
    let (rows, batch) = if is_one { (rows * batch.elements(), Shape::SCALAR) } else { (rows, batch) };
    let left_outer = if is_one { Shape::SCALAR } else { left_outer };
    let right_outer = if is_one { Shape::SCALAR } else { right_outer };
    let matrices = Matrices { rows, common, columns, steps };
    let (size_a, size_b, size) = (rows * common, common * columns, rows * columns);
    T::with_room(|panels| {
        let mut packed = None;
        broadcast::runs(&batch, [&left_outer, &right_outer], |begin, length, [(i, walks_i), (j, walks_j)]| {
            for k in 0..length {
                let (i, j) = (i + k * usize::from(walks_i), j + k * usize::from(walks_j));
                let (x, y) = (&x[i * size_a..][..size_a], &y[j * size_b..][..size_b]);
                let panels = matrices.panels(y, panels, packed != Some(j));
                matrices.multiply(x, y, panels, &mut result[(begin + k) * size..][..size]);
                packed = Some(j);
            }
        });
    });
    Ok(())
}

/// Two matrices: how large they are, and how far apart the right one's elements lie along the common dimension and columns.
struct Matrices {
    rows: usize,
    common: usize,
    columns: usize,
    steps: (usize, usize),
}

impl Matrices {
    /// Returns the right matrix in panels, where that is worth its while.
    fn panels<'a, T: Number>(&self, y: &[T], room: &'a mut Vec<T>, is_new: bool) -> Option<&'a [T]> {
        if self.rows < 4 && self.steps.1 == 1 {
            return None;
        }
        if is_new {
            pack(y, (self.common, self.columns), self.steps, room);
        }
        Some(room)
    }

    fn multiply<T: Number>(&self, x: &[T], y: &[T], panels: Option<&[T]>, result: &mut [T]) {
        let Some(panels) = panels else {
            return multiply_plain(x, y, self.common, self.columns, result);
        };
        let (rows, common) = (self.rows, self.common);
        let product = Product { left: x, stride: common, rows, common, bias: Bias::None, end: End::Keep };
        multiply(&product, panels, self.columns, result, self.columns);
    }
}
