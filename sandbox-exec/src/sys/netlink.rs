//! Routing netlink, as far as a loopback interface needs it: `rtnetlink(7)`, RFC 3549. Nothing here is read from but our own answers.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// Length of a `nlmsghdr`.
const HEADER: usize = 16;
/// The loopback interface is the first of every network namespace.
const LOOPBACK: u32 = 1;
/// `NLM_F_REQUEST | NLM_F_ACK`
const CHANGE: u16 = 0x005;
/// The same with `NLM_F_EXCL | NLM_F_CREATE`
const CREATE: u16 = 0x605;
/// Bytes of one answer: an error quotes the request, and no request here is longer.
const ANSWER: usize = 512;

/// Requests about the loopback interface, sent together and answered one by one.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The messages.
    bytes: Vec<u8>,
    /// How many there are.
    count: u32,
}

impl Batch {
    /// Brings the interface up.
    pub(crate) fn up(self) -> Self {
        let flag = libc::IFF_UP.cast_unsigned().to_ne_bytes();
        // struct ifinfomsg: family and padding, type, index, flags, and which of them to change.
        let body = [[0; 4], LOOPBACK.to_ne_bytes(), flag, flag].concat();
        self.message(libc::RTM_NEWLINK, CHANGE, &body)
    }

    /// Gives the interface `address`, alone in its subnet.
    pub(crate) fn address(self, address: IpAddr) -> Self {
        /// `IFA_F_NODAD`: nobody else is there to have it already.
        const NO_DETECTION: u8 = 0x02;
        let (family, bits) = family(address);
        // struct ifaddrmsg: family, length of the prefix, flags, scope, index.
        let mut body = vec![family, bits, NO_DETECTION, libc::RT_SCOPE_UNIVERSE];
        body.extend_from_slice(&LOOPBACK.to_ne_bytes());
        attribute(&mut body, libc::IFA_LOCAL, &octets(address));
        attribute(&mut body, libc::IFA_ADDRESS, &octets(address));
        self.message(libc::RTM_NEWADDR, CREATE, &body)
    }

    /// Makes every address of `source`'s family a local one, to be reached from `source` where a program chooses no other.
    pub(crate) fn every_address_is_local(self, source: IpAddr) -> Self {
        let (family, _) = family(source);
        let scope = if source.is_ipv4() { libc::RT_SCOPE_HOST } else { libc::RT_SCOPE_UNIVERSE };
        // struct rtmsg: family, lengths of both prefixes, type of service, table, protocol, scope, type, flags.
        let mut body = vec![family, 0, 0, 0, libc::RT_TABLE_LOCAL, libc::RTPROT_BOOT, scope, libc::RTN_LOCAL];
        body.extend_from_slice(&[0; 4]);
        attribute(&mut body, libc::RTA_OIF, &LOOPBACK.to_ne_bytes());
        attribute(&mut body, libc::RTA_PREFSRC, &octets(source));
        self.message(libc::RTM_NEWROUTE, CREATE, &body)
    }

    /// Adds a message of type `kind`.
    fn message(mut self, kind: u16, flags: u16, body: &[u8]) -> Self {
        let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
        self.count += 1;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&self.count.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(body);
        self
    }

    /// Sends the requests in one message, in which the kernel carries each out whatever became of those before it. Returns what
    /// became of each.
    ///
    /// # Errors
    /// The kernel's for the sending itself; `EBADMSG` when an answer is not one to these requests.
    pub(crate) fn send(&self) -> Result<Vec<Result<(), Errno>>, Errno> {
        let line = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        send(line.as_raw_fd(), &self.bytes, MsgFlags::empty())?;
        (1..=self.count).map(|number| answer(&line, number)).collect()
    }
}

/// Receives the answer to message `number`: `struct nlmsgerr`, with 0 for success.
///
/// # Errors
/// As [`Batch::send`].
fn answer(line: &OwnedFd, number: u32) -> Result<Result<(), Errno>, Errno> {
    let mut bytes = [0; ANSWER];
    // The request was carried out while it was sent, so that the answer is there; none is a mistake, and not to be waited for.
    let length = recv(line.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT)?;
    let bytes = bytes.get(..length).unwrap_or_default();
    let kind = bytes.get(4..).and_then(|rest| rest.first_chunk()).map(|kind| i32::from(u16::from_ne_bytes(*kind)));
    let asked = bytes.get(8..).and_then(|rest| rest.first_chunk()).map(|asked| u32::from_ne_bytes(*asked));
    let code = bytes.get(HEADER..).and_then(|rest| rest.first_chunk()).map(|code| i32::from_ne_bytes(*code));
    match (kind, asked, code) {
        (Some(libc::NLMSG_ERROR), Some(asked), Some(0)) if asked == number => Ok(Ok(())),
        (Some(libc::NLMSG_ERROR), Some(asked), Some(code)) if asked == number => {
            Ok(Err(Errno::from_raw(code.saturating_neg())))
        }
        _ => Err(Errno::EBADMSG),
    }
}

/// Appends the attribute `kind` with `value`, which is a multiple of four bytes long: `struct rtattr`.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    body.extend_from_slice(&length.to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
}

/// The family of `address` and its length in bits.
fn family(address: IpAddr) -> (u8, u8) {
    let (family, bits) = if address.is_ipv4() { (libc::AF_INET, 32) } else { (libc::AF_INET6, 128) };
    (u8::try_from(family).unwrap_or_default(), bits)
}

/// `address` as it goes over a wire.
fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length that each message of `bytes` states.
    fn lengths(bytes: &[u8]) -> Vec<usize> {
        let mut rest = bytes;
        let mut found = Vec::new();
        while let Some(length) = rest.first_chunk::<4>() {
            let length = u32::from_ne_bytes(*length) as usize;
            found.push(length);
            rest = &rest[length..];
        }
        found
    }

    #[test]
    fn messages_state_their_own_length_and_stay_aligned() {
        let (four, six) = (IpAddr::from([198, 18, 0, 1]), IpAddr::from([0x2001, 2, 0, 0, 0, 0, 0, 1]));
        let batch = Batch::default().up().address(four).address(six);
        let batch = batch.every_address_is_local(four).every_address_is_local(six);
        assert_eq!(lengths(&batch.bytes), [32, 40, 64, 44, 56]);
        assert_eq!(batch.count, 5);
    }

    #[test]
    fn without_the_right_to_change_the_network_every_request_is_refused() {
        let refused = Batch::default().up().address(IpAddr::from([198, 18, 0, 1]));
        // In a thread of its own, which gives up what root has.
        let answers = std::thread::spawn(move || {
            caps::clear(None, caps::CapSet::Effective).unwrap();
            refused.send()
        });
        assert_eq!(answers.join().unwrap().unwrap(), [Err(Errno::EPERM), Err(Errno::EPERM)]);
    }
}
