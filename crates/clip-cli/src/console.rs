//! Where words go: results to stdout, everything else to stderr, progress to a terminal only.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::exit::Exit;
use crate::table::printable;

/// Skipped inputs named one by one on stderr; beyond this the count, and the ledger, must do.
const SKIPS_NAMED: usize = 20;

#[derive(Clone)]
pub(crate) struct Console {
    verbosity: Verbosity,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Warnings, skipped inputs and errors only.
    Quiet,
    Normal,
    /// Sizes, times, places that were looked at.
    Verbose,
}

impl Console {
    pub(crate) fn new(verbosity: Verbosity) -> Console {
        Console { verbosity }
    }

    /// One result, as it is. Where nobody reads it any more (`| head`), the rest of the work is
    /// done all the same.
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        match self.stream(text) {
            Err(error) if is_closed_pipe(&error) => Ok(()),
            result => result,
        }
    }

    /// [`Console::print`] of work that is nothing but its output: the error of a closed pipe ends
    /// it.
    pub(crate) fn stream(&self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// One JSON object on a line of its own.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(value)?))
    }

    /// Something a person should know, on stderr; not with `-q`.
    pub(crate) fn note(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            say("note: ", text);
        }
    }

    /// Something that may make results other than expected, on stderr.
    pub(crate) fn warn(&self, text: &str) {
        say("warning: ", text);
    }

    /// Detail asked for by `-v`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            say("", text);
        }
    }

    /// Names what was left out, on stderr.
    pub(crate) fn skipped(&self, ledger: &clip_rs::Ledger, of: usize) {
        for skip in ledger.skips().iter().take(SKIPS_NAMED) {
            say("skipped: ", &format!("{}: {}", skip.input, skip.reason));
        }
        if ledger.skips().len() > SKIPS_NAMED {
            say("skipped: ", &format!("{} more", ledger.skips().len() - SKIPS_NAMED));
        }
        if !ledger.is_empty() {
            say("", &format!("{} of {of} inputs skipped", ledger.skips().len()));
        }
    }

    /// A bar with rate and ETA; hidden when stderr is no terminal.
    pub(crate) fn progress(&self, total: u64, unit: Unit) -> ProgressBar {
        if self.verbosity == Verbosity::Quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = match unit {
            Unit::Items(name) => {
                format!("{{bar:30}} {{human_pos}}/{{human_len}} {name}  {{rate}}  {{left}}")
            }
            Unit::Steps => "{bar:20} {human_pos}/{human_len}  {wide_msg}".to_owned(),
            Unit::Bytes => "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {left}".to_owned(),
        };
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec()); // a bar that cannot be drawn stops nothing
        };
        let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Nothing is known before something is done.
            let _ = if state.pos() > 0 {
                write!(out, "{:#} left", HumanDuration(state.eta()))
            } else {
                Ok(())
            };
        };
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.with_key("rate", rate).with_key("left", left);
        let bar = ProgressBar::new(total).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Prints an error and its way out; a closed pipe is no error.
    pub(crate) fn fail(&self, error: &anyhow::Error) -> Exit {
        if is_closed_pipe(error) {
            return Exit::Ok;
        }
        say("error: ", &with_causes(error));
        let help = error.downcast_ref::<clip_rs::Error>().and_then(clip_rs::Error::help);
        let help =
            help.or_else(|| error.downcast_ref::<Usage>().and_then(|usage| usage.help.clone()));
        if let Some(help) = help {
            say("help: ", &help);
        }
        Exit::Failed
    }
}

/// One line on stderr. Where nobody listens (a closed or full stderr), the work goes on.
fn say(kind: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{kind}{}", printable(text));
}

/// An error and its causes in one line; a cause that the words before it hold already is not said
/// again.
fn with_causes(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said += &format!(": {cause}");
        }
    }
    said
}

/// What a progress bar counts.
pub(crate) enum Unit {
    /// Things with a name in the plural.
    Items(&'static str),
    /// Steps of training; a message says how it goes.
    Steps,
    /// Bytes of a transfer.
    Bytes,
}

/// A request that cannot be met, with its way out.
#[derive(Debug)]
pub(crate) struct Usage {
    message: String,
    help: Option<String>,
}

impl Usage {
    pub(crate) fn error(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Usage { message: message.into(), help: Some(help.into()) }.into()
    }
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Usage {}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_said_once_and_at_once() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = Err::<(), _>(missing()).context("a.txt: cannot read").expect_err("failed");
        assert_eq!(with_causes(&error), "a.txt: cannot read: no such file");
        let error = clip_rs::Error::Write { path: "b.npy".into(), source: missing() };
        assert_eq!(with_causes(&error.into()), "b.npy: cannot write: no such file");
    }
}
