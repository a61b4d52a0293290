//! Tabs that share one stream, simulated: many of them, messages that take their time, tabs that are closed, killed or
//! frozen without a word, streams that break, and a server that forgets. Whatever happens, once it is quiet one tab leads,
//! and each tab knows all that it shows; and on the way no tab goes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use app::live::{
    Link,
    share::{Act, Election, Frame, Share},
};
use model::{Cursor, Seq};

const TOPICS: [&str; 6] = ["jobs", "row=1", "row=2", "job=3", "job=4", "row=5"];

/// Numbers that look random and are the same each time: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Something that happens at its time.
#[derive(Debug)]
enum What {
    Tick,
    /// A tick that was asked for, besides those of every second.
    Wake,
    Word(String),
    Lock(bool),
    /// Of the stream with that number.
    Hello(u64),
    Said(u64, Frame),
    Broken(u64),
    Open,
    Changed(u64, bool),
    CaughtUp(u64, Option<Vec<Frame>>),
    Thaw,
    /// At the server: what was posted to a stream, and polls.
    Post(u64, Vec<String>, Vec<String>),
    Poll(u64, Vec<String>, Option<Seq>),
}

#[derive(Clone, Debug)]
struct Stream {
    number: u64,
    topics: Vec<String>,
}

/// What a tab shows of one topic.
#[derive(Debug, Default)]
struct Known {
    /// It was shown first when the log was here.
    since: i64,
    /// All up to here is taken in.
    upto: i64,
    events: BTreeSet<i64>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what may be true of a tab is independent")]
struct Tab {
    share: Share,
    cursor: Option<Cursor>,
    known: BTreeMap<String, Known>,
    /// What it shows or has shown.
    ever: BTreeSet<String>,
    there: bool,
    left: bool,
    frozen: bool,
    inbox: VecDeque<What>,
    stream: Option<Stream>,
    change: u64,
    catch_up: u64,
    leads: bool,
}

struct World {
    dice: Dice,
    now: u64,
    election: Election,
    /// By time and order.
    plans: BTreeMap<(u64, u64), (usize, What)>,
    planned: u64,
    /// When what goes from here to there was last due: nothing overtakes.
    ways: BTreeMap<(usize, usize), u64>,
    tabs: Vec<Tab>,
    log: Vec<&'static str>,
    /// Older events are not kept.
    trimmed: i64,
    numbers: u64,
    lock: Option<usize>,
    granting: bool,
    queue: VecDeque<usize>,
    most_streams: usize,
}

/// The server's end of ways.
const SERVER: usize = usize::MAX;

impl World {
    fn new(seed: u64, election: Election) -> Self {
        Self {
            dice: Dice(seed),
            now: 1_000_000,
            election,
            plans: BTreeMap::new(),
            planned: 0,
            ways: BTreeMap::new(),
            tabs: Vec::new(),
            log: Vec::new(),
            trimmed: 0,
            numbers: 0,
            lock: None,
            granting: false,
            queue: VecDeque::new(),
            most_streams: 0,
        }
    }

    fn plan(&mut self, from: usize, to: usize, delay: u64, tab: usize, what: What) {
        let due = (self.now + delay).max(self.ways.get(&(from, to)).copied().unwrap_or(0));
        self.ways.insert((from, to), due);
        self.planned += 1;
        self.plans.insert((due, self.planned), (tab, what));
    }

    /// From one tab to another, or between a tab and the server.
    fn send(&mut self, from: usize, to: usize, tab: usize, what: What) {
        let delay = 1 + self.dice.below(40);
        self.plan(from, to, delay, tab, what);
    }

    fn later(&mut self, tab: usize, delay: u64, what: What) {
        // Timers may overtake.
        self.planned += 1;
        self.plans.insert((self.now + delay, self.planned), (tab, what));
    }

    fn seq(&self) -> i64 {
        self.log.len() as i64
    }

    fn place(&self) -> Cursor {
        Cursor { epoch: "e".to_owned(), seq: Seq(self.seq()) }
    }

    /// A new page, rendered now.
    fn open_tab(&mut self) -> usize {
        let tab = self.tabs.len();
        let cursor = Some(self.place());
        let number = 1 + self.dice.below(1_000_000) as u32 * 100 + tab as u32;
        self.tabs.push(Tab {
            share: Share::new(number),
            cursor,
            known: BTreeMap::new(),
            ever: BTreeSet::new(),
            there: true,
            left: false,
            frozen: false,
            inbox: VecDeque::new(),
            stream: None,
            change: 0,
            catch_up: 0,
            leads: false,
        });
        self.show(tab);
        self.join(tab);
        self.later(tab, 1_000, What::Tick);
        tab
    }

    /// The page comes to show something else.
    fn show(&mut self, tab: usize) {
        let mut shown = vec![TOPICS[0].to_owned()];
        for topic in &TOPICS[1..] {
            if self.dice.below(2) == 0 {
                shown.push((*topic).to_owned());
            }
        }
        let since = self.seq();
        self.tabs[tab].ever.extend(shown.iter().cloned());
        let known = &mut self.tabs[tab].known;
        known.retain(|topic, _| shown.contains(topic));
        for topic in &shown {
            known.entry(topic.clone()).or_insert_with(|| Known { since, upto: since, ..Known::default() });
        }
        let now = self.now as f64;
        let acts = self.tabs[tab].share.want(shown, now);
        self.act(tab, acts);
    }

    fn join(&mut self, tab: usize) {
        let now = self.now as f64;
        let election = self.election;
        let one = &mut self.tabs[tab];
        one.left = false;
        let acts = one.share.join(election, one.cursor.as_ref(), now);
        self.act(tab, acts);
    }

    fn leave(&mut self, tab: usize) {
        self.tabs[tab].left = true;
        self.tabs[tab].catch_up += 1;
        let acts = self.tabs[tab].share.leave();
        self.act(tab, acts);
    }

    /// Without a word: the browser lets go of what it had.
    fn kill(&mut self, tab: usize) {
        self.tabs[tab].there = false;
        self.tabs[tab].stream = None;
        self.let_go(tab, true);
    }

    fn grant(&mut self) {
        if self.lock.is_none()
            && let Some(tab) = self.queue.pop_front()
        {
            (self.lock, self.granting) = (Some(tab), true);
            self.later(tab, 1, What::Lock(true));
        }
    }

    fn let_go(&mut self, tab: usize, dead: bool) {
        self.queue.retain(|other| *other != tab);
        if self.lock == Some(tab) && (dead || !self.granting) {
            self.lock = None;
        }
        self.grant();
    }

    fn act(&mut self, tab: usize, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Say(word) => {
                    for other in 0..self.tabs.len() {
                        if other != tab && self.tabs[other].there && !self.tabs[other].left {
                            self.send(tab, other, other, What::Word(word.clone()));
                        }
                    }
                }
                Act::Queue => {
                    self.queue.push_back(tab);
                    self.grant();
                }
                Act::Seize => {
                    if let Some(robbed) = self.lock
                        && robbed != tab
                    {
                        self.later(robbed, 1, What::Lock(false));
                    }
                    (self.lock, self.granting) = (Some(tab), true);
                    self.later(tab, 1, What::Lock(true));
                }
                Act::Release => self.let_go(tab, false),
                Act::Wake(pause) => self.later(tab, pause as u64, What::Wake),
                Act::Lead(_) => {
                    self.tabs[tab].catch_up += 1;
                    self.tabs[tab].leads = true;
                    self.open(tab);
                }
                Act::Rest => {
                    self.tabs[tab].leads = false;
                    self.tabs[tab].stream = None;
                }
                Act::Change(add, remove) => {
                    self.tabs[tab].change += 1;
                    let number = self.tabs[tab].change;
                    self.send(tab, SERVER, tab, What::Post(number, add, remove));
                }
                Act::CatchUp => {
                    self.tabs[tab].catch_up += 1;
                    let one = &self.tabs[tab];
                    let (number, topics) = (one.catch_up, one.known.keys().cloned().collect());
                    let after = one.cursor.as_ref().map(|cursor| cursor.seq);
                    self.send(tab, SERVER, tab, What::Poll(number, topics, after));
                }
                Act::Apply(frame) => self.apply(tab, &frame),
                Act::Show(..) => {}
            }
        }
    }

    fn open(&mut self, tab: usize) {
        self.numbers += 1;
        let number = self.numbers;
        let (topics, after) = self.tabs[tab].share.ask(false);
        let after = after.map_or(-1, |after| after.seq.0);
        self.tabs[tab].stream = Some(Stream { number, topics: topics.clone() });
        self.send(SERVER, tab, tab, What::Hello(number));
        if let Some(frames) = self.missed(&topics, after) {
            for frame in frames {
                self.send(SERVER, tab, tab, What::Said(number, frame));
            }
        } else {
            let data = topics.join(",");
            let frame = Frame { name: "snapshot".to_owned(), id: Some(self.place()), data };
            self.send(SERVER, tab, tab, What::Said(number, frame));
        }
        let streams = self.tabs.iter().filter(|tab| tab.there && tab.stream.is_some()).count();
        self.most_streams = self.most_streams.max(streams);
    }

    /// What `topics` show of the log after that. `None` where that is not kept.
    fn missed(&self, topics: &[String], after: i64) -> Option<Vec<Frame>> {
        if after < self.trimmed {
            return None;
        }
        let shown = |(place, topic): (usize, &&'static str)| {
            topics.iter().any(|shown| shown == topic).then(|| event(place as i64 + 1, topic))
        };
        Some(self.log.iter().enumerate().skip(after as usize).filter_map(shown).collect())
    }

    /// Something happens to a job.
    fn emit(&mut self) {
        let topic = TOPICS[self.dice.below(TOPICS.len() as u64) as usize];
        self.log.push(topic);
        let frame = event(self.seq(), topic);
        for tab in 0..self.tabs.len() {
            if let Some(stream) = self.tabs[tab].stream.clone()
                && stream.topics.iter().any(|shown| shown == topic)
            {
                self.send(SERVER, tab, tab, What::Said(stream.number, frame.clone()));
            }
        }
    }

    /// What the page does with a frame.
    fn apply(&mut self, tab: usize, frame: &Frame) {
        let seq = frame.id.as_ref().map_or(0, |id| id.seq.0);
        let one = &mut self.tabs[tab];
        let at = one.cursor.as_ref().map_or(-1, |cursor| cursor.seq.0);
        let news = seq > at;
        match (frame.name.as_str(), &frame.id) {
            ("snapshot", None) => {
                let (upto, topics) = frame.data.split_once(' ').expect("a partial snapshot");
                let upto = upto.parse::<i64>().expect("a number");
                for topic in topics.split(',') {
                    if let Some(known) = one.known.get_mut(topic) {
                        known.upto = known.upto.max(upto);
                    }
                }
            }
            ("snapshot", Some(_)) => {
                assert!(seq >= at, "a snapshot of {seq} leads tab {tab} back from {at}");
                one.cursor.clone_from(&frame.id);
                for topic in frame.data.split(',') {
                    assert!(one.ever.contains(topic), "tab {tab} takes in a snapshot with {topic}, of others");
                    if let Some(known) = one.known.get_mut(topic) {
                        known.upto = known.upto.max(seq);
                    }
                }
            }
            ("state", _) if news => {
                one.cursor.clone_from(&frame.id);
                if let Some(known) = one.known.get_mut(&frame.data) {
                    assert!(known.events.last().is_none_or(|last| *last < seq), "tab {tab} goes back to {seq}");
                    known.events.insert(seq);
                }
            }
            ("", _) if news => one.cursor.clone_from(&frame.id),
            _ => {}
        }
    }

    fn server(&mut self, tab: usize, what: What) {
        match what {
            What::Post(number, add, remove) => {
                let partial = format!("{} {}", self.seq(), add.join(","));
                let stream = self.tabs[tab].stream.as_mut().map(|stream| {
                    stream.topics.retain(|topic| !remove.contains(topic));
                    stream.topics.extend(add.iter().cloned());
                    stream.number
                });
                if let Some(stream) = stream
                    && !add.is_empty()
                {
                    let frame = Frame { name: "snapshot".to_owned(), id: None, data: partial };
                    self.send(SERVER, tab, tab, What::Said(stream, frame));
                }
                // By another connection than the stream's.
                let delay = 1 + self.dice.below(40);
                self.later(tab, delay, What::Changed(number, stream.is_some()));
            }
            What::Poll(number, topics, after) => {
                let frames = (self.dice.below(10) > 0).then(|| {
                    let mut frames = self.missed(&topics, after.map_or(-1, |after| after.0)).unwrap_or_else(|| {
                        vec![Frame { name: "snapshot".to_owned(), id: Some(self.place()), data: topics.join(",") }]
                    });
                    frames.push(Frame { name: String::new(), id: Some(self.place()), data: String::new() });
                    frames
                });
                let delay = 1 + self.dice.below(40);
                self.later(tab, delay, What::CaughtUp(number, frames));
            }
            other => unreachable!("{other:?} is not the server's"),
        }
    }

    fn happen(&mut self, tab: usize, what: What) {
        if matches!(what, What::Post(..) | What::Poll(..)) {
            if self.tabs[tab].there {
                self.server(tab, what);
            }
            return;
        }
        if !self.tabs[tab].there {
            return;
        }
        if self.tabs[tab].frozen && !matches!(what, What::Thaw) {
            if !matches!(what, What::Tick) {
                self.tabs[tab].inbox.push_back(what);
            }
            return;
        }
        let now = self.now as f64;
        let one = &mut self.tabs[tab];
        let cursor = one.cursor.clone();
        let current = one.stream.as_ref().map(|stream| stream.number);
        let acts = match what {
            What::Tick | What::Wake => {
                if matches!(what, What::Tick) {
                    self.later(tab, 1_000, What::Tick);
                }
                let one = &mut self.tabs[tab];
                let link = if one.stream.is_some() { Link::Live } else { Link::Reconnecting };
                one.share.told(link, Some(now), cursor.as_ref(), now)
            }
            What::Word(_) if one.left => Vec::new(),
            What::Word(word) => one.share.hear(&word, cursor.as_ref(), now),
            What::Lock(true) => {
                if self.lock != Some(tab) {
                    return;
                }
                self.granting = false;
                one.share.granted(cursor.as_ref(), now)
            }
            What::Lock(false) => one.share.lost(now),
            What::Hello(number) if current == Some(number) => {
                let mut acts = one.share.told(Link::Live, Some(now), cursor.as_ref(), now);
                acts.extend(one.share.opened());
                acts
            }
            What::Said(number, frame) if current == Some(number) => one.share.relay(frame, now),
            What::Broken(number) if current == Some(number) => {
                one.stream = None;
                self.later(tab, 300, What::Open);
                self.tabs[tab].share.told(Link::Reconnecting, Some(now), cursor.as_ref(), now)
            }
            What::Open => {
                if one.leads && one.stream.is_none() {
                    self.open(tab);
                }
                Vec::new()
            }
            What::Changed(number, well) => {
                if number != one.change {
                    return;
                }
                let acts = one.share.changed(well);
                if !well && one.leads && one.stream.is_none() {
                    self.later(tab, 300, What::Open);
                }
                acts
            }
            What::CaughtUp(number, frames) if number == one.catch_up => {
                for frame in frames.iter().flatten() {
                    self.apply(tab, frame);
                }
                self.tabs[tab].share.caught_up(frames.is_some(), now)
            }
            What::Thaw => {
                one.frozen = false;
                let inbox = std::mem::take(&mut one.inbox);
                for what in inbox {
                    self.happen(tab, what);
                }
                self.later(tab, 0, What::Tick);
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.act(tab, acts);
    }

    fn run(&mut self, milliseconds: u64, chaos: bool) {
        let end = self.now + milliseconds;
        let mut next_event = self.now;
        let mut next_chaos = self.now;
        while self.now < end {
            let due = self.plans.first_key_value().map_or(end, |(due, _)| due.0).min(end);
            if next_event <= due {
                self.now = next_event;
                self.emit();
                next_event += 20 + self.dice.below(200);
            } else if chaos && next_chaos <= due {
                self.now = next_chaos;
                self.upset();
                next_chaos += 100 + self.dice.below(3_000);
            } else if due < end {
                let (key, (tab, what)) = self.plans.pop_first().expect("something is planned");
                self.now = self.now.max(key.0);
                self.happen(tab, what);
            } else {
                self.now = end;
            }
        }
    }

    /// Does something to somebody.
    fn upset(&mut self) {
        let there: Vec<usize> = (0..self.tabs.len()).filter(|tab| self.tabs[*tab].there).collect();
        let leader = there.iter().copied().find(|tab| self.tabs[*tab].leads);
        let Some(mut tab) = there.get(self.dice.below(there.len().max(1) as u64) as usize).copied() else {
            self.open_tab();
            return;
        };
        // Leaders have the harder life.
        if self.dice.below(2) == 0 {
            tab = leader.unwrap_or(tab);
        }
        let awake = !self.tabs[tab].frozen && !self.tabs[tab].left;
        match self.dice.below(10) {
            0 | 1 if there.len() < 9 => drop(self.open_tab()),
            2 if there.len() > 3 => self.kill(tab),
            3 if there.len() > 3 && awake => {
                self.leave(tab);
                self.kill(tab);
            }
            4 if awake => {
                self.tabs[tab].frozen = true;
                let pause = self.dice.below(30_000);
                self.later(tab, pause, What::Thaw);
            }
            5 if awake => self.leave(tab),
            6 if self.tabs[tab].left && !self.tabs[tab].frozen => self.join(tab),
            7 if awake => self.show(tab),
            8 => {
                if let Some(stream) = self.tabs[tab].stream.clone() {
                    self.send(SERVER, tab, tab, What::Broken(stream.number));
                }
            }
            9 if self.dice.below(4) == 0 => self.trimmed = self.seq(),
            _ => {}
        }
    }

    /// All that should be true once it has been quiet for a while.
    fn check(&self, seed: u64) {
        let there: Vec<_> = self.tabs.iter().enumerate().filter(|(_, tab)| tab.there).collect();
        let leaders: Vec<_> = there.iter().filter(|(_, tab)| tab.share.leads()).map(|(n, _)| n).collect();
        assert_eq!(leaders.len(), 1, "seed {seed}: who leads is {leaders:?}");
        let streams = there.iter().filter(|(_, tab)| tab.stream.is_some()).count();
        assert_eq!(streams, 1, "seed {seed}: one stream");
        // What was said in the last moment is on its way.
        let settled = self.seq() - 20;
        for (number, tab) in there {
            assert!(tab.share.is_synced(), "seed {seed}: tab {number} is not live: {:?}", tab.share);
            for (topic, known) in &tab.known {
                for seq in known.since + 1..=settled {
                    let told = self.log[seq as usize - 1] != topic || seq <= known.upto || known.events.contains(&seq);
                    assert!(told, "seed {seed}: tab {number} has not heard of {seq}, {topic}: {:?}", tab.share);
                }
            }
        }
    }
}

fn event(seq: i64, topic: &str) -> Frame {
    let id = Some(Cursor { epoch: "e".to_owned(), seq: Seq(seq) });
    Frame { name: "state".to_owned(), id, data: topic.to_owned() }
}

/// A few; `SEEDS` asks for more.
fn seeds(from: u64) -> std::ops::Range<u64> {
    let many = std::env::var("SEEDS").ok().and_then(|many| many.parse().ok());
    from..from + many.unwrap_or(100)
}

fn simulate(election: Election, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut world = World::new(seed, election);
        for _ in 0..2 + world.dice.below(6) {
            world.open_tab();
            world.run(50, false);
        }
        world.run(60_000, true);
        for tab in 0..world.tabs.len() {
            if world.tabs[tab].left && world.tabs[tab].there {
                world.join(tab);
            }
        }
        // The last freeze ends within 30 s.
        world.run(60_000, false);
        world.check(seed);
    }
}

#[test]
fn with_locks_one_tab_leads_and_all_know_everything_whatever_happens() {
    simulate(Election::Lock, seeds(0));
}

#[test]
fn with_the_channel_alone_one_tab_leads_and_all_know_everything_whatever_happens() {
    simulate(Election::Channel, seeds(1_000_000));
}

#[test]
fn eight_tabs_hold_one_stream() {
    for election in [Election::Lock, Election::Channel] {
        let mut world = World::new(7, election);
        for _ in 0..8 {
            world.open_tab();
            world.run(500, false);
        }
        world.run(30_000, false);
        world.check(7);
        assert_eq!(world.most_streams, 1, "{election:?}");
    }
}

/// How long it takes until another tab leads and is answered, milliseconds.
fn hand_over(election: Election, lose: fn(&mut World, usize)) -> u64 {
    let mut world = World::new(11, election);
    for _ in 0..4 {
        world.open_tab();
        world.run(500, false);
    }
    world.run(20_000, false);
    let first = world.tabs.iter().position(|tab| tab.leads).expect("a leader");
    lose(&mut world, first);
    let since = world.now;
    while !world.tabs.iter().enumerate().any(|(tab, one)| tab != first && one.leads && one.share.is_synced()) {
        world.run(10, false);
        assert!(world.now < since + 60_000, "nobody takes over");
    }
    world.now - since
}

#[test]
fn a_leader_that_closes_hands_over_at_once() {
    for election in [Election::Lock, Election::Channel] {
        let took = hand_over(election, |world, tab| {
            world.leave(tab);
            world.kill(tab);
        });
        assert!(took < 1_000, "{election:?}: {took} ms");
    }
}

#[test]
fn a_leader_that_dies_or_hangs_is_replaced_within_a_heartbeat() {
    let took = hand_over(Election::Lock, World::kill);
    assert!(took < 1_000, "the browser passes the lock on: {took} ms");
    let took = hand_over(Election::Channel, World::kill);
    assert!((4_000..10_000).contains(&took), "{took} ms");
    for election in [Election::Lock, Election::Channel] {
        let took = hand_over(election, |world, tab| world.tabs[tab].frozen = true);
        assert!((4_000..10_000).contains(&took), "{election:?}: {took} ms");
    }
}

#[test]
fn a_tab_that_finds_nobody_to_share_with_has_a_stream_of_its_own() {
    let mut share = Share::new(1);
    share.want(vec!["jobs".to_owned()], 0.0);
    assert_eq!(share.join(Election::Alone, None, 0.0), [Act::Lead(false)], "and says nothing to anybody");
    assert_eq!(share.ask(false).0, ["jobs"]);
}

/// What is said among `acts`.
fn said(acts: &[Act]) -> Vec<&str> {
    acts.iter().filter_map(|act| if let Act::Say(word) = act { Some(word.as_str()) } else { None }).collect()
}

#[test]
fn channel_tab_without_an_answer_leads_after_300_ms() {
    let mut share = Share::new(1);
    share.want(vec!["jobs".to_owned()], 0.0);
    let joined = share.join(Election::Channel, None, 0.0);
    assert!(joined.contains(&Act::Wake(300.0)) && !share.leads(), "{joined:?}");
    assert!(!share.tick(None, 299.0).contains(&Act::Lead(true)));
    assert!(share.tick(None, 300.0).contains(&Act::Lead(true)));
}

#[test]
fn channel_tab_that_is_answered_opens_no_stream() {
    let (mut leader, mut follower) = (Share::new(1), Share::new(2));
    leader.want(vec!["jobs".to_owned()], 0.0);
    leader.join(Election::Channel, None, 0.0);
    leader.tick(None, 300.0);
    follower.want(vec!["jobs".to_owned()], 400.0);
    let mut acts = Vec::new();
    for word in said(&follower.join(Election::Channel, None, 400.0)) {
        for word in said(&leader.hear(word, None, 410.0)) {
            acts.extend(follower.hear(word, None, 420.0));
        }
    }
    acts.extend(follower.tick(None, 700.0));
    assert!(leader.leads() && !follower.leads() && !acts.contains(&Act::Lead(true)), "{acts:?}");
}

#[test]
fn who_shows_something_else_is_heard_while_a_long_poll_waits() {
    let cursor = Cursor { epoch: "e".to_owned(), seq: Seq(7) };
    let (mut leader, mut follower) = (Share::new(1), Share::new(2));
    leader.want(vec!["job=1".to_owned()], 0.0);
    leader.join(Election::Channel, Some(&cursor), 0.0);
    leader.tick(Some(&cursor), 300.0);
    // The first poll in place of the stream is answered, and the next one waits.
    leader.ask(true);
    leader.opened();
    leader.ask(true);
    follower.want(vec!["job=2".to_owned()], 301.0);
    let joined = follower.join(Election::Channel, Some(&cursor), 301.0);
    let mut heard = Vec::new();
    for word in said(&joined) {
        heard.extend(leader.hear(word, Some(&cursor), 301.0));
    }
    let change = Act::Change(vec!["job=2".to_owned()], vec![]);
    assert!(heard.contains(&change), "it is asked for at once: {heard:?}");
    // Whatever comes first, the answer to that or the next poll.
    heard.extend(leader.opened());
    assert_eq!(leader.ask(true).0, ["job=1", "job=2"]);
    heard.extend(leader.changed(true));
    let mut taken = Vec::new();
    for word in said(&heard) {
        taken.extend(follower.hear(word, Some(&cursor), 302.0));
    }
    assert!(follower.is_synced() || taken.contains(&Act::CatchUp), "{taken:?} after {heard:?}");
}

#[test]
fn what_is_asked_and_never_answered_is_asked_again() {
    let (mut leader, mut follower) = (Share::new(1), Share::new(2));
    leader.want(vec!["jobs".to_owned()], 0.0);
    leader.join(Election::Channel, None, 0.0);
    leader.tick(None, 300.0);
    leader.ask(false);
    follower.want(vec!["jobs".to_owned()], 301.0);
    let mut taken = Vec::new();
    for word in said(&follower.join(Election::Channel, None, 301.0)) {
        let mut heard = leader.hear(word, None, 301.0);
        heard.extend(leader.opened());
        for word in said(&heard) {
            taken.extend(follower.hear(word, None, 301.0));
        }
    }
    assert!(taken.contains(&Act::CatchUp), "{taken:?}");
    assert!(!follower.tick(None, 9_000.0).contains(&Act::CatchUp), "it may take a while");
    assert!(follower.tick(None, 12_000.0).contains(&Act::CatchUp));
}

#[test]
fn a_tab_that_gets_no_lock_has_a_stream_of_its_own() {
    let mut share = Share::new(1);
    share.want(vec!["jobs".to_owned()], 0.0);
    assert!(share.join(Election::Lock, None, 0.0).contains(&Act::Queue));
    assert!(share.refused(None, 1.0).contains(&Act::Lead(false)));
    assert!(share.leads());
}
