//! Where `./devstack` keeps the libraries that it fetched: `onnxruntime/VERSION-ARCHITECTURE` in its cache folder.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The cache folder of `./devstack`, by the same variables in the same order; an empty one counts as absent.
pub fn cache(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("CORTEX_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("cortex")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/cortex")))
}

/// The folders of libraries for this machine's architecture, newest version first.
pub fn folders(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = cache.join("onnxruntime").read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((version(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// `1.31.1` of `1.31.1-x86_64`; nothing for another architecture, or another kind of name.
fn version(folder: &str) -> Option<Vec<u32>> {
    let (version, architecture) = folder.split_once('-')?;
    if architecture != env::consts::ARCH {
        return None;
    }
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_for_this_machine_comes_first_and_others_not_at_all() {
        let cache = tempfile::tempdir().unwrap();
        let here = env::consts::ARCH;
        for folder in [
            format!("1.9.2-{here}"),
            format!("1.31.1-{here}"),
            format!("1.30.12-{here}"),
            "1.40.0-other".to_owned(),
            "1.40.0".to_owned(),
            format!("newest-{here}"),
        ] {
            std::fs::create_dir_all(cache.path().join("onnxruntime").join(folder)).unwrap();
        }
        let found = folders(cache.path());
        let names: Vec<&str> = found.iter().filter_map(|folder| folder.file_name()?.to_str()).collect();
        assert_eq!(
            names,
            [
                format!("1.31.1-{here}"),
                format!("1.30.12-{here}"),
                format!("1.9.2-{here}")
            ]
        );
        assert!(folders(&cache.path().join("nothing")).is_empty());
    }

    #[test]
    fn the_cache_is_where_devstack_has_it() {
        let with = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> = set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.into()))
                .collect();
            cache(move |name| set.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()))
        };
        let home = ("HOME", "/home/ada");
        assert_eq!(with(&[home]), Some("/home/ada/.cache/cortex".into()));
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "/x")]), Some("/x/cortex".into()));
        assert_eq!(
            with(&[home, ("XDG_CACHE_HOME", "/x"), ("CORTEX_CACHE", "/c")]),
            Some("/c".into())
        );
        assert_eq!(
            with(&[home, ("CORTEX_CACHE", "")]),
            Some("/home/ada/.cache/cortex".into())
        );
        assert_eq!(with(&[]), None);
    }
}
