//! The users of a host, as its passwd file lists them (`passwd(5)`). Static programs can ask no other name service.
//!
//! Who the caller is decides what `~` means, so every program reads the file by the same rules: a line that is not understood
//! hides no later one, names and comments may be in any encoding, and only an absolute home folder is one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where users are listed.
pub const PASSWD: &str = "/etc/passwd";

/// One user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User<'a> {
    /// The login name.
    pub name: &'a OsStr,
    /// The user's number.
    pub uid: u32,
    /// The home folder, which is absolute; it need not be there.
    pub home: &'a Path,
}

/// The users that the content of a passwd file lists, in its order.
pub fn users(passwd: &[u8]) -> impl Iterator<Item = User<'_>> {
    passwd.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|&byte| byte == b':').map(OsStr::from_bytes);
        let name = fields.next()?;
        let uid = fields.nth(1)?.to_str()?.parse().ok()?;
        let home = Path::new(fields.nth(2)?);
        home.is_absolute().then_some(User { name, uid, home })
    })
}

/// The home folder of the first user in `passwd` with this number.
#[must_use]
pub fn home_of(passwd: &[u8], uid: u32) -> Option<PathBuf> {
    users(passwd).find(|user| user.uid == uid).map(|user| user.home.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_number_and_never_in_another_field() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/sh\n1000:x:7:7::/wrong:/bin/sh\nann:x:1000:1000:A,,,:/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, 1000), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, 0), Some(PathBuf::from("/root")));
        assert_eq!(home_of(passwd, 5), None);
        assert_eq!(users(passwd).nth(2).unwrap().name, "ann");
    }

    #[test]
    fn neither_a_broken_line_nor_an_old_encoding_hides_a_user() {
        let passwd = b"broken\n\xff\n+::::::\nodd:x:8:8::home:/bin/sh\nj:x:9:9:J\xf6rg:/home/j\xf6:/bin/sh\n";
        assert_eq!(home_of(passwd, 9), Some(PathBuf::from(OsStr::from_bytes(b"/home/j\xf6"))));
        assert_eq!(home_of(passwd, 8), None, "a relative home folder is no home folder");
        assert_eq!(users(b"").count(), 0);
    }
}
