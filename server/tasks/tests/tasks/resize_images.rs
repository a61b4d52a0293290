//! `resize-images`, on pictures made here.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
};

use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Rgb, RgbImage, Rgba,
    RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use model::{JobId, JobState};
use serde_json::json;
use tasks::{Limits, TaskSettings};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::support::harness::TaskHarness;

const RED: Rgb<u8> = Rgb([220, 20, 20]);
const BLUE: Rgb<u8> = Rgb([20, 20, 220]);

/// Red in its left half, blue in its right.
fn halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { RED } else { BLUE }).into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A JPEG file with what a camera says: how it was held (TIFF 6.0, tag 274).
fn held(picture: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
    let file = encoded(picture, ImageFormat::Jpeg);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xff, 0xe1], &length, &exif, &file[2..]].concat()
}

/// A profile that says no more than what it is of.
fn profile(kind: [u8; 4]) -> Vec<u8> {
    let mut profile = vec![7; 131];
    profile[16..20].copy_from_slice(&kind);
    profile
}

/// The pictures of the result by their names, in order.
async fn images(harness: &TaskHarness, job: JobId) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(harness.artifact(job, "images.zip").await)).unwrap();
    let all = (0..zip.len()).map(|index| {
        let mut file = zip.by_index(index).unwrap();
        assert_eq!(file.compression(), CompressionMethod::Stored);
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), content)
    });
    all.collect()
}

fn near(picture: &DynamicImage, x: u32, y: u32, Rgb(wanted): Rgb<u8>) -> bool {
    let Rgba([red, green, blue, _]) = picture.get_pixel(x, y);
    [red, green, blue].iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn image_is_rotated_by_exif_and_fits() {
    let harness = TaskHarness::open().await;
    let picture = halves(400, 200);
    // What was held so has its left half where: size after it, and a point of it.
    for (orientation, size, (x, y)) in
        [(1, (100, 50), (10, 25)), (3, (100, 50), (90, 25)), (6, (50, 100), (25, 10)), (8, (50, 100), (25, 90))]
    {
        let upload = harness.upload("camera.JPG", held(&picture, orientation)).await;
        let ended = harness.succeed("resize-images", json!({ "upload": upload, "longest": 100 })).await;
        let images = images(&harness, ended.view.job).await;
        let small = image::load_from_memory(&images["camera.jpg"]).unwrap();
        assert_eq!(small.dimensions(), size, "{orientation}");
        assert!(near(&small, x, y, RED), "{orientation}");
        assert!(near(&small, size.0 - 1 - x, size.1 - 1 - y, BLUE), "{orientation}");
        let file = Cursor::new(&images["camera.jpg"]);
        let mut decoder = ImageReader::new(file).with_guessed_format().unwrap().into_decoder().unwrap();
        assert_eq!(decoder.exif_metadata().unwrap(), None, "what the camera says stays behind");
    }
}

#[tokio::test]
async fn colour_profile_is_kept_in_every_format() {
    let harness = TaskHarness::open().await;
    let mut plain = Vec::new();
    let mut encoder = PngEncoder::new(&mut plain);
    encoder.set_icc_profile(profile(*b"RGB ")).unwrap();
    halves(40, 30).write_with_encoder(encoder).unwrap();
    let mut inks = Vec::new();
    let mut encoder = JpegEncoder::new(&mut inks);
    encoder.set_icc_profile(profile(*b"CMYK")).unwrap();
    halves(40, 30).write_with_encoder(encoder).unwrap();
    let mut clear = Vec::new();
    let mut encoder = PngEncoder::new(&mut clear);
    encoder.set_icc_profile(profile(*b"RGB ")).unwrap();
    let glass: DynamicImage = RgbaImage::from_pixel(40, 30, Rgba([0, 0, 0, 0])).into();
    glass.write_with_encoder(encoder).unwrap();
    let upload =
        harness.upload("all.zip", zipped(&[("plain.png", &plain), ("inks.jpg", &inks), ("clear.png", &clear)])).await;
    for (format, extension) in [("jpeg", "jpg"), ("png", "png"), ("webp", "webp")] {
        let input = json!({ "upload": upload, "longest": 20, "format": format, "quality": 100 });
        let ended = harness.succeed("resize-images", input).await;
        let images = images(&harness, ended.view.job).await;
        assert_eq!(
            images.keys().map(String::as_str).collect::<Vec<_>>(),
            [format!("clear.{extension}"), format!("inks.{extension}"), format!("plain.{extension}")]
        );
        for (name, file) in &images {
            let mut decoder =
                ImageReader::new(Cursor::new(file)).with_guessed_format().unwrap().into_decoder().unwrap();
            let kept = (!name.starts_with("inks")).then(|| profile(*b"RGB "));
            assert_eq!(decoder.icc_profile().unwrap(), kept, "{name}");
            let small = DynamicImage::from_decoder(decoder).unwrap();
            assert_eq!(small.dimensions(), (20, 15), "{name}");
            match (name.starts_with("clear"), extension) {
                (true, "jpg") => assert!(near(&small, 5, 5, Rgb([255, 255, 255])), "what is transparent is white"),
                (true, _) => assert_eq!(small.get_pixel(5, 5).0[3], 0, "{name}"),
                (false, _) => assert!(near(&small, 3, 5, RED) && near(&small, 16, 5, BLUE), "{name}"),
            }
        }
    }
}

/// A PNG file that says it is so large, and holds next to nothing.
fn vast(side: u32) -> Vec<u8> {
    let mut file = encoded(&halves(1, 1), ImageFormat::Png);
    file[16..20].copy_from_slice(&side.to_be_bytes());
    file[20..24].copy_from_slice(&side.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&file[12..29]);
    let sum = crc.sum().to_be_bytes();
    file[29..33].copy_from_slice(&sum);
    file
}

#[tokio::test]
async fn broken_image_is_a_warning_other_files_are_skipped() {
    let harness = TaskHarness::open().await;
    let good = encoded(&halves(50, 50), ImageFormat::Png);
    let jpeg = encoded(&halves(50, 50), ImageFormat::Jpeg);
    let bombs = [vast(49_999), vast(4_000_000)];
    let zip = zipped(&[
        ("good.png", &good),
        ("../../evil.png", &good),
        ("a/b.png", &good),
        ("a/b.jpeg", &jpeg),
        ("A/B.webp", &good),
        ("cut.png", &good[..good.len() / 2]),
        ("empty.jpg", b""),
        ("text.png", b"no picture at all"),
        ("vast.png", &bombs[0]),
        ("vaster.png", &bombs[1]),
        ("notes.txt", b"text"),
        ("__MACOSX/._good.png", b"a system's own"),
    ]);
    let upload = harness.upload("all.zip", &zip).await;
    let ended = harness.succeed("resize-images", json!({ "upload": upload, "longest": 16, "format": "png" })).await;
    let images = images(&harness, ended.view.job).await;
    let names: Vec<&str> = images.keys().map(String::as_str).collect();
    assert_eq!(names, ["A/B-3.png", "a/b-2.png", "a/b.png", "good.png", "picture-2.png"]);
    let counts = ["resized", "broken", "skipped"].map(|what| ended.output[what].as_u64().unwrap());
    assert_eq!(counts, [5, 5, 2]);
    assert_eq!((ended.view.progress.warnings, ended.output["bytes"].as_u64()), (5, ended.output["bytes"].as_u64()));
    let log = harness.log(ended.view.job).await;
    for (name, reason) in [
        ("cut.png", ""),
        ("empty.jpg", "not a picture"),
        ("text.png", "not a picture"),
        ("vast.png", "pixels take 7.5 GB, and 400 MB is the most"),
        ("vaster.png", "too large"),
    ] {
        assert!(
            log.lines().any(|line| line.starts_with(&format!("{name}: ")) && line.contains(reason)),
            "{name}: {log}"
        );
    }
}

#[tokio::test]
async fn invalid_zip_or_zip_without_images_fails() {
    let harness = TaskHarness::open().await;
    for (name, content, code) in [
        ("broken.zip", b"PK\x03\x04 and nothing more".to_vec(), "bad_zip"),
        ("texts.zip", zipped(&[("a.txt", b"text")]), "no_images"),
        ("empty.zip", zipped(&[]), "no_images"),
    ] {
        let upload = harness.upload(name, content).await;
        assert_eq!(harness.fail("resize-images", json!({ "upload": upload })).await.1, code, "{name}");
    }
    // A picture that says less than it holds.
    let noise = encoded(&halves(800, 800), ImageFormat::Bmp);
    let mut zip = zipped(&[("large.bmp", &noise)]);
    let size = (noise.len() as u32).to_le_bytes();
    let at: Vec<usize> = (0..zip.len() - 4).filter(|at| zip[*at..*at + 4] == size).collect();
    assert!(!at.is_empty());
    for at in at {
        zip[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
    }
    let upload = harness.upload("lies.zip", zip).await;
    let (job, code, message) = harness.fail("resize-images", json!({ "upload": upload })).await;
    assert_eq!((code.as_str(), message.contains("the image could not be read")), ("all_broken", true), "{message}");
    assert!(
        harness.log(job).await.contains("large.bmp: cannot be read: File is larger than its declared"),
        "{}",
        harness.log(job).await
    );
    for input in [json!({}), json!({ "upload": "x", "folder": harness.root(), "longest": 5 })] {
        assert!(harness.try_start("resize-images", input).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_images_are_identical() {
    let harness = TaskHarness::with_checkpoints().await;
    for number in 0..40_u32 {
        let picture = halves(150 + number, 100);
        let (extension, format) =
            [("png", ImageFormat::Png), ("jpg", ImageFormat::Jpeg), ("webp", ImageFormat::WebP)][number as usize % 3];
        harness.file(&format!("photos/{}/{number}.{extension}", number % 7), encoded(&picture, format));
    }
    harness.file("photos/broken.png", "no picture");
    harness.file("photos/readme.txt", "text");
    let input = json!({ "folder": harness.root().join("photos"), "longest": 100 });
    let pieces = harness.succeed_in_pieces("resize-images", input.clone()).await;
    let whole = harness.succeed("resize-images", input).await;
    assert_eq!(pieces.output, whole.output);
    assert_eq!((pieces.view.progress.warnings, whole.output["resized"].as_u64()), (1, Some(40)));
    let zip = async |job| harness.artifact(job, "images.zip").await;
    assert_eq!(zip(pieces.view.job).await, zip(whole.view.job).await);
    assert!(!images(&harness, whole.view.job).await.contains_key("readme.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_images_wait_for_memory_and_stop_on_cancel() {
    let limits = Limits { image: 4_000_000, ..Limits::default() };
    let harness = TaskHarness::with(TaskSettings { limits, ..TaskSettings::default() }).await;
    // Each takes 3 MB once it is read, so that only one has room.
    let file = encoded(&DynamicImage::new_rgb8(1_000, 1_000), ImageFormat::Png);
    for number in 0..30 {
        harness.file(&format!("{number}.png"), &file);
    }
    let input = json!({ "folder": harness.root(), "longest": 100 });
    let job = harness.start("resize-images", input.clone()).await;
    harness.when(job, |view| view.progress.unit == "images" && view.progress.value > 1).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    // The next one has all the room again.
    assert_eq!(harness.succeed("resize-images", input).await.output["resized"], 30);
}
