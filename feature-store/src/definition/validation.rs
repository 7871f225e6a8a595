//! Definitions that contradict themselves or each other are refused before anything is computed from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::catalog::names;
use super::{Aggregate, Definitions, Entity, Feature, FeatureService, FeatureView};
use crate::FeatureError;

/// Definitions as they were read, with the file that each came from.
#[derive(Debug, Default)]
pub(super) struct Draft {
    definitions: Definitions,
    /// By kind and name.
    files: BTreeMap<(&'static str, Arc<str>), Arc<str>>,
}

impl Draft {
    pub(super) fn add_entity(&mut self, file: &Arc<str>, entity: Entity) -> Result<(), FeatureError> {
        self.claim(file, "entity", &entity.name)?;
        self.definitions
            .entities
            .insert(Arc::clone(&entity.name), Arc::new(entity));
        Ok(())
    }

    pub(super) fn add_view(&mut self, file: &Arc<str>, view: FeatureView) -> Result<(), FeatureError> {
        self.claim(file, "view", &view.name)?;
        self.definitions.views.insert(Arc::clone(&view.name), Arc::new(view));
        Ok(())
    }

    pub(super) fn add_service(&mut self, file: &Arc<str>, service: FeatureService) -> Result<(), FeatureError> {
        self.claim(file, "service", &service.name)?;
        self.definitions
            .services
            .insert(Arc::clone(&service.name), Arc::new(service));
        Ok(())
    }

    fn claim(&mut self, file: &Arc<str>, kind: &'static str, name: &Arc<str>) -> Result<(), FeatureError> {
        let refuse = |detail| FeatureError::Definition {
            file: file.to_string(),
            detail,
        };
        named(name).map_err(|detail| refuse(format!("{kind} '{name}': {detail}")))?;
        match self.files.insert((kind, Arc::clone(name)), Arc::clone(file)) {
            Some(first) => Err(refuse(format!(
                "{kind} '{name}' is defined twice: it is in {first} already"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn check(self) -> Result<Definitions, FeatureError> {
        let located = |kind: &'static str, name: &Arc<str>| {
            let file = self
                .files
                .get(&(kind, Arc::clone(name)))
                .map_or("", |file| &**file)
                .to_owned();
            let name = Arc::clone(name);
            move |detail: String| FeatureError::Definition {
                file,
                detail: format!("{kind} '{name}': {detail}"),
            }
        };
        for (name, entity) in &self.definitions.entities {
            self.check_entity(entity).map_err(located("entity", name))?;
        }
        for (name, view) in &self.definitions.views {
            self.check_view(view).map_err(located("view", name))?;
        }
        for (name, service) in &self.definitions.services {
            self.check_service(service).map_err(located("service", name))?;
        }
        Ok(self.definitions)
    }

    fn check_entity(&self, entity: &Entity) -> Result<(), String> {
        let distinct: BTreeSet<_> = entity.join_keys.iter().collect();
        if distinct.is_empty() || distinct.len() != entity.join_keys.len() {
            return Err("join_keys names one or more columns, each once".to_owned());
        }
        let Some(activity) = &entity.activity else {
            return Ok(());
        };
        let views = || {
            self.definitions
                .views
                .values()
                .filter(|view| view.entity == entity.name)
        };
        if views().any(|view| view.name == *activity) {
            return Ok(());
        }
        Err(format!(
            "activity: it has no view '{activity}', only {}",
            names(views().map(|view| &view.name))
        ))
    }

    fn check_view(&self, view: &FeatureView) -> Result<(), String> {
        self.require_entity(&view.entity)?;
        named(&view.source.table).map_err(|detail| format!("source.table: {detail}"))?;
        if let Some(filter) = &view.source.filter {
            sql_expression(filter).map_err(|detail| format!("source.where: {detail}"))?;
        }
        if view.features.is_empty() {
            return Err("it has no features".to_owned());
        }
        let mut seen = BTreeSet::new();
        for feature in &view.features {
            let place = |detail: String| format!("feature '{}': {detail}", feature.name);
            named(&feature.name).map_err(place)?;
            if !seen.insert(&feature.name) {
                return Err(place("it is defined twice".to_owned()));
            }
            check_feature(view, feature).map_err(place)?;
        }
        Ok(())
    }

    fn check_service(&self, service: &FeatureService) -> Result<(), String> {
        self.require_entity(&service.entity)?;
        if service.features.is_empty() {
            return Err("it has no features".to_owned());
        }
        let mut seen = BTreeSet::new();
        for reference in &service.features {
            let views = &self.definitions.views;
            let view = views.get(&reference.view).ok_or_else(|| {
                format!(
                    "there is no view '{}'; known here: {}",
                    reference.view,
                    names(views.keys())
                )
            })?;
            self.definitions
                .position(view, &reference.feature)
                .map_err(|error| error.to_string())?;
            if view.entity != service.entity {
                return Err(format!(
                    "view '{}' describes {}, not {}",
                    view.name, view.entity, service.entity
                ));
            }
            if !seen.insert(reference) {
                return Err(format!("{reference} is listed twice"));
            }
        }
        Ok(())
    }

    fn require_entity(&self, name: &Arc<str>) -> Result<(), String> {
        let entities = &self.definitions.entities;
        if entities.contains_key(name) {
            return Ok(());
        }
        Err(format!(
            "there is no entity '{name}'; known here: {}",
            names(entities.keys())
        ))
    }
}

fn check_feature(view: &FeatureView, feature: &Feature) -> Result<(), String> {
    match (&feature.aggregate, &feature.ratio) {
        (Some(aggregate), None) => check_aggregate(feature, *aggregate),
        (None, Some(ratio)) => {
            if feature.value.is_some() || feature.window.is_some() {
                return Err("a ratio takes neither value nor window: its two features have them".to_owned());
            }
            number_in(view, &ratio.of)?;
            number_in(view, &ratio.to)
        }
        _ => Err("give it either an aggregate or a ratio".to_owned()),
    }
}

fn check_aggregate(feature: &Feature, aggregate: Aggregate) -> Result<(), String> {
    if feature.window.is_none() {
        return Err("it needs a window, such as 30d or lifetime".to_owned());
    }
    match &feature.value {
        None if aggregate.needs_value() => {
            Err(format!("{aggregate:?} needs a value: an SQL expression over the table"))
        }
        Some(_) if !aggregate.takes_value() => Err(format!("{aggregate:?} takes no value, only event times")),
        Some(value) => sql_expression(value).map_err(|detail| format!("value: {detail}")),
        None => Ok(()),
    }
}

/// Whether `name` is a feature of the view that a ratio may use.
fn number_in(view: &FeatureView, name: &str) -> Result<(), String> {
    match view.features.iter().find(|feature| *feature.name == *name) {
        None => Err(format!("ratio: the view has no feature '{name}'")),
        Some(feature) if feature.ratio.is_some() => Err(format!("ratio: '{name}' is a ratio itself")),
        Some(feature) if feature.aggregate == Some(Aggregate::Last) => Err(format!(
            "ratio: '{name}' may be text: divide sums, counts, averages or extremes"
        )),
        Some(_) => Ok(()),
    }
}

fn named(name: &str) -> Result<(), String> {
    let valid = (1..=80).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        // Feast writes view__feature for the full name of a feature.
        && !name.contains("__");
    if valid {
        return Ok(());
    }
    Err(format!(
        "'{name}' cannot be a name: use 1 to 80 of a-z, 0-9, '-' and single '_', beginning with a letter"
    ))
}

/// Syntax only: which columns there are is known when the first rows come.
fn sql_expression(sql: &str) -> Result<(), String> {
    let invalid = |detail: String| format!("'{sql}' is not an SQL expression: {detail}");
    let mut parser = Parser::new(&GenericDialect {})
        .try_with_sql(sql)
        .map_err(|error| invalid(error.to_string()))?;
    parser.parse_expr().map_err(|error| invalid(error.to_string()))?;
    match parser.next_token().token {
        Token::EOF => Ok(()),
        surplus => Err(invalid(format!("it should end before '{surplus}'"))),
    }
}
