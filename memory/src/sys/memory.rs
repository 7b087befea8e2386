//! Memory for everything in a program, and the end of it in words.

use std::alloc::{GlobalAlloc, Layout, System};

use super::arena::{Arena, SIZE};

/// How many bytes come out of the program's own memory before the system's allocator is asked.
pub const ROOM: usize = SIZE;

/// What is allocated first; in `.bss`, so that it costs nothing until it is touched.
static ARENA: Arena = Arena::new();

/// The longest block that is taken from [`ARENA`]: few are longer, and those are mostly given back soon, which the arena could not use.
const LONGEST: usize = 1024;

/// Has the kernel provide the first `bytes` of the memory at once, rather than page by page when they are touched: `madvise(2)` with
/// `MADV_POPULATE_WRITE`, Linux 5.14. Elsewhere, and when memory is short, nothing happens.
pub fn prepare(bytes: usize) {
    ARENA.populate(bytes);
}

/// The allocator of a program whose crash would be taken for consent: where Rust would abort, with a signal that callers know nothing
/// of, `text` goes to standard error and the process ends with `status`.
#[derive(Debug)]
pub struct Memory {
    /// What is said; ready, because there is no memory to write it with.
    pub text: &'static str,
    /// How the process ends.
    pub status: u8,
}

impl Memory {
    /// `pointer`, which ends the process when it is null.
    fn checked(&self, pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            let text = self.text.as_bytes();
            // SAFETY: `text` is as many readable bytes long.
            let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
            // SAFETY: `_exit` takes no pointer and does not return.
            unsafe { libc::_exit(self.status.into()) }
        }
        pointer
    }

    /// A block of the arena; `None` for one that is too long, or when the arena is full.
    fn take(layout: Layout) -> Option<*mut u8> {
        if layout.size() > LONGEST { None } else { ARENA.take(layout) }
    }
}

// SAFETY: a block comes either from the arena, which gives each byte to one owner at a time and in the alignment asked for, or from the
// system's allocator, and goes back to where its address says that it came from. Nothing here panics or allocates.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Self::take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promises are this function's own.
            None => self.checked(unsafe { System.alloc(layout) }),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if ARENA.holds(pointer) {
            ARENA.give_back(pointer, layout.size());
        } else {
            // SAFETY: the caller's promises are this function's own; what is not the arena's was allocated there.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match Self::take(layout) {
            Some(block) => {
                // SAFETY: the block is as many bytes long and nobody else's. It may have been used before.
                unsafe { block.write_bytes(0, layout.size()) };
                block
            }
            // SAFETY: the caller's promises are this function's own.
            None => self.checked(unsafe { System.alloc_zeroed(layout) }),
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !ARENA.holds(pointer) {
            // SAFETY: the caller's promises are this function's own; what is not the arena's was allocated there.
            return self.checked(unsafe { System.realloc(pointer, layout, size) });
        }
        if size <= LONGEST && ARENA.resize(pointer, layout.size(), size) {
            return pointer;
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is not too large.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: `size` is not zero, by the caller's promise.
        let block = unsafe { self.alloc(larger) };
        // SAFETY: both blocks are at least as long as the shorter of the two, and `block` is new, so that they do not overlap.
        unsafe { pointer.copy_to_nonoverlapping(block, layout.size().min(size)) };
        // SAFETY: the caller gives `pointer`, of that layout, away.
        unsafe { self.dealloc(pointer, layout) };
        block
    }
}
