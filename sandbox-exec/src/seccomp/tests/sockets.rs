//! Which sockets can be had, with a network namespace around the process and without one.

use super::{ALLOW, HIGH_BITS, NOTIFY, Variant, assert_each, assert_everywhere, errno, reported};

/// Asserts what `socket` answers for a family of the network: `online` where there is a network namespace, refused where not.
#[track_caller]
fn assert_network(arguments: [u64; 3], online: u32) {
    assert_each("socket", &arguments, |variant| if variant.offline { errno(libc::EACCES) } else { online });
}

#[test]
fn unix_datagram_sockets_are_refused_in_every_disguise() {
    // SOCK_DGRAM, SOCK_RAW (which the kernel turns into SOCK_DGRAM), with SOCK_CLOEXEC, SOCK_NONBLOCK and high bits
    for (kind, flags) in [2, 3].into_iter().flat_map(|kind| [0, 0x8_0000, 0x800, 0x8_0800].map(|flags| (kind, flags))) {
        for high in HIGH_BITS {
            assert_everywhere("socket", &[1 | high, kind | flags | high, high], errno(libc::EACCES));
            assert_everywhere("socketpair", &[1 | high, kind | flags | high, high], errno(libc::EACCES));
        }
    }
}

#[test]
fn unix_streams_are_ordinary_work_also_offline() {
    for (kind, high) in
        [1, 5, 0x8_0001, 0x801, 0x8_0805].into_iter().flat_map(|kind| HIGH_BITS.map(|high| (kind, high)))
    {
        assert_everywhere("socket", &[1 | high, kind | high, 0], ALLOW);
        assert_everywhere("socketpair", &[1 | high, kind | high, 0], ALLOW);
    }
}

#[test]
fn rare_socket_families_are_unknown() {
    for family in (0..64).filter(|family| ![1, 2, 10, 16].contains(family)).chain([0xffff, 0xffff_ffff]) {
        assert_network([family, 1, 0], errno(libc::EAFNOSUPPORT));
        assert_everywhere("socketpair", &[family, 1, 0], errno(libc::EOPNOTSUPP));
    }
}

#[test]
fn netlink_serves_routing_only() {
    assert_network([16, 0x8_0003, 0], ALLOW);
    for protocol in 1..32 {
        assert_network([16, 3, protocol], errno(libc::EPROTONOSUPPORT));
    }
}

#[test]
fn raw_packets_cannot_be_sent() {
    for (family, kind) in [2, 10].into_iter().flat_map(|family| [3, 10, 4, 5, 6, 0x8_0003].map(|kind| (family, kind))) {
        for high in HIGH_BITS {
            assert_each("socket", &[family | high, kind | high, 1], |variant| {
                if variant.offline { errno(libc::EACCES) } else { reported(variant, libc::EPERM) }
            });
        }
    }
}

#[test]
fn internet_sockets_are_ordinary_work_where_there_is_a_network() {
    for (kind, protocol) in [(1, 0), (1, 6), (2, 0), (2, 17), (2, 1), (2, 58), (1, 262), (0x8_0801, 6)] {
        assert_network([2, kind, protocol], ALLOW);
        assert_network([10, kind, protocol], ALLOW);
    }
    for protocol in [33, 115, 132, 136, 255] {
        assert_network([2, 1, protocol], errno(libc::EPROTONOSUPPORT));
    }
}

#[test]
fn internet_sockets_do_not_exist_offline() {
    let kinds = [0, 1, 2, 3, 5, 0x8_0001, 0x802, 0x8_0802, 0xffff_ffff];
    for (family, kind) in [2, 10, 16, 17, 40].into_iter().flat_map(|family| kinds.map(|kind| (family, kind))) {
        for (protocol, high) in [0, 6, 17, 262, 0xffff_ffff].into_iter().flat_map(|p| HIGH_BITS.map(|high| (p, high))) {
            let arguments = [family | high, kind | high, protocol | high];
            for variant in Variant::all().filter(|variant| variant.offline) {
                super::assert_answer(variant, "socket", &arguments, errno(libc::EACCES));
            }
        }
    }
}

#[test]
fn a_family_cannot_pose_as_unix_by_its_high_half() {
    // The kernel reads the low half only: these are no family, and IPv4.
    for family in [1 << 32, 1 << 32 | 2, 0x1_0000_0001 << 16] {
        assert_each("socket", &[family, 5, 0], |variant| match family & 0xffff_ffff {
            _ if variant.offline => errno(libc::EACCES),
            2 => reported(variant, libc::EPERM),
            _ => errno(libc::EAFNOSUPPORT),
        });
    }
}

#[test]
fn the_hosts_ipc_is_out_of_reach_where_no_namespace_replaces_it() {
    let shared = ["shmget", "shmat", "shmctl"];
    let rest =
        ["semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"];
    for call in shared.into_iter().chain(rest) {
        for arguments in [[0; 6], [u64::MAX; 6], [0x4000_0000, 0o1600, 1 << 32, 0, 0, 0]] {
            assert_each(call, &arguments, |variant| if variant.offline { errno(libc::EPERM) } else { ALLOW });
        }
    }
}

#[test]
fn letting_go_of_memory_and_using_what_is_open_stays_possible_offline() {
    for call in ["shmdt", "sendto", "recvmsg", "listen", "accept4", "eventfd2", "pipe2", "memfd_create"] {
        assert_everywhere(call, &[3, 0, 0], ALLOW);
    }
}

#[test]
fn binding_a_name_is_shown_to_the_supervisor() {
    for arguments in [[3, 0x7fff_0000, 110], [0, 0, 0], [u64::MAX; 3]] {
        assert_each("bind", &arguments, |variant| if variant.supervised { NOTIFY } else { ALLOW });
    }
}

#[test]
fn connect_is_supervised_exactly_where_a_supervisor_stands() {
    for arguments in [[3, 0x7fff_0000, 110], [0, 0, 0], [u64::MAX; 3]] {
        assert_each("connect", &arguments, |variant| if variant.supervised { NOTIFY } else { ALLOW });
    }
}

#[test]
fn a_connection_cannot_be_made_without_connect() {
    // MSG_FASTOPEN, alone and with MSG_NOSIGNAL and MSG_DONTWAIT.
    for flags in [0x2000_0000, 0x2000_4040] {
        for high in HIGH_BITS {
            for (call, before) in [("sendto", 3), ("sendmmsg", 3), ("sendmsg", 2)] {
                let mut arguments = vec![3; before];
                arguments.push(flags | high);
                let refused = errno(libc::EOPNOTSUPP);
                assert_each(call, &arguments, |variant| if variant.supervised { refused } else { ALLOW });
                arguments.pop();
                arguments.push(0x4040 | high);
                assert_everywhere(call, &arguments, ALLOW);
            }
        }
    }
}
