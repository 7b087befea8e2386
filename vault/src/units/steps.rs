//! What is to be done after units have been written, as commands.

use super::text::{CREDENTIAL, identity};
use super::wanted::{Credential, Scope, Wanted};

impl Wanted {
    /// The commands that come next, one a line, with what each is for.
    #[must_use]
    pub fn next_steps(&self) -> String {
        let gateway = self.gateway.as_str();
        match &self.scope {
            Scope::User { is_opened_by_system: true, .. } => {
                format!("systemctl --user daemon-reload\nsystemctl --user restart {gateway}\n")
            }
            Scope::User { .. } => format!(
                "{}systemctl --user daemon-reload\nsystemctl --user enable --now lobsterpot-vault.service\n\
                 systemctl --user restart {gateway}\n",
                self.seal(" --user")
            ),
            Scope::System { account } => {
                let start = "systemctl daemon-reload\nsystemctl enable --now lobsterpot-vault.service\n";
                let last = account.as_ref().map_or_else(
                    || format!("systemctl restart {gateway}\n"),
                    |account| {
                        format!("as {}: lobsterpot-vault install-units --user --opened-by-system\n", account.name)
                    },
                );
                format!("{}{start}{last}", self.seal(""))
            }
        }
    }

    /// How the identity comes to where the unit looks for it.
    fn seal(&self, user: &str) -> String {
        if self.credential == Credential::Plain {
            return String::new();
        }
        let sealed = identity(self);
        let folder = sealed.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let plain = identity(&Self { credential: Credential::Plain, ..self.clone() });
        format!(
            "mkdir -p -m 0700 {folder}\nsystemd-creds{user} encrypt --name={CREDENTIAL} {plain} {sealed}\n\
             rm {plain}    # once a copy of it is kept away from this host\n"
        )
    }
}
