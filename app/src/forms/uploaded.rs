use serde::{Deserialize, Serialize};

/// What `POST /uploads` answers: a file that has arrived whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// What an input field holds.
    pub upload: String,
    /// The name it came with.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

impl From<engine::Upload> for Uploaded {
    fn from(upload: engine::Upload) -> Self {
        Self { upload: upload.id, name: upload.name, size: upload.size }
    }
}
