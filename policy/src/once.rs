//! Lists in which every entry stands once. Files may hold a hundred thousand entries, so that none of this compares each with each.

use std::cmp::Ordering;

/// Entries in order, each with its place in the list that they come from.
type Sorted<'a, T> = Vec<(usize, &'a T)>;

/// Puts the entries of a list in order; equal ones stay in the order in which they stand.
fn sorted<T>(entries: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Sorted<'_, T> {
    let mut sorted: Sorted<'_, T> = entries.iter().enumerate().collect();
    sorted.sort_by(|(_, one), (_, other)| compare(one, other));
    sorted
}

/// Keeps the entries at `places`.
fn keep<T>(entries: &mut Vec<T>, mut places: Vec<usize>) {
    places.sort_unstable();
    let mut places = places.into_iter().peekable();
    let mut place = 0;
    entries.retain(|_| {
        let kept = places.next_if_eq(&place).is_some();
        place += 1;
        kept
    });
}

/// Keeps the first of all entries that are the same.
pub(crate) fn keep_first<T>(entries: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let sorted = sorted(entries, &compare);
    let same = sorted.chunk_by(|(_, one), (_, other)| compare(one, other).is_eq());
    let places = same.filter_map(|same| same.first().map(|(place, _)| *place)).collect();
    keep(entries, places);
}

/// Keeps the last of all entries that are the same.
pub(crate) fn keep_last<T>(entries: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let sorted = sorted(entries, &compare);
    let same = sorted.chunk_by(|(_, one), (_, other)| compare(one, other).is_eq());
    let places = same.filter_map(|same| same.last().map(|(place, _)| *place)).collect();
    keep(entries, places);
}

/// Takes away every entry that is the same as one of `others`.
pub(crate) fn remove<T>(entries: &mut Vec<T>, others: &[T], compare: impl Fn(&T, &T) -> Ordering) {
    let sorted = sorted(others, &compare);
    entries.retain(|entry| sorted.binary_search_by(|(_, other)| compare(other, entry)).is_err());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries that are the same when their first parts are.
    fn by_first(one: &(u8, u8), other: &(u8, u8)) -> Ordering {
        one.0.cmp(&other.0)
    }

    #[test]
    fn the_first_or_the_last_of_equal_entries_stays_in_its_place() {
        let entries = vec![(3, 0), (1, 0), (3, 1), (2, 0), (1, 1), (3, 2)];
        let mut first = entries.clone();
        keep_first(&mut first, by_first);
        assert_eq!(first, [(3, 0), (1, 0), (2, 0)]);
        let mut last = entries;
        keep_last(&mut last, by_first);
        assert_eq!(last, [(2, 0), (1, 1), (3, 2)]);
    }

    #[test]
    fn what_others_have_is_removed_however_often_it_stands_there() {
        let mut entries = vec![(1, 0), (2, 0), (1, 1), (4, 0)];
        remove(&mut entries, &[(4, 9), (1, 9)], by_first);
        assert_eq!(entries, [(2, 0)]);
    }
}
