//! The policy's file rules on this host: every pattern resolved once, with the existing paths that it means.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::{GIT_OBEYS, LONGEST_GIT_POINTER};
use lobsterpot_policy::{Files, HomeView, Pattern, Places, Purpose, ResolvedPattern, Rule, Segment, Tier};

use crate::bytes;
use crate::deep::Shelf;
use crate::host::{Caller, Kind};
use crate::probe::Probe;

/// One rule's pattern for one place.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The pattern.
    pub(crate) pattern: ResolvedPattern,
    /// The existing paths that it matches.
    pub(crate) found: Vec<PathBuf>,
    /// The rule's number in its list.
    pub(crate) rule: usize,
}

impl Resolved {
    /// The path of a pattern without wildcards, and what one with wildcards matched.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let literal = self.pattern.literal();
        let found = if literal.is_some() { [].as_slice() } else { self.found.as_slice() };
        literal.into_iter().chain(found.iter().map(PathBuf::as_path))
    }
}

/// The file rules, list by list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// What may be read.
    pub(crate) read: Vec<Resolved>,
    /// What may be written.
    pub(crate) write: Vec<Resolved>,
    /// What is private and discarded.
    pub(crate) scratch: Vec<Resolved>,
    /// What is shown, and changed for the command alone.
    pub(crate) overlay: Vec<Resolved>,
    /// What is hidden.
    pub(crate) mask: Vec<Resolved>,
    /// What may not be changed inside writable roots.
    pub(crate) protect: Vec<Resolved>,
    /// What protected patterns with wildcards mean in folders that exist, and what does not exist there yet.
    pub(crate) unborn: Vec<PathBuf>,
    /// Sockets outside that may be connected to.
    pub(crate) sockets: Vec<Resolved>,
    /// Every folder that may be written: the workspaces and what the policy names. What is protected is protected in all of them.
    pub(crate) roots: Vec<PathBuf>,
}

impl Rules {
    /// Resolves the rules of `files` and looks at everything that they name.
    pub(crate) fn look(probe: &mut Probe, files: &Files, places: &Places, caller: &Caller) -> Self {
        for home in &caller.homes {
            probe.know(home);
        }
        // What may be written must be known before an index is trusted: the sandbox must not have been able to write that.
        let mut write = resolve(&files.write, places, Purpose::Grant, probe, |_| true);
        search(&mut [&mut write], probe, places, None);
        probe.doors.roots = writable(&write, places);
        let shelf = Shelf::new(&caller.home, caller.uid.as_raw(), probe.doors.roots.clone());
        let mut read = resolve(&files.read, places, Purpose::Grant, probe, |_| true);
        search(&mut [&mut read], probe, places, Some(&shelf));
        let (read, write) = (read.rules, write.rules);
        let mut seen: Vec<PathBuf> = places.workspaces.clone();
        seen.extend(caller.homes.iter().cloned());
        for path in read.iter().chain(&write).flat_map(|rule| &rule.found) {
            seen.extend(probe.facts.get(path.as_os_str()).map(|fact| fact.real.clone()));
            seen.push(path.clone());
        }
        // What lies neither in nor around anything that is shown need not be looked at to stay hidden.
        let matters = |pattern: &ResolvedPattern| {
            let prefix = pattern.prefix();
            let is_around = |seen: &Path| match pattern.literal() {
                Some(path) => bytes::lies_in(seen, path),
                None => bytes::lies_in(seen, prefix) && pattern.covers(seen),
            };
            seen.iter().any(|seen| bytes::lies_in(prefix, seen) || is_around(seen))
        };
        // Below what is shown, a private folder can only be made where there is one.
        let shown = |pattern: &ResolvedPattern| {
            let granted = read.iter().chain(&write).flat_map(|rule| &rule.found).chain(&places.workspaces);
            pattern.literal().is_some_and(|path| granted.into_iter().any(|folder| bytes::lies_in(path, folder)))
        };
        let mut scratch = resolve(&files.scratch, places, Purpose::Grant, probe, shown);
        let overlay = resolve(&files.overlay, places, Purpose::Grant, probe, |_| false).rules;
        let mut mask = resolve(&files.mask, places, Purpose::Restrict, probe, matters);
        let roots = roots(probe, places, &write);
        let around = Places { workspaces: roots.clone(), ..places.clone() };
        let mut protect = resolve(&files.protect, &around, Purpose::Restrict, probe, |_| true);
        let mut sockets = resolve(&files.sockets, places, Purpose::Grant, probe, |_| true);
        search(&mut [&mut scratch, &mut mask, &mut protect, &mut sockets], probe, places, Some(&shelf));
        let [scratch, mask, protect, sockets] = [scratch, mask, protect, sockets].map(|list| list.rules);
        let unborn = protect.iter().flat_map(|rule| probe.unborn(&rule.pattern)).collect();
        let mut rules = Self { scratch, overlay, mask, protect, unborn, sockets, read, write, roots };
        if files.home == HomeView::ReadOnly {
            probe.look(&caller.home);
        }
        for root in &rules.roots {
            probe.look(root);
            rules.protect.extend(pointer_to_repository(probe, root, &around));
            look_around(probe, rules.protect.iter().chain(rules.held_masks()), root);
        }
        rules
    }
}

impl Rules {
    /// The masks that a command could get rid of for later runs by moving a folder around what they hide. One with `**` finds it
    /// again.
    pub(crate) fn held_masks(&self) -> impl Iterator<Item = &Resolved> {
        self.mask.iter().filter(|rule| !rule.pattern.tail().contains(&Segment::AnyDepth))
    }
}

/// The workspaces, and the folders that `write` names.
fn roots(probe: &mut Probe, places: &Places, write: &[Resolved]) -> Vec<PathBuf> {
    let mut roots = places.workspaces.clone();
    for path in write.iter().flat_map(|rule| &rule.found) {
        let folder = probe.look(path).filter(|fact| fact.kind == Kind::Folder).map(|fact| fact.real.clone());
        roots.extend(folder.filter(|folder| !roots.contains(folder)));
    }
    roots
}

/// The rules that protect `.git` in `root` when it is not a folder: a symlink is not to be made anew, and a file, which linked
/// worktrees and submodules have, names the folder whose configuration git obeys. No pattern of a policy can tell. In the same way the
/// file `.jj/repo` of a further workspace names the repository whose configuration Jujutsu obeys.
fn pointer_to_repository(probe: &mut Probe, root: &Path, places: &Places) -> Vec<Resolved> {
    let mut paths = Vec::new();
    let elsewhere = root.join(JJ_REPOSITORY);
    if probe.look(&elsewhere).is_some_and(|fact| fact.kind == Kind::File) {
        paths.push(elsewhere);
    }
    let path = root.join(".git");
    let (is_link, is_file) =
        probe.look(&path).map_or((false, false), |fact| (fact.link.is_some(), fact.kind == Kind::File));
    if is_link || is_file {
        paths.push(path.clone());
    }
    if is_file {
        let folders = repository_of(probe, &path);
        paths.extend(folders.iter().flat_map(|folder| GIT_OBEYS.iter().map(|name| folder.join(name))));
    }
    let resolve = |path: PathBuf| {
        let pattern = Pattern::literal(&path).ok()?.resolve(places, Purpose::Restrict).pop()?;
        let found = if probe.look(&path).is_some() && !(is_link && path == root.join(".git")) {
            vec![path]
        } else {
            Vec::new()
        };
        Some(Resolved { pattern, found, rule: usize::MAX })
    };
    paths.into_iter().filter_map(resolve).collect()
}

/// What names a repository of Jujutsu: a folder, or a file that leads to one.
const JJ_REPOSITORY: &str = ".jj/repo";

/// The folders that the file `.git` leads to: the repository's, and the one that it shares with others. `gitrepository-layout(5)`.
fn repository_of(probe: &mut Probe, file: &Path) -> Vec<PathBuf> {
    let is_short = |bytes: &Vec<u8>| u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST_GIT_POINTER);
    let line = |probe: &mut Probe, path: &Path| {
        let bytes = probe.seen(path, std::fs::read(path)).filter(is_short)?;
        Some(bytes.trim_ascii_end().to_vec())
    };
    let follow = |probe: &mut Probe, from: &Path, text: &[u8]| {
        let path = from.join(std::ffi::OsStr::from_bytes(text));
        probe.seen(&path, std::fs::canonicalize(&path))
    };
    let text = line(probe, file);
    let pointer = text.as_deref().and_then(|text| text.strip_prefix(b"gitdir: "));
    let Some(folder) = pointer.zip(file.parent()).and_then(|(text, from)| follow(probe, from, text)) else {
        return Vec::new();
    };
    let shared = line(probe, &folder.join("commondir")).and_then(|text| follow(probe, &folder, &text));
    std::iter::once(folder).chain(shared).collect()
}

/// One list of rules in the making.
struct List {
    /// Whether the rules grant or restrict.
    purpose: Purpose,
    /// The rules.
    rules: Vec<Resolved>,
    /// The numbers of those for which folders of any depth are still to be searched.
    deep: Vec<usize>,
}

/// Resolves `rules` and looks at what those that matter name.
fn resolve(
    rules: &[Rule],
    places: &Places,
    purpose: Purpose,
    probe: &mut Probe,
    matters: impl Fn(&ResolvedPattern) -> bool,
) -> List {
    let bases = places.all_bases(purpose);
    let mut list = List { purpose, rules: Vec::with_capacity(rules.len()), deep: Vec::new() };
    for (rule, one) in rules.iter().enumerate() {
        // Most of what the profiles name in a home folder is not there; such a rule can neither show nor hide anything.
        let is_built_in = purpose == Purpose::Restrict && matches!(one.origin.tier, Tier::BuiltIn(_));
        if is_built_in && probe.homes_lack(one.pattern.text(), |name| places.xdg.contains_key(name)) {
            continue;
        }
        let mut take = |pattern: ResolvedPattern| {
            let mut found = Vec::new();
            if matters(&pattern) {
                if pattern.tail().contains(&Segment::AnyDepth) {
                    list.deep.push(list.rules.len());
                } else {
                    found = probe.expand(&pattern);
                }
            }
            list.rules.push(Resolved { pattern, found, rule });
        };
        one.pattern.resolve_in(&bases, &mut take);
    }
    list
}

/// Searches for what the patterns with `**` in `lists` mean: one walk for each folder in which some begin.
///
/// When a search is not complete, the rules that restrict are taken to mean all that is in the folder.
fn search(lists: &mut [&mut List], probe: &mut Probe, places: &Places, shelf: Option<&Shelf>) {
    let mut searches: BTreeMap<PathBuf, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, list) in lists.iter().enumerate() {
        for &rule in &list.deep {
            let Some(resolved) = list.rules.get(rule) else { continue };
            searches.entry(resolved.pattern.prefix().to_owned()).or_default().push((number, rule));
        }
    }
    for (folder, wanted) in searches {
        let rule = |(list, rule): &(usize, usize)| lists.get(*list)?.rules.get(*rule);
        let tails: Vec<&[Segment]> = wanted.iter().filter_map(rule).map(|resolved| resolved.pattern.tail()).collect();
        let found = probe.search(&folder, &tails, shelf).unwrap_or_else(|error| {
            probe.trouble = Some(error);
            let all = everything_in(&folder, places, probe);
            let purpose = |(list, _): &(usize, usize)| lists.get(*list).map(|list| list.purpose);
            let instead = |purpose| if purpose == Some(Purpose::Restrict) { all.clone() } else { Vec::new() };
            wanted.iter().map(purpose).map(instead).collect()
        });
        for ((list, rule), found) in wanted.into_iter().zip(found) {
            let resolved = lists.get_mut(list).and_then(|list| list.rules.get_mut(rule));
            resolved.into_iter().for_each(|resolved| resolved.found.clone_from(&found));
        }
    }
}

/// What is right in `folder`, and right in the workspaces that lie in it: those are bound back over a mask around them.
fn everything_in(folder: &Path, places: &Places, probe: &mut Probe) -> Vec<PathBuf> {
    let inside = places.workspaces.iter().filter(|workspace| *workspace != folder && bytes::lies_in(workspace, folder));
    let folders: Vec<&Path> = std::iter::once(folder).chain(inside.map(PathBuf::as_path)).collect();
    let mut all: Vec<PathBuf> = folders.into_iter().flat_map(|folder| probe.entries(folder)).collect();
    all.sort();
    all
}

/// The folders that a sandbox with the rules `write` may write to.
fn writable(write: &List, places: &Places) -> Vec<PathBuf> {
    let granted = write.rules.iter().flat_map(|rule| &rule.found);
    granted.chain(&places.workspaces).cloned().collect()
}

/// Looks at the folders between `workspace` and what `rules` name in it: they become mount points too.
fn look_around<'a>(probe: &mut Probe, rules: impl Iterator<Item = &'a Resolved>, workspace: &Path) {
    for path in rules.flat_map(|rule| rule.found.iter()) {
        let Some(fact) = probe.look(path) else { continue };
        let real = fact.real.clone();
        for path in [path, &real] {
            let between = path.ancestors().take_while(|folder| *folder != workspace && folder.starts_with(workspace));
            for folder in between {
                probe.look(folder);
            }
        }
    }
}

#[cfg(test)]
mod tests;
