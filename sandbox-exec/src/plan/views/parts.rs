//! What a sandbox's tree is made of: mounts, and what the private tmpfs holds.

use std::path::PathBuf;

/// The folder of the private tmpfs that becomes `/`.
pub(crate) const ROOT: &str = "root";
/// The file in the sandbox's root by which a launcher inside knows it.
pub(crate) const MARKER: &str = ".lobsterpot";
/// Device nodes that are the host's own.
pub(crate) const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];
/// The file of the private tmpfs that covers masked files: nobody may open it.
pub(super) const MASK_FILE: &str = "masks/file";
/// The name of the file that tells why a folder is empty.
pub(super) const NOTICE: &str = "MASKED-BY-LOBSTERPOT.txt";
/// The folders of the private tmpfs that an overlay takes: where the host's folder is attached, what is changed, and the kernel's own.
pub(crate) const OVERLAY_FOLDERS: [&str; 3] = ["lower", "upper", "work"];
/// What that file says.
const NOTICE_TEXT: &str = "This folder is masked by the Lobsterpot sandbox: what it holds outside cannot be seen or changed from here.\n\
    It is not an error and trying another way does not help. If the task needs it, ask the person to change the policy.\n";

/// Whether a mount can be written through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// Where a mount's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The host's.
    Host(Origin),
    /// As `Host`, with the owner translated when the caller's root is remapped.
    Own(Origin),
    /// This path of the private tmpfs.
    Tree(PathBuf),
    /// The host's, as `Own`, under a private layer that takes what is changed: the folder of the private tmpfs that has room for both.
    Overlay(Origin, PathBuf),
}

/// A file or folder of the host that was looked at: what is mounted must be the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its real path.
    pub(crate) path: PathBuf,
    /// Its device and inode number.
    pub(crate) identity: (u64, u64),
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is seen inside; absolute.
    pub(crate) target: PathBuf,
    /// What is seen.
    pub(crate) source: Source,
    /// How.
    pub(crate) access: Access,
    /// It covers something that would be seen otherwise.
    pub(crate) mask: bool,
    /// What it is attached to.
    pub(crate) room: Room,
}

/// Whose ground a mount point lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The private tmpfs: nobody else can change it.
    Private,
    /// A bound part of the host.
    Host,
}

/// One thing in the private tmpfs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    /// Where; relative to the tmpfs.
    pub(crate) path: PathBuf,
    /// What.
    pub(crate) kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NodeKind {
    /// A folder with these permissions.
    Folder(u32),
    /// An empty file with these permissions, to mount on or to cover with.
    File(u32),
    /// A file that says why a folder is empty.
    Notice,
    /// The file by which a launcher inside knows the sandbox.
    Marker,
    /// A symlink with this text.
    Link(PathBuf),
    /// A file with this text.
    Text(String),
}

/// The text of the notice in masked folders.
pub(crate) fn notice() -> &'static [u8] {
    NOTICE_TEXT.as_bytes()
}
