//! What the launcher and egress say to one another, and what egress says to its maker.

use std::fmt::Debug;

use lobsterpot_policy::orders::{Command, Event, Orders};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::maker::assert_questions_come_back;

/// Any bytes are what was agreed on, and then written as such and read again they are the same; or they are refused.
pub fn orders(data: &[u8]) {
    comes_back::<Orders>(data);
    comes_back::<Command>(data);
    comes_back::<Event>(data);
    assert_questions_come_back(data);
}

/// Checks one kind of packet.
fn comes_back<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(said) = serde_json::from_slice::<T>(data) else { return };
    let text = match serde_json::to_vec(&said) {
        Ok(text) => text,
        Err(error) => panic!("{said:?} cannot be said: {error}"),
    };
    match serde_json::from_slice::<T>(&text) {
        Ok(again) => assert_eq!(again, said),
        Err(error) => panic!("{} is not understood: {error}", String::from_utf8_lossy(&text)),
    }
    let longer = [&text[..], b"x"].concat();
    assert!(serde_json::from_slice::<T>(&longer).is_err(), "what follows a packet is passed over");
}
