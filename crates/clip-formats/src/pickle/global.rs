//! Names of classes and functions: those with a meaning here, those that run code, and all others.

use super::machine::{Machine, Names};
use super::numpy;
use super::reader::{LINE_LIMIT, Outcome};
use super::value::{Element, Foreign, Global, Value};
use crate::dtype::Dtype;
use crate::error::shown;
use std::sync::LazyLock;

/// Names that run code when an unpickler calls them, each with a dot behind it.
static CODE_RUNNING: LazyLock<Vec<String>> = LazyLock::new(|| {
    let lines = include_str!("../../assets/code_running_globals.txt").lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{line}."))
        .collect()
});

/// Whether the name runs code, or walks from an attribute of a module to one that does
/// (`torch.serialization`, `os.system`).
fn runs_code(module: &str, name: &str) -> bool {
    let is_listed =
        |path: &str| CODE_RUNNING.iter().any(|listed| path.starts_with(listed.as_str()));
    let walks = name.match_indices('.').map(|(dot, _)| dot.saturating_add(1)).chain([0]);
    let mut walks = walks.filter_map(|start| name.get(start..)).filter(|rest| rest.contains('.'));
    is_listed(&format!("{module}.{name}.")) || walks.any(|rest| is_listed(&format!("{rest}.")))
}

impl Global {
    /// The names with a meaning (PROTOCOL 5.2, 5.3).
    fn find(module: &str, name: &str, torch_script: bool) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter") => Self::Dictionary,
            ("builtins" | "__builtin__", "dict") => Self::Dictionary,
            ("builtins" | "__builtin__", "set" | "frozenset" | "list" | "tuple") => {
                Self::Collection
            }
            ("builtins" | "__builtin__", "getattr") => Self::Attribute,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch._utils", "_rebuild_parameter_with_state") => Self::RebuildParameterWithState,
            ("torch._tensor", "_rebuild_from_type" | "_rebuild_from_type_v2") => {
                Self::RebuildFromType
            }
            ("torch", "Size") => Self::Size,
            ("torch" | "torch.storage", name) if name.ends_with("Storage") => {
                Self::Storage(element(name)?)
            }
            ("torch.jit._pickle", "restore_type_tag") if torch_script => Self::TorchScriptTag,
            (
                "torch.jit._pickle",
                "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist",
            ) if torch_script => Self::TorchScriptList,
            // Names of classes are arbitrary; they are only ever taken as empty modules.
            (module, _)
                if torch_script && (module == "__torch__" || module.starts_with("__torch__.")) =>
            {
                Self::TorchScriptClass
            }
            _ => return None,
        })
    }

    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dictionary => "a class of dictionaries",
            Self::Collection => "a class of collections",
            Self::RebuildTensor => "torch._utils._rebuild_tensor",
            Self::RebuildTensorV2 => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::RebuildParameterWithState => "torch._utils._rebuild_parameter_with_state",
            Self::RebuildFromType => "torch._tensor._rebuild_from_type",
            Self::Storage(_) => "a storage class",
            Self::Size => "torch.Size",
            Self::Attribute => "getattr",
            Self::TorchScriptClass => "a TorchScript class",
            Self::TorchScriptList => "torch.jit._pickle.build_…list",
            Self::TorchScriptTag => "torch.jit._pickle.restore_type_tag",
            Self::Foreign(_) => "a class or function",
        }
    }
}

fn element(storage: &str) -> Option<Element> {
    use Element::{Known, Other};
    Some(match storage {
        "DoubleStorage" => Known(Dtype::F64),
        "FloatStorage" => Known(Dtype::F32),
        "HalfStorage" => Known(Dtype::F16),
        "BFloat16Storage" => Known(Dtype::Bf16),
        "LongStorage" => Known(Dtype::I64),
        "IntStorage" => Known(Dtype::I32),
        "ShortStorage" => Known(Dtype::I16),
        "CharStorage" => Known(Dtype::I8),
        "ByteStorage" => Known(Dtype::U8),
        "BoolStorage" => Known(Dtype::Bool),
        "ComplexDoubleStorage" => Other("complex128", 16),
        "ComplexFloatStorage" => Other("complex64", 8),
        "QInt32Storage" => Other("quantised 32-bit integers", 4),
        "QInt8Storage" | "QUInt8Storage" => Other("quantised 8-bit integers", 1),
        "QUInt4x2Storage" | "QUInt2x4Storage" => Other("quantised integers", 1),
        "UntypedStorage" => Other("untyped bytes", 1),
        _ => return None,
    })
}

impl<'a> Machine<'a, '_> {
    /// GLOBAL, INST: module and name on a line each.
    pub(super) fn global(&mut self) -> Outcome<()> {
        let mut line = || {
            let line = self.reader.line()?;
            std::str::from_utf8(line).map_err(|_| self.malformed("a global that is not UTF-8"))
        };
        let (module, name) = (line()?, line()?);
        self.push_global(module, name)
    }

    /// STACK_GLOBAL: module and name from the stack.
    pub(super) fn stack_global(&mut self) -> Outcome<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (self.value(module), self.value(name)) {
            (&Value::Str(module), &Value::Str(name)) => self.push_global(module, name),
            _ => self.fail("a global whose name is not text"),
        }
    }

    pub(super) fn push_global(&mut self, module: &str, name: &str) -> Outcome<()> {
        if module.len().saturating_add(name.len()) > LINE_LIMIT {
            return self.fail(format!("a global whose name is longer than {LINE_LIMIT} bytes"));
        }
        if self.names == Names::Numpy && !numpy::NAMES.contains(&(module, name)) {
            let name = shown(&format!("{module}.{name}"));
            return self.fail(format!("`{name}` is not one of CIFAR's names; nothing is executed"));
        }
        if runs_code(module, name) {
            return Err(self.forbidden(&format!("{module}.{name}")));
        }
        if let Some(global) = Global::find(module, name, self.names == Names::TorchScript) {
            return self.push(Value::Global(global));
        }
        let key = (module.to_owned(), name.to_owned());
        let next = self.foreign.len() as u32; // fits: every name takes at least one value
        let index = *self.index_of_foreign.entry(key).or_insert(next);
        if index == next {
            let (module, name) = (module.to_owned(), name.to_owned());
            self.foreign.push(Foreign { module, name, made: false });
        }
        self.push(Value::Global(Global::Foreign(index)))
    }

    /// `getattr(name, text)`: another name, which may run code as well.
    pub(super) fn push_attribute(&mut self, of: u32, attribute: &str) -> Outcome<()> {
        match self.foreign.get(of as usize) {
            Some(Foreign { module, name, .. }) => {
                let (module, name) = (module.clone(), format!("{name}.{attribute}"));
                self.push_global(&module, &name)
            }
            None => self.fail("an attribute of nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_run_code_are_known_in_every_disguise() {
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("builtins", "eval"),
            ("__builtin__", "exec"),
            ("subprocess", "Popen"),
            ("torch.hub", "load"),
            ("torch.serialization", "os.system"),
            ("torch", "serialization.os.system"),
            ("numpy.testing._private.utils", "runstring"),
            ("importlib", "import_module"),
            ("os.path", "os.system"),
        ] {
            assert!(runs_code(module, name), "{module} {name}");
        }
    }

    #[test]
    fn names_that_trainers_leave_are_none_of_them() {
        for (module, name) in [
            ("argparse", "Namespace"),
            ("numpy._core.multiarray", "scalar"),
            ("numpy", "trace"),
            ("my.code.options", "Options"),
            ("project", "Outer.code"),
            ("pathlib", "PosixPath"),
            ("osmnx", "Graph"),
            ("torch.optim.adamw", "AdamW"),
        ] {
            assert!(!runs_code(module, name), "{module} {name}");
        }
    }
}
