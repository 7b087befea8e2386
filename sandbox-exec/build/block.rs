//! Argument checks: the rules for one call, compiled by seccompiler and joined into the graph.
//!
//! seccompiler knows one action per filter and no notifications. So each conjunction of conditions is compiled alone, as a
//! filter with two placeholder actions, and the placeholders become edges to whatever follows. Loads of a word that the
//! accumulator holds already are left out on the way.

use std::collections::{BTreeMap, HashMap};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

use crate::Outcome;
use crate::data::{Action, Condition, Rule};
use crate::graph::{Graph, Node, NodeId, opcode};
use crate::variant::Variant;

/// `SECCOMP_RET_ALLOW`
pub(crate) const ALLOW: u32 = 0x7fff_0000;
/// `SECCOMP_RET_KILL_PROCESS`
pub(crate) const KILL: u32 = 0x8000_0000;
/// `SECCOMP_RET_ERRNO`, without the errno.
const ERRNO: u32 = 0x0005_0000;
/// `SECCOMP_RET_USER_NOTIF`
const NOTIFY: u32 = 0x7fc0_0000;

/// Offset of `seccomp_data.nr`.
pub(crate) const NUMBER: u32 = 0;

/// The placeholder for "the conditions hold", `SECCOMP_RET_TRACE` with 1.
const HOLDS: u32 = 0x7ff0_0001;
/// The placeholder for "they do not", `SECCOMP_RET_TRACE` with 2.
const FAILS: u32 = 0x7ff0_0002;
/// What seccompiler puts before the conditions: load and test of the architecture, load and test of the number.
const PROLOGUE: [u16; 5] = [opcode::LOAD, opcode::EQUAL, opcode::RETURN, opcode::LOAD, opcode::EQUAL];

/// Where a compiled conjunction leads.
#[derive(Clone, Copy)]
enum Target {
    /// To the next conjunction.
    Step(usize),
    /// To the end.
    Return(u32),
}

/// One conjunction of conditions.
struct Step {
    /// seccompiler's code, from its first condition on.
    code: Vec<sock_filter>,
    /// Where it leads if the conditions hold.
    holds: Target,
    /// Where it leads if not.
    fails: Target,
}

/// What the accumulator holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Accumulator {
    /// The word at this offset.
    Word(u32),
    /// The word at this offset, cut to a mask.
    Masked(u32, u32),
}

/// Adds the checks of `rules` for `variant`, in order, ending in "allow" if none applies.
pub(crate) fn add(graph: &mut Graph, rules: &[&Rule], variant: Variant) -> Outcome<NodeId> {
    let mut steps = Vec::new();
    // Backwards, so that what follows has its place already.
    let mut next = Target::Return(ALLOW);
    for rule in rules.iter().rev() {
        let mut entry = Target::Return(answer(rule.action_in(variant)));
        if !rule.unless.is_empty() {
            steps.push(Step { code: compile(&rule.unless)?, holds: next, fails: entry });
            entry = Target::Step(steps.len() - 1);
        }
        if !rule.when.is_empty() {
            steps.push(Step { code: compile(&rule.when)?, holds: entry, fails: next });
            entry = Target::Step(steps.len() - 1);
        }
        next = entry;
    }
    Import { graph, steps: &steps, done: HashMap::new() }.target(next, Accumulator::Word(NUMBER))
}

/// The value that a filter returns for an action.
pub(crate) fn answer(action: Action) -> u32 {
    match action {
        Action::Errno(errno) => ERRNO | u32::from(errno),
        Action::Notify => NOTIFY,
    }
}

/// Compiles "all of `conditions` hold" with seccompiler and cuts off what it puts before.
fn compile(conditions: &[Condition]) -> Outcome<Vec<sock_filter>> {
    let rules = alternatives(conditions)
        .into_iter()
        .map(|values| {
            let compare = |(condition, value): (&Condition, u32)| {
                let operator = condition.mask.map_or(SeccompCmpOp::Eq, |mask| SeccompCmpOp::MaskedEq(mask.into()));
                SeccompCondition::new(condition.argument, SeccompCmpArgLen::Dword, operator, value.into())
            };
            SeccompRule::new(conditions.iter().zip(values).map(compare).collect::<Result<_, _>>()?)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (fails, holds) = (SeccompAction::Trace(2), SeccompAction::Trace(1));
    let filter = SeccompFilter::new(BTreeMap::from([(0, rules)]), fails, holds, TargetArch::x86_64)?;
    let mut program = BpfProgram::try_from(filter)?;
    if program.len() < PROLOGUE.len()
        || !program.iter().zip(PROLOGUE).all(|(instruction, code)| instruction.code == code)
    {
        return Err("seccompiler starts its filters in an unknown way: adapt build/block.rs to its new version".into());
    }
    Ok(program.split_off(PROLOGUE.len()))
}

/// Every way in which all conditions can hold: one value for each of them.
fn alternatives(conditions: &[Condition]) -> Vec<Vec<u32>> {
    conditions.iter().fold(vec![Vec::new()], |ways, condition| {
        let extend =
            |way: &Vec<u32>| condition.is.iter().map(|value| [way.as_slice(), &[*value]].concat()).collect::<Vec<_>>();
        ways.iter().flat_map(extend).collect()
    })
}

/// Turns steps into nodes, each reachable instruction once per accumulator content.
struct Import<'a> {
    /// Where the nodes go.
    graph: &'a mut Graph,
    /// What they are made from.
    steps: &'a [Step],
    /// Nodes by step, instruction and accumulator.
    done: HashMap<(usize, usize, Accumulator), NodeId>,
}

impl Import<'_> {
    /// The node for a target.
    fn target(&mut self, target: Target, accumulator: Accumulator) -> Outcome<NodeId> {
        match target {
            Target::Step(step) => self.instruction(step, 0, accumulator),
            Target::Return(action) => Ok(self.graph.add(Node::Return(action))),
        }
    }

    /// The node for the instruction at `place`, made once.
    fn instruction(&mut self, step: usize, place: usize, accumulator: Accumulator) -> Outcome<NodeId> {
        let key = (step, place, accumulator);
        if let Some(id) = self.done.get(&key) {
            return Ok(*id);
        }
        let id = self.translate(step, place, accumulator)?;
        self.done.insert(key, id);
        Ok(id)
    }

    /// Makes the node for the instruction at `place`.
    fn translate(&mut self, step: usize, place: usize, accumulator: Accumulator) -> Outcome<NodeId> {
        let steps = self.steps;
        let Step { code, holds, fails } = &steps[step];
        let at = code.get(place).ok_or("seccompiler's code leads past its end")?;
        let after = |skip: u32| place + 1 + skip as usize;
        match (at.code, at.k) {
            (opcode::RETURN, HOLDS) => self.target(*holds, accumulator),
            (opcode::RETURN, FAILS) => self.target(*fails, accumulator),
            (opcode::GOTO, distance) => self.instruction(step, after(distance), accumulator),
            (opcode::LOAD, offset) => self.load(step, place, offset, accumulator),
            (opcode::AND, mask) => {
                let offset = match accumulator {
                    Accumulator::Word(offset) => offset,
                    Accumulator::Masked(..) => return Err("seccompiler masks a word twice".into()),
                };
                let next = self.instruction(step, after(0), Accumulator::Masked(offset, mask))?;
                Ok(self.graph.add(Node::And { mask, next }))
            }
            (test @ (opcode::EQUAL | opcode::GREATER | opcode::AT_LEAST), value) => {
                let yes = self.instruction(step, after(at.jt.into()), accumulator)?;
                let no = self.instruction(step, after(at.jf.into()), accumulator)?;
                Ok(self.graph.add(Node::Branch { test, value, yes, no }))
            }
            (code, _) => Err(format!("seccompiler emits an unknown instruction, code {code:#x}").into()),
        }
    }

    /// A load, or nothing where the accumulator holds the word, masked as wanted.
    fn load(&mut self, step: usize, place: usize, offset: u32, accumulator: Accumulator) -> Outcome<NodeId> {
        if accumulator == Accumulator::Word(offset) {
            return self.instruction(step, place + 1, accumulator);
        }
        let mask = self.steps[step].code.get(place + 1).filter(|next| next.code == opcode::AND).map(|next| next.k);
        if mask.is_some_and(|mask| accumulator == Accumulator::Masked(offset, mask)) {
            return self.instruction(step, place + 2, accumulator);
        }
        let next = self.instruction(step, place + 1, Accumulator::Word(offset))?;
        Ok(self.graph.add(Node::Load { offset, next }))
    }
}
