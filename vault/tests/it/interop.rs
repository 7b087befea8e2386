//! Other programs open what we seal, and we open what they seal: age, rage, and npm's age-encryption.
//!
//! `tests/peers/install` installs the last two; `LOBSTERPOT_PEERS` names the folder.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lobsterpot_vault::keys::{Keys, Kind, Recipients, Source, generate};
use lobsterpot_vault::seal::{open, seal};
use lobsterpot_vault::secret::Secret;
use tempfile::TempDir;

use crate::harness::Home;

/// What is sealed.
const CONTENT: &str = "{\"a\":\"content with\\nlines and ünicode\"}\n";

/// The passphrase of what is sealed with one.
const PASSPHRASE: &str = "correct horse battery staple";

/// Where peers are installed.
fn peers() -> Option<PathBuf> {
    std::env::var_os("LOBSTERPOT_PEERS").map(PathBuf::from)
}

/// A program among the peers, or on `PATH`; none, loudly, when it is in neither place.
fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = peers().map(|folder| folder.join("bin")).into_iter().chain(std::env::split_paths(&path));
    found(name, folders.map(|folder| folder.join(name)).find(|program| program.is_file()))
}

/// What was found; without it a test is skipped, or fails where everything has to run.
fn found(name: &str, found: Option<PathBuf>) -> Option<PathBuf> {
    if found.is_none() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{name} is not installed");
        eprintln!("SKIP: {name} is not installed");
    }
    found
}

/// An identity in a file, with its recipient.
struct Pair {
    /// The file.
    file: PathBuf,
    /// The public part.
    recipient: String,
}

impl Pair {
    /// A new one of our own kinds.
    fn native(folder: &Path, kind: Kind) -> Self {
        let made = generate(kind).unwrap();
        let file = folder.join("native.key");
        fs::write(&file, made.text(std::time::UNIX_EPOCH).as_bytes()).unwrap();
        Self { file, recipient: made.recipient }
    }

    /// A new SSH key, encrypted where a passphrase is given.
    fn ssh(folder: &Path, kind: &str, passphrase: &str) -> Self {
        let file = folder.join(format!("{kind}{}", passphrase.len()));
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(&file);
        if kind == "rsa" {
            command.args(["-b", "2048"]);
        }
        assert!(command.status().unwrap().success());
        let recipient = fs::read_to_string(file.with_extension("pub")).unwrap();
        Self { file, recipient: recipient.trim_end().to_owned() }
    }

    /// The identity as we read it.
    fn keys(&self, passphrase: Option<&str>) -> Keys {
        let text = Secret::from(fs::read(&self.file).unwrap());
        Keys::parse(&text, Source::File(self.file.clone()), passphrase.map(Secret::from)).unwrap()
    }

    /// The content as we seal it.
    fn seal(&self) -> Vec<u8> {
        let recipients = Recipients::parse(std::slice::from_ref(&self.recipient)).unwrap();
        seal(&CONTENT.into(), &recipients, &Keys::of_passphrase(PASSPHRASE.into())).unwrap()
    }
}

/// Runs a program with something to read; what it printed.
#[track_caller]
fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told} {}", String::from_utf8_lossy(&output.stdout));
    output.stdout
}

/// Both directions with a program that has the options of `age`.
fn both_ways(program: &Path, pair: &Pair) {
    let opened = run(Command::new(program).args(["-d", "-i"]).arg(&pair.file), &pair.seal());
    assert_eq!(opened, CONTENT.as_bytes());
    for options in [["-r"].as_slice(), &["-a", "-r"]] {
        let file = run(Command::new(program).args(options).arg(&pair.recipient), CONTENT.as_bytes());
        assert_eq!(open(&file, &pair.keys(None)).unwrap(), CONTENT.into());
    }
}

/// Both directions with a passphrase, which such programs read from a terminal alone.
fn both_ways_with_a_passphrase(program: &Path) {
    let Some(script) = peer("script") else { return };
    let folder = TempDir::new().unwrap();
    let (ours, theirs) = (folder.path().join("ours.age"), folder.path().join("theirs.age"));
    let keys = Keys::of_passphrase(PASSPHRASE.into());
    let recipients = Recipients::parse(&["passphrase".to_owned()]).unwrap();
    fs::write(&ours, seal(&CONTENT.into(), &recipients, &keys).unwrap()).unwrap();
    fs::write(folder.path().join("plain"), CONTENT).unwrap();
    let typed = format!("{PASSPHRASE}\n{PASSPHRASE}\n");
    for arguments in ["-d -o opened ours.age", "-p -o theirs.age plain"] {
        // Without PATH no other program is found to ask for it.
        let line = format!("env PATH=/nonexistent {} {arguments}", program.display());
        run(Command::new(&script).args(["-qec", &line, "/dev/null"]).current_dir(folder.path()), typed.as_bytes());
    }
    assert_eq!(fs::read_to_string(folder.path().join("opened")).unwrap(), CONTENT);
    assert_eq!(open(&fs::read(theirs).unwrap(), &keys).unwrap(), CONTENT.into());
}

/// Everything that a program with the options of `age` knows.
fn everything_both_ways(name: &str) {
    let Some(program) = peer(name) else { return };
    let folder = TempDir::new().unwrap();
    both_ways(&program, &Pair::native(folder.path(), Kind::Classic));
    both_ways_with_a_passphrase(&program);
    if peer("ssh-keygen").is_some() {
        both_ways(&program, &Pair::ssh(folder.path(), "ed25519", ""));
        both_ways(&program, &Pair::ssh(folder.path(), "rsa", ""));
    }
}

#[test]
fn age_opens_ours_and_we_open_its() {
    everything_both_ways("age");
}

#[test]
fn rage_opens_ours_and_we_open_its() {
    everything_both_ways("rage");
}

#[test]
fn an_encrypted_ssh_key_opens_with_its_passphrase() {
    if peer("ssh-keygen").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let pair = Pair::ssh(folder.path(), "ed25519", PASSPHRASE);
    assert_eq!(open(&pair.seal(), &pair.keys(Some(PASSPHRASE))).unwrap(), CONTENT.into());
    let text = Secret::from(fs::read(&pair.file).unwrap());
    for (passphrase, told) in [
        (None, "it is encrypted with a passphrase"),
        (Some("wrong"), "it is encrypted, and the passphrase does not open it"),
    ] {
        let error = Keys::parse(&text, Source::Generated, passphrase.map(Secret::from)).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

/// Encrypts and decrypts with npm's age-encryption: a job on standard input, bytes in base64.
const NPM: &str = r#"
import { armor, Decrypter, Encrypter } from "age-encryption";
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const job = JSON.parse(await new Promise((done) => { let all = ""; process.stdin.on("data", (part) => all += part).on("end", () => done(all)); }));
let result;
if (job.seal) {
    const encrypter = new Encrypter();
    if (job.passphrase) encrypter.setPassphrase(job.passphrase); else encrypter.addRecipient(job.recipient);
    result = await encrypter.encrypt(bytes(job.bytes));
    if (job.armor) result = Buffer.from(armor.encode(result));
} else {
    const decrypter = new Decrypter();
    if (job.passphrase) decrypter.addPassphrase(job.passphrase); else decrypter.addIdentity(job.identity);
    result = await decrypter.decrypt(bytes(job.bytes));
}
process.stdout.write(Buffer.from(result));
"#;

/// Runs a job with npm's age-encryption.
fn npm(folder: &Path, node: &Path, job: &serde_json::Value) -> Vec<u8> {
    let mut command = Command::new(node);
    run(command.args(["--input-type=module", "-e", NPM]).current_dir(folder), job.to_string().as_bytes())
}

/// Bytes in base64.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[test]
fn npms_age_encryption_opens_ours_and_we_open_its() {
    let folder = peers().filter(|folder| folder.join("node_modules/age-encryption").is_dir());
    let (Some(folder), Some(node)) = (found("npm's age-encryption", folder), peer("node")) else { return };
    let place = TempDir::new().unwrap();
    for kind in [Kind::PostQuantum, Kind::Classic] {
        let pair = Pair::native(place.path(), kind);
        let identity = fs::read_to_string(&pair.file).unwrap().lines().last().unwrap().to_owned();
        let job = serde_json::json!({ "identity": identity, "bytes": base64(&pair.seal()) });
        assert_eq!(npm(&folder, &node, &job), CONTENT.as_bytes(), "{kind}");
        for armor in [false, true] {
            let bytes = base64(CONTENT.as_bytes());
            let job = serde_json::json!({ "seal": true, "recipient": pair.recipient, "bytes": bytes, "armor": armor });
            assert_eq!(open(&npm(&folder, &node, &job), &pair.keys(None)).unwrap(), CONTENT.into(), "{kind} {armor}");
        }
    }
    let keys = Keys::of_passphrase(PASSPHRASE.into());
    let recipients = Recipients::parse(&["passphrase".to_owned()]).unwrap();
    let file = seal(&CONTENT.into(), &recipients, &keys).unwrap();
    let job = serde_json::json!({ "passphrase": PASSPHRASE, "bytes": base64(&file) });
    assert_eq!(npm(&folder, &node, &job), CONTENT.as_bytes());
    let job = serde_json::json!({ "seal": true, "passphrase": PASSPHRASE, "bytes": base64(CONTENT.as_bytes()) });
    assert_eq!(open(&npm(&folder, &node, &job), &keys).unwrap(), CONTENT.into());
}

#[test]
fn age_opens_a_vault_that_the_program_made() {
    let Some(age) = peer("age") else { return };
    let home = Home::new();
    home.run(&["init", "--classic"]).done();
    home.feed(&["set", "A", "--raw"], b"the value").done();
    assert_eq!(fs::metadata(home.identity()).unwrap().permissions().mode() & 0o7777, 0o600);
    let content = run(Command::new(age).args(["-d", "-i"]).arg(home.identity()).arg(home.vault()), b"");
    let document: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert!(document.to_string().contains("\"A\""));
}
