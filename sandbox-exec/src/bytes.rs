//! Path comparisons on the hot path, by bytes: the paths are clean and absolute, and there are hundreds of them in every launch.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether `path` is `folder` or lies in it. Both must be absolute and free of `.`, `..` and doubled slashes.
pub(crate) fn lies_in(path: &Path, folder: &Path) -> bool {
    let (path, folder) = (path.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
    match path.strip_prefix(folder) {
        Some([]) => true,
        Some([first, ..]) => *first == b'/' || folder == b"/",
        None => false,
    }
}

/// The folder that holds `path`; `None` for the root.
pub(crate) fn parent(path: &Path) -> Option<&Path> {
    let bytes = path.as_os_str().as_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/')?;
    if bytes.len() <= 1 {
        return None;
    }
    Some(Path::new(std::ffi::OsStr::from_bytes(bytes.get(..slash.max(1))?)))
}

/// `path` and every folder that holds it, innermost first.
pub(crate) fn ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    std::iter::successors(Some(path), |path| parent(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_alike_does_not_lie_inside() {
        assert!(lies_in(Path::new("/a/b"), Path::new("/a")));
        assert!(lies_in(Path::new("/a"), Path::new("/a")));
        assert!(lies_in(Path::new("/a"), Path::new("/")));
        assert!(!lies_in(Path::new("/ab"), Path::new("/a")));
        assert!(!lies_in(Path::new("/"), Path::new("/a")));
    }

    #[test]
    fn ancestors_agree_with_the_standard_library() {
        for path in ["/", "/a", "/a/b", "/a/b c/.d"] {
            let ours: Vec<&Path> = ancestors(Path::new(path)).collect();
            let theirs: Vec<&Path> = Path::new(path).ancestors().collect();
            assert_eq!(ours, theirs);
        }
    }
}
