//! Whether what lies on a tmpfs can reach a disk by way of swap.
//!
//! It cannot when the tmpfs is mounted `noswap` (Linux 6.4), when no swap is active, or when every swap area is in memory (zram
//! without a backing device) or encrypted (dm-crypt). What cannot be found out counts as a disk.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::stat::{dev_t, major, minor, stat};
use nix::sys::sysinfo::sysinfo;

/// Where the kernel tells of block devices, by number.
const BLOCK_DEVICES: &str = "/sys/dev/block";

/// The kinds of devices that cryptsetup encrypts, as it writes them behind `CRYPT-` in their UUIDs.
const ENCRYPTED: &[&str] = &["LUKS", "PLAIN-", "LOOPAES-", "TCRYPT-", "BITLK-", "FVAULT2-"];

/// Whether pages of the tmpfs with this device number could be written to an unencrypted disk.
pub(super) fn reaches_disk(device: dev_t) -> bool {
    if fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| is_noswap(&mounts, device)) {
        return false;
    }
    if sysinfo().is_ok_and(|host| host.swap_total() == 0) {
        return false;
    }
    fs::read_to_string("/proc/swaps").map_or(true, |text| areas(&text).iter().any(|area| !keeps_secrets(area)))
}

/// Whether the file system of this number is a tmpfs mounted `noswap`, in the text of `/proc/self/mountinfo` (proc(5)).
fn is_noswap(mounts: &str, device: dev_t) -> bool {
    let number = format!("{}:{}", major(device), minor(device));
    mounts.lines().any(|line| {
        let mut halves = line.splitn(2, " - ");
        let is_here = halves.next().and_then(|half| half.split(' ').nth(2)) == Some(number.as_str());
        let mut system = halves.next().unwrap_or_default().split(' ');
        let is_tmpfs = system.next() == Some("tmpfs");
        let options = system.nth(1).unwrap_or_default();
        is_here && is_tmpfs && options.split(',').any(|option| option == "noswap")
    })
}

/// The active swap areas, in the text of `/proc/swaps`. An area whose name cannot be read is kept as it is: it will not be found,
/// and counts as a disk.
fn areas(swaps: &str) -> Vec<PathBuf> {
    swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(PathBuf::from).collect()
}

/// Whether what is swapped to this area is out of reach for whoever has the disk.
fn keeps_secrets(area: &Path) -> bool {
    let Ok(found) = stat(area) else { return false };
    let device = if found.st_rdev == 0 { found.st_dev } else { found.st_rdev };
    let node = Path::new(BLOCK_DEVICES).join(format!("{}:{}", major(device), minor(device)));
    fs::canonicalize(node).is_ok_and(|node| is_safe_device(&node, 0))
}

/// Whether the block device of this folder in sysfs is encrypted or in memory, itself or by what it is made of.
fn is_safe_device(node: &Path, depth: usize) -> bool {
    let text = |name: &str| fs::read_to_string(node.join(name)).unwrap_or_default();
    if is_encrypted(&text("dm/uuid")) || text("backing_dev").trim() == "none" {
        return true;
    }
    let below = fs::read_dir(node.join("slaves")).and_then(|slaves| {
        let real = |slave: io::Result<DirEntry>| fs::canonicalize(slave?.path());
        slaves.map(real).collect::<io::Result<Vec<PathBuf>>>()
    });
    below
        .is_ok_and(|below| depth < 8 && !below.is_empty() && below.iter().all(|slave| is_safe_device(slave, depth + 1)))
}

/// Whether a device-mapper device with this UUID is encrypted. Those of dm-integrity and dm-verity, which are not, begin alike.
fn is_encrypted(uuid: &str) -> bool {
    uuid.strip_prefix("CRYPT-").is_some_and(|kind| ENCRYPTED.iter().any(|known| kind.starts_with(known)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use nix::sys::stat::makedev;

    use super::{areas, is_noswap, is_safe_device, keeps_secrets};

    #[test]
    fn only_the_tmpfs_itself_is_noswap() {
        let mounts = "25 1 0:22 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=1k,noswap\n\
                      26 1 0:23 / /dev/shm rw,noswap shared:6 - tmpfs tmpfs rw,size=1k\n\
                      27 1 0:24 / /x rw - ext4 /dev/noswap rw,noswap\n";
        assert!(is_noswap(mounts, makedev(0, 22)));
        for other in [23, 24, 25, 2] {
            assert!(!is_noswap(mounts, makedev(0, other)), "{other}");
        }
    }

    #[test]
    fn every_active_area_is_seen() {
        assert!(areas("Filename\tType\tSize\tUsed\tPriority\n").is_empty());
        let text = "Filename Type Size Used Priority\n/dev/dm-1 partition 1 0 -2\n/swap\\040file file 1 0 -3\n";
        assert_eq!(areas(text), [PathBuf::from("/dev/dm-1"), PathBuf::from("/swap\\040file")]);
    }

    #[test]
    fn what_is_not_known_to_be_safe_is_a_disk() {
        assert!(!keeps_secrets(&PathBuf::from("/no/such/area")));
        let world = tempfile::tempdir().unwrap();
        let device = |name: &str, file: &str, text: &str| {
            let node = world.path().join(name);
            fs::create_dir_all(node.join("slaves")).unwrap();
            fs::create_dir_all(node.join("dm")).unwrap();
            fs::write(node.join(file), text).unwrap();
            node
        };
        let disk = device("sda", "size", "8\n");
        let zram = device("zram0", "backing_dev", "none\n");
        let written_back = device("zram1", "backing_dev", "/dev/sda\n");
        let crypt = device("dm-0", "dm/uuid", "CRYPT-LUKS2-0123-swap\n");
        let over_crypt = device("dm-1", "dm/uuid", "LVM-0123\n");
        symlink(&crypt, over_crypt.join("slaves/dm-0")).unwrap();
        let over_both = device("dm-2", "dm/uuid", "LVM-4567\n");
        symlink(&crypt, over_both.join("slaves/dm-0")).unwrap();
        symlink(&disk, over_both.join("slaves/sda")).unwrap();
        let over_unknown = device("dm-3", "dm/uuid", "LVM-89ab\n");
        symlink(&crypt, over_unknown.join("slaves/dm-0")).unwrap();
        symlink(world.path().join("sdb"), over_unknown.join("slaves/sdb")).unwrap();
        let checksums = device("dm-4", "dm/uuid", "CRYPT-INTEGRITY-swap\n");
        symlink(&disk, checksums.join("slaves/sda")).unwrap();
        let over_checksums = device("dm-5", "dm/uuid", "CRYPT-PLAIN-swap\n");
        symlink(&checksums, over_checksums.join("slaves/dm-4")).unwrap();
        let unsafe_ones = [disk, written_back, over_both, over_unknown, checksums];
        let safe_ones = [zram, crypt, over_crypt, over_checksums];
        let all = unsafe_ones.map(|node| (node, false)).into_iter().chain(safe_ones.map(|node| (node, true)));
        for (node, expected) in all {
            assert_eq!(is_safe_device(&node, 0), expected, "{}", node.display());
        }
    }
}
