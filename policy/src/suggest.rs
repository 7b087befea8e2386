//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 2).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many single-character edits lead from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, left) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut current = index + 1;
        let mut next = vec![current];
        for (right, above) in to.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = *above;
            current = replaced.min(above + 1).min(current + 1);
            next.push(current);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_different_word_finds_none() {
        assert_eq!(distance("mask", "masks"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("maks", ["read", "mask", "write"]), Some("mask"));
        assert_eq!(nearest("masks", ["read", "mask", "write"]), Some("mask"));
        assert_eq!(nearest("counterexamples", ["examples", "counter_examples"]), Some("counter_examples"));
        assert_eq!(nearest("xyz", ["read", "mask"]), None);
    }
}
