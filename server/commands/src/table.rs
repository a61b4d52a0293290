//! Configuration table `[command.NAME]`, parsed and validated when the server starts.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::{Declared, Kind, Queue, processes::Signal};
use model::Role;
use output_parser::Format;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    parameters::{self, Parameter, ValueType},
    template::Template,
};

/// The group of commands without one.
const DEFAULT_GROUP: &str = "Commands";
/// Longest name of a group, characters.
const MAX_GROUP: usize = 40;
/// Default limit of concurrent processes of a command.
const DEFAULT_PROCESSES: u32 = 1_000;

/// An invalid table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Problem {
    /// The invalid key, such as `command.sync.timeout`.
    pub key: String,
    /// What is wrong and which values are allowed.
    pub message: String,
}

/// The table as written in the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: Option<String>,
    about: Option<String>,
    title: Option<String>,
    icon: Option<String>,
    group: Option<String>,
    argv: Vec<RawArgument>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    env: Map<String, Value>,
    folder: Option<PathBuf>,
    timeout: Option<String>,
    quiet_timeout: Option<String>,
    queue: Option<String>,
    limit: Option<u32>,
    role: Option<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    retries: u32,
    signal: Option<String>,
    memory: Option<String>,
    processes: Option<u32>,
    progress: Option<String>,
    #[serde(default)]
    terminal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an argument is a text, or a list of texts that are dropped together")]
enum RawArgument {
    One(String),
    Group(Vec<String>),
}

/// A validated table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) title: Option<Template>,
    pub(crate) icon: Option<&'static str>,
    /// Its group in the catalogue.
    pub(crate) group: String,
    /// Name or absolute path of the program.
    pub(crate) program: String,
    /// Groups of arguments. A group is dropped as a whole if one of its values is missing.
    pub(crate) arguments: Vec<Vec<Template>>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) schema: Value,
    pub(crate) env: Vec<(String, Template)>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) quiet_timeout: Option<Duration>,
    pub(crate) queue: Option<String>,
    pub(crate) limit: Option<u32>,
    pub(crate) role: Role,
    pub(crate) private: bool,
    pub(crate) retries: u32,
    /// The signal that asks the program to stop.
    pub(crate) signal: Signal,
    /// Limit of the resident memory of all its processes together, bytes.
    pub(crate) memory: Option<u64>,
    pub(crate) processes: u32,
    pub(crate) progress: Format,
    /// Whether the output is a pseudo-terminal instead of two pipes.
    pub(crate) terminal: bool,
}

impl Table {
    /// Parses and validates the table of the command `kind`.
    ///
    /// # Errors
    /// The first invalid key.
    pub(crate) fn parse(kind: &str, table: toml::Value) -> Result<Self, Problem> {
        let wrong = |key: &str, message: String| {
            let key = if key.is_empty() { format!("command.{kind}") } else { format!("command.{kind}.{key}") };
            Problem { key, message }
        };
        Kind::declared(kind).map_err(|message| wrong("", message))?;
        let raw: RawTable = serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            wrong(if path == "." { "" } else { &path }, error.inner().message().trim().to_owned())
        })?;
        if let Some(queue) = &raw.queue {
            Queue::declared(queue).map_err(|message| wrong("queue", message))?;
        }
        let (parameters, schema) = parameters::parse(&raw.parameters)
            .map_err(|(key, message)| wrong(&format!("parameters.{key}"), message))?;
        let template = |key: &str, text: &str| {
            let template = Template::parse(text).map_err(|message| wrong(key, message))?;
            check_placeholders(&template, &parameters).map_err(|message| wrong(key, message))?;
            Ok(template)
        };
        let mut arguments = Vec::new();
        for (at, argument) in raw.argv.iter().enumerate() {
            let key = format!("argv[{at}]");
            let group = match argument {
                RawArgument::One(one) => std::slice::from_ref(one),
                RawArgument::Group(group) => group,
            };
            arguments.push(group.iter().map(|text| template(&key, text)).collect::<Result<Vec<_>, _>>()?);
        }
        let env = environment(&raw.env, template).map_err(|(key, message)| wrong(&format!("env.{key}"), message))?;
        let program = program(&mut arguments, &env).map_err(|message| wrong("argv", message))?;
        let title = raw.title.as_deref().map(|text| template("title", text)).transpose()?;
        let used: BTreeSet<&str> = arguments
            .iter()
            .flatten()
            .chain(env.iter().map(|(_, template)| template))
            .flat_map(|t| t.parameters().map(|(name, _)| name))
            .collect();
        if let Some(unused) = parameters.iter().find(|parameter| !used.contains(parameter.name.as_str())) {
            let name = &unused.name;
            let message = format!("nothing takes it; write {{{{{name}}}}} into argv or env, or leave it out");
            return Err(wrong(&format!("parameters.{name}"), message));
        }
        let duration = |key: &str, text: &Option<String>| {
            let read = |text: &String| {
                humantime::parse_duration(text)
                    .ok()
                    .filter(|duration| !duration.is_zero())
                    .ok_or_else(|| wrong(key, format!("`{text}` is not a duration such as 10s or 2h 30m")))
            };
            text.as_ref().map(read).transpose()
        };
        let at_least_one = |key: &str, value: Option<u32>| match value {
            Some(0) => Err(wrong(key, "0 is not possible; it can be 1 or more, or left out".to_owned())),
            value => Ok(value),
        };
        Ok(Self {
            kind: kind.to_owned(),
            name: raw.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| kind.to_owned()),
            about: raw.about.unwrap_or_else(|| format!("Runs {program}.")),
            title,
            icon: raw.icon.as_deref().map(icon).transpose().map_err(|message| wrong("icon", message))?,
            group: raw.group.map_or_else(|| Ok(DEFAULT_GROUP.to_owned()), group).map_err(|m| wrong("group", m))?,
            folder: raw.folder.map(folder).transpose().map_err(|message| wrong("folder", message))?,
            timeout: duration("timeout", &raw.timeout)?,
            quiet_timeout: duration("quiet_timeout", &raw.quiet_timeout)?,
            queue: raw.queue,
            limit: at_least_one("limit", raw.limit)?,
            role: parse_word(raw.role.as_deref(), Role::Operator, &[Role::Operator, Role::Administrator], Role::as_str)
                .map_err(|message| wrong("role", message))?,
            private: raw.private,
            retries: raw.retries,
            signal: parse_word(raw.signal.as_deref(), Signal::TERM, &STOP_SIGNALS, signal_name)
                .map_err(|message| wrong("signal", message))?,
            memory: raw.memory.map(|text| size(&text)).transpose().map_err(|message| wrong("memory", message))?,
            processes: at_least_one("processes", raw.processes)?.unwrap_or(DEFAULT_PROCESSES),
            progress: parse_word(raw.progress.as_deref(), Format::Auto, &Format::ALL, Format::as_str)
                .map_err(|message| wrong("progress", message))?,
            terminal: raw.terminal,
            program,
            arguments,
            parameters,
            schema,
            env,
        })
    }
}

fn icon(written: &str) -> Result<&'static str, String> {
    let known = Declared::ICONS.into_iter().find(|icon| *icon == written);
    known.ok_or_else(|| format!("`{written}` is not an icon; it can be {}", Declared::ICONS.join(", ")))
}

fn group(written: String) -> Result<String, String> {
    let name = written.trim();
    if (1..=MAX_GROUP).contains(&name.chars().count()) && !name.chars().any(model::is_unprintable) {
        return Ok(name.to_owned());
    }
    Err(format!("`{written}` is not a name of a group; it has 1 to {MAX_GROUP} printable characters"))
}

/// The signals that can ask a program to stop.
const STOP_SIGNALS: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "INT",
        Signal::HUP => "HUP",
        Signal::QUIT => "QUIT",
        _ => "TERM",
    }
}

/// Returns the value with a name, or the default.
fn parse_word<T: Copy>(
    written: Option<&str>,
    default: T,
    all: &[T],
    word_of: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let Some(written) = written else { return Ok(default) };
    all.iter().copied().find(|value| word_of(*value) == written).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|value| word_of(*value)).collect();
        format!("`{written}` is not possible; it can be {}", known.join(", "))
    })
}

fn size(text: &str) -> Result<u64, String> {
    let size: Option<bytesize::ByteSize> = text.parse().ok();
    size.map(|size| size.as_u64())
        .filter(|bytes| *bytes >= 1 << 20)
        .ok_or_else(|| format!("`{text}` is not a size such as 2GiB or 500MB, of 1MiB at least"))
}

fn folder(folder: PathBuf) -> Result<PathBuf, String> {
    if !folder.is_absolute() {
        return Err(format!("`{}` is not an absolute path", folder.display()));
    }
    if !folder.is_dir() {
        return Err(format!("there is no folder {}; create it, or name another one", folder.display()));
    }
    Ok(folder)
}

/// Rejects placeholders of unknown parameters, and flags of parameters that are not boolean.
fn check_placeholders(template: &Template, parameters: &[Parameter]) -> Result<(), String> {
    for (name, is_flag) in template.parameters() {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let known =
                if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", known.join(", ")) };
            return Err(format!("there is no parameter `{name}`; {known}"));
        };
        if is_flag && parameter.value_type != ValueType::Boolean {
            return Err(format!("`{name}` is no boolean; {{{{{name}?…}}}} takes only those"));
        }
    }
    Ok(())
}

/// Parses the declared environment variables.
fn environment(
    written: &Map<String, Value>,
    template: impl Fn(&str, &str) -> Result<Template, Problem>,
) -> Result<Vec<(String, Template)>, (String, String)> {
    let mut variables = Vec::new();
    for (name, value) in written {
        let wrong = |message: &str| (name.clone(), message.to_owned());
        // The kernel allows other names, but the shell that starts the program does not pass them on.
        let is_name = !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
        if !is_name || name.starts_with("MILEPOST_") {
            return Err(wrong(
                "this cannot be a variable: choose a name of letters, digits and underscores that begins with no digit and \
                 not with MILEPOST_, or have the program set it: argv = [\"env\", \"NAME=value\", …]",
            ));
        }
        let Value::String(text) = value else { return Err(wrong("a variable is a text; write it in quotes")) };
        let template = template("env", text).map_err(|problem| wrong(&problem.message))?;
        variables.push((name.clone(), template));
    }
    Ok(variables)
}

/// Removes the program from the arguments and checks that it is executable. It is never a parameter: users who start a
/// job do not choose what runs.
fn program(arguments: &mut Vec<Vec<Template>>, env: &[(String, Template)]) -> Result<String, String> {
    const EXAMPLE: &str = "name the program first, such as argv = [\"rsync\", \"-a\", \"{{folder}}\"]";
    if arguments.is_empty() {
        return Err(format!("it is empty; {EXAMPLE}"));
    }
    let first = arguments.remove(0);
    let [first] = first.as_slice() else { return Err(format!("its first argument is a list; {EXAMPLE}")) };
    let program = first.plain().filter(|program| !program.is_empty() && !program.starts_with('-'));
    let Some(program) = program else {
        return Err(format!("the program cannot be a parameter or an option; {EXAMPLE}"));
    };
    let own_path = env.iter().find(|(name, _)| name == "PATH").and_then(|(_, value)| value.plain());
    let paths = own_path.map_or_else(search_path, OsString::from);
    let found = if program.contains('/') {
        Path::new(program).is_absolute() && is_executable(Path::new(program))
    } else {
        env::split_paths(&paths).any(|folder| folder.is_absolute() && is_executable(&folder.join(program)))
    };
    if found {
        return Ok(program.to_owned());
    }
    let paths = paths.to_string_lossy();
    Err(format!("there is no program `{program}`; install it, or give its absolute path. It is looked for in {paths}"))
}

/// Returns the search path for programs: the `PATH` of the server, or the usual folders if it has none.
pub(crate) fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into())
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
