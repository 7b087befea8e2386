//! Files and folders, also such as are made to stop or to mislead a scan.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use lobsterpot_vault::exit::Exit;
use lobsterpot_vault::scan::{Passed, Wanted};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{VALUE, below, folder, lines, searched};

#[test]
fn a_value_is_told_by_file_and_line_and_in_binary_files_by_byte() {
    let (_guard, folder) = folder();
    fs::create_dir_all(folder.join("a/b")).unwrap();
    fs::write(folder.join("a/b/text"), format!("one\ntwo\nKEY={VALUE}\nagain {VALUE}\n")).unwrap();
    fs::write(folder.join("a/data"), format!("\0\0\n\0{VALUE}")).unwrap();
    fs::write(folder.join("clean"), "nothing").unwrap();
    let report = below(&folder);
    assert_eq!(lines(&report, &folder), ["a/b/text:3: KEY (raw; 2 times)", "a/data:byte 4: KEY (raw)"]);
    assert_eq!((report.exit(), report.files), (Exit::Lacking, 3));
}

#[test]
fn a_clean_tree_ends_well() {
    let (_guard, folder) = folder();
    fs::write(folder.join("clean"), "nothing").unwrap();
    assert_eq!(below(&folder).exit(), Exit::Done);
}

#[test]
fn links_are_not_followed_but_read() {
    let (_guard, folder) = folder();
    fs::create_dir(folder.join("tree")).unwrap();
    fs::write(folder.join("outside"), VALUE).unwrap();
    symlink("../outside", folder.join("tree/file")).unwrap();
    symlink("..", folder.join("tree/up")).unwrap();
    symlink(".", folder.join("tree/loop")).unwrap();
    symlink(VALUE, folder.join("tree/telling")).unwrap();
    assert_eq!(lines(&below(&folder.join("tree")), &folder), ["tree/telling: what it links to: KEY (raw)"]);
    assert_eq!(below(&folder.join("tree/file")).findings.len(), 1, "what a person names is followed");
}

#[test]
fn a_name_that_holds_a_value_is_told_without_it() {
    let (_guard, folder) = folder();
    let name = VALUE.replace('/', "%2F");
    fs::write(folder.join(format!("{name}.txt")), format!("line\n{VALUE}")).unwrap();
    let found = lines(&below(&folder), &folder);
    assert_eq!(found, ["[KEY].txt: its name: KEY (raw, percent-encoded)", "[KEY].txt:2: KEY (raw)"]);
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let (_guard, folder) = folder();
    mkfifo(&folder.join("pipe"), Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    let report = below(&folder);
    assert_eq!(report.passed.iter().map(|(why, _)| *why).collect::<Vec<_>>(), [Passed::Special; 2]);
    for named in [folder.join("pipe").as_path(), Path::new("/dev/zero")] {
        assert_eq!(below(named).passed.len(), 1, "{named:?}");
    }
    assert_eq!(below(Path::new("/proc")).passed.iter().map(|(why, _)| *why).collect::<Vec<_>>(), [Passed::Kernel]);
}

#[test]
fn a_sparse_file_of_a_terabyte_costs_what_it_holds() {
    let (_guard, folder) = folder();
    let file = File::create(folder.join("sparse")).unwrap();
    file.set_len(1 << 40).unwrap();
    file.write_all_at(b"\n\n", 5).unwrap();
    file.write_all_at(VALUE.as_bytes(), (1 << 39) + 4090).unwrap();
    let began = Instant::now();
    let report = below(&folder);
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    assert_eq!(lines(&report, &folder), [format!("sparse:byte {}: KEY (raw)", (1_u64 << 39) + 4090)]);
}

#[test]
fn a_log_that_grows_while_it_is_read_is_read_once() {
    let (_guard, folder) = folder();
    let path = folder.join("log");
    fs::write(&path, VALUE).unwrap();
    // What a scan appends to while it reads is the extreme: here the file holds more than it says.
    let (began, report) = (Instant::now(), below(&path));
    assert_eq!(report.bytes, u64::try_from(VALUE.len()).unwrap());
    assert!(began.elapsed() < Duration::from_secs(120));
}

#[test]
fn folders_too_deep_are_listed_and_not_left_out() {
    let (_guard, folder) = folder();
    let mut path = folder.clone();
    for _ in 0..405 {
        path.push("d");
        fs::create_dir(&path).unwrap();
    }
    let report = below(&folder);
    assert_eq!((report.exit(), report.unread.len()), (Exit::Io, 1));
    assert!(report.unread[0].reason.contains("deep"), "{:?}", report.unread);
}

#[test]
fn what_is_not_there_is_an_error() {
    let (_guard, folder) = folder();
    let report = below(&folder.join("missing"));
    assert_eq!((report.exit(), report.unread.len()), (Exit::Io, 1));
}

#[test]
fn compressed_files_are_counted() {
    let (_guard, folder) = folder();
    fs::write(folder.join("a.gz"), b"\x1f\x8b\x08\0...").unwrap();
    fs::write(folder.join("b.zip"), b"PK\x03\x04...").unwrap();
    let report = below(&folder);
    assert_eq!(report.passed.iter().map(|(why, _)| *why).collect::<Vec<_>>(), [Passed::Compressed; 2]);
    assert_eq!(report.exit(), Exit::Done);
}

#[test]
fn the_unlock_target_is_searched_only_when_it_is_named() {
    let (_guard, folder) = folder();
    let target = folder.join("run/secrets");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("KEY"), VALUE).unwrap();
    let wanted =
        |path: &Path| Wanted { paths: vec![path.to_path_buf()], unlocked: Some(target.clone()), ..Wanted::default() };
    let report = searched(&wanted(&folder));
    assert_eq!((report.findings.len(), report.passed.len()), (0, 1));
    assert_eq!(searched(&wanted(&target)).findings.len(), 1);
}
