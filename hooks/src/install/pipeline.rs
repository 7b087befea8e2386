//! The two runs from beginning to end.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::install::agent::{Agent, Scope};
use crate::install::clients::{self, Context, Piece, Values};
use crate::install::document::Document;
use crate::install::edit::{self, Edit};
use crate::install::error::InstallError;
use crate::install::file::{self, Found, digest};
use crate::install::json::Dialect;
use crate::install::person::Person;
use crate::install::programs::{LAUNCHER, Programs};
use crate::install::record::{Record, Written, remove_empty};
use crate::install::report::{FileReport, Outcome, Report, difference};
use crate::install::trust::Workspaces;
use crate::install::wishes::{Choices, Wishes};
use crate::install::{links, prefix, presence, verify, version};

/// The mode of folders that are made in a home folder.
const PRIVATE: u32 = 0o700;

/// The mode of folders that are made for everybody.
const PUBLIC: u32 = 0o755;

/// How long one run waits for another.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether files are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Run {
    /// They are.
    #[default]
    Apply,
    /// They are not; everything else happens.
    Dry,
}

/// What is asked of the installer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The client.
    pub agent: Agent,
    /// Whose sessions.
    pub scope: Scope,
    /// Where the programs lie; `None` for the folder of the running one.
    pub programs: Option<PathBuf>,
    /// The home folder to work in; `None` for the caller's.
    pub home: Option<PathBuf>,
    /// What stands before the paths of the whole host; `None` for nothing.
    pub root: Option<PathBuf>,
    /// The choices.
    pub choices: Choices,
    /// Whether files are written.
    pub run: Run,
}

/// Installs.
///
/// # Errors
/// When anything is not as it must be; then nothing has been changed.
pub fn install(request: &Request) -> Result<Report, InstallError> {
    let mut stage = Stage::set(request)?;
    let record = Record::load(request.agent, request.scope, &stage.person, &stage.workspaces)?;
    let (wishes, kept) = request.choices.after(record.as_ref());
    if let Some(folder) = &wishes.workspace {
        stage.workspaces.name(folder)?;
    }
    let needed = clients::needed(request.agent);
    let programs = Programs::find(request.programs.as_deref(), &needed, &stage.person, &stage.workspaces)?;
    let is_there = record.as_ref().is_some_and(|record| !record.links.is_empty());
    let scope = request.scope;
    let prefixed = prefix::is_wanted(request.agent, wishes.shell_prefix, scope, &stage.person, is_there);
    let context = Context { person: &stage.person, scope, programs: &programs, wishes: &wishes, prefixed };
    let (edits, values) = stage.plan(&clients::pieces(request.agent, &context)?, &context, record.as_ref())?;
    let (checks, mut warnings) = tried(request, &context, &edits, &values)?;
    warnings.splice(0..0, kept);
    let mut new = Record::new(request.agent, &context);
    new.files = edits.iter().filter_map(|edit| edit.written.clone()).collect();
    new.folders = record.as_ref().map(|record| record.folders.clone()).unwrap_or_default();
    new.links = clients::links(request.agent, &context);
    let is_same = record.as_ref().is_some_and(|record| (&record.files, &record.links) == (&new.files, &new.links));
    let links = new.links.clone();
    let files = stage.commit(request, &edits, &links, (!is_same).then_some(new))?;
    Ok(Report { outcome: outcome(request, &files), files, checks, warnings })
}

/// Takes back what was installed.
///
/// # Errors
/// When anything is not as it must be; then nothing has been changed.
pub fn uninstall(request: &Request) -> Result<Report, InstallError> {
    let stage = Stage::set(request)?;
    let record = Record::load(request.agent, request.scope, &stage.person, &stage.workspaces)?;
    let programs =
        Programs::assumed(request.programs.as_deref(), record.as_ref().map(|record| record.programs.as_path()))?;
    let (scope, wishes) = (request.scope, Wishes::default());
    let context = Context { person: &stage.person, scope, programs: &programs, wishes: &wishes, prefixed: false };
    let edits = stage.unplan(&clients::pieces(request.agent, &context)?, &context, record.as_ref())?;
    let files = stage.commit(request, &edits, &[], None)?;
    if request.run == Run::Apply
        && let Some(record) = record
    {
        let path = Record::path(request.agent, request.scope, &stage.person);
        links::remove(&record.links)?;
        file::read(&path, &stage.person, &stage.workspaces)?.delete()?;
        remove_empty(&record.folders);
    }
    let warnings = presence::remaining(request.agent, &context, &stage.workspaces).into_iter().collect();
    Ok(Report { outcome: outcome(request, &files), files, checks: Vec::new(), warnings })
}

/// Tries the hooks that the new configuration starts, and collects what a person should know.
///
/// # Errors
/// When they do not protect.
fn tried(
    request: &Request,
    context: &Context<'_>,
    edits: &[Edit],
    values: &[Value],
) -> Result<(Vec<String>, Vec<String>), InstallError> {
    for (edit, value) in edits.iter().zip(values) {
        clients::acceptable(request.agent, value)
            .map_err(|problem| InstallError::Parse { path: edit.found.path.clone(), problem })?;
    }
    let starts = clients::starts(request.agent, context, values)?;
    let mut checks = verify::hooks(request.agent, &starts, context.wishes.workspace.as_deref(), context.person)?;
    if context.prefixed {
        checks.extend(prefix::try_out(&starts, Path::new(&context.programs.path(LAUNCHER)), context.person)?);
    }
    let installed = version::find(request.agent);
    checks.extend(clients::try_more(request.agent, context, installed.as_ref(), edits)?);
    let mut warnings: Vec<String> = clients::warnings(request.agent, context, values);
    warnings.extend(clients::elsewhere(request.agent, context.person, request.home.as_ref()));
    match installed {
        Some(installed) => warnings.extend(clients::outdated(request.agent, &installed)),
        None => {
            warnings.push(format!("{} is not in the PATH, so its own program was not asked", request.agent.program()))
        }
    }
    Ok((checks, warnings))
}

/// What a file's text means.
///
/// # Errors
/// When it cannot be understood.
fn meaning(found: &Found, text: Option<&str>, dialect: Dialect) -> Result<Value, InstallError> {
    Document::parse(text.unwrap_or_default(), dialect)
        .and_then(|document| document.value())
        .map_err(|problem| InstallError::Parse { path: found.path.clone(), problem })
}

/// How a run ended.
fn outcome(request: &Request, files: &[FileReport]) -> Outcome {
    match (files.is_empty(), request.run) {
        (true, _) => Outcome::Unchanged,
        (false, Run::Dry) => Outcome::Planned,
        (false, Run::Apply) => Outcome::Changed,
    }
}

/// Where a run takes place, with the lock that keeps others out.
struct Stage {
    /// For whom.
    person: Person,
    /// Where agents write.
    workspaces: Workspaces,
    /// The lock; none in a dry run, which writes nothing.
    _lock: Option<File>,
}

impl Stage {
    /// Finds out who calls, and keeps other runs out.
    ///
    /// # Errors
    /// When the caller is unknown, may not, or is not alone.
    fn set(request: &Request) -> Result<Self, InstallError> {
        let person = Person::caller(request.home.as_deref(), request.root.as_deref())?;
        if request.scope == Scope::Managed && !person.is_root() && request.root.is_none() {
            let (agent, scope) = (request.agent.name(), request.scope.name());
            return Err(InstallError::Scope { agent, scope, problem: "only root may change what holds for everybody" });
        }
        let mut workspaces = Workspaces::of(&person)?;
        if let Some(folder) = request.choices.workspace.made() {
            workspaces.name(folder)?;
        }
        let folder = match request.scope {
            Scope::User => person.records(),
            Scope::Managed => person.system_records(),
        };
        if (request.scope, request.run) == (Scope::Managed, Run::Apply) {
            // Others keep their things here as well; only the records below are private.
            file::make_folders(&person.system("/var/lib"), PUBLIC, &person)?;
        }
        let lock = match request.run {
            Run::Dry => None,
            Run::Apply => Some(lock(&folder, &person)?),
        };
        Ok(Self { person, workspaces, _lock: lock })
    }

    /// The edits that an installation asks for, and what each file will mean.
    ///
    /// # Errors
    /// When a file cannot be edited.
    fn plan(
        &self,
        pieces: &[Piece],
        context: &Context<'_>,
        record: Option<&Record>,
    ) -> Result<(Vec<Edit>, Vec<Value>), InstallError> {
        let (mut edits, mut values) = (Vec::new(), Vec::new());
        for piece in pieces {
            let found = self.found(piece.path(), context.scope)?;
            let written = record.and_then(|record| record.of(&found.path));
            let (edit, value) = match piece {
                Piece::Edited { dialect, changes, .. } => {
                    let current = meaning(&found, found.text.as_deref(), *dialect)?;
                    let changes = changes(context, &Values { current: &current, before: &values })
                        .map_err(|problem| InstallError::place(&found.path, problem))?;
                    let edit = edit::make(found, *dialect, &changes, written)?;
                    let value = meaning(&edit.found, edit.text.as_deref(), *dialect)?;
                    (edit, value)
                }
                Piece::Whole { text, .. } => (whole(found, text, written), Value::Null),
            };
            edits.push(edit);
            values.push(value);
        }
        Ok((edits, values))
    }

    /// The edits that take an installation back, the last file first.
    ///
    /// # Errors
    /// When a file cannot be edited.
    fn unplan(
        &self,
        pieces: &[Piece],
        context: &Context<'_>,
        record: Option<&Record>,
    ) -> Result<Vec<Edit>, InstallError> {
        let (mut edits, mut values) = (Vec::new(), Vec::new());
        for piece in pieces {
            let found = self.found(piece.path(), context.scope)?;
            let written = record.and_then(|record| record.of(&found.path));
            edits.push(match piece {
                Piece::Edited { dialect, changes, .. } => {
                    let current = meaning(&found, found.text.as_deref(), *dialect)?;
                    let changes = match written {
                        Some(_) => Vec::new(),
                        // What cannot be installed now may still have been installed before.
                        None => changes(context, &Values { current: &current, before: &values }).unwrap_or_default(),
                    };
                    values.push(current);
                    edit::unmake(found, *dialect, &changes, written)?
                }
                Piece::Whole { .. } => {
                    values.push(Value::Null);
                    let disposable = written.is_some_and(|written| found.digest().as_ref() == Some(&written.digest));
                    Edit { found, text: None, written: None, disposable }
                }
            });
        }
        edits.reverse();
        Ok(edits)
    }

    /// Reads a file that is to be edited.
    ///
    /// # Errors
    /// When it may not be replaced.
    fn found(&self, path: &Path, scope: Scope) -> Result<Found, InstallError> {
        let found = file::read(path, &self.person, &self.workspaces)?;
        Ok(if scope == Scope::Managed { found.public() } else { found })
    }

    /// Writes the record and then the files; when one of them fails, those before it are put back.
    ///
    /// # Errors
    /// When something cannot be written.
    fn commit(
        &self,
        request: &Request,
        edits: &[Edit],
        links: &[(PathBuf, PathBuf)],
        record: Option<Record>,
    ) -> Result<Vec<FileReport>, InstallError> {
        let edits: Vec<&Edit> = edits.iter().filter(|edit| !edit.is_nothing()).collect();
        let report =
            |edit: &&Edit, backup| FileReport { path: edit.found.path.clone(), difference: difference(edit), backup };
        if request.run == Run::Dry {
            let planned = links::missing(links)?.into_iter().map(|(path, target)| links::report(path, target));
            return Ok(planned.chain(edits.iter().map(|edit| report(edit, None))).collect());
        }
        let mode = if request.scope == Scope::Managed { PUBLIC } else { PRIVATE };
        let mut folders = Vec::new();
        for edit in &edits {
            if let Some(folder) = edit.found.path.parent().filter(|_| edit.text.is_some()) {
                folders.extend(file::make_folders(folder, mode, &self.person)?);
            }
        }
        for folder in links.iter().filter_map(|(path, _)| path.parent()) {
            folders.extend(file::make_folders(folder, mode, &self.person)?);
        }
        if let Some(mut record) = record {
            record.folders.extend(folders);
            let path = Record::path(request.agent, request.scope, &self.person);
            record.save(&file::read(&path, &self.person, &self.workspaces)?)?;
        }
        let mut done: Vec<&Edit> = Vec::new();
        let mut reports = links::make(links)?;
        for edit in edits {
            match write(edit) {
                Ok(backup) => reports.push(report(&edit, backup)),
                Err(error) => {
                    self.put_back(&done);
                    return Err(error);
                }
            }
            done.push(edit);
        }
        Ok(reports)
    }

    /// Puts the old text of files back that have just been replaced, as far as nobody has touched them since.
    fn put_back(&self, edits: &[&Edit]) {
        for edit in edits.iter().rev() {
            let Ok(now) = file::read(&edit.found.path, &self.person, &self.workspaces) else { continue };
            if now.text != edit.text {
                continue;
            }
            // The failure that led here is the one to report.
            let _ = match &edit.found.text {
                Some(text) => now.replace(text.as_bytes()),
                None => now.delete(),
            };
        }
    }
}

/// Copies the old text of a file beside it and puts the new one in its place.
///
/// # Errors
/// When that cannot be done; the old text is there then.
fn write(edit: &Edit) -> Result<Option<PathBuf>, InstallError> {
    let backup = if edit.disposable { None } else { edit.found.back_up()? };
    match &edit.text {
        Some(text) => edit.found.replace(text.as_bytes())?,
        None => edit.found.delete()?,
    }
    Ok(backup)
}

/// The edit that writes a file of ours.
fn whole(found: Found, text: &str, record: Option<&Written>) -> Edit {
    let written = Written {
        path: found.path.clone(),
        created: found.text.is_none() || record.is_some_and(|record| record.created),
        digest: digest(text.as_bytes()),
        changes: Vec::new(),
        containers: Vec::new(),
        hunks: Vec::new(),
    };
    Edit { found, text: Some(text.to_owned()), written: Some(written), disposable: false }
}

/// Takes the lock of all runs that keep their records in `folder`, waiting a while for another one to end.
///
/// # Errors
/// When another run has it.
fn lock(folder: &Path, person: &Person) -> Result<File, InstallError> {
    file::make_folders(folder, PRIVATE, person)?;
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| InstallError::io("open", &path, error))?;
    let latest = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() > latest => return Err(InstallError::Locked { path }),
            // Another run is at work, or was killed while it started a program, which lets go of the lock in a moment.
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(error)) => return Err(InstallError::io("lock", &path, error)),
        }
    }
}
