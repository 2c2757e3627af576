//! Baseline cumulative hazards of survival models.

/// A step curve: from each time on the hazard beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stratum {
    /// Times rise; one at least.
    pub steps: Vec<(f64, f64)>,
    /// Later times have no result.
    pub time_max: f64,
}

/// A step curve for each stratum. The result is the relative risk times the hazard at the time; null after `time_max`, and for a
/// place that is no stratum; 0 before the first step, whatever the risk is. NaN is after all times.
#[derive(Clone, Debug, PartialEq)]
pub struct Hazards {
    pub single: bool,
    /// Each row says its stratum; else there is one.
    pub by_stratum: bool,
    pub strata: Vec<Stratum>,
}

impl Hazards {
    pub(super) fn check(&self) -> Result<(), String> {
        let rising = |s: &Stratum| !s.steps.is_empty() && s.steps.windows(2).all(|w| w[0].0 < w[1].0);
        match () {
            () if !self.by_stratum && self.strata.len() != 1 => Err("several strata for rows that say none".to_owned()),
            () if self.strata.is_empty() => Err("no stratum".to_owned()),
            () if !self.strata.iter().all(rising) => {
                Err("a stratum without steps, or whose times do not rise".to_owned())
            }
            () => Ok(()),
        }
    }
}
