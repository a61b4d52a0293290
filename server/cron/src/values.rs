//! Bit set of the values of one field.

/// Numbers from 0 to 63, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values(u64);

impl Values {
    pub(crate) fn insert(&mut self, value: u8) {
        self.0 |= 1 << value;
    }

    pub(crate) fn contains(self, value: u8) -> bool {
        self.0 >> value & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns the smallest value that is at least `lowest`.
    pub(crate) fn first_from(self, lowest: u8) -> Option<u8> {
        let rest = self.0.checked_shr(lowest.into()).unwrap_or(0);
        (rest != 0).then(|| lowest + rest.trailing_zeros() as u8)
    }

    /// Returns the smallest and the largest value.
    pub(crate) fn ends(self) -> Option<(u8, u8)> {
        (!self.is_empty()).then(|| (self.0.trailing_zeros() as u8, self.0.ilog2() as u8))
    }

    /// Returns the value of a set that has exactly one.
    pub(crate) fn only(self) -> Option<u8> {
        self.ends().filter(|(first, last)| first == last).map(|(first, _)| first)
    }

    /// Iterates over the values in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |value| self.contains(*value))
    }
}

impl FromIterator<u8> for Values {
    fn from_iter<I: IntoIterator<Item = u8>>(values: I) -> Self {
        let mut set = Self::default();
        values.into_iter().for_each(|value| set.insert(value));
        set
    }
}
