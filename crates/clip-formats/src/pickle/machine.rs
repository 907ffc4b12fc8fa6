//! The stack machine: reads opcodes, keeps stack, marks and memo within their limits.

use super::reader::{Outcome, Reader};
use super::value::{Foreign, Id, Pickle, StorageRecord, TensorRecord, Value};
use crate::error::FormatError;
use std::collections::HashMap;
use std::path::Path;

/// Longest pickle in bytes. The released models' have about 40 KB, a training checkpoint of
/// ViT-L/14 about 400 KB.
const PICKLE_LIMIT: usize = 64 << 20;
/// The same of arrays: CIFAR-100's has 155 MB.
const ARRAY_LIMIT: usize = 1 << 30;
/// Values, stack entries and memo entries, each.
pub(super) const COUNT_LIMIT: usize = 4_000_000;
/// The newest protocol that Python has.
const NEWEST_PROTOCOL: u8 = 5;

/// Which names have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Those of `torch.save`; others become shells.
    Torch,
    /// Those of TorchScript besides: classes of `__torch__` are modules.
    TorchScript,
    /// The three that describe an array, as in CIFAR's Python version; others are refused.
    Numpy,
}

/// Reads one pickle from the start of `bytes`; `path` and `place`, the entry's name, are for
/// messages.
///
/// # Errors
/// It is damaged, beyond the limits, or has names or calls that are refused.
pub fn load<'a>(
    path: &Path,
    place: &str,
    bytes: &'a [u8],
    names: Names,
) -> Result<Pickle<'a>, FormatError> {
    let limit = if names == Names::Numpy { ARRAY_LIMIT } else { PICKLE_LIMIT };
    let mut machine = Machine {
        reader: Reader::new(path, place, bytes, limit),
        names,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        tensors: Vec::new(),
        storages: Vec::new(),
        storage_of_key: HashMap::new(),
        copied: 0,
        foreign: Vec::new(),
        index_of_foreign: HashMap::new(),
    };
    let root = machine.run()?;
    let Machine { values, tensors, storages, foreign, reader, .. } = machine;
    Ok(Pickle { values, root, tensors, storages, foreign, length: reader.at() })
}

pub(super) struct Machine<'a, 'p> {
    pub(super) reader: Reader<'a, 'p>,
    pub(super) names: Names,
    values: Vec<Value<'a>>,
    pub(super) stack: Vec<Id>,
    pub(super) marks: Vec<usize>,
    /// Sparse: an index of 2^32 - 1 takes one entry.
    pub(super) memo: HashMap<u32, Id>,
    pub(super) tensors: Vec<TensorRecord>,
    pub(super) storages: Vec<StorageRecord<'a>>,
    pub(super) storage_of_key: HashMap<&'a str, usize>,
    /// Values that were put into a second container.
    pub(super) copied: usize,
    pub(super) foreign: Vec<Foreign>,
    pub(super) index_of_foreign: HashMap<(String, String), u32>,
}

impl<'a> Machine<'a, '_> {
    fn run(&mut self) -> Outcome<Id> {
        loop {
            let opcode = self.reader.byte()?;
            if opcode == b'.' {
                let root = self.pop()?;
                return match self.stack.len() {
                    0 => Ok(root),
                    left => self.fail(format!("STOP with {left} more values on the stack")),
                };
            }
            self.step(opcode)?;
        }
    }

    /// One opcode: literals here, the rest below.
    fn step(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            0x80 => self.protocol(),
            0x95 => self.frame(),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => self.int(i32::from_le_bytes),
            b'K' => self.int(u8::from_le_bytes),
            b'M' => self.int(u16::from_le_bytes),
            b'I' | b'L' => self.digits(),
            0x8a => {
                let length = self.reader.byte()?;
                self.long(length.into())
            }
            0x8b => {
                let length = i32::from_le_bytes(self.reader.array()?);
                self.long(length.into())
            }
            b'G' => {
                self.reader.array::<8>()?;
                self.push(Value::Float)
            }
            b'F' => {
                self.reader.line()?;
                self.push(Value::Float)
            }
            b'S' | b'V' => self.escaped_text(),
            b'X' | b'T' | b'B' => {
                let length = u32::from_le_bytes(self.reader.array()?);
                self.sized(opcode, length.into())
            }
            0x8c | b'U' | b'C' => {
                let length = self.reader.byte()?;
                self.sized(opcode, length.into())
            }
            0x8d | 0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.reader.array()?);
                self.sized(opcode, length)
            }
            _ => self.structure(opcode),
        }
    }

    /// Text and bytes by whether they are UTF-8, of Python 2, or neither.
    fn sized(&mut self, opcode: u8, length: u64) -> Outcome<()> {
        match opcode {
            _ if self.names == Names::Numpy => self.text_or_array(length),
            b'X' | 0x8c | 0x8d => self.text(length),
            b'T' | b'U' => self.old_text(length),
            _ => self.raw_bytes(length),
        }
    }

    /// Containers and the memo.
    fn structure(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            b'(' => self.mark(),
            b'0' => self.drop_top(),
            b'1' => self.pop_to_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push_id(top)
            }
            b')' => self.push(Value::Tuple(Box::default())),
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items.into()))
            }
            b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items))
            }
            b'd' => self.dict(),
            0x85 => self.tuple(1),
            0x86 => self.tuple(2),
            0x87 => self.tuple(3),
            b'a' => {
                let item = self.pop()?;
                self.append("APPEND", vec![item])
            }
            b'e' | 0x90 => {
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
            _ => self.memo_or_call(opcode),
        }
    }

    fn memo_or_call(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            b'q' | b'r' | b'p' => {
                let index = self.memo_index(opcode)?;
                self.put(index)
            }
            0x94 => self.put(self.memo.len() as u32), // fits: the memo has a limit
            b'h' | b'j' | b'g' => {
                let index = self.memo_index(opcode)?;
                self.fetch(index)
            }
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'Q' => self.persistent_id(),
            b'R' => self.reduce(),
            0x81 => self.new_object(1),
            0x92 => self.new_object(2),
            b'o' => self.object(),
            b'i' => self.instance(),
            b'b' => self.build(),
            0x82..=0x84 => Err(self.forbidden("a registered extension")),
            b'P' | 0x97 | 0x98 => {
                self.fail(format!("opcode {opcode:#04x} reaches outside the pickle"))
            }
            _ => self.fail(format!("unknown opcode {opcode:#04x}")),
        }
    }

    fn protocol(&mut self) -> Outcome<()> {
        match self.reader.byte()? {
            0..=NEWEST_PROTOCOL => Ok(()),
            other => {
                self.fail(format!("pickle protocol {other}, expected at most {NEWEST_PROTOCOL}"))
            }
        }
    }

    /// FRAME announces how many bytes follow, which changes nothing of what they mean.
    fn frame(&mut self) -> Outcome<()> {
        let length = u64::from_le_bytes(self.reader.array()?);
        match length <= self.reader.left() as u64 {
            true => Ok(()),
            false => self.fail(format!("a frame of {length} bytes, {} follow", self.reader.left())),
        }
    }

    pub(super) fn push(&mut self, value: Value<'a>) -> Outcome<()> {
        if self.values.len() >= COUNT_LIMIT {
            return self.fail(format!("more than {COUNT_LIMIT} values"));
        }
        // Fits: the limit is below 2^32.
        let id = self.values.len() as Id;
        self.values.push(value);
        self.push_id(id)
    }

    pub(super) fn push_id(&mut self, id: Id) -> Outcome<()> {
        if self.stack.len() >= COUNT_LIMIT {
            return self.fail(format!("more than {COUNT_LIMIT} values on the stack"));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Where the values above the last mark begin; nothing reaches below it.
    pub(super) fn bottom(&self) -> usize {
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
            None => self.fail("a value is taken from an empty stack"),
        }
    }

    pub(super) fn value(&self, id: Id) -> &Value<'a> {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }

    pub(super) fn value_mut(&mut self, id: Id) -> Option<&mut Value<'a>> {
        self.values.get_mut(id as usize)
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> FormatError {
        self.reader.malformed(problem)
    }

    pub(super) fn fail<T>(&self, problem: impl Into<String>) -> Outcome<T> {
        Err(self.malformed(problem))
    }

    pub(super) fn forbidden(&self, callable: &str) -> FormatError {
        FormatError::Forbidden {
            path: self.reader.path.to_path_buf(),
            callable: crate::error::shown(callable),
        }
    }
}
