//! How the tabs of a browser share one stream: who holds it, what it has to cover, and what each tab takes from it.
//!
//! Knows nothing of the browser. One tab *leads*: it holds the stream and says every frame again on a channel that all
//! tabs hear. The others *follow*. A tab takes durable events only from the leader it follows, and only once that has said
//! that its stream covers what the tab shows; what it missed until then it asks the server for by itself. So each tab's
//! cursor means what it says, whatever becomes of leaders: everything up to there that the tab shows is known to it.
//!
//! The leader is elected by a lock of the browser where there are locks, else by messages on the channel: a tab that asks
//! and gets no answer leads. Of two leaders the one of the later term, or else of the higher number, stays. See
//! docs/adr/0009-tab-leader.md.

mod word;

use model::Cursor;

use super::{Link, subscriptions::without};
use word::Word;

/// Between two words of a leader that has nothing to say, milliseconds.
const RENEW: f64 = 2_000.0;
/// A leader that was not heard for this long is asked whether it is there, milliseconds.
const SILENT: f64 = 5_000.0;
/// So long it has to answer; timers are late in tabs that nobody looks at, but messages are not. Milliseconds.
const ANSWER: f64 = 2_000.0;
/// Without locks a tab that joins leads if no leader answers within this time, milliseconds. A wrong guess is harmless: two
/// leaders hear each other, and one steps down.
const FIRST_ANSWER: f64 = 300.0;
/// Tabs that would take over wait for each other, milliseconds.
const TURN: f64 = 500.0;
/// A follower says so often what it shows, milliseconds.
const REPEAT: f64 = 30_000.0;
/// One that was not heard for this long is forgotten, milliseconds.
const FORGOTTEN: f64 = 180_000.0;
/// A follower whose topics the stream does not take in after this long opens one of its own; what it asks the server for and
/// is not answered in this time it asks again. Milliseconds.
const PATIENCE: f64 = 10_000.0;
/// A poll that failed is made again after this, milliseconds.
const AGAIN: f64 = 2_000.0;
/// The server shows no more jobs on one stream.
const MOST_TOPICS: usize = 500;
/// Frames that wait while a tab catches up; when there are more, it catches up once more.
const MOST_WAITING: usize = 1_000;

/// One event as the server has written it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Of the event; empty where only a position is told: everything up to there is.
    pub name: String,
    /// Its place, for a durable event or a whole snapshot.
    pub id: Option<Cursor>,
    /// One line of JSON.
    pub data: String,
}

/// How it is settled who leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// By a lock of the browser.
    Lock,
    /// By messages alone, where there are no locks: on pages over plain http.
    Channel,
    /// Not at all: this tab has a stream of its own.
    Alone,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Put this on the channel.
    Say(String),
    /// Queue for the lock.
    Queue,
    /// Take the lock from whoever holds it.
    Seize,
    /// Let go of the lock, and leave the queue.
    Release,
    /// Call [`Share::tick`] after so many milliseconds.
    Wake(f64),
    /// Open a stream, which is not for this tab alone if `true`.
    Lead(bool),
    /// Close it.
    Rest,
    /// Have the stream show these topics too, with a snapshot of them, and those no longer.
    Change(Vec<String>, Vec<String>),
    /// Ask the server for what was missed.
    CatchUp,
    /// Take in a frame.
    Apply(Frame),
    /// Show how the leader's link stands, and when it last heard the server, milliseconds.
    Show(Link, Option<f64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Out,
    Following,
    Leading,
}

/// What a tab may take from the leader it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// Nothing: it is not known to cover what the tab shows.
    Waiting,
    /// Nothing yet: what was missed is being asked for.
    Asking,
    /// Everything.
    Synced,
}

/// Another tab.
#[derive(Clone, Debug)]
struct Member {
    tab: u32,
    /// Which of its wishes this is.
    wish: u32,
    topics: Vec<String>,
    answered: bool,
    heard: f64,
}

/// One tab's part.
#[derive(Clone, Debug)]
pub struct Share {
    tab: u32,
    election: Election,
    role: Role,
    /// The latest that is known of.
    term: u32,
    leader: Option<u32>,
    /// When the leader was last heard, and since when an answer is awaited. Milliseconds, as all times.
    leader_heard: f64,
    asked: Option<f64>,
    leader_link: Link,
    sync: Sync,
    /// Since when.
    sync_since: f64,
    /// It has waited for too long already, and said again what it shows.
    pleaded: bool,
    waiting: Vec<Frame>,
    overrun: bool,
    again: Option<f64>,
    others: Vec<Member>,
    mine: Vec<String>,
    /// Of these a snapshot is due, because they came to be shown while events of others were taken in already.
    due: Vec<String>,
    wish: u32,
    /// When this tab last said that it leads, or what it shows.
    said: f64,
    link: (Link, Option<f64>),
    /// The last durable event of the stream this tab holds.
    position: Option<Cursor>,
    /// What was asked of the stream, and from where.
    asking: (Vec<String>, Option<Cursor>),
    /// What it shows, once it has said hello.
    covered: Option<Vec<String>>,
    /// What it will show, and what is added for that, while it is being changed.
    changing: Option<(Vec<String>, Vec<String>)>,
}

impl Share {
    /// A tab by a number of its own.
    pub const fn new(tab: u32) -> Self {
        Self {
            tab,
            election: Election::Alone,
            role: Role::Out,
            term: 0,
            leader: None,
            leader_heard: 0.0,
            asked: None,
            leader_link: Link::Connecting,
            sync: Sync::Waiting,
            sync_since: 0.0,
            pleaded: false,
            waiting: Vec::new(),
            overrun: false,
            again: None,
            others: Vec::new(),
            mine: Vec::new(),
            due: Vec::new(),
            wish: 0,
            said: 0.0,
            link: (Link::Connecting, None),
            position: None,
            asking: (Vec::new(), None),
            covered: None,
            changing: None,
        }
    }

    /// Whether this tab holds the stream.
    pub fn leads(&self) -> bool {
        self.role == Role::Leading
    }

    /// Whether it takes part, or has a stream of its own.
    pub fn is_in(&self) -> bool {
        self.role != Role::Out
    }

    /// Whether everything that is told is taken in.
    pub fn is_synced(&self) -> bool {
        self.sync == Sync::Synced
    }

    /// Takes part from now on. `cursor` is up to where the tab knows everything.
    pub fn join(&mut self, election: Election, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        self.election = election;
        self.role = Role::Following;
        self.heard(now);
        self.unsync(now);
        self.wish += 1;
        match election {
            Election::Lock => acts.push(Act::Queue),
            Election::Channel => {
                // What this tab says first asks whether there is a leader.
                self.leader_heard = now - SILENT;
                self.asked = Some(now - ANSWER + FIRST_ANSWER);
                acts.push(Act::Wake(FIRST_ANSWER));
            }
            Election::Alone => self.lead(cursor, now, &mut acts),
        }
        if !self.leads() {
            self.say_want(now, &mut acts);
        }
        acts
    }

    /// Takes no part any more: the page is left, or frozen.
    pub fn leave(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.is_in() {
            self.say(Word::Gone { tab: self.tab }, &mut acts);
            if self.leads() {
                acts.push(Act::Rest);
            }
            acts.push(Act::Release);
        }
        self.role = Role::Out;
        self.leader = None;
        self.others.clear();
        self.waiting.clear();
        acts
    }

    /// The lock is this tab's.
    pub fn granted(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        match self.role {
            Role::Following => self.lead(cursor, now, &mut acts),
            Role::Leading => {}
            Role::Out => acts.push(Act::Release),
        }
        acts
    }

    /// The lock was taken away.
    pub fn lost(&mut self, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.leads() {
            self.step_down(now, &mut acts);
        }
        acts
    }

    /// The browser gives no lock, to nobody.
    pub fn refused(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.role == Role::Following {
            self.go_alone(cursor, now, &mut acts);
        }
        acts
    }

    /// What the tab shows has changed.
    pub fn want(&mut self, topics: Vec<String>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        let added = without(&topics, &self.mine);
        let same = added.is_empty() && topics.len() == self.mine.len();
        self.mine = topics;
        if same || !self.is_in() {
            return acts;
        }
        if self.leads() || self.sync != Sync::Waiting {
            self.due.extend(added);
        }
        // Of a leader, too: whoever leads next may know the wish it had before.
        self.wish += 1;
        if self.leads() {
            self.settle(&mut acts);
        } else {
            self.say_want(now, &mut acts);
        }
        acts
    }

    /// What to ask of the server, for a stream or a poll in its place: for which topics, and from where on.
    pub fn ask(&mut self, poll: bool) -> (Vec<String>, Option<Cursor>) {
        // One poll goes on where the one before stood, and may wait for long: what that covered stays so, and what is being
        // changed goes on.
        if !poll || self.covered.is_none() {
            self.due.extend(self.changing.take().into_iter().flat_map(|(_, added)| added));
            self.covered = None;
        }
        self.asking = (self.union(), self.position.clone());
        self.asking.clone()
    }

    /// The server knows the position no more.
    pub fn forget(&mut self) {
        self.position = None;
    }

    /// What was asked of the server is being answered.
    pub fn opened(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        self.covered = Some(self.asking.0.clone());
        self.answer(self.asking.1.clone(), &mut acts);
        self.settle(&mut acts);
        acts
    }

    /// The stream was changed as asked, or not.
    pub fn changed(&mut self, well: bool) -> Vec<Act> {
        let mut acts = Vec::new();
        if let Some((topics, added)) = self.changing.take() {
            if well {
                self.covered = Some(topics);
                self.settle(&mut acts);
            } else {
                self.due.extend(added);
            }
        }
        acts
    }

    /// A frame of the stream that this tab holds.
    pub fn relay(&mut self, frame: Frame, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        if !self.leads() {
            return acts;
        }
        if !self.others.is_empty() {
            self.say(Word::Frame { tab: self.tab, frame: frame.clone() }, &mut acts);
        }
        if frame.id.is_some() {
            self.position.clone_from(&frame.id);
        }
        // A snapshot names what other tabs show, too.
        let own = frame.name == "snapshot"
            && self.covered.as_ref().is_some_and(|covered| without(covered, &self.mine).is_empty());
        self.read(frame, own, now, &mut acts);
        acts
    }

    /// How the link of the leader stands, which this tab is.
    pub fn told(&mut self, link: Link, heard: Option<f64>, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        let before = std::mem::replace(&mut self.link, (link, heard));
        if self.leads() && before.0 != link {
            self.say_lead(now, &mut acts);
        }
        acts.append(&mut self.tick(cursor, now));
        acts
    }

    /// What was missed has been asked for and taken in, or could not be had.
    pub fn caught_up(&mut self, well: bool, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.sync == Sync::Asking {
            if !well {
                self.again = Some(now + AGAIN + f64::from(self.tab % 1_000));
            } else if self.overrun {
                self.catch_up(now, &mut acts);
            } else {
                self.synced(&mut acts);
            }
        }
        acts
    }

    /// Looks what is due.
    pub fn tick(&mut self, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        // Clocks may be put back.
        self.leader_heard = self.leader_heard.min(now);
        self.said = self.said.min(now);
        let overdue = self.again.map_or(now - self.sync_since > PATIENCE, |again| now >= again);
        if self.sync == Sync::Asking && overdue {
            self.catch_up(now, &mut acts);
        }
        match self.role {
            Role::Leading => {
                if now - self.said >= RENEW {
                    self.say_lead(now, &mut acts);
                }
                if let Some(place) = self.others.iter().position(|other| now - other.heard > FORGOTTEN) {
                    let tab = self.others.swap_remove(place).tab;
                    self.say(Word::Gone { tab }, &mut acts);
                    self.settle(&mut acts);
                }
            }
            Role::Following => self.watch(cursor, now, &mut acts),
            Role::Out => {}
        }
        acts
    }

    /// Something was said on the channel.
    pub fn hear(&mut self, text: &str, cursor: Option<&Cursor>, now: f64) -> Vec<Act> {
        let mut acts = Vec::new();
        if !self.is_in() || self.election == Election::Alone {
            return acts;
        }
        match Word::read(text) {
            Some(Word::Want { tab, term, wish, topics, due }) => {
                self.others.retain(|other| other.tab != tab);
                self.others.push(Member { tab, wish, topics, answered: false, heard: now });
                if self.leads() {
                    // They have followed somebody of a later term than this tab knew of, and would not follow it.
                    self.term = if term > self.term { term + 1 } else { self.term };
                    self.due.extend(due);
                    self.say_lead(now, &mut acts);
                    self.settle(&mut acts);
                }
            }
            Some(Word::Gone { tab }) if tab == self.tab => {
                if !self.leads() {
                    self.unsync(now);
                    self.say_want(now, &mut acts);
                }
            }
            Some(Word::Gone { tab }) => {
                self.others.retain(|other| other.tab != tab);
                if self.leader == Some(tab) {
                    self.leader = None;
                    self.heard(now);
                    if self.election == Election::Channel {
                        // As if it had been asked and had not answered, so that the first in turn takes over at once.
                        self.leader_heard = now - SILENT;
                        self.asked = Some(now - ANSWER);
                    }
                }
                self.settle(&mut acts);
            }
            Some(Word::Lead { tab, term, link, age, at }) => {
                self.hear_lead((term, tab), now, &mut acts);
                if self.leader == Some(tab) && !self.leads() {
                    self.leader_link = link;
                    acts.push(Act::Show(link, age.map(|age| now - age)));
                    let missed =
                        |at: &Cursor| cursor.is_none_or(|cursor| cursor.epoch != at.epoch || cursor.seq < at.seq);
                    if self.sync == Sync::Synced && at.as_ref().is_some_and(missed) {
                        self.catch_up(now, &mut acts);
                    }
                }
            }
            Some(Word::Covers { tab, from, wishes }) if self.leader == Some(tab) && !self.leads() => {
                self.heard(now);
                if wishes.contains(&(self.tab, self.wish)) {
                    self.due.clear();
                    if self.sync == Sync::Waiting {
                        let knows = |from: &Cursor| {
                            cursor.is_some_and(|cursor| cursor.epoch == from.epoch && cursor.seq >= from.seq)
                        };
                        if from.as_ref().is_some_and(knows) && !self.overrun {
                            self.synced(&mut acts);
                        } else {
                            // What waits is told by the answer, or comes after it.
                            self.catch_up(now, &mut acts);
                        }
                    }
                }
            }
            Some(Word::Frame { tab, frame }) if self.leader == Some(tab) && !self.leads() => {
                self.heard(now);
                self.read(frame, false, now, &mut acts);
            }
            Some(Word::Covers { .. } | Word::Frame { .. }) | None => {}
        }
        acts.append(&mut self.tick(cursor, now));
        acts
    }

    /// Somebody says that they lead.
    fn hear_lead(&mut self, theirs: (u32, u32), now: f64, acts: &mut Vec<Act>) {
        let known = (self.term, self.leader.unwrap_or(0));
        if theirs == known {
            self.heard(now);
        } else if theirs > known {
            if self.leads() {
                self.step_down(now, acts);
            }
            (self.term, self.leader) = (theirs.0, Some(theirs.1));
            self.heard(now);
            self.unsync(now);
            self.say_want(now, acts);
        } else if self.leads() {
            // They step down when they hear it.
            self.say_lead(now, acts);
        }
    }

    /// What a follower looks after.
    fn watch(&mut self, cursor: Option<&Cursor>, now: f64, acts: &mut Vec<Act>) {
        if now - self.said >= REPEAT {
            self.say_want(now, acts);
        }
        let turn = self.others.iter().filter(|other| other.tab < self.tab && Some(other.tab) != self.leader).count();
        match self.asked {
            _ if now - self.leader_heard < SILENT => {}
            None => {
                self.asked = Some(now);
                self.say_want(now, acts);
            }
            Some(asked) if now - asked >= ANSWER + TURN * turn.min(2) as f64 => match self.election {
                Election::Lock => {
                    self.heard(now);
                    acts.push(Act::Seize);
                }
                Election::Channel | Election::Alone => self.lead(cursor, now, acts),
            },
            Some(_) => {}
        }
        let unheeded = self.sync == Sync::Waiting && now - self.sync_since > PATIENCE;
        if unheeded && self.leader.is_some() && self.leader_link.is_live() {
            if std::mem::replace(&mut self.pleaded, true) {
                self.go_alone(cursor, now, acts);
            } else {
                // This tab may have been frozen all the while.
                self.sync_since = now;
                self.say_want(now, acts);
            }
        }
    }

    fn go_alone(&mut self, cursor: Option<&Cursor>, now: f64, acts: &mut Vec<Act>) {
        acts.append(&mut self.leave());
        acts.append(&mut self.join(Election::Alone, cursor, now));
    }

    fn lead(&mut self, cursor: Option<&Cursor>, now: f64, acts: &mut Vec<Act>) {
        self.role = Role::Leading;
        self.term += 1;
        self.leader = Some(self.tab);
        self.heard(now);
        // The stream is going to begin where this tab is.
        self.sync = Sync::Synced;
        self.waiting.clear();
        self.overrun = false;
        self.position = cursor.cloned();
        self.changing = None;
        self.covered = None;
        self.others.iter_mut().for_each(|other| other.answered = false);
        self.link = (Link::Connecting, self.link.1);
        self.say_lead(now, acts);
        acts.push(Act::Lead(self.election != Election::Alone));
    }

    fn step_down(&mut self, now: f64, acts: &mut Vec<Act>) {
        self.role = Role::Following;
        self.leader = None;
        self.heard(now);
        self.unsync(now);
        acts.extend([Act::Rest, Act::Release]);
        if self.election == Election::Lock {
            acts.push(Act::Queue);
        }
    }

    /// Notes that the leader is there.
    fn heard(&mut self, now: f64) {
        self.leader_heard = now;
        self.asked = None;
    }

    fn unsync(&mut self, now: f64) {
        self.sync = Sync::Waiting;
        self.sync_since = now;
        self.pleaded = false;
        self.waiting.clear();
        self.overrun = false;
    }

    fn catch_up(&mut self, now: f64, acts: &mut Vec<Act>) {
        self.sync = Sync::Asking;
        self.sync_since = now;
        self.overrun = false;
        self.again = None;
        acts.push(Act::CatchUp);
    }

    fn synced(&mut self, acts: &mut Vec<Act>) {
        self.sync = Sync::Synced;
        acts.extend(self.waiting.drain(..).map(Act::Apply));
    }

    /// Takes a frame from the leader, unless this is not the time for it. `own` where this tab shows all that it names.
    fn read(&mut self, frame: Frame, own: bool, now: f64, acts: &mut Vec<Act>) {
        let whole = frame.id.is_some() && frame.name == "snapshot";
        if whole && !own {
            // The answer is newer than all that waits.
            if self.sync == Sync::Waiting {
                self.overrun = true;
            } else {
                self.waiting.clear();
                self.catch_up(now, acts);
            }
        } else if self.sync == Sync::Synced {
            acts.push(Act::Apply(frame));
        } else if self.waiting.len() < MOST_WAITING {
            self.waiting.push(frame);
        } else {
            self.waiting.clear();
            self.overrun = true;
        }
    }

    /// Everything that any tab shows, each once, this tab's own first.
    fn union(&self) -> Vec<String> {
        let mut union = self.mine.clone();
        for topic in self.others.iter().flat_map(|other| &other.topics) {
            if union.len() < MOST_TOPICS && !union.contains(topic) {
                union.push(topic.clone());
            }
        }
        union
    }

    /// Brings the stream in line with what the tabs show, and tells those it does that already for.
    fn settle(&mut self, acts: &mut Vec<Act>) {
        if !self.leads() || self.changing.is_some() {
            return;
        }
        let Some(covered) = &self.covered else { return };
        let wanted = self.union();
        let mut add = without(&wanted, covered);
        let remove = without(covered, &wanted);
        for topic in std::mem::take(&mut self.due) {
            if wanted.contains(&topic) && !add.contains(&topic) {
                add.push(topic);
            }
        }
        if add.is_empty() && remove.is_empty() {
            self.answer(None, acts);
        } else {
            self.changing = Some((wanted, add.clone()));
            acts.push(Act::Change(add, remove));
        }
    }

    /// Tells the tabs whose wishes the stream fulfils: for all it says after `from`, or from now on.
    fn answer(&mut self, from: Option<Cursor>, acts: &mut Vec<Act>) {
        let Some(covered) = &self.covered else { return };
        let mut wishes = Vec::new();
        for other in &mut self.others {
            let fulfilled = other.topics.iter().all(|topic| covered.contains(topic) && !self.due.contains(topic));
            if fulfilled && !other.answered {
                other.answered = true;
                wishes.push((other.tab, other.wish));
            }
        }
        if !wishes.is_empty() {
            self.say(Word::Covers { tab: self.tab, from, wishes }, acts);
        }
    }

    fn say_want(&mut self, now: f64, acts: &mut Vec<Act>) {
        self.said = now;
        let (topics, due) = (self.mine.clone(), self.due.clone());
        self.say(Word::Want { tab: self.tab, term: self.term, wish: self.wish, topics, due }, acts);
    }

    fn say_lead(&mut self, now: f64, acts: &mut Vec<Act>) {
        self.said = now;
        let (link, heard) = self.link;
        let (age, at) = (heard.map(|heard| now - heard), self.position.clone());
        self.say(Word::Lead { tab: self.tab, term: self.term, link, age, at }, acts);
    }

    fn say(&self, word: Word, acts: &mut Vec<Act>) {
        if self.election != Election::Alone {
            acts.push(Act::Say(word.write()));
        }
    }
}
