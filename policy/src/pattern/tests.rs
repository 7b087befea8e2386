//! Attacks on path patterns.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::*;

/// A host with two homes, a moved configuration folder and one workspace.
fn places() -> Places {
    Places {
        home: "/home/me".into(),
        homes: vec!["/home/me".into(), "/var/home/me".into()],
        xdg: [("XDG_CONFIG_HOME".to_owned(), vec![PathBuf::from("/conf"), PathBuf::from("relative")])].into(),
        uid: 1000,
        workspaces: vec!["/home/me/work".into()],
    }
}

/// The paths that a pattern stands for, as text.
fn literals(text: &str, purpose: Purpose) -> Vec<String> {
    let resolved = Pattern::parse(text).unwrap().resolve(&places(), purpose);
    resolved.iter().map(|path| path.literal().unwrap().display().to_string()).collect()
}

/// The single pattern that `text` stands for.
fn only(text: &str) -> ResolvedPattern {
    let mut resolved = Pattern::parse(text).unwrap().resolve(&places(), Purpose::Grant);
    assert_eq!(resolved.len(), 1, "{text}");
    resolved.remove(0)
}

#[test]
fn upward_and_malformed_patterns_are_refused_with_advice() {
    for text in [
        "",
        " ~/x",
        "~/x ",
        "~/x\n",
        "~/x\0y",
        "/a/../b",
        "..",
        "~/..",
        "a/..",
        "~root/x",
        "$HOME/x",
        "$XDG_FOO",
        "$",
        "~/{a,..}/b",
        "~/{a,b",
        "~/a}",
        "~/{a,{b,c}}",
        "~/{a/b,c}",
        "~/{,}",
        "~/{.,x}",
        "~/[",
        "~/[]",
        "~/[z-a]",
        "~/a\\",
        "~/a**",
        "~/**b",
        "~/***",
        "~/**",
        "**",
        "~/{1,2,3,4,5,6,7,8,9}/{1,2,3,4,5,6,7,8}",
        "\u{1b}[31m",
    ] {
        let error = Pattern::parse(text).expect_err(text);
        assert!(!error.hint().is_empty() && !error.to_string().contains('\u{1b}'), "{text:?}");
    }
    assert!(Pattern::parse(&"a/".repeat(3000)).is_err());
}

#[test]
fn doubled_slashes_and_dots_do_not_make_a_second_name() {
    assert_eq!(Pattern::parse("~//.ssh/./").unwrap(), Pattern::parse("~/.ssh").unwrap());
    assert_eq!(Pattern::parse("./.git//hooks/").unwrap().text(), ".git/hooks");
    assert_eq!(Pattern::parse("//etc").unwrap().text(), "/etc");
    assert_eq!(literals("/", Purpose::Grant), ["/"]);
    assert_eq!(literals("~", Purpose::Grant), ["/home/me"]);
    assert_eq!(literals(".", Purpose::Grant), ["/home/me/work"]);
}

#[test]
fn a_restriction_covers_every_home_and_a_grant_only_the_main_one() {
    assert_eq!(literals("~/.ssh", Purpose::Grant), ["/home/me/.ssh"]);
    assert_eq!(literals("~/.ssh", Purpose::Restrict), ["/home/me/.ssh", "/var/home/me/.ssh"]);
}

#[test]
fn moving_a_configuration_folder_does_not_unmask_the_default_one() {
    assert_eq!(literals("$XDG_CONFIG_HOME/gh", Purpose::Grant), ["/conf/gh"]);
    assert_eq!(
        literals("$XDG_CONFIG_HOME/gh", Purpose::Restrict),
        ["/conf/gh", "/home/me/.config/gh", "/var/home/me/.config/gh"]
    );
    assert_eq!(literals("$XDG_RUNTIME_DIR/bus", Purpose::Restrict), ["/run/user/1000/bus"]);
}

#[test]
fn brace_lists_stand_for_every_combination() {
    let mut paths = literals("~/.{a,b}/x{,.bak}", Purpose::Grant);
    paths.sort();
    assert_eq!(paths, ["/home/me/.a/x", "/home/me/.a/x.bak", "/home/me/.b/x", "/home/me/.b/x.bak"]);
}

#[test]
fn look_alikes_and_other_case_are_other_names() {
    let pattern = only("~/.ssh");
    assert!(pattern.covers(Path::new("/home/me/.ssh/id")));
    for path in ["/home/me/.SSH", "/home/me/.ѕsh", "/home/me/.ssh ", "/home/me/.sshx", "/home/me"] {
        assert!(!pattern.covers(Path::new(path)), "{path}");
    }
}

#[test]
fn a_prefix_of_a_name_is_not_the_name() {
    assert!(!only("/proj").covers(Path::new("/proj_evil/x")));
}

#[test]
fn a_star_stays_in_its_component_and_sees_dotfiles() {
    let pattern = only("~/*/key");
    assert_eq!(pattern.prefix(), Path::new("/home/me"));
    assert!(pattern.matches(Path::new("/home/me/.a/key")));
    assert!(!pattern.matches(Path::new("/home/me/a/b/key")));
    assert!(pattern.covers(Path::new("/home/me/a/key/deep/er")));
    assert_eq!(pattern.deepest(Path::new("/home/me/a/key/deep/er")), Some(5));
}

#[test]
fn a_double_star_spans_any_depth_and_the_deepest_match_is_found() {
    let pattern = only("/srv/**/secrets");
    assert!(pattern.matches(Path::new("/srv/secrets")));
    assert!(pattern.matches(Path::new("/srv/a/b/secrets")));
    assert!(!pattern.matches(Path::new("/srv/a/b/secrets/x")));
    assert_eq!(pattern.deepest(Path::new("/srv/secrets/a/secrets/x")), Some(5));
    assert!(!pattern.covers(Path::new("/srv/a/secretsx")));
}

#[test]
fn wildcards_match_names_that_are_no_text() {
    let name = OsStr::from_bytes(b"k\xff\xfey");
    let path = Path::new("/home/me").join(name);
    assert!(only("~/k*y").matches(&path));
    assert!(only("~/k??y").matches(&path));
    assert!(!only("~/k?y").matches(&path));
    assert!(only("~/k[!a]?y").matches(&path));
    assert!(only("~/k?y").matches(Path::new("/home/me/köy")));
    assert!(only("~/k[ö-ü]y").matches(Path::new("/home/me/köy")));
}

#[test]
fn escaped_wildcards_are_plain_characters() {
    assert_eq!(literals("~/a\\*\\[b\\{", Purpose::Grant), ["/home/me/a*[b{"]);
}

#[test]
fn a_path_from_the_command_line_is_never_a_wildcard() {
    let raw = Path::new("/tmp/[a]*{b,c}/x");
    let resolved = Pattern::literal(raw).unwrap().resolve(&places(), Purpose::Grant);
    assert_eq!(resolved.first().unwrap().literal(), Some(raw));
    let bytes = Path::new(OsStr::from_bytes(b"/tmp/\xff"));
    let resolved = Pattern::literal(bytes).unwrap().resolve(&places(), Purpose::Restrict);
    assert_eq!(resolved.first().unwrap().literal(), Some(bytes));
    for path in ["relative", "/a/../b", "/a\0b", ""] {
        assert!(Pattern::literal(Path::new(path)).is_err(), "{path:?}");
    }
}

#[test]
fn a_hostile_name_cannot_make_matching_take_forever() {
    let pattern = only("/x/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab");
    let path = PathBuf::from(format!("/x/{}", "a".repeat(250)));
    let started = std::time::Instant::now();
    assert!(!pattern.matches(&path));
    assert!(started.elapsed().as_secs() < 60);
}

#[test]
fn encoding_a_pattern_keeps_it() {
    for text in ["~/.ssh", "/etc/{,g}shadow*", "$XDG_DATA_HOME/x", ".", "~/[!a-c]?x"] {
        let pattern = Pattern::parse(text).unwrap();
        let bytes = postcard::to_allocvec(&pattern).unwrap().leak();
        assert_eq!(postcard::from_bytes::<Pattern>(bytes).unwrap(), pattern);
    }
}

#[test]
fn only_a_leading_folder_of_a_value_is_expanded() {
    for (value, expanded) in [
        ("~/.cache/x", "/home/me/.cache/x"),
        ("$XDG_CONFIG_HOME/x", "/conf/x"),
        ("$XDG_CONFIG_HOME", "/conf"),
        ("$XDG_CACHE_HOME/npm", "/home/me/.cache/npm"),
        ("$XDG_OTHER/x", "$XDG_OTHER/x"),
        ("$HOME/x", "$HOME/x"),
        ("a ~/x", "a ~/x"),
        ("~root/x", "~root/x"),
        ("0", "0"),
        ("", ""),
    ] {
        assert_eq!(places().expand(value), expanded);
    }
}
