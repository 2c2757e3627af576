//! Maps: rows to them, and back.

use std::sync::Arc;

use model::{
    DType, PredictError, Tensor, Type, Whole, each_element,
    tensor::{Bytes, Data, Element},
};

use super::{
    super::{refuse, refuse_type, shape, too_large},
    float32,
    keys::Keys,
    matrix,
};

/// The keys of rows, in their order, and the column of each.
pub(in super::super) struct ZipMap {
    keys: Tensor,
    columns: Vec<usize>,
    width: usize,
}

impl ZipMap {
    pub fn new(keys: &Tensor) -> ZipMap {
        let mut columns: Vec<usize> = (0..keys.len()).collect();
        match keys.data() {
            Data::I64(keys) => columns.sort_by_key(|at| keys[*at]),
            Data::Bytes(keys) => columns.sort_by_key(|at| keys[*at].clone()),
            _ => {}
        }
        fn at<T: Element>(keys: &[T], columns: &mut Vec<usize>) -> Tensor {
            // Of equal keys the last counts.
            let mut kept: Vec<usize> = Vec::with_capacity(columns.len());
            for column in columns.drain(..) {
                match kept.last_mut() {
                    Some(last) if keys[*last] == keys[column] => *last = column,
                    _ => kept.push(column),
                }
            }
            *columns = kept;
            Tensor::vector(columns.iter().map(|column| keys[*column].clone()).collect::<Vec<T>>())
        }
        let sorted = each_element!(keys.data(), keys => at(keys, &mut columns));
        ZipMap { keys: sorted, columns, width: keys.len() }
    }

    pub fn run(&self, x: &Tensor) -> Result<Whole, PredictError> {
        let (of, scores) = (matrix(x)?, float32(x)?);
        if of[1] != self.width {
            return Err(refuse(format!("rows of {} scores, one for each key", self.width), x.shape().to_string()));
        }
        let row = |row: usize| {
            let scores = &scores[row * self.width..][..self.width];
            let values = Tensor::vector(self.columns.iter().map(|column| scores[*column]).collect::<Vec<f32>>());
            Whole::Map(Arc::new((self.keys.clone(), values)))
        };
        Ok(Whole::Sequence(Arc::new((0..of[0]).map(row).collect())))
    }
}

/// Returns a map's values as a row.
pub(super) fn cast(map: &(Tensor, Tensor), to: &Type, length: Option<usize>) -> Result<Tensor, PredictError> {
    let keys = map.0.get::<i64>().ok_or_else(|| refuse_type(&map.0))?;
    if keys.len() != map.1.len() {
        return Err(refuse(format!("{} values", keys.len()), map.1.len().to_string()));
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|at| keys[*at]);
    // Of each column, where its value is.
    let places: Vec<Option<usize>> = match length {
        None => order.into_iter().map(Some).collect(),
        Some(length) => {
            if keys.iter().any(|key| *key < 0) {
                return Err(refuse("keys of at least 0", "a negative one"));
            }
            let mut places = Tensor::default();
            // Bounded as the result is, whose room this takes.
            places.make::<u64>(shape(&[length])?).map_err(too_large)?;
            let mut places = vec![None; length];
            order.into_iter().for_each(|at| {
                if let Some(place) = usize::try_from(keys[at]).ok().and_then(|key| places.get_mut(key)) {
                    *place = Some(at);
                }
            });
            places
        }
    };
    let of = [1, places.len()];
    let row = |data: Data| Tensor::new(&of, data).map_err(too_large);
    match (to.as_scalar(), map.1.data()) {
        (Some(DType::F32), Data::F32(v)) => row(each(&places, v, 0.0, |x| Ok(*x))?.into()),
        (Some(DType::F32), Data::Bytes(v)) => row(each(&places, v, 0.0_f32, parse)?.into()),
        (Some(DType::I64), Data::F32(v)) => row(each(&places, v, 0, |x| Ok(*x as i64))?.into()),
        (Some(DType::I64), Data::Bytes(v)) => row(each(&places, v, 0_i64, parse)?.into()),
        (None, Data::F32(v)) => {
            row(each(&places, v, Bytes::from(*b"0.f"), |x| Ok(format!("{x:.6}").into_bytes().into()))?.into())
        }
        (None, Data::Bytes(v)) => row(each(&places, v, Bytes::from(*b"0.f"), |x| Ok(x.clone()))?.into()),
        _ => Err(refuse_type(&map.1)),
    }
}

fn each<T, R: Clone>(
    places: &[Option<usize>],
    values: &[T],
    default: R,
    of: impl Fn(&T) -> Result<R, PredictError>,
) -> Result<Vec<R>, PredictError> {
    places.iter().map(|place| place.map_or(Ok(default.clone()), |at| of(&values[at]))).collect()
}

fn parse<R: std::str::FromStr>(text: &Bytes) -> Result<R, PredictError> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    parsed.ok_or_else(|| refuse("texts that are numbers", String::from_utf8_lossy(text)))
}

/// Returns the values of a map by the places of its keys.
pub(super) fn dictionary(map: &(Tensor, Tensor), keys: &Keys, width: usize) -> Result<Tensor, PredictError> {
    if map.0.len() != map.1.len() {
        return Err(refuse(format!("{} values", map.0.len()), map.1.len().to_string()));
    }
    fn of<T: Element>(values: &[T], map: &Tensor, keys: &Keys, width: usize) -> Result<Tensor, PredictError> {
        let mut out = Tensor::default();
        let to = out.make::<T>(shape(&[1, width])?).map_err(too_large)?;
        keys.each(map, |i, place| {
            if let Some(place) = place {
                to[place].clone_from(&values[i]);
            }
            Ok(())
        })?;
        Ok(out)
    }
    each_element!(map.1.data(), values => of(values, &map.0, keys, width))
}
