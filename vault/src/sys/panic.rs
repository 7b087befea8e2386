//! How a panic ends: one sentence without the message, which could hold data, and an exit status of its own.

use std::io::Write;
use std::panic;

use crate::exit::Exit;

/// Makes every panic end the process at once, whichever thread it is on and whatever `RUST_BACKTRACE` says.
pub(super) fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let text = format!(
            "lobsterpot-vault: stopped by a mistake of its own{place}\n\
             hint: report it with that place; nothing was published after it\n"
        );
        let _ = std::io::stderr().write_all(text.as_bytes());
        end();
    }));
}

/// Ends the process without running what was left to do at exit.
#[expect(clippy::as_conversions, reason = "the discriminant is the status, as repr(u8) says")]
fn end() -> ! {
    // SAFETY: _exit(2) does not return and touches no memory.
    unsafe { libc::_exit(i32::from(Exit::Internal as u8)) }
}
