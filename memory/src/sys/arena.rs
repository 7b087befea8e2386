//! A piece of memory that is handed out from its beginning to its end.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes.
pub(crate) const SIZE: usize = 512 * 1024;

/// How every block is aligned, as `malloc(3)` does it: code that asks for bytes and puts structures of the kernel's there relies on that.
const ALIGNMENT: usize = 16;

/// The memory itself, on a page of its own.
#[repr(C, align(4096))]
struct Room(UnsafeCell<[u8; SIZE]>);

/// What is handed out block after block. Only the last block can be given back or made longer in its place: that is what a vector that
/// grows, or a text that is put together, mostly is.
pub(crate) struct Arena {
    /// The memory.
    room: Room,
    /// How many bytes of it are handed out.
    used: AtomicUsize,
}

// SAFETY: `used` is changed atomically and decides who owns which bytes of `room`; the arena itself never reads or writes those.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena of which nothing is handed out.
    pub(crate) const fn new() -> Self {
        Self { room: Room(UnsafeCell::new([0; SIZE])), used: AtomicUsize::new(0) }
    }

    /// Where the memory begins.
    const fn base(&self) -> *mut u8 {
        self.room.0.get().cast()
    }

    /// How far into the memory `block` begins; beyond its end for what is not the arena's.
    fn offset(&self, block: *const u8) -> usize {
        block.addr().wrapping_sub(self.base().addr())
    }

    /// Whether `block` is one of the arena's.
    pub(crate) fn holds(&self, block: *const u8) -> bool {
        self.offset(block) < SIZE
    }

    /// A block of `layout`; `None` when no room is left, or for a greater alignment than the memory has itself.
    pub(crate) fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > align_of::<Room>() {
            return None;
        }
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let start = used.checked_next_multiple_of(layout.align().max(ALIGNMENT))?;
            let end = start.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
            // Acquire, with the release of `give_back`: another thread's last use of these bytes comes before this one's first.
            match self.used.compare_exchange_weak(used, end, Ordering::Acquire, Ordering::Relaxed) {
                // SAFETY: `start` is not beyond the end of the memory.
                Ok(_) => return Some(unsafe { self.base().add(start) }),
                Err(now) => used = now,
            }
        }
    }

    /// Takes `block`, of `size` bytes, back if it is the last one; otherwise its bytes are lost.
    pub(crate) fn give_back(&self, block: *mut u8, size: usize) {
        let start = self.offset(block);
        let _ = self.used.compare_exchange(start + size, start, Ordering::Release, Ordering::Relaxed);
    }

    /// Makes `block`, of `size` bytes, `new` bytes long in its place. Returns whether that was possible: it is the last one and there is
    /// room, or it gets no longer.
    pub(crate) fn resize(&self, block: *mut u8, size: usize, new: usize) -> bool {
        let start = self.offset(block);
        let Some(end) = start.checked_add(new).filter(|end| *end <= SIZE) else { return false };
        let is_last = self.used.compare_exchange(start + size, end, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        is_last || new <= size
    }

    /// Has the first `bytes` provided by the kernel.
    pub(crate) fn populate(&self, bytes: usize) {
        // SAFETY: the range lies in the arena's own pages, which stay as they are: they are only brought in.
        let _ = unsafe { libc::madvise(self.base().cast(), bytes.min(SIZE), libc::MADV_POPULATE_WRITE) };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// An arena of which nothing is handed out, made where it stays: it is too long for a test's stack.
    fn arena() -> Box<Arena> {
        let room = Box::<Arena>::new_zeroed();
        // SAFETY: all-zero bytes are what `Arena::new` makes.
        unsafe { room.assume_init() }
    }

    /// What is asked of an arena, with the block that it is about as a number.
    #[derive(Clone, Debug)]
    enum Wish {
        /// A block of so many bytes, aligned to this power of two.
        Take(usize, u32),
        /// A block is given back.
        GiveBack(usize),
        /// A block gets another length.
        Resize(usize, usize),
    }

    /// Any wish, with lengths at which the arena fills up.
    fn wish() -> impl Strategy<Value = Wish> {
        prop_oneof![
            (1..40_000_usize, 0..8_u32).prop_map(|(size, power)| Wish::Take(size, power)),
            any::<usize>().prop_map(Wish::GiveBack),
            (any::<usize>(), 1..40_000_usize).prop_map(|(block, size)| Wish::Resize(block, size)),
        ]
    }

    proptest! {
        #[test]
        fn no_two_blocks_ever_share_a_byte(wishes in prop::collection::vec(wish(), 1..120)) {
            let arena = arena();
            // Offset and length of each block that is somebody's.
            let mut blocks: BTreeMap<usize, usize> = BTreeMap::new();
            for wish in wishes {
                let nth = |number: usize, blocks: &BTreeMap<usize, usize>| {
                    blocks.iter().nth(number.checked_rem(blocks.len()).unwrap_or(0)).map(|(start, size)| (*start, *size))
                };
                match wish {
                    Wish::Take(size, power) => {
                        let layout = Layout::from_size_align(size, 1 << power).unwrap();
                        if let Some(block) = arena.take(layout) {
                            prop_assert!(block.addr().is_multiple_of(layout.align().max(ALIGNMENT)) && arena.holds(block));
                            prop_assert_eq!(blocks.insert(arena.offset(block), size), None);
                        }
                    }
                    Wish::GiveBack(number) => {
                        let Some((start, size)) = nth(number, &blocks) else { continue };
                        arena.give_back(arena.base().wrapping_add(start), size);
                        blocks.remove(&start);
                    }
                    Wish::Resize(number, new) => {
                        let Some((start, size)) = nth(number, &blocks) else { continue };
                        if arena.resize(arena.base().wrapping_add(start), size, new) {
                            blocks.insert(start, new);
                        }
                    }
                }
                let mut free = 0;
                for (start, size) in &blocks {
                    prop_assert!(*start >= free && start + size <= SIZE);
                    free = start + size;
                }
            }
        }
    }

    #[test]
    fn threads_that_take_at_once_get_blocks_of_their_own() {
        let arena = arena();
        let layout = Layout::from_size_align(24, 8).unwrap();
        let taken: Vec<usize> = std::thread::scope(|scope| {
            let take =
                || std::iter::from_fn(|| arena.take(layout)).map(|block| arena.offset(block)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut each = taken.clone();
        each.sort_unstable();
        each.dedup();
        assert_eq!((each.len(), taken.len()), (SIZE / 32, SIZE / 32));
    }

    #[test]
    fn vector_that_grows_stays_in_its_place_while_it_is_the_last() {
        let arena = arena();
        let layout = Layout::from_size_align(64, 16).unwrap();
        let first = arena.take(layout).unwrap();
        assert!(arena.resize(first, 64, 4096));
        let second = arena.take(layout).unwrap();
        assert_eq!(arena.offset(second), 4096);
        assert!(!arena.resize(first, 4096, 8192));
        arena.give_back(second, 64);
        assert!(!arena.resize(first, 4096, SIZE + 1));
        assert!(arena.resize(first, 4096, SIZE));
        assert_eq!(arena.take(layout), None);
    }

    #[test]
    fn provided_memory_is_all_zero() {
        let arena = arena();
        arena.populate(SIZE);
        let block = arena.take(Layout::from_size_align(SIZE, 1).unwrap()).unwrap();
        // SAFETY: the block is as many bytes long, and they are zero from the start.
        let bytes = unsafe { std::slice::from_raw_parts(block, SIZE) };
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}
