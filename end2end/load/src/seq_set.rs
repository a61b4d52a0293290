//! Set of received sequence numbers, which may arrive out of order. Finds missing numbers and duplicates.

/// Maximum distance between two numbers that arrive in the wrong order.
const WINDOW: u64 = 128;

/// The numbers that one client received.
#[derive(Clone, Debug)]
pub(crate) struct SeqSet {
    /// Each lower number was received or is in `missing`.
    floor: u64,
    /// Bit set of the received numbers from `floor` on.
    ahead: u128,
    /// Numbers that were never received.
    pub(crate) missing: Vec<u64>,
    /// Number of duplicates.
    pub(crate) duplicates: u64,
}

impl SeqSet {
    /// Creates a set of the numbers from `first` on.
    pub(crate) const fn from(first: u64) -> Self {
        Self { floor: first, ahead: 0, missing: Vec::new(), duplicates: 0 }
    }

    /// Adds a number. Returns whether it is new.
    pub(crate) fn add(&mut self, number: u64) -> bool {
        if number < self.floor {
            self.duplicates += 1;
            return false;
        }
        while number >= self.floor + WINDOW {
            self.pass();
        }
        let bit = 1 << (number - self.floor);
        let new = self.ahead & bit == 0;
        self.ahead |= bit;
        self.duplicates += u64::from(!new);
        let passed = self.ahead.trailing_ones();
        self.ahead = self.ahead.checked_shr(passed).unwrap_or(0);
        self.floor += u64::from(passed);
        new
    }

    /// Declares all numbers below `end` that were not received as missing.
    pub(crate) fn end(&mut self, end: u64) {
        while self.floor < end {
            self.pass();
        }
    }

    /// Advances `floor` by one; a number that was not received becomes missing.
    fn pass(&mut self) {
        if self.ahead & 1 == 0 {
            self.missing.push(self.floor);
        }
        self.ahead >>= 1;
        self.floor += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_duplicates_are_found_in_any_order() {
        let mut set = SeqSet::from(10);
        for number in [11, 10, 12, 14, 13, 13, 300] {
            set.add(number);
        }
        set.end(302);
        assert_eq!((set.missing, set.duplicates), ((15..300).chain([301]).collect(), 1));
    }
}
