//! Arrays of bytes as numpy pickles them: `_reconstruct(ndarray, …)`, then the state
//! `(version, shape, dtype, columns run fastest, bytes)`.

use super::value::{Id, Object, Pickle, Value};

/// The names that describe an array.
pub(super) const NAMES: [(&str, &str); 4] = [
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
];

/// A two-dimensional array of bytes, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// How many rows.
    pub rows: u64,
    /// Bytes of a row.
    pub columns: u64,
    /// Where its bytes begin in the pickle.
    pub start: u64,
}

impl<'a> Pickle<'a> {
    /// The integers of a list or tuple.
    pub fn integers(&self, value: &Value<'_>) -> Option<Vec<i64>> {
        let integer = |value: &Value<'a>| if let Value::Int(n) = *value { Some(n) } else { None };
        self.items(value)?.map(integer).collect()
    }

    /// The texts of a list or tuple.
    pub fn texts(&self, value: &Value<'_>) -> Option<Vec<&'a str>> {
        let text =
            |value: &Value<'a>| if let Value::Str(text) = *value { Some(text) } else { None };
        self.items(value)?.map(text).collect()
    }

    fn items(&self, value: &Value<'_>) -> Option<impl Iterator<Item = &Value<'a>>> {
        let items: &[Id] = match value {
            Value::List(items) => items,
            Value::Tuple(items) => items,
            _ => return None,
        };
        Some(items.iter().map(|&item| self.get(item)))
    }

    /// The array that an object describes, if it is one of bytes in rows.
    pub fn array(&self, value: &Value<'_>) -> Option<Array> {
        let state = self.get(*self.object("_reconstruct", value)?.states.first()?);
        let Value::Tuple(state) = state else { return None };
        let [_, shape, dtype, columns_first, bytes] = **state else { return None };
        let dtype = self.object("dtype", self.get(dtype))?;
        let Value::Tuple(kind) = self.get(dtype.arguments?) else { return None };
        let is_bytes = matches!(self.get(*kind.first()?), Value::Str("u1" | "|u1"));
        let (Value::Bool(false), Value::Bytes(place)) = (self.get(columns_first), self.get(bytes))
        else {
            return None;
        };
        let [rows, columns] = *self.integers(self.get(shape))? else { return None };
        let (rows, columns) = (u64::try_from(rows).ok()?, u64::try_from(columns).ok()?);
        let fits = rows.checked_mul(columns)? == place.len() as u64;
        (is_bytes && fits).then_some(Array { rows, columns, start: place.start as u64 })
    }

    /// The shell of an object that the callable `name` made.
    fn object<'s>(&self, name: &str, value: &'s Value<'_>) -> Option<&'s Object> {
        let Value::Object(object) = value else { return None };
        let class = self.foreign.get(object.class? as usize)?;
        (class.name == name).then_some(object)
    }
}
