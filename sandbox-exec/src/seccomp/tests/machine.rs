//! A machine for classic BPF as far as seccomp allows it, with the kernel's checks: jumps stay inside, the end is a return.

use crate::seccomp::Instruction;

/// `struct seccomp_data`, without the instruction pointer.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The system call's number.
    pub(super) number: u32,
    /// The audit value of the calling architecture.
    pub(super) arch: u32,
    /// Its arguments.
    pub(super) arguments: [u64; 6],
}

/// The audit value of the architecture that the tests run on.
#[cfg(target_arch = "x86_64")]
pub(super) const NATIVE: u32 = 0xc000_003e;
/// The audit value of the architecture that the tests run on.
#[cfg(target_arch = "aarch64")]
pub(super) const NATIVE: u32 = 0xc000_00b7;

impl Call {
    /// A call by the architecture's own convention; arguments that are not given are 0.
    pub(super) fn native(number: u32, given: &[u64]) -> Self {
        let mut arguments = [0; 6];
        arguments[..given.len()].copy_from_slice(given);
        Self { number, arch: NATIVE, arguments }
    }

    /// The word at `offset`, little-endian.
    fn word(&self, offset: u32) -> u32 {
        let half = |value: u64, high: bool| (value >> if high { 32 } else { 0 } & 0xffff_ffff) as u32;
        match offset {
            0 => self.number,
            4 => self.arch,
            16..64 if offset.is_multiple_of(4) => half(self.arguments[(offset as usize - 16) / 8], offset % 8 == 4),
            _ => panic!("load from offset {offset}"),
        }
    }
}

/// Runs `program` on `call` and returns its action.
pub(super) fn run(program: &[Instruction], call: &Call) -> u32 {
    count(program, call).0
}

/// Runs `program` on `call` and returns its action and the number of instructions that took.
pub(super) fn count(program: &[Instruction], call: &Call) -> (u32, usize) {
    let (mut place, mut accumulator) = (0, 0);
    for steps in 1..=program.len() {
        let Instruction { code, jt, jf, k } = program[place];
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        place += 1;
        match code {
            0x20 => accumulator = call.word(k),
            0x54 => accumulator &= k,
            0x05 => place += k as usize,
            0x15 => place += branch(accumulator == k),
            0x25 => place += branch(accumulator > k),
            0x35 => place += branch(accumulator >= k),
            0x06 => return (k, steps),
            _ => panic!("instruction {code:#x}"),
        }
    }
    panic!("no return within the program's length: it goes in circles")
}
