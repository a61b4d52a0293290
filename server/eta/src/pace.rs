//! Pace of a run: progress in blocks of time, and the last lasting change of speed.

use crate::{
    Gaps,
    rhythm::{Cycle, Lengths, Rhythm},
    smoothing::Smoothing,
};

/// Maximum number of blocks. When all are full, adjacent blocks are merged in pairs.
const BLOCKS: usize = 32;
/// Initial length of a block, seconds.
const FIRST_LENGTH: f64 = 0.5;
/// A change of speed needs at least this F value in an analysis of variance …
const MIN_F: f64 = 28.0;
/// … and at least this ratio of the two speeds.
const MIN_RATIO: f64 = 1.15;
/// Minimum number of blocks on either side of a change.
const MIN_BLOCKS: usize = 2;
/// Weight of the recent pace; the rest is the mean since the last change.
const RECENT_WEIGHT: f64 = 0.05;
/// A run with usual gaps longer than this, in seconds, works in bursts.
const MIN_PAUSE: f64 = 1.2;
/// Weight of the fitted line of a run in bursts; the rest is the mean.
const LINE_WEIGHT: f64 = 0.6;

/// Progress over time, without stalls.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    blocks: [Block; BLOCKS],
    count: usize,
    length: f64,
    gaps: Gaps,
    /// The usual gap of earlier runs, seconds.
    known_gap: f64,
    smoothing: Smoothing,
    rhythm: Rhythm,
    seconds: f64,
    /// The longest stall so far, seconds.
    stalled: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    seconds: f64,
    gained: f64,
    /// Stalls in the block, seconds. They count later if they turn out to be usual.
    stalled: f64,
}

impl Block {
    fn merged(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            gained: self.gained + other.gained,
            stalled: self.stalled + other.stalled,
        }
    }
}

/// The pace since the last change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaceEstimate {
    /// Progress per second.
    pub(crate) speed: f64,
    /// Relative standard error of the speed, from the scatter of the blocks; `None` with too few blocks.
    pub(crate) error: Option<f64>,
    /// Seconds since the change.
    pub(crate) seconds: f64,
    /// Progress since the change.
    pub(crate) gained: f64,
    /// Distance of the fitted line of a run in bursts ahead of the position; 0 for a run without bursts. A burst gets
    /// ahead of the line, and the line catches up in the pause.
    ahead: f64,
    /// The cycle of bursts and pauses, if it is regular.
    cycle: Option<Cycle>,
}

impl PaceEstimate {
    /// Returns the seconds until `left` more is done.
    pub(crate) fn until(&self, left: f64) -> f64 {
        match self.cycle {
            Some(cycle) => cycle.until(left),
            None => (left - self.ahead).max(0.0) / self.speed,
        }
    }
}

impl Pace {
    /// Creates an empty pace. Earlier runs had usual gaps of `known_gap` seconds, and the rhythm `known`, if any.
    pub(crate) fn new(known_gap: f64, known: Option<Lengths>) -> Self {
        Self {
            blocks: [Block::default(); BLOCKS],
            count: 1,
            length: FIRST_LENGTH,
            gaps: Gaps::default(),
            known_gap,
            smoothing: Smoothing::default(),
            rhythm: Rhythm::new(known),
            seconds: 0.0,
            stalled: 0.0,
        }
    }

    /// Records a step forward, `silence` seconds after the last one.
    pub(crate) fn observe(&mut self, gained: f64, silence: f64) {
        let most = self.stall_after();
        self.gaps.observe(silence);
        let counted =
            if silence > most { self.gaps.usual().max(self.known_gap).max(FIRST_LENGTH).min(silence) } else { silence };
        if silence > most {
            self.stalled = self.stalled.max(silence);
            self.blocks[self.count - 1].stalled += silence - counted;
        }
        if self.stalled > 0.0 && self.stalled <= self.stall_after() {
            // The gap has become usual, so it was not a stall.
            for block in &mut self.blocks[..self.count] {
                block.seconds += std::mem::take(&mut block.stalled);
            }
            self.stalled = 0.0;
        }
        self.smoothing.observe(gained, counted.max(1e-3), self.seconds);
        self.rhythm.observe(gained, counted, self.gaps.usual().max(self.known_gap));
        self.add(gained, counted);
    }

    /// Returns the length of a gap, in seconds, from which on it is a stall.
    pub(crate) fn stall_after(&self) -> f64 {
        self.gaps.stall_after(self.known_gap)
    }

    /// Estimates the present pace; `None` before any progress.
    pub(crate) fn estimate(&self, silence: f64) -> Option<PaceEstimate> {
        let mut blocks = &self.blocks[..self.count];
        if let Some(cycle) = self.rhythm.cycle() {
            let ((seconds, gained), speed) = (sum(blocks), cycle.speed());
            return Some(PaceEstimate {
                speed,
                error: Some(cycle.error),
                seconds,
                gained,
                ahead: 0.0,
                cycle: Some(cycle),
            });
        }
        // A burst is not a change of speed, so each compared group holds several bursts.
        let per_group =
            (2.0 * self.gaps.usual().max(self.known_gap) / self.length).ceil().clamp(1.0, BLOCKS as f64) as usize;
        while let Some(change) = last_change(blocks, per_group) {
            blocks = &blocks[change..];
        }
        let (seconds, gained) = sum(blocks);
        if seconds <= 0.0 || gained <= 0.0 {
            return None;
        }
        let mean = gained / seconds;
        let (groups, count) = grouped(blocks, per_group);
        let error = standard_error(&groups[..count], mean).or_else(|| standard_error(blocks, mean));
        if self.gaps.usual() > MIN_PAUSE
            && let Some((slope, before)) = line(blocks)
        {
            let silence = silence.min(self.stall_after());
            let mean = gained / (seconds + silence);
            let speed = LINE_WEIGHT * slope + (1.0 - LINE_WEIGHT) * mean;
            let ahead = LINE_WEIGHT * before - (1.0 - LINE_WEIGHT) * mean * silence;
            return Some(PaceEstimate { speed, error, seconds, gained, ahead, cycle: None });
        }
        let recent = self.smoothing.pace().unwrap_or(mean);
        let speed = mean * (1.0 - RECENT_WEIGHT) + recent * RECENT_WEIGHT;
        Some(PaceEstimate { speed, error, seconds, gained, ahead: 0.0, cycle: None })
    }

    fn add(&mut self, gained: f64, seconds: f64) {
        self.seconds += seconds;
        // A step that is longer than a block is spread over several blocks.
        let mut left = seconds;
        loop {
            let room = self.length - self.blocks[self.count - 1].seconds;
            let part = left.min(room.max(0.0));
            let block = &mut self.blocks[self.count - 1];
            block.seconds += part;
            block.gained += if seconds > 0.0 { gained * part / seconds } else { gained };
            left -= part;
            if left <= 0.0 {
                return;
            }
            if self.count == BLOCKS {
                self.halve();
            }
            self.count += 1;
        }
    }

    fn halve(&mut self) {
        for pair in 0..BLOCKS / 2 {
            self.blocks[pair] = self.blocks[2 * pair].merged(self.blocks[2 * pair + 1]);
        }
        self.blocks[BLOCKS / 2..].fill(Block::default());
        self.count = BLOCKS / 2;
        self.length *= 2.0;
    }
}

fn sum(blocks: &[Block]) -> (f64, f64) {
    blocks.iter().fold((0.0, 0.0), |(seconds, gained), block| (seconds + block.seconds, gained + block.gained))
}

/// Fits a line to the progress over time by least squares. Returns its slope, and its distance from the last point. A
/// mean would overestimate the speed at the end of a burst.
fn line(blocks: &[Block]) -> Option<(f64, f64)> {
    let (all_seconds, all_gained) = sum(blocks);
    let (mut x, mut y) = (0.0, 0.0);
    let (mut sum_x, mut sum_y, mut variance, mut covariance) = (0.0, 0.0, 0.0, 0.0);
    // The weight of a block is its time; a twelfth of the square accounts for the slope within it.
    for block in blocks {
        let (middle, height) = (x + block.seconds / 2.0, y + block.gained / 2.0);
        sum_x += block.seconds * middle;
        sum_y += block.seconds * height;
        variance += block.seconds * (middle * middle + block.seconds * block.seconds / 12.0);
        covariance += block.seconds * (middle * height + block.seconds * block.gained / 12.0);
        (x, y) = (x + block.seconds, y + block.gained);
    }
    let (mean_x, mean_y) = (sum_x / all_seconds, sum_y / all_seconds);
    let slope = (covariance / all_seconds - mean_x * mean_y) / (variance / all_seconds - mean_x * mean_x);
    let end = mean_y + slope * (all_seconds - mean_x);
    (blocks.len() >= 4 && slope.is_finite() && slope > 0.0).then_some((slope, end - all_gained))
}

/// Returns the squared deviations of the blocks from `mean`, weighted by time.
fn squares(blocks: &[Block], mean: f64) -> f64 {
    blocks
        .iter()
        .filter(|block| block.seconds > 0.0)
        .map(|block| block.seconds * (block.gained / block.seconds - mean).powi(2))
        .sum()
}

/// Merges each `per_group` blocks into one; a remainder goes into the first.
fn grouped(blocks: &[Block], per_group: usize) -> ([Block; BLOCKS], usize) {
    let mut groups = [Block::default(); BLOCKS];
    let count = blocks.len() / per_group;
    let over = blocks.len() - count * per_group;
    for (place, block) in blocks.iter().enumerate() {
        let group = &mut groups[place.saturating_sub(over) / per_group];
        *group = group.merged(*block);
    }
    (groups, count)
}

/// Returns the first block after the last change of speed, with `per_group` blocks compared as one.
fn last_change(blocks: &[Block], per_group: usize) -> Option<usize> {
    let (groups, count) = grouped(blocks, per_group);
    change_in(&groups[..count]).map(|change| blocks.len() - (count - change) * per_group)
}

fn change_in(blocks: &[Block]) -> Option<usize> {
    let count = blocks.len();
    if count < 2 * MIN_BLOCKS + 1 {
        return None;
    }
    let (seconds, gained) = sum(blocks);
    let whole = squares(blocks, gained / seconds);
    let mut best: Option<(f64, usize)> = None;
    for place in MIN_BLOCKS..=count - MIN_BLOCKS {
        let ((s1, g1), (s2, g2)) = (sum(&blocks[..place]), sum(&blocks[place..]));
        let (before, after) = (g1 / s1, g2 / s2);
        let (less, more) = (before.min(after), before.max(after));
        if more < less * MIN_RATIO {
            continue;
        }
        let rest = squares(&blocks[..place], before) + squares(&blocks[place..], after);
        if best.is_none_or(|(least, _)| rest < least) {
            best = Some((rest, place));
        }
    }
    let (rest, place) = best?;
    ((whole - rest) * (count - 2) as f64 > MIN_F * rest).then_some(place)
}

fn standard_error(blocks: &[Block], mean: f64) -> Option<f64> {
    let (seconds, _) = sum(blocks);
    let count = blocks.len();
    (count >= 3 && mean > 0.0).then(|| (squares(blocks, mean) / seconds / (count - 1) as f64).sqrt() / mean)
}
