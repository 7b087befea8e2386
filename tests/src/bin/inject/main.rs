//! `inject [WHERE DEED] -- PROGRAM [ARG…]`: runs a program, follows every process and thread that it makes, and disturbs one system call.
//!
//! `WHERE` is `LABEL:N`, the N-th call of one process: `0` is the program itself, `0.1` its first child, `0.1.1` that one's. Calls are
//! counted until the process becomes another program. `DEED` is `fail=ERRNO` (the call is not made), `short` (at most one byte is
//! moved), `kill=LABEL` or `stop=LABEL` (a process is killed or stopped when the call is about to be made, and the call goes on).
//! Without both every call is listed. What was seen goes to standard error at the end, in lines that begin with `inject: `. The
//! status is the program's, 128+N for a signal.
#![forbid(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod calls;
#[cfg(target_arch = "x86_64")]
mod deed;
#[cfg(target_arch = "x86_64")]
mod follow;

use std::process::ExitCode;

/// Follows what the command line says.
fn main() -> ExitCode {
    #[cfg(target_arch = "x86_64")]
    return follow::main(std::env::args_os().skip(1).collect());
    #[cfg(not(target_arch = "x86_64"))]
    return ExitCode::from(98);
}
