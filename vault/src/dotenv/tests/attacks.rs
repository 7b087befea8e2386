//! Files that try to be more than data, or to get a value shown.

use super::{pairs, pairs_of};
use crate::dotenv::{Dialect, LARGEST_FILE, LONGEST_LINE, MOST_NAMES, Meaning, ReadError, read};

/// What bash, read as data, says about a value.
fn bash(value: &str) -> Option<String> {
    pairs(&format!("A={value}\n"), Dialect::Bash).ok().map(|found| found[0].1.clone())
}

#[test]
fn a_command_substitution_is_never_carried_out() {
    for value in ["$(id)", "`id`", "\"$(id)\"", "\"`id`\"", "x$(id)y", "<(id)", "$((1+1))", "$[1+1]", "${A:=$(id)}"] {
        assert_eq!(bash(value), None, "{value}");
    }
    assert_eq!(bash("'$(id)`id`'").as_deref(), Some("$(id)`id`"));
    assert_eq!(bash("\\$(").as_deref(), None);
    assert_eq!(bash("\"\\$(id)\"").as_deref(), Some("$(id)"));
}

#[test]
fn a_second_command_on_a_line_is_refused() {
    for value in [
        "x;id",
        "x|id",
        "x&id",
        "x&&id",
        "x id",
        "x\tid",
        "x>f",
        "x<f",
        "x B=2",
        "(id)",
        "x #c\\\n;id",
        "$'x'",
        "$\"x\"",
    ] {
        let found = bash(value);
        assert!(found.is_none(), "{value:?} {found:?}");
    }
    for line in [
        "id",
        "A=1;",
        "A+=1",
        "A[0]=1",
        "export A",
        "declare A=1",
        "readonly A=1",
        "! A=1",
        "{ A=1; }",
        "export -n A=1",
    ] {
        assert!(pairs(line, Dialect::Bash).is_err(), "{line}");
    }
}

#[test]
fn tildes_and_patterns_are_not_expanded_but_refused() {
    for value in ["~", "~/x", "~root", "a:~/x", "\"\"~/x", "a=~/x", "\\\n~/x"] {
        assert_eq!(bash(value), None, "{value:?}");
    }
    assert_eq!(bash("a~b").as_deref(), Some("a~b"));
    for pattern in ["*", "a?b", "[ab]", "{a,b}"] {
        assert!(pairs(&format!("A={pattern}"), Dialect::Bash).is_ok());
        assert!(pairs(&format!("export A={pattern}"), Dialect::Bash).is_err());
    }
}

#[test]
fn variables_that_bash_keeps_for_itself_are_refused() {
    for name in ["UID", "SHELLOPTS", "BASHOPTS", "BASH_ENV", "RANDOM", "PPID", "IFS", "_"] {
        assert!(pairs(&format!("{name}=1"), Dialect::Bash).is_err(), "{name}");
        assert!(matches!(pairs_of(&format!("{name}=1"), Meaning::Strict), Err(ReadError::Differs { .. })), "{name}");
    }
}

#[test]
fn a_locale_of_another_encoding_is_refused() {
    for (line, is_read) in
        [("LANG=C.UTF-8", true), ("LC_ALL=C", true), ("LANG=ja_JP.SJIS", false), ("LC_CTYPE=x", false)]
    {
        assert_eq!(pairs(line, Dialect::Bash).is_ok(), is_read, "{line}");
    }
}

#[test]
fn interpolation_is_refused_where_a_program_would_do_it() {
    for value in ["${X}", "'${X}'", "\"a${X:-b}\"", "x${X}y", "\"$\\x7b\"${X}"] {
        assert!(pairs(&format!("A={value}\n"), Dialect::Python).is_err(), "{value}");
    }
    for value in ["$X", "${X}", "\"$X\"", "x$", "$"] {
        assert!(pairs(&format!("A={value}\n"), Dialect::Dotenvy).is_err(), "{value}");
    }
    assert_eq!(pairs("A='$X'\n", Dialect::Dotenvy).unwrap()[0].1, "$X");
}

#[test]
fn a_name_that_an_object_swallows_is_refused() {
    for dialect in [Dialect::Dotenv, Dialect::Node] {
        assert!(pairs("__proto__=x\n", dialect).is_err());
        assert!(pairs("constructor=x\n", dialect).is_ok());
    }
}

#[test]
fn a_line_that_a_program_would_pass_over_is_refused() {
    for dialect in Dialect::ALL {
        for line in ["hunter2", "A", "export A", "=hunter2", "-----BEGIN KEY-----", "A.B C=1"] {
            assert!(pairs(&format!("OK=1\n{line}\n"), dialect).is_err(), "{dialect} {line}");
        }
    }
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_rest() {
    for dialect in Dialect::ALL {
        for quote in ['\'', '"', '`'] {
            if let Ok(found) = pairs(&format!("A={quote}x\nB=2\n"), dialect) {
                assert_eq!(
                    found,
                    [("A".to_owned(), format!("{quote}x")), ("B".to_owned(), "2".to_owned())],
                    "{dialect}"
                );
            }
        }
    }
    assert!(pairs("A=\n'x'\nB=1\n", Dialect::Dotenv).is_err());
}

#[test]
fn whatever_is_wrong_no_message_shows_what_was_read() {
    let texts = [
        "hunter2",
        "A=hunter2\nA=hunter2",
        "A='hunter2",
        "hunter2=A B'",
        "A=$hunter2",
        "A=hunter2\0",
        "A=\u{feff}hunter2 x",
        "hunter2 A=1",
        "A = hunter2",
        "export hunter2",
        "A=\"hunter2\"x",
        "\u{feff}hunter2=1",
        "A=hunter2\rB=1",
        "é=hunter2",
    ];
    for text in texts {
        for meaning in [Meaning::Strict].into_iter().chain(Dialect::ALL.map(Meaning::Of)) {
            let Err(error) = read(text.as_bytes(), meaning) else { continue };
            let hint = crate::failure::Explain::hint(&error).unwrap();
            assert!(!format!("{error} {error:?} {hint}").contains("hunter2"), "{text:?} {meaning} {error}");
        }
    }
    assert!(read(b"A=\xffhunter2", Meaning::Strict).is_err_and(|error| !error.to_string().contains("hunter2")));
}

#[test]
fn strict_names_every_line_and_the_dialects_that_differ() {
    let error = pairs_of("A=1\nB='x'\nC=$X\n# c\nD=a b\n", Meaning::Strict).unwrap_err();
    assert_eq!(error.to_string(), "line 2 is read differently by docker; so are lines 3 and 5");
    let many = "A='x'\n".repeat(100);
    assert_eq!(
        pairs_of(&many, Meaning::Strict).unwrap_err().to_string(),
        "line 1 is read differently by docker; so are lines 2, 3, 4, 5, 6, 7, 8, 9 and more"
    );
    let error = pairs_of("A=\"\n\"\nB=1\n", Meaning::Strict).unwrap_err();
    assert!(error.to_string().starts_with("line 1 is read differently by "), "{error}");
    let error = pairs_of("A=x y\n", Meaning::Strict).unwrap_err();
    assert_eq!(error.to_string(), "line 1 is read differently by bash and dotenvy");
}

#[test]
fn strict_says_which_programs_read_the_whole_file() {
    let hint = |text: &str| crate::failure::Explain::hint(&pairs_of(text, Meaning::Strict).unwrap_err()).unwrap();
    let everyday = "export A=1\nB = 'x'  # note\nC=$X\nD='a b'\n";
    assert!(hint(everyday).starts_with("give --dialect dotenv or node or python, if "), "{}", hint(everyday));
    let for_one = "export A = ${X}\nB=\"a\\\"b\"\n";
    assert!(hint(for_one).starts_with("give --dialect dotenv, if"), "{}", hint(for_one));
    let for_none = "export A='x'\nB=\"\n";
    assert!(hint(for_none).contains("no program reads the whole file"), "{}", hint(for_none));
}

#[test]
fn sizes_are_bounded() {
    let strict = |text: &str| pairs_of(text, Meaning::Strict);
    assert_eq!(strict(&"\n".repeat(LARGEST_FILE + 1)), Err(ReadError::TooBig));
    let long = format!("B=1\nA={}\n", "x".repeat(LONGEST_LINE));
    assert_eq!(pairs(&long, Dialect::Systemd), Err(ReadError::LongLine { line: 2 }));
    let many: String = (0..=MOST_NAMES).map(|number| format!("A{number}=\n")).collect();
    assert_eq!(strict(&many), Err(ReadError::TooManyNames));
}

#[test]
fn a_name_that_is_there_twice_is_refused_even_with_one_value() {
    for meaning in [Meaning::Strict].into_iter().chain(Dialect::ALL.map(Meaning::Of)) {
        let error = read(b"A=1\nB=1\nA=1\n", meaning).unwrap_err();
        assert_eq!(error.to_string(), "A is in line 1 and again in line 3", "{meaning}");
    }
}

#[test]
fn comments_are_counted_and_values_that_look_like_them_are_not() {
    let comments = |text: &str, dialect| read(text.as_bytes(), Meaning::Of(dialect)).unwrap().comments;
    assert_eq!(comments("# a\nA=1\n\n  # b\nB='\n# no\n'\n#c", Dialect::Systemd), 3);
    assert_eq!(comments("; a\n", Dialect::Systemd), 1);
}
