//! The sandbox's tree: a private tmpfs as the root, with parts of the host bound into it.
//!
//! 1. The tmpfs is made and filled: folders, mount points, masks. It holds everything private, in one superblock.
//! 2. Its part `root` is moved over `/`. Paths without a descriptor still mean the host's tree, for the caller's root is unchanged.
//! 3. What is only read is bound, masks with it, and all of it is made read-only by one recursive call.
//! 4. Devices, `/proc`, and then what is writable are added; what is protected inside comes after what surrounds it.
//! 5. The process enters the tree. The old root lies below the new one at a place that no path leads to: `..` in a root goes
//!    nowhere, and taking the new root away needs a capability that the command will not have.
//!
//! Every mount point on ground that the host or the agent may change is opened without following symlinks, and mounted on by
//! descriptor.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, SFlag, fchmodat, fstat, mkdirat, mknodat};
use nix::unistd::{chroot, fchdir, linkat, symlinkat, write};

use crate::plan::{self, Access, Mount, Network, Node, NodeKind, Origin, Plan, Room, Source};
use crate::report;
use crate::step::{Failure, Step, Stepped};
use crate::sys::mount::{self, FileSystem, NODEV, NOEXEC, NOSUID, RDONLY};

/// A descriptor that is left to the one `close_range(2)` at the end: closing dozens one by one would cost as many system calls.
type Kept = ManuallyDrop<OwnedFd>;

/// What a mount may be made from.
struct Sources {
    /// Mounts prepared outside.
    prepared: BTreeMap<PathBuf, Vec<OwnedFd>>,
    /// The private tmpfs.
    tmpfs: Kept,
}

/// Builds the tree and enters it.
///
/// # Errors
/// The step that failed, with the path.
pub(crate) fn build(plan: &Plan, prepared: BTreeMap<PathBuf, Vec<OwnedFd>>) -> Result<(), Failure> {
    let tmpfs = private_tmpfs(plan)?;
    fill(&tmpfs, &plan.tree, &plan.network)?;
    let root = ManuallyDrop::new(mount::clone_tree(&*tmpfs, &c_path(Path::new(plan::ROOT))?).step(Step::Root)?);
    mount::attach(&*root, AT_FDCWD, c"/").step(Step::Root)?;
    let mut sources = Sources { prepared, tmpfs };
    for one in &plan.sealed {
        let tree = sources.tree(one)?;
        place(&tree, &root, one)?;
    }
    mount::set_attributes(&*root, RDONLY | NOSUID | NODEV).step(Step::Seal)?;
    devices(&root, plan)?;
    proc(&root)?;
    for one in &plan.open {
        let (tree, access) = match &one.source {
            Source::Overlay(lower, room) => {
                let (tree, refused) = sources.overlay(one, lower, room)?;
                if let Some(errno) = refused {
                    report::layer_refused(&lower.path, errno, plan.supervision.account.report);
                }
                (tree, if refused.is_some() { Access::Read } else { Access::Write })
            }
            Source::Host(_) | Source::Own(_) | Source::Tree(_) => (sources.tree(one)?, one.access),
        };
        let read_only = if access == Access::Read { RDONLY } else { 0 };
        mount::set_attributes(&*tree, read_only | NOSUID | NODEV).step_at(Step::Seal, &one.target)?;
        place(&tree, &root, one)?;
    }
    fchdir(&*root).step(Step::Root)?;
    chroot(".").step(Step::Root)
}

/// What a file that is not empty takes of a tmpfs, at least, in bytes.
const PAGE: u64 = 4096;

/// How many files the private tmpfs has room for, however small it is: the tree itself is made of some, and each takes about 1 KiB.
const LEAST_FILES: u64 = 65536;

/// The private tmpfs, attached below the root to come so that parts of it can be cloned on every kernel.
///
/// # Errors
/// The step that failed.
fn private_tmpfs(plan: &Plan) -> Result<Kept, Failure> {
    let tmpfs = FileSystem::open(c"tmpfs").step(Step::PrivateTree)?;
    tmpfs.set(c"mode", c"0755").step(Step::PrivateTree)?;
    if let Some(size) = plan.limits.tmpfs {
        // Empty files and folders take no page, and the kernel's own memory all the same.
        let files = (size / PAGE).max(LEAST_FILES);
        for (option, value) in [(c"size", size), (c"nr_inodes", files)] {
            let value = CString::new(value.to_string()).map_err(|_| Failure::new(Step::PrivateTree, Errno::EINVAL))?;
            tmpfs.set(option, &value).step(Step::PrivateTree)?;
        }
    }
    let tmpfs = tmpfs.mount(NOSUID | NODEV).step(Step::PrivateTree)?;
    mount::attach(&tmpfs, AT_FDCWD, c"/").step(Step::PrivateTree)?;
    Ok(ManuallyDrop::new(tmpfs))
}

/// Makes the nodes of the private tmpfs.
///
/// # Errors
/// The step that failed.
fn fill(tmpfs: &OwnedFd, nodes: &[Node], network: &Network) -> Result<(), Failure> {
    let mode = Mode::from_bits_truncate;
    let mut notice: Option<&PathBuf> = None;
    for Node { path, kind } in nodes {
        match kind {
            NodeKind::Folder(bits) => {
                mkdirat(tmpfs, path, mode(*bits)).step_at(Step::Skeleton, path)?;
                // The caller's umask may have taken bits away; only open folders ask for more than it could leave.
                if *bits != 0o755 {
                    fchmodat(tmpfs, path, mode(*bits), nix::sys::stat::FchmodatFlags::FollowSymlink)
                        .step_at(Step::Skeleton, path)?;
                }
            }
            NodeKind::File(bits) => {
                mknodat(tmpfs, path, SFlag::S_IFREG, mode(*bits), 0).step_at(Step::Skeleton, path)?;
            }
            NodeKind::Link(text) => symlinkat(text, tmpfs, path).step_at(Step::Skeleton, path)?,
            NodeKind::Notice => match &notice {
                None => {
                    file(tmpfs, path, plan::notice())?;
                    notice = Some(path);
                }
                Some(first) => {
                    linkat(tmpfs, first.as_path(), tmpfs, path, AtFlags::empty()).step_at(Step::Skeleton, path)?;
                }
            },
            NodeKind::Text(text) => file(tmpfs, path, text.as_bytes())?,
            NodeKind::Marker => file(tmpfs, path, network.word().as_bytes())?,
        }
    }
    Ok(())
}

/// Makes a small file that anybody may read.
///
/// # Errors
/// The step that failed.
fn file(tmpfs: &OwnedFd, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
    let file = openat(tmpfs, path, flags, Mode::from_bits_truncate(0o444)).step_at(Step::Skeleton, path)?;
    write(&file, content).map(drop).step_at(Step::Skeleton, path)
}

impl Sources {
    /// The detached tree that `mount` shows.
    ///
    /// # Errors
    /// The step that failed.
    fn tree(&mut self, mount: &Mount) -> Result<Kept, Failure> {
        let step = if mount.mask { Step::Mask } else { Step::Bind };
        let tree = match &mount.source {
            Source::Tree(path) => mount::clone_tree(&*self.tmpfs, &c_path(path)?).step_at(step, &mount.target),
            Source::Own(origin) | Source::Overlay(origin, _) => {
                match self.prepared.get_mut(&origin.path).and_then(Vec::pop) {
                    Some(tree) => Ok(tree),
                    None => clone_origin(origin, step),
                }
            }
            Source::Host(origin) => clone_origin(origin, step),
        };
        tree.map(ManuallyDrop::new)
    }
}

impl Sources {
    /// A private layer over `lower`. Where the kernel refuses one (before Linux 5.11 in a user namespace, or for the file system that is
    /// to lie below), the host's folder by itself, which must then be read-only, and why.
    ///
    /// # Errors
    /// The step that failed.
    fn overlay(&mut self, mount: &Mount, lower: &Origin, room: &Path) -> Result<(Kept, Option<Errno>), Failure> {
        let folders = plan::OVERLAY_FOLDERS.map(|name| room.join(name));
        let below = c_path(&folders[0])?;
        let tree = self.tree(mount)?;
        mount::attach(&*tree, &*self.tmpfs, &below).step_at(Step::Bind, &lower.path)?;
        // The options are paths from the working folder: nothing in them needs to be escaped, and no path of the host's is walked.
        fchdir(&*self.tmpfs).step(Step::Bind)?;
        match layer(&folders) {
            Ok(layer) => Ok((ManuallyDrop::new(layer), None)),
            Err(errno) => {
                let plain = mount::clone_tree(&*self.tmpfs, &below).step_at(Step::Bind, &lower.path)?;
                Ok((ManuallyDrop::new(plain), Some(errno)))
            }
        }
    }
}

/// Mounts an overlay (overlayfs(5)) of three folders: what lies below, what is changed, and the kernel's own.
///
/// # Errors
/// The kernel's.
fn layer(folders: &[PathBuf; 3]) -> Result<OwnedFd, Errno> {
    let overlay = FileSystem::open(c"overlay")?;
    for (option, folder) in [c"lowerdir", c"upperdir", c"workdir"].into_iter().zip(folders) {
        let folder = CString::new(folder.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
        overlay.set(option, &folder)?;
    }
    // Without it the kernel keeps its notes in attributes that take a capability on the host.
    overlay.flag(c"userxattr")?;
    overlay.mount(NOSUID | NODEV)
}

/// Clones the tree at `origin`, and makes sure that it is the one that was judged.
///
/// # Errors
/// `ESTALE` when another file or folder lies there by now.
pub(crate) fn clone_origin(origin: &Origin, step: Step) -> Result<OwnedFd, Failure> {
    let tree = mount::clone_tree(AT_FDCWD, &c_path(&origin.path)?).step_at(step, &origin.path)?;
    let status = fstat(&tree).step_at(step, &origin.path)?;
    if (status.st_dev, status.st_ino) != origin.identity {
        return Err(Failure::at(step, &origin.path, Errno::ESTALE));
    }
    Ok(tree)
}

/// Attaches `tree` where `mount` says.
///
/// # Errors
/// The step that failed.
fn place(tree: &OwnedFd, root: &OwnedFd, mount: &Mount) -> Result<(), Failure> {
    let step = if mount.mask { Step::Mask } else { Step::Bind };
    let target = mount.target.strip_prefix("/").unwrap_or(&mount.target);
    if mount.room == Room::Private {
        return mount::attach(tree, root, &c_path(target)?).step_at(step, &mount.target);
    }
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let point = openat2(root, target, how).step_at(step, &mount.target)?;
    mount::attach(tree, &point, c"").step_at(step, &mount.target)
}

/// Builds `/dev`: six nodes of the host, terminals of its own, and the caller's terminal as the console.
///
/// # Errors
/// The step that failed.
fn devices(root: &OwnedFd, plan: &Plan) -> Result<(), Failure> {
    for name in plan::DEVICES {
        let node = mount::clone_tree(AT_FDCWD, &c_path(&Path::new("/dev").join(name))?).step_at(Step::Devices, name)?;
        let node = ManuallyDrop::new(node);
        mount::attach(&*node, root, &c_path(&Path::new("dev").join(name))?).step_at(Step::Devices, name)?;
    }
    let terminals = FileSystem::open(c"devpts").step(Step::Devices)?;
    terminals.flag(c"newinstance").step(Step::Devices)?;
    terminals.set(c"ptmxmode", c"0666").step(Step::Devices)?;
    terminals.set(c"mode", c"0620").step(Step::Devices)?;
    let terminals = terminals.mount(NOSUID | NOEXEC).step(Step::Devices)?;
    mount::attach(&terminals, root, c"dev/pts").step(Step::Devices)?;
    if let Some(terminal) = &plan.terminal {
        let node = mount::clone_tree(AT_FDCWD, &c_path(terminal)?).step_at(Step::Devices, terminal)?;
        mount::attach(&node, root, c"dev/console").step(Step::Devices)?;
    }
    Ok(())
}

/// Mounts the sandbox's own `/proc`.
///
/// # Errors
/// The step that failed.
fn proc(root: &OwnedFd) -> Result<(), Failure> {
    let proc = FileSystem::open(c"proc").step(Step::Proc)?.mount(NOSUID | NODEV | NOEXEC).step(Step::Proc)?;
    mount::attach(&proc, root, c"proc").step(Step::Proc)
}

/// `path` as the kernel takes it.
///
/// # Errors
/// The step that failed.
fn c_path(path: &Path) -> Result<CString, Failure> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Failure::at(Step::Bind, path, Errno::EINVAL))
}
