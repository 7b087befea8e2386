//! Raw system calls: the only module of this program with unsafe code.
#![expect(unsafe_code, reason = "raw system calls are what this program is for")]

use std::ffi::CStr;
use std::io;

/// One argument of a system call. Pointers can only be made from live borrows.
#[derive(Debug)]
pub(crate) enum Arg<'a> {
    /// A number, flags or a descriptor.
    Int(i64),
    /// A NUL-terminated string.
    Text(&'a CStr),
    /// Bytes the kernel reads.
    In(&'a [u8]),
    /// Bytes the kernel writes (at most as many as there are).
    Out(&'a mut [u8]),
}

impl Arg<'_> {
    /// The register value.
    fn value(&mut self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Text(text) => text.as_ptr().expose_provenance().cast_signed() as i64,
            Self::In(bytes) => bytes.as_ptr().expose_provenance().cast_signed() as i64,
            Self::Out(bytes) => bytes.as_mut_ptr().expose_provenance().cast_signed() as i64,
        }
    }
}

/// Makes one system call.
pub(crate) fn call<const N: usize>(number: i64, mut arguments: [Arg<'_>; N]) -> io::Result<i64> {
    let mut values = [0_i64; 6];
    for (value, argument) in values.iter_mut().zip(arguments.iter_mut()) {
        *value = argument.value();
    }
    let [a, b, c, d, e, f] = values;
    // SAFETY: every pointer among the values comes from a borrow that outlives the call, and the attempts pass buffers
    // of the size that the call documents; calls that would change this process's memory are not made.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `fork`, as a raw `clone` with `flags`: 0 in the child. This program has one thread when it calls it.
pub(crate) fn clone(flags: i32) -> io::Result<i64> {
    call(
        libc::SYS_clone,
        [Arg::Int(i64::from(flags | libc::SIGCHLD)), Arg::Int(0), Arg::Int(0), Arg::Int(0), Arg::Int(0)],
    )
}

/// Ends a forked child at once.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: `_exit` takes a number and does not return.
    unsafe { libc::_exit(status) }
}

/// Waits for a child and gives its raw wait status.
pub(crate) fn wait(pid: i64) -> io::Result<i32> {
    let mut status = [0_u8; 4];
    call(libc::SYS_wait4, [Arg::Int(pid), Arg::Out(&mut status), Arg::Int(0), Arg::Int(0)])?;
    Ok(i32::from_ne_bytes(status))
}

/// `getpid` through the 32-bit entry of the kernel.
#[cfg(target_arch = "x86_64")]
pub(crate) fn pid_by_32_bit_entry() -> i32 {
    let result: i32;
    // SAFETY: call 20 of the i386 table is getpid: it takes nothing and writes only eax; the kernel may clobber r8-r11.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("eax") 20 => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    result
}

/// There is no such entry on this architecture.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn pid_by_32_bit_entry() -> i32 {
    -libc::ENOSYS
}

/// Exchanges bytes that another thread may be reading as an address.
#[derive(Debug)]
pub(crate) struct SharedBytes {
    /// The bytes, one atomic each, so that a race is a race and not undefined behaviour.
    cells: Vec<std::sync::atomic::AtomicU8>,
}

impl SharedBytes {
    /// Shared bytes holding `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { cells: bytes.iter().copied().map(std::sync::atomic::AtomicU8::new).collect() }
    }

    /// Overwrites all bytes, one by one.
    pub(crate) fn store(&self, bytes: &[u8]) {
        for (cell, byte) in self.cells.iter().zip(bytes) {
            cell.store(*byte, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The address, for a system call that only reads.
    pub(crate) fn address(&self) -> Arg<'static> {
        Arg::Int(self.cells.as_ptr().expose_provenance().cast_signed() as i64)
    }

    /// How many bytes.
    pub(crate) fn len(&self) -> i64 {
        i64::try_from(self.cells.len()).unwrap_or(i64::MAX)
    }
}
