//! What must hold for whatever lies in the log's files: checked by the fuzzer (`tests/fuzz`), and by the tests on every input that
//! it once found. In no shipped program.

use std::path::Path;

use crate::chain::{Chain, last_record};
use crate::record::{Digest, LONGEST_LINE, Record, What, Writer, cut};

/// Any bytes are records or none; a record is written as the same bytes; and what is appended behind any bytes is found again,
/// whatever lies before it, while a change of any byte of it is seen.
pub fn log(data: &[u8]) {
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some((record, digest)) = Record::parse(line) {
            let Ok((again, same)) = record.line() else { panic!("{record:?} cannot be written") };
            assert_eq!(Record::parse(&again), Some((record, same)));
            assert!(same == digest || again != line, "two digests of one line");
        }
    }
    let mut chain = Chain::new(false);
    chain.follow(Path::new("log"), data);
    let verdict = chain.finish();
    assert!(verdict.head.is_none() || verdict.records > 0);
    assert!(
        verdict.broken.is_some() || data.is_empty() || verdict.records > 0,
        "something that is nothing is in order"
    );
    assert_appended(data);
}

/// Checks that a record behind `data`, with a seal where one is needed, is in order, and that no byte of it can be another.
fn assert_appended(data: &[u8]) {
    let (head, end) = last_record(data);
    assert!(end <= data.len());
    let debris = data.get(end..).unwrap_or_default();
    let text = cut(&String::from_utf8_lossy(data));
    let mut content = data.to_vec();
    let mut head = head;
    let mut add = |content: &mut Vec<u8>, what: What| {
        let (number, previous) =
            head.map_or((Some(0), Digest::default()), |(number, digest)| (number.checked_add(1), digest));
        let Some(number) = number else { return };
        let writer = Writer { time: 1, run: text.clone(), command: text.clone() };
        let record = Record { number, previous, time: writer.time, run: writer.run, command: writer.command, what };
        let Ok((line, digest)) = record.line() else { panic!("{record:?} cannot be written") };
        assert!(line.len() <= LONGEST_LINE && line.iter().filter(|byte| **byte == b'\n').count() == 1);
        content.extend(&line);
        head = Some((number, digest));
    };
    if !debris.is_empty() {
        let torn = !debris.ends_with(b"\n");
        if torn {
            content.push(b'\n');
        }
        let sealed = content.get(end..).unwrap_or_default().to_vec();
        let bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        add(&mut content, What::Sealed { bytes, debris: Digest::of_debris(&sealed), torn });
    }
    let start = content.len();
    let what = What::Refused { reason: text.clone(), subject: text.clone(), times: 1 };
    add(&mut content, what.cut());
    let found = last_record(&content);
    assert_eq!(found, (head, content.len()), "what was appended is not found");
    let Some(place) = (start < content.len()).then(|| start + data.len() % (content.len() - start)) else { return };
    if let Some(byte) = content.get_mut(place) {
        *byte ^= 1 + u8::try_from(data.len() % 255).unwrap_or_default();
    }
    let (changed, _) = last_record(&content);
    assert_ne!(changed, head, "a changed byte was not seen");
}

#[cfg(test)]
mod tests {
    #[test]
    fn logs_that_were_found_keep_their_promises() {
        crate::replay::replay("audit_log", super::log);
    }
}
