//! How the bytes of a connection are judged: the seam between what moves them and what reads them.

use std::fmt;

use crate::gate::Refusal;

/// The most bytes of one direction that are held while they are judged: a `ClientHello` of 64 KiB and the headers of its records.
pub(crate) const HELD: usize = 68 << 10;

/// Judges what is said on one connection. Pure: bytes in, steps out.
///
/// Each direction is shown all bytes that were read from it and may not go on yet, from the first of them, so that no buffer is
/// needed here.
pub(crate) trait Check: fmt::Debug {
    /// What the program in the sandbox has said. Never called with nothing.
    fn client(&mut self, held: &[u8]) -> Step;
    /// The program has ended what it says, and these are its last bytes: [`Step::Rest`] or [`Step::Refuse`]. Never called with
    /// nothing.
    fn client_end(&mut self, held: &[u8]) -> Step;
    /// What the server has said. Never called with nothing.
    fn server(&mut self, held: &[u8]) -> Step;
}

/// What is to happen with the bytes that were shown.
#[derive(Debug)]
pub(crate) enum Step {
    /// Not decided: the same bytes are shown again, with more behind them. With [`HELD`] bytes the connection is refused.
    More,
    /// Not decided, and more bytes of this direction would not help: it is asked again after the other direction has moved on.
    Wait,
    /// This many bytes may go on: those that were shown first, then following ones without being shown. Not 0.
    Pass(u64),
    /// Everything from here on may go on in this direction without being shown.
    Rest,
    /// The connection ends.
    Refuse(Refusal, Reply),
}

/// What the program in the sandbox gets to see of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The connection is reset.
    Reset,
    /// These bytes, and then the end of the connection.
    Close(Vec<u8>),
}
