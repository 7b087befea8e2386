//! Which unix sockets listen in a network namespace: `sock_diag(7)`, `NETLINK_SOCK_DIAG` with `unix_diag_req`.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `UDIAG_SHOW_VFS`: tell the inode that a socket is bound to.
const SHOW_VFS: u32 = 2;
/// `UNIX_DIAG_VFS`: the attribute that tells it.
const VFS: u16 = 1;
/// Length of a `nlmsghdr`.
const HEADER: usize = 16;
/// Length of a `unix_diag_msg`.
const MESSAGE: usize = 16;
/// Bytes of one answer; the kernel fills no more.
const ANSWER: usize = 32 * 1024;

/// A socket that asks about the network namespace of the calling process.
///
/// # Errors
/// `EPROTONOSUPPORT` when the kernel has no `CONFIG_UNIX_DIAG`.
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)
}

/// Whether a socket listens at the file with this device and inode number, in the namespace that `diagnosis` asks about.
///
/// # Errors
/// The kernel's.
pub(crate) fn has_listener(diagnosis: BorrowedFd<'_>, (device, inode): (u64, u64)) -> Result<bool, Errno> {
    send(diagnosis.as_raw_fd(), &request(), MsgFlags::empty())?;
    let mut answer = vec![0; ANSWER];
    let mut found = false;
    loop {
        let length = recv(diagnosis.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let mut rest = answer.get(..length).ok_or(Errno::EMSGSIZE)?;
        while let Some((size, kind)) = header(rest) {
            match i32::from(kind) {
                libc::NLMSG_DONE => return Ok(found),
                libc::NLMSG_ERROR => return Err(Errno::EIO),
                _ => {
                    found |= vfs(rest.get(HEADER + MESSAGE..size).unwrap_or_default())
                        == Some((kernel_device(device), inode))
                }
            }
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// A dump of all listening unix sockets.
fn request() -> Vec<u8> {
    /// The state `TCP_LISTEN`, as a bit.
    const LISTEN: u32 = 1 << 10;
    /// `NLM_F_REQUEST | NLM_F_DUMP`
    const DUMP: u16 = 0x301;
    let mut bytes = Vec::with_capacity(HEADER + 24);
    bytes.extend_from_slice(&40_u32.to_ne_bytes());
    bytes.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes.extend_from_slice(&DUMP.to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    // The family, AF_UNIX, and padding.
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&LISTEN.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(&SHOW_VFS.to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes
}

/// Length and type of the message that `bytes` begin with.
fn header(bytes: &[u8]) -> Option<(usize, u16)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let kind = u16::from_ne_bytes(*rest.first_chunk::<2>()?);
    let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
    (length >= HEADER && length <= bytes.len()).then_some((length, kind))
}

/// Device and inode number of the attribute `UNIX_DIAG_VFS` among `attributes`.
fn vfs(mut attributes: &[u8]) -> Option<(u64, u64)> {
    while let Some((length, rest)) = attributes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_ne_bytes(*length));
        let kind = u16::from_ne_bytes(*rest.first_chunk::<2>()?);
        let value = attributes.get(4..length)?;
        if kind == VFS {
            let (inode, device) = value.split_first_chunk::<4>()?;
            let device = device.first_chunk::<4>()?;
            return Some((u32::from_ne_bytes(*device).into(), u32::from_ne_bytes(*inode).into()));
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// `device` as the kernel numbers it inside: twelve bits of major, twenty of minor.
fn kernel_device(device: u64) -> u64 {
    let (major, minor) = (libc::major(device), libc::minor(device));
    u64::from(major << 20 | minor)
}
