//! How far a glob pattern can reach: from which folder it starts, and whether it could match a given name.
//!
//! Clients' patterns differ in what they know. So nothing is matched exactly: where a pattern might climb it is refused, and
//! where it might match it is taken to match.

/// Characters that make a component more than a name, in any client.
const SPECIAL: [char; 8] = ['*', '?', '[', '{', '(', '|', '!', '\\'];

/// The most alternatives of braces that are told apart.
const MOST_ALTERNATIVES: usize = 64;

/// What a pattern begins with, before anything in it is more than a name: the folder that it starts from. `None` when the rest
/// could lead out of that folder again.
pub(super) fn start(pattern: &str) -> Option<&str> {
    let special = pattern.find(SPECIAL).unwrap_or(pattern.len());
    let (before, after) = pattern.split_at(special);
    // A name that the first wildcard is part of is not fixed, and neither is a last name: it may be a file.
    let cut = before.rfind('/').map_or(0, |slash| slash + 1);
    let rest = pattern.get(cut..).unwrap_or_default();
    let climbs = rest.split(['/', '{', ',', '}', '(', ')', '|', '\\']).any(|part| part == ".." || part == "~")
        || after.split(['{', ',', '(', '|']).skip(1).any(|part| part.starts_with(['/', '~']));
    if climbs { None } else { before.get(..cut) }
}

/// Whether a pattern could match a file of this name, or everything in a folder of this name.
pub(super) fn may_match(pattern: &str, name: &str) -> bool {
    let mut alternatives = Vec::new();
    if !expand(pattern, &mut alternatives) {
        return true;
    }
    alternatives.iter().any(|pattern| {
        let last = pattern.rsplit('/').next().unwrap_or_default();
        last.is_empty() || last.contains(['[', '(', '\\', '!', '{', '}']) || fits(last.as_bytes(), name.as_bytes())
    })
}

/// Adds the alternatives of a pattern's braces; false when they are too many, or do not close.
fn expand(pattern: &str, alternatives: &mut Vec<String>) -> bool {
    let Some(open) = pattern.find('{') else {
        alternatives.push(pattern.to_owned());
        return alternatives.len() <= MOST_ALTERNATIVES;
    };
    let (before, rest) = pattern.split_at(open);
    let (mut depth, mut begun, mut parts, mut end) = (0_usize, 1, Vec::new(), None);
    for (index, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                parts.push(rest.get(begun..index).unwrap_or_default());
                end = Some(index + 1);
                break;
            }
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 1 => {
                parts.push(rest.get(begun..index).unwrap_or_default());
                begun = index + 1;
            }
            _ => {}
        }
    }
    let Some(after) = end.and_then(|end| rest.get(end..)) else { return false };
    parts.into_iter().all(|part| expand(&format!("{before}{part}{after}"), alternatives))
}

/// Whether a name fits a pattern of `*`, `?` and plain characters. Case does not count: some clients ignore it.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match (pattern.get(at), name.get(position)) {
            (Some(b'*'), _) => {
                star = Some((at, position));
                at += 1;
            }
            (Some(one), Some(other)) if *one == b'?' || one.eq_ignore_ascii_case(other) => {
                at += 1;
                position += 1;
            }
            _ => match star {
                // The last star takes one character more.
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    (at, position) = (back + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_starts_from_its_fixed_folder() {
        for (pattern, expected) in [
            ("*.rs", ""),
            ("src/*.rs", "src/"),
            ("src/a.rs", "src/"),
            ("../../etc/*", "../../etc/"),
            ("/etc/host*", "/etc/"),
            ("~/.ssh/*", "~/.ssh/"),
            ("**/*.{ts,tsx}", ""),
            ("{src,tests}/**/*.rs", ""),
            ("/w/s?c/x", "/w/"),
            ("a,b/x*", "a,b/"),
        ] {
            assert_eq!(start(pattern), Some(expected), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_could_climb_after_its_first_wildcard_is_refused() {
        for pattern in [
            "*/../../etc/*",
            "src/**/../../../etc",
            "{..,src}/x",
            "{src,../..}/etc/*",
            "{/etc,src}/*",
            "{src,/etc}/*",
            "{~/.ssh,src}/*",
            "@(..|x)/y",
            "@(x|/etc)/y",
            "x*/\\../y",
            "..",
            "~",
            "src/..",
        ] {
            assert_eq!(start(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_might_match_it_is_taken_to_match() {
        for (pattern, name) in [
            ("*", ".env"),
            ("**", ".env"),
            ("**/.e*", ".env"),
            ("**/.ENV", ".env"),
            ("**/.{env,x}", ".env"),
            ("{a,**/.env}", ".env"),
            ("[.]env", ".env"),
            ("**/?env", ".env"),
            ("**/", ".env"),
            ("{a", ".env"),
            ("**/{{.e,b}nv,c}", ".env"),
        ] {
            assert!(may_match(pattern, name), "{pattern}");
        }
        for pattern in ["**/*.rs", "**/*.{ts,tsx}", "src/main.rs", "{a,b}.txt", "**/.envrc"] {
            assert!(!may_match(pattern, ".env"), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let begun = std::time::Instant::now();
        assert!(!may_match(&"*a".repeat(200), &"a".repeat(199)));
        assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    }
}
