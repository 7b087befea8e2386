//! The sandbox and the vault together: nothing of the vault can be read inside, and what is handed in is what was named.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::attempt::read;
use crate::harness::{Run, Scene, canary, each_scene, escape};

/// A vault at home whose secret `TOKEN_OF_ONE` is the scene's canary, beside another one.
struct Vault {
    /// The command, with the options that say where the vault is.
    words: Vec<OsString>,
    /// The folder with vault and identity.
    folder: PathBuf,
    /// The folder of the record.
    state: PathBuf,
}

/// Makes the vault.
fn vault(scene: &Scene) -> Vault {
    let (folder, state) = (scene.at_home(".config/lobsterpot"), scene.at_home(".local/state/lobsterpot/vault"));
    for place in [&folder, &state] {
        scene.mkdir(place);
        fs::set_permissions(place, PermissionsExt::from_mode(0o700)).expect("its mode");
    }
    let mut words = vec![scene.binary("lobsterpot-vault").into_os_string()];
    for (option, place) in
        [("--vault", folder.join("vault.age")), ("--identity", folder.join("vault.key")), ("--state", state.clone())]
    {
        words.extend([option.into(), place.into_os_string()]);
    }
    let vault = Vault { words, folder, state };
    vault.must(scene, &["init"], b"");
    vault.must(scene, &["set", "TOKEN_OF_ONE"], scene.canary.text().as_bytes());
    vault.must(scene, &["set", "TOKEN_OF_ANOTHER"], b"another-value-that-nobody-asked-for");
    vault
}

impl Vault {
    /// The command with more words.
    fn run<T: Into<OsString> + Clone>(&self, words: &[T]) -> Run {
        let mut run = Run::new(&self.words);
        run.argv.extend(words.iter().cloned().map(Into::into));
        run
    }

    /// Carries a subcommand out, bare.
    #[track_caller]
    fn must(&self, scene: &Scene, words: &[&str], input: &[u8]) {
        let outcome = scene.bare(&self.run(words).input(input));
        assert_eq!(outcome.status, 0, "{words:?}: {outcome}");
    }
}

/// A new folder of the scene's user below this one, or where everybody may make one, on a tmpfs.
fn on_tmpfs(scene: &mut Scene, parent: &str) -> PathBuf {
    let parent = if nix::unistd::getuid().is_root() { parent } else { "/dev/shm" };
    scene.needs_folder(Path::new(parent));
    let folder = Path::new(parent).join(format!("lobsterpot-e2e-{}", canary::random_name()));
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("its mode");
    scene.identity.own(&folder);
    scene.goes_away(&folder);
    folder
}

#[test]
fn vault_file_cannot_be_read() {
    escape(|scene| {
        let file = vault(scene).folder.join("vault.age");
        crate::harness::Attempt::attack(scene, &["read".into(), file.into_os_string()])
    });
}

#[test]
fn identity_of_the_vault_cannot_be_read() {
    escape(|scene| {
        let file = vault(scene).folder.join("vault.key");
        crate::harness::Attempt::attack(scene, &["read".into(), file.into_os_string()])
    });
}

#[test]
fn record_of_the_vault_cannot_be_read() {
    escape(|scene| {
        let folder = vault(scene).state;
        let entries = fs::read_dir(&folder).expect("the record's folder").flatten();
        let record =
            entries.map(|entry| entry.path()).find(|path| fs::metadata(path).is_ok_and(|found| found.len() > 0));
        crate::harness::Attempt::attack(scene, &["read".into(), record.expect("a record").into_os_string()])
    });
}

#[test]
fn vault_that_lies_in_the_workspace_cannot_be_opened() {
    escape(|scene| {
        let vault = vault(scene);
        let copy = scene.at_work("vault.age");
        fs::copy(vault.folder.join("vault.age"), &copy).expect("a copy");
        scene.identity.own(&copy);
        let mut words = vault.words.clone();
        words[2] = copy.into_os_string();
        words.extend(["get".into(), "TOKEN_OF_ONE".into()]);
        let script = "echo STARTED; exec \"$@\"";
        crate::harness::Attempt::shell("true").leaks().with(|_| {
            let mut run = Run::new(&["/bin/sh", "-c", script, "sh"]);
            run.argv.extend(words);
            run
        })
    });
}

#[test]
fn opened_secret_cannot_be_read() {
    escape(|scene| {
        let vault = vault(scene);
        let target = on_tmpfs(scene, "/dev/shm").join("secrets");
        vault.must(scene, &["unlock", "--allow-swap", "--to", &target.to_string_lossy()], b"");
        read(scene, &target.join("TOKEN_OF_ONE"))
    });
}

#[test]
fn credential_of_a_unit_cannot_be_read() {
    escape(|scene| {
        let file = on_tmpfs(scene, "/run/credentials").join("lobsterpot-vault-identity");
        fs::write(&file, scene.canary.text()).expect("a file");
        scene.identity.own(&file);
        read(scene, &file)
    });
}

#[test]
fn environment_of_a_process_that_the_vault_started_cannot_be_read() {
    escape(|scene| {
        let vault = vault(scene);
        let noted = scene.at_work("pid");
        let script = format!("echo $$ >{}; exec sleep 900", noted.display());
        let mut start = vec![OsString::from("/bin/sh"), "-c".into(), "\"$@\" & ".into(), "sh".into()];
        start.extend(vault.run(&["run", "--only", "TOKEN_OF_ONE", "--", "/bin/sh", "-c", &script]).argv);
        let mut started = std::process::Command::new(&start[4]);
        started.args(&start[5..]).env_clear().env("HOME", &scene.home).stdin(std::process::Stdio::null());
        scene.identity.apply(&mut started);
        let mut child = started.spawn().expect("it starts");
        let pid = child.id();
        while !fs::read(&noted).is_ok_and(|text| text.ends_with(b"\n")) {
            assert!(child.try_wait().is_ok_and(|status| status.is_none()), "the command ended");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        scene.at_end(move |_| {
            drop(child.kill());
            drop(child.wait());
        });
        read(scene, Path::new(&format!("/proc/{pid}/environ")))
    });
}

#[test]
fn work_one_secret_goes_into_the_sandbox_and_nothing_else() {
    each_scene(|scene| {
        let vault = vault(scene);
        let launcher = scene.binary("sandbox-exec").into_os_string();
        let inside = |words: &[&str], options: &[&str]| {
            let mut run = vault.run(words);
            run.argv.extend(["--".into(), launcher.clone(), "--workspace".into(), scene.workspace.clone().into()]);
            run.argv.extend(options.iter().map(OsString::from));
            run.argv.extend(["--", "/bin/sh", "-c", "env; ls -l /proc/self/fd; cat <&5"].map(OsString::from));
            scene.bare(&run)
        };
        let by_name = inside(&["run", "--only", "TOKEN_OF_ONE"], &["--env", "TOKEN_OF_ONE"]);
        assert!(by_name.out().contains(&format!("TOKEN_OF_ONE={}\n", scene.canary)), "{by_name}");
        let by_descriptor = inside(&["run", "--only", "TOKEN_OF_ONE", "--fd", "TOKEN_OF_ONE=5"], &["--fd", "5"]);
        assert!(by_descriptor.out().ends_with(scene.canary.text()), "{by_descriptor}");
        assert!(!by_descriptor.out().contains("TOKEN_OF_ONE="), "not in the environment, too: {by_descriptor}");
        let unnamed = inside(&["run", "--only", "TOKEN_OF_ONE"], &[]);
        assert!(!unnamed.out().contains(scene.canary.text()), "the launcher passes only what it is told to: {unnamed}");
        for outcome in [by_name, by_descriptor, unnamed] {
            assert!(!outcome.out().contains("another-value"), "what was not named is not there: {outcome}");
            assert!(!outcome.out().contains("vault.key"), "nor where the identity is: {outcome}");
        }
    });
}
