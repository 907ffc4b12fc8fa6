//! Downloads against a small server of our own on this machine: nothing here reaches the network.
#![cfg(feature = "download")]

use clip_model::cache::CacheFolders;
use clip_model::download::{Download, DownloadError, Progress, fetch};
use clip_model::{ResolveError, ResolveOptions, resolve};
use clip_testing::sha256 as digest;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Answers `Range` with the whole file.
    ignores_ranges: bool,
    /// Ends this many answers in the middle.
    cuts: usize,
    /// Answers this many requests with status 503 first.
    unavailable: usize,
    /// Sends addresses below `/moved/` to the same without it.
    redirects: bool,
}

/// Path and `Range`.
type Request = (String, Option<String>);

struct Server {
    base: String,
    /// Every request so far.
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(files: &[(&str, &[u8])], manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let files: HashMap<String, Vec<u8>> =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let log = requests.clone();
        std::thread::spawn(move || {
            let mut manners = manners;
            for stream in listener.incoming() {
                answer(stream.unwrap(), &files, &mut manners, &log);
            }
        });
        Self { base, requests }
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.requests.lock().unwrap().iter().map(|(_, range)| range.clone()).collect()
    }
}

fn answer(
    stream: TcpStream,
    files: &HashMap<String, Vec<u8>>,
    manners: &mut Manners,
    log: &Mutex<Vec<Request>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let mut range = None;
    let mut if_range = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        match name.to_lowercase().as_str() {
            "range" => range = Some(value.to_owned()),
            "if-range" => if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    log.lock().unwrap().push((path.clone(), range.clone()));
    let mut out = stream;
    let mut send = |text: String| drop(out.write_all(text.as_bytes()));
    if manners.unavailable > 0 {
        manners.unavailable -= 1;
        return send(
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        );
    }
    if let (true, Some(rest)) = (manners.redirects, path.strip_prefix("/moved")) {
        return send(format!(
            "HTTP/1.1 302 Found\r\nLocation: {rest}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ));
    }
    let Some(bytes) = files.get(&path) else {
        return send(
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        );
    };
    let etag = format!("\"{}\"", digest(bytes));
    let start = range
        .as_ref()
        .map(|range| range["bytes=".len()..].trim_end_matches('-').parse::<usize>().unwrap());
    let same = if_range.is_none_or(|tag| tag == etag);
    let (status, start, extra) = match start {
        Some(start) if same && !manners.ignores_ranges => {
            let (last, total) = (bytes.len() - 1, bytes.len());
            (
                "206 Partial Content",
                start,
                format!("Content-Range: bytes {start}-{last}/{total}\r\n"),
            )
        }
        _ => ("200 OK", 0, String::new()),
    };
    let body = &bytes[start..];
    let length = body.len();
    send(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: {etag}\r\n{extra}Connection: close\r\n\r\n"
    ));
    let sent = if manners.cuts > 0 {
        manners.cuts -= 1;
        &body[..length / 2]
    } else {
        body
    };
    drop(out.write_all(sent));
}

/// Larger than every buffer on the way.
fn file() -> Vec<u8> {
    (0..1_500_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

fn plan<'a>(url: &'a str, target: &'a Path, sha256: Option<&'a str>) -> Download<'a> {
    Download {
        url,
        target,
        sha256,
        check: None,
        limit: 10_000_000,
        attempts: 3,
        backoff: Duration::from_millis(1),
        progress: None,
        stop: None,
    }
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn whole_file_arrives_and_progress_ends_at_its_length() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let server =
        Server::start(&[("/a.pt", &bytes)], Manners { redirects: true, ..Manners::default() });
    let target = folder.path().join("new/a.pt");
    let last = Mutex::new((0, None));
    let progress = |p: Progress<'_>| *last.lock().unwrap() = (p.done, p.total);
    let url = format!("{}/moved/a.pt", server.base);
    let sum = digest(&bytes);
    fetch(&Download { progress: Some(&progress), ..plan(&url, &target, Some(&sum)) }).unwrap();
    assert!(std::fs::read(&target).unwrap() == bytes);
    let length = bytes.len() as u64;
    assert_eq!(*last.lock().unwrap(), (length, Some(length)));
    assert_eq!(names(target.parent().unwrap()), ["a.pt"]);
}

#[test]
fn cut_transfers_go_on_where_they_ended() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let server = Server::start(
        &[("/a.pt", &bytes)],
        Manners { cuts: 2, unavailable: 1, ..Manners::default() },
    );
    let (url, target, sum) =
        (format!("{}/a.pt", server.base), folder.path().join("a.pt"), digest(&bytes));
    fetch(&plan(&url, &target, Some(&sum))).unwrap();
    assert!(std::fs::read(&target).unwrap() == bytes);
    let ranges = server.ranges();
    assert_eq!(ranges[..3], [None, None, Some("bytes=750000-".to_owned())]);
    assert_eq!(ranges[3], Some("bytes=1125000-".to_owned()));
}

#[test]
fn a_later_run_goes_on_and_a_changed_file_starts_again() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let target = folder.path().join("a.pt");
    let server = Server::start(&[("/a.pt", &bytes)], Manners { cuts: 1, ..Manners::default() });
    let url = format!("{}/a.pt", server.base);
    let error = fetch(&Download { attempts: 1, ..plan(&url, &target, None) }).unwrap_err();
    assert!(matches!(error, DownloadError::Connection { attempts: 1, .. }), "{error}");
    assert_eq!(names(folder.path()), ["a.pt.part", "a.pt.part.etag"]);

    // The same name, another file: `If-Range` makes the server send all of it.
    let other: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    let second = Server::start(&[("/a.pt", &other)], Manners::default());
    fetch(&plan(&format!("{}/a.pt", second.base), &target, None)).unwrap();
    assert!(std::fs::read(&target).unwrap() == other);
    assert_eq!(second.ranges(), [Some("bytes=750000-".to_owned())]);
    assert_eq!(names(folder.path()), ["a.pt"]);
}

#[test]
fn servers_without_ranges_send_everything_again() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let manners = Manners { cuts: 1, ignores_ranges: true, ..Manners::default() };
    let server = Server::start(&[("/a.pt", &bytes)], manners);
    let (url, target, sum) =
        (format!("{}/a.pt", server.base), folder.path().join("a.pt"), digest(&bytes));
    fetch(&plan(&url, &target, Some(&sum))).unwrap();
    assert!(std::fs::read(&target).unwrap() == bytes);
}

#[test]
fn a_wrong_file_is_refused_and_not_kept() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let server = Server::start(&[("/a.pt", &bytes)], Manners::default());
    let (url, target) = (format!("{}/a.pt", server.base), folder.path().join("a.pt"));
    let expected = digest(b"another file");
    let error = fetch(&plan(&url, &target, Some(&expected))).unwrap_err();
    assert!(matches!(error, DownloadError::WrongDigest { .. }), "{error}");
    assert!(!target.exists() && !folder.path().join("a.pt.part").exists());
}

#[test]
fn a_spoilt_beginning_is_fetched_again() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let server = Server::start(&[("/a.pt", &bytes)], Manners::default());
    let (url, target, sum) =
        (format!("{}/a.pt", server.base), folder.path().join("a.pt"), digest(&bytes));
    std::fs::write(folder.path().join("a.pt.part"), vec![0; 1000]).unwrap();
    fetch(&plan(&url, &target, Some(&sum))).unwrap();
    assert!(std::fs::read(&target).unwrap() == bytes);
    assert_eq!(server.ranges(), [Some("bytes=1000-".to_owned()), None]);
}

#[test]
fn missing_and_too_long_files_are_told_apart() {
    let (bytes, folder) = (file(), tempfile::tempdir().unwrap());
    let server = Server::start(&[("/a.pt", &bytes)], Manners::default());
    let target = folder.path().join("a.pt");
    let missing = format!("{}/b.pt", server.base);
    assert!(matches!(
        fetch(&plan(&missing, &target, None)).unwrap_err(),
        DownloadError::NotFound { .. }
    ));
    assert_eq!(server.requests.lock().unwrap().len(), 1, "not asked again");
    let url = format!("{}/a.pt", server.base);
    let error = fetch(&Download { limit: 1000, ..plan(&url, &target, None) }).unwrap_err();
    assert!(error.to_string().ends_with("the file has more than 1000 bytes"), "{error}");
}

#[test]
fn nothing_is_asked_of_the_network_unless_allowed() {
    let cache = tempfile::tempdir().unwrap();
    let at = |name: &str| cache.path().join(name);
    let folders = CacheFolders { own: at("own"), openai: at("openai"), hugging_face: at("hub") };
    let server = Server::start(&[], Manners::default());
    let options = ResolveOptions {
        mirror: Some(&server.base),
        folders: Some(&folders),
        ..ResolveOptions::default()
    };
    let error = resolve("ViT-B-32", &options).unwrap_err();
    assert!(
        matches!(&error, ResolveError::NotHere { looked_at, .. } if looked_at.len() == 4),
        "{error}"
    );
    assert_eq!(error.help().unwrap(), "`clip-rs models download ViT-B/32` fetches them");
    assert!(resolve("hf:openai/clip-vit-base-patch32", &options).is_err());
    assert!(server.requests.lock().unwrap().is_empty());

    let unknown = resolve("ViT-B/33", &options).unwrap_err();
    assert_eq!(unknown.to_string(), "no model called `ViT-B/33`, and no such file or folder");
    assert!(unknown.help().unwrap().starts_with("did you mean `ViT-B/32`?"), "{unknown}");
    assert!(matches!(resolve("my/model.pt", &options), Err(ResolveError::NoSuchFile { .. })));
    assert!(matches!(resolve("hf:../x", &options), Err(ResolveError::NotARepository { .. })));
}

#[test]
fn mirrors_are_asked_by_digest_and_what_they_send_is_checked() {
    let cache = tempfile::tempdir().unwrap();
    let at = |name: &str| cache.path().join(name);
    let folders = CacheFolders { own: at("own"), openai: at("openai"), hugging_face: at("hub") };
    let model = clip_model::registry::find("RN50").unwrap();
    let path = format!("/{}", model.url_path());
    let server = Server::start(&[(&path, b"not the weights")], Manners::default());
    let options = ResolveOptions {
        download: true,
        mirror: Some(&server.base),
        folders: Some(&folders),
        ..ResolveOptions::default()
    };
    let error = resolve("RN50", &options).unwrap_err();
    assert!(matches!(error, ResolveError::Download(DownloadError::WrongDigest { .. })), "{error}");
    assert_eq!(server.requests.lock().unwrap()[0].0, path);
}

#[test]
fn repositories_are_fetched_whole_and_then_found_offline() {
    let cache = tempfile::tempdir().unwrap();
    let at = |name: &str| cache.path().join(name);
    let folders = CacheFolders { own: at("own"), openai: at("openai"), hugging_face: at("hub") };
    let index =
        br#"{"metadata": {}, "weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"}}"#;
    // Headers of two bytes and nothing behind them.
    let empty = b"\x02\0\0\0\0\0\0\0{}";
    let root = "/someone/model/resolve/main";
    let [config, index_path, one, two] =
        ["config.json", "model.safetensors.index.json", "x-1.safetensors", "x-2.safetensors"]
            .map(|file| format!("{root}/{file}"));
    let files: [(&str, &[u8]); 4] =
        [(&config, b"{}"), (&index_path, index), (&one, empty), (&two, empty)];
    let server = Server::start(&files, Manners::default());
    let online = ResolveOptions {
        download: true,
        hub: Some(&server.base),
        folders: Some(&folders),
        ..ResolveOptions::default()
    };
    let path = resolve("hf:someone/model", &online).unwrap();
    let expected = [
        ".complete",
        "config.json",
        "model.safetensors.index.json",
        "x-1.safetensors",
        "x-2.safetensors",
    ];
    assert_eq!(names(&path), expected);
    let offline = ResolveOptions { download: false, ..online };
    assert_eq!(resolve("hf:someone/model", &offline).unwrap(), path);
}
