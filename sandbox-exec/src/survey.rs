//! From an invocation to everything that planning needs: the caller, the policy, the workspaces, and the facts about every path.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{
    LoadRequest, NetworkMode, Overlay, Places, Policy, ProfileName, SYSTEM_POLICY, SystemReader, USER_POLICY,
    WORKSPACE_POLICY, XDG_NAMES, load,
};
use nix::errno::Errno;
use nix::sys::stat::lstat;

use crate::args::{Invocation, Mode, Net, duration, variable};
use crate::caller;
use crate::doors::Doors;
use crate::error::Error;
use crate::host::{Called, Caller, Host};
use crate::links;
use crate::obstacle::settled;
use crate::plan::{self, Inputs, NAME_SERVICE};
use crate::probe::Probe;
use crate::rules::Rules;
use crate::step::{Failure, Step, Stepped};
use crate::sys::landlock_abi;

/// What was found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The composed policy.
    pub(crate) policy: Policy,
    /// What `~` and its like mean.
    pub(crate) places: Places,
    /// Facts.
    pub(crate) host: Host,
}

impl Survey {
    /// What a plan is made from.
    pub(crate) fn inputs<'a>(
        &'a self,
        invocation: &'a Invocation,
        environment: &'a [(OsString, OsString)],
    ) -> Inputs<'a> {
        Inputs { policy: &self.policy, places: &self.places, host: &self.host, invocation, environment }
    }
}

/// Looks at everything that `invocation` is about.
///
/// # Errors
/// A path that does not exist, a policy that cannot be used, a folder that cannot be a workspace.
pub(crate) fn look(invocation: &Invocation) -> Result<Survey, Error> {
    let caller = caller::identify()?;
    let cwd = std::env::current_dir().map_err(|error| Error::Path {
        option: "the current folder",
        path: PathBuf::from("."),
        errno: error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
    })?;
    let named = real_paths("--workspace", &invocation.workspaces)?;
    let mut places = places(&caller, named.clone());
    // The workspaces are needed to know which policy files may be trusted, and the policy to know the workspaces: those of the
    // command line, or else the current folder, count as writable until the policy says which they are.
    let shown = Shown::resolve(invocation)?;
    let mut request = request(invocation, &caller, &places, &shown)?;
    if named.is_empty() {
        request.writable_roots.push(cwd.clone());
    }
    let mut policy = load(&request, &SystemReader)?;
    places.workspaces = plan::choose_workspaces(named, &policy, &caller, &cwd, invocation.origin)?;
    shown.refuse_led_astray(&places.workspaces)?;
    let narrowing: Vec<PathBuf> = places.workspaces.iter().map(|workspace| workspace.join(WORKSPACE_POLICY)).collect();
    // A workspace that the policy itself named was not known when its files were believed: one of them may lie in it.
    let believed = [&request.places.workspaces, &request.writable_roots];
    let is_new = |workspace: &PathBuf| !believed.iter().any(|folders| folders.contains(workspace));
    let is_any_new = places.workspaces.iter().any(is_new);
    let doors = Doors {
        uid: caller.uid.as_raw(),
        roots: places.workspaces.clone(),
        look_only: invocation.mode == Mode::DryRun,
    };
    if is_any_new || is_any_there(&narrowing, &doors)? {
        request.workspace_files = narrowing;
        request.places = places.clone();
        policy = load(&request, &SystemReader)?;
    }
    refuse_without_way_out(invocation, &policy)?;
    let mut probe = Probe::default();
    probe.doors = doors;
    let rules = Rules::look(&mut probe, &policy.files, &places, &caller);
    probe.is_complete()?;
    probe.look(&cwd);
    let mut called = Called::default();
    if matches!(policy.network.mode, NetworkMode::Allowlist | NetworkMode::Learn) {
        for path in NAME_SERVICE {
            probe.look(Path::new(path));
        }
        called = names_of_this_host();
    }
    probe.is_complete()?;
    let hard_links = links::find(&probe, &rules, &places)?;
    let host = Host {
        caller,
        cwd,
        facts: probe.facts,
        rules,
        hard_links,
        landlock: landlock_abi::version(),
        called,
        terminal: terminal(),
    };
    Ok(Survey { policy, places, host })
}

/// Whether anything lies at one of `paths`.
///
/// # Errors
/// When that cannot be told.
fn is_any_there(paths: &[PathBuf], doors: &Doors) -> Result<bool, Failure> {
    for path in paths {
        if settled(doors.look(path, || lstat(path))).step_at(Step::Look, path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The longest hosts file of which anything is shown inside, in bytes.
const LONGEST_HOSTS: u64 = 64 * 1024;

/// What this host calls itself and its loopback. What cannot be read has no names.
fn names_of_this_host() -> Called {
    let mut hosts = String::new();
    let read = std::fs::File::open("/etc/hosts").and_then(|file| file.take(LONGEST_HOSTS).read_to_string(&mut hosts));
    if read.is_err() {
        hosts.clear();
    }
    Called { node: nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()), hosts }
}

/// What `~` and the XDG folders mean for `caller`.
fn places(caller: &Caller, workspaces: Vec<PathBuf>) -> Places {
    let stated = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Places {
        home: caller.home.clone(),
        homes: caller.homes.clone(),
        xdg: XDG_NAMES.iter().filter_map(|name| Some(((*name).to_owned(), vec![stated(name)?]))).collect(),
        uid: caller.uid.as_raw(),
        workspaces,
    }
}

/// What the policy is composed from.
///
/// # Errors
/// What stops the run, with a hint.
fn request(invocation: &Invocation, caller: &Caller, places: &Places, shown: &Shown<'_>) -> Result<LoadRequest, Error> {
    let profile = match &invocation.profile {
        None => None,
        Some(name) => Some(ProfileName::parse(name).ok_or_else(|| Error::Usage {
            message: format!("there is no profile \"{name}\""),
            hint: "one of: agent, strict, dev".to_owned(),
        })?),
    };
    Ok(LoadRequest {
        profile,
        system: Some(PathBuf::from(SYSTEM_POLICY)),
        user: Some(caller.home.join(USER_POLICY)),
        explicit: invocation.policies.clone(),
        workspace_files: Vec::new(),
        flags: flags(invocation, shown)?,
        places: places.clone(),
        writable_roots: shown.writable.clone(),
        without_tools: true,
    })
}

/// The command line's part of the policy.
///
/// # Errors
/// What stops the run, with a hint.
fn flags(invocation: &Invocation, shown: &Shown<'_>) -> Result<Overlay, Error> {
    let mut flags = Overlay::default();
    let unusable = |option: &str, text: &dyn std::fmt::Display, hint: &str| Error::Usage {
        message: format!("{option}: {text}"),
        hint: hint.to_owned(),
    };
    for path in &shown.readable {
        flags.read(path).map_err(|error| unusable("--ro", &error, error.hint()))?;
    }
    for path in &shown.writable {
        flags.write(path).map_err(|error| unusable("--rw", &error, error.hint()))?;
    }
    for path in &invocation.masked {
        let path = std::path::absolute(path).map(path_clean::clean).unwrap_or_else(|_| path.clone());
        flags.mask(&path).map_err(|error| unusable("--mask", &error, error.hint()))?;
    }
    network_flags(invocation, &mut flags)?;
    for (name, value) in &invocation.limits {
        flags.limit(name, value).map_err(|error| unusable("--limit", &error, error.hint()))?;
    }
    if let Some(timeout) = &invocation.timeout {
        let duration = duration(timeout)?;
        let value = format!("{}ms", duration.as_millis());
        flags.limit("wall_clock", &value).map_err(|error| unusable("--timeout", &error, error.hint()))?;
    }
    for argument in &invocation.environment {
        let (name, _) = variable(argument);
        if name.is_empty() {
            return Err(unusable("--env", &argument.display(), "write NAME to pass a variable, NAME=VALUE to set one"));
        }
    }
    Ok(flags)
}

/// What the command line says about the network.
///
/// # Errors
/// What stops the run, with a hint.
fn network_flags(invocation: &Invocation, flags: &mut Overlay) -> Result<(), Error> {
    let unusable = |option: &str, error: &dyn std::fmt::Display, hint: &str| Error::Usage {
        message: format!("{option}: {error}"),
        hint: hint.to_owned(),
    };
    match invocation.network {
        Some(Net::Host) => flags.network(NetworkMode::Host),
        Some(Net::Allowlist) => flags.network(NetworkMode::Allowlist),
        Some(Net::Learn) => flags.network(NetworkMode::Learn),
        Some(Net::None) => flags.network(NetworkMode::None),
        None => {}
    }
    for rule in &invocation.allowed_hosts {
        flags.host(rule).map_err(|error| unusable("--allow-host", &error, error.hint().as_ref()))?;
    }
    for rule in &invocation.denied_hosts {
        flags.deny_host(rule).map_err(|error| unusable("--deny-host", &error, error.hint().as_ref()))?;
    }
    for ports in &invocation.published {
        flags.publish(ports).map_err(|error| unusable("--publish", &error, error.hint()))?;
    }
    if invocation.proxy {
        flags.proxy(true);
    }
    Ok(())
}

/// Refuses what the command line says about hosts that `policy` gives no way to.
///
/// # Errors
/// What stops the run, with a hint.
fn refuse_without_way_out(invocation: &Invocation, policy: &Policy) -> Result<(), Error> {
    let options = [
        ("--allow-host", !invocation.allowed_hosts.is_empty()),
        ("--proxy", invocation.proxy),
        ("--publish", !invocation.published.is_empty()),
        ("--deny-host", !invocation.denied_hosts.is_empty() && policy.network.mode == NetworkMode::Host),
    ];
    let network = match policy.network.mode {
        NetworkMode::Allowlist | NetworkMode::Learn => return Ok(()),
        NetworkMode::None => "none",
        NetworkMode::Host => "the host's",
    };
    match options.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::Usage {
            message: format!("{option} has no meaning here: the network is {network}"),
            hint: "use --net allowlist, unless a policy file of the workspace refuses every network".to_owned(),
        }),
    }
}

/// What the command line shows, each path resolved once: a second look could find another link there.
struct Shown<'a> {
    /// The command line.
    invocation: &'a Invocation,
    /// What the paths of `--ro` really are.
    readable: Vec<PathBuf>,
    /// What those of `--rw` really are.
    writable: Vec<PathBuf>,
}

impl<'a> Shown<'a> {
    /// Resolves the paths of `invocation`.
    ///
    /// # Errors
    /// The first one that cannot be.
    fn resolve(invocation: &'a Invocation) -> Result<Self, Error> {
        let readable = real_paths("--ro", &invocation.readable)?;
        Ok(Self { invocation, readable, writable: real_paths("--rw", &invocation.writable)? })
    }

    /// Refuses a path that lies in a workspace and leads out of it by a link: a command could have made that.
    ///
    /// # Errors
    /// The first such path.
    fn refuse_led_astray(&self, workspaces: &[PathBuf]) -> Result<(), Error> {
        let readable = self.invocation.readable.iter().zip(&self.readable).map(|pair| ("--ro", pair));
        let writable = self.invocation.writable.iter().zip(&self.writable).map(|pair| ("--rw", pair));
        for (option, (path, real)) in readable.chain(writable) {
            let Ok(whole) = std::path::absolute(path) else { continue };
            let passes = |workspace: &PathBuf| {
                whole
                    .ancestors()
                    .any(|above| std::fs::canonicalize(above).is_ok_and(|above| above.starts_with(workspace)))
            };
            if workspaces.iter().any(|workspace| !real.starts_with(workspace) && passes(workspace)) {
                return Err(Error::LedAstray { option, path: path.clone(), real: real.clone() });
            }
        }
        Ok(())
    }
}

/// The real paths of what the command line names.
///
/// # Errors
/// What stops the run, with a hint.
fn real_paths(option: &'static str, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let real = |path: &PathBuf| {
        std::fs::canonicalize(path).map_err(|error| Error::Path {
            option,
            path: path.clone(),
            errno: error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        })
    };
    paths.iter().map(real).collect()
}

/// The terminal on standard input, output or error.
fn terminal() -> Option<PathBuf> {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let files = [input.as_fd(), output.as_fd(), error.as_fd()];
    files.into_iter().find_map(|file| {
        // Cheaper than ttyname for the common case of a pipe.
        nix::unistd::isatty(file).ok().filter(|is| *is)?;
        nix::unistd::ttyname(file).ok()
    })
}
