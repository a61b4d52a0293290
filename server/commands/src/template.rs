//! Text with values in it: one argument, one variable, a title.

use std::collections::BTreeMap;

/// The text of each parameter that has a value; `true` and `false` for those that are set or not.
pub(crate) type Values = BTreeMap<String, String>;

/// `--from={{folder}}`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Text as it stands.
    Text(String),
    /// `{{name}}`; `{{-name}}` may make the argument begin with a dash.
    Value { name: String, may_begin_with_dash: bool },
    /// `{{name?text}}`: the text, where the parameter is true.
    Flag { name: String, text: String },
}

/// What became of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filled<'t> {
    /// The text.
    pub(crate) text: String,
    /// The parameter whose value makes it begin with a dash, where nobody allowed that.
    pub(crate) dashed_by: Option<&'t str>,
}

impl Template {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
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

    /// The parameters it takes, and whether each is taken for true or false.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { name, .. } => Some((name.as_str(), false)),
            Part::Flag { name, .. } => Some((name.as_str(), true)),
        })
    }

    /// The text, where it takes no parameter.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether a value stands in its text.
    pub(crate) fn takes_a_value(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value { .. }))
    }

    /// The text with the values in it; `None` where one of them is missing, or a flag is not set.
    pub(crate) fn fill(&self, values: &Values) -> Option<Filled<'_>> {
        let mut filled = Filled { text: String::new(), dashed_by: None };
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.text.push_str(text),
                Part::Flag { name, text } => {
                    values.get(name).filter(|value| *value == "true")?;
                    filled.text.push_str(text);
                }
                Part::Value { name, may_begin_with_dash } => {
                    let value = values.get(name)?;
                    if filled.text.is_empty() && value.starts_with('-') && !may_begin_with_dash {
                        filled.dashed_by = Some(name);
                    }
                    filled.text.push_str(value);
                }
            }
        }
        Some(filled)
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

    fn filled(template: &str) -> Option<(String, Option<String>)> {
        let values = [("name", "a b"), ("dash", "-rf"), ("yes", "true"), ("no", "false"), ("empty", "")];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let template = Template::parse(template).expect("well formed");
        let filled = template.fill(&values)?;
        Some((filled.text, filled.dashed_by.map(str::to_owned)))
    }

    fn text(template: &str) -> Option<String> {
        filled(template).map(|(text, _)| text)
    }

    #[test]
    fn values_stand_where_they_are_named_and_are_never_split() {
        assert_eq!(text("--name={{name}}!").as_deref(), Some("--name=a b!"));
        assert_eq!(text("{{ name }}{{name}}").as_deref(), Some("a ba b"));
        assert_eq!(text("plain { } %").as_deref(), Some("plain { } %"));
        assert_eq!(text("").as_deref(), Some(""));
    }

    #[test]
    fn what_has_no_value_drops_its_argument() {
        assert_eq!(text("--exclude={{missing}}"), None);
        assert_eq!(text("{{yes?--verbose}}").as_deref(), Some("--verbose"));
        assert_eq!(text("{{no?--verbose}}"), None);
        assert_eq!(text("{{missing?--verbose}}"), None);
    }

    #[test]
    fn a_value_makes_an_option_only_where_that_is_allowed() {
        let by = |template| filled(template).and_then(|(_, by)| by);
        assert_eq!(by("{{dash}}").as_deref(), Some("dash"));
        assert_eq!(by("{{empty}}{{dash}}").as_deref(), Some("dash"));
        assert_eq!(by("{{-dash}}"), None);
        assert_eq!(by("./{{dash}}"), None);
        assert_eq!(by("--name={{dash}}"), None);
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert!(Template::parse("{{name").is_err());
    }
}
