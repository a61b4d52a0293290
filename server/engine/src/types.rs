//! Types that every room uses: ids, names, attribution, visibility, progress curves. They import no other room.

pub(crate) mod attribution;
pub(crate) mod curve;
pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod names;
pub(crate) mod visibility;
