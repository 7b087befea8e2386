//! Gemini's generateContent and streamGenerateContent.

use super::Dialect;
use super::http::{Reply, Request};
use super::script::{Answer, field, list, number};
use serde_json::{Value, json};

/// The dialect.
pub(crate) struct Contents;

impl Dialect for Contents {
    fn offers_tools(&self, body: &Value) -> bool {
        !self.tools(body).is_empty()
    }

    fn tools(&self, body: &Value) -> Vec<String> {
        let declared = list(&body["tools"]).iter().flat_map(|tool| list(&tool["functionDeclarations"]));
        declared.map(|tool| field(tool, "name").to_owned()).collect()
    }

    /// A response without the call's identity belongs to the call at the same place: they come in order.
    fn results(&self, body: &Value) -> Vec<(usize, String)> {
        let parts = list(&body["contents"]).iter().flat_map(|content| list(&content["parts"]));
        let responses = parts.map(|part| &part["functionResponse"]).filter(|response| response.is_object());
        responses
            .enumerate()
            .map(|(place, response)| (number(field(response, "id")).unwrap_or(place), said(&response["response"])))
            .collect()
    }

    fn reply(&self, request: &Request, body: &Value, answer: &Answer) -> Reply {
        let part = match answer {
            Answer::Call { id, name, arguments } => {
                json!({"functionCall": {"id": id, "name": name, "args": arguments}, "thoughtSignature": "c2lnbmVk"})
            }
            Answer::Say(_) if body["generationConfig"]["responseMimeType"] == "application/json" => {
                json!({"text": "{}"})
            }
            Answer::Say(text) => json!({"text": text}),
        };
        let document = json!({
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
            "modelVersion": "scripted",
        });
        if request.path.ends_with(":streamGenerateContent") {
            Reply::events(&[document], "")
        } else {
            Reply::json(&document)
        }
    }
}

/// The text of a function's response: its output or its error.
fn said(response: &Value) -> String {
    let named = response["output"].as_str().or_else(|| response["error"].as_str());
    named.map_or_else(|| response.to_string(), str::to_owned)
}
