//! Anything outside that answers on a socket.

use crate::harness::attempt::escape_as_root;
use crate::harness::canary::random_name;
use crate::harness::service::Service;
use crate::harness::{Attempt, Scene, escape};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A listener at a path of the scene.
fn listener(scene: &mut Scene, place: &Path) -> PathBuf {
    scene.services.push(Service::at_path(place, scene.canary.text()));
    place.to_path_buf()
}

#[test]
fn path_socket_in_the_home_cannot_be_reached() {
    escape(|scene| {
        let place = listener(scene, &scene.at_home("agent.sock"));
        Attempt::attack(scene, &["connect-unix".into(), place.into_os_string()]).leaks()
    });
}

#[test]
fn path_socket_in_a_run_time_folder_cannot_be_reached() {
    escape_as_root(|scene| {
        let place = Path::new("/run").join(format!("lobsterpot-e2e-{}.sock", &random_name()[..8]));
        scene.goes_away(&place);
        listener(scene, &place);
        Attempt::attack(scene, &["connect-unix".into(), place.into_os_string()]).leaks()
    });
}

#[test]
fn path_socket_in_a_readable_folder_cannot_be_reached() {
    escape(|scene| {
        let place = listener(scene, &scene.at_home(".local/bin/s"));
        Attempt::attack(scene, &["connect-unix".into(), place.into_os_string()]).leaks()
    });
}

#[test]
fn listener_outside_cannot_be_reached_at_a_path_in_the_workspace() {
    escape(|scene| {
        listener(scene, &scene.at_work("s"));
        Attempt::attack(scene, &["connect-unix", "s"]).leaks()
    });
}

#[test]
fn listener_outside_cannot_be_reached_by_a_symlink_in_the_workspace() {
    escape(|scene| {
        let place = listener(scene, &scene.at_home("agent.sock"));
        std::os::unix::fs::symlink(place, scene.at_work("s")).expect("a symlink");
        Attempt::attack(scene, &["connect-unix", "s"]).leaks()
    });
}

#[test]
fn address_changed_during_the_check_does_not_reach_the_listener_outside() {
    escape(|scene| {
        listener(scene, &scene.at_work("b"));
        let [prefix, _] = scene.canary.parts();
        Attempt::attack(scene, &["connect-race", "a", "b", prefix])
    });
}

#[test]
fn listener_outside_cannot_hand_over_an_open_secret() {
    escape(|scene| {
        let secret = std::fs::File::open(scene.at_home(".ssh/id_ed25519")).expect("the secret");
        scene.services.push(Service::handing_over(&scene.at_work("s"), secret));
        Attempt::attack(scene, &["recv-fd", "s"]).leaks()
    });
}

#[test]
fn abstract_socket_of_the_host_cannot_be_reached() {
    escape(|scene| {
        let name = random_name();
        scene.services.push(Service::at_abstract_name(&name, scene.canary.text()));
        Attempt::attack(scene, &["connect-unix".to_owned(), format!("@{name}")]).leaks()
    });
}

#[test]
fn abstract_socket_cannot_be_reached_even_with_the_hosts_network() {
    escape(|scene| {
        let name = random_name();
        scene.services.push(Service::at_abstract_name(&name, scene.canary.text()));
        Attempt::attack(scene, &["connect-unix".to_owned(), format!("@{name}")])
            .leaks()
            .with(|run| run.flags(&["--net", "host"]))
    });
}

#[test]
fn datagram_to_a_path_in_the_workspace_does_not_reach_a_listener_outside() {
    for way in ["send-dgram", "send-dgram-pair"] {
        escape(|scene| {
            scene.services.push(Service::datagrams_at_path(&scene.at_work("s")));
            Attempt::attack(scene, &[way, "s", "evil"]).effect(|scene| {
                std::thread::sleep(std::time::Duration::from_millis(60));
                !scene.services[0].heard().is_empty()
            })
        });
    }
}

#[test]
fn datagram_to_an_abstract_name_does_not_reach_a_listener_outside() {
    escape(|scene| {
        let name = random_name();
        scene.services.push(Service::datagrams_at_abstract_name(&name));
        Attempt::attack(scene, &["send-dgram".to_owned(), format!("@{name}"), "evil".to_owned()]).effect(|scene| {
            std::thread::sleep(std::time::Duration::from_millis(60));
            !scene.services[0].heard().is_empty()
        })
    });
}

#[test]
fn loopback_service_of_the_host_cannot_be_reached() {
    for address in ["127.0.0.1", "::1"] {
        if Service::tcp(address, "").is_none() {
            eprintln!("NOTE: no {address} on this host");
            continue;
        }
        escape(|scene| {
            let service = Service::tcp(address, scene.canary.text()).expect("a listener");
            let target = if address.contains(':') {
                format!("[{address}]:{}", service.port)
            } else {
                format!("{address}:{}", service.port)
            };
            scene.services.push(service);
            Attempt::attack(scene, &["connect-tcp".to_owned(), target]).leaks()
        });
    }
}

#[test]
fn service_on_the_hosts_own_address_cannot_be_reached() {
    let route = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Ok(own) = route else {
        return eprintln!("NOTE: this host has no address but loopback");
    };
    escape(|scene| {
        let service = Service::tcp(&own.ip().to_string(), scene.canary.text()).expect("a listener");
        let target = std::net::SocketAddr::new(own.ip(), service.port).to_string();
        scene.services.push(service);
        Attempt::attack(scene, &["connect-tcp".to_owned(), target]).leaks()
    });
}

#[test]
fn connecting_by_sending_does_not_reach_the_host() {
    escape(|scene| {
        let service = Service::tcp("127.0.0.1", scene.canary.text()).expect("a listener");
        let port = service.port.to_string();
        scene.services.push(service);
        Attempt::attack(scene, &["fastopen".to_owned(), port]).leaks()
    });
}

#[test]
fn udp_service_of_the_host_cannot_be_reached() {
    escape(|scene| {
        let service = Service::udp(scene.canary.text());
        let target = format!("127.0.0.1:{}", service.port);
        scene.services.push(service);
        Attempt::attack(scene, &["send-udp".to_owned(), target, "hello".to_owned()]).leaks()
    });
}

/// Runs the helper with a client of the host trying to reach what it listens on.
fn served_from_inside(words: &[&str], client: &[String]) {
    escape(|scene| {
        // The client tries from outside, all the time that the attempt may take.
        let script = format!(
            "for i in $(seq 100); do '{}' {} >/dev/null 2>&1; sleep 0.05; done",
            scene.attack().display(),
            client.join(" ")
        );
        let mut outside =
            Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::null()).spawn().expect("the client starts");
        let attempt = Attempt::attack(scene, words);
        let _reaper = std::thread::spawn(move || outside.wait());
        attempt
    });
}

#[test]
fn server_inside_cannot_be_reached_from_the_host() {
    let port = (20_000 + std::process::id() % 10_000).to_string();
    served_from_inside(&["listen-tcp", &port], &["connect-tcp".to_owned(), format!("127.0.0.1:{port}")]);
}

#[test]
fn abstract_listener_inside_cannot_be_reached_from_the_host() {
    let name = random_name();
    served_from_inside(&["listen-abstract", &name], &["connect-unix".to_owned(), format!("@{name}")]);
}

#[test]
fn raw_and_packet_sockets_cannot_be_made() {
    for words in
        [["socket", "2", "3", "1"], ["socket", "10", "3", "58"], ["socket", "17", "3", "0"], ["socket", "2", "10", "0"]]
    {
        escape_as_root(|scene| Attempt::attack(scene, &words).where_the_kernel_has_it());
    }
}

#[test]
fn rare_socket_families_cannot_be_used() {
    // vsock, alg, key, bluetooth, tipc, can, xdp, qipcrtr
    for family in ["40", "38", "15", "31", "30", "29", "44", "42"] {
        escape_as_root(|scene| {
            let kind = if family == "38" { "5" } else { "3" };
            let kind = if family == "40" { "1" } else { kind };
            Attempt::attack(scene, &["socket", family, kind, "0"]).where_the_kernel_has_it()
        });
    }
}

#[test]
fn hypervisor_socket_cannot_be_made() {
    escape(|scene| Attempt::attack(scene, &["vsock-connect", "2", "1024"]).where_the_kernel_has_it());
}

#[test]
fn netlink_is_for_routes_only() {
    // audit, netfilter, kobject_uevent, generic, sock_diag
    for protocol in ["9", "12", "15", "16", "4"] {
        escape(|scene| Attempt::attack(scene, &["socket", "16", "3", protocol]).where_the_kernel_has_it());
    }
}
