//! What `log` shows, and what it finds.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use lobsterpot_audit_log::{Log, What, Writer};

use crate::world::World;

/// Where the log lies.
const FILE: &str = "home/.local/state/lobsterpot/audit.jsonl";

/// Writes three records as the launcher would.
fn write(world: &World) {
    let log = Log::new(world.path("home/.local/state/lobsterpot"));
    let refused = |subject: &str, times| What::Refused {
        reason: "net.host-not-allowed".to_owned(),
        subject: subject.to_owned(),
        times,
    };
    let writer = |command: &str| Writer { time: 1_795_266_116_671, run: "1".to_owned(), command: command.to_owned() };
    log.append(&writer("curl"), [refused("example.com:443", 3), refused("x\u{1b}[2J", 1)]).unwrap();
    let ended = What::WayOutEnded { message: "was ended by SIGKILL".to_owned() };
    log.append(&writer("npm\n"), [ended]).unwrap();
    for name in ["home/.local", "home/.local/state", "home/.local/state/lobsterpot", FILE] {
        world.own(name);
    }
}

#[test]
fn refusals_are_shown_and_nothing_drives_the_terminal() {
    for world in World::all() {
        assert_eq!(world.expect(0, &["log"]), "nothing was refused\n");
        write(&world);
        assert_eq!(
            world.expect(0, &["log"]),
            "2026-11-21T13:01:56Z curl  refused example.com:443 (net.host-not-allowed), 3 times\n\
             2026-11-21T13:01:56Z curl  refused x\\u{1b}[2J (net.host-not-allowed)\n\
             2026-11-21T13:01:56Z npm\\n  lobsterpot-egress was ended by SIGKILL: the network was closed\n"
        );
        assert_eq!(world.expect(0, &["log", "--last", "1"]).lines().count(), 1);
        let records = world.expect(0, &["log", "--json", "--last", "2"]);
        let numbers: Vec<u64> = records
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, [1, 2]);
    }
}

#[test]
fn a_log_that_was_changed_is_found_and_the_place_is_named() {
    for world in World::all() {
        assert!(world.expect(0, &["log", "--verify"]).contains("there is no record"));
        write(&world);
        assert!(
            world.expect(0, &["log", "--verify"]).contains("3 records follow from one another; the last is number 2")
        );
        let whole = world.read(FILE);
        world.write(FILE, &whole.replace("example.com:443", "example.org:443"));
        let said = world.expect(1, &["log", "--verify"]);
        assert!(
            said.contains("audit.jsonl:1: THE CHAIN BREAKS: this is no record, or its bytes were changed"),
            "{said}"
        );
        let said = world.expect(1, &["log", "--verify", "--json"]);
        assert!(said.contains("\"line\":1"), "{said}");
        let lines: Vec<&str> = whole.lines().collect();
        world.write(FILE, &format!("{}\n{}\n", lines[0], lines[2]));
        assert!(world.expect(1, &["log", "--verify"]).contains("audit.jsonl:2: THE CHAIN BREAKS"), "one was taken out");
        // The last record cut short.
        world.write(FILE, &whole[..whole.len() - 9]);
        assert!(world.expect(1, &["log", "--verify"]).contains("as after a crash"));
    }
}

#[test]
fn a_log_that_others_could_have_written_is_refused_with_a_hint() {
    let world = World::new();
    write(&world);
    fs::set_permissions(world.path(FILE), Permissions::from_mode(0o622)).unwrap();
    let said = world.expect(65, &["log"]);
    assert!(said.contains("others may write it\nhint: "), "{said}");
}
