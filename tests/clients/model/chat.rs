//! OpenAI chat completions, as custom providers of OpenClaw, opencode and Copilot speak it.

use super::Dialect;
use super::http::{Reply, Request};
use super::script::{Answer, field, list, number, text};
use serde_json::{Value, json};

/// The dialect.
pub(crate) struct Completions;

impl Dialect for Completions {
    fn offers_tools(&self, body: &Value) -> bool {
        !list(&body["tools"]).is_empty()
    }

    fn tools(&self, body: &Value) -> Vec<String> {
        list(&body["tools"]).iter().map(|tool| field(&tool["function"], "name").to_owned()).collect()
    }

    fn results(&self, body: &Value) -> Vec<(usize, String)> {
        let messages = list(&body["messages"]).iter().filter(|message| message["role"] == "tool");
        messages
            .filter_map(|message| Some((number(field(message, "tool_call_id"))?, text(&message["content"]))))
            .collect()
    }

    fn reply(&self, _request: &Request, body: &Value, answer: &Answer) -> Reply {
        let (mut said, reason) = match answer {
            Answer::Say(text) => (json!({"role": "assistant", "content": text}), "stop"),
            Answer::Call { id, name, arguments } => {
                let function = json!({"name": name, "arguments": arguments.to_string()});
                let calls = json!([{"index": 0, "id": id, "type": "function", "function": function}]);
                (json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls")
            }
        };
        let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
        let document = |kind: &str, choices: Value| {
            json!({"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"], "choices": choices,
                   "usage": usage})
        };
        if body["stream"] != true {
            let choices = json!([{"index": 0, "message": said, "finish_reason": reason}]);
            return Reply::json(&document("chat.completion", choices));
        }
        let kind = "chat.completion.chunk";
        let first = json!([{"index": 0, "delta": said.take(), "finish_reason": null}]);
        let last = json!([{"index": 0, "delta": {}, "finish_reason": reason}]);
        Reply::events(&[document(kind, first), document(kind, last)], "data: [DONE]\n\n")
    }
}
