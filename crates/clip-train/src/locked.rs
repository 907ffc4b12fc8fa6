//! Features of a locked tower, computed once and kept in a file.
//!
//! A file begins with [`MAGIC`] and the width; then come records: key, features, check sum, all
//! little-endian. It only grows; a record that was cut off is dropped when the file is opened.
//! Every process writes a file of its own and reads those of the others.

use crate::error::TrainError;
use clip_files::Lock;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAGIC: [u8; 16] = *b"clip-rs kept 01\n";
const HEADER: u64 = 24;

/// Where features are kept, and what they are features of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOptions {
    /// A folder; made where it is not there.
    pub folder: PathBuf,
    /// What the number of a sample stands for: the data and how its pixels are made. Other text,
    /// other features.
    pub source: String,
    /// Whether pixels are cropped or coloured at random, so that a sample has not one set of them.
    pub is_augmented: bool,
    /// Keep features of one draw all the same.
    pub even_if_augmented: bool,
}

/// Rows by key, in a file and for as long as it is there.
///
/// Its methods may be called from any thread.
#[derive(Debug)]
pub struct KeptFeatures {
    width: usize,
    index: Mutex<Index>,
    path: PathBuf,
    _lock: Lock,
}

#[derive(Debug)]
struct Index {
    /// This process's own file last.
    files: Vec<File>,
    /// File and place of the features.
    places: HashMap<u128, (usize, u64)>,
}

impl KeptFeatures {
    /// Opens what earlier and other processes kept under `name` in `folder`, and a file of its own
    /// to add to.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub(crate) fn open(folder: &Path, name: &str, width: usize) -> Result<Self, TrainError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| TrainError::File { path, source }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut index = Index { files: Vec::new(), places: HashMap::new() };
        let mut own = None;
        for number in 0.. {
            let path = folder.join(format!("{name}.{number}.features"));
            if own.is_some() && !path.exists() {
                break;
            }
            let is_own = own.is_none();
            let lock = match is_own {
                true => {
                    let lock = path.with_extension("lock");
                    Lock::try_new(&lock).map_err(failed(&lock))?
                }
                false => None,
            };
            let opened = File::options()
                .read(true)
                .append(lock.is_some())
                .create(lock.is_some())
                .open(&path);
            let mut file = match opened {
                // Its owner has only the lock yet.
                Err(error) if lock.is_none() && error.kind() == ErrorKind::NotFound => continue,
                opened => opened.map_err(failed(&path))?,
            };
            let end = index.scan(&mut file, width).map_err(failed(&path))?;
            if let Some(lock) = lock {
                file.set_len(end).map_err(failed(&path))?;
                if end == 0 {
                    file.write_all(&header(width)).map_err(failed(&path))?;
                }
                own = Some((path, lock, index.files.len()));
            }
            index.files.push(file);
        }
        let Some((path, lock, place)) = own else {
            return Err(TrainError::State {
                reason: format!("{name}: no file to keep features in"),
            });
        };
        index.make_last(place);
        Ok(Self { width, index: Mutex::new(index), path, _lock: lock })
    }

    /// Whether the features of every one of these samples are kept: their pixels are not needed.
    pub fn contains_all(&self, samples: &[u64]) -> bool {
        let index = self.index();
        samples.iter().all(|&sample| index.places.contains_key(&u128::from(sample)))
    }

    /// How many rows are kept.
    pub fn len(&self) -> usize {
        self.index().places.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of this key.
    ///
    /// # Errors
    /// [`TrainError::File`].
    pub(crate) fn get(&self, key: u128) -> Result<Option<Vec<f32>>, TrainError> {
        let mut index = self.index();
        let Some(&(file, place)) = index.places.get(&key) else { return Ok(None) };
        let mut bytes = vec![0; 4 * self.width];
        let file = &mut index.files[file];
        file.seek(SeekFrom::Start(place))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| TrainError::File { path: self.path.clone(), source })?;
        Ok(Some(bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()))
    }

    /// Keeps a row.
    ///
    /// # Errors
    /// [`TrainError::File`]: the disk is full, say.
    pub(crate) fn put(&self, key: u128, row: &[f32]) -> Result<(), TrainError> {
        let mut index = self.index();
        if index.places.contains_key(&key) {
            return Ok(());
        }
        let own = index.files.len() - 1;
        let file = &mut index.files[own];
        let place = file
            .seek(SeekFrom::End(0))
            .and_then(|end| file.write_all(&record(key, row)).map(|()| end + 16))
            .map_err(|source| TrainError::File { path: self.path.clone(), source })?;
        index.places.insert(key, (own, place));
        Ok(())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Notes the records of a file, and where the last whole one ends; 0 for a file without header.
    fn scan(&mut self, file: &mut File, width: usize) -> std::io::Result<u64> {
        let number = self.files.len();
        let mut reader = BufReader::new(file);
        let mut begin = [0; HEADER as usize];
        if read_whole(&mut reader, &mut begin)?.is_none() || begin != header(width) {
            return Ok(0);
        }
        let mut bytes = vec![0; 16 + 4 * width + 8];
        let mut end = HEADER;
        while read_whole(&mut reader, &mut bytes)?.is_some() {
            let (content, check) = bytes.split_at(16 + 4 * width);
            if check != check_sum(content) {
                break;
            }
            let key = content.first_chunk().map_or(0, |&key| u128::from_le_bytes(key));
            self.places.entry(key).or_insert((number, end + 16));
            end += bytes.len() as u64;
        }
        Ok(end)
    }

    /// Brings a file to the end of the list.
    fn make_last(&mut self, place: usize) {
        let last = self.files.len() - 1;
        self.files.swap(place, last);
        for (file, _) in self.places.values_mut() {
            match *file {
                number if number == place => *file = last,
                number if number == last => *file = place,
                _ => {}
            }
        }
    }
}

/// Fills the buffer; `None` where the file ends before.
fn read_whole(reader: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<Option<()>> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn header(width: usize) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..16].copy_from_slice(&MAGIC);
    header[16..].copy_from_slice(&(width as u64).to_le_bytes());
    header
}

fn record(key: u128, row: &[f32]) -> Vec<u8> {
    let mut bytes = key.to_le_bytes().to_vec();
    bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    let check = check_sum(&bytes);
    bytes.extend(check);
    bytes
}

fn check_sum(content: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(content).as_bytes()[..8]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_outlive_the_process_and_a_torn_record_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let open = || KeptFeatures::open(folder.path(), "image-x", 2).unwrap();
        let kept = open();
        assert!(kept.is_empty());
        kept.put(7, &[1.0, -2.5]).unwrap();
        kept.put(7, &[9.0, 9.0]).unwrap(); // the first stays
        kept.put(8, &[f32::MIN_POSITIVE, 0.0]).unwrap();
        assert_eq!(kept.get(7).unwrap(), Some(vec![1.0, -2.5]));
        drop(kept);
        let path = folder.path().join("image-x.0.features");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let kept = open();
        assert_eq!((kept.len(), kept.get(8).unwrap()), (1, None));
        kept.put(8, &[3.0, 4.0]).unwrap();
        drop(kept);
        let kept = open();
        assert_eq!(kept.get(8).unwrap(), Some(vec![3.0, 4.0]));
        assert!(kept.contains_all(&[7, 8]) && !kept.contains_all(&[7, 9]));
        assert_eq!(std::fs::read(&path).unwrap().len(), whole.len());
    }

    #[test]
    fn two_at_once_write_apart_and_read_each_other_later() {
        let folder = tempfile::tempdir().unwrap();
        let open = || KeptFeatures::open(folder.path(), "text-y", 1).unwrap();
        let (one, two) = (open(), open());
        one.put(1, &[1.0]).unwrap();
        two.put(2, &[2.0]).unwrap();
        assert_eq!((one.get(2).unwrap(), two.get(1).unwrap()), (None, None));
        drop((one, two));
        let both = open();
        assert_eq!(both.get(1).unwrap(), Some(vec![1.0]));
        assert_eq!(both.get(2).unwrap(), Some(vec![2.0]));
        both.put(3, &[3.0]).unwrap();
        assert_eq!(both.get(3).unwrap(), Some(vec![3.0]));
    }

    #[test]
    fn a_changed_value_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let open = || KeptFeatures::open(folder.path(), "z", 1).unwrap();
        open().put(1, &[1.0]).unwrap();
        let path = folder.path().join("z.0.features");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER as usize + 17] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(open().get(1).unwrap(), None);
    }
}
