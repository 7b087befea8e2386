//! Composition: precedence, removal, idempotence.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::origin::Tier;
use crate::wire;

/// A user's layer.
fn layer(text: &str) -> (Overlay, SourceId) {
    let source = SourceId { tier: Tier::User, file: Some(Arc::from(Path::new("/user.toml"))) };
    (wire::parse(text, &source).unwrap(), source)
}

/// All texts on top of each other.
///
/// # Errors
/// When a layer contradicts itself or takes away what is not there.
fn compose(texts: &[&str]) -> Result<Composition, PolicyError> {
    let mut composition = Composition::default();
    for text in texts {
        let (layer, source) = layer(text);
        composition.apply(layer, &source)?;
    }
    Ok(composition)
}

/// The patterns of rules.
fn texts(rules: &[Rule]) -> Vec<&str> {
    rules.iter().map(|rule| rule.pattern.text()).collect()
}

#[test]
fn lists_grow_without_repeats_and_single_values_are_replaced() {
    let policy = compose(&[
        "[files]\nhome = \"hide\"\nread = [\"~/a\", \"~/b\"]\n[limits]\nprocesses = 5\ncore = 0\n",
        "[files]\nhome = \"read-only\"\nread = [\"~/b/\", \"~/c\"]\n[limits]\nprocesses = \"off\"\n",
    ])
    .unwrap()
    .finish("agent");
    assert_eq!(texts(&policy.files.read), ["~/a", "~/b", "~/c"]);
    assert_eq!(policy.files.home, HomeView::ReadOnly);
    assert_eq!((policy.limits.processes, policy.limits.core), (None, Some(0)));
}

/// If each rule were compared with each, this would be half a billion comparisons, and take minutes.
#[test]
fn a_file_of_thirty_thousand_rules_is_composed_twice_in_the_order_of_its_lines() {
    const RULES: usize = 30_000;
    let list = |line: &dyn Fn(usize) -> String| (0..RULES).map(line).collect::<Vec<_>>().join(",\n");
    let paths = list(&|number| format!("\"~/place-{number}\""));
    let files = format!("[files]\nmask = [\n{paths}\n]\n");
    let hosts = list(&|number| format!("\"host-{number}.example.com:443\""));
    let network = format!("[network]\nmode = \"allowlist\"\nallow = [\n{hosts}\n]\n");
    let policy = compose(&[&files, &network, &files, &network]).unwrap().finish("agent");
    assert_eq!(texts(&policy.files.mask).len(), RULES);
    assert_eq!(policy.files.mask.last().map(|rule| rule.pattern.text()), Some("~/place-29999"));
    let told: Vec<String> = policy.network.rules.iter().map(ToString::to_string).collect();
    assert_eq!((told.len(), told[0].as_str()), (RULES, "host-0.example.com:443"));
    let unmask = format!("[files]\nunmask = [\n{paths}\n]\n");
    assert_eq!(texts(&compose(&[&files, &unmask]).unwrap().finish("agent").files.mask), [""; 0]);
}

#[test]
fn what_nobody_states_is_as_strict_as_can_be() {
    let policy = compose(&[]).unwrap().finish("agent");
    assert_eq!(policy.files.home, HomeView::Hide);
    assert_eq!(policy.network.mode, NetworkMode::None);
    assert_eq!(policy.syscalls, Syscalls { ptrace: Permission::Deny, user_namespaces: Permission::Deny });
    for layer in crate::policy::Layer::ALL {
        assert_eq!(policy.requirements.of(layer), crate::policy::Requirement::Require);
    }
}

#[test]
fn removing_what_is_not_there_is_an_error_that_names_the_nearest_entry() {
    let error = compose(&["[files]\nmask = [\"~/.kube\"]\n", "[files]\nunmask = [\"~/.cube\"]\n"]).unwrap_err();
    assert_eq!(error.to_string(), "/user.toml:2: `files.unmask` names \"~/.cube\", which no lower layer has");
    assert_eq!(error.hint(), "did you mean \"~/.kube\"?");
    assert!(compose(&["[files]\nunread = [\"~/x\"]\n"]).is_err());
    assert!(compose(&["[environment]\nunpass = [\"X\"]\n"]).is_err());
}

#[test]
fn a_layer_that_adds_and_removes_the_same_entry_is_refused() {
    let error =
        compose(&["[files]\nmask = [\"~/x\"]\n", "[files]\nmask = [\"~/x\"]\nunmask = [\"~/x\"]\n"]).unwrap_err();
    assert!(matches!(error, PolicyError::Contradiction { .. }), "{error}");
}

#[test]
fn an_entry_removed_below_can_be_added_again_above() {
    let removed = "[files]\nunmask = [\"~/x\"]\n";
    let policy =
        compose(&["[files]\nmask = [\"~/x\"]\n", removed, "[files]\nmask = [\"~/x\"]\n"]).unwrap().finish("agent");
    assert_eq!(texts(&policy.files.mask), ["~/x"]);
}

/// Layers that touch every kind of statement, over a base that has something to remove.
fn any_layer() -> impl Strategy<Value = String> {
    let list = || {
        proptest::sample::subsequence(vec!["\"~/a\"", "\"~/b\"", "\"/c\"", "\"d/*\""], 0..4)
            .prop_map(|all| all.join(", "))
    };
    let home = prop_oneof![Just("hide"), Just("read-only")];
    let unmask = prop_oneof![Just(""), Just("\"~/gone\"")];
    let pass = prop_oneof![Just("pass = [\"A\", \"B_*\"]"), Just("unpass = [\"GONE\"]")];
    (list(), list(), home, unmask, pass, 1..9_u32).prop_map(|(read, mask, home, unmask, pass, limit)| {
        format!(
            "[files]\nhome = \"{home}\"\nread = [{read}]\nmask = [{mask}]\nunmask = [{unmask}]\n[environment]\n{pass}\n[environment.set]\nX = \"{limit}\"\n[limits]\nprocesses = {limit}\n[network]\nallow = [\"a.com\", \"a.com:{limit}\"]\n[tools.t]\nshell = [\"s{limit}\"]\nrules = [{{ tool = \"a\", decision = \"ask\" }}, {{ tool = \"b{limit}\", read = [\"path\"] }}]\n"
        )
    })
}

/// Something to remove.
const BASE: &str = "[files]\nmask = [\"~/gone\"]\n[environment]\npass = [\"GONE\"]\n";

proptest! {
    #[test]
    fn composing_a_layer_twice_changes_nothing(below in any_layer(), text in any_layer()) {
        let once = compose(&[BASE, &below, &text]).unwrap();
        let twice = compose(&[BASE, &below, &text, &text]).unwrap();
        prop_assert_eq!(once, twice);
    }
}
