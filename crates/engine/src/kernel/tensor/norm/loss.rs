//! Losses.

use plan::tensor::norm::Reduction;

use super::{Args, Done, Float, Tensor, along, broadcast, elements, make, numbers, refuse, shape};
use crate::kernel::tensor::ints;

pub(super) fn nll<T: Float>(
    x: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    ignore: Option<i64>,
    reduction: Reduction,
    out: &mut Tensor,
) -> Done {
    let wrong = || refuse(format!("a target for each example of {}", x.shape()), target.shape().to_string());
    let (batch, classes) = match &x.shape()[..] {
        [batch, classes, ..] => (*batch, *classes),
        _ => return Err(refuse("examples and classes", x.shape().to_string())),
    };
    if x.shape().remove(1) != *target.shape() {
        return Err(wrong());
    }
    let targets = ints(target)?;
    let from = elements::<T>(x)?;
    let weights = weight.map(|weight| numbers::<T>(weight)).transpose()?;
    if let Some(weights) = weights.as_ref().filter(|weights| weights.len() != classes) {
        return Err(refuse(format!("{classes} weights, one for each class"), weights.len().to_string()));
    }
    let inner = targets.len().checked_div(batch).unwrap_or(0);
    let mut losses = Vec::with_capacity(targets.len());
    let (mut total, mut sum) = (T::ZERO, T::ZERO);
    for (i, &class) in targets.iter().enumerate() {
        if Some(class) == ignore {
            losses.push(T::ZERO);
            continue;
        }
        let class = usize::try_from(class).ok().filter(|class| *class < classes);
        let class = class.ok_or_else(|| refuse(format!("a class below {classes}"), targets[i].to_string()))?;
        let weight = weights.as_ref().map_or(T::ONE, |weights| weights[class]);
        let loss = -from[(i / inner * classes + class) * inner + i % inner] * weight;
        losses.push(loss);
        (total, sum) = (total + weight, sum + loss);
    }
    match reduction {
        Reduction::None => make::<T>(out, *target.shape())?.copy_from_slice(&losses),
        Reduction::Sum => make::<T>(out, shape(&[])?)?[0] = sum,
        Reduction::Mean => make::<T>(out, shape(&[])?)?[0] = sum / total,
    }
    Ok(())
}

pub(super) fn cross_entropy<T: Float>(args: &Args<'_>, x: &Tensor, sparse: bool) -> Done {
    let given = args.get(1)?;
    let labels = crate::kernel::tensor::float::widened(&given);
    if x.rank() < 1 || (sparse && x.shape().remove(x.rank() - 1) != *labels.shape()) {
        return Err(refuse(format!("a label for each row of {}", x.shape()), labels.shape().to_string()));
    }
    // Rows of both are broadcast to each other.
    let to = if sparse { *x.shape() } else { broadcast::shape(x.shape(), labels.shape())? };
    let from = spread::<T>(x, &to)?;
    let classes = to[to.len() - 1];
    let rows: usize = to[..to.len() - 1].iter().product();
    let wanted = if sparse { Vec::new() } else { spread::<T>(&labels, &to)? };
    let targets = if sparse { ints(&labels)? } else { Vec::new() };
    let mut gradient = vec![T::ZERO; from.len()];
    let mut logs = vec![T::ZERO; classes];
    let mut losses = vec![T::ZERO; rows];
    for (row, loss) in losses.iter_mut().enumerate() {
        let from = &from[row * classes..][..classes];
        let gradient = &mut gradient[row * classes..][..classes];
        along::row(from, &mut logs, true);
        along::row(from, gradient, false);
        if !sparse {
            for ((gradient, &log), &label) in gradient.iter_mut().zip(&logs).zip(&wanted[row * classes..]) {
                // A label of 0 takes no part, however unlikely its class is.
                *loss = if label == T::ZERO { *loss } else { *loss - label * log };
                *gradient = *gradient - label;
            }
            continue;
        }
        match usize::try_from(targets[row]).ok().filter(|class| *class < classes) {
            Some(class) => {
                *loss = -logs[class];
                gradient[class] = gradient[class] - T::ONE;
            }
            None => {
                *loss = T::from_f64(f64::NAN);
                gradient.fill(T::from_f64(f64::NAN));
            }
        }
    }
    if let Some(mut out) = args.out(0) {
        make::<T>(&mut out, to.remove(to.len() - 1))?.copy_from_slice(&losses);
    }
    if let Some(mut out) = args.out(1) {
        make::<T>(&mut out, to)?.copy_from_slice(&gradient);
    }
    Ok(())
}

/// Returns the elements of a tensor broadcast to a shape.
fn spread<T: Float>(tensor: &Tensor, to: &model::Shape) -> Result<Vec<T>, model::PredictError> {
    let mut room = Tensor::default();
    let from = elements::<T>(tensor)?;
    let result = make::<T>(&mut room, *to)?;
    broadcast::runs(to, [tensor.shape()], |begin, length, [(at, walks)]| {
        for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
            *to = from[at + if walks { i } else { 0 }];
        }
    });
    Ok(result.to_vec())
}
