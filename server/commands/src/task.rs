//! A command as a task of the engine.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Backoff, Ctx, Declared, DeclaredTask, TaskError};
use model::FieldError;
use serde_json::Value;

use crate::{Problem, process::RunningProcess, table::Table};

/// A declared command.
#[derive(Clone, Debug)]
pub struct Command(Arc<Table>);

impl Command {
    /// Parses the table `[command.NAME]`, and checks that its program and folder exist.
    ///
    /// # Errors
    /// The first invalid key, and its allowed values.
    pub fn from_toml(name: &str, table: toml::Value) -> Result<Self, Problem> {
        Table::parse(name, table).map(|table| Self(Arc::new(table)))
    }

    /// The kind of its jobs: NAME.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    pub(crate) fn declared(&self) -> Declared {
        let table = &self.0;
        Declared {
            kind: table.kind.clone(),
            name: table.name.clone(),
            about: table.about.clone(),
            icon: table.icon,
            group: table.group.clone(),
            schema: table.schema.clone(),
            max_attempts: table.retries.saturating_add(1),
            backoff: Backoff::DEFAULT,
            timeout: table.timeout,
            quiet_timeout: table.quiet_timeout,
            queue: table.queue.clone(),
            limit: table.limit,
            start_role: table.role,
            private: table.private,
        }
    }
}

#[async_trait]
impl DeclaredTask for Command {
    fn title(&self, input: &Value) -> String {
        self.0.job_title(input)
    }

    fn check(&self, input: &Value) -> Result<(), Vec<FieldError>> {
        self.0.check(input)
    }

    async fn run(&self, input: Value, ctx: &Ctx) -> Result<Value, TaskError> {
        let arguments = self.0.build_arguments(&input, ctx).await?;
        RunningProcess::start(Arc::clone(&self.0), arguments, ctx).await?.wait().await
    }
}
