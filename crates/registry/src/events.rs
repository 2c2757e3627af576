//! What happened to models, in numbered events: the last ones, for those who ask and those who follow.
//!
//! Numbers go upward and are never given twice; with a catalogue that outlives the process they go on after a restart. Whoever
//! adds one waits for nobody: it is put into a ring, handed to the store, and those who follow are told that there is more.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use model::Version;

use crate::store::ModelStore;

/// Events that are kept in memory, where nobody says otherwise.
const KEPT: usize = 10_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A version came into the models directory by a request.
    Published,
    /// A version answers.
    Available,
    /// A version did not load, or what came in its place was refused.
    Failed,
    /// A version gave its memory back.
    Unloaded,
    /// A version or a model was taken out of the models directory by a request.
    Removed,
    /// A label was set or moved.
    Labelled,
    /// A label was removed.
    Unlabelled,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub number: u64,
    pub at: SystemTime,
    pub kind: EventKind,
    pub model: Arc<str>,
    pub version: Option<Version>,
    pub label: Option<Arc<str>>,
    /// The health text of a failure, where a label was before.
    pub message: Option<Arc<str>>,
}

impl EventKind {
    pub const ALL: [EventKind; 7] = [
        EventKind::Published,
        EventKind::Available,
        EventKind::Failed,
        EventKind::Unloaded,
        EventKind::Removed,
        EventKind::Labelled,
        EventKind::Unlabelled,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Published => "published",
            EventKind::Available => "available",
            EventKind::Failed => "failed",
            EventKind::Unloaded => "unloaded",
            EventKind::Removed => "removed",
            EventKind::Labelled => "labelled",
            EventKind::Unlabelled => "unlabelled",
        }
    }

    pub fn parse(text: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| kind.name() == text)
    }

    /// Returns the state in which a version is after it.
    pub const fn state(self) -> Option<&'static str> {
        match self {
            EventKind::Available => Some("available"),
            EventKind::Failed | EventKind::Unloaded | EventKind::Removed => Some("end"),
            EventKind::Published | EventKind::Labelled | EventKind::Unlabelled => None,
        }
    }
}

impl Event {
    /// Returns an event of now; it gets its number when it is added.
    pub fn new(kind: EventKind, model: &str) -> Event {
        Event { number: 0, at: SystemTime::now(), kind, model: model.into(), version: None, label: None, message: None }
    }

    pub fn version(self, version: Version) -> Event {
        Event { version: Some(version), ..self }
    }

    pub fn message(self, message: impl Into<Arc<str>>) -> Event {
        Event { message: Some(message.into()), ..self }
    }
}

type Told = Box<dyn Fn() + Send + Sync>;

/// The last events.
#[derive(Default)]
pub struct Events(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    last: u64,
    kept: VecDeque<Arc<Event>>,
    store: Option<Arc<dyn ModelStore>>,
    told: Vec<Told>,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event.
    pub fn add(&self, event: Event) {
        let mut inner = self.lock();
        inner.last += 1;
        let event = Event { number: inner.last, ..event };
        if let Some(Err(error)) = inner.store.as_ref().map(|store| store.add_event(&event)) {
            tracing::debug!(%error, "an event was not kept");
        }
        if inner.kept.len() == KEPT {
            inner.kept.pop_front();
        }
        inner.kept.push_back(Arc::new(event));
        inner.told.iter().for_each(|tell| tell());
    }

    /// Returns up to `max` events after this number, in their order.
    pub fn since(&self, number: u64, max: usize) -> Vec<Arc<Event>> {
        let inner = self.lock();
        let begin = inner.kept.partition_point(|event| event.number <= number);
        inner.kept.iter().skip(begin).take(max).cloned().collect()
    }

    /// Returns the number of the last event.
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// Calls this whenever there is more; it must not wait.
    pub fn follow(&self, tell: impl Fn() + Send + Sync + 'static) {
        self.lock().told.push(Box::new(tell));
    }

    /// Takes over what a store kept, and keeps there what comes.
    pub(crate) fn keep_in(&self, store: Arc<dyn ModelStore>, kept: Vec<Event>) {
        let mut inner = self.lock();
        let missed = std::mem::take(&mut inner.kept);
        inner.last = inner.last.max(kept.last().map_or(0, |event| event.number));
        inner.kept.extend(kept.into_iter().map(Arc::new));
        let excess = inner.kept.len().saturating_sub(KEPT);
        inner.kept.drain(..excess);
        inner.store = Some(store);
        drop(inner);
        // What happened before the store was there gets its number now.
        missed.into_iter().for_each(|event| self.add(Event::clone(&event)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn events_are_numbered_kept_and_told() {
        let (events, told) = (Events::default(), Arc::new(AtomicUsize::new(0)));
        let counter = told.clone();
        events.follow(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        for number in 1..=KEPT as u64 + 2 {
            events.add(Event::new(EventKind::Available, "m").version(Version(number)));
        }
        assert_eq!((events.last(), told.load(Ordering::SeqCst)), (KEPT as u64 + 2, KEPT + 2));
        assert_eq!(events.since(0, 1)[0].number, 3, "the oldest are forgotten");
        let numbers: Vec<u64> = events.since(KEPT as u64, 9).iter().map(|event| event.number).collect();
        assert_eq!(numbers, [KEPT as u64 + 1, KEPT as u64 + 2]);
    }

    #[test]
    fn numbers_go_on_where_the_store_ended() {
        let store = Arc::new(MemoryStore::default());
        let first = Events::default();
        first.keep_in(store.clone(), Vec::new());
        first.add(Event::new(EventKind::Available, "m"));
        let second = Events::default();
        second.add(Event::new(EventKind::Failed, "early"));
        second.keep_in(store.clone(), store.events().unwrap());
        let all: Vec<_> = second.since(0, 9).iter().map(|event| (event.number, event.model.to_string())).collect();
        assert_eq!(all, [(1, "m".to_owned()), (2, "early".to_owned())]);
        assert_eq!(store.events().unwrap().len(), 2);
    }

    #[test]
    fn kinds_have_names() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.name()), Some(kind));
        }
    }
}
