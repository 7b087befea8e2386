//! Where a refusal is told: to the program, in the run's report, in the audit log; and what learn mode learns.

use crate::harness::online::{audit_log, policy, set_policy};
use crate::harness::{Run, Scene, each_online, host, require};

/// Runs a script in the sandbox with web.example.com allowed, as everybody.
#[track_caller]
fn inside(script: &str, flags: &[&str], look: impl Fn(&Scene, &crate::harness::Outcome)) {
    if !require(&["curl"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80,443"]));
        let outcome = scene.sandboxed(&super::trusting(script).flags(flags));
        look(scene, &outcome);
    });
}

#[test]
fn program_that_looks_a_refused_name_up_is_told_that_there_is_none() {
    inside("curl -sS http://evil.example.net/; echo status $?", &[], |_, outcome| {
        assert!(outcome.out().contains("status 6"), "could not resolve: {outcome}");
    });
}

#[test]
fn program_that_connects_to_a_refused_address_is_told_at_once() {
    let script = "begin=$(date +%s%N); curl -sS -m 60 http://45.33.32.156/; echo status $?; curl -sS -m 60 http://45.33.32.156:8080/; echo status $?; \
         end=$(date +%s%N); [ $((end - begin)) -lt 30000000000 ] && echo soon";
    inside(script, &[], |_, outcome| {
        assert!(outcome.out().contains("soon") && !outcome.out().contains("status 0"), "{outcome}");
        assert!(!outcome.out().contains("status 28"), "not a timeout: {outcome}");
    });
}

#[test]
fn program_that_speaks_http_is_told_why_in_a_403() {
    inside(
        "curl -sS -w 'status %{http_code}\\n' -H 'Host: evil.example.net' http://web.example.com/",
        &[],
        |_, outcome| {
            assert!(outcome.out().contains("status 403"), "{outcome}");
            assert!(outcome.out().contains("web.example.com"), "and it says why: {outcome}");
        },
    );
}

#[test]
fn program_that_speaks_tls_is_told_by_an_alert() {
    let script =
        "curl -sS --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/; echo status $?";
    inside(script, &[], |_, outcome| {
        assert!(outcome.out().contains("status 35"), "a TLS alert: {outcome}");
        assert!(outcome.err().contains("unrecognized name"), "by its name: {outcome}");
    });
}

#[test]
fn report_names_what_was_refused_and_the_line_that_would_allow_it() {
    inside("curl -sS https://missing.example.org/ ; curl -sS https://missing.example.org/; true", &[], |_, outcome| {
        let err = outcome.err();
        let line = err.lines().find(|line| line.starts_with("sandbox-exec: ") && line.contains("missing.example.org"));
        assert!(line.is_some_and(|line| line.contains("net.host-not-allowed")), "{outcome}");
        let hint = err.lines().find(|line| line.starts_with("hint: ") && line.contains("allow"));
        assert!(hint.is_some_and(|hint| hint.contains("missing.example.org")), "{outcome}");
    });
}

#[test]
fn line_of_the_report_allows_the_host_when_it_is_put_into_the_policy() {
    if !require(&["curl"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["unrelated.example.org"]));
        let script = super::trusting("curl -sS https://web.example.com/");
        let refused = scene.sandboxed(&script);
        let hint = refused.err().lines().find(|line| line.starts_with("hint: ")).map(str::to_owned).unwrap_or_default();
        let rule = hint.split('"').nth(1).unwrap_or_default().to_owned();
        assert!(rule.starts_with("web.example.com"), "a rule in quotes: {refused}");
        set_policy(scene, &policy(&[&rule]));
        assert!(scene.sandboxed(&script).ok().contains("hello from web.example.com"), "{rule}");
    });
}

#[test]
fn nothing_is_reported_of_what_was_allowed() {
    inside("curl -sS https://web.example.com/", &[], |scene, outcome| {
        assert!(outcome.ok().contains("hello"), "{outcome}");
        assert!(!outcome.err().contains("sandbox-exec: "), "{outcome}");
        assert_eq!(audit_log(scene), "", "{outcome}");
    });
}

#[test]
fn audit_log_shows_refusals_and_that_nobody_changed_it() {
    inside("curl -sS https://first.example.org/; curl -sS http://45.33.32.156/; true", &[], |scene, _| {
        let lobsterpot = scene.binary("lobsterpot").into_os_string();
        let shown = scene.bare(&Run::new(&[lobsterpot.clone(), "log".into()])).ok();
        assert!(shown.contains("first.example.org") && shown.contains("45.33.32.156"), "{shown}");
        scene.bare(&Run::new(&[lobsterpot.clone(), "log".into(), "--verify".into()])).ok();
        let changed = "for file in $(find ~/.local/state/lobsterpot -type f); do sed -i s/first.example.org/other.example.org/ $file; done";
        scene.bare(&Run::shell(changed)).ok();
        let verified = scene.bare(&Run::new(&[lobsterpot, "log".into(), "--verify".into()]));
        assert_ne!(verified.status, 0, "a changed record is found: {verified}");
    });
}

#[test]
fn audit_log_cannot_be_read_or_changed_from_inside() {
    inside("curl -sS https://first.example.org/; true", &[], |scene, _| {
        let before = audit_log(scene);
        assert!(before.contains("first.example.org"), "{before}");
        let outcome = scene.sandboxed(&Run::shell(
            "find ~/.local/state -type f 2>/dev/null | xargs cat; mkdir -p ~/.local/state/lobsterpot; echo x >>~/.local/state/lobsterpot/audit.jsonl; rm -rf ~/.local/state; true",
        ));
        assert!(!outcome.out().contains("first.example.org"), "{outcome}");
        assert_eq!(audit_log(scene), before, "{outcome}");
    });
}

#[test]
fn learn_mode_allows_what_is_asked_and_prints_the_rules_for_it() {
    let script = "curl -sS https://four.example.com/ && curl -sS http://web.example.com:8080/ && psql 'host=db.example.com user=pat dbname=pat' -Atc 'select 1'";
    if !require(&["psql"]) {
        return;
    }
    inside(script, &["--net", "learn"], |scene, outcome| {
        assert!(outcome.ok().contains("hello from postgres"), "{outcome}");
        let err = outcome.err();
        let rules: Vec<&str> = err.split('"').skip(1).step_by(2).collect();
        for rule in ["four.example.com", "web.example.com:8080", "db.example.com:5432"] {
            assert!(rules.iter().any(|found| found.starts_with(rule)), "{rule}: {outcome}");
        }
        set_policy(scene, &policy(&rules));
        assert!(scene.sandboxed(&super::trusting(script)).ok().contains("hello from postgres"), "{rules:?}");
    });
}

#[test]
fn learn_mode_does_not_lead_to_special_addresses() {
    let script = "curl -sS -m 8 http://10.7.7.7/; curl -sS -m 8 http://169.254.169.254/; curl -sS -m 8 http://ten.example.com/; ~/.local/bin/attack say 192.168.77.2:4444 x; true";
    inside(script, &["--net", "learn"], |scene, outcome| {
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
    });
}

#[test]
fn allowed_name_that_nobody_knows_is_told_and_recorded() {
    if !require(&["curl"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["absent.example.com:443"]));
        let outcome = scene.sandboxed(&super::trusting("curl -sS https://absent.example.com/; true"));
        let err = outcome.err();
        let told = "absent.example.com:443 could not be resolved (net.unresolved)";
        assert!(err.contains(told) && err.contains("\nhint: ") && !err.contains("refused absent"), "{outcome}");
        let log = audit_log(scene);
        assert!(log.contains("\"kind\":\"failed\"") && log.contains("net.unresolved"), "{log}");
    });
}
