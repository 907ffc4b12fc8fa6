//! Addresses: where redirects lead, and who may see the password in one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

/// An address as it is asked for: without user and password, which go into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: String,
    /// Value of `Authorization`.
    pub(super) authorization: Option<String>,
}

impl Address {
    pub(super) fn new(url: &str) -> Self {
        let Some((scheme, authority, rest)) = split(url) else {
            return Self { url: url.to_owned(), authorization: None };
        };
        let Some((user, host)) = authority.rsplit_once('@') else {
            return Self { url: url.to_owned(), authorization: None };
        };
        let plain: Vec<u8> = percent_decode_str(user).collect();
        Self {
            url: format!("{scheme}://{host}{rest}"),
            authorization: Some(format!("Basic {}", BASE64_STANDARD.encode(plain))),
        }
    }

    /// Where a redirect leads (RFC 3986, 5.2): never from https to another scheme; the password
    /// goes along only to the same host.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let location = location.split('#').next().filter(|location| !location.is_empty())?;
        let (scheme, authority, rest) = split(&self.url)?;
        let url = if let Some(host) = location.strip_prefix("//") {
            format!("{scheme}://{host}")
        } else if let Some((other, _)) =
            location.split_once("://").filter(|(other, _)| is_scheme(other))
        {
            let other = other.to_ascii_lowercase();
            if other != "https" && (other != "http" || scheme != "http") {
                return None;
            }
            location.to_owned()
        } else {
            let path = rest.split('?').next().unwrap_or_default();
            let joined = if location.starts_with('/') {
                location.to_owned()
            } else if location.starts_with('?') {
                format!("{path}{location}")
            } else {
                let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/");
                format!("{folder}{location}")
            };
            format!("{scheme}://{authority}{}", without_dots(&joined))
        };
        let next = Self::new(&url);
        let same_host =
            split(&next.url).is_some_and(|(_, other, _)| other.eq_ignore_ascii_case(authority));
        let authorization =
            next.authorization.or_else(|| self.authorization.clone().filter(|_| same_host));
        Some(Self { authorization, ..next })
    }
}

/// An address as people may see it: without user and password.
pub fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) if is_scheme(scheme) => format!("{scheme}://{rest}"),
        (_, Some((_, rest))) => rest.to_owned(),
        (_, None) => url.to_owned(),
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Scheme, authority, and what follows it.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((scheme, rest.get(..end)?, rest.get(end..)?))
}

/// `.` and `..` taken out of a path, which may have a query behind it.
fn without_dots(path: &str) -> String {
    let (path, query) = path.find('?').map_or((path, ""), |mark| path.split_at(mark));
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    // A path that ends in dots is one of a folder.
    if path.ends_with("/.") || path.ends_with("/..") {
        parts.push("");
    }
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved_as_the_standard_says() {
        let base = Address::new("http://h:1/a/b/c?d");
        for (location, to) in [
            ("/x/y", Some("http://h:1/x/y")),
            ("x", Some("http://h:1/a/b/x")),
            ("../x?q=..", Some("http://h:1/a/x?q=..")),
            ("./x#part", Some("http://h:1/a/b/x")),
            ("../../../x", Some("http://h:1/x")),
            ("?e", Some("http://h:1/a/b/c?e")),
            ("//other/x", Some("http://other/x")),
            ("https://other/x", Some("https://other/x")),
            ("HTTP://other/x", Some("HTTP://other/x")),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(base.redirected(location).map(|next| next.url).as_deref(), to, "{location}");
        }
        assert_eq!(
            Address::new("https://h/a").redirected("http://h/a"),
            None,
            "no way back from https"
        );
    }

    #[test]
    fn the_password_goes_into_a_header_and_to_no_other_host() {
        let address = Address::new("https://me:p%40ss@h/a/b");
        assert_eq!(address.url, "https://h/a/b");
        assert_eq!(address.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        let here = address.redirected("c").unwrap();
        assert_eq!(
            (here.url.as_str(), here.authorization),
            ("https://h/a/c", address.authorization.clone())
        );
        assert_eq!(address.redirected("https://else/c").unwrap().authorization, None);
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("https://me:secret@h/a", "https://h/a"),
            ("https://me:se/cr@et@h/a", "https://h/a"),
            ("me:secret@h/a", "h/a"),
            ("https://h/a", "https://h/a"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
