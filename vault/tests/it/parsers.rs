//! Every parser of bytes that somebody else wrote: none panics, takes long, tells what it read, or needs more memory than is meant.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use lobsterpot_vault::deliver::template;
use lobsterpot_vault::document::Document;
use lobsterpot_vault::dotenv::{self, Meaning};
use lobsterpot_vault::failure::Explain;
use lobsterpot_vault::keys::{Keys, Recipients, Source};
use lobsterpot_vault::name::Name;
use lobsterpot_vault::provider::{docker, git, openclaw};
use lobsterpot_vault::seal;
use lobsterpot_vault::secret::Secret;
use lobsterpot_vault::sops::{self, Format, Unencrypted};
use proptest::prelude::*;

use super::harness::{Home, has};

/// A text that stands for a secret, and that nothing may repeat.
const CANARY: &str = "hUnTeR2";

/// What the program may have in memory, in bytes: its own code, and what a file of the largest size is read into.
const MEMORY: usize = 512 << 20;

/// What one input may take. Tests are not optimised, and share their processors.
const SOON: Duration = Duration::from_secs(120);

/// What an error tells.
fn told(error: &impl Explain) -> String {
    format!("{error} {error:?} {}", error.hint().unwrap_or_default())
}

/// What each parser tells of these bytes, by the parser's name; nothing where it accepts them.
fn ask(bytes: &[u8], document: &Document) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for word in Meaning::WORDS {
        let meaning = Meaning::parse(word).unwrap();
        all.push(("dotenv", dotenv::read(bytes, meaning).err().map(|error| told(&error))));
    }
    for format in [Format::Dotenv, Format::Json, Format::Yaml] {
        let read = sops::read(bytes, format, Unencrypted::Take, &mut |_| Some(Secret::from(vec![7; 32])));
        all.push((format.name(), read.err().map(|error| told(&error))));
    }
    all.push(("document", Document::from_bytes(bytes).err().map(|error| told(&error))));
    let keys = Keys::of_passphrase(Secret::from("pass"));
    all.push(("age", seal::open(bytes, &keys).err().map(|error| told(&error))));
    let identity = Keys::parse(&Secret::from(bytes), Source::Keyring, None);
    all.push(("identity", identity.err().map(|error| format!("{error} {error:?}"))));
    if let Ok(text) = std::str::from_utf8(bytes) {
        all.push(("recipient", Recipients::parse(&[text.to_owned()]).err().map(|error| told(&error))));
        all.push(("name", Name::parse(text).err().map(|error| format!("{error} {error:?} {}", error.hint()))));
    }
    let now = SystemTime::UNIX_EPOCH;
    all.push(("docker", docker::get(bytes, document, now).err().map(|error| told(&error))));
    match git::Request::parse(bytes) {
        Ok(request) => all.push(("git", git::answer(&request, document, now).err().map(|error| told(&error)))),
        Err(error) => all.push(("git", Some(told(&error)))),
    }
    match openclaw::Request::parse(bytes) {
        Ok(request) => drop(openclaw::answer(&request, document, now, 1 << 20)),
        Err(error) => all.push(("openclaw", Some(told(&error)))),
    }
    let nothing = Secret::default();
    all.push(("template", template::render(bytes, |_| Ok(&nothing)).err().map(|error| told(&error))));
    all.into_iter().filter_map(|(parser, told)| Some((parser, told?))).collect()
}

/// Asks every parser, and sees that none takes long.
fn ask_soon(bytes: &[u8], document: &Document) -> Vec<(&'static str, String)> {
    let begin = Instant::now();
    let answers = ask(bytes, document);
    assert!(begin.elapsed() < SOON, "{} bytes took {:?}", bytes.len(), begin.elapsed());
    answers
}

/// A vault's content without secrets.
fn empty() -> Document {
    Document::new(vec!["age1example".to_owned()]).unwrap()
}

/// Pieces that some parser knows.
const WORDS: &[&str] = &[
    CANARY,
    "A=",
    "export ",
    "\"",
    "'",
    "`",
    "\\",
    "\\n",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "#",
    " ",
    "\t",
    "$(",
    "${A}",
    "=",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "{{",
    "}}",
    "{{A|json}}",
    "\u{feff}",
    "null",
    "1e999",
    "-",
    "- ",
    "? ",
    "|",
    ">",
    "&a ",
    "*a",
    "!!str ",
    "%",
    "---\n",
    "{\"lobsterpot_vault\":1,\"seed\":\"",
    "\"secrets\":{",
    "\"protocolVersion\":1,\"ids\":[",
    "age-encryption.org/v1\n",
    "-> X25519 ",
    "-> scrypt ",
    "-> mlkem768x25519 ",
    "\n--- ",
    "-----BEGIN AGE ENCRYPTED FILE-----\n",
    "-----END AGE ENCRYPTED FILE-----\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    "AGE-SECRET-KEY-1",
    "AGE-SECRET-KEY-PQ-1",
    "age1",
    "age1pq1",
    "ssh-ed25519 ",
    "ssh-rsa AAAA",
    "protocol=https\n",
    "host=",
    "https://",
    "sops:\n  ",
    "sops_mac=",
    "ENC[AES256_GCM,data:",
    ",iv:",
    ",tag:",
    ",type:str]",
];

/// Texts of such pieces, and others.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9+/=_-]{1,44}",
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn no_text_makes_a_parser_panic_or_tell_what_it_read(text in any_text()) {
        for (parser, told) in ask_soon(text.as_bytes(), &empty()) {
            // A key that could be a name is told: names are no secrets. Everything else is told by its place.
            let is_name = told.split(|byte: char| !(byte.is_ascii_alphanumeric() || "_.:/#-".contains(byte))).any(|word| word.contains(CANARY));
            prop_assert!(!told.contains(CANARY) || is_name, "{parser}: {told}");
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ask_soon(&bytes, &empty());
    }

    #[test]
    fn no_change_of_an_age_file_makes_it_open_or_panic(place in any::<prop::sample::Index>(), new in proptest::collection::vec(any::<u8>(), 1..8)) {
        let keys = Keys::parse(&Secret::from(fs::read(vectors("identity.txt")).unwrap()), Source::Keyring, None).unwrap();
        let recipients = Recipients::parse(&keys.recipients()).unwrap();
        let mut file = seal::seal(&Secret::from(CANARY), &recipients, &keys).unwrap();
        let whole = file.clone();
        let place = place.index(file.len());
        let end = (place + new.len()).min(file.len());
        file.splice(place..end, new);
        if file != whole {
            prop_assert!(seal::open(&file, &keys).is_err());
        }
    }
}

/// A file of the SOPS vectors.
fn vectors(name: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops").join(name)
}

#[test]
fn inputs_that_grow_inside_a_parser_end_soon() {
    let deep = |text: &str| text.repeat(40_000);
    let inputs = [
        deep("["),
        deep("{\"a\":"),
        deep("- "),
        deep("? "),
        deep("{{"),
        deep("'"),
        deep("\\"),
        deep("\n"),
        deep("A=B\n"),
        deep("{a: &b "),
        format!("age-encryption.org/v1\n{}---", deep("-> X25519 aaaa\n\n")),
        format!("age-encryption.org/v1\n-> X25519 {}", deep("a ")),
        format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}", deep("AAAA\n")),
        format!("{{\"protocolVersion\":1,\"ids\":[{}\"x\"]}}", deep("\"x\",")),
        format!("x: \"{}", deep("\\u0041")),
        format!("x: |\n{}", deep(" y\n")),
        (0..40_000).fold(String::new(), |mut text, at| {
            let _ = writeln!(text, "K{at}=v");
            text
        }),
    ];
    let document = empty();
    for input in inputs {
        ask_soon(input.as_bytes(), &document);
    }
}

#[test]
fn files_that_grow_inside_a_parser_stay_in_memory() {
    if !has("prlimit") {
        return;
    }
    let home = Home::with_secrets(&[("KEPT", "kept")]);
    let limit = [format!("--as={MEMORY}"), "--core=0".to_owned()];
    let full = |text: &str| text.repeat(sops::LONGEST_FILE / text.len());
    let flow = format!("a_unencrypted: [{}", full("[],"));
    let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(sops::LONGEST_FILE / 2 - 10));
    let keys = format!("{}: [", "k".repeat(sops::LONGEST_FILE / 2)) + &"x,".repeat(sops::LONGEST_FILE / 8);
    let inputs = [
        ("json", full("[{},")),
        ("json", wide),
        ("yaml", flow),
        ("yaml", keys),
        ("yaml", full("- - - - ")),
        ("yaml", full("#\n")),
        ("yaml", full("a ")),
        ("dotenv", full("#\n")),
        ("dotenv", full("a")),
    ];
    for (format, text) in inputs {
        let path = home.path("hostile");
        fs::write(&path, text).unwrap();
        let arguments = ["import", "--sops", "--format", format, path.to_str().unwrap()];
        let begin = Instant::now();
        let ran = home.under("prlimit", &limit, &arguments).output().unwrap();
        assert_eq!(ran.status.code(), Some(65), "{format}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(begin.elapsed() < SOON, "{format} took {:?}", begin.elapsed());
    }
    assert_eq!(home.get("KEPT"), b"kept");
}
