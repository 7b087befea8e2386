//! The vault: what its own program says of it. Names of secrets are counted, not shown.

use std::path::Path;

use serde_json::Value;

use super::check::{Check, ask_json};
use crate::vault::PROGRAM;

/// Looks at the caller's vault.
pub(super) fn check(folder: &Path) -> Check {
    match ask_json(&folder.join(PROGRAM), &["status", "--json"]) {
        Ok(status) => judged(&status),
        Err(why) => Check::fail("vault", why).hint("install all programs of one version into one folder"),
    }
}

/// What a vault's state means.
pub(super) fn judged(status: &Value) -> Check {
    let (what, hint) = problem(status);
    let Some(place) = status["vault"].as_str() else {
        return Check::fail("vault", "its program does not say where it is").hint(hint);
    };
    let Some(count) = status["secrets"].as_u64() else {
        let is_absent = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        return if Path::new(place).symlink_metadata().is_err_and(is_absent) {
            Check::ok("vault", format!("there is none at {place}"))
        } else {
            Check::fail("vault", format!("{place} does not open: {what}")).hint(hint)
        };
    };
    let listed = |name: &str| status[name].as_array().map_or(0, Vec::len);
    match (listed("problems"), listed("expired"), listed("expiring")) {
        (0, 0, 0) => Check::ok("vault", format!("{place} opens; secrets: {count}")),
        (0, expired, expiring) => {
            Check::warn("vault", format!("secrets past their end: {expired}; in 30 days: {expiring}"))
                .hint("lobsterpot vault status names them; lobsterpot vault rotate NAME")
        }
        (_, _, _) => Check::fail("vault", what).hint(hint),
    }
}

/// The first problem of a vault, and what to do.
fn problem(status: &Value) -> (String, String) {
    let first = &status["problems"][0];
    let text = |name: &str, otherwise: &str| first[name].as_str().unwrap_or(otherwise).to_owned();
    (text("what", "its state is unknown"), text("hint", "lobsterpot vault status"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::check::State;

    #[test]
    fn a_vault_that_is_there_and_does_not_open_fails_and_one_that_was_never_made_does_not() {
        let problems = json!([{ "what": "no identity opens it", "hint": "name one" }]);
        let closed = judged(&json!({ "vault": "/etc/passwd", "secrets": null, "problems": problems }));
        assert_eq!(closed.state, State::Fail);
        assert!(closed.line().contains("no identity opens it") && closed.line().contains("hint: name one"));
        let none = judged(&json!({ "vault": "/nowhere/vault.age", "secrets": null, "problems": problems }));
        assert_eq!(none.state, State::Ok);
    }

    #[test]
    fn a_vault_that_cannot_be_looked_for_is_not_said_to_be_none() {
        let unknown = judged(&json!({ "secrets": null, "problems": [] }));
        assert_eq!(unknown.state, State::Fail, "{}", unknown.line());
        let hidden = judged(&json!({ "vault": "/etc/passwd/vault.age", "secrets": null, "problems": [] }));
        assert_eq!(hidden.state, State::Fail, "{}", hidden.line());
    }

    #[test]
    fn names_of_secrets_are_not_shown() {
        let status = json!({ "vault": "/v", "secrets": 2, "problems": [], "expired": ["MY_KEY"], "expiring": [] });
        let said = judged(&status);
        assert_eq!(said.state, State::Warn);
        assert!(!said.line().contains("MY_KEY") && said.line().contains("past their end: 1"), "{}", said.line());
    }
}
