//! Editing: exact text, all or nothing.

use serde_json::json;

use crate::scene::{Scene, as_everybody};

/// Carries edits out, which must succeed.
#[track_caller]
fn edited(scene: &Scene, content: impl AsRef<[u8]>, edits: &serde_json::Value) -> Vec<u8> {
    scene.plant("file", content);
    scene.done(&["edit", "file"], edits.to_string());
    scene.content("file")
}

#[test]
fn one_place_is_replaced() {
    as_everybody(|scene| {
        assert_eq!(edited(scene, "one two three", &json!([{"old": "two", "new": "2"}])), b"one 2 three");
        assert_eq!(edited(scene, "ä€ö", &json!([{"old": "€", "new": ""}])), "äö".as_bytes());
        assert_eq!(edited(scene, "a\nb\nc", &json!([{"old": "a\nb", "new": "b\na"}])), b"b\na\nc");
    });
}

#[test]
fn edits_follow_each_other() {
    as_everybody(|scene| {
        let edits =
            json!([{"old": "a", "new": "b1"}, {"old": "b1", "new": "c"}, {"old": "x", "new": "y", "all": true}]);
        assert_eq!(edited(scene, "a x x", &edits), b"c y y");
    });
}

#[test]
fn an_edit_that_does_not_match_exactly_once_changes_nothing_and_says_how_often_it_matched() {
    as_everybody(|scene| {
        let content = "first aa aaa\nx x\n";
        for (edits, word) in [
            (json!([{"old": "first", "new": "1"}, {"old": "none", "new": "x"}]), "edit 2 was found 0 times"),
            (json!([{"old": "x", "new": "y"}]), "edit 1 was found 2 times"),
            (
                json!([{"old": "aaa", "new": "y"}, {"old": "aa", "new": "b"}, {"old": "none", "new": "b"}]),
                "edit 3 was found 0",
            ),
            (json!([{"old": "none", "new": "y", "all": true}]), "found 0 times"),
            (json!([{"old": "X X", "new": "y"}]), "found 0 times"),
        ] {
            scene.plant("file", content);
            let message = scene.refused(&["edit", "file"], &edits.to_string(), 74, "fs.no-match");
            assert!(message.contains(word), "{message}");
            assert_eq!(scene.content("file"), content.as_bytes(), "{edits}");
        }
        scene.plant("file", "aaa");
        let message = scene.refused(&["edit", "file"], r#"[{"old":"aa","new":"b"}]"#, 74, "fs.no-match");
        assert!(message.contains("found 2 times"), "two places that overlap are two: {message}");
    });
}

#[test]
fn line_ends_and_a_missing_last_one_are_kept() {
    as_everybody(|scene| {
        let edits = json!([{"old": "b\nc", "new": "B\nnew\nC"}]);
        assert_eq!(edited(scene, "a\r\nb\r\nc", &edits), b"a\r\nB\r\nnew\r\nC");
        assert_eq!(edited(scene, "a\nb\nc", &edits), b"a\nB\nnew\nC");
        let one = json!([{"old": "b", "new": "B\nnew"}]);
        assert_eq!(edited(scene, "a\r\nb\r\n", &one), b"a\r\nB\r\nnew\r\n");
        assert_eq!(edited(scene, "mixed\r\nb\n", &one), b"mixed\r\nB\nnew\n");
        assert_eq!(edited(scene, "a\r\nb\r\nc", &json!([{"old": "b\r\nc", "new": "B"}])), b"a\r\nB");
    });
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    as_everybody(|scene| {
        let content = b"caf\xe9 = \xff\x00; x = 1\r\ny".as_slice();
        assert_eq!(
            edited(scene, content, &json!([{"old": "x = 1", "new": "x = 2"}])),
            b"caf\xe9 = \xff\x00; x = 2\r\ny"
        );
        assert_eq!(edited(scene, b"\xff caf\xc3\xa9", &json!([{"old": "café", "new": "tea"}])), b"\xff tea");
    });
}

#[test]
fn edits_that_make_no_sense_are_refused() {
    as_everybody(|scene| {
        scene.plant("file", "content");
        for edits in [
            "",
            "{}",
            "[]",
            "[{}]",
            r#"[{"old":"content"}]"#,
            r#"[{"old":"","new":"x"}]"#,
            r#"[{"old":"content","new":"content"}]"#,
            r#"[{"old":"content","new":"x","count":1}]"#,
            r#"[{"old":"content","new":"x"}] trailing"#,
        ] {
            scene.refused(&["edit", "file"], edits, 64, "request");
        }
        assert_eq!(scene.content("file"), b"content");
    });
}

#[test]
fn an_edit_cannot_blow_a_file_up() {
    as_everybody(|scene| {
        let content = vec![b'a'; 100_000];
        scene.plant("file", &content);
        let edits = json!([{"old": "a", "new": "b".repeat(100_000), "all": true}]);
        scene.refused(&["edit", "file"], &edits.to_string(), 74, "fs.too-large");
        assert_eq!(scene.content("file"), content);
    });
}

#[test]
fn a_search_that_nearly_matches_everywhere_takes_no_longer() {
    as_everybody(|scene| {
        scene.plant("file", vec![b'a'; 4_000_000]);
        let edits = json!([{"old": format!("{}b", "a".repeat(100_000)), "new": "x"}]);
        let begun = std::time::Instant::now();
        scene.refused(&["edit", "file"], &edits.to_string(), 74, "fs.no-match");
        assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
    });
}
