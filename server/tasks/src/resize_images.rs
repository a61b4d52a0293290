//! `resize-images`: pictures made smaller, as one zip file.
//!
//! Scan lists them, Resize makes several at once, Write puts them into the zip file. What is done lies in the work
//! folder, so that the next attempt makes only the rest. Each picture is read whole, with its pixels; how much memory all
//! of them take together is bounded, and a large one waits until it has room.

mod picture;
mod source;
mod spool;
mod webp_file;
mod write;

use std::{
    collections::HashSet,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::{Batch, Ctx, Kind, Queue, RootedPath, Task, TaskError, UploadRef};
use model::{FieldError, Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    checkpoints::with_checkpoints,
    time_slices::in_time_slices,
    walk::{Found, Walk},
};
use picture::{Picture, Wanted};
use source::{Item, LARGEST_FILE, Source, is_picture};
use spool::{Mark, Spool};
use write::write;

/// The artifact.
const NAME: &str = "images.zip";
/// The most pictures in one job.
const MOST: usize = 100_000;
/// What the files in hand may take together, MB: three of the largest.
const FILES: usize = 3 * megabytes(LARGEST_FILE) as usize;

const fn megabytes(bytes: u64) -> u32 {
    bytes.div_ceil(1_000_000) as u32
}

/// The task.
pub(crate) struct ResizeImages {
    memory: Memory,
    /// The most that an image takes once it is read, bytes.
    largest: u64,
}

/// The memory for all jobs of this process, in permits of a megabyte. Who has taken pixels never waits for a file, so
/// nobody waits for ever.
#[derive(Clone)]
struct Memory {
    files: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
}

impl ResizeImages {
    /// Reads images that take so many bytes in memory at most.
    pub(crate) fn new(largest: u64) -> Self {
        let memory = |most| Arc::new(Semaphore::new(most));
        // Those of the largest, read and made smaller.
        let pixels = megabytes(2 * largest) as usize;
        Self { memory: Memory { files: memory(FILES), pixels: memory(pixels) }, largest }
    }
}

/// Which pictures, and what is wanted of them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Images
    ///
    /// One image or a zip file: JPEG, PNG, WebP, GIF (first frame) or BMP.
    upload: Option<UploadRef>,
    /// Or a folder
    ///
    /// All images in a folder on the server, instead of an upload.
    folder: Option<RootedPath>,
    /// Longest side, pixels
    ///
    /// Smaller images keep their size.
    #[serde(default = "usual_side")]
    #[schemars(range(min = 16, max = 10_000))]
    longest: u32,
    /// Format
    ///
    /// Keeps the colour profile; removes other metadata, including location.
    #[serde(default)]
    format: Format,
    /// Quality
    ///
    /// JPEG and WebP, from 1 (small) to 100 (best).
    #[serde(default = "usual_quality")]
    #[schemars(range(min = 1, max = 100))]
    quality: u8,
}

fn usual_side() -> u32 {
    1_600
}

fn usual_quality() -> u8 {
    82
}

/// What the images become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Keep (GIF and BMP become PNG)
    #[default]
    Keep,
    /// JPEG (white background)
    Jpeg,
    /// WebP
    Webp,
    /// PNG
    Png,
}

/// What came out.
#[derive(Serialize)]
pub(crate) struct Output {
    /// The artifact.
    images: &'static str,
    /// Images in it.
    resized: u64,
    /// Images that could not be read; each is a warning in the log.
    broken: u64,
    /// Files that do not call themselves images, and are left out.
    skipped: u64,
    /// Bytes of the artifact.
    bytes: u64,
}

impl Task for ResizeImages {
    const KIND: Kind = Kind::new("resize-images");
    const NAME: &'static str = "Resize images";
    const ABOUT: &'static str = "Resizes images, applies camera rotation, and returns a zip file.";
    const STAGES: &'static [&'static str] = &["Scan", "Resize", "Write"];
    const WEIGHTS: &'static [f64] = &[0.02, 0.93, 0.05];
    const QUEUE: Queue = super::DISK;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        let of = input.folder.as_ref().map(|folder| format!(" in {}", folder.0)).unwrap_or_default();
        format!("Resize images{of} to {} px", count(input.longest.into()))
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let message = match (&input.upload, &input.folder) {
            (None, None) => "Choose an image or a zip file to upload, or name a folder on the server.",
            (Some(_), Some(_)) => "There is an upload already; leave the folder empty, or take the upload away.",
            (Some(_), None) | (None, Some(_)) => return Ok(()),
        };
        let field = if input.folder.is_some() { "folder" } else { "upload" };
        Err(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let work = ctx.work_folder().await?;
        let (source, name) = open(&input, ctx).await?;
        let (listed, spool) = if let Some(earlier) = restore(ctx, &work).await? {
            earlier
        } else {
            ctx.stage(0);
            (list(ctx, &source, &name, &work).await?, begin(ctx, &work)?)
        };
        let Listed { items, skipped } = listed;
        if skipped > 0 {
            ctx.log(Level::Info, format!("left out: {} files that are no images by their names", count(skipped)));
        }
        if items.is_empty() {
            let message = "there is no image in it: no name ends in .jpg, .jpeg, .png, .webp, .gif or .bmp";
            return Err(TaskError::fatal("no_images", message));
        }

        ctx.stage(1);
        let wanted =
            Wanted { largest: self.largest, longest: input.longest, format: input.format, quality: input.quality };
        let resizing = Arc::new(Resizing {
            ctx: ctx.clone(),
            source,
            wanted,
            memory: self.memory.clone(),
            spool: Mutex::new(spool),
        });
        let open = {
            let (records, _) = resizing.spool().read().map_err(|error| keeping(&error))?;
            let done: HashSet<u64> = records.iter().map(|record| record.number).collect();
            items.iter().filter(|item| !done.contains(&(item.number as u64))).cloned().collect::<Vec<_>>()
        };
        let done = (items.len() - open.len()) as u64;
        let own = Arc::clone(&resizing);
        let make = move |item| {
            let resizing = Arc::clone(&own);
            async move { resizing.make(item).await }
        };
        let save = || {
            // Made while nobody keeps a picture: its count of warnings is that of the mark.
            let spool = resizing.spool();
            ctx.checkpoint(&Saved { skipped, mark: spool.mark })
        };
        // One more than there are threads, so that none waits while a result is taken.
        let batch = ctx.batch_after(done, open, ctx.parallelism() + 1, "images", make);
        let panicked = panicked(with_checkpoints(ctx, save, batch).await?)?;

        let mark = resizing.spool().mark;
        if mark.done == mark.failed {
            return Err(TaskError::fatal("all_broken", all_broken(items.len() as u64)));
        }
        ctx.stage(2);
        ctx.total(mark.bytes, "B");
        let artifact = ctx.artifact(NAME).await?;
        let (records, pictures) = resizing.spool().read().map_err(|error| keeping(&error))?;
        write(ctx, items, records, pictures, artifact.path()).await?;
        let bytes = artifact.finish().await?;
        Ok(Output { images: NAME, resized: mark.done - mark.failed, broken: mark.failed + panicked, skipped, bytes })
    }
}

fn all_broken(images: u64) -> String {
    let which = if images == 1 {
        "the image could not be read".to_owned()
    } else {
        format!("none of the {} images could be read", count(images))
    };
    format!("{which}; the log says why. JPEG, PNG, WebP, GIF and BMP are understood here")
}

/// What a checkpoint holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    skipped: u64,
    mark: Mark,
}

/// The pictures of a job.
struct Listed {
    items: Vec<Item>,
    /// Other files.
    skipped: u64,
}

/// Where the pictures are, and what a single one is called.
async fn open(input: &Input, ctx: &Ctx) -> Result<(Source, String), TaskError> {
    if let Some(upload) = &input.upload {
        let upload = ctx.upload(upload).await?;
        let source = ctx.blocking(move || Source::upload(&upload.path)).await?;
        return Ok((source, upload.name));
    }
    let Some(folder) = &input.folder else {
        return Err(TaskError::fatal("no_images", "no images are named; upload some, or name a folder on the server"));
    };
    Ok((Source::Folder(ctx.open_folder(folder)?), String::new()))
}

fn list_of(work: &Path) -> PathBuf {
    work.join("list")
}

fn begin(ctx: &Ctx, work: &Path) -> Result<Spool, TaskError> {
    let spool = Spool::open(work, Mark::default(), ctx.budget()).map_err(|error| keeping(&error))?;
    spool.ok_or_else(|| TaskError::retry("io", "keeping what is done: the files are gone; try again"))
}

/// What an earlier attempt has listed and done.
async fn restore(ctx: &Ctx, work: &Path) -> Result<Option<(Listed, Spool)>, TaskError> {
    let Some(Saved { skipped, mark }) = ctx.restore::<Saved>().await? else { return Ok(None) };
    let items = fs::read(list_of(work)).ok().and_then(|list| serde_json::from_slice::<Vec<Item>>(&list).ok());
    let spool = Spool::open(work, mark, ctx.budget()).map_err(|error| keeping(&error))?;
    let Some((items, spool)) = items.zip(spool) else {
        ctx.begin_anew();
        return Ok(None);
    };
    ctx.log(Level::Info, format!("continues after {} of {} images", count(mark.done), count(items.len() as u64)));
    Ok(Some((Listed { items, skipped }, spool)))
}

/// Lists the pictures, and keeps the list.
async fn list(ctx: &Ctx, source: &Source, name: &str, work: &Path) -> Result<Listed, TaskError> {
    ctx.unit("images");
    let mut listed = Listed { items: Vec::new(), skipped: 0 };
    match source {
        Source::One(_) => listed.items.push(Item { number: 0, entry: 0, path: name.into() }),
        Source::Zip(zip) => {
            for (entry, path) in zip.file_names_raw().enumerate() {
                if !path.ends_with(b"/") {
                    listed.take(entry, path.to_vec())?;
                }
            }
        }
        Source::Folder(folder) => {
            let walk = Walk::new(folder.clone()).map_err(|error| TaskError::io("reading the folder", &error))?;
            let own = ctx.clone();
            (_, listed) = in_time_slices(ctx, (walk, listed), move |(walk, listed)| {
                match walk.next() {
                    None => return Ok(ControlFlow::Break(())),
                    Some(Found::File { path, .. }) => listed.take(0, path)?,
                    Some(Found::Unreadable { path, error }) => {
                        own.warn(format!("{}: {error}", super::walk::shown(&path)));
                    }
                    Some(Found::Folder { .. } | Found::Link { .. } | Found::Special { .. }) => {}
                }
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        }
    }
    ctx.set(listed.items.len() as u64);
    let kept = serde_json::to_vec(&listed.items)
        .map_err(|error| TaskError::fatal("io", "the list of images cannot be kept").caused_by(&error))?;
    let room = ctx.budget().take(kept.len() as u64);
    room.and_then(|()| fs::write(list_of(work), kept)).map_err(|error| keeping(&error))?;
    Ok(listed)
}

impl Listed {
    fn take(&mut self, entry: usize, path: Vec<u8>) -> Result<(), TaskError> {
        if !is_picture(&path) {
            self.skipped += 1;
            return Ok(());
        }
        if self.items.len() == MOST {
            let message = format!("there are more than {} images; do it in parts", count(MOST as u64));
            return Err(TaskError::fatal("too_many_images", message));
        }
        self.items.push(Item { number: self.items.len(), entry, path });
        Ok(())
    }
}

/// How many pictures broke the program that reads them. What else failed is no picture's fault.
fn panicked(batch: Batch<Item, ()>) -> Result<u64, TaskError> {
    for failure in batch.items.into_iter().filter_map(|item| item.result.err()) {
        match failure.code.as_str() {
            "panic" => {}
            "disk_full" => return Err(TaskError::retry("disk_full", failure.message)),
            _ => return Err(TaskError::retry("io", failure.message)),
        }
    }
    Ok(batch.failed)
}

/// What all pictures of a job share.
struct Resizing {
    ctx: Ctx,
    source: Source,
    wanted: Wanted,
    memory: Memory,
    spool: Mutex<Spool>,
}

impl Resizing {
    /// Makes one picture, and keeps what came of it; what is broken is a warning.
    async fn make(self: Arc<Self>, item: Item) -> Result<(), TaskError> {
        match self.picture(&item).await {
            Ok(picture) => self.keep(item, Ok(picture)).await,
            Err(TaskError::Fatal(fault)) => self.keep(item, Err(fault.message)).await,
            Err(other) => Err(other),
        }
    }

    async fn picture(self: &Arc<Self>, item: &Item) -> Result<Picture, TaskError> {
        let (own, asked) = (Arc::clone(self), item.clone());
        let length = self.ctx.blocking(move || own.source.length(&asked)).await?;
        let _file = self.room(&self.memory.files, length).await?;
        let (own, asked) = (Arc::clone(self), item.clone());
        let read = move || {
            let file = own.source.read(&asked, length, || own.ctx.check())?;
            let size = picture::size_of(&file, own.wanted.largest)?;
            let room = picture::room(&file, size);
            Ok((file, room))
        };
        let (file, room) = self.ctx.blocking(read).await?;
        // Who needs more than there is comes alone.
        let _pixels = self.room(&self.memory.pixels, room.min(2 * self.wanted.largest)).await?;
        let own = Arc::clone(self);
        self.ctx.blocking(move || picture::resize(&file, own.wanted, || own.ctx.check())).await
    }

    /// Waits for so many bytes of memory.
    async fn room(&self, memory: &Arc<Semaphore>, bytes: u64) -> Result<OwnedSemaphorePermit, TaskError> {
        tokio::select! {
            room = Arc::clone(memory).acquire_many_owned(megabytes(bytes)) => room.map_err(|_| TaskError::Cancelled),
            () = self.ctx.cancelled() => Err(TaskError::Cancelled),
        }
    }

    async fn keep(self: &Arc<Self>, item: Item, made: Result<Picture, String>) -> Result<(), TaskError> {
        let own = Arc::clone(self);
        let keep = move || {
            // All under one lock, so that a checkpoint has either the whole of it or nothing.
            let mut spool = own.spool();
            spool.put(item.number, made.as_ref().ok()).map_err(|error| keeping(&error))?;
            if let Err(reason) = made {
                own.ctx.warn(format!("{item}: {reason}"));
            }
            Ok(())
        };
        self.ctx.blocking(keep).await
    }

    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keeping(error: &io::Error) -> TaskError {
    TaskError::io("keeping what is done", error)
}
