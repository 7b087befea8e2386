//! The agents: which are here, and whether their hooks are installed and protect.

use lobsterpot_hooks::install::{ClientStatus, Question, status};

use super::check::Check;

/// Looks at every client, and tries its hooks.
pub(super) fn checks(question: &Question) -> Vec<Check> {
    match status(question) {
        Ok(found) if found.clients.is_empty() => {
            vec![Check::warn("agents", "no client was found").hint("lobsterpot install CLIENT, once one is here")]
        }
        Ok(found) => found.clients.iter().map(client).collect(),
        Err(error) => vec![Check::fail("agents", error.to_string()).hint(error.hint())],
    }
}

/// One client.
fn client(client: &ClientStatus) -> Check {
    let name = format!("agent.{}", client.client);
    let open: Vec<String> = client
        .backends
        .iter()
        .filter(|backend| !backend.covered)
        .map(|backend| format!("backend {}: {}", backend.name, backend.reason))
        .collect();
    if client.covered && open.is_empty() {
        return Check::ok(name, "its hooks are installed and protect");
    }
    let problems = client.scopes.iter().flat_map(|scope| scope.problems.iter().cloned());
    let mut problems: Vec<String> = problems.chain(open).collect();
    if problems.is_empty() {
        problems.push("nothing is installed".to_owned());
    }
    Check::fail(name, problems.join("; ")).hint(format!("lobsterpot install {}; lobsterpot status", client.client))
}
