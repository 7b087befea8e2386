//! Connections that wait until the way out listens for them: at most so many, at most so long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many may wait.
const MOST: usize = 256;
/// How long one may wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits, by the number of its question. Numbers rise, so the first has waited longest.
#[derive(Debug)]
pub(crate) struct Wants<T> {
    /// Each with the time at which it has waited long enough.
    waiting: BTreeMap<u64, (Instant, T)>,
}

impl<T> Wants<T> {
    /// None.
    pub(crate) fn new() -> Self {
        Self { waiting: BTreeMap::new() }
    }

    /// Whether one more may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MOST
    }

    /// Lets `want` wait for the answer to question `id`, from `now` on. What waited under the same number is given back.
    pub(crate) fn wait(&mut self, id: u64, want: T, now: Instant) -> Option<T> {
        let until = now.checked_add(PATIENCE).unwrap_or(now);
        self.waiting.insert(id, (until, want)).map(|(_, want)| want)
    }

    /// What waited for the answer to question `id`. A number that nobody gave out answers nothing.
    pub(crate) fn answered(&mut self, id: u64) -> Option<T> {
        self.waiting.remove(&id).map(|(_, want)| want)
    }

    /// When the first has waited long enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(_, (until, _))| *until)
    }

    /// Everything that has waited long enough at `now`.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<T> {
        let mut found = Vec::new();
        while self.due().is_some_and(|due| due <= now) {
            found.extend(self.waiting.pop_first().map(|(_, (_, want))| want));
        }
        found
    }

    /// Everything that waits.
    pub(crate) fn all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.waiting).into_values().map(|(_, want)| want).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_answered_once_and_by_its_own_number() {
        let (mut wants, now) = (Wants::new(), Instant::now());
        for id in 0..3 {
            assert_eq!(wants.wait(id, id * 10, now), None);
        }
        assert_eq!(wants.answered(1), Some(10));
        assert_eq!(wants.answered(1), None, "egress cannot answer twice");
        assert_eq!(wants.answered(99), None, "nor what was not asked");
        assert_eq!(wants.all(), [0, 20]);
        assert_eq!(wants.due(), None);
    }

    #[test]
    fn nobody_waits_longer_than_the_patience() {
        let (mut wants, start) = (Wants::new(), Instant::now());
        let _ = wants.wait(0, 'a', start);
        let _ = wants.wait(1, 'b', start + Duration::from_millis(500));
        assert_eq!(wants.due(), Some(start + PATIENCE));
        assert!(wants.overdue(start).is_empty());
        assert_eq!(wants.overdue(start + PATIENCE), ['a']);
        assert_eq!(wants.overdue(start + PATIENCE + PATIENCE), ['b']);
    }

    #[test]
    fn the_inside_cannot_make_the_launcher_grow() {
        let (mut wants, now) = (Wants::new(), Instant::now());
        let mut waiting = 0;
        for id in 0..10_000 {
            if wants.has_room() {
                let _ = wants.wait(id, (), now);
                waiting += 1;
            }
        }
        assert_eq!(waiting, MOST);
    }
}
