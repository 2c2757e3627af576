//! The life of a version: five states, and only forward.

use std::fmt;

/// Where a version stands. The order is the order of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Aspired, not begun.
    Start,
    /// In the loader.
    Loading,
    /// Answers.
    Available,
    /// Gives no new handle; waits until the last one is dropped.
    Unloading,
    /// Holds nothing any more: it was unloaded, or never loaded, and then its health text says why.
    End,
}

impl State {
    /// The name in statuses and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            State::Start => "start",
            State::Loading => "loading",
            State::Available => "available",
            State::Unloading => "unloading",
            State::End => "end",
        }
    }

    /// Returns whether a version in this state may go to `next`. A load that fails goes straight to the end, one that
    /// turns out to be no new version too.
    pub const fn may_become(self, next: State) -> bool {
        matches!(
            (self, next),
            (State::Start, State::Loading)
                | (State::Loading, State::Available | State::End)
                | (State::Available, State::Unloading)
                | (State::Unloading, State::End)
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_move_forward_only() {
        let all = [State::Start, State::Loading, State::Available, State::Unloading, State::End];
        for from in all {
            for to in all {
                assert!(!from.may_become(to) || from < to, "{from} -> {to}");
            }
        }
        assert!(State::Loading.may_become(State::End) && !State::Start.may_become(State::Available));
    }
}
