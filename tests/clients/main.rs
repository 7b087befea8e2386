//! The client suite: the real clients, driven by a scripted model on the loopback, before and after the installer has run.
//!
//! `model` plays the model's side of every protocol, `world` is a throw-away host, `client` knows how each client is
//! started, `trial` runs attacks and work, `shared` holds those that every client is put to. The other modules hold the
//! tests, one for each client. Every attack first succeeds without the installer.
#![forbid(unsafe_code)]

#[cfg(test)]
mod claude;
#[cfg(test)]
mod client;
#[cfg(test)]
mod codex;
#[cfg(test)]
mod copilot;
#[cfg(test)]
mod gemini;
#[cfg(test)]
#[allow(dead_code, unused_imports, reason = "shared with the end-to-end suite, which uses the rest")]
#[path = "../e2e/harness/mod.rs"]
mod harness;
#[cfg(test)]
mod model;
#[cfg(test)]
mod openclaw;
#[cfg(test)]
mod opencode;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod world;
