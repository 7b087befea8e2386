//! The store through its commands: what people do with it, and what they give it by mistake or on purpose.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use nix::sys::stat::Mode;

use super::harness::Home;

/// Sets permission bits.
fn chmod(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_vault_is_made_filled_listed_and_emptied() {
    let home = Home::new();
    let made = home.run(&["init"]).done();
    assert!(made.text().contains("post-quantum") && made.text().contains("recipient: SHA256:"), "{}", made.text());
    let recipient = home.run(&["status", "--recipients"]).done().text();
    assert!(
        recipient.starts_with("age1pq1") && recipient.lines().count() == 1 && recipient.len() == 1960,
        "{recipient}"
    );
    assert_eq!(fs::metadata(home.identity()).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(home.vault()).unwrap().mode() & 0o7777, 0o600);
    home.feed(&["set", "A", "--note", "from the console", "--expires", "90d"], b"hunter2\n").done();
    assert_eq!(home.get("A"), b"hunter2");
    home.feed(&["set", "BYTES", "--raw"], b"\0\xff\n").done();
    assert_eq!(home.get("BYTES"), b"\0\xff\n");
    let list = home.run(&["list"]).done().text();
    assert!(list.contains("from the console") && !list.contains("hunter2"), "{list}");
    let listed: serde_json::Value = serde_json::from_slice(&home.run(&["list", "--json"]).done().stdout).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["length"]), (&"A".into(), &7.into()));
    home.run(&["unset", "A", "BYTES"]).done();
    home.run(&["get", "A"]).refused(66, "no secret A", "list");
    assert_eq!(home.run(&["list", "--json"]).done().text(), "[]\n");
    home.run(&["status"]).done();
    home.run(&["verify"]).done();
    assert_eq!(home.names(), [".vault.age.lock", "vault.age", "vault.key"]);
}

#[test]
fn init_overwrites_nothing() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = (fs::read(home.vault()).unwrap(), fs::read(home.identity()).unwrap());
    home.run(&["init"]).refused(73, "exists already", "mv ");
    assert_eq!((fs::read(home.vault()).unwrap(), fs::read(home.identity()).unwrap()), before);
    fs::remove_file(home.vault()).unwrap();
    // The identity that is there is used.
    home.run(&["init"]).done();
    assert_eq!(fs::read(home.identity()).unwrap(), before.1);
    home.run(&["init", "--classic"]).refused(73, "exists already", "mv ");
    fs::remove_file(home.vault()).unwrap();
    home.run(&["init", "--classic"]).refused(77, "post-quantum", "--classic");
    assert!(!home.vault().exists());
}

#[test]
fn an_unchanged_value_writes_nothing() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = (fs::read(home.vault()).unwrap(), fs::metadata(home.vault()).unwrap().ino());
    let ran = home.feed(&["set", "A"], b"1\n").done();
    assert!(ran.stderr.contains("nothing changed"), "{ran:?}");
    assert_eq!((fs::read(home.vault()).unwrap(), fs::metadata(home.vault()).unwrap().ino()), before);
}

#[test]
fn values_that_are_mistakes_are_refused() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = fs::read(home.vault()).unwrap();
    home.feed(&["set", "A"], b"\n").refused(65, "empty", "--empty");
    home.feed(&["set", "A"], &vec![b'x'; (1 << 20) + 1]).refused(
        65,
        "longer than 1048576 bytes",
        "nothing was changed",
    );
    home.feed(&["set", "A", "--fd", "77"], b"").refused(74, "descriptor 77", "--fd 3");
    for name in ["LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV"] {
        home.feed(&["set", name], b"x").refused(77, name, "--allow-code");
    }
    home.feed(&["set", "hunter2 is no name"], b"x").refused(64, "not allowed, at byte 7", "letter");
    home.feed(&["set", "A", "--expires", "1999-01-01"], b"x").refused(64, "past", "90d");
    home.feed(&["set", "A", "--consumer", "everybody"], b"x").refused(64, "consumer 1", "claude-api-key");
    home.feed(&["rotate", "A"], b"1").refused(65, "the old one", "nothing was changed");
    home.feed(&["rotate", "NONE"], b"1").refused(66, "no secret NONE", "list");
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    home.feed(&["set", "LD_PRELOAD", "--allow-code"], b"x").done();
    home.feed(&["set", "EMPTY", "--empty"], b"").done();
    assert_eq!(home.get("EMPTY"), b"");
    home.feed(&["set", "BIG"], &vec![b'x'; 1 << 20]).done();
    assert_eq!(home.get("BIG").len(), 1 << 20);
}

#[test]
fn a_secret_that_is_not_for_get_or_has_expired_is_not_written() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    home.run(&["set", "A", "--keep-value", "--consumer", "run", "--consumer", "git"]).done();
    let refused = home.run(&["get", "A"]).refused(77, "not for `get`", "--consumer get");
    assert!(refused.stdout.is_empty());
    home.run(&["set", "A", "--keep-value", "--consumer", "any", "--expires", "1s"]).done();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let refused = home.run(&["get", "A"]).refused(77, "has expired", "rotate A");
    assert!(refused.stdout.is_empty());
    assert_eq!(home.run(&["get", "A", "--expired"]).done().stdout, b"hunter2");
    let status = home.run(&["status"]);
    assert_eq!(status.status, 1);
    assert!(status.text().contains("PROBLEM: A has expired"), "{}", status.text());
}

#[test]
fn a_generated_value_is_not_shown_and_the_old_one_goes_unless_it_is_kept() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let ran = home.run(&["rotate", "A", "--generate", "32", "--alphabet", "hex", "--previous", "OLD"]).done();
    let value = String::from_utf8(home.get("A")).unwrap();
    assert_eq!(value.len(), 32);
    assert!(!ran.stderr.contains(&value) && ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(home.get("OLD"), b"hunter2");
    home.run(&["rotate", "A", "--generate", "--previous", "OLD"]).refused(73, "OLD", "unset OLD");
    home.run(&["rotate", "A", "--generate", "--alphabet", "none"]).refused(64, "alphabet", "base64url");
    assert_eq!(home.get("A"), value.as_bytes());
}

#[test]
fn what_lies_in_the_place_of_a_vault_is_refused_and_left_alone() {
    let home = Home::with_secrets(&[("A", "1")]);
    let good = fs::read(home.vault()).unwrap();
    let both = |status: i32, sentence: &str, hint: &str| {
        home.run(&["get", "A"]).refused(status, sentence, hint);
        home.feed(&["set", "A"], b"2").refused(status, sentence, hint);
    };
    fs::write(home.vault(), "").unwrap();
    both(65, "is empty", "copy");
    fs::write(home.vault(), &good[..good.len() - 1]).unwrap();
    both(65, "", "copy");
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(home.vault(), &flipped).unwrap();
    both(65, "", "copy");
    fs::write(home.vault(), "A=1\n").unwrap();
    both(65, "", "");
    fs::write(home.vault(), &good).unwrap();
    chmod(&home.vault(), 0o660);
    both(77, "others can write", "chmod go-w");
    fs::remove_file(home.vault()).unwrap();
    both(66, "there is nothing at", "init");
    fs::create_dir(home.vault()).unwrap();
    both(65, "is a folder", "--vault");
    fs::remove_dir(home.vault()).unwrap();
    nix::unistd::mkfifo(&home.vault(), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    both(65, "is a named pipe", "--vault");
    fs::remove_file(home.vault()).unwrap();
    fs::write(home.path("v/real.age"), &good).unwrap();
    symlink("real.age", home.vault()).unwrap();
    both(77, "is a symbolic link", "real.age");
    assert_eq!(fs::read(home.path("v/real.age")).unwrap(), good);
    fs::remove_file(home.vault()).unwrap();
    fs::write(home.vault(), &good).unwrap();
    chmod(&home.path("v"), 0o770);
    both(77, "others can write", "chmod go-w");
    chmod(&home.path("v"), 0o700);
    assert_eq!(home.get("A"), b"1");
}

#[test]
fn an_older_vault_that_is_put_back_is_noticed_until_it_is_accepted() {
    let home = Home::with_secrets(&[("A", "1")]);
    let old = fs::read(home.vault()).unwrap();
    home.feed(&["set", "A"], b"2").done();
    let new = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), &old).unwrap();
    for arguments in [&["get", "A"][..], &["list"], &["verify"], &["rotate", "A", "--generate"], &["rekey"]] {
        home.run(arguments).refused(78, "is older than the one seen last", "verify --accept");
    }
    assert_eq!(home.run(&["status"]).status, 1);
    assert_eq!(fs::read(home.vault()).unwrap(), old);
    fs::write(home.vault(), &new).unwrap();
    assert_eq!(home.get("A"), b"2");
    fs::write(home.vault(), &old).unwrap();
    let accepted = home.run(&["verify", "--accept"]).done().text();
    assert!(accepted.contains("seen:     3 of") && accepted.contains("present:  2 of"), "{accepted}");
    assert_eq!(home.get("A"), b"1");
    // Another version of the same number is another vault.
    home.feed(&["set", "A"], b"3").done();
    fs::write(home.vault(), &new).unwrap();
    home.run(&["get", "A"]).refused(78, "the same version", "verify --accept");
}

#[test]
fn another_vault_in_its_place_is_noticed_by_readers_and_writers() {
    let home = Home::with_secrets(&[("A", "1")]);
    fs::rename(home.vault(), home.path("v/mine.age")).unwrap();
    fs::rename(home.path("state"), home.path("mine")).unwrap();
    home.run(&["init"]).done();
    fs::remove_dir_all(home.path("state")).unwrap();
    fs::rename(home.path("mine"), home.path("state")).unwrap();
    let forged = fs::read(home.vault()).unwrap();
    home.run(&["list"]).refused(78, "another vault", "verify --accept");
    home.feed(&["set", "B"], b"for the forger").refused(78, "another vault", "verify --accept");
    assert_eq!(fs::read(home.vault()).unwrap(), forged);
}

#[test]
fn an_older_vault_behind_a_link_that_was_put_in_the_folders_place_is_noticed() {
    let home = Home::with_secrets(&[("A", "1")]);
    fs::create_dir(home.path("forged")).unwrap();
    chmod(&home.path("forged"), 0o700);
    fs::copy(home.vault(), home.path("forged/vault.age")).unwrap();
    home.feed(&["set", "A"], b"2").done();
    fs::rename(home.path("v"), home.path("real")).unwrap();
    fs::rename(home.path("real/vault.key"), home.path("forged/vault.key")).unwrap();
    symlink("forged", home.path("v")).unwrap();
    home.run(&["get", "A"]).refused(78, "is older than the one seen last", "verify --accept");
    home.feed(&["set", "B"], b"3").refused(78, "is older than the one seen last", "verify --accept");
    // The same vault behind a link is no news, and is recorded where it really is, too.
    fs::rename(home.path("forged/vault.key"), home.path("real/vault.key")).unwrap();
    fs::remove_file(home.path("v")).unwrap();
    symlink("real", home.path("v")).unwrap();
    assert_eq!(home.get("A"), b"2");
    home.feed(&["set", "A"], b"3").done();
    fs::copy(home.path("forged/vault.age"), home.path("real/vault.age")).unwrap();
    let real = home.path("real/vault.age");
    home.run(&["get", "A", "--vault", real.to_str().unwrap()]).refused(78, "is older", "verify --accept");
    home.run(&["verify", "--accept"]).done();
    assert_eq!(home.get("A"), b"1");
}

#[test]
fn a_reader_needs_no_place_for_records() {
    let home = Home::with_secrets(&[("A", "1")]);
    fs::remove_dir_all(home.path("state")).unwrap();
    let get = |state: &str| home.run(&["--state", home.path(state).to_str().unwrap(), "get", "A"]);
    assert_eq!(get("none").done().stdout, b"1");
    assert!(home.path("none").is_dir());
    chmod(&home.path("none"), 0o770);
    get("none").refused(77, "others can write", "chmod go-w");
}

#[test]
fn the_vault_can_be_for_several_but_never_for_nobody_here_by_mistake() {
    let home = Home::with_secrets(&[("A", "1")]);
    let other = Home::with_vault();
    let theirs = fs::read_to_string(other.identity()).unwrap();
    let theirs = theirs.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    home.run(&["rekey", "--add", theirs]).done();
    let get = |identity: std::path::PathBuf| home.run(&["--identity", identity.to_str().unwrap(), "get", "A"]);
    assert_eq!(get(other.identity()).done().stdout, b"1");
    home.run(&["rekey", "--add", theirs]).refused(65, "the same as recipient", "once");
    let own = home.run(&["status", "--json"]).done().stdout;
    let own: serde_json::Value = serde_json::from_slice(&own).unwrap();
    let own = own["recipients"].as_array().unwrap().iter().find(|one| one["own"] == true).unwrap();
    let own = own["fingerprint"].as_str().unwrap().to_owned();
    home.run(&["rekey", "--remove", &own]).refused(77, "you could not open", "--force");
    assert_eq!(home.get("A"), b"1");
    let removed = home.run(&["rekey", "--remove", &own, "--force"]).done();
    assert!(removed.stderr.contains("still open with the old keys"), "{removed:?}");
    home.run(&["get", "A"]).refused(77, "not encrypted to", "");
    assert_eq!(get(other.identity()).done().stdout, b"1");
    let classic = Home::new();
    let made = classic.run(&["init", "--classic"]).done().text();
    let classic = made.lines().find_map(|line| line.strip_prefix("recipient: ")).unwrap();
    other.run(&["rekey", "--add", classic]).refused(65, "recipient 2 is classic", "for all");
    other.run(&["rekey", "--remove", theirs]).refused(65, "no recipient", "");
}

#[test]
fn a_new_identity_takes_the_old_ones_place_and_the_old_one_is_kept() {
    let home = Home::with_secrets(&[("A", "1")]);
    let old = (fs::read(home.vault()).unwrap(), fs::read(home.identity()).unwrap());
    home.run(&["rekey", "--new-identity"]).done();
    assert_eq!(home.get("A"), b"1");
    assert_ne!(fs::read(home.identity()).unwrap(), old.1);
    let kept = home.names().into_iter().find(|name| name.starts_with("vault.key.old-")).unwrap();
    assert_eq!(fs::read(home.path(&format!("v/{kept}"))).unwrap(), old.1);
    assert_eq!(fs::metadata(home.path(&format!("v/{kept}"))).unwrap().mode() & 0o777, 0o600);
    let with_old = ["--identity", home.path(&format!("v/{kept}")).to_str().unwrap(), "get", "A"].map(str::to_owned);
    home.run(&with_old).refused(77, "not encrypted to", "");
    // The copy of before opens with the old one, as it is said.
    fs::write(home.vault(), &old.0).unwrap();
    fs::remove_dir_all(home.path("state")).unwrap();
    assert_eq!(home.run(&with_old).done().stdout, b"1");
}

#[test]
fn a_second_writer_gives_up_with_the_holders_number() {
    let home = Home::with_secrets(&[("A", "1")]);
    let lock = fs::File::options().write(true).open(home.path("v/.vault.age.lock")).unwrap();
    lock.try_lock().unwrap();
    let holder = format!("process {} (", std::process::id());
    home.feed(&["--wait", "0", "set", "A"], b"2").refused(75, "somebody else is writing", &holder);
    assert_eq!(home.get("A"), b"1");
    drop(lock);
    // A program that another test is just starting may hold what was open here for a moment longer.
    home.feed(&["--wait", "120", "set", "A"], b"2").done();
}

#[test]
fn nothing_is_written_to_a_terminal_and_nobody_is_asked_without_one() {
    if !super::harness::has("script") {
        return;
    }
    let home = Home::with_secrets(&[("A", "hunter2-hunter2")]);
    let in_terminal = |arguments: &str| {
        let line = format!("{} {} {arguments}", super::harness::PROGRAM, home.options().join(" "));
        let output = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .stdin(std::process::Stdio::null())
            .output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    };
    let shown = in_terminal("get A");
    assert!(shown.contains("--reveal") && !shown.contains("hunter2"), "{shown}");
    assert!(in_terminal("get A --reveal").contains("hunter2-hunter2"));
}
