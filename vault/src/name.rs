//! What a secret may be called, and which names are dangerous as environment variables.

use std::borrow::Borrow;
use std::fmt;

use thiserror::Error;

/// The longest name, in bytes.
pub const LONGEST: usize = 256;

/// Environment variables by which a program can be made to load code, or to run another program, before it does anything else.
const LOADERS: &[&str] = &[
    "BASH_ENV",
    "CLASSPATH",
    "COR_PROFILER",
    "CORECLR_PROFILER",
    "DOTNET_STARTUP_HOOKS",
    "EDITOR",
    "ENV",
    "GCONV_PATH",
    "GIO_MODULE_DIR",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LESSCLOSE",
    "LESSOPEN",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC",
    "RUSTC_WRAPPER",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "TCLLIBPATH",
    "VISUAL",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of such variables.
const LOADER_FAMILIES: &[&str] =
    &["BASH_FUNC_", "CARGO_", "DYLD_", "GIT_", "GLIBC_", "LD_", "MALLOC_", "NPM_CONFIG_", "npm_config_"];

/// Why a text is not the name of a secret. Names are not secret, but what is given by mistake may be: it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadName {
    /// There is nothing.
    #[error("a name is empty")]
    Empty,
    /// It is longer than [`LONGEST`].
    #[error("a name is longer than {LONGEST} bytes")]
    TooLong,
    /// It has a character that names cannot have, or begins with one that cannot begin a name.
    #[error("a name has a character that is not allowed, at byte {at}")]
    Character {
        /// Where the character is, from 0.
        at: usize,
    },
}

impl BadName {
    /// What to do instead.
    #[must_use]
    pub fn hint(&self) -> String {
        "a name begins with a letter, digit or underscore, and goes on with those and . : / # -".to_owned()
    }
}

/// The name of a secret: `[A-Za-z0-9_][A-Za-z0-9_.:/#-]*`, at most [`LONGEST`] bytes.
///
/// That holds the names of environment variables, and the ids of OpenClaw's secret references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if text.is_empty() {
            return Err(BadName::Empty);
        }
        if text.len() > LONGEST {
            return Err(BadName::TooLong);
        }
        let is_allowed = |(at, byte): (usize, u8)| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => true,
            b'.' | b':' | b'/' | b'#' | b'-' => at > 0,
            _ => false,
        };
        match text.bytes().enumerate().find(|&(at, byte)| !is_allowed((at, byte))) {
            Some((at, _)) => Err(BadName::Character { at }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can name an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
    #[must_use]
    pub fn is_variable(&self) -> bool {
        !self.0.starts_with(|first: char| first.is_ascii_digit())
            && self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// Whether an environment variable of this name makes common programs load code or run other programs.
    #[must_use]
    pub fn loads_code(&self) -> bool {
        LOADERS.contains(&self.as_str()) || LOADER_FAMILIES.iter().any(|family| self.0.starts_with(family))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{BadName, LONGEST, Name};

    #[test]
    fn names_of_variables_and_ids_of_openclaw_are_names() {
        for text in ["A", "_", "OPENAI_API_KEY", "providers/fake/apiKey", "google#client-id", "9", "a.b:c"] {
            assert_eq!(Name::parse(text).map(|name| name.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_could_be_read_as_something_else_is_no_name() {
        assert_eq!(Name::parse(""), Err(BadName::Empty));
        assert_eq!(Name::parse(&"A".repeat(LONGEST + 1)), Err(BadName::TooLong));
        for text in ["-A", "/A", ".A", "#A", ":A"] {
            assert_eq!(Name::parse(text), Err(BadName::Character { at: 0 }), "{text}");
        }
        for text in ["A=B", "A B", "A\n", "A\0", "Aä", "A$", "A\\"] {
            assert_eq!(Name::parse(text), Err(BadName::Character { at: 1 }), "{text}");
        }
    }

    #[test]
    fn only_plain_names_are_variables() {
        for (text, expected) in
            [("A", true), ("_a9", true), ("9A", false), ("a.b", false), ("a/b", false), ("a-b", false)]
        {
            assert_eq!(Name::parse(text).unwrap().is_variable(), expected, "{text}");
        }
    }

    #[test]
    fn names_that_load_code_are_known() {
        for text in
            ["LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV", "GIT_SSH_COMMAND", "PYTHONPATH", "PATH", "DYLD_INSERT_LIBRARIES"]
        {
            assert!(Name::parse(text).unwrap().loads_code(), "{text}");
        }
        for text in ["OPENAI_API_KEY", "PATH_TO_KEY", "LDAP_PASSWORD", "DATABASE_URL"] {
            assert!(!Name::parse(text).unwrap().loads_code(), "{text}");
        }
    }
}
