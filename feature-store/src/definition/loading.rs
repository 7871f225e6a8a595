//! Reading definitions from YAML.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::validation::Draft;
use super::{Definitions, Entity, FeatureService, FeatureView};
use crate::FeatureError;

/// The definitions that come with Cortex, for the tables of its own ERP.
const BUILTIN: [(&str, &str); 2] = [
    (
        "definitions/features/customer.yaml",
        include_str!("../../../definitions/features/customer.yaml"),
    ),
    (
        "definitions/features/product.yaml",
        include_str!("../../../definitions/features/product.yaml"),
    ),
];

/// One file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefinitionFile {
    #[serde(default)]
    entities: Vec<Entity>,
    #[serde(default)]
    views: Vec<FeatureView>,
    #[serde(default)]
    services: Vec<FeatureService>,
}

impl Definitions {
    /// Every `.yaml` and `.yml` file of `folder`, taken together.
    pub fn load(folder: &Path) -> Result<Self, FeatureError> {
        let unreadable = |error: std::io::Error| FeatureError::Definition {
            file: folder.display().to_string(),
            detail: format!("the folder cannot be read: {error}"),
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| FeatureError::Definition {
                file: file.clone(),
                detail: format!("the file cannot be read: {error}"),
            })?;
            files.push((file, text));
        }
        Self::parse(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// The definitions that come with Cortex.
    ///
    /// # Panics
    /// Never in a released build: a test reads them.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).unwrap_or_else(|error| unreachable!("the built-in definitions are tested: {error}"))
    }

    /// Definitions from `(file name, YAML)` pairs; the names are for error messages.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FeatureError> {
        let mut draft = Draft::default();
        for (file, text) in files {
            let parsed: DefinitionFile = serde_norway::from_str(text).map_err(|error| FeatureError::Definition {
                file: file.to_owned(),
                detail: error.to_string(),
            })?;
            let file: Arc<str> = file.into();
            for entity in parsed.entities {
                draft.add_entity(&file, entity)?;
            }
            for view in parsed.views {
                draft.add_view(&file, view)?;
            }
            for service in parsed.services {
                draft.add_service(&file, service)?;
            }
        }
        draft.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTITY: &str = "entities: [{ name: customer, join_keys: [customer_code] }]\n";

    fn refusal(text: &str) -> String {
        Definitions::parse([("features.yaml", format!("{ENTITY}{text}").as_str())])
            .unwrap_err()
            .to_string()
    }

    fn view(features: &str) -> String {
        format!(
            "views: [{{ name: sales, entity: customer, source: {{ table: lines, event_time: at }}, features: [{features}] }}]"
        )
    }

    #[test]
    fn the_built_in_definitions_hold_together() {
        let definitions = Definitions::builtin();
        for (service, entity) in [("customer_repurchase", "customer"), ("product_demand", "product")] {
            let service = definitions.service(service).unwrap();
            assert_eq!(&*service.entity, entity);
            assert_eq!(&*definitions.entity_of(&service.features).unwrap().name, entity);
            assert!(
                (18..=24).contains(&service.features.len()),
                "{} features",
                service.features.len()
            );
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file_its_place_and_what_is_allowed() {
        let message = refusal(&view("{ name: spend, agregate: sum }"));
        for part in ["features.yaml", "views[0].features[0]", "agregate", "aggregate"] {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }

    #[test]
    fn a_contradiction_is_refused_with_its_place() {
        let bad = [
            (view("{ name: spend, aggregate: sum, window: 7d }"), "needs a value"),
            (
                view("{ name: spend, aggregate: sum, value: net_minor }"),
                "needs a window",
            ),
            (
                view("{ name: spend, aggregate: sum, value: 'net +', window: 7d }"),
                "not an SQL expression",
            ),
            (
                view("{ name: spend, aggregate: sum, value: 'a, b', window: 7d }"),
                "not an SQL expression",
            ),
            (view("{ name: spend }"), "aggregate"),
            (
                view("{ name: last, aggregate: days_since_last, value: x, window: 7d }"),
                "takes no value",
            ),
            (
                view("{ name: n, aggregate: count, window: 7d }, { name: n, aggregate: count, window: 9d }"),
                "twice",
            ),
            (
                view("{ name: n, ratio: { of: spend, to: orders } }"),
                "no feature 'spend'",
            ),
            (view("{ name: N, aggregate: count, window: 7d }"), "cannot be a name"),
            (view(""), "no features"),
            (
                "services: [{ name: s, entity: customer, features: ['sales:spend'] }]".to_owned(),
                "no view 'sales'",
            ),
            (
                "services: [{ name: s, entity: customer, features: [] }]".to_owned(),
                "no features",
            ),
            (
                "services: [{ name: s, entity: buyer, features: ['a:b'] }]".to_owned(),
                "no entity 'buyer'",
            ),
            (
                "services: [{ name: s, entity: customer, features: ['spend'] }]".to_owned(),
                "view:feature",
            ),
        ];
        for (text, expected) in bad {
            let message = refusal(&text);
            assert!(
                message.contains(expected),
                "{message:?} does not say {expected:?} of {text}"
            );
        }
    }

    #[test]
    fn a_service_cannot_mix_entities() {
        let text = format!(
            "{}services: [{{ name: s, entity: product, features: ['sales:n'] }}]\n",
            view("{ name: n, aggregate: count, window: 7d }") + "\n"
        );
        let other = ("more.yaml", "entities: [{ name: product, join_keys: [product_code] }]");
        let message = Definitions::parse([("a.yaml", format!("{ENTITY}{text}").as_str()), other])
            .unwrap_err()
            .to_string();
        assert!(message.contains("describes customer"), "{message}");
    }

    #[test]
    fn a_new_window_keeps_the_fingerprint_and_a_new_filter_changes_it() {
        let parse = |text: &str| {
            let definitions = Definitions::parse([("f.yaml", format!("{ENTITY}{text}").as_str())]).unwrap();
            definitions.fingerprint(definitions.view("sales").unwrap()).unwrap()
        };
        let week = parse(&view("{ name: n, aggregate: count, window: 7d }"));
        assert_eq!(week, parse(&view("{ name: n, aggregate: count, window: 30d }")));
        assert_ne!(
            week,
            parse(&view("{ name: n, aggregate: count, window: 7d }").replace("at }", "at, where: 'x > 1' }"))
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Definitions::load(Path::new("/nowhere/features")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/features"), "{error}");
    }
}
