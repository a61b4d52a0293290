use std::cell::RefCell;

use js_sys::Reflect;
use leptos::{prelude::*, task::spawn_local};
use model::{JobState, JobView, Shown};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Notification, NotificationOptions, NotificationPermission};

use crate::{
    browser::{all, first, go, hide, on, set},
    live::{self, json::Json, wire},
    ui::{Words, job_href},
};

/// Where the browser keeps that somebody wants to be notified.
const WISH: &str = "milepost-notify";

/// Follows the pinned jobs, the first `data-kept` in `.watching`, where a tab is seen from outside: in its title, in its
/// icon, and, for who asks for it by `[data-notify]`, as a notification of the desktop when one of them ends.
#[island]
pub fn PinnedJobs() -> impl IntoView {
    super::wake(|| {
        let Some(list) = first(&document(), ".watching") else { return };
        let kept = list.get_attribute("data-kept").and_then(|kept| kept.parse().ok()).unwrap_or(0);
        let read = |root: Element| wire::job(&Json::parse(&root.get_attribute("data-job")?)?);
        let jobs: Vec<_> = all(&list, "a[data-job]").take(kept).filter_map(read).map(live::job).collect();
        if jobs.is_empty() {
            return;
        }
        if let Some(switch) = first(&list, "[data-notify]") {
            offer(switch);
        }
        let own = document().title();
        // The page of a job has a title that moves by itself.
        let titled = first(&document(), "[data-page]").is_some();
        let icon = first(&document(), "link[rel=icon]");
        let before = RefCell::new(Vec::<JobView>::new());
        live::keep(move || {
            let now: Vec<JobView> = jobs.iter().map(|job| job.get()).collect();
            let before = before.replace(now.clone());
            if !titled {
                let title = title(&now).map_or_else(|| own.clone(), |ahead| format!("{ahead} · {own}"));
                if document().title() != title {
                    document().set_title(&title);
                }
            }
            let ended: Vec<&JobView> =
                now.iter().zip(&before).filter(|(now, then)| ends(then, now)).map(|(now, _)| now).collect();
            if let (Some(icon), Some(drawing)) = (&icon, drawing(&now, &ended)) {
                set(icon, "href", Some(&drawing));
            }
            ended.into_iter().for_each(notify);
        });
    });
}

fn ends(before: &JobView, now: &JobView) -> bool {
    !before.state.is_terminal() && now.state.is_terminal()
}

/// What stands before the title of the page: `42 % · Import orders`, `3 running`; nothing while none of them runs.
fn title(jobs: &[JobView]) -> Option<String> {
    let mut running = jobs.iter().filter(|job| job.state == JobState::Running);
    let first = running.next()?;
    Some(match running.count() {
        0 => format!("{} · {}", Words::HowFar.of(first, first.created_at), first.title),
        more => format!("{} running", more + 1),
    })
}

/// The icon of the tab: how far they are while any of them runs, else how the one ended that did so last. `None` where it
/// stays as it is.
fn drawing(jobs: &[JobView], ended: &[&JobView]) -> Option<String> {
    let running: Vec<_> = jobs.iter().filter(|job| job.state == JobState::Running).collect();
    let (hue, shape) = match (running.as_slice(), ended.last()) {
        ([], None) => return None,
        ([], Some(job)) => match job.shown() {
            Shown::Succeeded => (150, "<path d='m3 9 4 4 6-9'/>".to_owned()),
            Shown::Warnings => (40, "<path d='M8 2v7m0 4v1'/>".to_owned()),
            _ => (0, "<path d='m3 3 10 10M13 3 3 13'/>".to_owned()),
        },
        (some, _) => {
            let done = if let [one] = some { one.percent().unwrap_or(25) } else { 25 };
            let ring = "<circle cx='8' cy='8' r='6' pathLength='100'";
            (205, format!("{ring} opacity='.3'/>{ring} stroke-dasharray='{done} 100' transform='rotate(-90 8 8)'/>"))
        }
    };
    Some(format!(
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' \
         stroke='hsl({hue} 75%25 45%25)' stroke-width='3'>{shape}</svg>"
    ))
}

/// Shows the switch where the browser can notify, which it can in secure contexts alone. Nothing is asked of anybody
/// before they use it.
fn offer(switch: Element) {
    if !window().is_secure_context() || !Reflect::has(&window(), &"Notification".into()).unwrap_or(false) {
        return;
    }
    hide(&switch, false);
    set(&switch, "aria-pressed", Some(if is_wanted() { "true" } else { "false" }));
    let shown = switch.clone();
    on(&switch, "click", move |_| {
        let (shown, wanted) = (shown.clone(), !is_wanted());
        spawn_local(async move {
            if wanted && let Ok(asked) = Notification::request_permission() {
                let _ = JsFuture::from(asked).await;
            }
            if let Ok(Some(storage)) = window().local_storage() {
                let _ = storage.set_item(WISH, if wanted { "on" } else { "" });
            }
            set(&shown, "aria-pressed", Some(if is_wanted() { "true" } else { "false" }));
        });
    });
}

fn is_wanted() -> bool {
    let wish = window().local_storage().ok().flatten().and_then(|storage| storage.get_item(WISH).ok().flatten());
    wish.as_deref() == Some("on") && Notification::permission() == NotificationPermission::Granted
}

/// Says that a job is over. Its tag is the same in all tabs, of whose notifications one is shown.
fn notify(job: &JobView) {
    if !window().is_secure_context() || !is_wanted() {
        return;
    }
    let options = NotificationOptions::new();
    options.set_tag(&format!("job-{}", job.job));
    options.set_body(&Words::Span.of(job, job.created_at));
    let title = format!("{}: {}", job.title, job.shown().label());
    let Ok(notification) = Notification::new_with_options(&title, &options) else { return };
    let page = job_href(job.job);
    let open = Closure::once_into_js(move || {
        let _ = window().focus();
        go(&page);
    });
    notification.set_onclick(Some(open.unchecked_ref()));
}
