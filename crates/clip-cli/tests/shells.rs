//! Completions in the shells themselves; a shell that is not on this machine is passed over, and
//! said.

mod common;

use std::process::{Command, Stdio};

use common::run;

/// What a shell's script offers, a word a line.
fn offered(shell: &str, script: &str) -> Option<Vec<String>> {
    if Command::new(shell)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        clip_testing::skipped(&format!("{shell} is not on this machine"));
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("_clip-rs"), run(&["completions", shell]).stdout)
        .expect("written");
    // A shell that waits for words that do not come ends too.
    let command = Command::new("timeout")
        .args(["60", shell, "-c", script])
        .current_dir(folder.path())
        .output();
    let output = command.expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect(),
    )
}

fn has_verbs(offered: &[String]) {
    for verb in ["convert", "download", "info", "list"] {
        assert!(offered.iter().any(|word| word == verb), "{verb} is not in {offered:?}");
    }
    assert!(!offered.iter().any(|word| word == "_clip-rs"), "a file's name was offered");
}

#[test]
fn bash_completes_the_verbs_of_a_verb() {
    let script = r#"
source ./_clip-rs
COMP_WORDS=(clip-rs models "")
COMP_CWORD=2
_clip__rs clip-rs "" models
printf '%s\n' "${COMPREPLY[@]}""#;
    if let Some(words) = offered("bash", script) {
        has_verbs(&words);
    }
}

#[test]
fn fish_completes_the_verbs_of_a_verb() {
    let script = "source ./_clip-rs; complete --do-complete 'clip-rs models '";
    if let Some(words) = offered("fish", script) {
        has_verbs(&words);
    }
}

/// Zsh completes only what a person types: a terminal of its own, a tab, and what stands on the
/// screen then.
#[test]
fn zsh_completes_the_verbs_of_a_verb() {
    let script = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=($PWD \$fpath); autoload -U compinit; compinit -u -d $PWD/dump; compdef _clip-rs clip-rs; LISTMAX=0; echo READY\$((1 + 1))"
zpty -r shell screen '*READY2*'
zpty -w -n shell $'clip-rs models \t'
zpty -r shell screen '*list*'
print -r -- "${screen//$'\e[J'/}"
zpty -d shell"#;
    if let Some(words) = offered("zsh", script) {
        has_verbs(&words);
    }
}
