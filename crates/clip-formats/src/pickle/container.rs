//! Tuples, lists, sets and dictionaries, and the memo of what stands in several places.

use super::machine::{COUNT_LIMIT, Machine};
use super::reader::Outcome;
use super::value::{Id, Value};

/// Open marks: containers being filled within each other.
const MARK_LIMIT: usize = 1000;

impl Machine<'_, '_> {
    pub(super) fn tuple(&mut self, length: usize) -> Outcome<()> {
        let bottom = self.stack.len().checked_sub(length).filter(|&bottom| bottom >= self.bottom());
        let items = match bottom {
            Some(bottom) => self.stack.split_off(bottom),
            None => {
                return self.fail("a tuple of more values than the stack has");
            }
        };
        self.push(Value::Tuple(items.into()))
    }

    /// APPEND, APPENDS, ADDITEMS.
    pub(super) fn append(&mut self, opcode: &str, items: Vec<Id>) -> Outcome<()> {
        let list = self.top()?;
        match self.value_mut(list) {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            // A list of another class: nothing in it is looked at.
            Some(Value::Object(_)) => Ok(()),
            _ => self.fail(format!("{opcode} on {}", self.value(list).kind())),
        }
    }

    /// SETITEM, SETITEMS.
    pub(super) fn set_items(&mut self, opcode: &str, items: &[Id]) -> Outcome<()> {
        self.check_pairs(opcode, items)?;
        let pairs = items.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value));
        let dict = self.top()?;
        match self.value_mut(dict) {
            Some(Value::Dict(dict)) => dict.extend(pairs),
            Some(Value::Object(object)) => object.items.extend(pairs),
            _ => return self.fail(format!("{opcode} on {}", self.value(dict).kind())),
        }
        Ok(())
    }

    /// DICT: keys and values above the mark.
    pub(super) fn dict(&mut self) -> Outcome<()> {
        let items = self.pop_to_mark()?;
        self.check_pairs("DICT", &items)?;
        self.push(Value::Dict(
            items.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value)).collect(),
        ))
    }

    /// Every key has a value and is one that a dictionary can have.
    fn check_pairs(&self, opcode: &str, items: &[Id]) -> Outcome<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return self.fail(format!("{opcode} with a key and no value"));
        }
        for [key, _] in pairs {
            if let Value::List(_) | Value::Dict(_) = self.value(*key) {
                return self.fail(format!("{} as a key", self.value(*key).kind()));
            }
        }
        Ok(())
    }

    pub(super) fn mark(&mut self) -> Outcome<()> {
        if self.marks.len() >= MARK_LIMIT {
            return self.fail(format!("more than {MARK_LIMIT} open marks"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    pub(super) fn pop_to_mark(&mut self) -> Outcome<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => self.fail("a container without MARK"),
        }
    }

    /// POP: the topmost value, or the mark above it.
    pub(super) fn drop_top(&mut self) -> Outcome<()> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    pub(super) fn put(&mut self, index: u32) -> Outcome<()> {
        let top = self.top()?;
        if self.memo.len() >= COUNT_LIMIT {
            return self.fail(format!("more than {COUNT_LIMIT} memo entries"));
        }
        self.memo.insert(index, top);
        Ok(())
    }

    pub(super) fn fetch(&mut self, index: u32) -> Outcome<()> {
        match self.memo.get(&index) {
            Some(&id) => self.push_id(id),
            None => self.fail(format!("memo {index} was never put")),
        }
    }

    /// The index of PUT and GET: a byte, four, or digits on a line.
    pub(super) fn memo_index(&mut self, opcode: u8) -> Outcome<u32> {
        match opcode {
            b'q' | b'h' => return self.reader.byte().map(u32::from),
            b'r' | b'j' => return self.reader.array().map(u32::from_le_bytes),
            _ => {}
        }
        let line = self.reader.line()?;
        let index = std::str::from_utf8(line).ok().and_then(|digits| digits.parse().ok());
        index.ok_or_else(|| self.malformed("a memo index that is no number"))
    }
}
