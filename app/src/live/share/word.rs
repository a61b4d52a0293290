//! What tabs say to each other, as text.

use model::Cursor;

use super::Frame;
use crate::live::Link;

/// One thing that a tab says on the channel.
pub(super) enum Word {
    /// What a tab shows; of what is `due` it waits for a snapshot. Said on joining, on a change, to ask whether there is
    /// a leader, and in answer to a new one.
    Want { tab: u32, term: u32, wish: u32, topics: Vec<String>, due: Vec<String> },
    /// A tab is gone, or was taken to be.
    Gone { tab: u32 },
    /// A tab leads; how its link stands, how long ago it heard the server, and where its stream is.
    Lead { tab: u32, term: u32, link: Link, age: Option<f64>, at: Option<Cursor> },
    /// The leader's stream shows what these tabs wished for, from there on, or from now on.
    Covers { tab: u32, from: Option<Cursor>, wishes: Vec<(u32, u32)> },
    /// A frame of the leader's stream.
    Frame { tab: u32, frame: Frame },
}

impl Word {
    /// As it goes over the channel: words with spaces between, a frame's data last.
    pub(super) fn write(&self) -> String {
        let place = |cursor: &Option<Cursor>| cursor.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        match self {
            Self::Want { tab, term, wish, topics, due } => {
                format!("want {tab} {term} {wish} {} {}", topics.join(","), due.join(","))
            }
            Self::Gone { tab } => format!("gone {tab}"),
            Self::Lead { tab, term, link, age, at } => {
                format!("lead {tab} {term} {} {} {}", *link as u8, age.map_or(-1, |age| age as i64), place(at))
            }
            Self::Covers { tab, from, wishes } => {
                let wishes: Vec<_> = wishes.iter().map(|(tab, wish)| format!("{tab} {wish}")).collect();
                format!("covers {tab} {} {}", place(from), wishes.join(" "))
            }
            Self::Frame { tab, frame } => format!("frame {tab} {} {} {}", frame.name, place(&frame.id), frame.data),
        }
    }

    /// Reads it; `None` for what this build does not say.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        if verb == "frame" {
            let mut parts = rest.splitn(4, ' ');
            let tab = number(parts.next())?;
            let (name, id, data) = (parts.next()?, parts.next()?, parts.next()?);
            let frame = Frame { name: name.to_owned(), id: id.parse().ok(), data: data.to_owned() };
            return Some(Self::Frame { tab, frame });
        }
        let mut parts = rest.split(' ');
        let tab = number(parts.next())?;
        Some(match verb {
            "want" => Self::Want {
                tab,
                term: number(parts.next())?,
                wish: number(parts.next())?,
                topics: list(parts.next()),
                due: list(parts.next()),
            },
            "gone" => Self::Gone { tab },
            "lead" => Self::Lead {
                tab,
                term: number(parts.next())?,
                link: Link::ALL.get(number(parts.next())? as usize).copied()?,
                age: whole(parts.next()).filter(|age| *age >= 0.0),
                at: parts.next()?.parse().ok(),
            },
            "covers" => {
                let from = parts.next()?.parse().ok();
                let mut wishes = Vec::new();
                while let (Some(tab), Some(wish)) = (number(parts.next()), number(parts.next())) {
                    wishes.push((tab, wish));
                }
                Self::Covers { tab, from, wishes }
            }
            _ => return None,
        })
    }
}

/// A whole number.
fn number(text: Option<&str>) -> Option<u32> {
    text?.parse().ok()
}

/// Milliseconds. Written and read whole, because a parser of fractions weighs.
fn whole(text: Option<&str>) -> Option<f64> {
    text?.parse::<i64>().ok().map(|number| number as f64)
}

/// Topics hold no comma.
fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect()
}
