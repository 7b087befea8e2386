//! What is told to the launcher: each kind of refusal once, then how often. It waits here until the launcher reads it, and is bounded.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use lobsterpot_policy::ReasonCode;
use lobsterpot_policy::orders::{Event, Refused};
use tokio::sync::Notify;

/// The most refusals and permissions that are kept apart; what comes after them is counted together.
const DISTINCT: usize = 512;
/// The most events that wait for the launcher to read them.
const WAITING: usize = 4 * DISTINCT;
/// In the place of hosts that are not kept apart.
const OTHERS: &str = "(others)";
/// The longest host that is repeated, in bytes.
const LONGEST_HOST: usize = 253;
/// The longest sentence that is repeated, in bytes.
const LONGEST_SENTENCE: usize = 600;

/// Collects events; whoever holds the line takes them with [`next`](Self::next). Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporter(Rc<Shared>);

/// What all clones share.
#[derive(Debug, Default)]
struct Shared {
    /// What was reported so far.
    kept: RefCell<Kept>,
    /// Something waits to be told.
    news: Notify,
}

/// What was reported so far.
#[derive(Debug, Default)]
struct Kept {
    /// How often each refusal was seen.
    refused: HashMap<(String, u16, ReasonCode), u64>,
    /// What was allowed.
    allowed: HashMap<(String, u16), ()>,
    /// What is still to be told.
    waiting: VecDeque<Event>,
}

impl Reporter {
    /// Notes a refusal; the first of its host, port and reason is told, the others are counted.
    pub(crate) fn refused(&self, refused: Refused) {
        let refused = Refused {
            host: word(&refused.host),
            protocol: printable(&refused.protocol, 16),
            message: printable(&refused.message, LONGEST_SENTENCE),
            instead: printable(&refused.instead, LONGEST_SENTENCE),
            ..refused
        };
        let kept = &mut *self.0.kept.borrow_mut();
        let full = kept.refused.len() >= DISTINCT;
        match kept.refused.entry((refused.host.clone(), refused.port, refused.reason)) {
            Entry::Occupied(mut times) => *times.get_mut() = times.get().saturating_add(1),
            Entry::Vacant(_) if full => {
                let others = kept.refused.entry((OTHERS.to_owned(), 0, refused.reason)).or_default();
                *others = others.saturating_add(1);
            }
            Entry::Vacant(slot) => {
                slot.insert(1);
                self.put(kept, Event::Refused(refused));
            }
        }
    }

    /// Notes that something was allowed; the first of its host and port is told.
    pub(crate) fn allowed(&self, host: &str, port: u16) {
        let kept = &mut *self.0.kept.borrow_mut();
        if kept.allowed.len() >= DISTINCT {
            return;
        }
        let host = word(host);
        if kept.allowed.insert((host.clone(), port), ()).is_none() {
            self.put(kept, Event::Allowed { host, port });
        }
    }

    /// Tells the launcher something. Where it does not read for long, later events are lost.
    pub(crate) fn tell(&self, event: Event) {
        self.put(&mut self.0.kept.borrow_mut(), event);
    }

    /// Lets an event wait, if there is room.
    fn put(&self, kept: &mut Kept, event: Event) {
        if kept.waiting.len() < WAITING {
            kept.waiting.push_back(event);
            self.0.news.notify_one();
        }
    }

    /// The next event, as soon as there is one. It stays the next one until it [was told](Self::was_told), so that nothing is lost when
    /// whoever tells it is ended. Only one task may wait.
    pub(crate) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.0.kept.borrow().waiting.front() {
                return event.clone();
            }
            self.0.news.notified().await;
        }
    }

    /// The next event has been told.
    pub(crate) fn was_told(&self) {
        drop(self.take());
    }

    /// The next event that is still to be told.
    pub(crate) fn take(&self) -> Option<Event> {
        self.0.kept.borrow_mut().waiting.pop_front()
    }

    /// All that is still to be told.
    #[cfg(test)]
    pub(crate) fn drain(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.take()).collect()
    }

    /// How often each refusal was repeated, for the end. Those that are not kept apart were not told before.
    pub(crate) fn repeated(&self) -> Vec<Event> {
        let kept = self.0.kept.borrow();
        let mut all: Vec<_> = kept.refused.iter().filter(|((host, ..), times)| **times > 1 || host == OTHERS).collect();
        all.sort_unstable();
        let event = |((host, port, reason), times): (&(String, u16, ReasonCode), &u64)| Event::Repeated {
            host: host.clone(),
            port: *port,
            reason: *reason,
            times: *times,
        };
        all.into_iter().map(event).collect()
    }
}

/// At most `longest` bytes of `text`, every character that is not printable ASCII escaped, so that neither a terminal nor a log can
/// be made to show something else.
pub(crate) fn printable(text: &str, longest: usize) -> String {
    escaped(text, longest, |character| matches!(character, ' '..='~'))
}

/// The beginning of a host that was asked for, as one word without quotation marks: the launcher writes down no other.
fn word(host: &str) -> String {
    escaped(host, LONGEST_HOST, |character| matches!(character, '!'..='~') && !matches!(character, '"' | '\'' | '`'))
}

/// At most `longest` bytes of `text`, every character escaped that is not to be shown as it is.
fn escaped(text: &str, longest: usize, is_shown: impl Fn(char) -> bool) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let piece = if is_shown(character) { character.to_string() } else { character.escape_unicode().to_string() };
        if shown.len() + piece.len() > longest {
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{DISTINCT, Reporter, WAITING, printable};
    use lobsterpot_policy::ReasonCode;
    use lobsterpot_policy::orders::{Event, Refused};

    fn refusal(host: &str) -> Refused {
        Refused {
            host: host.to_owned(),
            port: 443,
            protocol: "dns".to_owned(),
            reason: ReasonCode::HostNotAllowed,
            message: String::new(),
            instead: String::new(),
        }
    }

    #[test]
    fn a_refusal_is_told_once_and_then_counted() {
        let reporter = Reporter::default();
        (0..3).for_each(|_| reporter.refused(refusal("evil.example")));
        assert!(reporter.take().is_some());
        assert!(reporter.take().is_none());
        assert!(matches!(reporter.repeated().as_slice(), [Event::Repeated { times: 3, .. }]));
    }

    #[tokio::test]
    async fn what_was_being_told_when_that_was_given_up_is_told_at_the_end() {
        let reporter = Reporter::default();
        ["one.example", "other.example"].into_iter().for_each(|host| reporter.refused(refusal(host)));
        let host = |event| match event {
            Some(Event::Refused(told)) => told.host,
            other => panic!("{other:?}"),
        };
        assert_eq!(host(Some(reporter.next().await)), "one.example");
        reporter.was_told();
        assert_eq!(host(Some(reporter.next().await)), "other.example");
        // Whoever waited for it has been ended in the middle.
        assert_eq!(host(reporter.take()), "other.example");
        assert!(reporter.take().is_none());
    }

    #[test]
    fn a_flood_of_names_does_not_fill_memory() {
        let reporter = Reporter::default();
        (0..10 * DISTINCT).for_each(|index| reporter.refused(refusal(&format!("x{index}.example"))));
        assert_eq!(reporter.drain().len(), DISTINCT);
        assert_eq!(reporter.repeated().len(), 1, "the others are counted together");
    }

    #[test]
    fn a_single_refusal_that_is_not_kept_apart_is_told_at_the_end() {
        let reporter = Reporter::default();
        (0..=DISTINCT).for_each(|index| reporter.refused(refusal(&format!("x{index}.example"))));
        reporter.drain();
        assert!(matches!(reporter.repeated().as_slice(), [Event::Repeated { times: 1, .. }]));
    }

    #[test]
    fn a_launcher_that_does_not_read_costs_no_memory() {
        let reporter = Reporter::default();
        (0..3 * WAITING).for_each(|id| reporter.tell(Event::Ready { id: id as u64 }));
        assert_eq!(reporter.drain().len(), WAITING);
    }

    #[test]
    fn a_host_with_quotation_marks_is_told_as_a_word_that_the_launcher_takes() {
        let reporter = Reporter::default();
        reporter.refused(refusal("a\"b'c`d e.evil"));
        let Some(Event::Refused(told)) = reporter.take() else { panic!("nothing was told") };
        assert_eq!(told.host, "a\\u{22}b\\u{27}c\\u{60}d\\u{20}e.evil");
    }

    #[test]
    fn a_terminal_sequence_is_escaped_and_a_long_text_is_cut() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}", 100), "a\\u{1b}[2Jb\\u{202e}");
        assert_eq!(printable(&"x".repeat(50), 10).len(), 10);
    }
}
