//! The compiler's layout of graphs that are far larger than our filters, where jumps go beyond their reach of 255.

use super::machine::{self, Call};
use crate::seccomp::Instruction;

#[path = "../../../build/graph.rs"]
mod graph;

use graph::{Graph, Node, NodeId, opcode};

/// A generator of numbers without pattern (xorshift), the same in every run.
struct Numbers(u64);

impl Numbers {
    /// The next number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// What a node means, kept apart from the graph so that the layout cannot influence it.
#[derive(Clone, Copy)]
enum Meaning {
    /// The answer.
    Return(u32),
    /// Continue with the given place, with the word at an offset, cut to a mask.
    Take(u32, u32, usize),
    /// Continue with the first place if the test holds for the value, else with the second.
    Test(u16, u32, usize, usize),
}

/// A random graph of `size` nodes, each leading to some of the nodes before it.
fn random(numbers: &mut Numbers, size: usize) -> (Graph, NodeId, Vec<Meaning>) {
    let mut graph = Graph::default();
    let mut meanings: Vec<Meaning> = (0..5).map(Meaning::Return).collect();
    let mut ids: Vec<NodeId> = (0..5).map(|answer| graph.add(Node::Return(answer))).collect();
    while ids.len() < size {
        let mut target =
            || if numbers.below(4) == 0 { numbers.below(ids.len()) } else { ids.len() - 1 - numbers.below(5) };
        let (yes, no) = (target(), target());
        let offset = 16 + 8 * u32::try_from(numbers.below(6)).unwrap();
        let test = [opcode::EQUAL, opcode::GREATER, opcode::AT_LEAST][numbers.below(3)];
        let (value, mask) = (u32::try_from(numbers.below(8)).unwrap(), 7);
        let (node, meaning) = if numbers.below(3) == 0 {
            let next = graph.add(Node::And { mask, next: ids[yes] });
            (Node::Load { offset, next }, Meaning::Take(offset, mask, yes))
        } else {
            (Node::Branch { test, value, yes: ids[yes], no: ids[no] }, Meaning::Test(test, value, yes, no))
        };
        ids.push(graph.add(node));
        meanings.push(meaning);
    }
    (graph, ids[size - 1], meanings)
}

/// Follows the meanings from the last one on.
fn follow(meanings: &[Meaning], call: &Call) -> u32 {
    let (mut place, mut word) = (meanings.len() - 1, 0);
    loop {
        match meanings[place] {
            Meaning::Return(answer) => return answer,
            Meaning::Take(offset, mask, next) => {
                let argument = call.arguments[(offset as usize - 16) / 8];
                (word, place) = (u32::try_from(argument & 0xffff_ffff).unwrap() & mask, next);
            }
            Meaning::Test(test, value, yes, no) => {
                let holds = match test {
                    opcode::EQUAL => word == value,
                    opcode::GREATER => word > value,
                    _ => word >= value,
                };
                place = if holds { yes } else { no };
            }
        }
    }
}

#[test]
fn jumps_beyond_their_reach_lead_to_the_same_answers() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut longest = 0;
    for size in [6, 60, 300, 900, 1500, 2500] {
        let (graph, root, meanings) = random(&mut numbers, size);
        let program: Vec<Instruction> = graph.layout(root).iter().map(convert).collect();
        longest = longest.max(program.len());
        for _ in 0..200 {
            let arguments: Vec<u64> = (0..6).map(|_| numbers.below(10) as u64).collect();
            let call = Call::native(0, &arguments);
            assert_eq!(machine::run(&program, &call), follow(&meanings, &call), "{size} nodes, {arguments:?}");
        }
    }
    assert!(longest > 1000, "the longest program has {longest} instructions: too short to need far jumps");
}

/// The build script's instruction as the library's.
fn convert(line: &graph::Instruction) -> Instruction {
    Instruction { code: line.code, jt: line.jt, jf: line.jf, k: line.k }
}
