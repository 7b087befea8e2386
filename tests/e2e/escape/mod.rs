//! Attacks: each test is a sentence that must stay true. `docs/threats.md` maps them to the layers that stop them.

mod daemons;
mod descriptors;
mod devices;
mod environment;
mod files;
mod ipc;
mod limits;
mod links;
mod namespaces;
mod network_addresses;
mod network_dns;
mod network_kernel;
mod network_names;
mod network_proxy;
mod network_web;
mod persistence;
mod privileges;
mod proc;
mod processes;
mod protected;
mod repositories;
mod sockets;
mod supervisor;
mod surface;
mod syscalls;
mod terminal;
