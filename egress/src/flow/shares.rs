//! What all connections share, with its bounds: how many there are, how much they hold, pipes, one buffer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::pipe::{Pipe, Pool};

/// How many bytes are read at once when they are copied: 16 KiB.
pub(super) const CHUNK: usize = 16 << 10;
/// How many bytes are read at once when too much is held already: 1 KiB.
const SMALL_CHUNK: usize = 1 << 10;
/// How many bytes all connections together hold before new ones are refused and reads become small: 24 MiB.
const HELD_IN_ALL: usize = 24 << 20;

/// How much may be going on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Connections: each takes two descriptors.
    pub(crate) connections: usize,
    /// Pipes in use: each takes two descriptors and 256 KiB of the user's pipe pages.
    pub(crate) pipes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 1100, pipes: 32 }
    }
}

/// The shared things. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Rc<Inner>);

/// What is shared.
#[derive(Debug)]
struct Inner {
    /// How much there may be.
    bounds: Bounds,
    /// How many connections there are.
    open: Cell<usize>,
    /// How many bytes are held.
    held: Cell<usize>,
    /// The pipes.
    pool: RefCell<Pool>,
    /// Where bytes are read to. Whoever borrows it gives it back before it waits.
    scratch: RefCell<Box<[u8]>>,
}

/// A connection's place among the others; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Shares);

/// Bytes that were read and not passed on. Takes no memory when there are none.
#[derive(Debug)]
pub(super) struct Held {
    /// The bytes.
    bytes: Vec<u8>,
    /// How many of them were counted.
    counted: usize,
    /// Where they are counted.
    shares: Shares,
}

impl Shares {
    /// Nothing in use yet.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Rc::new(Inner {
            bounds,
            open: Cell::new(0),
            held: Cell::new(0),
            pool: RefCell::new(Pool::new(bounds.pipes)),
            scratch: RefCell::new(vec![0; CHUNK].into_boxed_slice()),
        }))
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn slot(&self) -> Option<Slot> {
        let open = self.0.open.get();
        (open < self.0.bounds.connections).then(|| {
            self.0.open.set(open + 1);
            Slot(self.clone())
        })
    }

    /// How many connections there are.
    #[cfg(test)]
    pub(crate) fn open(&self) -> usize {
        self.0.open.get()
    }

    /// Whether more is held than there should be.
    pub(super) fn is_full(&self) -> bool {
        self.0.held.get() >= HELD_IN_ALL
    }

    /// How many bytes to read at once.
    pub(super) fn chunk(&self) -> usize {
        if self.is_full() { SMALL_CHUNK } else { CHUNK }
    }

    /// Lends the buffer.
    pub(super) fn with_scratch<T>(&self, using: impl FnOnce(&mut [u8]) -> T) -> T {
        using(&mut self.0.scratch.borrow_mut())
    }

    /// An empty pipe, if one can be had.
    pub(super) fn pipe(&self) -> Option<Pipe> {
        self.0.pool.borrow_mut().take()
    }

    /// Gives a pipe back.
    pub(super) fn give_back(&self, pipe: Pipe) {
        self.0.pool.borrow_mut().give_back(pipe);
    }
}

impl Slot {
    /// What is shared with the others.
    pub(crate) const fn shares(&self) -> &Shares {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let open = &self.0.0.open;
        open.set(open.get().saturating_sub(1));
    }
}

impl Held {
    /// Nothing is held.
    pub(super) const fn new(shares: Shares) -> Self {
        Self { bytes: Vec::new(), counted: 0, shares }
    }

    /// The bytes, in the order in which they were read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is shared with other connections.
    pub(super) const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Holds these behind the others.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.count();
        }
    }

    /// Drops the first ones, which were passed on; the memory is returned with the last.
    pub(super) fn consume(&mut self, count: usize) {
        if count >= self.bytes.len() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..count);
        }
        self.count();
    }

    /// Brings the count up to date.
    fn count(&mut self) {
        let held = &self.shares.0.held;
        held.set(held.get().saturating_sub(self.counted).saturating_add(self.bytes.capacity()));
        self.counted = self.bytes.capacity();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bytes = Vec::new();
        self.count();
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, HELD_IN_ALL, Held, SMALL_CHUNK, Shares};

    #[test]
    fn a_slot_comes_back_when_its_connection_ends() {
        let shares = Shares::new(Bounds { connections: 1, pipes: 0 });
        let slot = shares.slot();
        assert!(slot.is_some() && shares.slot().is_none());
        drop(slot);
        assert!(shares.slot().is_some());
    }

    #[test]
    fn what_is_held_is_counted_over_all_connections_and_forgotten_with_them() {
        let shares = Shares::new(Bounds::default());
        let mut all: Vec<Held> = (0..HELD_IN_ALL >> 16).map(|_| Held::new(shares.clone())).collect();
        all.iter_mut().for_each(|held| held.push(&[7; 1 << 16]));
        assert!(shares.is_full());
        assert_eq!(shares.chunk(), SMALL_CHUNK);
        if let Some(one) = all.first_mut() {
            one.consume(1 << 16);
        }
        assert!(!shares.is_full());
        drop(all);
        assert_eq!(shares.0.held.get(), 0);
    }
}
