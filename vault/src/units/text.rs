//! What the units say: the files of `vault/systemd/` with their blanks filled in.

use std::path::PathBuf;

use super::wanted::{Credential, Scope, Wanted};

/// The system's unit.
const SYSTEM: &str = include_str!("../../systemd/lobsterpot-vault.service");

/// A person's unit.
const USER: &str = include_str!("../../systemd/user.service");

/// The gateway's drop-in.
const GATEWAY: &str = include_str!("../../systemd/gateway.conf");

/// The tmpfs that is never swapped.
pub(super) const MOUNT: &str = include_str!("../../systemd/run-lobsterpot.mount");

/// What the credential is called: what `keys` looks for.
pub(super) const CREDENTIAL: &str = "lobsterpot-vault-identity";

/// Fills in blanks, `@NAME@` each.
fn fill(template: &str, blanks: &[(&str, String)]) -> String {
    blanks.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// The unit that opens the vault; none when the system's does it for a person's gateway.
pub(super) fn service(wanted: &Wanted) -> Option<String> {
    let mut blanks = vec![
        ("TARGET", target(&wanted.scope).to_owned()),
        ("CREDENTIAL", credential(wanted)),
        ("UNLOCK", unlock(wanted)),
        ("LOCK", format!("{} lock --to {}", wanted.program.display(), target(&wanted.scope))),
    ];
    let gateway = wanted.gateway.as_str();
    match &wanted.scope {
        Scope::User { is_opened_by_system: true, .. } => None,
        Scope::User { .. } => {
            blanks.push(("BEFORE", gateway.to_owned()));
            Some(fill(USER, &blanks))
        }
        Scope::System { account } => {
            let mount = "Requires=run-lobsterpot.mount\nAfter=run-lobsterpot.mount\n";
            blanks.push(("MOUNT", if wanted.options.has_own_memory { mount.to_owned() } else { String::new() }));
            if let Some(account) = account {
                blanks.push(("BEFORE", format!("{gateway} user@{}.service", account.uid)));
                blanks.push(("ACCOUNT", format!("User={}\n", account.name)));
                let usual = account.home.join(".local/state/lobsterpot");
                let state = wanted.options.state.as_ref().unwrap_or(&usual);
                blanks.push(("STATE", format!("ReadWritePaths={}\n", state.display())));
                blanks.push(("HOME", "read-only".to_owned()));
            } else {
                let options = &wanted.options;
                let is_elsewhere =
                    [&options.vault, &options.identity, &options.state].iter().any(|path| path.is_some());
                let usual = "StateDirectory=lobsterpot\nStateDirectoryMode=0700\n".to_owned();
                let state = |folder: &PathBuf| format!("ReadWritePaths={}\n", folder.display());
                blanks.push(("BEFORE", gateway.to_owned()));
                blanks.push(("ACCOUNT", String::new()));
                blanks.push(("STATE", options.state.as_ref().map_or(usual, state)));
                blanks.push(("HOME", if is_elsewhere { "read-only" } else { "yes" }.to_owned()));
            }
            Some(fill(SYSTEM, &blanks))
        }
    }
}

/// The folder that secrets are opened to, as the unit says it.
pub(super) const fn target(scope: &Scope) -> &'static str {
    match scope {
        Scope::System { .. } | Scope::User { is_opened_by_system: true, .. } => "/run/lobsterpot/secrets",
        Scope::User { .. } => "%t/lobsterpot/secrets",
    }
}

/// The file that the identity is kept in, as the unit says it.
pub(super) fn identity(wanted: &Wanted) -> String {
    if let (Some(file), Credential::Plain) = (&wanted.options.identity, wanted.credential) {
        return file.display().to_string();
    }
    match (&wanted.scope, wanted.credential) {
        (Scope::System { .. }, Credential::Sealed) => format!("/etc/credstore.encrypted/{CREDENTIAL}"),
        (Scope::System { account: None }, Credential::Plain) => "/etc/lobsterpot/vault.key".to_owned(),
        (Scope::System { account: Some(account) }, Credential::Plain) => {
            format!("{}/.config/lobsterpot/vault.key", account.home.display())
        }
        (Scope::User { config, .. }, Credential::Sealed) => {
            format!("{}/credstore.encrypted/{CREDENTIAL}", config.display())
        }
        (Scope::User { config, .. }, Credential::Plain) => format!("{}/lobsterpot/vault.key", config.display()),
    }
}

/// The lines that hand the identity over.
fn credential(wanted: &Wanted) -> String {
    let file = identity(wanted);
    match wanted.credential {
        Credential::Sealed => format!(
            "# Sealed to this machine by systemd-creds(1). Only this unit gets it, in memory that is never swapped.\n\
             LoadCredentialEncrypted={CREDENTIAL}:{file}"
        ),
        Credential::Plain => format!(
            "# The program reads {file} itself, and refuses it when others could have read or changed it. A file that is kept\n\
             # elsewhere is handed over by this line instead; then nobody looks at its mode:\n\
             #LoadCredential={CREDENTIAL}:/path/of/identity"
        ),
    }
}

/// The command that opens the vault.
fn unlock(wanted: &Wanted) -> String {
    let mut words =
        vec![wanted.program.display().to_string(), "unlock".into(), "--to".into(), target(&wanted.scope).into()];
    let options = &wanted.options;
    let identity = options.identity.as_ref().filter(|_| wanted.credential == Credential::Plain);
    for (option, path) in
        [("--vault", options.vault.as_ref()), ("--identity", identity), ("--state", options.state.as_ref())]
    {
        words.extend(path.into_iter().flat_map(|path| [option.to_owned(), path.display().to_string()]));
    }
    if !wanted.options.only.is_empty() {
        let names: Vec<&str> = wanted.options.only.iter().map(crate::name::Name::as_str).collect();
        words.extend(["--only".to_owned(), names.join(",")]);
    }
    if wanted.options.in_environment {
        words.extend(["--env-file".to_owned(), ".env".to_owned()]);
    }
    if wanted.options.may_be_swapped {
        words.push("--allow-swap".to_owned());
    }
    words.join(" ")
}

/// The gateway's drop-in.
pub(super) fn gateway(wanted: &Wanted) -> String {
    let dependency = match &wanted.scope {
        Scope::User { is_opened_by_system: true, .. } => {
            "# The system's lobsterpot-vault.service has opened it before this manager started.\n\
             AssertPathExists=/run/lobsterpot/secrets\n"
        }
        Scope::System { .. } | Scope::User { .. } => {
            "Requires=lobsterpot-vault.service\nAfter=lobsterpot-vault.service\n"
        }
    };
    let shell = wanted.program.with_file_name("lobsterpot-shell");
    let shell = if shell.is_file() {
        format!(
            "# Commands that the gateway starts on the host go through the launcher.\nEnvironment=SHELL={}\n",
            shell.display()
        )
    } else {
        "# `lobsterpot install openclaw` sets SHELL to the launcher.\n".to_owned()
    };
    let blanks = [
        ("GATEWAY", wanted.gateway.as_str().to_owned()),
        ("DEPENDENCY", dependency.to_owned()),
        ("SECRETS", secrets(wanted)),
        ("SHELL", shell),
    ];
    fill(GATEWAY, &blanks)
}

/// How the gateway comes by its secrets.
fn secrets(wanted: &Wanted) -> String {
    let target = target(&wanted.scope);
    if wanted.options.in_environment {
        return format!(
            "# Every secret is in the environment of the gateway and of what it starts. OpenClaw's SecretRef is better: docs/vault.md.\n\
             # Without a minus sign: no file, no gateway.\n\
             EnvironmentFile={target}/.env\n"
        );
    }
    match &wanted.scope {
        Scope::System { account: None } => format!(
            "# Of the opened secrets, the gateway gets those named here, as files of its own below /run/credentials (docs/vault.md):\n\
             #LoadCredential=OPENAI_API_KEY:{target}/OPENAI_API_KEY\n"
        ),
        Scope::System { .. } | Scope::User { .. } => format!(
            "# OpenClaw asks for each secret by SecretRef when it needs it (docs/vault.md), or reads {target}.\n"
        ),
    }
}
