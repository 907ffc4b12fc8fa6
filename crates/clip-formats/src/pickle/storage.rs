//! Storages by their persistent ids, and tensors over them.

use super::machine::Machine;
use super::reader::Outcome;
use super::value::{Global, Id, Object, StorageRecord, StorageView, TensorRecord, Value};
use crate::dtype::MAX_DIMENSIONS;

impl<'a> Machine<'a, '_> {
    /// A tensor's record; over a storage of no type that weights have, a shell.
    pub(super) fn rebuild_tensor(
        &mut self,
        storage: Id,
        offset: Id,
        size: Id,
        stride: Id,
    ) -> Outcome<()> {
        let view = match self.value(storage) {
            &Value::Storage(view) => view,
            Value::Object(object) => {
                let shell = Object { class: object.class, ..Object::default() };
                return self.push(Value::Object(shell));
            }
            other => {
                return self.fail(format!("a tensor over {}, expected a storage", other.kind()));
            }
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
            ref other => self.fail(format!("{} as {what}, expected an integer", other.kind())),
        }
    }

    fn counts(&self, id: Id, what: &str) -> Outcome<Vec<u64>> {
        let Value::Tuple(items) = self.value(id) else {
            return self.fail(format!("{} as {what}, expected a tuple", self.value(id).kind()));
        };
        if items.len() > MAX_DIMENSIONS {
            let dimensions = items.len();
            return self.fail(format!("{dimensions} dimensions, limit {MAX_DIMENSIONS}"));
        }
        items.iter().map(|&item| self.count(item, what)).collect()
    }

    /// BINPERSID: `('storage', class, key, location, elements)`; old files add a sixth item, `None`
    /// or `(key, offset, elements)` of a part. The location does not matter. Old files of whole
    /// modules also have `('module', class, …)`, which stands for the class.
    pub(super) fn persistent_id(&mut self) -> Outcome<()> {
        let id = self.pop()?;
        let Value::Tuple(items) = self.value(id) else {
            return self
                .fail(format!("persistent id is {}, expected a tuple", self.value(id).kind()));
        };
        if let [tag, class, _, _] = **items
            && matches!(self.value(tag), Value::Str("module"))
        {
            return self.push_id(class);
        }
        let (&[tag, class, key, location, elements], part) = match &**items {
            [head @ .., part] if items.len() == 6 => match head.first_chunk::<5>() {
                Some(head) => (head, Some(*part)),
                None => return self.fail("persistent id has too few items"),
            },
            all => match all.first_chunk::<5>() {
                Some(head) if all.len() == 5 => (head, None),
                _ => {
                    let count = all.len();
                    return self.fail(format!("persistent id has {count} items, expected 5 or 6"));
                }
            },
        };
        let (&Value::Str("storage"), &Value::Global(class), &Value::Str(key), Value::Str(_)) =
            (self.value(tag), self.value(class), self.value(key), self.value(location))
        else {
            return self.fail("persistent id is not that of a storage");
        };
        let elements = self.count(elements, "storage length")?;
        let element = match class {
            Global::Storage(element) => element,
            // A storage of a kind that is not known: so are the tensors over it.
            Global::Foreign(class) => {
                return self
                    .push(Value::Object(Object { class: Some(class), ..Object::default() }));
            }
            other => return self.fail(format!("{} as a storage's class", other.name())),
        };
        let storage = self.storage(StorageRecord { key, element, elements })?;
        let view = self.part(part, storage, elements)?;
        self.push(Value::Storage(view))
    }

    /// The part of a storage that the sixth item names.
    fn part(&self, part: Option<Id>, storage: usize, elements: u64) -> Outcome<StorageView> {
        match part.map(|part| self.value(part)) {
            None | Some(Value::None) => Ok(StorageView { storage, offset: 0, elements }),
            Some(Value::Tuple(items)) => match **items {
                [_, offset, length] => {
                    let offset = self.count(offset, "offset of a part")?;
                    let length = self.count(length, "length of a part")?;
                    if offset.checked_add(length).is_none_or(|end| end > elements) {
                        return self.fail("a part of a storage ends behind it");
                    }
                    Ok(StorageView { storage, offset, elements: length })
                }
                _ => self.fail("a part of a storage has not three items"),
            },
            Some(other) => self.fail(format!("{} as part of a storage", other.kind())),
        }
    }

    /// One record for each key. A storage read as two element types is refused: no writer of
    /// checkpoints makes one, and one of the two readings would be noise.
    fn storage(&mut self, record: StorageRecord<'a>) -> Outcome<usize> {
        match self.storage_of_key.get(record.key) {
            Some(&index) if self.storages.get(index) == Some(&record) => Ok(index),
            Some(_) => self.fail(format!(
                "storage `{}` is used with two types or lengths",
                crate::error::shown(record.key)
            )),
            None => {
                let index = self.storages.len();
                self.storage_of_key.insert(record.key, index);
                self.storages.push(record);
                Ok(index)
            }
        }
    }
}
