//! Form to send a message. The recipient decides which fields count; the style sheet hides the others.

use engine::{access::Action, messages::MAX_MESSAGE_LENGTH};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use model::Tone;

use super::text;
use crate::{
    base_path::url,
    components::Icon,
    context::app,
    pages::shared::{Faults, ServerForm},
};

const LABELS: &[(&str, &str)] =
    &[("to", text::TO), ("user", text::USER), ("job", text::JOB), ("tone", text::TYPE), ("text", text::TEXT)];

const TONES: [(Tone, &str); 4] = [
    (Tone::Info, text::INFO),
    (Tone::Success, text::SUCCESS),
    (Tone::Warning, text::WARNING),
    (Tone::Danger, text::ERROR),
];

#[component]
pub(super) fn SendForm(
    /// The query of the page, which may name the recipient.
    query: ParamsMap,
) -> impl IntoView {
    let form = ServerForm::new("send_message");
    let field = |nth: usize, help| form.field(LABELS[nth].0, LABELS[nth].1, help);
    let asked = |name: &str| form.entry(name).or_else(|| query.get(name)).unwrap_or_default();
    let tones = TONES.map(|(tone, word)| (tone.as_str().to_owned(), word.to_owned())).to_vec();
    let key = app().engine.now().0.to_string();
    let fields = view! {
        {field(0, "").list(addressees(), &asked("to"))}
        <div class="for-user">{field(1, text::THE_USER_NAME).line("text", "off", Some(asked("user")))}</div>
        <div class="for-job">{field(2, text::THE_JOB_NUMBER).line("text", "off", Some(asked("job")))}</div>
        {field(3, "").list(tones, &asked("tone"))}
        // Never from the address: a link must not provide the text of an administrator's message.
        {field(4, "").area(MAX_MESSAGE_LENGTH, form.entry("text").unwrap_or_default())}
    };
    view! {
        <section class="card" aria-labelledby="send">
            <header>
                <h2 id="send">{text::SEND_A_MESSAGE}</h2>
            </header>
            <form class="body form send" method="post" action=url("/api/send_message") aria-labelledby="send">
                <Faults form not=text::NOT_SENT labels=LABELS />
                <input type="hidden" name="key" value=key />
                {fields}
                <div class="actions">
                    <button class="button primary" type="submit">
                        <Icon name="announce" />
                        {text::SEND}
                    </button>
                </div>
            </form>
        </section>
    }
}

/// The recipients that the user may choose. Without accounts there is only one user.
fn addressees() -> Vec<(String, String)> {
    let app = app();
    let choices = [
        (app.engine.can(Action::Announce), "everyone", text::EVERYONE),
        (app.auth.is_some(), "user", text::ONE_USER),
        (app.engine.can(Action::Control), "job", text::VIEWERS_OF_A_JOB),
    ];
    let choices = choices.into_iter().filter(|(may, ..)| *may);
    choices.map(|(_, value, word)| (value.to_owned(), word.to_owned())).collect()
}
