//! `import` and `export`: plain files, and SOPS files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::harness::Home;

/// A value that must not be seen anywhere.
const HUNTER: &str = "hunter2-hunter2";

/// A home with an empty vault of the classic kind, which takes less time.
fn home() -> Home {
    let home = Home::new();
    home.run(&["init", "--classic"]).done();
    home
}

/// Writes a file into a home, and gives its path as text.
fn file(home: &Home, name: &str, content: &str) -> String {
    let path = home.path(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_goes_into_the_vault_and_names_and_digests_are_shown() {
    let home = home();
    let content = format!("# mine\nA={HUNTER}\nB=\n");
    let path = file(&home, ".env", &content);
    let ran = home.run(&["import", &path]).done();
    let lines: Vec<String> = ran.text().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("added A (15 bytes, digest ") && lines[1].starts_with("added B (0 bytes, digest "));
    assert_eq!(ran.stderr, "lobsterpot-vault: 1 comment is not in the vault\n");
    assert!(!ran.text().contains(HUNTER));
    assert_eq!(home.get("A"), HUNTER.as_bytes());
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    let again = home.run(&["import", &path]).done();
    assert!(again.text().starts_with("unchanged A (15 bytes"));
}

#[test]
fn a_value_that_a_dialect_ends_at_a_hash_is_named_before_the_file_is_gone() {
    let home = home();
    let path = file(&home, ".env", "A=one#two\nB='x # y'\nC=\"l1 # c\nl2\" # end\nD=#alerts\nE=plain\n# F=old\n");
    let ran = home.run(&["import", &path, "--dialect", "dotenv", "--shred"]).done();
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("ends at a #")).collect();
    let names: Vec<&str> = told.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(names, ["A", "C", "D"], "{}", ran.stderr);
    assert!(ran.stderr.contains("1 comment is not in the vault"), "{}", ran.stderr);
    assert_eq!(home.get("A"), b"one");
}

#[test]
fn a_line_that_is_not_clear_is_refused_by_its_number_and_nothing_changes() {
    let home = home();
    let before = fs::read(home.vault()).unwrap();
    for (content, options, sentence, hint) in [
        (
            format!("A=1\nB='{HUNTER}'\n"),
            &[][..],
            "line 2 is read differently by docker",
            "--dialect docker or systemd or bash",
        ),
        (format!("{HUNTER}\n"), &[], "line 1 is an assignment in no dialect", "change the line"),
        (
            format!("A=$({HUNTER})\n"),
            &["--dialect", "bash"],
            "line 1 cannot be read as bash: something in it would be",
            "set NAME",
        ),
        (format!("A=${{{HUNTER}}}\n"), &["--dialect", "python"], "something in it would be expanded", "set NAME"),
        (format!("A='{HUNTER}\n"), &["--dialect", "node"], "a quote is not closed", "nothing was changed"),
        (
            format!("A={HUNTER}\nA={HUNTER}\n"),
            &["--dialect", "docker"],
            "A is in line 1 and again in line 2",
            "take out the line",
        ),
        (format!("A={HUNTER}\0\n"), &[], "there is a NUL byte in line 1", "takes every byte"),
        (format!("\u{feff}A={HUNTER}\n"), &[], "byte order mark", "without a byte order mark"),
        ("# nothing\n".to_owned(), &[], "there is no name in it", "check that this is the file"),
    ] {
        let path = file(&home, ".env", &content);
        let ran = home.run(&[&["import", &path, "--shred"], options].concat()).refused(65, sentence, hint);
        assert!(!ran.stderr.contains(HUNTER) && ran.stdout.is_empty(), "{}", ran.stderr);
        assert!(ran.stderr.ends_with("nothing was changed\n"), "{}", ran.stderr);
        assert_eq!(fs::read(&path).unwrap(), content.as_bytes());
        assert_eq!(fs::read(home.vault()).unwrap(), before);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let home = home();
    fs::write(home.path("x"), b"A=1\nB=\xff\n").unwrap();
    home.run(&["import", home.path("x").to_str().unwrap()]).refused(65, "line 2 is not UTF-8", "set NAME");
}

#[test]
fn a_secret_that_is_there_is_not_replaced_by_the_way() {
    let home = Home::with_secrets(&[("A", "old")]);
    let path = file(&home, "x.env", &format!("B=1\nA={HUNTER}\n"));
    let ran = home.run(&["import", &path, "--shred"]).refused(73, "the vault has other values for A", "--replace");
    assert!(!ran.stderr.contains(HUNTER));
    assert!(fs::exists(&path).unwrap());
    home.run(&["get", "B"]).refused(66, "no secret B", "list");
    let ran = home.run(&["import", &path, "--replace", "--consumer", "get"]).done();
    assert!(ran.text().starts_with("added B ") && ran.text().contains("\nreplaced A "), "{}", ran.text());
    assert_eq!(home.get("A"), HUNTER.as_bytes());
    home.run(&["export", "--only", "A"]).refused(77, "A is not for export", "--consumer export");
}

#[test]
fn names_that_load_code_need_a_flag() {
    let home = home();
    let path = file(&home, "x.env", "A=1\nLD_PRELOAD=/x\n");
    home.run(&["import", &path]).refused(77, "load code or run others: LD_PRELOAD", "--allow-code");
    home.run(&["get", "A"]).refused(66, "no secret A", "list");
    home.run(&["import", &path, "--allow-code"]).done();
}

#[test]
fn a_dialect_says_whose_reading_counts() {
    let home = home();
    let path = file(&home, "x.env", "A='two words'\n");
    home.run(&["import", &path, "--dialect", "docker"]).done();
    assert_eq!(home.get("A"), b"'two words'");
    home.run(&["import", &path, "--dialect", "bash", "--replace"]).done();
    assert_eq!(home.get("A"), b"two words");
    home.run(&["import", &path, "--dialect", "hunter2"]).refused(64, "", "");
}

#[test]
fn standard_input_is_read_and_cannot_be_destroyed() {
    let home = home();
    home.feed(&["import", "-"], b"A=1\n").done();
    assert_eq!(home.get("A"), b"1");
    home.feed(&["import", "-", "--shred"], b"A=1\n").refused(64, "standard input cannot be destroyed", "name the file");
}

#[test]
fn a_shredded_file_is_gone_and_what_is_left_is_named() {
    let home = home();
    let path = file(&home, ".env", &format!("A={HUNTER}\n"));
    file(&home, ".env.bak", "");
    file(&home, ".env~", "");
    let ran = home.run(&["import", &path, "--shred"]).done();
    assert!(!fs::exists(&path).unwrap());
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].contains("/.env\" was overwritten and removed; "), "{}", ran.stderr);
    assert!(
        lines[1].contains("this may hold the same secrets: ") && lines[1].ends_with("/.env.bak\""),
        "{}",
        ran.stderr
    );
    assert!(lines[2].ends_with("/.env~\""), "{}", ran.stderr);
    assert!(!ran.stderr.contains(HUNTER));
    assert_eq!(home.get("A"), HUNTER.as_bytes());
    let mut left: Vec<_> = fs::read_dir(home.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".env.bak", ".env~", "state", "v"]);
}

#[test]
fn a_name_that_somebody_else_chose_gives_the_terminal_no_orders_and_no_lines_of_its_own() {
    let home = home();
    let path = file(&home, ".env", "A=1\n");
    file(&home, ".env.\u{1b}]0;x\u{7}\nlobsterpot-vault: all is well", "");
    let ran = home.run(&["import", &path]).done();
    assert!(ran.stderr.contains(r".env.\u{1b}]0;x\u{7}\nlobsterpot-vault: all is well"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let odd = file(&home, "\u{1b}[2J.env", "A");
    home.run(&["import", &odd]).refused(65, r"\u{1b}[2J.env", "nothing was changed");
}

#[test]
fn links_and_what_is_no_file_are_refused_before_the_vault_is_touched() {
    let home = home();
    let path = file(&home, ".env", "A=1\n");
    let link = home.path("link");
    symlink(&path, &link).unwrap();
    let link = link.to_str().unwrap().to_owned();
    home.run(&["import", &link]).refused(77, "is a symbolic link", "nothing was changed");
    fs::hard_link(&path, home.path("hard")).unwrap();
    home.run(&["import", &path, "--shred"]).refused(77, "one of 2 names (hard links)", "import without --shred");
    home.run(&["import", home.path("none").to_str().unwrap()]).refused(66, "there is no", "check the path");
    home.run(&["import", home.path("").to_str().unwrap()]).refused(65, "is a folder", "standard input");
    home.run(&["get", "A"]).refused(66, "no secret A", "list");
    assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
}

#[test]
fn what_is_exported_is_imported_again_in_every_dialect() {
    let values = [
        ("PLAIN", "abc"),
        ("SPACES", " two  words "),
        ("HASH", "a #b"),
        ("DOLLAR", "$HOME"),
        ("QUOTE", "it's"),
        ("BACK", "a\\nb"),
    ];
    let home = Home::with_secrets(&values);
    for dialect in ["systemd", "bash", "dotenv", "node", "python", "dotenvy", "docker"] {
        let path = home.path(&format!("{dialect}.env"));
        let path = path.to_str().unwrap();
        home.run(&["export", "--dialect", dialect, path]).done();
        let status = fs::metadata(path).unwrap();
        assert_eq!((status.permissions().mode() & 0o7777, status.nlink()), (0o600, 1));
        let other = self::home();
        other.run(&["import", "--dialect", dialect, path]).done();
        for (name, value) in values {
            assert_eq!(other.get(name), value.as_bytes(), "{dialect} {name}");
        }
    }
}

#[test]
fn export_refuses_what_cannot_be_said_by_name() {
    let home = Home::with_secrets(&[("A", "x"), ("LINES", "hunter2\nhunter2"), ("a/b", "x")]);
    let ran = home.run(&["export", "--dialect", "docker", "--only", "LINES"]);
    let ran = ran.refused(65, "the value of LINES cannot be written for docker", "leave it out with --only");
    assert!(!ran.stderr.contains("hunter2"));
    home.run(&["export", "--only", "LINES"]).refused(65, "LINES cannot be written for strict", "--dialect (one of");
    home.run(&["export", "--only", "a/b"]).refused(
        65,
        "a/b cannot be written for strict: it is not the name",
        "--only",
    );
    home.run(&["export", "--only", "A,NONE"]).refused(66, "no secret NONE", "list");
    home.run(&["export", "--only", "A,A"]).refused(64, "a name is there twice", "once");
    assert_eq!(home.run(&["export", "--only", "A"]).done().text(), "A=x\n");
}

#[test]
fn export_replaces_nothing_and_makes_nothing_where_it_is_refused() {
    let home = Home::with_secrets(&[("A", "x")]);
    let path = file(&home, "x.env", "old");
    home.run(&["export", &path]).refused(73, "exists already", "mv ");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let link = home.path("link");
    symlink(home.path("goal"), &link).unwrap();
    home.run(&["export", link.to_str().unwrap()]).refused(
        73,
        "is a symbolic link",
        "name a file that is not there yet",
    );
    assert!(!home.path("goal").exists());
    fs::create_dir(home.path("open")).unwrap();
    fs::set_permissions(home.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let open = home.path("open/x.env");
    home.run(&["export", open.to_str().unwrap()]).refused(77, "", "chmod go-w");
    assert!(!open.exists());
}

#[test]
fn an_expired_secret_is_not_exported_by_mistake() {
    let home = home();
    home.feed(&["set", "A", "--expires", "1s"], b"x").done();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    home.run(&["export"]).refused(77, "A has expired", "--expired");
    assert_eq!(home.run(&["export", "--expired"]).done().text(), "A=x\n");
}

#[test]
fn secrets_for_others_are_left_out_and_told() {
    let home = Home::with_secrets(&[("A", "x")]);
    home.run(&["set", "A", "--keep-value", "--consumer", "get"]).done();
    let ran = home.run(&["export"]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!((ran.status, lines.len()), (66, 3), "{ran:?}");
    assert!(lines[0].contains("A is not for `export`") && lines[1].contains("nothing for `export`"), "{ran:?}");
    home.feed(&["set", "B"], b"y").done();
    assert_eq!(home.run(&["export"]).done().text(), "B=y\n");
}

/// A file of the vectors that sops itself wrote.
fn vector(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops").join(name)
}

#[test]
fn a_file_that_sops_wrote_goes_in_and_comes_out_as_one() {
    let home = home();
    let identity = home.path("sops.key");
    fs::copy(vector("identity.txt"), &identity).unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let identity = identity.to_str().unwrap();
    let source = vector("format.json");
    let import = ["import", "--sops", source.to_str().unwrap(), "--unencrypted", "--sops-identity", identity];
    home.run(&import[..4]).refused(77, "", "");
    home.run(&import).done();
    let names = home.run(&["list"]).done().text();
    for format in ["dotenv", "json", "yaml"] {
        let path = home.path(&format!("x.{format}"));
        let path = path.to_str().unwrap();
        let export = ["export", "--sops", "--format", format, path];
        home.run(&export).done();
        home.run(&export).refused(73, "exists already", "mv ");
        let other = ["import", "--sops", "--format", format, path, "--replace"];
        assert!(home.run(&other).done().text().lines().all(|line| line.starts_with("unchanged ")), "{format}");
    }
    assert_eq!(home.run(&["list"]).done().text(), names);
    let mut broken = fs::read_to_string(home.path("x.json")).unwrap();
    let at = broken.find("ENC[").unwrap() + 20;
    broken.replace_range(at..=at, if broken[at..].starts_with('A') { "B" } else { "A" });
    let path = file(&home, "broken.json", &broken);
    home.run(&["import", "--sops", &path, "--replace"]).refused(65, "", "nothing was changed");
}
