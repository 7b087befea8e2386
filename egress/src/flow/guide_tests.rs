//! Which hosts and addresses may be connected to.

use std::cell::RefCell;
use std::net::IpAddr;

use lobsterpot_policy::orders::Event;
use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, ReasonCode};

use super::{Errand, Guide, Lookup, NoWay, PolicyGuide};
use crate::flow::check::{Check, Step};
use crate::gate::Gate;
use crate::names::Names;
use crate::report::Reporter;
use crate::target::Target;

/// A resolver whose answers change: the next one is the last of the list.
#[derive(Debug)]
struct Fickle(RefCell<Vec<Vec<&'static str>>>);

impl Lookup for Fickle {
    async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, String> {
        let answer = self.0.borrow_mut().pop().ok_or("there is no such name")?;
        Ok(answer.into_iter().map(address).collect())
    }
}

/// A check that lets everything pass.
#[derive(Debug)]
struct Open;

impl Check for Open {
    fn client(&mut self, _: &[u8]) -> Step {
        Step::Rest
    }

    fn client_end(&mut self, _: &[u8]) -> Step {
        Step::Rest
    }

    fn server(&mut self, _: &[u8]) -> Step {
        Step::Rest
    }
}

/// An address.
fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A guide by these rules, with these answers, the last of them first.
fn guide(
    mode: NetworkMode,
    allow: &[&str],
    deny: &[&str],
    answers: Vec<Vec<&'static str>>,
) -> (PolicyGuide<Fickle>, Reporter) {
    let rule = |text: &&str| HostRule::parse(text, Origin::flags()).expect("a rule");
    let network = Network {
        mode,
        rules: allow.iter().map(rule).collect(),
        deny: deny.iter().map(rule).collect(),
        proxy: false,
        publish: Vec::new(),
    };
    let reporter = Reporter::default();
    let gate = Gate::new(network, reporter.clone());
    let lookup = Fickle(RefCell::new(answers));
    (PolicyGuide::new(gate, Names::new(true), lookup, |_, _, _, _| Box::new(Open)), reporter)
}

/// A guide with an allowlist and one answer.
fn answering(allow: &[&str], answer: Vec<&'static str>) -> (PolicyGuide<Fickle>, Reporter) {
    guide(NetworkMode::Allowlist, allow, &[], vec![answer])
}

/// A name.
fn name(text: &str) -> Target {
    Target::Name(text.into())
}

/// What was refused and why.
fn reasons(reporter: &Reporter) -> Vec<ReasonCode> {
    let reason = |event| if let Event::Refused(refused) = event { Some(refused.reason) } else { None };
    reporter.drain().into_iter().filter_map(reason).collect()
}

/// Judges, then looks up.
///
/// # Errors
/// When it is not allowed.
async fn ask(guide: &PolicyGuide<Fickle>, target: &Target, port: u16) -> Result<Vec<IpAddr>, NoWay> {
    let errand: Errand = guide.judge(target, port).map_err(NoWay::Refused)?;
    guide.addresses(&errand).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_whatever_form_the_address_has() {
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "198.18.0.1",
        "198.19.3.4",
        "2001:2::10",
    ] {
        let (guide, reporter) = answering(&["a.example"], vec![inside]);
        let outcome = ask(&guide, &name("a.example"), 443).await;
        assert!(matches!(outcome, Err(NoWay::Refused(_))), "{inside}: {outcome:?}");
        assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress], "{inside}");
    }
}

#[tokio::test]
async fn of_mixed_answers_only_public_addresses_are_connected_to() {
    let (guide, reporter) = answering(&["a.example"], vec!["10.0.0.1", "8.8.8.8", "::ffff:127.0.0.1", "2620:fe::fe"]);
    let open = ask(&guide, &name("a.example"), 443).await.expect("allowed");
    assert_eq!(open, [address("8.8.8.8"), address("2620:fe::fe")]);
    assert!(reasons(&reporter).is_empty());
}

#[tokio::test]
async fn a_name_that_turns_inside_on_its_second_lookup_is_refused_then() {
    let answers = vec![vec!["169.254.169.254"], vec!["8.8.8.8"]];
    let (guide, reporter) = guide(NetworkMode::Allowlist, &["a.example"], &[], answers);
    assert_eq!(ask(&guide, &name("a.example"), 443).await.expect("allowed"), [address("8.8.8.8")]);
    assert!(ask(&guide, &name("a.example"), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress]);
}

#[tokio::test]
async fn an_inside_address_is_open_at_exactly_the_ports_that_a_rule_names_it_with() {
    let rules = ["a.example:443,5432", "10.0.0.0/8:5432"];
    let (guide, reporter) = guide(NetworkMode::Allowlist, &rules, &[], vec![vec!["10.9.8.7"]; 2]);
    assert_eq!(ask(&guide, &name("a.example"), 5432).await.expect("named"), [address("10.9.8.7")]);
    assert_eq!(ask(&guide, &Target::Address(address("10.1.1.1")), 5432).await.expect("named"), [address("10.1.1.1")]);
    assert!(reasons(&reporter).is_empty());
    assert!(ask(&guide, &name("a.example"), 443).await.is_err());
    assert!(ask(&guide, &Target::Address(address("10.1.1.1")), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress, ReasonCode::AddressNotNamed]);
}

#[tokio::test]
async fn a_denied_address_is_closed_to_allowed_names_too() {
    let (guide, reporter) = guide(NetworkMode::Allowlist, &["a.example"], &["8.8.8.8:*"], vec![vec!["8.8.8.8"]]);
    assert!(ask(&guide, &name("a.example"), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::HostDenied]);
}

#[tokio::test]
async fn an_address_of_this_host_is_refused_even_when_it_is_public() {
    let (mut guide, reporter) = guide(NetworkMode::Learn, &[], &[], vec![vec!["8.8.4.4", "8.8.8.8"]]);
    guide.is_of_this_host = |candidate| candidate == address("8.8.4.4");
    assert!(ask(&guide, &Target::Address(address("8.8.4.4")), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress]);
    assert_eq!(ask(&guide, &name("a.example"), 443).await.expect("the other one"), [address("8.8.8.8")]);
}

#[tokio::test]
async fn a_translator_is_no_way_around_what_is_denied_or_of_this_host() {
    let through = "64:ff9b::808:808"; // 8.8.8.8
    let mode = NetworkMode::Learn;
    let (denying, reporter) = guide(mode, &[], &["8.8.8.8:*"], vec![vec![through]]);
    for target in [name("a.example"), Target::Address(address(through))] {
        assert!(ask(&denying, &target, 443).await.is_err(), "{target}");
        assert_eq!(reasons(&reporter), [ReasonCode::HostDenied], "{target}");
    }
    let (mut own, reporter) = guide(mode, &[], &[], vec![vec![through]; 2]);
    assert_eq!(ask(&own, &name("a.example"), 443).await.expect("it is public"), [address(through)]);
    reporter.drain();
    own.is_of_this_host = |candidate| candidate == address("8.8.8.8");
    assert!(ask(&own, &name("a.example"), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress]);
}

#[tokio::test]
async fn an_address_that_was_never_given_out_is_refused_as_such() {
    let (guide, reporter) = answering(&["a.example"], Vec::new());
    for stale in ["198.18.0.99", "2001:2::99", "8.8.8.8"] {
        let target = guide.target(address(stale));
        assert!(ask(&guide, &target, 443).await.is_err(), "{stale}");
        assert_eq!(reasons(&reporter), [ReasonCode::AddressNotNamed], "{stale}");
    }
}

#[tokio::test]
async fn a_synthetic_address_leads_to_its_name_and_a_rule_for_the_whole_range_does_not_change_that() {
    let (guide, reporter) = answering(&["a.example", "198.16.0.0/12:443"], vec!["8.8.8.8"]);
    let (given, _) = guide.names.give(&"a.example".into()).expect("given");
    let target = guide.target(given.into());
    assert_eq!(target, name("a.example"));
    assert_eq!(ask(&guide, &target, 443).await.expect("allowed"), [address("8.8.8.8")]);
    assert!(ask(&guide, &guide.target(address("198.18.7.7")), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress]);
}

#[tokio::test]
async fn while_learning_public_hosts_are_open_and_told_and_inside_stays_closed() {
    let (guide, reporter) = guide(NetworkMode::Learn, &[], &[], vec![vec!["192.168.0.1"], vec!["8.8.8.8"]]);
    assert!(ask(&guide, &name("new.example"), 8443).await.is_ok());
    assert_eq!(reporter.drain(), [Event::Allowed { host: "new.example".to_owned(), port: 8443 }]);
    assert!(ask(&guide, &name("router.example"), 443).await.is_err());
    assert_eq!(reasons(&reporter), [ReasonCode::SpecialAddress]);
}

#[tokio::test]
async fn an_allowed_name_that_nobody_knows_is_told_and_not_called_refused() {
    let (guide, reporter) = guide(NetworkMode::Allowlist, &["a.example"], &[], Vec::new());
    let error = ask(&guide, &name("a.example"), 443).await.expect_err("there is no answer");
    assert_eq!(error.to_string(), "failed to look a.example up: there is no such name");
    assert_eq!(reasons(&reporter), [ReasonCode::Unresolved]);
}
