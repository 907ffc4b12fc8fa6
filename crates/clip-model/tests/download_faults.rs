//! Servers that change their files, send something else, or ask for patience.
#![cfg(feature = "download")]

use clip_model::cache::CacheFolders;
use clip_model::download::{Download, DownloadError, fetch};
use clip_model::{ResolveError, ResolveOptions, resolve};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Path and headers, in lower case.
type Request = (String, BTreeMap<String, String>);

/// Gives every request the answer that `answer` finds for it.
struct Server {
    base: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `answer` is given the path and the number of requests so far.
    fn start(answer: impl Fn(&str, usize) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let log = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines =
                    BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(first) = lines.next() else { continue };
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let headers = lines.take_while(|line| !line.is_empty());
                let headers = headers.filter_map(|line| {
                    line.split_once(": ")
                        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                });
                let headers = headers.collect();
                let mut log = log.lock().unwrap();
                let bytes = answer(&path, log.len());
                log.push((path, headers));
                drop(stream.write_all(&bytes));
            }
        });
        Self { base, requests }
    }

    fn header(&self, request: usize, name: &str) -> Option<String> {
        self.requests.lock().unwrap()[request].1.get(name).cloned()
    }
}

fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend(format!("{header}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// An answer with its length.
fn whole(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    answer(status, &[&[length.as_str()], headers].concat(), body)
}

fn plan<'a>(url: &'a str, target: &'a Path) -> Download<'a> {
    Download {
        url,
        target,
        sha256: None,
        check: None,
        limit: 1_000_000,
        attempts: 3,
        backoff: Duration::from_millis(1),
        progress: None,
        stop: None,
    }
}

/// `AAAAA` of ten bytes is sent first, with this header; then the answers to what is asked next.
fn resumed(tag: &'static str, next: Vec<Vec<u8>>) -> (String, Vec<Option<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(move |_, count| match count {
        0 => answer("200 OK", &["Content-Length: 10", tag], b"AAAAA"),
        _ => next[(count - 1).min(next.len() - 1)].clone(),
    });
    let target = folder.path().join("a");
    fetch(&plan(&format!("{}/a", server.base), &target)).unwrap();
    let ranges =
        (1..server.requests.lock().unwrap().len()).map(|request| server.header(request, "range"));
    (std::fs::read_to_string(&target).unwrap(), ranges.collect())
}

#[test]
fn parts_are_joined_only_under_one_strong_tag() {
    let part = |tag| whole("206 Partial Content", &["Content-Range: bytes 5-9/10", tag], b"BBBBB");
    let all = || whole("200 OK", &["ETag: \"2\""], b"CCCCCCCCCC");
    let range = Some("bytes=5-".to_owned());
    // The same tag: joined.
    assert_eq!(
        resumed("ETag: \"1\"", vec![part("ETag: \"1\"")]),
        ("AAAAABBBBB".into(), vec![range.clone()])
    );
    // Another tag, none, or a weak one of the part: all of it again.
    for tag in ["ETag: \"2\"", "X: y", "ETag: W/\"1\""] {
        let (file, ranges) = resumed("ETag: \"1\"", vec![part(tag), all()]);
        assert_eq!((file.as_str(), ranges), ("CCCCCCCCCC", vec![range.clone(), None]), "{tag}");
    }
    // No tag to begin with, or one that does not stand for the bytes: nothing is asked to be
    // joined.
    for tag in ["X: y", "ETag: W/\"1\"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert_eq!(resumed(tag, vec![all()]), ("CCCCCCCCCC".into(), vec![None]), "{tag}");
    }
}

#[test]
fn a_part_is_kept_when_the_file_is_gone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let server = Server::start(|_, count| match count {
        0 => answer("200 OK", &["Content-Length: 10", "ETag: \"1\""], b"AAAAA"),
        1 => whole("404 Not Found", &[], b""),
        _ => {
            whole("206 Partial Content", &["Content-Range: bytes 5-9/10", "ETag: \"1\""], b"BBBBB")
        }
    });
    let url = format!("{}/a", server.base);
    let error = fetch(&plan(&url, &target)).unwrap_err();
    assert!(matches!(error, DownloadError::NotFound { .. }), "{error}");
    fetch(&plan(&url, &target)).unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "AAAAABBBBB");
}

#[test]
fn retry_after_is_obeyed_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let server = Server::start(|path, count| match (path, count) {
        ("/a", 0) => whole("429 Too Many Requests", &["Retry-After: 1"], b""),
        ("/a", _) => whole("200 OK", &[], b"A"),
        _ => whole("503 Busy", &["Retry-After: 100000"], b""),
    });
    let start = Instant::now();
    fetch(&plan(&format!("{}/a", server.base), &target)).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let error = fetch(&plan(&format!("{}/b", server.base), &folder.path().join("b"))).unwrap_err();
    assert!(
        error.to_string().ends_with("the server asks to come back in 100000 seconds"),
        "{error}"
    );
}

#[test]
fn a_refusal_is_not_told_to_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|path, _| match path {
        "/a" => whole("401 Unauthorized", &[], b""),
        _ => whole("403 Forbidden", &[], b""),
    });
    for name in ["a", "b"] {
        let error = fetch(&plan(&format!("{}/{name}", server.base), &folder.path().join(name)))
            .unwrap_err();
        let help = error.help().unwrap();
        assert!(help.contains("gated") && !help.contains("again"), "{error}: {help}");
    }
}

#[test]
fn relative_redirects_are_followed_and_passwords_are_used_but_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let server = Server::start(|path, _| match path {
        "/x/a" => whole("302 Found", &["Location: ../y/a?part=1"], b""),
        "/y/a?part=1" => whole("200 OK", &[], b"A"),
        _ => whole("403 Forbidden", &[], b""),
    });
    let base = server.base.replace("http://", "http://me:secret@");
    fetch(&plan(&format!("{base}/x/a"), &target)).unwrap();
    assert_eq!(server.header(1, "authorization").as_deref(), Some("Basic bWU6c2VjcmV0"));
    for url in [
        format!("{base}/z"),
        "http://me:secret@127.0.0.1:1/z".into(),
        "http://me:sec/ret@h:x/z".into(),
    ] {
        let error = fetch(&plan(&url, &folder.path().join("z"))).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("secret") && !text.contains("sec/") && !text.contains("me:"),
            "{text}"
        );
    }
}

#[test]
fn two_downloads_of_one_file_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_millis(200));
        whole("200 OK", &[], b"whole")
    });
    let url = format!("{}/a", server.base);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(&plan(&url, &target)).unwrap());
        }
    });
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "whole");
    assert_eq!(server.requests.lock().unwrap().len(), 1);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a"]);
}

/// A safetensors file without tensors.
const EMPTY: &[u8] = b"\x02\0\0\0\0\0\0\0{}";

/// Asks a hub whose weights are `bad` at first and good later, and gives what the first attempt
/// said.
fn healed(bad: Vec<u8>) -> String {
    let cache = tempfile::tempdir().unwrap();
    let at = |name: &str| cache.path().join(name);
    let folders = CacheFolders { own: at("own"), openai: at("openai"), hugging_face: at("hub") };
    let good = Arc::new(Mutex::new(false));
    let is_good = good.clone();
    let server = Server::start(move |path, _| match path.rsplit('/').next().unwrap() {
        "config.json" => whole("200 OK", &[], b"{}"),
        "model.safetensors" if *is_good.lock().unwrap() => whole("200 OK", &[], EMPTY),
        "model.safetensors" => bad.clone(),
        _ => whole("404 Not Found", &[], b""),
    });
    let options = ResolveOptions {
        download: true,
        verify: true,
        hub: Some(&server.base),
        folders: Some(&folders),
        ..ResolveOptions::default()
    };
    let error = resolve("hf:a/b", &options).unwrap_err().to_string();
    let offline = ResolveOptions { download: false, ..options };
    assert!(
        matches!(resolve("hf:a/b", &offline), Err(ResolveError::NotHere { .. })),
        "not taken for complete"
    );
    *good.lock().unwrap() = true;
    let path = resolve("hf:a/b", &options).unwrap();
    let weights = path.join("model.safetensors");
    assert_eq!(std::fs::read(&weights).unwrap(), EMPTY);

    // What is spoilt later is found by the next download, and only that is asked for; nothing,
    // where all is well.
    let before = server.requests.lock().unwrap().len();
    resolve("hf:a/b", &options).unwrap();
    assert_eq!(server.requests.lock().unwrap().len(), before);
    std::fs::write(&weights, b"\x02\0\0\0\0\0\0\0{ ").unwrap();
    resolve("hf:a/b", &options).unwrap();
    assert_eq!(std::fs::read(&weights).unwrap(), EMPTY);
    error.replace(&server.base, "")
}

#[test]
fn without_a_digest_a_file_must_be_what_its_name_says() {
    let page = b"<!DOCTYPE html><html>log in</html>";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let url = "/a/b/resolve/main/model.safetensors";
    for (body, problem) in [
        (b"".as_slice(), "an empty file"),
        (page, "a web page or XML file"),
        (pointer, "a Git LFS pointer"),
        (&EMPTY[..9], "no known checkpoint format"),
    ] {
        // Without a length the end of the connection is the end of the file.
        for bytes in [whole("200 OK", &[], body), answer("200 OK", &[], body)] {
            let error = healed(bytes);
            assert!(
                error.starts_with(&format!("{url}: the server sends no checkpoint: {problem}")),
                "{error}"
            );
        }
    }
    let error = healed(whole("200 OK", &["Content-Encoding: gzip"], b"\x1f\x8b"));
    assert_eq!(error, format!("{url}: it comes gzip-coded, though its own bytes were asked for"));
    let error = healed(whole("200 OK", &[], b"\x1f\x8b\x08\0"));
    assert!(error.contains("no checkpoint: a gzip-compressed file"), "{error}");
}

#[test]
fn other_spellings_of_a_repository_are_understood_or_told() {
    let cache = tempfile::tempdir().unwrap();
    let at = |name: &str| cache.path().join(name);
    let folders = CacheFolders { own: at("own"), openai: at("openai"), hugging_face: at("hub") };
    let options = ResolveOptions { folders: Some(&folders), ..ResolveOptions::default() };
    let error = |name: &str| {
        let error = resolve(name, &options).unwrap_err();
        format!("{error}: {}", error.help().unwrap_or_default())
    };
    for name in [
        "hf:laion/clip",
        "hf-hub:laion/clip",
        "https://huggingface.co/laion/clip",
        "hf://laion/clip/",
    ] {
        assert!(
            error(name).contains("`clip-rs models download hf:laion/clip` fetches them"),
            "{}",
            error(name)
        );
    }
    assert!(error("laion/clip").contains("a repository of the hub is given as `hf:laion/clip`"));
    assert!(error("ViT-B/33").contains("did you mean `ViT-B/32`?"));
    assert!(error("local-dir:/nowhere").starts_with("/nowhere: no such file or folder"));
    std::fs::create_dir(at("here")).unwrap();
    assert_eq!(
        resolve(&format!("local-dir:{}", at("here").display()), &options).unwrap(),
        at("here")
    );
}
