//! Which numbers a client has received, in whatever order: none may be missing, none come twice.

/// So far apart may two come in the wrong order.
const WINDOW: u64 = 128;

/// What one client has received.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// All below have come, or stand among the missing.
    floor: u64,
    /// Of those from `floor` on, which have come.
    ahead: u128,
    /// Never came.
    pub(crate) missing: Vec<u64>,
    /// Came more than once.
    pub(crate) doubled: u64,
}

impl Seen {
    /// Of numbers from `first` on.
    pub(crate) const fn from(first: u64) -> Self {
        Self { floor: first, ahead: 0, missing: Vec::new(), doubled: 0 }
    }

    /// Notes one; whether it is new.
    pub(crate) fn add(&mut self, number: u64) -> bool {
        if number < self.floor {
            self.doubled += 1;
            return false;
        }
        while number >= self.floor + WINDOW {
            self.pass();
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

    /// Settles that no number below `end` will come any more but those that did.
    pub(crate) fn end(&mut self, end: u64) {
        while self.floor < end {
            self.pass();
        }
    }

    /// Gives up on the lowest number that may still come, where it has not.
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
    fn order_does_not_matter_but_gaps_and_doubles_do() {
        let mut seen = Seen::from(10);
        for number in [11, 10, 12, 14, 13, 13, 300] {
            seen.add(number);
        }
        seen.end(302);
        assert_eq!((seen.missing, seen.doubled), ((15..300).chain([301]).collect(), 1));
    }
}
