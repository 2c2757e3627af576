//! What the server keeps of each model it was asked for: counters, and decoders ready for its inputs.
//!
//! Kept by name and never dropped: a model that comes back goes on counting, and there are no more names than the registry
//! ever served. Every request reads both maps, a new model or signature writes them: so readers take no lock and touch no
//! shared counter, and a writer publishes a new map.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;
use codec::json::{Decoder, Limits};
use model::Signature;

use crate::{error::ServeError, metrics::ModelMeters};

/// Decoders kept per model: one for each set of outputs asked of its versions and signatures.
const DECODERS_MAX: usize = 8;

/// One model.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub meters: ModelMeters,
    decoders: ArcSwap<Vec<Kept>>,
}

/// A decoder, and what it was made for.
#[derive(Clone, Debug)]
struct Kept {
    signature: Signature,
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
        let new = (Arc::<str>::from(name), Arc::<Known>::default());
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
    /// Returns the decoder of the inputs to bring for the outputs asked, made at the first request for them. It is found by
    /// the signature itself: a version may come back under its number with other types.
    pub fn decoder(
        &self,
        signature: &Signature,
        outputs: Option<&Arc<[Arc<str>]>>,
        limits: Limits,
    ) -> Result<Arc<Decoder>, ServeError> {
        let kept = self.decoders.load();
        let found = kept.iter().find(|kept| kept.outputs.as_ref() == outputs && kept.signature == *signature);
        if let Some(found) = found {
            return Ok(found.decoder.clone());
        }
        let fields = signature.fields(outputs.map(|outputs| &**outputs));
        let decoder = Arc::new(Decoder::new(&fields, &[], limits)?);
        let new = Kept { signature: signature.clone(), outputs: outputs.cloned(), decoder: decoder.clone() };
        self.decoders.rcu(|kept| {
            let mut kept = Vec::clone(kept);
            if kept.len() == DECODERS_MAX {
                // Callers may ask for many sets of outputs; the default ones are the ones to keep.
                let oldest = kept.iter().position(|kept| kept.outputs.is_some()).unwrap_or(0);
                kept.remove(oldest);
            }
            kept.push(new.clone());
            kept
        });
        Ok(decoder)
    }
}

#[cfg(test)]
mod tests {
    use model::{DType, Field, Takes, Type};

    use super::*;

    fn field(name: &str, ty: Type) -> Field {
        let takes = Takes::One(ty);
        Field { name: name.into(), takes, nullable: true, whole: false, default: true, optional: false, needs: vec![0] }
    }

    fn decoder(known: &Known, ty: Type, outputs: Option<&str>) -> Arc<Decoder> {
        let signature =
            Signature { name: "s".into(), inputs: vec![field("x", ty)], outputs: vec![field("y", Type::F64)] };
        let outputs = outputs.map(|name| Arc::from([Arc::from(name)]));
        known.decoder(&signature, outputs.as_ref(), Limits::default()).unwrap()
    }

    #[test]
    fn a_decoder_is_kept_for_its_inputs_and_outputs() {
        let known = Known::default();
        let first = decoder(&known, Type::F64, None);
        assert!(Arc::ptr_eq(&first, &decoder(&known, Type::F64, None)));
        assert!(!Arc::ptr_eq(&first, &decoder(&known, Type::Text, None)), "other types");
        assert!(!Arc::ptr_eq(&first, &decoder(&known, Type::F64, Some("y"))), "other outputs");
    }

    #[test]
    fn there_are_few_and_callers_cannot_drive_out_the_default() {
        let known = Known::default();
        let first = decoder(&known, Type::F64, None);
        for n in 0..100 {
            decoder(&known, Type::F64, Some(&format!("y{n}")));
        }
        assert!(Arc::ptr_eq(&first, &decoder(&known, Type::F64, None)));
        for n in 0..100 {
            decoder(&known, Type::Fixed { dtype: DType::F64, shape: vec![n] }, None);
        }
        assert!(known.decoders.load().len() <= DECODERS_MAX);
    }
}
