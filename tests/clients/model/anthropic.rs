//! Anthropic Messages, as Claude Code speaks it.

use super::Dialect;
use super::http::{Reply, Request};
use super::script::{Answer, field, list, number, text};
use serde_json::{Value, json};

/// The dialect.
pub(crate) struct Messages;

impl Dialect for Messages {
    fn offers_tools(&self, body: &Value) -> bool {
        !list(&body["tools"]).is_empty()
    }

    fn tools(&self, body: &Value) -> Vec<String> {
        list(&body["tools"]).iter().map(|tool| field(tool, "name").to_owned()).collect()
    }

    fn results(&self, body: &Value) -> Vec<(usize, String)> {
        let blocks = list(&body["messages"]).iter().flat_map(|message| list(&message["content"]));
        blocks
            .filter(|block| block["type"] == "tool_result")
            .filter_map(|block| Some((number(field(block, "tool_use_id"))?, text(&block["content"]))))
            .collect()
    }

    fn reply(&self, _request: &Request, body: &Value, answer: &Answer) -> Reply {
        let (block, reason) = match answer {
            Answer::Call { id, name, arguments } => {
                (json!({"type": "tool_use", "id": id, "name": name, "input": arguments}), "tool_use")
            }
            Answer::Say(text) => (json!({"type": "text", "text": text}), "end_turn"),
        };
        let mut message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": [block],
            "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1},
        });
        if body["stream"] != true {
            return Reply::json(&message);
        }
        let (start, delta) = pieces(answer, &block);
        message["content"] = json!([]);
        message["stop_reason"] = Value::Null;
        Reply::named_events(&[
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": start}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
                   "usage": {"output_tokens": 1}}),
            json!({"type": "message_stop"}),
        ])
    }
}

/// The beginning of a streamed block, and all the rest of it.
fn pieces(answer: &Answer, block: &Value) -> (Value, Value) {
    let mut start = block.clone();
    match answer {
        Answer::Call { arguments, .. } => {
            start["input"] = json!({});
            (start, json!({"type": "input_json_delta", "partial_json": arguments.to_string()}))
        }
        Answer::Say(text) => {
            start["text"] = json!("");
            (start, json!({"type": "text_delta", "text": text}))
        }
    }
}
