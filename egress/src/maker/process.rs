//! What the maker does in its own process: joins, gives everything up, answers.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect, listen, recv,
    sendmsg, setsockopt, socket, sockopt,
};

use super::wire::{Answer, Kind, QUESTION, Question};
use crate::confine::{self, Capabilities, Connect, Job};
use crate::exit::Exit;
use crate::sys::{namespace, process, socket as options};

/// Connections that wait to be accepted, at most.
const BACKLOG: i32 = 4096;

/// Serves the other end of `line` until it closes. Returns the status to end with.
pub(super) fn run(line: &OwnedFd, network: &OwnedFd, become_id: Option<u32>) -> Exit {
    let ready = prepare(line, network, become_id);
    let answer = Answer { number: 0, error: ready.err() };
    if say(line, answer, None).is_err() || ready.is_err() {
        return Exit::System;
    }
    let mut bytes = [0; QUESTION + 1];
    loop {
        let length = match recv(line.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Ok(0) => return Exit::Done,
            Ok(length) => length,
            Err(Errno::EINTR) => continue,
            Err(_) => return Exit::System,
        };
        let Some(question) = bytes.get(..length).and_then(Question::decode) else { return Exit::Internal };
        let made = make(question);
        let answer = Answer { number: question.number, error: made.as_ref().err().copied() };
        if say(line, answer, made.as_ref().ok()).is_err() {
            return Exit::System;
        }
    }
}

/// Joins the sandbox's network, closes everything else, and confines this process.
///
/// # Errors
/// The step that failed.
fn prepare(line: &OwnedFd, network: &OwnedFd, become_id: Option<u32>) -> Result<(), Errno> {
    // Root keeps its capabilities until it has joined: the owner of the namespace may be somebody else.
    let confined = |_| Errno::EPERM;
    confine::become_id(become_id, Capabilities::All).map_err(confined)?;
    let users = namespace::owner(network.as_fd())?;
    setns(users, CloneFlags::CLONE_NEWUSER)?;
    setns(network, CloneFlags::CLONE_NEWNET)?;
    // The standard streams stay as they were: the launcher sees by the last one when this process has ended.
    let own = line.as_raw_fd().cast_unsigned();
    if own > 3 {
        process::close_range(3, own - 1)?;
    }
    process::close_range(own + 1, u32::MAX)?;
    confine::confine(Job::Make, &Connect::Namespace).map_err(confined)
}

/// Makes a socket that never blocks.
///
/// # Errors
/// The kernel's.
fn make(question: Question) -> Result<OwnedFd, Errno> {
    let address = question.address;
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let made = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    let name = SockaddrStorage::from(address);
    match question.kind {
        Kind::Listen => {
            anywhere(&made, address)?;
            bind(made.as_raw_fd(), &name)?;
            listen(&made, Backlog::new(BACKLOG)?)?;
        }
        Kind::Connect => match connect(made.as_raw_fd(), &name) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(errno),
        },
    }
    Ok(made)
}

/// Lets a socket be bound to an address that no interface has.
///
/// # Errors
/// The kernel's.
fn anywhere(made: &OwnedFd, address: SocketAddr) -> Result<(), Errno> {
    if address.is_ipv4() {
        return setsockopt(made, sockopt::IpFreebind, &true);
    }
    setsockopt(made, sockopt::Ipv6V6Only, &true)?;
    options::bind_anywhere_v6(made.as_fd())
}

/// Answers, with the socket when there is one.
///
/// # Errors
/// The kernel's.
fn say(line: &OwnedFd, answer: Answer, made: Option<&OwnedFd>) -> Result<(), Errno> {
    let bytes = answer.encode();
    let raw: Vec<_> = made.map(AsRawFd::as_raw_fd).into_iter().collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    sendmsg::<()>(line.as_raw_fd(), &[IoSlice::new(&bytes)], control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}
