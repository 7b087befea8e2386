//! Locked pages: what is in memory is not written to swap, as far as the limit on locked memory allows; and never a failure because
//! of it.

use std::sync::atomic::{AtomicU8, Ordering};

use nix::sys::mman::{MlockAllFlags, mlockall, munlockall};

/// Whether pages are locked into memory: `mlockall(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Locking {
    /// They are not: the limit on locked memory (`RLIMIT_MEMLOCK`) is lower than what the program takes at its start.
    Unavailable = 0,
    /// All of them are, present and future.
    Whole = 1,
    /// They were, until the limit was reached.
    GivenUp = 2,
}

/// The present [`Locking`].
static STATE: AtomicU8 = AtomicU8::new(0);

/// How far the stack may grow below where the program starts. A stack cannot ask for more when the limit is reached: the kernel ends
/// the process. So its room is taken before pages are locked.
const STACK: usize = 256 * 1024;

/// Locks present pages as they come into use (`MCL_ONFAULT`, Linux 4.4), so that the program's own file is not read in ahead of
/// need, and future ones at once: the heap grows by many pages with one call, which costs a fraction of a fault for each.
pub(super) fn lock() {
    take_stack();
    let present = MlockAllFlags::MCL_CURRENT | MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    let state = match mlockall(present).and_then(|()| mlockall(MlockAllFlags::MCL_FUTURE)) {
        Ok(()) => Locking::Whole,
        Err(_) => {
            let _ = munlockall();
            Locking::Unavailable
        }
    };
    set(state);
}

/// Gives up the locks, once. True when there were some, and an allocation that failed is worth another try.
///
/// Called by the allocator, so it does not allocate, and before a second try to start a program, for which the C library maps memory.
pub(crate) fn release() -> bool {
    let was_whole = state() == Locking::Whole;
    if was_whole {
        set(Locking::GivenUp);
        let _ = munlockall();
    }
    was_whole
}

/// Whether pages are locked now.
pub(super) fn state() -> Locking {
    match STATE.load(Ordering::Relaxed) {
        1 => Locking::Whole,
        2 => Locking::GivenUp,
        _ => Locking::Unavailable,
    }
}

/// Remembers the state.
#[expect(clippy::as_conversions, reason = "the discriminants are what is stored, as repr(u8) says")]
fn set(state: Locking) {
    STATE.store(state as u8, Ordering::Relaxed);
}

/// Makes the stack reach [`STACK`] below here. The kernel grows it down to the lowest address that is touched, in one piece; going
/// there page by page, as a large local variable does, would cost a fault for each.
#[cfg(target_arch = "x86_64")]
fn take_stack() {
    // SAFETY: what is read lies below the stack pointer, far above the end of the smallest stack that a program is started with
    // (128 KiB are left beside its arguments, execve(2); a stack limit lower than this ends the program, as a call as deep would);
    // nothing is written, and the value is not used.
    unsafe {
        std::arch::asm!(
            "mov {unused:e}, dword ptr [rsp - {reach}]",
            unused = out(reg) _,
            reach = const STACK,
            options(nostack, readonly, preserves_flags),
        );
    }
}

/// Makes the stack reach [`STACK`] below here.
#[cfg(not(target_arch = "x86_64"))]
#[inline(never)]
fn take_stack() {
    let mut room = [0_u8; STACK];
    std::hint::black_box(&mut room);
}
