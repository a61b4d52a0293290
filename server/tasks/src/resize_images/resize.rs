//! Resizing of one image: decode, apply EXIF orientation, shrink, encode. Of the metadata only the colour profile is
//! kept.

use std::io::Cursor;

use engine::TaskError;
use fast_image_resize::{
    IntoImageView as _, IntoImageViewMut as _, PixelTrait, Resizer,
    pixels::{U8x3, U8x4},
};
use image::{
    DynamicImage, ExtendedColorType, GrayAlphaImage, GrayImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat,
    ImageReader, Limits, Luma, LumaA, Rgb, RgbImage, RgbaImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    metadata::Orientation,
};
use memchr::memmem;
use model::count;

use super::{Format, webp_file::with_profile};

/// Longest side of an image, pixels.
const MAX_SIDE: u32 = 50_000;
/// Longest colour profile of a PNG file, bytes. It is decompressed before the size of the image is known.
const MAX_PROFILE: u64 = 32 << 20;

/// Limits and settings for all images of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResizeOptions {
    /// Most memory of a decoded image, bytes.
    pub(super) largest: u64,
    /// Longest side, pixels; smaller images keep their size.
    pub(super) longest: u32,
    pub(super) format: Format,
    /// 1 to 100.
    pub(super) quality: u8,
}

/// A resized image.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) extension: Extension,
}

/// File extension of a resized image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Jpeg,
    Png,
    Webp,
}

impl Extension {
    pub(super) const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// Memory for decoding and resizing an image, by its header, bytes. A progressive JPEG is first decoded into six bytes a
/// pixel; its marker (SOF2, ITU-T T.81, annex B) does not occur in the data of others.
///
/// # Errors
/// Code `bad_image` if it is not an image or is too large.
pub(super) fn memory_needed(file: &[u8], largest: u64) -> Result<u64, TaskError> {
    let decoder = decoder(file, largest)?;
    let size = decoder.total_bytes();
    if size > largest {
        let message = format!("its pixels take {}, and {} is the most", model::bytes(size), model::bytes(largest));
        return Err(TaskError::fatal("bad_image", message));
    }
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_alpha() { 4 } else { 3 };
    let resized = channels * u64::from(width) * u64::from(height);
    let has_passes = file.starts_with(b"\xff\xd8") && memmem::find(file, b"\xff\xc2").is_some();
    Ok((if has_passes { 4 * size } else { 2 * size }).max(2 * resized))
}

/// Decodes, resizes and encodes an image.
///
/// # Errors
/// Code `bad_image`, or the error of `check`, which is called between the steps: each takes seconds for a large image.
pub(super) fn resize(
    file: &[u8],
    options: ResizeOptions,
    check: impl Fn() -> Result<(), TaskError>,
) -> Result<Image, TaskError> {
    let mut decoder = decoder(file, options.largest)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| broken(error, options.largest))?;
    check()?;
    let mut picture = shrink(to_8_bit(picture), options.longest)?;
    picture.apply_orientation(orientation);
    check()?;
    let extension = match (options.format, image::guess_format(file)) {
        (Format::Jpeg, _) | (Format::Keep, Ok(ImageFormat::Jpeg)) => Extension::Jpeg,
        (Format::Webp, _) | (Format::Keep, Ok(ImageFormat::WebP)) => Extension::Webp,
        (Format::Png | Format::Keep, _) => Extension::Png,
    };
    let bytes = match extension {
        Extension::Jpeg => jpeg(&flatten_on_white(picture), profile, options.quality),
        Extension::Png => png(&picture, profile),
        Extension::Webp => webp(picture, profile, options.quality),
    };
    Ok(Image { bytes: bytes?, extension })
}

fn decoder(file: &[u8], largest: u64) -> Result<impl ImageDecoder + '_, TaskError> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|error| bad(&error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // Memory beside the pixels. The frames of a GIF may be smaller than its canvas and need their own buffer.
    let extra = if reader.format() == Some(ImageFormat::Png) { MAX_PROFILE } else { largest + largest / 2 };
    limits.max_alloc = Some(extra);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| broken(error, largest))
}

/// Converts to 8 bits a channel; grey stays grey.
fn to_8_bit(picture: DynamicImage) -> DynamicImage {
    match picture {
        DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_) => picture,
        DynamicImage::ImageLuma16(_) => picture.into_luma8().into(),
        DynamicImage::ImageLumaA16(_) => picture.into_luma_alpha8().into(),
        other if other.color().has_alpha() => other.into_rgba8().into(),
        other => other.into_rgb8().into(),
    }
}

fn shrink(picture: DynamicImage, longest: u32) -> Result<DynamicImage, TaskError> {
    let (width, height) = (picture.width(), picture.height());
    let side = width.max(height);
    if side <= longest {
        return Ok(picture);
    }
    let part = |length: u32| (f64::from(length) * f64::from(longest) / f64::from(side)).round().max(1.0) as u32;
    let fitting = (part(width), part(height));
    // Grey goes by way of RGB: each kind of pixels takes seconds to compile, and so would `Resizer::resize` with thirteen.
    Ok(match picture {
        DynamicImage::ImageLuma8(_) => {
            let small = resample::<U8x3>(&picture.into_rgb8().into(), fitting)?.into_rgb8();
            GrayImage::from_fn(fitting.0, fitting.1, |x, y| Luma([small.get_pixel(x, y)[0]])).into()
        }
        DynamicImage::ImageLumaA8(_) => {
            let small = resample::<U8x4>(&picture.into_rgba8().into(), fitting)?.into_rgba8();
            let grey = |[grey, _, _, alpha]: [u8; 4]| LumaA([grey, alpha]);
            GrayAlphaImage::from_fn(fitting.0, fitting.1, |x, y| grey(small.get_pixel(x, y).0)).into()
        }
        DynamicImage::ImageRgb8(_) => resample::<U8x3>(&picture, fitting)?,
        _ => resample::<U8x4>(&picture, fitting)?,
    })
}

/// Shrinks with a Lanczos filter of radius 3, and with premultiplied alpha against dark edges.
fn resample<P: PixelTrait>(picture: &DynamicImage, (width, height): (u32, u32)) -> Result<DynamicImage, TaskError> {
    let other_pixels = || TaskError::fatal("bad_image", "its pixels are of a kind that cannot be resized");
    let mut small = DynamicImage::new(width, height, picture.color());
    let from = picture.image_view::<P>().ok_or_else(other_pixels)?;
    let mut to = small.image_view_mut::<P>().ok_or_else(other_pixels)?;
    Resizer::new().resize_typed(&from, &mut to, None).map_err(|error| bad(&error))?;
    drop(to);
    Ok(small)
}

/// Blends with white, since JPEG has no transparency.
fn flatten_on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let see_through = picture.into_rgba8();
    let white = RgbImage::from_fn(see_through.width(), see_through.height(), |x, y| {
        let [red, green, blue, alpha] = see_through.get_pixel(x, y).0;
        let mixed = |channel: u8| {
            let (channel, alpha) = (u32::from(channel), u32::from(alpha));
            ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        Rgb([red, green, blue].map(mixed))
    });
    white.into()
}

fn jpeg(picture: &DynamicImage, profile: Option<Vec<u8>>, quality: u8) -> Result<Vec<u8>, TaskError> {
    let mut bytes = Vec::new();
    write(picture, profile, JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes)
}

fn png(picture: &DynamicImage, profile: Option<Vec<u8>>) -> Result<Vec<u8>, TaskError> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    write(picture, profile, encoder)?;
    Ok(bytes)
}

fn write(picture: &DynamicImage, profile: Option<Vec<u8>>, mut encoder: impl ImageEncoder) -> Result<(), TaskError> {
    if let Some(profile) = profile.filter(|profile| fits(profile, picture)) {
        encoder.set_icc_profile(profile).map_err(|error| bad(&error))?;
    }
    picture.write_with_encoder(encoder).map_err(|error| bad(&error))
}

fn webp(picture: DynamicImage, profile: Option<Vec<u8>>, quality: u8) -> Result<Vec<u8>, TaskError> {
    let profile = profile.filter(|profile| !is_grey(&picture) && fits(profile, &picture));
    let (width, height) = (picture.width(), picture.height());
    let encoded = if picture.color().has_alpha() {
        let pixels: RgbaImage = picture.into_rgba8();
        webp::Encoder::from_rgba(&pixels, width, height).encode_simple(false, quality.into())
    } else {
        let pixels: RgbImage = picture.into_rgb8();
        webp::Encoder::from_rgb(&pixels, width, height).encode_simple(false, quality.into())
    };
    let file =
        encoded.map_err(|error| TaskError::fatal("bad_image", format!("it cannot be written as WebP: {error:?}")))?;
    let file = file.to_vec();
    Ok(match profile {
        Some(profile) => with_profile(file, &profile, (width, height)),
        None => file,
    })
}

/// Whether a profile is for the colour model of the image: a CMYK profile does not fit RGB pixels. Bytes 16 to 19 have
/// the model (ICC.1:2022, section 7.2.6).
fn fits(profile: &[u8], picture: &DynamicImage) -> bool {
    let kind = if is_grey(picture) { b"GRAY" } else { b"RGB " };
    profile.get(16..20) == Some(kind)
}

fn is_grey(picture: &DynamicImage) -> bool {
    matches!(picture.color().into(), ExtendedColorType::L8 | ExtendedColorType::La8)
}

fn broken(error: ImageError, largest: u64) -> TaskError {
    match &error {
        ImageError::Unsupported(_) => {
            TaskError::fatal("bad_image", "it is not a picture in JPEG, PNG, WebP, GIF or BMP").caused_by(&error)
        }
        ImageError::Limits(_) => {
            let message = format!(
                "it is too large: the limits are {} pixels a side and {} in memory",
                count(MAX_SIDE.into()),
                model::bytes(largest)
            );
            TaskError::fatal("bad_image", message).caused_by(&error)
        }
        _ => bad(&error),
    }
}

fn bad(error: &dyn std::error::Error) -> TaskError {
    TaskError::fatal("bad_image", error.to_string()).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_transparent_pixels_do_not_darken_their_neighbours() {
        let grey = GrayImage::from_fn(300, 200, |x, _| Luma([if x < 150 { 40 } else { 200 }]));
        let small = shrink(grey.into(), 30).expect("pixels that can be resized");
        let small = small.as_luma8().expect("grey");
        assert_eq!(small.dimensions(), (30, 20));
        assert_eq!([small.get_pixel(2, 10), small.get_pixel(27, 10)], [&Luma([40]), &Luma([200])]);

        let fading = GrayAlphaImage::from_fn(300, 200, |x, _| LumaA(if x < 150 { [0, 0] } else { [200, 255] }));
        let small = shrink(fading.into(), 30).expect("pixels that can be resized");
        let small = small.as_luma_alpha8().expect("grey with alpha");
        assert!(small.pixels().all(|LumaA([grey, alpha])| *alpha == 0 || *grey > 190), "{small:?}");
        assert_eq!(small.get_pixel(27, 10), &LumaA([200, 255]));
    }
}
