//! What was looked up lately, and what is being looked up: whoever asks for the same meanwhile waits for the same answer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::ResolveError;
use super::message::Kind;

/// The most names and kinds that are kept.
pub(super) const MOST: usize = 4096;
/// How long addresses are kept, in seconds, whatever the nameserver says: at least, and at most.
const KEPT: (u32, u32) = (1, 300);
/// How long it is kept that there is no such name.
const KEPT_MISSING: Duration = Duration::from_secs(5);
/// How long it is kept that nobody answered.
const KEPT_FAILED: Duration = Duration::from_secs(1);

/// The place of one answer, empty while it is being looked up.
pub(super) type Slot = Rc<OnceCell<Answer>>;

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The addresses, or why there are none.
    pub(super) addresses: Result<Rc<[IpAddr]>, ResolveError>,
    /// Until when it may be given.
    until: Instant,
}

/// The answers by name and kind.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<(Rc<str>, Kind), Slot>);

impl Answer {
    /// An answer that came now, to be kept for `ttl` seconds within bounds.
    pub(super) fn new(addresses: Result<Rc<[IpAddr]>, ResolveError>, ttl: u32, now: Instant) -> Self {
        let kept = match &addresses {
            Ok(_) => Duration::from_secs(ttl.clamp(KEPT.0, KEPT.1).into()),
            Err(ResolveError::NotFound { .. } | ResolveError::NotAllowed { .. }) => KEPT_MISSING,
            Err(ResolveError::Unanswered { .. }) => KEPT_FAILED,
        };
        Self { addresses, until: now.checked_add(kept).unwrap_or(now) }
    }
}

impl Cache {
    /// The place of the answer about `name`: with a fresh one in it, or to be filled.
    pub(super) fn slot(&mut self, name: &Rc<str>, kind: Kind, now: Instant) -> Slot {
        let key = (Rc::clone(name), kind);
        if let Some(slot) = self.0.get(&key).filter(|slot| !is_stale(slot, now)) {
            return Rc::clone(slot);
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let slot = Slot::default();
        self.0.insert(key, Rc::clone(&slot));
        slot
    }

    /// Drops every stale answer, or else the quarter that would become stale first, so that a flood of names does not search
    /// the whole table for each. Those being looked up are dropped last; whoever waits for one still gets it.
    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, slot| !is_stale(slot, now));
        if self.0.len() < MOST {
            return;
        }
        let end = |slot: &Slot| (slot.get().is_none(), slot.get().map(|answer| answer.until));
        let mut ends: Vec<_> = self.0.values().map(end).collect();
        let (_, last, _) = ends.select_nth_unstable(MOST / 4);
        self.0.retain(|_, slot| end(slot) > *last);
    }
}

/// Whether a place holds an answer that may no longer be given.
fn is_stale(slot: &Slot, now: Instant) -> bool {
    slot.get().is_some_and(|answer| answer.until <= now)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Cache, Kind, MOST, ResolveError, Slot};
    use std::rc::Rc;
    use std::time::{Duration, Instant};

    fn fill(slot: &Slot, ttl: u32, now: Instant) {
        slot.set(Answer::new(Ok(Rc::new([])), ttl, now)).expect("it is empty");
    }

    fn is_kept(cache: &mut Cache, name: &str, when: Instant) -> bool {
        cache.slot(&name.into(), Kind::V4, when).get().is_some()
    }

    #[test]
    fn answers_are_kept_as_long_as_they_say_within_bounds() {
        let now = Instant::now();
        for (ttl, seconds) in [(0, 1), (60, 60), (86_400, 300), (u32::MAX, 300)] {
            let mut cache = Cache::default();
            fill(&cache.slot(&"a".into(), Kind::V4, now), ttl, now);
            assert!(is_kept(&mut cache, "a", now + Duration::from_secs(seconds) - Duration::from_millis(1)), "{ttl}");
            assert!(cache.slot(&"a".into(), Kind::V6, now).get().is_none(), "the other kind is another answer");
            assert!(!is_kept(&mut cache, "a", now + Duration::from_secs(seconds)), "{ttl}");
        }
    }

    #[test]
    fn that_a_name_is_missing_is_forgotten_soon() {
        let now = Instant::now();
        let missing = ResolveError::NotFound { name: "a".into() };
        let failed = ResolveError::Unanswered { name: "a".into() };
        for (error, seconds) in [(missing, 5), (failed, 1)] {
            let answer = Answer::new(Err(error), 300, now);
            assert_eq!(answer.until - now, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_the_one_that_lasts_longest_stays() {
        let now = Instant::now();
        let mut cache = Cache::default();
        fill(&cache.slot(&"lasting".into(), Kind::V4, now), 300, now);
        for number in 0..2 * MOST {
            fill(&cache.slot(&format!("h{number}").into(), Kind::V4, now), 60, now);
            assert!(cache.0.len() <= MOST);
        }
        assert!(is_kept(&mut cache, "lasting", now));
    }

    #[test]
    fn a_flood_of_names_that_nobody_answers_is_bounded_too() {
        let now = Instant::now();
        let mut cache = Cache::default();
        for number in 0..2 * MOST {
            cache.slot(&format!("h{number}").into(), Kind::V4, now);
            assert!(cache.0.len() <= MOST);
        }
        assert!(cache.slot(&"known".into(), Kind::V4, now).get().is_none());
    }
}
