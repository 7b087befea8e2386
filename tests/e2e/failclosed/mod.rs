//! What happens when something fails: each system call of the launcher's set-up, each process that keeps a run, each call of a hook, full and read-only disks, file systems that do not answer, and many runs at once.

mod calls;
mod disks;
mod hooks;
mod hung;
mod judge;
mod keepers;
mod many;
mod setup;
mod traces;

/// How much is done: everything with `LOBSTERPOT_THOROUGH=1`, a sample otherwise.
fn is_thorough() -> bool {
    std::env::var_os("LOBSTERPOT_THOROUGH").is_some_and(|value| value == "1")
}
