//! The door: what is configured about callers, read again while serving, and what it refused.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;

use super::{Auth, Caller, Config, Need, Refusals};
use crate::{error::ServeError, listen::Peer};

/// Whether requests are let in.
pub(crate) struct Guard {
    is_on: bool,
    auth: ArcSwap<Auth>,
    refusals: Refusals,
}

impl Guard {
    pub fn new(config: &Config) -> Result<Guard, String> {
        let auth = ArcSwap::from_pointee(Auth::new(config)?);
        Ok(Guard { is_on: config.is_on(), auth, refusals: Refusals::default() })
    }

    /// Returns the door that is open to all.
    pub fn open() -> Guard {
        Guard::new(&Config::default()).expect("no keys cannot be wrong")
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Reads keys again. To turn the door into none, or none into one, takes a restart.
    pub fn replace(&self, config: &Config) -> Result<(), String> {
        if config.is_on() != self.is_on {
            return Err("[auth] is turned on or off by a restart".to_owned());
        }
        self.auth.store(Arc::new(Auth::new(config)?));
        Ok(())
    }

    /// Lets a request in whose route has this need, or says why not; nobody is asked for where nothing is needed.
    pub fn admit(&self, headers: &HeaderMap, peer: &Peer, need: Need) -> Result<Option<Arc<Caller>>, ServeError> {
        if !self.is_on {
            return Ok(None);
        }
        self.auth.load().admit(&self.refusals, headers, peer, need)
    }

    /// Refuses a model that is not the caller's to ask, then counts the request against his rate.
    pub fn ask(&self, caller: &Caller, model: Option<&str>) -> Result<(), ServeError> {
        caller.may_ask(&self.refusals, model)?;
        caller.take(&self.refusals)
    }
}
