//! A pickle machine that can build plain containers, tensor records and arrays of bytes, and
//! nothing else.
//!
//! Trainers pickle more than weights: options, schedulers, optimisers, random states, whole
//! modules. None of it is needed to read the tensors, so nothing is imported or called: an object
//! of another class is kept as an empty shell that remembers its class's name, what it was called
//! with and what stood in its state. A name that runs code in an unpickler is refused wherever it
//! stands; with [`Names::Numpy`], every name that describes no array.
//!
//! Values live in one arena and refer to each other by index, so nesting, sharing and cycles cost
//! nothing: no recursion while building, walking or dropping, and doubling by `DUP` stays small.
//! Every count has a limit. All opcodes of protocols 0 to 5 are read but those that reach outside
//! the pickle (extensions, buffers, text ids).

mod call;
mod container;
mod global;
mod literal;
mod machine;
mod numpy;
mod reader;
mod storage;
#[cfg(test)]
mod tests;
mod value;

pub use machine::{Names, load};
pub use numpy::Array;
pub use value::{Element, Id, Object, Pickle, StorageRecord, TensorRecord, Value};
