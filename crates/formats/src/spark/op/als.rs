//! ALSModel: factors of users and items by their ids.

use plan::{Factors, RecommendOp};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let rank = stage.extra_u32("rank")?.filter(|&rank| rank > 0);
    let rank = rank.ok_or_else(|| stage.absent("rank", "an integer from 1 on"))?;
    let strategy = stage.text_or("coldStartStrategy", "nan")?;
    let drop = match strategy.to_lowercase().as_str() {
        "nan" => false,
        "drop" => true,
        _ => return Err(stage.meta.fault("coldStartStrategy", "nan or drop", strategy)),
    };
    let (users, items) = (factors(stage, "userFactors", rank)?, factors(stage, "itemFactors", rank)?);
    let user = lowering.column(stage, stage.text_or("userCol", "user")?, Accepts::Number)?;
    let item = lowering.column(stage, stage.text_or("itemCol", "item")?, Accepts::Number)?;
    let op = RecommendOp::FactorDot { users, items, rank, drop };
    match stage.text_or("predictionCol", "prediction")? {
        "" => Ok(()),
        name => lowering.make(stage, op, &[user, item], name).map(|_| ()),
    }
}

/// Returns the factors of one side, in the order of their ids; of longer ones the first `rank` count.
fn factors(stage: &Stage<'_>, folder: &str, rank: u32) -> Result<Factors, ReadError> {
    let table = stage.table(folder)?;
    let (mut places, mut values): (Vec<(i32, usize)>, Vec<f32>) = (Vec::new(), Vec::new());
    for rows in table.parts() {
        let (ids, features) = (rows.column("id")?, rows.column("features")?);
        for row in 0..rows.len() {
            let id = ids.int(row)?;
            let id = i32::try_from(id).map_err(|_| ids.fault("an integer of 32 bits", id.to_string()))?;
            let start = values.len();
            let count = features.extend_f32s(row, &mut values)?;
            if count < rank as usize {
                return Err(features.fault(format!("{rank} numbers, as the rank says"), count.to_string()));
            }
            values.truncate(start + rank as usize);
            places.push((id, start));
        }
    }
    places.sort_unstable();
    if let Some(twice) = places.windows(2).find(|w| w[0].0 == w[1].0) {
        let got = format!("{} twice", twice[0].0);
        return Err(stage.meta.fault(format!("{folder} id"), "ids that are there once", got));
    }
    let sorted = places.iter().flat_map(|&(_, start)| values[start..start + rank as usize].iter().copied());
    Ok(Factors { values: sorted.collect(), ids: places.iter().map(|(id, _)| *id).collect() })
}
