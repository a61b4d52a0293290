//! Uploads: stored complete or not at all.

use engine::{Engine, Error, store::Attribution};
use tempfile::TempDir;

use crate::support::FutureClock;

async fn engine() -> (Engine, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).upload_limit(1_000).open().await.expect("it opens");
    (engine, folder)
}

fn files(engine: &Engine) -> usize {
    std::fs::read_dir(engine.data_dir().uploads()).expect("readable").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_upload_has_a_sanitised_name() {
    let (engine, _folder) = engine().await;
    for (name, kept) in [
        ("orders.csv", "orders.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\orders.csv", "orders.csv"),
        ("a\r\nb\0.csv", "ab.csv"),
        ("..", "unnamed"),
        ("", "unnamed"),
    ] {
        let mut upload = engine.uploads().begin(name, Some(3), &Attribution::default()).await.expect("it fits");
        upload.write(b"a").await.expect("written");
        upload.write(b"bc").await.expect("written");
        let upload = upload.finish().await.expect("finished");
        let found = engine.uploads().get(&upload.id).await.expect("it is there");
        assert_eq!((found.name.as_str(), found.size), (kept, 3));
        assert_eq!(std::fs::read(found.path).expect("readable"), b"abc");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_upload_leaves_no_file() {
    let (engine, _folder) = engine().await;
    let mut upload = engine.uploads().begin("a", None, &Attribution::default()).await.expect("it fits");
    upload.write(b"abc").await.expect("written");
    assert_eq!(files(&engine), 1);
    drop(upload);
    assert_eq!(files(&engine), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_upload_of_killed_server_is_deleted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let uploads = folder.path().join("uploads");
    std::fs::create_dir_all(&uploads).expect("it can be made");
    let (part, other) = (uploads.join(format!("{}.part", "a".repeat(32))), uploads.join("notes.part"));
    for file in [&part, &other] {
        std::fs::write(file, "abc").expect("it can be written");
    }
    let _engine = Engine::builder(folder.path()).open().await.expect("it opens");
    assert!(!part.exists(), "nothing writes to it any more");
    assert!(other.exists(), "it is no upload");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_upload_is_rejected_before_and_during() {
    let (engine, _folder) = engine().await;
    assert!(matches!(
        engine.uploads().begin("a", Some(1_001), &Attribution::default()).await,
        Err(Error::TooLarge(1_000))
    ));
    let mut upload = engine.uploads().begin("a", None, &Attribution::default()).await.expect("not known yet");
    upload.write(&[0; 1_000]).await.expect("it just fits");
    assert!(matches!(upload.write(&[0]).await, Err(Error::TooLarge(1_000))));
    drop(upload);
    assert_eq!(files(&engine), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_over_user_quota_is_rejected() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).upload_quota(1_000).open().await.expect("it opens");
    let (ann, bob) = (Attribution::from("ann"), Attribution::from("bob"));
    let send = async |size: usize, by: &Attribution| {
        let mut upload = engine.uploads().begin("a", None, by).await?;
        upload.write(&vec![0; size]).await?;
        Ok::<_, Error>(upload)
    };
    send(600, &ann).await.expect("there is room").finish().await.expect("there is room");
    let refused = engine.uploads().begin("a", Some(401), &ann).await.err();
    assert!(matches!(refused, Some(Error::Quota { used: 600, limit: 1_000 })));
    assert!(matches!(send(401, &ann).await.err(), Some(Error::Quota { used: 600, limit: 1_000 })));
    let (one, other) = (send(300, &ann).await.expect("one fits"), send(100, &ann).await.expect("and one more"));
    assert!(matches!(send(1, &ann).await.err(), Some(Error::Quota { used: 1_000, limit: 1_000 })), "both count");
    drop(other);
    one.finish().await.expect("there is room");
    send(100, &ann).await.expect("what was given up counts no more").finish().await.expect("there is room");
    send(1_000, &bob).await.expect("that was ann's").finish().await.expect("there is room");
    assert_eq!(files(&engine), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_larger_than_free_space_is_rejected() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).upload_limit(u64::MAX).open().await.expect("it opens");
    assert!(matches!(engine.uploads().begin("a", Some(u64::MAX / 2), &Attribution::default()).await, Err(Error::Full)));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_upload_id_is_not_looked_up_on_disk() {
    let (engine, _folder) = engine().await;
    for id in ["", "..", "../milepost.db", &"f".repeat(32)] {
        assert!(matches!(engine.uploads().get(id).await, Err(Error::NoSuchUpload(_))), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_upload_is_deleted_after_a_day() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).open().await.expect("it opens");
    let upload = engine
        .uploads()
        .begin("a", None, &Attribution::default())
        .await
        .expect("it fits")
        .finish()
        .await
        .expect("finished");
    engine.shutdown(std::time::Duration::ZERO).await;
    drop(engine);
    // The clean-up runs at every start.
    let engine = Engine::builder(folder.path()).clock(FutureClock::hours(25)).open().await.expect("it opens");
    let gone = async {
        while engine.uploads().get(&upload.id).await.is_ok() || upload.path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::TIMEOUT, gone).await.expect("it is swept");
}
