//! Draft: a form with what was typed and uploaded so far, and its errors.

use std::collections::BTreeMap;

use engine::{AuthorizedEngine, Error, TaskInfo, collect_faults, schedules::NewSchedule};
use model::{Entry, FieldError, FieldKind, FolderListing, Form, JobId};
use serde_json::{Map, Value};

use super::{Uploaded, schedule_plan, start_options};

/// The field that names the job to rerun. No field of an input can have this name.
const RERUN_OF: &str = "$rerun_of";

/// What a form is drawn with. A form that was refused without script comes back with everything typed and uploaded.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The text of each field, by name. Unknown names are kept, so that validation reports them.
    pub entries: BTreeMap<String, String>,
    /// Uploaded files, by field.
    pub files: BTreeMap<String, Uploaded>,
    pub faults: Vec<FieldError>,
    /// Why the job was not started, if no field is to blame.
    pub refusal: Option<String>,
    pub rerun_of: Option<JobId>,
    /// The field whose path picker is open, and its listing.
    pub browsing: Option<(String, FolderListing)>,
    /// The field whose path was just chosen.
    pub chosen: Option<String>,
}

impl Draft {
    /// Returns an empty form with the default of every field.
    pub fn with_defaults(form: &Form) -> Self {
        let default = |field: &model::Field| Some((field.name.clone(), text(field.default.as_ref()?)?));
        Self { entries: form.fields.iter().filter_map(default).collect(), ..Self::default() }
    }

    /// Returns a form with the input of `job`, to be changed and run again.
    pub async fn from_job(engine: &AuthorizedEngine, task: &TaskInfo, job: JobId) -> Self {
        let mut draft = Self::with_defaults(&task.form);
        match engine.detail(job).await {
            Ok((_, detail)) if detail.view.kind == task.kind.as_str() => {
                draft.rerun_of = Some(job);
                draft.fill_from(&task.form, &detail.input);
                draft.find_files(engine, &task.form).await;
            }
            Ok((_, detail)) => {
                draft.refusal = Some(format!(
                    "Job #{job} belongs to the task {}, so its input does not fit here",
                    detail.view.kind
                ));
            }
            Err(error) => draft.refusal = Some(format!("The input of job #{job} cannot be used: {error}")),
        }
        draft
    }

    /// Returns a form with an input.
    pub async fn from_input(engine: &AuthorizedEngine, task: &TaskInfo, input: &Value) -> Self {
        let mut draft = Self::with_defaults(&task.form);
        draft.fill_from(&task.form, input);
        draft.find_files(engine, &task.form).await;
        draft
    }

    /// Fills the fields from an input. A field that the input omits keeps its default, as it did in that job.
    fn fill_from(&mut self, form: &Form, input: &Value) {
        for field in &form.fields {
            match input.get(&field.name).map(text) {
                Some(Some(entry)) => drop(self.entries.insert(field.name.clone(), entry)),
                Some(None) => drop(self.entries.remove(&field.name)),
                None => {}
            }
        }
    }

    /// Looks up the uploaded files by their ids. A deleted file is an error of its field.
    pub async fn find_files(&mut self, engine: &AuthorizedEngine, form: &Form) {
        for field in form.fields.iter().filter(|field| matches!(field.kind, FieldKind::Upload)) {
            let Some(id) = self.entries.get(&field.name).filter(|id| !id.is_empty()) else { continue };
            match file(engine, id).await {
                Ok(upload) => drop(self.files.insert(field.name.clone(), upload.into())),
                Err(error) => {
                    let message = match error {
                        Error::NoSuchUpload(_) => "The file is no longer on the server. Upload it again.".to_owned(),
                        error => error.to_string(),
                    };
                    self.add_faults([FieldError { field: field.name.clone(), message }]);
                    self.entries.remove(&field.name);
                }
            }
        }
    }

    /// Sets a field.
    pub fn enter(&mut self, name: String, text: String) {
        if name == RERUN_OF {
            self.rerun_of = text.parse().ok();
        } else {
            self.entries.insert(name, text);
        }
    }

    /// Adds errors to those of the form. One field shows one error, the first.
    pub fn add_faults(&mut self, faults: impl IntoIterator<Item = FieldError>) {
        for fault in faults {
            if self.fault(&fault.field).is_none() {
                self.faults.push(fault);
            }
        }
    }

    /// Starts the job.
    ///
    /// # Errors
    /// `Error::InvalidInput` with every fault at once, those of reading the form included.
    pub async fn start(&self, engine: &AuthorizedEngine, kind: &str) -> Result<JobId, Error> {
        engine.authorise_start(kind)?;
        let form = engine.task(kind).map(|task| task.form.clone()).unwrap_or_default();
        let input = self.input(&form);
        let mut faults = self.faults.clone();
        collect_faults(engine.check_form(kind, input.clone()).await, &mut faults)?;
        let options = collect_faults(start_options::options(self), &mut faults)?;
        match options {
            Some(options) if faults.is_empty() => engine.start(kind, input, options).await,
            _ => Err(Error::InvalidInput(faults)),
        }
    }

    /// Returns the schedule of the form, which is checked when it is saved.
    ///
    /// # Errors
    /// `Error::InvalidInput` if reading the form found a fault, with every other fault as well.
    pub async fn schedule(&self, engine: &AuthorizedEngine, kind: &str, form: &Form) -> Result<NewSchedule, Error> {
        let mut faults = self.faults.clone();
        let schedule = schedule_plan::parse(self, kind, form, &mut faults);
        if faults.is_empty() {
            return Ok(schedule);
        }
        collect_faults(engine.check_new_schedule(schedule).await, &mut faults)?;
        Err(Error::InvalidInput(faults))
    }

    /// Returns the input as JSON.
    pub(crate) fn input(&self, form: &Form) -> Value {
        let rule = |name: &str| {
            form.fields.iter().find(|field| field.name == name).map_or(Entry::Text, |field| Entry::of(&field.kind))
        };
        let read = |(name, text): (&String, &String)| Some((name.clone(), rule(name).read(text)?));
        let of_task =
            self.entries.iter().filter(|(name, _)| !start_options::is_own(name) && !schedule_plan::is_own(name));
        Value::Object(of_task.filter_map(read).collect::<Map<_, _>>())
    }

    pub(crate) fn entry(&self, name: &str) -> &str {
        self.entries.get(name).map_or("", String::as_str)
    }

    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == name).map(|fault| fault.message.as_str())
    }
}

async fn file(engine: &AuthorizedEngine, id: &str) -> Result<engine::Upload, Error> {
    engine.uploads()?.get(id).await
}

/// Returns the text of a value; `None` if no field can hold it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
