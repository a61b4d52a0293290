//! Tab leader: the tabs of a browser share one event stream. Decides who holds it, what it covers, and what each tab
//! applies.
//!
//! No browser types. One tab *leads*: it holds the stream and repeats every frame on a channel. The others *follow*. A
//! follower applies durable events only from its leader, and only once the leader has confirmed that its stream covers
//! the follower's topics; it fetches what it missed until then by itself. So each tab's cursor stays true whatever
//! happens to leaders: everything up to it that the tab shows has been applied.
//!
//! The leader is elected by a Web Lock where there are locks, otherwise by messages on the channel: a tab that asks and
//! gets no answer leads. Of two leaders the one of the later term, or else of the higher number, stays. See
//! docs/adr/0009-tab-leader.md.

mod message;

use model::Cursor;

use super::{ConnectionState, subscriptions::without};
use message::TabMessage;

/// The longest time between two messages of a leader, milliseconds.
const LEAD_INTERVAL: f64 = 2_000.0;
/// A leader that was silent for this long is asked whether it is alive, milliseconds.
const LEADER_TIMEOUT: f64 = 5_000.0;
/// The time it has to answer, milliseconds; timers are late in hidden tabs, but messages are not.
const ANSWER_TIMEOUT: f64 = 2_000.0;
/// Without locks a tab that joins leads if no leader answers within this time, milliseconds. A wrong guess is harmless:
/// two leaders receive each other's messages, and one steps down.
const FIRST_ANSWER: f64 = 300.0;
/// The delay between tabs that would take over, milliseconds.
const TAKEOVER_DELAY: f64 = 500.0;
/// How often a follower repeats its topics, milliseconds.
const SUBSCRIBE_INTERVAL: f64 = 30_000.0;
/// A follower that was silent for this long is dropped, milliseconds.
const FOLLOWER_TIMEOUT: f64 = 180_000.0;
/// A follower whose topics are not covered after this long opens its own stream; a request that is not answered in this
/// time is repeated. Milliseconds.
const SYNC_TIMEOUT: f64 = 10_000.0;
/// The delay after a failed poll, milliseconds.
const RETRY_DELAY: f64 = 2_000.0;
/// The server's limit of topics on one stream.
const MAX_TOPICS: usize = 500;
/// The frames that wait while a tab catches up; with more, it catches up again.
const MAX_WAITING_FRAMES: usize = 1_000;

/// An event as the server wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct SseFrame {
    /// Name of the event; empty for a position without an event.
    pub name: String,
    /// The position of a durable event or a whole snapshot.
    pub id: Option<Cursor>,
    /// One line of JSON.
    pub data: String,
}

/// How the leader is elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// By a Web Lock.
    Lock,
    /// By messages, where there are no locks: on pages over plain http.
    Channel,
    /// Not at all: this tab has its own stream.
    Alone,
}

/// What the tab has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this message on the channel.
    Broadcast(String),
    QueueForLock,
    /// Steal the lock from its holder.
    StealLock,
    /// Release the lock, or leave its queue.
    ReleaseLock,
    /// Call [`SharedStream::tick`] after this many milliseconds.
    Wake(f64),
    /// Open a stream; `true` if it serves other tabs too.
    OpenStream(bool),
    CloseStream,
    /// Add the first topics to the stream, with a snapshot of them, and remove the second.
    ChangeTopics(Vec<String>, Vec<String>),
    /// Fetch what was missed.
    CatchUp,
    /// Apply a frame to the job store.
    Apply(SseFrame),
    /// Show the leader's connection state, and when it last heard from the server, milliseconds.
    ShowState(ConnectionState, Option<f64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Left,
    Following,
    Leading,
}

/// What a follower may apply from its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// Nothing: the leader has not confirmed the topics.
    Waiting,
    /// Nothing yet: what was missed is being fetched.
    CatchingUp,
    /// Everything.
    Synced,
}

/// Another tab.
#[derive(Clone, Debug)]
struct Follower {
    tab: u32,
    /// The revision of its topics.
    revision: u32,
    topics: Vec<String>,
    answered: bool,
    heard: f64,
}

/// One tab's part in the shared stream.
#[derive(Clone, Debug)]
pub struct SharedStream {
    tab: u32,
    election: Election,
    role: Role,
    /// The latest known.
    term: u32,
    leader: Option<u32>,
    /// When the leader was last heard, milliseconds, as all times.
    leader_heard: f64,
    leader_asked_at: Option<f64>,
    leader_link: ConnectionState,
    sync: Sync,
    /// When `sync` began.
    sync_since: f64,
    /// It has waited too long once, and repeated its topics.
    reminded: bool,
    waiting: Vec<SseFrame>,
    overrun: bool,
    retry_at: Option<f64>,
    followers: Vec<Follower>,
    own_topics: Vec<String>,
    /// Topics that need a snapshot, because they were added after events were applied.
    due: Vec<String>,
    revision: u32,
    /// When this tab last sent its lead or its topics.
    last_sent: f64,
    link: (ConnectionState, Option<f64>),
    /// The last durable event of the stream that this tab holds.
    position: Option<Cursor>,
    /// The topics and position that were requested.
    requested: (Vec<String>, Option<Cursor>),
    /// The topics of the stream, once it has sent `hello`.
    covered: Option<Vec<String>>,
    /// While the topics are being changed: those after the change, and those added.
    changing: Option<(Vec<String>, Vec<String>)>,
}

impl SharedStream {
    /// A tab with a number of its own.
    pub const fn new(tab: u32) -> Self {
        Self {
            tab,
            election: Election::Alone,
            role: Role::Left,
            term: 0,
            leader: None,
            leader_heard: 0.0,
            leader_asked_at: None,
            leader_link: ConnectionState::Connecting,
            sync: Sync::Waiting,
            sync_since: 0.0,
            reminded: false,
            waiting: Vec::new(),
            overrun: false,
            retry_at: None,
            followers: Vec::new(),
            own_topics: Vec::new(),
            due: Vec::new(),
            revision: 0,
            last_sent: 0.0,
            link: (ConnectionState::Connecting, None),
            position: None,
            requested: (Vec::new(), None),
            covered: None,
            changing: None,
        }
    }

    pub fn leads(&self) -> bool {
        self.role == Role::Leading
    }

    /// Whether it takes part, or has its own stream.
    pub fn is_in(&self) -> bool {
        self.role != Role::Left
    }

    /// Whether frames are applied at once.
    pub fn is_synced(&self) -> bool {
        self.sync == Sync::Synced
    }

    /// Joins. `cursor` is the position up to which the tab knows everything.
    pub fn join(&mut self, election: Election, cursor: Option<&Cursor>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.election = election;
        self.role = Role::Following;
        self.leader_seen(now);
        self.desync(now);
        self.revision += 1;
        match election {
            Election::Lock => effects.push(Effect::QueueForLock),
            Election::Channel => {
                // Its first message asks whether there is a leader.
                self.leader_heard = now - LEADER_TIMEOUT;
                self.leader_asked_at = Some(now - ANSWER_TIMEOUT + FIRST_ANSWER);
                effects.push(Effect::Wake(FIRST_ANSWER));
            }
            Election::Alone => self.lead(cursor, now, &mut effects),
        }
        if !self.leads() {
            self.send_subscribe(now, &mut effects);
        }
        effects
    }

    /// Leaves: the page is left, or frozen.
    pub fn leave(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_in() {
            self.send(TabMessage::Leave { tab: self.tab }, &mut effects);
            if self.leads() {
                effects.push(Effect::CloseStream);
            }
            effects.push(Effect::ReleaseLock);
        }
        self.role = Role::Left;
        self.leader = None;
        self.followers.clear();
        self.waiting.clear();
        effects
    }

    /// This tab has the lock.
    pub fn lock_granted(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.role {
            Role::Following => self.lead(cursor, now, &mut effects),
            Role::Leading => {}
            Role::Left => effects.push(Effect::ReleaseLock),
        }
        effects
    }

    /// The lock was stolen.
    pub fn lock_lost(&mut self, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.leads() {
            self.step_down(now, &mut effects);
        }
        effects
    }

    /// The browser grants no lock.
    pub fn lock_refused(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.role == Role::Following {
            self.go_alone(cursor, now, &mut effects);
        }
        effects
    }

    /// Sets the topics of this tab.
    pub fn set_topics(&mut self, topics: Vec<String>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let added = without(&topics, &self.own_topics);
        let same = added.is_empty() && topics.len() == self.own_topics.len();
        self.own_topics = topics;
        if same || !self.is_in() {
            return effects;
        }
        if self.leads() || self.sync != Sync::Waiting {
            self.due.extend(added);
        }
        // Also as a leader: the next leader may know the previous revision.
        self.revision += 1;
        if self.leads() {
            self.update_topics(&mut effects);
        } else {
            self.send_subscribe(now, &mut effects);
        }
        effects
    }

    /// Returns the topics and the position of a stream, or of a poll in its place.
    pub fn begin_request(&mut self, poll: bool) -> (Vec<String>, Option<Cursor>) {
        // A poll continues where the one before ended, and may wait for long: what that covered stays covered, and a
        // change of topics continues.
        if !poll || self.covered.is_none() {
            self.due.extend(self.changing.take().into_iter().flat_map(|(_, added)| added));
            self.covered = None;
        }
        self.requested = (self.all_topics(), self.position.clone());
        self.requested.clone()
    }

    /// Forgets the position, which the server no longer knows.
    pub fn forget_position(&mut self) {
        self.position = None;
    }

    /// The request is being answered.
    pub fn opened(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.covered = Some(self.requested.0.clone());
        self.confirm_topics(self.requested.1.clone(), &mut effects);
        self.update_topics(&mut effects);
        effects
    }

    /// The change of topics was accepted, or not.
    pub fn topics_changed(&mut self, well: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some((topics, added)) = self.changing.take() {
            if well {
                self.covered = Some(topics);
                self.update_topics(&mut effects);
            } else {
                self.due.extend(added);
            }
        }
        effects
    }

    /// Handles a frame of the stream that this tab holds.
    pub fn relay(&mut self, frame: SseFrame, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.leads() {
            return effects;
        }
        if !self.followers.is_empty() {
            self.send(TabMessage::Frame { tab: self.tab, frame: frame.clone() }, &mut effects);
        }
        if frame.id.is_some() {
            self.position.clone_from(&frame.id);
        }
        // A snapshot also contains what other tabs show.
        let own = frame.name == "snapshot"
            && self.covered.as_ref().is_some_and(|covered| without(covered, &self.own_topics).is_empty());
        self.accept_frame(frame, own, now, &mut effects);
        effects
    }

    /// The connection of this tab, which leads, changed.
    pub fn connection_changed(
        &mut self,
        link: ConnectionState,
        heard: Option<f64>,
        cursor: Option<&Cursor>,
        now: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let before = std::mem::replace(&mut self.link, (link, heard));
        if self.leads() && before.0 != link {
            self.send_lead(now, &mut effects);
        }
        effects.append(&mut self.tick(cursor, now));
        effects
    }

    /// Catching up has succeeded, or failed.
    pub fn caught_up(&mut self, well: bool, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.sync == Sync::CatchingUp {
            if !well {
                self.retry_at = Some(now + RETRY_DELAY + f64::from(self.tab % 1_000));
            } else if self.overrun {
                self.catch_up(now, &mut effects);
            } else {
                self.finish_sync(&mut effects);
            }
        }
        effects
    }

    /// Does what is due.
    pub fn tick(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Clocks may be set back.
        self.leader_heard = self.leader_heard.min(now);
        self.last_sent = self.last_sent.min(now);
        let overdue = self.retry_at.map_or(now - self.sync_since > SYNC_TIMEOUT, |again| now >= again);
        if self.sync == Sync::CatchingUp && overdue {
            self.catch_up(now, &mut effects);
        }
        match self.role {
            Role::Leading => {
                if now - self.last_sent >= LEAD_INTERVAL {
                    self.send_lead(now, &mut effects);
                }
                if let Some(place) = self.followers.iter().position(|other| now - other.heard > FOLLOWER_TIMEOUT) {
                    let tab = self.followers.swap_remove(place).tab;
                    self.send(TabMessage::Leave { tab }, &mut effects);
                    self.update_topics(&mut effects);
                }
            }
            Role::Following => self.watch_leader(cursor, now, &mut effects),
            Role::Left => {}
        }
        effects
    }

    /// Handles a message of the channel.
    pub fn receive(&mut self, text: &str, cursor: Option<&Cursor>, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.is_in() || self.election == Election::Alone {
            return effects;
        }
        match TabMessage::read(text) {
            Some(TabMessage::Subscribe { tab, term, revision, topics, due }) => {
                self.followers.retain(|other| other.tab != tab);
                self.followers.push(Follower { tab, revision, topics, answered: false, heard: now });
                if self.leads() {
                    // They followed a leader of a later term than this tab knows, and would ignore it.
                    self.term = if term > self.term { term + 1 } else { self.term };
                    self.due.extend(due);
                    self.send_lead(now, &mut effects);
                    self.update_topics(&mut effects);
                }
            }
            Some(TabMessage::Leave { tab }) if tab == self.tab => {
                if !self.leads() {
                    self.desync(now);
                    self.send_subscribe(now, &mut effects);
                }
            }
            Some(TabMessage::Leave { tab }) => {
                self.followers.retain(|other| other.tab != tab);
                if self.leader == Some(tab) {
                    self.leader = None;
                    self.leader_seen(now);
                    if self.election == Election::Channel {
                        // As if it had been asked and had not answered, so that the next tab takes over at once.
                        self.leader_heard = now - LEADER_TIMEOUT;
                        self.leader_asked_at = Some(now - ANSWER_TIMEOUT);
                    }
                }
                self.update_topics(&mut effects);
            }
            Some(TabMessage::Lead { tab, term, link, age, at }) => {
                self.receive_lead((term, tab), now, &mut effects);
                if self.leader == Some(tab) && !self.leads() {
                    self.leader_link = link;
                    effects.push(Effect::ShowState(link, age.map(|age| now - age)));
                    let missed =
                        |at: &Cursor| cursor.is_none_or(|cursor| cursor.epoch != at.epoch || cursor.seq < at.seq);
                    if self.sync == Sync::Synced && at.as_ref().is_some_and(missed) {
                        self.catch_up(now, &mut effects);
                    }
                }
            }
            Some(TabMessage::Covered { tab, from, confirmed }) if self.leader == Some(tab) && !self.leads() => {
                self.leader_seen(now);
                if confirmed.contains(&(self.tab, self.revision)) {
                    self.due.clear();
                    if self.sync == Sync::Waiting {
                        let knows = |from: &Cursor| {
                            cursor.is_some_and(|cursor| cursor.epoch == from.epoch && cursor.seq >= from.seq)
                        };
                        if from.as_ref().is_some_and(knows) && !self.overrun {
                            self.finish_sync(&mut effects);
                        } else {
                            // The waiting frames are in the response, or come after it.
                            self.catch_up(now, &mut effects);
                        }
                    }
                }
            }
            Some(TabMessage::Frame { tab, frame }) if self.leader == Some(tab) && !self.leads() => {
                self.leader_seen(now);
                self.accept_frame(frame, false, now, &mut effects);
            }
            Some(TabMessage::Covered { .. } | TabMessage::Frame { .. }) | None => {}
        }
        effects.append(&mut self.tick(cursor, now));
        effects
    }

    /// Another tab says that it leads.
    fn receive_lead(&mut self, theirs: (u32, u32), now: f64, effects: &mut Vec<Effect>) {
        let known = (self.term, self.leader.unwrap_or(0));
        if theirs == known {
            self.leader_seen(now);
        } else if theirs > known {
            if self.leads() {
                self.step_down(now, effects);
            }
            (self.term, self.leader) = (theirs.0, Some(theirs.1));
            self.leader_seen(now);
            self.desync(now);
            self.send_subscribe(now, effects);
        } else if self.leads() {
            // They step down when they receive it.
            self.send_lead(now, effects);
        }
    }

    /// Watches the leader as a follower.
    fn watch_leader(&mut self, cursor: Option<&Cursor>, now: f64, effects: &mut Vec<Effect>) {
        if now - self.last_sent >= SUBSCRIBE_INTERVAL {
            self.send_subscribe(now, effects);
        }
        let turn = self.followers.iter().filter(|other| other.tab < self.tab && Some(other.tab) != self.leader).count();
        match self.leader_asked_at {
            _ if now - self.leader_heard < LEADER_TIMEOUT => {}
            None => {
                self.leader_asked_at = Some(now);
                self.send_subscribe(now, effects);
            }
            Some(asked) if now - asked >= ANSWER_TIMEOUT + TAKEOVER_DELAY * turn.min(2) as f64 => match self.election {
                Election::Lock => {
                    self.leader_seen(now);
                    effects.push(Effect::StealLock);
                }
                Election::Channel | Election::Alone => self.lead(cursor, now, effects),
            },
            Some(_) => {}
        }
        let ignored = self.sync == Sync::Waiting && now - self.sync_since > SYNC_TIMEOUT;
        if ignored && self.leader.is_some() && self.leader_link.is_live() {
            if std::mem::replace(&mut self.reminded, true) {
                self.go_alone(cursor, now, effects);
            } else {
                // This tab may have been frozen.
                self.sync_since = now;
                self.send_subscribe(now, effects);
            }
        }
    }

    fn go_alone(&mut self, cursor: Option<&Cursor>, now: f64, effects: &mut Vec<Effect>) {
        effects.append(&mut self.leave());
        effects.append(&mut self.join(Election::Alone, cursor, now));
    }

    fn lead(&mut self, cursor: Option<&Cursor>, now: f64, effects: &mut Vec<Effect>) {
        self.role = Role::Leading;
        self.term += 1;
        self.leader = Some(self.tab);
        self.leader_seen(now);
        // The stream starts at this tab's position.
        self.sync = Sync::Synced;
        self.waiting.clear();
        self.overrun = false;
        self.position = cursor.cloned();
        self.changing = None;
        self.covered = None;
        self.followers.iter_mut().for_each(|other| other.answered = false);
        self.link = (ConnectionState::Connecting, self.link.1);
        self.send_lead(now, effects);
        effects.push(Effect::OpenStream(self.election != Election::Alone));
    }

    fn step_down(&mut self, now: f64, effects: &mut Vec<Effect>) {
        self.role = Role::Following;
        self.leader = None;
        self.leader_seen(now);
        self.desync(now);
        effects.extend([Effect::CloseStream, Effect::ReleaseLock]);
        if self.election == Election::Lock {
            effects.push(Effect::QueueForLock);
        }
    }

    fn leader_seen(&mut self, now: f64) {
        self.leader_heard = now;
        self.leader_asked_at = None;
    }

    fn desync(&mut self, now: f64) {
        self.sync = Sync::Waiting;
        self.sync_since = now;
        self.reminded = false;
        self.waiting.clear();
        self.overrun = false;
    }

    fn catch_up(&mut self, now: f64, effects: &mut Vec<Effect>) {
        self.sync = Sync::CatchingUp;
        self.sync_since = now;
        self.overrun = false;
        self.retry_at = None;
        effects.push(Effect::CatchUp);
    }

    fn finish_sync(&mut self, effects: &mut Vec<Effect>) {
        self.sync = Sync::Synced;
        effects.extend(self.waiting.drain(..).map(Effect::Apply));
    }

    /// Applies a frame of the leader, or lets it wait. `own` if this tab shows everything in it.
    fn accept_frame(&mut self, frame: SseFrame, own: bool, now: f64, effects: &mut Vec<Effect>) {
        let whole = frame.id.is_some() && frame.name == "snapshot";
        if whole && !own {
            // The response is newer than everything that waits.
            if self.sync == Sync::Waiting {
                self.overrun = true;
            } else {
                self.waiting.clear();
                self.catch_up(now, effects);
            }
        } else if self.sync == Sync::Synced {
            effects.push(Effect::Apply(frame));
        } else if self.waiting.len() < MAX_WAITING_FRAMES {
            self.waiting.push(frame);
        } else {
            self.waiting.clear();
            self.overrun = true;
        }
    }

    /// The topics of all tabs, each once, this tab's first.
    fn all_topics(&self) -> Vec<String> {
        let mut all_topics = self.own_topics.clone();
        for topic in self.followers.iter().flat_map(|other| &other.topics) {
            if all_topics.len() < MAX_TOPICS && !all_topics.contains(topic) {
                all_topics.push(topic.clone());
            }
        }
        all_topics
    }

    /// Updates the stream's topics, and confirms those it covers.
    fn update_topics(&mut self, effects: &mut Vec<Effect>) {
        if !self.leads() || self.changing.is_some() {
            return;
        }
        let Some(covered) = &self.covered else { return };
        let wanted = self.all_topics();
        let mut add = without(&wanted, covered);
        let remove = without(covered, &wanted);
        for topic in std::mem::take(&mut self.due) {
            if wanted.contains(&topic) && !add.contains(&topic) {
                add.push(topic);
            }
        }
        if add.is_empty() && remove.is_empty() {
            self.confirm_topics(None, effects);
        } else {
            self.changing = Some((wanted, add.clone()));
            effects.push(Effect::ChangeTopics(add, remove));
        }
    }

    /// Confirms to the followers that the stream covers their topics: from `from`, or from now on.
    fn confirm_topics(&mut self, from: Option<Cursor>, effects: &mut Vec<Effect>) {
        let Some(covered) = &self.covered else { return };
        let mut confirmed = Vec::new();
        for other in &mut self.followers {
            let fulfilled = other.topics.iter().all(|topic| covered.contains(topic) && !self.due.contains(topic));
            if fulfilled && !other.answered {
                other.answered = true;
                confirmed.push((other.tab, other.revision));
            }
        }
        if !confirmed.is_empty() {
            self.send(TabMessage::Covered { tab: self.tab, from, confirmed }, effects);
        }
    }

    fn send_subscribe(&mut self, now: f64, effects: &mut Vec<Effect>) {
        self.last_sent = now;
        let (topics, due) = (self.own_topics.clone(), self.due.clone());
        self.send(
            TabMessage::Subscribe { tab: self.tab, term: self.term, revision: self.revision, topics, due },
            effects,
        );
    }

    fn send_lead(&mut self, now: f64, effects: &mut Vec<Effect>) {
        self.last_sent = now;
        let (link, heard) = self.link;
        let (age, at) = (heard.map(|heard| now - heard), self.position.clone());
        self.send(TabMessage::Lead { tab: self.tab, term: self.term, link, age, at }, effects);
    }

    fn send(&self, word: TabMessage, effects: &mut Vec<Effect>) {
        if self.election != Election::Alone {
            effects.push(Effect::Broadcast(word.write()));
        }
    }
}
