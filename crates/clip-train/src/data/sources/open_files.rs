//! Files that are read at many places: the last ones stay open, never more than a system allows.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use clip_formats::{FileBytes, FormatError};

/// Files that stay open. A process may have 1,024 on most systems, and there are other readers.
const MOST: usize = 128;

/// Files by their numbers, as they are opened by `T`.
#[derive(Debug)]
pub(super) struct OpenFiles<T>(Mutex<VecDeque<(usize, Arc<T>)>>);

impl<T> Default for OpenFiles<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> OpenFiles<T> {
    /// File `number`, which `open` opens unless it is.
    pub(super) fn get<E>(
        &self,
        number: usize,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut files = lock();
            if let Some(at) = files.iter().position(|(known, _)| *known == number)
                && let Some((_, file)) = files.remove(at)
            {
                files.push_front((number, Arc::clone(&file)));
                return Ok(file);
            }
        }
        // Not under the lock: a slow disk would hold up readers of other files.
        let file = Arc::new(open()?);
        let mut files = lock();
        files.push_front((number, Arc::clone(&file)));
        files.truncate(MOST);
        Ok(file)
    }
}

impl OpenFiles<FileBytes> {
    /// Bytes of file `number`, which lies at `path`.
    pub(super) fn read(
        &self,
        (number, path): (usize, &Path),
        start: u64,
        count: u64,
    ) -> Result<Vec<u8>, FormatError> {
        self.get(number, || FileBytes::open(path))?.read(start, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_open_until_others_push_them_out() {
        let files = OpenFiles::<usize>::default();
        let opened = std::cell::Cell::new(0);
        let get = |number| {
            let open = || {
                opened.set(opened.get() + 1);
                Ok::<_, ()>(number)
            };
            files.get(number, open).map(|file| *file)
        };
        assert_eq!((get(3), get(3), opened.get()), (Ok(3), Ok(3), 1));
        (10..10 + MOST).for_each(|number| assert_eq!(get(number), Ok(number)));
        assert_eq!((get(3), opened.get()), (Ok(3), MOST + 2));
    }
}
