//! What a plain YAML scalar is to SOPS, whose parser follows neither version of YAML exactly.

use crate::sops::tree::Scalar;
use crate::sops::value;

/// Reads a plain scalar. What is a number, a date or a merge key to that parser, in a form that other parsers read differently, is
/// [`Scalar::Odd`].
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        "<<" => return Scalar::Odd(text.to_owned()),
        _ => {}
    }
    let is_word = matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    if is_word || is_date(text) {
        return Scalar::Odd(text.to_owned());
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Scalar::text(text);
    }
    let bare = text.replace('_', "");
    if is_plain_int(text) {
        text.parse::<i64>().map_or_else(|_| Scalar::Odd(text.to_owned()), |number| Scalar::Int(number.to_string()))
    } else if is_plain_float(text) {
        value::float(text).map_or_else(|| Scalar::Odd(text.to_owned()), Scalar::Float)
    } else if is_any_int(&bare) || is_any_float(&bare) {
        Scalar::Odd(text.to_owned())
    } else {
        Scalar::text(text)
    }
}

/// Whether text has a digit, and digits alone.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is written as every parser writes a whole number.
fn is_plain_int(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "0" || is_digits(digits) && !digits.starts_with('0')
}

/// Whether it is written as every parser writes another number.
fn is_plain_float(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_whole = |whole: &str| whole == "0" || is_digits(whole) && !whole.starts_with('0');
    number.split_once('.').is_some_and(|(whole, rest)| is_whole(whole) && is_digits(rest))
}

/// Whether it is a whole number in any base, a sign before it.
fn is_any_int(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let based = |prefix: [&str; 2], radix| {
        let rest = prefix.iter().find_map(|prefix| digits.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|digit| digit.is_digit(radix)))
    };
    is_digits(digits) || based(["0x", "0X"], 16) || based(["0o", "0O"], 8) || based(["0b", "0B"], 2)
}

/// Whether it is a number with a point or an exponent, a sign before it.
fn is_any_float(text: &str) -> bool {
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let is_exponent = exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, rest)) => {
            (whole.is_empty() || is_digits(whole)) && (rest.is_empty() || is_digits(rest)) && mantissa.len() > 1
        }
        None => is_digits(mantissa),
    };
    is_exponent && is_mantissa
}

/// Whether it begins as a date does: four digits and a hyphen.
fn is_date(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, rest)| {
        year.len() == 4 && is_digits(year) && rest.starts_with(|first: char| first.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::sops::tree::Scalar;

    #[test]
    fn plain_scalars_are_what_sops_takes_them_for() {
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(resolve(text), Scalar::Null, "{text}");
        }
        for (text, truth) in [("true", true), ("False", false), ("TRUE", true)] {
            assert_eq!(resolve(text), Scalar::Bool(truth), "{text}");
        }
        for text in ["0", "7", "-12", "9223372036854775807"] {
            assert_eq!(resolve(text), Scalar::Int(text.to_owned()), "{text}");
        }
        for (text, shown) in [("0.5", "0.5"), ("-1.50", "-1.5"), ("1.0", "1"), ("0.0000001", "0.0000001")] {
            assert_eq!(resolve(text), Scalar::Float(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_parsers_read_differently_is_odd() {
        let odd = [
            "0x1f",
            "0o17",
            "017",
            "0b1",
            "1_000",
            "+1",
            "-0",
            "9223372036854775808",
            "1e3",
            "1.",
            ".5",
            "-.5e+1",
            ".inf",
            "-.INF",
            ".NaN",
            "2020-01-02",
            "2020-10-07T15:49:13Z",
            "<<",
            "09",
            "00",
        ];
        for text in odd {
            assert_eq!(resolve(text), Scalar::Odd(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "yes", "No", "on", "y", "10.0.0.1", "1.2.3", "5m", "-", ".", "+", "a: b", "-x", "0x", "e3", "3.13.1", "x-y",
        ] {
            assert_eq!(resolve(text), Scalar::text(text), "{text}");
        }
    }
}
