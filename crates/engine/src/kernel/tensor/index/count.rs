//! Countings and permutations.

use model::{
    PredictError, Tensor,
    tensor::{Data, Element},
};

use super::{Done, ints, order::Merged, refuse, refuse_type, shape, too_large};

pub(super) fn bincount(
    x: &Tensor,
    size: &Tensor,
    weights: &Tensor,
    binary: bool,
    rows: bool,
    out: &mut Tensor,
) -> Done {
    let size = match ints(size)?[..] {
        [size] => usize::try_from(size).map_err(|_| refuse("a size that is not negative", size.to_string()))?,
        _ => return Err(refuse("one size", size.shape().to_string())),
    };
    let is_matrix = rows && x.rank() == 2;
    if (rows && x.rank() > 2) || (!weights.is_empty() && weights.shape() != x.shape()) {
        return Err(refuse(
            format!("weights as many as {}, of two dimensions at most", x.shape()),
            weights.shape().to_string(),
        ));
    }
    let each = if is_matrix { x.shape()[1] } else { x.len() };
    let to = if is_matrix { shape(&[x.shape()[0], size])? } else { shape(&[size])? };
    let places = ints(x)?;
    if let Some(place) = places.iter().find(|place| **place < 0) {
        return Err(refuse("integers that are not negative", place.to_string()));
    }
    fn of<T: Element + Merged>(
        weights: &[T],
        places: &[i64],
        to: model::Shape,
        (each, size): (usize, usize),
        (binary, one): (bool, T),
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        for (i, &place) in places.iter().enumerate().filter(|(_, place)| **place < size as i64) {
            let to = &mut result[i / each.max(1) * size + place as usize];
            let weight = weights.get(i).copied().unwrap_or(one);
            *to = if binary { one } else { to.merge(weight, plan::tensor::Merge::Add) };
        }
        Ok(())
    }
    let way = (each, size);
    match weights.data() {
        Data::I32(e) => of(e, &places, to, way, (binary, 1), out),
        Data::I64(e) => of(e, &places, to, way, (binary, 1), out),
        Data::F32(e) => of(e, &places, to, way, (binary, 1.0), out),
        Data::F64(e) => of(e, &places, to, way, (binary, 1.0), out),
        _ => Err(refuse_type(weights)),
    }
}

pub(super) fn invert(x: &Tensor, out: &mut Tensor) -> Done {
    let places = ints(x)?;
    let mut inverse = vec![None; places.len()];
    for (i, &place) in places.iter().enumerate() {
        let to = usize::try_from(place).ok().and_then(|place| inverse.get_mut(place));
        let wrong = || refuse(format!("each number below {} once", places.len()), place.to_string());
        if to.ok_or_else(wrong)?.replace(i).is_some() {
            return Err(wrong());
        }
    }
    if x.rank() != 1 {
        return Err(refuse("one dimension", x.shape().to_string()));
    }
    let found: Result<Vec<usize>, PredictError> =
        inverse.into_iter().map(|i| i.ok_or_else(|| refuse("each number once", "fewer"))).collect();
    let dtype = x.dtype().ok_or_else(|| refuse_type(x))?;
    super::write_ints(x.shape(), found?, dtype, out)
}
