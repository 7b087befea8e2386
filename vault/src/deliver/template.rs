//! Templates: text with places for secrets. Data alone: there are no conditions, no loops and no code.
//!
//! A place is `{{NAME}}`, or `{{NAME|FILTER}}` with a way to write the value; blanks around both do not count. Two braces that are
//! meant as such are written `{{{{`.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::choose::ChooseError;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// The largest template, in bytes.
pub const LARGEST: u64 = 16 << 20;

/// The longest text between braces: a name, a filter, blanks.
const LONGEST_PLACE: usize = 512;

/// Why a template is not rendered. What stands in the template is not repeated but for names that are well formed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Braces are opened and not closed on the same line.
    #[error("line {line}: `{{{{` is not closed")]
    Open {
        /// The line, from 1.
        line: usize,
    },
    /// Between braces is no name.
    #[error("line {line}: what is between the braces is not the name of a secret")]
    Name {
        /// The line, from 1.
        line: usize,
    },
    /// Behind the bar is no filter.
    #[error("line {line}: there is no such filter")]
    Filter {
        /// The line, from 1.
        line: usize,
    },
    /// A value that the filter cannot write.
    #[error("line {line}: {name} is not text that `{filter}` can write")]
    Unfit {
        /// The line, from 1.
        line: usize,
        /// The secret.
        name: Name,
        /// The filter.
        filter: Filter,
    },
    /// The secret is not delivered.
    #[error("line {line}: {source}")]
    Choose {
        /// The line, from 1.
        line: usize,
        /// Why not.
        source: ChooseError,
    },
}

impl Explain for TemplateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Open { .. } | Self::Name { .. } | Self::Filter { .. } | Self::Unfit { .. } => Exit::Data,
            Self::Choose { source, .. } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { .. } | Self::Name { .. } => {
                "write {{NAME}} for a secret, and {{{{ for two braces that are meant as such".to_owned()
            }
            Self::Filter { .. } => format!("write one of {}", Filter::ALL.map(Filter::word).join(", ")),
            Self::Unfit { .. } => "use another filter, such as base64".to_owned(),
            Self::Choose { source, .. } => return source.hint(),
        })
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// As it is.
    Raw,
    /// As a JSON string, with its quotes (RFC 8259); also a YAML string in double quotes.
    Json,
    /// With everything but unreserved characters as `%XX` (RFC 3986).
    Url,
    /// In base64 (RFC 4648).
    Base64,
    /// As one word of a POSIX shell, in single quotes.
    Shell,
}

impl Filter {
    /// All of them.
    const ALL: [Self; 5] = [Self::Raw, Self::Json, Self::Url, Self::Base64, Self::Shell];

    /// The word for it.
    const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Json => "json",
            Self::Url => "url",
            Self::Base64 => "base64",
            Self::Shell => "shell",
        }
    }

    /// Writes a value behind what there is. False when it cannot be written.
    fn write(self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let text = std::str::from_utf8(value);
        match self {
            Self::Raw => out.extend_from_slice(value),
            Self::Base64 => out.extend_from_slice(Zeroizing::new(STANDARD.encode(value)).as_bytes()),
            Self::Url => out.extend_from_slice(percent(value).as_bytes()),
            Self::Json => return text.is_ok_and(|text| serde_json::to_writer(&mut *out, text).is_ok()),
            Self::Shell => {
                let Some(text) = text.ok().filter(|text| !text.contains('\0')) else { return false };
                let quoted = Zeroizing::new(text.replace('\'', r"'\''"));
                out.extend([b"'", quoted.as_bytes(), b"'"].concat());
            }
        }
        true
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Bytes with everything but unreserved characters as `%XX`.
fn percent(value: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 3));
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Puts values into a template; `value` finds them.
///
/// # Errors
/// When a place is malformed, or names a secret that is not to be had. The line is told.
pub fn render<'a>(
    template: &[u8],
    value: impl Fn(&Name) -> Result<&'a Secret, ChooseError>,
) -> Result<Secret, TemplateError> {
    let mut out = Zeroizing::new(Vec::with_capacity(template.len()));
    for (number, text) in template.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = number + 1;
        let mut rest = text;
        while let Some(at) = find(rest, b"{{") {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 2..];
            if let Some(behind) = rest.strip_prefix(b"{{") {
                out.extend_from_slice(b"{{");
                rest = behind;
                continue;
            }
            let end = find(rest, b"}}").ok_or(TemplateError::Open { line })?;
            let (name, filter) = place(&rest[..end], line)?;
            let found = value(&name).map_err(|source| TemplateError::Choose { line, source })?;
            if !filter.write(found.as_bytes(), &mut out) {
                return Err(TemplateError::Unfit { line, name, filter });
            }
            rest = &rest[end + 2..];
        }
        out.extend_from_slice(rest);
    }
    Ok(Secret::from(std::mem::take(&mut *out)))
}

/// Reads what is between braces.
///
/// # Errors
/// When it is no name, or no name and filter.
fn place(text: &[u8], line: usize) -> Result<(Name, Filter), TemplateError> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST_PLACE);
    let text = text.ok_or(TemplateError::Name { line })?;
    let (name, filter) = text.split_once('|').unwrap_or((text, Filter::Raw.word()));
    let name = Name::parse(name.trim()).map_err(|_| TemplateError::Name { line })?;
    let filter = Filter::ALL.into_iter().find(|known| known.word() == filter.trim());
    Ok((name, filter.ok_or(TemplateError::Filter { line })?))
}

/// Where `wanted` begins in `text`.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{ChooseError, Filter, Name, Secret, TemplateError, render};

    /// The template with one secret, `A`.
    ///
    /// # Errors
    /// As for [`render`].
    fn rendered(template: &str, value: impl Into<Vec<u8>>) -> Result<String, TemplateError> {
        let secret = Secret::from(value.into());
        let find = |name: &Name| match name.as_str() {
            "A" | "a/b#c" => Ok(&secret),
            _ => Err(ChooseError::Unknown { name: name.clone() }),
        };
        let bytes = render(template.as_bytes(), find)?;
        Ok(String::from_utf8(bytes.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn values_take_the_places_and_the_rest_stays() {
        assert_eq!(rendered("x={{A}}{{ a/b#c | raw }}\n}} {\n", "1").unwrap(), "x=11\n}} {\n");
        assert_eq!(rendered("", "1").unwrap(), "");
        assert_eq!(rendered("{{{{ .Go }} {{A}}", "1").unwrap(), "{{ .Go }} 1");
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        assert_eq!(rendered("{{A}}", "{{B}}{{A}}").unwrap(), "{{B}}{{A}}");
    }

    #[test]
    fn filters_write_what_their_languages_read() {
        let value = "a'b\"c\n$ä&";
        for (filter, expected) in [
            ("json", r#""a'b\"c\n$ä&""#),
            ("url", "a%27b%22c%0A%24%C3%A4%26"),
            ("base64", "YSdiImMKJMOkJg=="),
            ("shell", "'a'\\''b\"c\n$ä&'"),
        ] {
            assert_eq!(rendered(&format!("{{{{A|{filter}}}}}"), value).unwrap(), expected, "{filter}");
        }
    }

    #[test]
    fn what_a_filter_cannot_write_is_refused() {
        for (filter, value) in [("json", &b"\xff"[..]), ("shell", b"\xff"), ("shell", b"a\0b")] {
            let error = rendered(&format!("\n{{{{A|{filter}}}}}"), value).unwrap_err();
            assert!(matches!(error, TemplateError::Unfit { line: 2, .. }), "{error}");
        }
        assert_eq!(rendered("{{A|base64}}", b"\xff").unwrap(), "/w==");
    }

    #[test]
    fn mistakes_are_told_by_line() {
        assert_eq!(rendered("\n\n{{A", "1"), Err(TemplateError::Open { line: 3 }));
        assert_eq!(rendered("{{A\n}}", "1"), Err(TemplateError::Open { line: 1 }));
        for bad in ["{{}}", "{{A B}}", "{{-}}", "{{ä}}"] {
            assert_eq!(rendered(bad, "1"), Err(TemplateError::Name { line: 1 }), "{bad}");
        }
        assert_eq!(rendered("{{A|upper}}", "1"), Err(TemplateError::Filter { line: 1 }));
        let error = rendered("\n{{B}}", "1").unwrap_err();
        assert_eq!(error.to_string(), "line 2: the vault has no secret B");
        assert_eq!(Filter::Raw.to_string(), "raw");
    }
}
