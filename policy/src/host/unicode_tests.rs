//! Look-alikes and ambiguities in names of other scripts, and the comparison with the whole of UTS #46.

use idna::{AsciiDenyList, uts46};
use proptest::prelude::*;

use super::*;

/// What the `idna` crate makes of a name, with every check that it has.
fn whole(name: &str) -> Option<String> {
    uts46::Uts46::new()
        .to_ascii(name.as_bytes(), AsciiDenyList::URL, uts46::Hyphens::Check, uts46::DnsLength::VerifyAllowRootDot)
        .ok()
        .map(|ascii| ascii.into_owned())
}

#[test]
fn names_of_many_scripts_become_what_dns_carries() {
    for (name, ascii) in [
        ("bücher.example", "xn--bcher-kva.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("παράδειγμα.gr", "xn--hxajbheg2az3al.gr"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("한국.kr", "xn--3e0b707e.kr"),
        ("3年b組金八先生.jp", "xn--3b-ww4c5e180e575a65lsy2b.jp"),
    ] {
        assert_eq!(to_ascii(name).as_deref(), Ok(ascii));
    }
}

#[test]
fn what_could_be_meant_in_two_ways_is_refused_with_a_way_out() {
    for name in [
        "straße.de",        // older programs go to strasse.de
        "Bücher.example",   // upper case
        "bu\u{308}cher.de", // a combining mark
        "ﬁsh.com",          // a ligature
        "１２.com",         // full-width digits
        "a\u{200d}b.com",   // an invisible joiner
        "a\u{3002}com",     // an ideographic full stop, which is a dot to some
        "אב.com",           // written from right to left
        "x²ü.com",          // a superscript
        "ü\u{0}.com",
        "ü .com",
        "xn--ü.com",
        "раypal.com", // two Cyrillic letters
        "gοogle.com", // a Greek letter
    ] {
        let error = to_ascii(name).expect_err(name);
        assert!(!error.hint().is_empty() && error.hint().contains("xn--"), "{name}");
    }
    assert!(to_ascii("раypal.com").unwrap_err().hint().contains("`xn--ypal-43d9g`"));
    assert!(to_ascii(&"ü".repeat(80)).is_err());
}

#[test]
fn every_character_that_is_turned_is_turned_as_uts46_says_and_mapped_ones_are_not() {
    let characters = (0..=0x0010_ffff).filter_map(char::from_u32).filter(|character| !character.is_ascii());
    let mut turned = 0;
    let mut wrong = String::new();
    for character in characters {
        let name = format!("{character}{character}.com");
        let Ok(ascii) = to_ascii(&name) else { continue };
        turned += 1;
        if whole(&name) != Some(ascii) {
            wrong.push(character);
        }
    }
    let needless = |character: &&char| {
        let name = format!("{character}.com");
        let plain = format!("xn--{}.com", encode(&character.to_string()).unwrap());
        whole(&name) == Some(plain) && !"ßς".contains(**character) || !character.to_lowercase().eq([**character])
    };
    assert_eq!(MAPPED.iter().filter(needless).collect::<String>(), "", "needlessly refused");
    assert_eq!(wrong, "", "turned otherwise than UTS #46 says");
    assert!(turned > 35_000, "{turned}");
}

/// Names with characters of the scripts that are turned, and some others.
fn any_name() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        8 => "[a-z0-9ü-ýа-яα-ωàéłő-]{1,12}",
        8 => "[一-十ぁ-んァ-ヶ가-각a-z0-9]{1,12}",
        1 => "\\PC{1,8}",
    ];
    proptest::collection::vec(any, 1..4).prop_map(|labels| labels.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_is_turned_agrees_with_uts46(name in any_name()) {
        let ascii = to_ascii(&name);
        let odd = |label: &str| label.is_ascii() && label.get(2..4) == Some("--");
        if let Ok(ascii) = ascii && !name.split('.').any(odd) && super::super::Asked::parse(&ascii).is_ok() {
            prop_assert_eq!(whole(&name), Some(ascii.to_ascii_lowercase()), "{}", name);
        }
    }
}
