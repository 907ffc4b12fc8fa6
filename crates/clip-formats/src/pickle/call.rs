//! Calls: the few that rebuild tensors from storages and plain containers, each with its arguments
//! in the shape that `torch.save` gives them. Every other call leaves the shell of an object behind
//! and nothing happens.

use super::machine::{COUNT_LIMIT, Machine};
use super::reader::Outcome;
use super::value::{Global, Id, Object, Value};

/// Of `_rebuild_tensor_v2`, with metadata.
const MOST_ARGUMENTS: usize = 7;
/// Classes of which `_rebuild_from_type_v2` makes a tensor that is nothing but a tensor.
const PLAIN_TENSORS: [&str; 4] = [
    "torch.Tensor",
    "torch._tensor.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
];

impl Machine<'_, '_> {
    /// REDUCE: a callable and its arguments become its result.
    pub(super) fn reduce(&mut self) -> Outcome<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let global = match self.value(callable) {
            &Value::Global(Global::Foreign(class)) => {
                return self.push_shell(class, Some(arguments));
            }
            &Value::Object(Object { class: Some(class), .. }) => {
                return self.push_shell(class, Some(arguments));
            }
            &Value::Global(global) => global,
            other => return Err(self.forbidden(&format!("a call of {}", other.kind()))),
        };
        let Value::Tuple(arguments) = self.value(arguments) else {
            return self.fail(format!("{} called without a tuple of arguments", global.name()));
        };
        if arguments.len() > MOST_ARGUMENTS {
            return Err(self.forbidden(&format!(
                "{} with {} arguments",
                global.name(),
                arguments.len()
            )));
        }
        let arguments = arguments.clone();
        match (global, &*arguments) {
            (Global::RebuildFromType, &[function, kind, inner, _])
                if self.is_plain_tensor(kind) =>
            {
                match (self.value(function), self.value(inner)) {
                    (&Value::Global(function), Value::Tuple(inner))
                        if function != Global::RebuildFromType && inner.len() <= MOST_ARGUMENTS =>
                    {
                        let inner = inner.clone();
                        self.call(function, &inner)
                    }
                    _ => Err(self.unusual(global)),
                }
            }
            (Global::RebuildFromType, &[_, kind, ..]) => match *self.value(kind) {
                Value::Global(Global::Foreign(class)) => self.push_shell(class, None),
                _ => Err(self.unusual(global)),
            },
            (global, arguments) => self.call(global, arguments),
        }
    }

    fn call(&mut self, global: Global, arguments: &[Id]) -> Outcome<()> {
        match (global, arguments) {
            (Global::Dictionary, arguments) => self.dictionary(arguments),
            (Global::Collection, []) => self.push(Value::List(Vec::new())),
            (Global::Collection, &[items])
                if matches!(self.value(items), Value::List(_) | Value::Tuple(_)) =>
            {
                self.push_id(items)
            }
            (Global::RebuildTensor, &[storage, offset, size, stride]) => {
                self.rebuild_tensor(storage, offset, size, stride)
            }
            (
                Global::RebuildTensorV2,
                &[storage, offset, size, stride, gradient, _]
                | &[storage, offset, size, stride, gradient, _, _],
            ) if self.is_flag(gradient) => self.rebuild_tensor(storage, offset, size, stride),
            (Global::RebuildParameter, &[tensor, gradient, _])
            | (Global::RebuildParameterWithState, &[tensor, gradient, _, _])
                if self.is_flag(gradient)
                    && matches!(self.value(tensor), Value::Tensor(_) | Value::Object(_)) =>
            {
                self.push_id(tensor)
            }
            (Global::Size, &[size]) if matches!(self.value(size), Value::Tuple(_)) => {
                self.push_id(size)
            }
            (Global::Attribute, &[of, attribute]) => {
                match (self.value(of), self.value(attribute)) {
                    (&Value::Global(Global::Foreign(of)), &Value::Str(attribute)) => {
                        self.push_attribute(of, attribute)
                    }
                    (Value::Object(_), Value::Str(_)) => self.push_id(of),
                    _ => Err(self.unusual(global)),
                }
            }
            (Global::TorchScriptList, &[list]) if matches!(self.value(list), Value::List(_)) => {
                self.push_id(list)
            }
            (Global::TorchScriptTag, &[value, _]) => self.push_id(value),
            (Global::Foreign(class), _) => self.push_shell(class, None),
            _ => Err(self.unusual(global)),
        }
    }

    fn unusual(&self, global: Global) -> crate::error::FormatError {
        self.forbidden(&format!("{} with other arguments than torch.save's", global.name()))
    }

    /// An object that is not built.
    fn push_shell(&mut self, class: u32, arguments: Option<Id>) -> Outcome<()> {
        if let Some(foreign) = self.foreign.get_mut(class as usize) {
            foreign.made = true;
        }
        self.push(Value::Object(Object { class: Some(class), arguments, ..Object::default() }))
    }

    /// `OrderedDict()`, `OrderedDict([[key, value], …])` of Python 2, `defaultdict(factory)`,
    /// `Counter(dict)`.
    fn dictionary(&mut self, arguments: &[Id]) -> Outcome<()> {
        let &[of] = arguments else { return self.push(Value::Dict(Vec::new())) };
        match self.value(of) {
            Value::Dict(_) => self.push_id(of),
            Value::List(items) => {
                let pair = |&item: &Id| match self.value(item) {
                    Value::List(pair) => pair.as_slice().try_into().ok(),
                    Value::Tuple(pair) => (**pair).try_into().ok(),
                    _ => None,
                };
                let pairs: Option<Vec<[Id; 2]>> = items.iter().map(pair).collect();
                let pairs: Vec<_> =
                    pairs.unwrap_or_default().into_iter().map(|[k, v]| (k, v)).collect();
                self.copied = self.copied.saturating_add(pairs.len());
                if self.copied > COUNT_LIMIT {
                    return self.fail(format!("more than {COUNT_LIMIT} copied values"));
                }
                self.push(Value::Dict(pairs))
            }
            _ => self.push(Value::Dict(Vec::new())),
        }
    }

    /// Whether it can be `requires_grad`.
    fn is_flag(&self, id: Id) -> bool {
        matches!(self.value(id), Value::Bool(_))
    }

    fn is_plain_tensor(&self, class: Id) -> bool {
        let Value::Global(Global::Foreign(class)) = *self.value(class) else { return false };
        self.foreign
            .get(class as usize)
            .is_some_and(|class| PLAIN_TENSORS.contains(&class.path().as_str()))
    }

    /// NEWOBJ, NEWOBJ_EX: a class and what its maker is given, in one or two values.
    pub(super) fn new_object(&mut self, arguments: usize) -> Outcome<()> {
        for _ in 0..arguments {
            self.pop()?;
        }
        let class = self.pop()?;
        self.make(class)
    }

    /// OBJ: class and arguments above the mark.
    pub(super) fn object(&mut self) -> Outcome<()> {
        match self.pop_to_mark()?.first() {
            Some(&class) => self.make(class),
            None => self.fail("OBJ without a class"),
        }
    }

    /// INST: the class on two lines, arguments above the mark.
    pub(super) fn instance(&mut self) -> Outcome<()> {
        self.pop_to_mark()?;
        self.global()?;
        let class = self.pop()?;
        self.make(class)
    }

    fn make(&mut self, class: Id) -> Outcome<()> {
        match *self.value(class) {
            Value::Global(Global::TorchScriptClass) => self.push(Value::Object(Object::default())),
            Value::Global(Global::Foreign(class)) => self.push_shell(class, None),
            Value::Global(Global::Dictionary) => self.push(Value::Dict(Vec::new())),
            Value::Global(global) => {
                Err(self.forbidden(&format!("a new object of {}", global.name())))
            }
            ref other => Err(self.forbidden(&format!("a new object of {}", other.kind()))),
        }
    }

    /// BUILD: an object gets its state; that of a dictionary (`_metadata`) is dropped.
    pub(super) fn build(&mut self) -> Outcome<()> {
        let state = self.pop()?;
        let target = self.top()?;
        // Objects with slots have two: the dictionary, and the slots.
        let states: Vec<Id> = match self.value(state) {
            Value::Tuple(both) if both.len() == 2 => both.to_vec(),
            _ => vec![state],
        };
        match self.value_mut(target) {
            Some(Value::Object(object)) => {
                object.states.extend(states);
                Ok(())
            }
            Some(Value::Dict(_)) => Ok(()),
            _ => {
                let (target, state) = (self.value(target).kind(), self.value(state).kind());
                Err(self.forbidden(&format!("BUILD of {target} from {state}")))
            }
        }
    }
}
