//! GeneralizedLinearRegressionModel: a linear score, with an offset where a column is named for it, through the inverse of the
//! link, trimmed to what the family allows. Formulas: Spark's `GeneralizedLinearRegression.{Link, Family}`.

use plan::{LinearOp, Link, MeanRange as Range, ScoreOp};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (coefficients, intercept) = (row.column("coefficients")?.vector(0)?, row.column("intercept")?.f64(0)?);
    let (range, link) = family_and_link(stage)?;
    let features = lowering.vector(stage, stage.text_or("featuresCol", "features")?, coefficients.size())?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let (prediction, shown) = (stage.text_or("predictionCol", "prediction")?, stage.text_or("linkPredictionCol", "")?);
    let mut inputs = vec![features];
    match stage.text_or("offsetCol", "")? {
        "" => {}
        name => inputs.push(lowering.column(stage, name, Accepts::Number)?),
    }
    if prediction.is_empty() && shown.is_empty() {
        return Ok(());
    }
    let op = LinearOp::Dot { weights: coefficients.into_weights(), intercept };
    let name = if shown.is_empty() { "link" } else { shown };
    let eta = lowering.node(stage, op, &inputs, &[name])?[0];
    if !shown.is_empty() {
        lowering.show(stage, shown, eta)?;
    }
    match prediction {
        "" => Ok(()),
        name => lowering.make(stage, ScoreOp::Mean { link, range }, &[eta], name).map(drop),
    }
}

fn family_and_link(stage: &Stage<'_>) -> Result<(Range, Link), ReadError> {
    let family = stage.text_or("family", "gaussian")?.to_lowercase();
    let (variance, power) = (stage.f64_or("variancePower", 0.0)?, stage.f64_or("linkPower", 0.0)?);
    let named =
        match stage.text("link")? {
            None => None,
            Some(name) => Some(named(&name.to_lowercase()).ok_or_else(|| {
                stage.meta.fault("link", "identity, logit, log, inverse, probit, cloglog or sqrt", name)
            })?),
        };
    // The families that a power of the variance stands for.
    let (range, default) = match family.as_str() {
        "gaussian" => (Range::Finite, Link::Identity),
        "binomial" => (Range::Share, Link::Logit),
        "poisson" => (Range::Positive, Link::Log),
        "gamma" => (Range::Positive, Link::Inverse),
        "tweedie" => match variance {
            0.0 => (Range::Finite, Link::Identity),
            1.0 => (Range::Positive, Link::Log),
            2.0 => (Range::Positive, Link::Inverse),
            power => (Range::Positive, Link::Power(1.0 - power)),
        },
        other => return Err(stage.meta.fault("family", "gaussian, binomial, poisson, gamma or tweedie", other)),
    };
    let link = match family.as_str() {
        "tweedie" if stage.meta.is_set("linkPower") => match power {
            0.0 => Link::Log,
            1.0 => Link::Identity,
            -1.0 => Link::Inverse,
            0.5 => Link::Sqrt,
            power => Link::Power(power),
        },
        "tweedie" => default,
        _ => named.unwrap_or(default),
    };
    Ok((range, link))
}

fn named(name: &str) -> Option<Link> {
    Some(match name {
        "identity" => Link::Identity,
        "logit" => Link::Logit,
        "log" => Link::Log,
        "inverse" => Link::Inverse,
        "probit" => Link::Probit,
        "cloglog" => Link::CLogLog,
        "sqrt" => Link::Sqrt,
        _ => return None,
    })
}
