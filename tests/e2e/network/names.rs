//! Names: how they are written, what they lead to, and how slowly.

use super::Client;
use crate::harness::{each_online, host};

/// Something fetched from a friend with `hosts` named.
#[track_caller]
fn fetches(hosts: &'static [&'static str], script: &str, shows: &'static str) {
    Client { tools: &["curl"], hosts, script: script.to_owned(), shows }.works();
}

/// Something that only the sandbox makes possible, or sure.
#[track_caller]
fn fetches_inside(hosts: &[&str], script: &str, shows: &str) {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        super::allow(scene, hosts);
        let outcome = scene.sandboxed(&super::trusting(script));
        assert!(outcome.ok().contains(shows), "{outcome}");
    });
}

#[test]
fn name_with_an_address_of_the_old_family_only_is_reached() {
    fetches(&["four.example.com"], "curl -sS https://four.example.com/", "hello from four.example.com");
}

#[test]
fn name_with_an_address_of_the_new_family_only_is_reached() {
    let script = "curl -sS https://six.example.com/ && curl -sS http://six.example.com/";
    fetches(&["six.example.com:80,443"], script, "hello from six.example.com");
}

#[test]
fn program_that_knows_only_the_old_family_reaches_a_name_of_the_new_one() {
    let script = "curl -sS -4 http://six.example.com/";
    fetches_inside(&["six.example.com:80"], script, "hello from six.example.com");
}

#[test]
fn name_that_is_an_alias_of_names_that_no_rule_names_is_reached() {
    fetches(&["alias.example.com"], "curl -sS https://alias.example.com/", "hello from alias.example.com");
}

#[test]
fn name_below_a_wildcard_is_reached() {
    let script = "curl -sS https://one.wild.example.com/ && curl -sS https://two.wild.example.com/";
    fetches(&["*.wild.example.com"], script, "hello from two.wild.example.com");
}

#[test]
fn name_of_another_alphabet_is_reached() {
    let script = "curl -sS https://xn--bcher-kva.example.com/";
    fetches(&["b\u{fc}cher.example.com"], script, "hello from xn--bcher-kva.example.com");
}

#[test]
fn name_in_capitals_or_with_a_dot_at_its_end_is_reached() {
    let script = "curl -sS https://WEB.Example.COM/ && curl -sS http://web.example.com./ | tr A-Z a-z";
    fetches(&["web.example.com:80,443"], script, "hello from web.example.com");
}

#[test]
fn name_whose_answer_takes_its_time_is_reached() {
    fetches(&["slow.example.com"], "curl -sS https://slow.example.com/", "hello from slow.example.com");
}

#[test]
fn name_with_more_addresses_than_a_datagram_holds_is_reached() {
    fetches(&["big.example.com"], "curl -sS https://big.example.com/", "hello from big.example.com");
}

#[test]
fn name_of_which_one_family_is_dead_is_reached_by_the_other() {
    let script = "curl -sS -m 60 https://half-dead.example.com/";
    fetches(&["half-dead.example.com"], script, "hello from half-dead.example.com at 93.184.216.25");
}

#[test]
fn name_with_a_private_address_beside_a_public_one_is_reached_by_that() {
    let script = "curl -sS http://mixed.example.com/";
    fetches_inside(&["mixed.example.com:80"], script, "hello from mixed.example.com at 93.184.216.26");
}

#[test]
fn address_is_reached_by_the_rule_that_writes_it() {
    let script = "psql 'host=93.184.216.17 user=pat dbname=pat connect_timeout=60' -Atc 'select 1'".to_owned();
    Client { tools: &["psql"], hosts: &["93.184.216.17:5432"], script, shows: "hello from postgres" }.works();
}

#[test]
fn address_of_a_private_block_is_reached_by_the_rule_that_writes_the_block() {
    let script = "redis-cli -h 10.7.7.7 ping | sed s/PONG/reached/".to_owned();
    Client { tools: &["redis-cli"], hosts: &["10.7.0.0/16:6379"], script, shows: "reached" }.works();
}
