//! Recovery of processes whose worker was killed.

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

use crate::support::{TestEngine, live_processes, open, script, unique_duration, wait_until};

/// Environment of the child process: its folder, and the table of its command.
const FOLDER: &str = "COMMANDS_CHILD_FOLDER";
const TABLES: &str = "COMMANDS_CHILD_TABLES";

/// The worker that is killed: this test binary, started again. Does nothing when it is run as a test.
#[tokio::test]
#[ignore = "is started by another test"]
async fn child_process_with_running_job() {
    let (Ok(folder), Ok(tables)) = (env::var(FOLDER), env::var(TABLES)) else { return };
    let engine = open(Path::new(&folder), &tables, Duration::from_secs(10), Arc::default()).await;
    engine.start("probe", json!({}), StartOptions::default()).await.expect("it fits");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn child_of_killed_worker_is_killed_at_next_start() {
    let [plain, ignoring, double, bare] = [(); 4].map(|()| unique_duration());
    // One in the group; one that ignores signals; one outside the group after a double fork; one without an
    // environment, whose group leader is alive.
    let shell = format!(
        "sleep {plain} & sh -c 'trap \"\" TERM HUP; sleep {ignoring}' & (setsid sh -c 'sleep {double} &' &); env -i sleep {bare} & wait"
    );
    let tables = script(&shell, "");
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env::current_exe().expect("this program"))
        .args(["recovery::child_process_with_running_job", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(TABLES, &tables)
        .stdout(Stdio::null())
        .spawn()
        .expect("it begins");
    let all = [&plain, &ignoring, &double, &bare];
    wait_until("all of them to run", || all.iter().all(|time| !live_processes(&format!("sleep\0{time}")).is_empty()));
    child.kill().expect("it is there");
    child.wait().expect("it is dead");
    for time in all {
        assert!(!live_processes(&format!("sleep\0{time}")).is_empty(), "{time} is alive until the next start");
    }
    let unrelated = Command::new("sleep").arg(unique_duration()).spawn().expect("it begins");

    let test = TestEngine::on(folder, &tables).await;

    for time in all {
        assert_eq!(live_processes(&format!("sleep\0{time}")), [0; 0], "{time}");
    }
    let view = test.ended(model::JobId(1)).await;
    assert_eq!(view.state, JobState::Interrupted);
    assert!(engine::processes::find(unrelated.id()).is_some_and(|process| !process.ended), "others are not touched");
    let mut unrelated = unrelated;
    unrelated.kill().expect("it is there");
    unrelated.wait().expect("it is dead");
}

#[test]
fn reused_process_id_is_not_killed() {
    use std::os::unix::process::CommandExt;

    use engine::processes::{Group, Mark, end_group, find};

    let mut unrelated = Command::new("sleep").arg(unique_duration()).process_group(0).spawn().expect("it begins");
    let leader = unrelated.id();
    let started = find(leader).expect("there").started;
    let other = Mark::of("no such process");
    assert_eq!(end_group(Group { leader, started: started + 1 }, &other), 0);
    assert!(find(leader).is_some_and(|process| !process.ended));
    assert_eq!(end_group(Group { leader, started }, &other), 1);
    unrelated.wait().expect("it is dead");
}
