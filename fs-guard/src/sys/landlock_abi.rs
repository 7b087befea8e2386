//! Which Landlock ABI the kernel offers.

/// The kernel's Landlock ABI: `landlock_create_ruleset(2)` with `LANDLOCK_CREATE_RULESET_VERSION`; 0 when there is none.
pub(crate) fn version() -> u32 {
    let attributes = std::ptr::null::<libc::c_void>();
    // SAFETY: with the VERSION flag the kernel wants a null pointer and size 0, and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attributes, 0, 1) };
    u32::try_from(result).unwrap_or(0)
}
