//! Defines a configuration: each key once, with its words, its default and its range.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

/// One key: in a file `section.name`, on the command line `--name` with hyphens.
#[derive(Debug)]
pub struct Key {
    /// The table that it stands in.
    pub section: &'static str,
    /// Its name; no two keys share one.
    pub name: &'static str,
    /// What it is, in one paragraph.
    pub help: &'static str,
    /// Whether a run that goes on may have another value than it began with.
    pub is_free: bool,
    /// Whether a flag of every verb sets it (`--threads`, `--precision`, `--activation`).
    pub is_global: bool,
    /// The type of its value, as Rust writes it.
    pub type_name: &'static str,
    /// Reads the text of a flag.
    pub read: fn(&str) -> Result<toml::Value, String>,
}

impl Key {
    /// The flag, without the hyphens before it.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether `--name` alone means `true`.
    pub fn is_switch(&self) -> bool {
        self.type_name == "bool"
    }

    /// What its value is called in a list of flags: `N`, `X`, `PATH` or `NAME`.
    pub fn value_name(&self) -> &'static str {
        let has = |part: &str| self.type_name.contains(part);
        match () {
            () if has("usize") || has("u64") => "N",
            () if has("f64") || has("MaxBad") => "X",
            () if has("PathBuf") => "PATH",
            () => "NAME",
        }
    }

    /// The words about it, in one line.
    pub fn words(&self) -> String {
        self.help.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Reads the text of a flag for a field of this type: as TOML writes it, as bare words, or as a
/// list of either with commas.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<toml::Value, String> {
    let fits = |value: toml::Value| T::deserialize(value.clone()).map(|_: T| value);
    let plain = |text: &str| {
        let number = text.parse().map(toml::Value::Integer).ok();
        let number = number.or_else(|| text.parse().map(toml::Value::Float).ok());
        number.or_else(|| text.parse().map(toml::Value::Boolean).ok())
    };
    if let Some(value) = plain(text).and_then(|value| fits(value).ok()) {
        return Ok(value);
    }
    let words = fits(toml::Value::String(text.to_owned()));
    let list = |numbers: bool| {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let part = |part: &str| {
            let number = if numbers { plain(part) } else { None };
            number.unwrap_or_else(|| toml::Value::String(part.to_owned()))
        };
        fits(toml::Value::Array(parts.map(part).collect()))
    };
    let listed = || list(false).or_else(|_| list(true));
    words.or_else(|error| listed().map_err(|_| error)).map_err(|error| error.message().to_owned())
}

/// What can be held against a range: a number, perhaps one, or several.
pub(super) trait Within<T> {
    /// The first value outside, in words.
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String>;
}

macro_rules! numbers {
    ($($type:ty),+) => {
        $(
            impl Within<$type> for $type {
                fn outside(&self, range: &RangeInclusive<$type>) -> Option<String> {
                    (!range.contains(self)).then(|| self.to_string()) // NaN is in no range
                }
            }
        )+
    };
}

numbers!(f64, u64, usize);

impl<T, V: Within<T>> Within<T> for Option<V> {
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String> {
        self.as_ref().and_then(|value| value.outside(range))
    }
}

impl<T, V: Within<T>, const N: usize> Within<T> for [V; N] {
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String> {
        self.iter().find_map(|value| value.outside(range))
    }
}

/// What is wrong with a value, if something is.
pub(super) fn refusal<T: Display + MostOf + PartialEq>(
    value: &impl Within<T>,
    range: &RangeInclusive<T>,
) -> Option<String> {
    let value = value.outside(range)?;
    let (least, most) = (range.start(), range.end());
    Some(match *most == T::MOST {
        true => format!("{value} is not {least} or more"),
        false => format!("{value} is not from {least} to {most}"),
    })
}

/// The end of a range that has none.
pub(super) trait MostOf {
    const MOST: Self;
}

impl MostOf for f64 {
    const MOST: Self = f64::MAX;
}

impl MostOf for u64 {
    const MOST: Self = u64::MAX;
}

impl MostOf for usize {
    const MOST: Self = usize::MAX;
}

/// Sections with their keys: a struct for each, `Config` of all, and the list `KEYS`.
///
/// `name: type = default, range => marks;` where a mark is `free` or `global` (see `Key`).
macro_rules! configuration {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr $(, $range:expr)? $(=> $($mark:ident)+)?;
            )+
        }
    )+) => {
        /// All that can be chosen of a run.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $section_doc])+ pub $section: $Section,)+
            /// What is measured while it trains.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub eval: Vec<Evaluation>,
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $Section {
                $($(#[doc = $doc])+ pub $key: $type,)+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $($key: $default),+ }
                }
            }
        )+

        /// Every key, section by section.
        pub static KEYS: &[Key] = &[$($(
            Key {
                section: stringify!($section),
                name: stringify!($key),
                help: concat!($($doc),+),
                is_free: marked("free", &[$($(stringify!($mark)),+)?]),
                is_global: marked("global", &[$($(stringify!($mark)),+)?]),
                type_name: stringify!($type),
                read: define::read::<$type>,
            },
        )+)+];

        impl Config {
            /// Refuses what is outside its range.
            fn check_ranges(&self) -> Result<(), ConfigError> {
                $($($(
                    if let Some(reason) = define::refusal(&self.$section.$key, &$range) {
                        let key = stringify!($key);
                        return Err(ConfigError::OutOfRange { key, reason });
                    }
                )?)+)+
                Ok(())
            }
        }
    };
}

pub(super) use configuration;

/// Whether `marks` have this one; for constants.
pub(super) const fn marked(mark: &str, marks: &[&str]) -> bool {
    let mut i = 0;
    while i < marks.len() {
        if equal(marks[i], mark) {
            return true;
        }
        i += 1;
    }
    false
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
