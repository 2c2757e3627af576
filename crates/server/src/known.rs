//! What the server keeps of each model it was asked for: counters, and decoders ready for its inputs.
//!
//! Kept by name and never dropped: a model that comes back goes on counting, and there are no more names than the registry
//! ever served. Found once per request, under a read lock that only a model's first request writes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use codec::json::{Decoder, Limits};
use model::{Field, Signature};

use crate::{error::ServeError, metrics::ModelMeters};

/// Decoders kept per model: one for each set of inputs that its versions, signatures and the outputs asked for make.
const DECODERS_MAX: usize = 8;

/// One model.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub meters: ModelMeters,
    decoders: RwLock<Vec<(Vec<Field>, Arc<Decoder>)>>,
}

/// All of them, by name.
#[derive(Debug, Default)]
pub(crate) struct Models(RwLock<HashMap<Arc<str>, Arc<Known>>>);

impl Models {
    /// Returns what is kept of a model that exists.
    pub fn of(&self, name: &str) -> Arc<Known> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = models.get(name) {
            return known.clone();
        }
        drop(models);
        self.0.write().unwrap_or_else(PoisonError::into_inner).entry(name.into()).or_default().clone()
    }

    /// Returns all models, ordered by name.
    pub fn all(&self) -> BTreeMap<Arc<str>, Arc<Known>> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        models.iter().map(|(name, known)| (name.clone(), known.clone())).collect()
    }
}

impl Known {
    /// Returns the decoder of the inputs that the outputs asked for are computed from, made at the first request for them.
    /// It is found by the inputs themselves: a version may come back under its number with other types.
    pub fn decoder(
        &self,
        signature: &Signature,
        outputs: Option<&[Arc<str>]>,
        limits: Limits,
    ) -> Result<Arc<Decoder>, ServeError> {
        let needed = outputs.map(|outputs| signature.needed(Some(outputs)));
        let is_brought = |(i, field): &(usize, &Field)| {
            needed.as_ref().map_or(field.default || field.optional, |needed| needed[*i])
        };
        let inputs = || signature.inputs.iter().enumerate().filter(is_brought).map(|(_, field)| field);
        let decoders = self.decoders.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, decoder)) = decoders.iter().find(|(fields, _)| fields.iter().eq(inputs())) {
            return Ok(decoder.clone());
        }
        drop(decoders);
        let inputs: Vec<Field> = inputs().cloned().collect();
        let decoder = Arc::new(Decoder::new(&inputs, &[], limits)?);
        let mut decoders = self.decoders.write().unwrap_or_else(PoisonError::into_inner);
        if decoders.len() == DECODERS_MAX {
            decoders.remove(0);
        }
        decoders.push((inputs, decoder.clone()));
        Ok(decoder)
    }
}

#[cfg(test)]
mod tests {
    use model::{Takes, Type};

    use super::*;

    #[test]
    fn a_decoder_is_kept_for_its_inputs() {
        let known = Known::default();
        let of = |ty: Type| {
            let takes = Takes::One(ty);
            let needs = Vec::new();
            let field = Field { name: "x".into(), takes, nullable: true, whole: false, default: true, optional: false, needs };
            let signature = Signature { name: "s".into(), inputs: vec![field], outputs: Vec::new() };
            known.decoder(&signature, None, Limits::default()).unwrap()
        };
        assert!(Arc::ptr_eq(&of(Type::F64), &of(Type::F64)));
        assert!(!Arc::ptr_eq(&of(Type::F64), &of(Type::Text)));
        (0..100).for_each(|n| drop(of(Type::Fixed { dtype: model::DType::F64, shape: vec![n] })));
        assert!(known.decoders.read().unwrap().len() <= DECODERS_MAX);
    }
}
