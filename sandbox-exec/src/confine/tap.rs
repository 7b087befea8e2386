//! Filters for the sockets that tell what was sent over UDP to ports that nobody serves.
//!
//! The kernel answers such a packet with "port unreachable", which quotes it. A raw ICMP socket gets a copy of that; the filter lets
//! no other message pass. Nothing is paid for packets that are served. (A packet socket would see the packets themselves, but
//! closing one takes the kernel 8 to 16 ms, which every run would end with.)

use crate::sys::net::Instruction;

/// Bytes of a message that are kept: an IPv4 header, the ICMP header, the quoted header and the quoted ports, with room for options.
const KEPT: u32 = 96;
/// Length of the header of an ICMP message, RFC 792 and RFC 4443: the quoted packet follows it.
const QUOTE: u32 = 8;
/// UDP as IP numbers it.
const UDP: u32 = 17;

/// The filter of a raw ICMP socket, which sees the message from its IP header on: RFC 791, RFC 792.
pub(super) fn icmp() -> Vec<Instruction> {
    let mut program = Program::default();
    program.skip_header();
    program.expect(Load::After(0), 3); // destination unreachable
    program.expect(Load::After(1), 3); // for the port
    program.expect(Load::After(QUOTE + 9), UDP); // the protocol of the quoted packet
    program.refuse(Load::After(QUOTE + 16), 127); // the first byte of where it was sent: loopback
    program.end()
}

/// The filter of a raw ICMPv6 socket, which sees the message without its IPv6 header: RFC 8200, RFC 4443.
pub(super) fn icmp6() -> Vec<Instruction> {
    let mut program = Program::default();
    program.expect(Load::At(0), 1); // destination unreachable
    program.expect(Load::At(1), 4); // for the port
    program.expect(Load::At(QUOTE + 6), UDP); // the quoted packet's next header
    program.refuse_loopback(QUOTE + 24); // where it was sent
    program.end()
}

/// A byte of a message.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// From its beginning.
    At(u32),
    /// From the end of its IPv4 header.
    After(u32),
}

/// A classic BPF program in the making: `bpf(4)`, `Documentation/networking/filter.rst`.
#[derive(Debug, Default)]
struct Program(Vec<Instruction>);

impl Program {
    /// Keeps the length of the IPv4 header for [`Load::After`].
    fn skip_header(&mut self) {
        self.add(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0);
    }

    /// Drops the message unless the byte at `load` is `value`.
    fn expect(&mut self, load: Load, value: u32) {
        self.load(load);
        self.add(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 1, 0);
        self.add(libc::BPF_RET | libc::BPF_K, 0, 0, 0);
    }

    /// Drops the message if the byte at `load` is `value`.
    fn refuse(&mut self, load: Load, value: u32) {
        self.load(load);
        self.add(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, 1);
        self.add(libc::BPF_RET | libc::BPF_K, 0, 0, 0);
    }

    /// Drops the message if the IPv6 address at `offset` is `::1`.
    fn refuse_loopback(&mut self, offset: u32) {
        // Each word but the last that differs skips the rest and the final refusal: two instructions for each word that follows.
        for (word, value, past) in [(0, 0, 7), (4, 0, 5), (8, 0, 3), (12, 1, 1)] {
            self.add(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset + word, 0, 0);
            self.add(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, past);
        }
        self.add(libc::BPF_RET | libc::BPF_K, 0, 0, 0);
    }

    /// Loads one byte.
    fn load(&mut self, load: Load) {
        match load {
            Load::At(offset) => self.add(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, offset, 0, 0),
            Load::After(offset) => self.add(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, offset, 0, 0),
        }
    }

    /// Adds one instruction; `then` and `otherwise` are how many instructions a jump skips.
    fn add(&mut self, code: u32, value: u32, then: u8, otherwise: u8) {
        let code = u16::try_from(code).unwrap_or_default();
        self.0.push(Instruction { code, jt: then, jf: otherwise, k: value });
    }

    /// Keeps what was not dropped.
    fn end(mut self) -> Vec<Instruction> {
        self.add(libc::BPF_RET | libc::BPF_K, KEPT, 0, 0);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::sys::net::attach_filter;

    /// What passes `filter` of `message`: filters see the bytes of a unix datagram as they see those of a packet.
    fn passed(filter: &[Instruction], message: &[u8]) -> Option<Vec<u8>> {
        let (from, to) = UnixDatagram::pair().unwrap();
        to.set_nonblocking(true).unwrap();
        let to = OwnedFd::from(to);
        attach_filter(&to, filter).unwrap();
        let _ = from.send(message);
        let mut bytes = [0; 2048];
        UnixDatagram::from(to).recv(&mut bytes).ok().map(|length| bytes[..length].to_vec())
    }

    /// An IPv4 header of `words` words for `protocol` with this destination.
    fn header(words: u8, protocol: u8, to: [u8; 4]) -> Vec<u8> {
        let mut header = vec![0; usize::from(words) * 4];
        (header[0], header[9]) = (0x40 | words, protocol);
        header[16..20].copy_from_slice(&to);
        header
    }

    /// "Unreachable" with `code`, quoting a packet of `protocol` to `to`.
    fn unreachable(words: u8, code: u8, protocol: u8, to: [u8; 4]) -> Vec<u8> {
        let quoted = [header(5, protocol, to), vec![0x9c, 0x40, 0x01, 0xbb, 0, 8, 0, 0]].concat();
        [header(words, 1, [198, 18, 0, 1]), vec![3, code, 0, 0, 0, 0, 0, 0], quoted].concat()
    }

    /// The same for IPv6.
    fn unreachable6(code: u8, next: u8, to: [u8; 16]) -> Vec<u8> {
        let mut quoted = vec![0x60, 0, 0, 0, 0, 8, next, 64];
        quoted.extend([0; 16]);
        quoted.extend(to);
        [vec![1, code, 0, 0, 0, 0, 0, 0], quoted, vec![0x9c, 0x40, 0x01, 0xbb, 0, 8, 0, 0]].concat()
    }

    const FAR: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    #[test]
    fn udp_to_a_port_that_nobody_serves_is_told() {
        for words in [5, 6, 15] {
            let message = unreachable(words, 3, 17, [192, 0, 2, 1]);
            assert_eq!(passed(&icmp(), &message).as_deref(), Some(&message[..message.len().min(96)]), "{words}");
        }
        assert_eq!(passed(&icmp6(), &unreachable6(4, 17, FAR)), Some(unreachable6(4, 17, FAR)));
    }

    #[test]
    fn nothing_else_is_told() {
        let others = [
            unreachable(5, 3, 17, [127, 0, 0, 53]),
            unreachable(5, 3, 6, [192, 0, 2, 1]),
            unreachable(5, 1, 17, [192, 0, 2, 1]),
            header(5, 1, [192, 0, 2, 1]),
            Vec::from([0x45]),
        ];
        for message in others {
            assert_eq!(passed(&icmp(), &message), None, "{message:x?}");
        }
        let mut loopback = [0; 16];
        loopback[15] = 1;
        for message in [unreachable6(4, 17, loopback), unreachable6(4, 6, FAR), unreachable6(0, 17, FAR), vec![1, 4]] {
            assert_eq!(passed(&icmp6(), &message), None, "{message:x?}");
        }
        // Like ::1 in three words of four is not ::1.
        for byte in [0, 4, 8, 14] {
            let mut near = loopback;
            near[byte] = 1;
            assert!(passed(&icmp6(), &unreachable6(4, 17, near)).is_some(), "{near:?}");
        }
    }

    #[test]
    fn no_more_than_its_head_is_kept_of_a_message() {
        let mut long = unreachable(5, 3, 17, [192, 0, 2, 1]);
        long.extend([7; 500]);
        assert_eq!(passed(&icmp(), &long).map(|kept| kept.len()), Some(96));
    }
}
