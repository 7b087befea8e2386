//! A scripted model: answers every request of a client with the next step of a list, and records what the tools said.
//!
//! It speaks Anthropic Messages, OpenAI Responses and chat completions, and Gemini's generateContent, each streamed or
//! whole as the client asks. Requests that offer no tools (titles, summaries, checks) are answered with a harmless text.

mod anthropic;
mod chat;
mod gemini;
mod http;
mod responses;
mod script;

pub(crate) use script::{Step, call, call_with};

use http::{Reply, Request};
use script::{Answer, Progress};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What side requests are told.
const HARMLESS: &str = "A short title";

/// Where a script asks whether every step has been taken, and every call's result has come back.
pub(crate) const IS_OVER: &str = "/is-over";

/// One dialect of model servers.
trait Dialect {
    /// Whether the request offers tools, so that it belongs to the scripted conversation.
    fn offers_tools(&self, body: &Value) -> bool;
    /// The names of the tools that it offers.
    fn tools(&self, body: &Value) -> Vec<String>;
    /// Every tool result that it carries: the number of its call, and the text.
    fn results(&self, body: &Value) -> Vec<(usize, String)>;
    /// The reply that says `answer`.
    fn reply(&self, request: &Request, body: &Value, answer: &Answer) -> Reply;
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Model {
    /// Where it listens.
    address: SocketAddr,
    /// What has been said so far.
    progress: Arc<Mutex<Progress>>,
    /// Whether it shall end.
    ends: Arc<AtomicBool>,
    /// The thread that accepts.
    acceptor: Option<JoinHandle<()>>,
}

impl Model {
    /// Starts a server that plays the steps.
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of the loopback");
        let address = listener.local_addr().expect("its address");
        let progress = Arc::new(Mutex::new(Progress::new(steps)));
        let ends = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&progress), Arc::clone(&ends));
        let acceptor = std::thread::spawn(move || accept(&listener, &shared, &stop));
        Self { address, progress, ends, acceptor: Some(acceptor) }
    }

    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The server's address for a client.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the tool of the call with this number (from zero) said, if the client has sent it back.
    pub(crate) fn result(&self, number: usize) -> Option<String> {
        self.locked().results.get(&number).cloned()
    }

    /// Every result so far, by number; `None` where the client sent none.
    pub(crate) fn results(&self) -> Vec<Option<String>> {
        let progress = self.locked();
        (0..progress.calls).map(|number| progress.results.get(&number).cloned()).collect()
    }

    /// Whether the bytes stood in any request.
    pub(crate) fn was_told(&self, text: &str) -> bool {
        self.locked().bodies.iter().any(|body| body.contains(text))
    }

    /// The keys and tokens that came with requests to the model, each once.
    pub(crate) fn credentials(&self) -> Vec<String> {
        self.locked().credentials.iter().cloned().collect()
    }

    /// Every request that was no part of a dialect, for messages.
    pub(crate) fn log(&self) -> String {
        self.locked().log.join("\n")
    }

    /// The shared state; a panic elsewhere does not matter here.
    fn locked(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

/// Serves each connection in a thread of its own.
fn accept(listener: &TcpListener, progress: &Arc<Mutex<Progress>>, ends: &AtomicBool) {
    for stream in listener.incoming() {
        if ends.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = stream {
            let progress = Arc::clone(progress);
            std::thread::spawn(move || drop(serve(stream, &progress)));
        }
    }
}

/// Answers the one request of a connection.
///
/// # Errors
/// When the connection breaks.
fn serve(mut stream: TcpStream, progress: &Mutex<Progress>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let request = Request::read(&mut stream)?;
    let reply = answer(&request, progress);
    reply.write(&mut stream)
}

/// The dialect that a path belongs to.
fn dialect(path: &str) -> Option<&'static dyn Dialect> {
    if path.ends_with("/messages") {
        Some(&anthropic::Messages)
    } else if path.ends_with("/responses") {
        Some(&responses::Responses)
    } else if path.ends_with("/chat/completions") {
        Some(&chat::Completions)
    } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
        Some(&gemini::Contents)
    } else {
        None
    }
}

/// The reply to a request.
fn answer(request: &Request, progress: &Mutex<Progress>) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    if request.path == IS_OVER {
        return Reply::json(&serde_json::json!({"over": progress.is_over()}));
    }
    progress.log.push(format!("{} {} ({} bytes)", request.method, request.path, request.body.len()));
    let Some(dialect) = dialect(&request.path).filter(|_| request.method == "POST") else {
        return Reply::json(&other(&request.path));
    };
    progress.credentials.extend(request.credentials.iter().cloned());
    progress.bodies.push(String::from_utf8_lossy(&request.body).into_owned());
    if !dialect.offers_tools(&body) {
        return dialect.reply(request, &body, &Answer::Say(HARMLESS.to_owned()));
    }
    progress.tools.extend(dialect.tools(&body));
    let answer = progress.next(dialect.results(&body), &request.body);
    dialect.reply(request, &body, &answer)
}

/// What is said where no model is asked: token counts, lists of models, telemetry.
fn other(path: &str) -> Value {
    if path.ends_with("/count_tokens") {
        serde_json::json!({"input_tokens": 1})
    } else if path.ends_with(":countTokens") {
        serde_json::json!({"totalTokens": 1})
    } else {
        serde_json::json!({"data": [], "models": []})
    }
}
