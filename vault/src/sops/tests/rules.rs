//! What the `sops` block can say, and what is refused of it.

use super::{identity, items, open, save, sealer};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;
use crate::sops::metadata::Rule;
use crate::sops::read::{ENCRYPTED_ONLY, digits, read};
use crate::sops::value::{DataKey, Kind, seal};
use crate::sops::{Format, Layout, SopsError, Unencrypted, Why};
use sha2::{Digest, Sha512};

/// When the files of these tests are written.
const MODIFIED: &str = "2026-11-21T09:00:00Z";

/// A YAML file as `sops` would write it, from lines with `{}` for values that are to be encrypted. It is made here from what is
/// known of the format, so that what only the real program writes (rules, numbers, comments) can be tried.
struct Forge {
    /// What values are encrypted with.
    key: DataKey,
    /// The MAC so far.
    hash: Sha512,
}

impl Forge {
    /// Begins a file.
    fn new() -> Self {
        Self { key: DataKey::generate().unwrap(), hash: Sha512::new() }
    }

    /// An encrypted value, which the MAC counts.
    fn value(&mut self, keys: &str, word: &str, plain: &str) -> String {
        self.hash.update(plain);
        self.uncounted(keys, word, plain)
    }

    /// An encrypted value that the MAC does not count.
    fn uncounted(&self, keys: &str, word: &str, plain: &str) -> String {
        seal(&self.key, keys, word, &Secret::from(plain)).unwrap()
    }

    /// Counts a value that is not encrypted.
    fn count(&mut self, plain: &str) {
        self.hash.update(plain);
    }

    /// The whole file: values, and a `sops` block with more lines.
    fn finish(self, values: &str, more: &str) -> Vec<u8> {
        let mac = seal(&self.key, MODIFIED, "str", &Secret::from(digits(&self.hash.finalize()))).unwrap();
        let recipient = identity().to_public().to_string();
        let file = sealer(&recipient, &self.key.to_secret()).unwrap();
        let mut armor = age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor).unwrap();
        std::io::Write::write_all(&mut armor, &file).unwrap();
        let armored = String::from_utf8(armor.finish().unwrap()).unwrap().replace('\n', "\n        ");
        format!(
            "{values}sops:\n  lastmodified: '{MODIFIED}'\n  mac: {mac}\n{more}  age:\n    - recipient: {recipient}\n      enc: |\n        {armored}\n"
        )
        .into_bytes()
    }
}

/// The names and values of a reading.
fn texts(bytes: &[u8], unencrypted: Unencrypted) -> Vec<(String, String)> {
    let reading = read(bytes, Format::Yaml, unencrypted, &mut super::open_key).unwrap();
    let text = |value: &Secret| value.as_text().unwrap().to_owned();
    reading.secrets.iter().map(|item| (item.name.to_string(), text(&item.value))).collect()
}

/// Pairs, as [`texts`] gives them.
fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The error of a file.
fn refused(bytes: &[u8]) -> SopsError {
    open(bytes, Format::Yaml).unwrap_err()
}

#[test]
fn nested_maps_lists_types_and_comments_are_read() {
    let mut forge = Forge::new();
    let first = forge.uncounted(":", "comment", " first");
    let user = forge.value("db:user:", "str", "root");
    let inner = forge.uncounted("db:", "comment", " inner");
    let port = forge.value("db:port:", "int", "5432");
    let list = [forge.value("list:", "float", "0.5"), forge.value("list:", "bool", "True")];
    let in_list = forge.uncounted("list:", "comment", "in list");
    let deep = forge.value("list:name:", "bytes", "raw");
    let when = forge.value("when:", "time", "2026-11-21T09:00:00Z");
    let last = forge.uncounted("db:", "comment", "far from where it was");
    let values = format!(
        "#{first}\ndb:\n  user: {user}\n  #{inner}\n  port: {port}\nlist:\n  - {}\n  # plain\n  - {}\n  #{in_list}\n  - name: {deep}\nwhen: {when}\nnothing: null\nempty: \"\"\n#{last}\n",
        list[0], list[1]
    );
    let bytes = forge.finish(&values, "");
    let reading = open(&bytes, Format::Yaml).unwrap();
    let found: Vec<_> =
        reading.secrets.iter().map(|item| (item.name.as_str(), item.value.as_text().unwrap(), item.kind)).collect();
    let expected = [
        ("db.user", "root", Kind::Text),
        ("db.port", "5432", Kind::Int),
        ("list.0", "0.5", Kind::Float),
        ("list.1", "true", Kind::Bool),
        ("list.2.name", "raw", Kind::Bytes),
        ("when", "2026-11-21T09:00:00Z", Kind::Time),
        ("empty", "", Kind::Text),
    ];
    assert_eq!(found, expected);
    let comments: Vec<_> = reading.comments.iter().map(|comment| comment.as_text().unwrap()).collect();
    assert_eq!(comments, [" first", " inner", " plain", "in list", "far from where it was"]);
    assert_eq!(reading.left_out.len(), 1);
    assert_eq!((reading.left_out[0].place.as_str(), reading.left_out[0].why), ("nothing", Why::Null));
}

#[test]
fn values_that_are_not_encrypted_are_left_out_unless_asked_for() {
    let mut forge = Forge::new();
    let secret = forge.value("secret:", "str", "s");
    for plain in ["text", "8080", "1.5", "True"] {
        forge.count(plain);
    }
    let values = format!("secret: {secret}\nmap_unencrypted:\n  a: text\n  b: [8080, 1.50]\nc_unencrypted: true\n");
    let bytes = forge.finish(&values, "");
    assert_eq!(texts(&bytes, Unencrypted::LeaveOut), pairs(&[("secret", "s")]));
    let all = [
        ("secret", "s"),
        ("map_unencrypted.a", "text"),
        ("map_unencrypted.b.0", "8080"),
        ("map_unencrypted.b.1", "1.5"),
        ("c_unencrypted", "true"),
    ];
    assert_eq!(texts(&bytes, Unencrypted::Take), pairs(&all));
    let reading = read(&bytes, Format::Yaml, Unencrypted::LeaveOut, &mut super::open_key).unwrap();
    let left: Vec<_> = reading.left_out.iter().map(|left| (left.place.as_str(), left.why)).collect();
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|(_, why)| *why == Why::Unencrypted));
}

#[test]
fn every_rule_for_what_is_encrypted_is_read() {
    for rule in [
        "unencrypted_suffix: _plain",
        "encrypted_suffix: _secret",
        "unencrypted_regex: ^p",
        "encrypted_regex: '^(a|b)_secret$'",
        "unencrypted_comment_regex: plain",
        "encrypted_comment_regex: secret",
    ] {
        let mut forge = Forge::new();
        let value = forge.value("a_secret:", "str", "s");
        forge.count("p");
        let bytes = forge.finish(&format!("a_secret: {value}\np_plain: p\n"), &format!("  {rule}\n"));
        assert_eq!(texts(&bytes, Unencrypted::LeaveOut), pairs(&[("a_secret", "s")]), "{rule}");
    }
    assert_eq!(Rule::AllBut("x".to_owned()), Rule::AllBut("x".to_owned()));
}

#[test]
fn a_value_that_should_be_encrypted_and_is_not_is_refused() {
    for value in ["plain", "7", "true", "'ENC[AES128,data:a]'"] {
        let mut forge = Forge::new();
        forge.count(value);
        let bytes = forge.finish(&format!("secret: {value}\n"), "");
        assert_eq!(refused(&bytes), SopsError::NotEncrypted { place: "secret".to_owned() }, "{value}");
    }
}

#[test]
fn what_the_mac_does_not_cover_is_never_taken() {
    let mut forge = Forge::new();
    forge.hash.update(ENCRYPTED_ONLY);
    let secret = forge.value("secret:", "str", "s");
    let bytes =
        forge.finish(&format!("secret: {secret}\nhost_unencrypted: evil.example\n"), "  mac_only_encrypted: true\n");
    assert_eq!(texts(&bytes, Unencrypted::Take), pairs(&[("secret", "s")]));
    let reading = open(&bytes, Format::Yaml).unwrap();
    assert_eq!(reading.left_out.len(), 1);
    assert_eq!(
        (reading.left_out[0].place.as_str(), reading.left_out[0].why),
        ("host_unencrypted", Why::Unauthenticated)
    );
    // The mark is part of the MAC.
    let text = String::from_utf8(bytes).unwrap().replace("  mac_only_encrypted: true\n", "");
    assert_eq!(refused(text.as_bytes()), SopsError::MacMismatch);
}

#[test]
fn numbers_that_can_be_read_in_several_ways_are_refused_where_they_are_not_encrypted() {
    for odd in ["0x1f", "017", "1_000", "2026-11-21", "1e3", "99999999999999999999"] {
        let mut forge = Forge::new();
        forge.count(odd);
        let bytes = forge.finish(&format!("n_unencrypted: {odd}\n"), "");
        assert_eq!(refused(&bytes), SopsError::Ambiguous { place: "n_unencrypted".to_owned() }, "{odd}");
    }
}

#[test]
fn an_encrypted_value_that_is_not_of_its_type_is_refused() {
    for (word, plain) in [
        ("int", "1.5"),
        ("int", "x"),
        ("float", "one"),
        ("bool", "yes"),
        ("time", "now"),
        ("int", "99999999999999999999"),
    ] {
        let mut forge = Forge::new();
        let value = forge.value("v:", word, plain);
        assert_eq!(
            refused(&forge.finish(&format!("v: {value}\n"), "")),
            SopsError::Type { place: "v".to_owned() },
            "{word}"
        );
    }
    for word in ["comment", "map", "Str", "str,type:str"] {
        let mut forge = Forge::new();
        let value = forge.value("v:", word, "x");
        let error = refused(&forge.finish(&format!("v: {value}\n"), ""));
        assert_eq!(error, SopsError::UnknownType { place: "v".to_owned() }, "{word}");
    }
}

#[test]
fn numbers_count_for_the_mac_in_their_shortest_form() {
    let mut forge = Forge::new();
    let values = format!(
        "a: {}\nb: {}\nc: {}\n",
        forge.uncounted("a:", "int", "+007"),
        forge.uncounted("b:", "float", "1.50"),
        forge.uncounted("c:", "bool", "t")
    );
    forge.count("71.5True");
    let bytes = forge.finish(&values, "");
    assert_eq!(texts(&bytes, Unencrypted::LeaveOut), pairs(&[("a", "7"), ("b", "1.5"), ("c", "true")]));
}

#[test]
fn metadata_that_is_not_supported_is_refused_by_name() {
    let file = |more: &str| Forge::new().finish("", more);
    let unknown = |entry: &str| SopsError::Unknown { entry: entry.to_owned() };
    assert!(open(&file("  kms: []\n  gcp_kms: null\n  version: 3.10\n  shamir_threshold: 1\n"), Format::Yaml).is_ok());
    assert_eq!(refused(&file("  pgp_next: x\n")), unknown("`pgp_next`"));
    assert_eq!(refused(&file("  SECRET-hunter2: x\n")), unknown("an entry"));
    assert_eq!(refused(&file("  shamir_threshold: 2\n")), SopsError::KeyGroups);
    assert_eq!(refused(&file("  key_groups:\n    - age: []\n      pgp:\n        - fp: AA\n")), SopsError::KeyGroups);
    let second = SopsError::Metadata { field: "encrypted_regex", problem: "is a second rule for what is encrypted" };
    assert_eq!(refused(&file("  unencrypted_suffix: a\n  encrypted_regex: b\n")), second);
    let only = SopsError::Metadata { field: "mac_only_encrypted", problem: "is not what it has to be" };
    assert_eq!(refused(&file("  mac_only_encrypted: perhaps\n")), only);
}

#[test]
fn metadata_that_lacks_something_is_refused_by_name() {
    let text = String::from_utf8(save(&items(&[("a", "v")]), Format::Dotenv, Layout::Flat).unwrap()).unwrap();
    let without = |begin: &str| {
        let kept: Vec<_> = text.lines().filter(|line| !line.starts_with(begin)).collect();
        open(kept.join("\n").as_bytes(), Format::Dotenv).unwrap_err()
    };
    let missing = |field| SopsError::Metadata { field, problem: "is missing, or not whole" };
    assert_eq!(without("sops_mac="), missing("mac"));
    assert_eq!(without("sops_lastmodified="), missing("lastmodified"));
    assert_eq!(without("sops_age__list_0__map_enc="), missing("age"));
    assert_eq!(without("sops_age__list_0__map_recipient="), missing("age"));
    assert_eq!(without("sops_age"), missing("age"));
    assert_eq!(without("sops_"), SopsError::NoMetadata);
    let emptied = text.replace(text.lines().find(|line| line.starts_with("sops_mac=")).unwrap(), "sops_mac=");
    assert_eq!(open(emptied.as_bytes(), Format::Dotenv).unwrap_err(), missing("mac"));
}

#[test]
fn a_file_for_others_names_them_and_how_it_is_encrypted() {
    let other = age::x25519::Identity::generate();
    let bytes = save(&items(&[("a", "v")]), Format::Json, Layout::Flat).unwrap();
    let mut open = super::opener(other);
    let error = read(&bytes, Format::Json, Unencrypted::LeaveOut, &mut open).unwrap_err();
    assert_eq!(error, SopsError::Locked { recipients: identity().to_public().to_string() });
    assert_eq!(error.exit(), Exit::Denied);
    let text = "a=ENC[]\nsops_mac=x\nsops_lastmodified=2026-11-21T09:00:00Z\nsops_pgp__list_0__map_fp=AA\nsops_kms__list_0__map_arn=B\n";
    let error = super::open(text.as_bytes(), Format::Dotenv).unwrap_err();
    assert_eq!(error, SopsError::Foreign { methods: "AWS KMS, PGP".to_owned() });
}

#[test]
fn a_sealed_key_that_is_no_data_key_is_refused() {
    let bytes = save(&items(&[("a", "v")]), Format::Json, Layout::Flat).unwrap();
    for length in [0, 16, 31, 33] {
        let mut open = |_: &[u8]| Some(Secret::from(vec![7; length]));
        assert_eq!(read(&bytes, Format::Json, Unencrypted::LeaveOut, &mut open), Err(SopsError::DataKey));
    }
    let mut open = |_: &[u8]| Some(Secret::from(vec![7; 32]));
    let forged = SopsError::Forged { place: "a".to_owned() };
    assert_eq!(read(&bytes, Format::Json, Unencrypted::LeaveOut, &mut open), Err(forged));
}

#[test]
fn formats_are_known_by_name_and_by_ending() {
    for format in [Format::Dotenv, Format::Json, Format::Yaml] {
        assert_eq!(Format::parse(format.name()), Some(format));
    }
    assert_eq!(Format::parse("ini"), None);
    let of = |path: &str| Format::of_path(std::path::Path::new(path));
    for (path, format) in [
        (".env", Format::Dotenv),
        ("a/b.env", Format::Dotenv),
        (".env.local", Format::Dotenv),
        ("s.json", Format::Json),
        ("s.yml", Format::Yaml),
        ("s.enc.yaml", Format::Yaml),
    ] {
        assert_eq!(of(path), Some(format), "{path}");
    }
    assert_eq!((of("s.txt"), of("/"), of("env")), (None, None, None));
}
