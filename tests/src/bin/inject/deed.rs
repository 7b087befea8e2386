//! What is done to one system call, from the command line.

use std::ffi::OsString;

/// Which call, and what is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The process.
    pub(crate) label: String,
    /// Which of its calls, counted from 1.
    pub(crate) number: u32,
    /// What is done.
    pub(crate) deed: Deed,
}

/// What is done to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is not made and ends with this error number.
    Fail(u16),
    /// It moves one byte at most.
    Short,
    /// A process is killed first.
    Kill(String),
    /// A process is stopped first, for good.
    Stop(String),
}

/// The order and the program in `words`; no order lists.
pub(crate) fn parse(words: &[OsString]) -> Option<(Option<Order>, Vec<OsString>)> {
    let split = words.iter().position(|word| word == "--")?;
    let program: Vec<OsString> = words.get(split + 1..)?.to_vec();
    if program.is_empty() {
        return None;
    }
    let order = match words.get(..split)? {
        [] => None,
        [place, deed] => Some(order(place.to_str()?, deed.to_str()?)?),
        _ => return None,
    };
    Some((order, program))
}

/// One order.
fn order(place: &str, deed: &str) -> Option<Order> {
    let (label, number) = place.split_once(':')?;
    let deed = match deed.split_once('=') {
        Some(("fail", number)) => Deed::Fail(number.parse().ok()?),
        Some(("kill", label)) => Deed::Kill(label.to_owned()),
        Some(("stop", label)) => Deed::Stop(label.to_owned()),
        None if deed == "short" => Deed::Short,
        _ => return None,
    };
    Some(Order { label: label.to_owned(), number: number.parse().ok()?, deed })
}
