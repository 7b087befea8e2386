//! The environment of a command: what the caller's is, without what is ours, with what was asked for.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::sys::resource::{Resource, getrlimit};

use super::RunError;
use crate::name::Name;
use crate::secret::Secret;

/// The variable by which services find credentials, the identity among them (systemd.exec(5)).
const OURS: &str = "CREDENTIALS_DIRECTORY";

/// The longest `NAME=value` that `execve(2)` takes, its NUL included: `MAX_ARG_STRLEN`, 32 pages of 4096 bytes.
const LONGEST: usize = 32 * 4096;

/// The most that arguments and environment together may take on Linux, whatever the limit on the stack: three quarters of 8 MiB.
const MOST: u64 = 6 << 20;

/// The least that they may always take (`ARG_MAX` of the kernel).
const LEAST: u64 = 128 << 10;

/// The environment of a command with these `arguments`: `inherited`, in which `values` replace what had their names.
///
/// # Errors
/// When a value has a NUL or is too big for a variable, or all together are too big.
pub(super) fn build(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    values: &[(&Name, &Name, &Secret)],
    arguments: &[CString],
) -> Result<Vec<CString>, RunError> {
    let is_kept = |name: &OsString| name != OURS && !values.iter().any(|(_, variable, _)| name == variable.as_str());
    let mut environment = Vec::new();
    for (name, value) in inherited.into_iter().filter(|(name, _)| is_kept(name)) {
        // What comes from an environment has no NUL in it.
        environment.extend(CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()));
    }
    for &(name, variable, value) in values {
        let text = [variable.as_str().as_bytes(), b"=", value.as_bytes()].concat();
        if text.len() >= LONGEST {
            return Err(RunError::TooBig { name: name.clone(), longest: LONGEST - variable.as_str().len() - 2 });
        }
        environment.push(CString::new(text).map_err(|_| RunError::Nul { name: name.clone() })?);
    }
    let taken: usize =
        arguments.iter().chain(&environment).map(|text| text.count_bytes() + 1 + size_of::<usize>()).sum();
    if u64::try_from(taken).unwrap_or(u64::MAX) > room() {
        let largest = values.iter().max_by_key(|(_, _, value)| value.len());
        return Err(RunError::TooMuch { name: largest.map(|&(name, _, _)| name.clone()) });
    }
    Ok(environment)
}

/// How many bytes arguments and environment may take together: a quarter of the limit on the stack, within bounds (execve(2)).
fn room() -> u64 {
    let stack = getrlimit(Resource::RLIMIT_STACK).map_or(MOST, |(soft, _)| soft / 4);
    stack.clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{LONGEST, RunError, build};
    use crate::name::Name;
    use crate::secret::Secret;

    /// The environment with one more value, as texts.
    ///
    /// # Errors
    /// As for [`build`].
    fn built(inherited: &[(&str, &str)], variable: &str, value: &Secret) -> Result<Vec<String>, RunError> {
        let inherited = inherited.iter().map(|&(name, value)| (OsString::from(name), OsString::from(value)));
        let (name, variable) = (Name::parse("secret/name").unwrap(), Name::parse(variable).unwrap());
        let environment = build(inherited, &[(&name, &variable, value)], &[])?;
        Ok(environment.into_iter().map(|text| text.into_string().unwrap()).collect())
    }

    #[test]
    fn a_variable_of_that_name_is_replaced_and_ours_is_gone() {
        let inherited = [("A", "1"), ("CREDENTIALS_DIRECTORY", "/run/credentials/x"), ("K", "old"), ("B", "")];
        assert_eq!(built(&inherited, "K", &Secret::from("new")).unwrap(), ["A=1", "B=", "K=new"]);
    }

    #[test]
    fn what_a_variable_cannot_hold_is_refused_by_name() {
        let name = Name::parse("secret/name").unwrap();
        assert_eq!(built(&[], "K", &Secret::from("a\0b")), Err(RunError::Nul { name: name.clone() }));
        let longest = LONGEST - 3;
        assert!(built(&[], "K", &Secret::from(vec![b'x'; longest])).is_ok());
        let error = built(&[], "K", &Secret::from(vec![b'x'; longest + 1])).unwrap_err();
        assert_eq!(error, RunError::TooBig { name, longest });
    }

    #[test]
    fn values_that_are_too_much_together_name_the_largest() {
        let big = Secret::from(vec![b'x'; LONGEST / 2]);
        let names: Vec<Name> = (0..120).map(|number| Name::parse(&format!("K{number}")).unwrap()).collect();
        let values: Vec<_> = names.iter().map(|name| (name, name, &big)).collect();
        assert!(matches!(build([], &values, &[]), Err(RunError::TooMuch { name: Some(_) })));
    }
}
