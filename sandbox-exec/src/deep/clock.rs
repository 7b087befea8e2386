//! Whether the time of a folder's last change proves that nothing has changed since.
//!
//! Kernels take the time from a clock that stands still between two ticks, so a change right after a listing may bear the same time
//! as one right before. And not every file system keeps the time of a change at all.

use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::statfs::fstatfs;
use rustc_hash::FxHashMap;

use super::index::Stamp;

/// Two ticks of the slowest clock (100 Hz).
const TICKS: i128 = 20_000_000;

/// Two seconds: for file systems that count seconds only.
const SECONDS: i128 = 2_000_000_000;

/// File systems of this kernel's own that set the time with every change of a folder: ext2 to ext4, xfs, btrfs, tmpfs, f2fs,
/// bcachefs, zfs and overlay, see `linux/magic.h`. What is served by another machine or program is listed every time.
const KEEPERS: [i128; 8] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010, 0xca45_1a4e, 0x2fc1_2fc1, 0x794c_7630];

/// The time at which a walk began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(i128);

impl Clock {
    /// Now.
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i128::try_from(since.as_nanos()).unwrap_or(i128::MIN))
    }

    /// Whether every change since this time bears another time than `stamp`. A stamp from the future never is.
    pub(super) fn is_settled(self, stamp: &Stamp) -> bool {
        let margin = if stamp.nanoseconds == 0 { SECONDS } else { TICKS };
        let changed = i128::from(stamp.seconds) * 1_000_000_000 + i128::from(stamp.nanoseconds);
        changed + margin < self.0
    }
}

/// The file systems that were met, by device number.
#[derive(Debug, Default)]
pub(super) struct Disks(FxHashMap<u64, bool>);

impl Disks {
    /// Whether the file system `device` sets the time with every change; `open` opens any folder of it.
    pub(super) fn keep_time(&mut self, device: u64, open: impl FnOnce() -> Option<OwnedFd>) -> bool {
        *self.0.entry(device).or_insert_with(|| {
            let kind = open().and_then(|folder| fstatfs(&folder).ok()).map(|status| status.filesystem_type().0);
            kind.is_some_and(|kind| KEEPERS.iter().any(|keeper| i128::from(kind) == *keeper))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_within_the_same_tick_cannot_hide_behind_a_stamp() {
        let clock = Clock(1_000_000_000_000);
        let at = |seconds, nanoseconds| Stamp { device: 1, inode: 2, seconds, nanoseconds };
        assert!(clock.is_settled(&at(999, 979_000_000)));
        assert!(!clock.is_settled(&at(999, 981_000_000)));
        assert!(!clock.is_settled(&at(1000, 0)));
        assert!(!clock.is_settled(&at(5000, 1)), "the clock was set back");
        assert!(!clock.is_settled(&at(998, 0)), "whole seconds may mean that no more are kept");
        assert!(clock.is_settled(&at(997, 0)));
    }
}
