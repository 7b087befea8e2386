//! The vault from outside: its library's public face, and the program as people run it. One module for each topic.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod edit;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod interop;
mod mistakes;
#[cfg(test)]
mod parsers;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod plugin;
#[cfg(test)]
mod process;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod shred_crash;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod store;
#[cfg(test)]
mod units;
#[cfg(test)]
mod vectors;
