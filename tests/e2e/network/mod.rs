//! Honest work on the network, in the suite's own internet (`tests/world`): real clients, unmodified, with no word about a
//! proxy. Each works bare, then in the sandbox with a policy that names its hosts, and is refused by a policy that does not.

mod clients;
mod internet;
mod local;
mod names;
mod packages;
mod reports;
mod streams;

use crate::harness::online::{policy, set_policy};
use crate::harness::{Identity, Outcome, Run, Scene, host, require};

/// Where clients are told which certificate authority to believe; they all have their own ways.
const TRUST: &str = "for name in SSL_CERT_FILE CURL_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS PIP_CERT CARGO_HTTP_CAINFO \
     npm_config_cafile REQUESTS_CA_BUNDLE; do export $name=\"$PWD/ca.pem\"; done; \
     echo \"ca_certificate=$PWD/ca.pem\" >wgetrc; export WGETRC=\"$PWD/wgetrc\"\n";

/// Makes it the policy of the scene's user to allow these hosts.
pub(crate) fn allow(scene: &Scene, hosts: &[&str]) {
    set_policy(scene, &policy(hosts));
}

/// A script in which every client believes the internet's certificate authority.
pub(crate) fn trusting(script: &str) -> Run {
    Run::shell(&format!("{TRUST}{script}"))
}

/// A client's work.
struct Client {
    /// Programs that it needs.
    tools: &'static [&'static str],
    /// The hosts that a policy has to name.
    hosts: &'static [&'static str],
    /// What it does.
    script: String,
    /// What it prints when it has worked, and never otherwise.
    shows: &'static str,
}

impl Client {
    /// Whether it has worked.
    fn worked(&self, outcome: &Outcome) -> bool {
        outcome.status == 0 && outcome.out().contains(self.shows)
    }

    /// Asserts that it works bare and with its hosts named, and not without.
    #[track_caller]
    fn works(&self) {
        self.works_with(|_| {});
    }

    /// The same, after preparing the scene.
    #[track_caller]
    fn works_with(&self, prepare: impl Fn(&Scene)) {
        self.works_for(&Identity::all(), prepare);
    }

    /// The same for these users.
    #[track_caller]
    fn works_for(&self, identities: &[Identity], prepare: impl Fn(&Scene)) {
        if require(self.tools) {
            identities.iter().for_each(|identity| self.works_as(*identity, &prepare));
        }
    }

    /// The same for one user.
    #[track_caller]
    fn works_as(&self, identity: Identity, prepare: &impl Fn(&Scene)) {
        let name = identity.name();
        let fresh = || Scene::online(identity).inspect(|scene| prepare(scene));
        let Some(scene) = fresh() else { return };
        let outcome = scene.bare(&trusting(&self.script));
        assert!(self.worked(&outcome), "must work bare as {name}, or it shows nothing: {outcome}");
        drop(scene);
        if host::only_bare() {
            return;
        }
        let Some(scene) = fresh() else { return };
        allow(&scene, self.hosts);
        let outcome = scene.sandboxed(&trusting(&self.script));
        assert!(self.worked(&outcome), "in the sandbox as {name}: {outcome}");
        drop(scene);
        let Some(scene) = fresh() else { return };
        allow(&scene, &["unrelated.example.org"]);
        let outcome = scene.sandboxed(&trusting(&self.script));
        assert!(!outcome.out().contains(self.shows), "a host that no rule names, as {name}: {outcome}");
        assert!(outcome.err().contains("sandbox-exec: "), "and nothing says so, as {name}: {outcome}");
    }
}
