//! What the server keeps of each model it was asked for: counters, and decoders ready for its inputs.
//!
//! Kept by name and never dropped: a model that comes back goes on counting, and there are no more names than the registry
//! ever served. Every request reads both maps, a new model or signature writes them: so readers take no lock and touch no
//! shared counter, and a writer publishes a new map.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use codec::{
    CodecError,
    json::{Decoder, Limits},
};
use gateway::join::Paying;
use model::Signature;
use registry::Load;

use crate::metrics::{JoinMeter, ModelMeters, VersionMeters};

/// Decoders kept per model: one for each set of outputs asked of its loads and signatures.
const DECODERS_MAX: usize = 8;

/// Kinds of calls per model of which is kept what joining them takes.
const PAYING_MAX: usize = 8;

/// One model.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub name: Box<str>,
    pub meters: ModelMeters,
    pub joins: JoinMeter,
    /// By the likeness of calls, the last used last.
    paying: Mutex<Vec<(u64, Arc<Paying>)>>,
    pub versions: VersionMeters,
    decoders: ArcSwap<Vec<Kept>>,
}

/// A decoder, and what it was made for.
#[derive(Clone, Debug)]
struct Kept {
    load: Load,
    signature: Arc<str>,
    outputs: Option<Arc<[Arc<str>]>>,
    decoder: Arc<Decoder>,
}

/// All of them, by name.
#[derive(Debug, Default)]
pub(crate) struct Models(ArcSwap<HashMap<Arc<str>, Arc<Known>>>);

impl Models {
    /// Returns what is kept of a model that exists.
    pub fn of(&self, name: &str) -> Arc<Known> {
        if let Some(known) = self.0.load().get(name) {
            return known.clone();
        }
        let new = (Arc::<str>::from(name), Arc::new(Known { name: name.into(), ..Known::default() }));
        self.0.rcu(|models| {
            let mut models = HashMap::clone(models);
            // Another request may have been first.
            models.entry(new.0.clone()).or_insert_with(|| new.1.clone());
            models
        });
        self.0.load().get(name).cloned().unwrap_or(new.1)
    }

    /// Returns all models, ordered by name.
    pub fn all(&self) -> BTreeMap<Arc<str>, Arc<Known>> {
        self.0.load().iter().map(|(name, known)| (name.clone(), known.clone())).collect()
    }
}

impl Known {
    /// Returns what calls of this likeness took.
    pub fn paying(&self, like: u64) -> Arc<Paying> {
        // A poisoned list is whole: each change of it is a single one.
        let mut paying = self.paying.lock().unwrap_or_else(PoisonError::into_inner);
        let found = paying.iter().position(|(kept, _)| *kept == like).map(|place| paying.remove(place));
        let (_, of) = found.unwrap_or_default();
        if paying.len() == PAYING_MAX {
            paying.remove(0);
        }
        paying.push((like, of.clone()));
        of
    }

    /// Returns the decoder of the inputs to bring for the outputs asked, made at the first request for them. It is found by
    /// the load and the signature's name: a version may come back under its number with other types, and to compare wide
    /// signatures would cost more than the rest of a request.
    pub fn decoder(
        &self,
        load: Load,
        signature: &Signature,
        outputs: Option<&Arc<[Arc<str>]>>,
        limits: Limits,
    ) -> Result<Arc<Decoder>, CodecError> {
        let kept = self.decoders.load();
        let fits =
            |kept: &&Kept| kept.load == load && kept.outputs.as_ref() == outputs && kept.signature == signature.name;
        // The newest load is the one that is asked.
        if let Some(found) = kept.iter().rev().find(fits) {
            return Ok(found.decoder.clone());
        }
        let fields = signature.columns(outputs.map(|outputs| &**outputs));
        let decoder = Arc::new(Decoder::new(&fields, &[], limits)?);
        let new = Kept { load, signature: signature.name.clone(), outputs: outputs.cloned(), decoder: decoder.clone() };
        self.decoders.rcu(|kept| {
            let mut kept = Vec::clone(kept);
            if kept.len() == DECODERS_MAX {
                // Callers may ask for many sets of outputs: they have half of the room, and loads that came before the rest.
                let asked = |kept: &Kept| kept.outputs.is_some();
                let many = kept.iter().filter(|kept| asked(kept)).count() >= DECODERS_MAX / 2;
                let victim = kept.iter().position(|kept| if many { asked(kept) } else { kept.load != load });
                kept.remove(victim.unwrap_or(0));
            }
            kept.push(new.clone());
            kept
        });
        Ok(decoder)
    }
}

/// A column of this type; null is a value of it.
#[cfg(test)]
pub(crate) fn field(name: &str, ty: model::Type) -> model::Field {
    model::Field {
        name: name.into(),
        takes: model::Takes::One(ty),
        nullable: true,
        whole: false,
        default: true,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs: vec![0],
        has_default: false,
        declared: None,
    }
}

#[cfg(test)]
mod tests {
    use model::Type;

    use super::*;

    fn decoder(known: &Known, load: Load, outputs: Option<&str>) -> Arc<Decoder> {
        let (inputs, outs) = (vec![field("x", Type::F64)], vec![field("y", Type::F64)]);
        let signature = Signature { name: "s".into(), inputs, outputs: outs, grouped: false, method: None };
        let outputs = outputs.map(|name| Arc::from([Arc::from(name)]));
        known.decoder(load, &signature, outputs.as_ref(), Limits::default()).unwrap()
    }

    #[test]
    fn a_decoder_is_kept_for_its_load_and_outputs() {
        let (known, load) = (Known::default(), Load::begin());
        let first = decoder(&known, load, None);
        assert!(Arc::ptr_eq(&first, &decoder(&known, load, None)));
        assert!(!Arc::ptr_eq(&first, &decoder(&known, Load::begin(), None)), "another load may have other types");
        assert!(!Arc::ptr_eq(&first, &decoder(&known, load, Some("y"))), "other outputs");
    }

    #[test]
    fn there_are_few_and_callers_cannot_drive_out_the_default() {
        let known = Known::default();
        let loads: Vec<Load> = (0..100).map(|_| Load::begin()).collect();
        loads.iter().for_each(|load| drop(decoder(&known, *load, None)));
        let last = loads[loads.len() - 1];
        let first = decoder(&known, last, None);
        for n in 0..100 {
            decoder(&known, last, Some(&format!("y{n}")));
        }
        assert!(Arc::ptr_eq(&first, &decoder(&known, last, None)));
        assert!(known.decoders.load().len() <= DECODERS_MAX);
    }
}
