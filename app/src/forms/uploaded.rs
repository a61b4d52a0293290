use serde::{Deserialize, Serialize};

/// The response of `POST /uploads`: a file that was received completely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The upload's id, which the input field holds.
    pub upload: String,
    pub name: String,
    pub size: u64,
}

impl From<engine::Upload> for Uploaded {
    fn from(upload: engine::Upload) -> Self {
        Self { upload: upload.id, name: upload.name, size: upload.size }
    }
}
