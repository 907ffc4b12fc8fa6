//! Tokenizer files beside the weights: whether their tokens are CLIP's, by content. They are read
//! only when a text is to be encoded; images need none of them.

use super::configuration;
use super::hints::{Hints, Section};
use super::keys::Role::{Neutral, Obeyed, Tokens};
use super::keys::{Keys, Unknown, check};
use super::open_clip_config::{END_OF_TEXT, VOCABULARY};
use crate::error::CheckpointError;
use crate::sha256::sha256_of_bytes;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What a configuration and the files beside the weights say of the way from a text to token ids.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TokenizerConfig {
    /// open_clip's `tokenizer_kwargs.clean` is `canonicalize`; else texts are cleaned as the
    /// reference cleans them.
    pub canonicalize: bool,
    /// Why the configuration asks for other tokens than CLIP's, by the name of its field.
    pub(super) stated: Option<String>,
    /// Tokenizer files beside the weights.
    pub files: Vec<PathBuf>,
    /// The model is a released one, whose tokens are known.
    pub(super) released: bool,
    /// open_clip's fields as they stand.
    pub(crate) fields: Map<String, Value>,
}

/// What other kinds of tokenizers are kept in. Beside a vocabulary of CLIP's kind nobody reads
/// them.
const OTHER_KINDS: [&str; 4] =
    ["vocab.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model"];

/// What transformers reads, and what it is compared by.
pub(super) const FILES: [&str; 6] = [
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Longest file read, in bytes; the largest that go with any model have 40 MB.
const LIMIT: u64 = 64 << 20;

/// Merges in use: one for each token that is no byte and no marker.
const MERGES: usize = VOCABULARY - 512 - 2;

/// SHA-256 of CLIP's tokens, one a line in the order of their ids, and of its merges, one a line.
const VOCABULARY_SHA256: &str = "7cccc44d334555d1ff3c0ac5f0246b428fab2918383e77ee745cf30d41010b78";
const MERGES_SHA256: &str = "f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a";

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// `tokenizer_config.json`: arguments of `CLIPTokenizer`, and what older versions wrote.
pub(super) const CONFIG: Keys = &[
    (
        "tokenizer_class",
        Tokens(&["\"CLIPTokenizer\"", "\"CLIPTokenizerFast\"", "\"PreTrainedTokenizerFast\""]),
    ),
    ("bos_token", Obeyed),
    ("eos_token", Obeyed),
    ("unk_token", Neutral), // there is no unknown byte
    ("pad_token", Neutral), // behind the row that is read
    ("added_tokens_decoder", Obeyed),
    ("additional_special_tokens", Tokens(&["[]"])),
    ("extra_special_tokens", Tokens(&["[]", "{}"])),
    ("add_bos_token", Tokens(&["true"])),
    ("add_eos_token", Tokens(&["true"])),
    ("add_prefix_space", Tokens(&["false"])),
    ("do_lower_case", Tokens(&["true"])),
    ("padding_side", Tokens(&["\"right\""])),
    ("truncation_side", Tokens(&["\"right\""])),
    ("split_special_tokens", Tokens(&["false"])),
    ("_commit_hash", Neutral),
    ("_from_auto", Neutral),
    ("backend", Neutral),
    ("chat_template", Neutral),
    ("cls_token", Neutral),                    // CLIP's sets none
    ("clean_up_tokenization_spaces", Neutral), // of decoding
    ("errors", Neutral),
    ("is_local", Neutral),
    ("local_files_only", Neutral),
    ("mask_token", Neutral),
    ("max_length", Neutral),
    ("model_input_names", Neutral),
    ("model_max_length", Neutral), // the longest text is the position table's
    ("name_or_path", Neutral),
    ("pad_to_multiple_of", Neutral),
    ("pad_token_type_id", Neutral),
    ("processor_class", Neutral),
    ("sep_token", Neutral),
    ("special_tokens_map_file", Neutral),
    ("stride", Neutral),
    ("tokenizer_file", Neutral),
    ("trim_offsets", Neutral),
    ("truncation_strategy", Neutral),
    ("use_fast", Neutral),
];

/// Those of [`FILES`] that lie in a folder; those of other kinds where none has a vocabulary.
pub(super) fn beside(folder: &Path) -> Vec<PathBuf> {
    let there = |names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
    };
    let other_kinds = if there(&["vocab.json", "tokenizer.json"]).is_empty() {
        there(&OTHER_KINDS)
    } else {
        vec![]
    };
    [there(&FILES), other_kinds].concat()
}

impl TokenizerConfig {
    pub(super) fn new(hints: &Hints, files: Vec<PathBuf>) -> Self {
        let without_files = hints.texts_refused_without_files.as_ref().filter(|_| files.is_empty());
        Self {
            canonicalize: hints.canonicalize,
            stated: hints.texts_refused.as_ref().or(without_files).cloned(),
            files,
            released: false,
            fields: hints.tokenizer_fields.clone(),
        }
    }

    /// What the JSON of a configuration says, beside these files.
    pub(crate) fn of_configuration(
        path: &Path,
        json: &str,
        files: Vec<PathBuf>,
    ) -> Result<Self, CheckpointError> {
        Ok(Self::new(&configuration::hints(path, json)?, files))
    }

    /// Why texts of this model do not become CLIP's tokens, by the name of the field or file that
    /// says so. Reads the tokenizer files.
    pub fn refusal(&self) -> Option<String> {
        if self.released {
            return None;
        }
        self.stated.clone().or_else(|| self.files.iter().find_map(|path| difference(path)))
    }
}

/// What in a tokenizer file is not CLIP's.
fn difference(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    if OTHER_KINDS.contains(&name.as_str()) {
        return Some(foreign(&name, "another kind of tokens"));
    }
    let text = match clip_files::read_text(path, LIMIT) {
        Ok(text) => text,
        Err(error) => return Some(format!("`{name}` beside the weights: {error}")),
    };
    if name == "merges.txt" {
        return (merges_digest(text.lines()) != MERGES_SHA256)
            .then(|| foreign(&name, "other merges"));
    }
    let object = match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => object,
        _ => return Some(foreign(&name, "no JSON object")),
    };
    match name.as_str() {
        "vocab.json" => {
            let tokens = object.iter().map(|(token, id)| (token.as_str(), id.as_u64()));
            (!is_clip_vocabulary(tokens)).then(|| foreign(&name, "another vocabulary"))
        }
        "tokenizer.json" => whole_tokenizer(&name, &object),
        "added_tokens.json" => {
            let added = object.iter().find(|(token, id)| !is_marker(token, id.as_u64()));
            added.map(|(token, _)| foreign(&name, &format!("`{token:.40}`")))
        }
        _ => configuration(path, &name, &object),
    }
}

fn foreign(file: &str, what: &str) -> String {
    format!("`{file}` beside the weights has {what}, not CLIP's")
}

/// `tokenizer_config.json` and `special_tokens_map.json`.
fn configuration(path: &Path, name: &str, object: &Map<String, Value>) -> Option<String> {
    let section = Section { path, name: "tokenizer_config", fields: object };
    let mut hints = Hints::default();
    // Rows of towers and keys that are refused outright could fail, and there are none of either.
    drop(check(&section, &[CONFIG], Unknown::TextsRefused, &mut hints));
    let content = |token: &Value| token.get("content").unwrap_or(token).as_str().map(str::to_owned);
    for (key, expected) in [("bos_token", START), ("eos_token", END)] {
        if let Some(token) = object.get(key).filter(|token| !token.is_null())
            && content(token).as_deref() != Some(expected)
        {
            hints.refuse_texts(section.stated(key, token));
        }
    }
    let added = object.get("added_tokens_decoder").and_then(Value::as_object);
    for (id, token) in added.into_iter().flatten() {
        if !content(token).is_some_and(|token| is_marker(&token, id.parse().ok())) {
            hints.refuse_texts(section.stated("added_tokens_decoder", token));
        }
    }
    hints.texts_refused.map(|reason| reason.replace("tokenizer_config.", &format!("{name}: ")))
}

/// `tokenizer.json`.
fn whole_tokenizer(name: &str, object: &Map<String, Value>) -> Option<String> {
    let Some(model) = object.get("model") else { return Some(foreign(name, "no vocabulary")) };
    let added = || object.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    let added =
        || added().map(|token| (token["content"].as_str().unwrap_or(""), token["id"].as_u64()));
    let Some(vocabulary) = model.get("vocab").and_then(Value::as_object) else {
        return Some(foreign(name, "another kind of vocabulary"));
    };
    let tokens = vocabulary.iter().map(|(token, id)| (token.as_str(), id.as_u64()));
    if !is_clip_vocabulary(tokens.chain(added())) {
        return Some(foreign(name, "another vocabulary"));
    }
    let merges = model.get("merges").and_then(Value::as_array).into_iter().flatten();
    let pair = |merge: &Value| match merge {
        Value::Array(pair) => pair.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        merge => merge.as_str().unwrap_or_default().to_owned(),
    };
    let merges: Vec<String> = merges.map(pair).collect();
    if merges_digest(merges.iter().map(String::as_str)) != MERGES_SHA256 {
        return Some(foreign(name, "other merges"));
    }
    let lower_case =
        object.get("normalizer").is_some_and(|steps| steps.to_string().contains("\"Lowercase\""));
    (!lower_case).then(|| foreign(name, "another normalizer"))
}

fn is_marker(token: &str, id: Option<u64>) -> bool {
    let end = u64::from(END_OF_TEXT);
    (token == START && id == end.checked_sub(1)) || (token == END && id == Some(end))
}

fn is_clip_vocabulary<'a>(tokens: impl Iterator<Item = (&'a str, Option<u64>)>) -> bool {
    let mut by_id = vec![""; VOCABULARY];
    for (token, id) in tokens {
        match id.and_then(|id| by_id.get_mut(usize::try_from(id).ok()?)) {
            Some(place) => *place = token,
            None => return false,
        }
    }
    sha256_of_bytes(by_id.join("\n").as_bytes()) == VOCABULARY_SHA256
}

/// Comment lines and the blank one at the end are no merges; OpenAI's own list goes on behind those
/// in use.
fn merges_digest<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let merges = lines.filter(|line| !line.is_empty() && !line.starts_with("#version"));
    let merges: Vec<&str> = merges.take(MERGES).collect();
    sha256_of_bytes(merges.join("\n").as_bytes())
}
