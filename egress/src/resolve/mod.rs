//! What a name really leads to: a stub resolver that asks the host's own nameservers, when a connection is to be made.
//!
//! No name is asked for that the policy does not allow, and none is completed by a search list. Both kinds of addresses are asked
//! for at once; answers are kept, and equal questions at the same time become one. What comes back is not checked here for being
//! special (`lobsterpot_policy::special`): a rule may name such an address.

mod ask;
mod cache;
mod message;
#[cfg(any(test, fuzzing))]
mod promises;
mod settings;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::gate::Gate;
use cache::{Answer, Cache};
use message::{Kind, Reply};

#[cfg(any(test, fuzzing))]
pub(crate) use promises::assert_answers_are_of_the_name;
pub(crate) use settings::Settings;

/// How long a name may be looked up in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// The least that one nameserver is waited for, however many there are.
const LEAST: Duration = Duration::from_secs(1);
/// How long IPv6 addresses are waited for when IPv4 addresses are there: the resolution delay of [RFC 8305].
///
/// [RFC 8305]: https://www.rfc-editor.org/rfc/rfc8305#section-3
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// The most questions that are under way at once.
const MOST_AT_ONCE: usize = 64;

/// Which addresses are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "connections try both; tests ask for one at a time"))]
pub(crate) enum Family {
    /// IPv6 and IPv4.
    Both,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum ResolveError {
    /// The policy does not allow any of its ports.
    #[error("the policy does not allow {name}")]
    NotAllowed {
        /// The name.
        name: Rc<str>,
    },
    /// There is no such name, or it has no addresses.
    #[error("{name} has no address")]
    NotFound {
        /// The name.
        name: Rc<str>,
    },
    /// No nameserver gave an answer that makes sense.
    #[error("no nameserver of this machine could say where {name} is")]
    Unanswered {
        /// The name.
        name: Rc<str>,
    },
}

/// Looks names up. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Resolver(Rc<Shared>);

/// What all clones share.
#[derive(Debug)]
struct Shared {
    /// What the host says about names.
    settings: Settings,
    /// Which names may be asked for.
    gate: Gate,
    /// What is known.
    cache: RefCell<Cache>,
    /// The nameserver that is asked first.
    first: Cell<usize>,
    /// How many questions may still be asked at once.
    places: Semaphore,
}

impl Resolver {
    /// A resolver that knows nothing yet.
    pub(crate) fn new(settings: Settings, gate: Gate) -> Self {
        let (cache, first, places) = (RefCell::default(), Cell::default(), Semaphore::new(MOST_AT_ONCE));
        Self(Rc::new(Shared { settings, gate, cache, first, places }))
    }

    /// The addresses of `name`, IPv6 before IPv4, at most 32 of each; never none. Ends after ten seconds at the latest for one
    /// question, and after 20 when very many are asked.
    ///
    /// # Errors
    /// When the policy does not allow the name, it has no such addresses, or nobody knows.
    pub(crate) async fn resolve(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, ResolveError> {
        let name: Rc<str> = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into();
        // `localhost` is the sandbox's own (`dns`); here it would be the host's.
        let is_local = name.rsplit('.').next() == Some("localhost");
        if is_local || name.parse::<IpAddr>().is_ok() || self.0.gate.network().judge_name(&name).is_err() {
            return Err(ResolveError::NotAllowed { name });
        }
        if let Some(known) = self.0.settings.host(&name) {
            let wanted: Vec<_> = known.iter().copied().filter(|address| family.has(address)).collect();
            return if wanted.is_empty() { Err(ResolveError::NotFound { name }) } else { Ok(wanted) };
        }
        let found = match family {
            Family::V6 if self.0.settings.no_v6 => Err(ResolveError::NotFound { name }),
            Family::Both if self.0.settings.no_v6 => self.0.look_up(&name, Kind::V4).await,
            Family::Both => return self.0.look_up_both(&name).await,
            Family::V4 => self.0.look_up(&name, Kind::V4).await,
            Family::V6 => self.0.look_up(&name, Kind::V6).await,
        };
        found.map(|addresses| addresses.to_vec())
    }
}

impl Shared {
    /// Both kinds of addresses of `name`, IPv6 first. Once there are IPv4 addresses, the others are not waited for much longer.
    ///
    /// # Errors
    /// When it has neither.
    async fn look_up_both(&self, name: &Rc<str>) -> Result<Vec<IpAddr>, ResolveError> {
        let mut v6 = pin!(self.look_up(name, Kind::V6));
        let mut v4 = pin!(self.look_up(name, Kind::V4));
        let (v6, v4) = tokio::select! {
            found = &mut v6 => (found, v4.await),
            found = &mut v4 => {
                let late = || Err(ResolveError::NotFound { name: Rc::clone(name) });
                match found {
                    Ok(found) => (timeout(RESOLUTION_DELAY, v6).await.unwrap_or_else(|_| late()), Ok(found)),
                    Err(why) => (v6.await, Err(why)),
                }
            }
        };
        match (v6, v4) {
            (Ok(v6), Ok(v4)) => Ok(v6.iter().chain(v4.iter()).copied().collect()),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found.to_vec()),
            (Err(ResolveError::NotFound { .. }), Err(why)) | (Err(why), Err(_)) => Err(why),
        }
    }

    /// One kind of addresses of `name`, from what is known or from a nameserver.
    ///
    /// # Errors
    /// When it has none, or nobody knows.
    async fn look_up(&self, name: &Rc<str>, kind: Kind) -> Result<Rc<[IpAddr]>, ResolveError> {
        let slot = self.cache.borrow_mut().slot(name, kind, Instant::now());
        // When whoever asks first gives up, another who waits asks in its place.
        slot.get_or_init(|| self.ask_all(name, kind)).await.addresses.clone()
    }

    /// Asks one nameserver after the other until one knows.
    async fn ask_all(&self, name: &Rc<str>, kind: Kind) -> Answer {
        let unanswered = || Answer::new(Err(ResolveError::Unanswered { name: Rc::clone(name) }), 0, Instant::now());
        let Ok(Ok(_place)) = timeout(PATIENCE, self.places.acquire()).await else { return unanswered() };
        let found = timeout(PATIENCE, async {
            for server in self.order() {
                let asked = ask::ask(server, name, kind, self.settings.only_tcp);
                match timeout(self.patience(), asked).await {
                    Ok(Ok(Reply::Addresses(addresses, ttl))) => {
                        self.prefer(server);
                        return Some(Answer::new(Ok(addresses.into()), ttl, Instant::now()));
                    }
                    Ok(Ok(Reply::Nothing)) => {
                        self.prefer(server);
                        let missing = ResolveError::NotFound { name: Rc::clone(name) };
                        return Some(Answer::new(Err(missing), 0, Instant::now()));
                    }
                    Ok(Ok(Reply::Truncated | Reply::NotUnderstood | Reply::Useless) | Err(_)) | Err(_) => {}
                }
            }
            None
        });
        found.await.ok().flatten().unwrap_or_else(unanswered)
    }

    /// The nameservers in the order in which they are asked, as often as they may be.
    fn order(&self) -> Vec<SocketAddr> {
        let servers = self.settings.nameservers();
        if self.settings.rotate {
            self.first.set(self.first.get().wrapping_add(1));
        }
        let turns = servers.len().saturating_mul(usize::try_from(self.settings.attempts).unwrap_or(1));
        let start = self.first.get().checked_rem(servers.len()).unwrap_or(0);
        servers.iter().cycle().skip(start).take(turns).copied().collect()
    }

    /// How long one nameserver is waited for, so that each gets all its turns.
    fn patience(&self) -> Duration {
        let servers = u32::try_from(self.settings.nameservers().len()).unwrap_or(1);
        let share = PATIENCE.checked_div(servers.saturating_mul(self.settings.attempts)).unwrap_or(LEAST);
        self.settings.timeout.min(share).max(LEAST)
    }

    /// Asks this nameserver first from now on: it answered.
    fn prefer(&self, server: SocketAddr) {
        if let Some(first) = self.settings.nameservers().iter().position(|other| *other == server)
            && !self.settings.rotate
        {
            self.first.set(first);
        }
    }
}

impl Family {
    /// Whether an address is of this family.
    const fn has(self, address: &IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

#[cfg(test)]
mod tests;
