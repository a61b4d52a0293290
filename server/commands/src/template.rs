//! Templates of arguments, variables and titles: text with `{{placeholders}}`.

use std::collections::BTreeMap;

/// The value of each parameter that has one, as text; `true` or `false` for booleans.
pub(crate) type Values = BTreeMap<String, String>;

/// `--from={{folder}}`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `{{name}}`; the value of `{{-name}}` may begin with a dash.
    Value {
        name: String,
        may_begin_with_dash: bool,
    },
    /// `{{name?text}}`: the text if the parameter is true.
    Flag {
        name: String,
        text: String,
    },
}

/// The text of a template with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered<'t> {
    pub(crate) text: String,
    /// The parameter whose value makes the text begin with a dash without permission.
    pub(crate) dashed_by: Option<&'t str>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// A message for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let Some((inside, after)) = behind.split_once("}}") else {
                return Err(format!("`{text}` has a {{{{ without its }}}}"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part(inside));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if text.contains('\0') {
            return Err("it has a zero byte in it, which no program can be given".to_owned());
        }
        Ok(Self(parts))
    }

    /// Returns the parameters in the template, and whether each is used as a flag.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { name, .. } => Some((name.as_str(), false)),
            Part::Flag { name, .. } => Some((name.as_str(), true)),
        })
    }

    /// Returns the text if the template has no placeholder.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether a value is part of the text.
    pub(crate) fn has_value(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value { .. }))
    }

    /// Renders the template; `None` if a value is missing or a flag is false.
    pub(crate) fn render(&self, values: &Values) -> Option<Rendered<'_>> {
        let mut rendered = Rendered { text: String::new(), dashed_by: None };
        for part in &self.0 {
            match part {
                Part::Text(text) => rendered.text.push_str(text),
                Part::Flag { name, text } => {
                    values.get(name).filter(|value| *value == "true")?;
                    rendered.text.push_str(text);
                }
                Part::Value { name, may_begin_with_dash } => {
                    let value = values.get(name)?;
                    if rendered.text.is_empty() && value.starts_with('-') && !may_begin_with_dash {
                        rendered.dashed_by = Some(name);
                    }
                    rendered.text.push_str(value);
                }
            }
        }
        Some(rendered)
    }
}

fn part(inside: &str) -> Part {
    if let Some((name, text)) = inside.split_once('?') {
        return Part::Flag { name: name.trim().to_owned(), text: text.to_owned() };
    }
    let name = inside.trim();
    let (name, may_begin_with_dash) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    Part::Value { name: name.to_owned(), may_begin_with_dash }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Option<(String, Option<String>)> {
        let values = [("name", "a b"), ("dash", "-rf"), ("yes", "true"), ("no", "false"), ("empty", "")];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let template = Template::parse(template).expect("well formed");
        let rendered = template.render(&values)?;
        Some((rendered.text, rendered.dashed_by.map(str::to_owned)))
    }

    fn text(template: &str) -> Option<String> {
        rendered(template).map(|(text, _)| text)
    }

    #[test]
    fn value_replaces_its_placeholder_unsplit() {
        assert_eq!(text("--name={{name}}!").as_deref(), Some("--name=a b!"));
        assert_eq!(text("{{ name }}{{name}}").as_deref(), Some("a ba b"));
        assert_eq!(text("plain { } %").as_deref(), Some("plain { } %"));
        assert_eq!(text("").as_deref(), Some(""));
    }

    #[test]
    fn argument_without_value_is_dropped() {
        assert_eq!(text("--exclude={{missing}}"), None);
        assert_eq!(text("{{yes?--verbose}}").as_deref(), Some("--verbose"));
        assert_eq!(text("{{no?--verbose}}"), None);
        assert_eq!(text("{{missing?--verbose}}"), None);
    }

    #[test]
    fn leading_dash_needs_permission() {
        let by = |template| rendered(template).and_then(|(_, by)| by);
        assert_eq!(by("{{dash}}").as_deref(), Some("dash"));
        assert_eq!(by("{{empty}}{{dash}}").as_deref(), Some("dash"));
        assert_eq!(by("{{-dash}}"), None);
        assert_eq!(by("./{{dash}}"), None);
        assert_eq!(by("--name={{dash}}"), None);
    }

    #[test]
    fn unclosed_placeholder_is_rejected() {
        assert!(Template::parse("{{name").is_err());
    }
}
