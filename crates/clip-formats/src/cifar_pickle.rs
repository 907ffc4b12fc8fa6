//! The pickles of CIFAR's Python version: a dictionary of texts, numbers, lists and one array of bytes.
//!
//! Nothing is called and nothing is executed. The machine knows the few instructions such a file is made of, and of
//! numpy the three names that describe an array; everything else is refused by name. The array stays in the file:
//! only its place is noted.

use std::io::{BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use crate::cursor::little_endian;
use crate::error::FormatError;

/// Values, and entries of stack and memo, at most. A batch of CIFAR has 30,000.
const COUNT_LIMIT: usize = 2_000_000;
/// Texts up to this length are kept; longer ones are arrays, of which the place is noted.
const TEXT_LIMIT: u64 = 1024;
/// Containers within each other at most; CIFAR's files have three.
const DEPTH_LIMIT: usize = 8;
/// Bytes of all texts at most.
const TEXTS_LIMIT: u64 = 64 << 20;

/// What a pickle holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number or a truth value.
    Number(i64),
    /// Text, or bytes that are.
    Text(Rc<str>),
    /// Bytes of the file: start and length.
    Bytes(u64, u64),
    /// A list or tuple.
    List(Vec<Value>),
    /// Keys and values.
    Dictionary(Vec<(Value, Value)>),
    /// A two-dimensional numpy array of bytes, row by row.
    Array {
        /// Rows and columns.
        shape: (u64, u64),
        /// Start of its bytes in the file.
        start: u64,
    },
    /// A part of numpy's description of an array.
    Numpy(Numpy),
    /// `None`, and what nobody asks for.
    Nothing,
}

/// Parts of numpy's description of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numpy {
    /// `numpy.core.multiarray._reconstruct`
    Reconstruct,
    /// `numpy.ndarray`
    Array,
    /// `numpy.dtype`
    Type,
    /// A type of bytes.
    Bytes,
    /// An array whose state comes next.
    Unfilled,
}

impl Value {
    /// The value of `key` of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Dictionary(entries) = self else { return None };
        entries.iter().find(|(found, _)| found.text() == Some(key)).map(|(_, value)| value)
    }

    /// The text.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The numbers of a list.
    pub fn numbers(&self) -> Option<Vec<i64>> {
        let number =
            |value: &Value| if let Value::Number(number) = value { Some(*number) } else { None };
        if let Value::List(values) = self { values.iter().map(number).collect() } else { None }
    }

    /// The texts of a list.
    pub fn texts(&self) -> Option<Vec<&str>> {
        if let Value::List(values) = self { values.iter().map(Value::text).collect() } else { None }
    }
}

/// Reads the pickle in `path`.
///
/// # Errors
/// It is none, or has instructions or names that CIFAR's files have not.
pub fn read(path: &Path) -> Result<Value, FormatError> {
    let file = clip_files::open(path, u64::MAX).map_err(FormatError::read(path))?;
    parse(&mut BufReader::new(file)).map_err(|reason| FormatError::malformed(path, reason))
}

/// Reads a pickle.
///
/// # Errors
/// In words, with the place in the file.
pub fn parse(source: &mut dyn Read) -> Result<Value, String> {
    let (stack, marks, memo) = (Vec::new(), Vec::new(), Vec::new());
    let mut machine = Machine { source, position: 0, stack, marks, memo, texts: 0, steps: 0 };
    let result = machine.run();
    result.map_err(|reason| format!("{reason} (at byte {})", machine.position))
}

struct Machine<'a> {
    source: &'a mut dyn Read,
    position: u64,
    stack: Vec<Value>,
    marks: Vec<usize>,
    /// Only what is small or cannot change is remembered; CIFAR's files refer to nothing else.
    memo: Vec<Value>,
    texts: u64,
    steps: usize,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, String> {
        loop {
            self.steps = self.steps.saturating_add(1);
            let waiting = self.stack.len().max(self.marks.len());
            if self.steps > COUNT_LIMIT.saturating_mul(4) || waiting > COUNT_LIMIT {
                return Err(format!("more than {COUNT_LIMIT} values"));
            }
            let code = self.number(1)? as u8;
            match code {
                0x80 => {
                    self.number(1)?; // protocol
                }
                0x95 => {
                    self.number(8)?; // frame
                }
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'}' => self.push(Value::Dictionary(Vec::new())),
                b']' | b')' => self.push(Value::List(Vec::new())),
                b'N' => self.push(Value::Nothing),
                0x88 => self.push(Value::Number(1)),
                0x89 => self.push(Value::Number(0)),
                b'J' => self
                    .number(4)
                    .map(|word| self.push(Value::Number((word as u32 as i32).into())))?,
                b'K' => self.number(1).map(|word| self.push(Value::Number(word as i64)))?,
                b'M' => self.number(2).map(|word| self.push(Value::Number(word as i64)))?,
                0x8a => self.long()?,
                b'U' | b'C' | 0x8c => self.string(1)?,
                b'T' | b'B' | b'X' => self.string(4)?,
                0x8e | 0x8d => self.string(8)?,
                b'q' => self.number(1).and_then(|index| self.remember(index))?,
                b'r' => self.number(4).and_then(|index| self.remember(index))?,
                0x94 => self.remember(self.memo.len() as u64)?,
                b'h' => self.number(1).and_then(|index| self.recall(index))?,
                b'j' => self.number(4).and_then(|index| self.recall(index))?,
                b't' => self.pop_mark().and_then(|values| self.tuple(values))?,
                0x85..=0x87 => self
                    .pop_some(usize::from(code).saturating_sub(0x84))
                    .and_then(|values| self.tuple(values))?,
                b'a' => self.pop().and_then(|value| self.append(vec![value]))?,
                b'e' => self.pop_mark().and_then(|values| self.append(values))?,
                b's' => self.pop_some(2).and_then(|pair| self.insert(pair))?,
                b'u' => self.pop_mark().and_then(|pairs| self.insert(pairs))?,
                b'c' => self.global()?,
                0x93 => self.stack_global()?,
                b'R' => self.call()?,
                b'b' => self.build()?,
                other => {
                    let shown = char::from(other).escape_default();
                    return Err(format!(
                        "instruction 0x{other:02x} (`{shown}`) is not one of CIFAR's files"
                    ));
                }
            }
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn pop(&mut self) -> Result<Value, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("nothing is on the stack".to_owned());
        }
        self.stack.pop().ok_or_else(|| "nothing is on the stack".to_owned())
    }

    fn pop_some(&mut self, count: usize) -> Result<Vec<Value>, String> {
        let start = self.stack.len().checked_sub(count);
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = start.filter(|&start| start >= floor).ok_or("too little is on the stack")?;
        Ok(self.stack.split_off(start))
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().ok_or("a list without a beginning")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn tuple(&mut self, values: Vec<Value>) -> Result<(), String> {
        shallow(&values)?;
        self.push(Value::List(values));
        Ok(())
    }

    fn append(&mut self, values: Vec<Value>) -> Result<(), String> {
        shallow(&values)?;
        let Some(Value::List(list)) = self.stack.last_mut() else {
            return Err("no list to append to".to_owned());
        };
        list.extend(values);
        Ok(())
    }

    fn insert(&mut self, values: Vec<Value>) -> Result<(), String> {
        shallow(&values)?;
        let Some(Value::Dictionary(entries)) = self.stack.last_mut() else {
            return Err("no dictionary to put into".to_owned());
        };
        let mut values = values.into_iter();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            entries.push((key, value));
        }
        Ok(())
    }

    fn remember(&mut self, index: u64) -> Result<(), String> {
        let index = usize::try_from(index).ok().filter(|&index| index < COUNT_LIMIT);
        let index =
            index.ok_or_else(|| format!("more than {COUNT_LIMIT} values are remembered"))?;
        let value = match self.stack.last().ok_or("nothing to remember")? {
            Value::List(_) | Value::Dictionary(_) => Value::Nothing,
            value => value.clone(),
        };
        if index >= self.memo.len() {
            self.memo.resize(index.saturating_add(1), Value::Nothing);
        }
        if let Some(place) = self.memo.get_mut(index) {
            *place = value;
        }
        Ok(())
    }

    fn recall(&mut self, index: u64) -> Result<(), String> {
        let value = self.memo.get(index as usize).cloned();
        self.push(value.ok_or_else(|| format!("value {index} was never remembered"))?);
        Ok(())
    }

    fn string(&mut self, width: usize) -> Result<(), String> {
        let length = self.number(width)?;
        if length > TEXT_LIMIT {
            let start = self.position;
            let passed = std::io::copy(&mut self.source.take(length), &mut std::io::sink());
            let passed = passed.map_err(|error| error.to_string())?;
            self.position = self.position.saturating_add(passed);
            if passed < length {
                return Err(format!("it ends inside {length} bytes of data"));
            }
            self.push(Value::Bytes(start, length));
            return Ok(());
        }
        let bytes = self.bytes(length)?;
        self.texts = self.texts.saturating_add(length);
        if self.texts > TEXTS_LIMIT {
            return Err(format!("more than {TEXTS_LIMIT} bytes of text"));
        }
        // short arrays of bytes are told from texts by who asks
        let start = self.position.saturating_sub(length);
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => self.push(Value::Text(text.into())),
            _ => self.push(Value::Bytes(start, length)),
        }
        Ok(())
    }

    /// A number of up to eight bytes, lowest first, with its sign.
    fn long(&mut self) -> Result<(), String> {
        let width = self.number(1)?;
        if width > 8 {
            return Err(format!("a number of {width} bytes"));
        }
        let spare = 64u32.saturating_sub((width as u32).saturating_mul(8));
        let word = little_endian(&self.bytes(width)?);
        let value = word.checked_shl(spare).map_or(0, |word| word as i64 >> spare);
        self.push(Value::Number(value));
        Ok(())
    }

    fn global(&mut self) -> Result<(), String> {
        let (module, name) = (self.line()?, self.line()?);
        self.numpy(&module, &name)
    }

    fn stack_global(&mut self) -> Result<(), String> {
        let names = self.pop_some(2)?;
        let [Value::Text(module), Value::Text(name)] = &*names else {
            return Err("a name is no text".to_owned());
        };
        self.numpy(module, name)
    }

    fn numpy(&mut self, module: &str, name: &str) -> Result<(), String> {
        let part = match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Numpy::Reconstruct
            }
            ("numpy", "ndarray") => Numpy::Array,
            ("numpy", "dtype") => Numpy::Type,
            _ => {
                return Err(format!(
                    "`{module}.{name}` is not one of CIFAR's names; nothing is executed"
                ));
            }
        };
        self.push(Value::Numpy(part));
        Ok(())
    }

    /// The two calls that describe an array.
    fn call(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let called = self.pop()?;
        let Value::List(arguments) = arguments else {
            return Err("a call without arguments".to_owned());
        };
        let result = match (called, &*arguments) {
            (Value::Numpy(Numpy::Reconstruct), [Value::Numpy(Numpy::Array), ..]) => Numpy::Unfilled,
            (Value::Numpy(Numpy::Type), [Value::Text(kind), ..])
                if matches!(&**kind, "u1" | "|u1") =>
            {
                Numpy::Bytes
            }
            (Value::Numpy(Numpy::Type), [kind, ..]) => {
                return Err(format!("an array of {kind:?}, expected bytes (`u1`)"));
            }
            _ => return Err("a call that CIFAR's files do not make".to_owned()),
        };
        self.push(Value::Numpy(result));
        Ok(())
    }

    /// The state of an array: (version, shape, type, whether columns run fastest, bytes).
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match (self.pop()?, state) {
            (Value::Numpy(Numpy::Bytes), _) => self.push(Value::Numpy(Numpy::Bytes)),
            (Value::Numpy(Numpy::Unfilled), Value::List(state)) => {
                let array = array(&state).ok_or("an array that is not rows of bytes")?;
                self.push(array);
            }
            _ => return Err("a state that belongs to no array".to_owned()),
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.number(1)? as u8 {
                b'\n' => break,
                byte => line.push(byte),
            }
            if line.len() > 200 {
                return Err("a name of more than 200 bytes".to_owned());
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn number(&mut self, width: usize) -> Result<u64, String> {
        Ok(little_endian(&self.bytes(width as u64)?))
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read =
            self.source.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        self.position = self.position.saturating_add(read as u64);
        if (read as u64) < length { Err("it ends before its end".to_owned()) } else { Ok(bytes) }
    }
}

/// Refuses values that are nested too deep to be put into yet another container.
fn shallow(values: &[Value]) -> Result<(), String> {
    if values.iter().any(|value| depth(value) >= DEPTH_LIMIT) {
        return Err(format!("containers more than {DEPTH_LIMIT} deep"));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    let inside = match value {
        Value::List(values) => values.iter().map(depth).max(),
        Value::Dictionary(entries) => {
            entries.iter().map(|(key, value)| depth(key).max(depth(value))).max()
        }
        _ => return 0,
    };
    inside.unwrap_or(0).saturating_add(1)
}

fn array(state: &[Value]) -> Option<Value> {
    let [Value::Number(_), shape, Value::Numpy(Numpy::Bytes), Value::Number(0), bytes] = state
    else {
        return None;
    };
    let [rows, columns] = *shape.numbers()? else { return None };
    let shape = (u64::try_from(rows).ok()?, u64::try_from(columns).ok()?);
    let Value::Bytes(start, length) = *bytes else { return None };
    (shape.0.checked_mul(shape.1)? == length).then_some(Value::Array { shape, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Result<Value, String> {
        parse(&mut &*bytes)
    }

    #[test]
    fn other_names_are_refused_and_not_called() {
        let error = parsed(b"cos\nsystem\n(U\x02lstR.").expect_err("os.system");
        assert!(error.contains("`os.system` is not one of CIFAR's names"), "{error}");
    }

    #[test]
    fn nesting_is_bounded_by_the_stack_and_not_by_recursion() {
        let deep = [&[b'('; 3_000_000][..], b"."].concat();
        assert!(parsed(&deep).is_err());
        let lists = [&[b']'; 1000][..], &[b'a'; 999], b"."].concat();
        assert!(parsed(&lists).expect_err("too deep").contains("8 deep"));
        let tuples = [&b"N"[..], &[0x85; 100_000], b"."].concat();
        assert!(parsed(&tuples).expect_err("too deep").contains("8 deep"));
        let wide = [&[b']'; 3_000_000][..], b"."].concat();
        assert!(parsed(&wide).expect_err("too many").contains("more than"), "no limit");
    }

    #[test]
    fn file_cut_short_says_where() {
        assert!(parsed(b"\x80\x02}q\x01U\x05ab").expect_err("cut").contains("at byte"));
    }

    #[test]
    fn numbers_keep_their_signs() {
        assert_eq!(parsed(b"J\xff\xff\xff\xff."), Ok(Value::Number(-1)));
        assert_eq!(parsed(b"\x8a\x02\xfe\xff."), Ok(Value::Number(-2)));
        assert_eq!(parsed(b"\x8a\x00."), Ok(Value::Number(0)));
    }
}
