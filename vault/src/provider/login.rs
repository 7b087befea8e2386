//! A user's name and password in one secret, for git and docker.

use std::borrow::Cow;

use serde::Deserialize;
use thiserror::Error;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// A secret's value is not a login.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the value of \"{name}\" is not a user name and a password")]
pub struct LoginError {
    /// The secret's name.
    pub name: Name,
}

impl Explain for LoginError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(
            "set it to USER:PASSWORD or {\"username\": …, \"password\": …}, or put #USER behind its name and the password alone into it"
                .to_owned(),
        )
    }
}

/// A user's name and password. The name may be a token, so it is kept as a secret too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The name.
    pub(super) username: Secret,
    /// The password or token.
    pub(super) password: Secret,
}

/// The JSON form of a login.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLogin<'a> {
    /// [`Login::username`].
    #[serde(borrow)]
    username: Cow<'a, str>,
    /// [`Login::password`].
    #[serde(borrow)]
    password: Cow<'a, str>,
}

impl Login {
    /// Reads the login in the `value` of the secret `name`. With a `user` from that name, the value is the password alone;
    /// otherwise it is JSON when it begins with a brace, and `USER:PASSWORD` when it does not.
    ///
    /// # Errors
    /// When it is not text, or one of the two is missing.
    pub(super) fn read(name: &Name, user: Option<&str>, value: &Secret) -> Result<Self, LoginError> {
        let text = value.as_text().ok_or_else(|| LoginError { name: name.clone() })?;
        let parts = match user {
            Some(user) => Some((Cow::Borrowed(user), Cow::Borrowed(text))),
            None if text.trim_start().starts_with('{') => {
                serde_json::from_str::<WireLogin<'_>>(text).ok().map(|wire| (wire.username, wire.password))
            }
            None => text.split_once(':').map(|(user, password)| (user.into(), password.into())),
        };
        match parts {
            Some((username, password)) if !username.is_empty() && !password.is_empty() => Ok(Self {
                username: Secret::from(username.into_owned()),
                password: Secret::from(password.into_owned()),
            }),
            Some(_) | None => Err(LoginError { name: name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Login;
    use crate::name::Name;
    use crate::secret::Secret;

    /// What a value says, as text.
    fn read(user: Option<&str>, value: &str) -> Option<(String, String)> {
        let login = Login::read(&Name::parse("N").unwrap(), user, &Secret::from(value)).ok()?;
        Some((login.username.as_text()?.to_owned(), login.password.as_text()?.to_owned()))
    }

    #[test]
    fn each_form_is_read() {
        let pat = |password: &str| Some(("pat".to_owned(), password.to_owned()));
        assert_eq!(read(None, "pat:a:b"), pat("a:b"));
        assert_eq!(read(None, r#" {"username":"pat","password":"a:\"b"}"#), pat("a:\"b"));
        assert_eq!(read(Some("pat"), "a:b"), pat("a:b"));
        assert_eq!(read(Some("pat"), "{}"), pat("{}"));
    }

    #[test]
    fn half_a_login_is_none() {
        let duplicate = r#"{"username":"pat","password":"a","password":"b"}"#;
        let more = r#"{"username":"pat","password":"a","x":1}"#;
        for value in ["", "token", ":a", "pat:", "{}", r#"{"username":"pat"}"#, duplicate, more, "{", "{user:a"] {
            assert_eq!(read(None, value), None, "{value}");
        }
        assert_eq!(read(Some("pat"), ""), None);
    }

    #[test]
    fn a_value_that_is_no_login_is_not_repeated() {
        let error = Login::read(&Name::parse("N").unwrap(), None, &Secret::from("hunter2")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
