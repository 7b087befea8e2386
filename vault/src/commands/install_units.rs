//! `install-units`: writes the systemd units that open the vault before the gateway starts.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use nix::unistd::geteuid;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::session::Session;
use crate::units::{self, Account, Credential, Found, Gateway, Options, Scope, UnitFile, Wanted};

/// Its options.
pub(crate) fn command() -> Command {
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("install-units")
        .about("Writes the systemd units that open the vault before the gateway starts")
        .arg(switch("user", "For your own manager (`systemctl --user`) instead of the system's"))
        .arg(text("account", "NAME", "The system opens this account's vault, as that account").conflicts_with("user"))
        .arg(switch("opened-by-system", "With --user: the system's unit opens the vault").requires("user"))
        .arg(text("gateway", "UNIT", "The unit that needs the secrets").default_value("openclaw-gateway.service"))
        .arg(
            text("credential", "KIND", "How the identity is kept: sealed by systemd-creds, or a plain file [default: sealed; plain with --user]")
                .value_parser(["sealed", "plain"]),
        )
        .arg(text("only", "A,B", "Open these secrets alone").value_delimiter(',').value_parser(Name::parse))
        .arg(switch("environment", "Put the secrets into the gateway's environment, for old setups"))
        .arg(switch("own-tmpfs", "Mount a tmpfs that is never swapped (Linux 6.4)"))
        .arg(switch("allow-swap", "Open to a tmpfs although the host swaps to a disk"))
        .arg(
            text("root", "DIR", "Write below this folder, as for an image; the program itself is not checked then")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(switch("dry-run", "Print what would be written, and write nothing"))
        .arg(switch("replace", "Write over, or remove, files that somebody changed"))
        .arg(switch("remove", "Remove what was written").conflicts_with("dry-run"))
}

/// Carries it out.
///
/// # Errors
/// When the units cannot be what the options say, or a file was changed by somebody.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let root = matches.get_one::<PathBuf>("root").map_or(Path::new("/"), PathBuf::as_path);
    let wanted = wanted(matches, session, root)?;
    if matches.get_flag("remove") {
        return remove(matches, session, &wanted.every_place(root));
    }
    if !matches.contains_id("root") {
        wanted.check_program()?;
    }
    let files = wanted.files(root);
    if matches.get_flag("dry-run") {
        let shown = files.iter().map(|file| format!("==> {}\n{}\n", file.path().display(), file.text()));
        session.write(shown.collect::<String>().as_bytes())?;
        return Ok(Exit::Done);
    }
    let report = write(&files, matches.get_flag("replace"))?;
    session.write(format!("{report}Next:\n{}", indented(&wanted.next_steps())).as_bytes())?;
    Ok(Exit::Done)
}

/// What the options ask for.
///
/// # Errors
/// When they contradict each other.
fn wanted(matches: &ArgMatches, session: &Session, root: &Path) -> Result<Wanted, Failure> {
    let scope = scope(matches, session, root)?;
    let is_user = matches!(scope, Scope::User { .. });
    let credential = match matches.get_one::<String>("credential").map(String::as_str) {
        Some("plain") => Credential::Plain,
        Some(_) => Credential::Sealed,
        None if is_user => Credential::Plain,
        None => Credential::Sealed,
    };
    let options = Options {
        vault: matches.get_one::<PathBuf>("vault").cloned(),
        identity: matches.get_one::<PathBuf>("identity").cloned(),
        state: matches.get_one::<PathBuf>("state").cloned(),
        only: matches.get_many::<Name>("only").map(|names| names.cloned().collect()).unwrap_or_default(),
        in_environment: matches.get_flag("environment"),
        may_be_swapped: matches.get_flag("allow-swap"),
        has_own_memory: matches.get_flag("own-tmpfs"),
    };
    let gateway =
        matches.get_one::<String>("gateway").map_or_else(|| Ok(Gateway::default()), |text| Gateway::parse(text))?;
    let program = std::env::current_exe().map_err(|error| {
        let reason = format!("failed to find this program's own file: {error}");
        Failure::new(Exit::Io, reason, "mount /proc, which says where it is")
    })?;
    Ok(Wanted::new(scope, gateway, program, credential, options)?)
}

/// Whose manager it is for.
///
/// # Errors
/// When root asks for a person's, or the account is not known.
fn scope(matches: &ArgMatches, session: &Session, root: &Path) -> Result<Scope, Failure> {
    if !matches.get_flag("user") {
        let account = matches.get_one::<String>("account").map(|name| Account::find(name, root)).transpose()?;
        return Ok(Scope::System { account });
    }
    if geteuid().is_root() {
        let reason = "root has the system's units, not a person's";
        return Err(Failure::new(Exit::Usage, reason, "run it as whom the gateway runs as, or leave --user out"));
    }
    // The vault is in the folder of configuration, one below.
    let vault = &session.places()?.vault;
    let config = vault.ancestors().nth(2).unwrap_or(Path::new("/")).to_path_buf();
    Ok(Scope::User { config, is_opened_by_system: matches.get_flag("opened-by-system") })
}

/// Writes the files, none when one of them was changed by somebody. Says what was done.
///
/// # Errors
/// Then, or when the operating system refuses.
fn write(files: &[UnitFile], by_force: bool) -> Result<String, Failure> {
    let mut report = String::new();
    let found = files.iter().map(|file| Ok((file, file.look()?))).collect::<Result<Vec<_>, units::UnitsError>>()?;
    if let Some((file, _)) = found.iter().find(|(_, found)| *found == Found::Changed && !by_force) {
        return Err(units::UnitsError::Changed { path: file.path().to_path_buf() }.into());
    }
    for (file, found) in found {
        let done = match found {
            Found::Same => "as before",
            Found::Nothing => "written",
            Found::Ours | Found::Changed => "replaced",
        };
        if found != Found::Same {
            file.write()?;
        }
        report.push_str(&format!("{done}: {}\n", file.path().display()));
    }
    Ok(report)
}

/// Removes the files.
///
/// # Errors
/// When one was changed by somebody, or the operating system refuses.
fn remove(matches: &ArgMatches, session: &Session, places: &[PathBuf]) -> Result<Exit, Failure> {
    let by_force = matches.get_flag("replace");
    // All of them, or none.
    for path in places {
        units::is_removable(path, by_force)?;
    }
    let mut report = String::new();
    for path in places {
        if units::remove(path, by_force)? {
            report.push_str(&format!("removed: {}\n", path.display()));
        }
    }
    let user = if matches.get_flag("user") { " --user" } else { "" };
    let next = format!("systemctl{user} daemon-reload\n");
    let text = if report.is_empty() {
        "nothing to remove\n".to_owned()
    } else {
        format!("{report}Next:\n{}", indented(&next))
    };
    session.write(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Lines to copy, set off from what is around them.
fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}
