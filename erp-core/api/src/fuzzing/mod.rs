//! What fuzzers call: each target takes any bytes, and panics where something is not as it must be.
//!
//! `fuzz/` hands them to libFuzzer, and `tests/tests/fuzz.rs` to what it makes of the seeds in `fuzz/seeds`.

mod files;
mod requests;
mod values;

/// Every target by its name, which is that of its binary in `fuzz/` and of the folder of its seeds.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("online_retail", files::online_retail),
    ("csv", files::csv),
    ("json", files::json),
    ("parquet", files::parquet),
    ("import", requests::import),
    ("batch", requests::batch),
    ("decimal", values::decimal),
    ("cursor", values::cursor),
];

/// # Panics
/// Where there is no target of that name, or where it finds something.
pub fn run(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.expect("the name of a target");
    run(bytes);
}
