//! Pinned jobs in the title and icon of the tab, and in notifications.

use std::cell::Cell;

use js_sys::Reflect;
use leptos::{prelude::*, task::spawn_local};
use model::{JobState, JobView, Micros, Shown};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Notification, NotificationOptions, NotificationPermission};

use crate::{
    browser::{SVG, add_svg, first, hide, navigate, on, set},
    components::{JobText, job_href},
    live,
};

/// Key in the browser's storage: whether the user wants notifications.
const WISH: &str = "milepost-notify";

/// Shows pinned jobs in the title and icon of the tab, and, if the user enabled it with `[data-notify]`, in a desktop
/// notification when one finishes.
pub(super) fn follow(pinned: Vec<JobView>, titled: bool) {
    // Whether its end is known.
    let jobs = pinned.into_iter().map(|job| (live::job(job, Micros(0)).view, Cell::new(false)));
    let jobs: Vec<_> = jobs.inspect(|(job, over)| over.set(job.read_untracked().state.is_terminal())).collect();
    if jobs.is_empty() {
        return;
    }
    if let Some(switch) = first(&document(), "[data-notify]") {
        offer(switch);
    }
    let own = document().title();
    let icon = first(&document(), "link[rel=icon]");
    live::effect(move || {
        let (mut running, mut ended, mut ahead, mut done) = (0, None, String::new(), 25);
        for (job, over) in &jobs {
            let job = job.read();
            let is_over = job.state.is_terminal();
            if is_over && !over.get() {
                notify(&job);
                ended = Some(job.shown());
            }
            over.set(is_over);
            if job.state == JobState::Running {
                running += 1;
                done = job.percent().unwrap_or(25);
                ahead = format!("{} · {}", JobText::ProgressOrState.of(&job, job.created_at), job.title);
            }
        }
        if running > 1 {
            (done, ahead) = (25, format!("{running} running"));
        }
        let title = if running == 0 { own.clone() } else { format!("{ahead} · {own}") };
        if !titled && document().title() != title {
            document().set_title(&title);
        }
        if let (Some(icon), Some(drawing)) = (&icon, drawing(running > 0, done, ended)) {
            set(icon, "href", Some(&drawing));
        }
    });
}

/// Draws the tab's icon: the progress in percent while jobs run, otherwise the outcome of the job that just finished.
/// `None` keeps it.
fn drawing(running: bool, done: u32, ended: Option<Shown>) -> Option<String> {
    let hue = match ended {
        _ if running => 205,
        None => return None,
        Some(Shown::Succeeded) => 150,
        Some(Shown::Warnings) => 40,
        Some(_) => 0,
    };
    let icon = document().create_element_ns(Some(SVG), "svg").ok()?;
    let colour = format!("hsl({hue} 75% 45%)");
    for (name, value) in
        [("xmlns", SVG), ("viewBox", "0 0 16 16"), ("fill", "none"), ("stroke", &colour), ("stroke-width", "3")]
    {
        set(&icon, name, Some(value));
    }
    let line = |shape| add_svg(&icon, "path", &[("d", shape)]);
    match ended {
        _ if running => {
            let ring = [("cx", "8"), ("cy", "8"), ("r", "6"), ("pathLength", "100")];
            let dashes = format!("{done} 100");
            add_svg(&icon, "circle", &[&ring[..], &[("opacity", ".3")]].concat());
            let shown = [("stroke-dasharray", dashes.as_str()), ("transform", "rotate(-90 8 8)")];
            add_svg(&icon, "circle", &[&ring[..], &shown[..]].concat());
        }
        Some(Shown::Succeeded) => line("m3 9 4 4 6-9"),
        Some(Shown::Warnings) => line("M8 2v7m0 4v1"),
        _ => line("m3 3 10 10M13 3 3 13"),
    }
    Some(format!("data:image/svg+xml,{}", String::from(js_sys::encode_uri_component(&icon.outer_html()))))
}

/// Shows the notification switch if the browser supports notifications, which it does in secure contexts only. Asks for
/// permission on click.
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

/// A job that ended longer ago is not notified, seconds: a tab that was frozen learns of it late.
const NEWS: f64 = 60.0;

/// Notifies that a job finished. All tabs use the same tag, so one notification is shown.
fn notify(job: &JobView) {
    let is_news = job.ended_at.is_none_or(|ended| live::now().get_untracked().seconds_since(ended) < NEWS);
    if !is_news || !window().is_secure_context() || !is_wanted() {
        return;
    }
    let options = NotificationOptions::new();
    options.set_tag(&format!("job-{}", job.job));
    options.set_body(&JobText::Activity.of(job, job.created_at));
    let title = format!("{}: {}", job.title, job.shown().label());
    let Ok(notification) = Notification::new_with_options(&title, &options) else { return };
    let page = job_href(job.job);
    let open = Closure::once_into_js(move || {
        let _ = window().focus();
        navigate(&page);
    });
    notification.set_onclick(Some(open.unchecked_ref()));
}
