//! What a pickle can hold.

use crate::tensor::Dtype;

/// Place of a value in the arena.
pub(in super::super) type Id = u32;

/// One value. Strings borrow from the pickle.
#[derive(Debug, Clone)]
pub(in super::super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits; its value is never needed.
    BigInt,
    /// Its value is never needed.
    Float,
    Str(&'a str),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    /// Pairs in the order of their insertion; the same key may stand there twice.
    Dict(Vec<(Id, Id)>),
    /// A TorchScript module and its attributes.
    Object(Vec<(Id, Id)>),
    Global(Global),
    Storage(StorageView),
    /// Index into [`Pickle::tensors`].
    Tensor(usize),
    /// Something that carries no information we need, such as a device.
    Opaque,
}

impl Value<'_> {
    /// What people call it, for messages.
    pub(in super::super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::BigInt => "an integer",
            Self::Float => "a number",
            Self::Str(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Object(_) => "a module",
            Self::Global(_) => "a name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Opaque => "a device",
        }
    }
}

/// The globals a checkpoint may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    RebuildParameterWithState,
    Storage(Dtype),
    Size,
    Device,
    /// Any class of a TorchScript archive.
    TorchScriptClass,
    /// `build_intlist` and its like: the list they are given.
    TorchScriptList,
    /// `restore_type_tag`: the value it is given.
    TorchScriptTag,
}

/// A storage, or the part of one that old files refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct StorageView {
    /// Index into [`Pickle::storages`].
    pub(in super::super) storage: usize,
    /// First element of the part.
    pub(in super::super) offset: u64,
    /// Elements of the part.
    pub(in super::super) elements: u64,
}

/// A storage that the pickle mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct StorageRecord<'a> {
    pub(in super::super) key: &'a str,
    pub(in super::super) dtype: Dtype,
    pub(in super::super) elements: u64,
}

/// A tensor as the pickle describes it: offsets and strides in elements, nothing checked yet
/// against the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct TensorRecord {
    pub(in super::super) view: StorageView,
    pub(in super::super) offset: u64,
    pub(in super::super) shape: Vec<u64>,
    pub(in super::super) strides: Vec<u64>,
}

/// A pickle read to its end.
#[derive(Debug)]
pub(in super::super) struct Pickle<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) root: Id,
    pub(in super::super) tensors: Vec<TensorRecord>,
    pub(in super::super) storages: Vec<StorageRecord<'a>>,
    /// Bytes of the input that it took.
    pub(in super::super) length: usize,
}

impl<'a> Pickle<'a> {
    /// The pickled value.
    pub(in super::super) fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// A value by its place.
    pub(in super::super) fn get(&self, id: Id) -> &Value<'a> {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }

    /// The value of a string key of a dictionary, the last of several.
    pub(in super::super) fn entry(&self, pairs: &[(Id, Id)], key: &str) -> Option<&Value<'a>> {
        let (_, value) = pairs
            .iter()
            .rev()
            .find(|(name, _)| matches!(self.get(*name), Value::Str(name) if *name == key))?;
        Some(self.get(*value))
    }
}
