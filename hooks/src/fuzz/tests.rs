//! Inputs that the fuzzer found, and texts that are generated.
//!
//! `LOBSTERPOT_CASES` says how many texts are quoted.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::quoting::{put_to_sh, quoting};
use crate::replay::replay;

/// How many texts are quoted when nobody says.
const CASES: u32 = 4000;

#[test]
fn payloads_that_were_found_keep_their_promises() {
    replay("hook_payload", super::payload);
}

#[test]
fn texts_that_were_found_are_quoted_and_undone() {
    replay("shell_quoting", quoting);
    put_to_sh();
}

#[test]
fn reports_that_were_found_lead_nowhere_else() {
    replay("folder_report", super::folder_report);
}

/// Any bytes, and those that shells care about.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let sharp = select(b"''''\\\\\\\\\"\"$`!\n\r\t ;&|<>(){}[]*?~#=%^abc-/\x01\x1b\x7f\xc3\xa9\xff".to_vec());
    prop_oneof![3 => vec(sharp, 0..24), 1 => vec(any::<u8>(), 0..48)]
}

#[test]
fn every_text_is_one_word_to_every_reader_and_to_the_real_shell() {
    let cases = std::env::var("LOBSTERPOT_CASES").map_or(CASES, |count| count.parse().expect("a number"));
    let (strategy, mut runner) = (text(), TestRunner::default());
    for _ in 0..cases {
        quoting(&strategy.new_tree(&mut runner).expect("a text").current());
    }
    put_to_sh();
}
