//! Claude Code's `apiKeyHelper`.

use super::nothing;
use crate::harness::Home;

#[test]
fn the_key_is_printed_alone() {
    let home = Home::with_secrets(&[("KEY", "sk-ant-1")]);
    let ran = home.run(&["provider", "claude-api-key", "KEY"]).done();
    assert_eq!((ran.text().as_str(), ran.stderr.as_str()), ("sk-ant-1\n", ""));
}

#[test]
fn a_key_that_cannot_be_used_is_not_printed() {
    let home = Home::with_secrets(&[("LINES", "hunter2\nx: y")]);
    home.feed(&["set", "EMPTY", "--empty"], b"").done();
    home.feed(&["set", "OTHERS", "--consumer", "openclaw"], b"hunter2").done();
    let before = std::fs::read(home.vault()).unwrap();
    for (name, status, sentence, hint) in [
        ("LINES", 65, "the value of \"LINES\" cannot be an API key", "printf %s KEY | lobsterpot-vault set LINES"),
        ("EMPTY", 65, "the value of \"EMPTY\" cannot be an API key", "printf %s KEY | lobsterpot-vault set EMPTY"),
        ("OTHERS", 77, "the secret \"OTHERS\" is not for claude-api-key", "--consumer claude-api-key"),
        ("NONE", 66, "the vault has no secret \"NONE\"", "`lobsterpot-vault list`"),
        ("hunter2=", 64, "a name has a character that is not allowed, at byte 7", "a name begins with"),
    ] {
        let ran = home.run(&["provider", "claude-api-key", name]).refused(status, sentence, hint);
        nothing(&home, &before, &ran);
    }
}
