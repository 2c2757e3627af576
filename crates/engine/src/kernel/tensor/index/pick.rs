//! Elements chosen by a test, and the tensor that says which one is chosen.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Data, Element},
};

use super::{Done, View, axis, gather, ints, refuse, refuse_type, shape, too_large};

pub(super) fn one_hot(x: [&Tensor; 4], along: i64, from_end: bool, out: &mut Tensor) -> Done {
    let [indices, depth, off, on] = x;
    let depth = match whole(depth)?[..] {
        [depth] => usize::try_from(depth).map_err(|_| refuse("a depth that is not negative", depth.to_string()))?,
        _ => return Err(refuse("one depth", depth.shape().to_string())),
    };
    let along = axis(along, indices.rank() + 1)?;
    let to = indices.shape().insert(along, depth).map_err(too_large)?;
    let places = whole(indices)?;
    fn of<T: Element>(
        off: &[T],
        on: &Tensor,
        to: Shape,
        along: usize,
        places: &[i64],
        from_end: bool,
        out: &mut Tensor,
    ) -> Done {
        let (Some(on), [off]) = (on.get::<T>(), off) else {
            return Err(refuse("one element for off and one for on", "others"));
        };
        let [on] = on else { return Err(refuse("one element for on", format!("{} elements", on.len()))) };
        let depth = to[along];
        let inner: usize = to[along + 1..].iter().product();
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(off.clone());
        for (i, &place) in places.iter().enumerate() {
            let place = if from_end && place < 0 { place.saturating_add(depth as i64) } else { place };
            if let Some(place) = usize::try_from(place).ok().filter(|place| *place < depth) {
                result[(i / inner * depth + place) * inner + i % inner] = on.clone();
            }
        }
        Ok(())
    }
    each_element!(off.data(), e => of(e, on, to, along, &places, from_end, out))
}

/// Returns numbers of any dtype as integers, cut toward zero.
fn whole(x: &Tensor) -> Result<Vec<i64>, PredictError> {
    Ok(match x.data() {
        Data::F32(e) => e.iter().map(|&x| x as i64).collect(),
        Data::F64(e) => e.iter().map(|&x| x as i64).collect(),
        Data::F16(e) => e.iter().map(|&x| x.to_f32() as i64).collect(),
        Data::BF16(e) => e.iter().map(|&x| x.to_f32() as i64).collect(),
        _ => ints(x)?,
    })
}

pub(super) fn non_zero(x: &Tensor, rows: bool, out: &mut Tensor) -> Done {
    fn of<T: Element>(elements: &[T]) -> Vec<usize> {
        let zero = T::default();
        elements.iter().enumerate().filter(|(_, x)| **x != zero).map(|(i, _)| i).collect()
    }
    let places = each_element!(x.data(), e => of(e));
    let (rank, count) = (x.rank(), places.len());
    let to = if rows { shape(&[count, rank])? } else { shape(&[rank, count])? };
    let steps = View::whole(x.shape()).steps;
    let result = out.make::<i64>(to).map_err(too_large)?;
    for (i, place) in places.into_iter().enumerate() {
        for at in 0..rank {
            let index = (place / steps[at] as usize % x.shape()[at]) as i64;
            result[if rows { i * rank + at } else { at * count + i }] = index;
        }
    }
    Ok(())
}

pub(super) fn compress(x: &Tensor, test: &Tensor, along: Option<i64>, out: &mut Tensor) -> Done {
    let tests = test.get::<bool>().ok_or_else(|| refuse_type(test))?;
    let flat;
    let (x, along) = match along {
        Some(along) => (x, axis(along, x.rank())?),
        None => {
            flat = x.reshaped(shape(&[x.len()])?).map_err(too_large)?;
            (&flat, 0)
        }
    };
    if test.rank() != 1 || tests.len() > x.shape()[along] {
        let expected = format!("{} truth values at most, of one dimension", x.shape()[along]);
        return Err(refuse(expected, test.shape().to_string()));
    }
    let places = tests.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(i, _)| i as i64);
    gather(x, &Tensor::vector(places.collect()), along as i64, 0, false, out)
}
