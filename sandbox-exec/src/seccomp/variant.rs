//! Which of the compiled filters is meant. Shared with the build script, which compiles one program for each.

/// What a filter grants, and whether a supervisor stands behind it. The default grants nothing and has no supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Variant {
    /// Debuggers work: `ptrace` and its kin reach other processes of the sandbox.
    pub(crate) ptrace: bool,
    /// Nested sandboxes work: `clone`, `unshare`, `setns` and the mount calls inside a user namespace of their own.
    pub(crate) user_namespaces: bool,
    /// `connect` is handed to the supervisor, which must have taken the filter's listener.
    pub(crate) supervised: bool,
    /// There are no namespaces around the process and it shall have no network: sockets of the network and System V IPC, which
    /// would be the host's, are refused.
    pub(crate) offline: bool,
    /// There are no mounts around the process: opening for writing is handed to the supervisor too, for protected files that exist.
    pub(crate) watched: bool,
}

impl Variant {
    /// How many variants there are.
    pub(crate) const COUNT: usize = 32;

    /// Every variant, in the order of [`index`](Self::index).
    #[allow(dead_code, reason = "the build script, which shares this file, and the tests go through all of them")]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(|index| Self {
            ptrace: index & 1 != 0,
            user_namespaces: index & 2 != 0,
            supervised: index & 4 != 0,
            offline: index & 8 != 0,
            watched: index & 16 != 0,
        })
    }

    /// The variant's place among the compiled programs.
    pub(crate) const fn index(self) -> usize {
        self.ptrace as usize
            | (self.user_namespaces as usize) << 1
            | (self.supervised as usize) << 2
            | (self.offline as usize) << 3
            | (self.watched as usize) << 4
    }
}
