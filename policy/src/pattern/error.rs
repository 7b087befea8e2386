//! Why a text is not a path pattern, and what to write instead.

use thiserror::Error;

/// Why a text is not a path pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing was written.
    #[error("the path is empty")]
    Empty,
    /// It is longer than a path can be.
    #[error("the path is {length} bytes long")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It has a NUL, a newline or another control character.
    #[error("the path \"{text}\" has a control character in it")]
    ControlCharacter {
        /// The pattern, escaped.
        text: String,
    },
    /// It begins or ends with a space.
    #[error("the path \"{text}\" begins or ends with a space")]
    OuterSpace {
        /// The pattern.
        text: String,
    },
    /// It names the home folder of somebody by user name.
    #[error("the path \"{text}\" names a home folder by user")]
    OtherHome {
        /// The pattern.
        text: String,
    },
    /// It begins with a variable that policies do not know.
    #[error("the variable ${name} is not known in policy paths")]
    UnknownVariable {
        /// The variable's name.
        name: String,
    },
    /// It has `..` in it.
    #[error("\"{text}\" leads upwards")]
    ParentFolder {
        /// The component or path.
        text: String,
    },
    /// It should have been absolute.
    #[error("the path \"{text}\" is not absolute")]
    NotAbsolute {
        /// The path.
        text: String,
    },
    /// A brace list is not closed within one component, or is nested.
    #[error("the brace list in \"{component}\" is not closed, is nested, or spans a `/`")]
    Braces {
        /// The component.
        component: String,
    },
    /// A brace list leaves a component empty.
    #[error("a brace list leaves a path component empty")]
    EmptyAlternative,
    /// Brace lists stand for too many paths.
    #[error("the brace lists stand for more than {limit} paths")]
    TooManyAlternatives {
        /// The limit.
        limit: usize,
    },
    /// A character class is not closed, or empty, or has its range the wrong way round.
    #[error("the character class in \"{component}\" is not closed, is empty, or has a range the wrong way round")]
    CharacterClass {
        /// The component.
        component: String,
    },
    /// A backslash at the end of a component.
    #[error("\"{component}\" ends with a backslash")]
    TrailingEscape {
        /// The component.
        component: String,
    },
    /// `**` together with other characters.
    #[error("`**` in \"{component}\" is not a component of its own")]
    PartialDepth {
        /// The component.
        component: String,
    },
    /// `**` at the end.
    #[error("`**` stands at the end")]
    TrailingDepth,
}

impl PatternError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "write an absolute path, `~/…`, `$XDG_CONFIG_HOME/…`, or a path relative to the workspace",
            Self::TooLong { .. } => "a path has at most 4096 bytes; name a folder above it",
            Self::ControlCharacter { .. } => "remove the character, or write `?` in its place",
            Self::OuterSpace { .. } => "remove the space, or write `?` in its place if the name really has one",
            Self::OtherHome { .. } => "write `~/…` for the caller's home, or the absolute path of another one",
            Self::UnknownVariable { .. } => {
                "write `~/…` for the home folder; the variables are XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME, \
                 XDG_STATE_HOME and XDG_RUNTIME_DIR"
            }
            Self::ParentFolder { .. } => "write the path without `..`",
            Self::NotAbsolute { .. } => "write the path from `/` on",
            Self::Braces { .. } => "write one list within one component, such as `{a,b}`; `\\{` is a plain brace",
            Self::EmptyAlternative => "give every alternative at least one character, and neither `.` nor `/`",
            Self::TooManyAlternatives { .. } => "write several rules, or use `*`",
            Self::CharacterClass { .. } => "write it as `[abc]`, `[a-z]` or `[!a-z]`; `\\[` is a plain bracket",
            Self::TrailingEscape { .. } => "write `\\\\` for a plain backslash",
            Self::PartialDepth { .. } => "write `**` between slashes, as in `**/name`, or a single `*`",
            Self::TrailingDepth => "name the folder itself: a rule covers everything below it",
        }
    }
}
