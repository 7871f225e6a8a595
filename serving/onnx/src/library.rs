//! Finding and loading `libonnxruntime`, once per process.

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use cortex_serving::ServingError;
use ort::environment::Environment;
use parking_lot::Mutex;

use crate::fetched;

/// Names the library's file, unless the configuration does.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// ONNX Runtime allows one environment per process and cannot be unloaded, so whoever loads first decides for all.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// What this process runs models with.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub file: PathBuf,
    pub environment: Environment,
}

/// Loads the library that `configured` names, else the one that the environment variable names, else the first that
/// lies in a usual place. A second call returns what is loaded, and refuses to name another file.
pub fn load(configured: Option<&Path>) -> Result<Loaded, ServingError> {
    let named = named_file(configured)?;
    let mut loaded = LOADED.lock();
    if let Some(loaded) = loaded.as_ref() {
        return match named {
            Some(file) if file != loaded.file => Err(ServingError::RuntimeMissing(format!(
                "this process already runs with {}, so it cannot load {} as well: restart it to change the library",
                loaded.file.display(),
                file.display()
            ))),
            _ => Ok(loaded.clone()),
        };
    }
    let file = match named {
        Some(file) => file,
        None => usual_places()
            .into_iter()
            .find(|place| place.is_file())
            .ok_or_else(not_found)?,
    };
    let environment = open(&file)?;
    let opened = Loaded { file, environment };
    *loaded = Some(opened.clone());
    Ok(opened)
}

/// The file that somebody named, checked to be there: a name that is wrong is not replaced by a guess.
fn named_file(configured: Option<&Path>) -> Result<Option<PathBuf>, ServingError> {
    let from_variable = || {
        env::var_os(LIBRARY_VARIABLE)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let (file, who) = match configured {
        Some(file) => (file.to_path_buf(), "the configuration"),
        None => match from_variable() {
            Some(file) => (file, LIBRARY_VARIABLE),
            None => return Ok(None),
        },
    };
    match file.canonicalize() {
        Ok(file) if file.is_file() => Ok(Some(file)),
        _ => Err(ServingError::RuntimeMissing(format!(
            "{who} names {}, but there is no such file; {}",
            file.display(),
            what_to_do()
        ))),
    }
}

/// Beside the binary, in the folders where `./devstack` keeps it, and where systems keep libraries.
fn usual_places() -> Vec<PathBuf> {
    let name = format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let mut folders = Vec::new();
    if let Some(folder) = env::current_exe()
        .ok()
        .and_then(|binary| binary.parent().map(Path::to_path_buf))
    {
        folders.push(folder.join("../lib"));
        folders.push(folder.join("lib"));
        folders.insert(0, folder);
    }
    if let Some(cache) = devstack_cache() {
        folders.extend(fetched::folders(&cache));
    }
    folders.extend(["/usr/local/lib", "/usr/lib"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(&name)).collect()
}

fn devstack_cache() -> Option<PathBuf> {
    fetched::cache(|variable| env::var_os(variable))
}

fn not_found() -> ServingError {
    let mut places: Vec<String> = usual_places().iter().map(|place| place.display().to_string()).collect();
    places.extend(devstack_cache().map(|cache| format!("a version in {}", cache.join("onnxruntime").display())));
    ServingError::RuntimeMissing(format!("looked for {}; {}", places.join(", "), what_to_do()))
}

fn what_to_do() -> String {
    format!(
        "run './devstack doctor', which fetches it, or set {LIBRARY_VARIABLE} to the file libonnxruntime, version 1.24 \
         or later"
    )
}

fn open(file: &Path) -> Result<Environment, ServingError> {
    // A library that exports the entry point but answers nonsense trips assertions of the binding; that must not end
    // the process, because everything but models works without it.
    let opened = panic::catch_unwind(AssertUnwindSafe(|| {
        let builder = ort::init_from(file).map_err(|error| error.to_string())?;
        builder
            .with_name("cortex")
            .with_telemetry(false)
            .build()
            .map_err(|error| error.to_string())
    }));
    let detail = match opened {
        Ok(Ok(environment)) => {
            tracing::info!(library = %file.display(), "ONNX Runtime is loaded");
            return Ok(environment);
        }
        Ok(Err(detail)) => detail,
        Err(_) => "it is not an ONNX Runtime that this version can use".to_owned(),
    };
    Err(ServingError::RuntimeMissing(format!(
        "{} cannot be used ({detail}); {}",
        file.display(),
        what_to_do()
    )))
}
