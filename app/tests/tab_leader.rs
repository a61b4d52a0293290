//! Tab leader, simulated: many tabs, delayed messages, tabs that are closed, killed or frozen, streams that break, and
//! a server that forgets. After a quiet period one tab leads and each tab has applied everything that it shows; no tab
//! ever goes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use app::live::{
    ConnectionState,
    tab_leader::{Effect, Election, SharedStream, SseFrame},
};
use model::{Cursor, Seq};

const TOPICS: [&str; 6] = ["jobs", "row=1", "row=2", "job=3", "job=4", "row=5"];

/// Reproducible random numbers: splitmix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// An event of the simulation.
#[derive(Debug)]
enum SimEvent {
    Tick,
    /// A requested tick, besides those of every second.
    Wake,
    Word(String),
    Lock(bool),
    /// Of the stream with that number.
    Hello(u64),
    Said(u64, SseFrame),
    Broken(u64),
    Open,
    Changed(u64, bool),
    CaughtUp(u64, Option<Vec<SseFrame>>),
    Thaw,
    /// At the server: changes of topics, and polls.
    Post(u64, Vec<String>, Vec<String>),
    Poll(u64, Vec<String>, Option<Seq>),
}

#[derive(Clone, Debug)]
struct Stream {
    number: u64,
    topics: Vec<String>,
}

/// What a tab knows of one topic.
#[derive(Debug, Default)]
struct Known {
    /// The log's position when it was first shown.
    since: i64,
    /// Everything up to here is applied.
    upto: i64,
    events: BTreeSet<i64>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what may be true of a tab is independent")]
struct Tab {
    share: SharedStream,
    cursor: Option<Cursor>,
    known: BTreeMap<String, Known>,
    /// What it shows or has shown.
    ever: BTreeSet<String>,
    there: bool,
    left: bool,
    frozen: bool,
    inbox: VecDeque<SimEvent>,
    stream: Option<Stream>,
    change: u64,
    catch_up: u64,
    leads: bool,
}

struct Simulation {
    rng: Rng,
    now: u64,
    election: Election,
    /// By time and order.
    plans: BTreeMap<(u64, u64), (usize, SimEvent)>,
    planned: u64,
    /// The last due time from one place to another: nothing overtakes.
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

/// The server as a place.
const SERVER: usize = usize::MAX;

impl Simulation {
    fn new(seed: u64, election: Election) -> Self {
        Self {
            rng: Rng(seed),
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

    fn plan(&mut self, from: usize, to: usize, delay: u64, tab: usize, what: SimEvent) {
        let due = (self.now + delay).max(self.ways.get(&(from, to)).copied().unwrap_or(0));
        self.ways.insert((from, to), due);
        self.planned += 1;
        self.plans.insert((due, self.planned), (tab, what));
    }

    /// From one tab to another, or between a tab and the server.
    fn send(&mut self, from: usize, to: usize, tab: usize, what: SimEvent) {
        let delay = 1 + self.rng.below(40);
        self.plan(from, to, delay, tab, what);
    }

    fn later(&mut self, tab: usize, delay: u64, what: SimEvent) {
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
        let number = 1 + self.rng.below(1_000_000) as u32 * 100 + tab as u32;
        self.tabs.push(Tab {
            share: SharedStream::new(number),
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
        self.later(tab, 1_000, SimEvent::Tick);
        tab
    }

    /// Changes the topics of a page.
    fn show(&mut self, tab: usize) {
        let mut shown = vec![TOPICS[0].to_owned()];
        for topic in &TOPICS[1..] {
            if self.rng.below(2) == 0 {
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
        let effects = self.tabs[tab].share.set_topics(shown, now);
        self.act(tab, effects);
    }

    fn join(&mut self, tab: usize) {
        let now = self.now as f64;
        let election = self.election;
        let one = &mut self.tabs[tab];
        one.left = false;
        let effects = one.share.join(election, one.cursor.as_ref(), now);
        self.act(tab, effects);
    }

    fn leave(&mut self, tab: usize) {
        self.tabs[tab].left = true;
        self.tabs[tab].catch_up += 1;
        let effects = self.tabs[tab].share.leave();
        self.act(tab, effects);
    }

    /// Without a message: the browser releases what the tab held.
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
            self.later(tab, 1, SimEvent::Lock(true));
        }
    }

    fn let_go(&mut self, tab: usize, dead: bool) {
        self.queue.retain(|other| *other != tab);
        if self.lock == Some(tab) && (dead || !self.granting) {
            self.lock = None;
        }
        self.grant();
    }

    fn act(&mut self, tab: usize, effects: Vec<Effect>) {
        for act in effects {
            match act {
                Effect::Broadcast(word) => {
                    for other in 0..self.tabs.len() {
                        if other != tab && self.tabs[other].there && !self.tabs[other].left {
                            self.send(tab, other, other, SimEvent::Word(word.clone()));
                        }
                    }
                }
                Effect::QueueForLock => {
                    self.queue.push_back(tab);
                    self.grant();
                }
                Effect::StealLock => {
                    if let Some(robbed) = self.lock
                        && robbed != tab
                    {
                        self.later(robbed, 1, SimEvent::Lock(false));
                    }
                    (self.lock, self.granting) = (Some(tab), true);
                    self.later(tab, 1, SimEvent::Lock(true));
                }
                Effect::ReleaseLock => self.let_go(tab, false),
                Effect::Wake(pause) => self.later(tab, pause as u64, SimEvent::Wake),
                Effect::OpenStream(_) => {
                    self.tabs[tab].catch_up += 1;
                    self.tabs[tab].leads = true;
                    self.open(tab);
                }
                Effect::CloseStream => {
                    self.tabs[tab].leads = false;
                    self.tabs[tab].stream = None;
                }
                Effect::ChangeTopics(add, remove) => {
                    self.tabs[tab].change += 1;
                    let number = self.tabs[tab].change;
                    self.send(tab, SERVER, tab, SimEvent::Post(number, add, remove));
                }
                Effect::CatchUp => {
                    self.tabs[tab].catch_up += 1;
                    let one = &self.tabs[tab];
                    let (number, topics) = (one.catch_up, one.known.keys().cloned().collect());
                    let after = one.cursor.as_ref().map(|cursor| cursor.seq);
                    self.send(tab, SERVER, tab, SimEvent::Poll(number, topics, after));
                }
                Effect::Apply(frame) => self.apply(tab, &frame),
                Effect::ShowState(..) => {}
            }
        }
    }

    fn open(&mut self, tab: usize) {
        self.numbers += 1;
        let number = self.numbers;
        let (topics, after) = self.tabs[tab].share.begin_request(false);
        let after = after.map_or(-1, |after| after.seq.0);
        self.tabs[tab].stream = Some(Stream { number, topics: topics.clone() });
        self.send(SERVER, tab, tab, SimEvent::Hello(number));
        if let Some(frames) = self.missed(&topics, after) {
            for frame in frames {
                self.send(SERVER, tab, tab, SimEvent::Said(number, frame));
            }
        } else {
            let data = topics.join(",");
            let frame = SseFrame { name: "snapshot".to_owned(), id: Some(self.place()), data };
            self.send(SERVER, tab, tab, SimEvent::Said(number, frame));
        }
        let streams = self.tabs.iter().filter(|tab| tab.there && tab.stream.is_some()).count();
        self.most_streams = self.most_streams.max(streams);
    }

    /// The events of `topics` after a position; `None` if they are not kept.
    fn missed(&self, topics: &[String], after: i64) -> Option<Vec<SseFrame>> {
        if after < self.trimmed {
            return None;
        }
        let shown = |(place, topic): (usize, &&'static str)| {
            topics.iter().any(|shown| shown == topic).then(|| event(place as i64 + 1, topic))
        };
        Some(self.log.iter().enumerate().skip(after as usize).filter_map(shown).collect())
    }

    /// A job changes.
    fn emit(&mut self) {
        let topic = TOPICS[self.rng.below(TOPICS.len() as u64) as usize];
        self.log.push(topic);
        let frame = event(self.seq(), topic);
        for tab in 0..self.tabs.len() {
            if let Some(stream) = self.tabs[tab].stream.clone()
                && stream.topics.iter().any(|shown| shown == topic)
            {
                self.send(SERVER, tab, tab, SimEvent::Said(stream.number, frame.clone()));
            }
        }
    }

    /// A page applies a frame.
    fn apply(&mut self, tab: usize, frame: &SseFrame) {
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

    fn server(&mut self, tab: usize, what: SimEvent) {
        match what {
            SimEvent::Post(number, add, remove) => {
                let partial = format!("{} {}", self.seq(), add.join(","));
                let stream = self.tabs[tab].stream.as_mut().map(|stream| {
                    stream.topics.retain(|topic| !remove.contains(topic));
                    stream.topics.extend(add.iter().cloned());
                    stream.number
                });
                if let Some(stream) = stream
                    && !add.is_empty()
                {
                    let frame = SseFrame { name: "snapshot".to_owned(), id: None, data: partial };
                    self.send(SERVER, tab, tab, SimEvent::Said(stream, frame));
                }
                // By another connection than the stream's.
                let delay = 1 + self.rng.below(40);
                self.later(tab, delay, SimEvent::Changed(number, stream.is_some()));
            }
            SimEvent::Poll(number, topics, after) => {
                let frames = (self.rng.below(10) > 0).then(|| {
                    let mut frames = self.missed(&topics, after.map_or(-1, |after| after.0)).unwrap_or_else(|| {
                        vec![SseFrame { name: "snapshot".to_owned(), id: Some(self.place()), data: topics.join(",") }]
                    });
                    frames.push(SseFrame { name: String::new(), id: Some(self.place()), data: String::new() });
                    frames
                });
                let delay = 1 + self.rng.below(40);
                self.later(tab, delay, SimEvent::CaughtUp(number, frames));
            }
            other => unreachable!("{other:?} is not the server's"),
        }
    }

    fn happen(&mut self, tab: usize, what: SimEvent) {
        if matches!(what, SimEvent::Post(..) | SimEvent::Poll(..)) {
            if self.tabs[tab].there {
                self.server(tab, what);
            }
            return;
        }
        if !self.tabs[tab].there {
            return;
        }
        if self.tabs[tab].frozen && !matches!(what, SimEvent::Thaw) {
            if !matches!(what, SimEvent::Tick) {
                self.tabs[tab].inbox.push_back(what);
            }
            return;
        }
        let now = self.now as f64;
        let one = &mut self.tabs[tab];
        let cursor = one.cursor.clone();
        let current = one.stream.as_ref().map(|stream| stream.number);
        let effects = match what {
            SimEvent::Tick | SimEvent::Wake => {
                if matches!(what, SimEvent::Tick) {
                    self.later(tab, 1_000, SimEvent::Tick);
                }
                let one = &mut self.tabs[tab];
                let link = if one.stream.is_some() { ConnectionState::Live } else { ConnectionState::Reconnecting };
                one.share.connection_changed(link, Some(now), cursor.as_ref(), now)
            }
            SimEvent::Word(_) if one.left => Vec::new(),
            SimEvent::Word(word) => one.share.receive(&word, cursor.as_ref(), now),
            SimEvent::Lock(true) => {
                if self.lock != Some(tab) {
                    return;
                }
                self.granting = false;
                one.share.lock_granted(cursor.as_ref(), now)
            }
            SimEvent::Lock(false) => one.share.lock_lost(now),
            SimEvent::Hello(number) if current == Some(number) => {
                let mut effects = one.share.connection_changed(ConnectionState::Live, Some(now), cursor.as_ref(), now);
                effects.extend(one.share.opened());
                effects
            }
            SimEvent::Said(number, frame) if current == Some(number) => one.share.relay(frame, now),
            SimEvent::Broken(number) if current == Some(number) => {
                one.stream = None;
                self.later(tab, 300, SimEvent::Open);
                self.tabs[tab].share.connection_changed(ConnectionState::Reconnecting, Some(now), cursor.as_ref(), now)
            }
            SimEvent::Open => {
                if one.leads && one.stream.is_none() {
                    self.open(tab);
                }
                Vec::new()
            }
            SimEvent::Changed(number, well) => {
                if number != one.change {
                    return;
                }
                let effects = one.share.topics_changed(well);
                if !well && one.leads && one.stream.is_none() {
                    self.later(tab, 300, SimEvent::Open);
                }
                effects
            }
            SimEvent::CaughtUp(number, frames) if number == one.catch_up => {
                for frame in frames.iter().flatten() {
                    self.apply(tab, frame);
                }
                self.tabs[tab].share.caught_up(frames.is_some(), now)
            }
            SimEvent::Thaw => {
                one.frozen = false;
                let inbox = std::mem::take(&mut one.inbox);
                for what in inbox {
                    self.happen(tab, what);
                }
                self.later(tab, 0, SimEvent::Tick);
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.act(tab, effects);
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
                next_event += 20 + self.rng.below(200);
            } else if chaos && next_chaos <= due {
                self.now = next_chaos;
                self.disturb();
                next_chaos += 100 + self.rng.below(3_000);
            } else if due < end {
                let (key, (tab, what)) = self.plans.pop_first().expect("something is planned");
                self.now = self.now.max(key.0);
                self.happen(tab, what);
            } else {
                self.now = end;
            }
        }
    }

    /// Closes, kills, freezes or disconnects a tab.
    fn disturb(&mut self) {
        let there: Vec<usize> = (0..self.tabs.len()).filter(|tab| self.tabs[*tab].there).collect();
        let leader = there.iter().copied().find(|tab| self.tabs[*tab].leads);
        let Some(mut tab) = there.get(self.rng.below(there.len().max(1) as u64) as usize).copied() else {
            self.open_tab();
            return;
        };
        // Leaders are disturbed more often.
        if self.rng.below(2) == 0 {
            tab = leader.unwrap_or(tab);
        }
        let awake = !self.tabs[tab].frozen && !self.tabs[tab].left;
        match self.rng.below(10) {
            0 | 1 if there.len() < 9 => drop(self.open_tab()),
            2 if there.len() > 3 => self.kill(tab),
            3 if there.len() > 3 && awake => {
                self.leave(tab);
                self.kill(tab);
            }
            4 if awake => {
                self.tabs[tab].frozen = true;
                let pause = self.rng.below(30_000);
                self.later(tab, pause, SimEvent::Thaw);
            }
            5 if awake => self.leave(tab),
            6 if self.tabs[tab].left && !self.tabs[tab].frozen => self.join(tab),
            7 if awake => self.show(tab),
            8 => {
                if let Some(stream) = self.tabs[tab].stream.clone() {
                    self.send(SERVER, tab, tab, SimEvent::Broken(stream.number));
                }
            }
            9 if self.rng.below(4) == 0 => self.trimmed = self.seq(),
            _ => {}
        }
    }

    /// The invariants after a quiet period.
    fn check(&self, seed: u64) {
        let there: Vec<_> = self.tabs.iter().enumerate().filter(|(_, tab)| tab.there).collect();
        let leaders: Vec<_> = there.iter().filter(|(_, tab)| tab.share.leads()).map(|(n, _)| n).collect();
        assert_eq!(leaders.len(), 1, "seed {seed}: who leads is {leaders:?}");
        let streams = there.iter().filter(|(_, tab)| tab.stream.is_some()).count();
        assert_eq!(streams, 1, "seed {seed}: one stream");
        // Events of the last moment are still on their way.
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

fn event(seq: i64, topic: &str) -> SseFrame {
    let id = Some(Cursor { epoch: "e".to_owned(), seq: Seq(seq) });
    SseFrame { name: "state".to_owned(), id, data: topic.to_owned() }
}

/// `SEEDS` sets the number.
fn seeds(from: u64) -> std::ops::Range<u64> {
    let many = std::env::var("SEEDS").ok().and_then(|many| many.parse().ok());
    from..from + many.unwrap_or(100)
}

fn simulate(election: Election, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut simulation = Simulation::new(seed, election);
        for _ in 0..2 + simulation.rng.below(6) {
            simulation.open_tab();
            simulation.run(50, false);
        }
        simulation.run(60_000, true);
        for tab in 0..simulation.tabs.len() {
            if simulation.tabs[tab].left && simulation.tabs[tab].there {
                simulation.join(tab);
            }
        }
        // The last freeze ends within 30 s.
        simulation.run(60_000, false);
        simulation.check(seed);
    }
}

#[test]
fn lock_election_keeps_one_leader_and_complete_tabs() {
    simulate(Election::Lock, seeds(0));
}

#[test]
fn with_the_channel_alone_one_tab_leads_and_all_know_everything_whatever_happens() {
    simulate(Election::Channel, seeds(1_000_000));
}

#[test]
fn eight_tabs_share_one_stream() {
    for election in [Election::Lock, Election::Channel] {
        let mut simulation = Simulation::new(7, election);
        for _ in 0..8 {
            simulation.open_tab();
            simulation.run(500, false);
        }
        simulation.run(30_000, false);
        simulation.check(7);
        assert_eq!(simulation.most_streams, 1, "{election:?}");
    }
}

/// Returns how long it takes until another tab leads and is confirmed, milliseconds.
fn hand_over(election: Election, lose: fn(&mut Simulation, usize)) -> u64 {
    let mut simulation = Simulation::new(11, election);
    for _ in 0..4 {
        simulation.open_tab();
        simulation.run(500, false);
    }
    simulation.run(20_000, false);
    let first = simulation.tabs.iter().position(|tab| tab.leads).expect("a leader");
    lose(&mut simulation, first);
    let since = simulation.now;
    while !simulation.tabs.iter().enumerate().any(|(tab, one)| tab != first && one.leads && one.share.is_synced()) {
        simulation.run(10, false);
        assert!(simulation.now < since + 60_000, "no tab takes over");
    }
    simulation.now - since
}

#[test]
fn closing_leader_hands_over_at_once() {
    for election in [Election::Lock, Election::Channel] {
        let took = hand_over(election, |simulation, tab| {
            simulation.leave(tab);
            simulation.kill(tab);
        });
        assert!(took < 1_000, "{election:?}: {took} ms");
    }
}

#[test]
fn dead_leader_is_replaced_within_a_heartbeat() {
    let took = hand_over(Election::Lock, Simulation::kill);
    assert!(took < 1_000, "the browser passes the lock on: {took} ms");
    let took = hand_over(Election::Channel, Simulation::kill);
    assert!((4_000..10_000).contains(&took), "{took} ms");
    for election in [Election::Lock, Election::Channel] {
        let took = hand_over(election, |simulation, tab| simulation.tabs[tab].frozen = true);
        assert!((4_000..10_000).contains(&took), "{election:?}: {took} ms");
    }
}

#[test]
fn tab_without_channel_has_its_own_stream() {
    let mut share = SharedStream::new(1);
    share.set_topics(vec!["jobs".to_owned()], 0.0);
    assert_eq!(share.join(Election::Alone, None, 0.0), [Effect::OpenStream(false)], "and says nothing to anybody");
    assert_eq!(share.begin_request(false).0, ["jobs"]);
}

/// The messages among `effects`.
fn said(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|act| if let Effect::Broadcast(word) = act { Some(word.as_str()) } else { None })
        .collect()
}

#[test]
fn channel_tab_without_an_answer_leads_after_300_ms() {
    let mut share = SharedStream::new(1);
    share.set_topics(vec!["jobs".to_owned()], 0.0);
    let joined = share.join(Election::Channel, None, 0.0);
    assert!(joined.contains(&Effect::Wake(300.0)) && !share.leads(), "{joined:?}");
    assert!(!share.tick(None, 299.0).contains(&Effect::OpenStream(true)));
    assert!(share.tick(None, 300.0).contains(&Effect::OpenStream(true)));
}

#[test]
fn channel_tab_that_is_answered_opens_no_stream() {
    let (mut leader, mut follower) = (SharedStream::new(1), SharedStream::new(2));
    leader.set_topics(vec!["jobs".to_owned()], 0.0);
    leader.join(Election::Channel, None, 0.0);
    leader.tick(None, 300.0);
    follower.set_topics(vec!["jobs".to_owned()], 400.0);
    let mut effects = Vec::new();
    for word in said(&follower.join(Election::Channel, None, 400.0)) {
        for word in said(&leader.receive(word, None, 410.0)) {
            effects.extend(follower.receive(word, None, 420.0));
        }
    }
    effects.extend(follower.tick(None, 700.0));
    assert!(leader.leads() && !follower.leads() && !effects.contains(&Effect::OpenStream(true)), "{effects:?}");
}

#[test]
fn topic_change_is_applied_during_long_poll() {
    let cursor = Cursor { epoch: "e".to_owned(), seq: Seq(7) };
    let (mut leader, mut follower) = (SharedStream::new(1), SharedStream::new(2));
    leader.set_topics(vec!["job=1".to_owned()], 0.0);
    leader.join(Election::Channel, Some(&cursor), 0.0);
    leader.tick(Some(&cursor), 300.0);
    // The first poll is answered, and the next one waits.
    leader.begin_request(true);
    leader.opened();
    leader.begin_request(true);
    follower.set_topics(vec!["job=2".to_owned()], 301.0);
    let joined = follower.join(Election::Channel, Some(&cursor), 301.0);
    let mut heard = Vec::new();
    for word in said(&joined) {
        heard.extend(leader.receive(word, Some(&cursor), 301.0));
    }
    let change = Effect::ChangeTopics(vec!["job=2".to_owned()], vec![]);
    assert!(heard.contains(&change), "it is asked for at once: {heard:?}");
    // Whichever comes first, the response or the next poll.
    heard.extend(leader.opened());
    assert_eq!(leader.begin_request(true).0, ["job=1", "job=2"]);
    heard.extend(leader.topics_changed(true));
    let mut taken = Vec::new();
    for word in said(&heard) {
        taken.extend(follower.receive(word, Some(&cursor), 302.0));
    }
    assert!(follower.is_synced() || taken.contains(&Effect::CatchUp), "{taken:?} after {heard:?}");
}

#[test]
fn unanswered_catch_up_is_repeated() {
    let (mut leader, mut follower) = (SharedStream::new(1), SharedStream::new(2));
    leader.set_topics(vec!["jobs".to_owned()], 0.0);
    leader.join(Election::Channel, None, 0.0);
    leader.tick(None, 300.0);
    leader.begin_request(false);
    follower.set_topics(vec!["jobs".to_owned()], 301.0);
    let mut taken = Vec::new();
    for word in said(&follower.join(Election::Channel, None, 301.0)) {
        let mut heard = leader.receive(word, None, 301.0);
        heard.extend(leader.opened());
        for word in said(&heard) {
            taken.extend(follower.receive(word, None, 301.0));
        }
    }
    assert!(taken.contains(&Effect::CatchUp), "{taken:?}");
    assert!(!follower.tick(None, 9_000.0).contains(&Effect::CatchUp), "it may take a while");
    assert!(follower.tick(None, 12_000.0).contains(&Effect::CatchUp));
}

#[test]
fn tab_without_lock_has_its_own_stream() {
    let mut share = SharedStream::new(1);
    share.set_topics(vec!["jobs".to_owned()], 0.0);
    assert!(share.join(Election::Lock, None, 0.0).contains(&Effect::QueueForLock));
    assert!(share.lock_refused(None, 1.0).contains(&Effect::OpenStream(false)));
    assert!(share.leads());
}
