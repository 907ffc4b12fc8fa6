//! A folder for each class, as people lay them out.
//!
//! ```text
//! CLASS/*                 all pictures; deeper ones belong to their class
//! SPLIT/CLASS/*           where the folders have splits' names
//! CLASS/SPLIT/*           where those of every class have
//! WRAPPER/…               a single folder that holds one of these
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::catalogue::Task;
use crate::custom::class_names::{self, classes_of};
use crate::custom::labels::Labels;
use crate::custom::split_names::{Role, choose, role};
use crate::custom::user_dataset::{ALL, TEMPLATES, UserDataset};
use crate::error::DataError;
use crate::formats::image_file;
use crate::item::{Item, Target};
use crate::listing::folders_in;
use crate::names::{joined, named};
use crate::reader::{Listing, what_is_stray};
use crate::split::Split;

/// Reads a split, or the scored one.
pub(crate) fn read(path: &Path, split: Option<&str>) -> Result<Split, DataError> {
    let tree = Tree::of(path)?;
    let layout = Layout::of(&tree)?;
    let splits: Vec<String> = layout.splits.keys().cloned().collect();
    let chosen = choose(path, &splits, split)?;
    let mut found = Listing { notes: layout.notes.clone(), ..Listing::below(path) };
    let none = || DataError::malformed(path, "holds no pictures");
    let pictures = layout.splits.get(&chosen).ok_or_else(none)?;
    if pictures.of_classes.is_empty() {
        return Err(layout.without_classes(path, &chosen, pictures));
    }
    let classes = classes_of(path, layout.classes.iter().map(String::as_str), false)?;
    for (class, picture) in &pictures.of_classes {
        let position = classes.labels.position(class);
        let position =
            position.ok_or_else(|| DataError::malformed(path, format!("no class `{class}`")))?;
        found.items.push(Item::file(picture.as_str(), Target::Class(position)));
    }
    for picture in &pictures.of_none {
        found.leave_out(picture, "lies in no class folder");
    }
    for (input, reason) in &tree.unread {
        found.leave_out(input, reason);
    }
    found.notes.extend(layout.what_is_lacking(&classes.labels));
    found.notes.extend(what_is_stray(&tree.others));
    let (task, splits) = (Task::Classification, splits.clone());
    let (split, classes, listing) = (chosen, Some(classes), found);
    UserDataset { path, task, splits, split, classes, listing }.split()
}

/// Everything below the folder, by paths with `/` from it.
struct Tree<'a> {
    path: &'a Path,
    /// Sorted.
    pictures: Vec<String>,
    /// Files that are none.
    others: Vec<String>,
    /// What could not be read, and why.
    unread: Vec<(String, String)>,
}

impl Tree<'_> {
    fn of(path: &Path) -> Result<Tree<'_>, DataError> {
        let walk = clip_files::walk(path).map_err(DataError::read(path))?;
        let mut tree = Tree { path, pictures: Vec::new(), others: Vec::new(), unread: Vec::new() };
        for (folder, error) in walk.unread {
            tree.unread.push((relative(path, &folder).0, error.to_string()));
        }
        for file in walk.files {
            match relative(path, &file) {
                (name, false) => tree.unread.push((name, "the name is not UTF-8".to_owned())),
                (name, true) if image_file::is_one(&file) => tree.pictures.push(name),
                (name, true) => tree.others.push(name),
            }
        }
        tree.others.retain(|name| !is_of_the_layout(name));
        Ok(tree)
    }

    /// Pictures below `base`, by their paths from it.
    fn below<'a>(&'a self, base: &'a str) -> impl Iterator<Item = &'a str> {
        self.pictures.iter().filter_map(move |picture| match base {
            "" => Some(picture.as_str()),
            base => picture.strip_prefix(base)?.strip_prefix('/'),
        })
    }

    /// Folders in `base` that hold pictures, whether others are beside them or not.
    fn folders_with_pictures<'a>(&'a self, base: &'a str) -> BTreeSet<&'a str> {
        self.below(base).filter_map(|picture| Some(picture.split_once('/')?.0)).collect()
    }

    fn has_pictures_directly_in(&self, base: &str) -> bool {
        self.below(base).any(|picture| !picture.contains('/'))
    }

    /// Into single folders that hold class folders or splits: `set/images/CLASS`, `set/set/train`.
    /// A split is none of them, but in a split one of its name may be: `train/train/CLASS`.
    fn unwrapped(&self, base: &str, in_split: bool) -> String {
        let mut inside = base.to_owned();
        while let [only] = self.folders_with_pictures(&inside).into_iter().collect::<Vec<_>>()[..] {
            if self.has_pictures_directly_in(&inside) || !in_split && role(only).is_some() {
                break;
            }
            inside = joined(&inside, only);
        }
        let inner = self.folders_with_pictures(&inside);
        let holds_more = inner.len() > 1 || inner.iter().any(|name| role(name).is_some());
        match holds_more && !self.has_pictures_directly_in(&inside) {
            true => inside,
            false => base.to_owned(),
        }
    }
}

/// `path` from `root` with `/`, and whether its name says it whole.
fn relative(root: &Path, path: &Path) -> (String, bool) {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let name = inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    (name, inside.to_str().is_some())
}

/// Files that say something of the data set.
fn is_of_the_layout(name: &str) -> bool {
    name == class_names::FILE || name == TEMPLATES
}

/// The pictures of one split, by their paths from the root.
#[derive(Default)]
struct Pictures {
    /// With the class of each.
    of_classes: Vec<(String, String)>,
    /// Directly in the split's folder.
    of_none: Vec<String>,
}

/// Which pictures are of which split and class.
struct Layout {
    splits: BTreeMap<String, Pictures>,
    /// Class folders, those without a picture among them.
    classes: BTreeSet<String>,
    notes: Vec<String>,
}

impl Layout {
    fn of(tree: &Tree<'_>) -> Result<Layout, DataError> {
        let base = tree.unwrapped("", false);
        let mut layout =
            Layout { splits: BTreeMap::new(), classes: BTreeSet::new(), notes: Vec::new() };
        if !base.is_empty() {
            layout.notes.push(format!("classes are the folders in {base}"));
        }
        let folders = folders_in(&tree.path.join(&base))?;
        match splits_among(tree, &base, &folders) {
            Some(splits) => layout.enter_splits(tree, &base, &folders, &splits)?,
            None => layout.enter(tree, ALL, &base)?,
        }
        layout.divide_classes(&base);
        Ok(layout)
    }

    fn enter_splits(
        &mut self,
        tree: &Tree<'_>,
        base: &str,
        folders: &[String],
        splits: &[String],
    ) -> Result<(), DataError> {
        let beside = folders.iter().filter(|name| !splits.contains(name));
        let beside = beside.filter(|name| tree.below(&joined(base, name)).next().is_some());
        let beside: Vec<String> = beside.cloned().collect();
        if !beside.is_empty() {
            let beside = named(&beside);
            self.notes.push(format!(
                "folders beside the splits, passed over with their pictures: {beside}"
            ));
        }
        for split in splits {
            let inside = joined(base, split);
            let unwrapped = tree.unwrapped(&inside, true);
            if unwrapped != inside {
                self.notes.push(format!("classes of split {split} are the folders in {unwrapped}"));
            }
            self.enter(tree, split, &unwrapped)?;
        }
        Ok(())
    }

    /// `base/CLASS/**`
    fn enter(&mut self, tree: &Tree<'_>, split: &str, base: &str) -> Result<(), DataError> {
        let pictures = self.splits.entry(split.to_owned()).or_default();
        let mut deeper = 0_usize;
        for picture in tree.below(base) {
            let whole = joined(base, picture);
            match picture.split_once('/') {
                Some((class, rest)) => {
                    deeper = deeper.saturating_add(usize::from(rest.contains('/')));
                    pictures.of_classes.push((class.to_owned(), whole));
                }
                None => pictures.of_none.push(whole),
            }
        }
        if deeper > 0 {
            self.notes.push(format!(
                "split {split}: pictures below their class folder, counted with it: {deeper}"
            ));
        }
        self.classes.extend(folders_in(&tree.path.join(base))?);
        self.classes.extend(pictures.of_classes.iter().map(|(class, _)| class.clone()));
        Ok(())
    }

    /// `CLASS/SPLIT/*`: where every picture lies in a split's folder of its class.
    fn divide_classes(&mut self, base: &str) {
        let Some(all) = self.splits.get(ALL) else { return };
        let split = |(class, picture): &(String, String)| {
            let rest = picture.strip_prefix(&joined(base, class))?.strip_prefix('/')?;
            let (folder, _) = rest.split_once('/')?;
            role(folder).map(|_| folder.to_owned())
        };
        let of: Option<Vec<String>> = all.of_classes.iter().map(split).collect();
        let Some(of) = of.filter(|of| !of.is_empty()) else { return };
        let Some(all) = self.splits.remove(ALL) else { return };
        self.notes.retain(|note| !note.starts_with("split all: "));
        for (split, picture) in of.into_iter().zip(all.of_classes) {
            self.splits.entry(split).or_default().of_classes.push(picture);
        }
    }

    /// The split has no picture of a class.
    fn without_classes(&self, path: &Path, split: &str, pictures: &Pictures) -> DataError {
        let count = pictures.of_none.len();
        let has = |(name, of): &(&String, &Pictures)| *name != split && !of.of_classes.is_empty();
        let others: Vec<&str> =
            self.splits.iter().filter(has).map(|(name, _)| name.as_str()).collect();
        let where_to_look = match &*others {
            [] => String::new(),
            others => format!("; `--split` takes another: {}", others.join(", ")),
        };
        let which = if split == ALL { String::new() } else { format!("split {split} ") };
        let reason = format!(
            "{which}holds {count} pictures, but no folders with pictures: each class needs one, or `csv:` a table with \
             their labels{where_to_look}"
        );
        DataError::malformed(path, reason)
    }

    fn what_is_lacking(&self, labels: &Labels) -> Vec<String> {
        let items = self.splits.iter().flat_map(|(split, pictures)| {
            pictures.of_classes.iter().map(move |(class, _)| (split.as_str(), class.as_str()))
        });
        labels.what_splits_lack(items)
    }
}

/// The folders that are splits: all folders with pictures have splits' names, or those of two roles
/// do.
fn splits_among(tree: &Tree<'_>, base: &str, folders: &[String]) -> Option<Vec<String>> {
    let splits: Vec<String> = folders.iter().filter(|name| role(name).is_some()).cloned().collect();
    let roles: BTreeSet<Role> = splits.iter().filter_map(|name| role(name)).collect();
    let with_pictures = tree.folders_with_pictures(base);
    let alone = with_pictures.iter().all(|name| role(name).is_some());
    (!splits.is_empty() && (alone || roles.len() > 1)).then_some(splits)
}
