//! Uploads of artifacts, on a thread of their own: a large file must not delay reports.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use ring::digest::{Context, SHA256};

use super::Backoff;
use crate::{api::Api, journal::Journal, spool::Head};

/// Bytes a second that an upload has at least.
const SLOWEST: u64 = 100 << 10;
/// Tries for a file.
const TRIES: usize = 3;

/// The queue of files to upload.
#[derive(Debug)]
pub(crate) struct Uploads {
    files: Mutex<Option<mpsc::Sender<PathBuf>>>,
    done: Mutex<mpsc::Receiver<()>>,
}

impl Uploads {
    /// Starts the thread.
    pub(crate) fn start(api: Arc<Api>, journal: Arc<Journal>, head: &Head) -> Self {
        let (files, queue) = mpsc::channel::<PathBuf>();
        let (ended, done) = mpsc::channel();
        let base = format!("/report/{}/{}/artifacts/", head.kind, head.run);
        let _ = thread::Builder::new().name("uploads".to_owned()).spawn(move || {
            for path in queue {
                if let Err(error) = upload(&api, &journal, &base, &path) {
                    journal.note("warn", format!("The file {} is not uploaded: {error}", path.display()));
                }
            }
            drop(ended);
        });
        Self { files: Mutex::new(Some(files)), done: Mutex::new(done) }
    }

    /// Adds a file.
    pub(crate) fn add(&self, path: PathBuf) {
        if let Some(files) = &*self.files.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = files.send(path);
        }
    }

    /// Waits for the added files. Returns whether the time was enough.
    pub(crate) fn finish(&self, timeout: Duration) -> bool {
        drop(self.files.lock().unwrap_or_else(PoisonError::into_inner).take());
        // The channel is closed by the end of the thread.
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(timeout);
        done != Err(mpsc::RecvTimeoutError::Timeout)
    }

    /// Returns the time that these files need at most, beside the one for the first response.
    pub(crate) fn longest_time(paths: &[PathBuf]) -> Duration {
        let bytes: u64 = paths.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
        Duration::from_secs(bytes / SLOWEST)
    }
}

fn upload(api: &Api, journal: &Journal, base: &str, path: &Path) -> Result<(), String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("its name is not UTF-8")?;
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    // The server knows the run from its first batch on.
    let reached = Instant::now() + Duration::from_mins(1);
    while !journal.link().reached && !journal.link().stopped && Instant::now() < reached {
        thread::sleep(Duration::from_millis(20));
    }
    let digest = digest(&mut file).map_err(|error| error.to_string())?;
    let address = format!("{base}{}", percent_encoded(name));
    let timeout = Duration::from_secs(30 + metadata.len() / SLOWEST);
    let mut backoff = Backoff::default();
    let mut problem = String::new();
    for _ in 0..TRIES {
        file.rewind().map_err(|error| error.to_string())?;
        let wait = match api.put(&address, &digest, &file, timeout) {
            Ok(reply) if (200..300).contains(&reply.code) => return Ok(()),
            Ok(reply) if !matches!(reply.code, 408 | 429 | 500..=599) => return Err(reply.describe()),
            Ok(reply) => {
                problem = reply.describe();
                reply.retry_after
            }
            Err(crate::api::Unreachable(error)) => {
                problem = error;
                None
            }
        };
        thread::sleep(wait.unwrap_or_else(|| backoff.next()));
    }
    Err(problem)
}

/// Returns the header `Content-Digest` of a file.
fn digest(file: &mut File) -> std::io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        context.update(&buffer[..length]);
    }
    Ok(format!("sha-256=:{}:", base64(context.finish().as_ref())))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let is_padding = i > chunk.len();
            text.push(if is_padding { '=' } else { ALPHABET[(bits >> (18 - 6 * i)) as usize & 63] as char });
        }
    }
    text
}

/// Encodes a text as a part of an address.
pub(super) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
    }
}
