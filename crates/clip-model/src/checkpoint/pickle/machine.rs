//! The stack machine: reads opcodes, keeps stack, marks and memo within their limits.

use super::opcode::{Refusal, refusal};
use super::value::{Global, Id, Pickle, StorageRecord, TensorRecord, Value};
use crate::error::CheckpointError;
use std::collections::HashMap;
use std::path::Path;

/// Longest pickle in bytes. The released models' have about 40 KB, a training checkpoint of
/// ViT-L/14 about 400 KB.
const PICKLE_LIMIT: usize = 64 << 20;
/// Values, stack entries and memo entries, each.
const COUNT_LIMIT: usize = 4_000_000;
/// Open marks: containers being filled within each other.
const MARK_LIMIT: usize = 1000;
/// Longest module or name of a global in bytes.
const NAME_LIMIT: usize = 1000;

/// Reads one pickle from the start of `bytes`.
///
/// `place` names the entry in messages. Classes of `__torch__` are accepted where `torch_script`.
pub(in super::super) fn load<'a>(
    path: &Path,
    place: &str,
    bytes: &'a [u8],
    torch_script: bool,
) -> Result<Pickle<'a>, CheckpointError> {
    let mut machine = Machine {
        path,
        place,
        bytes: bytes.get(..PICKLE_LIMIT).unwrap_or(bytes),
        at: 0,
        torch_script,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        tensors: Vec::new(),
        storages: Vec::new(),
        storage_of_key: HashMap::new(),
    };
    let root = machine.run()?;
    let Machine { values, tensors, storages, at, .. } = machine;
    Ok(Pickle { values, root, tensors, storages, length: at })
}

pub(super) struct Machine<'a, 'p> {
    pub(super) path: &'p Path,
    place: &'p str,
    bytes: &'a [u8],
    at: usize,
    torch_script: bool,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    /// Sparse: an index of 2^32 - 1 takes one entry.
    memo: HashMap<u32, Id>,
    pub(super) tensors: Vec<TensorRecord>,
    pub(super) storages: Vec<StorageRecord<'a>>,
    pub(super) storage_of_key: HashMap<&'a str, usize>,
}

pub(super) type Outcome<T> = Result<T, CheckpointError>;

impl<'a> Machine<'a, '_> {
    fn run(&mut self) -> Outcome<Id> {
        loop {
            let opcode = self.byte()?;
            if opcode == b'.' {
                let root = self.pop()?;
                return match self.stack.len() {
                    0 => Ok(root),
                    left => Err(self.malformed(format!("STOP with {left} more values on the stack"))),
                };
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            0x80 => self.protocol(),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))
            }
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Int(value.into()))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))
            }
            0x8a => self.long(),
            b'G' => {
                self.array::<8>()?;
                self.push(Value::Float)
            }
            b'X' => self.string(),
            b'(' => self.mark(),
            b')' => self.push(Value::Tuple(Box::default())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items.into()))
            }
            0x85 => self.tuple(1),
            0x86 => self.tuple(2),
            0x87 => self.tuple(3),
            b'a' => {
                let item = self.pop()?;
                self.append("APPEND", vec![item])
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append("APPENDS", items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items("SETITEM", &[key, value])
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items("SETITEMS", &items)
            }
            b'q' => {
                let index = self.byte()?;
                self.put(index.into())
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.put(index)
            }
            b'h' => {
                let index = self.byte()?;
                self.fetch(index.into())
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.fetch(index)
            }
            b'c' => self.global(),
            b'Q' => self.persistent_id(),
            b'R' => self.reduce(),
            0x81 => self.new_object(),
            b'b' => self.build(),
            _ => Err(self.refuse(opcode)),
        }
    }

    fn refuse(&self, opcode: u8) -> CheckpointError {
        match refusal(opcode) {
            Refusal::Call(name) => self.forbidden(format!("opcode {name}")),
            Refusal::Unused(name) => {
                self.malformed(format!("opcode {name}, which torch.save does not write"))
            }
            Refusal::Unknown => self.malformed(format!("unknown opcode {opcode:#04x}")),
        }
    }

    fn protocol(&mut self) -> Outcome<()> {
        match self.byte()? {
            2 | 3 => Ok(()),
            other => {
                Err(self.malformed(format!("pickle protocol {other}, expected 2 (torch.save's default)")))
            }
        }
    }

    /// Little-endian two's complement of up to 255 bytes.
    fn long(&mut self) -> Outcome<()> {
        let length = self.byte()?;
        let bytes = self.take(length.into())?;
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

    fn string(&mut self) -> Outcome<()> {
        let length = u32::from_le_bytes(self.array()?);
        let bytes = self.take(length as usize)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Value::Str(text)),
            Err(_) => Err(self.malformed("a string that is not UTF-8".to_owned())),
        }
    }

    fn global(&mut self) -> Outcome<()> {
        let (module, name) = (self.line()?, self.line()?);
        match Global::find(module, name, self.torch_script) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(self.forbidden(format!("{module}.{name}"))),
        }
    }

    fn tuple(&mut self, length: usize) -> Outcome<()> {
        let bottom = self.stack.len().checked_sub(length).filter(|&bottom| bottom >= self.bottom());
        let items = match bottom {
            Some(bottom) => self.stack.split_off(bottom),
            None => return Err(self.malformed("a tuple of more values than the stack has".to_owned())),
        };
        self.push(Value::Tuple(items.into()))
    }

    fn append(&mut self, opcode: &str, items: Vec<Id>) -> Outcome<()> {
        let list = self.top()?;
        match self.value_mut(list) {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.malformed(format!("{opcode} on {}", self.value(list).kind()))),
        }
    }

    fn set_items(&mut self, opcode: &str, items: &[Id]) -> Outcome<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed(format!("{opcode} with a key and no value")));
        }
        for [key, _] in pairs {
            if !matches!(self.value(*key), Value::Str(_) | Value::Int(_)) {
                return Err(self.malformed(format!(
                    "{} as a key, expected a string or integer",
                    self.value(*key).kind()
                )));
            }
        }
        let dict = self.top()?;
        match self.value_mut(dict) {
            Some(Value::Dict(dict)) => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(self.malformed(format!("{opcode} on {}", self.value(dict).kind()))),
        }
    }

    fn mark(&mut self) -> Outcome<()> {
        if self.marks.len() >= MARK_LIMIT {
            return Err(self.malformed(format!("more than {MARK_LIMIT} open marks")));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Outcome<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.malformed("a container without MARK".to_owned())),
        }
    }

    fn put(&mut self, index: u32) -> Outcome<()> {
        let top = self.top()?;
        if self.memo.len() >= COUNT_LIMIT {
            return Err(self.malformed(format!("more than {COUNT_LIMIT} memo entries")));
        }
        self.memo.insert(index, top);
        Ok(())
    }

    fn fetch(&mut self, index: u32) -> Outcome<()> {
        match self.memo.get(&index) {
            Some(&id) => self.push_id(id),
            None => Err(self.malformed(format!("memo {index} was never put"))),
        }
    }

    pub(super) fn push(&mut self, value: Value<'a>) -> Outcome<()> {
        if self.values.len() >= COUNT_LIMIT {
            return Err(self.malformed(format!("more than {COUNT_LIMIT} values")));
        }
        // Fits: the limit is below 2^32.
        let id = self.values.len() as Id;
        self.values.push(value);
        self.push_id(id)
    }

    pub(super) fn push_id(&mut self, id: Id) -> Outcome<()> {
        if self.stack.len() >= COUNT_LIMIT {
            return Err(self.malformed(format!("more than {COUNT_LIMIT} values on the stack")));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Where the values above the last mark begin; nothing reaches below it.
    fn bottom(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Outcome<Id> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    pub(super) fn top(&self) -> Outcome<Id> {
        match self.stack.get(self.bottom()..).and_then(<[Id]>::last) {
            Some(&id) => Ok(id),
            None => Err(self.malformed("a value is taken from an empty stack".to_owned())),
        }
    }

    pub(super) fn value(&self, id: Id) -> &Value<'a> {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }

    pub(super) fn value_mut(&mut self, id: Id) -> Option<&mut Value<'a>> {
        self.values.get_mut(id as usize)
    }

    fn byte(&mut self) -> Outcome<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(&array) => {
                self.at = self.at.saturating_add(N);
                Ok(array)
            }
            None => Err(self.ends_early()),
        }
    }

    fn take(&mut self, length: usize) -> Outcome<&'a [u8]> {
        let end = self.at.saturating_add(length);
        match self.bytes.get(self.at..end) {
            Some(bytes) => {
                self.at = end;
                Ok(bytes)
            }
            None => Err(self.ends_early()),
        }
    }

    /// Up to the next newline, which is skipped.
    fn line(&mut self) -> Outcome<&'a str> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let Some(length) = rest.iter().take(NAME_LIMIT).position(|&byte| byte == b'\n') else {
            return Err(self.malformed("a global whose name does not end".to_owned()));
        };
        let line = self.take(length)?;
        self.at = self.at.saturating_add(1);
        std::str::from_utf8(line).map_err(|_| self.malformed("a global that is not UTF-8".to_owned()))
    }

    fn ends_early(&self) -> CheckpointError {
        match self.bytes.len() {
            PICKLE_LIMIT => CheckpointError::LimitExceeded {
                path: self.path.to_path_buf(),
                what: "length of the pickle in bytes".to_owned(),
                claimed: PICKLE_LIMIT.saturating_add(1) as u64,
                limit: PICKLE_LIMIT as u64,
            },
            length => self.malformed(format!("the pickle ends at byte {length} before it is complete")),
        }
    }

    pub(super) fn malformed(&self, problem: String) -> CheckpointError {
        CheckpointError::malformed(self.path, format!("{} at byte {}", self.place, self.at), problem)
    }

    /// Names come from the file: they are cut and escaped before they are printed.
    pub(super) fn forbidden(&self, callable: String) -> CheckpointError {
        let callable = callable.chars().take(200).flat_map(char::escape_debug).collect();
        CheckpointError::ForbiddenCall { path: self.path.to_path_buf(), callable }
    }
}
