//! Sets of videos, and frames of videos.

use std::path::{Path, PathBuf};

use clip_data::DataError;
use clip_data::formats::video::{self, Sampling};
use clip_data::{Item, Target};
use clip_testing::{data as real, skipped};

use crate::{classes, ids, images, read, refusal, write};

/// The 101 lines of `classInd.txt`, as published: CR LF at their ends.
fn write_classes(root: &Path) {
    let prompts = clip_data::PromptSet::of("ucf101").expect("prompts");
    let labels = prompts.labels.expect("labels");
    let lines =
        labels.iter().enumerate().map(|(index, label)| format!("{} {label}\r\n", index + 1));
    write(&root.join("ucfTrainTestlist/classInd.txt"), lines.collect::<String>());
}

#[test]
fn ucf101_takes_the_class_from_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    write_classes(folder.path());
    let clip = "HandstandPushups/v_HandStandPushups_g01_c01.avi";
    let train = "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi";
    write(
        &folder.path().join("ucfTrainTestlist/testlist02.txt"),
        format!("{clip}\r\nArchery/v_Archery_g01_c01.avi\r\n\r\n"),
    );
    write(&folder.path().join("ucfTrainTestlist/trainlist02.txt"), format!("{train} 1\r\n"));
    images(folder.path(), &[&format!("UCF-101/{clip}"), &format!("UCF-101/{train}")]);
    let test = read("ucf101", folder.path(), "test-2").expect("read");
    let position = test
        .prompts
        .labels
        .as_ref()
        .expect("labels")
        .iter()
        .position(|label| label == "HandstandPushups");
    assert_eq!(
        (classes(&test), ids(&test)),
        (vec![position.expect("known") as u32], vec![format!("UCF-101/{clip}")])
    );
    assert_eq!(test.missing, ["UCF-101/Archery/v_Archery_g01_c01.avi"]);
    assert_eq!(classes(&read("ucf101", folder.path(), "train-2").expect("read")), [0]);
}

#[test]
fn ucf101_with_other_classes_or_a_path_outside_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write_classes(folder.path());
    let list = folder.path().join("ucfTrainTestlist/testlist01.txt");
    write(&list, "Archery/../../../secret.avi\n");
    assert!(
        refusal("ucf101", folder.path(), "test-1")
            .contains("class `Archery/../../..` is not one of")
    );
    write(&list, "Diving/v.avi\nFlying/v.avi\n");
    assert!(refusal("ucf101", folder.path(), "test-1").contains("class `Flying` is not one of"));
    write(&folder.path().join("ucfTrainTestlist/classInd.txt"), "1 Archery\r\n2 Flying\r\n");
    assert!(
        refusal("ucf101", folder.path(), "test-1")
            .contains("classInd.txt: class `Flying` is not one of")
    );
}

#[test]
fn kinetics700_takes_the_clips_that_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = "label,youtube_id,time_start,time_end,split\n\
                \"massaging person's head\",-abc_DEF123,7,17,validate\n\
                \"passing American football (in game)\",AAAAAAAAAAA,84,94,validate\n\
                abseiling,gonegonegon,0,10,validate\n";
    write(&folder.path().join("validate.csv"), rows);
    images(
        folder.path(),
        &["val/massaging persons head/-abc_DEF123_000007_000017.mp4", "notes.mp4"],
    );
    images(
        folder.path(),
        &[
            "val/x/AAAAAAAAAAA_000084_000094/frame1.jpg",
            "val/x/AAAAAAAAAAA_000084_000094/frame0.jpg",
        ],
    );
    let val = read("kinetics700", folder.path(), "val").expect("read");
    let names: Vec<&str> = classes(&val)
        .iter()
        .map(|&class| val.prompts.classes[class as usize][0].as_str())
        .collect();
    assert_eq!(names, ["massaging person's head", "passing American football (in game)"]);
    assert_eq!(ids(&val)[0], "val/massaging persons head/-abc_DEF123_000007_000017.mp4");
    assert_eq!(val.missing, ["gonegonegon_000000_000010.mp4"]);
    // the folder of extracted frames stands for its clip
    assert!(val.items.bytes(&val.items[1]).expect("a frame").starts_with(b"P5"));
}

#[test]
fn kinetics700_label_that_nobody_knows_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        &folder.path().join("val.csv"),
        "label,youtube_id,time_start,time_end,split\nflying,a,0,10,val\n",
    );
    assert!(refusal("kinetics700", folder.path(), "val").contains("class `flying`"));
}

#[test]
fn rareact_has_spans_and_annotations() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = "id,video_id,start,end,class_id,verb,noun,annotation\n";
    let list = folder.path().join("rareact.csv");
    write(
        &list,
        format!(
            "{header}0,7frRY7aGwMU,50,60,0,shake,tomato,1\n1,TLMroVuZ_Nc,20,30,1,close,blender,0\n"
        ),
    );
    images(folder.path(), &["rareact_videos/7frRY7aGwMU.webm"]);
    let test = read("rareact", folder.path(), "test").expect("read");
    assert_eq!(ids(&test), ["rareact_videos/7frRY7aGwMU.webm#50-60"]);
    let video = "7frRY7aGwMU".into();
    assert_eq!(test.items[0].target, Target::Segment { class: 0, annotation: 1, video });
    assert_eq!(test.missing, ["TLMroVuZ_Nc.mp4#20-30"]);
    write(&list, format!("{header}0,7frRY7aGwMU,50,60,0,close,tomato,1\n"));
    assert!(refusal("rareact", folder.path(), "test").contains("class `0 close tomato`"));
    write(&list, format!("{header}0,7frRY7aGwMU,50,60,0,shake,tomato,5\n"));
    assert!(refusal("rareact", folder.path(), "test").contains("annotation 5"));
}

/// The clips that lie beside the checkout, and a program to read them.
fn clip(name: &str) -> Option<PathBuf> {
    let root = real("ucf101")?;
    if let Err(error) = video::version() {
        skipped(&error.to_string());
        return None;
    }
    Some(root.join("clips-layout").join(name))
}

#[test]
fn middle_frame_is_the_one_that_all_frames_have_in_the_middle() {
    for name in ["Cat/v_Cat_g01_c01.avi", "Turtle/v_Turtle_g01_c01.avi", "Turtle/turtle_h264.mp4"] {
        let Some(path) = clip(name) else { return };
        let mut frames = Vec::new();
        let count = video::frames(&path, None, Sampling::Every(1), &mut |frame| {
            frames.push(frame);
            Ok::<(), DataError>(())
        });
        assert_eq!((count.expect("frames"), frames.len()), (21, 21), "{name}");
        assert_eq!(video::count_frames(&path, None).expect("counted"), 21, "{name}");
        assert!(video::middle_frame(&path, None).expect("a frame") == frames[10], "{name}");
        assert!(
            frames[10] != frames[9] && frames[10] != frames[11],
            "{name}: frames are told apart"
        );
    }
}

#[test]
fn span_and_stride_take_their_frames() {
    let Some(path) = clip("Turtle/turtle_h264.mp4") else { return };
    let frames = |span, sampling| {
        let mut frames = Vec::new();
        let mut keep = |frame| {
            frames.push(frame);
            Ok::<(), DataError>(())
        };
        video::frames(&path, span, sampling, &mut keep).map(|_| frames)
    };
    let all = frames(None, Sampling::Every(1)).expect("frames");
    let fifth = frames(None, Sampling::Every(5)).expect("frames");
    assert!(fifth.len() == 5 && fifth.iter().zip(all.iter().step_by(5)).all(|(a, b)| a == b));
    let seconds = frames(None, Sampling::PerSecond(5.0)).expect("frames").len();
    assert!((2..=6).contains(&seconds), "{seconds} frames of less than a second at 5 a second");
    let span = frames(Some((0.2, 0.6)), Sampling::Every(1)).expect("frames");
    let start = all.iter().position(|frame| *frame == span[0]).expect("one of the clip's frames");
    assert!(
        start > 0 && span.iter().eq(&all[start..start + span.len()]),
        "a span is a stretch of the clip"
    );
    let middle = video::middle_frame(&path, Some((0.2, 0.6))).expect("a frame");
    assert!(middle == span[span.len() / 2]);
    let beyond =
        frames(Some((50.0, 60.0)), Sampling::Every(1)).expect_err("nothing there").to_string();
    assert!(beyond.contains("no frame from 50 to 60 seconds"), "{beyond}");
}

#[test]
fn video_that_is_none_says_what_ffmpeg_said() {
    if video::version().is_err() {
        return skipped("there is no ffmpeg");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    write(&path, "not a video");
    let error = video::middle_frame(&path, None).expect_err("no video").to_string();
    assert!(error.starts_with("ffmpeg: cannot decode") && error.contains("clip.mp4"), "{error}");
    let error =
        video::middle_frame(&folder.path().join("no.mp4"), None).expect_err("no file").to_string();
    assert!(error.contains("no such video"), "{error}");
    assert!(video::middle_frame(&path, Some((5.0, 2.0))).is_err());
}

#[test]
fn caller_that_fails_ends_the_reading() {
    let Some(path) = clip("Cat/v_Cat_g01_c01.avi") else { return };
    let mut seen = 0;
    let stopped = video::frames(&path, None, Sampling::Every(1), &mut |_| {
        seen += 1;
        Err(clip_data::DataError::malformed("here", "enough"))
    });
    assert_eq!((stopped.expect_err("stopped").to_string(), seen), ("here: enough".to_owned(), 1));
}

#[test]
fn ids_of_spans_name_them() {
    let media = clip_data::Media::Video { path: "a.mp4".into(), span: Some((0.0, 10.5)) };
    assert_eq!(Item { media, target: Target::Unknown }.id(), "a.mp4#0-10.5");
}
