//! Bindings: what the elements of a job show, by the name in their `data-live`.

use model::{JobView, Micros};
use web_sys::Element;

use crate::{
    browser::{hide, set, set_class, set_icon, set_text},
    components::{
        JobText, Metric, MileBarSize, is_finishing, outcome_time, progress_value, spoken_progress, stage_names,
        stage_posts, state_icon, write_time,
    },
};

/// An element and the part of the job that it shows.
pub(super) struct Binding {
    element: Element,
    what: Target,
}

enum Target {
    /// A text; the element is hidden while it is empty.
    JobText(JobText),
    /// Icon, word and colour of the state.
    State,
    /// Only the colour of the state.
    Tinted,
    /// Hidden while the percentage is unknown.
    Known,
    Bar(MileBarSize),
    Stages,
    Metric(Metric),
    Ended,
    LeftAt,
}

impl Binding {
    /// Returns the binding of `element`; `None` for a name that never changes.
    pub(super) fn find(element: Element) -> Option<Self> {
        let name = element.get_attribute("data-live")?;
        let what = match name.as_str() {
            "state" => Target::State,
            "tinted" => Target::Tinted,
            "known" => Target::Known,
            "stages" => Target::Stages,
            "ended" => Target::Ended,
            "left-at" => Target::LeftAt,
            name => {
                let words = JobText::ALL.into_iter().find(|words| words.name() == name).map(Target::JobText);
                let bar = || MileBarSize::ALL.into_iter().find(|size| size.name() == name).map(Target::Bar);
                let figure = || Metric::ALL.into_iter().find(|figure| figure.name() == name).map(Target::Metric);
                words.or_else(bar).or_else(figure)?
            }
        };
        Some(Self { element, what })
    }

    /// Writes what changed.
    pub(super) fn write(&self, job: &JobView, now: Micros) {
        let element = &self.element;
        match self.what {
            Target::JobText(words) => {
                let text = words.of(job, now);
                hide(element, text.is_empty());
                set_text(element, &text);
                if words == JobText::Message {
                    set(element, "data-tone", Some(job.progress.tone.as_str()));
                }
            }
            Target::State => {
                let (shown, stalled) = (job.shown(), job.quiet_for(now).is_some());
                tint(element, job);
                set_class(element, "stalled", stalled);
                set_icon(element, ".icon", state_icon(shown, stalled));
                if let Ok(Some(word)) = element.query_selector("span") {
                    set_text(&word, shown.label());
                }
            }
            Target::Tinted => tint(element, job),
            Target::Known => hide(element, job.percent().is_none()),
            Target::Bar(size) => bar(element, size, job, now),
            Target::Stages => {
                let names = element.get_attribute("data-names").unwrap_or_default();
                draw(element, &stage_names(job, names.lines()));
            }
            Target::Metric(figure) => {
                let texts = figure.of(job, now);
                hide(element, texts.is_none());
                let (term, value, more) = texts.unwrap_or_default();
                let parts = element.children();
                for (i, text) in (0..).zip([term, value, more]) {
                    if let Some(part) = parts.item(i) {
                        set_text(&part, &text);
                    }
                }
            }
            Target::Ended => instant(element, job.ended()),
            Target::LeftAt => instant(element, outcome_time(job)),
        }
    }
}

fn bar(element: &Element, size: MileBarSize, job: &JobView, now: Micros) {
    hide(element, size.hides(job));
    tint(element, job);
    set_class(element, "stalled", job.quiet_for(now).is_some());
    set_class(element, "finishing", is_finishing(job));
    if let Ok(Some(progress)) = element.query_selector("progress") {
        set(&progress, "value", progress_value(job).as_deref());
        set(&progress, "aria-label", Some(&job.title));
        set(&progress, "aria-valuetext", Some(&spoken_progress(job)));
    }
    if let Ok(Some(svg)) = element.query_selector("svg") {
        draw(&svg, &stage_posts(job, size));
    }
}

fn tint(element: &Element, job: &JobView) {
    set(element, "data-state", Some(job.shown().data_state()));
}

/// Replaces the content of an SVG.
fn draw(svg: &Element, markup: &str) {
    if svg.inner_html() != markup {
        svg.set_inner_html(markup);
    }
}

fn instant(time: &Element, at: Option<Micros>) {
    hide(time, at.is_none());
    if let Some(at) = at {
        write_time(time, at);
    }
}
