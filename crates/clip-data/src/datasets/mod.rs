//! The readers: one file for each data set, or for each family that shares a layout.

mod birdsnap;
mod caltech101;
mod captions;
mod cifar;
mod class_trees;
mod clevr_counts;
mod dtd;
mod fairface;
mod fer2013;
mod fgvc_aircraft;
mod flowers102;
mod food101;
mod frames;
mod gtsrb;
mod hateful_memes;
mod iiit5k;
mod imagenet;
mod kinetics700;
mod kitti_distance;
mod mnist;
mod objectnet;
mod oxford_pets;
mod pcam;
mod rareact;
mod rendered_text;
mod satellites;
mod stanford_cars;
mod stl10;
mod sun397;
mod svhn;
mod svhn_full_number;
mod ucf101;
mod voc2007;

use crate::error::DataError;
use crate::listing::class_folders_of_a_copy;
use crate::reader::{Listing, Source};

/// Lists the items of a split.
type Reader = fn(&Source<'_>) -> Result<Listing, DataError>;

/// By the name that `assets/datasets/ID.toml` calls them.
const READERS: &[(&str, Reader)] = &[
    ("birdsnap", birdsnap::read),
    ("caltech101", caltech101::read),
    ("cifar10", cifar::cifar10),
    ("cifar100", cifar::cifar100),
    ("clevr_counts", clevr_counts::read),
    ("country211", class_trees::splits),
    ("dtd", dtd::read),
    ("eurosat", satellites::eurosat),
    ("fairface", fairface::read),
    ("fer2013", fer2013::read),
    ("fgvc_aircraft", fgvc_aircraft::read),
    ("flickr30k", captions::flickr30k),
    ("flickr8k", captions::flickr8k),
    ("flowers102", flowers102::read),
    ("food101", food101::read),
    ("gtsrb", gtsrb::read),
    ("hateful_memes", hateful_memes::read),
    ("iiit5k", iiit5k::read),
    ("imagenet", imagenet::read),
    ("imagenet_a", class_trees::wnids_of_prompts),
    ("imagenet_c", class_trees::corruptions),
    ("imagenet_r", class_trees::wnids_of_prompts),
    ("imagenet_sketch", class_trees::all_wnids),
    ("imagenet_vid", frames::imagenet_vid),
    ("imagenetv2", class_trees::imagenet_v2),
    ("kinetics700", kinetics700::read),
    ("kitti_distance", kitti_distance::read),
    ("mnist", mnist::read),
    ("mscoco", captions::mscoco),
    ("objectnet", objectnet::read),
    ("oxford_pets", oxford_pets::read),
    ("pcam", pcam::read),
    ("rareact", rareact::read),
    ("rendered_sst2", class_trees::splits),
    ("rendered_text", rendered_text::read),
    ("resisc45", satellites::resisc45),
    ("stanford_cars", stanford_cars::read),
    ("stl10", stl10::read),
    ("sun397", sun397::partition),
    ("sun397-all", sun397::all),
    ("svhn", svhn::read),
    ("svhn_full_number", svhn_full_number::read),
    ("ucf101", ucf101::read),
    ("voc2007", voc2007::read),
    ("ytbb", frames::ytbb),
];

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    if let Some(found) = class_folders_of_a_copy(source)? {
        return Ok(found);
    }
    let name = source.dataset.reader.as_deref().unwrap_or(&source.dataset.id);
    match READERS.iter().find(|(known, _)| *known == name) {
        Some((_, reader)) => reader(source),
        None => Err(DataError::UnknownDataset { name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::READERS;
    use crate::catalogue::{Task, Validation, catalogue};
    use crate::prompts::PromptSet;

    #[test]
    fn every_set_has_its_reader_splits_and_prompts() {
        for dataset in catalogue() {
            let id = &dataset.id;
            let reader = dataset.reader.as_ref().unwrap_or(id);
            assert!(READERS.iter().any(|(known, _)| known == reader), "{id}: no reader `{reader}`");
            let chosen = match &dataset.validation {
                Validation::Split(split) => Some(split),
                Validation::HoldOut => None,
            };
            for split in dataset.train.iter().chain([&dataset.test]).chain(chosen) {
                assert!(dataset.split(split).is_ok(), "{id}: no split `{split}`");
            }
            let prompts =
                PromptSet::of(dataset.prompts_id()).unwrap_or_else(|error| panic!("{id}: {error}"));
            if matches!(dataset.task, Task::Classification | Task::MultiLabel) {
                assert!(!prompts.classes.is_empty() && !prompts.templates.is_empty(), "{id}");
            }
            assert!(!dataset.traps.is_empty() && dataset.url.starts_with("http"), "{id}");
        }
    }
}
