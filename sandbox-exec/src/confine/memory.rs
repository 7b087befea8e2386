//! Who goes first when the machine runs out of memory.

use super::identity::put;
use crate::step::{Failure, Step};

/// The highest value of `oom_score_adj`, `proc_pid_oom_score_adj(5)`: as if the process used all of the machine's memory.
const FIRST: &[u8] = b"1000";

/// Has this process, and all that it starts, killed before any other one when memory runs out.
///
/// Raising the value takes no right, and every process inherits it. One inside may lower its own again; it cannot lower that of the first
/// process, with which everything inside ends. So what hides from the kernel's choice brings the whole sandbox down.
///
/// # Errors
/// The file that could not be written.
pub(crate) fn go_first() -> Result<(), Failure> {
    put("/proc/self/oom_score_adj", FIRST, Step::OutOfMemory)
}
