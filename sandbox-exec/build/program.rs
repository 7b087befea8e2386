//! A whole filter: foreign architectures, then a binary search over ranges of numbers with the same answer.
//!
//! When a filter is loaded the kernel runs it once per number, to learn which calls are always allowed. A search tree makes
//! that cheap where a chain of comparisons would cost more than the rest of the load.

use crate::Outcome;
use crate::block::{self, ALLOW, KILL, NUMBER};
use crate::data::{Action, ENOSYS, Policy, Rule};
use crate::graph::{Graph, Instruction, Node, NodeId, opcode};
use crate::table::Table;
use crate::variant::Variant;

/// Offset of `seccomp_data.arch`.
const ARCH: u32 = 4;
/// The kernel's own limit, `BPF_MAXINSNS`.
const MAX_LENGTH: usize = 4096;
/// A debugger skips a call by setting its number to this; it is no foreign call.
const SKIPPED: u32 = u32::MAX;

/// The numbers from `start` up to the next range have the same answer.
#[derive(Clone, Copy)]
struct Range {
    /// First number.
    start: u32,
    /// Where its answer begins.
    answer: NodeId,
}

/// Compiles the filter of one variant.
pub(crate) fn compile(policy: &Policy, table: &Table, variant: Variant) -> Outcome<Vec<Instruction>> {
    let mut graph = Graph::default();
    let ranges = ranges(&mut graph, policy, table, variant)?;
    let dispatch = search(&mut graph, &ranges);
    let number = graph.add(Node::Load { offset: NUMBER, next: dispatch });
    let kill = graph.add(Node::Return(KILL));
    let native = Node::Branch { test: opcode::EQUAL, value: table.audit_arch, yes: number, no: kill };
    let native = graph.add(native);
    let root = graph.add(Node::Load { offset: ARCH, next: native });
    let program = graph.layout(root);
    if program.len() > MAX_LENGTH {
        return Err(format!("the filter has {} instructions, the kernel takes {MAX_LENGTH}", program.len()).into());
    }
    Ok(program)
}

/// All numbers with their answers, neighbours with the same answer merged.
fn ranges(graph: &mut Graph, policy: &Policy, table: &Table, variant: Variant) -> Outcome<Vec<Range>> {
    let unknown = graph.add(Node::Return(block::answer(Action::Errno(ENOSYS))));
    let mut ranges = vec![Range { start: 0, answer: unknown }];
    for (number, name) in &table.names {
        let answer = answer(graph, policy, name, variant)?;
        ranges.push(Range { start: *number, answer });
        ranges.push(Range { start: number + 1, answer: unknown });
    }
    if let Some(start) = table.foreign_from {
        let kill = graph.add(Node::Return(KILL));
        ranges.push(Range { start, answer: kill });
        ranges.push(Range { start: SKIPPED, answer: unknown });
    }
    // Of two ranges with the same start the later one counts; it replaces the other.
    ranges.reverse();
    ranges.dedup_by_key(|range| range.start);
    ranges.reverse();
    ranges.dedup_by_key(|range| range.answer);
    Ok(ranges)
}

/// Where the answer to `name` begins.
fn answer(graph: &mut Graph, policy: &Policy, name: &str, variant: Variant) -> Outcome<NodeId> {
    let concerns = |rule: &&Rule| rule.is_active(variant) && rule.calls.iter().any(|call| call == name);
    let rules: Vec<&Rule> = policy.rules.iter().filter(concerns).collect();
    if rules.is_empty() { Ok(graph.add(Node::Return(ALLOW))) } else { block::add(graph, &rules, variant) }
}

/// A balanced search tree over `ranges`, with the number in the accumulator.
fn search(graph: &mut Graph, ranges: &[Range]) -> NodeId {
    match ranges {
        [only] => only.answer,
        // One number that differs from its surroundings needs one comparison instead of two.
        [around, inner, rest] if around.answer == rest.answer && rest.start == inner.start + 1 => {
            graph.add(Node::Branch { test: opcode::EQUAL, value: inner.start, yes: inner.answer, no: around.answer })
        }
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let yes = search(graph, high);
            let no = search(graph, low);
            graph.add(Node::Branch { test: opcode::AT_LEAST, value: high[0].start, yes, no })
        }
    }
}
