//! What must hold for any bytes on the line to the maker; for the fuzzer, and in no shipped program.

use super::wire::{Answer, Question};

/// Checks that any bytes are a question or an answer that is written as the same bytes, or none.
pub(crate) fn assert_questions_come_back(data: &[u8]) {
    if let Some(question) = Question::decode(data) {
        assert_eq!(Question::decode(&question.encode()), Some(question));
        assert_eq!(&question.encode()[..], data, "two ways to write one question");
    }
    if let Some(answer) = Answer::decode(data) {
        let again = Answer::decode(&answer.encode());
        let told = again.map(|again| (again.number, again.error.is_some()));
        assert_eq!(
            told,
            Some((answer.number, answer.error.is_some())),
            "an error became a success, or another's answer"
        );
    }
}
