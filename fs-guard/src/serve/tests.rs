//! Attacks on the frames, with any bytes in any pieces.

use std::io::{self, Read};

use proptest::prelude::*;

use super::frame::{self, FrameError, MAX_FRAME, Next};

/// Input that arrives in pieces of the given sizes, over and over.
struct Pieces<'a> {
    /// What is still to come.
    rest: &'a [u8],
    /// How much comes at once.
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().unwrap_or(1).min(buffer.len()).min(self.rest.len());
        let (now, later) = self.rest.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.rest = later;
        Ok(size)
    }
}

/// Every frame of `input`, and how it ended.
fn frames(input: &mut impl Read) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let (mut found, mut content) = (Vec::new(), Vec::new());
    loop {
        match frame::read(input, &mut content) {
            Ok(Next::Frame) => found.push(content.clone()),
            Ok(Next::End) => return (found, Ok(())),
            Err(error) => return (found, Err(error)),
        }
    }
}

proptest! {
    #[test]
    fn what_is_framed_comes_out_whole_in_whatever_pieces_it_arrives(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        sizes in prop::collection::vec(1_usize..50, 1..10),
    ) {
        let mut stream = Vec::new();
        for content in &contents {
            let mut framed = Vec::new();
            let built: io::Result<_> = frame::build(&mut framed, |frame| { frame.extend(content); Ok(()) });
            prop_assert!(built.unwrap().is_some());
            stream.extend(framed);
        }
        let (found, end) = frames(&mut Pieces { rest: &stream, sizes: sizes.into_iter().cycle() });
        prop_assert!(end.is_ok());
        prop_assert_eq!(found, contents);
    }

    #[test]
    fn any_bytes_are_frames_and_then_an_end_or_an_error(stream in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (found, end) = frames(&mut stream.as_slice());
        let used: usize = found.iter().map(|content| content.len() + 4).sum();
        prop_assert!(used <= stream.len());
        prop_assert_eq!(end.is_ok(), used == stream.len());
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(super::request::parse(&bytes).is_err());
    }

    #[test]
    fn requests_with_wrong_pieces_are_errors_and_never_something_else(
        op in prop::sample::select(vec!["hello", "check", "read", "write", "edit", "list", "stat", "mkdir", "rename", "remove"]),
        field in "[a-z_]{1,12}",
    ) {
        let known = ["id", "op", "path", "from", "to", "directory", "for", "offset", "limit", "data", "text", "parents", "exclusive",
            "mode", "edits", "follow", "recursive", "force", "client_spelling", "path_base64", "from_base64", "to_base64", "directory_base64"];
        prop_assume!(!known.contains(&field.as_str()));
        let request = serde_json::json!({"id": 1, "op": op, "path": "x", "for": "read", (field): 1}).to_string();
        prop_assert!(super::request::parse(request.as_bytes()).is_err());
        prop_assert_eq!(super::request::id(request.as_bytes()), Some(1));
    }
}

#[test]
fn a_frame_that_announces_too_much_is_refused_before_memory_is_taken() {
    let mut content = Vec::new();
    let mut input = (MAX_FRAME + 1).to_be_bytes().to_vec();
    input.extend([0; 10]);
    assert!(matches!(frame::read(&mut input.as_slice(), &mut content), Err(FrameError::TooLong { .. })));
    // As much as is allowed is announced, and does not come.
    let mut input = MAX_FRAME.to_be_bytes().to_vec();
    input.extend([0; 10]);
    assert!(matches!(frame::read(&mut input.as_slice(), &mut content), Err(FrameError::Truncated)));
    assert!(content.capacity() < 1_000_000, "{}", content.capacity());
}

#[test]
fn memory_of_a_large_frame_is_given_back() {
    let mut stream = Vec::new();
    stream.extend(8_000_000_u32.to_be_bytes());
    stream.extend(vec![b'x'; 8_000_000]);
    stream.extend(1_u32.to_be_bytes());
    stream.push(b'y');
    let (mut input, mut content) = (stream.as_slice(), Vec::new());
    frame::read(&mut input, &mut content).unwrap();
    assert_eq!(content.len(), 8_000_000);
    frame::read(&mut input, &mut content).unwrap();
    assert_eq!(content, b"y");
    assert!(content.capacity() < 1_000_000, "{}", content.capacity());
}
