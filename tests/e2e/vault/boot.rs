//! The units, run for real: by a systemd that is process 1 of a machine of the suite's own.

use super::machine::{self, Machine};

/// The value of every secret; unlike anything else on the machine.
const VALUE: &str = "boot-canary-5c1f";

/// A gateway that notes what it was given.
const GATEWAY: &str = r#"
gateway() {
    mkdir -p "$1"
    cat >"$1/openclaw-gateway.service" <<UNIT
[Service]
Type=oneshot
RemainAfterExit=yes
UMask=0022
ExecStart=/bin/sh -c 'env >$2/seen; cp -r "\$\$CREDENTIALS_DIRECTORY" $2/given || true'
$3
[Install]
WantedBy=$4
UNIT
}
install -d -m 0777 /run/gateway
"#;

/// Root's vault, its identity sealed to the machine, and a gateway of the system that is started at boot.
fn root(options: &str, then: &str) -> String {
    format!(
        "{GATEWAY}
        lobsterpot-vault init
        printf %s {VALUE} | lobsterpot-vault set API_KEY
        install -d -m 0700 /etc/credstore.encrypted
        systemd-creds encrypt --with-key=host --name=lobsterpot-vault-identity \\
            /etc/lobsterpot/vault.key /etc/credstore.encrypted/lobsterpot-vault-identity
        rm /etc/lobsterpot/vault.key
        gateway /etc/systemd/system /run/gateway User=pat multi-user.target
        lobsterpot-vault install-units {options}
        {then}
        systemctl enable lobsterpot-vault.service openclaw-gateway.service"
    )
}

/// Pat's vault and Pat's gateway, with these options for the units.
fn pat(options: &str) -> String {
    format!(
        "{GATEWAY}
        as-pat lobsterpot-vault init
        printf %s {VALUE} | as-pat lobsterpot-vault set API_KEY
        as-pat lobsterpot-vault install-units --user {options}
        gateway /home/pat/.config/systemd/user /run/gateway '' default.target
        as-pat systemctl --user enable openclaw-gateway.service"
    )
}

/// Asserts that the vault did not open for the reason of this status, that the gateway has not run, and that nothing was opened.
#[track_caller]
fn must_be_closed(machine: &Machine, status: &str) {
    assert_eq!(machine.state("lobsterpot-vault.service"), "failed");
    assert_eq!(
        machine.run("systemctl show -P ExecMainStatus lobsterpot-vault.service"),
        status,
        "{}",
        machine.ending()
    );
    assert_eq!(machine.state("openclaw-gateway.service"), "inactive");
    machine.run("test ! -e /run/gateway/seen && test ! -e /run/lobsterpot");
}

/// systemd's own status for credentials that it could not hand over (systemd.exec(5)).
const NO_CREDENTIAL: &str = "243";

#[test]
fn work_sealed_vault_is_open_after_boot_and_closed_after_stop() {
    if !machine::is_possible() {
        return;
    }
    let machine = Machine::start(&root("--environment --allow-swap", ""));
    assert_eq!(machine.state("lobsterpot-vault.service"), "active", "{}", machine.ending());
    assert_eq!(machine.state("openclaw-gateway.service"), "active", "{}", machine.ending());
    assert_eq!(machine.run("cat /run/lobsterpot/secrets/API_KEY"), VALUE);
    assert_eq!(machine.run("stat -c %a:%u /run/lobsterpot /run/lobsterpot/secrets"), "700:0\n700:0");
    assert_eq!(machine.run("stat -f -c %T /run/lobsterpot/secrets"), "tmpfs");
    assert_eq!(machine.run("stat -c %a /run/lobsterpot/secrets/API_KEY"), "600");
    assert_eq!(machine.run("grep API_KEY /run/gateway/seen"), format!("API_KEY={VALUE}"));
    // Neither the identity nor another variable of the unit came through.
    assert!(machine.fails("grep -r -e AGE-SECRET -e CREDENTIALS /run/gateway/seen"));
    machine.run("systemctl stop lobsterpot-vault.service");
    assert_eq!(machine.state("openclaw-gateway.service"), "inactive");
    machine.run("test ! -e /run/lobsterpot");
    // Root changes a secret with the sealed identity; and nothing of the first time is in the way.
    let sealed = "--name=lobsterpot-vault-identity /etc/credstore.encrypted/lobsterpot-vault-identity";
    machine.run(&format!("umask 077; systemd-creds decrypt {sealed} /run/identity"));
    machine.run("printf %s another | lobsterpot-vault --identity /run/identity set ANOTHER; rm /run/identity");
    machine.run("systemctl start openclaw-gateway.service && test -e /run/lobsterpot/secrets/API_KEY");
    assert_eq!(machine.run("cat /run/lobsterpot/secrets/ANOTHER"), "another");
}

#[test]
fn gateway_does_not_start_without_the_sealed_identity() {
    if !machine::is_possible() {
        return;
    }
    let machine = Machine::start(&root("--environment --allow-swap", "rm /etc/credstore.encrypted/*"));
    must_be_closed(&machine, NO_CREDENTIAL);
}

#[test]
fn gateway_does_not_start_with_an_identity_sealed_on_another_machine() {
    if !machine::is_possible() {
        return;
    }
    let other = "rm /var/lib/systemd/credential.secret; systemd-creds setup";
    must_be_closed(&Machine::start(&root("--environment --allow-swap", other)), NO_CREDENTIAL);
}

#[test]
fn gateway_does_not_start_with_an_identity_that_opens_another_vault() {
    if !machine::is_possible() {
        return;
    }
    let other =
        "rm /etc/lobsterpot/vault.age; rm -r /var/lib/lobsterpot; lobsterpot-vault init; rm /etc/lobsterpot/vault.key";
    must_be_closed(&Machine::start(&root("--environment --allow-swap", other)), "77");
}

#[test]
fn gateway_does_not_start_with_a_vault_that_was_tampered_with() {
    if !machine::is_possible() {
        return;
    }
    let tamper = "truncate -s -1 /etc/lobsterpot/vault.age";
    must_be_closed(&Machine::start(&root("--environment --allow-swap", tamper)), "65");
}

#[test]
fn work_gateway_of_another_account_gets_the_secrets_that_are_named() {
    if !machine::is_possible() {
        return;
    }
    let drop_in = "/etc/systemd/system/openclaw-gateway.service.d";
    let named =
        format!("printf '[Service]\\nLoadCredential=API_KEY:/run/lobsterpot/secrets/API_KEY\\n' >{drop_in}/named.conf");
    let machine = Machine::start(&root("--allow-swap", &named));
    assert_eq!(machine.state("openclaw-gateway.service"), "active", "{}", machine.ending());
    assert_eq!(machine.run("ls /run/gateway/given; cat /run/gateway/given/API_KEY"), format!("API_KEY\n{VALUE}"));
    assert!(machine.fails("grep API_KEY /run/gateway/seen"), "it is not in the environment");
    assert!(machine.fails("as-pat cat /run/lobsterpot/secrets/API_KEY"), "the folder is root's");
}

#[test]
fn work_memory_of_its_own_is_never_swapped() {
    if !machine::is_possible() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o noswap tmpfs \"$1\"";
    let command = ["--mount", "sh", "-c", script, "sh"];
    let probe = std::process::Command::new("unshare").args(command).arg(folder.path()).output().expect("unshare");
    if !probe.status.success() {
        return crate::harness::skip("this kernel has no tmpfs without swap (Linux 6.4)");
    }
    let machine = Machine::start(&root("--environment --own-tmpfs", ""));
    assert_eq!(machine.state("openclaw-gateway.service"), "active", "{}", machine.ending());
    assert!(machine.run("grep ' /run/lobsterpot ' /proc/self/mounts").contains("noswap"));
    assert_eq!(machine.run("cat /run/lobsterpot/secrets/API_KEY"), VALUE);
    machine.run("systemctl stop lobsterpot-vault.service && test ! -e /run/lobsterpot/secrets");
}

#[test]
fn work_vault_of_a_person_is_opened_by_their_own_manager() {
    if !machine::is_possible() {
        return;
    }
    let machine = Machine::start(&pat("--environment --allow-swap"));
    machine.run("systemctl start user@61234.service");
    machine.run("as-pat systemctl --user start default.target");
    assert_eq!(machine.state_of_pats("lobsterpot-vault.service"), "active");
    assert_eq!(machine.state_of_pats("openclaw-gateway.service"), "active");
    assert_eq!(machine.run("as-pat cat /run/user-pat/lobsterpot/secrets/API_KEY"), VALUE);
    assert_eq!(machine.run("grep API_KEY /run/gateway/seen"), format!("API_KEY={VALUE}"));
    machine.run("as-pat systemctl --user stop lobsterpot-vault.service");
    machine.run("test ! -e /run/user-pat/lobsterpot");
    assert_eq!(machine.state_of_pats("openclaw-gateway.service"), "inactive");
    // An identity that others can read opens nothing.
    machine.run("rm /run/gateway/seen; chmod 0644 /home/pat/.config/lobsterpot/vault.key");
    assert!(machine.fails("as-pat systemctl --user start openclaw-gateway.service"));
    assert_eq!(machine.run("as-pat systemctl --user show -P ExecMainStatus lobsterpot-vault.service"), "77");
    machine.run("test ! -e /run/gateway/seen && test ! -e /run/user-pat/lobsterpot");
}

#[test]
fn work_vault_of_a_person_is_opened_by_the_system_with_a_sealed_identity() {
    if !machine::is_possible() {
        return;
    }
    let seal = "install -d -m 0700 /etc/credstore.encrypted
        systemd-creds encrypt --with-key=host --name=lobsterpot-vault-identity \\
            /home/pat/.config/lobsterpot/vault.key /etc/credstore.encrypted/lobsterpot-vault-identity
        rm /home/pat/.config/lobsterpot/vault.key
        lobsterpot-vault install-units --account pat --allow-swap --environment
        rm -r /etc/systemd/system/openclaw-gateway.service.d
        systemctl enable lobsterpot-vault.service";
    let machine = Machine::start(&format!("{}\n{seal}", pat("--opened-by-system --environment")));
    assert_eq!(machine.state("lobsterpot-vault.service"), "active", "{}", machine.ending());
    machine.run("systemctl start user@61234.service");
    machine.run("as-pat systemctl --user start openclaw-gateway.service");
    assert_eq!(machine.run("grep API_KEY /run/gateway/seen"), format!("API_KEY={VALUE}"));
    assert_eq!(machine.run("stat -c %U:%a /run/lobsterpot/secrets/API_KEY"), "pat:600");
    assert!(machine.fails("grep -r AGE-SECRET /home/pat /run/user-pat /run/lobsterpot"), "Pat has no identity");
    // Closed again, the gateway does not start.
    machine.run("as-pat systemctl --user stop openclaw-gateway.service; systemctl stop lobsterpot-vault.service; rm /run/gateway/seen");
    assert!(machine.fails("as-pat systemctl --user start openclaw-gateway.service"));
    machine.run("test ! -e /run/gateway/seen");
}
