//! The kernel's system call numbers, one table per architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::Outcome;

/// One architecture that filters can be compiled for.
pub(crate) struct Table {
    /// Its name as cargo knows it.
    pub(crate) arch: &'static str,
    /// The value of `seccomp_data.arch` for native calls, from `linux/audit.h`.
    pub(crate) audit_arch: u32,
    /// From which number on calls belong to a foreign ABI: x32 marks its numbers with bit 30.
    pub(crate) foreign_from: Option<u32>,
    /// Name by number.
    pub(crate) names: BTreeMap<u32, String>,
}

/// Architecture, audit value, first foreign number.
const ARCHES: [(&str, u32, Option<u32>); 2] =
    [("x86_64", 0xc000_003e, Some(0x4000_0000)), ("aarch64", 0xc000_00b7, None)];

/// Reads the table of every architecture from `folder`.
pub(crate) fn read_all(folder: &Path) -> Outcome<Vec<Table>> {
    ARCHES
        .into_iter()
        .map(|(arch, audit_arch, foreign_from)| {
            let path = folder.join(format!("{arch}.tbl"));
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let names = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(Table { arch, audit_arch, foreign_from, names })
        })
        .collect()
}

/// Picks the table of the architecture that is built for.
pub(crate) fn of_arch<'a>(tables: &'a [Table], arch: &str) -> Outcome<&'a Table> {
    tables.iter().find(|table| table.arch == arch).ok_or_else(|| {
        format!("no system call table for {arch}: add build/{arch}.tbl and its line in build/table.rs").into()
    })
}

/// Parses lines of `number name`, with `#` comments, refusing doubles.
fn parse(text: &str) -> Outcome<BTreeMap<u32, String>> {
    let mut names = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (number, name) = line.split_once(' ').ok_or_else(|| format!("expected `number name`, found `{line}`"))?;
        if !seen.insert(name) || names.insert(number.parse()?, name.to_owned()).is_some() {
            return Err(format!("`{line}` repeats a number or a name").into());
        }
    }
    Ok(names)
}
