//! The layers, and how they merge.

use std::path::{Path, PathBuf};

use cortex_types::TenantId;
use figment::providers::{Data, Format, Serialized};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{ConfigError, one_of};
use super::loaded::{Loaded, leaves};
use super::origin::{DOT_ENV, FLAG, Origin, VARIABLE};

const PREFIX: &str = "CORTEX__";
/// The environment that nobody has to name, and that needs no file.
pub const LOCAL: &str = "local";

/// Where the layers are.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Holds `base.yaml`, `{environment}.yaml` and `tenants/{tenant}.yaml`; each may be missing, but for the file of an
    /// environment other than [`LOCAL`].
    pub folder: PathBuf,
    /// Takes the place of `base.yaml`, and must exist.
    pub base_file: Option<PathBuf>,
    pub dot_env: PathBuf,
    /// Such as `local` or `production`.
    pub environment: String,
    /// The variables of the process; only those that begin with `CORTEX__` count.
    pub variables: Vec<(String, String)>,
    pub flags: Vec<Flag>,
}

/// A value given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is typed, such as `--http`.
    pub name: &'static str,
    pub key: &'static str,
    pub value: String,
}

/// What a tenant's file may decide.
#[derive(Clone, Copy, Debug)]
pub struct TenantRules {
    /// The key that names the tenant to load for, when none is given.
    pub tenant_key: &'static str,
    /// Keys, and sections as a whole.
    pub allowed: &'static [&'static str],
}

/// Merges the layers, for `tenant` or for the one that the configuration itself names.
pub fn load<T>(sources: &Sources, rules: TenantRules, tenant: Option<&TenantId>) -> Result<Loaded<T>, ConfigError>
where
    T: Serialize + DeserializeOwned + Default,
{
    let files = sources.files::<T>()?;
    let tenant = match tenant {
        Some(tenant) => tenant.clone(),
        None => extract_inner(&sources.overlay(files.clone())?, rules.tenant_key)?,
    };
    let tenant_file = sources.folder.join("tenants").join(format!("{tenant}.yaml"));
    check_tenant_file(&tenant_file, rules)?;
    let figment = sources.overlay(merge_yaml(files, &tenant_file)?)?;

    let defaults = leaves(&T::default());
    let default = |key: &str| {
        defaults
            .get(key)
            .filter(|value| !value.is_null())
            .map(ToString::to_string)
    };
    let value = figment
        .extract_lossy::<T>()
        .map_err(|error| ConfigError::of(error, default))?;
    Ok(Loaded::new(value, |key| Origin::of(figment.find_metadata(key))))
}

fn extract_inner(figment: &Figment, key: &str) -> Result<TenantId, ConfigError> {
    figment
        .extract_inner(key)
        .map_err(|error| ConfigError::of(error, |_| None))
}

impl Sources {
    /// The layers below the tenant's file.
    fn files<T: Serialize + Default>(&self) -> Result<Figment, ConfigError> {
        if let Some(path) = self.base_file.as_ref().filter(|path| !path.is_file()) {
            return Err(ConfigError::Unreadable {
                path: path.clone(),
                problem: "there is no such file".to_owned(),
            });
        }
        let base = self.base_file.clone().unwrap_or_else(|| self.folder.join("base.yaml"));
        let environment = self.folder.join(format!("{}.yaml", self.environment));
        if self.environment != LOCAL && !is_there(&environment)? {
            return Err(ConfigError::Unreadable {
                path: environment,
                problem: format!(
                    "there is no such file for the environment '{}': correct --env (CORTEX_ENV), or make the file",
                    self.environment
                ),
            });
        }
        let mut figment = Figment::from(Serialized::defaults(T::default()));
        for (name, value) in self.dot_env()? {
            figment = merge_variable(figment, DOT_ENV, &name, value);
        }
        merge_yaml(merge_yaml(figment, &base)?, &environment)
    }

    /// The layers above it.
    fn overlay(&self, mut figment: Figment) -> Result<Figment, ConfigError> {
        let mut variables = self.variables.clone();
        variables.sort();
        for (name, value) in variables {
            figment = merge_variable(figment, VARIABLE, &name, value);
        }
        for flag in &self.flags {
            let metadata = Metadata::from(FLAG, figment::Source::Custom(flag.name.to_owned()));
            figment = figment.merge(One {
                key: flag.key.to_owned(),
                value: flag.value.clone(),
                metadata,
            });
        }
        Ok(figment)
    }

    fn dot_env(&self) -> Result<Vec<(String, String)>, ConfigError> {
        // A folder of that name is some other tool's.
        if self.dot_env.is_dir() || !is_there(&self.dot_env)? {
            return Ok(Vec::new());
        }
        let unreadable = |error: dotenvy::Error| ConfigError::Unreadable {
            path: self.dot_env.clone(),
            problem: error.to_string(),
        };
        let entries = dotenvy::from_path_iter(&self.dot_env).map_err(unreadable)?;
        entries.map(|entry| entry.map_err(unreadable)).collect()
    }
}

/// Passes over what does not begin with the prefix.
fn merge_variable(figment: Figment, kind: &'static str, name: &str, value: String) -> Figment {
    let Some(key) = name.strip_prefix(PREFIX) else {
        return figment;
    };
    let key = key.to_ascii_lowercase().replace("__", ".");
    figment.merge(One {
        key,
        value,
        metadata: Metadata::from(kind, figment::Source::Custom(name.to_owned())),
    })
}

fn check_tenant_file(path: &Path, rules: TenantRules) -> Result<(), ConfigError> {
    let data = merge_yaml(Figment::new(), path)?
        .extract::<Value>()
        .map_err(|error| ConfigError::of(error, |_| None))?;
    let allowed = |key: &str| {
        rules
            .allowed
            .iter()
            .any(|rule| key == *rule || key.strip_prefix(rule).is_some_and(|rest| rest.starts_with('.')))
    };
    match leaves(&data).into_keys().find(|key| !key.is_empty() && !allowed(key)) {
        None => Ok(()),
        Some(key) => Err(ConfigError::NotPerTenant {
            key,
            path: path.to_owned(),
            allowed: one_of(rules.allowed.iter().map(ToString::to_string)),
        }),
    }
}

/// A missing or empty file says nothing.
fn merge_yaml(figment: Figment, path: &Path) -> Result<Figment, ConfigError> {
    Ok(if is_there(path)? {
        figment.merge(Data::<Yaml>::file_exact(path))
    } else {
        figment
    })
}

/// Whether the file is there. What is there and cannot be read is an error: somebody meant it to be read.
fn is_there(path: &Path) -> Result<bool, ConfigError> {
    let unreadable = |problem: String| ConfigError::Unreadable {
        path: path.to_owned(),
        problem,
    };
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => Err(unreadable("it is a folder".to_owned())),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

struct Yaml;

impl Format for Yaml {
    type Error = serde_norway::Error;
    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_norway::Error> {
        let is_blank = text
            .lines()
            .map(str::trim)
            .all(|line| line.is_empty() || line.starts_with('#') || line == "---");
        serde_norway::from_str(if is_blank { "{}" } else { text })
    }
}

/// One value, with its own origin. It stays text until its type is known.
struct One {
    key: String,
    value: String,
    metadata: Metadata,
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, Value::from(self.value.clone()));
        Ok(Map::from([(Profile::Default, nested.into_dict().unwrap_or_default())]))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
