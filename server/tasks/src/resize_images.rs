//! `resize-images`: resizes images into one zip file.
//!
//! Scan lists the images, Resize processes several in parallel, Write creates the zip file. Results are kept in the
//! work folder, so that a later attempt processes only the rest. Images are decoded as a whole, so the memory of all
//! jobs is bounded and a large image waits for its share.

mod resize;
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

use engine::{Batch, Ctx, FolderPath, Kind, Queue, Task, TaskError, UploadNames, UploadRef};
use model::{FieldError, Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    checkpoints::with_checkpoints,
    time_slices::in_time_slices,
    walk::{Found, Walk},
};
use resize::{Image, ResizeOptions};
use source::{Item, MAX_FILE, Source, is_image};
use spool::{Position, Spool};
use write::write;

const NAME: &str = "images.zip";
/// Most images in one job.
const MAX_IMAGES: usize = 100_000;
/// Memory for files being read, MB: three of the largest.
const FILE_MEMORY: usize = 3 * megabytes(MAX_FILE) as usize;

const fn megabytes(bytes: u64) -> u32 {
    bytes.div_ceil(1_000_000) as u32
}

pub(crate) struct ResizeImages {
    memory: Memory,
    /// Most memory of a decoded image, bytes.
    largest: u64,
}

/// Memory limits for all jobs of this process, in permits of a megabyte. Pixels are reserved after the file, so there
/// is no deadlock.
#[derive(Clone)]
struct Memory {
    files: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
}

impl ResizeImages {
    /// `largest` is the limit of a decoded image, in bytes.
    pub(crate) fn new(largest: u64) -> Self {
        let memory = |most| Arc::new(Semaphore::new(most));
        // Enough for the largest image, decoded and resized.
        let pixels = megabytes(2 * largest) as usize;
        Self { memory: Memory { files: memory(FILE_MEMORY), pixels: memory(pixels) }, largest }
    }
}

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
    folder: Option<FolderPath>,
    /// Longest side, pixels
    ///
    /// Smaller images keep their size.
    #[serde(default = "default_side")]
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
    #[serde(default = "default_quality")]
    #[schemars(range(min = 1, max = 100))]
    quality: u8,
}

fn default_side() -> u32 {
    1_600
}

fn default_quality() -> u8 {
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

#[derive(Serialize)]
pub(crate) struct Output {
    images: &'static str,
    /// Images in it.
    resized: u64,
    /// Images that could not be read; each is a warning in the log.
    broken: u64,
    /// Files without the extension of an image, which are left out.
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
    const LOG_STEPS: bool = true;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        let of = input.folder.as_ref().map(|folder| format!("images in {}", folder.0));
        title(of.as_deref().unwrap_or("images"), input.longest)
    }

    fn title_with_uploads(input: &Input, uploads: &UploadNames) -> String {
        input.upload.as_ref().map_or_else(|| Self::title(input), |upload| title(uploads.of(upload), input.longest))
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let message = match (&input.upload, &input.folder) {
            (None, None) => "Choose an image or a zip file to upload, or name a folder on the server.",
            (Some(_), Some(_)) => "There is an upload already; leave the folder empty, or remove the upload.",
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
        let ImageList { items, skipped } = listed;
        if skipped > 0 {
            ctx.log(Level::Info, format!("left out: {} files without the extension of an image", count(skipped)));
        }
        if items.is_empty() {
            let message = "no images found: no name ends in .jpg, .jpeg, .png, .webp, .gif or .bmp";
            return Err(TaskError::fatal("no_images", message));
        }

        ctx.stage(1);
        let options = ResizeOptions {
            largest: self.largest,
            longest: input.longest,
            format: input.format,
            quality: input.quality,
        };
        let resize_job = Arc::new(ResizeJob {
            ctx: ctx.clone(),
            source,
            options,
            memory: self.memory.clone(),
            spool: Mutex::new(spool),
        });
        let open = {
            let (records, _) = resize_job.spool().read().map_err(|error| spool_error(&error))?;
            let done: HashSet<u64> = records.iter().map(|record| record.number).collect();
            items.iter().filter(|item| !done.contains(&(item.number as u64))).cloned().collect::<Vec<_>>()
        };
        let done = (items.len() - open.len()) as u64;
        let own = Arc::clone(&resize_job);
        let make = move |item| {
            let resize_job = Arc::clone(&own);
            async move { resize_job.process(item).await }
        };
        let save = || {
            // Under the lock of the spool, so that warnings and position agree.
            let spool = resize_job.spool();
            ctx.checkpoint(&Checkpoint { skipped, mark: spool.mark })
        };
        // One more than threads, so that no thread waits while a result is stored.
        let batch = ctx.batch_after(done, open, ctx.parallelism() + 1, "images", make);
        let panicked = count_panics(with_checkpoints(ctx, save, batch).await?)?;

        let mark = resize_job.spool().mark;
        if mark.done == mark.failed {
            return Err(TaskError::fatal("all_broken", all_broken(items.len() as u64)));
        }
        ctx.stage(2);
        ctx.total(mark.bytes, "B");
        let artifact = ctx.artifact(NAME).await?;
        let (records, pictures) = resize_job.spool().read().map_err(|error| spool_error(&error))?;
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
    format!("{which}; the log has the reasons. JPEG, PNG, WebP, GIF and BMP are supported")
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    skipped: u64,
    mark: Position,
}

/// `Resize photos.zip to 1,600 px`.
fn title(what: &str, longest: u32) -> String {
    format!("Resize {what} to {} px", count(longest.into()))
}

/// The images of a job.
struct ImageList {
    items: Vec<Item>,
    /// Other files.
    skipped: u64,
}

/// Opens the images. Returns the source, and the name of a single image.
async fn open(input: &Input, ctx: &Ctx) -> Result<(Source, String), TaskError> {
    if let Some(upload) = &input.upload {
        let upload = ctx.upload(upload).await?;
        let source = ctx.blocking(move || Source::upload(&upload.path)).await?;
        return Ok((source, upload.name));
    }
    let Some(folder) = &input.folder else {
        return Err(TaskError::fatal("no_images", "no images given; upload some, or name a folder on the server"));
    };
    Ok((Source::Folder(ctx.open_folder(folder)?), String::new()))
}

fn list_of(work: &Path) -> PathBuf {
    work.join("list")
}

fn begin(ctx: &Ctx, work: &Path) -> Result<Spool, TaskError> {
    let spool = Spool::open(work, Position::default(), ctx.budget()).map_err(|error| spool_error(&error))?;
    spool.ok_or_else(|| TaskError::retry("io", "storing the results: the files are gone; try again"))
}

/// The list and the results of an earlier attempt.
async fn restore(ctx: &Ctx, work: &Path) -> Result<Option<(ImageList, Spool)>, TaskError> {
    let Some(Checkpoint { skipped, mark }) = ctx.restore::<Checkpoint>().await? else { return Ok(None) };
    let items = fs::read(list_of(work)).ok().and_then(|list| serde_json::from_slice::<Vec<Item>>(&list).ok());
    let spool = Spool::open(work, mark, ctx.budget()).map_err(|error| spool_error(&error))?;
    let Some((items, spool)) = items.zip(spool) else {
        ctx.start_over();
        return Ok(None);
    };
    ctx.log(Level::Info, format!("continues after {} of {} images", count(mark.done), count(items.len() as u64)));
    Ok(Some((ImageList { items, skipped }, spool)))
}

/// Lists the images and stores the list.
async fn list(ctx: &Ctx, source: &Source, name: &str, work: &Path) -> Result<ImageList, TaskError> {
    ctx.unit("images");
    let mut listed = ImageList { items: Vec::new(), skipped: 0 };
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
                        own.warn(format!("{}: {error}", super::walk::printable_path(&path)));
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
        .map_err(|error| TaskError::fatal("io", "the list of images cannot be stored").caused_by(&error))?;
    let reserved = ctx.budget().take(kept.len() as u64);
    reserved.and_then(|()| fs::write(list_of(work), kept)).map_err(|error| spool_error(&error))?;
    Ok(listed)
}

impl ImageList {
    fn take(&mut self, entry: usize, path: Vec<u8>) -> Result<(), TaskError> {
        if !is_image(&path) {
            self.skipped += 1;
            return Ok(());
        }
        if self.items.len() == MAX_IMAGES {
            let message = format!("there are more than {} images; use several jobs", count(MAX_IMAGES as u64));
            return Err(TaskError::fatal("too_many_images", message));
        }
        self.items.push(Item { number: self.items.len(), entry, path });
        Ok(())
    }
}

/// Counts the images at which the decoder panicked. Other failures are not the fault of an image.
fn count_panics(batch: Batch<Item, ()>) -> Result<u64, TaskError> {
    for failure in batch.items.into_iter().filter_map(|item| item.result.err()) {
        match failure.code.as_str() {
            "panic" => {}
            "disk_full" => return Err(TaskError::retry("disk_full", failure.message)),
            _ => return Err(TaskError::retry("io", failure.message)),
        }
    }
    Ok(batch.failed)
}

/// Shared by all images of a job.
struct ResizeJob {
    ctx: Ctx,
    source: Source,
    options: ResizeOptions,
    memory: Memory,
    spool: Mutex<Spool>,
}

impl ResizeJob {
    /// Resizes an image and stores the result; a broken image is a warning.
    async fn process(self: Arc<Self>, item: Item) -> Result<(), TaskError> {
        match self.resize(&item).await {
            Ok(picture) => self.store(item, Ok(picture)).await,
            Err(TaskError::Fatal(fault)) => self.store(item, Err(fault.message)).await,
            Err(other) => Err(other),
        }
    }

    async fn resize(self: &Arc<Self>, item: &Item) -> Result<Image, TaskError> {
        let (own, asked) = (Arc::clone(self), item.clone());
        let length = self.ctx.blocking(move || own.source.length(&asked)).await?;
        let _file = self.reserve(&self.memory.files, length).await?;
        let (own, asked) = (Arc::clone(self), item.clone());
        let read = move || {
            let file = own.source.read(&asked, length, || own.ctx.check())?;
            let memory = resize::memory_needed(&file, own.options.largest)?;
            Ok((file, memory))
        };
        let (file, memory) = self.ctx.blocking(read).await?;
        // An image that needs more than the limit is processed alone.
        let _pixels = self.reserve(&self.memory.pixels, memory.min(2 * self.options.largest)).await?;
        let own = Arc::clone(self);
        self.ctx.blocking(move || resize::resize(&file, own.options, || own.ctx.check())).await
    }

    /// Waits for a permit for `bytes` of memory.
    async fn reserve(&self, memory: &Arc<Semaphore>, bytes: u64) -> Result<OwnedSemaphorePermit, TaskError> {
        tokio::select! {
            permit = Arc::clone(memory).acquire_many_owned(megabytes(bytes)) => permit.map_err(|_| TaskError::Cancelled),
            () = self.ctx.cancelled() => Err(TaskError::Cancelled),
        }
    }

    async fn store(self: &Arc<Self>, item: Item, made: Result<Image, String>) -> Result<(), TaskError> {
        let own = Arc::clone(self);
        let store = move || {
            // Under one lock, so that a checkpoint includes either both or neither.
            let mut spool = own.spool();
            spool.put(item.number, made.as_ref().ok()).map_err(|error| spool_error(&error))?;
            if let Err(reason) = made {
                own.ctx.warn(format!("{item}: {reason}"));
            }
            Ok(())
        };
        self.ctx.blocking(store).await
    }

    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spool_error(error: &io::Error) -> TaskError {
    TaskError::io("storing the results", error)
}
