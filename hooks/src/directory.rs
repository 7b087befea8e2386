//! Checks the folder that a sandboxed shell reports, outside the sandbox.
//!
//! The report is the sandbox's word: it may be anything, and of any length. It is only ever data, read up to a bound, and
//! used only when it is one absolute path of an existing folder within the workspace.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest report: a path of `PATH_MAX` bytes with its newline.
const LONGEST: u64 = 4096;

/// Reads a report from `input`, and writes the folder to `output` when it is one within `workspace`.
///
/// Never fails: without a folder the client's shell stays where it is, and the command's status is not this program's to
/// change.
pub(crate) fn relay(workspace: &Path, input: impl Read, mut output: impl Write) {
    let mut report = Vec::new();
    let read = input.take(LONGEST + 1).read_to_end(&mut report);
    if let (Ok(_), Some(folder)) = (read, checked(&report, workspace)) {
        // A client's shell that no longer listens keeps its folder.
        let _ = output.write_all(folder.as_os_str().as_bytes()).and_then(|()| output.flush());
    }
}

/// The folder that `report` names, with symbolic links resolved, when it lies within `workspace`.
fn checked(report: &[u8], workspace: &Path) -> Option<PathBuf> {
    let line = report.strip_suffix(b"\n")?;
    if u64::try_from(report.len()).ok()? > LONGEST || line.contains(&b'\n') || line.contains(&0) {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(line));
    if !path.is_absolute() {
        return None;
    }
    // Both resolved: a link planted in the workspace cannot lead the client's shell out of it.
    let folder = path.canonicalize().ok()?;
    let inside = folder.starts_with(workspace.canonicalize().ok()?);
    (inside && folder.is_dir() && !folder.as_os_str().as_bytes().contains(&b'\n')).then_some(folder)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::relay;

    #[test]
    fn only_a_folder_within_the_workspace_is_passed_on() {
        let base = tempfile::tempdir().unwrap();
        let workspace = base.path().canonicalize().unwrap().join("proj");
        let sub = workspace.join("sub dir");
        std::fs::create_dir_all(&sub).unwrap();
        std::fs::create_dir_all(workspace.with_file_name("proj_evil")).unwrap();
        std::fs::write(workspace.join("file"), "").unwrap();
        symlink("/etc", workspace.join("out")).unwrap();
        symlink(&sub, workspace.join("in")).unwrap();
        let ask = |report: &[u8]| {
            let mut said = Vec::new();
            relay(&workspace, report, &mut said);
            said
        };
        let path = |name: &str| workspace.join(name).as_os_str().as_bytes().to_vec();
        let line = |name: &str| [path(name), b"\n".to_vec()].concat();
        assert_eq!(ask(&line("sub dir")), path("sub dir"));
        assert_eq!(ask(&line("in")), path("sub dir"));
        let second = [line("sub dir"), b"rm -rf /\n".to_vec()].concat();
        let refused: [&[u8]; 12] = [
            b"",
            b"\n",
            b"/etc\n",
            b"/\n",
            b"sub dir\n",
            b"$(touch /tmp/x)\n",
            &line("file"),
            &line("absent"),
            &line("out"),
            &line("../proj_evil"),
            &line("sub dir/../../proj_evil"),
            &second,
        ];
        for report in refused {
            assert_eq!(ask(report), b"", "{:?}", String::from_utf8_lossy(report));
        }
        assert_eq!(ask(&path("sub dir")), b"", "a report that was cut off");
    }

    /// A report that never ends, and how much of it was read.
    struct Endless(usize);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'/');
            self.0 += buffer.len();
            assert!(self.0 < 1 << 20, "the report is collected without a bound");
            Ok(buffer.len())
        }
    }

    #[test]
    fn an_endless_report_is_not_collected() {
        let (mut report, mut said) = (Endless(0), Vec::new());
        relay("/".as_ref(), &mut report, &mut said);
        assert_eq!(said, b"");
    }
}
