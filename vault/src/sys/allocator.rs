//! An allocator that wipes: every block is zeroed before the system's allocator has it back, so that no value outlives the
//! buffer that it was in, whichever library made the buffer.

use std::alloc::{GlobalAlloc, Layout, System};

use super::locking;

/// The system's allocator, with every block zeroed when it is freed or moved, and one more try when locked pages are what an
/// allocation failed for.
///
/// Zeroing is `explicit_bzero(3)`, which compilers do not optimise away. What an allocator keeps of its own in freed blocks holds
/// no content.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wiping;

impl Wiping {
    /// The allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// The block, or a second try after the locks were given up; null when there is no memory at all.
fn again_without_locks(block: *mut u8, allocate: impl FnOnce() -> *mut u8) -> *mut u8 {
    if block.is_null() && locking::release() { allocate() } else { block }
}

// SAFETY: blocks come from the system's allocator under the layouts that were asked for, and go back to it under the same; between
// the two only the zeroing of whole blocks, and the copy of a moved one, is added.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of more than 0 bytes.
        let allocate = || unsafe { System.alloc(layout) };
        again_without_locks(allocate(), allocate)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of more than 0 bytes.
        let allocate = || unsafe { System.alloc_zeroed(layout) };
        again_without_locks(allocate(), allocate)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up a block of this size, so nothing else reads or writes it.
        unsafe { libc::explicit_bzero(block.cast(), layout.size()) };
        // SAFETY: it came from the same allocator under this layout.
        unsafe { System.dealloc(block, layout) };
    }

    /// Always moves: the system's own `realloc` leaves what it moved from as it was.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size`, rounded up to the alignment, fits an isize and is not 0.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the layout has more than 0 bytes, as the caller promises.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks have at least that many bytes, and a new block overlaps no other.
            unsafe { std::ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
            // SAFETY: the old block is of this allocator and layout, and the caller does not use it any more.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout};

    use super::Wiping;

    /// How many bytes of a block are looked at; allocators keep their own words in the first 16 bytes of a free block, and none in
    /// the rest of a block of this size.
    const SIZE: usize = 4096;

    /// A block of `size` bytes, all 0xA5.
    fn filled(size: usize) -> (*mut u8, Layout) {
        let layout = Layout::from_size_align(size, 16).unwrap();
        // SAFETY: the layout is not empty.
        let block = unsafe { Wiping.alloc(layout) };
        assert!(!block.is_null());
        // SAFETY: the block has that many bytes.
        unsafe { block.write_bytes(0xA5, size) };
        (block, layout)
    }

    /// How many bytes of what lies there are still 0xA5: read from the process's memory file, not through the dangling pointer, and
    /// without a buffer that could be put just there.
    fn left(address: usize, size: usize) -> usize {
        use std::os::unix::fs::FileExt;
        let mut buffer = [0; SIZE];
        let bytes = &mut buffer[..size];
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        memory.read_exact_at(bytes, u64::try_from(address).unwrap()).unwrap();
        bytes.iter().filter(|&&byte| byte == 0xA5).count()
    }

    #[test]
    fn a_freed_block_holds_nothing_of_its_content() {
        let (block, layout) = filled(SIZE);
        assert_eq!(left(block.addr(), SIZE), SIZE);
        // SAFETY: it was allocated above with this layout and is not used afterwards.
        unsafe { Wiping.dealloc(block, layout) };
        assert!(left(block.addr(), SIZE) < 16);
    }

    #[test]
    fn a_block_that_grew_or_shrank_leaves_nothing_behind() {
        for wanted in [SIZE * 2, SIZE / 2] {
            let (block, layout) = filled(SIZE);
            // SAFETY: the block is of this layout, and the size is not 0.
            let moved = unsafe { Wiping.realloc(block, layout, wanted) };
            assert_ne!(moved, block);
            assert_eq!(left(moved.addr(), wanted.min(SIZE)), wanted.min(SIZE));
            assert!(left(block.addr(), SIZE) < 16);
            // SAFETY: the moved block has that layout.
            unsafe { Wiping.dealloc(moved, Layout::from_size_align(wanted, 16).unwrap()) };
        }
    }
}
