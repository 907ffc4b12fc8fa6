//! Sets of image files whose labels are computed: KITTI and CLEVR.

use std::fmt::Write as _;
use std::path::Path;

use clip_data::{ReadOptions, Split};

use crate::{classes, ids, images, read, refusal, write};

fn label(kind: &str, z: f64) -> String {
    format!("{kind} 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 {z} -1.56\n")
}

#[test]
fn kitti_takes_the_closest_vehicle() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = [
        label("Car", 7.5) + &label("Truck", 60.0),
        label("Van", 20.0),
        label("Truck", 69.44) + &label("Cyclist", 4.0),
        label("Pedestrian", 3.0) + &label("DontCare", -1000.0),
    ];
    for (index, labels) in scenes.iter().enumerate() {
        write(&folder.path().join(format!("training/label_2/{index:06}.txt")), labels);
        images(folder.path(), &[&format!("training/image_2/{index:06}.png")]);
    }
    let all = read("kitti_distance", folder.path(), "all").expect("read");
    assert_eq!(
        (classes(&all), ids(&all)[3].as_str()),
        (vec![0, 1, 2, 3], "training/image_2/000003.png")
    );
    let error = refusal("kitti_distance", folder.path(), "test");
    assert!(
        error.contains("train_rand.txt: is needed") && error.contains("devkit_object.zip"),
        "{error}"
    );
}

/// 25 drives of two images each; image i is line 50 - i of the mapping.
fn write_kitti(root: &Path) {
    let mut mapping = String::new();
    for line in 0..50 {
        writeln!(mapping, "2011_09_26 2011_09_26_drive_{:04}_sync {line:010}", line / 2)
            .expect("memory");
    }
    let numbers: Vec<String> = (0..50).map(|image| (50 - image).to_string()).collect();
    write(&root.join("mapping/train_mapping.txt"), mapping);
    write(&root.join("mapping/train_rand.txt"), numbers.join(",") + "\n");
    for image in 0..50 {
        write(&root.join(format!("training/label_2/{image:06}.txt")), label("Car", 5.0));
        images(root, &[&format!("training/image_2/{image:06}.png")]);
    }
}

#[test]
fn kitti_splits_by_drive_as_numpy_draws() {
    let folder = tempfile::tempdir().expect("a folder");
    write_kitti(folder.path());
    // numpy.random.seed(123); choice(25, 2, replace=False), then choice(23, 2, replace=False) of
    // the rest
    let drives = |split: &str| -> Vec<usize> {
        let split = read("kitti_distance", folder.path(), split).expect("read");
        let image = |id: String| id[17..23].parse::<usize>().expect("a number");
        let mut drives: Vec<usize> =
            ids(&split).into_iter().map(|id| (49 - image(id)) / 2).collect();
        drives.dedup();
        drives.sort_unstable();
        drives
    };
    assert_eq!(drives("test"), [5, 21]);
    assert_eq!(drives("val"), [14, 19]);
    assert_eq!(drives("train").len(), 21);
}

fn write_images(root: &Path, count: usize) {
    (0..count).for_each(|index| images(root, &[&format!("images/val/CLEVR_val_{index:06}.png")]));
}

fn scenes(counts: &[usize]) -> String {
    let scene = |(index, &count): (usize, &usize)| {
        let objects = vec![r#"{"color": "red", "3d_coords": [1, 2.5]}"#; count].join(",");
        format!(
            r#"{{"image_index": {index}, "image_filename": "CLEVR_val_{index:06}.png", "objects": [{objects}]}}"#
        )
    };
    let all: Vec<String> = counts.iter().enumerate().map(scene).collect();
    format!(r#"{{"info": {{"split": "val"}}, "scenes": [{}]}}"#, all.join(","))
}

#[test]
fn clevr_counts_objects_in_the_order_of_the_prompts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenes/CLEVR_val_scenes.json");
    write(&path, scenes(&[3, 10, 9]));
    write_images(folder.path(), 3);
    let all = read("clevr_counts", folder.path(), "val-all").expect("read");
    assert_eq!(classes(&all), [1, 0, 7]); // "10" comes first
    assert_eq!(ids(&all)[0], "images/val/CLEVR_val_000000.png");
    write(&path, scenes(&[2]));
    assert!(refusal("clevr_counts", folder.path(), "val-all").contains("class `2` is not one of"));
}

#[test]
fn clevr_draws_the_same_scenes_every_time_or_takes_a_list() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("scenes/CLEVR_val_scenes.json"), scenes(&[4; 700]));
    write_images(folder.path(), 700);
    let first = read("clevr_counts", folder.path(), "test").expect("read");
    assert_eq!(ids(&first), ids(&read("clevr_counts", folder.path(), "test").expect("read")));
    assert_eq!(first.items.len(), 500);
    assert!(first.notes[0].contains("500 of 700 scenes drawn"), "{:?}", first.notes);
    let list = folder.path().join("list.txt");
    write(&list, "images/val/CLEVR_val_000007.png\ttest\nimages/val/CLEVR_val_000001.png\ttest\n");
    let options = ReadOptions { split_file: Some(list), ..ReadOptions::default() };
    let dataset = clip_data::find("clevr_counts").expect("known");
    let listed = Split::read(dataset, folder.path(), "test", &options).expect("read");
    assert_eq!(
        ids(&listed),
        ["images/val/CLEVR_val_000007.png", "images/val/CLEVR_val_000001.png"]
    );
}
