//! Rules about hosts, from files to verdicts: groups, denial, what workspaces may say, and the way to egress and back.

use std::collections::BTreeSet;

use lobsterpot_policy::{Group, Network, NetworkMode, Overlay, Policy, ReasonCode, load};
use proptest::prelude::*;

use crate::world::{SYSTEM, USER, WORKSPACE, World, request};

/// The policy of a user with this `[network]`.
fn with_network(text: &str) -> Policy {
    World::with(USER, &format!("[network]\nmode = \"allowlist\"\n{text}\n")).load().unwrap()
}

/// The error of a user's `[network]`, and its hint.
fn refuse(text: &str) -> (String, String) {
    let error = World::with(USER, &format!("[network]\n{text}\n")).load().expect_err(text);
    (error.to_string(), error.hint())
}

/// Whether a connection is allowed.
fn allowed(network: &Network, name: &str, port: u16) -> bool {
    network.judge(name, port).is_ok()
}

#[test]
fn groups_hold_what_everyday_tools_fetch_from() {
    let network = with_network("allow = [\"@registries\", \"@git\", \"@system\"]").network;
    for (name, port) in [
        ("index.crates.io", 443),
        ("static.crates.io", 443),
        ("static.rust-lang.org", 443),
        ("registry.npmjs.org", 443),
        ("registry.yarnpkg.com", 443),
        ("pypi.org", 443),
        ("files.pythonhosted.org", 443),
        ("proxy.golang.org", 443),
        ("sum.golang.org", 443),
        ("rubygems.org", 443),
        ("repo.maven.apache.org", 443),
        ("repo1.maven.org", 443),
        ("api.nuget.org", 443),
        ("repo.packagist.org", 443),
        ("repo.hex.pm", 443),
        ("conda.anaconda.org", 443),
        ("github.com", 443),
        ("github.com", 22),
        ("ssh.github.com", 443),
        ("codeload.github.com", 443),
        ("objects.githubusercontent.com", 443),
        ("raw.githubusercontent.com", 443),
        ("gitlab.com", 22),
        ("codeberg.org", 443),
        ("bitbucket.org", 22),
        ("git.sr.ht", 22),
        ("deb.debian.org", 80),
        ("deb.debian.org", 443),
        ("de.archive.ubuntu.com", 80),
        ("dl.fedoraproject.org", 443),
        ("dl-cdn.alpinelinux.org", 443),
        ("geo.mirror.pkgbuild.com", 443),
    ] {
        assert!(allowed(&network, name, port), "{name}:{port}");
    }
    assert!(network.rules.iter().all(|rule| rule.reason.as_ref().is_some_and(|reason| reason.len() > 3)));
    assert!(network.rules.iter().all(|rule| rule.origin.line > 0), "every line can be named");
}

#[test]
fn what_takes_uploads_from_anybody_or_is_off_by_default_is_in_no_group_of_every_day() {
    let network = with_network("allow = [\"@registries\", \"@git\", \"@system\"]").network;
    for name in [
        "upload.pypi.org",
        "test.pypi.org",
        "uploads.github.com",
        "gist.github.com",
        "evil.github.io",
        "user-images.githubusercontent.com",
        "storage.googleapis.com",
        "s3.amazonaws.com",
        "keyserver.ubuntu.com",
        "keys.openpgp.org",
        "paste.debian.net",
        "transfer.sh",
        "jitpack.io",
        "central.sonatype.com",
        "www.nuget.org",
        "ghcr.io",
        "registry-1.docker.io",
        "api.anthropic.com",
        "api.openai.com",
        "169.254.169.254",
        "metadata.google.internal",
        "dns.google",
        "one.one.one.one",
        "example.com",
    ] {
        for port in [22, 80, 443] {
            assert!(!allowed(&network, name, port), "{name}:{port}");
        }
    }
    assert!(allowed(&with_network("allow = [\"@models\"]").network, "api.anthropic.com", 443));
    assert!(network.low_ports() == BTreeSet::from([22, 80, 443]));
}

#[test]
fn mirrors_can_only_be_read_over_plain_http() {
    let network = with_network("allow = [\"@system\"]").network;
    for rule in network.rules.iter().filter(|rule| rule.ports().contains(80)) {
        assert!(rule.judge_request("GET", "/debian/dists/stable/InRelease").is_ok(), "{rule}");
        assert_eq!(rule.judge_request("POST", "/").unwrap_err().reason, ReasonCode::Request, "{rule}");
        assert_eq!(rule.judge_request("PUT", "/x").unwrap_err().reason, ReasonCode::Request, "{rule}");
    }
}

#[test]
fn a_rule_of_the_users_own_takes_the_place_of_a_groups_and_a_denied_group_is_gone() {
    let own = "allow = [\"@git\", { host = \"github.com\", ports = [22, 443], max_bytes = \"1GiB\", rate = \"5MiB\" }]";
    let network = with_network(own).network;
    let bounds = network.judge("github.com", 443).unwrap().bounds();
    assert_eq!((bounds.max_bytes, bounds.rate), (Some(1 << 30), Some(5 << 20)));
    assert_eq!(network.rules.iter().filter(|rule| rule.matches("github.com", 443)).count(), 1);
    let network = with_network("allow = [\"@git\", \"@registries\"]\ndeny = [\"@git\", \"crates.io\"]").network;
    assert_eq!(network.judge("github.com", 22).unwrap_err().reason, ReasonCode::HostDenied);
    assert!(!allowed(&network, "crates.io", 443) && allowed(&network, "static.crates.io", 443));
}

#[test]
fn an_unknown_group_is_refused_with_the_one_that_was_meant() {
    let (message, hint) = refuse("allow = [\n\"@registrys\"]");
    assert_eq!(message, format!("{USER}:3:1: there is no group of hosts called \"@registrys\""));
    assert_eq!(hint, "did you mean \"@registries\"?");
    let (_, hint) = refuse("deny = [\"@everything\"]");
    assert_eq!(hint, format!("the groups are {}", Group::ALL.map(Group::name).join(", ")));
    let (message, _) = refuse("allow = [{ host = \"@git\", ports = [443] }]");
    assert!(message.contains("has no meaning here"), "{message}");
    assert!(Overlay::default().host("@gti").unwrap_err().hint().contains("@git"));
}

#[test]
fn malformed_and_senseless_rules_are_refused_on_their_own_line_with_a_way_out() {
    for (entry, message) in [
        ("allow = [\"*\"]", "the `*`"),
        ("allow = [\"*.com\"]", "top-level domain"),
        ("allow = [\"*.github.io\"]", "public suffix"),
        ("allow = [\"0.0.0.0/0\"]", "large part of all addresses"),
        ("allow = [\"64.0.0.0/2\"]", "large part of all addresses"),
        ("allow = [\"[::/0]\"]", "large part of all addresses"),
        ("allow = [\"localhost:80\"]", "can never match"),
        ("allow = [\"a.com:53\"]", "can never match"),
        ("allow = [{ host = \"a.com\", methods = [\"GET\"] }]", "plain HTTP only"),
        ("allow = [{ host = \"a.com:80\", ports = [81] }]", "names ports, and so does"),
        ("allow = [{ host = \"a.com\", ports = [80], paths = [\"/../x\"] }]", "not a path of requests"),
        ("allow = [{ host = \"a.com\", max_bytes = 0 }]", "a bound of nothing"),
        ("allow = [{ host = \"a.com\", rate = \"5 MB\" }]", "not a size"),
        ("deny = [{ host = \"a.com\", methods = [\"GET\"] }]", "has no meaning here"),
        ("allow = [\"bücher.de\", \"Straße.de\"]", "cannot be turned into ASCII"),
        ("allow = [\"a.com\"]\ndeny = [\"*.com\"]", "denies it"),
        ("mode = \"learn\"", "has no meaning here"),
        ("publish = [\"8080:x\"]", "neither a port nor two"),
        ("publish = [\"8080:1\", \"8080:2\"]", "lead to two servers"),
        ("proxy = \"yes\"", "invalid type"),
    ] {
        let (text, hint) = refuse(entry);
        assert!(text.starts_with(&format!("{USER}:2:")) && text.contains(message), "{entry}: {text}");
        assert!(!hint.is_empty() && !text.contains('\n'), "{entry}: {hint}");
    }
}

#[test]
fn what_the_system_denies_no_user_can_allow_and_what_is_allowed_below_can_be_denied_above() {
    let world = World::with(SYSTEM, "[network]\ndeny = [\"*.evil.net\"]\n")
        .and(USER, "[network]\nmode = \"allowlist\"\nallow = [\"a.evil.net\"]\n");
    let error = world.load().unwrap_err();
    let expected = format!("\"a.evil.net:443\" can never match: \"*.evil.net:*\" ({SYSTEM}:2) denies it");
    assert!(error.to_string().ends_with(&expected), "{error}");
    let world = World::with(SYSTEM, "[network]\nallow = [\"a.evil.net\"]\n")
        .and(USER, "[network]\nmode = \"allowlist\"\ndeny = [{ host = \"*.evil.net\", reason = \"we left them\" }]\n");
    let refusal = world.load().unwrap().network.judge("a.evil.net", 443).unwrap_err();
    assert!(refusal.message.ends_with("we left them.") && refusal.message.contains(USER), "{}", refusal.message);
}

#[test]
fn a_workspace_may_deny_and_nothing_more() {
    let user =
        "[network]\nmode = \"allowlist\"\nallow = [\"a.com\", \"b.com\", \"@git\"]\nproxy = true\npublish = [3000]\n";
    let narrowed = "[network]\ndeny = [\"a.com\", \"@git\"]\nproxy = false\n";
    let network = World::with(USER, user).and(WORKSPACE, narrowed).load().unwrap().network;
    assert!(
        !allowed(&network, "a.com", 443) && !allowed(&network, "github.com", 22) && allowed(&network, "b.com", 443)
    );
    assert!(!network.proxy && network.publish.len() == 1);
    for (text, key) in [
        ("allow = [\"c.com\"]", "network.allow"),
        ("allow = [\"@models\"]", "network.allow"),
        ("publish = [3001]", "network.publish"),
        ("mode = \"host\"", "network.mode"),
    ] {
        let world = World::with(USER, user).and(WORKSPACE, &format!("[network]\n{text}\n"));
        let message = world.load().expect_err(text).to_string();
        assert!(message.contains(key) && message.contains("only narrow"), "{message}");
    }
    let world = World::with(USER, "[network]\nproxy = false\n").and(WORKSPACE, "[network]\nproxy = true\n");
    assert!(world.load().unwrap_err().to_string().contains("network.proxy"));
}

#[test]
fn the_command_line_adds_hosts_and_learn_mode_but_a_workspaces_denial_holds() {
    let mut asked = request();
    asked.flags.network(NetworkMode::Learn);
    asked.flags.host("*.example.com:8443").unwrap();
    asked.flags.deny_host("evil.example").unwrap();
    asked.flags.publish("8080:80").unwrap();
    asked.flags.proxy(true);
    let world = World::with(WORKSPACE, "[network]\ndeny = [\"x.example.com\"]\n");
    let network = load(&asked, &world).unwrap().network;
    assert_eq!((network.mode, network.proxy, network.publish.len()), (NetworkMode::Learn, true, 1));
    assert!(allowed(&network, "anything.net", 99) && allowed(&network, "a.example.com", 8443));
    assert!(!allowed(&network, "evil.example", 443) && !allowed(&network, "x.example.com", 8443));
    let world = World::with(WORKSPACE, "[network]\nmode = \"allowlist\"\n");
    let network = load(&asked, &world).unwrap().network;
    assert!(!allowed(&network, "anything.net", 99), "a workspace may take learning away");
}

#[test]
fn the_modes_are_ordered_from_loose_to_strict() {
    use NetworkMode::{Allowlist, Host, Learn, None};
    assert!(Host < Learn && Learn < Allowlist && Allowlist < None);
}

/// One entry of `network.allow` or `network.deny`, as it may stand in a file.
fn any_entry() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "(\\*\\.)?[a-c]\\.(com|example\\.co\\.uk|b\\.com)",
        "(10|11)\\.[0-3]\\.0\\.[0-3]",
        "10\\.[0-3]\\.0\\.0/16",
        Just("[2001:db8::/32]".to_owned()),
        Just("[2001:db8::7]".to_owned()),
        Just("bücher.example".to_owned()),
    ];
    let port = prop_oneof![Just(""), Just(":80"), Just(":443,8443"), Just(":*")];
    (host, port).prop_map(|(host, port)| format!("\"{host}{port}\""))
}

/// A whole `[network]`, with every kind of entry.
fn any_network() -> impl Strategy<Value = String> {
    let list = |most| proptest::collection::vec(any_entry(), 0..most).prop_map(|all| all.join(", "));
    let odd = prop_oneof![
        Just(""),
        Just(", \"@git\""),
        Just(
            ", { host = \"q.com\", ports = [80], methods = [\"GET\"], paths = [\"/v1/**\"], rate = \"5MiB\", max_bytes = 7, reason = \"r\" }"
        ),
    ];
    let denied = prop_oneof![Just(""), Just(", \"@registries\""), Just(", { host = \"z.com\", reason = \"no\" }")];
    (list(8), odd, list(5), denied, any::<bool>()).prop_map(|(allow, odd, deny, denied, proxy)| {
        let list = |entries: String, more: &str| format!("{entries}{more}").trim_start_matches(", ").to_owned();
        let (allow, deny) = (list(allow, odd), list(deny, denied));
        format!("[network]\nmode = \"allowlist\"\nallow = [{allow}]\ndeny = [{deny}]\nproxy = {proxy}\npublish = [\"8080:80\", 3000]\n")
    })
}

/// A host near those of the entries.
fn any_host() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-c]\\.){1,3}(com|example\\.co\\.uk)\\.?",
        "(10|11)\\.[0-3]\\.0\\.[0-3]",
        "::ffff:10\\.[0-3]\\.0\\.1",
        "2001:db8::[0-9]",
        Just("xn--bcher-kva.example".to_owned()),
        Just("github.com".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn what_is_denied_is_never_allowed(text in any_network(), hosts in proptest::collection::vec(any_host(), 20)) {
        if let Ok(policy) = World::with(USER, &text).load() {
            let network = policy.network;
            for (host, port) in hosts.iter().flat_map(|host| [22, 80, 443, 8443].map(|port| (host, port))) {
                let denied = network.deny.iter().any(|rule| rule.matches(host, port));
                let listed = network.rules.iter().any(|rule| rule.matches(host, port));
                prop_assert_eq!(allowed(&network, host, port), listed && !denied, "{}:{}", host, port);
                prop_assert!(!allowed(&network, host, port) || network.judge_name(host).is_ok(), "{}", host);
                if let Ok(address) = host.parse() {
                    prop_assert!(!(denied && network.names_address(address, port)));
                    prop_assert_eq!(network.denies_address(address, port), denied);
                }
            }
        }
    }

    #[test]
    fn a_network_comes_back_from_json_as_it_went(text in any_network()) {
        if let Ok(policy) = World::with(USER, &text).load() {
            let json = serde_json::to_string(&policy.network).unwrap();
            prop_assert_eq!(serde_json::from_str::<Network>(&json).unwrap(), policy.network);
        }
    }

    #[test]
    fn a_workspace_never_makes_a_host_reachable(
        user in any_network(),
        workspace in any_network(),
        hosts in proptest::collection::vec(any_host(), 20),
    ) {
        let deny = workspace.lines().find(|line| line.starts_with("deny")).unwrap();
        let both = World::with(USER, &user).and(WORKSPACE, &format!("[network]\n{deny}\n"));
        if let (Ok(before), Ok(after)) = (World::with(USER, &user).load(), both.load()) {
            for (host, port) in hosts.iter().flat_map(|host| [22, 80, 443].map(|port| (host, port))) {
                prop_assert!(!allowed(&after.network, host, port) || allowed(&before.network, host, port), "{}", host);
            }
        }
    }
}

#[test]
fn the_properties_above_do_try_files_that_load() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut loads = || World::with(USER, &any_network().new_tree(&mut runner).unwrap().current()).load().is_ok();
    let loaded = (0..200).filter(|_| loads()).count();
    assert!(loaded > 60, "{loaded} of 200");
}

#[test]
fn orders_with_fields_that_nobody_knows_are_refused() {
    let network = with_network("allow = [{ host = \"a.com\", ports = [80], methods = [\"GET\"] }]").network;
    let json: serde_json::Value = serde_json::to_value(&network).unwrap();
    let own = network.rules.len() - 1;
    for part in ["", "/rules/N", "/rules/N/bounds", "/rules/N/requests", "/rules/N/origin"] {
        let mut changed = json.clone();
        let object = changed.pointer_mut(&part.replace('N', &own.to_string())).unwrap().as_object_mut().unwrap();
        object.insert("surprise".to_owned(), true.into());
        assert!(serde_json::from_value::<Network>(changed).is_err(), "{part}");
    }
}
