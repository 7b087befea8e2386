//! Names in other scripts than Latin's basic letters, turned into the ASCII form that DNS carries (RFC 5890, RFC 3492).
//!
//! Only where that is unambiguous: every character is a lower-case letter, an ideograph, a syllable or an ASCII digit that no mapping
//! touches, and the letters of a part that need one are of one script. Everything else is left to whoever writes the rule, who can
//! write the ASCII form. A test compares every character with the `idna` crate, which implements UTS #46 whole.

use super::HostError;

/// What keeps an encoded part apart from others (RFC 5890, section 2.3.2.1).
const ACE_PREFIX: &str = "xn--";
/// The longest part of a name, in bytes (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// RFC 3492, section 5.
const BASE: u32 = 36;
/// RFC 3492, section 5.
const T_MIN: u32 = 1;
/// RFC 3492, section 5.
const T_MAX: u32 = 26;
/// RFC 3492, section 5.
const SKEW: u32 = 38;
/// RFC 3492, section 5.
const DAMP: u32 = 700;
/// RFC 3492, section 5.
const INITIAL_BIAS: u32 = 72;
/// RFC 3492, section 5.
const INITIAL_N: u32 = 0x80;

/// A script, as far as mixtures of them are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Letters that look like some of Greek and Cyrillic.
    Latin,
    /// Letters that look like some of Latin.
    Greek,
    /// Letters that look like some of Latin.
    Cyrillic,
    /// Chinese, Japanese and Korean, which are written together and with Latin letters.
    EastAsian,
}

/// The blocks of characters that are turned: first, last, and their script (Unicode's `Blocks.txt`).
const BLOCKS: [(char, char, Script); 8] = [
    ('\u{df}', '\u{24f}', Script::Latin),
    ('\u{370}', '\u{3ff}', Script::Greek),
    ('\u{430}', '\u{45f}', Script::Cyrillic),
    ('\u{3041}', '\u{3096}', Script::EastAsian),
    ('\u{30a1}', '\u{30fa}', Script::EastAsian),
    ('\u{3400}', '\u{4dbf}', Script::EastAsian),
    ('\u{4e00}', '\u{9fff}', Script::EastAsian),
    ('\u{ac00}', '\u{d7a3}', Script::EastAsian),
];

/// Lower-case letters of these blocks that UTS #46 maps to others, or that older programs map (`ß` to `ss`, `ς` to `σ`).
const MAPPED: [char; 23] = [
    'ß', 'ĳ', 'ŀ', 'ŉ', 'ſ', 'ǆ', 'ǉ', 'ǌ', 'ǳ', '\u{374}', '\u{37a}', 'ς', 'ϐ', 'ϑ', 'ϕ', 'ϖ', 'ϰ', 'ϱ', 'ϲ', 'ϵ',
    'ϒ', 'ϓ', 'ϔ',
];

/// The name with every part in ASCII.
///
/// # Errors
/// When a part could be meant in more than one way; the hint says what to write.
pub(super) fn to_ascii(name: &str) -> Result<String, HostError> {
    if name.is_ascii() {
        return Ok(name.to_owned());
    }
    let parts: Vec<String> = name.split('.').map(|label| label_to_ascii(name, label)).collect::<Result<_, _>>()?;
    Ok(parts.join("."))
}

/// One part of a name in ASCII.
///
/// # Errors
/// When it could be meant in more than one way.
fn label_to_ascii(name: &str, label: &str) -> Result<String, HostError> {
    let unclear = |why, ascii| HostError::Unclear { text: name.escape_debug().to_string(), why, ascii };
    if label.is_ascii() {
        return Ok(label.to_owned());
    }
    let hyphens = label.starts_with('-') || label.ends_with('-') || label.chars().skip(2).take(2).eq("--".chars());
    if hyphens || label.chars().any(|character| script(character).is_err()) {
        return Err(unclear("a character of it has other forms, or other meanings in older programs", None));
    }
    let encoded = encode(label).filter(|encoded| encoded.len() <= LONGEST_LABEL - ACE_PREFIX.len());
    let Some(ascii) = encoded.map(|encoded| format!("{ACE_PREFIX}{encoded}")) else {
        return Err(unclear("it is too long", None));
    };
    if mixes_scripts(label) {
        return Err(unclear("letters of several scripts that look alike are mixed in it", Some(ascii)));
    }
    Ok(ascii)
}

/// Whether letters that look alike may stand side by side: those of more than one of Latin, Greek and Cyrillic. East Asian texts
/// hold Latin letters by nature.
fn mixes_scripts(label: &str) -> bool {
    let mut scripts: Vec<Script> = label.chars().filter_map(|character| script(character).ok().flatten()).collect();
    scripts.dedup();
    let mixed = |one| scripts.contains(&one) && scripts.iter().any(|other| *other != one);
    mixed(Script::Greek) || mixed(Script::Cyrillic)
}

/// The script of a character; `None` for a digit or hyphen, which go with all.
///
/// # Errors
/// When the character cannot be turned for sure.
fn script(character: char) -> Result<Option<Script>, ()> {
    match character {
        'a'..='z' => return Ok(Some(Script::Latin)),
        '0'..='9' | '-' => return Ok(None),
        _ => {}
    }
    let block = BLOCKS.iter().find(|(first, last, _)| (*first..=*last).contains(&character));
    let lower = character.to_lowercase().eq([character]);
    match block {
        Some((_, _, script)) if lower && character.is_alphanumeric() && !MAPPED.contains(&character) => {
            Ok(Some(*script))
        }
        _ => Err(()),
    }
}

/// Encodes a part (RFC 3492, section 6.3). `None` when a number overflows, which only an overlong part can cause.
fn encode(label: &str) -> Option<String> {
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let total = u32::try_from(label.chars().count()).ok()?;
    let (mut n, mut delta, mut bias, mut handled) = (INITIAL_N, 0_u32, INITIAL_BIAS, basic);
    while handled < total {
        let next = label.chars().map(u32::from).filter(|point| *point >= n).min()?;
        delta = delta.checked_add(next.checked_sub(n)?.checked_mul(handled.checked_add(1)?)?)?;
        n = next;
        for point in label.chars().map(u32::from) {
            if point < n {
                delta = delta.checked_add(1)?;
            }
            if point == n {
                write_delta(&mut output, delta, bias)?;
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n = n.checked_add(1)?;
    }
    Some(output)
}

/// Writes a number in variable length (RFC 3492, section 3.3).
fn write_delta(output: &mut String, delta: u32, bias: u32) -> Option<()> {
    let mut rest = delta;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            output.push(digit(rest)?);
            return Some(());
        }
        output.push(digit(threshold + (rest - threshold) % (BASE - threshold))?);
        rest = (rest - threshold) / (BASE - threshold);
        k = k.checked_add(BASE)?;
    }
}

/// The character for a digit: letters stand for 0 to 25, figures for 26 to 35 (RFC 3492, section 5).
fn digit(value: u32) -> Option<char> {
    let digits = b"abcdefghijklmnopqrstuvwxyz0123456789";
    usize::try_from(value).ok().and_then(|index| digits.get(index)).copied().map(char::from)
}

/// The next bias (RFC 3492, section 6.1).
fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
#[path = "unicode_tests.rs"]
mod tests;
