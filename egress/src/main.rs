//! `lobsterpot-egress`: started by the launcher, serves one sandbox, ends with it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Serves.
fn main() -> ExitCode {
    lobsterpot_egress::run(std::env::args_os()).into()
}
