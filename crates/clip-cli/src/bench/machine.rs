//! What the system says of the processor and of this process.

use std::fs;

/// The processor's name for itself; Linux only.
pub(super) fn processor_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    field(&text, "model name").map(str::to_owned)
}

/// Greatest resident memory of this process so far, in bytes; Linux only.
pub(super) fn peak_memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes: u64 = field(&text, "VmHWM")?.strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .map(|(key, value)| (key.trim(), value.trim()))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_the_value_of_its_line() {
        let text = "vendor_id\t: A\nmodel name\t: A Processor: 2 GHz\nmodel name\t: B\n";
        assert_eq!(field(text, "model name"), Some("A Processor: 2 GHz"));
        assert_eq!(field(text, "flags"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn process_has_some_memory() {
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
