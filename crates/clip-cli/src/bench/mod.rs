//! `clip-rs bench`

mod machine;
mod rounds;
mod server;
mod speed;

use std::io;
use std::num::NonZero;
use std::time::Instant;

use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::settings::Settings;
use server::Server;
use speed::Speed;

/// Name of the model that is none, for `--serve`.
const NO_MODEL: &str = "none";

/// Measure how fast a model runs on this machine
///
/// Images and texts a second, operations a second and their share of what the processor can do in
/// the same precision (measured in the same rounds), preprocessing, tokenizer, loading, memory.
/// Medians of interleaved rounds after a warm-up. Operations are those of the reference, two for
/// each multiply-add, whatever shortcuts leave out.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  clip-rs bench --model ViT-B/32 --batch 1,8,32 --threads 2 --precision bf16"
)]
pub(crate) struct Bench {
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Images in a call of the image tower; several separated by commas
    #[arg(long, value_name = "B", value_delimiter = ',', default_value = "1,8,32",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: Vec<u16>,
    /// Rounds that count
    #[arg(long, value_name = "N", default_value = "7")]
    rounds: NonZero<u16>,
    /// One JSON object for each batch size and line
    #[arg(long)]
    json: bool,
    /// Answer requests on standard input instead (`bench/server.rs` lists them); model `none` loads
    /// none
    #[arg(long, hide = true)]
    serve: bool,
}

impl Bench {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        if self.serve {
            return self.serve(settings, console);
        }
        let started = Instant::now();
        let clip = settings.load(self.model.as_deref(), console)?;
        let load_seconds = started.elapsed().as_secs_f64();
        let batches: Vec<usize> = self.batch.iter().copied().map(usize::from).collect();
        let bar = console.progress(0, Unit::Items("rounds"));
        let speeds =
            speed::measure(&clip, load_seconds, &batches, self.rounds.get().into(), |done, of| {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            })?;
        bar.finish_and_clear();
        if self.json {
            speeds.iter().try_for_each(|speed| console.json(speed))?;
        } else {
            console.print(&table(&speeds))?;
        }
        Ok(Exit::Ok)
    }

    fn serve(&self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let name = self.model.as_deref();
        let clip = if name == Some(NO_MODEL) { None } else { Some(settings.load(name, console)?) };
        Server::new(clip, settings.load_options()).serve(io::stdin().lock(), io::stdout())?;
        Ok(Exit::Ok)
    }
}

/// What depends on the batch as columns, the rest as lines.
fn table(speeds: &[Speed]) -> String {
    let Some(one) = speeds.first() else { return String::new() };
    let processor = one.processor.as_deref().unwrap_or("unknown processor");
    let threads =
        if one.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", one.threads) };
    let mut text =
        format!("{}, {}, {}, {threads}, {processor}\n\n", one.model, one.precision, one.isa);
    text += &format!("{:>8}{:>14}{:>12}{:>18}\n", "batch", "images/s", "Gop/s", "share of peak");
    for speed in speeds {
        let share = speed
            .share_of_peak
            .map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
        text += &format!(
            "{:>8}{:>14.1}{:>12.1}{share:>18}\n",
            speed.batch, speed.images_per_second, speed.gops
        );
    }
    let mut line = |what: &str, value: String| text += &format!("{what:<44}{value:>8}\n");
    line(
        "\npeak of the processor, Gop/s",
        one.peak_gops.map_or_else(|| "–".to_owned(), |peak| format!("{peak:.1}")),
    );
    line("texts/s, 200 captions in a call", format!("{:.0}", one.texts_per_second));
    line(
        "images preprocessed/s, one thread",
        format!("{:.0}", one.preprocess_images_per_second_one_thread),
    );
    line("images preprocessed/s, all threads", format!("{:.0}", one.preprocess_images_per_second));
    line("texts tokenized/s, one thread", format!("{:.0}", one.tokenize_texts_per_second));
    line("model loaded in, s", format!("{:.3}", one.load_seconds));
    let memory = one.peak_memory_bytes.map(|bytes| format!("{:.0}", bytes as f64 / 1e6));
    line("greatest memory, MB", memory.unwrap_or_else(|| "–".to_owned()));
    text
}
