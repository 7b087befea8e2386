//! `render`: puts secrets into a template.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::unlock;
use crate::deliver::file;
use crate::deliver::folder::{Folder, Missing, Swap};
use crate::deliver::{choose, target, template};
use crate::document::Consumer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("render")
        .about("Puts secrets into a template")
        .long_about(
            "Puts secrets whose consumers include `render` into a template, and writes it to standard output, or to a file on a tmpfs. \
             In the template, {{NAME}} stands for a value and {{NAME|FILTER}} for one written as json, url, base64 or shell want it; \
             {{{{ stands for two braces. There is no code in templates.",
        )
        .arg(
            Arg::new("template")
                .value_name("TEMPLATE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The template; - for standard input"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Write to this file, for the caller alone, in the place of one that is there"),
        )
        .arg(
            Arg::new("reveal")
                .long("reveal")
                .action(ArgAction::SetTrue)
                .conflicts_with("output")
                .help("Write to a terminal, too, where people and its history see it"),
        )
        .arg(
            Arg::new("allow-disk")
                .long("allow-disk")
                .action(ArgAction::SetTrue)
                .requires("output")
                .help("Accept a file that is not on a tmpfs: the secrets stay on that disk"),
        )
        .arg(unlock::allow_swap())
}

/// Carries it out.
///
/// # Errors
/// When the template is not valid or names a secret that is not to be had, a terminal would show it, or the file would be on a disk.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let output = matches.get_one::<PathBuf>("output");
    if output.is_none() && session.is_terminal() && !matches.get_flag("reveal") {
        let hint = "pass it on with a pipe, write it to a tmpfs with --output, or give --reveal to see it";
        return Err(Failure::new(Exit::Denied, "a terminal would show the values", hint));
    }
    let text = matches.get_one::<PathBuf>("template").map_or_else(|| Ok(Vec::new()), |path| read(path))?;
    let vault = session.open()?;
    let now = session.now();
    let value = |name: &_| choose::one(&vault.document, name, &Consumer::Render, now).map(|entry| &entry.value);
    let rendered = template::render(&text, value)?;
    match output {
        Some(path) => write(&unlock::absolute(path.clone())?, rendered.as_bytes(), matches)?,
        None => session.write(rendered.as_bytes())?,
    }
    Ok(Exit::Done)
}

/// Reads a template.
///
/// # Errors
/// When it is not there, no file, or too large.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |exit, what: &str| {
        Failure::new(exit, format!("failed to read the template {}: {what}", path.display()), "name a text file, or -")
    };
    let mut bytes = Vec::new();
    let mut take = |from: &mut dyn Read| from.take(template::LARGEST + 1).read_to_end(&mut bytes);
    let read = if path == Path::new("-") {
        take(&mut io::stdin().lock())
    } else {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = open(path, flags, Mode::empty()).map(File::from).map_err(|source| {
            let (exit, what) = if source == Errno::ENOENT {
                (Exit::NotFound, "it is not there")
            } else if source == Errno::ELOOP {
                (Exit::Denied, "it is a symlink")
            } else {
                (Exit::Io, source.desc())
            };
            failed(exit, what)
        })?;
        let kind = fstat(&file).map(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT);
        if kind != Ok(SFlag::S_IFREG) {
            return Err(failed(Exit::Data, "it is not a regular file"));
        }
        take(&mut &file)
    };
    read.map_err(|error| failed(Exit::Io, file::errno(&error).desc()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > template::LARGEST {
        return Err(failed(Exit::Data, "it is larger than 16 MiB"));
    }
    Ok(bytes)
}

/// Writes what was rendered to a file, at once.
///
/// # Errors
/// When its folder is not safe or not on a tmpfs, or the kernel refuses.
fn write(path: &Path, bytes: &[u8], matches: &ArgMatches) -> Result<(), Failure> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(Failure::new(Exit::Usage, "--output names no file", "write the path of a file"));
    };
    let folder = Folder::reach(folder, Missing::Refuse, Swap::Accept)?;
    if !matches.get_flag("allow-disk") {
        folder.refuse_disk(unlock::swap_of(matches))?;
    }
    file::replace(&folder, name, bytes).map_err(|error: target::TargetError| error.into())
}
