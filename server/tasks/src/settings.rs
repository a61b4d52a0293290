//! Settings and limits of the built-in tasks.

/// Settings of the built-in tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskSettings {
    /// Allows `check-links` to request private and loopback addresses.
    pub allow_private_links: bool,
    /// Limits of memory and of the work between two checkpoints.
    pub limits: Limits,
}

/// Limits of memory and of the work between two checkpoints. They are not configurable; tests lower them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most names in an archive that `unpack` reads, including parent folders. A name takes about 40 bytes while the
    /// archive is read and 500 while the result is written.
    pub names: usize,
    /// Most memory of one decoded image, bytes. The default is enough for 133 million pixels in colour. All images in
    /// memory together take at most twice as much.
    pub image: u64,
    /// Uncompressed bytes between two positions at which a later attempt can continue: small enough to lose little,
    /// large enough to compress as well as one frame.
    pub frame: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { names: 200_000, image: 400_000_000, frame: 16 << 20 }
    }
}
