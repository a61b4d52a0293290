//! Which numbers a client has received, in whatever order: none may be missing, none come twice.

/// So far apart may two come in the wrong order.
const WINDOW: u64 = 128;

/// What one client has received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// All below have come, or were given up as missing.
    floor: u64,
    /// Of those from `floor` on, which have come.
    ahead: u128,
    /// Never came.
    pub(crate) missing: u64,
    /// Came more than once.
    pub(crate) doubled: u64,
}

impl Seen {
    /// Of numbers from `first` on.
    pub(crate) const fn from(first: u64) -> Self {
        Self { floor: first, ahead: 0, missing: 0, doubled: 0 }
    }

    /// Notes one; whether it is new.
    pub(crate) fn add(&mut self, number: u64) -> bool {
        if number < self.floor {
            self.doubled += 1;
            return false;
        }
        while number >= self.floor + WINDOW {
            self.missing += u64::from(self.ahead & 1 == 0);
            self.ahead >>= 1;
            self.floor += 1;
        }
        let bit = 1 << (number - self.floor);
        let new = self.ahead & bit == 0;
        self.ahead |= bit;
        self.doubled += u64::from(!new);
        let passed = self.ahead.trailing_ones();
        self.ahead = self.ahead.checked_shr(passed).unwrap_or(0);
        self.floor += u64::from(passed);
        new
    }

    /// Settles that no number below `end` will come any more but those that did; `optional` may or may not have.
    pub(crate) fn end(&mut self, end: u64, optional: &dyn Fn(u64) -> bool) {
        while self.floor < end {
            self.missing += u64::from(self.ahead & 1 == 0 && !optional(self.floor));
            self.ahead >>= 1;
            self.floor += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_but_gaps_and_doubles_do() {
        let mut seen = Seen::from(10);
        for number in [11, 10, 12, 14, 13, 13, 300] {
            seen.add(number);
        }
        seen.end(301, &|number| number == 299);
        assert_eq!((seen.missing, seen.doubled), (300 - 15 - 1, 1));
    }
}
