//! Which clients are on this host, and which of them are guarded: read from their configuration, and tried.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::install::agent::{Agent, Scope};
use crate::install::change::Change;
use crate::install::clients::{self, Context, Piece, Values};
use crate::install::document::Document;
use crate::install::error::InstallError;
use crate::install::file::{self, Found};
use crate::install::json::Dialect;
use crate::install::person::Person;
use crate::install::programs::{self, Programs};
use crate::install::record::Record;
use crate::install::trust::Workspaces;
use crate::install::wishes::Wishes;
use crate::install::{links, prefix, verify, version};

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Where the programs lie, when nothing is installed; `None` for the folder of the running one.
    pub programs: Option<PathBuf>,
    /// The home folder to look at; `None` for the caller's.
    pub home: Option<PathBuf>,
    /// What stands before the paths of the whole host; `None` for nothing.
    pub root: Option<PathBuf>,
}

/// What is known of every client that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The version of this form.
    pub version: u32,
    /// The clients, in a fixed order.
    pub clients: Vec<ClientStatus>,
}

/// What is known of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientStatus {
    /// The client.
    pub client: Agent,
    /// Its program; `None` when only its files were found.
    pub program: Option<PathBuf>,
    /// What its program calls itself.
    pub program_version: Option<String>,
    /// Whether its tools are guarded.
    pub covered: bool,
    /// The scopes in which something of ours was found.
    pub scopes: Vec<ScopeStatus>,
    /// Other clients that it starts for their tools.
    pub backends: Vec<BackendStatus>,
}

/// What is known of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeStatus {
    /// The scope.
    pub scope: Scope,
    /// Whether the hooks are there, run, and protect.
    pub active: bool,
    /// Why not, or what has changed since the installation.
    pub problems: Vec<String>,
    /// Whether the client's own shell starts in the sandbox as well, whatever a hook answers.
    pub shell_prefix: bool,
}

/// What is known of a client that another one starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendStatus {
    /// Its name in the other's configuration.
    pub name: String,
    /// Whether its tools are guarded.
    pub covered: bool,
    /// Why, or why not.
    pub reason: String,
}

impl Status {
    /// Whether everything that was found is guarded.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.clients.iter().all(|client| client.covered && client.backends.iter().all(|backend| backend.covered))
    }
}

/// Looks at every client.
///
/// # Errors
/// When the caller is unknown, or the policy cannot be used.
pub fn status(question: &Question) -> Result<Status, InstallError> {
    let person = Person::caller(question.home.as_deref(), question.root.as_deref())?;
    let workspaces = Workspaces::of(&person)?;
    let look = Look { question, person, workspaces };
    let mut clients: Vec<ClientStatus> = Agent::ALL.into_iter().filter_map(|agent| look.client(agent)).collect();
    let backends = look.backends(&clients);
    if let Some(openclaw) = clients.iter_mut().find(|client| client.client == Agent::OpenClaw) {
        openclaw.backends = backends;
    }
    Ok(Status { version: 1, clients })
}

/// From where one looks.
struct Look<'a> {
    /// What is asked.
    question: &'a Question,
    /// For whom.
    person: Person,
    /// Where agents write.
    workspaces: Workspaces,
}

impl Look<'_> {
    /// What is known of a client; `None` when nothing of it is here.
    fn client(&self, agent: Agent) -> Option<ClientStatus> {
        let installed = version::find(agent);
        let scopes: Vec<ScopeStatus> =
            [Scope::User, Scope::Managed].into_iter().filter_map(|scope| self.scope(agent, scope)).collect();
        let traces = self.person.home.join(agent.folder()).is_dir();
        if installed.is_none() && scopes.is_empty() && !traces {
            return None;
        }
        let outdated = installed.as_ref().and_then(|installed| clients::outdated(agent, installed));
        let covered = scopes.iter().any(|scope| scope.active) && outdated.is_none();
        let mut scopes = scopes;
        if let (Some(problem), Some(scope)) = (outdated, scopes.first_mut()) {
            scope.problems.push(problem);
        }
        let version = installed.as_ref().and_then(|installed| installed.version.as_ref()).map(ToString::to_string);
        let program = installed.map(|installed| installed.path);
        Some(ClientStatus { client: agent, program, program_version: version, covered, scopes, backends: Vec::new() })
    }

    /// What is known of a scope; `None` when nothing of ours is there.
    fn scope(&self, agent: Agent, scope: Scope) -> Option<ScopeStatus> {
        match self.examine(agent, scope) {
            Ok(None) => None,
            Ok(Some((problems, shell_prefix))) => {
                Some(ScopeStatus { scope, active: problems.is_empty(), problems, shell_prefix })
            }
            Err(error) => {
                Some(ScopeStatus { scope, active: false, problems: vec![error.to_string()], shell_prefix: false })
            }
        }
    }

    /// What is wrong with an installation, and whether it has a prefix of the shell; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn examine(&self, agent: Agent, scope: Scope) -> Result<Option<(Vec<String>, bool)>, InstallError> {
        let record = Record::load(agent, scope, &self.person, &self.workspaces)?;
        let recorded = record.as_ref().map(|record| record.programs.as_path());
        let programs = Programs::assumed(self.question.programs.as_deref(), recorded)?;
        let wishes = Wishes::default();
        let context = Context { person: &self.person, scope, programs: &programs, wishes: &wishes, prefixed: false };
        let Ok(pieces) = clients::pieces(agent, &context) else { return Ok(None) };
        let (mut problems, mut values, mut ours) = (Vec::new(), Vec::new(), record.is_some());
        for piece in &pieces {
            let found = file::look(piece.path(), &self.person, &self.workspaces)?;
            let written = record.as_ref().and_then(|record| record.of(&found.path));
            if found.text.is_none() && written.is_some() {
                let (file, name) = (found.path.display(), scope.name());
                let gone = format!("\"{file}\" is gone: `lobsterpot install {agent} --scope {name}` makes it again");
                return Ok(Some((vec![gone], false)));
            }
            let value = match piece {
                Piece::Edited { dialect, changes, .. } => {
                    let document = parse(&found, *dialect)?;
                    let value = document.value().map_err(|problem| unreadable(&found, problem))?;
                    let wanted = match written {
                        Some(written) => written.changes.iter().map(|made| made.change.clone()).collect(),
                        None => changes(&context, &Values { current: &value, before: &values }).unwrap_or_default(),
                    };
                    ours |= wanted.iter().any(|change| change.is_recognised(&document));
                    let lacking = wanted.iter().filter(|change| is_lacking(change, &document, written.is_some()));
                    let file = found.path.display();
                    problems.extend(lacking.map(|change| {
                        format!("\"{}\" in \"{file}\" is not as it was installed", change.path().join("."))
                    }));
                    value
                }
                Piece::Whole { text, .. } => {
                    ours |= found.text.is_some();
                    if found.text.as_ref() != Some(text) {
                        problems.push(format!("\"{}\" is not what this version installs", found.path.display()));
                    }
                    Value::Null
                }
            };
            values.push(value);
        }
        if !ours {
            return Ok(None);
        }
        for (path, _) in links::missing(&clients::links(agent, &context))? {
            problems.push(format!("\"{}\" is missing", path.display()));
        }
        problems.extend(clients::inactive(agent, &values));
        let recorded = record.is_some();
        problems.extend(self.tried(agent, &context, &values, recorded).err().map(|error| error.to_string()));
        let prefix = values.iter().find_map(prefix::of).filter(|_| agent == Agent::ClaudeCode);
        if let Some(link) = &prefix {
            problems.extend(self.prefixed(link, agent, &context, &values).err().map(|error| error.to_string()));
        }
        Ok(Some((problems, prefix.is_some())))
    }

    /// Tries the prefix of the shell that is configured.
    ///
    /// # Errors
    /// When it does not protect, or somebody else could change it.
    fn prefixed(&self, link: &Path, agent: Agent, context: &Context<'_>, values: &[Value]) -> Result<(), InstallError> {
        let link = prefix::found(link, context.scope, &self.person);
        programs::check(&link, &self.person, &self.workspaces)?;
        let launcher = link.canonicalize().map_err(|error| InstallError::io("resolve", &link, error))?;
        prefix::try_out(&clients::starts(agent, context, values)?, &launcher, &self.person).map(|_| ())
    }

    /// Tries the hooks that are configured.
    ///
    /// # Errors
    /// When they do not protect, or somebody else could change them.
    fn tried(&self, agent: Agent, context: &Context<'_>, values: &[Value], recorded: bool) -> Result<(), InstallError> {
        let starts = clients::starts(agent, context, values)?;
        let installed = clients::needed(agent).into_iter().filter(|_| recorded);
        let installed = installed.map(|program| PathBuf::from(context.programs.path(program)));
        for program in starts.programs().into_iter().chain(installed) {
            programs::check(&program, &self.person, &self.workspaces)?;
        }
        verify::hooks(agent, &starts, starts.workspace().as_deref(), &self.person).map(|_| ())
    }

    /// What is known of the clients that OpenClaw starts.
    fn backends(&self, clients: &[ClientStatus]) -> Vec<BackendStatus> {
        let Some(openclaw) = clients.iter().find(|client| client.client == Agent::OpenClaw) else { return Vec::new() };
        let own = if openclaw.covered {
            "its tools run in the sandbox backend"
        } else {
            "the plugin or the sandbox backend is not active"
        };
        let mut found =
            vec![BackendStatus { name: "embedded".into(), covered: openclaw.covered, reason: own.to_owned() }];
        let configuration =
            file::look(&self.person.home.join(".openclaw/openclaw.json"), &self.person, &self.workspaces);
        let value = configuration
            .and_then(|found| parse(&found, Dialect::Five))
            .and_then(|document| document.value().map_err(|problem| InstallError::Verify { problem }));
        for (name, agent) in clients::backends(&value.unwrap_or(Value::Null)) {
            let client = clients.iter().find(|client| Some(client.client) == agent && client.covered);
            let held = client.is_some_and(|client| {
                agent != Some(Agent::ClaudeCode) || client.scopes.iter().any(|scope| scope.active && scope.shell_prefix)
            });
            let covered = client.is_some() && held;
            let reason = match agent {
                Some(agent) if client.is_some() && !held => format!(
                    "it runs its own tools, and OpenClaw's own answer to a call may win over the hook's: `lobsterpot install {agent} --shell-prefix`"
                ),
                Some(agent) if covered => format!("it runs its own tools, with the hooks of {agent}"),
                Some(agent) => format!("it runs its own tools: `lobsterpot install {agent}`"),
                None => "it runs its own tools, which no hook can rewrite".to_owned(),
            };
            found.push(BackendStatus { name: name.to_owned(), covered, reason });
        }
        found
    }
}

/// Whether something is not as it should be. Hooks of which no record says with which options they were installed need only
/// be there: whether they protect is tried.
fn is_lacking(change: &Change, document: &Document, recorded: bool) -> bool {
    match change {
        Change::Element { .. } if !recorded => !change.is_recognised(document),
        Change::Element { .. } | Change::Member { .. } => !change.holds(document).unwrap_or(false),
    }
}

/// Reads a configuration.
///
/// # Errors
/// When it cannot be understood.
fn parse(found: &Found, dialect: Dialect) -> Result<Document, InstallError> {
    Document::parse(found.text.as_deref().unwrap_or_default(), dialect).map_err(|problem| unreadable(found, problem))
}

/// The failure for a text that is not as it must be.
fn unreadable(found: &Found, problem: String) -> InstallError {
    InstallError::Parse { path: found.path.clone(), problem }
}
