//! What a file tool's call would do: which paths and patterns its fields hold, and what for.

use super::likeness::{self, Sign};
use super::patch;
use super::table::{Shape, Slot, Use};
use super::value::Value;
use crate::denial::Denial;

/// One path, pattern or folder that a call names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// As it is spelled.
    pub(super) text: String,
    /// What is done to it.
    pub(super) used: Use,
    /// For patterns: the folder that they start from, as it is spelled; `None` for the call's own.
    pub(super) base: Option<String>,
}

/// Everything that a call of a tool of this shape names.
///
/// # Errors
/// When a field is missing or of another type than the tool takes, or a patch is not understood.
pub(super) fn claims(shape: &Shape, input: &Value) -> Result<Vec<Claim>, Denial> {
    let mut claims = Vec::new();
    for slot in shape.slots {
        let texts = texts(slot, input)?;
        if texts.is_empty() && slot.required {
            let name = slot.names.first().copied().unwrap_or_default();
            return Err(Denial::Payload { problem: format!("\"{name}\" is missing, or empty") });
        }
        for text in texts {
            add(slot.used, text, &mut claims)?;
        }
    }
    let known: Vec<&str> = shape.slots.iter().flat_map(|slot| slot.names).copied().collect();
    for suspect in likeness::suspects(input, &known) {
        if suspect.sign == Sign::Name {
            add(shape.rest, suspect.text, &mut claims)?;
        }
    }
    Ok(based(claims, shape))
}

/// The texts that a slot holds, under all of its names. An empty one is as good as none.
///
/// # Errors
/// When a name holds something else than the slot takes.
fn texts<'a>(slot: &Slot, input: &'a Value) -> Result<Vec<&'a str>, Denial> {
    let mut found = Vec::new();
    for name in slot.names {
        let wrong = || Denial::Payload { problem: format!("\"{name}\" is not what this tool takes: a text") };
        match input.member(name).ok_or_else(wrong)? {
            Value::Null => {}
            Value::Text(text) => found.push(text.as_str()),
            Value::List(entries) if slot.many => {
                for entry in entries {
                    let Value::Text(text) = entry else { return Err(wrong()) };
                    found.push(text);
                }
            }
            Value::Scalar(_) | Value::List(_) | Value::Object(_) => return Err(wrong()),
        }
    }
    found.retain(|text| !text.is_empty());
    Ok(found)
}

/// Adds what one text claims.
///
/// # Errors
/// When it is a patch that is not understood.
fn add(used: Use, text: &str, claims: &mut Vec<Claim>) -> Result<(), Denial> {
    let claim = |text: &str, used| Claim { text: text.to_owned(), used, base: None };
    match used {
        Use::Patch => {
            let files = patch::files(text).map_err(|error| Denial::Payload { problem: error.to_string() })?;
            claims.extend(files.iter().map(|file| claim(file, Use::Write)));
        }
        Use::Filter => claims.extend(globs(text).iter().map(|glob| claim(glob, Use::Filter))),
        Use::Read | Use::Write | Use::List | Use::Search | Use::Match | Use::ReadMatch => {
            claims.push(claim(text, used))
        }
    }
    Ok(())
}

/// The patterns of a search's filter, as `ripgrep --glob` takes them: several with white space or commas between them, one
/// without a slash at any depth. One that leaves files out narrows nothing down to be judged by.
fn globs(filter: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let pieces = filter.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // To clients in JavaScript a byte order mark is white space, too.
        c.is_whitespace() || c == '\u{feff}' || (c == ',' && depth == 0)
    });
    let kept = pieces.filter(|piece| !piece.is_empty() && !piece.starts_with('!'));
    kept.map(|piece| if piece.contains('/') { piece.to_owned() } else { format!("**/{piece}") }).collect()
}

/// Joins patterns with the folders that they start from. A search below a folder that is narrowed down claims what its
/// patterns match; one that is not claims the whole folder, the call's own when it names none.
fn based(claims: Vec<Claim>, shape: &Shape) -> Vec<Claim> {
    let is_pattern = |claim: &Claim| matches!(claim.used, Use::Match | Use::ReadMatch | Use::Filter);
    let (patterns, mut rest): (Vec<Claim>, Vec<Claim>) = claims.into_iter().partition(is_pattern);
    let searches = shape.slots.iter().any(|slot| slot.used == Use::Search);
    let folder = |claim: &&Claim| matches!(claim.used, Use::List | Use::Search);
    let mut bases: Vec<Option<String>> = rest.iter().filter(folder).map(|claim| Some(claim.text.clone())).collect();
    if bases.is_empty() {
        bases.push(None);
    }
    if searches && patterns.is_empty() {
        if bases == [None] {
            rest.push(Claim { text: ".".to_owned(), used: Use::Search, base: None });
        }
        return rest;
    }
    for claim in &mut rest {
        // What is read below it is said by the patterns.
        if claim.used == Use::Search {
            claim.used = Use::List;
        }
    }
    for pattern in patterns {
        let used = if pattern.used == Use::Match { Use::Match } else { Use::ReadMatch };
        rest.extend(bases.iter().map(|base| Claim { text: pattern.text.clone(), used, base: base.clone() }));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::files::table::shape;

    /// The claims of a call, each as one line.
    ///
    /// # Errors
    /// As [`claims`].
    fn lines(client: Client, tool: &str, input: &str) -> Result<Vec<String>, String> {
        let found = claims(shape(client, tool).unwrap(), &serde_json::from_str(input).unwrap())
            .map_err(|error| error.to_string())?;
        let line = |claim: Claim| match claim.base {
            Some(base) => format!("{:?} {} below {base}", claim.used, claim.text),
            None => format!("{:?} {}", claim.used, claim.text),
        };
        Ok(found.into_iter().map(line).collect())
    }

    #[test]
    fn every_name_of_a_field_counts_so_that_none_can_be_hidden_behind_another() {
        let both = r#"{"file_path":"ok.txt","path":"/etc/shadow","notebook_path":null}"#;
        assert_eq!(lines(Client::ClaudeCode, "Read", both).unwrap(), ["Read ok.txt", "Read /etc/shadow"]);
        let odd = r#"{"file_path":"ok.txt","outputFile":"/etc/x","options":{"target_dir":["/a",{"path":"/b"}]}}"#;
        let found = lines(Client::ClaudeCode, "Write", odd).unwrap();
        assert_eq!(found, ["Write ok.txt", "Write /etc/x", "Write /a", "Write /b"]);
    }

    #[test]
    fn fields_that_are_missing_or_of_another_type_are_refused() {
        for input in [
            "{}",
            r#"{"file_path":null}"#,
            r#"{"file_path":""}"#,
            r#"{"file_path":["a"]}"#,
            r#"{"file_path":{"path":"a"}}"#,
            r#"{"file_path":7}"#,
            r#"{"file_path":"a","path":["/etc/shadow"]}"#,
        ] {
            assert!(lines(Client::ClaudeCode, "Read", input).is_err(), "{input}");
        }
        assert!(lines(Client::ClaudeCode, "Glob", r#"{"path":"a"}"#).is_err());
        assert!(lines(Client::Copilot, "grep", r#"{"pattern":"x","paths":["a",7]}"#).is_err());
        assert!(lines(Client::Codex, "apply_patch", r#"{"command":["*** Begin Patch"]}"#).is_err());
    }

    #[test]
    fn a_pattern_is_judged_from_every_folder_that_it_starts_from() {
        let glob = |input: &str| lines(Client::Copilot, "glob", input).unwrap();
        assert_eq!(glob(r#"{"pattern":"../../etc/*"}"#), ["Match ../../etc/*"]);
        assert_eq!(
            glob(r#"{"pattern":"*.rs","paths":["src","../other"]}"#),
            ["List src", "List ../other", "Match *.rs below src", "Match *.rs below ../other"]
        );
    }

    #[test]
    fn a_search_reads_the_whole_folder_unless_its_filter_says_otherwise() {
        let grep = |input: &str| lines(Client::ClaudeCode, "Grep", input).unwrap();
        assert_eq!(grep(r#"{"pattern":"KEY"}"#), ["Search ."]);
        assert_eq!(grep(r#"{"pattern":"KEY","path":"/w/src"}"#), ["Search /w/src"]);
        assert_eq!(grep(r#"{"pattern":"KEY","glob":"*.rs"}"#), ["ReadMatch **/*.rs"]);
        assert_eq!(grep(r#"{"pattern":"KEY","glob":"!*.rs"}"#), ["Search ."], "what is left out narrows nothing");
        assert_eq!(
            grep(r#"{"pattern":"KEY","path":"src","glob":"*.{rs,toml} ../x/*,.env"}"#),
            [
                "List src",
                "ReadMatch **/*.{rs,toml} below src",
                "ReadMatch ../x/* below src",
                "ReadMatch **/.env below src"
            ]
        );
    }

    #[test]
    fn every_file_of_a_patch_is_changed() {
        let patch = r#"{"command":"*** Begin Patch\n*** Update File: a\n*** Move to: .git/hooks/x\n*** End Patch"}"#;
        assert_eq!(lines(Client::Codex, "apply_patch", patch).unwrap(), ["Write a", "Write .git/hooks/x"]);
    }
}
