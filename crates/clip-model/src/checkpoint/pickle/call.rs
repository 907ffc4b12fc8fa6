//! The few calls a checkpoint may make: rebuilding tensors from storages, plain containers, and the
//! opaque modules of TorchScript. Each takes its arguments in exactly the shape `torch.save` gives
//! them.

use super::machine::{Machine, Outcome};
use super::value::{Global, Id, StorageRecord, StorageView, TensorRecord, Value};
use crate::tensor::{Dtype, MAX_DIMENSIONS, ViewError};

/// Of `_rebuild_tensor_v2`, with metadata.
const MOST_ARGUMENTS: usize = 7;

impl Global {
    /// The allow-list (PROTOCOL 5.2, 5.3).
    pub(super) fn find(module: &str, name: &str, torch_script: bool) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch._utils", "_rebuild_parameter_with_state") => Self::RebuildParameterWithState,
            ("torch", "Size") => Self::Size,
            ("torch", "device") => Self::Device,
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::Bf16),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::Bool),
            ("torch.jit._pickle", "restore_type_tag") if torch_script => Self::TorchScriptTag,
            (
                "torch.jit._pickle",
                "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist",
            ) if torch_script => Self::TorchScriptList,
            // Names of classes are arbitrary; they are only ever taken as empty modules.
            (module, _) if torch_script && (module == "__torch__" || module.starts_with("__torch__.")) => {
                Self::TorchScriptClass
            }
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor",
            Self::RebuildTensorV2 => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::RebuildParameterWithState => "torch._utils._rebuild_parameter_with_state",
            Self::Storage(_) => "a storage class",
            Self::Size => "torch.Size",
            Self::Device => "torch.device",
            Self::TorchScriptClass => "a TorchScript class",
            Self::TorchScriptList => "torch.jit._pickle.build_…list",
            Self::TorchScriptTag => "torch.jit._pickle.restore_type_tag",
        }
    }
}

impl<'a> Machine<'a, '_> {
    /// REDUCE: a callable and its arguments become its result.
    pub(super) fn reduce(&mut self) -> Outcome<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Value::Global(global) = *self.value(callable) else {
            let kind = self.value(callable).kind();
            return Err(self.forbidden(format!("a call of {kind}")));
        };
        let Value::Tuple(arguments) = self.value(arguments) else {
            return Err(self.malformed(format!("{} called without a tuple of arguments", global.name())));
        };
        if arguments.len() > MOST_ARGUMENTS {
            return Err(self.forbidden(format!("{} with {} arguments", global.name(), arguments.len())));
        }
        let arguments = arguments.clone();
        match (global, &*arguments) {
            (Global::OrderedDict, []) => self.push(Value::Dict(Vec::new())),
            (Global::RebuildTensor, &[storage, offset, size, stride]) => {
                self.rebuild_tensor(storage, offset, size, stride)
            }
            (
                Global::RebuildTensorV2,
                &[storage, offset, size, stride, gradient, hooks]
                | &[storage, offset, size, stride, gradient, hooks, _],
            ) if self.are_flag_and_hooks(gradient, hooks) => {
                self.rebuild_tensor(storage, offset, size, stride)
            }
            (Global::RebuildParameter, &[tensor, gradient, hooks])
            | (Global::RebuildParameterWithState, &[tensor, gradient, hooks, _])
                if self.are_flag_and_hooks(gradient, hooks) && self.is_tensor(tensor) =>
            {
                self.push_id(tensor)
            }
            (Global::Size, &[size]) if matches!(self.value(size), Value::Tuple(_)) => self.push_id(size),
            (Global::Device, &[_] | &[_, _]) => self.push(Value::Opaque),
            (Global::TorchScriptList, &[list]) if matches!(self.value(list), Value::List(_)) => {
                self.push_id(list)
            }
            (Global::TorchScriptTag, &[value, _]) => self.push_id(value),
            _ => Err(self.forbidden(format!("{} with other arguments than torch.save's", global.name()))),
        }
    }

    fn is_tensor(&self, id: Id) -> bool {
        matches!(self.value(id), Value::Tensor(_))
    }

    /// `requires_grad` and the hooks, of which a file has none.
    fn are_flag_and_hooks(&self, flag: Id, hooks: Id) -> bool {
        let no_hooks = match self.value(hooks) {
            Value::None => true,
            Value::Dict(pairs) => pairs.is_empty(),
            _ => false,
        };
        matches!(self.value(flag), Value::Bool(_)) && no_hooks
    }

    fn rebuild_tensor(&mut self, storage: Id, offset: Id, size: Id, stride: Id) -> Outcome<()> {
        let Value::Storage(view) = *self.value(storage) else {
            return Err(
                self.malformed(format!("a tensor over {}, expected a storage", self.value(storage).kind()))
            );
        };
        let offset = self.count(offset, "storage offset")?;
        let shape = self.counts(size, "size")?;
        let strides = self.counts(stride, "stride")?;
        let index = self.tensors.len();
        self.tensors.push(TensorRecord { view, offset, shape, strides });
        self.push(Value::Tensor(index))
    }

    fn count(&self, id: Id, what: &str) -> Outcome<u64> {
        match *self.value(id) {
            Value::Int(value) => u64::try_from(value)
                .map_err(|_| self.malformed(format!("{what} {value}, expected 0 or more"))),
            ref other => Err(self.malformed(format!("{} as {what}, expected an integer", other.kind()))),
        }
    }

    fn counts(&self, id: Id, what: &str) -> Outcome<Vec<u64>> {
        let Value::Tuple(items) = self.value(id) else {
            return Err(self.malformed(format!("{} as {what}, expected a tuple", self.value(id).kind())));
        };
        if items.len() > MAX_DIMENSIONS {
            let dimensions = items.len();
            return Err(self.malformed(ViewError::TooManyDimensions { dimensions }.to_string()));
        }
        items.iter().map(|&item| self.count(item, what)).collect()
    }

    /// BINPERSID: `('storage', class, key, location, elements)`; old files add a sixth item, `None` or
    /// `(key, offset, elements)` of a part. The location does not matter.
    pub(super) fn persistent_id(&mut self) -> Outcome<()> {
        let id = self.pop()?;
        let Value::Tuple(items) = self.value(id) else {
            return Err(
                self.malformed(format!("persistent id is {}, expected a tuple", self.value(id).kind()))
            );
        };
        let (&[tag, class, key, location, elements], part) = match &**items {
            [head @ .., part] if items.len() == 6 => match head.first_chunk::<5>() {
                Some(head) => (head, Some(*part)),
                None => return Err(self.malformed("persistent id has too few items".to_owned())),
            },
            all => match all.first_chunk::<5>() {
                Some(head) if all.len() == 5 => (head, None),
                _ => {
                    let count = all.len();
                    return Err(self.malformed(format!("persistent id has {count} items, expected 5 or 6")));
                }
            },
        };
        let (&Value::Str("storage"), &Value::Global(Global::Storage(dtype)), &Value::Str(key), Value::Str(_)) =
            (self.value(tag), self.value(class), self.value(key), self.value(location))
        else {
            return Err(self.malformed("persistent id is not that of a storage".to_owned()));
        };
        let elements = self.count(elements, "storage length")?;
        let storage = self.storage(StorageRecord { key, dtype, elements })?;
        let view = match part.map(|part| self.value(part)) {
            None | Some(Value::None) => StorageView { storage, offset: 0, elements },
            Some(Value::Tuple(items)) => match **items {
                [_, offset, length] => {
                    let offset = self.count(offset, "offset of a part")?;
                    let length = self.count(length, "length of a part")?;
                    if offset.checked_add(length).is_none_or(|end| end > elements) {
                        return Err(self.malformed("a part of a storage ends behind it".to_owned()));
                    }
                    StorageView { storage, offset, elements: length }
                }
                _ => return Err(self.malformed("a part of a storage has not three items".to_owned())),
            },
            Some(other) => {
                return Err(self.malformed(format!("{} as part of a storage", other.kind())));
            }
        };
        self.push(Value::Storage(view))
    }

    /// One record for each key. A storage read as two element types is refused: no writer of
    /// checkpoints makes one, and one of the two readings would be noise.
    fn storage(&mut self, record: StorageRecord<'a>) -> Outcome<usize> {
        match self.storage_of_key.get(record.key) {
            Some(&index) if self.storages.get(index) == Some(&record) => Ok(index),
            Some(_) => Err(self.malformed(format!(
                "storage `{:.80}` is used with two types or lengths",
                record.key.escape_debug().to_string()
            ))),
            None => {
                let index = self.storages.len();
                self.storage_of_key.insert(record.key, index);
                self.storages.push(record);
                Ok(index)
            }
        }
    }

    /// NEWOBJ: an empty module of a TorchScript archive.
    pub(super) fn new_object(&mut self) -> Outcome<()> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let empty = matches!(self.value(arguments), Value::Tuple(items) if items.is_empty());
        match *self.value(class) {
            Value::Global(Global::TorchScriptClass) if empty => self.push(Value::Object(Vec::new())),
            Value::Global(global) => Err(self.forbidden(format!("NEWOBJ of {}", global.name()))),
            ref other => Err(self.forbidden(format!("NEWOBJ of {}", other.kind()))),
        }
    }

    /// BUILD: a module gets its attributes; the state of a dictionary (`_metadata`) is dropped.
    pub(super) fn build(&mut self) -> Outcome<()> {
        let state = self.pop()?;
        let target = self.top()?;
        let Some(Value::Dict(pairs)) = self.value_mut(state) else {
            let (target, state) = (self.value(target).kind(), self.value(state).kind());
            return Err(self.forbidden(format!("BUILD of {target} from {state}")));
        };
        // Taken, not copied: building twice from one large state costs nothing.
        let pairs = std::mem::take(pairs);
        match self.value_mut(target) {
            Some(Value::Object(attributes)) => {
                attributes.extend(pairs);
                Ok(())
            }
            Some(Value::Dict(_)) => Ok(()),
            _ => Err(self.forbidden(format!("BUILD on {}", self.value(target).kind()))),
        }
    }
}
