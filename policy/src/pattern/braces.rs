//! Brace lists: `{a,b}` within one component stands for two components.

use super::error::PatternError;

/// Every component that `component` stands for. Escapes are kept for the wildcard parser.
///
/// # Errors
/// When a list is not closed, is nested, or stands for too many paths.
pub(super) fn alternatives(component: &str) -> Result<Vec<String>, PatternError> {
    let malformed = || PatternError::Braces { component: component.to_owned() };
    let mut finished = vec![String::new()];
    let mut list: Option<Vec<String>> = None;
    let mut characters = component.chars();
    while let Some(character) = characters.next() {
        match (character, list.as_mut()) {
            ('\\', open) => {
                let escaped = characters
                    .next()
                    .ok_or_else(|| PatternError::TrailingEscape { component: component.to_owned() })?;
                append(&mut finished, open, &format!("\\{escaped}"));
            }
            ('{', None) => list = Some(vec![String::new()]),
            ('{', Some(_)) | ('}', None) => return Err(malformed()),
            (',', Some(choices)) => choices.push(String::new()),
            ('}', Some(choices)) => {
                let choices = std::mem::take(choices);
                if choices.len() * finished.len() > super::MAX_EXPANSIONS {
                    return Err(PatternError::TooManyAlternatives { limit: super::MAX_EXPANSIONS });
                }
                finished =
                    choices.iter().flat_map(|tail| finished.iter().map(move |head| format!("{head}{tail}"))).collect();
                list = None;
            }
            (other, open) => append(&mut finished, open, other.encode_utf8(&mut [0; 4])),
        }
    }
    if list.is_some() { Err(malformed()) } else { Ok(finished) }
}

/// Appends to the open choice, or to everything finished so far.
fn append(finished: &mut [String], open: Option<&mut Vec<String>>, text: &str) {
    match open.and_then(|choices| choices.last_mut()) {
        Some(choice) => choice.push_str(text),
        None => finished.iter_mut().for_each(|head| head.push_str(text)),
    }
}
