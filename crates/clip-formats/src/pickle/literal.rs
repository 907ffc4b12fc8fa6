//! Numbers, text and bytes.

use super::machine::Machine;
use super::reader::Outcome;
use super::value::Value;

/// Bytes of a text at most where texts and arrays of bytes look alike.
const TEXT_LIMIT: u64 = 1024;

impl Machine<'_, '_> {
    /// BININT and its like.
    pub(super) fn int<const N: usize, T: Into<i64>>(
        &mut self,
        of: fn([u8; N]) -> T,
    ) -> Outcome<()> {
        let value = of(self.reader.array()?).into();
        self.push(Value::Int(value))
    }

    /// LONG1, LONG4: little-endian two's complement.
    pub(super) fn long(&mut self, length: i64) -> Outcome<()> {
        let Ok(length) = u64::try_from(length) else {
            return self.fail(format!("an integer of {length} bytes"));
        };
        let bytes = self.reader.take(length)?;
        let Some(&last) = bytes.last() else { return self.push(Value::Int(0)) };
        let mut wide = [if last & 0x80 == 0 { 0 } else { 0xFF }; 8];
        let value = match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::BigInt,
        };
        self.push(value)
    }

    /// INT, LONG: digits on a line; `00` and `01` are booleans.
    pub(super) fn digits(&mut self) -> Outcome<()> {
        let line = self.reader.line()?;
        let digits = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('L');
        let is_number =
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        self.push(match digits {
            "00" => Value::Bool(false),
            "01" => Value::Bool(true),
            _ if !is_number => return self.fail("a number that is none"),
            _ => digits.parse().map_or(Value::BigInt, Value::Int),
        })
    }

    /// BINUNICODE and its like.
    pub(super) fn text(&mut self, length: u64) -> Outcome<()> {
        let bytes = self.reader.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Value::Str(text)),
            Err(_) => self.fail("a string that is not UTF-8"),
        }
    }

    /// BINSTRING and its like: text of Python 2, of no stated encoding.
    pub(super) fn old_text(&mut self, length: u64) -> Outcome<()> {
        let start = self.reader.at();
        let bytes = self.reader.take(length)?;
        let place = start..self.reader.at();
        self.push(std::str::from_utf8(bytes).map_or(Value::Bytes(place), Value::Str))
    }

    /// Text or bytes of an array, whatever the opcode: Python 2 wrote both alike.
    pub(super) fn text_or_array(&mut self, length: u64) -> Outcome<()> {
        match length <= TEXT_LIMIT {
            true => self.old_text(length),
            false => self.raw_bytes(length),
        }
    }

    /// STRING, UNICODE: text on a line, with escapes.
    pub(super) fn escaped_text(&mut self) -> Outcome<()> {
        let start = self.reader.at();
        let line = self.reader.line()?;
        let place = start..start.saturating_add(line.len());
        let text = std::str::from_utf8(line).ok().filter(|text| !text.contains('\\'));
        let plain = text.map(|text| {
            let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
            quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
        });
        self.push(plain.map_or(Value::Bytes(place), Value::Str))
    }

    pub(super) fn raw_bytes(&mut self, length: u64) -> Outcome<()> {
        let start = self.reader.at();
        self.reader.take(length)?;
        self.push(Value::Bytes(start..self.reader.at()))
    }
}
