//! The arrays of a safetensors file, read without the reader that is under test.

use std::path::Path;

use serde_json::{Map, Value};

/// Header and bytes of a safetensors file.
pub struct Arrays {
    /// The JSON header as it stands in the file.
    pub header: Map<String, Value>,
    /// What lies behind the header.
    pub data: Vec<u8>,
}

impl Arrays {
    /// Reads a file.
    pub fn open(path: impl AsRef<Path>) -> Arrays {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (length, rest) = bytes.split_at(8);
        let length = u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize;
        let (header, data) = rest.split_at(length);
        let header = serde_json::from_slice(header)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Arrays { header, data: data.to_vec() }
    }

    /// The values of an F32 array.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        floats(self.bytes(name, "F32"))
    }

    /// The values of an I64 array.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        self.bytes(name, "I64").as_chunks().0.iter().copied().map(i64::from_le_bytes).collect()
    }

    /// An I64 array of class indices.
    pub fn classes(&self, name: &str) -> Vec<u32> {
        let class = |class| u32::try_from(class).expect("a class");
        self.integers(name).into_iter().map(class).collect()
    }

    /// Length of the last axis.
    pub fn width(&self, name: &str) -> usize {
        let shape = self.header[name]["shape"].as_array().expect("a shape");
        shape.last().and_then(Value::as_u64).expect("an axis") as usize
    }

    /// The bytes of an array that must be of element type `dtype`.
    pub fn bytes(&self, name: &str, dtype: &str) -> &[u8] {
        let entry = &self.header[name];
        assert_eq!(entry["dtype"], dtype, "{name}");
        let offset =
            |index: usize| entry["data_offsets"][index].as_u64().expect("an offset") as usize;
        &self.data[offset(0)..offset(1)]
    }
}

/// Little-endian f32 values.
fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect()
}
