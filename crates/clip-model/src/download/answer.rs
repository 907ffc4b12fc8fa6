//! What the headers of an answer say.

use std::time::{Duration, SystemTime};
use ureq::Body;
use ureq::http::Response;

pub(super) fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

pub(super) fn length(response: &Response<Body>) -> Option<u64> {
    header(response, "content-length")?.trim().parse().ok()
}

/// Start and total of `bytes start-end/total`; a total of `*` is unknown.
pub(super) fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let (range, total) =
        header(response, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// The tag that stands for these very bytes. A weak one (`W/`) does not, and a date is too coarse.
pub(super) fn strong_etag(response: &Response<Body>) -> Option<&str> {
    header(response, "etag").filter(|etag| is_strong(etag))
}

pub(super) fn is_strong(etag: &str) -> bool {
    etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"')
}

/// SHA-256 that Hugging Face announces for a large file.
pub(super) fn announced_sha256(response: &Response<Body>) -> Option<String> {
    let digest = header(response, "x-linked-etag")?.trim_matches('"');
    let is_sha256 = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    is_sha256.then(|| digest.to_owned())
}

/// The coding of the body, where it is not the file's own bytes.
pub(super) fn coding(response: &Response<Body>) -> Option<&str> {
    header(response, "content-encoding")
        .map(str::trim)
        .filter(|coding| !matches!(*coding, "" | "identity"))
}

/// How long the server asks to wait: seconds, or a date.
pub(super) fn retry_after(response: &Response<Body>, now: SystemTime) -> Option<Duration> {
    let text = header(response, "retry-after")?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(Duration::from_secs(http_date(text)?).saturating_sub(now))
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in seconds since 1970.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let month = MONTHS.iter().position(|name| name == month)? as u64 + 1;
    let clock: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    if !(1970..=9999).contains(&year)
        || !(1..=31).contains(&day)
        || *hours > 23
        || *minutes > 59
        || *seconds > 60
    {
        return None;
    }
    // Days from 0000-03-01, so that the leap day is the last of a year (Hinnant, days_from_civil).
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_seconds() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(http_date(text), seconds, "{text}");
        }
    }

    #[test]
    fn only_a_whole_tag_in_quotes_is_strong() {
        for (tag, strong) in
            [("\"a\"", true), ("W/\"a\"", false), ("\"\"", false), ("a", false), ("\"a", false)]
        {
            assert_eq!(is_strong(tag), strong, "{tag}");
        }
    }
}
