//! What a pickle can hold.

use std::ops::Range;

use crate::dtype::Dtype;

/// Place of a value in the arena.
pub type Id = u32;

/// One value. Strings borrow from the pickle.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer of more than 64 bits; its value is never needed.
    BigInt,
    /// Its value is never needed.
    Float,
    /// Text.
    Str(&'a str),
    /// Bytes, and text that is escaped or not UTF-8: their place in the pickle.
    Bytes(Range<usize>),
    /// A tuple.
    Tuple(Box<[Id]>),
    /// A list or a set.
    List(Vec<Id>),
    /// Pairs in the order of their insertion; the same key may stand there twice.
    Dict(Vec<(Id, Id)>),
    /// The shell of an object.
    Object(Object),
    /// A class or function.
    Global(Global),
    /// A storage of torch, or a part of one.
    Storage(StorageView),
    /// Index into [`Pickle::tensors`].
    Tensor(usize),
}

/// The shell of an object that is not built: a module of TorchScript, or anything of another class.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// Index into `Pickle::foreign`; `None` for a module of TorchScript.
    pub class: Option<u32>,
    /// What its class was called with.
    pub arguments: Option<Id>,
    /// Its state: dictionaries of attributes by name, or a tuple.
    pub states: Vec<Id>,
    /// What was put into it as into a dictionary.
    pub items: Vec<(Id, Id)>,
}

impl Value<'_> {
    /// What people call it, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::BigInt => "an integer",
            Self::Float => "a number",
            Self::Str(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Object(_) => "an object",
            Self::Global(_) => "a name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// The globals that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `OrderedDict` and other classes that hold what a dictionary holds.
    Dictionary,
    /// `set`, `frozenset`, `list`, `tuple`: what they are given.
    Collection,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    RebuildParameterWithState,
    RebuildFromType,
    Storage(Element),
    Size,
    /// `getattr`: an attribute of a foreign name is another foreign name.
    Attribute,
    /// Any class of a TorchScript archive.
    TorchScriptClass,
    /// `build_intlist` and its like: the list they are given.
    TorchScriptList,
    /// `restore_type_tag`: the value it is given.
    TorchScriptTag,
    /// Anything else, never imported: index into [`Pickle::foreign`].
    Foreign(u32),
}

/// What a storage is an array of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// A type that tensors can have.
    Known(Dtype),
    /// A type that no weight of CLIP has: its name and bytes.
    Other(&'static str, usize),
}

impl Element {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::Known(dtype) => dtype.size(),
            Self::Other(_, size) => size,
        }
    }

    /// The name people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(dtype) => dtype.name(),
            Self::Other(name, _) => name,
        }
    }
}

/// A storage, or the part of one that old files refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageView {
    /// Index into [`Pickle::storages`].
    pub storage: usize,
    /// First element of the part.
    pub offset: u64,
    /// Elements of the part.
    pub elements: u64,
}

/// A storage that the pickle mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageRecord<'a> {
    /// What names it.
    pub key: &'a str,
    /// The type of its elements.
    pub element: Element,
    /// How many it has.
    pub elements: u64,
}

/// A tensor as the pickle describes it: offsets and strides in elements, nothing checked yet
/// against the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRecord {
    /// What it looks into.
    pub view: StorageView,
    /// Its first element in that.
    pub offset: u64,
    /// Sizes, outermost first.
    pub shape: Vec<u64>,
    /// From one element to the next, in each dimension.
    pub strides: Vec<u64>,
}

/// A class or function that was named and not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) module: String,
    pub(super) name: String,
    /// Whether an object of it stands in the pickle.
    pub(super) made: bool,
}

impl Foreign {
    /// `module.name`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

/// A pickle read to its end.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) root: Id,
    /// All tensors.
    pub tensors: Vec<TensorRecord>,
    /// All storages.
    pub storages: Vec<StorageRecord<'a>>,
    pub(super) foreign: Vec<Foreign>,
    /// Bytes of the input that it took.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// The pickled value.
    pub fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// Its place.
    pub fn root_id(&self) -> Id {
        self.root
    }

    /// A value by its place.
    pub fn get(&self, id: Id) -> &Value<'a> {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }

    /// The value of a string key of the root, where that is a dictionary.
    pub fn item(&self, key: &str) -> Option<&Value<'a>> {
        let Value::Dict(pairs) = self.root() else { return None };
        self.entry(pairs, key)
    }

    /// The value of a string key of a dictionary, the last of several.
    pub fn entry(&self, pairs: &[(Id, Id)], key: &str) -> Option<&Value<'a>> {
        let (_, value) = pairs
            .iter()
            .rev()
            .find(|(name, _)| matches!(self.get(*name), Value::Str(name) if *name == key))?;
        Some(self.get(*value))
    }

    /// The dictionaries of an object's attributes, and of its items.
    pub fn parts<'s>(&'s self, object: &'s Object) -> impl Iterator<Item = &'s [(Id, Id)]> {
        let states = object.states.iter().map(|&state| match self.get(state) {
            Value::Dict(pairs) => pairs.as_slice(),
            _ => &[],
        });
        states.chain([object.items.as_slice()])
    }

    /// An attribute or item of an object by name.
    pub fn attribute(&self, object: &Object, key: &str) -> Option<&Value<'a>> {
        let parts: Vec<_> = self.parts(object).collect();
        parts.into_iter().rev().find_map(|pairs| self.entry(pairs, key))
    }

    /// What a value is, with the class of an object.
    pub fn describe(&self, value: &Value<'_>) -> String {
        let class = |index: u32| self.foreign.get(index as usize).map(Foreign::path);
        match value {
            Value::Object(Object { class: Some(index), .. }) => match class(*index) {
                Some(class) => format!("made by `{}`", crate::error::shown(&class)),
                None => value.kind().to_owned(),
            },
            _ => value.kind().to_owned(),
        }
    }

    /// Names of the classes and functions whose objects stand as shells in the pickle, sorted,
    /// without those of plain values of Python and torch.
    pub fn shells(&self) -> Vec<String> {
        const PLAIN: [&str; 7] =
            ["builtins", "__builtin__", "collections", "_codecs", "copyreg", "copy_reg", "torch"];
        let made = self
            .foreign
            .iter()
            .filter(|foreign| foreign.made && !PLAIN.contains(&foreign.module.as_str()));
        let mut names: Vec<String> = made.map(Foreign::path).collect();
        names.sort();
        names.dedup();
        names
    }
}
