//! Parses and checks the built-in profiles with the very code that parses policy files, and stores them in a form that loads
//! in microseconds. A profile that would be refused as a file stops the build.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "the library's modules are included whole")]

#[path = "src/error.rs"]
mod error;
#[path = "src/group.rs"]
mod group;
#[path = "src/host/mod.rs"]
mod host;
#[path = "src/name.rs"]
mod name;
#[path = "src/once.rs"]
mod once;
#[path = "src/origin.rs"]
mod origin;
#[path = "src/overlay.rs"]
mod overlay;
#[path = "src/pattern/mod.rs"]
mod pattern;
#[path = "src/policy.rs"]
mod policy;
#[path = "src/profile.rs"]
mod profile;
#[path = "src/publish.rs"]
mod publish;
#[path = "src/reader.rs"]
mod reader;
#[path = "src/rule.rs"]
mod rule;
#[path = "src/suggest.rs"]
mod suggest;
#[path = "src/tools.rs"]
mod tools;
#[path = "src/trust.rs"]
mod trust;
#[path = "src/units.rs"]
mod units;
#[path = "src/wire/mod.rs"]
mod wire;

use std::error::Error;
use std::path::PathBuf;

use origin::{SourceId, Tier};
use profile::ProfileName;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut instructions = String::from("cargo::rerun-if-changed=src\ncargo::rerun-if-changed=profiles\n");
    for profile in ProfileName::ALL {
        let file = format!("profiles/{profile}.toml");
        let text = std::fs::read_to_string(&file)?;
        let source = SourceId { tier: Tier::BuiltIn(profile), file: None };
        let mut layer = wire::parse(&text, &source).map_err(|error| format!("{file}: {error}; {}", error.hint()))?;
        // A part of its own: a third of it, which only hooks ask for.
        let tools = std::mem::take(&mut layer.tools);
        std::fs::write(out.join(format!("{profile}.postcard")), postcard::to_allocvec(&layer)?)?;
        std::fs::write(out.join(format!("{profile}-tools.postcard")), postcard::to_allocvec(&tools)?)?;
        instructions.push_str(&format!("cargo::rerun-if-changed={file}\n"));
    }
    let file = "profiles/groups.toml";
    let groups = wire::groups::parse(&std::fs::read_to_string(file)?)
        .map_err(|error| format!("{file}: {error}; {}", error.hint()))?;
    // Each group encoded by itself: most policies name few.
    let encode = |(group, hosts)| Ok((group, postcard::to_allocvec(&hosts)?));
    let groups =
        groups.into_iter().map(encode).collect::<Result<std::collections::BTreeMap<_, _>, postcard::Error>>()?;
    std::fs::write(out.join("groups.postcard"), postcard::to_allocvec(&groups)?)?;
    instructions.push_str(&format!("cargo::rerun-if-changed={file}\n"));
    std::io::Write::write_all(&mut std::io::stdout(), instructions.as_bytes())?;
    Ok(())
}
