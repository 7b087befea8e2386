//! What a command is to be given, and how: data, read from the command line.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use thiserror::Error;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::{BadName, Name};

/// What is given, and where the program finds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Environment variables, with their secrets.
    pub variables: Vec<(Name, Name)>,
    /// Descriptors, with their secrets.
    pub descriptors: Vec<(Name, RawFd)>,
    /// Files, with their secrets.
    pub files: Vec<(Name, PathBuf)>,
}

/// The options as they were written.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// `--only`: names.
    pub only: Vec<String>,
    /// `--env`: `NAME=VARIABLE`.
    pub env: Vec<String>,
    /// `--fd`: `NAME=N`.
    pub fd: Vec<String>,
    /// `--file`: `NAME=PATH`.
    pub file: Vec<OsString>,
}

/// Whether variables that load code are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// They are not.
    Refuse,
    /// `--allow-code`.
    Allow,
}

/// Why options cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nothing is named.
    #[error("no secret is named for the command")]
    Nothing,
    /// An option is not of the form `NAME=…`.
    #[error("{option} takes {form}")]
    Form {
        /// The option.
        option: &'static str,
        /// What it takes.
        form: &'static str,
    },
    /// A name is none.
    #[error("{option}: {source}")]
    Name {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        source: BadName,
    },
    /// It cannot be a variable's name.
    #[error("{name} is not the name of an environment variable")]
    Variable {
        /// The name.
        name: Name,
    },
    /// A variable of that name makes programs load code.
    #[error("a variable {name} makes programs load code or run others")]
    Code {
        /// The name.
        name: Name,
    },
    /// A descriptor that a secret cannot be read from.
    #[error("--fd {name}={number}: a secret is read, and 1 and 2 are written to")]
    Output {
        /// The secret.
        name: Name,
        /// The number.
        number: RawFd,
    },
    /// Two secrets for one place.
    #[error("two secrets are to be in {place}")]
    Twice {
        /// The variable, descriptor or file.
        place: String,
    },
}

impl Explain for RequestError {
    fn exit(&self) -> Exit {
        match self {
            Self::Code { .. } => Exit::Denied,
            Self::Nothing
            | Self::Form { .. }
            | Self::Name { .. }
            | Self::Variable { .. }
            | Self::Output { .. }
            | Self::Twice { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nothing => {
                "name them with --only, --env, --fd or --file; a command gets only what is named".to_owned()
            }
            Self::Form { .. } => "`lobsterpot-vault help run` shows an example of each option".to_owned(),
            Self::Name { source, .. } => source.hint(),
            Self::Variable { name } => format!("give it one with --env {name}=VARIABLE, or use --fd or --file"),
            Self::Code { .. } => "give it another name with --env, or insist with --allow-code".to_owned(),
            Self::Output { .. } => "use 0, or 3 and above".to_owned(),
            Self::Twice { .. } => "give each a place of its own".to_owned(),
        })
    }
}

impl Request {
    /// Reads options. A name of `--only` that another option places elsewhere is not put into the environment.
    ///
    /// # Errors
    /// When nothing is named, something is malformed or dangerous, or two secrets would be in one place.
    pub fn read(words: &Words, code: Code) -> Result<Self, RequestError> {
        let mut request = Self::default();
        for word in &words.env {
            let (name, variable) = pair("--env", "NAME=VARIABLE", OsStr::new(word))?;
            request.variables.push((name, parse("--env", variable.to_str())?));
        }
        for word in &words.fd {
            let (name, number) = pair("--fd", "NAME=N", OsStr::new(word))?;
            let number: Option<u16> = number.to_str().and_then(|text| text.parse().ok());
            let number = number.ok_or(RequestError::Form { option: "--fd", form: "NAME=N, N a number" })?;
            request.descriptors.push((name, RawFd::from(number)));
        }
        for word in &words.file {
            let (name, path) = pair("--file", "NAME=PATH", word)?;
            request.files.push((name, PathBuf::from(path)));
        }
        let placed: BTreeSet<Name> = request.names().cloned().collect();
        for word in &words.only {
            let name = parse("--only", Some(word))?;
            if !placed.contains(&name) && !request.variables.contains(&(name.clone(), name.clone())) {
                request.variables.push((name.clone(), name));
            }
        }
        request.check(code)?;
        Ok(request)
    }

    /// Every secret that is named; one twice that has two places.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        let variables = self.variables.iter().map(|(name, _)| name);
        let descriptors = self.descriptors.iter().map(|(name, _)| name);
        variables.chain(descriptors).chain(self.files.iter().map(|(name, _)| name))
    }

    /// Refuses what is dangerous or ambiguous.
    ///
    /// # Errors
    /// When something is.
    fn check(&self, code: Code) -> Result<(), RequestError> {
        if self.names().next().is_none() {
            return Err(RequestError::Nothing);
        }
        for (_, variable) in &self.variables {
            check_variable(variable, code)?;
        }
        if let Some((name, number)) = self.descriptors.iter().find(|(_, number)| matches!(number, 1 | 2)) {
            return Err(RequestError::Output { name: name.clone(), number: *number });
        }
        let variables = self.variables.iter().map(|(_, variable)| format!("the variable {variable}"));
        let descriptors = self.descriptors.iter().map(|(_, number)| format!("descriptor {number}"));
        let files = self.files.iter().map(|(_, path)| path.display().to_string());
        let mut seen = BTreeSet::new();
        match variables.chain(descriptors).chain(files).find(|place| !seen.insert(place.clone())) {
            Some(place) => Err(RequestError::Twice { place }),
            None => Ok(()),
        }
    }
}

/// Refuses what is no variable's name, and names of variables that load code.
///
/// # Errors
/// When it is one of them.
pub(crate) fn check_variable(name: &Name, code: Code) -> Result<(), RequestError> {
    if !name.is_variable() {
        return Err(RequestError::Variable { name: name.clone() });
    }
    if name.loads_code() && code == Code::Refuse {
        return Err(RequestError::Code { name: name.clone() });
    }
    Ok(())
}

/// Splits `NAME=…`.
///
/// # Errors
/// When there is no `=`, nothing behind it, or no name before it.
fn pair<'a>(option: &'static str, form: &'static str, word: &'a OsStr) -> Result<(Name, &'a OsStr), RequestError> {
    let bytes = word.as_bytes();
    let at = bytes.iter().position(|&byte| byte == b'=').ok_or(RequestError::Form { option, form })?;
    let (name, rest) = (OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(&bytes[at + 1..]));
    if rest.is_empty() {
        return Err(RequestError::Form { option, form });
    }
    Ok((parse(option, name.to_str())?, rest))
}

/// Reads a name.
///
/// # Errors
/// When it is none; text that is not UTF-8 never is.
fn parse(option: &'static str, text: Option<&str>) -> Result<Name, RequestError> {
    let text = text.ok_or(BadName::Character { at: 0 });
    text.and_then(Name::parse).map_err(|source| RequestError::Name { option, source })
}

#[cfg(test)]
mod tests {
    use super::{Code, Name, Request, RequestError, Words};

    /// Owned texts.
    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    /// What `--only`, `--env`, `--fd` and `--file` make.
    ///
    /// # Errors
    /// As for [`Request::read`].
    fn read(only: &[&str], env: &[&str], fd: &[&str], file: &[&str]) -> Result<Request, RequestError> {
        let file = file.iter().map(Into::into).collect();
        let words = Words { only: texts(only), env: texts(env), fd: texts(fd), file };
        Request::read(&words, Code::Refuse)
    }

    #[test]
    fn a_name_that_has_another_place_is_not_put_into_the_environment() {
        let name = |text: &str| Name::parse(text).unwrap();
        let request = read(&["A", "B", "C", "D", "A"], &["B=X"], &["C=3"], &["D=/run/d"]).unwrap();
        assert_eq!(request.variables, [(name("B"), name("X")), (name("A"), name("A"))]);
        assert_eq!(request.descriptors, [(name("C"), 3)]);
        assert_eq!(request.files, [(name("D"), "/run/d".into())]);
    }

    #[test]
    fn what_loads_code_is_refused_without_a_flag() {
        for request in [read(&["LD_PRELOAD"], &[], &[], &[]), read(&[], &["A=NODE_OPTIONS"], &[], &[])] {
            assert!(matches!(request, Err(RequestError::Code { .. })));
        }
        let words = Words { only: texts(&["LD_PRELOAD"]), ..Words::default() };
        assert!(Request::read(&words, Code::Allow).is_ok());
        assert!(read(&[], &[], &["LD_PRELOAD=3"], &[]).is_ok());
    }

    #[test]
    fn malformed_and_ambiguous_options_are_refused() {
        assert_eq!(read(&[], &[], &[], &[]), Err(RequestError::Nothing));
        assert!(matches!(read(&["a b"], &[], &[], &[]), Err(RequestError::Name { .. })));
        assert!(matches!(read(&["a/b"], &[], &[], &[]), Err(RequestError::Variable { .. })));
        for fd in ["A", "A=", "A=x", "A=-1", "A=65536"] {
            assert!(matches!(read(&[], &[], &[fd], &[]), Err(RequestError::Form { .. })), "{fd}");
        }
        for fd in ["A=1", "A=2"] {
            assert!(matches!(read(&[], &[], &[fd], &[]), Err(RequestError::Output { .. })), "{fd}");
        }
        for (env, fd) in [(vec!["A=X", "B=X"], vec![]), (vec![], vec!["A=3", "B=3"])] {
            assert!(matches!(read(&[], &env, &fd, &[]), Err(RequestError::Twice { .. })));
        }
    }
}
