//! A victim as the one sees it who started it, listens to it and will kill it.

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};

use crate::{PATIENCE, victim::Orders, words::Said};

/// The number of SIGKILL.
const KILLED: i32 = 9;

/// When a victim dies.
#[derive(Debug)]
pub(crate) enum Moment {
    /// So long after its process began: while it opens the database, migrates it, settles what the last one left.
    FromTheStart(Duration),
    /// So long after it began to work.
    AtWork(Duration),
    /// When it has said so much more.
    AfterWords(usize),
}

impl Moment {
    /// One among `processes` that share the people.
    pub(crate) fn choose(choices: &mut StdRng, processes: u32) -> Self {
        match choices.random_range(0..10) {
            0..3 => Self::FromTheStart(Duration::from_micros(choices.random_range(0..60_000))),
            3..7 => Self::AtWork(Duration::from_micros(choices.random_range(0..120_000))),
            _ => Self::AfterWords(choices.random_range(1..200 / processes as usize)),
        }
    }
}

/// A process that will be killed.
pub(crate) struct Victim {
    /// Its number among all of one life.
    pub(crate) number: u32,
    pub(crate) joins: bool,
    process: Child,
    /// What it says, line by line, until its end.
    lines: Receiver<String>,
    said: Vec<Said>,
    /// What it said that are no words of ours: why it died by itself.
    last_words: String,
}

impl Victim {
    pub(crate) fn start(orders: &Orders) -> Self {
        let program = env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["victim::child_process_with_running_job", "--exact", "--ignored", "--nocapture"]);
        orders.give(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it begins");
        let voice = BufReader::new(process.stderr.take().expect("it is piped"));
        let (heard, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in voice.split(b'\n').map_while(Result::ok) {
                let _ = heard.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let Orders { number, joins, .. } = *orders;
        Self { number, joins, process, lines, said: Vec::new(), last_words: String::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("there is a program of that name").success());
    }

    /// Waits until it works.
    pub(crate) fn is_ready(&mut self) {
        let ready = |said: &Said| matches!(said, Said::Ready { .. });
        if !self.said.iter().any(ready) {
            self.listen_until(ready);
        }
    }

    /// Waits for the moment.
    pub(crate) fn comes_to(&mut self, moment: &Moment) {
        match *moment {
            Moment::FromTheStart(pause) => thread::sleep(pause),
            Moment::AtWork(pause) => {
                self.is_ready();
                thread::sleep(pause);
            }
            Moment::AfterWords(words) => {
                let mut left = words;
                self.listen_until(|_| {
                    left -= 1;
                    left == 0
                });
            }
        }
    }

    fn listen_until(&mut self, mut enough: impl FnMut(&Said) -> bool) {
        let patient_until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(patient_until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if self.note(&line) && self.said.last().is_some_and(&mut enough) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.process.kill();
                    panic!("the victim says nothing of interest any more; it said {:?}", self.said);
                }
            }
        }
    }

    /// Takes in a line; whether it was ours, and whole.
    fn note(&mut self, line: &str) -> bool {
        if let Some(said) = Said::read(line) {
            self.said.push(said);
            return true;
        }
        // The last line may have been cut short.
        if !Said::begins(line) {
            self.last_words.push_str(line);
            self.last_words.push('\n');
        }
        false
    }

    /// Ends it the hard way, and answers all that it said.
    pub(crate) fn kill(mut self) -> Vec<Said> {
        let _ = self.process.kill();
        let status = self.process.wait().expect("it is our child");
        self.listen_until(|_| false);
        let killed = status.signal() == Some(KILLED) && self.last_words.is_empty();
        assert!(killed, "the victim died by itself: {status}\n{}", self.last_words);
        self.said
    }

    /// Waits for it to end by itself.
    pub(crate) fn outlive(mut self) -> Vec<Said> {
        self.listen_until(|_| false);
        let status = self.process.wait().expect("it is our child");
        assert!(status.success() && self.last_words.is_empty(), "it did not end well: {status}\n{}", self.last_words);
        self.said
    }
}
