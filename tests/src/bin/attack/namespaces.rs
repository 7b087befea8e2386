//! Attempts to get other namespaces and to change the mounts.

use crate::call::{Arg, call, clone, leave, wait};
use crate::files::{head, path};
use crate::{Arguments, Attempt, Outcome, refused, text, usage};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("unshare", unshare),
    ("clone-in", clone_in),
    ("clone3-in", clone3_in),
    ("setns", setns),
    ("setns-pidfd", setns_pidfd),
    ("mount-tmpfs", mount_tmpfs),
    ("mount-proc", mount_proc),
    ("bind", bind),
    ("umount", umount),
    ("remount-rw", remount_rw),
    ("open-tree", open_tree),
    ("fsopen", fsopen),
    ("mount-setattr", mount_setattr),
    ("pivot", pivot),
    ("chroot-out", chroot_out),
    ("where-namespaces-are-refused", where_namespaces_are_refused),
];

/// A zero argument.
const NONE: Arg<'static> = Arg::Int(0);

/// The clone flag of a kind of namespace.
fn flag(kind: &str) -> io::Result<i32> {
    Ok(match kind {
        "user" => libc::CLONE_NEWUSER,
        "mnt" => libc::CLONE_NEWNS,
        "pid" => libc::CLONE_NEWPID,
        "net" => libc::CLONE_NEWNET,
        "ipc" => libc::CLONE_NEWIPC,
        "uts" => libc::CLONE_NEWUTS,
        "cgroup" => libc::CLONE_NEWCGROUP,
        _ => return Err(usage("no such namespace")),
    })
}

/// `unshare KIND`.
fn unshare(arguments: &Arguments) -> Outcome {
    call(libc::SYS_unshare, [Arg::Int(i64::from(flag(text(arguments, 0)?)?))])?;
    Ok(b"a new namespace".to_vec())
}

/// `clone-in KIND`: a child in a new namespace, among harmless flags.
fn clone_in(arguments: &Arguments) -> Outcome {
    let pid = clone(flag(text(arguments, 0)?)? | libc::CLONE_IO)?;
    if pid == 0 {
        leave(0);
    }
    wait(pid)?;
    Ok(b"a child in a new namespace".to_vec())
}

/// `clone3-in KIND`: the same by the call whose arguments a filter cannot see.
fn clone3_in(arguments: &Arguments) -> Outcome {
    let flags = u64::from(flag(text(arguments, 0)?)?.cast_unsigned());
    let mut request = [0_u64; 11];
    let [first, _, _, _, signal, ..] = &mut request;
    (*first, *signal) = (flags, u64::from(libc::SIGCHLD.cast_unsigned()));
    let mut bytes: Vec<u8> = request.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let pid = call(libc::SYS_clone3, [Arg::Out(&mut bytes), Arg::Int(88)])?;
    if pid == 0 {
        leave(0);
    }
    wait(pid)?;
    Ok(b"a child in a new namespace".to_vec())
}

/// `setns PID KIND SECRET`: joins a process's namespace and reads a file there.
fn setns(arguments: &Arguments) -> Outcome {
    let place = File::open(format!("/proc/{}/ns/{}", text(arguments, 0)?, text(arguments, 1)?))?;
    call(libc::SYS_setns, [Arg::Int(i64::from(place.as_raw_fd())), NONE])?;
    head(File::open(arguments.get(2).ok_or_else(|| usage("a path is missing"))?)?)
}

/// `setns-pidfd PID SECRET`: the same for several namespaces at once.
fn setns_pidfd(arguments: &Arguments) -> Outcome {
    let pid = call(libc::SYS_pidfd_open, [Arg::Int(crate::number(arguments, 0)?), NONE])?;
    let kinds = i64::from(libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC);
    call(libc::SYS_setns, [Arg::Int(pid), Arg::Int(kinds)])?;
    head(File::open(arguments.get(1).ok_or_else(|| usage("a path is missing"))?)?)
}

/// Becomes able to mount: as it is, or in a user and mount namespace of its own. Never touches the host's mounts.
fn own_mounts() -> io::Result<()> {
    let alone = call(libc::SYS_unshare, [Arg::Int(i64::from(libc::CLONE_NEWNS))]);
    let user = || call(libc::SYS_unshare, [Arg::Int(i64::from(libc::CLONE_NEWUSER | libc::CLONE_NEWNS))]);
    // Refused either way, mounting is still tried where we are: a filter may have forgotten one of the three.
    if alone.or_else(|_| user()).is_ok() {
        let private = (libc::MS_REC | libc::MS_PRIVATE).cast_signed();
        call(libc::SYS_mount, [NONE, Arg::Text(c"/"), NONE, Arg::Int(private), NONE])?;
    }
    Ok(())
}

/// `mount-tmpfs FOLDER`.
fn mount_tmpfs(arguments: &Arguments) -> Outcome {
    own_mounts()?;
    call(libc::SYS_mount, [Arg::Text(c"none"), Arg::Text(&path(arguments, 0)?), Arg::Text(c"tmpfs"), NONE, NONE])?;
    Ok(b"mounted".to_vec())
}

/// `mount-proc FOLDER`: a fresh view of the processes.
fn mount_proc(arguments: &Arguments) -> Outcome {
    own_mounts()?;
    call(libc::SYS_mount, [Arg::Text(c"none"), Arg::Text(&path(arguments, 0)?), Arg::Text(c"proc"), NONE, NONE])?;
    Ok(b"mounted".to_vec())
}

/// `bind FROM TO NAME`: binds a folder and reads a file through it.
fn bind(arguments: &Arguments) -> Outcome {
    own_mounts()?;
    let flags = Arg::Int((libc::MS_BIND | libc::MS_REC).cast_signed());
    call(libc::SYS_mount, [Arg::Text(&path(arguments, 0)?), Arg::Text(&path(arguments, 1)?), NONE, flags, NONE])?;
    let folder = std::path::Path::new(arguments.get(1).ok_or_else(|| usage("a path is missing"))?);
    head(File::open(folder.join(text(arguments, 2)?))?)
}

/// `umount FOLDER NAME`: detaches what covers a folder and reads what is under it.
fn umount(arguments: &Arguments) -> Outcome {
    drop(own_mounts());
    let detached = call(libc::SYS_umount2, [Arg::Text(&path(arguments, 0)?), Arg::Int(i64::from(libc::MNT_DETACH))]);
    let folder = std::path::Path::new(arguments.first().ok_or_else(|| usage("a path is missing"))?);
    let content = head(File::open(folder.join(text(arguments, 1)?))?)?;
    if content.is_empty() { detached.map(|_| b"detached".to_vec()) } else { Ok(content) }
}

/// `remount-rw PATH`: makes the mount of a folder writable again.
fn remount_rw(arguments: &Arguments) -> Outcome {
    drop(own_mounts());
    let flags = Arg::Int((libc::MS_REMOUNT | libc::MS_BIND).cast_signed());
    call(libc::SYS_mount, [NONE, Arg::Text(&path(arguments, 0)?), NONE, flags, NONE])?;
    Ok(b"writable".to_vec())
}

/// `open-tree PATH`: a detached copy of a mount, through which covered places could show.
fn open_tree(arguments: &Arguments) -> Outcome {
    drop(own_mounts());
    let here = i64::from(libc::AT_FDCWD);
    let fd = call(libc::SYS_open_tree, [Arg::Int(here), Arg::Text(&path(arguments, 0)?), Arg::Int(1)])?;
    Ok(format!("tree {fd}").into_bytes())
}

/// `fsopen`: a file system context.
fn fsopen(_: &Arguments) -> Outcome {
    drop(own_mounts());
    let fd = call(libc::SYS_fsopen, [Arg::Text(c"tmpfs"), NONE])?;
    Ok(format!("context {fd}").into_bytes())
}

/// `mount-setattr PATH`: clears read-only.
fn mount_setattr(arguments: &Arguments) -> Outcome {
    drop(own_mounts());
    let mut attributes = [0_u8; 32];
    if let Some(clear) = attributes.get_mut(8) {
        *clear = 1;
    }
    let here = i64::from(libc::AT_FDCWD);
    call(
        libc::SYS_mount_setattr,
        [Arg::Int(here), Arg::Text(&path(arguments, 0)?), NONE, Arg::In(&attributes), Arg::Int(32)],
    )?;
    Ok(b"writable".to_vec())
}

/// `pivot FOLDER`: makes a bound folder the root.
fn pivot(arguments: &Arguments) -> Outcome {
    own_mounts()?;
    let folder = path(arguments, 0)?;
    let flags = Arg::Int((libc::MS_BIND | libc::MS_REC).cast_signed());
    call(libc::SYS_mount, [Arg::Text(&folder), Arg::Text(&folder), NONE, flags, NONE])?;
    std::env::set_current_dir(arguments.first().ok_or_else(|| usage("a path is missing"))?)?;
    call(libc::SYS_pivot_root, [Arg::Text(c"."), Arg::Text(c".")])?;
    Ok(b"another root".to_vec())
}

/// `chroot-out FOLDER SECRET`: the classic way out: chroot below, climb with dot-dots, read.
fn chroot_out(arguments: &Arguments) -> Outcome {
    let above = File::open("/")?;
    let chrooted = call(libc::SYS_chroot, [Arg::Text(&path(arguments, 0)?)]).or_else(|_| {
        call(libc::SYS_unshare, [Arg::Int(i64::from(libc::CLONE_NEWUSER))])?;
        call(libc::SYS_chroot, [Arg::Text(&path(arguments, 0)?)])
    })?;
    if chrooted != 0 {
        return Err(refused("chroot"));
    }
    call(libc::SYS_fchdir, [Arg::Int(i64::from(above.as_raw_fd()))])?;
    for _ in 0..64 {
        std::env::set_current_dir("..")?;
    }
    call(libc::SYS_chroot, [Arg::Text(c".")])?;
    head(File::open(arguments.get(1).ok_or_else(|| usage("a path is missing"))?)?)
}

/// `where-namespaces-are-refused PROGRAM [ARG…]`: no attack, but a place for tests: runs a program in a user namespace
/// that allows no further ones. Root sees every id as it is there, anybody else only their own.
fn where_namespaces_are_refused(arguments: &Arguments) -> Outcome {
    let [user, group] = [call(libc::SYS_geteuid, [])?, call(libc::SYS_getegid, [])?];
    let (made, done) = (io::pipe()?, io::pipe()?);
    let pid = clone(0)?;
    if pid == 0 {
        drop((made.0, done.1));
        call(libc::SYS_unshare, [Arg::Int(i64::from(libc::CLONE_NEWUSER))])?;
        drop(made.1);
        (&done.0).read_to_end(&mut Vec::new())?;
        std::fs::write("/proc/sys/user/max_user_namespaces", "0")?;
        let program = arguments.first().ok_or_else(|| usage("a program is missing"))?;
        return Err(std::process::Command::new(program).args(arguments.iter().skip(1)).exec());
    }
    drop((made.1, done.0));
    (&made.0).read_to_end(&mut Vec::new())?;
    let range = |id: i64| if user == 0 { "0 0 65536".to_owned() } else { format!("{id} {id} 1") };
    if user != 0 {
        std::fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    }
    std::fs::write(format!("/proc/{pid}/uid_map"), range(user))?;
    std::fs::write(format!("/proc/{pid}/gid_map"), range(group))?;
    drop(done.1);
    let status = wait(pid)?;
    leave(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) });
}
