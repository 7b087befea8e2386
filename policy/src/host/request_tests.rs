//! Attacks on paths of requests.

use proptest::prelude::*;

use super::*;

/// What a rule with these methods and paths says.
///
/// # Errors
/// When the request is not meant.
fn judge(methods: &[&str], paths: &[&str], method: &str, path: &str) -> Result<(), Mismatch> {
    let own = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Requests::new(&own(methods), &own(paths)).unwrap().judge(method, path)
}

#[test]
fn only_the_methods_and_paths_that_are_named_pass() {
    for (pattern, fits, fails) in [
        (
            "/v1/**",
            vec!["/v1/", "/v1/a", "/v1/a/b?x=/../..", "/v1/%61"],
            vec!["/v1", "/v2/a", "/", "/v10/a", "/x/v1/a"],
        ),
        ("/**", vec!["/", "/a/b/"], vec![]),
        ("/", vec!["/", "/?a"], vec!["/a"]),
        ("/a/*/c", vec!["/a/b/c"], vec!["/a/c", "/a/b/b/c"]),
        ("/a/**/c", vec!["/a/c", "/a/b/c", "/a/b/b/c"], vec!["/a", "/a/b", "/a/c/d"]),
        ("/*.tar.gz", vec!["/x.tar.gz", "/.tar.gz"], vec!["/x.tar.gz.exe", "/d/x.tar.gz", "/tar.gz"]),
        ("/a%7eb", vec!["/a~b", "/a%7Eb"], vec!["/a%7fb"]),
        ("/a%20b", vec!["/a%20b"], vec!["/a+b"]),
    ] {
        for path in fits {
            assert_eq!(judge(&[], &[pattern], "GET", path), Ok(()), "{pattern} {path}");
        }
        for path in fails {
            assert!(judge(&[], &[pattern], "GET", path).is_err(), "{pattern} {path}");
        }
    }
    assert_eq!(judge(&["GET"], &[], "POST", "/"), Err(Mismatch::Method));
    assert_eq!(judge(&["GET"], &[], "get", "/"), Err(Mismatch::Method), "methods are case-sensitive (RFC 9110)");
    assert_eq!(judge(&["GET"], &[], "GET", "whatever"), Ok(()), "without paths no path is judged");
}

#[test]
fn a_path_that_servers_understand_differently_is_refused_even_where_everything_is_allowed() {
    for path in [
        "/v1/../admin",
        "/v1/..",
        "/v1/./x",
        "/v1/%2e%2e/admin",
        "/v1/.%2E/admin",
        "/v1/..;/admin",
        "/v1/..;x=y/admin",
        "/v1/;/admin",
        "/v1//admin",
        "//evil.example/x",
        "/v1/%2fadmin",
        "/v1%2Fadmin",
        "/v1/%5cadmin",
        "/v1\\admin",
        "/v1/%252e%252e/admin",
        "/v1/%00",
        "/v1/%0d%0aHost:x",
        "/v1/%",
        "/v1/%4",
        "/v1/%zz",
        "/v1/a b",
        "/v1/\u{e4}",
        "/v1/\0",
        "/v1#x",
        "v1/x",
        "",
        "*",
        "http://evil.example/v1/x",
    ] {
        assert!(matches!(judge(&[], &["/**"], "GET", path), Err(Mismatch::Ambiguous(_))), "{path:?}");
    }
    assert!(judge(&[], &["/**"], "GET", &format!("/{}", "a".repeat(9000))).is_err());
}

#[test]
fn a_hostile_path_cannot_make_matching_take_forever() {
    let path = format!("/{}", "a/".repeat(4000));
    let start = std::time::Instant::now();
    assert!(judge(&[], &["/**/a/**/a/**/a/**/a/**/b"], "GET", &path).is_err());
    assert!(judge(&[], &["/*a*a*a*a*a*a*a*b"], "GET", &format!("/{}", "a".repeat(8000))).is_err());
    assert!(start.elapsed().as_secs() < 60);
}

proptest! {
    #[test]
    fn whatever_passes_has_no_segment_that_leads_elsewhere(path in "(/|\\.|\\.\\.|%2e|%2E|%2f|;|a|%61|\\?|//){0,12}") {
        let path = format!("/v1/{path}");
        if judge(&[], &["/v1/**"], "GET", &path).is_ok() {
            let bare = path.split('?').next().unwrap_or_default().replace("%2e", ".").replace("%2E", ".");
            prop_assert!(!bare.contains("//") && !bare.contains("%2"), "{}", path);
            prop_assert!(bare.split('/').all(|segment| segment != "." && segment != ".."), "{}", path);
        }
    }
}
