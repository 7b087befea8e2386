//! Attempts on files: reading, writing, linking, renaming, making nodes, racing.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::ffi::{CString, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("read", read),
    ("read-at", read_at),
    ("read-fd", read_fd),
    ("search", search),
    ("list", list),
    ("write", write),
    ("create", create),
    ("append-each", append_each),
    ("rewrite", rewrite),
    ("open-to-write", open_to_write),
    ("hardlink", hardlink),
    ("symlink", symlink),
    ("rename", rename),
    ("exchange", exchange),
    ("exchange-on", exchange_on),
    ("unlink", unlink),
    ("mkdir", mkdir),
    ("link-unnamed", link_unnamed),
    ("mknod", mknod),
    ("open-by-handle", open_by_handle),
    ("swap-race", swap_race),
    ("rename-race", rename_race),
    ("create-race", create_race),
    ("link-race", link_race),
    ("fill", fill),
];

/// A path argument for a raw call.
pub(crate) fn path(arguments: &Arguments, index: usize) -> io::Result<CString> {
    let argument = arguments.get(index).ok_or_else(|| usage("a path is missing"))?;
    CString::new(argument.as_bytes()).map_err(|_| usage("a path holds a NUL"))
}

/// Reads at most 64 KiB.
pub(crate) fn head(mut file: impl Read) -> Outcome {
    let mut bytes = vec![0; 65536];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// `read PATH`: the content; an empty file counts as refused.
fn read(arguments: &Arguments) -> Outcome {
    let content = head(File::open(arguments.first().ok_or_else(|| usage("a path is missing"))?)?)?;
    if content.is_empty() { Err(refused("the file is empty")) } else { Ok(content) }
}

/// `read-at FD PATH`: relative to an inherited folder.
fn read_at(arguments: &Arguments) -> Outcome {
    let flags = i64::from(libc::O_RDONLY | libc::O_CLOEXEC);
    let folder: i64 = number(arguments, 0)?;
    let file =
        call(libc::SYS_openat, [Arg::Int(folder), Arg::Text(&path(arguments, 1)?), Arg::Int(flags), Arg::Int(0)])?;
    head(File::open(format!("/proc/self/fd/{file}"))?).or_else(|_| read_raw(file))
}

/// Reads a descriptor by raw call.
fn read_raw(fd: i64) -> Outcome {
    let mut bytes = vec![0; 65536];
    let count = call(libc::SYS_pread64, [Arg::Int(fd), Arg::Out(&mut bytes), Arg::Int(65536), Arg::Int(0)])?;
    bytes.truncate(usize::try_from(count).unwrap_or(0));
    Ok(bytes)
}

/// `read-fd FD`: an inherited file.
fn read_fd(arguments: &Arguments) -> Outcome {
    read_raw(number(arguments, 0)?)
}

/// `search TEXT ROOT…`: reads every file below the roots for the text, and compares names too.
fn search(arguments: &Arguments) -> Outcome {
    let wanted = text(arguments, 0)?.as_bytes();
    for root in arguments.iter().skip(1) {
        if let Some(found) = search_folder(Path::new(root), wanted, 12) {
            return Ok(found);
        }
    }
    Err(refused("not found anywhere"))
}

/// Searches one folder.
fn search_folder(folder: &Path, wanted: &[u8], depth: u32) -> Option<Vec<u8>> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let kind = entry.file_type().ok()?;
        let place = entry.path();
        if place.as_os_str().as_bytes().windows(wanted.len()).any(|window| window == wanted) {
            return Some(place.as_os_str().as_bytes().to_vec());
        }
        if kind.is_dir() && depth > 0 {
            if let Some(found) = search_folder(&place, wanted, depth - 1) {
                return Some(found);
            }
        } else if kind.is_file() {
            let content = File::open(&place).and_then(head).unwrap_or_default();
            if content.windows(wanted.len()).any(|window| window == wanted) {
                return Some(content);
            }
        }
    }
    None
}

/// `list PATH`: the names in a folder; none counts as refused.
fn list(arguments: &Arguments) -> Outcome {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(arguments.first().ok_or_else(|| usage("a path is missing"))?)? {
        names.push(entry?.file_name().as_bytes().to_vec());
    }
    if names.is_empty() { Err(refused("the folder is empty")) } else { Ok(names.join(&b' ')) }
}

/// `write PATH TEXT`: appends, creating the file when there is none.
fn write(arguments: &Arguments) -> Outcome {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(arguments.first().ok_or_else(|| usage("a path is missing"))?)?;
    file.write_all(format!("{}\n", text(arguments, 1)?).as_bytes())?;
    Ok(b"written".to_vec())
}

/// `create PATH TEXT`: makes a new file, which must not exist.
fn create(arguments: &Arguments) -> Outcome {
    let target = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(target)?;
    file.write_all(format!("{}\n", text(arguments, 1)?).as_bytes())?;
    Ok(b"created".to_vec())
}

/// `rewrite PATH`: writes a file's own content back: harmless, and proof that it could be changed.
fn rewrite(arguments: &Arguments) -> Outcome {
    let target = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let content = fs::read(target)?;
    let mut file = OpenOptions::new().write(true).open(target)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&content)?;
    Ok(b"rewritten".to_vec())
}

/// `append-each TEXT PATH…`: appends to each, with the folders above it, and tells how many that were.
fn append_each(arguments: &Arguments) -> Outcome {
    let line = format!("{}\n", text(arguments, 0)?);
    let append = |place: &OsString| {
        if let Some(folder) = Path::new(place).parent() {
            drop(fs::create_dir_all(folder));
        }
        OpenOptions::new().append(true).create(true).open(place).and_then(|mut file| file.write_all(line.as_bytes()))
    };
    match arguments.iter().skip(1).filter(|place| append(place).is_ok()).count() {
        0 => Err(refused("none")),
        count => Ok(format!("{count} files").into_bytes()),
    }
}

/// `open-to-write PATH`: opens and closes.
fn open_to_write(arguments: &Arguments) -> Outcome {
    let target = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    OpenOptions::new().write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK).open(target)?;
    Ok(b"open for writing".to_vec())
}

/// `hardlink FROM TO`: then reads through the new name.
fn hardlink(arguments: &Arguments) -> Outcome {
    let to = arguments.get(1).ok_or_else(|| usage("a path is missing"))?;
    fs::hard_link(arguments.first().ok_or_else(|| usage("a path is missing"))?, to)?;
    head(File::open(to)?)
}

/// `symlink TARGET NAME`.
fn symlink(arguments: &Arguments) -> Outcome {
    call(
        libc::SYS_symlinkat,
        [Arg::Text(&path(arguments, 0)?), Arg::Int(i64::from(libc::AT_FDCWD)), Arg::Text(&path(arguments, 1)?)],
    )?;
    Ok(b"linked".to_vec())
}

/// `rename FROM TO`.
fn rename(arguments: &Arguments) -> Outcome {
    renameat2(&path(arguments, 0)?, &path(arguments, 1)?, 0)
}

/// `exchange A B`.
fn exchange(arguments: &Arguments) -> Outcome {
    renameat2(&path(arguments, 0)?, &path(arguments, 1)?, libc::RENAME_EXCHANGE)
}

/// `exchange-on A B MILLISECONDS`: exchanges them over and over.
fn exchange_on(arguments: &Arguments) -> Outcome {
    let (one, other) = (path(arguments, 0)?, path(arguments, 1)?);
    let end = Instant::now() + Duration::from_millis(number(arguments, 2)?);
    while Instant::now() < end {
        renameat2(&one, &other, libc::RENAME_EXCHANGE)?;
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(b"exchanged".to_vec())
}

/// The raw rename.
fn renameat2(from: &CString, to: &CString, flags: u32) -> Outcome {
    let here = i64::from(libc::AT_FDCWD);
    call(
        libc::SYS_renameat2,
        [Arg::Int(here), Arg::Text(from), Arg::Int(here), Arg::Text(to), Arg::Int(i64::from(flags))],
    )?;
    Ok(b"renamed".to_vec())
}

/// `unlink PATH`.
fn unlink(arguments: &Arguments) -> Outcome {
    fs::remove_file(arguments.first().ok_or_else(|| usage("a path is missing"))?)?;
    Ok(b"unlinked".to_vec())
}

/// `mkdir PATH`.
fn mkdir(arguments: &Arguments) -> Outcome {
    fs::create_dir(arguments.first().ok_or_else(|| usage("a path is missing"))?)?;
    Ok(b"made".to_vec())
}

/// `link-unnamed FOLDER NAME TEXT`: an `O_TMPFILE` that gets its name only afterwards.
fn link_unnamed(arguments: &Arguments) -> Outcome {
    let folder = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).mode(0o755).open(folder)?;
    file.write_all(format!("{}\n", text(arguments, 2)?).as_bytes())?;
    let own =
        CString::new(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file))).map_err(|_| usage("NUL"))?;
    let here = i64::from(libc::AT_FDCWD);
    let follow = i64::from(libc::AT_SYMLINK_FOLLOW);
    call(
        libc::SYS_linkat,
        [Arg::Int(here), Arg::Text(&own), Arg::Int(here), Arg::Text(&path(arguments, 1)?), Arg::Int(follow)],
    )?;
    Ok(b"linked".to_vec())
}

/// `mknod PATH (b|c) MAJOR MINOR`: makes a device node and reads from it.
fn mknod(arguments: &Arguments) -> Outcome {
    let kind = if text(arguments, 1)? == "b" { libc::S_IFBLK } else { libc::S_IFCHR };
    let device = libc::makedev(number(arguments, 2)?, number(arguments, 3)?);
    let name = path(arguments, 0)?;
    let device = i64::try_from(device).map_err(|_| usage("device number"))?;
    call(
        libc::SYS_mknodat,
        [Arg::Int(i64::from(libc::AT_FDCWD)), Arg::Text(&name), Arg::Int(i64::from(kind | 0o600)), Arg::Int(device)],
    )?;
    let result =
        File::open(arguments.first().ok_or_else(|| usage("a path is missing"))?).and_then(|file| head(file.take(16)));
    Ok(result.map_or_else(|_| b"node".to_vec(), |content| [b"node with ".to_vec(), content].concat()))
}

/// `open-by-handle PATH`: names a file by handle and opens it without its path.
fn open_by_handle(arguments: &Arguments) -> Outcome {
    let mut handle = vec![0_u8; 136];
    handle.splice(0..4, 128_u32.to_ne_bytes());
    let mut mount = [0_u8; 4];
    let here = i64::from(libc::AT_FDCWD);
    let name = path(arguments, 0)?;
    call(
        libc::SYS_name_to_handle_at,
        [Arg::Int(here), Arg::Text(&name), Arg::Out(&mut handle), Arg::Out(&mut mount), Arg::Int(0)],
    )?;
    let folder = File::open(".")?;
    let folder = i64::from(std::os::fd::AsRawFd::as_raw_fd(&folder));
    let fd = call(
        libc::SYS_open_by_handle_at,
        [Arg::Int(folder), Arg::Out(&mut handle), Arg::Int(i64::from(libc::O_RDONLY))],
    )?;
    read_raw(fd)
}

/// `swap-race LINK HARMLESS SECRET TEXT`: one thread swaps a symlink between two targets, the other reads through it.
fn swap_race(arguments: &Arguments) -> Outcome {
    let (link, harmless, secret) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    let spare = format!("{link}.next");
    race(text(arguments, 3)?, Path::new(link), || {
        for target in [harmless, secret] {
            drop(fs::remove_file(&spare));
            drop(std::os::unix::fs::symlink(target, &spare));
            drop(fs::rename(&spare, link));
        }
    })
}

/// `rename-race FOLDER OTHER NAME TEXT`: exchanges two folders while reading `FOLDER/NAME`.
fn rename_race(arguments: &Arguments) -> Outcome {
    let (one, other) = (path(arguments, 0)?, path(arguments, 1)?);
    let target = Path::new(arguments.first().ok_or_else(|| usage("a path is missing"))?).join(text(arguments, 2)?);
    race(text(arguments, 3)?, &target, || drop(renameat2(&one, &other, libc::RENAME_EXCHANGE)))
}

/// `create-race LINK HARMLESS NAME [FOLDER]`: one thread swaps a symlink between two targets, the other creates through it
/// until `NAME` is there; then `FOLDER` is made read-only at once.
fn create_race(arguments: &Arguments) -> Outcome {
    let (link, harmless, name) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    let spare = format!("{link}.next");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for target in [harmless, name] {
                    drop(fs::remove_file(&spare));
                    drop(std::os::unix::fs::symlink(target, &spare));
                    drop(fs::rename(&spare, link));
                }
            }
        });
        let end = Instant::now() + Duration::from_secs(2);
        let won = std::iter::repeat_with(|| create_through(link, name))
            .take_while(|_| Instant::now() < end)
            .any(std::convert::identity);
        if let (true, Some(folder)) = (won, arguments.get(3)) {
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o555))?;
        }
        over.store(true, Ordering::Relaxed);
        if won { Ok(b"the name".to_vec()) } else { Err(refused("never won the race")) }
    })
}

/// `link-race LINK HARMLESS FOLDER NAME TARGET`: one thread swaps a symlink between two folders, the other makes a symlink to `TARGET`
/// through it, until there is one in `FOLDER`.
fn link_race(arguments: &Arguments) -> Outcome {
    let (link, harmless, folder) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    let (name, target) = (text(arguments, 3)?, text(arguments, 4)?);
    let spare = format!("{link}.next");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for place in [harmless, folder] {
                    drop(fs::remove_file(&spare));
                    drop(std::os::unix::fs::symlink(place, &spare));
                    drop(fs::rename(&spare, link));
                }
            }
        });
        let end = Instant::now() + Duration::from_secs(2);
        let tries = std::iter::repeat_with(|| {
            drop(fs::remove_file(Path::new(harmless).join(name)));
            drop(std::os::unix::fs::symlink(target, Path::new(link).join(name)));
            fs::symlink_metadata(Path::new(folder).join(name)).is_ok()
        });
        let won = tries.take_while(|_| Instant::now() < end).any(std::convert::identity);
        over.store(true, Ordering::Relaxed);
        if won { Ok(b"the symlink".to_vec()) } else { Err(refused("never won the race")) }
    })
}

/// Creates whatever `link` leads to and tells whether `name` is there.
fn create_through(link: &str, name: &str) -> bool {
    drop(OpenOptions::new().write(true).create(true).truncate(false).open(link));
    fs::symlink_metadata(name).is_ok()
}

/// Reads `target` over and over for a second while `disturb` runs beside it.
fn race(wanted: &str, target: &Path, disturb: impl Fn() + Sync) -> Outcome {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                disturb();
            }
        });
        let end = Instant::now() + Duration::from_secs(1);
        let found = std::iter::repeat_with(|| File::open(target).and_then(head).unwrap_or_default())
            .take_while(|_| Instant::now() < end)
            .find(|content| content.windows(wanted.len()).any(|window| window == wanted.as_bytes()));
        over.store(true, Ordering::Relaxed);
        found.ok_or_else(|| refused("never won the race"))
    })
}

/// `fill PATH BYTES`: writes that many bytes, by the MiB.
fn fill(arguments: &Arguments) -> Outcome {
    let target = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let wanted: u64 = number(arguments, 1)?;
    let mut file = File::create(target)?;
    let block = vec![0x5a_u8; 1 << 20];
    let mut done = 0;
    while done < wanted {
        file.write_all(&block)?;
        done += 1 << 20;
    }
    Ok(format!("{done} bytes").into_bytes())
}
