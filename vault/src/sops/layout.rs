//! From names to keys: flat, one key each, or nested at the dots.

use super::error::SopsWriteError;
use crate::name::Name;

/// Where values go in a file that is to be written. A value is its place among those that are written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Values by key.
    Map(Vec<(String, Plan)>),
    /// Values by place.
    List(Vec<Plan>),
    /// A value.
    Value(usize),
}

/// One key for each name.
pub(super) fn flat<'a>(names: impl Iterator<Item = &'a Name>) -> Vec<(String, Plan)> {
    names.enumerate().map(|(at, name)| (name.to_string(), Plan::Value(at))).collect()
}

/// Keys nested at the dots of names. What has exactly the keys 0, 1, 2 and so on becomes a list.
///
/// # Errors
/// When a name is a value and holds others.
pub(super) fn nested<'a>(names: impl Iterator<Item = &'a Name>) -> Result<Vec<(String, Plan)>, SopsWriteError> {
    let mut root = Vec::new();
    for (at, name) in names.enumerate() {
        let conflict = || SopsWriteError::Conflict { name: name.to_string() };
        let (around, last) = match name.as_str().rsplit_once('.') {
            Some((around, last)) => (Some(around), last),
            None => (None, name.as_str()),
        };
        let mut here = &mut root;
        for key in around.into_iter().flat_map(|around| around.split('.')) {
            here = map_below(here, key).ok_or_else(conflict)?;
        }
        if here.iter().any(|(key, _)| key == last) {
            return Err(conflict());
        }
        here.push((last.to_owned(), Plan::Value(at)));
    }
    root.iter_mut().for_each(|(_, plan)| list(plan));
    Ok(root)
}

/// The map under a key, which is made when nothing is there. None when there is a value.
fn map_below<'a>(here: &'a mut Vec<(String, Plan)>, key: &str) -> Option<&'a mut Vec<(String, Plan)>> {
    // Names come in order, and the last one is nearly always the one.
    let at = match here.iter().rposition(|(known, _)| known == key) {
        Some(at) => at,
        None => {
            here.push((key.to_owned(), Plan::Map(Vec::new())));
            here.len() - 1
        }
    };
    match here.get_mut(at) {
        Some((_, Plan::Map(below))) => Some(below),
        Some((_, Plan::List(_) | Plan::Value(_))) | None => None,
    }
}

/// Makes lists of maps with the keys of one.
fn list(plan: &mut Plan) {
    let Plan::Map(entries) = plan else { return };
    entries.iter_mut().for_each(|(_, below)| list(below));
    let place = |key: &str| key.parse::<usize>().ok().filter(|place| place.to_string() == key);
    let mut places: Vec<_> = entries.iter().filter_map(|(key, _)| place(key)).collect();
    places.sort_unstable();
    if places.len() == entries.len() && places.iter().copied().eq(0..entries.len()) {
        entries.sort_by_key(|(key, _)| place(key));
        *plan = Plan::List(std::mem::take(entries).into_iter().map(|(_, below)| below).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, nested};
    use crate::name::Name;
    use crate::sops::SopsWriteError;

    /// Names, nested.
    ///
    /// # Errors
    /// As for [`nested`].
    fn nest(names: &[&str]) -> Result<Vec<(String, Plan)>, SopsWriteError> {
        let names: Vec<_> = names.iter().map(|name| Name::parse(name).unwrap()).collect();
        nested(names.iter())
    }

    /// A key and what is under it.
    fn entry(key: &str, plan: Plan) -> (String, Plan) {
        (key.to_owned(), plan)
    }

    #[test]
    fn dots_become_levels_and_counted_keys_a_list() {
        let plan = nest(&["a.b", "a.c", "l.1", "l.0", "x"]).unwrap();
        let map = Plan::Map(vec![entry("b", Plan::Value(0)), entry("c", Plan::Value(1))]);
        let list = Plan::List(vec![Plan::Value(3), Plan::Value(2)]);
        assert_eq!(plan, [entry("a", map), entry("l", list), entry("x", Plan::Value(4))]);
    }

    #[test]
    fn keys_that_only_look_counted_stay_keys() {
        for names in [["a.0", "a.2"], ["a.1", "a.2"], ["a.0", "a.01"], ["a.0", "a.x"]] {
            let plan = nest(&names).unwrap();
            assert!(matches!(plan.as_slice(), [(_, Plan::Map(_))]), "{names:?}");
        }
        assert!(matches!(nest(&["0", "1"]).unwrap().as_slice(), [_, _]));
    }

    #[test]
    fn a_name_that_is_a_value_and_holds_others_is_refused() {
        let conflict = |name: &str| Err(SopsWriteError::Conflict { name: name.to_owned() });
        assert_eq!(nest(&["a", "a.b"]), conflict("a.b"));
        assert_eq!(nest(&["a.b", "a"]), conflict("a"));
        assert_eq!(nest(&["a.0", "a"]), conflict("a"));
    }
}
