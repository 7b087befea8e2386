//! The reference for users says what the program does.

use lobsterpot_policy::{Group, Layer, LimitName, ProfileName};

use crate::world::{USER, WORKSPACE, World};

/// The reference.
const REFERENCE: &str = include_str!("../../../docs/policy.md");

/// Every TOML example, with the words on its opening line.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = REFERENCE.split("```toml").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().split_once('\n').unwrap()).collect()
}

#[test]
fn every_example_in_the_reference_loads() {
    let examples = examples();
    assert!(examples.len() >= 5, "{}", examples.len());
    for (kind, text) in examples {
        let file = if kind.contains("workspace") { WORKSPACE } else { USER };
        let result = World::with(file, text).load();
        assert_eq!(result.is_err(), kind.contains("refused"), "{kind}: {text}\n{result:?}");
    }
}

#[test]
fn every_layer_limit_profile_and_group_is_in_the_reference() {
    let limits = LimitName::ALL.map(LimitName::name);
    let layers = Layer::ALL.map(Layer::name);
    let profiles = ProfileName::ALL.map(ProfileName::name);
    let groups = Group::ALL.map(Group::name);
    for word in limits.into_iter().chain(layers).chain(profiles).chain(groups) {
        assert!(REFERENCE.contains(&format!("`{word}`")), "{word}");
    }
}
