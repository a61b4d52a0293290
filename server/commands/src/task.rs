//! A command as the engine's task.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Backoff, Ctx, Declared, DeclaredTask, TaskError};
use model::FieldError;
use serde_json::Value;

use crate::{Problem, running::Running, table::Table};

/// A command that has been declared.
#[derive(Clone, Debug)]
pub struct Command(Arc<Table>);

impl Command {
    /// Reads the table `[command.NAME]`, and looks whether what it names is there.
    ///
    /// # Errors
    /// The first key that is wrong, and what it can be.
    pub fn from_toml(name: &str, table: toml::Value) -> Result<Self, Problem> {
        Table::read(name, table).map(|table| Self(Arc::new(table)))
    }

    /// Its name.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    pub(crate) fn declared(&self) -> Declared {
        let table = &self.0;
        Declared {
            kind: table.kind.clone(),
            name: table.name.clone(),
            about: table.about.clone(),
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
        self.0.title_of(input)
    }

    fn check(&self, input: &Value) -> Result<(), Vec<FieldError>> {
        self.0.check(input)
    }

    async fn run(&self, input: Value, ctx: &Ctx) -> Result<Value, TaskError> {
        let filled = self.0.fill(&input, ctx).await?;
        Running::start(Arc::clone(&self.0), filled, ctx).await?.follow().await
    }
}
