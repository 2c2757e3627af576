//! Which versions should be up, and the next single action toward it: two pure functions.
//!
//! The rule preserves availability: a new version is loaded before an old one is unloaded, and an old one goes while
//! nobody aspires to it only once an aspired one answers, or nothing is aspired at all. It costs the memory of two versions
//! for a moment, and no request. After TensorFlow Serving's `AvailabilityPreservingPolicy`.

use model::Version;

use crate::{state::State, versions::Versions};

/// One version as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub version: Version,
    pub state: State,
    pub aspired: bool,
    /// Aspired for a label alone: it stays, and stands in for no other.
    pub pinned: bool,
}

/// What to do next, by place in the list of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Load(usize),
    Unload(usize),
}

/// Returns the next action for the versions of one model, or nothing where all is as it should be.
pub fn next(versions: &[Seen]) -> Option<Action> {
    if versions.iter().any(|v| v.state == State::Loading) {
        return None;
    }
    let aspired = versions.iter().any(|v| v.aspired && !v.pinned);
    let answered = versions.iter().any(|v| v.aspired && !v.pinned && v.state == State::Available);
    let places = |wanted: State, aspired: bool| {
        versions.iter().enumerate().filter(move |(_, v)| v.state == wanted && v.aspired == aspired)
    };
    if !aspired || answered {
        // The oldest first: whoever still asks for it by number has had the longest notice.
        if let Some((place, _)) = places(State::Available, false).min_by_key(|(_, v)| v.version) {
            return Some(Action::Unload(place));
        }
    }
    places(State::Start, true).max_by_key(|(_, v)| v.version).map(|(place, _)| Action::Load(place))
}

/// Returns the places of the versions to aspire to, each given with whether it failed. Of the newest those that did not
/// fail are counted: failed ones that are newer stay aspired, to be seen; so a model whose newest version is broken is
/// served by the one before it.
pub fn aspired(versions: &[(Version, bool)], wanted: &Versions) -> Vec<usize> {
    let mut places: Vec<usize> = (0..versions.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(versions[place].0));
    match wanted {
        Versions::All => places,
        Versions::These(these) => {
            places.retain(|&place| these.binary_search(&versions[place].0).is_ok());
            places
        }
        Versions::Latest(count) => {
            let mut good = 0;
            places.retain(|&place| {
                let open = good < count.get();
                good += usize::from(!versions[place].1);
                open
            });
            places
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row: version, state, `+` where aspired, `*` where that is for a label alone.
    fn check(rows: &[(u64, State, char)], expected: Option<Action>) {
        let seen: Vec<Seen> = rows
            .iter()
            .map(|&(version, state, mark)| Seen {
                version: Version(version),
                state,
                aspired: mark != '-',
                pinned: mark == '*',
            })
            .collect();
        assert_eq!(next(&seen), expected, "{rows:?}");
    }

    use Action::{Load, Unload};
    use State::*;

    #[test]
    fn nothing_to_do() {
        check(&[], None);
        check(&[(1, Available, '+')], None);
        check(&[(1, Available, '+'), (2, Available, '+')], None);
        check(&[(1, End, '+')], None);
        check(&[(1, Unloading, '-'), (2, Available, '+')], None);
    }

    #[test]
    fn the_newest_aspired_version_is_loaded_first() {
        check(&[(1, Start, '+')], Some(Load(0)));
        check(&[(1, Start, '+'), (3, Start, '+'), (2, Start, '+')], Some(Load(1)));
        check(&[(1, Start, '-')], None);
    }

    #[test]
    fn the_new_one_is_loaded_before_the_old_one_is_unloaded() {
        check(&[(1, Available, '-'), (2, Start, '+')], Some(Load(1)));
        check(&[(1, Available, '-'), (2, Loading, '+')], None);
        check(&[(1, Available, '-'), (2, Available, '+')], Some(Unload(0)));
    }

    #[test]
    fn the_old_one_goes_on_when_the_new_one_fails() {
        check(&[(1, Available, '-'), (2, End, '+')], None);
        check(&[(1, Available, '-'), (2, End, '+'), (3, Start, '+')], Some(Load(2)));
    }

    #[test]
    fn a_model_that_nobody_aspires_to_is_unloaded_whole_the_oldest_version_first() {
        check(&[(2, Available, '-'), (1, Available, '-')], Some(Unload(1)));
        check(&[(2, Available, '-'), (1, Unloading, '-')], Some(Unload(0)));
        check(&[(1, Start, '-'), (2, End, '-')], None);
    }

    #[test]
    fn unloading_comes_before_further_loading_so_that_memory_is_given_back() {
        check(&[(1, Available, '-'), (2, Available, '+'), (3, Start, '+')], Some(Unload(0)));
    }

    #[test]
    fn a_version_that_has_a_label_stays_and_stands_in_for_no_other() {
        check(&[(1, Available, '*'), (2, Available, '+')], None);
        check(&[(1, Available, '*'), (2, Available, '-'), (3, Start, '+')], Some(Load(2)));
        check(&[(1, Available, '*'), (2, Available, '-'), (3, Available, '+')], Some(Unload(1)));
        check(&[(1, Start, '*'), (2, Available, '+')], Some(Load(0)));
    }

    #[test]
    fn one_action_at_a_time() {
        check(&[(1, Loading, '+'), (2, Start, '+')], None);
        check(&[(1, Loading, '-'), (2, Available, '-')], None);
    }

    fn check_aspired(versions: &[(u64, bool)], wanted: &Versions, expected: &[u64]) {
        let list: Vec<_> = versions.iter().map(|&(v, failed)| (Version(v), failed)).collect();
        let got: Vec<u64> = aspired(&list, wanted).into_iter().map(|place| list[place].0.0).collect();
        assert_eq!(got, expected, "{versions:?} {wanted:?}");
    }

    #[test]
    fn the_newest_are_aspired_and_failed_ones_do_not_count() {
        let latest = |count| Versions::Latest(std::num::NonZeroUsize::new(count).unwrap());
        check_aspired(&[(1, false), (3, false), (2, false)], &latest(1), &[3]);
        check_aspired(&[(1, false), (3, false), (2, false)], &latest(2), &[3, 2]);
        check_aspired(&[(1, false), (3, true), (2, false)], &latest(1), &[3, 2]);
        check_aspired(&[(1, true), (2, true)], &latest(1), &[2, 1]);
        check_aspired(&[], &latest(1), &[]);
    }

    #[test]
    fn all_or_some_are_aspired_whether_they_failed_or_not() {
        check_aspired(&[(1, false), (3, true), (2, false)], &Versions::All, &[3, 2, 1]);
        let these = Versions::These([Version(1), Version(3), Version(9)].into());
        check_aspired(&[(1, false), (3, true), (2, false)], &these, &[3, 1]);
        check_aspired(&[(2, false)], &these, &[]);
    }
}
