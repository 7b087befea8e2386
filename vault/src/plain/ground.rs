//! What overwriting a file means on the file system that it is on (statfs(2), `linux/magic.h`).

use std::os::fd::BorrowedFd;

use nix::sys::statfs::{FsType, fstatfs};

/// What a file system does with what is written over something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It writes to the same blocks.
    InPlace,
    /// It writes elsewhere, and the old blocks stay until they are used again.
    Copies(&'static str),
    /// Another host, or a program, decides.
    Elsewhere(&'static str),
    /// It is in memory.
    Memory,
    /// It is not known here.
    Unknown,
}

/// File systems by the number that statfs(2) gives.
const KNOWN: &[(FsType, Ground)] = &[
    (FsType(0xef53), Ground::InPlace),      // ext2, ext3, ext4
    (FsType(0x4d44), Ground::InPlace),      // vfat
    (FsType(0x2011_bab0), Ground::InPlace), // exfat
    (FsType(0x3153_464a), Ground::InPlace), // jfs
    (FsType(0x5846_5342), Ground::Copies("xfs, where files may share blocks")),
    (FsType(0x9123_683e), Ground::Copies("btrfs")),
    (FsType(0x2fc1_2fc1), Ground::Copies("zfs")),
    (FsType(0xca45_1a4e), Ground::Copies("bcachefs")),
    (FsType(0x794c_7630), Ground::Copies("overlayfs, whose lower layer may hold the file as well")),
    (FsType(0xf2f5_2010), Ground::Copies("f2fs")),
    (FsType(0x3434), Ground::Copies("nilfs2")),
    (FsType(0x6969), Ground::Elsewhere("nfs")),
    (FsType(0xfe53_4d42), Ground::Elsewhere("smb")),
    (FsType(0xff53_4d42), Ground::Elsewhere("cifs")),
    (FsType(0x00c3_6400), Ground::Elsewhere("ceph")),
    (FsType(0x0102_1997), Ground::Elsewhere("9p")),
    (FsType(0x6573_5546), Ground::Elsewhere("fuse")),
    (FsType(0x0102_1994), Ground::Memory), // tmpfs
    (FsType(0x8584_58f6), Ground::Memory), // ramfs
];

impl Ground {
    /// The ground that a file stands on.
    #[must_use]
    pub fn of(file: BorrowedFd<'_>) -> Self {
        fstatfs(file).map_or(Self::Unknown, |found| Self::from_type(found.filesystem_type()))
    }

    /// The ground of a kind of file system.
    fn from_type(kind: FsType) -> Self {
        KNOWN.iter().find(|(known, _)| *known == kind).map_or(Self::Unknown, |(_, ground)| *ground)
    }

    /// What overwriting did not reach, in one sentence for people.
    #[must_use]
    pub fn sentence(self) -> String {
        let rest = "copies that the disk itself keeps (SSDs do), snapshots, backups and other copies of the file";
        match self {
            Self::InPlace => format!("overwriting does not reach {rest}"),
            Self::Copies(name) => format!(
                "the file was on {name}: what was overwritten may still be on the disk until its blocks are used again; overwriting \
                 does not reach {rest} either"
            ),
            Self::Elsewhere(name) => {
                format!(
                    "the file was on {name}: what happens to the old bytes is decided there; overwriting does not reach {rest}"
                )
            }
            Self::Memory => {
                "the file was in memory: nothing of it is left there, but swapped pages may be on a disk".to_owned()
            }
            Self::Unknown => format!(
                "the file's file system is not known here: the old bytes may be left on it, and overwriting does not reach {rest}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use nix::sys::statfs::FsType;

    use super::{Ground, KNOWN};

    #[test]
    fn no_file_system_is_there_twice() {
        for (kind, ground) in KNOWN {
            assert_eq!(Ground::from_type(*kind), *ground);
        }
        assert_eq!(Ground::from_type(FsType(1)), Ground::Unknown);
    }

    #[test]
    fn a_file_in_memory_is_seen_as_one() {
        assert_eq!(Ground::of(File::open("/dev/shm").unwrap().as_fd()), Ground::Memory);
    }

    #[test]
    fn copying_file_systems_are_told_by_name() {
        for (number, name) in
            [(0x9123_683e, "btrfs"), (0x2fc1_2fc1, "zfs"), (0xca45_1a4e, "bcachefs"), (0x794c_7630, "overlayfs")]
        {
            assert!(Ground::from_type(FsType(number)).sentence().contains(name));
        }
    }
}
