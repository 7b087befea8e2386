//! Memory for everything in this program, and the end of it in words.

use std::alloc::{GlobalAlloc, Layout, System};

use super::process;
use crate::exit::Exit;

/// What is said when there is no memory; ready, because there is none to write it with.
const EXHAUSTED: &[u8] = b"sandbox-exec: out of memory\nhint: the host is out of memory, or a limit on it is too low (ulimit -v, ulimit -d): raise it and try again\n";

/// The system's allocator. Where Rust would abort, with a signal that is in no table, it says what is wrong and ends with
/// [`Exit::Resources`]: before the command has started nothing has run, and afterwards the kernel ends the sandbox with the launcher.
#[derive(Debug)]
pub(crate) struct Memory;

impl Memory {
    /// `pointer`, which ends the process when it is null.
    fn checked(pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            process::say_and_exit(EXHAUSTED, Exit::Resources as u8);
        }
        pointer
    }
}

// SAFETY: every call is passed on to the system's allocator, unchanged, which keeps the contract; what it returns is returned.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own.
        Self::checked(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are this function's own; what was allocated here was allocated there.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own.
        Self::checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are this function's own; what was allocated here was allocated there.
        Self::checked(unsafe { System.realloc(pointer, layout, size) })
    }
}
