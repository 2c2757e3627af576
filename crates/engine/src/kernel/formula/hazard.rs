//! [`plan::formula::Hazards`].

use std::sync::Arc;

use model::{FaultKind, FaultValue};
use plan::formula::{Hazards, Stratum};

use super::real::{Real, compare};
use crate::frame::{Env, Home};

/// The op as it stands.
pub struct HazardKernel {
    op: Arc<Hazards>,
}

impl HazardKernel {
    pub fn new(op: &Arc<Hazards>) -> HazardKernel {
        HazardKernel { op: Arc::clone(op) }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let [Some(output)] = *outputs else { return };
        let cells = env.frame.cells(output);
        let number = |row: usize, input: usize| env.frame.cells(inputs[input]).number(row);
        let required = |row: usize, input: usize| {
            let value = number(row, input);
            if value.is_none() {
                env.refuse(row, input, FaultKind::Null, FaultValue::Null);
            }
            value
        };
        env.frame.each_live(|row| {
            let place = if inputs.len() > 2 { required(row, 2) } else { Some(0.0) };
            let hazard = place.and_then(|place| {
                let stratum =
                    Some(place).filter(|place| *place >= 0.0).and_then(|place| self.op.strata.get(place as usize));
                // A stratum that is not known has no result, whatever the time.
                let time = stratum.map(|_| required(row, 1))??;
                self.at(stratum?, time, number(row, 0))
            });
            cells.set(row, hazard.map(f64::to_bits));
        });
    }

    fn at(&self, stratum: &Stratum, time: f64, risk: Option<f64>) -> Option<f64> {
        if compare(time, stratum.time_max).is_gt() {
            return None;
        }
        match stratum.steps.partition_point(|(from, _)| *from <= time) {
            0 => Some(0.0),
            steps => {
                let hazard = stratum.steps[steps - 1].1;
                risk.map(|risk| if self.op.single { (f32::of(risk) * f32::of(hazard)).wide() } else { risk * hazard })
            }
        }
    }
}
