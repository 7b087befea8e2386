//! What git is told, and what it is not.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::{GitError, Request, answer};
use crate::document::{Consumer, Consumers, Document, Entry};
use crate::name::Name;
use crate::secret::Secret;

/// A vault of logins.
fn vault(logins: &[(&str, &str)]) -> Document {
    let mut document = Document::new(vec![]).unwrap();
    for (name, value) in logins {
        document.secrets.insert(Name::parse(name).unwrap(), Entry::new(Secret::from(*value), UNIX_EPOCH));
    }
    document
}

/// The answer as text, empty when there is none.
///
/// # Errors
/// As the answer's.
fn asked(document: &Document, request: &str) -> Result<String, GitError> {
    let answer = answer(&Request::parse(request.as_bytes())?, document, UNIX_EPOCH + Duration::from_secs(9))?;
    Ok(answer.map(|lines| lines.as_text().unwrap().to_owned()).unwrap_or_default())
}

/// The request for a host, as git writes it.
const EXAMPLE: &str =
    "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example\nwwwauth[]=Basic realm=\"a=b\"\n";

/// What git is told when it gets the login.
const PAT: &str = "username=pat\npassword=t0ken\n";

#[test]
fn a_login_is_given_to_its_host() {
    for login in [
        ("git/https/git.example", "pat:t0ken"),
        ("git/https/git.example", r#"{"username":"pat","password":"t0ken"}"#),
        ("git/https/git.example#pat", "t0ken"),
    ] {
        assert_eq!(asked(&vault(&[login]), EXAMPLE).unwrap(), PAT);
        assert_eq!(asked(&vault(&[login]), &format!("{EXAMPLE}username=pat\n\nignored")).unwrap(), PAT);
    }
}

#[test]
fn a_login_is_given_to_no_other_place() {
    let document = vault(&[
        ("git/https/git.example", "pat:t0ken"),
        ("git/https/git.example:8443", "pat:other"),
        ("git/https/git.example/org/repo.git", "pat:deploy"),
        ("OTHER", "pat:never"),
    ]);
    for request in [
        "protocol=http\nhost=git.example\n",
        "protocol=https\nhost=git.example.evil.example\n",
        "protocol=https\nhost=git.exampl\n",
        "protocol=https\nhost=GIT.example\n",
        "protocol=https\nhost=git.example:443\n",
        "protocol=https\nhost=\n",
        "protocol=https\n",
        "host=git.example\n",
        "protocol=https\nhost=git.example\npath=org/other.git\n",
        "protocol=https\nhost=git.example\npath=org/repo.git/x\n",
        "protocol=https\nhost=git.example/org/repo.git\n",
        "protocol=https/git.example\nhost=org\n",
        "protocol=https\nhost=git.example#pat\n",
        "protocol=https\nhost=git.example\nusername=mallory\n",
        "url=https://git.example\n",
        "",
    ] {
        assert_eq!(asked(&document, request).unwrap(), "", "{request:?}");
    }
}

#[test]
fn a_path_and_a_port_get_their_own_login() {
    let document = vault(&[
        ("git/https/git.example:8443", "pat:port"),
        ("git/https/git.example/org/repo.git", "pat:path"),
        ("git/http/localhost:3000", "pat:plain"),
    ]);
    for (request, password) in [
        ("protocol=https\nhost=git.example:8443\n", "port"),
        ("protocol=https\nhost=git.example\npath=org/repo.git\n", "path"),
        ("protocol=http\nhost=localhost:3000\n", "plain"),
    ] {
        assert_eq!(asked(&document, request).unwrap(), format!("username=pat\npassword={password}\n"));
    }
}

#[test]
fn the_user_chooses_among_several() {
    let document = vault(&[("git/https/git.example#pat", "t0ken"), ("git/https/git.example", "sam:other")]);
    assert_eq!(asked(&document, &format!("{EXAMPLE}username=pat\n")).unwrap(), PAT);
    assert_eq!(asked(&document, &format!("{EXAMPLE}username=sam\n")).unwrap(), "username=sam\npassword=other\n");
    let refused = asked(&document, EXAMPLE).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "both \"git/https/git.example\" and \"git/https/git.example#pat\" fit what git asks for"
    );
}

#[test]
fn a_request_that_smuggles_lines_is_refused() {
    let document = vault(&[("git/https/git.example", "pat:t0ken")]);
    for (request, line) in [
        ("protocol=https\nhost=git.example\r\n", 2),
        ("protocol=https\nhost=git.example\rhost=evil.example\n", 2),
        ("protocol=https\nhost=git.example\0\n", 2),
        ("protocol=https\nhost=evil.example\nhost=git.example\n", 3),
        ("protocol=https\nprotocol=https\nhost=git.example\n", 2),
        ("protocol=https\nhost\n", 2),
        ("=https\n", 1),
        ("\u{feff}protocol\n", 1),
    ] {
        assert_eq!(asked(&document, request), Err(GitError::Malformed { line }), "{request:?}");
    }
    assert_eq!(Request::parse(b"host=\xff\n"), Err(GitError::Malformed { line: 1 }));
}

#[test]
fn a_login_that_smuggles_lines_is_refused() {
    for value in ["pat:a\nhost=evil.example", "pat:a\r", "pat:a\0", "p\nquit=1:a"] {
        let refused = asked(&vault(&[("git/https/git.example", value)]), EXAMPLE).unwrap_err();
        assert!(matches!(refused, GitError::LineEnd { .. }), "{value:?}: {refused}");
        assert!(!refused.to_string().contains("evil"));
    }
}

#[test]
fn a_login_for_others_or_past_its_time_stays() {
    let mut document = vault(&[("git/https/git.example", "pat:t0ken")]);
    let entry = document.secrets.values_mut().next().unwrap();
    entry.consumers = Consumers::only([Consumer::Docker]);
    let expected = "the secret \"git/https/git.example\" is not for git";
    assert_eq!(asked(&document, EXAMPLE).unwrap_err().to_string(), expected);
    let entry = document.secrets.values_mut().next().unwrap();
    entry.consumers = Consumers::any();
    entry.expires = Some(UNIX_EPOCH + Duration::from_secs(9));
    let expected = "the secret \"git/https/git.example\" has expired";
    assert_eq!(asked(&document, EXAMPLE).unwrap_err().to_string(), expected);
}

#[test]
fn a_login_that_others_have_does_not_hide_ones_own() {
    let mut document = vault(&[("git/https/git.example", "pat:t0ken"), ("git/https/git.example#sam", "other")]);
    let entry = document.secrets.get_mut("git/https/git.example#sam").unwrap();
    entry.consumers = Consumers::only([]);
    assert_eq!(asked(&document, EXAMPLE).unwrap(), PAT);
}

#[test]
fn git_learns_when_a_login_ends() {
    let mut document = vault(&[("git/https/git.example", "pat:t0ken")]);
    document.secrets.values_mut().next().unwrap().expires = Some(UNIX_EPOCH + Duration::from_secs(10));
    assert_eq!(asked(&document, EXAMPLE).unwrap(), format!("{PAT}password_expiry_utc=10\n"));
}

#[test]
fn a_secret_that_is_no_login_is_told_by_name() {
    let refused = asked(&vault(&[("git/https/git.example", "hunter2")]), EXAMPLE).unwrap_err();
    assert_eq!(refused.to_string(), "the value of \"git/https/git.example\" is not a user name and a password");
}

proptest! {
    #[test]
    fn no_request_gets_a_login_of_another_place(
        host in "(git\\.example|b\\.example:1|[a-z.:/#=%\\r]{0,3}){1,2}",
        protocol in "https?|[a-z/#]{0,6}",
        path in prop::option::of("p|[a-z/#.]{0,3}"),
    ) {
        let document = vault(&[("git/https/git.example", "pat:a"), ("git/https/b.example:1/p", "pat:b")]);
        let path_line = path.as_ref().map(|path| format!("path={path}\n")).unwrap_or_default();
        let request = format!("protocol={protocol}\nhost={host}\n{path_line}");
        if let Ok(answer) = asked(&document, &request)
            && !answer.is_empty()
        {
            let place = (protocol.as_str(), host.as_str(), path.as_deref());
            prop_assert!([("https", "git.example", None), ("https", "b.example:1", Some("p"))].contains(&place));
        }
    }

    #[test]
    fn no_bytes_crash_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&bytes);
    }
}
