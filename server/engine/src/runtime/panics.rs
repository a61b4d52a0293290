//! Catches panics of tasks, with their message and place.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::Once,
    task::Poll,
};

/// A panic that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Panicked {
    /// Its message.
    pub(crate) message: String,
    /// Its location and stack trace.
    pub(crate) trace: String,
}

thread_local! {
    /// Depth of calls of [`guard`] on this thread.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
    /// The last panic that the hook recorded on this thread.
    static CAUGHT: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Polls `future` to completion; a panic becomes an error.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| match guard(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Calls `work`; a panic becomes an error. The caller must not use state that `work` left inconsistent.
pub(crate) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    install_hook();
    GUARDED.set(GUARDED.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(GUARDED.get() - 1);
    result.map_err(|payload| match payload.downcast::<Panicked>() {
        // Rethrown by `rethrow`: already described.
        Ok(panicked) => *panicked,
        Err(payload) => {
            CAUGHT.take().unwrap_or_else(|| Panicked { message: text_of(payload.as_ref()), trace: String::new() })
        }
    })
}

/// Continues a panic that was caught on another thread, with its trace.
pub(crate) fn rethrow(panicked: Panicked) -> ! {
    std::panic::resume_unwind(Box::new(panicked))
}

/// Installs a hook that records panics inside [`guard`] and passes all others to the previous hook.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() == 0 {
                previous(info);
            } else {
                CAUGHT.set(Some(describe(info)));
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> Panicked {
    let at = info.location().map(|place| format!("panicked at {place}\n")).unwrap_or_default();
    let trace = format!("{at}{}", trimmed(&Backtrace::force_capture().to_string()));
    Panicked { message: text_of(info.payload()), trace }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "the task panicked without a message".to_owned()
    }
}

/// The frames of the task: between the panic machinery and [`guard`].
fn trimmed(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let last_with = |word: &str| lines.iter().rposition(|line| line.contains(word));
    let first = last_with("core::panicking::").or_else(|| last_with("rust_begin_unwind")).map_or(0, |at| at + 1);
    let end =
        lines.iter().skip(first).position(|line| line.contains("catch_unwind")).map_or(lines.len(), |at| first + at);
    let frames = lines[first..end].iter().skip_while(|line| line.trim_start().starts_with("at "));
    frames.copied().collect::<Vec<_>>().join("\n")
}
