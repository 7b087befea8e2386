//! What the model will say, step by step, and what it has heard.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// What every call's identity begins with; its number follows.
const CALL: &str = "call_";

/// Makes a tool call from the results of the calls before it.
type Making = Box<dyn FnOnce(&BTreeMap<usize, String>) -> Value + Send>;

/// One thing that the model does when it is asked.
pub(crate) enum Step {
    /// Calls a tool.
    Call {
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Making,
    },
    /// Ends its turn with a text; the next request goes on behind it.
    Say(String),
}

impl Step {
    /// Does something just before the call is made.
    pub(crate) fn just_after(self, act: impl FnOnce() + Send + 'static) -> Self {
        match self {
            Self::Call { name, arguments } => call_with(&name, move |results| {
                act();
                arguments(results)
            }),
            Self::Say(text) => Self::Say(text),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { name, .. } => write!(formatter, "call of {name}"),
            Self::Say(text) => write!(formatter, "{text:?}"),
        }
    }
}

/// A tool call with fixed arguments.
pub(crate) fn call(name: &str, arguments: Value) -> Step {
    Step::Call { name: name.to_owned(), arguments: Box::new(|_| arguments) }
}

/// A tool call that depends on what the earlier ones gave; what else the closure does happens just before the call.
pub(crate) fn call_with(
    name: &str,
    arguments: impl FnOnce(&BTreeMap<usize, String>) -> Value + Send + 'static,
) -> Step {
    Step::Call { name: name.to_owned(), arguments: Box::new(arguments) }
}

/// What the model says now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A tool call.
    Call {
        /// Its identity.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A text, which ends the turn.
    Say(String),
}

/// How far a script has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What is still to come.
    steps: VecDeque<Step>,
    /// How many calls have been made.
    pub(crate) calls: usize,
    /// What the tools said, by the call's number.
    pub(crate) results: BTreeMap<usize, String>,
    /// The names of the tools that were offered.
    pub(crate) tools: BTreeSet<String>,
    /// What the clients have shown to say who they are.
    pub(crate) credentials: BTreeSet<String>,
    /// Every request of a dialect.
    pub(crate) bodies: Vec<String>,
    /// One line for each request.
    pub(crate) log: Vec<String>,
    /// The request that was answered last, and its answer: a client that asks again gets the same one.
    last: Option<(Vec<u8>, Answer)>,
}

impl Progress {
    /// At the beginning of the steps.
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self { steps: steps.into(), ..Self::default() }
    }

    /// Whether every step has been taken, and every call's result has come back.
    pub(crate) fn is_over(&self) -> bool {
        self.steps.is_empty() && (0..self.calls).all(|number| self.results.contains_key(&number))
    }

    /// Notes the results that a request carries and takes the next step.
    pub(crate) fn next(&mut self, results: Vec<(usize, String)>, request: &[u8]) -> Answer {
        self.results.extend(results);
        if let Some((_, answer)) = self.last.as_ref().filter(|(asked, _)| asked == request) {
            return answer.clone();
        }
        let answer = match self.steps.pop_front() {
            Some(Step::Call { name, arguments }) => {
                let id = format!("{CALL}{}", self.calls);
                self.calls += 1;
                Answer::Call { id, name, arguments: arguments(&self.results) }
            }
            Some(Step::Say(text)) => Answer::Say(text),
            None => Answer::Say("Done.".to_owned()),
        };
        self.last = Some((request.to_vec(), answer.clone()));
        answer
    }
}

/// The number in a call's identity, however the client has dressed it up.
pub(crate) fn number(id: &str) -> Option<usize> {
    let bare: String = id.rsplit("call").next()?.chars().filter(char::is_ascii_digit).collect();
    bare.parse().ok()
}

/// The text in a piece of content: a string, or a list of parts that have one.
pub(crate) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(part.get("text").unwrap_or(part))).collect(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => content.to_string(),
    }
}

/// The entries of a list, none when it is not one.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A field that is a text, empty when it is not one.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
