//! What holds the house together, checked instead of remembered: crate edges, big dependencies, file length, and that
//! each crate says what it is for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of our crates each crate may import, besides `cortex-types`. Dependencies point inward: no core crate imports
/// an adapter. `cortex` (the binary), `cortex-tests` and `cortex-bench` may import everything.
const EDGES: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("runtime", &[]),
    ("security", &["runtime"]),
    ("store", &["runtime", "security"]),
    ("lake", &[]),
    ("lake-delta", &["lake"]),
    ("proto", &[]),
    ("erp", &["security", "runtime"]),
    ("erp-store", &["erp", "store", "security", "runtime"]),
    ("erp-api", &["erp", "proto", "security", "runtime"]),
    ("erp-advisor", &["erp", "proto", "security", "runtime"]),
    ("ingest", &["lake"]),
    ("ingest-sqlite", &["ingest", "store", "lake"]),
    ("ingest-postgres", &["ingest", "lake"]),
    ("features", &["lake"]),
    ("features-online", &["features", "lake"]),
    ("features-api", &["features", "proto", "security", "runtime"]),
    ("registry", &["security", "lake", "checks"]),
    ("checks", &[]),
    ("registry-store", &["registry", "store", "security", "runtime"]),
    ("registry-api", &["registry", "proto", "security", "runtime"]),
    ("training", &["features", "registry", "checks", "lake"]),
    ("trainers", &["training", "features", "registry", "checks", "lake"]),
    // lake: only the in-memory ports of its `memory` feature
    ("serving", &["features", "registry", "lake"]),
    ("serving-onnx", &["serving", "registry"]),
    (
        "serving-api",
        &["serving", "proto", "security", "runtime", "registry", "features"],
    ),
    ("serving-batch", &["serving", "lake", "features", "registry"]),
    ("experience", &["lake", "checks"]),
    ("experience-store", &["experience", "store", "security", "runtime"]),
    ("experience-log", &["experience", "serving", "features"]),
    ("experience-api", &["experience", "proto", "security", "runtime"]),
];

/// One crate names each big dependency, so that replacing it touches one folder.
const ONLY_HERE: &[(&str, &[&str])] = &[
    (
        "sqlx",
        &[
            "store",
            "erp-store",
            "ingest-sqlite",
            "registry-store",
            "experience-store",
        ],
    ),
    ("deltalake", &["lake-delta"]),
    ("deltalake-core", &["lake-delta"]),
    ("object_store", &["lake-delta"]),
    ("ort", &["serving-onnx"]),
    ("candle-core", &["trainers"]),
    ("candle-nn", &["trainers"]),
    ("perpetual", &["trainers"]),
    ("redb", &["features-online"]),
    ("postgres-protocol", &["ingest-postgres"]),
    ("figment", &["runtime"]),
];

const LINES_MAX: usize = 400;

struct Package {
    /// Without the `cortex-` prefix.
    name: String,
    folder: PathBuf,
    dependencies: Vec<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| Package {
            name: text(&package["name"]).trim_start_matches("cortex-").to_owned(),
            folder: Path::new(&text(&package["manifest_path"]))
                .parent()
                .expect("a folder")
                .to_owned(),
            dependencies: package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        })
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for package in packages() {
        rust_files(&package.folder.join("src"), &mut found);
    }
    found
}

#[test]
fn crates_import_only_what_the_plan_allows() {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages() {
        if ["cortex", "tests", "bench"].contains(&package.name.as_str()) {
            continue;
        }
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            wrong.push(format!(
                "{} is in no row of the plan: add it there, with what it may import",
                package.name
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter_map(|name| name.strip_prefix("cortex-"))
        {
            if dependency != "types" && !allowed.contains(&dependency) {
                wrong.push(format!("{} must not import {dependency}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_big_dependency_is_named_by_one_kind_of_crate() {
    let mut wrong = Vec::new();
    for package in packages() {
        for (dependency, crates) in ONLY_HERE {
            let exempt = package.name == "tests" || package.name == "bench" || crates.contains(&package.name.as_str());
            if !exempt && package.dependencies.iter().any(|name| name == dependency) {
                wrong.push(format!(
                    "{} must not name {dependency}: only {} may",
                    package.name,
                    crates.join(", ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_opens_by_saying_what_it_is_for() {
    let silent: Vec<String> = packages()
        .iter()
        .flat_map(|package| ["src/lib.rs", "src/main.rs"].map(|file| package.folder.join(file)))
        .filter(|file| file.exists())
        .filter(|file| {
            !std::fs::read_to_string(file)
                .expect("a readable file")
                .starts_with("//!")
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "these do not open with `//!`:\n{}",
        silent.join("\n")
    );
}

#[test]
fn no_file_is_longer_than_one_concept() {
    let long: Vec<String> = sources()
        .iter()
        .map(|file| {
            (
                file,
                std::fs::read_to_string(file).expect("a readable file").lines().count(),
            )
        })
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(
        long.is_empty(),
        "more than {LINES_MAX} lines; which two concepts live in each?\n{}",
        long.join("\n")
    );
}

#[test]
fn nothing_unfinished_is_reachable() {
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
    ];
    let unfinished: Vec<String> = sources()
        .iter()
        .filter(|file| {
            let text = std::fs::read_to_string(file).expect("a readable file");
            marks.iter().any(|mark| text.contains(mark))
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(unfinished.is_empty(), "{}", unfinished.join("\n"));
}
