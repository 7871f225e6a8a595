//! Reading declarations from YAML.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Pipeline;
use crate::TrainingError;

/// The pipelines that come with Cortex.
const BUILTIN: [(&str, &str); 2] = [
    (
        "definitions/pipelines/repurchase-30d.yaml",
        include_str!("../../../definitions/pipelines/repurchase-30d.yaml"),
    ),
    (
        "definitions/pipelines/units-7d.yaml",
        include_str!("../../../definitions/pipelines/units-7d.yaml"),
    ),
];

/// All pipelines, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineDefinitions(BTreeMap<String, Arc<Pipeline>>);

impl PipelineDefinitions {
    /// Every `.yaml` and `.yml` file of `folder`.
    pub fn load(folder: &Path) -> Result<Self, TrainingError> {
        let unreadable = |path: &Path, error: std::io::Error| TrainingError::Definition {
            file: path.display().to_string(),
            detail: format!("it cannot be read: {error}"),
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
                files.push((path.display().to_string(), text));
            }
        }
        files.sort();
        Self::parse(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// The pipelines that come with Cortex.
    ///
    /// # Panics
    /// Never in a released build: a test reads them.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).unwrap_or_else(|error| unreachable!("the built-in pipelines are tested: {error}"))
    }

    /// Pipelines from `(file name, YAML)` pairs; the names are for error messages.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TrainingError> {
        let mut pipelines = BTreeMap::new();
        for (file, text) in files {
            let refuse = |detail: String| TrainingError::Definition {
                file: file.to_owned(),
                detail,
            };
            let pipeline: Pipeline = serde_norway::from_str(text).map_err(|error| refuse(error.to_string()))?;
            pipeline.check().map_err(refuse)?;
            let name = pipeline.pipeline.clone();
            if pipelines.insert(name.clone(), Arc::new(pipeline)).is_some() {
                return Err(refuse(format!("pipeline: there is a '{name}' already")));
            }
        }
        Ok(Self(pipelines))
    }

    pub fn named(&self, name: &str) -> Result<&Arc<Pipeline>, TrainingError> {
        self.0.get(name).ok_or_else(|| TrainingError::UnknownPipeline {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// In order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pipeline>> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use cortex_features::Definitions;
    use cortex_types::{Coded, ErrorCode};

    use super::*;

    fn refusal(change: impl Fn(&str) -> String) -> String {
        let error = PipelineDefinitions::parse([("p.yaml", change(BUILTIN[0].1).as_str())]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfiguration);
        error.to_string()
    }

    #[test]
    fn the_built_in_pipelines_name_services_that_exist() {
        let features = Definitions::builtin();
        let pipelines = PipelineDefinitions::builtin();
        assert_eq!(pipelines.iter().count(), 2);
        for pipeline in pipelines.iter() {
            let service = features.service(&pipeline.feature_service).unwrap();
            assert_eq!(*service.entity, *pipeline.entity);
            if let Some(feature) = pipeline.baseline.params.get("feature") {
                assert!(
                    service.features.iter().any(|known| known.to_string() == *feature),
                    "{feature}"
                );
            }
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file_and_what_is_allowed() {
        let message = refusal(|text| text.replace("active_within:", "active:"));
        for part in ["p.yaml", "rows", "active", "active_within"] {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }

    #[test]
    fn a_metric_of_the_other_task_is_refused() {
        assert!(refusal(|text| text.replace("metric: roc_auc", "metric: rmse")).contains("metric: rmse"));
        assert!(refusal(|text| text.replace("metric: roc_auc", "metric: auc")).contains("roc_auc"));
    }

    #[test]
    fn rows_on_a_weekday_are_weeks_apart() {
        assert!(refusal(|text| text.replace("every: 7d", "every: 5d")).contains("rows.every"));
    }

    #[test]
    fn a_binary_task_learns_whether_and_not_how_much() {
        assert!(refusal(|text| text.replace("aggregate: exists", "aggregate: count")).contains("label.aggregate"));
    }

    #[test]
    fn a_pipeline_nobody_declared_is_answered_with_those_that_are() {
        let error = PipelineDefinitions::builtin().named("churn").unwrap_err().to_string();
        assert!(error.contains("repurchase-30d, units-7d"), "{error}");
    }
}
