//! Many at once: nothing that somebody wrote is lost, and readers never see anything but a whole version.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use lobsterpot_vault::keys::{Keys, Source};
use lobsterpot_vault::name::Name;
use lobsterpot_vault::secret::Secret;
use lobsterpot_vault::store::Site;
use lobsterpot_vault::{change, change::Details};

use super::harness::Home;

#[test]
fn fifty_writers_at_once_lose_nothing() {
    let home = Home::in_memory();
    home.run(&["init", "--classic"]).done();
    thread::scope(|scope| {
        for number in 0..50 {
            let home = &home;
            scope.spawn(move || {
                let name = format!("NAME_{number}");
                home.feed(&["--wait", "120", "set", &name], name.as_bytes()).done();
            });
        }
    });
    let listed: serde_json::Value = serde_json::from_slice(&home.run(&["list", "--json"]).done().stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 50);
    let status: serde_json::Value = serde_json::from_slice(&home.run(&["status", "--json"]).done().stdout).unwrap();
    assert_eq!(status["version"], 51);
    assert_eq!(home.get("NAME_37"), b"NAME_37");
    assert_eq!(home.names(), [".vault.age.lock", "vault.age", "vault.key"]);
}

#[test]
fn ten_thousand_reads_during_a_writer_loop_see_whole_versions_and_raise_no_alarm() {
    const READERS: usize = 4;
    const READS: usize = 2500;
    let home = Home::in_memory();
    home.run(&["init", "--classic"]).done();
    home.feed(&["set", "A"], b"0").done();
    let text = Secret::from(fs::read(home.identity()).unwrap());
    let keys = Keys::parse(&text, Source::File(home.identity()), None).unwrap();
    let (vault, state) = (home.vault(), home.path("state"));
    let site = || Site::open(&vault, Some(&state)).unwrap();
    let name = Name::parse("A").unwrap();
    let (is_over, versions) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut seen = 0;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1_usize.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let mut writer = site().change(keys.clone(), Duration::from_secs(60), |text| panic!("{text}")).unwrap();
                let value = Secret::from(number.to_string());
                change::set(writer.document_mut(), &name, value, &Details::default(), SystemTime::UNIX_EPOCH);
                // Before it is in place: a reader may be faster than this thread.
                versions.store(number, Ordering::SeqCst);
                writer.publish().unwrap();
            }
        });
        let read = || {
            let mut last = 0;
            for _ in 0..READS {
                let vault = site().read(keys.clone()).unwrap();
                let value: usize = vault.document.secrets[&name].value.as_text().unwrap().parse().unwrap();
                assert!(value >= last && value <= versions.load(Ordering::SeqCst), "{value} after {last}");
                last = value;
            }
            last
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let ends: Vec<usize> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        seen = ends.into_iter().min().unwrap();
    });
    assert!(seen > 20, "only {seen} versions were written while others read");
}
