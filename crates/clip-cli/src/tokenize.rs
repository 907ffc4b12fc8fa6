//! `clip-rs tokenize`

use std::io::BufRead;

use clip_rs::tokenizer::{CONTEXT_LENGTH, Tokenizer};

use crate::console::{Console, Usage};
use crate::exit::Exit;

/// Print the token ids of texts
///
/// One line of JSON per text, {"ids", "length", "truncated"}: ids without start and end and not
/// cut; length is their number; truncated says whether a model would have to cut the text (75 ids
/// fit). Texts are the arguments, else the lines of standard input.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  clip-rs tokenize 'a photo of a cat'\n  {\"ids\":[320,1125,539,320,2368],\"length\":5,\"truncated\":false}"
)]
pub(crate) struct Tokenize {
    /// Texts; none: the lines of standard input
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Every line of standard input is a JSON string
    #[arg(long, conflicts_with = "texts")]
    jsonl: bool,
    /// As always: the output of this verb is JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Record {
    ids: Vec<u32>,
    length: usize,
    truncated: bool,
}

impl Tokenize {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let tokenizer = Tokenizer::new();
        let print = |text: &str| {
            let ids = tokenizer.encode(text);
            let length = ids.len();
            let record = Record { ids, length, truncated: length + 2 > CONTEXT_LENGTH };
            console.stream(&format!("{}\n", serde_json::to_string(&record)?))
        };
        if !self.texts.is_empty() {
            self.texts.iter().try_for_each(|text| print(text))?;
            return Ok(Exit::Ok);
        }
        for (index, line) in std::io::stdin().lock().split(b'\n').enumerate() {
            let line = line?;
            let text = if self.jsonl { json_string(&line) } else { plain(line) };
            let text = text.map_err(|reason| {
                Usage::error(
                    format!("standard input, line {}: {reason}", index + 1),
                    "nothing after it was read",
                )
            })?;
            print(&text)?;
        }
        Ok(Exit::Ok)
    }
}

fn plain(mut line: Vec<u8>) -> Result<String, String> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line)
        .map_err(|error| format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

/// JSON may hold half of a surrogate pair, which no UTF-8 can: it becomes U+FFFD, as the
/// reference's text repair makes it (PROTOCOL 3.6 step 8).
fn json_string(line: &[u8]) -> Result<String, String> {
    struct Bytes(Vec<u8>);
    impl<'de> serde::Deserialize<'de> for Bytes {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a JSON string")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
            }
            deserializer.deserialize_bytes(Visitor)
        }
    }
    let Bytes(bytes) = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => Ok(replace_surrogates(error.as_bytes())),
    }
}

/// Bytes that are UTF-8 but for encoded surrogates (ED A0..BF xx), each of which becomes one
/// U+FFFD.
fn replace_surrogates(bytes: &[u8]) -> String {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if let [0xED, 0xA0..=0xBF, _, after @ ..] = rest {
            clean.extend_from_slice("\u{FFFD}".as_bytes());
            rest = after;
        } else {
            clean.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&clean).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_pair_up_or_become_the_replacement_character() {
        assert_eq!(json_string(br#""\ud83d\ude00!""#), Ok("😀!".to_owned()));
        assert_eq!(json_string(br#""a\ud800b""#), Ok("a\u{FFFD}b".to_owned()));
        assert!(json_string(b"[1]").is_err());
    }
}
