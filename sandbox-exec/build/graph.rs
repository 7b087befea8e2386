//! A filter as a graph of decisions, and its layout as classic BPF.
//!
//! Equal nodes are stored once, so that common tails are shared. The layout places code backwards from the end: every
//! jump then goes forward to something that lies already, as classic BPF wants it. A conditional jump reaches 255
//! instructions; beyond that a return is repeated nearby, and anything else gets an unconditional jump in between.

use std::collections::HashMap;

/// Opcodes from `linux/bpf_common.h`: `BPF_LD | BPF_W | BPF_ABS` and so on.
pub(crate) mod opcode {
    /// Loads a word of `seccomp_data`.
    pub(crate) const LOAD: u16 = 0x20;
    /// Cuts the accumulator to a mask.
    pub(crate) const AND: u16 = 0x54;
    /// Jumps.
    pub(crate) const GOTO: u16 = 0x05;
    /// Branches if the accumulator equals the operand.
    pub(crate) const EQUAL: u16 = 0x15;
    /// Branches if the accumulator is greater.
    pub(crate) const GREATER: u16 = 0x25;
    /// Branches if the accumulator is greater or equal.
    pub(crate) const AT_LEAST: u16 = 0x35;
    /// Ends with an action.
    pub(crate) const RETURN: u16 = 0x06;
}

/// A place in a [`Graph`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NodeId(usize);

/// One step of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Loads the word at `offset` of `seccomp_data`, then continues.
    Load {
        /// Bytes from the start.
        offset: u32,
        /// What follows.
        next: NodeId,
    },
    /// Cuts the loaded word to `mask`, then continues.
    And {
        /// Bits that stay.
        mask: u32,
        /// What follows.
        next: NodeId,
    },
    /// Compares the loaded word with `value`.
    Branch {
        /// One of the comparing [`opcode`]s.
        test: u16,
        /// The operand.
        value: u32,
        /// What follows if the test holds.
        yes: NodeId,
        /// What follows if not.
        no: NodeId,
    },
    /// Ends with an action.
    Return(u32),
}

/// One classic BPF instruction, as `struct sock_filter`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Instruction {
    /// Opcode.
    pub(crate) code: u16,
    /// Instructions to skip if the test holds.
    pub(crate) jt: u8,
    /// Instructions to skip if not.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

/// A set of distinct nodes.
#[derive(Default)]
pub(crate) struct Graph {
    /// By id.
    nodes: Vec<Node>,
    /// Ids by content.
    ids: HashMap<Node, NodeId>,
}

impl Graph {
    /// Stores a node, or finds the equal one. A branch with one outcome is that outcome.
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        if let Node::Branch { yes, no, .. } = node
            && yes == no
        {
            return yes;
        }
        *self.ids.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            NodeId(self.nodes.len() - 1)
        })
    }

    /// The program that starts at `root`, in the order in which the kernel wants it.
    pub(crate) fn layout(&self, root: NodeId) -> Vec<Instruction> {
        let mut layout = Layout { graph: self, reversed: Vec::new(), placed: HashMap::new() };
        layout.place(root);
        layout.reversed.reverse();
        layout.reversed
    }
}

/// A program under construction, last instruction first.
struct Layout<'a> {
    /// Where the nodes are.
    graph: &'a Graph,
    /// What is placed, from the end.
    reversed: Vec<Instruction>,
    /// Where a node lies, counted from the end; its nearest copy.
    placed: HashMap<NodeId, usize>,
}

impl Layout<'_> {
    /// Places a node and what it needs, unless it lies already.
    fn place(&mut self, id: NodeId) {
        if self.placed.contains_key(&id) {
            return;
        }
        match self.graph.nodes[id.0] {
            Node::Load { offset, next } => self.place_before(id, next, opcode::LOAD, offset),
            Node::And { mask, next } => self.place_before(id, next, opcode::AND, mask),
            Node::Branch { test, value, yes, no } => self.place_branch(id, test, value, yes, no),
            Node::Return(action) => self.push(id, Instruction { code: opcode::RETURN, jt: 0, jf: 0, k: action }),
        }
    }

    /// Places a statement directly before `next`, by way of a jump if that lies further off.
    fn place_before(&mut self, id: NodeId, next: NodeId, code: u16, k: u32) {
        self.place(next);
        if self.distance(next) != 0 {
            self.bring_near(next);
        }
        self.push(id, Instruction { code, jt: 0, jf: 0, k });
    }

    /// Places a branch within reach of both outcomes.
    fn place_branch(&mut self, id: NodeId, test: u16, value: u32, yes: NodeId, no: NodeId) {
        self.place(no);
        self.place(yes);
        // Bringing one outcome near moves the other away by one, at most past its limit once more.
        while let Some(far) = [yes, no].into_iter().find(|outcome| u8::try_from(self.distance(*outcome)).is_err()) {
            self.bring_near(far);
        }
        let reach = |distance| u8::try_from(distance).unwrap_or(u8::MAX);
        let (jt, jf) = (reach(self.distance(yes)), reach(self.distance(no)));
        self.push(id, Instruction { code: test, jt, jf, k: value });
    }

    /// Puts a way to a placed node directly before all that is placed: the node itself if it is a return, or a jump.
    fn bring_near(&mut self, id: NodeId) {
        let instruction = match self.graph.nodes[id.0] {
            Node::Return(action) => Instruction { code: opcode::RETURN, jt: 0, jf: 0, k: action },
            Node::Load { .. } | Node::And { .. } | Node::Branch { .. } => {
                Instruction { code: opcode::GOTO, jt: 0, jf: 0, k: self.distance(id) }
            }
        };
        self.push(id, instruction);
    }

    /// Instructions between the next one to be placed and a placed node.
    fn distance(&self, id: NodeId) -> u32 {
        let position = self.placed.get(&id).copied().unwrap_or_default();
        u32::try_from(self.reversed.len() - 1 - position).unwrap_or(u32::MAX)
    }

    /// Places an instruction and remembers it as the nearest copy of `id`.
    fn push(&mut self, id: NodeId, instruction: Instruction) {
        self.placed.insert(id, self.reversed.len());
        self.reversed.push(instruction);
    }
}
