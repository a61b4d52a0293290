//! The course of a run: how fast it went in each of a few blocks of time, and since when it has gone as it goes now.

use crate::{
    Gaps,
    rhythm::{Beat, Lengths, Rhythm},
    smoothing::Smoothing,
};

/// Blocks at most; where they are full, two and two become one.
const BLOCKS: usize = 32;
/// The length of a block at first, seconds.
const FIRST: f64 = 0.5;
/// How much better two speeds must explain the blocks than one, as the F of an analysis of variance …
const CLEARLY: f64 = 28.0;
/// … and by how much they must differ, as a ratio.
const DIFFERENT: f64 = 1.15;
/// Blocks on either side of a change, at least.
const SIDE: usize = 2;
/// What the recent pace weighs beside the mean since the last change.
const RECENT: f64 = 0.05;
/// Who is used to silences longer than this, in seconds, goes in bursts.
const PAUSE: f64 = 1.2;
/// What the line through a course of bursts weighs beside the mean of all of it.
const LINE: f64 = 0.6;

/// Steps forward and the time they took, stalls left out.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    blocks: [Block; BLOCKS],
    count: usize,
    length: f64,
    gaps: Gaps,
    /// What earlier runs were used to, seconds without a step.
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
    /// Stalls in it, which may turn out to be a habit.
    stalled: f64,
}

impl Block {
    fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            gained: self.gained + other.gained,
            stalled: self.stalled + other.stalled,
        }
    }
}

/// How it goes since the last change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Gained per second.
    pub(crate) speed: f64,
    /// The relative standard error of that, from how the blocks scatter; `None` where there are too few to say.
    pub(crate) error: Option<f64>,
    /// Seconds since the change.
    pub(crate) seconds: f64,
    /// Gained since then.
    pub(crate) gained: f64,
    /// How far the line through a course of bursts lies before the place reached: bursts get ahead of it, and pauses let
    /// it catch up. 0 for a run that does not go in bursts.
    ahead: f64,
    /// Its rhythm, if it has one.
    beat: Option<Beat>,
}

impl Pace {
    /// Seconds until so much more is gained.
    pub(crate) fn until(&self, left: f64) -> f64 {
        match self.beat {
            Some(beat) => beat.until(left),
            None => (left - self.ahead).max(0.0) / self.speed,
        }
    }
}

impl Course {
    /// Nothing seen; earlier runs were used to silences of `known_gap` seconds, and had the rhythm `known` or none.
    pub(crate) fn new(known_gap: f64, known: Option<Lengths>) -> Self {
        Self {
            blocks: [Block::default(); BLOCKS],
            count: 1,
            length: FIRST,
            gaps: Gaps::default(),
            known_gap,
            smoothing: Smoothing::default(),
            rhythm: Rhythm::new(known),
            seconds: 0.0,
            stalled: 0.0,
        }
    }

    /// Takes note of a step forward, `silence` seconds after the one before.
    pub(crate) fn saw(&mut self, gained: f64, silence: f64) {
        let most = self.stall_after();
        self.gaps.saw(silence);
        let counted =
            if silence > most { self.gaps.usual().max(self.known_gap).max(FIRST).min(silence) } else { silence };
        if silence > most {
            self.stalled = self.stalled.max(silence);
            self.blocks[self.count - 1].stalled += silence - counted;
        }
        if self.stalled > 0.0 && self.stalled <= self.stall_after() {
            // What looked like a stall is a habit.
            for block in &mut self.blocks[..self.count] {
                block.seconds += std::mem::take(&mut block.stalled);
            }
            self.stalled = 0.0;
        }
        self.smoothing.saw(gained, counted.max(1e-3), self.seconds);
        self.rhythm.saw(gained, counted, self.gaps.usual().max(self.known_gap));
        self.add(gained, counted);
    }

    /// Seconds of silence after which this run has stalled.
    pub(crate) fn stall_after(&self) -> f64 {
        self.gaps.stall_after(self.known_gap)
    }

    /// How it goes; `None` before anything has been gained.
    pub(crate) fn pace(&self, silence: f64) -> Option<Pace> {
        let mut blocks = &self.blocks[..self.count];
        if let Some(beat) = self.rhythm.beat() {
            let ((seconds, gained), speed) = (sum(blocks), beat.speed());
            return Some(Pace { speed, error: Some(beat.error), seconds, gained, ahead: 0.0, beat: Some(beat) });
        }
        // Bursts are no changes: what is compared holds several of them.
        let together =
            (2.0 * self.gaps.usual().max(self.known_gap) / self.length).ceil().clamp(1.0, BLOCKS as f64) as usize;
        while let Some(change) = last_change(blocks, together) {
            blocks = &blocks[change..];
        }
        let (seconds, gained) = sum(blocks);
        if seconds <= 0.0 || gained <= 0.0 {
            return None;
        }
        let mean = gained / seconds;
        let (groups, count) = grouped(blocks, together);
        let error = standard_error(&groups[..count], mean).or_else(|| standard_error(blocks, mean));
        if self.gaps.usual() > PAUSE
            && let Some((slope, before)) = line(blocks)
        {
            let silence = silence.min(self.stall_after());
            let mean = gained / (seconds + silence);
            let speed = LINE * slope + (1.0 - LINE) * mean;
            let ahead = LINE * before - (1.0 - LINE) * mean * silence;
            return Some(Pace { speed, error, seconds, gained, ahead, beat: None });
        }
        let recent = self.smoothing.pace().unwrap_or(mean);
        let speed = mean * (1.0 - RECENT) + recent * RECENT;
        Some(Pace { speed, error, seconds, gained, ahead: 0.0, beat: None })
    }

    fn add(&mut self, gained: f64, seconds: f64) {
        self.seconds += seconds;
        // A step that took longer than a block is spread over several.
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
            self.blocks[pair] = self.blocks[2 * pair].and(self.blocks[2 * pair + 1]);
        }
        self.blocks[BLOCKS / 2..].fill(Block::default());
        self.count = BLOCKS / 2;
        self.length *= 2.0;
    }
}

fn sum(blocks: &[Block]) -> (f64, f64) {
    blocks.iter().fold((0.0, 0.0), |(seconds, gained), block| (seconds + block.seconds, gained + block.gained))
}

/// The line through what was gained by when, as least squares have it: gained per second, and how far before the last
/// point it ends. A mean would take a burst that has just ended, or not quite, for speed.
fn line(blocks: &[Block]) -> Option<(f64, f64)> {
    let (all_seconds, all_gained) = sum(blocks);
    let (mut x, mut y) = (0.0, 0.0);
    let (mut sum_x, mut sum_y, mut spread, mut together) = (0.0, 0.0, 0.0, 0.0);
    // Each block weighs as its time does: the middle of it stands for it, and the rest is its own slope.
    for block in blocks {
        let (middle, height) = (x + block.seconds / 2.0, y + block.gained / 2.0);
        sum_x += block.seconds * middle;
        sum_y += block.seconds * height;
        spread += block.seconds * (middle * middle + block.seconds * block.seconds / 12.0);
        together += block.seconds * (middle * height + block.seconds * block.gained / 12.0);
        (x, y) = (x + block.seconds, y + block.gained);
    }
    let (mean_x, mean_y) = (sum_x / all_seconds, sum_y / all_seconds);
    let slope = (together / all_seconds - mean_x * mean_y) / (spread / all_seconds - mean_x * mean_x);
    let end = mean_y + slope * (all_seconds - mean_x);
    (blocks.len() >= 4 && slope.is_finite() && slope > 0.0).then_some((slope, end - all_gained))
}

/// How far the blocks scatter about `mean`: squares, weighted by time.
fn squares(blocks: &[Block], mean: f64) -> f64 {
    blocks
        .iter()
        .filter(|block| block.seconds > 0.0)
        .map(|block| block.seconds * (block.gained / block.seconds - mean).powi(2))
        .sum()
}

/// The same blocks, so many taken together; what is left over counts with the first.
fn grouped(blocks: &[Block], together: usize) -> ([Block; BLOCKS], usize) {
    let mut groups = [Block::default(); BLOCKS];
    let count = blocks.len() / together;
    let over = blocks.len() - count * together;
    for (place, block) in blocks.iter().enumerate() {
        let group = &mut groups[place.saturating_sub(over) / together];
        *group = group.and(*block);
    }
    (groups, count)
}

/// The block from which on two speeds explain the blocks much better than one, if so many are taken `together`.
fn last_change(blocks: &[Block], together: usize) -> Option<usize> {
    let (groups, count) = grouped(blocks, together);
    change_in(&groups[..count]).map(|change| blocks.len() - (count - change) * together)
}

fn change_in(blocks: &[Block]) -> Option<usize> {
    let count = blocks.len();
    if count < 2 * SIDE + 1 {
        return None;
    }
    let (seconds, gained) = sum(blocks);
    let whole = squares(blocks, gained / seconds);
    let mut best: Option<(f64, usize)> = None;
    for place in SIDE..=count - SIDE {
        let ((s1, g1), (s2, g2)) = (sum(&blocks[..place]), sum(&blocks[place..]));
        let (before, after) = (g1 / s1, g2 / s2);
        let (less, more) = (before.min(after), before.max(after));
        if more < less * DIFFERENT {
            continue;
        }
        let rest = squares(&blocks[..place], before) + squares(&blocks[place..], after);
        if best.is_none_or(|(least, _)| rest < least) {
            best = Some((rest, place));
        }
    }
    let (rest, place) = best?;
    ((whole - rest) * (count - 2) as f64 > CLEARLY * rest).then_some(place)
}

fn standard_error(blocks: &[Block], mean: f64) -> Option<f64> {
    let (seconds, _) = sum(blocks);
    let count = blocks.len();
    (count >= 3 && mean > 0.0).then(|| (squares(blocks, mean) / seconds / (count - 1) as f64).sqrt() / mean)
}
