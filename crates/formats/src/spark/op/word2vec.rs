//! Word2VecModel: the mean of words' vectors.

use model::ScalarBuffer;
use plan::FeatureOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Cells, Rows},
        lower::{Accepts, Lowering, attributes::Group},
    },
};

/// The words, and their vectors one after the other.
#[derive(Default)]
struct Learned {
    words: Vec<Box<str>>,
    vectors: Vec<f32>,
}

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let size = stage.u32_or("vectorSize", 1, 100)?;
    let (words, vectors) = learned(stage, size as usize)?;
    let input = lowering.column(stage, stage.input()?, Accepts::Texts)?;
    let op = FeatureOp::WordMean { words: words.into(), vectors, size };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, Group::sized(Some(size)));
    Ok(())
}

/// Words, and their numbers side by side.
type Vectors = (Vec<Box<str>>, ScalarBuffer<f32>);

fn learned(stage: &Stage<'_>, size: usize) -> Result<Vectors, ReadError> {
    let table = stage.table("data")?;
    let mut parts = table.parts();
    if let (Some(part), None) = (parts.next(), parts.next())
        && part.find("word").is_some()
        && let Some(vectors) = part.find("vector").and_then(|vectors| vectors.f32_rows(size))
    {
        // They stay where they were decoded.
        let words = part.column("word")?;
        let words = (0..part.len()).map(|row| words.text(row).map(Into::into));
        return Ok((words.collect::<Result<_, _>>()?, vectors));
    }
    let mut learned = Learned::default();
    for part in table.parts() {
        match part.find("wordIndex") {
            Some(places) => learned.in_one_row(stage, &part, places, size)?,
            None => learned.in_rows(&part, size)?,
        }
    }
    Ok((learned.words, learned.vectors.into()))
}

impl Learned {
    /// Since Spark 2.2: a row a word.
    fn in_rows(&mut self, part: &Rows<'_>, size: usize) -> Result<(), ReadError> {
        let (words, vectors) = (part.column("word")?, part.column("vector")?);
        for row in 0..part.len() {
            let word = words.text(row)?;
            let got = vectors.extend_f32s(row, &mut self.vectors)?;
            if got != size {
                let expected = format!("{size} numbers for {word:?}, as vectorSize says");
                return Err(vectors.fault(expected, got.to_string()));
            }
            self.words.push(word.into());
        }
        Ok(())
    }

    /// Before: all in one row, the words with their places.
    fn in_one_row(
        &mut self,
        stage: &Stage<'_>,
        part: &Rows<'_>,
        places: Cells<'_>,
        size: usize,
    ) -> Result<(), ReadError> {
        let cells = part.column("wordVectors")?;
        let vectors = cells.f64s(0)?;
        let (words, numbers, range) = places.entries(0)?;
        for i in range {
            let (word, place) = (words.text(i)?, numbers.count(i)? as usize);
            let vector = place.checked_mul(size).and_then(|start| vectors.get(start..start.checked_add(size)?));
            let vector = vector.ok_or_else(|| {
                let expected = format!("{size} numbers for {word:?} at place {place}");
                cells.fault(expected, format!("{} in all", vectors.len()))
            })?;
            self.words.push(word.into());
            self.vectors.extend(vector.iter().map(|&x| x as f32));
            let (got, limit) = (self.vectors.len(), stage.limits.values_max);
            if got > limit {
                return stage.meta.too_large("the numbers of all vectors", got as u64, limit, "values_max");
            }
        }
        Ok(())
    }
}
