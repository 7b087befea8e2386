//! The text that a client's shell is given in the place of the model's command.
//!
//! Two forms. The **plain** one starts the launcher and nothing else. A `cd` in it ends with the sandbox, though, and the
//! client would read back the folder of *its* shell: so a command that may change directory gets the **carrying** form,
//! in which the sandboxed shell reports its last folder on descriptor 3, this program checks the report outside, and the
//! client's shell goes there. Neither form lets the model's text be parsed by the client's shell: it is one quoted word.

use crate::denial::Denial;
use crate::quote;

/// What `execve` takes as one argument, with the NUL that ends it (`MAX_ARG_STRLEN`).
const LONGEST_ARGUMENT: usize = 128 * 1024;

/// Room for what the client writes around the text: its snapshot's path, settings, the file for the folder.
const CLIENT_SHARE: usize = 8 * 1024;

/// What a client's own quoting adds to one single quote: `'"'"'`.
const QUOTE_GROWTH: usize = 4;

/// Runs the command, then says where it ended. On one line, because bash reads a script line by line.
///
/// The command runs by `eval`, as the client itself would run it: its syntax errors are its own, it sees no positional
/// parameters, and without descriptor 3 nothing that it starts can hold the report open. What ends the shell early (`exit`,
/// `exec`) ends it without a report, and the client's folder stays, as it would without a sandbox.
const REPORTING: &str = "lobsterpot=$1; shift; eval \"$lobsterpot\" 3>&-; \
    { lobsterpot=$?; [ \"$lobsterpot\" != 0 ] || pwd -P >&3 || :; } 2>/dev/null; exit \"$lobsterpot\"";

/// Words without which a shell's folder cannot change, short of disguising them.
const MOVERS: [&str; 7] = ["cd", "pushd", "popd", "source", "eval", ". ", ".\t"];

/// Everything that the new text is made of.
#[derive(Debug)]
pub(crate) struct Rewrite<'a> {
    /// The launcher.
    pub(crate) launcher: &'a str,
    /// This program, which checks the report.
    pub(crate) hook: &'a str,
    /// The workspace.
    pub(crate) workspace: &'a str,
    /// Where to start; `None` for where the client's shell stands.
    pub(crate) directory: Option<&'a str>,
    /// Further options of the launcher's, as shell words, each after a space.
    pub(crate) options: &'a str,
    /// The shell that runs the command.
    pub(crate) shell: &'a str,
    /// Whether the client reads the session's folder back.
    pub(crate) keeps_directory: bool,
}

impl Rewrite<'_> {
    /// The new text for `command`.
    ///
    /// # Errors
    /// When the command holds a NUL, or no shell could be given the result.
    pub(crate) fn text(&self, command: &str) -> Result<String, Denial> {
        if command.contains('\0') {
            return Err(Denial::Command { problem: "it contains a NUL character".to_owned() });
        }
        let text = if self.keeps_directory && may_move(command) { self.carrying(command) } else { self.plain(command) };
        let longest = LONGEST_ARGUMENT - CLIENT_SHARE;
        let length = quoted_length(&text);
        if length > longest {
            let problem = format!("it takes {length} of at most {longest} bytes once it is quoted");
            return Err(Denial::Command { problem });
        }
        Ok(text)
    }

    /// The launcher with its options, up to its `--`.
    fn launch(&self, options: &str) -> String {
        let chdir = self.directory.map(|folder| format!(" --chdir {}", quote::when_needed(folder)));
        format!(
            "{} --workspace {}{}{}{options} --",
            quote::when_needed(self.launcher),
            quote::when_needed(self.workspace),
            chdir.unwrap_or_default(),
            self.options,
        )
    }

    /// Whether `text` is the plain form of some command: word for word what would have been written here.
    pub(crate) fn could_have_made(&self, text: &str) -> bool {
        let word = text.strip_prefix(&self.plain_prefix());
        word.and_then(quote::undone).is_some_and(|command| self.text(&command).is_ok_and(|own| own == text))
    }

    /// The form that leaves the client's shell where it is.
    fn plain(&self, command: &str) -> String {
        format!("{}{}", self.plain_prefix(), quote::always(command))
    }

    /// The plain form up to the command.
    fn plain_prefix(&self) -> String {
        format!("{} {} -c ", self.launch(""), self.shell)
    }

    /// The form that takes the client's shell to where the command ended.
    ///
    /// One compound command, because older clients append ` < /dev/null`. Descriptor 4 is the real standard output; the
    /// substitution's own pipe ends in this program, so that what the sandbox writes there is bounded. The braces around
    /// the launcher keep zsh from writing to both. The status is the launcher's: this program always succeeds.
    fn carrying(&self, command: &str) -> String {
        format!(
            "{{ lobsterpot=$(set -o pipefail; {{ exec {launch} {shell} -c {script} {shell} {command} 3>&1 >&4 4>&-; }} \
             | {hook} --directory-within {workspace} 4>&-) \
             && {{ [ -z \"$lobsterpot\" ] || builtin cd -P -- \"$lobsterpot\" 2>/dev/null || :; }}; }} 4>&1",
            launch = self.launch(" --fd 3"),
            shell = self.shell,
            script = quote::always(REPORTING),
            command = quote::always(command),
            hook = quote::when_needed(self.hook),
            workspace = quote::when_needed(self.workspace),
        )
    }
}

/// Whether the command could leave its shell in another folder. Errs on the side of yes.
fn may_move(command: &str) -> bool {
    MOVERS.iter().any(|word| command.contains(word))
}

/// The most that `text` can take once the client has quoted it, by either of the two ways in which it does.
fn quoted_length(text: &str) -> usize {
    let count = |wanted: fn(&u8) -> bool| text.as_bytes().iter().filter(|byte| wanted(byte)).count();
    let single = count(|byte| *byte == b'\'') * QUOTE_GROWTH;
    let double = count(|byte| matches!(byte, b'"' | b'$' | b'`' | b'\\' | b'!'));
    text.len() + single.max(double)
}

#[cfg(test)]
mod tests {
    use super::{Rewrite, quoted_length};

    /// A rewrite with harmless paths.
    const REWRITE: Rewrite<'_> = Rewrite {
        launcher: "/opt/pot/sandbox-exec",
        hook: "/opt/pot/sandbox-exec-hook",
        workspace: "/w/my proj",
        directory: Some("/w/my proj/sub"),
        options: "",
        shell: "/bin/bash",
        keeps_directory: true,
    };

    #[test]
    fn a_command_that_stays_gets_the_plain_form() {
        assert_eq!(
            REWRITE.text("ls -l 'a b'").unwrap(),
            r"/opt/pot/sandbox-exec --workspace '/w/my proj' --chdir '/w/my proj/sub' -- /bin/bash -c 'ls -l '\''a b'\'''"
        );
    }

    #[test]
    fn where_the_clients_shell_stands_is_left_to_it() {
        let text = Rewrite { directory: None, options: " --ro /skills", ..REWRITE }.text("ls").unwrap();
        assert_eq!(text, "/opt/pot/sandbox-exec --workspace '/w/my proj' --ro /skills -- /bin/bash -c 'ls'");
    }

    #[test]
    fn only_what_it_could_have_written_itself_is_recognised() {
        let rewrite = Rewrite { directory: None, keeps_directory: false, ..REWRITE };
        for command in ["ls", "", "cd x; it's", "a\\'b\nc"] {
            assert!(rewrite.could_have_made(&rewrite.text(command).unwrap()), "{command}");
        }
        let good = rewrite.text("ls").unwrap();
        for other in [
            "ls",
            "",
            &format!("{good}; id"),
            &format!("{good} && id"),
            &format!("{good} | id"),
            &format!(" {good}"),
            &format!("{good}\n"),
            &format!("{good} 'id'"),
            &format!("id; {good}"),
            &good.replace("'ls'", "$(id)"),
            &good.replace("'ls'", "\"ls\""),
            &good.replace("'ls'", "'ls'$(id)''"),
            &good.replace("/w/my proj", "/"),
            &good.replace("sandbox-exec ", "sandbox-exec --net host "),
            &good.replace("sandbox-exec ", "sandbox-exec --rw / "),
            &good.replace("/opt/pot", "/w/my proj"),
            &good.replace("/bin/bash", "/bin/sh"),
            &good.replace(" -- ", " --rw /home -- "),
        ] {
            assert!(!rewrite.could_have_made(other), "{other}");
        }
    }

    #[test]
    fn a_background_command_is_never_carried() {
        let text = Rewrite { keeps_directory: false, ..REWRITE }.text("cd sub").unwrap();
        assert!(text.starts_with("/opt/pot/sandbox-exec "), "{text}");
    }

    #[test]
    fn a_command_too_long_for_one_argument_is_denied_before_the_kernel_refuses_it() {
        assert!(REWRITE.text(&"x".repeat(100 * 1024)).is_ok());
        assert!(REWRITE.text(&"x".repeat(2 * 1024 * 1024)).is_err());
        assert!(REWRITE.text(&"'".repeat(10 * 1024)).is_err(), "a quote takes sixteen bytes once it is quoted twice");
    }

    #[test]
    fn a_nul_is_denied() {
        assert!(REWRITE.text("echo a\0b").is_err());
    }

    #[test]
    fn both_ways_of_quoting_are_counted() {
        assert_eq!(quoted_length("'a'"), 3 + 8);
        assert_eq!(quoted_length("$a`b"), 4 + 2);
    }
}
