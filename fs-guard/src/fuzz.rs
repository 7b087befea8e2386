//! What must hold for whatever comes over the pipe of `fs-guard serve`: checked by the fuzzer (`tests/fuzz`), and by the tests on
//! every input that it once found. In no shipped program.

pub use crate::serve::assert_served as serve;

#[cfg(test)]
mod tests {
    #[test]
    fn streams_that_were_found_are_served_or_refused() {
        crate::replay::replay("guard_serve", super::serve);
    }
}
