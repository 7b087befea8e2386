//! Memory for everything in a program, and the end of it in words.

use std::alloc::{GlobalAlloc, Layout, System};

use nix::libc;

/// The system's allocator, for programs whose crash would be taken for consent: where Rust would abort, with a signal that callers
/// know nothing of, `text` goes to standard error and the process ends with `status`.
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
}

// SAFETY: every call is passed on to the system's allocator, unchanged, which keeps the contract; what it returns is returned.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own.
        self.checked(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are this function's own; what was allocated here was allocated there.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own.
        self.checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own; what was allocated here was allocated there.
        self.checked(unsafe { System.realloc(pointer, layout, size) })
    }
}
