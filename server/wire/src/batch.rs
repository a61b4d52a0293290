//! Batches: what a reporter sends.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// One request: entries with rising numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Drawn at random once for each run; distinguishes two programs that use one run id.
    pub reporter: String,
    /// The number of the first entry, from 1. Without entries, the number that the next one will have.
    pub seq: u64,
    /// The epoch of the newest response: another one shows that the server's data were restored from a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The `acked` of the newest response.
    #[serde(default)]
    pub acked: u64,
    /// The reporter's clock when it sent the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// The longest pause between two reports that the reporter promises, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<u64>,
    /// Whether the reporter keeps entries on disk until they are acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spools: bool,
    /// Makes the kind private when this is the first report of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// The start entry again, after a new epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Box<Start>>,
    /// The entries.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// One numbered entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Entry {
    /// The run began.
    Start(Box<Start>),
    /// Progress.
    Progress(Progress),
    /// Lines of the log.
    Log(LogLines),
    /// The run is over.
    Finish(Box<Finish>),
    /// The client died while the program ran; reported by a later client on its machine.
    Lost {
        /// When that was noticed.
        #[serde(default)]
        at: Option<Time>,
    },
    /// A type of a newer client.
    #[serde(other)]
    Unknown,
}

/// The beginning of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Start {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The title of the job; the kind if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Names of the stages, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// The machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The user of that machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The program's file name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub program: String,
    /// The client's name and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// An http(s) address to show beside the job.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// The job that started this one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// A W3C `traceparent`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trace: String,
    /// The time limit of the run, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// Progress. Fields that are missing keep their value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The index of the stage, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<usize>,
    /// Work done in the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// All of its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// What is counted: a plural noun, `B` for bytes, or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The tone of the message: `info`, `success`, `warning` or `danger`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<String>,
    /// Free data, a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Lines of the log: time, level (`debug info warn error`), text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLines {
    /// The lines, in order.
    pub lines: Vec<(Time, String, String)>,
}

/// How a reporter says that its run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportedState {
    /// It did its work.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped by a user.
    Cancelled,
}

/// The end of a run. Without any field, it succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finish {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// How long it took by the reporter's monotonic clock, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<f64>,
    /// How it ended, if exit code and signal do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ReportedState>,
    /// The program's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it, such as `TERM` or `15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// The error for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The result, any JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_of_the_documentation_is_read_and_unknown_parts_are_ignored() {
        let text = r#"{"reporter":"b7c1","seq":18,"epoch":"9f2c","acked":12,"sent_at":"2026-11-21T02:00:07.412Z",
            "heartbeat":10,"spools":true,"colour":"blue","entries":[
            {"type":"start","at":"2026-11-21T02:00:00Z","title":"Nightly backup","stages":["Dump","Upload"],"host":"db1",
             "pid":4711,"timeout":21600,"mood":1},
            {"type":"progress","at":1,"stage":0,"value":3,"max":10,"unit":"tables","message":"orders"},
            {"type":"log","lines":[["2026-11-21T02:00:01.12Z","info","dumping orders"],[2,"warn","no key"]]},
            {"type":"hologram","size":3},
            {"type":"finish","elapsed":5411.2,"exit_code":0,"result":{"bytes":81234}}]}"#;
        let batch: Batch = serde_json::from_str(text).expect("it is valid");
        assert_eq!((batch.seq, batch.acked, batch.spools, batch.entries.len()), (18, 12, true, 5));
        assert_eq!(batch.entries[3], Entry::Unknown);
        let Entry::Log(log) = &batch.entries[2] else { panic!("{:?}", batch.entries[2]) };
        assert_eq!(log.lines[1], (Time(2), "warn".to_owned(), "no key".to_owned()));
        let again: Batch =
            serde_json::from_str(&serde_json::to_string(&batch).expect("it is written")).expect("and read");
        assert_eq!(again.entries[4], batch.entries[4]);
    }
}
