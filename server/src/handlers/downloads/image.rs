//! Images among the artifacts that a page may show.

use std::path::Path;

use app::pages::job::MAX_IMAGE;
use tokio::{fs::File, io::AsyncReadExt};

/// Returns the media type of a raster image, by its first bytes; `None` for any other file and for a large one. SVG is
/// no raster image: it can contain scripts.
pub(super) async fn raster_type(path: &Path, size: u64) -> Option<&'static str> {
    if size > MAX_IMAGE {
        return None;
    }
    let mut head = Vec::with_capacity(12);
    File::open(path).await.ok()?.take(12).read_to_end(&mut head).await.ok()?;
    match head.as_slice() {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some("image/webp"),
        _ => None,
    }
}
