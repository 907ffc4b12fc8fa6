//! `clip-rs models` on files that cannot be used, names that promise another format, and runs that
//! were cut short.

mod common;

use common::{clip_rs, json_lines, run};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Unpacks a checkpoint that a trainer left into `folder`.
fn trainers(name: &str, folder: &Path) -> String {
    let packed = common::root().join(format!("crates/clip-model/tests/data/trainers/{name}.pt.gz"));
    let path = folder.join(format!("{name}.pt"));
    clip_testing::unpack(&packed, &path);
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn info_describes_what_cannot_be_used_and_says_what_it_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let two = trainers("two_models", folder.path());
    let info = run(&["models", "info", &two]);
    assert_eq!(info.code, 0, "{}", info.stderr);
    assert!(
        info.stderr.contains("holds the weights of several models: `model`, `ema`"),
        "{}",
        info.stderr
    );
    for line in [
        "container          torch.save (zip)",
        "usable             no",
        "key                ema: a dictionary",
        "tensor             ema.visual.proj f16 [8, 4]",
    ] {
        assert!(info.stdout.lines().any(|found| found == line), "{}", info.stdout);
    }
    let json = &json_lines(&run(&["models", "info", &two, "--json"]).stdout)[0];
    assert_eq!(json["keys"][1]["name"], "ema");
    let proj = json["tensors"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "ema.visual.proj"));
    assert_eq!(proj.map(|one| one["shape"].to_string()), Some("[8,4]".to_owned()));
    // With `--check` it is a question, and the answer is no.
    let check = run(&["models", "info", &two, "--check"]);
    assert_eq!((check.code, check.stdout.as_str()), (1, ""), "{}", check.stderr);

    // Sizes this small need a configuration, which is said.
    let plain = run(&["models", "info", &trainers("plain", folder.path())]);
    assert_eq!(plain.code, 0);
    assert!(plain.stderr.contains("--model-config"), "{}", plain.stderr);
}

#[test]
fn tensor_names_cannot_speak_to_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("names.safetensors");
    let header = r#"{"a\u001b[2Jb\nc":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
    std::fs::write(&path, bytes).expect("written");
    let path = path.to_str().expect("UTF-8");
    for arguments in [["models", "info", path].as_slice(), &["models", "info", path, "--check"]] {
        let info = run(arguments);
        let said = info.stdout + &info.stderr;
        assert!(
            said.contains("2Jb") && !said.contains('\u{1b}') && !said.contains("b\nc"),
            "{said:?}"
        );
    }
}

#[test]
fn convert_refuses_a_name_that_promises_another_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (layout, name, instead) in [
        ("openai", "x.pt", "x.safetensors"),
        ("openai", "x", "x.safetensors"),
        ("open_clip", "x.bin", "x"),
    ] {
        let convert =
            run(&["models", "convert", "starter", "--layout", layout, "--out", &out(name)]);
        assert_eq!(convert.code, 1, "{name}");
        let way = format!("written: `--out {}`", out(instead));
        assert!(convert.stderr.contains(&way), "{}", convert.stderr);
        assert!(std::fs::read_dir(folder.path()).expect("readable").next().is_none(), "{name}");
    }
}

/// What lies hidden in a folder.
fn hidden(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).expect("readable").flatten().map(|entry| entry.path());
    paths
        .filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        })
        .collect()
}

#[cfg(unix)]
#[test]
fn what_a_killed_or_interrupted_convert_left_is_cleared_by_the_next() {
    for (layout, name) in [("openai", "m.safetensors"), ("open_clip", "m")] {
        for signal in ["-KILL", "-INT"] {
            let folder = tempfile::tempdir().expect("a folder");
            let out = folder.path().join(name);
            let arguments =
                ["models", "convert", "starter", "--layout", layout, "--weights", "f32", "--out"];
            let left = (0..50).any(|_| {
                let mut child = Command::new(assert_cmd::cargo::cargo_bin("clip-rs"))
                    .args(arguments)
                    .arg(&out)
                    .stdout(Stdio::null())
                    .spawn()
                    .expect("started");
                while hidden(folder.path()).is_empty() && child.try_wait().expect("asked").is_none()
                {
                    std::thread::yield_now();
                }
                let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
                kill.expect("kill is there");
                child.wait().expect("ended");
                !hidden(folder.path()).is_empty()
            });
            assert!(left, "{layout} {signal}: no run was caught at work");
            let out = out.to_str().expect("UTF-8");
            drop(std::fs::remove_dir_all(out));
            let again = run(&[&arguments[..], &[out]].concat());
            assert_eq!(again.code, 0, "{}", again.stderr);
            assert_eq!(hidden(folder.path()), [] as [PathBuf; 0], "{layout} {signal}");
        }
    }
}

#[test]
fn password_of_a_mirror_is_printed_nowhere() {
    for arguments in [
        ["config"].as_slice(),
        &["config", "--json"],
        &["config", "--help"],
        &["models", "download", "RN50"],
    ] {
        let output = clip_rs(arguments)
            .env("CLIP_RS_MIRROR", "http://me:secret@127.0.0.1:1/x")
            .env("CLIP_RS_CACHE_DIR", tempfile::tempdir().expect("a folder").path())
            .output()
            .expect("it runs");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn download_that_gets_a_web_page_fails_and_the_next_one_heals_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mirror = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let mut asked = 0;
        for mut stream in listener.incoming().flatten() {
            let mut first = String::new();
            drop(BufReader::new(&stream).read_line(&mut first));
            let (status, body) = match first.split(' ').nth(1).unwrap_or_default() {
                "/a/b/resolve/main/model.safetensors" => {
                    asked += 1;
                    (
                        "200 OK",
                        if asked == 1 { b"<html>".as_slice() } else { b"\x02\0\0\0\0\0\0\0{}" },
                    )
                }
                _ => ("404 Not Found", b"".as_slice()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            drop(stream.write_all(&[head.as_bytes(), body].concat()));
        }
    });
    let cache = tempfile::tempdir().expect("a folder");
    let download = || {
        let mut command = clip_rs(&["models", "download", "hf-hub:a/b"]);
        let command = command.env("CLIP_RS_MIRROR", &mirror).env("CLIP_RS_CACHE_DIR", cache.path());
        let output = command.output().expect("it runs");
        (
            output.status.code(),
            String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8"),
        )
    };
    let (code, said) = download();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("model.safetensors: the server sends no checkpoint: a web page"),
        "{said}"
    );
    let (code, said) = download();
    assert_eq!(code, Some(0), "{said}");
    assert!(cache.path().join("hub/a/b/model.safetensors").is_file());
}

#[test]
fn models_between_models_are_written_measured_and_plotted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for class in ["cat", "dog", "pizza"] {
        let photos = folder.path().join("photos").join(class);
        std::fs::create_dir_all(&photos).expect("made");
        let photo = common::root().join("photos").join(class).with_extension("jpg");
        std::fs::copy(photo, photos.join("a.jpg")).expect("copied");
    }
    let suite = format!("tasks = [\"zeroshot\"]\ndatasets = [\"folder:{}\"]\n", path("photos"));
    std::fs::write(path("suite.toml"), suite).expect("written");
    let convert = ["models", "convert", "starter", "--layout", "openai", "--weights", "bf16"];
    let other = path("other.safetensors");
    let converted = run(&[&convert[..], &["--out", &other]].concat());
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let (suite, out) = (path("suite.toml"), path("mix"));
    let mix = ["models", "interpolate", "starter", &other, "--alpha", "0,0.5,1"];
    let mixed = run(&[&mix[..], &["--eval", &suite, "--out", &out, "--json"]].concat());
    assert_eq!(mixed.code, 0, "{}", mixed.stderr);
    let told: serde_json::Value = serde_json::from_str(&mixed.stdout).expect("JSON");
    let points = told["points"].as_array().expect("points");
    assert_eq!(points.len(), 3);
    for point in points {
        assert_eq!(point["scores"][0]["value"], 1.0, "{point}");
        assert!(point["scores"][0]["low"].is_f64() && point["scores"][0]["high"].is_f64());
        let model = point["model"].as_str().expect("a path");
        let info = run(&["models", "info", model]);
        assert_eq!(info.code, 0, "{}", info.stderr);
    }
    let plot = std::fs::read_to_string(told["plot"].as_str().expect("a path")).expect("there");
    assert!(plot.contains("alpha: share of the second model") && plot.contains("score, %"));
    // Its ends are the models, bit for bit.
    let digest = |model: &str| {
        let info = run(&["models", "info", model, "--json"]);
        let info: serde_json::Value = serde_json::from_str(&info.stdout).expect("JSON");
        info["tensors_sha256"].clone()
    };
    let first = path("first");
    let convert = ["models", "convert", "starter", "--layout", "open_clip", "--weights", "f32"];
    assert_eq!(run(&[&convert[..], &["--out", &first]].concat()).code, 0);
    assert_eq!(digest(&format!("{out}/alpha-0")), digest(&first));

    let soup = path("soup");
    let mixed = run(&["models", "interpolate", "starter", &other, &other, "--out", &soup]);
    assert_eq!(mixed.code, 0, "{}", mixed.stderr);
    assert!(std::path::Path::new(&soup).join("soup/open_clip_config.json").is_file());
    let again = run(&["models", "interpolate", "starter", &other, "--out", &soup]);
    assert_eq!((again.code, again.stderr.contains("is there already")), (1, true));
    let nothing = run(&["models", "interpolate", "starter", &other]);
    assert_eq!((nothing.code, nothing.stderr.contains("nothing would come of it")), (1, true));
}
