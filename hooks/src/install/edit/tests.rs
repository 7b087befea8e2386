//! Edits of many differently written files, there and back.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Edit, make, unmake};
use crate::install::change::{Change, Mark};
use crate::install::document::Document;
use crate::install::file::Found;
use crate::install::json::Dialect;

/// A file with this text.
fn found(text: Option<&str>) -> Found {
    Found::imagined(PathBuf::from("/home/u/.client/settings.json"), text)
}

/// What a hook looks like.
fn group(program: &str, matcher: &str) -> Value {
    json!({ "matcher": matcher, "hooks": [{ "type": "command", "command": format!("/opt/bin/{program}"), "args": ["--client", "c"], "timeout": 10 }] })
}

/// Changes of every kind.
fn changes() -> Vec<Change> {
    vec![
        Change::element(&["hooks", "Pre"], group("one", "Bash"), Mark::Program("one".into())),
        Change::element(&["hooks", "Pre"], group("two", "*"), Mark::Program("two".into())),
        Change::element(&["permissions", "deny"], json!("Bash(/opt/bin/x *)"), Mark::Same),
        Change::shared(&["only"], json!(true)),
        Change::shared(&["env", "BASH_ENV"], json!("")),
        Change::own(&["plugins", "entries", "ours"], json!({ "enabled": true, "config": { "bin": "/opt/bin" } })),
    ]
}

/// Installs into a text.
fn installed(text: Option<&str>, dialect: Dialect) -> Edit {
    make(found(text), dialect, &changes(), None).unwrap()
}

/// The value of a text.
fn value(text: &str, dialect: Dialect) -> Value {
    Document::parse(text, dialect).unwrap().value().unwrap()
}

#[test]
fn what_a_person_wrote_is_kept_to_the_byte_around_the_edit() {
    let text = "{\n\t// mine\n\t'model' : \"opus\", /* why */ odd: +0x1F,\n\n\thooks: { Pre: [ {\"matcher\":\"X\",\"hooks\":[]}, ], },\n}\n";
    let edit = installed(Some(text), Dialect::Five);
    let after = edit.text.clone().unwrap();
    for kept in ["\t// mine\n\t'model' : \"opus\", /* why */ odd: +0x1F,\n\n", "{\"matcher\":\"X\",\"hooks\":[]}"] {
        assert!(after.contains(kept), "{after}");
    }
    let back = unmake(found(Some(&after)), Dialect::Five, &[], edit.written.as_ref()).unwrap();
    assert_eq!(back.text.as_deref(), Some(text));
}

#[test]
fn later_edits_of_the_user_survive_the_removal() {
    let text = "{\n  \"a\": 1,\n  \"hooks\": {\n    \"Pre\": []\n  }\n}\n";
    let edit = installed(Some(text), Dialect::Strict);
    let later = edit.text.unwrap().replace("\"a\": 1", "\"a\": 2,\n  \"added\": {\"x\": []}");
    let back = unmake(found(Some(&later)), Dialect::Strict, &[], edit.written.as_ref()).unwrap().text.unwrap();
    assert_eq!(back, text.replace("\"a\": 1", "\"a\": 2,\n  \"added\": {\"x\": []}"));
}

#[test]
fn a_reformatted_file_loses_what_is_ours_and_nothing_else() {
    let text = "{\"a\": 1, \"hooks\": {\"Pre\": [{\"matcher\": \"mine\"}]}, \"only\": false}";
    let edit = installed(Some(text), Dialect::Strict);
    let reformatted = value(&edit.text.unwrap(), Dialect::Strict).to_string();
    let back = unmake(found(Some(&reformatted)), Dialect::Strict, &[], edit.written.as_ref()).unwrap().text.unwrap();
    assert_eq!(value(&back, Dialect::Strict), value(text, Dialect::Strict));
}

#[test]
fn without_a_record_hooks_go_and_what_protects_stays() {
    let text = installed(Some("{\"a\": 1}"), Dialect::Strict).text.unwrap();
    let back = unmake(found(Some(&text)), Dialect::Strict, &changes(), None).unwrap().text.unwrap();
    assert_eq!(value(&back, Dialect::Strict), json!({ "a": 1, "only": true, "env": { "BASH_ENV": "" } }));
}

#[test]
fn a_file_that_was_made_goes_away_unless_something_was_added() {
    let edit = installed(None, Dialect::Strict);
    let text = edit.text.unwrap();
    let back = unmake(found(Some(&text)), Dialect::Strict, &[], edit.written.as_ref()).unwrap();
    assert_eq!(back.text, None);
    let used = text.replacen('{', "{\"mine\": 1,", 1);
    let back = unmake(found(Some(&used)), Dialect::Strict, &[], edit.written.as_ref()).unwrap();
    assert_eq!(value(&back.text.unwrap(), Dialect::Strict), json!({ "mine": 1 }));
}

#[test]
fn an_older_hook_of_ours_is_replaced_and_a_foreign_one_beside_it_stays() {
    let text = r#"{"hooks":{"Pre":[{"matcher":"Bash","hooks":[{"command":"/old/one"},{"command":"/their/tool"}]}]}}"#;
    let after = value(&installed(Some(text), Dialect::Strict).text.unwrap(), Dialect::Strict);
    let groups = after["hooks"]["Pre"].as_array().unwrap();
    assert_eq!(groups[0], json!({ "matcher": "Bash", "hooks": [{ "command": "/their/tool" }] }));
    assert_eq!(groups[1..], [group("one", "Bash"), group("two", "*")]);
}

#[test]
fn what_cannot_be_edited_without_doubt_is_refused() {
    for text in [
        "[]",
        "{",
        "{\"a\": 1, \"a\": 2}",
        "// nothing",
        "{\"hooks\": 7}",
        "{\"hooks\": {\"Pre\": {}}}",
        "{\"a\" 1}",
        "{} {}",
        "nul",
        "{\"permissions\": {\"deny\": \"all\"}}",
    ] {
        assert!(make(found(Some(text)), Dialect::Five, &changes(), None).is_err(), "{text}");
    }
    for text in ["{// c\n}", "{'a': 1}", "{\"a\": 1,}", "{a: 1}"] {
        assert!(make(found(Some(text)), Dialect::Strict, &changes(), None).is_err(), "{text}");
    }
}

#[test]
fn a_second_installation_with_other_wishes_still_leads_back_to_the_beginning() {
    let text = "{ \"only\": false, // hm\n }";
    let first = installed(Some(text), Dialect::Five);
    let fewer = &changes()[..2];
    let second = make(found(first.text.as_deref()), Dialect::Five, fewer, first.written.as_ref()).unwrap();
    assert_eq!(value(second.text.as_deref().unwrap(), Dialect::Five)["only"], json!(false));
    let back = unmake(found(second.text.as_deref()), Dialect::Five, &[], second.written.as_ref()).unwrap();
    assert_eq!(back.text.as_deref(), Some(text));
}

/// Spaces, line ends and comments as they may stand between words.
fn gap(dialect: Dialect) -> BoxedStrategy<String> {
    let plain = prop_oneof![8 => Just(""), 4 => Just(" "), 2 => Just("\n  "), 1 => Just("\t"), 1 => Just("\r\n")];
    let plain = plain.prop_map(str::to_owned).boxed();
    if dialect == Dialect::Strict {
        return plain;
    }
    prop_oneof![12 => plain, 1 => Just("/* c, } ] */".to_owned()), 1 => Just(" // c \"{[\n".to_owned())].boxed()
}

/// A key or text as it may be written.
fn name(dialect: Dialect) -> BoxedStrategy<String> {
    let names = prop_oneof![
        Just("hooks"),
        Just("Pre"),
        Just("permissions"),
        Just("deny"),
        Just("plugins"),
        Just("entries"),
        Just("env"),
        Just("a"),
        Just("b c"),
        Just("ü\\n\\u0041"),
    ];
    let quoted = names.clone().prop_map(|name| format!("\"{name}\""));
    if dialect != Dialect::Five {
        return quoted.boxed();
    }
    prop_oneof![quoted, names.prop_map(|name| format!("'{name}'")), Just("bare".to_owned()), Just("$odd_1".to_owned())]
        .boxed()
}

/// A value as it may be written.
fn written(dialect: Dialect) -> BoxedStrategy<String> {
    let plain = prop_oneof![
        Just("1"),
        Just("-2.5e3"),
        Just("true"),
        Just("null"),
        Just("\"t\\\"x\""),
        Just("{}"),
        Just("[]"),
        Just("[ ]")
    ];
    let leaf = if dialect == Dialect::Five {
        prop_oneof![4 => plain, 1 => Just("'it\\'s'"), 1 => Just("0xAF"), 1 => Just(".5"), 1 => Just("Infinity")]
            .boxed()
    } else {
        plain.boxed()
    };
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 4, move |inner| {
            let item = (gap(dialect), inner, gap(dialect)).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
            let list = (prop::collection::vec(item, 0..4), tail(dialect)).prop_map(|(items, tail)| {
                if items.is_empty() { "[]".to_owned() } else { format!("[{}{tail}]", items.join(",")) }
            });
            prop_oneof![list]
        })
        .boxed()
}

/// What may stand after the last element.
fn tail(dialect: Dialect) -> BoxedStrategy<String> {
    match dialect {
        Dialect::Strict | Dialect::Commented | Dialect::Toml => Just(String::new()).boxed(),
        Dialect::Relaxed | Dialect::Five => {
            prop_oneof![Just(String::new()), Just(",".to_owned()), Just(" ,\n".to_owned())].boxed()
        }
    }
}

/// An object as it may be written, to this depth.
fn object(dialect: Dialect, depth: u32) -> BoxedStrategy<String> {
    let value =
        if depth == 0 { written(dialect) } else { prop_oneof![written(dialect), object(dialect, depth - 1)].boxed() };
    let member = (gap(dialect), name(dialect), gap(dialect), gap(dialect), value, gap(dialect))
        .prop_map(|(a, name, b, c, value, d)| format!("{a}{name}{b}:{c}{value}{d}"));
    (prop::collection::vec(member, 0..5), tail(dialect), gap(dialect))
        .prop_map(|(members, tail, gap)| {
            if members.is_empty() { format!("{{{gap}}}") } else { format!("{{{}{tail}{gap}}}", members.join(",")) }
        })
        .boxed()
}

/// A whole file.
fn file() -> impl Strategy<Value = (Dialect, String)> {
    let dialects =
        prop_oneof![Just(Dialect::Strict), Just(Dialect::Commented), Just(Dialect::Relaxed), Just(Dialect::Five)];
    dialects.prop_flat_map(|dialect| {
        (
            Just(dialect),
            prop_oneof![9 => Just(""), 1 => Just("\u{feff}")],
            gap(dialect),
            object(dialect, 2),
            gap(dialect),
        )
            .prop_map(|(dialect, mark, a, object, b)| (dialect, format!("{mark}{a}{object}{b}")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_file_comes_back_byte_for_byte((dialect, text) in file()) {
        // A file with a key twice, or another shape where hooks go, is refused: that is tested above.
        let Ok(edit) = make(found(Some(&text)), dialect, &changes(), None) else { return Ok(()) };
        let after = edit.text.clone().unwrap();
        for change in changes() {
            prop_assert!(change.holds(&Document::parse(&after, dialect).unwrap()).unwrap(), "{}", after);
        }
        let again = make(found(Some(&after)), dialect, &changes(), edit.written.as_ref()).unwrap();
        prop_assert!(again.is_nothing());
        prop_assert_eq!(again.written.as_ref(), edit.written.as_ref());
        let back = unmake(found(Some(&after)), dialect, &[], edit.written.as_ref()).unwrap();
        prop_assert_eq!(back.text.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn taking_out_what_was_never_put_in_changes_nothing((dialect, text) in file()) {
        let Ok(back) = unmake(found(Some(&text)), dialect, &changes(), None) else { return Ok(()) };
        let (before, after) = (value(&text, dialect), value(&back.text.unwrap(), dialect));
        // Empty lists and objects where ours would go count as ours when nobody knows better.
        for key in before.as_object().unwrap().keys().filter(|key| !["hooks", "permissions", "plugins", "env"].contains(&key.as_str())) {
            prop_assert_eq!(before.get(key), after.get(key));
        }
    }
}
