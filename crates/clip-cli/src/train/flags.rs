//! Every key of a configuration as a flag: made from the list of keys, in which each stands once.

use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Command};
use clip_train::config::{Config, ConfigError, Draft, KEYS, Key};

/// Flags as they were given.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigFlags {
    given: Vec<(&'static Key, String)>,
    eval: Vec<String>,
}

/// A flag and its words, for as long as the program runs.
struct Flag {
    key: &'static Key,
    long: String,
    help: String,
}

static FLAGS: LazyLock<Vec<Flag>> = LazyLock::new(|| {
    let defaults = Config::default().to_table();
    let flag = |key: &'static Key| {
        let default = defaults.get(key.section).and_then(|section| section.get(key.name));
        let help = key.words();
        let default = match default {
            Some(toml::Value::Boolean(false)) | None => String::new(),
            Some(toml::Value::Array(all)) if all.is_empty() => String::new(),
            Some(toml::Value::String(text)) if text.is_empty() => String::new(),
            Some(_) if help.contains("[default") => String::new(),
            Some(toml::Value::String(text)) => format!(" [default: {text}]"),
            Some(value) => format!(" [default: {value}]"),
        };
        Flag { key, long: key.flag(), help: help + &default }
    };
    KEYS.iter().filter(|key| !key.is_global).map(flag).collect()
});

impl ConfigFlags {
    /// What they set.
    pub(super) fn draft(&self) -> Result<Draft, ConfigError> {
        let mut draft = Draft::default();
        for (key, text) in &self.given {
            draft.set(key, text)?;
        }
        for text in &self.eval {
            draft.add_evaluation(text)?;
        }
        Ok(draft)
    }
}

impl clap::FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = ConfigFlags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for flag in FLAGS.iter() {
            if let Some(text) = matches.get_one::<String>(flag.key.name) {
                self.given.push((flag.key, text.clone()));
            }
        }
        self.eval = matches.get_many("eval").unwrap_or_default().cloned().collect();
        Ok(())
    }
}

impl clap::Args for ConfigFlags {
    fn augment_args(command: Command) -> Command {
        let arg = |flag: &'static Flag| {
            let arg = Arg::new(flag.key.name)
                .long(flag.long.as_str())
                .help(flag.help.as_str())
                .help_heading(heading(flag.key.section));
            match flag.key.is_switch() {
                true => {
                    let arg = arg.num_args(0..=1).require_equals(true);
                    arg.default_missing_value("true").value_name("true|false")
                }
                false => arg.value_name(flag.key.value_name()).allow_hyphen_values(true),
            }
        };
        let eval = Arg::new("eval")
            .long("eval")
            .action(ArgAction::Append)
            .value_name("KEY=VALUE,...")
            .help(
                "Task of `clip-rs eval` on a data set while it trains: \
                 dataset=NAME,task=zeroshot,root=DIR,split=NAME,every=STEPS; several times for several",
            )
            .help_heading("Evaluation, [[eval]]");
        FLAGS.iter().fold(command, |command, flag| command.arg(arg(flag))).arg(eval)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What a section is called above its flags.
fn heading(section: &'static str) -> &'static str {
    match section {
        "model" => "Model, [model]",
        "data" => "Data, [data]",
        "batch" => "Batch, [batch]",
        "objective" => "Objective, [objective]",
        "optimizer" => "Optimizer, [optimizer]",
        "schedule" => "Schedule, [schedule]",
        "towers" => "Towers, [towers]",
        "run" => "Run, [run]",
        "guard" => "Guard, [guard]",
        other => other,
    }
}
