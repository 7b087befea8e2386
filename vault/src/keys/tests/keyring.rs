//! The kernel's keyring as a source. Each test works in a session keyring of its own, which ends with its thread.

use super::super::*;
use super::Place;
use crate::sys::keyring::probe;

/// Runs something in a thread with a session keyring of its own; not at all where there are no keyrings.
fn in_a_session(test: fn()) {
    std::thread::spawn(move || {
        if probe::join() {
            test();
        } else {
            assert!(std::env::var_os("REQUIRE_ALL").is_none(), "there are no keyrings here");
            eprintln!("SKIP: there are no keyrings here");
        }
    })
    .join()
    .unwrap();
}

/// What to look for: the keyring, then a file.
fn wanted(place: &Place) -> Wanted {
    Wanted { usual: Some(place.path()), ..Wanted::default() }
}

#[test]
fn an_identity_in_the_keyring_comes_before_the_file() {
    in_a_session(|| {
        let (place, other) = (Place::new(), generate(Kind::Classic).unwrap());
        probe::add(other.identity.as_bytes());
        let keys = find(&wanted(&place)).unwrap();
        assert_eq!((keys.source(), keys.recipients()), (&Source::Keyring, vec![other.recipient]));
    });
}

#[test]
fn a_broken_identity_in_the_keyring_stops_the_search() {
    in_a_session(|| {
        let place = Place::new();
        probe::add(b"AGE-SECRET-KEY-1BROKEN");
        let error = find(&wanted(&place)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the kernel keyring cannot be used: line 1 is an identity that is damaged: its checksum or its length is not right"
        );
    });
}

#[test]
fn a_key_that_others_may_read_stops_the_search_and_one_that_was_revoked_too() {
    in_a_session(|| {
        let (place, other) = (Place::new(), generate(Kind::Classic).unwrap());
        let key = probe::add(other.identity.as_bytes());
        probe::permit(key, 0x3f0b_0002);
        let error = find(&wanted(&place)).unwrap_err();
        assert!(matches!(error, KeysError::Keyring(KeyringError::Loose { .. })), "{error}");
        probe::permit(key, 0x3f0b_0000);
        find(&wanted(&place)).unwrap();
        probe::revoke(key);
        let error = find(&wanted(&place)).unwrap_err();
        assert!(matches!(error, KeysError::Keyring(KeyringError::Refused { .. })), "{error}");
    });
}

#[test]
fn what_is_in_the_keyring_is_not_overwritten_and_can_be_removed() {
    in_a_session(|| {
        let other = generate(Kind::Classic).unwrap();
        probe::add(other.identity.as_bytes());
        assert_eq!(put_in_keyring(&other.identity, None), Err(KeyringError::Exists));
        assert_eq!(remove_from_keyring(), Ok(true));
    });
}

#[test]
fn an_identity_that_is_too_long_for_a_key_is_refused() {
    in_a_session(|| {
        assert_eq!(put_in_keyring(&vec![b'#'; 32_768].into(), None), Err(KeyringError::TooLong));
        assert_eq!(put_in_keyring(&Vec::new().into(), None), Err(KeyringError::Empty));
    });
}
