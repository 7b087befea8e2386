//! The program itself, with orders made by hand, and a sandbox's network that the tests make.
//!
//! The network is made by this very test program, started once more in namespaces of its own (`unshare` and `ip`): it makes sockets
//! there and hands them out. Where that is not possible a test says so, or fails under `REQUIRE_ALL=1`.

#[cfg(test)]
mod ending;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod inside;
#[cfg(test)]
mod load;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod sys;
