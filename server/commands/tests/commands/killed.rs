//! What is left when the process that ran commands is killed.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use engine::StartOptions;
use model::JobState;
use serde_json::json;

use crate::bench::{Bench, a_long_time, alive, open, script, wait_until};

/// Where the victim works, and what its command is.
const FOLDER: &str = "COMMANDS_VICTIM_FOLDER";
const TABLES: &str = "COMMANDS_VICTIM_TABLES";

/// The process that is killed. Does nothing where it is run as a test.
#[tokio::test]
#[ignore = "is started by another test"]
async fn a_process_at_work() {
    let (Ok(folder), Ok(tables)) = (env::var(FOLDER), env::var(TABLES)) else { return };
    let engine = open(Path::new(&folder), &tables, Duration::from_secs(10), Arc::default()).await;
    engine.start("probe", json!({}), StartOptions::default()).await.expect("it fits");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn no_child_of_a_killed_process_lives_on_past_the_next_start() {
    let [plain, deaf, double, bare] = [(); 4].map(|()| a_long_time());
    // One in the group; one that is deaf; one that has left the group and its parents; one without an environment, whose
    // leader lives.
    let text = format!(
        "sleep {plain} & sh -c 'trap \"\" TERM HUP; sleep {deaf}' & (setsid sh -c 'sleep {double} &' &); env -i sleep {bare} & wait"
    );
    let tables = script(&text, "");
    let folder = tempfile::tempdir().expect("a folder");
    let mut victim = Command::new(env::current_exe().expect("this program"))
        .args(["killed::a_process_at_work", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(TABLES, &tables)
        .stdout(Stdio::null())
        .spawn()
        .expect("it begins");
    let all = [&plain, &deaf, &double, &bare];
    wait_until("that all of them run", || all.iter().all(|time| !alive(&format!("sleep\0{time}")).is_empty()));
    victim.kill().expect("it is there");
    victim.wait().expect("it is dead");
    for time in all {
        assert!(!alive(&format!("sleep\0{time}")).is_empty(), "{time} lives on until the next start");
    }
    let stranger = Command::new("sleep").arg(a_long_time()).spawn().expect("it begins");

    let bench = Bench::on(folder, &tables).await;

    for time in all {
        assert_eq!(alive(&format!("sleep\0{time}")), [0; 0], "{time}");
    }
    let view = bench.ended(model::JobId(1)).await;
    assert_eq!(view.state, JobState::Interrupted);
    assert!(engine::processes::find(stranger.id()).is_some_and(|process| !process.ended), "others are not touched");
    let mut stranger = stranger;
    stranger.kill().expect("it is there");
    stranger.wait().expect("it is dead");
}

#[test]
fn a_number_that_has_come_again_is_not_taken_for_the_one_recorded() {
    use std::os::unix::process::CommandExt;

    use engine::processes::{Group, Mark, end_group, find};

    let mut stranger = Command::new("sleep").arg(a_long_time()).process_group(0).spawn().expect("it begins");
    let leader = stranger.id();
    let started = find(leader).expect("there").started;
    let nobody = Mark::of("no such process");
    assert_eq!(end_group(Group { leader, started: started + 1 }, &nobody), 0);
    assert!(find(leader).is_some_and(|process| !process.ended));
    assert_eq!(end_group(Group { leader, started }, &nobody), 1);
    stranger.wait().expect("it is dead");
}
