//! Messages between tabs, as text.

use model::Cursor;

use super::SseFrame;
use crate::live::ConnectionState;

pub(super) enum TabMessage {
    /// The topics of a tab, and those that need a snapshot. Sent on joining, on a change, to ask whether there is a
    /// leader, and as the answer to a new one.
    Subscribe { tab: u32, term: u32, revision: u32, topics: Vec<String>, due: Vec<String> },
    /// A tab has left, or was dropped.
    Leave { tab: u32 },
    /// A tab leads; its connection state, how long ago it heard from the server, and the position of its stream.
    Lead { tab: u32, term: u32, link: ConnectionState, age: Option<f64>, at: Option<Cursor> },
    /// The leader's stream covers the topics of these tabs, from there, or from now on.
    Covered { tab: u32, from: Option<Cursor>, confirmed: Vec<(u32, u32)> },
    /// A frame of the leader's stream.
    Frame { tab: u32, frame: SseFrame },
}

impl TabMessage {
    /// Formats it: words separated by spaces, a frame's data last.
    pub(super) fn write(&self) -> String {
        let place = |cursor: &Option<Cursor>| cursor.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        match self {
            Self::Subscribe { tab, term, revision, topics, due } => {
                format!("want {tab} {term} {revision} {} {}", topics.join(","), due.join(","))
            }
            Self::Leave { tab } => format!("gone {tab}"),
            Self::Lead { tab, term, link, age, at } => {
                format!("lead {tab} {term} {} {} {}", *link as u8, age.map_or(-1, |age| age as i64), place(at))
            }
            Self::Covered { tab, from, confirmed } => {
                let confirmed: Vec<_> = confirmed.iter().map(|(tab, revision)| format!("{tab} {revision}")).collect();
                format!("covers {tab} {} {}", place(from), confirmed.join(" "))
            }
            Self::Frame { tab, frame } => format!("frame {tab} {} {} {}", frame.name, place(&frame.id), frame.data),
        }
    }

    /// Parses it; `None` for a message of another build.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        if verb == "frame" {
            let mut parts = rest.splitn(4, ' ');
            let tab = number(parts.next())?;
            let (name, id, data) = (parts.next()?, parts.next()?, parts.next()?);
            let frame = SseFrame { name: name.to_owned(), id: id.parse().ok(), data: data.to_owned() };
            return Some(Self::Frame { tab, frame });
        }
        let mut parts = rest.split(' ');
        let tab = number(parts.next())?;
        Some(match verb {
            "want" => Self::Subscribe {
                tab,
                term: number(parts.next())?,
                revision: number(parts.next())?,
                topics: list(parts.next()),
                due: list(parts.next()),
            },
            "gone" => Self::Leave { tab },
            "lead" => Self::Lead {
                tab,
                term: number(parts.next())?,
                link: ConnectionState::ALL.get(number(parts.next())? as usize).copied()?,
                age: whole(parts.next()).filter(|age| *age >= 0.0),
                at: parts.next()?.parse().ok(),
            },
            "covers" => {
                let from = parts.next()?.parse().ok();
                let mut confirmed = Vec::new();
                while let (Some(tab), Some(revision)) = (number(parts.next()), number(parts.next())) {
                    confirmed.push((tab, revision));
                }
                Self::Covered { tab, from, confirmed }
            }
            _ => return None,
        })
    }
}

fn number(text: Option<&str>) -> Option<u32> {
    text?.parse().ok()
}

/// Milliseconds, written as integers: a float parser would add to the wasm.
fn whole(text: Option<&str>) -> Option<f64> {
    text?.parse::<i64>().ok().map(|number| number as f64)
}

/// Topics contain no comma.
fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect()
}
