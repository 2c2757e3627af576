//! Numbers to a vector and back: packed side by side, one element out of it, the place of the best.

use model::column::Row;

use crate::{
    frame::{Env, Home},
    kernel::vector::scores,
};

/// Puts numbers side by side; null where any of them is.
pub fn pack(env: &Env<'_>, inputs: &[Home], output: Home) {
    let mut out = env.frame.vectors_mut(output);
    out.clear();
    for row in 0..env.frame.rows() {
        let start = out.values.len();
        let live = env.frame.is_live(row);
        if live && inputs.iter().all(|&input| env.frame.cells(input).is_valid(row)) {
            let values = inputs.iter().map(|&input| env.frame.cells(input).number(row).unwrap_or(f64::NAN));
            out.values.extend(values);
            out.end_dense(start);
        } else {
            out.push_null();
        }
    }
}

/// Takes the element at a place.
pub fn element(env: &Env<'_>, input: Home, place: u32, output: Home) {
    let (vectors, cells) = (env.frame.vectors(input), env.frame.cells(output));
    env.frame.each_live(|row| {
        let there = vectors.is_valid(row) && (place as usize) < vectors.row(row).size();
        cells.set(row, there.then(|| scores::element(vectors.row(row), place).to_bits()));
    });
}

/// Takes the first elements, one for each output.
pub fn unpack(env: &Env<'_>, input: Home, outputs: &[Option<Home>]) {
    let vectors = env.frame.vectors(input);
    for (place, output) in outputs.iter().enumerate() {
        let Some(cells) = output.map(|output| env.frame.cells(output)) else { continue };
        env.frame.each_live(|row| {
            let element = match vectors.row(row) {
                // A null row is an empty one.
                Row::Dense(values) => values.get(place).copied(),
                vector => (place < vector.size()).then(|| scores::element(vector, place as u32)),
            };
            cells.set(row, element.map(f64::to_bits));
        });
    }
}

/// Takes the element at the place that each row says.
pub fn at(env: &Env<'_>, input: Home, places: Home, output: Home) {
    let (vectors, cells) = (env.frame.vectors(input), env.frame.cells(output));
    let places = env.frame.cells(places);
    env.frame.each_live(|row| {
        let place = places.number(row).filter(|place| *place >= 0.0 && place.fract() == 0.0);
        let place = place.filter(|place| vectors.is_valid(row) && *place < vectors.row(row).size() as f64);
        cells.set(row, place.map(|place| scores::element(vectors.row(row), place as u32).to_bits()));
    });
}

/// Finds the first of the largest or smallest numbers.
pub fn best(env: &Env<'_>, input: Home, smallest: bool, output: Home) {
    let (vectors, cells) = (env.frame.vectors(input), env.frame.cells(output));
    env.frame.each_live(|row| {
        let mut best: Option<(f64, usize)> = None;
        if vectors.is_valid(row) {
            let vector = vectors.row(row);
            for place in 0..vector.size() {
                let x = scores::element(vector, place as u32);
                let better = best.is_none_or(|(most, _)| if smallest { x < most } else { x > most });
                if better && !x.is_nan() {
                    best = Some((x, place));
                }
            }
        }
        cells.set(row, best.map(|(_, place)| (place as f64).to_bits()));
    });
}
