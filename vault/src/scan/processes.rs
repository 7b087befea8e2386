//! Searches the environment and the command line of running processes, as far as the caller may read them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};

use nix::errno::Errno;
use zeroize::Zeroizing;

use super::finding::{Finding, Place};
use super::report::Report;
use super::search::{Searcher, search};

/// How much is read of each: the kernel bounds both together at a quarter of the stack's bound, which is 6 MiB at most by default.
const LONGEST: u64 = 1 << 23;

/// How long the name of a variable can be to be told.
const LONGEST_NAME: usize = 128;

/// Searches every process but this one. Processes of others are not counted as unread: nobody but they and root can read them.
pub(super) fn search_all(searcher: &Searcher<'_>, report: &mut Report) {
    let entries = match fs::read_dir("/proc") {
        Ok(entries) => entries,
        Err(error) => return report.unread("/proc", error.kind()),
    };
    let mut pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    for pid in pids.into_iter().filter(|pid| *pid != std::process::id()) {
        let parts = [("environ", true), ("cmdline", false)];
        let mut is_seen = false;
        for (file, is_environment) in parts {
            match read(&format!("/proc/{pid}/{file}")) {
                Ok(text) => {
                    is_seen = true;
                    look(pid, &text, is_environment, searcher, report);
                }
                Err(error) if is_not_ours(&error) => {}
                Err(error) => report.unread(format!("/proc/{pid}/{file}"), error.kind()),
            }
        }
        report.processes += u64::from(is_seen);
    }
}

/// Whether a process is someone else's, or gone.
fn is_not_ours(error: &io::Error) -> bool {
    let gone = [Errno::EACCES, Errno::EPERM, Errno::ENOENT, Errno::ESRCH];
    error.raw_os_error().is_some_and(|number| gone.contains(&Errno::from_raw(number)))
}

/// The text of a file below `/proc`.
///
/// # Errors
/// When it cannot be read.
fn read(path: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::default();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

/// Searches what a process was started with.
fn look(pid: u32, text: &[u8], is_environment: bool, searcher: &Searcher<'_>, report: &mut Report) {
    let index = searcher.index();
    report.bytes += super::search::wide(text.len());
    let mut found = BTreeSet::new();
    search(index, text, &mut |place, writing| {
        let begin = text[..place.start].iter().rposition(|byte| *byte == 0).map_or(0, |zero| zero + 1);
        let variable = is_environment.then(|| variable(&text[begin..], place.start - begin, index));
        found.insert((place.secret, writing, variable));
    });
    if found.is_empty() {
        return;
    }
    let program = index.shown(fs::read(format!("/proc/{pid}/comm")).unwrap_or_default().trim_ascii_end());
    for (secret, writing, variable) in found {
        let program = program.clone();
        let place = match variable {
            Some(variable) => Place::Environment { pid, program, variable },
            None => Place::Arguments { pid, program },
        };
        report.findings.push(Finding { name: index.name(secret).clone(), writing, place });
    }
}

/// The name of the variable that an entry of an environment is about, fit to be shown. What stands before the first equals sign is no
/// name where the value that was found begins there: it is a part of that value.
fn variable(entry: &[u8], at: usize, index: &super::Index) -> String {
    match entry.iter().take(LONGEST_NAME).position(|byte| matches!(byte, b'=' | 0)) {
        Some(end) if entry[end] == b'=' && end < at => index.shown(&entry[..end]),
        _ => "without a name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Place;
    use super::super::report::Report;
    use super::super::search::Searcher;
    use super::super::tests::index;
    use super::look;

    #[test]
    fn what_stands_before_an_equals_sign_within_a_value_is_not_shown_as_a_name() {
        let index = index(&[("DSN", b"Server=x9K2mQ4z;Pwd=8Lp0")]);
        let mut report = Report::default();
        let text = b"A=1\0Server=x9K2mQ4z;Pwd=8Lp0\0DSN=Server=x9K2mQ4z;Pwd=8Lp0\0";
        look(1, text, true, &Searcher::new(&index), &mut report);
        let variables: Vec<_> = report
            .findings
            .iter()
            .filter_map(|finding| match &finding.place {
                Place::Environment { variable, .. } => Some(variable.as_str()),
                Place::File { .. }
                | Place::FileName { .. }
                | Place::Link { .. }
                | Place::Arguments { .. }
                | Place::Object { .. } => None,
            })
            .collect();
        assert_eq!(variables, ["DSN", "without a name"]);
    }
}
