//! The program `clip-rs`: arguments, tables, progress, exit codes. No logic of its own.
//!
//! ```text
//! arguments ─┐
//! CLIP_RS_…  ├─ settings ──▶ Clip::load ──▶ verb ──▶ stdout: results    stderr: notes, progress, errors
//! clip-rs.toml ┘                                     exit code: see `exit.rs`
//! ```
#![forbid(unsafe_code)]

mod audit;
mod bench;
mod card;
mod classify;
mod column;
mod config;
mod console;
mod datasets;
mod embed;
mod eval;
mod exit;
mod generate;
mod images;
mod labels;
mod models;
mod preprocess;
mod report;
mod settings;
mod similarity;
mod table;
mod tokenize;
mod train;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};

use crate::console::Console;
use crate::exit::Exit;
use crate::settings::{Overrides, Settings};

/// CLIP on the command line: images and texts in one space
///
/// Classifies images by labels in plain English, embeds images and texts, compares them; exactly as
/// the reference does. A research tool. Out of scope: any deployed use without in-domain testing on
/// a fixed taxonomy; surveillance and face recognition, always; languages other than English.
#[derive(Parser)]
#[command(name = "clip-rs", version, max_term_width = 100, arg_required_else_help = true, after_help = exit::TABLE)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Subcommand)]
enum Verb {
    Classify(classify::Classify),
    Embed(embed::Embed),
    Similarity(similarity::Similarity),
    Tokenize(tokenize::Tokenize),
    Preprocess(preprocess::Preprocess),
    Verify(verify::Verify),
    Eval(eval::Eval),
    Audit(audit::Audit),
    Train(Box<train::Train>),
    Models(models::Models),
    Datasets(datasets::Datasets),
    Bench(bench::Bench),
    Report(report::Report),
    Card(card::Card),
    Config(config::Config),
    Completions(generate::Completions),
    Man(generate::Man),
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.overrides.verbosity());
    match run(cli, &console) {
        Ok(exit) => exit.into(),
        Err(error) => console.fail(&error).into(),
    }
}

fn run(cli: Cli, console: &Console) -> anyhow::Result<Exit> {
    let mut settings = Settings::read(&cli.overrides)?;
    if let Verb::Train(train) = &cli.verb {
        train.enter_threads(&mut settings)?;
    }
    settings.use_threads()?;
    match cli.verb {
        Verb::Classify(verb) => verb.run(&settings, console),
        Verb::Embed(verb) => verb.run(&settings, console),
        Verb::Similarity(verb) => verb.run(&settings, console),
        Verb::Tokenize(verb) => verb.run(console),
        Verb::Preprocess(verb) => verb.run(&settings, console),
        Verb::Verify(verb) => verb.run(&settings, console),
        Verb::Eval(verb) => verb.run(&settings, console),
        Verb::Audit(verb) => verb.run(&settings, console),
        Verb::Train(verb) => verb.run(&settings, console),
        Verb::Models(verb) => verb.run(&settings, console),
        Verb::Datasets(verb) => verb.run(console),
        Verb::Bench(verb) => verb.run(&settings, console),
        Verb::Report(verb) => verb.run(console),
        Verb::Card(verb) => verb.run(&settings, console),
        Verb::Config(verb) => verb.run(&settings, console),
        Verb::Completions(verb) => verb.run(Cli::command(), console),
        Verb::Man(verb) => verb.run(Cli::command(), console),
    }
}
