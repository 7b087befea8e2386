//! What of a run goes into the audit log: only what somebody may want to look into later.

use std::time::{SystemTime, UNIX_EPOCH};

use lobsterpot_audit_log::{Log, LogError, What, Writer};

use super::{Settings, Summary};

/// Writes what was refused, and the end of the way out when it came too early. Nothing is written, and no file made, when there is
/// nothing to tell.
///
/// # Errors
/// When the log cannot be written.
pub(crate) fn write(settings: &Settings, summary: &Summary) -> Result<(), LogError> {
    let refused = summary.refused.iter().map(|(asked, _)| What::Refused {
        reason: asked.reason.to_string(),
        subject: asked.to_string(),
        times: asked.times,
    });
    let others = (summary.others > 0).then(|| What::Refused {
        reason: "net".to_owned(),
        subject: "(others)".to_owned(),
        times: summary.others,
    });
    let ended = summary.ended.iter().map(|message| What::WayOutEnded { message: message.clone() });
    let mut what: Vec<What> = ended.chain(others).chain(refused).collect();
    if what.is_empty() {
        return Ok(());
    }
    what.truncate(MOST);
    Log::new(&settings.log).append(&writer(&settings.command), what)
}

/// The most records of one run.
const MOST: usize = 256;

/// Who writes: this run, now.
fn writer(command: &str) -> Writer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut number = [0; 8];
    let drawn =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut number));
    // Without chance, time and process tell runs apart nearly as well.
    let number = if drawn.is_ok() { u64::from_ne_bytes(number) } else { time << 22 | u64::from(std::process::id()) };
    Writer { time, run: format!("{number:016x}"), command: command.to_owned() }
}
