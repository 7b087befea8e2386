//! The vault beside the rest: at boot, with a systemd of the suite's own, and together with the sandbox.

mod boot;
mod machine;
mod sandbox;
mod units;
