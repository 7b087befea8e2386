//! OpenAI Responses, as Codex speaks it.

use super::Dialect;
use super::http::{Reply, Request};
use super::script::{Answer, field, list, number, text};
use serde_json::{Value, json};

/// The dialect.
pub(crate) struct Responses;

impl Dialect for Responses {
    fn offers_tools(&self, body: &Value) -> bool {
        !list(&body["tools"]).is_empty()
    }

    fn tools(&self, body: &Value) -> Vec<String> {
        list(&body["tools"])
            .iter()
            .map(|tool| tool["name"].as_str().unwrap_or(field(tool, "type")).to_owned())
            .collect()
    }

    fn results(&self, body: &Value) -> Vec<(usize, String)> {
        let outputs = list(&body["input"]).iter().filter(|item| field(item, "type").ends_with("_call_output"));
        outputs.filter_map(|item| Some((number(field(item, "call_id"))?, text(&item["output"])))).collect()
    }

    fn reply(&self, _request: &Request, body: &Value, answer: &Answer) -> Reply {
        let item = item(body, answer);
        let usage = json!({"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1,
                           "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2});
        let response = |status: &str| json!({"id": "resp_1", "object": "response", "status": status, "output": []});
        let mut completed = response("completed");
        completed["usage"] = usage;
        completed["output"] = json!([item]);
        if body["stream"] != true {
            return Reply::json(&completed);
        }
        Reply::named_events(&[
            json!({"type": "response.created", "response": response("in_progress")}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
            json!({"type": "response.completed", "response": completed}),
        ])
    }
}

/// The one thing in the answer. A tool that the client declared as free text gets its argument `input` as such.
fn item(body: &Value, answer: &Answer) -> Value {
    match answer {
        Answer::Say(text) => json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                                    "content": [{"type": "output_text", "text": text, "annotations": []}]}),
        Answer::Call { id, name, arguments } => {
            let is_free = |tool: &Value| tool["name"] == name.as_str() && tool["type"] == "custom";
            if list(&body["tools"]).iter().any(is_free) {
                json!({"type": "custom_tool_call", "id": format!("ct_{id}"), "call_id": id, "name": name,
                       "input": arguments["input"], "status": "completed"})
            } else {
                json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
                       "arguments": arguments.to_string(), "status": "completed"})
            }
        }
    }
}
